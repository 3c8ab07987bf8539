"""The endpoints around the chats: the account, the bot, files, voices, and access tokens for signed JWTs."""

import base64
import hashlib
import json
import secrets
import time
from typing import Any

from aiohttp import BodyPartReader, web

from simulators.coze.conversations import CREATOR
from simulators.coze.envelope import WORLD, RefusedError, answered, body_of, check_bot
from simulators.coze.state import File, World

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# What stands before the digest in an RS256 signature (RFC 8017, EMSA-PKCS1-v1_5 with SHA-256).
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
KEPT_BYTES = 1_000_000
FILE_LIMIT = 512_000_000


async def me(request: web.Request) -> web.StreamResponse:
    data = {
        "user_id": CREATOR,
        "user_name": "simulated",
        "nick_name": "Simulated account",
        "avatar_url": "https://example.com/avatar.png",
    }
    return answered(request, data=data)


async def bot(request: web.Request) -> web.StreamResponse:
    """Both versions: get_online_info with the id in the query, and /v1/bots/{bot_id}, which knows drafts too."""
    world = request.app[WORLD]
    bot_id = request.match_info.get("bot_id") or request.query.get("bot_id", "")
    check_bot(world, bot_id, draft=request.query.get("is_published") == "false")
    data = {
        "bot_id": bot_id,
        "name": "助手 Simulated",
        "description": "A simulated bot that answers in Markdown",
        "icon_url": "https://example.com/bot.png",
        "create_time": 1718792949,
        "update_time": 1718792949,
        "version": "1718792949070",
        "prompt_info": {"prompt": "You are a helpful assistant."},
        "onboarding_info": {
            "prologue": "你好，{{user_name}}！Hello, I am a simulated bot.",
            "suggested_questions": ["你能做什么？", "What can you do?", "Show me a table"],
        },
        "bot_mode": 0,
        "plugin_info_list": [],
        "model_info": {"model_id": "1706077826", "model_name": "Simulated model"},
    }
    return answered(request, data=data)


async def upload(request: web.Request) -> web.StreamResponse:
    """One multipart part named `file`; a missing type or name is taken."""
    world = request.app[WORLD]
    if not request.content_type.startswith("multipart/"):
        raise RefusedError(4000, "The body must be multipart/form-data")
    parts = await request.multipart()
    found = [
        await _received(world, part) async for part in parts if isinstance(part, BodyPartReader) and part.name == "file"
    ]
    if len(found) != 1 or not found[0].size:
        raise RefusedError(4301 if len(found) > 1 else 4300)
    world.files[found[0].id] = found[0]
    world.publish("file", file=found[0].id, name=found[0].name, bytes=found[0].size)
    return answered(request, data=_file_object(found[0]))


async def _received(world: World, part: BodyPartReader) -> File:
    kept, size = bytearray(), 0
    while chunk := await part.read_chunk(65_536):
        size += len(chunk)
        if size > FILE_LIMIT:
            raise RefusedError(4302)
        if size <= KEPT_BYTES:
            kept += chunk
    return File(
        id=world.new_id(),
        name=part.filename or "upload",
        size=size,
        content_type=part.headers.get("Content-Type", ""),
        created_at=int(time.time()),
        data=bytes(kept),
    )


def _file_object(file: File) -> dict[str, Any]:
    return {"id": file.id, "bytes": file.size, "created_at": file.created_at, "file_name": file.name}


async def retrieve_file(request: web.Request) -> web.StreamResponse:
    file = request.app[WORLD].files.get(request.query.get("file_id", ""))
    if file is None:
        raise RefusedError(4304)
    return answered(request, data=_file_object(file))


async def voices(request: web.Request) -> web.StreamResponse:
    voice = {
        "is_system_voice": True,
        "preview_audio": "https://example.com/voice.mp3",
        "available_training_times": 0,
        "create_time": 1718792949,
        "update_time": 1718792949,
        "model_type": "big",
        "state": "init",
    }
    chinese = {"voice_id": "7426720361732915209", "name": "温柔女声", "preview_text": "你好"}
    english = {"voice_id": "7426720361732915210", "name": "Calm voice", "preview_text": "Hello"}
    listed = [
        voice | chinese | {"language_code": "zh", "language_name": "中文"},
        voice | english | {"language_code": "en", "language_name": "English"},
    ]
    return answered(request, data={"voice_list": listed, "has_more": False})


async def token(request: web.Request) -> web.StreamResponse:
    """Exchanges a signed JWT, once, for an access token; `expires_in` is a moment, not a length."""
    world, body = request.app[WORLD], await body_of(request)
    if body.get("grant_type") != GRANT:
        return _oauth_error("unsupported_grant_type", "Only the JWT flow is simulated")
    claims = _claims(world, request)
    if isinstance(claims, str):
        return _oauth_error("invalid_client" if claims == "iss" else "invalid_request", f"Invalid JWT: {claims}")
    world.used_jti.add(claims["jti"])
    access_token = f"czs_{secrets.token_urlsafe(32)}"
    expires = int(time.time()) + min(int(body.get("duration_seconds") or 900), 86_399)
    world.minted[access_token] = (float(expires), str(claims.get("session_name") or ""))
    world.publish("token", session_name=world.minted[access_token][1], expires=expires)
    return web.json_response({"access_token": access_token, "expires_in": expires, "token_type": "Bearer"})


def _oauth_error(code: str, message: str) -> web.Response:
    return web.json_response({"error_code": code, "error_message": message}, status=400)


def _claims(world: World, request: web.Request) -> dict[str, Any] | str:
    """The claims of the JWT in the Authorization header, or the name of what is wrong with it."""
    parts = request.headers.get("Authorization", "").removeprefix("Bearer ").split(".")
    try:
        header, claims = (json.loads(_decoded(part)) for part in parts[:2])
        signature = _decoded(parts[2])
    except (ValueError, IndexError):
        return "form"
    now = time.time()
    wrong = {
        "alg": header.get("alg") != "RS256",
        "kid": not header.get("kid"),
        "iss": not claims.get("iss") or (world.jwt_client_id and claims["iss"] != world.jwt_client_id),
        "aud": claims.get("aud") != request.host,
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


ROUTES = [
    web.get("/v1/users/me", me),
    web.get("/v1/bot/get_online_info", bot),
    web.get("/v1/bots/{bot_id}", bot),
    web.post("/v1/files/upload", upload),
    web.get("/v1/files/retrieve", retrieve_file),
    web.get("/v1/audio/voices", voices),
    web.post("/api/permission/oauth2/token", token),
]
