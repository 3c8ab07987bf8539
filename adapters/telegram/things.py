"""What a Telegram message holds beside text: files as we can fetch them, and small things put into words; pure."""

import mimetypes
from collections.abc import Mapping
from typing import Any

from bridge.model import File

Json = Mapping[str, Any]

KINDS = (
    "animation",  # comes with a `document` as well
    "photo",
    "video",
    "video_note",
    "voice",
    "audio",
    "sticker",
    "document",
    "venue",  # comes with a `location` as well
    "location",
    "contact",
    "poll",
    "dice",
    "game",
    "story",
    "checklist",
    "paid_media",
    "live_photo",
    "rich_message",
)
"""Fields of a message that hold something which is not text (Bot API 10.3), the telling one first."""
MIMES = {
    "photo": "image/jpeg",
    "sticker": "image/webp",
    "voice": "audio/ogg",
    "video": "video/mp4",
    "video_note": "video/mp4",
    "animation": "video/mp4",
}
"""Of files of which Telegram tells none, or not always."""
ENDINGS = {"audio/ogg": ".ogg", "audio/mpeg": ".mp3", "audio/mp4": ".m4a", "image/webp": ".webp", "image/jpeg": ".jpg"}
"""Those that Coze knows; the tables of systems differ."""
MOST_OPTIONS = 20


def files(message: Json) -> tuple[File, ...]:
    """What came with the message and can be fetched, or at least is no words: one at most, as albums are messages."""
    kind = _kind(message)
    if not kind or words(message):
        return ()
    content = message[kind]
    if kind == "photo":
        content = content[-1]  # the largest size
    if not isinstance(content, Mapping) or not content.get("file_id"):
        return (File(kind=kind),)
    if content.get("is_animated") or content.get("is_video"):
        return (File(kind=kind),)  # stickers that move: Coze knows neither their vectors nor that it should look
    mime = str(content.get("mime_type") or MIMES.get(kind, ""))
    return (
        File(
            kind=kind,
            ref=str(content["file_id"]),
            name=str(content.get("file_name") or f"{kind}{_ending(mime)}"),
            size=int(content.get("file_size") or 0),
            mime=mime,
        ),
    )


def words(message: Json) -> str:
    """What the message holds in the place of text, if that is said in words; empty if it is not."""
    kind = _kind(message)
    content = message.get(kind)
    if not isinstance(content, Mapping):
        return ""
    match kind:
        case "location":
            return _place(content)
        case "venue":
            lines = (f"📍 {content['title']}", content.get("address"), _place(content["location"]))
            return "\n".join(filter(None, lines))
        case "contact":
            name = " ".join(filter(None, (content.get("first_name"), content.get("last_name"))))
            return f"👤 {name}, {content['phone_number']}"
        case "poll":
            options = [f"- {option['text']}" for option in content["options"][:MOST_OPTIONS]]
            return "\n".join((f"📊 {content['question']}", *options))
        case "dice":
            return f"{content['emoji']} {content['value']}"
    return ""


def _kind(message: Json) -> str:
    return next((kind for kind in KINDS if message.get(kind)), "")


def _place(location: Json) -> str:
    return f"📍 {location['latitude']}, {location['longitude']}"


def _ending(mime: str) -> str:
    return ENDINGS.get(mime) or mimetypes.guess_extension(mime) or ""
