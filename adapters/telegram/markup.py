"""Markdown → what Telegram shows: plain text, and entities that say how its parts look.

Entities instead of a parse mode: Telegram refuses a whole message for one character that is not escaped, entities it
never refuses.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any

from adapters.telegram.markdown import FILLER
from adapters.telegram.marks import Mark, kept, weight
from adapters.telegram.mends import safe
from adapters.telegram.walk import walk
from bridge.fold import MARK as FOLDED

LONGEST_TEXT = 4096
"""UTF-16 units. The server counts code points (tdlib/telegram-bot-api 10.0); this is the safe side of it."""
MOST_ENTITIES = 100
"""Telegram ignores those behind (PTB, MessageLimit.MESSAGE_ENTITIES)."""
FAR_TOO_LONG = 8 * LONGEST_TEXT
"""Markdown of which no conversion is needed to know that it fills more than one message."""
NOT_FOR_TEXT = re.compile(f"[\0{FILLER}\ud800-\udfff]")
UNSEEN = re.compile("[\r\u2028-\u202e]")
"""Telegram takes these out itself."""
CONTROLS = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f]")
"""And of these it makes blanks (asked of tdlib/td 1.8.69)."""
ODD = re.compile(f"[\0-\x08\x0b-\x1f{FILLER}\u2028-\u202e\ud800-\udfff]")
"""Any of them."""
LIBRARY_FAILS = (ValueError, TypeError, LookupError, RuntimeError, AttributeError, AssertionError)
LANGUAGE = re.compile(r"[\w+#.-]+")


@dataclass(frozen=True, slots=True)
class Rendered:
    """What to send; entities as in the Bot API, in order, offsets in UTF-16 units."""

    text: str
    entities: tuple[dict[str, Any], ...] = ()
    weight: int = 0
    """How many entities Telegram counts."""
    spare: int = 0
    """Characters that it must have room for, though it does not take it."""


@lru_cache(maxsize=64)
def render(markdown: str, *, plain: bool = False) -> Rendered:
    """The text as Telegram shall show it; `plain`: as it stands, without entities, if it fits into one message."""
    markdown = cleaned(markdown)
    if plain:
        markdown = markdown.replace(FOLDED, "")
    if len(markdown) > FAR_TOO_LONG or (plain and utf16_length(markdown.strip()) <= LONGEST_TEXT):
        return Rendered(markdown.strip())
    try:
        text, marks, spare = walk(safe(markdown))
    except LIBRARY_FAILS:
        return Rendered(markdown.strip())
    text, marks = _trimmed(text, kept(text, marks))
    if not text:
        # Only marks of what is to come (`# `, an opening fence), which Telegram would refuse as empty.
        return Rendered(markdown.strip())
    return Rendered(text) if plain else Rendered(text, tuple(_entities(text, marks)), weight(marks), spare)


def cleaned(markdown: str) -> str:
    """As Telegram would clean it, and without what no platform takes."""
    if ODD.search(markdown):
        markdown = UNSEEN.sub("", NOT_FOR_TEXT.sub("\ufffd", markdown.replace("\r\n", "\n")))
        markdown = CONTROLS.sub(" ", markdown)
    return markdown


def with_status(shown: Rendered, status: str, *, plain: bool) -> Rendered:
    """With that line below the text, in italics."""
    text = f"{shown.text}\n\n{status}".strip()
    length = utf16_length(status)
    entity = {"type": "italic", "offset": utf16_length(text) - length, "length": length}
    return Rendered(text, shown.entities if plain else (*shown.entities, entity))


@lru_cache(maxsize=256)
def fill(markdown: str, simpler: int = 0) -> float:  # noqa: ARG001 - the plain form is never longer
    """How full this makes one message: 1.0 is full.

    Remembered, since versions of an answer that differ only in what is held back ask for the same pages.
    """
    if len(markdown) > FAR_TOO_LONG:
        return len(markdown) / LONGEST_TEXT
    rendered = render(markdown)
    return max((utf16_length(rendered.text) + rendered.spare) / LONGEST_TEXT, rendered.weight / MOST_ENTITIES)


def utf16_length(text: str) -> int:
    """As Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def _trimmed(text: str, marks: list[Mark]) -> tuple[str, list[Mark]]:
    """Without the blanks around it, as Telegram takes them away itself."""
    lead = len(text) - len(text.lstrip())
    text = text.strip()
    for mark in marks if lead else ():
        mark.start = max(mark.start - lead, 0)
        mark.end -= lead
    return text, marks


def _entities(text: str, marks: Sequence[Mark]) -> list[dict[str, Any]]:
    places = _places(text)
    entities = []
    for mark in marks:
        offset = places[mark.start]
        entity: dict[str, Any] = {"type": mark.kind, "offset": offset, "length": places[mark.end] - offset}
        if mark.url:
            entity["url"] = mark.url
        if mark.language and (language := LANGUAGE.match(mark.language)):
            entity["language"] = language[0]
        entities.append(entity)
    return entities


def _places(text: str) -> range | list[int]:
    """The UTF-16 offset of each character, and of the end."""
    if utf16_length(text) == len(text):
        return range(len(text) + 1)
    return list(accumulate((2 if char > "\uffff" else 1 for char in text), initial=0))
