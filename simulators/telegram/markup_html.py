"""HTML as the Bot API understands it: a handful of tags, everything else is an error."""

import html
import re

from simulators.telegram.growing import Growing, bytes_before, unparsable
from simulators.telegram.params import Json
from simulators.telegram.text import link

KINDS = {
    "a": "text_link",
    "b": "bold",
    "blockquote": "blockquote",
    "code": "code",
    "del": "strikethrough",
    "em": "italic",
    "i": "italic",
    "ins": "underline",
    "pre": "pre",
    "s": "strikethrough",
    "span": "spoiler",
    "strike": "strikethrough",
    "strong": "bold",
    "tg-spoiler": "spoiler",
    "u": "underline",
}
_CHARACTER = re.compile(r"&(?:lt|gt|amp|quot|#\d{1,7}|#x[0-9a-f]{1,6});", re.I)
_TAG = re.compile(r"<(/?)([^\s>]*)([^>]*)>")
_ATTRIBUTE = re.compile(r"""([a-z-]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s>]+))?""", re.I)


def parse(raw: str) -> tuple[str, list[Json]]:
    """Text and entities of an HTML text."""
    growing = Growing()
    index = 0
    while index < len(raw):
        if (known := _CHARACTER.match(raw, index)) is not None:
            growing.write(html.unescape(known.group()))
            index = known.end()
        elif raw[index] != "<":
            growing.write(raw[index])
            index += 1
        else:
            index = _tag(growing, raw, index)
    if growing.top is not None:
        raise unparsable(f'Can\'t find end tag corresponding to start tag "{growing.top.mark}"')
    return growing.result()


def _tag(growing: Growing, raw: str, index: int) -> int:
    """Reads a tag; the answer is where the text goes on."""
    place = bytes_before(raw, index)
    match = _TAG.match(raw, index)
    if match is None:
        raise unparsable(f"Unclosed start tag at byte offset {place}")
    is_end, name, rest = match.group(1), match.group(2).lower(), match.group(3)
    if is_end:
        _close(growing, name, place)
        return match.end()
    if name not in KINDS:
        raise unparsable(f'Unsupported start tag "{name}" at byte offset {place}')
    attributes = {key.lower(): html.unescape(value.strip("\"'")) for key, value in _ATTRIBUTE.findall(rest)}
    _open(growing, name, place, attributes)
    return match.end()


def _open(growing: Growing, name: str, place: int, attributes: dict[str, str]) -> None:
    kind = KINDS[name]
    more: Json = {}
    language = attributes.get("class", "").removeprefix("language-")
    if name == "span" and attributes.get("class") != "tg-spoiler":
        raise unparsable(f'Tag "span" must have class "tg-spoiler" at byte offset {place}')
    if name == "blockquote" and "expandable" in attributes:
        kind = "expandable_blockquote"
    outer = growing.top
    if name == "code" and outer is not None and outer.kind == "pre":
        kind = ""
        if language and outer.start == growing.length:
            outer.more["language"] = language
    if name == "a":
        more["url"] = attributes.get("href", "")
    growing.begin(name, kind, place, **more)


def _close(growing: Growing, name: str, place: int) -> None:
    opened = growing.top
    if opened is None:
        raise unparsable(f"Unexpected end tag at byte offset {place}")
    if name and name != opened.mark:
        raise unparsable(f'Unmatched end tag at byte offset {place}, expected "</{opened.mark}>", found "</{name}>"')
    if opened.mark == "a":
        url = link(opened.more.pop("url") or growing.since(opened))
        opened.kind = "text_link" if url else ""
        return growing.end(url=url)
    return growing.end()
