"""The nouns of the simulated Telegram: users, chats, messages with all their versions, drafts, calls."""

import time
from dataclasses import dataclass, field

from simulators.telegram.params import Json


@dataclass(slots=True)
class Clock:
    """Wall clock that a test may put forward."""

    ahead: float = 0.0

    def now(self) -> float:
        return time.time() + self.ahead

    def skip(self, seconds: float) -> None:
        self.ahead += seconds


@dataclass(slots=True, kw_only=True)
class User:
    id: int
    first_name: str
    username: str = ""
    language_code: str = ""
    is_bot: bool = False

    def shown(self) -> Json:
        shown: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        if self.username:
            shown["username"] = self.username
        if self.language_code:
            shown["language_code"] = self.language_code
        return shown


@dataclass(slots=True, frozen=True)
class Version:
    """What a message showed from a moment on."""

    at: float
    text: str
    entities: list[Json] = field(default_factory=list)
    reply_markup: Json | None = None
    rich: Json | None = None
    """It is a rich message, given so; `text` are its words."""

    def looks_like(self, other: "Version") -> bool:
        mine = (self.text, self.entities, self.reply_markup, self.rich)
        return mine == (other.text, other.entities, other.reply_markup, other.rich)


@dataclass(slots=True, frozen=True, kw_only=True)
class Place:
    """Where in its chat a message stands."""

    thread: int | None = None
    is_topic: bool = False
    reply_to: int | None = None
    quote: str = ""


@dataclass(slots=True, kw_only=True)
class Message:
    message_id: int
    chat: int
    sender: int
    date: int
    place: Place
    versions: list[Version]
    content: Json = field(default_factory=dict)
    """Media or service fields, as the Bot API shows them."""
    is_media: bool = False
    """The text is a caption."""
    plain_keyboard: bool = False
    """Sent with a keyboard that is not inline: can never be edited."""
    edit_date: int = 0
    deleted_at: float | None = None
    reactions: list[Json] = field(default_factory=list)
    """The bot's reactions to it."""

    @property
    def now(self) -> Version:
        return self.versions[-1]

    @property
    def text(self) -> str:
        return self.now.text

    @property
    def stands(self) -> bool:
        return self.deleted_at is None


@dataclass(slots=True, kw_only=True)
class Chat:
    id: int
    type: str
    """`private`, `group` or `supergroup`."""
    title: str = ""
    is_forum: bool = False
    members: set[int] = field(default_factory=set)
    admins: set[int] = field(default_factory=set)
    topics: dict[int, str] = field(default_factory=dict)
    closed: str = ""
    """Why the bot may not write here, as `403 Forbidden: …`; empty if it may."""
    migrated_to: int = 0
    last_id: int = 0
    """Counts messages of a supergroup; private chats and groups share the counter of the account."""
    messages: dict[int, Message] = field(default_factory=dict)

    @property
    def is_private(self) -> bool:
        return self.type == "private"

    def thread_of(self, replied: Message) -> int | None:
        """The thread that a reply falls into: its topic, or in a plain supergroup the chain of replies."""
        if replied.place.thread is None and self.type == "supergroup" and not self.is_forum:
            return replied.message_id
        return replied.place.thread

    def standing(self, message_id: int) -> Message | None:
        message = self.messages.get(message_id)
        return message if message is not None and message.stands else None


@dataclass(slots=True, kw_only=True)
class Draft:
    """One frame of a draft: shown until replaced, dismissed by a message of the bot, or 30 s old."""

    at: float
    chat: int
    thread: int
    draft_id: int
    text: str
    entities: list[Json]
    expires: float
    rich: Json | None = None
    ended_at: float | None = None


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of the Bot API, for the log."""

    seq: int
    at: float
    method: str
    chat: str
    params: Json
    status: int = 0
    """0 while it is not answered, or if the connection was cut."""
    description: str = ""
    retry_after: int = 0
    in_penalty: bool = False
    """It came although an earlier 429 had told this client how long to wait."""
    client: str = ""
    """The program that made it, as its User-Agent says: several may have the bot's token."""
    fault: str = ""
    took: float = 0.0


@dataclass(slots=True, kw_only=True)
class StoredFile:
    """A file that the bot may download or send again."""

    file_id: str
    path: str
    data: bytes
    name: str = ""
    mime_type: str = "application/octet-stream"
    size: int = 0
