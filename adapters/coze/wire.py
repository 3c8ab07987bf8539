"""The HTTP to Coze: one client for the process, cozepy on top of it, and plain calls that read every envelope."""

import asyncio
import hashlib
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import cozepy
import httpx
from cozepy.chat import AsyncChatClient
from cozepy.request import Requester
from httpx_aiohttp import AiohttpTransport

from adapters.coze.auth import Renewing
from adapters.coze.errors import AUTH_CODES, envelope, log_id, of_exception, of_response
from adapters.coze.lane import Lane, Streamed, Take
from adapters.coze.oauth import tls
from bridge.errors import BotFailed, BridgeError, Unreachable
from bridge.trail import note

CALL_SECONDS = 15.0
"""How long a call that neither streams nor carries a file may take in all."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that goes with a call, as the multipart part `file`; it is read from the disk piece by piece."""

    name: str
    """By its ending Coze tells what it is."""
    mime: str
    content: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One call without a stream."""

    method: str
    path: str
    params: dict[str, str] | None = None
    body: dict[str, Any] | None = None
    upload: Upload | None = None
    seconds: float = CALL_SECONDS


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

    def acting(self, auth: cozepy.Auth) -> "Api":
        """The same connections, spoken over as somebody else; cheap, and not to be closed."""
        other = copy(self)
        other._auth = auth
        other.coze = cozepy.AsyncCoze(auth, self._root, http_client=self._client)
        return other

    def chat(self, beside: Mapping[str, Any]) -> AsyncChatClient:
        """cozepy's chats, with that in the body of a question beside what cozepy has arguments for."""
        if not beside:
            return self.coze.chat
        wider: Any = _Widened(Requester(self._auth, async_client=self._client), beside)
        return AsyncChatClient(self._root, wider)

    @property
    def account(self) -> str:
        """Names who we are to which Coze, in a way that tells nothing: host, and 12 hex digits of SHA-256.

        The token of a token, and `subject` of other credentials, which is the same for all tokens that come of them.
        """
        subject = getattr(self._auth, "subject", "") or getattr(self._auth, "_token", "") or f"{id(self._auth)}"
        return f"{urlsplit(self._root).netloc}|{hashlib.sha256(subject.encode()).hexdigest()[:12]}"

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        upload: Upload | None = None,
        seconds: float = CALL_SECONDS,
    ) -> tuple[dict[str, Any], str]:
        """One call without a stream; what it answered, and the log id. Raises what went wrong, as ours."""
        made = _Call(method=method, path=path, params=params, body=body, upload=upload, seconds=seconds)
        response = await self._accepted(made)
        return envelope(response), log_id(response)

    async def content(self, path: str, *, body: dict[str, Any], kind: str, seconds: float) -> bytes:
        """What a POST answers that gives no JSON but a file, of a media type that begins so."""
        response = await self._accepted(_Call(method="POST", path=path, body=body, seconds=seconds))
        if not response.headers.get("content-type", "").lower().startswith(kind):
            raise BotFailed(f"Coze answered {path} with something else than {kind}", reference=log_id(response))
        return response.content

    async def _accepted(self, call: _Call) -> httpx.Response:
        """What was answered, if it is no refusal."""
        response = await self._response(call)
        refused = of_response(response)
        if refused is not None and self.renewed(refused, response):
            response = await self._response(call)
            refused = of_response(response)
        if refused is not None:
            raise self.meant(refused)
        return response

    async def _response(self, call: _Call) -> httpx.Response:
        headers: dict[str, str] = {}
        upload = call.upload
        file = await asyncio.to_thread(upload.content.open, "rb") if upload else None
        try:
            async with asyncio.timeout(call.seconds):
                await self._auth.aauthentication(headers)
            async with asyncio.timeout(call.seconds):  # a queue for tokens is no slowness of the call
                return await self._client.request(
                    call.method,
                    self._root + call.path,
                    params=call.params,
                    json=call.body,
                    files={"file": (upload.name, file, upload.mime)} if upload and file else None,
                    headers=headers,
                    timeout=call.seconds,
                )
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            failure = _unsent(error, headers)
        finally:
            if file is not None:
                file.close()
        raise failure

    @asynccontextmanager
    async def streamed(self, path: str, body: Mapping[str, Any], *, seconds: float) -> AsyncIterator[httpx.Response]:
        """A POST whose answer is a stream, for what cozepy cannot read; it begins within so many seconds.

        Leaving the context closes the connection. Raises what went wrong, as ours.
        """
        response = await self._begun(path, body, seconds)
        try:
            refused = await _refusal(response)
            if refused is not None and self.renewed(refused, response):
                await response.aclose()
                response = await self._begun(path, body, seconds)
                refused = await _refusal(response)
            if refused is not None:
                raise self.meant(refused)
            yield response
        finally:
            # It was cut, most often: how it says so when it is closed does not matter.
            with suppress(httpx.HTTPError, aiohttp.ClientError, OSError):
                await response.aclose()

    async def _begun(self, path: str, body: Mapping[str, Any], seconds: float) -> httpx.Response:
        headers: dict[str, str] = {}
        try:
            async with asyncio.timeout(seconds):
                await self._auth.aauthentication(headers)
            request = self._client.build_request("POST", self._root + path, json=body, headers=headers)
            async with asyncio.timeout(seconds):
                return await self._client.send(request, stream=True)
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            failure = _unsent(error, headers)
        raise failure

    def renewed(self, refused: BridgeError, response: httpx.Response | None) -> bool:
        """Whether trying once more can help: a token of an OAuth app was refused, and is forgotten now."""
        if not isinstance(self._auth, Renewing) or not isinstance(refused, BotFailed) or response is None:
            return False
        if refused.code not in AUTH_CODES:
            return False
        self._auth.forget(response.request.headers.get("authorization", ""))
        return True

    def meant(self, error: BridgeError) -> BridgeError:
        """That error, with what is said of it where the credentials are a person's own: they are to mend it.

        What has no code is no answer to the call: it may be our OAuth app that is refused, which the operator mends.
        """
        if not error.code:
            return error
        error.say = getattr(self._auth, "says", {}).get(error.say, error.say)
        return error

    async def aclose(self) -> None:
        await self._client.aclose()


class _Widened:
    """cozepy's requester, which puts more into the body of what it sends."""

    def __init__(self, inner: Requester, more: Mapping[str, Any]) -> None:
        self._send: Callable[..., Awaitable[Any]] = inner.arequest
        self._more = more

    async def arequest(self, *place: Any, body: dict[str, Any] | None = None, **rest: Any) -> Any:
        """As cozepy's own."""
        return await self._send(*place, body={**(body or {}), **self._more}, **rest)


def _unsent(error: Exception, headers: Mapping[str, str]) -> BridgeError:
    """Why there is no answer; without these headers nothing was sent yet."""
    if not headers:
        return Unreachable("there was no token for Coze in time")
    return of_exception(error, None, started=False)


async def _refusal(response: httpx.Response) -> BridgeError | None:
    """Why the answer to a call that should stream is no stream; None if it is one."""
    if response.status_code < 300 and response.headers.get("content-type", "").startswith("text/event-stream"):
        return None
    try:
        async with asyncio.timeout(CALL_SECONDS):
            await response.aread()
    except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
        return of_exception(error, response, started=False)
    reference = log_id(response)
    return of_response(response) or Unreachable("Coze answered with no stream", certain=False, reference=reference)


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
