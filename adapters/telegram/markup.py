"""Markdown → what Telegram shows: plain text, and entities that say how its parts look.

Entities instead of a parse mode: Telegram refuses a whole message for one character that is not escaped, entities it
never refuses.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any

from telegramify_markdown import RenderConfig, convert

from adapters.telegram.markdown import BREAK, FILLER
from adapters.telegram.mends import WEB, safe

LONGEST_TEXT = 4096
"""UTF-16 units. The server counts code points (tdlib/telegram-bot-api 10.0); this is the safe side of it."""
MOST_ENTITIES = 100
"""Telegram ignores those behind (PTB, MessageLimit.MESSAGE_ENTITIES)."""
FAR_TOO_LONG = 8 * LONGEST_TEXT
"""Markdown of which no conversion is needed to know that it fills more than one message."""
NOT_FOR_TEXT = str.maketrans(dict.fromkeys(("\0", FILLER, BREAK), "\ufffd"))
LIBRARY_FAILS = (ValueError, TypeError, LookupError, RuntimeError, AttributeError, AssertionError)
NOT_NESTED = frozenset(("blockquote", "expandable_blockquote", "text_link", "bold", "italic", "strikethrough"))
LANGUAGE = re.compile(r"[\w+#.-]+")


@dataclass(frozen=True, slots=True)
class Rendered:
    """What to send; entities as in the Bot API, in order, offsets in UTF-16 units."""

    text: str
    entities: tuple[dict[str, Any], ...] = ()


@dataclass(slots=True)
class Mark:
    """An entity, with its place in characters."""

    start: int
    end: int
    kind: str
    url: str = ""
    language: str = ""


def _neutral() -> RenderConfig:
    """No decoration of the library's own."""
    config = RenderConfig.isolated()
    symbol = config.markdown_symbol
    symbol.heading_level_1 = symbol.heading_level_2 = symbol.heading_level_3 = symbol.heading_level_4 = ""
    symbol.image = symbol.link = ""
    symbol.unordered_list_item = "•"
    symbol.horizontal_rule = "———"
    symbol.task_uncompleted, symbol.task_completed = "☐", "☑"
    config.cite_expandable = False
    return config


CONFIG = _neutral()


@lru_cache(maxsize=64)
def render(markdown: str, *, plain: bool = False) -> Rendered:
    """The text as Telegram shall show it; `plain`: as it stands, without entities, if it fits into one message."""
    markdown = markdown.translate(NOT_FOR_TEXT).encode("utf-8", "replace").decode()
    if len(markdown) > FAR_TOO_LONG or (plain and utf16_length(markdown.strip()) <= LONGEST_TEXT):
        return Rendered(markdown.strip())
    try:
        text, entities = convert(safe(markdown), latex_escape=False, config=CONFIG)
    except LIBRARY_FAILS:
        return Rendered(markdown.strip())
    places = _places(text)
    marks = [
        Mark(
            bisect_left(places, entity.offset),
            bisect_left(places, entity.offset + entity.length),
            entity.type,
            entity.url or "",
            entity.language or "",
        )
        for entity in entities
    ]
    text, marks = _without_fillers(text, marks)
    text, marks = _trimmed(text, _kept(text, marks))
    if not text:
        # Only marks of what is to come (`# `, an opening fence), which Telegram would refuse as empty.
        return Rendered(markdown.strip())
    return Rendered(text, () if plain else tuple(_entities(text, marks)))


@lru_cache(maxsize=4096)
def fill(markdown: str, simpler: int = 0) -> float:  # noqa: ARG001 - the plain form is never longer
    """How full this makes one message: 1.0 is full.

    Remembered, since a growing answer asks for its earlier pages again with every version.
    """
    if len(markdown) > FAR_TOO_LONG:
        return len(markdown) / LONGEST_TEXT
    rendered = render(markdown)
    return max(utf16_length(rendered.text) / LONGEST_TEXT, len(rendered.entities) / MOST_ENTITIES)


def utf16_length(text: str) -> int:
    """As Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def _places(text: str) -> range | list[int]:
    """The UTF-16 offset of each character, and of the end."""
    if not text or max(text) <= "\uffff":
        return range(len(text) + 1)
    return list(accumulate((2 if char > "\uffff" else 1 for char in text), initial=0))


def _without_fillers(text: str, marks: list[Mark]) -> tuple[str, list[Mark]]:
    """Takes out what was put in for the parser."""
    fillers = [found.start() for found in re.finditer(FILLER, text)]
    for mark in marks if fillers else ():
        mark.start -= bisect_left(fillers, mark.start)
        mark.end -= bisect_left(fillers, mark.end)
    return text.replace(FILLER, "").replace(BREAK, "\n"), marks


def _kept(text: str, marks: list[Mark]) -> list[Mark]:
    """The marks that Telegram would keep as well, in order, the outer before the inner."""
    kept: list[Mark] = []
    reached: dict[str, int] = {}
    for mark in marks:
        while mark.end > mark.start and text[mark.end - 1].isspace():
            mark.end -= 1
    # The library closes inner ones first: of two in one place the outer is behind.
    order = sorted(enumerate(marks), key=lambda item: (item[1].start, -item[1].end, -item[0]))
    for _, mark in order:
        if mark.kind == "underline" or (mark.kind == "text_link" and not WEB.match(mark.url)):
            continue  # of headings, which are bold already; and addresses that it refuses
        inside = mark.kind in NOT_NESTED and reached.get(mark.kind, 0) >= mark.end
        if mark.end > mark.start and not inside:
            kept.append(mark)
            reached[mark.kind] = mark.end
    return kept


def _trimmed(text: str, marks: list[Mark]) -> tuple[str, list[Mark]]:
    """Without the blanks around it, as Telegram takes them away itself."""
    lead = len(text) - len(text.lstrip())
    text = text.strip()
    for mark in marks:
        mark.start = min(max(mark.start - lead, 0), len(text))
        mark.end = min(max(mark.end - lead, 0), len(text))
    return text, [mark for mark in marks if mark.end > mark.start]


def _entities(text: str, marks: list[Mark]) -> list[dict[str, Any]]:
    places = _places(text)
    entities = []
    for mark in marks:
        offset = places[mark.start]
        entity: dict[str, Any] = {"type": mark.kind, "offset": offset, "length": places[mark.end] - offset}
        if mark.url:
            entity["url"] = mark.url
        if language := LANGUAGE.match(mark.language):
            entity["language"] = language[0]
        entities.append(entity)
    return entities
