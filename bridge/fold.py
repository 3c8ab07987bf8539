"""Folds: what stands collapsed in an answer, such as its reasoning; in Markdown, a block quote that begins with a mark.

The mark is an invisible character that `bridge.answer.clean` takes out of whatever Coze says: so only we make folds.
"""

import re
from dataclasses import dataclass

MARK = "\u2063"
"""U+2063, INVISIBLE SEPARATOR: the first character of a fold."""
MOST_UNITS = 2_000
"""UTF-16 units of a fold's content: half a message in Telegram, so that there is room for text below it."""

_MARKED = re.compile(rf"^> {MARK}.*(?:\n>.*)*", re.MULTILINE)
_QUOTED = re.compile(r"^> ?", re.MULTILINE)
_UNDERLINES = ("-", "=", "|", ":")
"""What would make a heading of a title right above it, or a table."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of Markdown; of a fold, what stands in it."""

    text: str
    folded: bool = False


def fold(title: str, content: str, *, most: int = MOST_UNITS) -> str:
    """The fold with that title (plain words) and content (Markdown); of content beyond `most` units the beginning."""
    content = content.strip("\n")
    short = shortened(content, most)
    if short != content:
        content = f"{short.rstrip()}\n\n…"
    gap = "\n" if content.startswith(_UNDERLINES) else ""
    return quote(f"{MARK}**{title}**\n{gap}{content}")


def quote(content: str) -> str:
    """The Markdown as a block quote."""
    return "\n".join(f"> {line}" if line.strip() else ">" for line in content.split("\n"))


def parts(markdown: str) -> list[Part]:
    """The text taken apart into folds and what is around them, without the blank lines between."""
    found, done = [], 0
    for marked in _MARKED.finditer(markdown) if MARK in markdown else ():
        found.append(Part(markdown[done : marked.start()].strip("\n")))
        found.append(Part(_QUOTED.sub("", marked[0]).removeprefix(MARK), folded=True))
        done = marked.end()
    found.append(Part(markdown[done:].strip("\n") if done else markdown))
    return [part for part in found if part.text.strip()]


def unmarked(markdown: str) -> str:
    """The same with folds as plain quotes."""
    return markdown.replace(MARK, "") if MARK in markdown else markdown


def shortened(text: str, most: int) -> str:
    """The beginning of the text that has at most so many UTF-16 units."""
    if len(text) * 2 <= most:
        return text
    return text.encode("utf-16-le", "surrogatepass")[: 2 * most].decode("utf-16-le", "ignore")


def literal(text: str) -> str:
    """Plain words as one line of Markdown that shows just them."""
    return re.sub(r"[\\`*_\[\]<>~|#$&]", r"\\\g<0>", " ".join(text.split()))
