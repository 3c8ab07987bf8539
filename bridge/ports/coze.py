"""The seam to Coze: what a Bot does, what it may be able to do beside that, and who speaks to it as whom."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from bridge.model import (
    Address,
    File,
    Inbound,
    Profile,
    ToolCall,
    User,
)

if TYPE_CHECKING:
    from bridge.answer import BotEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of the bot."""

    text: str
    user: str
    """Coze `user_id`."""
    conversation: str
    """Coze `conversation_id`, not empty."""
    mark: str
    """Goes into the question's `meta_data`, so that its chat can be found after a crash."""
    files: tuple[File, ...] = ()
    """What came with it; those with a `File.coze` can be seen by the bot."""
    resume: str = ""
    """What the bot left behind when it asked the person something (`Paused.resume`); `text` is the answer to that."""
    anew: bool = False
    """`text` is no answer: with `resume`, what the bot was asked when it began that is asked again in its place."""
    language: str = "en"
    platform: str = ""
    profile: Profile | None = None
    """Who asks; only if the bot `wants_profile`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What a bot says before anybody has said anything."""

    prologue: str = ""
    """Markdown; may hold `{{user_name}}`."""
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A voice that a bot can speak in."""

    id: str
    name: str
    language: str = ""


class Bots(Protocol):
    """The bots that the configuration names."""

    @property
    def names(self) -> Sequence[str]:
        """The bot without a name, which is empty, comes first."""

    def route(self, address: Address) -> str:
        """The name of the bot that answers there."""

    def of(self, name: str, session: str = "") -> "Bot":
        """That bot, spoken to in the session of that person (a Coze `user_id`), where each has their own at Coze.

        Cheap, and never to be closed. Raises BotFailed if no bot has that name (any more).
        """

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """Somebody who speaks to Coze with an account of their own."""

    who: User
    address: Address
    """Where they asked to be logged in."""
    name: str
    """What Coze calls them; empty if it does not tell."""
    until: float
    """Unix time at which they have to log in again if they ask nothing before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """Somebody let us act for them at Coze, in a browser. Whether it is who asked for that, the chat is to show."""

    platform: str
    """Where it was asked for."""
    name: str
    """As in LoggedIn."""
    number: str = field(repr=False)
    """What whoever asked for it is to say there. For the eyes in front of that browser only, never to be kept."""


class Accounts(Protocol):
    """Logs people in at Coze with accounts of their own. All but `reveal` raise Unreachable.

    A reply is what `Answer.dump` writes; it is made durable together with what it tells of, unless that message was
    seen before.
    """

    async def begin(self, inbound: Inbound, who: User, reply: Callable[[str], str]) -> None:
        """Who wrote that is told the link that they are to follow, good for ten minutes and once, as something that
        only `reveal` can read. What they had begun before is over.
        """

    def reveal(self, text: str) -> str:
        """The text with the links in it readable: for their eyes only, never to be kept."""

    async def agreed(self, state: str, code: str) -> Agreed | None:
        """A browser came back from Coze with these. None: that was not begun, or too long ago. Raises BridgeError."""

    async def finish(
        self, inbound: Inbound, who: User, number: str, reply: Callable[[LoggedIn | int], str]
    ) -> LoggedIn | int | None:
        """Who wrote that says the number. If it is right, they are logged in; else so many more tries are left, and
        with the last the login is over. None, and no reply: no login of theirs waits for a number, or not any more.
        """

    async def leave(self, coze_user: str) -> bool:
        """They are logged out; False: they were not logged in."""

    async def session(self, coze_user: str) -> str:
        """What `Turn.session` is for them now: their `coze_user` and more; empty: they are not logged in."""

    async def ending(self, seconds: float) -> Sequence[LoggedIn]:
        """Those whose login ends within so many seconds."""


class Bot(Protocol):
    """A Coze bot, chatflow or workflow, as one person may speak to it.

    Raised by all: Busy, RateLimited, Unreachable, BotFailed, and Gone if the *conversation* does not exist any more.
    `certain=False`: the chat may have been made, or goes on without us. `certain=True` after ChatStarted: that chat is
    dead and said nothing, so asking again is safe. `find`, `recall` and `cancel` never say so of what they did not see.
    """

    @property
    def wants_profile(self) -> bool:
        """Is something of what it is told filled from the person's profile?"""

    @property
    def recalls(self) -> bool:
        """False: what it began cannot be found again, it can only be begun anew; so do chats go on without us."""

    async def new_conversation(self, name: str = "") -> str:
        """Makes an empty Coze conversation, named so where Coze keeps a name, and returns its id."""

    def ask(self, question: Question) -> AbstractAsyncContextManager[AsyncIterator["BotEvent"]]:
        """Asks, and yields what comes until the chat ends; leaving the context closes the connection at once.

        The first event is ChatStarted. Returning normally means that the chat ended (completed, or waits for an
        action); a stream that is cut raises Unreachable(certain=False): then the chat goes on without us, `recall`.
        """

    def recall(self, conversation: str, chat: str) -> AbstractAsyncContextManager[AsyncIterator["BotEvent"]]:
        """Waits until that chat has ended, without asking again, and yields its whole outcome as `ask` would."""

    def submit(
        self, conversation: str, chat: str, outputs: Mapping[str, str]
    ) -> AbstractAsyncContextManager[AsyncIterator["BotEvent"]]:
        """Gives the outputs (by `ToolCall.id`, all that the chat waits for), and yields what comes then, as `ask` does.

        `certain=True`: the chat still waits for them.
        """

    async def find(self, question: Question) -> str:
        """The id of the chat that this very question started, or empty if there is none."""

    async def cancel(self, conversation: str, chat: str) -> None:
        """Stops that chat at Coze; returns as well if it has ended."""

    async def aclose(self) -> None: ...


@runtime_checkable
class Judged(Protocol):
    """A Bot that takes in what people think of its answers."""

    @property
    def judges(self) -> bool:
        """False: its server turned out to take nothing of the kind."""

    async def judge(self, conversation: str, message: str, *, good: bool | None) -> None:
        """Somebody found that answer message good, or bad, or takes back what they said (None). The last word counts.

        Raises what a Bot raises, as all of these do.
        """


@runtime_checkable
class Reads(Protocol):
    """A Bot that can be given files."""

    @property
    def library(self) -> str:
        """Names what files are uploaded to: a file uploaded once can be used again by every bot with the same."""

    async def upload(self, name: str, content: Path) -> str:
        """Uploads what is in that file (it takes at most 512 MB), and returns its Coze `file_id`."""


@runtime_checkable
class Hears(Protocol):
    """A Bot that understands speech."""

    async def transcribe(self, name: str, content: Path) -> str:
        """What is said in it: at most 10 MB and 30 minutes (Coze's limits). Empty: nothing."""


@runtime_checkable
class Speaks(Protocol):
    """A Bot that can speak."""

    async def voices(self) -> Sequence[Voice]:
        """Those that this account may use."""

    async def speak(self, text: str, voice: str) -> bytes:
        """That plain text, of any length, as one MP3."""


@runtime_checkable
class Clears(Protocol):
    """A Bot whose conversation can begin a new section."""

    async def clear(self, conversation: str) -> None:
        """What was said so far is no context any more."""


@runtime_checkable
class Greets(Protocol):
    """A Bot that is configured to greet."""

    async def greeting(self) -> Greeting:
        """As it is configured at Coze now."""


class Tools(Protocol):
    """The tools that run here, for bots that call them."""

    def has(self, name: str) -> bool:
        """Is there such a tool?"""

    def asks(self, call: ToolCall) -> bool:
        """Is the person to be asked before it runs? Not of a call that would not run, as its arguments do not fit."""

    async def run(self, call: ToolCall, *, allowed: bool = False) -> str:
        """Its output, as JSON or plain text, for the model. Never raises: a tool that is missing, refuses its
        arguments, fails or takes too long says so in its output, and so does one that the person is to be asked about
        and did not allow. Cancelled, it ends the tool where that can be ended.
        """

    async def aclose(self) -> None: ...


@runtime_checkable
class Forgets(Protocol):
    """A Bot that can erase what it remembers."""

    async def delete_conversation(self, conversation: str) -> None:
        """Erases it with all its messages; returns as well if it was gone already. Raises what a Bot raises."""
