"""Text as Slack keeps it: what people type, Markdown turned into mrkdwn, and which words ring a bell."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

BROADCASTS = ("channel", "here", "everyone")
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.S)
_TYPED = re.compile(r"<[@#!][^<>\s][^<>]*>|https?://[^\s<>|]+|(?<![A-Za-z0-9_])@[\w.\-]+")
_BROADCAST = re.compile(r"<!(channel|here|everyone|subteam\^\w+)(?:\|[^>]*)?>")
_USER = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_BARE = re.compile(r"(?<![\w<])@(channel|here|everyone)\b")
_LINK = re.compile(r"!?\[([^\]\n]*)\]\(([^()\s]+(?:\([^()\s]*\)[^()\s]*)*)\)")


def escape(text: str) -> str:
    """The three characters that Slack encodes."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _outside_code(text: str, change: Callable[[str], str], code: Callable[[str], str] = str) -> str:
    parts = _CODE.split(text)
    return "".join(code(part) if index % 2 else change(part) for index, part in enumerate(parts))


def typed(text: str, names: Mapping[str, str]) -> str:
    """What Slack stores when a person types this: tokens kept, `@name` resolved, links wrapped, the rest escaped."""

    def token(found: re.Match[str]) -> str:
        word = found.group()
        if word.startswith("<"):
            return word
        if word.startswith("http"):
            return f"<{escape(word)}>"
        known = [name for name in (*names, *BROADCASTS) if re.match(re.escape(name) + r"(?![A-Za-z0-9_])", word[1:])]
        name = max(known, key=len, default="")
        if not name:
            return word
        return (f"<!{name}>" if name in BROADCASTS else f"<@{names[name]}>") + word[1 + len(name) :]

    def plain(part: str) -> str:
        out, end = [], 0
        for found in _TYPED.finditer(part):
            out += [escape(part[end : found.start()]), token(found)]
            end = found.end()
        return "".join([*out, escape(part[end:])])

    return _outside_code(text, plain, escape)


def mrkdwn(markdown: str) -> str:
    """Slack's own markup for the usual Markdown: bold, italic, strike, links, headings, bullets."""

    def plain(part: str) -> str:
        part = _LINK.sub(r"<\2|\1>", part)
        part = re.sub(r"(?m)^#{1,6} +(.+?) *#*$", "\x01\\1\x01", part)
        part = re.sub(r"\*\*(.+?)\*\*|__(.+?)__", lambda m: f"\x01{m.group(1) or m.group(2)}\x01", part, flags=re.S)
        part = re.sub(r"(?m)^(\s*)[*+-] +", "\\1• ", part)
        part = re.sub(r"(?<![\w*])\*([^*\s](?:[^*\n]*[^*\s])?)\*(?![\w*])", r"_\1_", part)
        part = re.sub(r"~~(.+?)~~", r"~\1~", part)
        return part.replace("\x01\x01", "\x01").replace("\x01", "*")

    return _outside_code(markdown, plain)


def pings(sinks: Mapping[str, Any], *, code: bool = True) -> dict[str, list[str]]:
    """Whom a message notifies: `broadcast` words and `users`, from its text, blocks and attachments."""
    texts = [str(sinks[name]) for name in ("text", "markdown_text") if sinks.get(name)]
    broadcast: list[str] = []
    users: list[str] = []
    for kind, value in _live((sinks.get("blocks") or []) + (sinks.get("attachments") or [])):
        (texts if kind == "text" else users if kind == "user" else broadcast).append(value)
    for text in texts:
        seen = text if code else _CODE.sub("", text)
        broadcast += _BROADCAST.findall(seen)
        users += _USER.findall(seen)
    if sinks.get("link_names") in (True, 1, "1", "true") or sinks.get("parse") == "full":
        broadcast += _BARE.findall(str(sinks.get("text") or ""))
    return {"broadcast": list(dict.fromkeys(broadcast)), "users": list(dict.fromkeys(users))}


def _live(node: Any) -> Iterator[tuple[str, str]]:
    """Every string inside blocks and attachments in which tokens are live, and rich text mentions."""
    if isinstance(node, list):
        for item in node:
            yield from _live(item)
    elif isinstance(node, dict):
        kind = node.get("type")
        if kind in ("mrkdwn", "markdown"):
            yield "text", str(node.get("text", ""))
        elif kind == "user":
            yield "user", str(node.get("user_id", ""))
        elif kind == "broadcast":
            yield "broadcast", str(node.get("range", ""))
        elif kind is None:
            yield from (("text", str(node[name])) for name in ("text", "pretext") if isinstance(node.get(name), str))
        for value in node.values():
            if isinstance(value, dict | list):
                yield from _live(value)
