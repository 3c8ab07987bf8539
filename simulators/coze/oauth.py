"""OAuth at the simulated Coze: tokens for signed JWTs, for people who log in in a browser, and for devices."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

from aiohttp import web

from simulators.coze.envelope import WORLD, body_of
from simulators.coze.state import World

ROOT = "/api/permission/oauth2"
TOKEN, DEVICE, AUTHORIZE = f"{ROOT}/token", f"{ROOT}/device/code", f"{ROOT}/authorize"
OPEN = (TOKEN, DEVICE, AUTHORIZE)
"""They are called without an access token."""
JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
# What stands before the digest in an RS256 signature (RFC 8017, EMSA-PKCS1-v1_5 with SHA-256).
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")


class DeniedError(Exception):
    """The token endpoint says no, in a word and a sentence."""

    def __init__(self, word: str, message: str) -> None:
        super().__init__(message)
        self.word = word


@dataclass(slots=True, kw_only=True)
class Code:
    """What an authorize page sent back with the browser."""

    client: str
    redirect: str
    challenge: str
    account: str
    expires: float


@dataclass(slots=True, kw_only=True)
class Device:
    client: str
    user_code: str
    expires: float
    state: Literal["waiting", "confirmed", "denied"] = "waiting"
    account: str = ""
    asked: int = 0


@dataclass(slots=True, kw_only=True)
class OAuth:
    """The apps of the simulated Coze, and what is under way with them."""

    secrets: dict[str, str] = field(default_factory=lambda: {"login": "", "web": "web-secret"})
    """Client id and secret; an app without a secret uses PKCE, or is for devices."""
    account: str = "Ada"
    """Who sits in front of the browser."""
    declines: bool = False
    """They do not let us act for them."""
    access_seconds: int = 900
    refresh_seconds: int = 30 * 86_400
    device_seconds: int = 300
    interval: int = 5
    slow_downs: int = 0
    """So many more times a device is told that it asks too often."""
    codes: dict[str, Code] = field(default_factory=dict)
    refresh: dict[str, tuple[str, str, float]] = field(default_factory=dict)
    """Refresh tokens that are good once: client, account, and until when."""
    used: set[str] = field(default_factory=set)
    devices: dict[str, Device] = field(default_factory=dict)
    refreshed: int = 0
    """So many refresh tokens were used up."""
    given: list[str] = field(default_factory=list)
    """Everything secret that was handed out: codes, tokens of both kinds."""

    def device(self, user_code: str) -> Device:
        return next(device for device in self.devices.values() if device.user_code == user_code)


STATE: web.AppKey[OAuth] = web.AppKey("oauth", OAuth)


async def authorize(request: web.Request) -> web.StreamResponse:
    """The page on which a person agrees; they do so at once, and are sent back."""
    oauth, query = request.app[STATE], request.query
    redirect, client = query.get("redirect_uri", ""), query.get("client_id", "")
    if query.get("response_type") != "code" or client not in oauth.secrets or not redirect:
        return web.Response(status=400, text="invalid_request")
    back = {"state": query.get("state", "")}
    if oauth.declines:
        back["error"] = "access_denied"
    else:
        code = f"code_{secrets.token_urlsafe(24)}"
        challenge = query.get("code_challenge", "") if query.get("code_challenge_method") == "S256" else ""
        expires = request.app[WORLD].now() + 300
        oauth.codes[code] = Code(
            client=client, redirect=redirect, challenge=challenge, account=oauth.account, expires=expires
        )
        oauth.given.append(code)
        back["code"] = code
    mark = "&" if "?" in redirect else "?"
    return web.Response(status=302, headers={"Location": f"{redirect}{mark}{urlencode(back)}"})


async def device(request: web.Request) -> web.StreamResponse:
    """Here `expires_in` is a number of seconds."""
    oauth, client = request.app[STATE], str((await body_of(request)).get("client_id") or "")
    if client not in oauth.secrets:
        return _denied(DeniedError("invalid_client", "No such app"))
    code, user_code = secrets.token_urlsafe(24), secrets.token_hex(4).upper()
    expires = request.app[WORLD].now() + oauth.device_seconds
    oauth.devices[code] = Device(client=client, user_code=user_code, expires=expires)
    oauth.given.append(code)
    return web.json_response(
        {
            "device_code": code,
            "user_code": user_code,
            "verification_uri": f"http://{request.host}/oauth/device",
            "expires_in": oauth.device_seconds,
            "interval": oauth.interval,
        }
    )


async def token(request: web.Request) -> web.StreamResponse:
    """Exchanges a proof, once, for an access token; `expires_in` is a moment, not a length."""
    world, oauth, body = request.app[WORLD], request.app[STATE], await body_of(request)
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        match body.get("grant_type"):
            case grant if grant == JWT:
                return web.json_response(_for_a_jwt(world, request.host, bearer, body))
            case grant if grant == DEVICE_GRANT:
                account = _confirmed(world, oauth, body)
            case "authorization_code":
                account = _agreed(world, oauth, body, bearer)
            case "refresh_token":
                account = _refreshed(world, oauth, body, bearer)
            case _:
                raise DeniedError("unsupported_grant_type", "No such grant type")
    except DeniedError as denied:
        return _denied(denied)
    return web.json_response(_for_a_person(world, oauth, str(body.get("client_id")), account))


def _for_a_person(world: World, oauth: OAuth, client: str, account: str) -> dict[str, Any]:
    access, refresh = f"czu_{secrets.token_urlsafe(32)}", f"refresh_{secrets.token_urlsafe(32)}"
    expires = int(world.now()) + oauth.access_seconds
    world.minted[access] = (float(expires), "")
    world.accounts[access] = account
    oauth.refresh[refresh] = (client, account, world.now() + oauth.refresh_seconds)
    oauth.given += [access, refresh]
    world.publish("token", account=account, expires=expires)
    return {"access_token": access, "refresh_token": refresh, "expires_in": expires, "token_type": "Bearer"}


def _agreed(world: World, oauth: OAuth, body: dict[str, Any], bearer: str) -> str:
    _prove(oauth, body, bearer)
    code = oauth.codes.pop(str(body.get("code")), None)
    if code is None or code.expires < world.now() or code.client != body.get("client_id"):
        raise DeniedError("invalid_request", "The code is unknown, used, or too old")
    if code.redirect != body.get("redirect_uri"):
        raise DeniedError("invalid_request", "redirect_uri is another one")
    verifier = str(body.get("code_verifier") or "")
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    if (code.challenge and digest != code.challenge) or (not code.challenge and not bearer):
        raise DeniedError("invalid_request", "code_verifier does not fit")
    return code.account


def _refreshed(world: World, oauth: OAuth, body: dict[str, Any], bearer: str) -> str:
    _prove(oauth, body, bearer)
    given = str(body.get("refresh_token"))
    found = oauth.refresh.pop(given, None)
    oauth.used.add(given)
    if found is None or found[0] != body.get("client_id") or found[2] < world.now():
        raise DeniedError("invalid_request", "The refresh token is unknown, used, or too old")
    oauth.refreshed += 1
    return found[1]


def _confirmed(world: World, oauth: OAuth, body: dict[str, Any]) -> str:
    found = oauth.devices.get(str(body.get("device_code")))
    if found is None or found.client != body.get("client_id"):
        raise DeniedError("invalid_request", "No such device code")
    found.asked += 1
    world.changed.fire()
    if found.expires < world.now():
        raise DeniedError("expired_token", "The device code has expired")
    if oauth.slow_downs:
        oauth.slow_downs -= 1
        raise DeniedError("slow_down", "Ask less often")
    if found.state != "confirmed":
        raise DeniedError("access_denied" if found.state == "denied" else "authorization_pending", "Not confirmed")
    del oauth.devices[str(body["device_code"])]
    return found.account


def _prove(oauth: OAuth, body: dict[str, Any], bearer: str) -> None:
    secret = oauth.secrets.get(str(body.get("client_id")))
    if secret is None or secret != bearer:
        raise DeniedError("invalid_client", "Wrong client id or secret")


def _for_a_jwt(world: World, host: str, bearer: str, body: dict[str, Any]) -> dict[str, Any]:
    claims = _claims(world, host, bearer)
    if isinstance(claims, str):
        raise DeniedError("invalid_client" if claims == "iss" else "invalid_request", f"Invalid JWT: {claims}")
    world.used_jti.add(claims["jti"])
    access = f"czs_{secrets.token_urlsafe(32)}"
    expires = int(world.now()) + min(int(body.get("duration_seconds") or 900), world.longest_token)
    world.minted[access] = (float(expires), str(claims.get("session_name") or ""))
    world.publish("token", session_name=world.minted[access][1], expires=expires)
    return {"access_token": access, "expires_in": expires, "token_type": "Bearer"}


def _claims(world: World, host: str, bearer: str) -> dict[str, Any] | str:
    """The claims of the JWT, or the name of what is wrong with it."""
    parts = bearer.split(".")
    try:
        header, claims = (json.loads(_decoded(part)) for part in parts[:2])
        signature = _decoded(parts[2])
    except (ValueError, IndexError):
        return "form"
    now = world.now()
    wrong = {
        "alg": header.get("alg") != "RS256",
        "kid": not header.get("kid"),
        "iss": not claims.get("iss") or (world.jwt_client_id and claims["iss"] != world.jwt_client_id),
        "aud": claims.get("aud") != host,
        "exp": not now < float(claims.get("exp") or 0),
        "iat": float(claims.get("iat") or now + 3600) > now + 60,
        "jti": not claims.get("jti") or claims["jti"] in world.used_jti,
        "signature": not _signed(world.jwt_key, ".".join(parts[:2]), signature),
    }
    return next((name for name, is_wrong in wrong.items() if is_wrong), "") or claims


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _signed(key: tuple[int, int] | None, text: str, signature: bytes) -> bool:
    if key is None:
        return True
    modulus, exponent = key
    size = (modulus.bit_length() + 7) // 8
    digest = _SHA256 + hashlib.sha256(text.encode()).digest()
    expected = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    return pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big") == expected


def _denied(denied: DeniedError) -> web.Response:
    return web.json_response({"error_code": denied.word, "error_message": str(denied)}, status=400)


ROUTES = [
    web.post(TOKEN, token),
    web.post(DEVICE, device),
    web.get(AUTHORIZE, authorize, allow_head=False),
]
