"""What Slack's own markup in an incoming text stands for, told in plain words."""

import re
from collections.abc import Iterator
from typing import Any

_TOKEN = re.compile(r"<([^<>]*)>")
_SCHEME = re.compile(r"^(?:https?://|mailto:|tel:)", re.I)


def plain(text: str) -> str:
    """The text as its writer saw it: tokens first, then the three escapes, once and last."""
    text = _TOKEN.sub(lambda found: _said(found[1]), text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _said(token: str) -> str:
    """`@U1`, `#C1`, `!here` or an address, each perhaps with `|label`."""
    what, _, label = token.partition("|")
    if what.startswith("@"):
        return f"@{label or what[1:]}"
    if what.startswith("#"):
        return f"#{label or what[1:]}"
    if what.startswith("!"):
        return _special(what[1:], label)
    if not label or label == what or label == _SCHEME.sub("", what).rstrip("/"):
        return label or what
    return f"{label} ({what})"


def _special(what: str, label: str) -> str:
    name, _, rest = what.partition("^")
    if name == "date":
        return label or rest.partition("^")[2]
    if name == "subteam":
        return label if label.startswith("@") else f"@{label or rest}"
    return f"@{name}" if name in ("here", "channel", "everyone") else label or f"@{name}"


def mention(user: str) -> re.Pattern[str]:
    """Finds a mention of that user in a text as Slack sends it."""
    return re.compile(rf"<@{re.escape(user)}(?:\|[^<>]*)?>")


def without_mention(text: str, user: str, name: str) -> str:
    """The text without its mentions of that user: those at its start, at its end and standing alone.

    One that is part of a sentence stays readable, by the user's name.
    """
    found = mention(user).pattern
    text = re.sub(rf"^(?:\s*{found}[\s,:，：]*)+|(?:\s*{found})+\s*$", "", text)
    text = re.sub(rf"(?<!\S){found}(?!\S)[ \t]?", "", text)
    return re.sub(found, lambda _: f"@{name}", text).strip()


def from_blocks(blocks: object) -> str:
    """The text of rich text and tables, escaped as Slack escapes `text`; empty if there is none."""
    parts = [_block(block) for block in _dicts(blocks)]
    return "\n".join(part for part in parts if part).strip()


def _block(block: dict[str, Any]) -> str:
    match block.get("type"):
        case "rich_text":
            return "\n".join(_rich(block.get("elements")))
        case "table":
            rows = block.get("rows")
            return "\n".join(_row(row) for row in rows if isinstance(row, list)) if isinstance(rows, list) else ""
    return ""


def _row(cells: list[Any]) -> str:
    return "\t".join(_escape(cell.get("text")) or _block(cell).replace("\n", " ") for cell in _dicts(cells))


def _rich(elements: object) -> Iterator[str]:
    """One string per paragraph-like element."""
    for element in _dicts(elements):
        inside = element.get("elements")
        match element.get("type"):
            case "rich_text_list":
                ordered = element.get("style") == "ordered"
                for number, item in enumerate(_rich(inside), int(element.get("offset") or 0) + 1):
                    yield f"{number}. {item}" if ordered else f"- {item}"
            case "rich_text_preformatted":
                yield f"```\n{_words(inside)}\n```"
            case "rich_text_quote":
                yield "\n".join(f"&gt; {line}" for line in _words(inside).splitlines())
            case "rich_text_section":
                yield _words(inside).strip("\n")


def _words(elements: object) -> str:
    return "".join(_word(element) for element in _dicts(elements))


def _word(element: dict[str, Any]) -> str:
    text = _escape(element.get("text"))
    match element.get("type"):
        case "link":
            return f"<{_escape(element.get('url'))}|{text}>" if text else f"<{_escape(element.get('url'))}>"
        case "user":
            return f"<@{_escape(element.get('user_id'))}>"
        case "usergroup":
            return f"<!subteam^{_escape(element.get('usergroup_id'))}>"
        case "channel":
            return f"<#{_escape(element.get('channel_id'))}>"
        case "broadcast":
            return f"<!{_escape(element.get('range'))}>"
        case "emoji":
            return f":{_escape(element.get('name'))}:"
        case "date":
            return _escape(element.get("fallback"))
    return text


def _escape(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _dicts(value: object) -> Iterator[dict[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())
