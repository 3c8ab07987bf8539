"""The parser's events as the text that Telegram shows, with its marks."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import pyromark
from telegramify_markdown.latex_escape.helper import LatexToUnicodeHelper

from adapters.telegram.markdown import FILLER, Source
from adapters.telegram.marks import Mark
from adapters.telegram.mends import cited, label
from adapters.telegram.paper import Paper
from adapters.telegram.tables import Cell, laid_out
from bridge.fold import MARK as FOLDED

PORT = r"(?::0*(?:\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])|:)?"
WEB = re.compile(rf"https?://[\w-]*\.[\w.-]+{PORT}(?:[/?#]\S*)?", re.IGNORECASE)
"""Links that Telegram keeps; of others, also of `http://localhost`, it drops the link (asked of tdlib/td 1.8.69)."""
BR = re.compile(r"<br\s*/?>", re.IGNORECASE)
PYTHON_NAME = re.compile(
    "__(?:init|new|del|main|name|file|doc|all|dict|class|module|version|slots|call|str|repr|len|iter|next|enter|exit|"
    "eq|ne|lt|le|gt|ge|hash|bool|add|sub|mul|contains|getattr|setattr|getitem|setitem|import|future|pycache)__"
)
STAR = ord("*")
LATEX = re.compile(r"[\\^_]")
BULLET, RULE, OPEN_TASK, DONE_TASK = "•", "———", "☐", "☑"
STYLES = {"Strong": "bold", "Emphasis": "italic", "Strikethrough": "strikethrough"}

_latex = LatexToUnicodeHelper()


class _Open(NamedTuple):
    """Something that is not closed yet: where it starts, in the text and in the parts of it."""

    start: int
    parts: int
    url: str = ""
    kind: str = ""


def walk(source: Source) -> tuple[str, list[Mark], int]:
    """The text, and marks in no order; of those of one kind one may stand in another. And the room to spare for it."""
    shown = _Walk(source)
    shown.run()
    return shown.paper.since(0), shown.paper.marks, shown.spare


@lru_cache(maxsize=256)
def _formula(latex: str) -> str:
    shown: str = _latex.convert(latex) if LATEX.search(latex) else latex  # type: ignore[no-untyped-call]
    return shown.strip()


class _Walk:
    """One pass over the events."""

    __slots__ = (
        "begun",
        "cell",
        "code",
        "data",
        "folds",
        "lists",
        "name",
        "open",
        "paper",
        "row",
        "rows",
        "skips",
        "source",
        "spare",
        "words",
    )

    def __init__(self, source: Source) -> None:
        self.source, self.data = source, source.data
        self.paper = Paper(strips=FILLER in source.text or "\t" in source.text)
        self.begun = _Open(0, 0)
        """The cell of a table."""
        self.spare = 0
        self.open: list[_Open] = []
        self.lists: list[int | None] = []
        self.code: list[str] | None = None
        self.skips = False
        self.cell = False
        self.words: list[tuple[int, str]] = []
        self.row: list[Cell] = []
        self.rows: list[list[Cell]] = []
        self.folds = FOLDED in source.text

    def run(self) -> None:
        starts, ends, others = _STARTS, _ENDS, _OTHERS
        for event, where in self.source.events:
            if type(event) is str:
                if event == "Rule":
                    self._block(where["start"])
                    self.paper.write(RULE)
                    self.paper.due = True
                elif self.cell:
                    self.paper.write(" ")
                else:
                    self.paper.write("\n")
                continue
            ((do, what),) = event.items()
            if do == "Text":
                if self.code is not None:
                    self.code.append(what)
                elif not self.skips:
                    self.paper.write(self._unfolded(what) if self.folds and FOLDED in what else what)
            elif do == "Start":
                name, data = (what, None) if type(what) is str else next(iter(what.items()))
                starts[name](self, data, where)
            elif do == "End":
                name = what if type(what) is str else next(iter(what))
                ends[name](self, where)
            elif handler := others.get(do):
                handler(self, what, where)

    def _block(self, at: int, *, apart: bool = True) -> None:
        """A block begins; `apart` from the bullet of its item, if it is the first one there."""
        if self.lists and not apart and self.paper.at_bullet():
            return
        self.paper.break_line(1 if self.lists or not self._blank_before(at) else 2)

    def _blank_before(self, at: int) -> bool:
        """Is there a blank line in the source right before that byte?"""
        data, breaks = self.data, 0
        while at > 0:
            at -= 1
            char = data[at]
            if char == 10:
                breaks += 1
                if breaks == 2:
                    return True
            elif char not in b" \t>":
                return False
        return False

    # ---- inside of lines ---------------------------------------------------------------------------------------

    def _unfolded(self, text: str) -> str:
        self.paper.begin()
        for place in reversed(range(len(self.open))):
            begun = self.open[place]
            if begun.kind == "blockquote" and begun.start == self.paper.size and text.startswith(FOLDED):
                self.open[place] = begun._replace(kind="expandable_blockquote")
                break
        return text.replace(FOLDED, "")

    def _code(self, code: str, _where: dict[str, int]) -> None:
        start = self.paper.begin()
        self.paper.write(code)
        self.paper.mark(start, "code")

    def _html(self, tag: str, _where: dict[str, int]) -> None:
        """Shown, as Telegram has none of it; only `<br>` is what it says."""
        self.paper.begin()
        self.paper.write(tag if not BR.fullmatch(tag) else " " if self.cell else "\n")

    def _math(self, latex: str, _where: dict[str, int]) -> None:
        start = self.paper.begin()
        self.paper.write(_formula(latex).replace("\n", " "))
        self.paper.mark(start, "code")

    def _display(self, latex: str, where: dict[str, int]) -> None:
        """A block if nothing else is in its paragraph."""
        if self.cell or not self._alone(where):
            self._math(latex, where)
            return
        start = self.paper.begin()
        self.paper.write(_formula(latex))
        self.paper.mark(start, "pre")

    def _alone(self, where: dict[str, int]) -> bool:
        line = self.data.rfind(b"\n", 0, where["start"]) + 1
        stop = self.data.find(b"\n", where["end"])
        before, after = self.data[line : where["start"]], self.data[where["end"] : stop if stop >= 0 else None]
        return not before.strip(b" \t>") and not after.strip()

    def _task(self, done: bool, _where: dict[str, int]) -> None:
        self.paper.tick(DONE_TASK if done else OPEN_TASK)

    def _start_style(self, _: Any, where: dict[str, int]) -> None:
        self.paper.begin()
        sign = self._sign(where) if self.data[where["start"]] != STAR else ""
        if sign:
            self.paper.write(sign)
        self.open.append(_Open(self.paper.size, 0, "", sign))

    def _sign(self, where: dict[str, int]) -> str:
        """What is shown of the markers themselves: `~5 to ~6` strikes nothing, and `__init__` is a name."""
        first = self.data[where["start"] : where["start"] + 2]
        if first[:1] == b"~" and first != b"~~":
            return "~"
        if first == b"__" and PYTHON_NAME.fullmatch(self.data[where["start"] : where["end"]].decode()):
            return "__"
        return ""

    def _end_bold(self, _where: dict[str, int]) -> None:
        self._end_style("bold")

    def _end_italic(self, _where: dict[str, int]) -> None:
        self._end_style("italic")

    def _end_strike(self, _where: dict[str, int]) -> None:
        self._end_style("strikethrough")

    def _end_style(self, kind: str) -> None:
        begun = self.open.pop()
        if begun.kind:
            self.paper.write(begun.kind)
        else:
            self.paper.mark(begun.start, kind)

    def _start_link(self, link: dict[str, str], where: dict[str, int]) -> None:
        self.paper.begin()
        numbers = cited(self.data, link, where)
        for number in numbers:
            self._cite(number)
        self.skips = bool(numbers)
        self.open.append(_Open(self.paper.size, len(self.paper.parts), link["dest_url"], link["link_type"]))

    def _cite(self, number: str) -> None:
        defined = pyromark.reference_definitions(self.source.text)
        urls = {label(name): found["dest"] for name, found in defined.items()}
        self.paper.write("[")
        start = self.paper.size
        self.paper.write(number)
        if WEB.fullmatch(url := urls.get(number, "")):
            self.paper.mark(start, "text_link", url)
        self.paper.write("]")

    def _end_link(self, _where: dict[str, int]) -> None:
        begun = self.open.pop()
        if self.skips:
            self.skips = False
            return
        words, url = self.paper.since(begun.parts), begun.url
        if begun.kind in ("Autolink", "Email"):
            url = url if begun.kind == "Autolink" else ""
        elif not words.strip():
            self.paper.write(url)
        web = WEB.fullmatch(url)
        if web:
            self.paper.mark(begun.start, "text_link", url)
        shown = "" if begun.kind in ("Autolink", "Email") or url in words or url.startswith("#") else url
        if shown and words.strip():
            if not web:
                self.paper.write(f" ({shown})")
            elif self.cell:
                self.words.append((self.paper.size, f" ({shown})"))

    # ---- blocks ------------------------------------------------------------------------------------------------

    def _start_paragraph(self, _: Any, where: dict[str, int]) -> None:
        self._block(where["start"], apart=False)

    def _end_block(self, _where: dict[str, int]) -> None:
        self.paper.due = True

    def _start_heading(self, _: Any, where: dict[str, int]) -> None:
        self._block(where["start"], apart=False)
        self.open.append(_Open(self.paper.size, 0))

    def _end_heading(self, _where: dict[str, int]) -> None:
        self.paper.mark(self.open.pop().start, "bold")
        self.paper.due = True

    def _start_code(self, kind: Any, where: dict[str, int]) -> None:
        self._block(where["start"])
        self.open.append(_Open(self.paper.size, 0, kind=kind["Fenced"] if type(kind) is dict else ""))
        self.code = []

    def _end_code(self, _where: dict[str, int]) -> None:
        code, self.code = "".join(self.code or ()), None
        begun = self.open.pop()
        self.paper.write(code.removesuffix("\n").replace(FOLDED, "").expandtabs(4))
        self.paper.mark(begun.start, "pre", language=begun.kind)
        self.paper.due = True

    def _start_quote(self, _: Any, where: dict[str, int]) -> None:
        self._block(where["start"])
        self.open.append(_Open(self.paper.size, 0, kind="blockquote"))

    def _end_quote(self, _where: dict[str, int]) -> None:
        begun = self.open.pop()
        self.paper.mark(begun.start, begun.kind)
        self.paper.due = True

    def _start_list(self, number: int | None, where: dict[str, int]) -> None:
        self._block(where["start"], apart=False)
        self.lists.append(number)

    def _end_list(self, _where: dict[str, int]) -> None:
        self.lists.pop()
        self.paper.due = True

    def _start_item(self, _: Any, _where: dict[str, int]) -> None:
        number = self.lists[-1]
        sign = BULLET if number is None else f"{number}."
        if number is not None:
            self.lists[-1] = number + 1
        self.paper.begin_item(f"{'  ' * (len(self.lists) - 1)}{sign} ")

    # ---- tables ------------------------------------------------------------------------------------------------

    def _start_table(self, _: Any, where: dict[str, int]) -> None:
        self._block(where["start"])
        self.rows = []

    def _start_row(self, _: Any, _where: dict[str, int]) -> None:
        self.row = []

    def _end_row(self, _where: dict[str, int]) -> None:
        self.rows.append(self.row)

    def _start_cell(self, _: Any, _where: dict[str, int]) -> None:
        self.cell, self.words = True, []
        self.begun = _Open(self.paper.size, len(self.paper.parts))

    def _end_cell(self, _where: dict[str, int]) -> None:
        text, marks = self.paper.taken(self.begun.start, self.begun.parts)
        words, done = "", 0
        for place, more in self.words:
            words += text[done : place - self.begun.start] + more
            done = place - self.begun.start
        self.row.append(Cell(text, marks, words + text[done:] if words else text))
        self.cell = False

    def _end_table(self, _where: dict[str, int]) -> None:
        text, marks, spare = laid_out(self.rows)
        self.spare += spare
        for mark in marks:
            mark.start += self.paper.size
            mark.end += self.paper.size
        self.paper.marks += marks
        self.paper.write(text)
        self.paper.due = True

    def _nothing(self, *_: Any) -> None:
        pass


_Start = Callable[[_Walk, Any, dict[str, int]], None]
_End = Callable[[_Walk, dict[str, int]], None]
_STARTS: dict[str, _Start] = {
    "Paragraph": _Walk._start_paragraph,
    "Heading": _Walk._start_heading,
    "BlockQuote": _Walk._start_quote,
    "CodeBlock": _Walk._start_code,
    "HtmlBlock": _Walk._start_paragraph,
    "List": _Walk._start_list,
    "Item": _Walk._start_item,
    "Table": _Walk._start_table,
    "TableHead": _Walk._start_row,
    "TableRow": _Walk._start_row,
    "TableCell": _Walk._start_cell,
    "Emphasis": _Walk._start_style,
    "Strong": _Walk._start_style,
    "Strikethrough": _Walk._start_style,
    "Link": _Walk._start_link,
    "Image": _Walk._start_link,
}
_ENDS: dict[str, _End] = {
    "Paragraph": _Walk._end_block,
    "Heading": _Walk._end_heading,
    "BlockQuote": _Walk._end_quote,
    "CodeBlock": _Walk._end_code,
    "HtmlBlock": _Walk._end_block,
    "List": _Walk._end_list,
    "Item": _Walk._end_block,
    "Table": _Walk._end_table,
    "TableHead": _Walk._end_row,
    "TableRow": _Walk._end_row,
    "TableCell": _Walk._end_cell,
    "Emphasis": _Walk._end_italic,
    "Strong": _Walk._end_bold,
    "Strikethrough": _Walk._end_strike,
    "Link": _Walk._end_link,
    "Image": _Walk._end_link,
}
_OTHERS: dict[str, _Start] = {
    "Code": _Walk._code,
    "InlineHtml": _Walk._html,
    "Html": _Walk._html,
    "InlineMath": _Walk._math,
    "DisplayMath": _Walk._display,
    "TaskListMarker": _Walk._task,
}
