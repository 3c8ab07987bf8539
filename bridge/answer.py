"""What the bot has said so far: a fold of the events that Coze sends."""

import json
import unicodedata
from dataclasses import asdict, dataclass, field, fields, replace
from typing import assert_never

from bridge import fold, thinking
from bridge.model import Attachment, Choice, Does, Kind, ToolCall, TurnState


@dataclass(frozen=True, slots=True)
class ChatStarted:
    """Coze took the question."""

    conversation: str
    chat: str


@dataclass(frozen=True, slots=True)
class FilesComing:
    """What came with the question is on its way to Coze."""

    what: str
    """A line for the person."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of one answer message."""

    message: str
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of what a reasoning model thinks before it speaks."""

    message: str
    text: str


@dataclass(frozen=True, slots=True)
class MessageCompleted:
    """One answer message, whole; it replaces what its deltas said."""

    message: str
    text: str
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The bot called a plugin, workflow or the like."""

    name: str


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """The tool called last has answered."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a piece of recalled knowledge comes from."""

    title: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class SourcesFound:
    """Knowledge was recalled for this answer."""

    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class MediaFound:
    """Pictures and files that the answer brings along, apart from the pictures in its Markdown."""

    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True)
class Suggested:
    """A question that the person may want to ask next."""

    text: str


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens spent on this chat."""

    input: int
    output: int


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """The chat waits for the results of these tools, which only the caller can run."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class Paused:
    """It has asked the person something, and goes on with their next message."""

    resume: str
    """What the bot needs for that (`Pending.resume`)."""


@dataclass(frozen=True, slots=True)
class StillRunning:
    """The chat that is recalled has not ended; no more can be known of it until it has."""


BotEvent = (
    ChatStarted
    | StillRunning
    | FilesComing
    | TextDelta
    | ReasoningDelta
    | MessageCompleted
    | ToolCalled
    | ToolReturned
    | SourcesFound
    | MediaFound
    | Suggested
    | Used
    | ActionRequired
    | Paused
)


@dataclass(frozen=True, slots=True)
class Said:
    """One answer message as people read it."""

    message: str
    """Its Coze id."""
    reasoning: str
    text: str


@dataclass(slots=True)
class Answer:
    """Grows by `add`; `text` is what it says now."""

    messages: dict[str, str] = field(default_factory=dict)
    """Answer messages by their Coze id, in the order in which they began: one chat may give several."""
    reasoning: dict[str, str] = field(default_factory=dict)
    """What Coze marked as reasoning. Some models write it into the message, in `<think>` tags; `said` has both."""
    growing: str = ""
    """The message that grows: its end may be half a tag."""
    tool: str = ""
    """The tool at work, empty if none is."""
    tool_used: bool = False
    sources: list[Source] = field(default_factory=list)
    media: list[Attachment] = field(default_factory=list)
    """What it brings along, apart from the pictures in its Markdown: each address once."""
    suggestions: list[str] = field(default_factory=list)
    calls: tuple[ToolCall, ...] = ()
    """Tools that the chat waits for."""
    resume: str = ""
    """It has asked the person something: what the bot needs to go on."""
    choices: tuple[Choice, ...] = ()
    """Buttons of our own below it."""
    tokens: int = 0
    coming: str = ""
    """What came with the question is on its way to Coze: a line that says so."""
    fetching: bool = False
    """It was cut off, and the whole of it is on its way."""
    note: str = ""
    """A sentence of ours below the text: that it failed, was stopped, or what is amiss."""
    outcome: TurnState = TurnState.DELIVERED
    error: str = ""
    """For the operator: why it failed."""

    def add(self, event: BotEvent) -> None:
        """Takes one event in."""
        match event:
            case ChatStarted():
                self.coming = ""
            case FilesComing(what):
                self.coming = what
            case StillRunning():
                self.fetching = True
            case TextDelta(message, text):
                self.messages[message] = self.messages.get(message, "") + clean(text)
                self.growing, self.tool = message, ""
            case ReasoningDelta(message, text):
                self.messages.setdefault(message, "")
                self.reasoning[message] = self.reasoning.get(message, "") + clean(text)
            case MessageCompleted(message, text, reasoning):
                self.messages[message] = clean(text)
                self.growing = ""
                if reasoning:
                    self.reasoning[message] = clean(reasoning)
            case ToolCalled(name):
                self.tool, self.tool_used = clean(name), True
            case ToolReturned():
                self.tool = ""
            case SourcesFound(sources):
                cleaned = (Source(clean(source.title), clean(source.url)) for source in sources)
                self.sources.extend(source for source in cleaned if source not in self.sources)
            case MediaFound(attachments):
                known = {one.url: one for one in self.media}
                for one in attachments:
                    known.setdefault(clean(one.url), replace(one, name=clean(one.name), url=clean(one.url)))
                self.media = list(known.values())
            case Suggested(text):
                self.suggestions.append(clean(text))
            case Used():
                self.tokens = event.input + event.output
            case ActionRequired(calls):
                self.calls = tuple(
                    replace(call, name=clean(call.name), arguments=clean(call.arguments)) for call in calls
                )
            case Paused(resume):
                self.resume = resume
            case _:
                assert_never(event)

    @property
    def said(self) -> list[Said]:
        """Its messages, without those that hold nothing yet."""
        found = []
        for message, content in self.messages.items():
            thought = thinking.apart(content, whole=message != self.growing)
            # A server that marks reasoning and leaves it in the text as well says it once.
            both = dict.fromkeys((self.reasoning.get(message, "").strip(), thought.reasoning))
            reasoning = "\n\n".join(part for part in both if part)
            said = Said(
                message, "" if is_blank(reasoning) else reasoning, "" if is_blank(thought.text) else thought.text
            )
            if said.reasoning or said.text:
                found.append(said)
        return found

    @property
    def text(self) -> str:
        """What the bot said, as Markdown and without its reasoning: its messages, a blank line between them."""
        return "\n\n".join(said.text for said in self.said if said.text)

    @property
    def length(self) -> int:
        """Characters that the bot wrote, reasoning included."""
        return sum(map(len, self.messages.values())) + sum(map(len, self.reasoning.values()))

    def clear(self) -> None:
        """Forgets everything: it comes anew."""
        for one in fields(self):
            setattr(self, one.name, getattr(Answer(), one.name))

    def dump(self) -> str:
        """As JSON, for the store."""
        dumped = asdict(self)
        del dumped["fetching"], dumped["coming"]  # of this moment only; an older version beside us would not know it
        dumped["tools_wanted"] = []  # a version beside us from before there were tools looks for it
        return json.dumps(dumped, ensure_ascii=False)

    @classmethod
    def load(cls, dumped: str) -> "Answer":
        """What `dump` wrote."""
        data = json.loads(dumped)
        data["sources"] = [Source(**source) for source in data["sources"]]
        data["media"] = [Attachment(**{**one, "kind": Kind(one["kind"])}) for one in data.get("media", ())]
        data["calls"] = tuple(ToolCall(**call) for call in data.get("calls", ()))
        data["choices"] = tuple(Choice(**{**one, "does": Does(one["does"])}) for one in data.get("choices", ()))
        data["outcome"] = TurnState(data["outcome"])
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})


def is_blank(text: str) -> bool:
    """Is there nothing to see: no text, only white space, only characters of zero width and the like?"""
    return all(char.isspace() or unicodedata.category(char) == "Cf" for char in text)


def clean(text: str) -> str:
    """Replaces what no database or platform takes, NUL and lone surrogates, by U+FFFD, and drops the mark of folds."""
    if "\0" not in text and text.isascii():
        return text
    text = fold.unmarked(text)
    return "".join("\ufffd" if char == "\0" or "\ud800" <= char <= "\udfff" else char for char in text)
