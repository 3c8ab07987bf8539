"""The nouns of the bridge: who wrote where, what was asked, and how far its answer has come."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import NewType

TurnId = NewType("TurnId", int)
ConversationId = NewType("ConversationId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where on a platform: all four are opaque strings that only the platform's adapter makes and reads."""

    platform: str
    account: str
    """Our bot's account there (Telegram bot id, Slack team id)."""
    chat: str
    thread: str = ""
    """Topic or thread inside the chat; empty for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who wrote, as the platform names them."""

    id: str
    language: str = ""
    """IETF language tag if the platform tells it, else empty."""
    team: str = ""
    """The workspace that they belong to, if the platform has such and tells it; empty: that of the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """Something that came with a message and is not text."""

    kind: str
    """photo, document, sticker, … as the platform calls it; `voice` is a voice message on every platform."""
    ref: str = ""
    """What the adapter needs to fetch it; empty: it cannot be fetched."""
    name: str = ""
    size: int = 0
    """Bytes, 0 if unknown."""
    mime: str = ""
    """As the platform tells it; empty if it does not."""
    coze: str = ""
    """Coze `file_id`, once it has been uploaded for the bot that is asked."""
    heard: str = ""
    """What is said in it, once a voice message has been transcribed."""
    amiss: str = ""
    """Why the bot is not given it (`bridge.amiss` has the words), with what it is about behind a colon; empty:
    nothing is amiss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """One incoming thing, normalised by an adapter: a message, a command or a button press."""

    key: str
    """Names the *message* on its platform for ever; the same message delivered twice has the same key."""
    address: Address
    """Where it was written and where the answer goes."""
    sender: Sender
    text: str
    """What the person wrote, without the mention of the bot and with the platform's escapes undone."""
    sent_at: float
    """Unix time in seconds, by the platform's clock."""
    sort_key: str
    """Sorts, as a string, the messages of one conversation in the order in which they were written."""
    command: str = ""
    """Lower-case name if it is a command (`new` for `/new`, `!new` and `/coze new`); `text` then holds the rest."""
    addressed: bool = True
    """False if it is not for the bot on the face of it: it counts only in a thread that the sender talks to us in."""
    personal: bool = True
    """True: the conversation at this address is this person's own. False: all who write at it share one."""
    reply_to: str = ""
    """Platform id of the message that the answer shall be shown as a reply to; empty for none."""
    files: tuple[File, ...] = ()
    album: str = ""
    """Names the album that it is a part of, where the platform delivers each picture of one as a message of its own."""
    act: str = ""
    """What is to be done in its place in the queue instead of asking: see `Act`; empty: it is asked."""
    press: str = ""
    """Not empty: a button was pressed, and this is its `Choice.press`; `text` is empty until the question is known."""
    private: bool = False
    """Nobody else reads along there."""
    quiet: bool = False
    """A command to be obeyed without a word: the platform shows by itself that it was heard."""
    opened: str = ""
    """Nobody wrote anything, they opened something of ours: see `Opened`."""


class Opened(StrEnum):
    """What somebody looks at who has not written there yet."""

    CHAT = "chat"
    """Their private chat with us; again and again."""
    THREAD = "thread"
    """A new thread that the platform made for a conversation with us."""
    HOME = "home"
    """The page that we have for each person; `Inbound.address` is that of no conversation. With a press: of a button
    there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A chat has a new id (Telegram: a group became a supergroup); nobody wrote anything."""

    platform: str
    account: str
    old_chat: str
    new_chat: str


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Our record of a Sender."""

    platform: str
    account: str
    sender: str
    coze_user: str
    """The Coze `user_id`: stable, one per person and platform account, without a name in it."""
    language: str
    """`en` or `zh`: the language in which we talk to them."""
    session: str = ""
    """`Turn.session` of what they begin now, where that is more than their Coze `user_id`: they are logged in."""


class Access(StrEnum):
    """What was decided of a person; kept with them."""

    OPEN = ""
    """Nothing: `ALLOW`, or membership, says whether they may talk to us."""
    PAIRED = "paired"
    """The operator let them in."""
    BLOCKED = "blocked"
    """The operator shut them out, whatever else would let them in."""
    STRANGER = "stranger"
    """Nothing, and they have only ever tried: their row is erased some time after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquaintance:
    """What we know of a person before they say anything."""

    access: Access = Access.OPEN
    told: bool = False
    """They were told that they may not talk to us, not long ago: there is no need to say it again."""
    has_code: bool = False
    """What they were told holds a pairing code that is still good."""


class TurnState(StrEnum):
    """How far a turn has come; each state is a promise about what is durable."""

    RECEIVED = "received"
    """The question. Made by `receive`, and by `postpone` when Coze shall be asked again."""
    CLAIMED = "claimed"
    """A lease; `asked_at` is set just before Coze is called. Made by `claim`."""
    STREAMING = "streaming"
    """The Coze chat id: Coze is never asked again from here. Made by `streaming`."""
    FINALISING = "finalising"
    """The full answer. Made by `finalising`; commands are born in it."""
    DELIVERED = "delivered"
    """The answer stands on the platform. Made by `settle`, as are the two below."""
    FAILED = "failed"
    """The person was told that it went wrong, or the platform itself refuses us."""
    CANCELLED = "cancelled"
    """The person stopped it and sees so."""


UNSETTLED = (TurnState.RECEIVED, TurnState.CLAIMED, TurnState.STREAMING, TurnState.FINALISING)
OPEN = (TurnState.CLAIMED, TurnState.STREAMING, TurnState.FINALISING)
SETTLED = (TurnState.DELIVERED, TurnState.FAILED, TurnState.CANCELLED)


class Act(StrEnum):
    """What a turn does instead of asking, or how it asks; `Turn.act` is one of these, with what it is about behind a
    colon.
    """

    CLEAR = "clear"
    """The Coze conversation begins a new section: what was said is no context any more."""
    ALLOW = "allow"
    """`allow:TURN`: the tools that the answer of that turn waits for may run."""
    DECLINE = "decline"
    """`decline:TURN`: they may not."""
    ANEW = "anew"
    """It is asked, but as no answer to what the conversation waits for: that is left, and what led to it begun anew."""


ASKS = ("", Act.ANEW)
"""`Turn.act` of the turns that are questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool that Coze wants to be run here."""

    id: str
    name: str
    arguments: str
    """JSON, as the model wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What a conversation waits for: its next question answers this."""

    turn: TurnId
    """Whose answer ended so."""
    resume: str = ""
    """What the bot needs to go on, opaque to everybody else; a workflow that asked something."""
    chat: str = ""
    """Coze `chat_id` that waits for `calls`."""
    calls: tuple[ToolCall, ...] = ()
    """Tools that wait to be allowed."""
    asker: str = ""
    """Coze `user_id` of whose question it was: nobody else decides about its tools. Empty: there is no deciding them,
    only declining."""

    def dump(self) -> str:
        """As JSON, for the store."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def load(cls, dumped: str) -> "Pending | None":
        """What `dump` wrote; None of what is empty."""
        if not dumped:
            return None
        data = json.loads(dumped)
        return cls(**{**data, "calls": tuple(ToolCall(**call) for call in data["calls"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a platform tells of a person."""

    name: str = ""
    username: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One conversation of a person at a place."""

    id: ConversationId
    name: str
    """The first question in it, shortened; empty if it is not kept any more."""
    used_at: float
    """When something was asked in it last."""
    current: bool
    """It is the one that goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One Inbound and the Answer to it, as it stood when this worker claimed it: the durable unit of work."""

    id: TurnId
    key: str
    address: Address
    reply_to: str
    question: str
    files: tuple[File, ...]
    language: str
    coze_user: str
    conversation: ConversationId | None
    """None for a command: it belongs to no queue."""
    coze_conversation: str
    """Coze `conversation_id`; empty until the first question makes one."""
    state: TurnState
    attempts: int
    """How often it was tried in vain."""
    asked_at: float | None
    """Unix time at which Coze was about to be asked in this attempt; None if it was not."""
    chat: str
    """Coze `chat_id`; empty until Coze told it."""
    answer: str
    """The full answer as `Answer.dump` wrote it; before `finalising` what was known some seconds ago, or empty."""
    cancelled: bool
    received_at: float
    lease: str
    """Token of this claim: every write names it, and is refused once another claim has replaced it."""
    sender: str = ""
    """Who wrote, as the platform names them."""
    bot: str = ""
    """The configured bot that is asked; empty: the one without a name."""
    act: str = ""
    """As in Inbound."""
    session: str = ""
    """Coze `user_id` of who opened the conversation: whose session at Coze it belongs to, where each has their own. If
    they were logged in with an account of their own, `Accounts.session`."""
    pending: str = ""
    """What the conversation waits for, as `Pending.dump` wrote it; empty: nothing."""
    voice: str = ""
    """Coze `voice_id` in which this person wants to hear answers; empty: they do not."""
    pressed: bool = False
    """It was asked with a button: nobody wrote the question, so its answer shows it."""
    merged: int = 0
    """Questions of the same person that became part of it when it was claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A question that waits, and of which its writer has been told nothing."""

    id: TurnId
    address: Address
    received_at: float
    behind: TurnId | None = None
    """The first question before it in its conversation of which nothing stands yet: that is to stand above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One worker's right to advance turns, for `seconds` from each renewal."""

    owner: str
    seconds: float


class Does(StrEnum):
    """What pressing a button does."""

    ASK = "ask"
    """Asks the question that the button names."""
    LIKE = "like"
    DISLIKE = "dislike"
    ALLOW = "allow"
    """Lets the tools run that the answer waits for."""
    DECLINE = "decline"
    GREET = "start"
    """Asks a question of the bot's greeting."""
    RESUME = "resume"
    """Goes on with an older conversation."""
    VOICE = "voice"
    """Wants to hear answers in that voice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A button."""

    does: Does
    label: str
    press: str
    """What comes back in `Inbound.press` when it is pressed: at most 64 bytes, as Telegram takes no more."""


class Kind(StrEnum):
    """What an attachment is shown as."""

    PICTURE = "picture"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"
    VOICE = "voice"
    """A voice message: `Attachment.text` is what is said, `Attachment.url` is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with an answer: its content is at `url`, or is `text`."""

    kind: Kind
    name: str
    url: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One platform-sized piece of an Answer as it should look."""

    index: int
    text: str
    """Markdown."""
    final: bool
    """It will not change any more."""
    mark: str = ""
    """Names this page for ever, so that it can be found on the platform after a crash."""
    simpler: int = 0
    """How often the platform refused to show this answer: each time the adapter shows it in a simpler form, the
    simplest being the text as it stands."""
    said: str = ""
    """While it grows: the Markdown as the bot wrote it, of which `text` is the form that can be shown now (what is
    open is closed in it). For platforms to which text can only be appended; empty: `text` is what was written."""
    status: str = ""
    """One line below the text while the answer grows: what the bot is doing. Empty: nothing but writing."""
    choices: tuple[Choice, ...] = ()
    """Buttons below the text of a final page."""
    attachment: Attachment | None = None
    """The page is this file; `text` is empty."""

    @property
    def digest(self) -> str:
        """What the page shows, in short; equal digests look the same."""
        if not (self.status or self.choices or self.attachment):
            return digest(self.text, simpler=self.simpler)
        return digest(repr((self.text, self.status, self.choices, self.attachment)), simpler=self.simpler)


FIRST_FILE = 9_999
"""Pages with this number and above are files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One message as it stands on the platform: the delivery record."""

    page: int
    message_id: str | None
    """None: a send was begun, and it is not known whether it arrived."""
    digest: str = ""
    """Digest of the page that it shows; empty if unknown."""
    final: bool = False
    sent_after: str = ""
    """Without a message id: the newest message of that place when the send was begun, as far as it was known."""


@dataclass(frozen=True, slots=True)
class Near:
    """Messages of one account around a turn, of which it is known whose they are."""

    posted: frozenset[tuple[str, str]] = frozenset()
    """Chat and id of those that stand for turns."""
    heard: frozenset[str] = frozenset()
    """`Inbound.key` of those that people wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """What is known of a message that may have been sent, but whose id was never noted."""

    page: Page
    """What it would show by now."""
    since: float
    """It is not older than this (Unix seconds, by the platform's clock)."""
    question: str
    """`Inbound.key` of what it answers."""
    reply_to: str = ""
    """Platform id of the message that it replies to; empty: it replies to none."""
    sent_after: str = ""
    """As in its Post."""
    near: Near = Near()
    """It is none of these, and they are not to be touched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a command needs to know of the conversation that it is about."""

    running: TurnId | None = None
    """The question being answered or next to be."""
    waiting: int = 0
    """Questions behind it."""
    made: TurnId | None = field(default=None, compare=False)
    """The command's own turn, once it is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What is known of an answer whose buttons are pressed."""

    answer: str = field(repr=False)
    """As `Answer.dump` wrote it."""
    coze_conversation: str
    judged: str = ""
    """`like` or `dislike`, as it was judged last; empty: nobody did."""
    bot: str = ""
    """As in Turn; and `session`."""
    session: str = ""
    asker: str = ""
    """Coze `user_id` of whose question it was."""


@dataclass(slots=True, kw_only=True)
class TurnSummary:
    """One line of `coze-bridge turns`."""

    id: int
    state: str
    kind: str
    platform: str
    chat: str
    thread: str
    attempts: int
    received_at: float
    not_before: float
    error: str
    coze_conversation: str
    coze_chat: str
    posts: int
    question: str = field(default="", repr=False)
    erased: bool = False
    """It ended so long ago that question, answer and error are not kept any more."""


@dataclass(slots=True, kw_only=True)
class Person:
    """One line of `coze-bridge people`."""

    id: int
    platform: str
    account: str
    sender: str
    access: str
    """`paired`, `blocked`, `known` (nothing is decided), `waiting` (with a living code), `expired`, `refused`."""
    created_at: float
    seen_at: float
    """When they wrote last, as far as it was kept."""
    questions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """A Coze conversation of somebody who was forgotten, which Coze is still to erase."""

    coze_conversation: str
    since: float
    bot: str = ""
    """With which configured bot it was held, and in whose session."""
    session: str = ""


@dataclass(slots=True, kw_only=True)
class Erased:
    """How much of a person was erased."""

    people: int
    turns: int
    posts: int
    conversations: int
    doomed: tuple[Doomed, ...] = ()
    """Their Coze conversations in which nobody else asked: what is left is to have Coze erase them."""


def digest(text: str, *, simpler: int = 0) -> str:
    """A short fingerprint of a page's look (sha-256, 16 hex digits)."""
    return hashlib.sha256(f"{simpler}\0{text}".encode()).hexdigest()[:16]
