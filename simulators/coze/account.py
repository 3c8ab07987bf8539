"""The endpoints around the chats: the account, the bot, and files."""

import time
from typing import Any

from aiohttp import BodyPartReader, web

from simulators.coze.conversations import CREATOR
from simulators.coze.envelope import ACCOUNT, WORLD, RefusedError, answered, check_bot
from simulators.coze.state import File, World

KEPT_BYTES = 1_000_000
FILE_LIMIT = 512_000_000


async def me(request: web.Request) -> web.StreamResponse:
    account = request[ACCOUNT]
    data = {
        "user_id": CREATOR if not account else f"8{account.encode().hex():0<18}"[:19],
        "user_name": account or "simulated",
        "nick_name": account or "Simulated account",
        "avatar_url": "https://example.com/avatar.png",
    }
    return answered(request, data=data)


async def bot(request: web.Request) -> web.StreamResponse:
    """Both versions: get_online_info with the id in the query, and /v1/bots/{bot_id}, which knows drafts too."""
    world = request.app[WORLD]
    bot_id = request.match_info.get("bot_id") or request.query.get("bot_id", "")
    draft = request.query.get("is_published") == "false"
    check_bot(world, bot_id, draft=draft)
    onboarding = world.draft_onboarding if draft and world.draft_onboarding else world.onboarding
    if world.capitals and "bot_id" in request.match_info:
        onboarding = {"".join(map(str.capitalize, name.split("_"))): value for name, value in onboarding.items()}
    data = {
        "bot_id": bot_id,
        "name": "助手 Simulated",
        "description": "A simulated bot that answers in Markdown",
        "icon_url": "https://example.com/bot.png",
        "create_time": 1718792949,
        "update_time": 1718792949,
        "version": "1718792949070",
        "prompt_info": {"prompt": "You are a helpful assistant."},
        "onboarding_info": onboarding,
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


ROUTES = [
    web.get("/v1/users/me", me),
    web.get("/v1/bot/get_online_info", bot),
    web.get("/v1/bots/{bot_id}", bot),
    web.post("/v1/files/upload", upload),
    web.get("/v1/files/retrieve", retrieve_file),
]
