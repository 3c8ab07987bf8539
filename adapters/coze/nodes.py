"""What the nodes of a workflow say and ask, out of the frames of its stream; pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from adapters.coze.content import inner, parsed
from adapters.coze.errors import number
from bridge.answer import BotEvent, MessageCompleted, Suggested, TextDelta, Used

QUESTION, INPUT = 2, 5
"""Types of interrupts: a question node, an input node."""
PLUGINS, LOGIN = frozenset({1, 6}), 7
"""Types that no person can answer: plugins that run where the caller is (Coze Studio counts otherwise), OAuth."""
_TEXTS = ("question", "content", "title", "text", "description")
_DEPTH = 8
"""Values are nested this deep at most; below, nothing is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupt:
    """The workflow has asked something and waits."""

    event: str
    """Its `event_id`."""
    type: int
    asked: str = ""
    """As the person sees it."""
    options: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """Parameters that the answer is to hold; the required ones first."""


@dataclass(slots=True)
class _Growing:
    """A message of a node, of which more may come."""

    id: str
    text: str = ""
    last: int = -1
    """`node_seq_id` of its newest piece: they are counted per message."""

    @property
    def held(self) -> bool:
        """It looks like JSON, so nothing of it is shown before it is whole."""
        return self.text.lstrip()[:1] in ("{", "[")


@dataclass(slots=True)
class Nodes:
    """What one run (or what came of resuming one) has said so far."""

    prefix: str
    """Begins the ids of its messages: two runs may be part of one answer."""
    said: list[str] = field(default_factory=list)
    """Its whole messages, as they are shown."""
    options: list[str] = field(default_factory=list)
    """To choose from, as they came in a message."""
    spent: Used | None = None
    _growing: dict[str, _Growing] = field(default_factory=dict)
    _count: int = 0

    def message(self, data: dict[str, Any]) -> Iterator[BotEvent]:
        """A piece of what a node says; the pieces of one node are one message, until it is finished."""
        # An execution of a node has an id of its own; servers without it may at least tell the node's.
        node = str(data.get("node_execute_uuid") or data.get("node_id") or data.get("node_title") or "")
        seq = number(data.get("node_seq_id"))
        growing = self._growing.get(node)
        if growing is not None and seq < growing.last:
            yield from self._finish(node)
            growing = None
        if growing is None:
            growing = self._growing[node] = _Growing(self._next_id())
        piece = data.get("content")
        shown = 0 if growing.held else len(growing.text)
        growing.text += piece if isinstance(piece, str) else ""
        growing.last = seq
        if not growing.held and len(growing.text) > shown:
            yield TextDelta(growing.id, growing.text[shown:])
        usage = inner(data, "usage")
        if usage:
            self.spent = Used(number(usage.get("input_count")), number(usage.get("output_count")))
        if data.get("node_is_finish") is True:
            yield from self._finish(node)

    def end(self) -> Iterator[BotEvent]:
        """No more comes."""
        for node in list(self._growing):
            yield from self._finish(node)
        if self.spent is not None and (self.spent.input or self.spent.output):
            yield self.spent

    def _finish(self, node: str) -> Iterator[BotEvent]:
        growing = self._growing.pop(node)
        text = growing.text
        if growing.held:
            question, options = asked(text) if '"options"' in text else ("", ())
            self.options += options
            text = question if options else readable(text)
        # The end node often says once more what another node has said.
        text = "" if _same(text) in map(_same, self.said) else text
        if text.strip():
            self.said.append(text)
        yield MessageCompleted(growing.id, text)

    def interrupt(self, data: dict[str, Any]) -> tuple[list[BotEvent], Interrupt]:
        """It waits: what is left to say of that, the question if no message was it; and what it waits for."""
        events = list(self.end())
        told = inner(data, "interrupt_data")
        question, options = asked(told.get("data"))
        parameters = inner(told, "required_parameters")
        required = [name for name, about in parameters.items() if not isinstance(about, dict) or about.get("required")]
        names = tuple(dict.fromkeys([*required, *parameters, *(() if parameters else _fields(told.get("data")))]))
        kind = number(told.get("type"))
        if not question and kind == INPUT and not self.said:
            question = "\n".join(_described(name, parameters.get(name)) for name in names)
        if not question and not self.said:
            question = str(data.get("node_title") or "?")
        if question and _same(question) not in map(_same, self.said):
            self.said.append(question)
            events.append(MessageCompleted(self._next_id(), question))
        choices = tuple(dict.fromkeys([*self.options, *options]))
        waits = Interrupt(
            event=str(told.get("event_id") or ""),
            type=kind,
            asked=question or self.said[-1],
            options=choices,
            names=names,
        )
        return [*events, *map(Suggested, choices)], waits

    def _next_id(self) -> str:
        self._count += 1
        return f"{self.prefix}.{self._count}"


def asked(told: Any, depth: int = 0) -> tuple[str, tuple[str, ...]]:
    """The question and its options: plain text, or JSON in one of the shapes of the cloud and of Coze Studio."""
    if isinstance(told, str):
        value = parsed(told) if told.lstrip()[:1] in ("{", "[") else None
        return (told.strip(), ()) if value is None else asked(value, depth + 1)
    if not isinstance(told, dict) or depth > _DEPTH:
        return "", ()
    options = tuple(filter(None, map(_option, told["options"]))) if isinstance(told.get("options"), list) else ()
    for key in _TEXTS:
        question, more = asked(told.get(key), depth + 1)
        if question or more:
            return question, options or more
    return "", options


def _option(option: Any) -> str:
    found = (option.get("name") or option.get("text") or option.get("content")) if isinstance(option, dict) else option
    return found.strip() if isinstance(found, str) else ""


def _fields(told: Any) -> list[str]:
    """The names of what an input node wants, where they stand only in its control data."""
    value = parsed(told) if isinstance(told, str) else told
    if isinstance(value, dict):
        return _fields(value.get("content"))
    rows = value if isinstance(value, list) else []
    return [row["name"] for row in rows if isinstance(row, dict) and isinstance(row.get("name"), str)]


def _described(name: str, about: Any) -> str:
    words = str(about.get("description") or "") if isinstance(about, dict) else ""
    return f"**{name}**: {words}" if words else f"**{name}**"


def readable(text: str) -> str:
    """The output of a workflow: one string as it is, several values as a list; other text is left as it is."""
    value = parsed(text)
    return text if value is None else _readable(value)


def _readable(value: Any, depth: int = 0) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, dict | list):
        return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if depth > _DEPTH:
        return "…"
    if isinstance(value, dict) and {"content_type", "data"} <= value.keys():  # how an end node's text is wrapped
        return _readable(value["data"], depth + 1)
    rows = value.items() if isinstance(value, dict) else [("", part) for part in value]
    filled = [(name, said) for name, part in rows if (said := _readable(part, depth + 1)).strip()]
    if len(filled) == 1:
        return filled[0][1]
    return "\n".join(_row(name, said) for name, said in filled)


def _row(name: str, said: str) -> str:
    label = f"**{name}**:" if name else ""
    lines = said.split("\n")
    if not name and all(line.startswith("- **") for line in lines):  # a row of a table: it fits on one line
        return "- " + ", ".join(line[2:] for line in lines)
    if len(lines) == 1:
        return f"- {label} {said}" if label else f"- {said}"
    below = "\n".join(f"  {line}" if line else "" for line in lines)
    return f"- {label}\n{below}" if label else f"- {below[2:]}"


def output(history: dict[str, Any]) -> str:
    """What the end node of a finished run gave, as its history tells it; empty if it does not, or not all of it."""
    if history.get("execute_status") != "Success" or history.get("is_output_trimmed"):
        return ""
    told = parsed(history.get("output"))
    if not isinstance(told, dict):
        return str(history.get("output") or "")
    given = told.get("Output", told)
    return readable(given) if isinstance(given, str) else _readable(given)


def _same(text: str) -> str:
    return " ".join(text.split())


def same(one: Interrupt, asked_before: str) -> bool:
    """Is it the question that was asked then?"""
    return _same(one.asked) == _same(asked_before)
