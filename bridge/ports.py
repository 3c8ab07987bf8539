"""The seams of the bridge: a chat platform (Adapter), Coze (Bot), durable memory (Store), and the clock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from bridge.model import (
    Access,
    Acquaintance,
    Address,
    Answered,
    Attachment,
    Choice,
    ConversationId,
    Doomed,
    Erased,
    File,
    Inbound,
    Kind,
    Lease,
    Lost,
    Moved,
    Page,
    Past,
    Person,
    Post,
    Profile,
    Standing,
    ToolCall,
    Turn,
    TurnId,
    TurnState,
    TurnSummary,
    User,
    Waiting,
)

if TYPE_CHECKING:
    from bridge.answer import BotEvent

Accept = Callable[[Inbound | Moved], Awaitable[str | None]]
"""Returns: it is durable, or was deliberately ignored. Raises: do not acknowledge it to the platform.

What it returns is a word for whoever pressed a button, where the platform can show one that passes; None: none.
"""


class Clock(Protocol):
    """Where time comes from, so that tests can make it."""

    def now(self) -> float:
        """Unix time in seconds; for what is stored and shared."""

    def monotonic(self) -> float:
        """Seconds since some fixed point; never jumps; for intervals inside one process."""

    async def sleep(self, seconds: float) -> None: ...

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Waits for the event, at most so many seconds; True if it came."""


class Meter(Protocol):
    """Counts what happens, for the operator; docs/operation.md lists the names and labels."""

    def count(self, name: str, value: float = 1, **labels: str) -> None: ...

    def observe(self, name: str, seconds: float, **labels: str) -> None: ...


# ---- a chat platform -------------------------------------------------------------------------------------------


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


@runtime_checkable
class Finds(Protocol):
    """An adapter that can find a message again whose id was lost: the process died, or the response did."""

    by_mark: bool
    """It goes by `Page.mark`. Else by place and look: another message of ours could be taken for it, unless it replies
    to the same message."""

    def newest(self, address: Address) -> str:
        """The newest message there that it knows of, for `Post.sent_after`; empty if none, or if `find` needs none."""

    async def find(self, address: Address, lost: Lost, *, turn: Callable[[], Awaitable[None]]) -> str | None:
        """The id of that message, or None if it is not there, or cannot be told.

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


# ---- Coze ------------------------------------------------------------------------------------------------------


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


class Accounts(Protocol):
    """Logs people in at Coze with accounts of their own. All but `reveal` raise Unreachable."""

    async def begin(self, who: User, address: Address) -> str:
        """The link that they are to follow, good for ten minutes and once, as something that only `reveal` can read."""

    def reveal(self, text: str) -> str:
        """The text with the links in it readable: for their eyes only, never to be kept."""

    async def finish(self, state: str, code: str) -> LoggedIn | None:
        """They came back from Coze with these. None: that was not begun, or too long ago. Raises BridgeError."""

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

    def asks(self, name: str) -> bool:
        """Is the person to be asked before it runs?"""

    async def run(self, call: ToolCall) -> str:
        """Its output, as JSON or plain text, for the model. Never raises: a tool that is missing, refuses its
        arguments, fails or takes too long says so in its output. Cancelled, it ends the tool where that can be ended.
        """

    async def aclose(self) -> None: ...


@runtime_checkable
class Forgets(Protocol):
    """A Bot that can erase what it remembers."""

    async def delete_conversation(self, conversation: str) -> None:
        """Erases it with all its messages; returns as well if it was gone already. Raises what a Bot raises."""


# ---- durable memory --------------------------------------------------------------------------------------------


class Effect(StrEnum):
    """What a command does to a conversation, in the transaction that makes the command durable."""

    NONE = "none"
    RENEW = "renew"
    """The next question starts a new Coze conversation."""
    CANCEL = "cancel"
    """The running question is to be cancelled, or the next if none runs."""


class TurnedAway(StrEnum):
    """What became of the attempt of somebody who may not talk to us."""

    TOLD = "told"
    """They will be told so."""
    SILENT = "refused"
    """They were told not long ago."""
    SEEN = "seen"
    """This very message was seen before."""
    CROWDED = "crowded"
    """So many were told lately that this one is not."""


class Peers(Protocol):
    """The processes beside us on the same database. Those that take a time mean that of `Clock.monotonic`."""

    @property
    def sure_seconds(self) -> float:
        """What was renewed is surely ours for no longer than this: without end while the others see that we live, else
        less than they wait before they take us for dead.
        """

    async def run(self, us: Lease, wake: Callable[[], None]) -> None:
        """Until it is cancelled: calls `wake` when there may be something to claim or to cancel, shows the others that
        the owner of `us` lives, and ends the leases and duties of those that have died.
        """

    async def take(self, duty: str, owner: str) -> float:
        """Until when that duty is surely this owner's, who takes or keeps it; 0: somebody else has it.

        Raises Unreachable; it may be ours all the same.
        """

    async def lay_down(self, duty: str, owner: str) -> None:
        """Somebody else may take it at once, and is told. Raises Unreachable."""

    async def vacancy(self, seconds: float) -> None:
        """Returns when a duty was laid down, or after so many seconds."""


class Logins(Protocol):
    """Tokens of people who speak to Coze with an account of their own, encrypted by who keeps them here."""

    async def begin_login(self, who: User, state: str, sealed: str, *, seconds: float) -> None:
        """They were sent to Coze, to come back with that `state` (a digest of it) within so many seconds."""

    async def end_login(self, state: str) -> tuple[User, str] | None:
        """Who came back, and what was sealed for that; once, and not too late."""

    async def login(self, coze_user: str) -> str:
        """Their tokens, sealed; empty: they are not logged in."""

    async def keep_login(self, who: User, sealed: str, *, until: float, instead: str = "") -> bool:
        """Those are their tokens now, until that Unix time at most. `instead` of what is kept now: False, and nothing
        changes, if that is something else; empty: whatever is kept.
        """

    async def drop_login(self, coze_user: str) -> bool:
        """They are logged out; False if they were not logged in."""

    async def logins(self) -> list[tuple[str, float]]:
        """Coze `user_id` of everybody who is logged in, and until when at most; who ends first comes first."""


class Store(Protocol):
    """Durable memory. Each method is one transaction; what it returned from survives a power cut.

    Methods that take a Turn raise LeaseLost, and change nothing, once another claim has replaced `turn.lease`.
    All may raise Unreachable if the database does not answer. Times are Unix seconds from the Clock. What others may
    have to know, they are told after its commit.
    """

    @property
    def logins(self) -> Logins:
        """Who is logged in to Coze."""

    @property
    def peers(self) -> Peers | None:
        """The processes beside us; None where the database is ours alone."""

    async def receive(
        self, inbound: Inbound, who: User, where: str, *, bot: str = "", interrupt: bool = False, gather: float = 0.0
    ) -> TurnId | None:
        """Makes a question durable: user, conversation with key `where`, turn for that bot. With `interrupt`, what this
        person asked there before, and what is not settled, is to be cancelled.

        `gather`: for so many seconds, more of `inbound.album` may come. Nothing of the album is claimed before that;
        then all of it that has come is claimed as one question with all its files. What comes even later is a question
        of its own. None: seen before, or they were blocked a moment ago; nothing of it is kept.
        """

    async def retire(self, where: str, before: float) -> bool:
        """If nothing was asked in that conversation since then, and nothing waits there, the next question begins a new
        one; True if that is so.
        """

    async def pasts(self, where: str, who: User, *, limit: int = 10, bot: str | None = None) -> list[Past]:
        """The conversations at that place in which this person asked, the one that was used last first.

        With `bot`, only those that are held with it: where another one answers by now, the next question begins a new
        one whatever was resumed.
        """

    async def resume(self, inbound: Inbound, who: User, where: str, conversation: int, reply: str) -> bool:
        """Makes a command durable, with its answer, after which that conversation of `pasts` goes on in place of the
        one that does now. False: there is none such; nothing is changed or kept. True as well: the command was seen
        before.
        """

    async def voice(self, who: User) -> str:
        """The Coze `voice_id` in which that person hears answers; empty: they do not."""

    async def speak(self, who: User, voice: str) -> None:
        """From now on they hear answers in that voice; empty: no more."""

    async def waits(self, where: str) -> str:
        """What that conversation waits for, as `Pending.dump` wrote it; empty: nothing, or there is none such."""

    async def obey(
        self, inbound: Inbound, who: User, where: str, effect: Effect, reply: Callable[[Standing], str]
    ) -> Standing | None:
        """Makes a command durable, with its effect and with its answer (`reply`, as `Answer.dump` writes it).

        `Standing` is read before the effect. None: seen before, or they were blocked a moment ago; nothing is kept.
        """

    async def acquaintance(self, who: User) -> Acquaintance:
        """What we know of that person."""

    async def turn_away(
        self, inbound: Inbound, who: User, reply: str, *, code: str, seconds: float, most: int
    ) -> TurnedAway:
        """Makes durable that this person tried and is told `reply` (as `Answer.dump` writes it); of the message nothing
        is kept but where it stands. Not again for so many seconds, and not to more than `most` people of one account at
        a time. `code` is the digest of a pairing code in the reply, or empty. Erases strangers who gave up long ago.
        """

    async def admit(self, code: str) -> Person | None:
        """Pairs whoever was told the code with that digest, once; None if nobody was, or it has expired."""

    async def people(
        self, *, id: int | None = None, platform: str | None = None, sender: str | None = None
    ) -> list[Person]:
        """Everybody, or that row, or that person of the platform on each of our accounts; in order of their rows."""

    async def acquaint(self, who: User) -> None:
        """Makes the row of somebody who never wrote to us, if there is none."""

    async def decide(self, people: Collection[int], access: Access) -> None:
        """By hand: that is their access from now on, and their codes are void. What the blocked asked is stopped."""

    async def forget(self, people: Collection[int]) -> Erased:
        """By hand: erases those people, their turns with their posts, and conversations that nobody else asked in.

        The Coze conversations that nobody else asked in are kept as doomed, until Coze has erased them.
        """

    async def scrub(self) -> bool:
        """After `forget`: sees to it that the files of the database hold no copy of what was erased.

        Takes up to some seconds, in which nobody else may be able to write. False: copies may be left for a while, as
        the database is large, or much in use.
        """

    async def doomed(self) -> list[Doomed]:
        """Coze conversations that Coze is still to erase, oldest first."""

    async def drop_doomed(self, coze_conversation: str) -> None:
        """Coze has erased it, or never will."""

    async def erase_texts(self, before: float, *, most: int) -> int:
        """Erases question, answer and error of at most so many turns that were settled before that time; how many.

        The turn stays, with its times and states: the same message is not taken for a new one.
        """

    async def tidy(self) -> None:
        """What a database needs after erasing, a little of it: gives room back to the disk, forgets what is over."""

    async def takes_part(self, where: str, who: User) -> bool:
        """Has this person asked something in the conversation with that key?"""

    async def latest_place(self, address: Address, who: User) -> str:
        """Key of the newest conversation of that chat, in whichever thread, in which this person asked; or empty."""

    async def last_question(self, where: str, who: User) -> tuple[str, tuple[File, ...]]:
        """What this person asked last in that conversation and what they sent along, or nothing."""

    async def answered(self, turn: TurnId, address: Address) -> Answered | None:
        """The answer that was delivered as that turn; None if there is none such in that chat of that account."""

    async def judge(self, turn: TurnId, address: Address, judgement: str) -> Answered | None:
        """The same, and from now on it is judged as `like`, `dislike` or nothing; `judged` is what it was until now."""

    async def move(self, moved: Moved) -> None:
        """Conversations and unsettled turns of the old chat belong to the new one from now on; posts are forgotten."""

    async def claim(self, lease: Lease, serving: Collection[tuple[str, str]], *, merge: bool = False) -> Turn | None:
        """Takes the oldest turn that may go on, of those (platform, account) pairs; None if there is none.

        That is: unsettled, due, not under somebody's living lease, and the head of its conversation; commands first.
        With `merge`, what the same person asked right behind it becomes one question with it: the newest of them goes
        on, and the others are delivered without an answer of their own.
        """

    async def untold(
        self,
        serving: Collection[tuple[str, str]],
        *,
        since: float,
        after: Waiting | None = None,
        heads: bool = False,
        limit: int = 20,
    ) -> list[Waiting]:
        """The oldest questions, received before `since`, that wait and of which nothing has been shown or tried.

        Behind `after` only, in the order of their coming; with `heads`, only the first of each conversation.
        """

    async def hold(self, lease: Lease, turn: TurnId) -> Turn | None:
        """Takes a question that waits, without beginning it: no claim takes it, and others see it wait as before.

        None if it does not wait any more. `postpone` lets go of it.
        """

    async def before(self, turn: Turn, *, all_busy: bool) -> int:
        """How many questions are before that one which waits: in its conversation or, with `all_busy`, of those that
        want a worker and may have one; whichever is more.
        """

    async def renew(self, lease: Lease, held: Collection[TurnId]) -> Mapping[TurnId, bool | None]:
        """Prolongs this owner's leases on those turns; the ones it still holds, and whether each is to be cancelled.

        None: it is not prolonged, as its row is in use; ask again soon.
        """

    async def release(self, owner: str) -> None:
        """Ends all leases of this owner: others may claim its turns at once."""

    async def asking(self, turn: Turn, coze_conversation: str, *, at: float) -> None:
        """Coze is about to be asked, in that Coze conversation, which is kept for the questions to come."""

    async def forget_conversation(self, turn: Turn) -> None:
        """The Coze conversation is gone: the next question makes a new one."""

    async def streaming(self, turn: Turn, chat: str) -> None:
        """Coze took the question as that chat."""

    async def remember(self, partial: Mapping[Turn, str]) -> None:
        """So much is known of answers on their way, as `Answer.dump` wrote it, for whoever goes on after a crash.

        Left out are those whose lease has been replaced, or which are not `streaming`.
        """

    async def prepared(self, turn: Turn, files: Sequence[File]) -> None:
        """What came with the question has been uploaded or transcribed, as `File.coze` and `File.heard` say."""

    async def uploaded(self, library: str, digest: str) -> str:
        """The Coze `file_id` of a file with that SHA-256, uploaded there not too long ago; or empty."""

    async def keep_upload(self, library: str, digest: str, file_id: str, *, seconds: float) -> None:
        """It has been uploaded there, and can be used for so long. Forgotten by `tidy` after that."""

    async def finalising(self, turn: Turn, answer: str, *, pending: str = "") -> None:
        """The answer is complete, as `Answer.dump` wrote it; from now on its conversation waits for `pending`."""

    async def settle(self, turn: Turn, state: TurnState, error: str = "") -> None:
        """The end: `delivered`, `failed` or `cancelled`. Of a command the answer is forgotten: it may hold a code."""

    async def postpone(self, turn: Turn, state: TurnState, *, until: float, attempts: int, error: str = "") -> None:
        """Lets go of the turn until that time. State `received` forgets chat and asked_at: Coze is asked anew."""

    async def posts(self, turn: Turn) -> list[Post]:
        """In order of their pages."""

    async def posted_near(self, turn: Turn) -> frozenset[str]:
        """Ids of the messages that answer it, or a turn of the same chat that came shortly before or after it."""

    async def keep_post(self, turn: Turn, post: Post) -> None:
        """Writes the post down: before its send without a message id, after it with one."""

    async def adopt_post(self, turn: Turn, post: Post, *, sure: bool) -> bool:
        """Writes down a post whose message was found, unless that is another post's by now.

        Not `sure`: nor if it could be one whose send was begun, in the same chat, and whose id is not known either.
        """

    async def drop_post(self, turn: Turn, page: int) -> None:
        """That message does not stand any more."""

    @property
    def shares(self) -> Shares | None:
        """What all processes share; None: there is no other process."""

    async def penalise(self, name: str, seconds: float) -> None:
        """No call of the budget with that name may go out for so long. A longer penalty stands."""

    async def penalties(self) -> Mapping[str, float]:
        """The penalties that are not over: names of budgets, and for how many seconds more."""

    async def next_due(self) -> float | None:
        """Seconds until the first of those turns becomes due that wait for a later time; None if none waits."""

    async def turns(self, *, states: Collection[str] = (), since: float = 0.0, limit: int = 50) -> list[TurnSummary]:
        """Newest first."""

    async def turn(self, turn_id: int) -> TurnSummary | None: ...

    async def ask_again(self, turn_id: int) -> bool:
        """By hand: a failed or cancelled question is received again. False if there is none such, or it is erased."""

    async def cancel(self, turn_id: int) -> bool:
        """By hand: the flag is set on an unsettled turn. False if there is none such."""

    async def waiting(self) -> Mapping[str, int]:
        """Number of unsettled turns by state; for /metrics and, as it proves that the database answers, /readyz."""

    async def oldest_due(self) -> float | None:
        """When the oldest turn was received that is neither settled nor waits for a later time; None: there is none."""

    async def aclose(self) -> None: ...


__all__ = [
    "Accept",
    "Adapter",
    "Alone",
    "Attaches",
    "Bot",
    "Budget",
    "Clock",
    "ConversationId",
    "Downloads",
    "Effect",
    "Finds",
    "Forgets",
    "Judged",
    "Level",
    "Limits",
    "Members",
    "Meter",
    "Mount",
    "Mounts",
    "Peers",
    "Question",
    "Reply",
    "Reservation",
    "Shares",
    "Sharing",
    "Store",
    "TurnedAway",
    "Verb",
]
