"""The HTTP to Coze: one client for the process, cozepy on top of it, and plain calls that read every envelope."""

import asyncio
import urllib.request
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import cozepy
import httpx
from httpx_aiohttp import AiohttpTransport

from adapters.coze.auth import JwtAuth, tls
from adapters.coze.errors import AUTH_CODES, envelope, log_id, of_exception, of_response
from adapters.coze.lane import Lane, Streamed, Take
from bridge.errors import BotFailed, BridgeError
from bridge.trail import note

CALL_SECONDS = 15.0
"""How long a call that does not stream may take in all."""
POOL = 1000
"""Connections at most: every open answer holds one, and asks beside it now and then."""
CONNECT_SECONDS = 5.0
"""The limit for TCP and TLS, as in cozepy."""
POOL_SECONDS = 10.0
KEEPALIVE_SECONDS = 15.0

_arrived: ContextVar[tuple[list[httpx.Response], Take] | None] = ContextVar("coze_arrived", default=None)


def arriving(take: Take) -> list[httpx.Response]:
    """From now on, in this task, every response is put into this list before its body is read.

    cozepy shows the response only with the first event; we need it for the log id, the status and the closing.
    `take` is offered the deltas of a stream (lane.py).
    """
    responses: list[httpx.Response] = []
    _arrived.set((responses, take))
    return responses


async def _note(response: httpx.Response) -> None:
    note(coze_log=log_id(response))
    arrived = _arrived.get()
    if arrived is not None:
        responses, take = arrived
        responses.append(response)
        if isinstance(response, Streamed):
            response.take = take


class Api:
    """Coze's API: `coze` for what streams, `call` for the rest."""

    def __init__(self, api_base: str, auth: cozepy.Auth, *, read_seconds: float) -> None:
        self._root = api_base.rstrip("/")
        self._auth = auth
        self._client = cozepy.AsyncHTTPClient(  # type: ignore[no-untyped-call]  # as it is in cozepy
            transport=Lane(_transport(self._root)),
            timeout=httpx.Timeout(read_seconds, connect=CONNECT_SECONDS, pool=POOL_SECONDS),
            follow_redirects=False,  # A redirected POST would arrive as a GET.
            event_hooks={"response": [_note]},
        )
        self.coze = cozepy.AsyncCoze(auth, self._root, http_client=self._client)

    async def call(
        self, method: str, path: str, *, params: dict[str, str] | None = None, body: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], str]:
        """One call without a stream; what it answered, and the log id. Raises what went wrong, as ours."""
        response = await self._response(method, path, params, body)
        refused = of_response(response)
        if refused is not None and self.renewed(refused, response):
            response = await self._response(method, path, params, body)
            refused = of_response(response)
        if refused is not None:
            raise refused
        return envelope(response), log_id(response)

    async def _response(
        self, method: str, path: str, params: dict[str, str] | None, body: dict[str, Any] | None
    ) -> httpx.Response:
        headers: dict[str, str] = {}
        await self._auth.aauthentication(headers)
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await self._client.request(
                    method, self._root + path, params=params, json=body, headers=headers, timeout=CALL_SECONDS
                )
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            failure = of_exception(error, None, started=False)
        raise failure

    def renewed(self, refused: BridgeError, response: httpx.Response | None) -> bool:
        """Whether trying once more can help: a token of an OAuth app was refused, and is forgotten now."""
        if not isinstance(self._auth, JwtAuth) or not isinstance(refused, BotFailed) or response is None:
            return False
        if refused.code not in AUTH_CODES:
            return False
        self._auth.forget(response.request.headers.get("authorization", ""))
        return True

    async def aclose(self) -> None:
        await self._client.aclose()


def _transport(root: str) -> AiohttpTransport:
    """aiohttp below httpx: a third of the CPU per delta (64 µs against 195 µs at 300 streams)."""
    proxy = _proxy(root)
    transport = AiohttpTransport(verify=tls(), proxy=httpx.Proxy(proxy) if proxy else None)

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=POOL, keepalive_timeout=KEEPALIVE_SECONDS, ssl=tls(), ttl_dns_cache=60)
        # aiohttp would offer encodings that httpx, which decodes, need not know; and compressed streams come in gulps.
        headers = {"Accept-Encoding": "identity"}
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), headers=headers)

    transport.client = session
    return transport


def _proxy(root: str) -> str:
    """The proxy that the environment names for this host: httpx leaves that to its transport."""
    url = urlsplit(root)
    if urllib.request.proxy_bypass(url.hostname or ""):
        return ""
    return urllib.request.getproxies().get(url.scheme, "")
