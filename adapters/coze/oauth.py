"""Coze's OAuth: exchanging proofs of who we are for tokens, and the addresses that a person is sent to for that."""

import asyncio
import base64
import hashlib
import re
import secrets
import ssl
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from adapters.coze.errors import envelope, number, of_code, of_exception, of_response, of_word
from bridge.errors import BotFailed, BridgeError, Transient
from bridge.ports import Clock

ASK_SECONDS = 15.0
"""How long the token endpoint may take."""
AT_ONCE = 20
"""Calls of one process to the token endpoint at a time, of all sessions and people together."""
REFRESH_DAYS = 30
"""A refresh token lasts so long, and can be used once (facts of the documents, "OAuth 2.0 authorization")."""
ACCESS_SECONDS = 86399.0
"""The longest life of an access token at Coze; what is said to last longer comes of a clock that is wrong."""
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
OVER = frozenset({"invalid_grant", "expired_token", "invalid_request"})
"""What a refresh token may be refused with. Coze's own list has only the last, as our requests are whole; RFC 6749 and
8628 have the others."""
_WORD = re.compile(r"[a-z][a-z_]{1,39}")
A_MOMENT = 1_000_000_000
"""`expires_in` above this is a Unix time and not a length."""


class LoginOver(BotFailed):
    """The refresh token itself is good for nothing any more: somebody is to log in again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What the token endpoint gave."""

    access: str = field(repr=False)
    refresh: str = field(default="", repr=False)
    """Empty with a JWT, which is signed anew each time."""
    seconds: float
    """For so long from when it was asked for, the access token is good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A login that somebody is to confirm in a browser."""

    code: str = field(repr=False)
    address: str
    """Where to go."""
    user_code: str
    """What to enter there."""
    seconds: float
    """For so long it can be confirmed."""
    interval: float
    """Between two questions whether it was."""


class Endpoint:
    """The token endpoint of one Coze. All who need tokens of it share this client, and none keeps a connection."""

    def __init__(self, api_base: str, *, clock: Clock) -> None:
        self._root = api_base.rstrip("/")
        self._clock = clock
        self._room = asyncio.Semaphore(AT_ONCE)
        # A session asks once an hour. Nothing stays open, so there is nothing to close either.
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0)
        self._client = httpx.AsyncClient(timeout=ASK_SECONDS, verify=tls(), limits=limits)

    @property
    def audience(self) -> str:
        """The host of the API, port included, as a JWT names it."""
        return urlsplit(self._root).netloc

    async def tokens(self, *, bearer: str = "", **body: Any) -> Tokens:
        """Raises BotFailed if the proof is refused (`code` 0, or an HTTP status), or Transient."""
        asked_at = self._clock.now()
        answered = await self._ask("token", body, bearer)
        said = envelope(answered)
        if not said.get("access_token"):
            raise _refused(answered)
        return _tokens(said, asked_at)

    async def refreshed(self, client_id: str, refresh: str, *, secret: str = "") -> Tokens:
        """New tokens for a refresh token, which is used up by that. Raises LoginOver, or what `tokens` raises."""
        asked_at = self._clock.now()
        body = {"client_id": client_id, "grant_type": "refresh_token", "refresh_token": refresh}
        answered = await self._ask("token", body, secret)
        said = envelope(answered)
        if said.get("access_token"):
            return _tokens(said, asked_at)
        refused = _refused(answered)
        if isinstance(refused, BotFailed) and _word(said) in OVER:
            raise LoginOver(str(refused), say="credentials", reference=refused.reference)
        raise refused

    async def confirmed(self, client_id: str, device: Device) -> Tokens | str:
        """What came of that login by now; a word while there are no tokens, as RFC 8628 has them. Raises Transient."""
        body = {"client_id": client_id, "grant_type": DEVICE_GRANT, "device_code": device.code}
        asked_at = self._clock.now()
        answered = await self._ask("token", body, "")
        said = envelope(answered)
        if said.get("access_token"):
            return _tokens(said, asked_at)
        refused = _refused(answered)
        if isinstance(refused, Transient) and not _word(said):
            raise refused
        return _word(said) or str(refused)

    async def device(self, client_id: str) -> Device:
        """Begins a login on another device. Raises BotFailed or Transient."""
        answered = await self._ask("device/code", {"client_id": client_id}, "")
        said = envelope(answered)
        code, user_code = str(said.get("device_code") or ""), str(said.get("user_code") or "")
        address = str(said.get("verification_uri") or "")
        if not (code and user_code and address.startswith(("https://", "http://"))):
            raise _refused(answered)
        mark = "&" if "?" in address else "?"
        return Device(
            code=code,
            address=f"{address}{mark}{urlencode({'user_code': user_code})}",
            user_code=user_code,
            seconds=float(number(said.get("expires_in")) or 300),
            interval=float(max(number(said.get("interval")), 1)),
        )

    async def name_of(self, token: str) -> str:
        """What the account of that token is called; empty if Coze does not tell."""
        try:
            async with asyncio.timeout(ASK_SECONDS), self._room:
                answered = await self._client.get(
                    f"{self._root}/v1/users/me", headers={"Authorization": f"Bearer {token}"}
                )
        except (httpx.HTTPError, OSError, TimeoutError):
            return ""
        me = envelope(answered).get("data")
        return str(me.get("nick_name") or me.get("user_name") or "")[:100] if isinstance(me, dict) else ""

    async def _ask(self, path: str, body: dict[str, Any], bearer: str) -> httpx.Response:
        url = f"{self._root}/api/permission/oauth2/{path}"
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        try:
            # The wait for room counts as well: CLAIM_SECONDS (accounts.py) is longer than all of it.
            async with asyncio.timeout(ASK_SECONDS), self._room:
                return await self._client.post(url, headers=headers, json=body)
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            failure = of_exception(error, None, started=False)
        # Not from it: what went wrong below may quote the request.
        raise failure from None


@cache
def tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes some 100 ms, in which nothing else could go on."""
    return httpx.create_ssl_context()


def authorize_url(api_base: str, *, client_id: str, redirect: str, state: str, challenge: str = "") -> str:
    """Where a person lets us act for them. Coze's own two sites have that page on `www`; elsewhere it is the API's."""
    parts = urlsplit(api_base)
    host = parts.netloc
    if host in ("api.coze.cn", "api.coze.com"):
        host = host.replace("api.", "www.", 1)
    asked = {"response_type": "code", "client_id": client_id, "redirect_uri": redirect, "state": state}
    if challenge:
        asked |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}/api/permission/oauth2/authorize?{urlencode(asked)}"


def verifier() -> str:
    """A new secret of which the challenge is the digest (RFC 7636)."""
    return secrets.token_urlsafe(48)


def challenge_of(secret: str) -> str:
    """Its digest, as method S256 has it."""
    return unpadded(hashlib.sha256(secret.encode()).digest())


def unpadded(data: bytes) -> str:
    """Base64 as URLs and JWTs have it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def padded(data: bytes) -> bytes:
    """The same with its padding, as Fernet wants it."""
    return base64.urlsafe_b64encode(data)


def _tokens(said: dict[str, Any], asked_at: float) -> Tokens:
    expires, refresh = number(said.get("expires_in")), said.get("refresh_token")
    seconds = float(expires) - asked_at if expires > A_MOMENT else float(expires)
    return Tokens(
        access=str(said["access_token"]),
        refresh=refresh if isinstance(refresh, str) else "",
        seconds=min(max(seconds, 0.0), ACCESS_SECONDS),
    )


def _word(said: dict[str, Any]) -> str:
    """`error_code` at Coze, `error` in the RFC; only what is a word, as other text may quote what we sent."""
    found = str(said.get("error_code") or said.get("error") or "").strip().lower()
    return found if _WORD.fullmatch(found) else ""


def _refused(response: httpx.Response) -> BridgeError:
    """What the endpoint refuses with, without its own text: that may quote a refresh token."""
    said, why = of_response(response), _word(envelope(response))
    reference = said.reference if said else ""
    if isinstance(said, Transient):
        return of_code(said.code, reference=reference, retry_after=said.retry_after)
    return of_word(why or f"HTTP {response.status_code}", reference=reference)
