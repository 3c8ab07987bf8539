"""Takes apart what a model says in `<think>…</think>` before it speaks, and what it then says."""

import re
from dataclasses import dataclass

_OPENING = re.compile(r"\s*<think(?:ing)?>", re.IGNORECASE)
_CLOSING = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_TAGS = ("<think>", "<thinking>")
_ENDS = ("</think>", "</thinking>")
_LONGEST_END = max(map(len, _ENDS))


@dataclass(frozen=True, slots=True)
class Thought:
    """What was thought, what is said, and whether the thinking goes on."""

    reasoning: str
    text: str
    open: bool = False


def apart(message: str, *, whole: bool) -> Thought:
    """A message taken apart; only tags at its beginning count, and none that stands in backticks.

    Of a message that still grows (`whole` is False), a tag of which only the beginning has come is held back.
    """
    if not message.lstrip().startswith("<"):
        return Thought("", message)
    reasonings: list[str] = []
    at = 0
    while begun := _OPENING.match(message, at):
        closing = _closing(message, begun.end(), whole=whole)
        if closing is None:
            inside = message[begun.end() :]
            reasonings.append(inside if whole else _without_half(inside))
            return Thought(_joined(reasonings), "", open=True)
        reasonings.append(message[begun.end() : closing.start()])
        at = closing.end()
    rest = message[at:]
    if not whole and _is_half(rest.lstrip(), _TAGS):
        rest = ""
    return Thought(_joined(reasonings), rest.lstrip() if reasonings else rest)


def _closing(text: str, start: int, *, whole: bool) -> re.Match[str] | None:
    """The tag that ends the thinking. In backticks it is only spoken of."""
    for found in _CLOSING.finditer(text, start):
        quoted = text.startswith("`", found.start() - 1) and found.start() > start
        after = text[found.end() : found.end() + 1]
        if not quoted or (after != "`" and (after or whole)):
            return found
    return None


def _without_half(text: str) -> str:
    """Without a closing tag of which only the beginning has come, or that a backtick may follow."""
    at = text.rfind("<", max(0, len(text) - _LONGEST_END - 1))
    return text[:at] if at >= 0 and _is_half(text[at:], _ENDS) else text


def _is_half(text: str, tags: tuple[str, ...]) -> bool:
    return bool(text) and any(tag.startswith(text.lower()) for tag in tags)


def _joined(reasonings: list[str]) -> str:
    return "\n\n".join(part.strip() for part in reasonings if part.strip())
