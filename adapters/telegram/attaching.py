"""Pictures and files that the bot sends: which call of the Bot API shows which."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from telegram import Bot, InputFile, Message, MessageId

from bridge.model import Attachment, Kind

UPLOAD_SECONDS = 55.0
"""What Telegram gets to take a file and to answer; the port gives up after 60."""
MOST_PICTURE = 10 * 1024 * 1024
"""Bytes of a photo (Bot API, sendPhoto)."""
MUSIC, FILMS = ("mp3", "m4a"), ("mp4",)
"""What Telegram plays (Bot API, sendAudio and sendVideo); the rest are documents."""

Post = Callable[..., Awaitable[Message | MessageId]]
"""To be called with where it goes."""


def forms(bot: Bot, attachment: Attachment, content: bytes) -> list[Post]:
    """The calls that send the file, the best first: Telegram takes not every picture as one, but any as a document."""
    file = InputFile(content, filename=attachment.name)
    slowly: dict[str, Any] = {"read_timeout": UPLOAD_SECONDS, "write_timeout": UPLOAD_SECONDS}
    ending = attachment.name.rpartition(".")[2].lower()
    found: list[Post] = []
    match attachment.kind:
        case Kind.PICTURE if ending == "gif":
            found.append(partial(bot.send_animation, animation=file, **slowly))
        case Kind.PICTURE if len(content) <= MOST_PICTURE:
            found.append(partial(bot.send_photo, photo=file, **slowly))
        case Kind.VOICE:
            # Whoever wants no voice messages (VOICE_MESSAGES_FORBIDDEN) can still be sent a recording.
            found.append(partial(bot.send_voice, voice=file, **slowly))
            found.append(partial(bot.send_audio, audio=file, **slowly))
        case Kind.AUDIO if ending in MUSIC:
            found.append(partial(bot.send_audio, audio=file, **slowly))
        case Kind.VIDEO if ending in FILMS:
            found.append(partial(bot.send_video, video=file, supports_streaming=True, **slowly))
    return [*found, partial(bot.send_document, document=file, disable_content_type_detection=True, **slowly)]
