"""The Slack simulator as an aiohttp application, and as an object that tests command."""

import asyncio
import math
import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from aiohttp import web

from simulators.slack import calls, control, files
from simulators.slack.calls import Call, SlackError, invalid
from simulators.slack.deliveries import Deliveries, Delivery
from simulators.slack.limits import Limits
from simulators.slack.messages import Message
from simulators.slack.methods import METHODS, Method
from simulators.slack.people import People
from simulators.slack.settings import Settings
from simulators.slack.sockets import Sockets
from simulators.slack.state import BOT, BOT_USER, Channel, User, Workspace
from simulators.wire import Fault, Faults, Feed

T = TypeVar("T")


class SlackSimulator:
    """One workspace with one app.

    In it are `UALICE` and `UBOB` with their DMs `DALICE` and `DBOB`, the foreign bot `UOTHER`, the public channels
    `CGENERAL` and `CRANDOM` and the private `GSECRET`; the app is a member of `CGENERAL` and the DMs only.

    Kinds of faults: `ratelimited` (429 for `seconds`, enforced), `error` (`ok: false` with the name `value`),
    `error_500`, `html_502`, `hang` (`seconds` of silence, then the call goes on, whether or not the caller is still
    there), `reset` (the connection is cut before anything is done) and `drop_response_after_commit` (it is cut after
    everything is done).
    """

    def __init__(
        self,
        bot_token: str = "xoxb-test",
        app_token: str = "xapp-test",
        signing_secret: str = "secret",
        *,
        request_url: str = "",
        seed: int = 0,
        clock: Callable[[], float] = time.time,
        bot_name: str = "coze",
        **settings: Any,
    ) -> None:
        self.bot_token, self.app_token = bot_token, app_token
        self.settings = Settings(request_url=request_url)
        self.settings.change(**settings)
        self.limits, self.faults, self.feed = Limits(), Faults(), Feed()
        self.workspace = Workspace(
            settings=self.settings, limits=self.limits, feed=self.feed, clock=clock, dice=random.Random(seed)
        )
        self.sockets = Sockets(self.workspace)
        self.deliveries = Deliveries(self.workspace, self.sockets, signing_secret)
        self.people = People(self.workspace, self.deliveries)
        self.workspace.emit = self.deliveries.emit
        self.sockets.acked = self.deliveries.acknowledge
        self.deliveries.answered = self.people.show_answer
        self.methods = {**METHODS, "apps.connections.open": Method(self.sockets.ticket, app_token=True)}
        self.calls: list[Call] = []
        self._populate(bot_name)
        self.app = self._application()

    def _populate(self, bot_name: str) -> None:
        self.add_user(bot_name, id=BOT_USER, is_bot=True, bot_id=BOT)
        self.add_user("alice", id="UALICE")
        self.add_user("bob", id="UBOB", tz="Asia/Shanghai", locale="zh-CN")
        self.add_user("other", id="UOTHER", is_bot=True)
        self.add_channel("general", id="CGENERAL", members=["UALICE", "UBOB", "UOTHER"])
        self.add_channel("random", id="CRANDOM", members=["UALICE", "UBOB"], bot_member=False)
        self.add_channel("secret", id="GSECRET", kind="private", members=["UALICE"], bot_member=False)
        self.add_channel("alice", id="DALICE", kind="im", members=["UALICE"])
        self.add_channel("bob", id="DBOB", kind="im", members=["UBOB"])

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[self._learn_origin], client_max_size=2**30)
        app.add_routes(
            [
                web.route("*", "/api/{method}", self._api),
                web.get("/link/", self.sockets.connect),
                web.post("/response/{key}", self._respond),
                *files.routes(self.workspace, self.bot_token),
                *control.routes(self),
            ]
        )
        app.on_shutdown.append(self._close)
        return app

    @web.middleware
    async def _learn_origin(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if not self.workspace.origin or request.path.startswith("/api/"):
            self.workspace.origin = str(request.url.origin())
        response: web.StreamResponse = await handler(request)
        return response

    async def _close(self, _app: web.Application) -> None:
        await self.deliveries.close()
        await self.sockets.close()

    # ---- the Web API

    async def _api(self, request: web.Request) -> web.StreamResponse:
        """One call: faults first, then refusals in Slack's order, then the method itself."""
        call = await calls.read(request, self.workspace.clock())
        fault = self.faults.take(call.method, call.channel)
        self.calls.append(call)
        match fault.kind if fault else "":
            case "reset":
                return self._cut(request, call, "reset")
            case "hang":
                await asyncio.sleep((fault and fault.seconds) or 3600)
            case "error_500":
                call.outcome = "error_500"
                return self._reply(call, web.Response(status=500, text="Internal Server Error"))
            case "html_502":
                call.outcome = "html_502"
                page = "<html><body><h1>502 Bad Gateway</h1></body></html>"
                return self._reply(call, web.Response(status=502, text=page, content_type="text/html"))
        response = self._answer(call, fault)
        if fault and fault.kind == "drop_response_after_commit":
            return self._cut(request, call, fault.kind)
        return self._reply(call, response)

    def _answer(self, call: Call, fault: Fault | None) -> web.Response:
        now = self.workspace.clock()
        try:
            method = self._admit(call)
            if fault and fault.kind == "ratelimited":
                wait = self.limits.penalise(call.method, fault.chat, fault.seconds or 1.0, now)
            else:
                before = self.limits.during_penalty[call.method]
                wait = self.limits.check(call.method, call.channel, now)
                call.during_penalty = self.limits.during_penalty[call.method] > before
            if wait > 0:
                return self._too_many(call, wait)
            if fault and fault.kind == "error":
                raise SlackError(fault.value)
            if missing := [name for name in method.required if call.args.get(name) is None]:
                raise invalid(*(f"missing required field: {name}" for name in missing))
            answer = method.run(self.workspace, call)
        except SlackError as refused:
            call.outcome = refused.error
            return web.json_response({"ok": False, "error": refused.error, **refused.extra})
        call.outcome = "ok"
        return web.json_response({"ok": True, **answer})

    def _admit(self, call: Call) -> Method:
        """The method, if this token may call it."""
        method = self.methods.get(call.method)
        if method is None:
            raise SlackError("unknown_method", req_method=call.method)
        if call.outcome:
            raise SlackError(call.outcome)
        if not call.token:
            raise SlackError("not_authed")
        if call.token not in (self.bot_token, self.app_token):
            raise SlackError("invalid_auth")
        if self.settings.token_error and call.token == self.bot_token:
            raise SlackError(self.settings.token_error)
        if method.app_token != (call.token == self.app_token):
            raise SlackError("not_allowed_token_type")
        if method.app_token and "connections:write" not in self.settings.app_scopes:
            provided = ",".join(sorted(self.settings.app_scopes))
            raise SlackError("missing_scope", needed="connections:write", provided=provided)
        if method.scopes and not self.settings.scopes.intersection(method.scopes):
            provided = ",".join(sorted(self.settings.scopes))
            raise SlackError("missing_scope", needed=method.scopes[0], provided=provided)
        return method

    def _too_many(self, call: Call, wait: float) -> web.Response:
        call.outcome = "ratelimited"
        seconds = max(1, math.ceil(wait))
        self.feed.publish("429", method=call.method, channel=call.channel, retry_after=seconds)
        body = {"ok": False, "error": "ratelimited"}
        return web.json_response(body, status=429, headers={"Retry-After": str(seconds)})

    def _reply(self, call: Call, response: web.Response) -> web.Response:
        call.seconds = self.workspace.clock() - call.at
        response.headers["x-slack-req-id"] = self.workspace.serial("req-")
        scopes = {self.bot_token: self.settings.scopes, self.app_token: self.settings.app_scopes}
        if call.token in scopes:
            response.headers["x-oauth-scopes"] = ",".join(sorted(scopes[call.token]))
        self.feed.publish("call", **call.show())
        return response

    def _cut(self, request: web.Request, call: Call, outcome: str) -> web.Response:
        """Closes the connection without an answer."""
        call.outcome = outcome
        if request.transport is not None:
            request.transport.close()
        return self._reply(call, web.Response())

    async def _respond(self, request: web.Request) -> web.Response:
        status, body = self.people.respond(request.match_info["key"], await request.json())
        return web.Response(status=status, text=body)

    # ---- what people and the world do

    def add_user(self, name: str, id: str = "", **more: Any) -> User:
        return self.workspace.add_user(name, id, **more)

    def add_channel(
        self, name: str, id: str = "", kind: str = "channel", members: Iterable[str] = (), bot_member: bool = True
    ) -> Channel:
        return self.workspace.add_channel(name, id, kind, members, bot_member)

    def say(
        self,
        channel: str,
        user: str,
        text: str,
        thread_ts: str | None = None,
        files: Sequence[dict[str, Any]] = (),
    ) -> str:
        return self.people.say(channel, user, text, thread_ts, files)

    def edit(self, channel: str, ts: str, text: str) -> None:
        self.people.edit(channel, ts, text)

    def delete(self, channel: str, ts: str) -> None:
        self.people.delete(channel, ts)

    def slash(self, command: str, text: str, channel: str, user: str) -> Delivery:
        return self.people.slash(command, text, channel, user)

    def press(self, channel: str, ts: str, action_id: str, user: str, value: str | None = None) -> Delivery:
        return self.people.press(channel, ts, action_id, user, value)

    def flood(self, channel: str, seconds: float) -> None:
        """Answers 429 to everything that the app writes in this channel, for so long."""
        self.limits.close(channel, float(seconds), self.workspace.clock())

    def stop(self, channel: str, thread_ts: str, user: str) -> list[str]:
        return self.people.stop(channel, thread_ts, user)

    def inject(self, event: dict[str, Any]) -> None:
        """Delivers any inner event as it is, subscribed or not."""
        self.deliveries.emit(event, always=True)

    async def socket(self, action: str, *, seconds: float = 0.0, times: int = 1, error: str = "") -> None:
        """`warn`, `refresh`, `drop`, `silent`, `link_disabled`, `slow_open`, `reject`, `fail_open` or `restore`."""
        if action == "fail_open":
            failing = Fault(kind="error", method="apps.connections.open", times=times, value=error or "internal_error")
            self.faults.add(failing)
        else:
            await self.sockets.act(action, seconds=seconds, times=times)

    # ---- what tests look at

    def texts(self, channel: str, thread_ts: str | None = None) -> list[str]:
        """The app's standing messages as it sent them, oldest first."""
        return [message.raw for message in self.bot_messages(channel, thread_ts)]

    def bot_messages(self, channel: str, thread_ts: str | None = None) -> list[Message]:
        """The app's standing messages, of one thread if it is given."""
        return [
            message
            for message in self.workspace.channels[channel].messages.values()
            if message.bot_id == BOT and message.deleted_at is None and thread_ts in (None, message.thread_ts)
        ]

    def status(self, channel: str, thread_ts: str) -> str:
        """The status line that a thread shows now, such as "is thinking…"; empty if none."""
        return str((self.workspace.status(channel, thread_ts) or {}).get("status", ""))

    def session(self, channel: str, thread_ts: str) -> str:
        """The status of a thread's agent session; empty if it has none."""
        return str((self.workspace.session(channel, thread_ts) or {}).get("status", ""))

    async def wait(self, predicate: Callable[[], T | None], within: float = 30.0) -> T:
        """Waits until the predicate holds, looking again at every change; what it returned then."""
        async with asyncio.timeout(within):
            if result := predicate():
                return result
            async for _change in self.feed.follow(len(self.feed.events)):
                if result := predicate():
                    return result
        raise AssertionError("the feed never ends")

    def state(self) -> dict[str, Any]:
        """The workspace without its messages."""
        slack = self.workspace
        return {
            "users": [user.api() for user in slack.users.values()],
            "channels": [{**place.api(), "members": sorted(place.members)} for place in slack.channels.values()],
            "statuses": [{"channel": c, "thread_ts": t, **slack.statuses[c, t]} for c, t in slack.statuses],
            "sessions": [{"channel": c, "thread_ts": t, **slack.sessions[c, t]} for c, t in slack.sessions],
            "titles": [{"channel": c, "thread_ts": t, "title": title} for (c, t), title in slack.titles.items()],
            "prompts": slack.prompts,
            "views": slack.views,
            "complaints": slack.complaints,
            "limits": self.limits.show(),
            "sockets": [{"id": socket.id, "silent": socket.silent} for socket in self.sockets.open],
            "pending": sum(delivery.outcome in ("pending", "held") for delivery in self.deliveries.log),
        }
