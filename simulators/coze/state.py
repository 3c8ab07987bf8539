"""What the simulated Coze remembers: conversations, messages, chats, files, and the wishes of a test."""

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

from simulators.coze.answers import Answer
from simulators.wire import Fault, Faults, Feed

OWNER: ContextVar[str] = ContextVar("owner", default="")
"""Who makes the call that is being answered: account and session."""
Profile = Literal["cloud", "studio"]
RUNNING = ("created", "in_progress")


class Signal:
    """Wakes everybody who waits for the next change; costs nothing while nobody waits."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def fire(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)


@dataclass(slots=True, kw_only=True)
class Message:
    """One message of a conversation (question, answer) or of a chat (also tool calls, verbose, follow_up)."""

    id: str
    conversation_id: str
    section_id: str
    bot_id: str
    chat_id: str
    role: str
    type: str
    content: str
    content_type: str = "text"
    reasoning: str = ""
    meta_data: dict[str, str] = field(default_factory=dict)
    created_at: int = 0
    updated_at: int = 0
    feedback: dict[str, Any] | None = None


@dataclass(slots=True, kw_only=True)
class Conversation:
    """A list of messages in sections; the current section is the context of the next chat."""

    id: str
    bot_id: str
    created_at: int
    updated_at: int
    name: str = ""
    meta_data: dict[str, str] = field(default_factory=dict)
    sections: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    running: "Chat | None" = None
    owner: str = ""
    """Whose it is, and in which session: nobody else gets to it."""
    asking: str = ""
    """The question of a question node that the next message answers."""


@dataclass(slots=True, kw_only=True)
class Chat:
    """One question and what became of it; also the log that tests read."""

    id: str
    conversation_id: str
    section_id: str
    bot_id: str
    user_id: str
    question: str
    stream: bool
    auto_save: bool
    created_at: int
    at: float
    """When it was asked, by the wall clock."""
    meta_data: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    """The request as it came in."""
    session_name: str = ""
    voiced: bool = False
    """It was asked by voice, so the bot also answers with sound."""
    status: str = "created"
    completed_at: int = 0
    failed_at: int = 0
    error: tuple[int, str] = (0, "")
    required: list[dict[str, Any]] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    deltas: list[float] = field(default_factory=list)
    """When each delta was produced, by the wall clock."""
    said: list[str] = field(default_factory=list)
    """The pieces of answer text produced so far."""
    input_tokens: int = 0
    followers: int = 0
    """Open responses that stream this chat."""
    left_at: float | None = None
    """When a client that followed the stream was seen to have gone before the end."""
    generated: bool = False
    """Nothing more will be produced (until tool outputs are submitted)."""
    pending: "Answer | None" = None
    """What is said once the tool outputs have been submitted."""

    @property
    def text(self) -> str:
        return "".join(self.said)

    @property
    def answers(self) -> list[str]:
        return [message.content for message in self.messages if message.type == "answer"]


@dataclass(slots=True, kw_only=True)
class File:
    id: str
    name: str
    size: int
    content_type: str
    created_at: int
    data: bytes = b""


@dataclass(slots=True, kw_only=True)
class Script:
    contains: str
    answer: Answer
    times: int = -1
    fault: Fault | None = None
    """Strikes the calls with that question alone."""


@dataclass(slots=True, kw_only=True)
class World:
    """Everything that the routes share."""

    token: str
    bot_id: str
    profile: Profile = "cloud"
    rate: float = 40.0
    """Deltas per second; 0: as fast as possible."""
    delta_events: bool = True
    """Whether the feed carries an event per delta (switch it off for long benchmarks)."""
    suggestions: bool = True
    """Whether ordinary answers are followed by suggestions, as set up in the bot."""
    published: bool = True
    versions: set[str] = field(default_factory=set)
    """Published versions of the bot that may be named; the newest answers without being named."""
    onboarding: dict[str, Any] = field(
        default_factory=lambda: {
            "prologue": "你好，{{user_name}}！Hello, I am a simulated bot.",
            "suggested_questions": ["你能做什么？", "What can you do?", "Show me a table"],
        }
    )
    draft_onboarding: dict[str, Any] = field(default_factory=dict)
    """As the draft has it; empty: as it is published."""
    capitals: bool = False
    """The newer of the two calls for a bot spells its onboarding as the documents do (`Prologue`)."""
    deaf: int = 0
    """So many cancels are answered as if they had worked, and do nothing."""
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    """User variables by user and name."""
    variable_names: set[str] | None = None
    """What the bot has for variables; None: whatever is set."""
    voices: list[dict[str, str]] = field(
        default_factory=lambda: [
            {"voice_id": "7426720361732915209", "name": "温柔女声"} | {"language_code": "zh", "language_name": "中文"},
            {"voice_id": "7426720361732915210", "name": "Calm voice"}
            | {"language_code": "en", "language_name": "English"},
        ]
    )
    one_page: bool = False
    """Page 2 of the voices repeats page 1, and there is always more."""
    speech_seconds: float = 0.0
    """How long it takes to speak a piece."""
    speaking: int = 0
    spoke_at_once: int = 0
    """The most pieces that were spoken at the same time."""
    spoken: list[str] = field(default_factory=list)
    transcripts: dict[str, str] = field(default_factory=dict)
    """What is said in a recording, by a part of its name."""
    after_cancel: Literal["completed", "done"] = "completed"
    """How the open stream of a cancelled chat ends: with chat.completed, or with nothing but done."""
    revoked: set[str] = field(default_factory=set)
    minted: dict[str, tuple[float, str]] = field(default_factory=dict)
    """Access tokens of the OAuth flow: when they expire, and their session_name."""
    accounts: dict[str, str] = field(default_factory=dict)
    """Whose they are, if not the account's that everything else here belongs to."""
    longest_token: int = 86_399
    """Seconds; no access token for a JWT lives longer."""
    now: Callable[[], float] = time.time
    """By what clock tokens end."""
    used_jti: set[str] = field(default_factory=set)
    jwt_client_id: str = ""
    jwt_key: tuple[int, int] | None = None
    """RSA modulus and exponent that a JWT is verified with; None: the signature is not looked at."""
    conversations: dict[str, Conversation] = field(default_factory=dict)
    chats: list[Chat] = field(default_factory=list)
    files: dict[str, File] = field(default_factory=dict)
    pictures: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    """What answers point to, by name: the content and its media type."""
    scripts: list[Script] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    feed: Feed = field(default_factory=Feed)
    changed: Signal = field(default_factory=Signal)
    hurry: Signal = field(default_factory=Signal)
    """Fired to end every long wait of the generations and streams."""
    down_until: float = 0.0
    down_how: str = "reset"
    transports: dict[asyncio.Transport, Signal] = field(default_factory=dict)
    """Connections of the streams that are open, and what wakes the stream."""
    watching: bool = False
    """Somebody looks after the transports."""
    closing: bool = False
    _chats: dict[str, Chat] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    # Ids grow across restarts, so that an old id is unknown to a new process instead of being somebody else's.
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(7_500_000_000_000_000_000 + _start()))

    @property
    def studio(self) -> bool:
        return self.profile == "studio"

    def new_id(self) -> str:
        return str(next(self._ids))

    def publish(self, kind: str, **data: Any) -> None:
        self.feed.publish(kind, **data)
        self.changed.fire()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """Ends all generations and wakes whoever waits, for a quick shutdown."""
        self.closing = True
        for task in self._tasks:
            task.cancel()
        self.hurry.fire()
        self.changed.fire()

    async def pause(self, seconds: float) -> None:
        """Sleeps; a long sleep ends early when somebody says hurry."""
        if seconds < 0.1:
            await asyncio.sleep(seconds)
            return
        try:
            async with asyncio.timeout(seconds):
                await self.hurry.wait()
        except TimeoutError:
            pass

    def converse(self, bot_id: str, meta_data: dict[str, str], name: str = "") -> Conversation:
        """A new conversation; its first section has its own id, as seen on the cloud."""
        now = int(time.time())
        new = self.new_id()
        conversation = Conversation(
            id=new, bot_id=bot_id, created_at=now, updated_at=now, name=name, meta_data=meta_data, sections=[new]
        )
        conversation.owner = OWNER.get()
        self.conversations[new] = conversation
        return conversation

    def remember(self, chat: Chat) -> None:
        self.chats.append(chat)
        self._chats[chat.id] = chat

    def forget_chats(self, most: int) -> None:
        """Drops the oldest chats that are over, so that about `most` are left."""
        for chat in [chat for chat in self.chats[:-most] if chat.generated]:
            self.chats.remove(chat)
            del self._chats[chat.id]

    def chat(self, conversation_id: str, chat_id: str) -> Chat | None:
        chat = self._chats.get(chat_id)
        return chat if chat and chat.conversation_id == conversation_id else None

    def message(self, conversation: Conversation, **fields: Any) -> Message:
        """A message of the current section, not yet put anywhere."""
        now = int(time.time())
        filled = {"chat_id": "", "created_at": now, "updated_at": now, **fields}
        return Message(
            id=self.new_id(),
            conversation_id=conversation.id,
            section_id=filled.pop("section_id", conversation.sections[-1]),
            bot_id=conversation.bot_id or self.bot_id,
            **filled,
        )

    def context(self, conversation: Conversation) -> list[tuple[str, str]]:
        """Role and text of the current section; the reply of a cancelled round was never kept."""
        section = conversation.sections[-1]
        return [(message.role, message.content) for message in conversation.messages if message.section_id == section]

    def fault_for(self, question: str) -> Fault | None:
        """What strikes a call with that question, used up by one."""
        found = (s.fault for s in reversed(self.scripts) if s.contains.casefold() in question.casefold() and s.times)
        fault = next(found, None)
        if fault is None or fault.times == 0:
            return None
        fault.times -= fault.times > 0
        return fault

    def scripted(self, question: str) -> Answer | None:
        """The newest scripted answer whose text occurs in the question."""
        for script in reversed(self.scripts):
            if script.contains.casefold() not in question.casefold() or script.times == 0:
                continue
            script.times -= script.times > 0
            return script.answer
        return None

    async def until(self, predicate: Callable[[], Any], seconds: float) -> Any:
        """Waits until the predicate is true, looking again after each change; returns what it returned."""
        async with asyncio.timeout(seconds):
            while not (result := predicate()):
                await self.changed.wait()
            return result


def _start() -> int:
    return int(time.time() * 1000) * 1000 + random.randrange(100)
