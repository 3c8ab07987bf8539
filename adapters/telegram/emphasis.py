"""Bold and italics where CommonMark's rules fail Chinese text, and stars that are no emphasis at all.

CommonMark lets `**` begin or end bold by the letters, blanks and punctuation around it, and Chinese has no blanks:
`**注意：**这` stays raw, and the bold of the next pair comes out inverted. An invisible letter inside the markers
decides it. In `2*3*4` and `x**2 + y**2` on the other hand the stars are meant.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from adapters.telegram.markdown import FILLER, Edit, Event, Source

OPAQUE = frozenset(("Code", "InlineMath", "DisplayMath", "InlineHtml"))
INLINE = OPAQUE | {"Text", "SoftBreak", "HardBreak", "Emphasis", "Strong", "Strikethrough", "Link", "Image"}
RUNS = re.compile(r"\\.|\*+|~~+", re.DOTALL)
WORTH_A_LOOK = re.compile(r"[^\s*][*]+[^\s*]|~~")
"""Markers between two characters; with a blank on one side CommonMark is right."""
MOST_WAITING = 50
OPENING = frozenset("([{<（「『【《〈“‘")
CLOSING = frozenset(")]}>,.;:!?，。！？；：、）」』】》〉”’…")
OPERAND = re.compile(r"[0-9]+|[A-Za-z]", re.ASCII)
WORD_BEFORE = re.compile(r"[0-9A-Za-z_]*\Z", re.ASCII)
LONGEST_WORD = 40
WORD_AFTER = re.compile(r"[0-9A-Za-z_]*", re.ASCII)


class Run(NamedTuple):
    """Some stars or tildes in a row, and the characters around them."""

    marker: str
    start: int
    end: int
    before: str
    after: str


class Stretch(NamedTuple):
    """The text of one paragraph, heading, list item or cell, and what in it is not text."""

    start: int
    end: int
    opaque: list[tuple[int, int]]


def mended(source: Source) -> Source:
    """The same Markdown, with emphasis that the parser reads as people do."""
    if not WORTH_A_LOOK.search(source.text):
        return source
    edits: list[Edit] = []
    for stretch in _stretches(source):
        runs = list(_runs(source.text, stretch))
        edits += (_escaped(run) for run in runs if _is_path(run))
        for opener, closer in _pairs([run for run in runs if not _is_path(run)]):
            edits += _edits(source.text, opener, closer)
    return source.edited(edits)


def _stretches(source: Source) -> Iterator[Stretch]:
    """Emphasis begins and ends within one of them."""
    inside: list[Event] = []
    in_code = False
    for event in source.events:
        if event.what == "CodeBlock":
            in_code = event.do == "start"
        if event.what in INLINE and not in_code:
            inside.append(event)
        elif inside:
            yield _stretch(inside)
            inside = []
    if inside:
        yield _stretch(inside)


def _stretch(events: list[Event]) -> Stretch:
    opaque = [(event.start, event.end) for event in events if event.what in OPAQUE]
    last = 0
    for event in events:
        if event.what in ("Link", "Image") and event.do == "end":
            # What stands behind the words of a link is its address.
            opaque.append((event.start if last < event.start else last, event.end))
        last = event.end if event.what not in ("Link", "Image") or event.do == "end" else last
    return Stretch(min(event.start for event in events), max(event.end for event in events), opaque)


def _runs(text: str, stretch: Stretch) -> Iterator[Run]:
    opaque, passed = sorted(stretch.opaque), 0
    for found in RUNS.finditer(text, stretch.start, stretch.end):
        start, end = found.span()
        while passed < len(opaque) and opaque[passed][1] <= start:
            passed += 1
        if found[0][0] == "\\" or (passed < len(opaque) and opaque[passed][0] < end):
            continue
        before = text[start - 1] if start > stretch.start else " "
        after = text[end] if end < stretch.end else " "
        yield Run(found[0], start, end, before, after)


def _pairs(runs: list[Run]) -> Iterator[tuple[Run, Run]]:
    """Runs of the same length, one that may begin and one that may end; between two letters they take turns."""
    waiting: list[Run] = []
    for run in runs:
        del waiting[:-MOST_WAITING]
        opens, closes = not run.after.isspace(), not run.before.isspace()
        depth = next((i for i in reversed(range(len(waiting))) if waiting[i].marker == run.marker), -1)
        if opens and closes:
            closes = depth >= 0 and run.before not in OPENING
            opens = run.after not in CLOSING
        if closes and depth >= 0:
            yield waiting[depth], run
            del waiting[depth:]
        elif opens:
            waiting.append(run)


def _edits(text: str, opener: Run, closer: Run) -> Iterator[Edit]:
    if _is_arithmetic(text, opener, closer):
        yield from (_escaped(opener), _escaped(closer))
        return
    if not _flanks(opener.before, opener.after):
        yield Edit(opener.end, opener.end, FILLER)
    if not _flanks(closer.after, closer.before):
        yield Edit(closer.start, closer.start, FILLER)


def _flanks(outside: str, inside: str) -> bool:
    """CommonMark's rule (section 6.2) for the run between these characters, where we see a beginning or an end."""
    return not _is_punctuation(inside) or outside.isspace() or _is_punctuation(outside)


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] in "PS"


def _is_arithmetic(text: str, opener: Run, closer: Run) -> bool:
    """`2*3*4`, `x**2 + y**2`, `width*height*depth`: multiplication, or a power."""
    if len(opener.marker) > 2 or opener.marker[0] == "~":
        return False
    if not all(char.isascii() and char.isalnum() for run in (opener, closer) for char in (run.before, run.after)):
        # Chinese operands: 苹果*3和香蕉*4
        return all(run.before.isalnum() and run.after.isascii() and run.after.isdigit() for run in (opener, closer))
    if opener.marker == "*":
        return True
    before = WORD_BEFORE.search(text, max(0, opener.start - LONGEST_WORD), opener.start)
    after = WORD_AFTER.match(text, closer.end)
    return any(word is not None and OPERAND.fullmatch(word[0]) for word in (before, after))


def _is_path(run: Run) -> bool:
    """`src/**/*.py`"""
    return run.before == "/" and run.after in "/."


def _escaped(run: Run) -> Edit:
    return Edit(run.start, run.end, "".join("\\" + char for char in run.marker))
