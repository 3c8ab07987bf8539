"""What belongs together inside the lines of a Markdown text: links, code, emphasis, characters of many code points."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bridge.blocks import FENCED, STARTS, Line

_MATH = (
    r"\\\((?:(?!\\\)|\n\s*\n).){1,600}\\\)|\\\[(?:(?!\\\]|\n\s*\n).){1,600}\\\]"
    r"|(?<!\$)\$\$[^$]{1,600}\$\$(?!\$)|(?<![$A-Za-z0-9])\$(?=[^\s$\d])[^$\n`]{0,200}[^\s$`\\]\$(?![$A-Za-z0-9])"
)
_NAME = r"(?<![\w\\])__[a-z]+(?:_[a-z]+)*__"
_TOKEN = re.compile(
    _MATH + "|" + _NAME + r"|\\.|`+|!?\[|\]|\*+|~~+|_+|https?://(?:(?!~~)[^\s<>()\[\]*`\"\x7f-\U0010ffff])+", re.DOTALL
)
_TARGET = re.compile(r"\((?:[^()\s\\]|\\.|\([^()\s]*\))*+(?:\s+\"[^\"\n]*\")?\s*\)")
_HALF_TARGET = re.compile(r"(?:\((?:[^\s()]|\([^\s()]*\))*+(?:\([^\s()]*|\s+(?:\"[^\"\n]*\"?)?)?)?$")


_OPENING = frozenset("([{<（「【《〈“‘")
_OPERAND = re.compile(r"(?<![0-9A-Za-z_])(?:[0-9]+|[A-Za-z])\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch that should stay together; `marker` is what closes and opens it, empty if nothing can."""

    start: int
    stop: int
    marker: str


def spans(text: str, lines: Sequence[Line], start: int, limit: int, held: tuple[str, ...]) -> list[Span]:
    """Links, addresses, code and emphasis between start and limit, where nothing behind the limit is known.

    `lines` are those of this stretch, `held` the markers that are open at its start. What is still open at the limit
    may be closed behind it, so it counts, and stops behind it.
    """
    found: list[Span] = []
    for begin, end in _paragraphs(text, lines, start, limit):
        found += _inline(text, begin, end, limit, held if begin == start else ())
    return found


def _paragraphs(text: str, lines: Sequence[Line], start: int, limit: int) -> Iterator[tuple[int, int]]:
    """Stretches that inline markup does not leave."""
    begin = start
    for line in lines:
        first = max(start, line.start)
        stop = min(line.stop, limit)
        blank = not text[max(line.lead, first) : stop].strip()
        fenced = line.fence is not None or FENCED.match(text, line.lead, stop) is not None
        if first > begin and (blank or fenced or line.table or STARTS.match(text, line.lead, stop)):
            yield begin, first - 1
            begin = first
        if blank or fenced:
            begin = min(line.stop + 1, limit)
    if begin < limit:
        yield begin, limit


def _inline(text: str, start: int, stop: int, limit: int, held: tuple[str, ...]) -> list[Span]:
    found: list[Span] = []
    brackets: list[int] = []
    stack = [(start, marker) for marker in held if marker[0] != "`"]
    ticks: dict[int, list[int]] = {}
    for run in re.finditer("`+", text[start:stop]):
        ticks.setdefault(len(run[0]), []).append(start + run.start())
    done = start
    if held and held[-1][0] == "`":
        done = _code(found, ticks, held[-1], start, start, limit if stop == limit else 0)
    for token in _TOKEN.finditer(text, start, stop):
        at, mark = token.start(), token[0]
        if at < done:
            continue
        if (len(mark) > 2 and mark[0] in "\\$") or (mark[-1] == "_" and mark.strip("_")):
            done = token.end()
            found.append(Span(at, done, ""))
        elif mark[0] == "`":
            done = _code(found, ticks, mark, at, at + 1, limit if stop == limit else 0)
        elif mark[0] in "*_~":
            _emphasis(found, stack, text, at, mark, start, stop)
        elif mark[-1] == "[":
            brackets.append(at)
        elif mark == "]" and brackets:
            done = _link(found, text, brackets.pop(), at + 1, stop, limit)
        elif mark[0] == "h":
            found.append(Span(at, token.end() + (token.end() == limit), ""))
    if stop == limit:
        found += [Span(at, limit + len(marker), marker) for at, marker in stack]
        found += [Span(at, limit + 1, "") for at in brackets[:1]]
    return found


def _code(found: list[Span], ticks: dict[int, list[int]], mark: str, at: int, after: int, limit: int) -> int:
    """Adds the code that these backticks open, and returns where it ends."""
    size = len(mark)
    places = ticks.get(size, [])
    index = bisect_left(places, after)
    if index < len(places):
        found.append(Span(at, places[index] + size, mark if size < 9 else ""))
        return places[index] + size
    if limit:
        found.append(Span(at, limit + size, mark if size < 9 else ""))
        return limit
    return at + size if after > at else at


def _emphasis(
    found: list[Span], stack: list[tuple[int, str]], text: str, at: int, mark: str, start: int, stop: int
) -> None:
    """Opens or closes emphasis; as platforms do between Chinese characters, and so not quite as CommonMark."""
    size, kind, end = len(mark), mark[0], at + len(mark)
    if size > 3 or (kind == "~" and size != 2):
        return
    before = text[at - 1] if at > start else " "
    after = text[end] if end < stop else " "
    between = before.isalnum() and after.isalnum()
    # The star in `2*3` multiplies, and in `x**2` there are two.
    multiplies = kind == "*" and between and (before + after).isascii()
    if multiplies and size > 1:
        multiplies = _OPERAND.search(text, max(start, at - 40), at) is not None
    inside = between and (kind == "_" or (multiplies and after.isdigit()))
    begins = before in _OPENING and (after.isalnum() or after in _OPENING)
    if not (before.isspace() or inside or begins or (kind == "_" and after.isalnum())):
        for index in range(len(stack) - 1, -1, -1):
            begin, marker = stack[index]
            if marker[0] == kind and len(marker) <= size:
                del stack[index:]
                size -= len(marker)
                found.append(Span(begin, end - size, marker))
    # And that in `f(*args)` unpacks.
    unpacks = kind == "*" and before == "(" and at - 1 > start and text[at - 2].isalnum()
    if not size or after.isspace() or multiplies or unpacks or (kind == "_" and before.isalnum()):
        return
    for marker in (kind * 2, kind) if size == 3 else (kind * size,):
        if all(marker != other for _, other in stack):
            stack.append((end - size, marker))
            size -= len(marker)


def _link(found: list[Span], text: str, begin: int, after: int, stop: int, limit: int) -> int:
    """Adds the link whose text starts and ends there, and returns where it ends."""
    if target := _TARGET.match(text, after, stop):
        found.append(Span(begin, target.end(), ""))
        return target.end()
    if stop == limit and _HALF_TARGET.match(text, after, stop):
        found.append(Span(begin, limit + 1, ""))
    return after


def merged(found: Iterable[Span]) -> list[tuple[int, int]]:
    """The stretches that the spans cover, in order and apart."""
    covered: list[tuple[int, int]] = []
    for span in sorted(found, key=lambda span: span.start):
        if covered and span.start < covered[-1][1]:
            covered[-1] = covered[-1][0], max(covered[-1][1], span.stop)
        else:
            covered.append((span.start, span.stop))
    return covered


def over(covered: Sequence[tuple[int, int]], at: int) -> tuple[int, int] | None:
    """The stretch that a cut there would cut in two."""
    index = bisect_right(covered, (at, -1)) - 1
    return covered[index] if index >= 0 and covered[index][0] < at < covered[index][1] else None


# ---- characters ------------------------------------------------------------------------------------------------


def parts(text: str, at: int, start: int) -> bool:
    """Does a new character, as people count them, begin at `at`? Nothing before `start` belongs to it."""
    left, right = text[at - 1], text[at]
    if right < "\u0300" and left < "\u0300":
        return not (left == "\r" and right == "\n")
    if unicodedata.category(right) in ("Mn", "Me", "Mc") or right == "\u200d" or left == "\u200d":
        return False
    if "\U0001f3fb" <= right <= "\U0001f3ff" or "\U000e0020" <= right <= "\U000e007f":
        return False
    if "\ud800" <= left <= "\udbff" and "\udc00" <= right <= "\udfff":
        return False
    if "\u1160" <= right <= "\u11ff" and ("\u1100" <= left <= "\u11ff" or "\uac00" <= left <= "\ud7a3"):
        return False
    if "\u1100" <= left <= "\u115f" and ("\u1100" <= right <= "\u115f" or "\uac00" <= right <= "\ud7a3"):
        return False
    if unicodedata.combining(left) == 9 and right.isalpha():
        return False
    return not (_regional(right) and _odd(text, at, start))


def _regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _odd(text: str, at: int, start: int) -> bool:
    """Does an odd number of flag letters stand before `at`?"""
    first = at
    while first > start and _regional(text[first - 1]):
        first -= 1
    return (at - first) % 2 == 1
