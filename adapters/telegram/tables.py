"""Tables, for a messenger that has none: columns of fixed width, or a list where these would be too wide to read."""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from adapters.telegram.marks import Mark

WIDEST = 56
"""Columns of text. A telephone shows 30 to 40 and breaks longer lines: one break can be read, two cannot."""


class Cell(NamedTuple):
    """What stands in it. `words` without marks: with the addresses of its links."""

    text: str
    marks: list[Mark]
    words: str


def laid_out(rows: list[list[Cell]]) -> tuple[str, list[Mark], int]:
    """The table as text, the first row being its head, and how many characters less than before this may be.

    A table that grows is a list once a row is too wide, and that can be shorter than the columns just were. Where a
    page is full must not depend on it.
    """
    count = max(map(len, rows), default=0)
    wide = [[_width(cell.words) for cell in row] for row in rows]
    widths = [max((row[column] for row in wide if column < len(row)), default=0) for column in range(count)]
    if len(rows) < 2 or sum(widths) + 3 * (count - 1) <= WIDEST:
        text = _columns(rows, wide, widths)
        return text, [Mark(0, len(text), "pre")], 0
    text, marks = _list(rows)
    return text, marks, max(0, (len(rows) + 1) * (WIDEST + 1) - len(text))


def _columns(rows: list[list[Cell]], wide: list[list[int]], widths: list[int]) -> str:
    lines = []
    for cells, taken in zip(rows, wide, strict=True):
        padded = [cell.words + " " * (width - own) for cell, own, width in zip(cells, taken, widths, strict=False)]
        padded += [" " * width for width in widths[len(cells) :]]
        lines.append(" | ".join(padded))
    if len(rows) > 1:
        lines.insert(1, "-+-".join("-" * width for width in widths))
    return "\n".join(lines)


def _list(rows: list[list[Cell]]) -> tuple[str, list[Mark]]:
    """Each row as its first cell in bold, and below it the others, each behind the head of its column."""
    text, marks = "", list[Mark]()
    for row in rows[1:]:
        begun = False
        for head, cell in zip(rows[0], row, strict=False):
            if not cell.text.strip():
                continue
            text += "\n• " if begun else "\n\n" if text else ""
            start = len(text)
            text += f"{head.text}: " if head.text.strip() else ""
            marks += _moved(cell.marks, len(text))
            text += cell.text
            if not begun:
                marks.append(Mark(start, len(text), "bold"))
            begun = True
    return text, marks


def _moved(marks: list[Mark], by: int) -> Iterator[Mark]:
    return (Mark(mark.start + by, mark.end + by, mark.kind, mark.url, mark.language) for mark in marks)


def _width(text: str) -> int:
    return len(text) if text.isascii() else sum(map(_columns_of, text))


@lru_cache(maxsize=2048)
def _columns_of(char: str) -> int:
    if char < "\u0300":
        return 1
    if "\u4e00" <= char <= "\u9fff":
        return 2
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
