"""Cuts the Markdown of an answer into pages that each fit into one message of a platform.

Prefix-stable: while the text grows, only the last page changes and new ones come. So where a page ends is decided by
the text up to the place where it is full, and by nothing behind that.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bridge import blocks, cuts
from bridge.blocks import Line

_FULL = 0.96
"""A page is full here. The rest is for what a cut adds, and for markup that takes less room once it is closed."""
_FIRST_LOOK = 256
_LINES_KEPT = 4
"""Before the line that a page begins with: as many as anybody looks back."""
_CLOSE_ENOUGH = 16
"""A page may end by such a fraction of its length too early."""

_ADDRESS = re.compile(r"\]\([^\s()]{16,}+(?:\([^\s()]*\)[^\s()]*)*+(?:\s+\"[^\"\n]*\")?(?=\))")
_VISIBLE = re.compile(r"\S")


@dataclass(frozen=True, slots=True)
class Piece:
    """A page: `text[start:stop]` without `dedent` columns of indentation, between what the cuts around it added."""

    start: int
    stop: int
    opening: str = ""
    closing: str = ""
    dedent: int = 0


@dataclass(slots=True)
class _Source:
    text: str
    end: int
    lines: list[Line]
    """Those of the page and a few before it."""
    starts: list[int]
    fill: Callable[[str], float]
    addresses: list[tuple[int, int]] = field(default_factory=list)
    """Of links of the page. While one is not closed, platforms show it, so there a page is fuller than behind it."""

    def line(self, at: int) -> int:
        """The index of the line that holds this place."""
        return bisect_right(self.starts, at) - 1


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far it is known that a page is not full, and where to look next."""

    page: Piece
    good: int
    step: int


class Growing:
    """A text that grows: its cuts are remembered, so that each version is looked at from its last page on."""

    def __init__(self, fill: Callable[[str], float]) -> None:
        self._fill = fill
        self._forget()

    def _forget(self) -> None:
        self._text = ""
        self._pieces: list[Piece] = []
        self._pages: list[str] = []
        self._lines: list[Line] = []
        self._cut, self._held = 0, tuple[str, ...]()
        self._reached: _Reach | None = None

    def split(self, markdown: str) -> list[str]:
        """As the function `split`, of the same text or of any other."""
        last = self._grow(markdown)
        return [*self._pages, render(markdown, last)] if last else list(self._pages)

    def pieces(self, markdown: str) -> list[Piece]:
        """As the function `pieces`."""
        last = self._grow(markdown)
        return [*self._pieces, last] if last else list(self._pieces)

    def _grow(self, markdown: str) -> Piece | None:
        """Cuts what can be cut, and returns the page that is left."""
        if not markdown.startswith(self._text):
            self._forget()
        self._text = markdown
        self._lines = blocks.scan(markdown, self._lines)
        starts = [line.start for line in self._lines]
        source = _Source(markdown, len(markdown.rstrip()), self._lines, starts, self._fill)
        while True:
            page, held = _resume(source, self._cut, self._held)
            if page.start >= source.end:
                return None
            source.addresses = [found.span() for found in _ADDRESS.finditer(markdown, page.start)]
            reached = self._reached if self._reached and self._reached.page == page else _start(page)
            good, self._reached = _reach(source, reached)
            if good is None:
                return replace(page, stop=source.end)
            piece, self._cut, self._held = _cut(source, page, good, held)
            self._pieces.append(piece)
            self._pages.append(render(markdown, piece))
            gone = max(0, source.line(self._cut) - _LINES_KEPT)
            del self._lines[:gone], source.starts[:gone]


def split(markdown: str, fill: Callable[[str], float]) -> list[str]:
    """The pages; `fill` says how full a page makes one message, 1.0 is the most. A blank text has none."""
    return Growing(fill).split(markdown)


def render(markdown: str, piece: Piece) -> str:
    """The page as the platform gets it."""
    return piece.opening + blocks.dedented(markdown[piece.start : piece.stop], piece.dedent) + piece.closing


def pieces(markdown: str, fill: Callable[[str], float]) -> list[Piece]:
    """The pages and what was added to each. Between two of them there is white space, or the end of a cut fence."""
    return Growing(fill).pieces(markdown)


# ---- how far a page reaches ------------------------------------------------------------------------------------


def _upto(source: _Source, page: Piece, at: int) -> Piece:
    return replace(page, stop=page.start + len(source.text[page.start : at].rstrip()))


def _measure(source: _Source, page: Piece, at: int) -> float:
    return source.fill(render(source.text, _upto(source, page, at)))


def _start(page: Piece) -> _Reach:
    return _Reach(page, page.start, _FIRST_LOOK)


def _reach(source: _Source, reached: _Reach) -> tuple[int | None, _Reach]:
    """A place up to which the page is not full, and soon behind which it is; None if all the rest fits on it.

    The places looked at follow from the text before each alone, never from where the text ends: if the text ends
    before such a place and does not fit, then no longer text would fit there. And how far it got before it asked for
    the end of the text, from where it goes on once there is more.
    """
    page, good, step = reached.page, reached.good, reached.step
    while True:
        bad = good + step
        if bad >= source.end:
            reached = _Reach(page, good, step)
            if _fits(source, page, good, source.end, 1.0)[0]:
                return None, reached
            break
        fits, full = _fits(source, page, good, bad, _FULL)
        if not fits:
            break
        good = bad
        length = good - page.start
        dense = max(full, 1e-9) / length
        step = int(min(max((_FULL - full) / dense * 0.9, length / 20), length * 16)) + 1
    while bad - good > max(1, (good - page.start) // _CLOSE_ENOUGH):
        middle = (good + bad) // 2
        if middle < source.end and _fits(source, page, good, middle, _FULL)[0]:
            good = middle
        else:
            bad = middle
    return good, reached


def _stop(span: tuple[int, int]) -> int:
    return span[1]


def _fits(source: _Source, page: Piece, good: int, at: int, most: float) -> tuple[bool, float]:
    """Does the page stay within `most` all the way from `good` to `at`; and how full is it at `at`."""
    full = _measure(source, page, at)
    if full > most:
        return False, full
    near = source.addresses[
        bisect_right(source.addresses, good, key=_stop) : bisect_right(source.addresses, at, key=_stop)
    ]
    longest = max(near, key=lambda span: span[1] - span[0], default=(at, at))
    if near and full + source.fill(source.text[slice(*longest)]) > 1.0:
        for start, stop in near:
            if full + source.fill(source.text[start:stop]) > 1.0 and _measure(source, page, stop) > 1.0:
                return False, full
    return True, full


# ---- where it ends ----------------------------------------------------------------------------------------------


def _cut(source: _Source, page: Piece, good: int, held: tuple[str, ...]) -> tuple[Piece, int, tuple[str, ...]]:
    """The page, where it is cut, and the emphasis that is open there."""
    text, size = source.text, good - page.start
    while size > 0:
        cut, still = cuts.choose(text, source.lines, source.starts, page.start, page.start + size, held)
        piece = replace(_upto(source, page, cut), closing=_closing(source, page, cut, still))
        if source.fill(render(text, piece)) <= 1.0:
            return piece, cut, still
        size = size * 7 // 8
    size = 16
    while size > 1 and source.fill(text[page.start : page.start + size]) > 1.0:
        size //= 2
    cut = min(page.start + size, source.end)
    return _upto(source, Piece(page.start, cut), cut), cut, ()


def _closing(source: _Source, page: Piece, cut: int, held: tuple[str, ...]) -> str:
    """What the page must end with if it is cut there."""
    fence = source.lines[source.line(cut)].fence
    if not fence or cut <= fence.start:
        return "".join(reversed(held))
    if fence.start >= page.start:
        return blocks.closing(fence, blocks.shift(source.text, page.start, fence, page.dedent))
    return blocks.closing(fence, page.dedent) if page.opening else ""


def _resume(source: _Source, cut: int, held: tuple[str, ...]) -> tuple[Piece, tuple[str, ...]]:
    """The next page, still without an end; and the emphasis that its opening opens."""
    text = source.text
    visible = _VISIBLE.search(text, cut)
    if not visible:
        return Piece(source.end, source.end), ()
    at = visible.start()
    line, before = source.lines[source.line(at)], source.lines[source.line(cut)]
    if line.fence and before.fence == line.fence and before is not line and blocks.closes(text, line, line.fence):
        return _resume(source, line.stop, ())
    middle = bool(held) or line.start < cut
    start = at if middle else line.start
    if held and blocks.FENCED.match("".join(held) + text[at : at + 3]):
        held = ()
    opening, dedent = blocks.reopen(text, line, middle)
    opening += "".join(held)
    if opening.strip() and source.fill(opening) > 0.5:
        return Piece(start, start), ()
    return Piece(start, start, opening, "", dedent), held
