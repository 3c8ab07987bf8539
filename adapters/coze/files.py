"""Uploads to Coze: a file goes there from the disk, piece by piece, and comes back as a `file_id`."""

import asyncio
import mimetypes
from pathlib import Path

from adapters import filetypes
from adapters.coze.errors import of_code
from adapters.coze.wire import Api, Upload
from bridge.errors import BotFailed

MOST_BYTES = 512_000_000
"""Of one file, by https://www.coze.cn/docs/developer_guides/upload_files."""
SECONDS = 60.0
"""For what is small; the size adds to it."""
BYTES_PER_SECOND = 100_000
"""A slow line still gets through at this pace."""
BEGINNING = 512
TOO_BIG, EMPTY = 4302, 4300
"""Coze's own codes for that."""
MIMES = {"oga": "audio/ogg", "opus": "audio/ogg", "m4a": "audio/mp4", "md": "text/markdown", "webp": "image/webp"}
"""Media types that not every machine's table knows."""


async def upload(api: Api, name: str, content: Path) -> str:
    """Uploads it, and returns its `file_id`. Coze keeps it for three months, for this account only."""
    sent, seconds = await ready(name, content, MOST_BYTES)
    answered, reference = await api.call("POST", "/v1/files/upload", upload=sent, seconds=seconds)
    data = answered.get("data")
    found = str(data.get("id") or "") if isinstance(data, dict) else ""
    if not found:
        raise BotFailed("Coze took a file and gave it no id", reference=reference)
    return found


async def ready(name: str, content: Path, most: int) -> tuple[Upload, float]:
    """That file as it goes with a call which takes so many bytes at most, and how many seconds that may take.

    Raises BotFailed if it is larger, or empty.
    """
    size = (await asyncio.to_thread(content.stat)).st_size
    if size > most:
        raise of_code(TOO_BIG, f"it has {size} bytes, and {most} are the most")
    if not size:
        raise of_code(EMPTY, "it is empty")
    called = await _called(name, content)
    mime = MIMES.get(_ending(called)) or mimetypes.guess_type(called)[0] or "application/octet-stream"
    return Upload(name=called, mime=mime, content=content), SECONDS + size / BYTES_PER_SECOND


async def _called(name: str, content: Path) -> str:
    """Its name, with an ending that tells what it is: by that alone does Coze know."""
    plain = " ".join(name.replace("/", "_").replace("\\", "_").split()) or "file"
    if _ending(plain) in MIMES or mimetypes.guess_type(plain)[0]:
        return plain

    def beginning() -> bytes:
        with content.open("rb") as file:
            return file.read(BEGINNING)

    found = filetypes.of(await asyncio.to_thread(beginning), "")
    return f"{plain}.{found.endings[0]}" if found else plain


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()
