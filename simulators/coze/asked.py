"""What a question to /v3/chat may look like, and what it is refused for."""

import json
from typing import Any

from simulators.coze.envelope import RefusedError, check_bot, pairs_of
from simulators.coze.state import World

STORABLE = ("question", "answer")


def checked(world: World, body: dict[str, Any], *, stream: bool, auto_save: bool) -> list[dict[str, Any]]:
    """The additional_messages of a request that is in order."""
    bot_id, user_id = body.get("bot_id"), body.get("user_id")
    if not isinstance(bot_id, str) or not bot_id.isdigit() or not isinstance(user_id, str) or not user_id:
        raise RefusedError(4000, "Request parameter error: bot_id and user_id are required, and bot_id is a number")
    check_bot(world, bot_id, draft=body.get("publish_status") == "unpublished_draft")
    if (version := body.get("bot_version")) and version not in world.versions:
        raise RefusedError(4200, f"Requested resource bot_version={version} does not exist")
    if not stream and not auto_save:
        raise RefusedError(4007)
    pairs_of(body.get("meta_data"))
    messages = body.get("additional_messages") or []
    if not isinstance(messages, list):
        raise RefusedError(4000)
    if len(messages) > 100:
        raise RefusedError(4004)
    for message in messages:
        check_message(world, message, auto_save)
    whole = [message["content_type"] for message in messages]
    mute = len(messages) == 1 and whole == ["object_string"] and not plain_text(messages[0]["content"])
    if mute and not all(item.get("type") == "audio" for item in objects(messages[0]["content"])):
        raise RefusedError(4000, "An image or a file must be adjacent to a text message")
    return messages


def check_message(world: World, message: Any, auto_save: bool) -> None:
    if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
        raise RefusedError(4000, "Request parameter error: the role of a message is user or assistant")
    message["content_type"] = message.get("content_type") or "text"
    message["type"] = message.get("type") or ("question" if message["role"] == "user" else "answer")
    if not isinstance(message.get("content"), str) or message["content_type"] not in ("text", "object_string"):
        raise RefusedError(4005)
    if auto_save and message["type"] not in STORABLE:
        raise RefusedError(4005, f"Invalid message: type {message['type']} needs auto_save_history=false")
    pairs_of(message.get("meta_data"))
    if message["content_type"] == "object_string":
        items = objects(message["content"])
        texts = sum(item.get("type") == "text" for item in items)
        if texts > 1 or texts == len(items):
            raise RefusedError(4000, "object_string takes one text at most, and a file or an image beside it")
        unknown = [item for item in items if item.get("file_id") and item["file_id"] not in world.files]
        if unknown:
            raise RefusedError(4304, f"Invalid file: file_id {unknown[0]['file_id']}")


def objects(content: str) -> list[dict[str, Any]]:
    try:
        items = json.loads(content)
    except ValueError:
        items = None
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise RefusedError(4000, "object_string holds the JSON text of an array of objects")
    return items


def plain_text(content: str) -> str:
    return next((item.get("text") or "" for item in objects(content) if item.get("type") == "text"), "")


def is_voice(message: dict[str, Any]) -> bool:
    if message["content_type"] != "object_string":
        return False
    return any(item.get("type") == "audio" for item in objects(message["content"]))
