"""What must hold for every beginning of every document; TDLib, Telegram's own client library, has the last word."""

import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from adapters.slack import markup as slack
from adapters.telegram import markup as telegram
from adapters.telegram.markup import Rendered
from bridge.heal import heal
from bridge.markup import Growing, Piece, pieces, render, split

try:
    import tdjson
except ImportError:  # no wheel for this Python, or for this machine
    tdjson = None

KINDS = {
    "bold": "Bold", "italic": "Italic", "strikethrough": "Strikethrough", "code": "Code", "pre": "Pre",
    "text_link": "TextUrl", "blockquote": "BlockQuote", "expandable_blockquote": "ExpandableBlockQuote",
}  # fmt: skip
LIVE = re.compile(r"(?:<|&#60;)(?:[!@#][A-Za-z0-9]|[A-Za-z][A-Za-z0-9+.\-]*:)")
"""What Slack takes for a token of its own, or might after decoding an entity."""
_SIGNS = str.maketrans(dict.fromkeys("*_~|`[]", "x"))
"""TDLib would read them as its own Markdown, so that it gets others in their place: only the places count."""
_DRAWN = re.compile(r"[\s|+-]+")
"""What the columns of a table are made of."""

if tdjson:
    tdjson.td_execute(b'{"@type":"setLogVerbosityLevel","new_verbosity_level":0}')


def judged(shown: Rendered) -> int:
    """Fails if Telegram would refuse or change it; returns how many entities it makes of it, 0 without TDLib."""
    in_bounds(shown)
    if tdjson is None:
        return 0
    asked = {
        "@type": "parseMarkdown",
        "text": {
            "@type": "formattedText",
            "text": shown.text.translate(_SIGNS),
            "entities": [{"@type": "textEntity", **_asked(entity)} for entity in shown.entities],
        },
    }
    said = json.loads(tdjson.td_execute(json.dumps(asked).encode()))
    assert said["@type"] == "formattedText", (said, shown)
    assert said["text"] == shown.text.translate(_SIGNS), (said["text"], shown.text)
    ours = _covered((KINDS[e["type"]] + e.get("language", ""), e["offset"], e["length"]) for e in shown.entities)
    theirs = _covered((_kind(e["type"]), e["offset"], e["length"]) for e in said["entities"])
    assert ours == theirs, (ours, theirs, shown)
    assert len(said["entities"]) <= max(shown.weight, len(shown.entities)), (said, shown)
    return len(said["entities"])


def _asked(entity: dict[str, Any]) -> dict[str, Any]:
    kind: dict[str, Any] = {"@type": f"textEntityType{KINDS[entity['type']]}"}
    if entity["type"] == "text_link":
        kind["url"] = entity["url"]
    if "language" in entity:
        kind = {"@type": "textEntityTypePreCode", "language": entity["language"]}
    return {"offset": entity["offset"], "length": entity["length"], "type": kind}


def _kind(kind: dict[str, Any]) -> str:
    name = kind["@type"].removeprefix("textEntityType")
    return f"Pre{kind['language']}" if name == "PreCode" else str(name)


def _covered(entities: Iterator[tuple[str, int, int]]) -> dict[str, list[list[int]]]:
    """What is covered by each kind; neighbours count as one."""
    found: dict[str, list[list[int]]] = {}
    for kind, offset, length in sorted(entities):
        spans = found.setdefault(kind, [])
        if spans and offset <= spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], offset + length)
        else:
            spans.append([offset, offset + length])
    return found


def in_bounds(shown: Rendered) -> None:
    """Text and entities are such as Telegram takes."""
    units = shown.text.encode("utf-16-le")
    assert 0 < len(units) // 2 <= telegram.LONGEST_TEXT
    assert shown.text == shown.text.strip()
    assert len(shown.entities) <= shown.weight <= telegram.MOST_ENTITIES
    places = [(entity["offset"], -entity["length"]) for entity in shown.entities]
    assert places == sorted(places)
    for entity in shown.entities:
        start, end = entity["offset"], entity["offset"] + entity["length"]
        assert 0 <= start < end <= len(units) // 2
        part = units[2 * start : 2 * end].decode("utf-16-le")  # raises if a surrogate pair is cut
        assert part.strip(), (entity, shown)


# ---- one document ----------------------------------------------------------------------------------------------


def small(page: str) -> float:
    """Telegram's measure, for messages an eighth as long: so that short documents have pages."""
    if len(page) > telegram.FAR_TOO_LONG:
        return telegram.fill(page) * 8
    shown = telegram.render(page)
    length = telegram.utf16_length(shown.text) + shown.spare
    return max(length * 8 / telegram.LONGEST_TEXT, shown.weight / telegram.MOST_ENTITIES)


def document_holds(text: str, fill: Callable[[str], float], *, calm: bool, step: int = 1) -> int:
    """Checks the whole of it and every beginning (every `step`th); returns how many beginnings."""
    whole = split(text, fill)
    shown = [telegram.render(page) for page in whole]
    for page in shown:
        judged(page)
    assert "".join(joined(text, pieces(text, fill))).split() == text.split()
    assert not LIVE.search(slack.render(text))
    growing, count = Growing(fill), 0
    for length in range(1, len(text) + 1, step):
        pages = growing.split(text[:length])
        # Of the small pages a row of a table is more than what is kept in reserve for one that turns out to be none.
        assert (fill is small and "|" in text) or pages[:-1] == whole[: max(len(pages) - 1, 0)], text[:length]
        if pages:
            known = calm and len(pages) <= len(shown)
            preview_holds(pages[-1], shown[len(pages) - 1] if known else None, last=len(pages) == len(whole))
        count += 1
    return count


def preview_holds(page: str, whole: Rendered | None, *, last: bool) -> None:
    """The last page of a beginning, healed; `whole`: what becomes of it, if that is known."""
    healed = heal(page)
    if not healed.strip():
        return
    preview = telegram.render(healed)
    judged(preview)
    slacks = slack.render(healed)
    assert not LIVE.search(slacks)
    assert len(slacks) <= 12_000
    if whole:
        grows(page, preview, whole, last=last)


def grows(page: str, preview: Rendered, whole: Rendered, *, last: bool) -> None:
    """What is seen is the beginning of what will be seen; of a table that still grows, up to its columns.

    A page that gets full may lose its end to the next one.
    """
    if whole.text.startswith(preview.text) or (not last and preview.text.startswith(whole.text)):
        return
    if not last and "|" in page:
        return  # the page ends in a table, of which fewer rows may be narrow enough for columns
    ours, theirs = _DRAWN.sub("", preview.text), _DRAWN.sub("", whole.text)
    if theirs.startswith(ours):
        return
    assert any("|" in line for line in page.rsplit("\n", 2)[-2:]), (page, preview.text, whole.text)


def joined(text: str, found: list[Piece]) -> Iterator[str]:
    """The text put together again from the pages, without what the cuts added."""
    stop = 0
    for piece in found:
        page = render(text, piece)
        assert page.startswith(piece.opening)
        assert page.endswith(piece.closing)
        yield text[stop : piece.start]
        yield page[len(piece.opening) : len(page) - len(piece.closing)]
        stop = piece.stop
    for left, right in pairwise(found):
        gap = text[left.stop : right.start]
        assert not gap.strip() or re.fullmatch(r"\s*(?:[> \t]*)(?:`{3,}|~{3,})\s*", gap), gap
    yield text[stop:]
