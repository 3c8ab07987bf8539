"""The simulated Coze OpenAPI: the application, what every call goes through, and the Python side of its control."""

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiohttp import web

from simulators.coze import (
    account,
    audio,
    chatflows,
    control,
    conversations,
    oauth,
    pictures,
    shelf,
    v3,
    variables,
    workflows,
)
from simulators.coze.answers import Answer
from simulators.coze.envelope import (
    ACCOUNT,
    FAULT,
    LOGID,
    SESSION,
    UNAUTHORISED,
    WORLD,
    RefusedError,
    answered,
    meaning,
    new_logid,
    refused,
)
from simulators.coze.flows import Flows
from simulators.coze.state import OWNER, Chat, Profile, Script, World
from simulators.coze.stream import hold, reset
from simulators.wire import Fault, fault_routes

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

STREAMING = ("/v3/chat", "/v3/chat/submit_tool_outputs", *workflows.STREAMING)
# What Coze Studio does not have.
STUDIO_LACKS = (
    "/v3/chat/submit_tool_outputs",
    "/v1/conversation/message/create",
    "/v1/conversation/message/retrieve",
    "/v1/conversation/message/modify",
    "/v1/conversation/message/delete",
    "/v1/conversations/{conversation_id}/messages/{message_id}/feedback",
    "/v1/files/retrieve",
    "/v1/audio/voices",
    "/v1/audio/speech",
    "/v1/audio/transcriptions",
    "/v1/bots",
    "/v1/variables",
    "/v1/workflows/{workflow_id}/run_histories/{execute_id}",
    "/v1/users/me",
    "/v1/workspaces",
    "/v1/space/published_bots_list",
    "/v1/bot/publish",
    *oauth.OPEN,
)


class CozeSimulator:
    """One simulated Coze account with one bot; serve `app`, and look at or change `world` as the test needs."""

    def __init__(
        self,
        token: str = "pat_test",
        bot_id: str = "7400000000000000001",
        *,
        profile: Profile = "cloud",
        deltas_per_second: float = 40.0,
    ) -> None:
        self.world = World(token=token, bot_id=bot_id, profile=profile, rate=deltas_per_second)
        self.faults = self.world.faults
        self.feed = self.world.feed
        self.chats = self.world.chats
        self.calls = self.world.calls
        self.conversations = self.world.conversations
        self.files = self.world.files
        self.app = web.Application(middlewares=[guard], client_max_size=20_000_000)
        self.app[WORLD] = self.world
        self.flows = Flows(self.world)
        self.app[workflows.FLOWS] = self.flows
        self.oauth = self.app[oauth.STATE] = oauth.OAuth()
        self.shelf = self.app[shelf.STATE] = shelf.Shelf(world=self.world)
        for routes in (
            v3.ROUTES,
            conversations.ROUTES,
            account.ROUTES,
            oauth.ROUTES,
            shelf.ROUTES,
            audio.ROUTES,
            variables.ROUTES,
            workflows.ROUTES,
            chatflows.ROUTES,
            control.ROUTES,
            pictures.ROUTES,
        ):
            self.app.add_routes(routes)
        self.app.add_routes(fault_routes(self.faults))
        self.app.on_response_prepare.append(_sign)
        self.app.on_shutdown.append(_stop)

    def script(self, contains: str, answer: Answer, *, times: int = -1, fault: Fault | None = None) -> None:
        """Questions that contain the text get this answer, or meet this fault; the newest script wins."""
        self.world.scripts.append(Script(contains=contains, answer=answer, times=times, fault=fault))

    def serve(self, name: str, content: bytes, content_type: str) -> None:
        """From now on that is what stands at `/pictures/` and the name."""
        self.world.pictures[name] = (content, content_type)

    def fault(self, kind: str, **fields: Any) -> None:
        """Adds a Fault for `/v3/chat`, or for the `method` that is given."""
        self.faults.add(Fault(kind=kind, **{"method": "/v3/chat", **fields}))

    def pace(self, deltas_per_second: float) -> None:
        """0: as fast as possible. Also ends the waits of this moment."""
        control.set_pace(self.world, deltas_per_second)

    def hurry(self) -> None:
        """Ends every stall and long wait of this moment."""
        self.world.hurry.fire()

    def down(self, seconds: float, how: str = "reset") -> None:
        control.go_down(self.world, seconds, how)

    def revoke(self, token: str = "") -> None:
        """The token (by default the configured one) is refused from now on, with code 700012006."""
        self.world.revoked.add(token or self.world.token)

    def confirm(self, user_code: str, account: str = "Ada", *, denied: bool = False) -> None:
        """Somebody enters that code on the page for devices, and agrees or not."""
        device = self.oauth.device(user_code)
        device.state, device.account = "denied" if denied else "confirmed", account
        self.world.changed.fire()

    def asked(self, text: str = "") -> list[Chat]:
        """The chats whose question contains the text."""
        return [chat for chat in self.chats if text in chat.question]

    async def wait(self, predicate: Callable[[], Any], timeout: float = 30.0) -> Any:
        """Waits for the predicate to hold, awaiting changes; TimeoutError after `timeout` seconds."""
        return await self.world.until(predicate, timeout)


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log id, record of the call, outage, authentication, faults, and refusals as envelopes."""
    request[LOGID] = new_logid()
    if request.path.startswith("/control/"):
        return await handler(request)
    world = request.app[WORLD]
    call: dict[str, Any] = {"at": time.time(), "method": request.method, "path": request.path_qs, "status": None}
    call["logid"] = request[LOGID]
    world.calls.append(call)
    try:
        if time.monotonic() < world.down_until:
            call["status"] = "down"
            return _gateway_page(503) if world.down_how == "503" else reset(request)
        response = await _admitted(request, handler, call)
    except RefusedError as refusal:
        call["code"] = refusal.code
        response = refused(request, refusal)
    except web.HTTPException as problem:
        status = 404 if world.studio else problem.status
        response = answered(request, status, code=status, msg="not found" if status == 404 else problem.reason)
    call["status"] = response.status
    world.changed.fire()
    return response


async def _admitted(request: web.Request, handler: Handler, call: dict[str, Any]) -> web.StreamResponse:
    world = request.app[WORLD]
    resource = request.match_info.route.resource
    method = resource.canonical if resource else request.path
    if world.studio and (method in STUDIO_LACKS or (request.method == "POST" and method == "/v3/chat/retrieve")):
        raise web.HTTPNotFound
    if method not in (*oauth.OPEN, pictures.PATH):
        authorization = request.headers.get("Authorization", "")
        request[SESSION] = _session(world, authorization)
        request[ACCOUNT] = world.accounts.get(authorization.partition(" ")[2], "")
        OWNER.set(f"{request[ACCOUNT]}/{request[SESSION]}")
        conversation = world.conversations.get(await _conversation_of(request))
        if conversation is not None and conversation.owner not in ("", OWNER.get()):
            raise RefusedError(4101, "The conversation belongs to another account or session")
    fault = world.faults.take(method, await _conversation_of(request)) if world.faults.waiting else None
    if fault is None and method in STREAMING and any(script.fault for script in world.scripts):
        call["question"] = await _question_of(request)
        fault = world.fault_for(call["question"])
    if fault is None:
        return await handler(request)
    call["fault"] = fault.kind
    world.publish("fault", fault=fault.kind, path=request.path)
    if early := await _refused_by(request, fault):
        return early
    request[FAULT] = fault
    if method in STREAMING:
        return await handler(request)
    if fault.kind in ("stall", "stall_all", "slow_first"):
        await world.pause(fault.seconds)
    response = await handler(request)
    return reset(request) if fault.kind in v3.DROPPED else response


def _session(world: World, authorization: str) -> str:
    """The session_name of an access token that is valid; a personal token has none."""
    scheme, _, token = authorization.partition(" ")
    expires, session_name = world.minted.get(token, (0.0, ""))
    if token in world.revoked or (expires and expires <= world.now()):
        raise RefusedError(700012006)
    if scheme != "Bearer" or (not expires and token != world.token):
        raise RefusedError(4100)
    return session_name


async def _conversation_of(request: web.Request) -> str:
    named = request.match_info.get("conversation_id") or request.query.get("conversation_id")
    if not named and request.content_type == "application/json" and request.can_read_body:
        try:
            named = (await request.json()).get("conversation_id")
        except (ValueError, AttributeError):
            named = ""
    return str(named or "")


async def _question_of(request: web.Request) -> str:
    """The last message that a chat is asked with, as it came in."""
    try:
        messages = (await request.json()).get("additional_messages") or [{}]
        return str(messages[-1].get("content") or "")
    except (ValueError, AttributeError):
        return ""


async def _refused_by(request: web.Request, fault: Fault) -> web.StreamResponse | None:
    """The faults that keep a call from having any effect."""
    match fault.kind:
        case "http":
            return _gateway_page(int(fault.value or 502), fault.seconds)
        case "http_429_empty":
            return web.json_response({}, status=429)
        case "code":
            code = int(fault.value or 5000)
            return answered(request, 401 if code in UNAUTHORISED else 200, code=code, msg=meaning(code))
        case "refuse" | "hang":
            with suppress(ConnectionResetError):
                await hold(request.app[WORLD], request, fault.seconds)
            return reset(request)
    return None


def _gateway_page(status: int, retry_after: float = 0.0) -> web.Response:
    """What a proxy in front says, in HTML."""
    title = f"{status} {web.Response(status=status).reason}"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    headers = {"Retry-After": str(int(retry_after))} if retry_after else {}
    text = page + "<hr><center>Tengine</center>\r\n</body>\r\n</html>\r\n"
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)


async def _sign(request: web.Request, response: web.StreamResponse) -> None:
    if LOGID in request:
        response.headers["X-Tt-Logid"] = request[LOGID]


async def _stop(app: web.Application) -> None:
    app[WORLD].stop()
