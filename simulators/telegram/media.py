"""Files: sent as document, photo or voice, offered for download, and received from people."""

import hashlib
import mimetypes
from collections.abc import Callable
from pathlib import Path

from simulators.telegram import text
from simulators.telegram.errors import bad
from simulators.telegram.messages import deliver, styled
from simulators.telegram.model import StoredFile
from simulators.telegram.params import Json, Params
from simulators.telegram.world import World

DOWNLOAD_LIMIT = 20 * 1024 * 1024
UPLOAD_LIMIT = 50 * 1024 * 1024
PHOTO_LIMIT = 10 * 1024 * 1024
PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8")
"""How a photo may begin."""
FOLDERS = {
    "photo": "photos",
    "document": "documents",
    "voice": "voice",
    "audio": "music",
    "video": "videos",
    "video_note": "video_notes",
    "animation": "animations",
    "sticker": "stickers",
}


def keep(world: World, kind: str, data: bytes, name: str = "", mime_type: str = "", size: int = 0) -> StoredFile:
    """Stores a file; `size` pretends that it is larger than its bytes."""
    world.filed += 1
    number = world.filed
    ending = f".{name.rpartition('.')[2]}" if "." in name else _ending(kind, mime_type)
    file = StoredFile(
        file_id=f"{kind}-{number}-{hashlib.sha256(data).hexdigest()[:16]}",
        path=f"{FOLDERS.get(kind, 'documents')}/file_{number}{ending}",
        data=data,
        name=name or f"file_{number}{ending}",
        mime_type=mime_type or mimetypes.guess_type(name)[0] or "application/octet-stream",
        size=size or len(data),
    )
    world.files[file.file_id] = file
    return file


def _ending(kind: str, mime_type: str) -> str:
    known = {"photo": ".jpg", "voice": ".oga", "sticker": ".webp", "video": ".mp4", "audio": ".mp3"}
    return known.get(kind) or mimetypes.guess_extension(mime_type) or ""


def shown(kind: str, file: StoredFile) -> Json:
    """The fields that a message with this file carries."""
    plain = {"file_id": file.file_id, "file_unique_id": f"u{file.file_id}"[:24], "file_size": file.size}
    if kind == "photo":
        small = {**plain, "width": 90, "height": 67, "file_size": max(1, file.size // 10)}
        return {"photo": [small, {**plain, "width": 1280, "height": 960}]}
    if kind == "sticker":
        form = {"width": 512, "height": 512, "type": "regular", "is_animated": False, "is_video": False, "emoji": "👍"}
        return {"sticker": {**plain, **form}}
    named = {**plain, "file_name": file.name, "mime_type": file.mime_type}
    if kind == "animation":
        form = {"duration": 3, "width": 640, "height": 480}
        return {"animation": {**named, **form}, "document": named}
    if kind == "video_note":
        return {kind: {**plain, "duration": 3, "length": 240}}
    if kind in ("voice", "audio", "video"):
        form = {"duration": 3, "width": 640, "height": 480} if kind == "video" else {"duration": 3}
        return {kind: {**(plain if kind == "voice" else named), "mime_type": file.mime_type, **form}}
    return {"document": named}


def sender(kind: str) -> Callable[[World, Params], Json]:
    """`sendDocument`, `sendPhoto`, `sendVoice` and so on."""

    def send(world: World, params: Params) -> Json:
        words, entities = styled(params, "caption", "caption_entities")
        if len(words) > text.CAPTION_LIMIT:
            raise bad("message caption is too long")
        chat = world.writable_chat(params)
        file = _given(world, params, kind)
        return deliver(world, params, chat, words, entities, shown(kind, file))

    return send


def _given(world: World, params: Params, kind: str) -> StoredFile:
    """The file of a call: uploaded under its own name, attached under another, or known from before."""
    reference = params.text(kind)
    upload = params.uploads.get(reference.removeprefix("attach://") if reference else kind)
    if upload is None:
        if not reference:
            raise bad(f"there is no {kind} in the request")
        if reference not in world.files:
            remote = reference.startswith(("http://", "https://"))
            raise bad("failed to get HTTP URL content" if remote else "wrong file identifier/HTTP URL specified")
        return world.files[reference]
    if not upload.data:
        raise bad("file must be non-empty")
    if len(upload.data) > (PHOTO_LIMIT if kind == "photo" else UPLOAD_LIMIT):
        raise bad("file is too big")
    if kind == "photo" and not upload.data.startswith(PICTURES) and upload.data[8:12] != b"WEBP":
        raise bad("IMAGE_PROCESS_FAILED")
    return keep(world, kind, upload.data, upload.name, upload.mime_type)


def get_file(world: World, params: Params) -> Json:
    number = params.text("file_id")
    if not number:
        raise bad("file_id not specified")
    file = world.files.get(number)
    if file is None:
        raise bad("wrong file_id or the file is temporarily unavailable")
    path = file.path
    if world.local_directory:
        there = Path(world.local_directory) / path
        there.parent.mkdir(exist_ok=True)
        there.write_bytes(file.data)
        path = str(there)
    elif file.size > DOWNLOAD_LIMIT:
        raise bad("file is too big")
    unique = f"u{file.file_id}"[:24]
    return {"file_id": number, "file_unique_id": unique, "file_size": file.size, "file_path": path}
