"""The shape of what the simulated bot says: an answer, what it is chosen by, and its token-like pieces."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

End = Literal["completed", "failed", "failed_short", "error_event", "requires_action", "reply_message"]
Topic = tuple[str, Callable[["Asked"], "Answer"]]

_CHINESE = re.compile("[\u3400-\u9fff]")
_PIECE = re.compile(r"[ ]?[A-Za-z0-9]{1,5}|[\u3400-\u9fff]{1,2}|[ \n]{1,6}|.", re.DOTALL)


@dataclass(slots=True, kw_only=True)
class Extra:
    """A message beside the answer, such as a tool call or a recalled piece of knowledge."""

    type: str
    content: str
    content_type: str = "text"


@dataclass(slots=True, kw_only=True)
class Answer:
    """All that happens in one chat."""

    text: str = ""
    """Markdown."""
    reasoning: str = ""
    """Streamed before the text as reasoning_content."""
    deltas: list[str] | None = None
    """The exact pieces of the text; None: the text is split into pieces of 1 to 6 characters."""
    delays: list[float] | None = None
    """Seconds before each delta (reasoning included), instead of the pace; the last one repeats."""
    messages: list[Extra] = field(default_factory=list)
    """Completed messages before the answer."""
    more: list[str] = field(default_factory=list)
    """Further answers of the same chat, each with an id of its own."""
    follow_ups: list[str] = field(default_factory=list)
    card: dict[str, Any] | None = None
    """Said in the place of the text to whoever takes cards (`enable_card`)."""
    silent: bool = False
    """Not even an empty answer message is sent."""
    end: End = "completed"
    end_after: int | None = None
    """How many deltas come before a failure; None: all of them."""
    code: int = 5000
    """Error code of a failure."""
    tool: str = "get_rain"
    arguments: str = '{"location":"河南"}'
    also: list[tuple[str, str]] = field(default_factory=list)
    """Tools that are wanted at the same time as `tool`, each with its arguments."""
    rounds: int = 1
    """How often tool outputs are asked for before the text is said (end: requires_action)."""
    first_delay: float = 0.0
    """Seconds before the first delta."""
    pause_after: int = 0
    pause_seconds: float = 0.0
    """A stall of the generation itself, after so many deltas."""


@dataclass(slots=True, kw_only=True)
class Asked:
    """What an answer is chosen by."""

    text: str
    context: Sequence[tuple[str, str]] = ()
    """Earlier messages of the section, as role and text."""
    files: Sequence[str] = ()
    replying: str = ""
    """The question of the question node that this text answers."""
    found: Sequence[str] = ()
    """The groups of the pattern that matched."""

    @property
    def chinese(self) -> bool:
        """A bare number or the like takes the language of the question that it answers."""
        return bool(_CHINESE.search(self.text + self.replying))

    @property
    def earlier(self) -> list[str]:
        return [plain(text) for role, text in self.context if role == "user"]


@lru_cache(maxsize=512)
def pieces(text: str) -> tuple[str, ...]:
    """Token-like pieces of 1 to 6 characters; joined they are the text."""
    return tuple(_PIECE.findall(text))


def plain(content: str) -> str:
    """The text of a message, taken out of an object_string where it is one."""
    if content.startswith("[{"):
        try:
            return " ".join(item.get("text") or f"[{item.get('type')}]" for item in json.loads(content))
        except (ValueError, AttributeError):
            return content
    return content


def grown(size: int, opening: str, heading: str, sentences: Sequence[str], blocks: Sequence[str]) -> str:
    """Numbered paragraphs under headings, with lists and code between, until `size` characters are reached."""
    parts = [opening]
    length = len(opening)
    space = "" if _CHINESE.search(sentences[0]) else " "
    number = 0
    while length < size:
        number += 1
        part = f"**{number}.** " + space.join(sentences[(number * 3 + step) % len(sentences)] for step in range(3))
        if number % 6 == 1:
            part = f"## {heading.format(number // 6 + 1)}\n\n{part}"
        if number % 5 == 0:
            part += "\n\n" + blocks[number // 5 % len(blocks)]
        parts.append(part)
        length += len(part) + 2
    return "\n\n".join(parts)


def recalled(chunks: Sequence[tuple[str, str, str]]) -> Extra:
    """A knowledge_recall message of (slice, document, link): JSON within JSON."""
    data = {
        "chunks": [
            {
                "slice": text,
                "score": round(0.91 - 0.07 * number, 2),
                "meta": {
                    "dataset": {"id": "7411", "name": "handbook"},
                    "document": {"id": str(7412 + number), "format_type": 0, "name": name, "source_type": 0},
                    "link": {"title": "", "url": link},
                    "card": {"title": "", "con": "", "index": ""},
                },
            }
            for number, (text, name, link) in enumerate(chunks)
        ],
        "ori_req": "",
        "status_code": 0,
    }
    inner = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return verbose("knowledge_recall", inner)


def verbose(msg_type: str, data: str) -> Extra:
    """A message for programs: JSON whose `data` is text, often JSON again."""
    value = {"msg_type": msg_type, "data": data, "from_module": None, "from_unit": None}
    return Extra(type="verbose", content=json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def jumped(agent: str) -> Extra:
    """A bot of several agents goes on with that one."""
    data = {"method": "multi_agents_jump_to_agent", "agent_id": "7430", "agent_name": agent, "arguments": ""}
    return verbose("multi_agents_jump_to_agent", json.dumps(data, ensure_ascii=False))


def called(plugin: str, api: str, arguments: dict[str, str], response: str) -> list[Extra]:
    """A cloud plugin's function_call and its tool_response."""
    call = {
        "name": f"{plugin}-{api}",
        "arguments": arguments,
        "plugin_id": 7413,
        "plugin_name": plugin,
        "api_id": 7414,
        "api_name": api,
        "plugin_type": 1,
        "thought": "",
    }
    reply = {"content_type": 1, "response_for_model": response, "type_for_model": 1}
    return [
        Extra(type="function_call", content=json.dumps(call, ensure_ascii=False, separators=(",", ":"))),
        Extra(type="tool_response", content=json.dumps(reply, ensure_ascii=False, separators=(",", ":"))),
    ]
