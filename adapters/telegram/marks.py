"""How parts of a text look: marks, with their places in characters, as Telegram keeps them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

QUOTES = frozenset(("blockquote", "expandable_blockquote"))
CODE = frozenset(("code", "pre"))
STYLES = frozenset(("bold", "italic", "strikethrough"))
RANK = {
    "expandable_blockquote": 0,
    "blockquote": 0,
    "text_link": 1,
    "pre": 2,
    "code": 2,
    "bold": 3,
    "italic": 4,
    "strikethrough": 5,
}


@dataclass(slots=True)
class Mark:
    """An entity, with its place in characters."""

    start: int
    end: int
    kind: str
    url: str = ""
    language: str = ""


def kept(text: str, marks: Sequence[Mark]) -> list[Mark]:
    """The marks that Telegram keeps, in order, the outer before the inner; of two alike, the later is the outer.

    It drops code in a link, and what is in something of its own kind; code in bold cuts the bold in two (asked of
    tdlib/td 1.8.69). White space at the end of a mark shows nothing.
    """
    found = sorted((mark for mark in reversed(marks) if _shortened(text, mark)), key=_order)
    reached: dict[str, int] = {}
    solid: list[Mark] = []
    styles: list[Mark] = []
    for mark in found:
        family = "quote" if mark.kind in QUOTES else mark.kind
        if reached.get(family, 0) >= mark.end:
            continue
        if mark.kind in CODE and reached.get("text_link", 0) >= mark.end:
            continue
        reached[family] = mark.end
        (styles if mark.kind in STYLES else solid).append(mark)
    code = [mark for mark in solid if mark.kind in CODE]
    if code and styles:
        styles = [piece for mark in styles for piece in _around(text, mark, code)]
    return sorted((*solid, *styles), key=_order) if styles else solid


def _order(mark: Mark) -> tuple[int, int, int]:
    return mark.start, -mark.end, RANK[mark.kind]


def _shortened(text: str, mark: Mark) -> bool:
    """Takes the white space from its end; False if nothing is left."""
    end = mark.end
    while end > mark.start and text[end - 1].isspace():
        end -= 1
    mark.end = end
    return end > mark.start


def _around(text: str, mark: Mark, code: Iterable[Mark]) -> Iterable[Mark]:
    """What of a style lies outside of code."""
    start = mark.start
    for inner in code:
        if inner.end <= start:
            continue
        if inner.start >= mark.end:
            break
        before = replace(mark, start=start, end=inner.start)
        if _shortened(text, before):
            yield before
        start = inner.end
    rest = replace(mark, start=start)
    if start < mark.end and _shortened(text, rest):
        yield rest


def weight(marks: list[Mark]) -> int:
    """How many entities Telegram makes of them: it cuts a style wherever something begins or ends inside of it."""
    count, open_ = 0, list[Mark]()
    for mark in marks:
        open_ = [other for other in open_ if other.end > mark.start]
        for other in open_:
            if other.kind in STYLES:
                count += (other.start < mark.start) + (other.end > mark.end)
        open_.append(mark)
        count += 1
    return count
