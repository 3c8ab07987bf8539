"""Where a page of Markdown is best cut: between blocks, else lines, sentences, words, and characters at last."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bridge import blocks, inline
from bridge.blocks import Line
from bridge.inline import Span

_CJK = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
_SENTENCE = re.compile(rf"[.!?…]+[\"'”’)\]*_~]*(?=\s)|[.!?…]+(?=[{_CJK}])|[。！？…]+[”’」』）]*")
_WORD = re.compile(r"(?<=\S)(?=\s)|(?<=[，、；：])")
_VISIBLE = re.compile(r"\S")
_MARKERS = re.compile(r"\s*(?:`+|~+)\s*$")


@dataclass(frozen=True, slots=True)
class _Window:
    """What may be known about a page that is to be cut: its text up to `limit`."""

    text: str
    lines: Sequence[Line]
    starts: Sequence[int]
    start: int
    stop: int
    """The last place where it may be cut; a few characters before the limit, to see what follows."""
    limit: int
    spans: Sequence[Span] = ()
    covered: Sequence[tuple[int, int]] = ()

    def line(self, at: int) -> Line:
        return self.lines[bisect_right(self.starts, at) - 1]


def choose(
    text: str, lines: Sequence[Line], starts: Sequence[int], start: int, good: int, held: tuple[str, ...]
) -> tuple[int, tuple[str, ...]]:
    """The best cut of a page that begins at `start` and fits up to `good`, and the emphasis that is open there.

    It lies in the second half: pages do not get small for the sake of a nice end, and a fence that begins in that half
    goes to the next page whole, though nobody knows yet how long it gets.
    """
    limit = good + 1
    stop = good - min(8, (good - start) // 8)
    half = start + (stop - start) // 2
    window = _Window(text, lines, starts, start, stop, limit)
    ranked = _lines(window, half)
    for rank in (0, 1):
        if ranked[rank]:
            return ranked[rank][-1], ()
    around = lines[bisect_right(starts, start) - 1 : bisect_right(starts, good)]
    spans = inline.spans(text, around, start, limit, held)
    window = _Window(text, lines, starts, start, stop, limit, spans, inline.merged(spans))
    for low in (half, start):
        for free in (True, False):
            for places in (reversed(_lines(window, low)[2]), *_inside(window, low, free)):
                for at in places:
                    if _allowed(window, at, free):
                        return at, _open(window, at)
    return good, ()


def _open(window: _Window, at: int) -> tuple[str, ...]:
    around = [span for span in window.spans if span.marker and span.start < at < span.stop]
    return tuple(span.marker for span in sorted(around, key=lambda span: (span.start, -span.stop)))


# ---- between lines ---------------------------------------------------------------------------------------------


def _lines(window: _Window, low: int) -> tuple[list[int], list[int], list[int]]:
    """Where lines start, by how good a place each is for a cut."""
    ranked: tuple[list[int], list[int], list[int]] = ([], [], [])
    for index in range(bisect_right(window.starts, low), bisect_right(window.starts, window.stop)):
        rank = _rank(window, index)
        if rank is not None:
            ranked[rank].append(window.starts[index])
    return ranked


def _rank(window: _Window, index: int) -> int | None:
    """0: before a block of its own; 1: before an item or a row; 2: before another line; None: not here."""
    text, line, above = window.text, window.lines[index], window.lines[index - 1]
    stop = min(line.stop, window.limit)
    if not _VISIBLE.search(text, line.lead, stop):
        return None
    blank = not _VISIBLE.search(text, above.lead, above.stop)
    if line.fence:
        empty = not _VISIBLE.search(text, line.fence.body, line.start)
        return None if empty or _MARKERS.match(text, line.lead, stop) else 1 if blank else 2
    if line.table:
        return 1 if above.table else None
    if blocks.delimits(text, line, stop, above) or _headed(window, index):
        return None
    if blank or above.fence or blocks.FENCED.match(text, line.lead, stop):
        return 0
    return 1 if blocks.STARTS.match(text, line.lead, stop) and text[line.lead : line.lead + 4].strip() else 2


def _headed(window: _Window, index: int) -> bool:
    """Does this line follow the heading above it? A page is not to end with a heading."""
    text, line = window.text, window.lines[index]
    if text.startswith("#", line.lead):
        return False
    while index > 1 and not _VISIBLE.search(text, window.lines[index - 1].lead, window.lines[index - 1].stop):
        index -= 1
    above = window.lines[index - 1]
    return above.fence is None and text.startswith("#", above.lead)


# ---- inside of lines -------------------------------------------------------------------------------------------


def _inside(window: _Window, low: int, free: bool) -> Iterator[Iterator[int]]:
    """Ends of sentences, of words, and of characters, each from the last to the first."""
    text, limit = window.text, window.limit
    for pattern in (_SENTENCE, _WORD):
        found = [match.end() for match in pattern.finditer(text, low, limit)]
        yield reversed(found[: bisect_right(found, window.stop)])
    yield _characters(window, low, free)


def _characters(window: _Window, low: int, free: bool) -> Iterator[int]:
    at = window.stop
    while at > low:
        covered = inline.over(window.covered, at) if free else None
        if covered:
            at = covered[0]
            continue
        if not window.text[at - 1].isspace() and inline.parts(window.text, at, window.start):
            yield at
        at -= 1


def _allowed(window: _Window, at: int, free: bool) -> bool:
    """May the page be cut there: if `free`, not inside of anything, else not inside of a marker."""
    if at <= window.start or (free and inline.over(window.covered, at)):
        return False
    for span in () if free else window.spans:
        size = len(span.marker)
        if size and span.start < at < span.stop and not span.start + size < at < span.stop - size:
            return False
    text, line = window.text, window.line(at)
    if at == line.start:
        return free or line.lead == line.start
    visible = _VISIBLE.search(text, at, min(line.stop, window.limit))
    if not visible:
        return False
    if line.fence:
        return not _MARKERS.match(text, line.lead, min(line.stop, window.limit))
    begin = blocks.prefix(text, line, window.limit)
    if at <= begin or blocks.FENCED.match(text, begin) or blocks.FENCED.match(text, visible.start()):
        return False
    return not free or not blocks.STARTS.match(text, visible.start(), window.limit)
