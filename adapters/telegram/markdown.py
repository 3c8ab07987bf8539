"""How a Markdown text is read: the parser's events, and edits to the text before they are asked for again."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import pyromark

OPTIONS = (
    pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_TASKLISTS
    | pyromark.Options.ENABLE_MATH
)

FILLER = "\ufdd0"
"""Stands in the text while it is parsed, as a letter without width, and is not written. Unicode reserves it for such
inner use; a text that holds it all the same gets U+FFFD in its place first."""

Events = list[tuple[Any, Any]]
"""What pulldown-cmark says, such as `({"Start": "Paragraph"}, {"start": 0, "end": 9})`, in bytes of the UTF-8 form."""


class Edit(NamedTuple):
    """Puts `text` in the place of source[start:end], in characters."""

    start: int
    end: int
    text: str


class Source:
    """A Markdown text and what the parser says to it, once somebody asks."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def data(self) -> bytes:
        return self.text.encode()

    @cached_property
    def events(self) -> Events:
        found: Events = list(pyromark.events_with_range(self.text, options=OPTIONS, merge_text=True))
        return found

    def places(self, offsets: Collection[int]) -> Mapping[int, int] | range:
        """The character at each of these bytes."""
        if self.text.isascii():
            return range(len(self.text) + 1)
        places, done, count = {}, 0, 0
        for offset in sorted(offsets):
            count += len(self.data[done:offset].decode())
            places[offset], done = count, offset
        return places

    def offsets(self, places: Sequence[int]) -> Sequence[int]:
        """The byte at which each of these characters begins, in order."""
        if self.text.isascii():
            return places
        offsets, done, count = [], 0, 0
        for place in places:
            count += len(self.text[done:place].encode())
            offsets.append(count)
            done = place
        return offsets

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
        """Where code is, in bytes and in order."""
        return [
            (where["start"], where["end"])
            for event, where in self.events
            if type(event) is dict
            and ("Code" in event or (type(what := event.get("Start")) is dict and "CodeBlock" in what))
        ]

    def outside_code(self) -> Iterator[tuple[int, str]]:
        """The stretches between the code, each with its start."""
        code = self.code()
        place = self.places([offset for span in code for offset in span])
        done = 0
        for start, end in code:
            yield done, self.text[done : place[start]]
            done = place[end]
        yield done, self.text[done:]
