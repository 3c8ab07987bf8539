"""What people send along, on its way to Coze: fetched from the platform, then uploaded or transcribed, each once."""

import asyncio
import hashlib
import mimetypes
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bridge.amiss import BIG, MB, VOICE
from bridge.errors import BotFailed, BridgeError, Gone, Permanent, Refused, Transient, Unreachable
from bridge.model import File, Turn
from bridge.ports import Adapter, Bot, Brings, Hears, Meter, Reads, Store
from bridge.scratch import Scratch, write

AT_ONCE = 4
"""Files of one process that are being fetched at a time, and as many that are being passed on: both together are on
the disk. One question has one of them there, so that many slow ones hold up their own question alone."""
FETCH_SECONDS, UPLOAD_SECONDS, HEAR_SECONDS = 600.0, 600.0, 300.0
"""Of one file; each end of it gives up earlier if nothing comes for a while."""
KEPT_SECONDS = 80 * 86400.0
"""For so long an upload is used again: Coze keeps files for three months (its documentation of the upload)."""
MOST_HEARD = 10_000_000
"""Bytes of speech that Coze transcribes at once (its documentation of the transcriptions)."""
NO_CALL = (404, 405)
"""Codes of a Coze that does not have such a call."""
ABOUT_THE_FILE = {"file_type": "type", "file_empty": "empty", "file_big": "refused", "file_many": "refused"}
"""What Coze says of a file, as `File.amiss`."""
Listen = Literal["transcribe", "audio", "off"]
_TRICKS = re.compile(r"[\x00-\x1f\x7f/\\]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of that the operator wants to be read."""

    most_bytes: int = 20 * MB
    """Of one file, on every platform."""
    read: bool = True
    listen: Listen = "transcribe"
    """A voice message is written down and asked so, or passed on as it is, or not heard."""


EVERYTHING = Wanted()


class _AmissError(Exception):
    """This file cannot be used; the text is its `File.amiss`."""


class Bringing:
    """Of all questions of one process."""

    def __init__(self, *, store: Store, meter: Meter, scratch: Scratch, wanted: Wanted) -> None:
        self._store = store
        self._meter = meter
        self._scratch = scratch
        self._wanted = wanted
        self._fetching = asyncio.Semaphore(AT_ONCE)
        self._passing_on = asyncio.Semaphore(AT_ONCE)
        self._alone: dict[tuple[str, str], list[asyncio.Lock]] = {}
        """What is being uploaded, by library and key; one entry for each who wants to."""

    def judged(self, files: Sequence[File], bot: Bot, adapter: Adapter, *, anew: bool = False) -> tuple[File, ...]:
        """The files as far as they are known without being fetched: those that cannot be used are `amiss`.

        `anew`: what has been uploaded is not there any more.
        """
        found = [replace(file, coze="") if anew else file for file in files]
        return tuple(
            replace(file, amiss=self._amiss(file, bot, adapter)) if is_waiting(file) else file for file in found
        )

    async def brought(
        self, turn: Turn, files: Sequence[File], bot: Bot, adapter: Adapter, *, anew: bool = False
    ) -> tuple[File, ...]:
        """The `judged` files of that question, one after another, with what became of those that were waiting; durable.

        Raises Transient, and BotFailed of what is not about a file; what was done until then is durable as well.
        """
        after, failed = list(files), None
        for number, file in enumerate(files):
            try:
                after[number] = await self._one(file, bot, adapter, anew=anew)
            except BridgeError as error:
                failed = error
                break
        done = tuple(after)
        if done != turn.files:
            await self._store.prepared(turn, done)
        if failed is not None:
            raise failed
        for before, file in zip(turn.files, done, strict=True):
            if is_waiting(before):
                self._count(turn, file)
        return done

    def _count(self, turn: Turn, file: File) -> None:
        outcome = file.amiss.partition(":")[0] or ("heard" if file.heard else "read")
        self._meter.count("files", platform=turn.address.platform, outcome=outcome)

    def _amiss(self, file: File, bot: Bot, adapter: Adapter) -> str:
        """Why it is not even fetched; empty if it is."""
        if not file.ref or not isinstance(adapter, Brings):
            return "unreadable"
        reads = self._wanted.read and isinstance(bot, Reads) and bool(bot.library)
        if file.kind != VOICE:
            if not reads:
                return "unread"
        elif self._wanted.listen == "off" or not (reads or self._hears(file, bot)):
            return "deaf"
        most = self._most(file, adapter)
        return f"{BIG}:{most}" if file.size > most else ""

    def _hears(self, file: File, bot: Bot) -> bool:
        return file.kind == VOICE and self._wanted.listen == "transcribe" and isinstance(bot, Hears)

    def _most(self, file: File, adapter: Brings) -> int:
        return min(self._wanted.most_bytes, adapter.most_bytes(file))

    async def _one(self, file: File, bot: Bot, adapter: Adapter, *, anew: bool) -> File:
        """What becomes of that file."""
        if not is_waiting(file):
            return file
        assert isinstance(adapter, Brings)
        try:
            async with AsyncExitStack() as fetching:
                await fetching.enter_async_context(self._fetching)
                with self._scratch.file() as (path, descriptor):
                    digest, size = await self._fetch(file, adapter, descriptor)
                    known = replace(file, size=size)
                    async with self._passing_on:
                        # Not before: what waits to be passed on is on the disk, and would be ever more.
                        await fetching.aclose()
                        if self._hears(file, bot) and size <= MOST_HEARD:
                            return replace(known, heard=await self._heard(file, bot, path))
                        return replace(known, coze=await self._uploaded(file, bot, path, digest, anew=anew))
        except _AmissError as error:
            amiss = str(error)
            # Said to be smaller than it is: then how large it is, is not known.
            return replace(file, amiss=amiss, size=0 if amiss.startswith(BIG) else file.size)

    async def _fetch(self, file: File, adapter: Brings, descriptor: int) -> tuple[str, int]:
        """SHA-256 and size of the content, which is then in that file."""
        most, size, digest = self._most(file, adapter), 0, hashlib.sha256()
        try:
            async with asyncio.timeout(FETCH_SECONDS), adapter.fetch(file) as pieces:
                async for piece in pieces:
                    size += len(piece)
                    if size > most:
                        raise _AmissError(f"{BIG}:{most}")
                    digest.update(piece)
                    write(descriptor, piece)
        except Transient as error:
            # Nothing was asked yet, and it is not Coze that is away.
            raise type(error)(str(error), retry_after=error.retry_after, say=_away(error)) from None
        except TimeoutError:
            raise Unreachable(f"not fetched within {FETCH_SECONDS:g} s", say="file_away") from None
        except Permanent as error:
            # How much it lets us fetch, the platform may just have told.
            raise _AmissError(_of_platform(error, self._most(file, adapter))) from None
        if not size:
            raise _AmissError("empty")
        return digest.hexdigest(), size

    async def _heard(self, file: File, bot: Bot, path: Path) -> str:
        """What is said in it."""
        assert isinstance(bot, Hears)
        try:
            async with asyncio.timeout(HEAR_SECONDS):
                heard = await bot.transcribe(named(file), path)
        except TimeoutError:
            raise Unreachable("no transcript in time") from None
        except BotFailed as error:
            if error.code in NO_CALL:
                raise _AmissError("deaf") from None
            if error.say in ABOUT_THE_FILE or error.say in ("failed", "file", "malformed"):
                raise _AmissError("mumbled") from None
            raise
        if not heard.strip():
            raise _AmissError("silent")
        return heard.strip()

    async def _uploaded(self, file: File, bot: Bot, path: Path, digest: str, *, anew: bool) -> str:
        """Its Coze `file_id`: of a content that was uploaded before under that name, the same."""
        if not isinstance(bot, Reads):
            raise _AmissError("deaf")
        name = _uploaded_as(file)
        # By the name Coze tells what a file is, and a bot may be told it: it is never that of somebody else's file.
        key = hashlib.sha256(f"{digest}/{name}".encode(errors="replace")).hexdigest()
        async with self._one_at_a_time(bot.library, key):
            known = "" if anew else await self._store.uploaded(bot.library, key)
            if known:
                return known
            try:
                async with asyncio.timeout(UPLOAD_SECONDS):
                    number = await bot.upload(name, path)
            except TimeoutError:
                raise Unreachable("not uploaded in time") from None
            except BotFailed as error:
                if error.code in NO_CALL:
                    raise _AmissError("unread") from None
                if error.say.startswith("file"):
                    raise _AmissError(ABOUT_THE_FILE.get(error.say, "refused")) from None
                raise
            await self._store.keep_upload(bot.library, key, number, seconds=KEPT_SECONDS)
            return number

    @asynccontextmanager
    async def _one_at_a_time(self, library: str, key: str) -> AsyncIterator[None]:
        """Nobody else of this process is inside with the same content of the same name."""
        wanting = self._alone.setdefault((library, key), [])
        lock = wanting[0] if wanting else asyncio.Lock()
        wanting.append(lock)
        try:
            async with lock:
                yield
        finally:
            wanting.pop()
            if not wanting:
                del self._alone[library, key]


def is_waiting(file: File) -> bool:
    """Nothing has become of it yet."""
    return not (file.coze or file.heard or file.amiss)


def named(file: File) -> str:
    """A name for Coze, with an ending: by that it tells what a file is."""
    name = _TRICKS.sub("_", " ".join(file.name.split())).strip(". ") or file.kind
    if "." in name[1:]:
        return name
    return name + (mimetypes.guess_extension(file.mime.partition(";")[0].strip()) or "")


def _uploaded_as(file: File) -> str:
    """Pictures have no names of their own at Coze: so one that many send is uploaded once."""
    name = named(file)
    return f"photo{Path(name).suffix.lower()}" if file.mime.startswith("image/") else name


def _away(error: Transient) -> str:
    """The sentence for it: what the disk lacks is no fault of the platform."""
    return "failed" if error.say == "failed" else "file_away"


def _of_platform(error: Permanent, most: int) -> str:
    """What a platform says of a file, as `File.amiss`."""
    if error.say == "file_big":
        return f"{BIG}:{most}"
    return "denied" if isinstance(error, Refused) else "gone" if isinstance(error, Gone) else "refused"
