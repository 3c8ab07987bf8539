"""Files that people send to the bot: asked for by their id, and read piece by piece from where Telegram has them."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import aiohttp
from telegram import Bot
from telegram.error import BadRequest

from adapters.telegram.errors import translated
from adapters.telegram.transport import CONNECT_SECONDS, trusted
from adapters.telegram.writing import in_time
from bridge.errors import Gone, RateLimited, Refused, Unreachable
from bridge.model import File

log = logging.getLogger(__name__)

PUBLIC = "https://api.telegram.org"
MOST_BYTES = 20 * 1024 * 1024
"""Bot API, getFile; a server of one's own that runs with `--local` has no limit but the next."""
MOST_BYTES_LOCAL = 2000 * 1024 * 1024
READ_SECONDS = 30.0
"""Between two pieces."""
PIECE = 64 * 1024


class Fetching:
    """Of one bot. The address of a file holds the bot's token: it gets into no log and no error."""

    def __init__(self, bot: Bot, api_base: str) -> None:
        self._bot = bot
        self._is_public = api_base.rstrip("/") == PUBLIC
        self._is_limited = self._is_public
        self._session: aiohttp.ClientSession | None = None

    @property
    def most_bytes(self) -> int:
        """Of one file. Only the first that is refused tells whether a server of one's own runs with `--local`."""
        return MOST_BYTES if self._is_limited else MOST_BYTES_LOCAL

    @asynccontextmanager
    async def fetch(self, file: File) -> AsyncIterator[AsyncIterator[bytes]]:
        """See `bridge.ports.Brings`."""
        address = await self._address(file.ref)
        path = address.removeprefix(f"{self._bot.base_file_url}/")
        if path.startswith("/") and not self._is_public:
            async with aclosing(_on_disk(Path(path))) as pieces:
                yield pieces
            return
        try:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS)
            async with self._http().get(address, timeout=timeout, allow_redirects=False) as response:
                _check(response)
                yield _pieces(response)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(f"Telegram's file is not reached ({type(error).__name__})") from None

    async def _address(self, number: str) -> str:
        """Where the file is: an address, or on the disk of a server of one's own."""
        async with in_time():
            with translated():
                found = await self._asked(number)
        if not found:
            raise Unreachable("Telegram does not say where the file is")
        return found

    async def _asked(self, number: str) -> str:
        try:
            return (await self._bot.get_file(number)).file_path or ""
        except BadRequest as error:
            if "too big" in error.message.lower():
                self._is_limited = True
                raise Refused("Telegram does not let bots fetch so large a file", say="file_big") from None
            # wrong file_id, file is temporarily unavailable, …: what it was, it is not any more.
            raise Gone("Telegram does not have the file (any more)") from None

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            # trust_env: HTTPS_PROXY and NO_PROXY, as for all calls.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=trusted()),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=True,
            )
        return self._session

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


def _check(response: aiohttp.ClientResponse) -> None:
    status = response.status
    if status == 429:
        wait = response.headers.get("Retry-After", "")
        raise RateLimited("Telegram's files: status 429", retry_after=float(wait) if wait.isdigit() else 5.0)
    if status in (400, 404, 410):
        raise Gone(f"Telegram's files: status {status}")
    if status != 200:
        # Also a redirection: the address that it was called by is a secret.
        raise Unreachable(f"Telegram's files: status {status}")


async def _pieces(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async for piece in response.content.iter_chunked(PIECE):
        yield piece


async def _on_disk(path: Path) -> AsyncGenerator[bytes, None]:
    """Of a server that runs with `--local`, on this machine."""
    try:
        content = await asyncio.to_thread(path.open, "rb")
    except OSError as error:
        log.warning(
            "a file of the Bot API server cannot be read (%s): its directory is to be readable here, at the same path",
            error.strerror,
        )
        raise Refused(f"the Bot API server's file: {error.strerror}") from None
    try:
        while piece := await asyncio.to_thread(content.read, PIECE):
            yield piece
    finally:
        await asyncio.to_thread(content.close)
