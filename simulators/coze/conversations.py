"""The /v1/conversation(s) endpoints: conversations, their sections, their messages, and feedback on answers."""

import time
from typing import Any

from aiohttp import web

from simulators.coze.envelope import WORLD, RefusedError, answered, body_of, pairs_of
from simulators.coze.frames import conversation_object, message_object
from simulators.coze.state import Conversation, Message, World

CREATOR = "7300000000000000001"


def conversation_of(world: World, id: str) -> Conversation:
    if id not in world.conversations:
        raise RefusedError(4002)
    return world.conversations[id]


def _message_of(conversation: Conversation, id: str) -> Message:
    found = next((message for message in conversation.messages if message.id == id), None)
    if found is None:
        raise RefusedError(4005, f"Invalid message: {id} is not in the conversation")
    return found


def _named(request: web.Request) -> Conversation:
    """The conversation in the path, or in the query."""
    named = request.match_info.get("conversation_id") or request.query.get("conversation_id", "")
    return conversation_of(request.app[WORLD], named)


def _shown(request: web.Request, conversation: Conversation) -> web.Response:
    key = "ConversationData" if request.app[WORLD].studio else "data"
    return answered(request, **{key: conversation_object(conversation, CREATOR)})


def _added(world: World, conversation: Conversation, body: dict[str, Any]) -> Message:
    role, content = body.get("role"), body.get("content")
    if role not in ("user", "assistant"):
        raise RefusedError(4000, "Request parameter error: the role of a message is user or assistant")
    if not isinstance(content, str) or body.get("content_type") not in ("text", "object_string"):
        raise RefusedError(4005)
    message = world.message(
        conversation,
        role=role,
        type=body.get("type") or ("question" if role == "user" else "answer"),
        content=content,
        content_type=body["content_type"],
        meta_data=pairs_of(body.get("meta_data")),
    )
    conversation.messages.append(message)
    conversation.updated_at = message.created_at
    return message


async def create(request: web.Request) -> web.StreamResponse:
    world, body = request.app[WORLD], await body_of(request)
    messages = body.get("messages") or []
    if len(messages) > 16:
        raise RefusedError(4004)
    conversation = world.converse(body.get("bot_id") or "", pairs_of(body.get("meta_data")), body.get("name") or "")
    for message in messages:
        _added(world, conversation, message)
    world.publish("conversation", conversation=conversation.id)
    return _shown(request, conversation)


async def listing(request: web.Request) -> web.StreamResponse:
    """All conversations of the account with the bot, newest first, whoever the end user is."""
    world = request.app[WORLD]
    bot_id = request.query.get("bot_id", "")
    number, size = int(request.query.get("page_num", "1")), int(request.query.get("page_size", "50"))
    mine = [found for found in reversed(world.conversations.values()) if found.bot_id == bot_id]
    page = mine[(number - 1) * size : number * size]
    data = {
        "conversations": [conversation_object(conversation, CREATOR) for conversation in page],
        "has_more": number * size < len(mine),
    }
    return answered(request, data=data)


async def retrieve(request: web.Request) -> web.StreamResponse:
    return _shown(request, _named(request))


async def update(request: web.Request) -> web.StreamResponse:
    conversation, body = _named(request), await body_of(request)
    name = body.get("name") or ""
    if len(name) > 100:
        raise RefusedError(4000, "The name takes 100 characters at most")
    conversation.name, conversation.updated_at = name, int(time.time())
    return _shown(request, conversation)


async def clear(request: web.Request) -> web.StreamResponse:
    """Starts a new section; the old messages stay listable but are context no more."""
    world, conversation = request.app[WORLD], _named(request)
    section = world.new_id()
    conversation.sections.append(section)
    conversation.asking = ""
    world.publish("cleared", conversation=conversation.id, section=section)
    return answered(request, data={"id": section, "conversation_id": conversation.id})


async def delete(request: web.Request) -> web.StreamResponse:
    world, conversation = request.app[WORLD], _named(request)
    del world.conversations[conversation.id]
    world.publish("deleted", conversation=conversation.id)
    return answered(request)


async def create_message(request: web.Request) -> web.StreamResponse:
    message = _added(request.app[WORLD], _named(request), await body_of(request))
    return answered(request, data=message_object(message))


async def list_messages(request: web.Request) -> web.StreamResponse:
    """Questions and answers of all sections; `before_id` and `after_id` are positions in the listed order."""
    conversation, body = _named(request), await body_of(request)
    limit = body.get("limit") or 50
    if not isinstance(limit, int) or not 1 <= limit <= 50:
        raise RefusedError(4000, "limit must be between 1 and 50")
    found = [message for message in conversation.messages if message.type in ("question", "answer")]
    if body.get("chat_id"):
        found = [message for message in found if message.chat_id == body["chat_id"]]
    if body.get("order", "desc") != "asc":
        found.reverse()
    ids = [message.id for message in found]
    if body.get("after_id") in ids:
        found = found[ids.index(body["after_id"]) + 1 :]
    elif body.get("before_id") in ids:
        found = found[: ids.index(body["before_id"])]
    page = found[:limit]
    return answered(
        request,
        data=[message_object(message) for message in page],
        first_id=page[0].id if page else "",
        last_id=page[-1].id if page else "",
        has_more=len(found) > len(page),
    )


async def retrieve_message(request: web.Request) -> web.StreamResponse:
    message = _message_of(_named(request), request.query.get("message_id", ""))
    return answered(request, data=message_object(message))


async def modify_message(request: web.Request) -> web.StreamResponse:
    """Answers under `message`, not `data`."""
    message, body = _message_of(_named(request), request.query.get("message_id", "")), await body_of(request)
    if isinstance(body.get("content"), str):
        message.content = body["content"]
    message.content_type = body.get("content_type") or message.content_type
    if body.get("meta_data") is not None:
        message.meta_data = pairs_of(body["meta_data"])
    message.updated_at = int(time.time())
    return answered(request, message=message_object(message))


async def delete_message(request: web.Request) -> web.StreamResponse:
    conversation = _named(request)
    message = _message_of(conversation, request.query.get("message_id", ""))
    conversation.messages.remove(message)
    return answered(request, data=message_object(message))


def _judged(request: web.Request) -> Message:
    message = _message_of(_named(request), request.match_info["message_id"])
    if message.type != "answer":
        raise RefusedError(4000, "Feedback can be given on answers only")
    return message


async def feedback(request: web.Request) -> web.StreamResponse:
    message, body = _judged(request), await body_of(request)
    reasons = body.get("reason_types") or []
    if body.get("feedback_type") not in ("like", "unlike"):
        raise RefusedError(4000, "feedback_type is like or unlike")
    if len(reasons) > 10 or any(len(reason) > 30 for reason in reasons) or len(body.get("comment") or "") > 250:
        raise RefusedError(4000, "Too many or too long reason_types, or a comment of more than 250 characters")
    message.feedback = {key: body.get(key) for key in ("feedback_type", "reason_types", "comment")}
    request.app[WORLD].publish("feedback", message=message.id, feedback=message.feedback)
    return answered(request)


async def withdraw_feedback(request: web.Request) -> web.StreamResponse:
    message = _judged(request)
    message.feedback = None
    request.app[WORLD].publish("feedback", message=message.id, feedback=None)
    return answered(request)


_ONE = "/v1/conversations/{conversation_id}"
_FEEDBACK = _ONE + "/messages/{message_id}/feedback"
_MESSAGE = "/v1/conversation/message"
ROUTES = [
    web.post("/v1/conversation/create", create),
    web.get("/v1/conversations", listing),
    web.get("/v1/conversation/retrieve", retrieve),
    web.put(_ONE, update),
    web.post(f"{_ONE}/clear", clear),
    web.delete(_ONE, delete),
    web.post(f"{_MESSAGE}/create", create_message),
    web.post(f"{_MESSAGE}/list", list_messages),
    web.get(f"{_MESSAGE}/retrieve", retrieve_message),
    web.post(f"{_MESSAGE}/modify", modify_message),
    web.post(f"{_MESSAGE}/delete", delete_message),
    web.post(_FEEDBACK, feedback),
    web.delete(_FEEDBACK, withdraw_feedback),
]
