"""The control side over HTTP: what a test or the demo page does to the simulator, as JSON under /control."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from aiohttp import web

from simulators.telegram.flood import Limits
from simulators.telegram.model import Message
from simulators.telegram.params import Json
from simulators.wire import Handler, fault_routes

if TYPE_CHECKING:
    from simulators.telegram.simulator import TelegramSimulator


def routes(sim: TelegramSimulator) -> list[web.RouteDef]:
    """`POST /control/<action>` takes the arguments of the method of that name; `GET` shows what there is."""
    actions: dict[str, Callable[..., Any]] = {
        "users": sim.add_user,
        "chats": sim.add_chat,
        "topics": sim.add_topic,
        "remove_topic": sim.remove_topic,
        "say": sim.say,
        "album": sim.album,
        "edit": sim.edit,
        "press": sim.press,
        "delete": sim.delete,
        "block": sim.block,
        "unblock": sim.unblock,
        "migrate": sim.migrate,
        "flood": sim.flood,
        "skip": sim.skip,
        "update": lambda **update: {"update_id": sim.updates.inject(update)},
        "duplicate": lambda update_id=None: {"update_id": sim.updates.duplicate(update_id)},
        "swap": sim.updates.swap_next,
        "hold": sim.updates.hold,
        "release": sim.updates.release,
        "limits": lambda **changes: set_limits(sim, changes),
        "settings": lambda **changes: set_up(sim, **changes),
    }
    views: dict[str, Callable[[web.Request], Any]] = {
        "messages": lambda request: messages(sim, int(request.query["chat"])),
        "calls": lambda request: calls(sim, request),
        "state": lambda _request: sim.state(),
        "limits": lambda _request: limits(sim),
        "users": lambda _request: sim.state()["users"],
        "chats": lambda _request: sim.state()["chats"],
    }
    return [
        *(web.post(f"/control/{name}", _acting(act)) for name, act in actions.items()),
        *(web.get(f"/control/{name}", _viewing(view)) for name, view in views.items()),
        web.get("/control/events", sim.feed.stream),
        web.get("/control/files/{file}", _showing(sim)),
        *fault_routes(sim.faults),
    ]


def _showing(sim: TelegramSimulator) -> Handler:
    """The bytes of a picture, so that somebody who looks on can see it."""

    async def show(request: web.Request) -> web.Response:
        file = sim.world.files.get(request.match_info["file"])
        if file is None or not file.mime_type.startswith("image/"):
            raise web.HTTPNotFound
        return web.Response(body=file.data, content_type=file.mime_type)

    return show


def _acting(act: Callable[..., Any]) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        try:
            arguments = await request.json() if await request.read() else {}
            result = act(**arguments)
        except (ValueError, LookupError, TypeError) as problem:
            return _refused(problem)
        return web.json_response({"ok": True} if result is None else result)

    return handle


def _viewing(view: Callable[[web.Request], Any]) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(view(request))
        except (ValueError, LookupError) as problem:
            return _refused(problem)

    return handle


def _refused(problem: Exception) -> web.Response:
    return web.json_response({"ok": False, "error": str(problem)}, status=400)


def messages(sim: TelegramSimulator, number: int) -> Json:
    """All messages of a chat with every version they had, deleted ones included, and its draft frames."""
    chat = sim.world.chat(number)
    return {
        "messages": [timeline(sim, message) for message in chat.messages.values()],
        "drafts": [asdict(draft) for draft in sim.world.drafts if draft.chat == number],
    }


def timeline(sim: TelegramSimulator, message: Message) -> Json:
    versions = [asdict(version) for version in message.versions]
    deleted = {"deleted_at": message.deleted_at, "reactions": message.reactions}
    return {**sim.world.shown(message), "versions": versions, **deleted}


def calls(sim: TelegramSimulator, request: web.Request) -> list[Json]:
    found = sim.calls(request.query.get("method", ""), request.query.get("chat", ""))
    return [asdict(call) for call in found]


def limits(sim: TelegramSimulator) -> Json:
    flood = sim.flood_control
    return {**asdict(flood.limits), "refused": flood.refused, "in_penalty": flood.defied}


def set_limits(sim: TelegramSimulator, changes: Json) -> Json:
    """Changes budgets while the simulator runs; unknown names are refused."""
    known = {field.name for field in fields(Limits)}
    if unknown := changes.keys() - known:
        raise ValueError(f"no such limit: {', '.join(sorted(unknown))}")
    for name, value in changes.items():
        setattr(sim.flood_control.limits, name, tuple(value) if name == "extra_seconds" else value)
    return limits(sim)


def set_up(
    sim: TelegramSimulator,
    *,
    privacy: bool | None = None,
    private_topics: bool | None = None,
    drafts_allowed: bool | None = None,
    unknown_methods: list[str] | None = None,
    damping: bool | None = None,
    webhook_pause_factor: float | None = None,
    logged_out: bool | None = None,
) -> Json:
    """Changes how the bot and the server are set up; what is not named stays."""
    world = sim.world
    world.privacy = world.privacy if privacy is None else privacy
    world.private_topics = world.private_topics if private_topics is None else private_topics
    world.drafts_allowed = world.drafts_allowed if drafts_allowed is None else drafts_allowed
    world.unknown_methods = world.unknown_methods if unknown_methods is None else set(unknown_methods)
    world.logged_out = world.logged_out if logged_out is None else logged_out
    sim.updates.damping = sim.updates.damping if damping is None else damping
    if webhook_pause_factor is not None:
        sim.webhook.pause_factor = webhook_pause_factor
    return {
        "privacy": world.privacy,
        "private_topics": world.private_topics,
        "drafts_allowed": world.drafts_allowed,
        "unknown_methods": sorted(world.unknown_methods),
        "damping": sim.updates.damping,
        "webhook_pause_factor": sim.webhook.pause_factor,
        "logged_out": world.logged_out,
    }
