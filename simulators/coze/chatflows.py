"""POST /v1/workflows/chat: chatflows, which speak as bots do, with small differences."""

import itertools
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from simulators.coze import frames
from simulators.coze.asked import check_message
from simulators.coze.envelope import WORLD, RefusedError, body_of, check_bot
from simulators.coze.v3 import begun, conversation_for
from simulators.coze.workflows import FLOWS

MOST_MESSAGES = 50


async def ask(request: web.Request) -> web.StreamResponse:
    """A stream always; text only; the conversation stands in the body."""
    world, body = request.app[WORLD], await body_of(request)
    messages = _checked(request, body)
    named = {"conversation_id": body["conversation_id"]} if body.get("conversation_id") else {}
    user = str((body.get("ext") or {}).get("user_id") or "api")
    # Chats are kept by the bot that holds them; a chatflow without one holds its own.
    holder = {"bot_id": body.get("bot_id") or body["workflow_id"], "user_id": user}
    conversation = conversation_for(world, named, body | holder)
    return await begun(request, conversation, body | holder, messages, written=_writing(body, studio=world.studio))


def _checked(request: web.Request, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of a request that is in order; files among the parameters must have been uploaded."""
    world, parameters = request.app[WORLD], body.get("parameters")
    messages = body.get("additional_messages") or []
    if not str(body.get("workflow_id") or "").isdigit() or not isinstance(parameters, dict):
        raise RefusedError(4000, "Request parameter error: workflow_id and parameters are required")
    if body.get("bot_id") and body.get("app_id"):
        raise RefusedError(4000, "Request parameter error: bot_id and app_id cannot both be given")
    if body.get("bot_id"):
        check_bot(world, body["bot_id"])
    if request.app[FLOWS].named and not parameters.get("CONVERSATION_NAME"):
        raise RefusedError(720702204)
    if len(messages) > MOST_MESSAGES:
        raise RefusedError(4004)
    for message in messages:
        check_message(world, message, True)
        if message["content_type"] != "text":
            raise RefusedError(4005, "Invalid message: a chatflow takes text only")
    for value in parameters.values():
        for text in value if isinstance(value, list) else [value]:
            _check_file(world.files, text)
    return messages


def _check_file(files: Any, text: Any) -> None:
    if not isinstance(text, str) or not text.startswith("{"):
        return
    try:
        named = json.loads(text).get("file_id")
    except ValueError:
        return
    if named is not None and named not in files:
        raise RefusedError(4304)


def _writing(body: dict[str, Any], *, studio: bool) -> Callable[[bytes], bytes]:
    """The last frame tells where the run can be looked at; Coze Studio numbers its frames."""
    numbers = itertools.count()
    url = f"https://www.coze.cn/work_flow?execute_id=7500000000000000777&workflow_id={body['workflow_id']}"

    def written(frame: bytes) -> bytes:
        if frame == frames.DONE:
            frame = frames.frame("done", {"debug_url": url})
        return b"id: %d\n%b" % (next(numbers), frame) if studio else frame

    return written


ROUTES = [web.post("/v1/workflows/chat", ask)]
