"""How Coze knows us: a token, or an OAuth JWT app with a short-lived token for the session of each person."""

import asyncio
import json
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import cozepy
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from adapters.coze.oauth import Endpoint, unpadded
from bridge.clock import SystemClock
from bridge.errors import ConfigError
from bridge.ports import Clock

TTL_SECONDS = 3600
"""Life of an access token that we ask for; Coze allows up to 86399 s."""
MARGIN_SECONDS = 60.0
"""A token is renewed so long before it ends, so that no call under way loses it."""
MOST_SESSIONS = 10_000
"""Tokens that are kept at most, some 500 bytes each; of more, those that were used least recently are fetched anew."""
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWT_SECONDS = 600
"""For so long the proof that we sign may be shown to Coze, which takes it once."""


@runtime_checkable
class Renewing(Protocol):
    """Credentials of which a new token can be had."""

    def forget(self, authorization: str) -> None:
        """Coze refused the token in this header: forgets it, unless a newer one has come meanwhile."""


def margin(seconds: float) -> float:
    """So long before its end a token is renewed that lives for so many seconds."""
    return min(MARGIN_SECONDS, seconds / 2)


def token_auth(token: str) -> cozepy.Auth:
    """A personal or service access token."""
    return cozepy.AsyncTokenAuth(token)


def jwt_app(client_id: str, public_key_id: str, private_key: str, endpoint: Endpoint, clock: Clock) -> "JwtApp":
    """An OAuth JWT app. Raises ConfigError if the private key is none."""
    return JwtApp(client_id, public_key_id, _key(private_key), endpoint, clock)


def jwt_auth(client_id: str, public_key_id: str, private_key: str, api_base: str) -> "JwtAuth":
    """The same, as itself and in nobody's session. Raises ConfigError if the private key is none."""
    clock = SystemClock()
    return jwt_app(client_id, public_key_id, private_key, Endpoint(api_base, clock=clock), clock).auth()


@dataclass(slots=True)
class _Held:
    """The token of one session."""

    token: str = field(default="", repr=False)
    renew_at: float = 0.0
    """By the clock that nobody sets."""
    renewing: asyncio.Task[None] | None = None
    """Whoever comes meanwhile shares how it ends, well or not."""


class JwtApp:
    """Exchanges signed JWTs for access tokens, one for each session.

    cozepy's own AsyncJWTAuth knows no sessions, keeps a token until the second in which it ends, and lets every waiting
    call renew it.
    """

    def __init__(
        self,
        client_id: str,
        public_key_id: str,
        key: rsa.RSAPrivateKey,
        endpoint: Endpoint,
        clock: Clock,
        *,
        seconds: int = TTL_SECONDS,
        most: int = MOST_SESSIONS,
    ) -> None:
        """`seconds`: how long an access token shall live; `most`: how many are kept."""
        self.client_id = client_id
        self._public_key_id = public_key_id
        self._key = key
        self._endpoint = endpoint
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._held: OrderedDict[str, _Held] = OrderedDict()

    def auth(self, session: str = "") -> "JwtAuth":
        """Speaks in that session, which at Coze keeps its conversations and variables apart; empty: in none."""
        return JwtAuth(self, session)

    async def token(self, session: str) -> str:
        """One that is good for a minute at least (or half its life, if that is short). Raises BotFailed, Transient."""
        held = self._of(session)
        if self._stale(held):
            # By a task of its own: who came first may be cancelled, and the others would wait all over again.
            if held.renewing is None or held.renewing.done():
                held.renewing = asyncio.create_task(self._renew(session, held), name="coze-token")
                held.renewing.add_done_callback(lambda task: task.cancelled() or task.exception())
            await asyncio.shield(held.renewing)
        return held.token

    async def aclose(self) -> None:
        """Gives up the tokens that are on their way."""
        tasks = {held.renewing for held in self._held.values() if held.renewing and not held.renewing.done()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def forget(self, session: str, authorization: str) -> None:
        """As in Renewing."""
        held = self._of(session)
        if authorization == f"Bearer {held.token}":
            held.token = ""

    def _of(self, session: str) -> _Held:
        if (held := self._held.get(session)) is not None:
            self._held.move_to_end(session)
            return held
        while len(self._held) >= self._most:
            self._held.popitem(last=False)
        held = self._held[session] = _Held()
        return held

    def _stale(self, held: _Held) -> bool:
        return not held.token or self._clock.monotonic() >= held.renew_at

    async def _renew(self, session: str, held: _Held) -> None:
        # From before it was asked for: how long the answer took is part of its life.
        began = self._clock.monotonic()
        tokens = await self._endpoint.tokens(
            bearer=self._assertion(session), grant_type=JWT_GRANT, duration_seconds=self._seconds
        )
        # A clock that is behind would make it look good for longer than we asked.
        seconds = min(tokens.seconds, self._seconds)
        held.token, held.renew_at = tokens.access, began + seconds - margin(seconds)

    def _assertion(self, session: str) -> str:
        """A fresh JWT: Coze takes each only once, and wants the host of the API, port included, as its audience."""
        now = int(self._clock.now())
        claims = {
            "iss": self.client_id,
            "aud": self._endpoint.audience,
            "iat": now,
            "exp": now + JWT_SECONDS,
            "jti": secrets.token_hex(16),
        }
        if session:
            claims["session_name"] = session
        head = {"alg": "RS256", "typ": "JWT", "kid": self._public_key_id}
        unsigned = f"{unpadded(json.dumps(head).encode())}.{unpadded(json.dumps(claims).encode())}"
        signature = self._key.sign(unsigned.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{unsigned}.{unpadded(signature)}"


class JwtAuth(cozepy.AsyncAuth):
    """Such an app in one session; cheap."""

    def __init__(self, app: JwtApp, session: str) -> None:
        self._app = app
        self._session = session

    @property
    def subject(self) -> str:
        """Whose files, conversations and variables these are: a session may not see another's."""
        return f"jwt:{self._app.client_id}:{self._session}"

    @property
    def token_type(self) -> str:
        return "Bearer"

    @property
    async def atoken(self) -> str:
        return await self._app.token(self._session)

    def forget(self, authorization: str) -> None:
        """As in Renewing."""
        self._app.forget(self._session, authorization)


def _key(pem: str) -> rsa.RSAPrivateKey:
    """The key of a PEM text; line ends may be written as `\\n`, as they often are in environment files."""
    mend = (
        "COZE_JWT_OAUTH_PRIVATE_KEY is not an RSA private key without passphrase: "
        "give it the whole PEM text, from -----BEGIN PRIVATE KEY----- on, "
        "or name its file in COZE_JWT_OAUTH_PRIVATE_KEY_FILE"
    )
    try:
        key = load_pem_private_key(pem.replace("\\n", "\n").strip().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError(mend) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigError(mend)
    return key
