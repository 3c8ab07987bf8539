"""Files that people share with the bot: read piece by piece from where Slack has them."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from adapters.slack.errors import calling, named
from adapters.slack.parse import read_file
from bridge.errors import Gone, RateLimited, Refused, Unreachable
from bridge.model import File

log = logging.getLogger(__name__)

MOST_BYTES = 1024 * 1024 * 1024
"""The largest file that people can share in Slack (its help pages)."""
INFO_SECONDS = 15.0
CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0
"""To connect, and between two pieces."""
PIECE = 64 * 1024
REDIRECTIONS = 3
HOSTS = ("slack.com", "slack-files.com", "slack-gov.com")
"""Who gets the token, and whatever belongs to them; beside the server that the API is called at."""
SCOPE = "the app lacks the scope files:read (deploy/slack has it): what people share is not read"


class Fetching:
    """Of one bot in one workspace. Its token goes to Slack's own hosts alone, wherever a redirection leads."""

    def __init__(self, token: str, api_base: str, connect: Callable[[], AsyncWebClient]) -> None:
        self._token = token
        self._home = URL(api_base).origin()
        self._connect = connect

    @asynccontextmanager
    async def fetch(self, file: File) -> AsyncIterator[AsyncIterator[bytes]]:
        """See `bridge.ports.Brings`."""
        if " " not in file.ref:
            file = await self._told(file)
        try:
            async with self._opened(URL(file.ref.partition(" ")[2]), file, moved=0) as response:
                yield _pieces(response)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(f"Slack's file is not reached ({type(error).__name__})") from None

    async def _told(self, file: File) -> File:
        """The file as Slack knows it if it is asked: it has told us no more than that there is one."""
        try:
            async with calling("files.info", INFO_SECONDS):
                answer = await self._connect().files_info(file=file.ref)
        except Refused as error:
            if named(error) in ("file_not_found", "file_deleted"):
                raise Gone(str(error)) from None
            if named(error) == "missing_scope":
                log.warning(SCOPE)
            raise
        found: Any = answer.get("file")
        known = read_file(found) if isinstance(found, dict) else file
        if " " not in known.ref:
            raise Gone("files.info: it is not at Slack")
        return known

    @asynccontextmanager
    async def _opened(self, url: URL, file: File, *, moved: int) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response with the content."""
        ours = self._is_slack(url)
        if not ours and (moved == 0 or (url.scheme != "https" and self._home.scheme == "https")):
            raise Gone(f"the file is not at Slack ({url.host})")
        session: aiohttp.ClientSession | None = self._connect().session
        assert session is not None
        headers = {"Authorization": f"Bearer {self._token}"} if ours else {}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS)
        async with session.get(url, headers=headers, timeout=timeout, allow_redirects=False) as response:
            if response.status not in (301, 302, 303, 307, 308):
                _check(response, file, moved=moved)
                yield response
                return
            target = url.join(URL(response.headers.get("Location", "")))
        if moved == REDIRECTIONS:
            raise Unreachable(f"Slack's file: more than {REDIRECTIONS} redirections")
        async with self._opened(target, file, moved=moved + 1) as response:
            yield response

    def _is_slack(self, url: URL) -> bool:
        """May the token go there?"""
        if url.origin() == self._home:
            return True
        host = url.host or ""
        return url.scheme == "https" and any(host == one or host.endswith(f".{one}") for one in HOSTS)


def _check(response: aiohttp.ClientResponse, file: File, *, moved: int) -> None:
    """Raises what is amiss with it."""
    status = response.status
    if status == 429:
        wait = response.headers.get("Retry-After", "")
        raise RateLimited("Slack's files: status 429", retry_after=float(wait) if wait.isdigit() else 30.0)
    if status in (400, 404, 410):
        raise Gone(f"Slack's files: status {status}")
    if status in (401, 403):
        raise Refused(f"Slack's files: status {status}")
    if status != 200:
        raise Unreachable(f"Slack's files: status {status}")
    if response.content_type == "text/html" and not _is_page(response, file, moved=moved):
        # Not an error to Slack: it shows the page at which people log in.
        log.warning(SCOPE)
        raise Refused(SCOPE)


def _is_page(response: aiohttp.ClientResponse, file: File, *, moved: int) -> bool:
    """Is the HTML what somebody shared?"""
    if not file.mime.startswith("text/html"):
        return False
    handed_over = response.headers.get("Content-Disposition", "").startswith("attachment")
    return handed_over or (moved == 0 and response.content_length == file.size)


async def _pieces(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async for piece in response.content.iter_chunked(PIECE):
        yield piece
