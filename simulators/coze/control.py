"""The /control endpoints, by which a test or the demo page watches and steers the simulated Coze."""

import time
from collections import Counter
from dataclasses import asdict
from typing import Any

from aiohttp import web

from simulators.coze.answers import Answer, Extra
from simulators.coze.envelope import WORLD
from simulators.coze.frames import message_object
from simulators.coze.state import Chat, Conversation, Script, World
from simulators.coze.stream import reset_transport


def go_down(world: World, seconds: float, how: str) -> None:
    """For so long every call is reset (open streams too) or answered with 503; 0 seconds ends it."""
    if how not in ("reset", "503"):
        raise ValueError("how is reset or 503")
    world.down_until, world.down_how = time.monotonic() + seconds, how
    if seconds > 0 and how == "reset":
        for transport in list(world.transports):
            reset_transport(transport)
    world.publish("down", seconds=seconds, how=how)


def cut(world: World) -> int:
    """Resets every stream that is open now; how many there were. What is being generated goes on."""
    transports = list(world.transports)
    for transport in transports:
        reset_transport(transport)
    world.publish("cut", streams=len(transports))
    return len(transports)


def set_pace(world: World, deltas_per_second: float) -> None:
    world.rate = deltas_per_second
    world.hurry.fire()


def answer_of(value: dict[str, Any]) -> Answer:
    """An Answer given as JSON; its `messages` are objects of type, content and content_type."""
    messages = [Extra(**extra) for extra in value.get("messages", ())]
    return Answer(**{**value, "messages": messages})


def chat_record(chat: Chat) -> dict[str, Any]:
    """What is known of a chat, as JSON."""
    return {
        "id": chat.id,
        "conversation_id": chat.conversation_id,
        "section_id": chat.section_id,
        "user_id": chat.user_id,
        "question": chat.question,
        "meta_data": chat.meta_data,
        "body": chat.body,
        "session_name": chat.session_name,
        "stream": chat.stream,
        "auto_save": chat.auto_save,
        "at": chat.at,
        "status": chat.status,
        "generated": chat.generated,
        "error": {"code": chat.error[0], "msg": chat.error[1]},
        "deltas": chat.deltas,
        "text": chat.text,
        "followers": chat.followers,
        "left_at": chat.left_at,
        "messages": [message_object(message) for message in chat.messages],
    }


def conversation_record(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "name": conversation.name,
        "bot_id": conversation.bot_id,
        "meta_data": conversation.meta_data,
        "sections": conversation.sections,
        "running": conversation.running.id if conversation.running else None,
        "messages": [message_object(message) | {"feedback": message.feedback} for message in conversation.messages],
    }


def state_record(world: World) -> dict[str, Any]:
    return {
        "profile": world.profile,
        "bot_id": world.bot_id,
        "deltas_per_second": world.rate,
        "delta_events": world.delta_events,
        "suggestions": world.suggestions,
        "published": world.published,
        "after_cancel": world.after_cancel,
        "down_seconds": max(0.0, world.down_until - time.monotonic()),
        "streams": len(world.transports),
        "asked": len(world.chats),
        "chats": dict(Counter(chat.status for chat in world.chats)),
        "conversations": len(world.conversations),
        "calls": len(world.calls),
        "events": len(world.feed.events),
    }


async def chats(request: web.Request) -> web.Response:
    """All chats, or those of `?conversation_id=` or with `?question=` in their question."""
    conversation_id, text = request.query.get("conversation_id", ""), request.query.get("question", "")
    found = [chat for chat in request.app[WORLD].chats if conversation_id in ("", chat.conversation_id)]
    return web.json_response([chat_record(chat) for chat in found if text in chat.question])


async def conversations(request: web.Request) -> web.Response:
    return web.json_response([conversation_record(found) for found in request.app[WORLD].conversations.values()])


async def calls(request: web.Request) -> web.Response:
    return web.json_response(request.app[WORLD].calls)


async def state(request: web.Request) -> web.Response:
    return web.json_response(state_record(request.app[WORLD]))


async def change_state(request: web.Request) -> web.Response:
    """Sets any of `delta_events`, `suggestions`, `published`, `after_cancel`."""
    world, body = request.app[WORLD], await request.json()
    for name in ("delta_events", "suggestions", "published", "after_cancel"):
        setattr(world, name, body.get(name, getattr(world, name)))
    return web.json_response(state_record(world))


async def pace(request: web.Request) -> web.Response:
    world, body = request.app[WORLD], await request.json()
    world.delta_events = body.get("delta_events", world.delta_events)
    set_pace(world, float(body.get("deltas_per_second", world.rate)))
    return web.json_response(state_record(world))


async def hurry(request: web.Request) -> web.Response:
    request.app[WORLD].hurry.fire()
    return web.json_response({"ok": True})


async def down(request: web.Request) -> web.Response:
    body = await request.json()
    go_down(request.app[WORLD], float(body.get("seconds", 0)), body.get("how", "reset"))
    return web.json_response({"ok": True})


async def cut_streams(request: web.Request) -> web.Response:
    return web.json_response({"ok": True, "streams": cut(request.app[WORLD])})


async def script(request: web.Request) -> web.Response:
    """`{"contains": "…", "answer": {"text": "…", …}, "times": -1}`."""
    body = await request.json()
    try:
        made = Script(contains=body["contains"], answer=answer_of(body["answer"]), times=body.get("times", -1))
    except (KeyError, TypeError) as problem:
        return web.json_response({"ok": False, "problem": str(problem)}, status=400)
    request.app[WORLD].scripts.append(made)
    return web.json_response({"ok": True})


async def scripts(request: web.Request) -> web.Response:
    return web.json_response([asdict(script) for script in request.app[WORLD].scripts])


async def forget_scripts(request: web.Request) -> web.Response:
    request.app[WORLD].scripts.clear()
    return web.json_response({"ok": True})


async def events(request: web.Request) -> web.StreamResponse:
    return await request.app[WORLD].feed.stream(request)


ROUTES = [
    web.get("/control/chats", chats),
    web.get("/control/conversations", conversations),
    web.get("/control/calls", calls),
    web.get("/control/state", state),
    web.post("/control/state", change_state),
    web.post("/control/pace", pace),
    web.post("/control/hurry", hurry),
    web.post("/control/down", down),
    web.post("/control/cut", cut_streams),
    web.post("/control/script", script),
    web.get("/control/script", scripts),
    web.delete("/control/script", forget_scripts),
    web.get("/control/events", events),
]
