"""Markdown → a rich message of Telegram: its HTML, with headings, tables, lists, formulas and folds of their own.

HTML although rich messages take Markdown too: what that dialect adds to CommonMark (`==marked==`, `||hidden||`, any
HTML) would take `a == b`, `x || y` and `List<String>` for markup, and lines of a poem for one line.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any

import pyromark

from adapters.telegram.markdown import FILLER, Source
from adapters.telegram.markup import LANGUAGE, LIBRARY_FAILS, cleaned
from adapters.telegram.mends import cited, label, safe
from adapters.telegram.walk import BR, PYTHON_NAME, WEB
from bridge import fold

MOST_CHARACTERS = 32_768
MOST_BLOCKS = 500
DEEPEST = 16
MOST_COLUMNS = 20
"""The limits of rich messages (Bot API 10.1, Rich Message Limits)."""
FAR_TOO_LONG = 4 * MOST_CHARACTERS
BARE = re.compile(r"(?<![\w/.@])https?://[^\s<>\"'`\u3000-\u303f\uff00-\uffef\u2018-\u201d]+", re.IGNORECASE)
TRAILING = ".,;:!?*_~"
NEEDED = re.compile("<(?:h[1-6]|table|tg-math)")
VISIBLE = re.compile(r">[^<]*[^<\s\u00ad\u200b-\u200d\u2060\ufeff]")
STYLES = {"Strong": "b", "Emphasis": "i", "Strikethrough": "s"}
ALIGNED = {"Center": ' align="center"', "Right": ' align="right"'}


class TooDeep(ValueError):
    """Nested deeper, or a table wider, than rich messages may be; to cut the text in pieces would not help."""


@dataclass(frozen=True, slots=True)
class Rich:
    """What to send as `rich_message`."""

    html: str
    blocks: int = 0
    """As Telegram counts, or more."""

    @property
    def needed(self) -> bool:
        """Does it hold what texts with entities have not?"""
        return NEEDED.search(self.html) is not None

    @property
    def content(self) -> dict[str, Any]:
        """As the Bot API takes it. Telegram is to find no names, commands or e-mail addresses in it by itself: it
        refuses the whole message for an address that it dislikes (`RICH_MESSAGE_EMAIL_INVALID`, openclaw#96363).
        """
        return {"html": self.html, "skip_entity_detection": True}


@lru_cache(maxsize=64)
def render(markdown: str, status: str) -> Rich | None:
    """The text as a rich message, with that line below it; empty if nothing of it would be seen.

    None: it can be no rich message, whatever its length.
    """
    try:
        found = fold.parts(cleaned(markdown))
        parts = [_folded(part.text) if part.folded else _written(part.text) for part in found]
    except LIBRARY_FAILS:
        return None
    if status:
        parts.append(Rich(f"<p><i>{escape(status, quote=False)}</i></p>", 1))
    html = "".join(part.html for part in parts)
    return Rich(html if VISIBLE.search(html) else "", sum(part.blocks for part in parts))


@lru_cache(maxsize=512)
def fill(markdown: str) -> float:
    """How full this makes one message: 1.0 is full. Of text that can be no rich message: as if it could.

    The tags count too, though the limit is documented for the text: what is sent is never longer than that.
    """
    if len(markdown) > FAR_TOO_LONG:
        return len(markdown) / MOST_CHARACTERS
    shown = render(markdown, "")
    if shown is None:
        return len(markdown) / MOST_CHARACTERS
    return max(len(shown.html) / MOST_CHARACTERS, shown.blocks / MOST_BLOCKS)


def _folded(content: str) -> Rich:
    """Its first line stays in sight: it is the title."""
    title, _, rest = content.partition("\n")
    head = _written(title)
    summary = head.html.removeprefix("<p>").removesuffix("</p>")
    body = _written(rest, depth=1)
    html = f"<details><summary>{summary}</summary>{body.html}</details>"
    return Rich(html, 1 + body.blocks)


def _written(markdown: str, *, depth: int = 0) -> Rich:
    """Raises TooDeep, and what the parser raises."""
    writer = _Writer(safe(markdown), depth)
    for event, where in writer.source.events:
        writer.take(event, where)
    return Rich("".join(writer.parts), writer.blocks)


class _Writer:
    """One pass over the parser's events."""

    def __init__(self, source: Source, depth: int) -> None:
        self.source = source
        self.parts: list[str] = []
        self.blocks = 0
        self.depth = depth
        self.code: list[str] | None = None
        self.cell = ""
        """`th` or `td` while one is written."""
        self.columns: list[str] = []
        self.column = 0
        self.formulas: list[tuple[int, str]] = []
        """Formulas of the paragraph that want a line of their own, and where in the parts they stand."""
        self.opened: list[tuple[int, str]] = []
        """What is open: where in the parts it begins, and what is written when it ends."""
        self.links: list[tuple[int, str, str]] = []
        """Of open links: where they begin, their addresses and kinds."""

    def take(self, event: Any, where: dict[str, int]) -> None:
        if isinstance(event, str):
            if event == "Rule":
                self.blocks += 1
                self.parts.append("<hr/>")
            else:
                self.parts.append(" " if self.cell else "<br>")
            return
        do, what = next(iter(event.items()))
        match do:
            case "Start":
                name, data = (what, None) if isinstance(what, str) else next(iter(what.items()))
                self._start(name, data, where)
            case "End":
                self._end(what if isinstance(what, str) else next(iter(what)))
            case "Text":
                self._text(what)
            case "Code":
                self.parts.append(f"<code>{_words(what)}</code>")
            case "Html" | "InlineHtml":
                self._html(what)
            case "InlineMath":
                self.parts.append(f"<tg-math>{_words(what)}</tg-math>")
            case "DisplayMath":
                self.formulas.append((len(self.parts), what.strip()))
                self.parts.append(f"<tg-math>{_words(what.strip())}</tg-math>")
            case "TaskListMarker":
                self.parts.append(f'<input type="checkbox"{" checked" if what else ""}>')

    # ---- words -------------------------------------------------------------------------------------------------

    def _text(self, text: str) -> None:
        if self.code is not None:
            self.code.append(text)
            return
        done = 0
        for found in BARE.finditer(text) if "://" in text and not self.links else ():
            url = _without_tail(found[0])
            if WEB.fullmatch(url):
                self.parts.append(_words(text[done : found.start()]))
                self.parts.append(f'<a href="{escape(url)}">{_words(url)}</a>')
                done = found.start() + len(url)
        self.parts.append(_words(text[done:]))

    def _html(self, tag: str) -> None:
        """Shown as it stands; only `<br>` is what it says."""
        if BR.fullmatch(tag):
            self.parts.append(" " if self.cell else "<br>")
        else:
            self.parts.append(_words(tag).replace("\n", "<br>"))

    # ---- beginnings and ends -----------------------------------------------------------------------------------

    def _open(self, opening: str, closing: str, *, blocks: int = 1) -> None:
        self.opened.append((len(self.parts), closing))
        self.parts.append(opening)
        self.blocks += blocks

    def _close(self, *, keep: bool = False) -> None:
        """What is open ends, and leaves nothing if nothing stands in it, or it is to be kept."""
        start, closing = self.opened.pop()
        if keep or any(not part.isspace() and part for part in self.parts[start + 1 :]):
            self.parts.append(closing)
        else:
            del self.parts[start:]

    def _start(self, name: str, data: Any, where: dict[str, int]) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise TooDeep
        match name:
            case "Paragraph" | "HtmlBlock":
                self.formulas = []
                self._open("<p>", "</p>")
            case "Heading":
                level = str(data["level"])[1:]
                self._open(f"<h{level}>", f"</h{level}>")
            case "BlockQuote":
                self._open("<blockquote>", "</blockquote>")
            case "CodeBlock":
                self.code = []
                self._open_code(data["Fenced"] if isinstance(data, dict) else "")
            case "List" if data is None:
                self._open("<ul>", "</ul>")
            case "List":
                self._open("<ol>" if data == 1 else f'<ol start="{data}">', "</ol>")
            case "Item":
                self._open("<li>", "</li>", blocks=2)  # itself and what stands in it
            case "Table":
                self.columns = [ALIGNED.get(side, "") for side in data]
                if len(self.columns) > MOST_COLUMNS:
                    raise TooDeep
                self._open("<table bordered>", "</table>")
            case "TableHead" | "TableRow":
                self.column, self.cell = 0, "th" if name == "TableHead" else "td"
                self._open("<tr>", "</tr>")
            case "TableCell":
                side = self.columns[self.column] if self.column < len(self.columns) else ""
                self.column += 1
                self._open(f"<{self.cell}{side}>", f"</{self.cell}>", blocks=0)
            case "Link" | "Image":
                self._start_link(data, where)
            case _ if name in STYLES:
                self._start_style(name, where)

    def _end(self, name: str) -> None:
        self.depth -= 1
        match name:
            case "Paragraph" | "HtmlBlock":
                self._end_paragraph()
            case "CodeBlock":
                code, self.code = "".join(self.code or ()).removesuffix("\n"), None
                self.parts.append(_words(code))
                self._close()
            case "TableCell" | "TableHead" | "TableRow":
                self._close(keep=True)
                self.cell = self.cell if name == "TableCell" else ""
            case "Link" | "Image":
                self._end_link()
            case _:
                self._close()

    def _end_paragraph(self) -> None:
        """Formulas that have their paragraph to themselves are blocks."""
        start = self.opened[-1][0]
        places = {place for place, _ in self.formulas}
        if not places or any(
            part.strip() not in ("", "<br>")
            for place, part in enumerate(self.parts[start + 1 :], start + 1)
            if place not in places
        ):
            self._close()
            return
        self.opened.pop()
        self.parts[start:] = [f"<tg-math-block>{_words(latex)}</tg-math-block>" for _, latex in self.formulas]
        self.blocks += len(self.formulas) - 1

    def _open_code(self, info: str) -> None:
        language = LANGUAGE.match(info)
        if language is None:
            self._open("<pre>", "</pre>")
        elif language[0] == "math":
            self._open("<tg-math-block>", "</tg-math-block>")
        else:
            self._open(f'<pre><code class="language-{escape(language[0])}">', "</code></pre>")

    def _start_style(self, name: str, where: dict[str, int]) -> None:
        """`~5 to ~6` strikes nothing, and `__init__` is a name: there the markers are shown."""
        data = self.source.data
        first = data[where["start"] : where["start"] + 2]
        sign = "~" if first[:1] == b"~" and first != b"~~" else ""
        if first == b"__" and PYTHON_NAME.fullmatch(data[where["start"] : where["end"]].decode()):
            sign = "__"
        self._open(sign or f"<{STYLES[name]}>", sign or f"</{STYLES[name]}>", blocks=0)

    # ---- links -------------------------------------------------------------------------------------------------

    def _start_link(self, link: dict[str, str], where: dict[str, int]) -> None:
        numbers = cited(self.source.data, link, where)
        self.links.append((len(self.parts), link["dest_url"], "cited" if numbers else link["link_type"]))
        if numbers:
            defined = pyromark.reference_definitions(self.source.text)
            urls = {label(name): found["dest"] for name, found in defined.items()}
            cites = [self._linked(urls.get(number, ""), _words(number)) for number in numbers]
            self.parts.append("".join(f"[{cite}]" for cite in cites))

    def _end_link(self) -> None:
        start, url, kind = self.links.pop()
        words = "".join(self.parts[start:])
        if kind == "cited":
            del self.parts[start + 1 :]
            return
        del self.parts[start:]
        if kind == "Email":
            self.parts.append(words)
        elif not re.sub("<[^>]*>", "", words).strip():
            self.parts.append(self._linked(url, _words(url)))
        else:
            web = WEB.fullmatch(url)
            shown = "" if web or url in words or url.startswith("#") else _words(f" ({url})")
            self.parts.append(self._linked(url, words) + shown)

    @staticmethod
    def _linked(url: str, words: str) -> str:
        return f'<a href="{escape(url)}">{words}</a>' if WEB.fullmatch(url) else words


def _words(text: str) -> str:
    return escape(text.replace(FILLER, "").replace(fold.MARK, ""), quote=False)


def _without_tail(url: str) -> str:
    """What ends the sentence is no part of the address, nor a bracket that was opened before it."""
    while url and (url[-1] in TRAILING or (url[-1] == ")" and url.count(")") > url.count("("))):
        url = url[:-1]
    return url
