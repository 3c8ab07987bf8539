"""The JSON objects of Coze and its event frames, byte for byte as the cloud (or Coze Studio) writes them."""

import base64
import json
import re
from typing import Any

from simulators.coze.state import Chat, Conversation, Message

DONE = b'event:done\ndata:"[DONE]"\n\n'
STUDIO_DONE = b"event:conversation.stream.done\ndata:\n\n"
DELTA = b"event:conversation.message.delta"
TERMINAL = (
    b"event:conversation.chat.completed",
    b"event:conversation.chat.failed",
    b"event:conversation.chat.requires_action",
    b"event:error",
    b"event:done",
    b"event:conversation.stream.done",
)
ENDS = (b"event:done", b"event:conversation.stream.done")

# Line separators that readers of lines would split at, and lone surrogates, which UTF-8 cannot carry.
_DANGEROUS = re.compile("[\u0085\u2028\u2029\ud800-\udfff]")
_STUDIO_STATUS = {"canceled": "cancelled", "requires_action": "required_action"}


def dumped(value: Any) -> str:
    """Compact JSON on one line."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _DANGEROUS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def frame(event: str, value: Any) -> bytes:
    return f"event:{event}\ndata:{dumped(value)}\n\n".encode()


def error_frame(code: int, msg: str) -> bytes:
    return frame("error", {"code": code, "msg": msg})


def done_frame(studio: bool) -> bytes:
    return STUDIO_DONE if studio else DONE


def status_word(status: str, studio: bool) -> str:
    return _STUDIO_STATUS.get(status, status) if studio else status


def usage(chat: Chat) -> dict[str, int]:
    """Counted only once the chat has completed."""
    if chat.status != "completed":
        return {"token_count": 0, "output_count": 0, "input_count": 0}
    output = sum(tokens(answer) for answer in chat.answers)
    return {"token_count": chat.input_tokens + output, "output_count": output, "input_count": chat.input_tokens}


def tokens(text: str) -> int:
    """A rough count: one token per Chinese character or per four others."""
    wide = sum(1 for letter in text if letter > "\u2e7f")
    return wide + (len(text) - wide + 3) // 4


def required_action(chat: Chat) -> dict[str, Any]:
    kind = "submit_tool_outputs" if chat.required else ""
    return {"type": kind, "submit_tool_outputs": {"tool_calls": chat.required}}


def chat_frame(event: str, chat: Chat, studio: bool = False, **changed: Any) -> bytes:
    """A `conversation.chat.…` frame; `changed` replaces fields, such as the status of a moment ago."""
    value: dict[str, Any] = {
        "id": chat.id,
        "conversation_id": chat.conversation_id,
        "bot_id": chat.bot_id,
        "created_at": chat.created_at,
    }
    if event in ("completed", "requires_action"):
        value["completed_at"] = chat.completed_at
    if event == "failed":
        value["failed_at"] = chat.failed_at
    value["last_error"] = {"code": chat.error[0], "msg": chat.error[1]}
    value["status"] = status_word(event, studio)
    value["usage"] = usage(chat)
    if event == "requires_action":
        value["required_action"] = required_action(chat)
    value["section_id"] = chat.section_id
    return frame(f"conversation.chat.{event}", value | changed)


def message_frame(message: Message, event: str = "conversation.message.completed") -> bytes:
    """A whole message; suggestions and verbose messages also carry `updated_at`."""
    value = _envelope(message)
    value["content"] = message.content
    if message.reasoning:
        value["reasoning_content"] = message.reasoning
    value |= _tail(message)
    if message.type in ("verbose", "follow_up"):
        value["updated_at"] = message.updated_at
    return frame(event, value)


def audio_frame(message: Message, sound: bytes) -> bytes:
    """A piece of the spoken answer; it comes after the end of the chat."""
    content = base64.b64encode(sound).decode()
    return frame("conversation.audio.delta", _envelope(message) | {"content": content} | _tail(message))


def delta_parts(message: Message) -> tuple[str, str]:
    """What stands before and after the content in each delta of this message, so that a delta costs two additions."""
    head = dumped(_envelope(message))[:-1] + ","
    return f"{DELTA.decode()}\ndata:{head}", "," + dumped(_tail(message))[1:] + "\n\n"


def delta_frame(parts: tuple[str, str], content: str, reasoning: str = "") -> bytes:
    inner = f'"content":{dumped(content)}'
    if reasoning:
        inner += f',"reasoning_content":{dumped(reasoning)}'
    return f"{parts[0]}{inner}{parts[1]}".encode()


def _envelope(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "conversation_id": message.conversation_id,
        "bot_id": message.bot_id,
        "role": message.role,
        "type": message.type,
    }


def _tail(message: Message) -> dict[str, Any]:
    return {
        "content_type": message.content_type,
        "chat_id": message.chat_id,
        "section_id": message.section_id,
        "created_at": message.created_at,
    }


def chat_short(chat: Chat, studio: bool = False) -> dict[str, Any]:
    """The chat as a new or cancelled one is answered."""
    return {
        "id": chat.id,
        "conversation_id": chat.conversation_id,
        "bot_id": chat.bot_id,
        "created_at": chat.created_at,
        "last_error": {"code": chat.error[0], "msg": chat.error[1]},
        "status": status_word(chat.status, studio),
    }


def chat_object(chat: Chat, studio: bool = False) -> dict[str, Any]:
    """The chat as retrieve answers it, with its often empty `required_action`."""
    return {
        "id": chat.id,
        "conversation_id": chat.conversation_id,
        "bot_id": chat.bot_id,
        "created_at": chat.created_at,
        "completed_at": chat.completed_at or None,
        "failed_at": chat.failed_at or None,
        "meta_data": chat.meta_data,
        "last_error": {"code": chat.error[0], "msg": chat.error[1]},
        "status": status_word(chat.status, studio),
        "required_action": required_action(chat),
        "usage": usage(chat),
        "section_id": chat.section_id,
    }


def message_object(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "conversation_id": message.conversation_id,
        "section_id": message.section_id,
        "bot_id": message.bot_id,
        "chat_id": message.chat_id,
        "role": message.role,
        "type": message.type,
        "content": message.content,
        "content_type": message.content_type,
        "reasoning_content": message.reasoning,
        "meta_data": message.meta_data,
        "created_at": message.created_at,
        "updated_at": message.updated_at,
    }


def conversation_object(conversation: Conversation, creator_id: str) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "created_at": conversation.created_at,
        "meta_data": conversation.meta_data,
        "last_section_id": conversation.sections[-1],
        "creator_id": creator_id,
        "connector_id": "1024",
        "name": conversation.name,
        "updated_at": conversation.updated_at,
    }
