"""How far a visible answer has come in what Coze said, although each platform renders the Markdown in its own way."""

import re
from collections.abc import Sequence

VERBS = {
    "sendMessage": "send",
    "editMessageText": "edit",
    "editMessageReplyMarkup": "edit",
    "deleteMessage": "delete",
    "sendChatAction": "typing",
    "sendMessageDraft": "edit",
    "chat.postMessage": "send",
    "chat.startStream": "send",
    "chat.update": "edit",
    "chat.appendStream": "edit",
    "chat.stopStream": "edit",
    "chat.delete": "delete",
    "assistant.threads.setStatus": "typing",
}
"""The calls that concern one answer, by what they do."""
_UNSHOWN = re.compile(r"\]\([^)]*\)|```\w+")
_LETTER = re.compile(r"[^\W_]")


def letters(text: str) -> str:
    """What is left without spaces, punctuation and Markdown (targets of links, names of languages)."""
    return re.sub(r"[\W_]", "", _UNSHOWN.sub("", text))


def reach(shown: Sequence[str], said: str) -> int:
    """How many characters of what was said are visible: as many as hold the letters that can be read."""
    count = sum(len(letters(text)) for text in shown if not is_notice(text))
    bare = _UNSHOWN.sub(lambda found: " " * len(found[0]), said)
    places = [found.end() for found in _LETTER.finditer(bare)]
    if count >= len(places):
        return len(said)
    return places[count - 1] if count else 0


def is_ahead(shown: Sequence[str], said: str) -> bool:
    """Whether more can be read than was said, which cannot be."""
    return sum(len(letters(text)) for text in shown if not is_notice(text)) > len(letters(said))


def is_whole(shown: Sequence[str], said: str) -> bool:
    """Whether all that was said can be read, in its order and not twice."""
    wanted, found = letters(said), letters("\n".join(shown))
    return found.count(wanted) == 1 if wanted else bool(found)


def is_part(text: str, said: str) -> bool:
    """Whether a message is a piece of what was said."""
    return letters(text)[:40] in letters(said)


def is_notice(text: str) -> bool:
    """Whether it is a word of the bridge's own in the place of the answer."""
    return text.startswith("⏳") or is_refusal(text)


def is_refusal(text: str) -> bool:
    return "⚠️" in text[-400:]


def is_stopped(text: str) -> bool:
    return "⏹" in text[-40:]
