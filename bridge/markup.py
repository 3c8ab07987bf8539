"""Cuts the Markdown of an answer into pages that each fit into one message of a platform.

Prefix-stable: while the text grows, only the last page changes and new ones come. So where a page ends is decided by
the text up to the place where it is full, and by nothing behind that.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace

from bridge import blocks, cuts
from bridge.blocks import Line

_FULL = 0.96
"""A page is full here. The rest is for what a cut adds, and for markup that takes less room once it is closed."""
_FIRST_LOOK = 256
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


@dataclass(frozen=True, slots=True)
class _Source:
    text: str
    end: int
    lines: list[Line]
    starts: list[int]
    addresses: list[tuple[int, int]]
    """Of links. While a link is not closed, platforms show its address, so there a page is fuller than behind it."""
    fill: Callable[[str], float]

    def line(self, at: int) -> int:
        """The index of the line that holds this place."""
        return bisect_right(self.starts, at) - 1


def split(markdown: str, fill: Callable[[str], float]) -> list[str]:
    """The pages; `fill` says how full a page makes one message, 1.0 is the most. A blank text has none."""
    return [render(markdown, piece) for piece in pieces(markdown, fill)]


def render(markdown: str, piece: Piece) -> str:
    """The page as the platform gets it."""
    return piece.opening + blocks.dedented(markdown[piece.start : piece.stop], piece.dedent) + piece.closing


def pieces(markdown: str, fill: Callable[[str], float]) -> list[Piece]:
    """The pages and what was added to each. Between two of them there is white space, or the end of a cut fence."""
    lines = blocks.scan(markdown)
    addresses = [found.span() for found in _ADDRESS.finditer(markdown)]
    source = _Source(markdown, len(markdown.rstrip()), lines, [line.start for line in lines], addresses, fill)
    found: list[Piece] = []
    page, held = _resume(source, 0, ())
    while page.start < source.end:
        good = _reach(source, page)
        if good is None:
            found.append(replace(page, stop=source.end))
            break
        piece, cut, held = _cut(source, page, good, held)
        found.append(piece)
        page, held = _resume(source, cut, held)
    return found


# ---- how far a page reaches ------------------------------------------------------------------------------------


def _upto(source: _Source, page: Piece, at: int) -> Piece:
    return replace(page, stop=page.start + len(source.text[page.start : at].rstrip()))


def _measure(source: _Source, page: Piece, at: int) -> float:
    return source.fill(render(source.text, _upto(source, page, at)))


def _reach(source: _Source, page: Piece) -> int | None:
    """A place up to which the page is not full, and soon behind which it is; None if all the rest fits on it.

    The places looked at follow from the text before each alone, never from where the text ends: if the text ends
    before such a place and does not fit, then no longer text would fit there.
    """
    good, step = page.start, _FIRST_LOOK
    while True:
        bad = good + step
        if bad >= source.end:
            if _fits(source, page, good, source.end, 1.0)[0]:
                return None
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
    return good


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
