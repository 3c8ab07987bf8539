"""What CommonMark reads otherwise than models mean it, rewritten before the text is parsed for good.

Each step asks the parser where it stands and changes only there, and asks only if the text holds what it looks for:
HTML would hide `List<String>` and all Markdown inside a block of tags, a definition of a link that nothing refers to
would vanish, `$HOME/bin:$PATH` would be maths, and `\\(…\\)` would not.
"""

import re
from collections.abc import Iterator

from adapters.telegram.emphasis import mended
from adapters.telegram.markdown import FILLER, Edit, Source

TAG = re.compile(r"^((?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*)<(?=[A-Za-z/!?])", re.MULTILINE)
"""Where a block of HTML may begin. Behind a letter it is HTML inside of a line, which is shown as it is."""
NEST = re.compile(r"^[ \t]*(?:(?:[-*+>]|\d{1,9}[.)])[ \t]+){16}", re.MULTILINE)
MARKERS = re.compile(r"[-*+>.)][ \t]+(?:\d{0,9}[-*+>.)][ \t]+){15}")
"""What such nesting has on any line: found sooner."""
FORMULA = re.compile(r"\\[(\[]")
LONGEST_FORMULA = 2000
BLANK_LINE = re.compile(r"\n[ \t]*\n")
LINE_BREAK = re.compile(r"\s*\n[\s>]*")
LATEX_SIGNS = re.compile(r"\\[A-Za-z]|\^|_\{")
MATH_SIGNS = re.compile(r"[\\_^={}+*/<>|-]|^[A-Za-z]{1,2}'?$|^[A-Za-z]\([^)]*\)$")
PAIR = re.compile(r"\$[^$\n]*(?:\n(?![ \t]*\n)[^$\n]*)*\$")
DOLLARS = re.compile(r"(?<!\\)[$]+")
CJK = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")
DEFINITION = re.compile(r"^ {0,3}\[([^\]^][^\]]*)\]:[ \t]*\S", re.MULTILINE)
CITATION = re.compile(r"(?:\[\d+\]){1,2}")
CITED = re.compile(r"\d+")


def safe(text: str) -> Source:
    """The Markdown to show instead of this one. ValueError: it is nested deeper than anybody means."""
    if MARKERS.search(text) and NEST.search(text):
        raise ValueError("nested too deep")
    source = Source(TAG.sub(rf"\1{FILLER}<", text) if "<" in text else text)
    if "\\(" in source.text or "\\[" in source.text:
        source = source.edited(edit for start, stretch in source.outside_code() for edit in _formulas(stretch, start))
    edits: list[Edit] = []
    if PAIR.search(source.text):
        edits += _dollars(source)
    if "]:" in source.text:
        edits += _definitions(source)
    return mended(source.edited(edits) if edits else source)


def _formulas(stretch: str, offset: int) -> Iterator[Edit]:
    r"""`\(…\)` and `\[…\]` become `$…$` and `$$…$$`."""
    done = 0
    while begin := FORMULA.search(stretch, done):
        fence, close = ("$", "\\)") if begin[0] == "\\(" else ("$$", "\\]")
        end = stretch.find(close, begin.end(), begin.end() + LONGEST_FORMULA)
        content = stretch[begin.end() : end].strip() if end >= 0 else ""
        done = begin.end()
        if LATEX_SIGNS.search(content) and "$" not in content and not BLANK_LINE.search(content):
            done = end + 2
            yield Edit(offset + begin.start(), offset + done, fence + LINE_BREAK.sub(" ", content) + fence)


def _dollars(source: Source) -> Iterator[Edit]:
    """Between dollars stands maths only if it looks so: prices and shell variables keep theirs."""
    found = [
        (where["start"], where["end"], math)
        for event, where in source.events
        if type(event) is dict and (math := event.get("InlineMath") or event.get("DisplayMath"))
    ]
    place = source.places([offset for start, end, _ in found for offset in (start, end)])
    for first, last, math in found:
        start, end = place[first], place[last]
        follower = source.text[end : end + 1]
        inline = not source.text.startswith("$$", start)
        is_math = MATH_SIGNS.search(math) and ("\\" in math or not CJK.search(math))
        if not is_math or (inline and follower.isascii() and follower.isalnum()):
            for sign in DOLLARS.finditer(source.text, start):
                if sign.start() >= end:
                    break
                yield Edit(sign.start(), sign.end(), r"\$" * len(sign[0]))


def _definitions(source: Source) -> Iterator[Edit]:
    """`[1]: https://…` is shown if no link refers to it: often it is a list of sources."""
    definitions = list(DEFINITION.finditer(source.text))
    if not definitions:
        return
    used = _used(source)
    shown = _shown(source)
    escaped = False
    for found in definitions:
        place = source.text.index("[", found.start())
        if any(a <= place < b for a, b in shown):
            continue
        if label(found[1]) not in used:
            yield Edit(place, place, FILLER)
        elif escaped:
            # Behind what is a paragraph now it would belong to that.
            yield Edit(found.start(), found.start(), "\n")
        escaped = label(found[1]) not in used


def _used(source: Source) -> set[str]:
    used = set()
    for event, where in source.events:
        what = event.get("Start") if type(event) is dict else None
        link = (what.get("Link") or what.get("Image")) if type(what) is dict else None
        if link:
            used |= {label(link["id"]), *map(label, cited(source.data, link, where))}
    return used


def _shown(source: Source) -> list[tuple[int, int]]:
    """Where text is that is shown anyhow."""
    spans = [
        (where["start"], where["end"])
        for event, where in source.events
        if type(event) is dict and not event.keys().isdisjoint(("Text", "Code", "Html", "InlineHtml"))
    ]
    place = source.places([offset for span in spans for offset in span])
    return [(place[start], place[end]) for start, end in spans]


def cited(data: bytes, link: dict[str, str], where: dict[str, int]) -> list[str]:
    """The numbers, if that link is made of numbers alone: `[1]` is a source, and `[1][2]` are two, not one link."""
    if link["link_type"] not in ("Shortcut", "Reference"):
        return []
    text = data[where["start"] : where["end"]].decode()
    return CITED.findall(text) if CITATION.fullmatch(text) else []


def label(text: str) -> str:
    """What a link of that label is found by."""
    return " ".join(text.split()).casefold()
