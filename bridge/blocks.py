"""Where each line of a Markdown text stands: in which fence, table, quote and list."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_QUOTE = re.compile(r" {0,3}> ?")
_ITEM = re.compile(r"[ \t]*(?:[-+*]|\d{1,9}[.)])(?:[ \t]+|$)")
_FENCE = re.compile(r"([ \t]*)(`{3,200}+(?=[^`]*$)|~{3,200}+(?!~))(.*)")
_CLOSER = re.compile(r"([ \t]*)(`{3,}+|~{3,}+)\s*$")
_LEFT = re.compile(r"\n(?=[^\s])")
_MARGIN = re.compile(r"^[ \t]+", re.MULTILINE)
FENCED = re.compile(r"[ \t]*(?:```|~~~)")
_BLANK = re.compile(r"[ \t]*")
STARTS = re.compile(r"[ \t]*(?:[-+*](?:\s|$)|\d{1,9}[.)](?:\s|$)|#{1,6}(?:\s|$)|```|~~~|>)")
"""What makes a line the start of a block of its own, whatever stands above it."""

_DEEPEST = 32
"""Of quotes within quotes: further markers count as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """A fenced block of code."""

    start: int
    """Where the line that opens it starts."""
    body: int
    """Where its first line of code starts."""
    quote: str
    depth: int
    """Of the quotes that it stands in."""
    indent: int
    marker: str
    info: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line, and what is open where it starts; that depends on nothing behind its own first characters."""

    start: int
    stop: int
    lead: int
    """Where its own quote markers end."""
    fence: Fence | None = None
    table: str = ""
    """Header and delimiter rows, if the line above belongs to a table."""
    quote: str = ""
    """The quote that a paragraph above stands in: a line without markers would go on with it."""
    listed: bool = False


def columns(blank: str) -> int:
    """The width of that indentation."""
    return len(blank.expandtabs(4))


# ---- lines -----------------------------------------------------------------------------------------------------


def scan(text: str, known: Sequence[Line] = ()) -> list[Line]:
    """Every line of the text, in order. `known`: the last of the lines of its beginning, of which the rest follows."""
    lines = list(known[:-1])
    line = lines[-1] if lines else None
    before = lines[-2] if len(lines) > 1 else None
    start = known[-1].start if known else 0
    while start < len(text):
        stop = text.find("\n", start)
        stop = len(text) if stop < 0 else stop
        before, line = line, _next(text, before, line, start, stop)
        lines.append(line)
        start = stop + 1
    return lines


def _next(text: str, before: Line | None, line: Line | None, start: int, stop: int) -> Line:
    """The line after `line`, which comes after `before`."""
    if line is None:
        return Line(start=start, stop=stop, lead=_unquote(text, start, stop)[0])
    fence, table, quote, listed = line.fence, line.table, line.quote, line.listed
    body = text[line.lead : line.stop].strip()
    if fence:
        fence = None if body and body[0] in "`~" and closes(text, line, fence) else fence
    elif not body:
        table = quote = ""
    elif body[0].isalpha() and "|" not in body:  # most lines: no more than words
        listed = listed and text[line.lead].isspace()
        quote = text[line.start : line.lead] if line.lead > line.start else quote
    else:
        starts = STARTS.match(text, line.lead, line.stop) is not None
        listed = bool(_ITEM.match(text, line.lead, line.stop)) or (listed and text[line.lead].isspace())
        fence = _opened(text, line, listed)
        quote = text[line.start : line.lead] if line.lead > line.start else "" if starts else quote
        if starts or fence:
            table = ""
        elif not table and before and not before.fence and delimits(text, line, line.stop, before):
            table = text[before.start : line.stop] + "\n"
    lead = start
    if fence and fence.depth:
        lead, depth = _unquote(text, start, stop, fence.depth)
        fence = fence if depth == fence.depth else None
    if fence is None:
        lead, _ = _unquote(text, start, stop)
    return Line(start=start, stop=stop, lead=lead, fence=fence, table=table, quote=quote, listed=listed)


def _unquote(text: str, start: int, stop: int, most: int = _DEEPEST) -> tuple[int, int]:
    """Where the line's quote markers end, at most so many, and how many they are."""
    depth = 0
    while depth < most and (mark := _QUOTE.match(text, start, stop)):
        start, depth = mark.end(), depth + 1
    return start, depth


def _opened(text: str, line: Line, listed: bool) -> Fence | None:
    """The fence that this line opens."""
    item = _ITEM.match(text, line.lead, line.stop)
    found = _FENCE.match(text, item.end() if item else line.lead, line.stop)
    if not found:
        return None
    indent = columns(" " * (found.start(1) - line.lead) + found[1]) if item else columns(found[1])
    if indent > 3 and not listed:
        return None
    info = found[3].strip()
    if len(info) > 60:
        info = info.split()[0][:60]
    _, depth = _unquote(text, line.start, line.stop)
    quote = text[line.start : line.lead]
    return Fence(
        start=line.start, body=line.stop + 1, quote=quote, depth=depth, indent=indent, marker=found[2], info=info
    )


def closes(text: str, line: Line, fence: Fence) -> bool:
    """Does this line, of the fence, end it?"""
    found = _CLOSER.match(text, line.lead, line.stop)
    if not found or columns(found[1]) > fence.indent + 3:
        return False
    return found[2][0] == fence.marker[0] and len(found[2]) >= len(fence.marker)


def delimits(text: str, line: Line, stop: int, above: Line) -> bool:
    """Does this line, seen as far as `stop`, part the header above it from the rows of a table?"""
    body = text[line.lead : min(line.stop, stop)].strip()
    return "-" in body and not set(body) - set("|-: \t") and "|" in text[above.lead : above.stop]


def prefix(text: str, line: Line, limit: int) -> int:
    """Where the line's own markers and indentation end."""
    stop = min(line.stop, limit)
    item = None if line.fence else _ITEM.match(text, line.lead, stop)
    return item.end() if item else line.lead + len(_blank(text, line))


def _blank(text: str, line: Line) -> str:
    """The line's indentation."""
    found = _BLANK.match(text, line.lead, line.stop)
    return found[0] if found else ""


# ---- going on after a cut --------------------------------------------------------------------------------------


def closing(fence: Fence, dedent: int) -> str:
    """What ends the fence early."""
    return f"\n{fence.quote}{' ' * max(0, fence.indent - dedent)}{fence.marker}"


def reopen(text: str, line: Line, middle: bool) -> tuple[str, int]:
    """What a page that begins with this line, or in the middle of it, is to begin with; and its dedent.

    A page that began with an indentation of four would show code. So what goes on there loses some of it.
    """
    fence, quote = line.fence, text[line.start : line.lead]
    if fence:
        less = 0 if fence.quote else _excess(fence.indent)
        opening = f"{fence.quote}{' ' * (fence.indent - less)}{fence.marker}{fence.info}\n"
        return opening + (fence.quote if middle else ""), less
    starts = STARTS.match(text, line.lead, line.stop)
    item = _ITEM.match(text, line.lead, line.stop)
    if not middle:
        if not starts and (line.table or (line.quote and not quote)):
            return line.table or line.quote, 0
        return "", _excess(columns(_blank(text, line))) if line.listed else 0
    indent = columns(text[line.lead : prefix(text, line, line.stop)])
    if quote or (line.quote and not starts):
        return (quote or line.quote) + " " * min(indent, 3), 0
    less = _excess(indent) if line.listed or item else 0
    return " " * (indent - less), less


def shift(text: str, start: int, fence: Fence, dedent: int) -> int:
    """What a page that begins at `start` has taken away of the indentation of a fence that begins on it."""
    return 0 if _LEFT.search(text, start, fence.start + 1) else dedent


def _excess(indent: int) -> int:
    return indent - 2 if indent > 3 else 0


def dedented(body: str, dedent: int) -> str:
    """The text with so many columns less before each line, up to the first line that has none."""
    if not dedent:
        return body
    left = _LEFT.search(body)
    cut = left.start() if left else len(body)
    return _MARGIN.sub(lambda blank: " " * max(0, columns(blank[0]) - dedent), body[:cut]) + body[cut:]
