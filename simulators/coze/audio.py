"""The /v1/audio endpoints: voices, a text spoken as a real if silent MP3, and the words of a recording."""

import hashlib
from typing import Any

from aiohttp import BodyPartReader, web

from simulators.coze.envelope import WORLD, RefusedError, answered, body_of
from simulators.coze.state import World

MOST_BYTES = 1024
MOST_HEARD = 10_000_000
_HEAD = bytes((0xFF, 0xF3, 0x44, 0xC4))
"""MPEG 2, layer III, 32 kbit/s, 24 kHz, mono: a frame of 96 bytes."""
_FRAME = 96
_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav", "pcm": "audio/pcm", "ogg_opus": "audio/ogg"}


def frame(mark: bytes) -> bytes:
    """One frame of silence; `mark` stands where a decoder does not look, by which a test knows it again."""
    return _HEAD + mark.rjust(_FRAME - len(_HEAD), b"\0")


def mark_of(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:8]


def spoken(text: str) -> bytes:
    """An ID3 tag, a frame that tells how many follow, and a frame for each ten characters."""
    tag = b"ID3\x04\x00\x00" + bytes((0, 0, 0, 20)) + b"TSSE" + bytes(16)
    count = len(text) // 10 + 1
    info = _HEAD + bytes(9) + b"Info" + (1).to_bytes(4, "big") + count.to_bytes(4, "big")
    return tag + info.ljust(_FRAME, b"\0") + frame(mark_of(text)) * count


async def voices(request: web.Request) -> web.StreamResponse:
    """A page of the voices; `world.one_page` gives the first page whatever is asked for."""
    world = request.app[WORLD]
    number, size = int(request.query.get("page_num", "1")), int(request.query.get("page_size", "100"))
    first = 0 if world.one_page else (number - 1) * size
    page = world.voices[first : first + size]
    listed = [_voice(voice) for voice in page]
    has_more = world.one_page or first + size < len(world.voices)
    return answered(request, data={"voice_list": listed, "has_more": has_more})


def _voice(voice: dict[str, str]) -> dict[str, Any]:
    return {
        "is_system_voice": True,
        "preview_text": "",
        "preview_audio": "https://example.com/voice.mp3",
        "available_training_times": 0,
        "create_time": 1718792949,
        "update_time": 1718792949,
        "model_type": "big",
        "state": "init",
        **voice,
    }


async def speech(request: web.Request) -> web.StreamResponse:
    """Refuses as the cloud does: more than 1,024 bytes, an unknown voice or format, nothing to say."""
    world, body = request.app[WORLD], await body_of(request)
    text, form = body.get("input"), body.get("response_format") or "mp3"
    if not isinstance(text, str) or not text.strip() or form not in _TYPES:
        raise RefusedError(4000, "Request parameter error: input, response_format")
    if len(text.encode()) > MOST_BYTES:
        raise RefusedError(3010, f"The text takes {MOST_BYTES} bytes at most")
    if body.get("voice_id") not in {voice["voice_id"] for voice in world.voices}:
        raise RefusedError(4000, "Request parameter error: voice_id")
    world.speaking += 1
    world.spoke_at_once = max(world.spoke_at_once, world.speaking)
    world.changed.fire()
    try:
        await world.pause(world.speech_seconds)
    finally:
        world.speaking -= 1
    world.spoken.append(text)
    world.publish("spoken", text=text, voice=body["voice_id"])
    return web.Response(body=spoken(text), content_type=_TYPES[form])


async def transcriptions(request: web.Request) -> web.StreamResponse:
    """One multipart part named `file`; what is said in it, a test has told by its name (`world.transcripts`)."""
    world = request.app[WORLD]
    if not request.content_type.startswith("multipart/"):
        raise RefusedError(4000, "The body must be multipart/form-data")
    names: list[str] = []
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.name == "file":
            names.append(part.filename or "upload")
            size = 0
            while chunk := await part.read_chunk(65_536):
                size += len(chunk)
            if not size or size > MOST_HEARD:
                raise RefusedError(4302 if size else 4300)
    if len(names) != 1:
        raise RefusedError(4301 if names else 4300)
    text = _heard(world, names[0])
    world.publish("transcribed", name=names[0], text=text)
    return answered(request, data={"text": text})


def _heard(world: World, name: str) -> str:
    """The text for the first name that is a part of this one."""
    return next((text for part, text in world.transcripts.items() if part in name), f"What is said in {name}")


ROUTES = [
    web.get("/v1/audio/voices", voices),
    web.post("/v1/audio/speech", speech),
    web.post("/v1/audio/transcriptions", transcriptions),
]
