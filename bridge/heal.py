"""Makes the Markdown of an answer that still grows look as its beginning will look once it is whole.

What only announces something is held back (half a marker, half a table row, the address of a link), and what is open
is closed. Not one raw marker is seen on the way, and what was seen once stays as it was.
"""

import re
from collections.abc import Sequence

from bridge import blocks, inline
from bridge.blocks import Line
from bridge.inline import Span

_ANNOUNCED = re.compile(
    r"[ \t]*(?:(?:[-+*]|\d{1,9}[.)]?)(?:[ \t]+\[(?:[ xX]?\]?)?)?|#{1,6}(?:[ \t]+#+)?|[-=_*|:]+"
    r"|`{1,2}|~{1,2}|[`~]{3}[^`\n]*)?[ \t]*$"
)
"""A last line of which nothing but its marker has come."""
_BLANK_QUOTED = " \t\r\n>"
_BAR = re.compile(r"[ \t]*\|")
_CLOSING = re.compile(r"[ \t]*(?:`+|~+)[ \t]*$")
_HALF = re.compile(r"(?:<br\s*/?>\s*|<[/!?a-zA-Z][^<>\n]{0,200}|<|&#?\w{0,8}|(?<!\\)(?:\\\\)*\\|https?:?/{0,2}|!|\$)$")
"""A line break, a tag, an entity, an escape, the beginning of an address, of an image, of a formula."""
_MATH = re.compile(r"\\\(|\\\[|(?<![\\$])\$\$(?!\$)|(?<![\\$A-Za-z0-9])\$(?=[^\s$\d]|$)")
_MATH_ENDS = {
    "\\(": re.compile(r"\\\)"),
    "\\[": re.compile(r"\\\]"),
    "$$": re.compile(r"\$\$"),
    "$": re.compile(r"(?<=[^\s\\])\$(?![A-Za-z0-9])"),
}
_LOOKS_MATH = re.compile(r"\$(?:[A-Za-z]{1,2}(?:[\s+*/<>=,()^_'-][^$]*)?|[^$]{0,40}[\\^_={][^$]*|[(|]?)$")
"""Behind a single dollar, since prices and the variables of a shell have one as well."""
_LONGEST_MATH = 600
"""Characters; a formula that is longer and still open is none."""
_LONGEST_PARAGRAPH = 200
"""Lines to look back for what is open."""
_LONGEST_LINK = 2000
"""Characters, of a text and its address."""
_MOST_STRIPS = 16
"""Things that have only begun, one behind the other. Whatever has more of them is no markup."""
_LINK = re.compile(r"(!?)\[([^\[\]\n]*)(\](?:\([^\s()]*(?:\([^\s()]*\)?[^\s()]*)*(?:\s+(?:\"[^\"\n]*\"?)?)?)?)?$")
_NAME = re.compile(r"(?<!\w)__\w+$")
"""Bold, or a name such as `__init__`: that is known once it ends."""
_DELIMITERS = re.compile(r"[*_~]+$")


def heal(markdown: str) -> str:
    """The text to show now of one that may go on with anything. A whole text must not be healed: it loses its end."""
    text, lines = markdown, blocks.scan(markdown)
    for _ in range(_MOST_STRIPS):
        text, lines = _whole_lines(text, lines)
        if not lines:
            return text
        if fence := lines[-1].fence:
            return text if text[fence.body :].strip(_BLANK_QUOTED if fence.quote else None) else text[: fence.start]
        if blocks.FENCED.match(text, lines[-1].lead):
            return text[: lines[-1].start]
        start, tail = _paragraph(text, lines)
        spans = inline.spans(text, tail, start, len(text), ())
        shorter = _shorter(text, start, spans).rstrip(" \t")
        if len(shorter) == len(text.rstrip(" \t")):
            closed = _closed(text, spans)
            if len(closed) >= len(text.rstrip()):
                return closed
            shorter = closed
        text, lines = shorter, _upto(shorter, lines)
    return markdown


# ---- lines -----------------------------------------------------------------------------------------------------


def _upto(text: str, lines: list[Line]) -> list[Line]:
    """The lines of this text, which is a beginning of the one that these are of."""
    while lines and lines[-1].start >= len(text):
        lines.pop()
    return blocks.scan(text, lines) if lines else []


def _whole_lines(text: str, lines: list[Line]) -> tuple[str, list[Line]]:
    """Without the last lines of which it cannot be said yet what they will be."""
    while lines:
        line, above = lines[-1], lines[-2] if len(lines) > 1 else None
        heads = above is not None and _heads(text, above) and blocks.delimits(text, line, line.stop, above)
        if text.endswith("\n", line.start) and (heads or not _heads(text, line)):
            break
        if not heads and not _open_ended(text, line):
            break
        parts = not set(text[line.lead : line.stop]) - set("|-: \t")
        text = text[: line.start]
        lines.pop()
        if not parts:
            break  # The line above has got its successor, which makes it no head of a table.
    return text, lines


def _open_ended(text: str, line: Line) -> bool:
    body = text[line.lead : line.stop]
    if line.fence:
        return _CLOSING.match(body) is not None
    if line.table:
        head = line.table.partition("\n")[0]
        return not body.rstrip().endswith("|") or body.count("|") < head.count("|")
    return _heads(text, line) or _ANNOUNCED.match(body) is not None


def _heads(text: str, line: Line) -> bool:
    """May this line be the head of a table?"""
    return not line.table and not line.fence and _BAR.match(text, line.lead, line.stop) is not None


def _paragraph(text: str, lines: Sequence[Line]) -> tuple[int, Sequence[Line]]:
    """Where the last paragraph begins, or its last item if no formula could reach across; and its lines."""
    first = len(lines) - 1
    lowest = max(0, first - _LONGEST_PARAGRAPH)
    item = -1
    while first > lowest and not lines[first - 1].fence and text[lines[first - 1].lead : lines[first - 1].stop].strip():
        if item < 0 and blocks.STARTS.match(text, lines[first].lead, lines[first].stop):
            item = first
        first -= 1
    if item > first and not _MATH.search(text, lines[first].start):
        first = item
    return lines[first].start, lines[first:]


# ---- inside of the last paragraph ------------------------------------------------------------------------------


def _shorter(text: str, start: int, spans: Sequence[Span]) -> str:
    """Without one thing at its end that has only begun; the same text if there is none."""
    code = [span for span in spans if span.marker.startswith("`")]
    formula = _formula(text, start, code)
    if formula is not None:
        return text[:formula]
    if any(span.stop > len(text) for span in code):
        return text
    half = _HALF.search(text, max(start, len(text) - 250)) or _NAME.search(text, max(start, len(text) - 50))
    if half and not _within(code, half.start()):
        return text[: half.start()]
    link = _LINK.search(text, max(start, len(text) - _LONGEST_LINK))
    if link and not _within(code, link.start()) and (link.start() == 0 or text[link.start() - 1] != "\\"):
        return text[: link.start()] + ("" if link[1] else link[2])
    marks = _DELIMITERS.search(text, start)
    if marks and not any(span.stop == len(text) and span.marker for span in spans):
        return text[: marks.start()]
    return text


def _closed(text: str, spans: Sequence[Span]) -> str:
    """With what is open closed, the innermost first."""
    opened = sorted(
        (span for span in spans if span.stop > len(text) and span.marker),
        key=lambda span: (span.start, -span.stop),
    )
    for span in reversed(opened):
        body = text.rstrip(" \t\n")
        if span.marker[0] == "`":
            body = body.rstrip("`") if len(body.rstrip("`")) > span.start else body
        inside = body[span.start + len(span.marker) :].strip()
        text = body + span.marker if inside else body[: span.start]
    return text


def _formula(text: str, start: int, code: Sequence[Span]) -> int | None:
    """Where the formula begins that is not closed yet."""
    at = start
    endless: set[str] = set()
    while begun := _MATH.search(text, at):
        if _within(code, begun.start()):
            at = begun.end()
            continue
        end = None if begun[0] in endless else _MATH_ENDS[begun[0]].search(text, begun.end())
        if end is None:
            endless.add(begun[0])  # where none follows here, none follows further on
        if end:
            at = end.end()
        elif begun[0] == "$" and not _LOOKS_MATH.match(text, begun.start()):
            at = begun.end()
        else:
            return begun.start() if len(text) - begun.start() <= _LONGEST_MATH else None
    return None


def _within(spans: Sequence[Span], at: int) -> bool:
    return any(span.start <= at < span.stop for span in spans)
