"""MarkdownV2 as the Bot API understands it: every special character is a mark or must be escaped."""

from simulators.telegram.growing import Growing, bytes_before, unparsable
from simulators.telegram.params import Json
from simulators.telegram.text import link

RESERVED = frozenset("_*[]()~`>#+-=|{}.!")
KINDS = {
    "*": "bold",
    "_": "italic",
    "__": "underline",
    "~": "strikethrough",
    "||": "spoiler",
    "`": "code",
    "```": "pre",
    "[": "text_link",
    ">": "blockquote",
}
NAMES = {"text_link": "TextUrl", "blockquote": "BlockQuote"}


def parse(raw: str) -> tuple[str, list[Json]]:
    """Text and entities of a MarkdownV2 text."""
    growing = Growing()
    index = 0
    while index < len(raw):
        index = _step(growing, raw, index)
    if growing.top is not None and growing.top.mark == ">":
        growing.end()
    if growing.top is not None:
        kind = NAMES.get(growing.top.kind, growing.top.kind.capitalize())
        raise unparsable(f"Can't find end of {kind} entity at byte offset {growing.top.source}")
    return growing.result()


def _step(growing: Growing, raw: str, index: int) -> int:
    """Reads one character or mark; the answer is where the text goes on."""
    char = raw[index]
    follower = raw[index + 1 : index + 2]
    if char == "\\" and follower and ord(follower) <= 126:
        growing.write(follower)
        return index + 2
    top = growing.top
    solid = top is not None and top.kind in ("code", "pre")
    if char != "`" if solid else char not in RESERVED:
        if char == "\n" and top is not None and top.mark == ">" and follower != ">":
            growing.end()
        growing.write(char)
        return index + 1
    mark = _mark(raw, index)
    if top is not None and mark == ("]" if top.mark == "[" else top.mark) and mark != ">":
        return _end(growing, raw, index + len(mark))
    if solid:
        growing.write(char)
        return index + 1
    return _begin(growing, raw, index, mark)


def _mark(raw: str, index: int) -> str:
    return next((mark for mark in ("```", "__", "||") if raw.startswith(mark, index)), raw[index])


def _begin(growing: Growing, raw: str, index: int, mark: str) -> int:
    top, after = growing.top, index + len(mark)
    at_line_start = index == 0 or raw[index - 1] == "\n"
    if mark == ">" and at_line_start:
        if top is None or top.mark != ">":
            growing.begin(mark, KINDS[mark], bytes_before(raw, index))
        return after
    if mark == "||" and top is not None and top.mark == ">" and raw[after : after + 1] in ("", "\n"):
        top.kind = "expandable_blockquote"
        return after
    if mark not in KINDS or mark == ">":
        raise unparsable(f"Character '{mark[0]}' is reserved and must be escaped with the preceding '\\'")
    growing.begin(mark, KINDS[mark], bytes_before(raw, index))
    if mark != "```":
        return after
    return _skip_language(growing, raw, after)


def _skip_language(growing: Growing, raw: str, index: int) -> int:
    """The word after three backticks is the language, if a line ends it."""
    end = index
    while end < len(raw) and not raw[end].isspace() and raw[end] != "`":
        end += 1
    if end > index and raw[end : end + 1].isspace() and growing.top is not None:
        growing.top.more["language"] = raw[index:end]
        index = end
    return index + 1 if raw[index : index + 1] == "\n" else index


def _end(growing: Growing, raw: str, index: int) -> int:
    top = growing.top
    if top is None or top.mark != "[":
        growing.end()
        return index
    if raw[index : index + 1] != "(":
        url, after = growing.since(top), index
    else:
        url, after = _target(raw, index)
    top.kind = "text_link" if link(url) else ""
    growing.end(url=link(url))
    return after


def _target(raw: str, index: int) -> tuple[str, int]:
    """The address between parentheses, and where the text goes on."""
    url, end = "", index + 1
    while end < len(raw) and raw[end] != ")":
        if raw[end] == "\\" and end + 1 < len(raw):
            end += 1
        url += raw[end]
        end += 1
    if end >= len(raw):
        raise unparsable(f"Can't find end of a URL at byte offset {bytes_before(raw, index)}")
    return url, end + 1
