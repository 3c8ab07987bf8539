"""The envelope of every JSON answer, the refusals with Coze's codes, and what a request carries with it."""

import secrets
import time
from typing import Any

from aiohttp import web

from simulators.coze.frames import dumped
from simulators.coze.state import World
from simulators.wire import Fault

WORLD: web.AppKey[World] = web.AppKey("world", World)
LOGID: web.RequestKey[str] = web.RequestKey("logid", str)
SESSION: web.RequestKey[str] = web.RequestKey("session", str)
ACCOUNT: web.RequestKey[str] = web.RequestKey("account", str)
FAULT: web.RequestKey[Fault] = web.RequestKey("fault", Fault)

MEANINGS: dict[int, str] = {
    3010: "The text is too long to be spoken",
    4000: "Request parameter error",
    4001: "Invalid chat",
    4002: "Invalid conversation",
    4003: "meta_data exceeds the limit",
    4004: "additional_messages exceeds the limit",
    4005: "Invalid message",
    4006: "Invalid bot",
    4007: "When stream is false, auto_save_history must be true",
    4008: "The daily request limit of the user has been reached",
    4009: "The system is busy, please try again later",
    4010: "The prompt is too long",
    4011: "The balance of your account is insufficient",
    4012: "Invalid model",
    4013: "Model call error, please try again later",
    4014: "The question cannot be answered",
    4015: "The bot_id has not been published to the channel Agent As API",
    4016: "当前会话已有chat在运行",
    4018: "Request rejected",
    4019: "Your Volcano Engine account is in arrears",
    4020: "The requests per minute of the model exceed the limit",
    4021: "The workflow of the bot is not configured",
    4022: "The model service is in arrears",
    4027: "Your quota has been used up",
    4028: "Your free quota has been used up. Please upgrade to a paid plan",
    4033: "The quota of your plan has been used up",
    4100: "authentication is invalid",
    4101: "The token you entered is incorrect. Please check that it has the permission",
    4102: "The request was refused by risk control",
    4104: "The chat cannot be cancelled",
    4105: "The content is sensitive",
    4200: "Requested resource does not exist",
    4201: "Duplicate resource",
    4300: "The file is empty",
    4301: "Only one file can be uploaded at a time",
    4302: "The file is too large",
    4303: "The file type is not supported",
    4304: "Invalid file",
    4314: "The execution record does not exist",
    4315: "The execution has ended",
    5000: "event interval error",
    700012006: "access token invalid",
    701231: "error",
    720702204: "The name of the conversation is missing",
    720701013: "The workflow service is not available",
}
UNAUTHORISED = (4100, 700012006)


class RefusedError(Exception):
    """A request is answered with an error code; most of them at HTTP 200, as Coze does."""

    def __init__(self, code: int, msg: str = "", status: int = 0) -> None:
        self.code = code
        self.msg = msg or meaning(code)
        self.status = status or (401 if code in UNAUTHORISED else 200)
        super().__init__(self.msg)


def meaning(code: int) -> str:
    return MEANINGS.get(code, "Internal error")


def new_logid() -> str:
    return time.strftime("%Y%m%d%H%M%S") + secrets.token_hex(9).upper()


def answered(request: web.Request, status: int = 200, /, **fields: Any) -> web.Response:
    """`{"code":0,"msg":"",…,"detail":{"logid":…}}`; `fields` may replace code and msg."""
    body = {"code": 0, "msg": "", **fields, "detail": {"logid": request[LOGID]}}
    return web.Response(status=status, body=dumped(body).encode(), content_type="application/json", charset="utf-8")


def refused(request: web.Request, refusal: RefusedError) -> web.Response:
    """Coze Studio knows fewer codes: HTTP 400 with code 400, but a bad token at HTTP 200."""
    code, status = refusal.code, refusal.status
    if request.app[WORLD].studio:
        code, status = (700012006, 200) if code in UNAUTHORISED else (400, 400)
        text = f"authentication failed: {refusal.msg}" if code == 700012006 else refusal.msg
        return answered(request, status, code=code, msg=text)
    return answered(request, status, code=code, msg=refusal.msg)


def check_bot(world: World, bot_id: str, *, draft: bool = False) -> None:
    if bot_id != world.bot_id:
        raise RefusedError(4200, f"Requested resource bot_id={bot_id} does not exist. Please check if it is correct")
    if not world.published and not draft:
        raise RefusedError(4015, f"The bot_id {bot_id} has not been published to the channel Agent As API.")


async def body_of(request: web.Request) -> dict[str, Any]:
    """The JSON object of the request; an empty body is an empty object."""
    raw = await request.read()
    if not raw:
        return {}
    try:
        value = await request.json()
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise RefusedError(
            4000, "The field http body provided is not a valid json or chat request, please check your request"
        )
    return value


def pairs_of(value: Any) -> dict[str, str]:
    """`meta_data`: at most 16 pairs of strings, keys up to 64 and values up to 512 characters."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RefusedError(4000, "meta_data must be an object")
    for key, text in value.items():
        if not isinstance(text, str) or not 1 <= len(key) <= 64 or not 1 <= len(text) <= 512:
            raise RefusedError(4003)
    if len(value) > 16:
        raise RefusedError(4003)
    return dict(value)
