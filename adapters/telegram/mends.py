"""Markdown made safe for telegramify-markdown: what it would swallow or distort is rewritten before it sees it.

Each step asks the parser where it stands and changes only there. The visible result of the library without them, of
1.4.1: `List<String>` shows as `List`, `a || b || c` hides `b`, a definition of a link that nothing refers to vanishes,
`$HOME/bin:$PATH` loses both `$`, maths in a table cell moves in front of the table, code that holds `\\(` is rewritten.
"""

import re
import unicodedata
from collections.abc import Iterator

from telegramify_markdown import convert

from adapters.telegram.emphasis import mended
from adapters.telegram.markdown import BREAK, FILLER, Edit, Event, Source, literal

MOST_PASSES = 12
WEB = re.compile(r"https?://(?:\[|[^/?#\s:]*\.)\S|(?:tg|ton)://\S", re.IGNORECASE)
"""Links that Telegram keeps; of others, also of `http://localhost`, it drops the link (asked of tdlib/td 1.8.69)."""
BR = re.compile(r"<br\s*/?>", re.IGNORECASE)
SIGNS = re.compile(r"[\[$]|\|\||#####|__")
"""Without any of these there is nothing for `_signs` to do."""
NEST = re.compile(r"^[ \t]*(?:(?:[-*+>]|\d{1,9}[.)])[ \t]+){16}", re.MULTILINE)
FORMULA = re.compile(r"\\[(\[]")
LONGEST_FORMULA = 2000
BLANK_LINE = re.compile(r"\n[ \t]*\n")
LINE_BREAK = re.compile(r"\s*\n[\s>]*")
LATEX_SIGNS = re.compile(r"\\[A-Za-z]|\^|_\{")
MATH_SIGNS = re.compile(r"[\\_^={}+*/<>|-]|^[A-Za-z]{1,2}'?$|^[A-Za-z]\([^)]*\)$")
DOLLARS = re.compile(r"(?<!\\)[$]+")
CJK = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")
PYTHON_NAME = re.compile(
    "__(?:init|new|del|main|name|file|doc|all|dict|class|module|version|slots|call|str|repr|len|iter|next|enter|exit|"
    "eq|ne|lt|le|gt|ge|hash|bool|add|sub|mul|contains|getattr|setattr|getitem|setitem|import|future|pycache)__"
)
CITATION = re.compile(r"(?:\[\d+\]){1,2}")
CITED = re.compile(r"\d+")
DEFINITION = re.compile(r"^ {0,3}\[([^\]^][^\]]*)\]:[ \t]*\S", re.MULTILINE)


def safe(text: str) -> str:
    """The Markdown to convert instead of this one. ValueError: it is nested deeper than anybody means."""
    if NEST.search(text):
        raise ValueError("nested too deep")  # the library indents each level: 32 KB of `1. ` became 113 MB
    source = _html(_latex(Source(text)))
    if SIGNS.search(source.text):
        source = source.edited(_signs(source))
    source = mended(source)
    if "|" in source.text:
        source = source.edited(_cells(source))
    return source.text


def _latex(source: Source) -> Source:
    r"""`\(…\)` and `\[…\]` become `$…$` and `$$…$$`, outside code."""
    if "\\(" not in source.text and "\\[" not in source.text:
        return source
    return source.edited(edit for start, stretch in source.outside_code() for edit in _formulas(stretch, start))


def _formulas(stretch: str, offset: int) -> Iterator[Edit]:
    done = 0
    while begin := FORMULA.search(stretch, done):
        fence, close = ("$", "\\)") if begin[0] == "\\(" else ("$$", "\\]")
        end = stretch.find(close, begin.end(), begin.end() + LONGEST_FORMULA)
        content = stretch[begin.end() : end].strip() if end >= 0 else ""
        done = begin.end()
        if LATEX_SIGNS.search(content) and "$" not in content and not BLANK_LINE.search(content):
            done = end + 2
            yield Edit(offset + begin.start(), offset + done, fence + LINE_BREAK.sub(" ", content) + fence)


def _html(source: Source) -> Source:
    """HTML is shown, as Telegram has none of it; only `<br>` is what it says."""
    for _ in range(MOST_PASSES):
        if "<" not in source.text:
            break
        before, source = source, source.edited(_tags(source))
        if source is before:
            break
    return source


def _tags(source: Source) -> Iterator[Edit]:
    in_table = False
    for event in source.events:
        if event.what == "Table":
            in_table = event.do == "start"
        if event.what not in ("InlineHtml", "Html"):
            continue
        start = event.start + len(event.data) - len(event.data.lstrip())
        if tag := BR.match(source.text, start, event.end):
            yield Edit(start, tag.end(), " " if in_table else BREAK)
        elif source.text[start : start + 1] == "<":
            # In a block of HTML only the tags at the beginnings of lines: the next pass sees code spans behind them.
            yield Edit(start, start, "\\")


def _signs(source: Source) -> Iterator[Edit]:
    """Everything that one reading of the text can mend."""
    yield from _bars(source)
    yield from _definitions(source)
    yield from _citations(source)
    opened: list[tuple[Event, int, int]] = []
    in_table, last = False, 0
    for number, event in enumerate(source.events):
        if event.what == "Table":
            in_table = event.do == "start"
        elif event.what == "Heading" and event.do == "start":
            yield from _heading(source.text, event)
        elif event.what == "Strong" and event.do == "start":
            yield from _python_name(source.text, event)
        elif event.what in ("InlineMath", "DisplayMath"):
            yield from _math(source.text, event, in_table=in_table)
        elif event.what in ("Link", "Image") and event.do == "start":
            opened.append((event, number, event.start))
            continue
        elif event.what in ("Link", "Image") and opened:
            begun, first, _ = opened.pop()
            inner = last if number > first + 1 else begun.start + (2 if event.what == "Image" else 1)
            yield from _link(source.text, begun, inner, in_table=in_table)
        last = event.end


def _heading(text: str, event: Event) -> Iterator[Edit]:
    """The library shows levels 5 and 6 in italics, the others in bold."""
    surplus = int(event.data["level"][1:]) - 4
    if surplus > 0 and text[event.start] == "#":
        yield Edit(event.start, event.start + surplus, "")


def _python_name(text: str, event: Event) -> Iterator[Edit]:
    """`__init__` is a name."""
    if PYTHON_NAME.fullmatch(text, event.start, event.end):
        yield Edit(event.start, event.start + 2, r"\_\_")
        yield Edit(event.end - 2, event.end, r"\_\_")


def _math(text: str, event: Event, *, in_table: bool) -> Iterator[Edit]:
    """Between dollars stands maths only if it looks so: prices and shell variables keep theirs."""
    follower = text[event.end : event.end + 1]
    is_math = MATH_SIGNS.search(event.data) and ("\\" in event.data or not CJK.search(event.data))
    if not is_math or (event.what == "InlineMath" and follower.isascii() and follower.isalnum()):
        for found in DOLLARS.finditer(text, event.start):
            if found.start() >= event.end:
                break
            yield Edit(found.start(), found.end(), r"\$" * len(found[0]))
    elif in_table:
        shown, _ = convert(text[event.start : event.end], latex_escape=False)
        yield Edit(event.start, event.end, literal(shown.strip().replace("\n", " ")))


def _link(text: str, event: Event, inner: int, *, in_table: bool) -> Iterator[Edit]:
    """A link that cannot be one (no web address, or in a table) shows its address behind its words."""
    kind, url = event.data["link_type"], event.data["dest_url"]
    if kind in ("Autolink", "Email"):
        return
    start = event.start + (2 if event.what == "Image" else 1)
    words = text[start:inner]
    end = event.end + 2 if kind == "Collapsed" and text.startswith("[]", event.end) else event.end
    shown = "" if url in words or not url or url.startswith("#") else literal(url)
    if in_table:
        yield Edit(event.start, start, "")
        yield Edit(inner, end, f" ({shown})" if shown and words.strip() else shown)
    elif not words.strip():
        yield Edit(start, inner, shown)
    elif shown and not WEB.match(url):
        yield Edit(end, end, f" ({shown})")


def _bars(source: Source) -> Iterator[Edit]:
    """`||` is a spoiler to the library, to everybody else an 'or', or an empty cell."""
    if "||" not in source.text:
        return
    tables = [(e.start, e.end) for e in source.events if (e.do, e.what) == ("start", "Table")]
    for start, stretch in source.outside_code():
        for found in re.finditer(r"(?<=\|)\|", stretch):
            place = start + found.start()
            in_table = any(a <= place < b for a, b in tables)
            yield Edit(place, place, " " if in_table else "\\")


def _definitions(source: Source) -> Iterator[Edit]:
    """`[1]: https://…` is shown if no link refers to it: often it is a list of sources."""
    used = {_label(label) for event in _links(source) for label in (event.data["id"], *_cited(source.text, event))}
    shown = [(e.start, e.end) for e in source.events if e.what in ("Text", "Code", "Html", "InlineHtml")]
    escaped = False
    for found in DEFINITION.finditer(source.text):
        place = source.text.index("[", found.start())
        if any(a <= place < b for a, b in shown):
            continue
        if _label(found[1]) not in used:
            yield Edit(place, place, "\\")
        elif escaped:
            # Behind what is a paragraph now it would belong to that.
            yield Edit(found.start(), found.start(), "\n")
        escaped = _label(found[1]) not in used


def _citations(source: Source) -> Iterator[Edit]:
    """`[1]` keeps its brackets as a link, and `[1][2]` are two sources, not one link."""
    defined = {_label(found[1]) for found in DEFINITION.finditer(source.text)}
    for event in _links(source):
        cited = _cited(source.text, event)
        links = (rf"\[[{label}]\]" if label in defined else rf"\[{label}\]" for label in cited)
        if cited:
            yield Edit(event.start, event.end, "".join(links))


def _cited(text: str, event: Event) -> list[str]:
    """The numbers, if that link is made of numbers alone."""
    if event.what == "Link" and event.data["link_type"] in ("Shortcut", "Reference"):
        return CITED.findall(text[event.start : event.end]) if CITATION.fullmatch(text, event.start, event.end) else []
    return []


def _links(source: Source) -> Iterator[Event]:
    return (event for event in source.events if event.what in ("Link", "Image") and event.do == "start")


def _label(text: str) -> str:
    return " ".join(text.split()).casefold()


def _cells(source: Source) -> Iterator[Edit]:
    """Cells get as many fillers as their characters are wider than one column: the library counts characters."""
    in_cell, wider, last = False, 0, 0
    for event in source.events:
        if event.what == "TableCell":
            if event.do == "end" and wider > 0:
                yield Edit(last, last, FILLER * wider)
            in_cell, wider = event.do == "start", 0
        elif in_cell:
            if event.what in ("Text", "Code") and not event.data.isascii():
                wider += sum(map(_surplus, event.data))
            last = event.end


def _surplus(char: str) -> int:
    if char == FILLER or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return -1
    return 1 if unicodedata.east_asian_width(char) in "WF" else 0
