"""Fetches the pictures and files that an answer points to: what a bot names is called only within strict limits.

An address that a bot names may be chosen by whoever talks to it. So it must lead to the public internet, or a stranger
could make us call at the neighbours that only we can reach. That is checked at the last moment, when a connection is
about to be made to an IP address: whatever a name resolved to before, and wherever a redirection leads.
"""

import asyncio
import logging
import re
import socket
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.request import getproxies

import aiohttp
from yarl import URL

from adapters import addresses, filetypes
from bridge.errors import Refused, Unreachable
from bridge.media import named
from bridge.model import Attachment, Kind

log = logging.getLogger(__name__)

SECONDS = 20.0
"""All of it: names, connections, redirections, the content."""
CONNECT_SECONDS = 8.0
MOST_BYTES = 20 * 1024 * 1024
AT_ONCE = 4
"""Files in memory at a time, until they are sent: with what the SDKs copy, up to 220 MB (measured)."""
REDIRECTIONS = 3
PIECE = 64 * 1024
WEB_PORTS = (80, 443)
LOWEST_PORT = 1024
"""Below, but for the ports of the web, other things than files are served."""
_ENCODED = re.compile(r"[!-~]*")
HEADERS = {"User-Agent": "coze-bridge", "Accept": "*/*", "Accept-Encoding": "identity"}
"""Not compressed: nobody shall make much of little."""


class _NotPublicError(OSError):
    """The connection would lead to an address that is not public."""


class Downloading:
    """Behind the port Downloads. `networks`: addresses that may be called although they are not public.

    A proxy of the environment is not used: it would resolve the names itself, and nobody would look at the addresses.
    """

    def __init__(self, networks: Collection[addresses.Network] = (), *, seconds: float = SECONDS) -> None:
        self._networks = tuple(networks)
        self._seconds = seconds
        self._room = asyncio.Semaphore(AT_ONCE)
        if {"http", "https"} & set(getproxies()):
            log.info("pictures and files of answers are fetched without the proxy; what is not reached stays a link")

    @asynccontextmanager
    async def fetched(self, attachment: Attachment) -> AsyncIterator[tuple[Kind, str, bytes]]:
        """See `bridge.ports.Downloads`."""
        async with self._room:
            content, said, url = await self._fetch(attachment.url)
            found = filetypes.of(content, said)
            if found is None:
                raise Refused(f"{shown(url)}: neither picture, sound, film nor document ({said[:60] or 'no type'})")
            # Its own name tells more than what it was called in the text, where it is no picture.
            name = attachment.name or named(str(url))
            yield found.kind, filetypes.called(name, found), content

    async def _fetch(self, address: str) -> tuple[bytes, str, URL]:
        """The content, its media type, and where it was in the end."""
        async with opened(address, networks=self._networks, seconds=self._seconds) as (response, url):
            return await _read(response, url), response.content_type, url


@asynccontextmanager
async def opened(
    address: str,
    *,
    networks: Sequence[addresses.Network],
    seconds: float,
    may: Callable[[URL], bool] = lambda _: True,
) -> AsyncIterator[tuple[aiohttp.ClientResponse, URL]]:
    """What is at that address, wherever redirections lead, and where it was in the end; all of it takes `seconds`.

    `may`: is that address, or that of a redirection, one that may be called? Raises Refused if not, or if it is not
    public and in none of the networks; Unreachable.
    """
    url = _parsed(address)
    connector = aiohttp.TCPConnector(
        limit=1, force_close=True, use_dns_cache=False, socket_factory=partial(_socket, networks)
    )
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
    try:
        async with (
            asyncio.timeout(seconds),
            aiohttp.ClientSession(
                connector=connector,
                timeout=timeout,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers=HEADERS,
            ) as session,
        ):
            for _ in range(REDIRECTIONS + 1):
                if not may(url):
                    raise Refused(f"{shown(url)}: not an address that may be called")
                async with session.get(url, allow_redirects=False) as response:
                    if response.status not in (301, 302, 303, 307, 308):
                        yield response, url
                        return
                    url = _next(url, response.headers.get("Location", ""))
            raise Refused(f"{shown(url)}: more than {REDIRECTIONS} redirections")
    except TimeoutError:
        raise Unreachable(f"{shown(url)}: not there within {seconds:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if _is_closed(error):
            raise Refused(f"{shown(url)}: not a public address") from None
        raise Unreachable(f"{shown(url)}: not reached ({type(error).__name__})") from None


def _socket(networks: Sequence[addresses.Network], found: Any) -> socket.socket:
    """A socket for a connection to exactly that address, as `getaddrinfo` tells it."""
    family, kind, protocol, _, where = found
    if not addresses.allowed(str(where[0]), networks):
        raise _NotPublicError("not a public address")
    return socket.socket(family, kind, protocol)


async def _read(response: aiohttp.ClientResponse, url: URL) -> bytes:
    """The whole body, unless it is too much or no file."""
    if response.status != 200:
        raise Refused(f"{shown(url)}: status {response.status}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(f"{shown(url)}: compressed")
    content = bytearray()
    too_much = (response.content_length or 0) > MOST_BYTES
    while not too_much and (piece := await response.content.read(PIECE)):
        content += piece
        too_much = len(content) > MOST_BYTES
    if too_much:
        raise Refused(f"{shown(url)}: more than {MOST_BYTES >> 20} MB")
    if not content:
        raise Refused(f"{shown(url)}: empty")
    return bytes(content)


def _parsed(address: str) -> URL:
    """The address as one that may be called, as far as its words tell. Raises Refused."""
    try:
        url = _url(address)
        port = url.port
    except ValueError:
        raise Refused("no address") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise Refused(f"{shown(url)}: not an address of the web")
    if url.user or url.password:
        raise Refused(f"{shown(url)}: with a password")
    if port not in WEB_PORTS and (port or 0) < LOWEST_PORT:
        raise Refused(f"{shown(url)}: not a port of the web")
    return url.with_fragment(None)


def _url(address: str) -> URL:
    """What is encoded already stays so: a signature is of these very characters. Raises ValueError."""
    return URL(address, encoded=_ENCODED.fullmatch(address) is not None)


def _next(url: URL, location: str) -> URL:
    """Where a redirection leads. Raises Refused."""
    try:
        target = url.join(_url(location))
    except ValueError:
        raise Refused(f"{shown(url)}: redirected to no address") from None
    if not location or (url.scheme == "https" and target.scheme != "https"):
        raise Refused(f"{shown(url)}: redirected out of the web that is encrypted")
    return _parsed(str(target))


def _is_closed(error: BaseException) -> bool:
    """Was a connection not made because the address is not public?"""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _NotPublicError) or "not a public address" in str(cause):
            return True
        cause = cause.__cause__ or getattr(cause, "os_error", None)
    return False


def shown(url: URL) -> str:
    """For the log: without the query, which may hold a signature, and without a password."""
    return f"{url.scheme}://{url.host or ''}{url.path}"[:200]
