"""Questions as Coze takes them: plain text, or an `object_string` of a text and the files that came with it."""

from cozepy import Message, MessageObjectString, MessageObjectStringType

from bridge import texts
from bridge.model import File
from bridge.ports import Question

PICTURES = frozenset({"photo", "image", "sticker", "picture"})
SOUNDS = frozenset({"voice", "audio"})
MOVING = ("video/", "application/")
"""Beginnings of the media types of stickers that are no pictures."""


def message(question: Question) -> Message:
    """The question as the one message of its chat; its mark goes into `meta_data`."""
    mark = {"turn": question.mark} if question.mark else None
    files = [file for file in question.files if file.coze]
    if not files:
        return Message.build_user_question_text(question.text, mark)
    items = [_item(file) for file in files]
    text = question.text
    if not text.strip():
        # A voice message speaks for itself, and is the whole question. Pictures and documents without a text beside
        # them are refused (4000).
        text = "" if all(sort(file) == "audio" for file in files) else texts.text("look_at_this", question.language)
    objects = [MessageObjectString.build_text(text), *items] if text else items
    return Message.build_user_question_objects(objects, mark)


def sort(file: File) -> str:
    """As what Coze is given it: `image`, `audio` or `file`.

    The platform's media type counts before its word: a sticker may be a film. A video note is a film as well, which
    Coze takes as a file; its sound can be transcribed.
    """
    mime = file.mime.lower()
    if mime.startswith("image/") and "svg" not in mime:
        return "image"
    if mime.startswith("audio/"):
        return "audio"
    if file.kind in PICTURES and not mime.startswith(MOVING):
        return "image"
    return "audio" if file.kind in SOUNDS and not mime.startswith("video/") else "file"


def _item(file: File) -> MessageObjectString:
    return MessageObjectString(type=MessageObjectStringType(sort(file)), file_id=file.coze)
