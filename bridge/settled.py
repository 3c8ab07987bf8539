"""How much of a growing Markdown text can be shown for ever, on platforms to which text can only be appended."""

import re
from bisect import bisect_left
from collections.abc import Sequence

from bridge import blocks, inline
from bridge.blocks import Line

_ANNOUNCED = re.compile(
    r"[ \t]*+(?:(?:[-+*]|\d{1,9}[.)]?)(?:[ \t]+\[(?:[ xX]?\]?)?)?|#{1,6}|[-=_*|:]+"
    r"|`{1,2}|~{1,2}|[`~]{3}[^`\n]*+)?[ \t]*$"
)
"""A line of which nothing but its marker has come."""
_FENCED = re.compile(r"[ \t]*(?:(?:[-+*]|\d{1,9}[.)])[ \t]+)?(?:```|~~~)")
_CLOSING = re.compile(r"[ \t]*(?:`+|~+)[ \t]*$")
_TAIL = re.compile(
    r"(?:<[A-Za-z][A-Za-z0-9+.\-]*:[^<>|\s]{0,2000}|<[/!?@#A-Za-z][^<>\n]{0,200}|&#?\w{0,8}|[&<!\\$*_~`]+"
    r"|(?<![^\W_])h(?:t(?:t(?:ps?(?::/{0,2})?)?)?)?)$"
)
"""A tag, an entity, an escape, the beginning of an address, of an image, of a formula, of emphasis."""
_LONGEST_TAIL = 2_100
_CODE_TAIL = re.compile(r"(?:<|&(?:#(?:\w{0,8};?)?)?)[!@#]?[A-Za-z0-9+.\-]*\s*$")
"""What a platform might take for a token of its own, even in code."""
_MATH = re.compile(r"\\.|\$\$(?!\$)|(?<![$A-Za-z0-9])\$(?=[^\s$\d])", re.DOTALL)
"""What may open a formula, and other escapes."""
_DOLLARS = re.compile(r"[^$\n`]{0,201}")
_LONGEST_MATH = 600
"""Characters; a formula that is longer and still open is none."""
_MOST_STEPS, _LEAST_STEPS = 64, 6
"""Things that have only begun, one behind the other. A text with more of them is shown up to its last paragraph.
Texts as people read them have three at most."""
_MOST_WORK = 64_000
"""Characters looked at in all these steps: a text that was made to be slow must not hold up the others."""


def settled(markdown: str) -> str:
    """The longest beginning of the text that looks the same whatever follows.

    While the text grows, so does this; it ends neither inside of a marker nor of something that is still open, but for
    a fence of code, in which every line is what it will be.
    """
    lines = blocks.scan(markdown)
    starts = [line.start for line in lines]
    end = len(markdown)
    for _ in range(max(_LEAST_STEPS, min(_MOST_STEPS, _MOST_WORK // (end + 1)))):
        before = lines[: bisect_left(starts, end)]
        shorter = _shorter(markdown, before, end) if before else 0
        if shorter == end:
            return markdown[:end].rstrip()
        end = shorter
    return markdown[: _paragraph(markdown, before)].rstrip()


def _shorter(text: str, lines: Sequence[Line], end: int) -> int:
    """An earlier end if something has only begun there, else the same; nothing in between would do."""
    line, above = lines[-1], lines[-2] if len(lines) > 1 else None
    whole = line.stop < end
    body = text[line.lead : min(line.stop, end)]
    if not whole and not text[line.start : end].strip(" \t>"):
        return line.start
    if line.fence:
        return _shorter_code(text, line, whole, end)
    starts = blocks.STARTS.match(text, line.lead, min(line.stop, end)) is not None
    if above is not None and not line.table and _heads(text, above):
        if whole and not starts and blocks.delimits(text, line, line.stop, above):
            return end
        if not whole and not set(body) - set("|-: \t"):
            return above.start
    if _heads(text, line) or _FENCED.match(text, line.lead, line.stop):
        return line.start
    row = line.table and not starts
    if whole and row:
        return end
    if not whole and (row or _ANNOUNCED.match(body)):
        return line.start
    return _shorter_prose(text, lines, end)


def _heads(text: str, line: Line) -> bool:
    """May this line be the head of a table?"""
    return not line.table and not line.fence and text[line.lead : line.stop].lstrip(" \t").startswith("|")


def _shorter_code(text: str, line: Line, whole: bool, end: int) -> int:
    assert line.fence is not None
    if not whole and _CLOSING.match(text, line.lead, end):
        return line.start
    if not text[line.fence.body : end].strip():
        return line.fence.start
    begun = None if whole else _CODE_TAIL.search(text, line.lead, end)
    return begun.start() if begun else end


def _shorter_prose(text: str, lines: Sequence[Line], end: int) -> int:
    start = _paragraph(text, lines)
    first = bisect_left([line.start for line in lines], start)
    spans = inline.spans(text, lines[first:], start, end, ())
    open_at = min((span.start for span in spans if span.stop > end and not _glued(text, span.start)), default=end)
    if open_at < end:
        return open_at
    code = [(span.start, span.stop) for span in spans if span.marker.startswith("`")]
    if code and code[-1][1] == end:
        return code[-1][0]  # another backtick, and it is none
    formula = _formula(text, start, end, code)
    if formula < end:
        return formula
    tail = _TAIL.search(text, max(start, end - _LONGEST_TAIL, *(stop for _, stop in code)), end)
    return tail.start() if tail else end


def _glued(text: str, at: int) -> bool:
    """An address that begins inside of a word: what stands before was shown when nobody could see it come."""
    return at > 0 and text.startswith("http", at) and (text[at - 1].isalnum() or text[at - 1] == "_")


def _paragraph(text: str, lines: Sequence[Line]) -> int:
    """Where the last paragraph begins: behind a blank line, code or a table."""
    first = len(lines) - 1
    while first > 0 and not lines[first].table:
        above = lines[first - 1]
        if above.fence or not text[above.lead : above.stop].strip():
            break
        first -= 1
    return lines[first].start


def _formula(text: str, start: int, end: int, code: Sequence[tuple[int, int]]) -> int:
    """Where the formula begins that is not closed yet; `end` if there is none."""
    at, number = start, 0
    while begun := _MATH.search(text, at, end):
        while number < len(code) and code[number][1] <= begun.start():
            number += 1
        if number < len(code) and code[number][0] <= begun.start():
            at = code[number][1]
            continue
        close = _close(text, begun[0], begun.end(), end)
        if close > end:
            return begun.start()
        at = close
    return end


def _close(text: str, opening: str, at: int, end: int) -> int:
    """Where the formula ends, or what opened it if it is none; behind `end` if nobody knows yet."""
    if opening == "$":
        stop = at + len(_DOLLARS.match(text, at, end)[0])  # type: ignore[index]  # it matches everything
        if stop == end and stop - at <= 200:
            return end + 1
        closes = text.startswith("$", stop, end) and not (text[stop - 1].isspace() or text[stop - 1] == "\\")
        return stop + 1 if closes and not (text[stop + 1 : end][:1].isalnum() or text.startswith("$", stop + 1)) else at
    closing = {"\\(": "\\)", "\\[": "\\]", "$$": "$"}.get(opening)
    if closing is None:
        return at
    # `$$` ends at the next dollar, however far; of the others nothing is looked for beyond their longest.
    stop = text.find(closing, at, end if opening == "$$" else min(end, at + _LONGEST_MATH + len(closing)))
    if stop < 0:
        return end + 1 if end - at <= _LONGEST_MATH else at
    if opening == "$$":
        return stop + 2 if text.startswith("$$", stop) else at
    return stop + 2
