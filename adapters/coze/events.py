"""Pure translation: what Coze sends, as events of a stream or as stored messages, into what the bot has said."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cozepy import ChatEvent, ChatEventType
from pydantic_core import from_json

from adapters.coze import content
from adapters.coze.errors import number, of_code
from bridge.answer import (
    ActionRequired,
    BotEvent,
    MediaFound,
    MessageCompleted,
    ReasoningDelta,
    SourcesFound,
    Suggested,
    TextDelta,
    ToolCalled,
    ToolReturned,
    Used,
)
from bridge.errors import BotFailed, BridgeError, Transient
from bridge.model import ToolCall

Unknown = Callable[[str], None]
"""Told of the kind of a thing that we do not know; it is harmless."""

ENDED = frozenset({"completed", "failed", "requires_action", "canceled"})
"""States in which a chat says no more by itself; one that we do not know is taken for running."""
TOOLS = frozenset({"function_call", "tool_response", "tool_output"})
_STATUS = {"cancelled": "canceled", "required_action": "requires_action"}
"""Coze Studio's spellings → the cloud's."""
_ENDINGS = {
    ChatEventType.CONVERSATION_CHAT_COMPLETED: "completed",
    ChatEventType.CONVERSATION_CHAT_FAILED: "failed",
    ChatEventType.CONVERSATION_CHAT_REQUIRES_ACTION: "requires_action",
}
_UNKNOWN_ENDINGS = {"conversation.chat.canceled": "canceled", "conversation.chat.cancelled": "canceled"}
_SILENT = frozenset({"question", "verbose", *TOOLS})
"""Message types whose deltas say nothing to a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One whole message of a chat."""

    id: str
    role: str
    type: str
    content: str
    content_type: str = "text"
    reasoning: str = ""
    created_at: int = 0


class Words(Protocol):
    """The fields of cozepy's Message that a Said is made of."""

    id: str | None
    role: Any
    type: Any
    content: str
    content_type: Any
    reasoning_content: str | None
    created_at: int | None


def ending(event: ChatEvent) -> str:
    """How the chat ended if this event ends it: completed, failed, requires_action or canceled; else empty."""
    if event.unknown is not None:
        return _UNKNOWN_ENDINGS.get(str(event.unknown.get("event")), "")
    return _ENDINGS.get(event.event, "")


def of_event(event: ChatEvent, unknown: Unknown) -> Sequence[BotEvent]:
    """What one event of the stream says; what only ends the chat says nothing here."""
    if (message := event.message) is None:
        if event.unknown is not None and not ending(event):
            name = str(event.unknown.get("event"))
            if name != "conversation.stream.done":
                unknown(f"event:{name}")
        return ()
    if event.event is ChatEventType.CONVERSATION_MESSAGE_DELTA:
        return _delta(message, unknown)
    if event.event is ChatEventType.CONVERSATION_MESSAGE_COMPLETED:
        return of_message(_said(message), unknown)
    # The rest is `conversation.audio.delta`, the sound of a bot with a voice that was asked by voice: raw PCM or Opus
    # frames, most of them after the chat has ended. What it says is in the answer's text; for sound there is `speak`.
    return ()


def quick(data: bytes) -> Sequence[BotEvent] | None:
    """What a delta says that looks as deltas of answers do; None for every other, which cozepy's models shall read."""
    try:
        said = from_json(data)
    except ValueError:
        return None
    if not isinstance(said, dict) or said.get("type") != "answer" or said.get("role") != "assistant":
        return None
    answer, text, thought = said.get("id"), said.get("content"), said.get("reasoning_content") or ""
    if said.get("content_type") != "text" or not (type(answer) is type(text) is type(thought) is str):
        return None
    if not thought:
        return (TextDelta(answer, text),) if text else ()
    reasoning = ReasoningDelta(answer, thought)
    return (reasoning, TextDelta(answer, text)) if text else (reasoning,)


def _delta(message: Words, unknown: Unknown) -> Sequence[BotEvent]:
    """A piece of an answer; pieces of cards and the like are JSON fragments, so only their whole is shown."""
    if message.type != "answer":
        if message.type not in _SILENT:
            unknown(f"delta:{message.type.value}")
        return ()
    answer = message.id or ""
    text = message.content if message.content_type == "text" else ""
    if not message.reasoning_content:
        return (TextDelta(answer, text),) if text else ()
    thought = ReasoningDelta(answer, message.reasoning_content)
    return (thought, TextDelta(answer, text)) if text else (thought,)


def _said(message: Words) -> Said:
    return Said(
        id=message.id or "",
        role=message.role.value,
        type=message.type.value,
        content=message.content,
        content_type=message.content_type.value,
        reasoning=message.reasoning_content or "",
        created_at=message.created_at or 0,
    )


def of_message(said: Said, unknown: Unknown) -> Sequence[BotEvent]:
    """What one whole message says."""
    match said.type:
        case "answer" if said.role != "user":
            return _answer(said)
        case "function_call":
            return (ToolCalled(content.tool(said.content)),)
        case "tool_response" | "tool_output":
            return (ToolReturned(),)
        case "follow_up":
            return (Suggested(said.content),) if said.content.strip() else ()
        case "verbose":
            return _verbose(said)
        case "knowledge":
            return _sources(said.content)
        case "question" | "answer":
            return ()
        case other:
            unknown(f"message:{other}")
            return ()


def _answer(said: Said) -> Sequence[BotEvent]:
    """What it says, what it brings along, and a suggestion for each thing that a card lets the person choose."""
    answer = MessageCompleted(said.id, content.readable(said.content, said.content_type), said.reasoning)
    found = content.attachments(said.content, said.content_type)
    media = (MediaFound(found),) if found else ()
    return (answer, *media, *map(Suggested, content.options(said.content, said.content_type)))


def _verbose(said: Said) -> Sequence[BotEvent]:
    """What is for programs: most of it (memory, the end of a plugin, an interrupt) is nothing to show."""
    match content.verbose(said.content):
        case "knowledge_recall", data:
            return _sources(data)
        case "multi_agents_jump_to_agent", data:
            return (ToolCalled(content.agent(data)),)
    return ()


def _sources(data: Any) -> Sequence[BotEvent]:
    found = content.sources(data)
    return (SourcesFound(found),) if found else ()


def stored(messages: Any) -> list[Said]:
    """A chat's stored messages in the order in which they were said, each once; the order of Coze's list tells nothing.

    `created_at` counts whole seconds; within one, the ids do, which grow with time.
    """
    rows = [row for row in messages if isinstance(row, dict)] if isinstance(messages, list) else []
    unique = {str(row.get("id") or index): row for index, row in enumerate(rows)}
    said = [
        Said(
            id=key,
            role=str(row.get("role") or ""),
            type=str(row.get("type") or ""),
            content=str(row.get("content") or ""),
            content_type=str(row.get("content_type") or "text"),
            reasoning=str(row.get("reasoning_content") or ""),
            created_at=number(row.get("created_at")),
        )
        for key, row in unique.items()
    ]
    return sorted(said, key=lambda message: (message.created_at, number(message.id)))


def recalled(messages: Iterable[Said], unknown: Unknown) -> list[BotEvent]:
    """What a finished chat said; its tools are not told again."""
    told = [event for said in messages if said.type not in TOOLS for event in of_message(said, unknown)]
    return [event for event in told if not isinstance(event, ToolCalled)]


def status(chat: dict[str, Any]) -> str:
    """`created`, `in_progress`, `completed`, `failed`, `requires_action` or `canceled`."""
    told = str(chat.get("status") or "")
    return _STATUS.get(told, told)


def outcome(chat: dict[str, Any]) -> list[BotEvent]:
    """What the end of a chat adds: the tools that it waits for, by its status alone, and the tokens spent.

    A question node waits for the person's next message and has asked in an answer message already: nothing to add.
    """
    events: list[BotEvent] = []
    if status(chat) == "requires_action":
        found = content.inner(content.inner(chat, "required_action"), "submit_tool_outputs").get("tool_calls") or []
        wanted = [call for call in found if isinstance(call, dict) and call.get("type") != "reply_message"]
        if calls := tuple(_call(call) for call in wanted):
            events.append(ActionRequired(calls))
    usage = content.inner(chat, "usage")
    spent = Used(number(usage.get("input_count")), number(usage.get("output_count")))
    return [*events, spent] if spent.input or spent.output else events


def _call(call: dict[str, Any]) -> ToolCall:
    function = content.inner(call, "function")
    name, arguments = function.get("name"), function.get("arguments")
    return ToolCall(id=str(call.get("id") or ""), name=str(name or "tool"), arguments=str(arguments or "{}"))


def failure(chat: dict[str, Any], reference: str, *, spoken: bool = False) -> BridgeError | None:
    """The error of a chat that failed or was cancelled; None for one that ended well.

    `spoken`: the person has read half an answer. Then nothing is tried again: it would be another answer, and cost.
    """
    if status(chat) == "canceled":
        return BotFailed("the chat was cancelled at Coze", say="cancelled_at_coze", reference=reference)
    if status(chat) != "failed":
        return None
    error = content.inner(chat, "last_error")
    code = number(error.get("code"))
    failed = of_code(code, str(error.get("msg") or "the chat failed"), reference=reference)
    if spoken and isinstance(failed, Transient):
        say = "failed" if failed.say == "unreachable" else failed.say
        return BotFailed(str(failed), code=code, say=say, reference=reference)
    return failed
