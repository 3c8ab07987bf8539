"""How the Markdown parser of telegramify-markdown reads a text: its events, with their places in characters."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import pyromark

OPTIONS = (
    pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_TASKLISTS
    | pyromark.Options.ENABLE_MATH
)
"""Those that telegramify-markdown 1.4.1 parses with; others would see other code blocks than it does."""

FILLER = "\ufdd0"
"""Stands in the text while it is converted, as a letter without width, and is removed afterwards. Unicode reserves it
for such inner use; a text that holds it all the same gets U+FFFD in its place first."""

BREAK = "\ufdd1"
"""The same for a line break where Markdown could not hold one."""


class Event(NamedTuple):
    """`do` is start, end, or at; `what` is the tag, with its attributes in `data`."""

    do: str
    what: str
    data: Any
    start: int
    end: int


class Edit(NamedTuple):
    """Puts `text` in the place of source[start:end]."""

    start: int
    end: int
    text: str


class Source:
    """A Markdown text and what the parser says to it, once somebody asks."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def events(self) -> list[Event]:
        found: list[tuple[Any, Any]] = list(pyromark.events_with_range(self.text, options=OPTIONS))
        place = _places(self.text, {offset for _, where in found for offset in where.values()})
        return [_event(payload, place[where["start"]], place[where["end"]]) for payload, where in found]

    def edited(self, edits: Iterable[Edit]) -> "Source":
        """With these edits; of two that overlap the later one is left out."""
        parts: list[str] = []
        done = 0
        for edit in sorted(edits):
            if edit.start >= done:
                parts += (self.text[done : edit.start], edit.text)
                done = edit.end
        return Source("".join((*parts, self.text[done:]))) if parts else self

    def code(self) -> list[tuple[int, int]]:
        """Where code is, in order."""
        return [
            (event.start, event.end)
            for event in self.events
            if event.what == "Code" or (event.do, event.what) == ("start", "CodeBlock")
        ]

    def outside_code(self) -> Iterator[tuple[int, str]]:
        """The stretches between the code, each with its start."""
        done = 0
        for start, end in self.code():
            yield done, self.text[done:start]
            done = end
        yield done, self.text[done:]


def literal(text: str) -> str:
    """The text, escaped so that Markdown shows it as it is."""
    return "".join("\\" + char if char in r"\`*_{}[]<>()#+-.!|~$&" else char for char in text)


def _event(payload: Any, start: int, end: int) -> Event:
    if isinstance(payload, str):
        return Event("at", payload, None, start, end)
    ((do, what),) = payload.items()
    if do not in ("Start", "End"):
        return Event("at", do, what, start, end)
    tag, data = (what, None) if isinstance(what, str) else next(iter(what.items()))
    return Event(do.lower(), tag, data, start, end)


def _places(text: str, offsets: Collection[int]) -> Mapping[int, int] | range:
    """The character at each of these offsets into the UTF-8 form."""
    if text.isascii():
        return range(len(text) + 1)
    data, places, done, count = text.encode(), {}, 0, 0
    for offset in sorted(offsets):
        count += len(data[done:offset].decode())
        places[offset], done = count, offset
    return places
