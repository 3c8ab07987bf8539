"""Markdown as Coze writes it, made safe for Slack's `markdown_text`: it looks the same and can notify nobody.

In `markdown_text` Slack still acts on its own tokens: `<!channel>`, `<@U…>`, `<#C…>`, `<url|label>`. Each of them
begins with `<`, so outside code every `<` is escaped, whatever follows: no token can hide in a label, a table or a
split. Inside code, where the escape might show, a token is broken in another way. What is code, we and Slack may see
differently: that costs looks only, a token is dead in both cases.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

MOST_UNITS = 11_000
"""UTF-16 units of one message. Slack takes 12,000 characters of `markdown_text`; what it counts as a character, it does
not say, so we count as JavaScript does and stay below."""
MOST_STREAMED = 9_000
"""UTF-8 bytes of one stream. Slack refuses more than some 10,600 as `msg_too_long` (openclaw issue 143882)."""
MOST_PLAIN = 4_000
"""Characters of `text` that `chat.update` takes; `chat.postMessage` takes more, but then no edit could follow."""
MOST_SECTION = 3_000
"""Characters of the text of one section block."""

_FENCED = re.compile(
    r"^[ \t>]*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]++)?(?P<fence>`{3,}+(?=[^`\n]*$)|~{3,}+)[^\n]*$"
    r".*?(?:^[ \t>]*+(?P=fence)[`~]*+[ \t]*$|\Z)",
    re.M | re.S,
)
_LABEL = r"(?P<label>(?:[^\[\]\\\n]|\\.|\[[^\[\]\n]*+\])*+)"
_TARGET = r"(?:<(?P<pointed>[^<>\n]*+)>|(?P<target>(?:[^()\s<>\\]|\\.|\((?:[^()\s<>\\]|\\.)*+\))++))"
_INLINE = re.compile(
    r"[`\\!\[<&](?:"
    r"(?P<code>(?<=`)(?<!``)(?P<ticks>`*+)"
    r"(?:[^`\n]|\n(?!\s*\n)|(?!(?<!`)`(?P=ticks)(?!`))`)++`(?P=ticks)(?!`))"
    r"|(?<=\\)(?P<escaped>[^&])"
    rf"|(?:(?P<image>(?<=!)\[)|(?<=\[)){_LABEL}\]\([ \t]*"
    rf"{_TARGET}(?P<title>[ \t]++(?:\"[^\"\n]*+\"|'[^'\n]*+'))?[ \t]*\)"
    r"|(?<=<)(?P<auto>[A-Za-z][A-Za-z0-9+.\-]*:[^<>|\s]*+|[\w.+\-]++@[\w\-]++(?:\.[\w\-]++)++)>"
    r"|(?P<less>(?<=<)|(?<=&)#(?:0*60|[xX]0*3[cC]);)"
    r")"
)
"""Its first character is a set, so that ordinary text is skipped at the speed of a search."""
_REFERENCE = re.compile(r"^( {0,3}\[[^\]\n]++\]:[ \t]*+)<((?:https?|mailto):[^<>|\s]++)>", re.M)
_SAFE = re.compile(r"(?:https?|mailto):", re.I)
_TOKEN = re.compile(
    r"(?:<|&#(?:0*60|[xX]0*3[cC]);)"
    r"(?=\Z|[!@#]\Z|!(?!doctype\b)[a-z]|[@#](?:[A-Z0-9]\Z|[A-Z0-9]{2})|[A-Za-z][A-Za-z0-9+.\-]*+(?::|\Z))"
)
"""Where a token of Slack's begins; at the end of a text, also where one might."""
_LESS = re.compile(r"<|&#(?:0*60|[xX]0*3[cC]);")
_QUIET = re.compile(r"<|&#|\]\(")
ZERO_WIDTH_SPACE = "\u200b"


def render(markdown: str) -> str:
    """The Markdown to hand to Slack.

    Links keep their form if they lead to the web or to a mail address, else their target is shown as text; pictures
    become links; everything else but `<` stays as it is, `&` too, since Slack does not decode entities in targets.
    """
    if not _QUIET.search(markdown):
        return markdown
    return "".join(_code(text) if code else _prose(text) for code, text in _parts(markdown))


def fill(markdown: str, simpler: int = 0) -> float:  # noqa: ARG001 - the plain form is never longer
    """How full this makes one message: 1.0 is the most that we put in."""
    return _units(render(markdown)) / MOST_UNITS


def stream_fill(markdown: str, simpler: int = 0) -> float:  # noqa: ARG001 - as above
    """The same of a message that is streamed; since nobody knows beforehand which will be, all get as small."""
    rendered = render(markdown)
    return max(_units(rendered) / MOST_UNITS, len(rendered.encode(errors="surrogatepass")) / MOST_STREAMED)


def escape(text: str) -> str:
    """Plain text for a field in which Slack's own markup counts."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def sections(text: str) -> list[str]:
    """Plain text in pieces that each fit a section block, cut after a line's end where there is one."""
    pieces = []
    while len(text) > MOST_SECTION:
        cut = text.rfind("\n", MOST_SECTION // 2, MOST_SECTION) + 1 or MOST_SECTION
        pieces.append(text[:cut])
        text = text[cut:]
    return [*pieces, text]


def _parts(markdown: str) -> Iterator[tuple[bool, str]]:
    """The text cut into fenced code (True) and the rest; an open fence reaches to the end."""
    end = 0
    for fenced in _FENCED.finditer(markdown):
        yield False, markdown[end : fenced.start()]
        yield True, fenced.group()
        end = fenced.end()
    yield False, markdown[end:]


def _code(text: str) -> str:
    """Code stays exact, so that it can be copied, but for what Slack might take for a token of its own.

    `&lt;` may be shown as these four characters in code, so an invisible character breaks the token instead. It hits
    none of `List<String>`, `a < b`, `</div>`, `<!DOCTYPE html>`, `<!-- -->`, `#include <stdio.h>`.
    """
    return _TOKEN.sub(rf"\g<0>{ZERO_WIDTH_SPACE}", text)


def _prose(text: str) -> str:
    if "<" in text:
        text = _REFERENCE.sub(r"\1\2", text)
    return _INLINE.sub(_inline, text)


def _inline(found: re.Match[str]) -> str:
    if found["code"] is not None:
        return _code(found.group())
    if escaped := found["escaped"]:
        return "&lt;" if escaped == "<" else found.group()
    if found["less"] is not None:
        return "&lt;"
    if auto := found["auto"]:
        return _link(_bare(auto), auto if ":" in auto else f"mailto:{auto}", "")
    label, target = found["label"], found["target"] if found["target"] is not None else found["pointed"]
    if found["image"] and not label.strip():
        label = _name(target)
    return _link(_INLINE.sub(_inline, label), target, found["title"] or "")


def _link(label: str, target: str, title: str) -> str:
    """A link, unless it leads elsewhere than to the web or a mail address. The label is rendered, the rest is raw."""
    title = _LESS.sub("&lt;", title)
    if _SAFE.match(target):
        if "(" in target.replace("\\(", "") and target.count("(") != target.count(")"):
            target = target.replace("(", "%28").replace(")", "%29")
        target = _LESS.sub("%3C", target).replace(" ", "%20").replace(">", "%3E")
        return f"[{label or _bare(target)}]({target}{title})"
    shown = _LESS.sub("&lt;", target)
    return f"{label} ({shown})" if shown and shown != label else label


def _bare(url: str) -> str:
    """An address as the label of its own link."""
    return _LESS.sub("%3C", url).replace("[", "%5B").replace("]", "%5D")


def _name(url: str) -> str:
    """What to call a picture without a name: its file, else its host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "…"
    return _bare(parts.path.rpartition("/")[2] or parts.netloc or "…")


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
