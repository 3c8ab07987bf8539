"""How Coze knows us: a token, or an OAuth JWT app whose short-lived tokens are renewed in time."""

import asyncio
import base64
import json
import secrets
import ssl
import time
from functools import cache
from urllib.parse import urlsplit

import cozepy
import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from adapters.coze.errors import envelope, number, of_exception, of_response
from bridge.errors import BotFailed, ConfigError

TTL_SECONDS = 3600
"""Life of an access token that we ask for; Coze allows up to 86399 s."""
MARGIN_SECONDS = 60
"""A token is renewed so long before it ends, so that no call under way loses it."""
ASK_SECONDS = 15.0
"""How long the token endpoint may take."""


def token_auth(token: str) -> cozepy.Auth:
    """A personal or service access token."""
    return cozepy.AsyncTokenAuth(token)


def jwt_auth(client_id: str, public_key_id: str, private_key: str, api_base: str) -> cozepy.Auth:
    """An OAuth JWT app. Raises ConfigError if the private key is none."""
    return JwtAuth(client_id, public_key_id, _key(private_key), api_base)


class JwtAuth(cozepy.AsyncAuth):
    """Exchanges signed JWTs for access tokens.

    cozepy's own AsyncJWTAuth keeps a token until the second in which it ends and lets every waiting call renew it.
    """

    def __init__(self, client_id: str, public_key_id: str, key: rsa.RSAPrivateKey, api_base: str) -> None:
        self._client_id = client_id
        self._public_key_id = public_key_id
        self._key = key
        self._api_base = api_base.rstrip("/")
        self._lock = asyncio.Lock()
        self._token = ""
        self._expires = 0.0

    @property
    def token_type(self) -> str:
        return "Bearer"

    @property
    async def atoken(self) -> str:
        if self._stale():
            async with self._lock:
                if self._stale():
                    await self._renew()
        return self._token

    def forget(self, authorization: str) -> None:
        """Coze refused the token in this header; forgets it unless a newer one has come meanwhile."""
        if authorization == f"Bearer {self._token}":
            self._token = ""

    def _stale(self) -> bool:
        return not self._token or time.time() >= self._expires - MARGIN_SECONDS

    async def _renew(self) -> None:
        response: httpx.Response | None = None
        try:
            async with asyncio.timeout(ASK_SECONDS), httpx.AsyncClient(timeout=ASK_SECONDS, verify=tls()) as client:
                response = await client.post(
                    f"{self._api_base}/api/permission/oauth2/token",
                    headers={"Authorization": f"Bearer {self._assertion()}"},
                    json={
                        "duration_seconds": TTL_SECONDS,
                        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                    },
                )
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            failure = of_exception(error, None, started=False)
            raise failure from None
        body = envelope(response)
        token = body.get("access_token")
        if not token or not isinstance(token, str):
            raise _refused(response)
        # `expires_in` is a Unix time; a server that means seconds is understood too.
        expires = number(body.get("expires_in"))
        self._expires = expires if expires > 1_000_000_000 else time.time() + expires
        self._token = token

    def _assertion(self) -> str:
        """A fresh JWT: Coze takes each only once, and wants the host of the API, port included, as its audience."""
        now = int(time.time())
        claims = {
            "iss": self._client_id,
            "aud": urlsplit(self._api_base).netloc,
            "iat": now,
            "exp": now + 600,
            "jti": secrets.token_hex(16),
        }
        head = {"alg": "RS256", "typ": "JWT", "kid": self._public_key_id}
        unsigned = f"{_base64(json.dumps(head).encode())}.{_base64(json.dumps(claims).encode())}"
        signature = self._key.sign(unsigned.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{unsigned}.{_base64(signature)}"


@cache
def tls() -> ssl.SSLContext:
    """Made once: reading the certificates takes some 100 ms, in which nothing else could go on."""
    return httpx.create_ssl_context()


def _refused(response: httpx.Response) -> Exception:
    """OAuth says `error_code` in words instead of a number: whatever it is, our JWT app is set up wrongly."""
    said = of_response(response)
    if said is not None and not isinstance(said, BotFailed):
        return said
    body = envelope(response)
    why = str(body.get("error_code") or body.get("error") or body.get("msg") or f"HTTP {response.status_code}")[:100]
    reference = said.reference if said else ""
    return BotFailed(f"Coze gave no token for the OAuth JWT app: {why}", say="credentials", reference=reference)


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


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
