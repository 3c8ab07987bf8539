"""The remote control of the simulator: people's doings, faults, limits and a look inside, as JSON over HTTP."""

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from simulators.slack.calls import SlackError
from simulators.wire import fault_routes

if TYPE_CHECKING:
    from simulators.slack.server import SlackSimulator

Body = dict[str, Any]
Action = Callable[[Body], Any]


def routes(sim: "SlackSimulator") -> list[web.RouteDef]:
    """Everything under /control; a wrong request is answered with 400 and a reason."""
    actions: dict[str, Action] = {
        "users": lambda body: sim.add_user(**body).api(),
        "channels": lambda body: sim.add_channel(**body).api(),
        "say": lambda body: {"ts": sim.say(**body)},
        "edit": lambda body: sim.edit(**body),
        "delete": lambda body: sim.delete(**body),
        "slash": lambda body: sim.slash(**body).show(),
        "press": lambda body: sim.press(**body).show(),
        "look": lambda body: sim.people.look(**body),
        "open_thread": lambda body: {"ts": sim.people.open_thread(**body)},
        "press_home": lambda body: sim.people.press_home(**body).show(),
        "interact": lambda body: sim.people.interact(body).show(),
        "stop": lambda body: {"streams": sim.stop(**body)},
        "flood": lambda body: sim.flood(**body),
        "event": lambda body: sim.inject(body),
        "socket": lambda body: sim.socket(**body),
        "deliveries": lambda body: _deliveries(sim, body),
        "verify": lambda _body: sim.deliveries.verify(),
        "limits": lambda body: sim.limits.change(**body),
        "settings": lambda body: sim.settings.change(**body),
    }
    reads: dict[str, Callable[[web.Request], Any]] = {
        "messages": lambda request: _messages(sim, request.query.get("channel", "*")),
        "calls": lambda request: [
            call.show()
            for call in sim.calls
            if request.query.get("method", call.method) == call.method
            and request.query.get("channel", call.channel) == call.channel
        ],
        "state": lambda _request: sim.state(),
        "limits": lambda _request: sim.limits.show(),
        "deliveries": lambda _request: [delivery.show() for delivery in sim.deliveries.log],
    }
    return [
        *(web.post(f"/control/{name}", _acting(action)) for name, action in actions.items()),
        *(web.get(f"/control/{name}", _reading(read)) for name, read in reads.items()),
        web.get("/control/events", sim.feed.stream),
        *fault_routes(sim.faults),
    ]


def _acting(action: Action) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            result = action(json.loads(await request.read() or b"{}"))
            if isinstance(result, Awaitable):
                result = await result
        except SlackError as refused:
            return web.json_response({"ok": False, "error": refused.error}, status=400)
        except (KeyError, TypeError, ValueError, StopIteration) as error:
            return web.json_response({"ok": False, "error": f"{type(error).__name__}: {error}"}, status=400)
        if isinstance(result, bool):
            return web.json_response({"ok": result})
        return web.json_response({"ok": True, **(result or {})})

    return handle


def _reading(read: Callable[[web.Request], Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(read(request), dumps=lambda value: json.dumps(value, ensure_ascii=False, default=list))

    return handle


def _messages(sim: "SlackSimulator", channel: str) -> list[dict[str, Any]]:
    found = [
        message.show()
        for place in sim.workspace.channels.values()
        if channel in ("*", place.id, place.name)
        for message in [*place.messages.values(), *place.ephemeral]
    ]
    return sorted(found, key=lambda message: str(message["ts"]))


def _deliveries(sim: "SlackSimulator", body: Body) -> None:
    """`{"hold": true}`, `{"release": "reverse"}`, `{"duplicate": n}`, `{"again": delivery id}`."""
    deliveries = sim.deliveries
    if body.get("hold"):
        deliveries.hold()
    if "release" in body:
        deliveries.release(body["release"])
    if "duplicate" in body:
        deliveries.duplicates = int(body["duplicate"])
    if "again" in body:
        deliveries.again(next(delivery for delivery in deliveries.log if delivery.id == body["again"]))
