"""The /v3/chat endpoints: ask, retrieve, list, cancel, submit tool outputs."""

import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from simulators.coze import frames, pictures
from simulators.coze.answers import Answer, Asked, plain
from simulators.coze.asked import checked, is_voice, objects, plain_text
from simulators.coze.chat import Reel, Speech, bent
from simulators.coze.choice import choose
from simulators.coze.envelope import (
    FAULT,
    SESSION,
    WORLD,
    RefusedError,
    answered,
    body_of,
    meaning,
    pairs_of,
)
from simulators.coze.state import RUNNING, Chat, Conversation, Message, World
from simulators.coze.stream import follow, reset

DROPPED = ("lost_response", "reset", "cut_clean", "cut_mid_line")


async def ask(request: web.Request) -> web.StreamResponse:
    """POST /v3/chat. The generation starts at once; the response only follows it."""
    world, body = request.app[WORLD], await body_of(request)
    stream = bool(body.get("stream", world.studio))
    auto_save = world.studio or body.get("auto_save_history") is not False
    messages = checked(world, body, stream=stream, auto_save=auto_save)
    conversation = conversation_for(world, request.query, body)
    fault = request.get(FAULT)
    if fault and fault.kind == "error_event" and fault.value == "4016":
        return await _busy_event(request)
    return await begun(request, conversation, body, messages, stream=stream, auto_save=auto_save)


async def begun(
    request: web.Request,
    conversation: Conversation,
    body: dict[str, Any],
    messages: list[dict[str, Any]],
    *,
    stream: bool = True,
    auto_save: bool = True,
    written: Callable[[bytes], bytes] = bytes,
) -> web.StreamResponse:
    """A chat that is in order: generated, stored and followed; `written` is how its frames go out."""
    world, fault = request.app[WORLD], request.get(FAULT)
    asked = _asked(world, conversation, messages)
    answer = bent(world.scripted(asked.text) or _chosen(world, asked, request), fault)
    chat = _opened(world, conversation, body, messages, stream=stream, auto_save=auto_save)
    chat.session_name = request.get(SESSION, "")
    conversation.asking = ""
    reel = Reel(written=written)
    _store(world, conversation, chat, messages)
    world.publish("chat", chat=chat.id, conversation=conversation.id, user=chat.user_id, question=chat.question)
    world.spawn(Speech(world, chat, conversation, answer, reel).run())
    if fault and fault.kind in DROPPED and (fault.kind == "lost_response" or not stream):
        return reset(request)
    if stream:
        return await follow(request, chat, reel)
    return answered(request, data=frames.chat_short(chat, world.studio))


def _chosen(world: World, asked: Asked, request: web.Request) -> Answer:
    return pictures.at_home(choose(asked, world.suggestions), f"{request.scheme}://{request.host}")


def conversation_for(world: World, query: Any, body: dict[str, Any]) -> Conversation:
    """The conversation that is meant, or a new one; refused while one of its chats is running."""
    named = query.get("conversation_id")
    if world.studio and named == "":
        raise RefusedError(400, "unable to decode '' as int64")
    found = world.conversations.get(named) if named else None
    if found is None and named and not world.studio:
        raise RefusedError(4002)
    if found is None:
        return world.converse(body["bot_id"], {})
    if found.running and found.running.status in RUNNING and not world.studio:
        raise RefusedError(4016)
    return found


async def _busy_event(request: web.Request) -> web.StreamResponse:
    """The other shape of 4016: a stream of an error event; no chat was created."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(frames.error_frame(4016, meaning(4016)) + frames.DONE)
    return response


def _opened(
    world: World,
    conversation: Conversation,
    body: dict[str, Any],
    messages: list[dict[str, Any]],
    *,
    stream: bool,
    auto_save: bool,
) -> Chat:
    query = _query(messages)
    texts = [text for _, text in world.context(conversation)] + [message["content"] for message in messages]
    chat = Chat(
        id=world.new_id(),
        conversation_id=conversation.id,
        section_id=conversation.sections[-1],
        bot_id=body["bot_id"],
        user_id=body["user_id"],
        question=query["content"] if query else "",
        stream=stream,
        auto_save=auto_save,
        created_at=int(time.time()),
        at=time.time(),
        meta_data=pairs_of(body.get("meta_data")),
        body=body,
        voiced=any(is_voice(message) for message in messages),
        status="in_progress",
        input_tokens=sum(map(frames.tokens, texts)),
    )
    world.remember(chat)
    conversation.running = chat
    return chat


def _query(messages: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The last message of the user is the question."""
    return next((message for message in reversed(messages) if message["role"] == "user"), None)


def _asked(world: World, conversation: Conversation, messages: list[dict[str, Any]]) -> Asked:
    query = _query(messages)
    context = world.context(conversation)
    context += [(message["role"], message["content"]) for message in messages if message is not query]
    if query is None and context and context[-1][0] == "user":
        query = {"content": context.pop()[1], "content_type": "text"}
    if query is None:
        return Asked(text="", context=context)
    if query["content_type"] == "text":
        return Asked(text=query["content"], context=context, replying=conversation.asking)
    names = []
    for item in objects(query["content"]):
        if item.get("type") != "text":
            file = world.files.get(item.get("file_id") or "")
            names.append(file.name if file else str(item.get("file_url") or item.get("type")))
    text = plain_text(query["content"]) or " ".join(plain(m["content"]) for m in messages if m is not query)
    return Asked(text=text, context=context, files=names, replying=conversation.asking)


def _store(world: World, conversation: Conversation, chat: Chat, messages: list[dict[str, Any]]) -> None:
    if not chat.auto_save:
        return
    for message in messages:
        fields = {key: message[key] for key in ("role", "type", "content", "content_type")}
        meta_data = pairs_of(message.get("meta_data"))
        kept: Message = world.message(conversation, chat_id=chat.id, meta_data=meta_data, **fields)
        conversation.messages.append(kept)


def _found(world: World, source: Any) -> Chat:
    """The chat that a request names; one that was not saved is unknown."""
    conversation_id, chat_id = str(source.get("conversation_id") or ""), str(source.get("chat_id") or "")
    if conversation_id not in world.conversations:
        raise RefusedError(4002)
    chat = world.chat(conversation_id, chat_id)
    if chat is None or not chat.auto_save:
        raise RefusedError(4001)
    return chat


async def retrieve(request: web.Request) -> web.StreamResponse:
    """GET as documented and POST as cozepy sends it."""
    world = request.app[WORLD]
    return answered(request, data=frames.chat_object(_found(world, request.query), world.studio))


async def messages(request: web.Request) -> web.StreamResponse:
    """What the bot made in the chat, without the question; newest first, since the order is not promised."""
    world = request.app[WORLD]
    chat = _found(world, request.query)
    if chat.status == "failed":
        return answered(request, code=chat.error[0], msg=chat.error[1])
    listed = [frames.message_object(message) for message in reversed(chat.messages)]
    return answered(request, **{"Messages" if world.studio else "data": listed})


async def cancel(request: web.Request) -> web.StreamResponse:
    """Marks the chat as cancelled; neither the generation nor an open stream ends by it."""
    world = request.app[WORLD]
    body = await body_of(request)
    chat = _found(world, body)
    if chat.status not in RUNNING:
        raise RefusedError(4104)
    if world.deaf:
        world.deaf -= 1
        return answered(request, data=frames.chat_short(chat) | {"status": "canceled"})
    chat.status = "canceled"
    conversation = world.conversations[chat.conversation_id]
    if conversation.running is chat:
        conversation.running = None
    world.publish("canceled", chat=chat.id, conversation=chat.conversation_id)
    short = frames.chat_short(chat, world.studio)
    return answered(request, **{"ChatV3ChatDetail" if world.studio else "data": short})


async def submit(request: web.Request) -> web.StreamResponse:
    """POST /v3/chat/submit_tool_outputs: all outputs in one call, then the chat goes on."""
    world = request.app[WORLD]
    body = await body_of(request)
    conversation_id, chat_id = (request.query.get(key, "") for key in ("conversation_id", "chat_id"))
    chat = world.chat(conversation_id, chat_id)
    if chat is None:
        raise RefusedError(4001)
    if not chat.auto_save:
        raise RefusedError(5000, "The chat was not saved")
    if chat.status != "requires_action" or chat.pending is None:
        raise RefusedError(4000, "The chat does not wait for tool outputs")
    given = {item.get("tool_call_id"): item.get("output") for item in body.get("tool_outputs") or []}
    wanted = [call["id"] for call in chat.required]
    if set(given) != set(wanted) or not all(isinstance(output, str) for output in given.values()):
        raise RefusedError(4000, "All tool outputs of the chat must be submitted, as strings, in one call")
    conversation, answer, reel = world.conversations[conversation_id], chat.pending, Reel()
    chat.status, chat.required, chat.pending, chat.generated = "in_progress", [], None, False
    conversation.running = chat
    outputs = [given[call_id] for call_id in wanted]
    world.publish("submitted", chat=chat.id, outputs=outputs)
    fault = request.get(FAULT)
    world.spawn(Speech(world, chat, conversation, bent(answer, fault), reel).run(outputs))
    if fault and fault.kind == "lost_response":
        return reset(request)
    if body.get("stream", False):
        return await follow(request, chat, reel)
    return answered(request, data=frames.chat_short(chat))


ROUTES = [
    web.post("/v3/chat", ask),
    web.get("/v3/chat/retrieve", retrieve),
    web.post("/v3/chat/retrieve", retrieve),
    web.get("/v3/chat/message/list", messages),
    web.post("/v3/chat/cancel", cancel),
    web.post("/v3/chat/submit_tool_outputs", submit),
]
