"""The seam to a chat platform: what an Adapter does, and what it may be able to do beside that."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from bridge.model import (
    Address,
    Attachment,
    Choice,
    File,
    Inbound,
    Kind,
    Lost,
    Moved,
    Page,
    Profile,
)

Accept = Callable[[Inbound | Moved], Awaitable[str | None]]
"""Returns: it is durable, or was deliberately ignored. Raises: do not acknowledge it to the platform.

What it returns is a word for whoever pressed a button, where the platform can show one that passes; None: none.
"""


class Verb(StrEnum):
    """What a call to a platform does; platforms limit them differently."""

    SEND = "send"
    """A message that will not grow."""
    EDIT = "edit"
    """The last edit of a message."""
    START = "start"
    """A message that grows from here on."""
    GROW = "grow"
    """More of it."""
    ATTACH = "attach"
    """A message that is a file."""
    DELETE = "delete"
    WORKING = "working"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit that a platform sets: a bucket of `burst` calls that refills by one every `every` seconds."""

    name: str
    """Names the bucket: calls that share a name share the limit."""
    burst: int
    every: float
    serial: bool = False
    """Its calls go out one after another, as those to one chat do: time under way is no time of refill."""
    closes: tuple[str, ...] = ()
    """Names of buckets of their own that are closed as well for as long as the platform closes this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a platform allows."""

    fill: Callable[[str, int], float]
    """How full this Markdown makes one message, shown as simple as that (`Page.simpler`): 1.0 is the most it takes."""
    budgets: Callable[[Address, Verb], Sequence[Budget]]
    """Every limit that such a call counts against."""
    streams: bool = True
    """False: messages do not grow, the whole answer is sent once."""
    plain_from: int = 1
    """From this `Page.simpler` on, text is shown as it stands, markers and all."""
    working_every: float = 0.0
    """Seconds after which the sign that the bot is at work must be given again; 0 if there is none."""
    keep_alive: float = 0.0
    """Seconds without a preview after which what grows must be shown again by `working`, else it vanishes; 0: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What is left in a bucket that several processes share."""

    name: str
    """Of the budget."""
    calls: float
    """So many may go out now; below one none may, below zero it takes longer than `every` until one may."""
    closed: float = 0.0
    """Seconds for which the platform wants no such call, as it told one of the processes; 0: it is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What came of asking for a call."""

    granted: bool
    levels: Sequence[Level]
    """Of all buckets that were asked for; those of a call that was granted are without it."""


class Shares(Protocol):
    """The limits of the platforms, as all processes of one database use them up together."""

    async def reserve(self, budgets: Sequence[Budget], spare: Sequence[int]) -> Reservation:
        """Takes one call out of each of these buckets; or none, if one of them is closed or has not `spare` more.

        Raises Unreachable if the database does not answer; a call may be taken all the same.
        """


class Adapter(Protocol):
    """One chat platform, as one bot account. Translates, never decides.

    Every call but `listen` is given up after at most 60 s. Raised by `send`, `edit`, `delete`: RateLimited (nothing
    was done; no call to this chat before `retry_after`), Unreachable (`certain=False`: it may have happened),
    Refused, Gone (that message or place does not exist any more), Unrenderable.
    """

    @property
    def platform(self) -> str: ...

    @property
    def account(self) -> str:
        """Known after `open`."""

    @property
    def limits(self) -> Limits: ...

    @property
    def trouble(self) -> str:
        """Empty while it listens, else why it does not, in one line for /readyz."""

    async def open(self) -> None:
        """Learns who we are. Raises ConfigError (the token is refused) or Unreachable. May be called again."""

    async def listen(self, accept: Accept) -> None:
        """Receives until it is cancelled; acknowledges to the platform only what `accept` returned from.

        A platform that does not answer is asked again with backoff, for ever. Raises ConfigError if a token that
        only listening needs is refused at the first start, else nothing but bugs.
        """

    async def send(self, address: Address, page: Page, *, reply_to: str = "") -> str:
        """Posts the page and returns its message id."""

    async def edit(self, address: Address, message_id: str, page: Page) -> str:
        """Makes that message show the page, and returns under which id it stands now; also if it showed it already.

        Empty: it was a preview and no message (a draft), and it is over; the page is to be sent.
        """

    async def delete(self, address: Address, message_id: str) -> None:
        """Removes that message; returns as well if it was gone already."""

    async def working(self, address: Address, language: str = "en") -> None:
        """Shows that the bot is at work, in the person's language. Raises RateLimited; other failures are swallowed."""

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Found:
    """A message whose id was lost."""

    message_id: str
    sure: bool
    """It is that page's. Else it stands where that would, and could be another of ours whose id was lost as well."""


@runtime_checkable
class Finds(Protocol):
    """An adapter that can find a message again whose id was lost: the process died, or the response did."""

    def newest(self, address: Address) -> str:
        """The newest message there that it knows of, for `Post.sent_after`; empty if none, or if `find` needs none."""

    async def find(self, address: Address, lost: Lost, *, turn: Callable[[], Awaitable[None]]) -> Found | None:
        """That message, or None if it is not there, or cannot be told.

        What it reads or changes for that counts as one call of the kind that lost it; before each further one that the
        platform counts so, it awaits `turn`. The message found may look otherwise until its next edit; no other does.
        Begins nothing more after 60 s. Raises Transient.
        """

    async def leave(self, address: Address, message_id: str) -> None:
        """It was found, but is another's: undoes what finding it changed. Raises Transient."""


@runtime_checkable
class Alone(Protocol):
    """An adapter with which, when it is set up so, only one process may listen at a time."""

    @property
    def duty(self) -> str:
        """Names what only one process may do, known after `open`; empty if any number of them may listen."""

    async def listen_alone(self, accept: Accept, ours: Callable[[], bool]) -> None:
        """Does as `listen`, and looks each time before it asks the platform; returns once that is not `ours`."""


@runtime_checkable
class Attaches(Protocol):
    """An adapter that can send files."""

    async def attach(self, address: Address, page: Page, content: bytes, *, reply_to: str = "") -> str:
        """Posts `page.attachment`, with that content, and returns its message id. Raises what `send` raises."""


@runtime_checkable
class Brings(Protocol):
    """An adapter that can fetch what people send along with their messages."""

    def most_bytes(self, file: File) -> int:
        """The most that the platform lets us fetch of such a file."""

    def fetch(self, file: File) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The content of that file, in pieces. Raises Unreachable, RateLimited, Refused, or Gone if it is not there."""


@runtime_checkable
class Profiles(Protocol):
    """An adapter that can tell who somebody is."""

    async def profile(self, sender: str) -> Profile:
        """As the platform has it now, or as it had it within the hour. Takes at most 5 s. Raises Transient."""


@runtime_checkable
class Homes(Protocol):
    """An adapter that has a page of its own for each person, where we can say who we are."""

    async def show_home(self, sender: str, text: str, choices: Sequence[Choice]) -> None:
        """That is what their page shows from now on. Raises what `send` raises."""

    async def begin(self, sender: str, question: str) -> Address:
        """Shows, in their private chat with us, a question that was pressed on that page; where its answer goes. Raises
        what `send` raises.
        """


class Downloads(Protocol):
    """Fetches what an answer points to."""

    def fetched(self, attachment: Attachment) -> AbstractAsyncContextManager[tuple[Kind, str, bytes]]:
        """What is at `attachment.url`: its kind and file name, as its content shows them, and the content.

        The content takes up memory, of which there is a bounded amount for all, until the context is left. Entering
        it takes at most 20 s from when there is room. Raises Unreachable, or Refused if it is not to be had or not to
        be sent.
        """


@runtime_checkable
class Sharing(Protocol):
    """An adapter that sees to some limits by itself, beside its budgets."""

    def share(self, shares: Shares) -> None:
        """Other processes use them up, too. Called before `open`."""


@runtime_checkable
class Members(Protocol):
    """An adapter whose account belongs to a closed company of people, as a Slack bot does to a workspace."""

    async def is_member(self, sender: str) -> bool:
        """Is that person a full member: no guest, no bot, of no other organisation, not left? Takes at most 2 s.

        False as well where the platform will not tell us. Raises Transient.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a mounted HTTP path answers."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] | None = None


Mount = Callable[[Mapping[str, str], bytes], Awaitable[Reply]]
"""Answers one POST, given its headers (lower-case names) and its body."""
Visit = Callable[[Mapping[str, str], str], Awaitable[Reply]]
"""Answers one GET of a browser, given its query and the languages that it prefers (`Accept-Language`)."""


@runtime_checkable
class Mounts(Protocol):
    """An adapter that is called over HTTP."""

    @property
    def mounts(self) -> Mapping[str, Mount]:
        """Path → what answers a POST there; empty if the platform is not used in that way."""
