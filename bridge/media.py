"""Which pictures and files an answer brings along."""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

from bridge import blocks
from bridge.model import Attachment, Kind

MOST = 10
"""Of one answer; the others stay links."""
LONGEST_URL = 4_000
"""Characters; addresses that are signed are long."""

_IMAGE = re.compile(
    r"\\."
    r"|(?<!`)(?P<ticks>`++).*?(?<!`)(?P=ticks)(?!`)"
    r"|!\[(?P<alt>(?:[^\[\]\\]|\\.|\[[^\[\]]*+\])*+)\]\(\s*"
    r"(?:<(?P<pointed>[^<>\n]++)>|(?P<target>(?:[^()\s<>\\]|\\.|\((?:[^()\s<>\\]|\\.)*+\))++))"
    r"(?:\s+(?:\"[^\"]*+\"|'[^']*+'))?\s*\)",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\([^\w\s])")
_WEB = re.compile(r"https?://[^\s\x00-\x1f\x7f]+", re.IGNORECASE)


def attachments(text: str, found: Iterable[Attachment]) -> list[Attachment]:
    """The pictures in that Markdown and what was `found` beside it, each address once, in the order of the text."""
    places: dict[str, tuple[int, Attachment]] = {}
    for at, picture in _pictures(text):
        places.setdefault(picture.url, (at, picture))
    for other in found:
        at = text.find(other.url)
        # What Coze says of it is more than that it stands there as a picture.
        at, _ = places.get(other.url, (at if at >= 0 else len(text), other))
        places[other.url] = (at, other)
    inside = [(at, one) for at, one in places.values() if _WEB.fullmatch(one.url) and len(one.url) <= LONGEST_URL]
    return [one for _, one in sorted(inside, key=lambda place: place[0])][:MOST]


def _pictures(text: str) -> Iterator[tuple[int, Attachment]]:
    """Markdown images outside of code, and where they stand."""
    if "![" not in text:
        return
    for start, stop in _stretches(text):
        for image in _IMAGE.finditer(text, start, stop):
            target = image["pointed"] or image["target"]
            if target is not None:
                url = _ESCAPED.sub(r"\1", target).replace("&amp;", "&")
                name = " ".join(_ESCAPED.sub(r"\1", image["alt"]).split())
                yield image.start(), Attachment(kind=Kind.PICTURE, name=name or named(url), url=url)


def _stretches(text: str) -> Iterator[tuple[int, int]]:
    """Stretches of lines without blank lines and fenced code: inline markup does not leave them."""
    begin = end = -1
    for line in blocks.scan(text):
        body = text[line.lead : line.stop]
        if line.fence is not None or not body.strip() or blocks.FENCED.match(body):
            if begin >= 0:
                yield begin, end
            begin = -1
            continue
        begin, end = (line.start if begin < 0 else begin), line.stop
    if begin >= 0:
        yield begin, end


def named(url: str) -> str:
    """The name of the file in that address; may be empty."""
    try:
        return unquote(urlsplit(url).path).rpartition("/")[2]
    except ValueError:
        return ""
