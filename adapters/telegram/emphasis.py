"""Bold and italics where CommonMark's rules fail Chinese text, and stars that are no emphasis at all.

CommonMark lets `**` begin or end bold by the letters, blanks and punctuation around it, and Chinese has no blanks:
`**注意：**这` stays raw, and the bold of the next pair comes out inverted. An invisible letter inside the markers
decides it. In `2*3*4` and `x**2 + y**2` on the other hand the stars are meant.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from adapters.telegram.markdown import FILLER, Edit, Source

OPAQUE = frozenset(("Code", "InlineMath", "DisplayMath", "InlineHtml"))
TRANSPARENT = frozenset(("Emphasis", "Strong", "Strikethrough"))
RUNS = re.compile(r"\\.|\*+|~~+", re.DOTALL)
MOST_WAITING = 50
OPENING = frozenset("([{<（「『【《〈“‘")
CLOSING = frozenset(")]}>,.;:!?，。！？；：、）」』】》〉”’…")
INERT = re.compile(r"(?<!`)`[^`\n]+`(?!`)|\]\([^()\s<>\\]*\)")
"""Code, and the address of a link."""
NOT_PLAIN = re.compile(r"[`\\<$|]")
SIGNS = re.compile(r"[*~]+")
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
    doubtful = [found.start() for found in SIGNS.finditer(source.text) if _doubtful(source.text, *found.span())]
    if not doubtful:
        return source
    plain = _by_lines(source.text, doubtful)
    if plain is not None:
        return source.edited(plain)
    edits: list[Edit] = []
    for stretch in _stretches(source, doubtful):
        runs = list(_runs(source.text, stretch))
        pairs, literal = _read(source.text, runs)
        if len(runs) > 1:
            edits += (_escaped(run) for run in literal)
        for opener, closer in pairs:
            edits += _edits(source.text, opener, closer)
    return source.edited(edits) if edits else source


def _by_lines(text: str, doubtful: list[int]) -> list[Edit] | None:
    """What to put in, if each such line is so plain that the parser need not be asked; else None.

    It may be a line of code all the same: there a filler does no harm, as it is not written.
    """
    edits: list[Edit] = []
    done = -1
    for place in doubtful:
        if place < done:
            continue
        start, done = text.rfind("\n", 0, place) + 1, text.find("\n", place)
        done = len(text) if done < 0 else done
        line = text[start:done]
        inert = [(start + first, start + last) for first, last in _inert(line)] if "`" in line or "](" in line else []
        if NOT_PLAIN.search(INERT.sub("", line) if inert else line):
            return None
        stretch = Stretch(start, done, inert)
        runs = [run for run in _runs(text, stretch) if not (run.before + run.after).isspace()]
        pairs, literal = _read(text, runs)
        if 2 * len(pairs) + len(literal) != len(runs) or any(_is_arithmetic(text, *pair) for pair in pairs):
            return None
        if literal and not (len(runs) == 1 and _alone(text, start, done)):
            return None
        for opener, closer in pairs:
            edits += _edits(text, opener, closer)
    return edits


def _alone(text: str, start: int, end: int) -> bool:
    """Is there nothing next to this line that the parser could take for the other end of what stands in it?"""
    above, below = text.rfind("\n", 0, max(0, start - 1)) + 1, text.find("\n", end + 1)
    return "*" not in text[above:start] and "*" not in text[end : below if below >= 0 else len(text)]


def _inert(line: str) -> list[tuple[int, int]]:
    return [found.span() for found in INERT.finditer(line)]


def _doubtful(text: str, start: int, end: int) -> bool:
    """May CommonMark read this run otherwise than people do? Not if there is a blank on one side."""
    before, after = text[start - 1 : start], text[end : end + 1]
    if not before or not after or before.isspace() or after.isspace():
        return False
    if before.isalnum():
        if after.isalnum():
            return after.isascii() and (before.isascii() or after.isdigit())
        return after not in CLOSING
    if not after.isalnum():
        # An invisible character, such as the mark of a fold, is neither letter nor punctuation.
        return before == "/" or not (_is_punctuation(before) and _is_punctuation(after))
    return before not in OPENING or (before == "(" and text[start - 2 : start - 1].isalnum())


def _stretches(source: Source, doubtful: list[int]) -> list[Stretch]:
    """Those in which one of these places is; emphasis begins and ends within one of them."""
    wanted = source.offsets(doubtful)
    found = [
        stretch
        for stretch in _all_stretches(source)
        if bisect_left(wanted, stretch.start) < bisect_left(wanted, stretch.end)
    ]
    place = source.places([offset for start, end, opaque in found for offset in (start, end, *chain(*opaque))])
    return [
        Stretch(place[start], place[end], [(place[first], place[last]) for first, last in opaque])
        for start, end, opaque in found
    ]


def _all_stretches(source: Source) -> Iterator[Stretch]:
    """In bytes."""
    start, end, last = -1, -1, 0
    opaque: list[tuple[int, int]] = []
    in_code = False
    for event, where in source.events:
        if type(event) is str:  # a line break, or a rule
            continue
        ((do, what),) = event.items()
        if do == "Start" or do == "End":
            name = what if type(what) is str else next(iter(what))
            if name == "CodeBlock":
                in_code = do == "Start"
            if name in TRANSPARENT or name == "Link" or name == "Image":
                if do == "End":
                    if name not in TRANSPARENT:
                        # What stands behind the words of a link is its address.
                        opaque.append((where["start"] if last < where["start"] else last, where["end"]))
                    last = where["end"]
                start = where["start"] if start < 0 else start
                end = max(end, where["end"])
            elif start >= 0:
                yield Stretch(start, end, opaque)
                start, end, last, opaque = -1, -1, 0, []
            continue
        if in_code or do == "Html":
            continue
        if do in OPAQUE:
            opaque.append((where["start"], where["end"]))
        start = where["start"] if start < 0 else start
        last = where["end"]
        end = max(end, last)
    if start >= 0:
        yield Stretch(start, end, opaque)


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


def _read(text: str, runs: list[Run]) -> tuple[list[tuple[Run, Run]], list[Run]]:
    """Pairs of the same length, of which one may begin and one may end, and the runs that are no emphasis.

    Between two letters beginnings and ends take turns.
    """
    pairs: list[tuple[Run, Run]] = []
    literal: list[Run] = []
    waiting: list[Run] = []
    for run in runs:
        del waiting[:-MOST_WAITING]
        opens, closes = not run.after.isspace(), not run.before.isspace()
        depth = next((i for i in reversed(range(len(waiting))) if waiting[i].marker == run.marker), -1)
        multiplies = _multiplies(text, run)
        if opens and closes:
            closes = depth >= 0 and run.before not in OPENING and not (multiplies and run.after.isdigit())
            opens = run.after not in CLOSING and not multiplies
        if _is_path(run) or _unpacks(text, run) or (multiplies and not closes):
            literal.append(run)
        elif closes and depth >= 0:
            pairs.append((waiting[depth], run))
            del waiting[depth:]
        elif opens:
            waiting.append(run)
    return pairs, literal


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


@lru_cache(maxsize=512)
def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] in "PS"


def _is_arithmetic(text: str, opener: Run, closer: Run) -> bool:
    """`x**2 + y**2`, and with Chinese operands `苹果*3和香蕉*4`: a power, or multiplication."""
    if len(opener.marker) > 2 or opener.marker[0] == "~":
        return False
    if not all(_is_word(char) for run in (opener, closer) for char in (run.before, run.after)):
        return all(run.before.isalnum() and run.after.isascii() and run.after.isdigit() for run in (opener, closer))
    before = WORD_BEFORE.search(text, max(0, opener.start - LONGEST_WORD), opener.start)
    after = WORD_AFTER.match(text, closer.end)
    return any(word is not None and OPERAND.fullmatch(word[0]) for word in (before, after))


def _multiplies(text: str, run: Run) -> bool:
    """`2*3`, `width*height*depth`, `x**2`"""
    if run.marker[0] != "*" or len(run.marker) > 2 or not (_is_word(run.before) and _is_word(run.after)):
        return False
    before = None if run.marker == "*" else WORD_BEFORE.search(text, max(0, run.start - LONGEST_WORD), run.start)
    return before is None or OPERAND.fullmatch(before[0]) is not None


def _is_word(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _unpacks(text: str, run: Run) -> bool:
    """`f(*args)`"""
    if run.marker[0] != "*" or run.before != "(" or not (run.after.isalnum() or run.after == "_"):
        return False
    return run.start > 1 and text[run.start - 2].isalnum()


def _is_path(run: Run) -> bool:
    """`src/**/*.py`"""
    return run.before == "/" and run.after in "/."


def _escaped(run: Run) -> Edit:
    return Edit(run.start, run.end, "".join("\\" + char for char in run.marker))
