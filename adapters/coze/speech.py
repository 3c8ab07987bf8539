"""Speech at Coze: what is said in a recording, which voices there are, and a text as one spoken MP3."""

import asyncio
import re
from pathlib import Path
from typing import Any

from adapters.coze import mp3
from adapters.coze.files import ready
from adapters.coze.wire import Api
from bridge.errors import BotFailed
from bridge.ports import Voice

MOST_HEARD = 10_000_000
"""Bytes of a recording, by https://www.coze.cn/docs/developer_guides/audio_transcriptions; and 30 minutes."""
MOST_SPOKEN = 5_000
"""Characters of one text; what is behind them is not spoken: it would be longer than anybody listens."""
PIECE = 1024
"""Bytes of UTF-8 that Coze speaks in one call."""
AT_ONCE = 4
"""Calls of one bot for speech under way at the same time."""
SECONDS = 60.0
"""For one piece."""
SAMPLE_RATE = 24_000
"""Hz; of every piece the same, else they would not fit together."""
PAGE, PAGES = 100, 20
"""Voices are listed so many at a time, and so many times at most."""

_SENTENCE = re.compile(r"[。！？；…]+[”’」』）]*|[.!?]+[\"')\]]*(?=\s)|\n+")
_CLAUSE = re.compile(r"[，、：]|[,:;](?=\s)")
_WORD = re.compile(r"\s")


async def transcribe(api: Api, name: str, content: Path) -> str:
    """What is said in that recording; empty if nothing is."""
    sent, seconds = await ready(name, content, MOST_HEARD)
    answered, _ = await api.call("POST", "/v1/audio/transcriptions", upload=sent, seconds=seconds)
    data = answered.get("data")
    return str(data.get("text") or "").strip() if isinstance(data, dict) else ""


async def voices(api: Api) -> list[Voice]:
    """All voices of the account, those of the system among them, each once."""
    found: dict[str, Voice] = {}
    for page in range(1, PAGES + 1):
        params = {"filter_system_voice": "false", "page_num": str(page), "page_size": str(PAGE)}
        answered, _ = await api.call("GET", "/v1/audio/voices", params=params)
        data = answered.get("data")
        listed = data.get("voice_list") if isinstance(data, dict) else None
        rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
        new = {voice.id: voice for voice in map(_voice, rows) if voice.id and voice.id not in found}
        found |= new
        # A server that does not count pages gives the first one for ever.
        if not new or not isinstance(data, dict) or not data.get("has_more"):
            break
    return list(found.values())


def _voice(row: dict[str, Any]) -> Voice:
    name, language = (str(row.get(key) or "") for key in ("name", "language_code"))
    return Voice(id=str(row.get("voice_id") or ""), name=name, language=language)


async def speak(api: Api, text: str, voice: str, places: asyncio.Semaphore) -> bytes:
    """That text as one MP3, up to MOST_SPOKEN characters; `places` bound what goes on at once. Raises BotFailed."""
    said = pieces(text)
    if not said:
        raise BotFailed("there is nothing in it to be spoken", say="not_spoken")
    tasks = [asyncio.create_task(_spoken(api, piece, voice, places), name="coze-speak") for piece in said]
    try:
        return mp3.joined(await asyncio.gather(*tasks))
    except ValueError as error:
        raise BotFailed(f"Coze spoke something that is no MP3: {error}", say="not_spoken") from None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _spoken(api: Api, piece: str, voice: str, places: asyncio.Semaphore) -> bytes:
    body: dict[str, Any] = {"input": piece, "voice_id": voice, "response_format": "mp3", "sample_rate": SAMPLE_RATE}
    async with places:
        return await api.content("/v1/audio/speech", body=body, kind="audio/", seconds=SECONDS)


def pieces(text: str, *, most: int = PIECE, whole: int = MOST_SPOKEN) -> list[str]:
    """The text in pieces of so many bytes of UTF-8 at most, and `whole` characters in all.

    They end where a sentence does, else a clause or a word, else between two characters. What has neither a letter nor
    a digit in it is left out: nothing of it could be heard.
    """
    rest = text.encode(errors="replace").decode()
    if len(rest) > whole:
        rest = rest[: _cut(rest[:whole])]
    found = []
    while rest := rest.strip():
        taken = rest.encode()[:most].decode(errors="ignore")
        if len(taken) < len(rest):
            taken = taken[: _cut(taken)]
        found.append(taken.strip())
        rest = rest[len(taken) :]
    return [piece for piece in found if any(map(str.isalnum, piece))]


def _cut(text: str) -> int:
    """Where it is best cut, close to its end."""
    for ends in (_SENTENCE, _CLAUSE, _WORD):
        at = max((found.end() for found in ends.finditer(text)), default=0)
        # Earlier than that, the pieces become many.
        if at > len(text) // 3:
            return at
    return len(text)
