"""Rich messages as Telegram takes them: HTML with a closed list of tags, limits, and the words that are seen of it.

Of their Markdown only the length is checked: its rules are not known well enough, and its words are shown as written.
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from simulators.telegram.errors import ApiError, bad
from simulators.telegram.params import Json, Params

TEXT_LIMIT = 32_768
BLOCK_LIMIT = 500
DEPTH_LIMIT = 16
COLUMN_LIMIT = 20
INLINE = frozenset(
    {
        "a",
        "b",
        "strong",
        "i",
        "em",
        "u",
        "ins",
        "s",
        "strike",
        "del",
        "code",
        "mark",
        "sub",
        "sup",
        "tg-spoiler",
        "tg-reference",
        "tg-time",
        "tg-math",
    }
)
BLOCKS = frozenset(
    {
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "p",
        "pre",
        "footer",
        "ul",
        "ol",
        "li",
        "blockquote",
        "aside",
        "table",
        "caption",
        "tr",
        "details",
        "summary",
        "tg-math-block",
        "cite",
    }
)
CELLS = frozenset(("td", "th"))
EMPTY = frozenset(("br", "hr", "input", "img"))
DRAFT_ONLY = "tg-thinking"
KINDS = {"html", "markdown", "blocks"}
STRANGE_ADDRESS = re.compile(r"\w:[\w.+-]+@[\w-]+\.\w")
"""What was seen refused: `openai:somebody@example.com` (openclaw#96363)."""


@dataclass(slots=True)
class Rich:
    """A rich message: what of it can be read, and how it was given."""

    text: str
    given: Json


def shown(text: str) -> Json:
    """The words as the Bot API shows rich messages, but that every line is a paragraph."""
    return {"blocks": [{"type": "paragraph", "text": line} for line in text.split("\n") if line]}


def read(params: Params, *, draft: bool = False) -> Rich:
    """The `rich_message` of a call."""
    given = params.mapping("rich_message", "rich message")
    if not given or len(KINDS & given.keys()) != 1:
        raise bad("RICH_MESSAGE_CONTENT_REQUIRED")
    if "blocks" in given:
        raise bad("the simulator takes rich messages as HTML or Markdown only")
    if "html" in given:
        page = _Page(draft=draft)
        page.feed(str(given["html"]))
        page.close()
        text = page.finished()
    else:
        text = str(given["markdown"]).strip()
    if not text:
        raise bad("RICH_MESSAGE_CONTENT_REQUIRED")
    if len(text) > TEXT_LIMIT:
        raise bad("MESSAGE_TOO_LONG")
    if not given.get("skip_entity_detection") and STRANGE_ADDRESS.search(text):
        raise bad("RICH_MESSAGE_EMAIL_INVALID")
    return Rich(text, given)


def _wrong(what: str) -> ApiError:
    return bad(f"can't parse rich message: {what}")


@dataclass(slots=True)
class _Counts:
    blocks: int = 0
    columns: int = 0


@dataclass(slots=True)
class _Lines:
    """Words that are written line by line."""

    parts: list[str] = field(default_factory=list)

    def begin(self) -> None:
        if self.parts and not self.parts[-1].endswith(("\n", "• ")):
            self.parts.append("\n")

    def text(self) -> str:
        lines = "".join(self.parts).split("\n")
        return "\n".join(line.rstrip() for line in lines if line.strip())


class _Page(HTMLParser):
    """Reads the HTML; every tag must be known and closed."""

    def __init__(self, *, draft: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.known = INLINE | BLOCKS | CELLS | ({DRAFT_ONLY} if draft else set())
        self.open: list[str] = []
        self.lines = _Lines()
        self.counts = _Counts()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in EMPTY:
            self._empty(tag, dict(attrs))
            return
        if tag not in self.known:
            raise _wrong(f'Unsupported start tag "{tag}"')
        self.open.append(tag)
        if len(self.open) > DEPTH_LIMIT:
            raise bad("RICH_MESSAGE_DEPTH_INVALID")
        if tag in CELLS:
            self.counts.columns += 1
            if self.counts.columns > COLUMN_LIMIT:
                raise bad("RICH_MESSAGE_TABLE_INVALID")
            self.lines.parts.append("" if self.counts.columns == 1 else " | ")
        elif tag in BLOCKS:
            self._block(tag)

    def _block(self, tag: str) -> None:
        self.counts.blocks += 1
        if self.counts.blocks > BLOCK_LIMIT:
            raise bad("RICH_MESSAGE_BLOCKS_TOO_MUCH")
        self.lines.begin()
        if tag == "li":
            self.lines.parts.append("• ")
        elif tag == "tr":
            self.counts.columns = 0

    def _empty(self, tag: str, attrs: dict[str, str | None]) -> None:
        if tag == "img" and not str(attrs.get("src") or "").startswith("tg://emoji"):
            raise bad("RICH_MESSAGE_PHOTO_NO_MEDIA_FOUND")
        if tag in ("br", "hr"):
            self.lines.parts.append("\n")
        elif tag == "input":
            self.lines.parts.append("☑ " if "checked" in attrs else "☐ ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise _wrong(f'Unmatched end tag "{tag}"')
        if tag in BLOCKS:
            self.lines.begin()

    def handle_data(self, data: str) -> None:
        if not {"pre", "code", "tg-math-block"} & set(self.open):
            data = re.sub(r"\s+", " ", data)
        self.lines.parts.append(data)

    def finished(self) -> str:
        if self.open:
            raise _wrong(f'Can\'t find end tag corresponding to start tag "{self.open[-1]}"')
        return self.lines.text()
