"""The tables: who wrote, where, what was asked and answered, what stands on the platform, and until when to wait."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    literal_column,
    text,
)
from sqlalchemy.sql.expression import FromClause

from bridge.model import OPEN, SETTLED, TurnState

#: Names of constraints are fixed, so that a later migration can speak of them on both engines.
metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s",
    }
)

#: Row numbers: 64 bits; SQLite counts up by itself only in a column of exactly the type INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")
#: Text that is sorted or searched by prefix: by code point on both engines, whatever the locale of the database.
Ordered = Text().with_variant(Text(collation="C"), "postgresql")


def _among(*states: TurnState) -> str:
    return "state IN ({})".format(", ".join(f"'{state}'" for state in states))


def is_open(table: FromClause) -> ColumnElement[bool]:
    """Is the turn being answered? Written with literals, as `one_open_turn` is, so that the index serves it."""
    return table.c.state.in_([literal_column(f"'{state}'") for state in OPEN])


def is_unsettled(table: FromClause) -> ColumnElement[bool]:
    """Has the turn not come to its end? The partial indexes below hold these turns only, however many have ended."""
    return table.c.settled_at.is_(None)


#: Everybody who ever wrote to us.
users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("account", Text, nullable=False),
    #: The person, as the platform names them.
    Column("sender", Text, nullable=False),
    #: Coze `user_id`; the first one stays for good.
    Column("coze_user", Text, nullable=False),
    #: `en` or `zh`, as of the last message.
    Column("language", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    #: What was decided of them.
    Column("access", Text, nullable=False, server_default=""),
    #: Digest of the pairing code that they were told last; empty if there is none, or it is used.
    Column("code", Text, nullable=False, server_default=""),
    #: Until then they know that they are not let in, and a code is good; 0: they were not told.
    Column("told_until", Double, nullable=False, server_default=text("0")),
    #: Coze `voice_id` in which they hear answers; empty: they do not.
    Column("voice", Text, nullable=False, server_default=""),
    UniqueConstraint("platform", "account", "sender"),
    CheckConstraint("access IN ('', 'paired', 'blocked', 'stranger')", name="access_known"),
    sqlite_autoincrement=True,
)

#: Those who were told that they are not let in, for `turn_away`.
Index(
    "users_told",
    users.c.platform,
    users.c.account,
    users.c.told_until,
    postgresql_where=text("told_until > 0"),
    sqlite_where=text("told_until > 0"),
)

#: Queues of questions; each has one Coze conversation.
conversations = Table(
    "conversations",
    metadata,
    Column("id", Id, primary_key=True),
    #: Place and person, as `bridge.identity` names them; `key#id` once a newer one took its place.
    Column("key", Ordered, nullable=False),
    Column("platform", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("chat", Text, nullable=False),
    Column("thread", Text, nullable=False),
    #: Coze `conversation_id`; empty until the first question makes one.
    Column("coze_id", Text, nullable=False, server_default=""),
    Column("created_at", Double, nullable=False),
    #: The first question, shortened: how people tell it from others. Erased as texts are.
    Column("name", Text, nullable=False, server_default=""),
    #: The configured bot that it is held with; empty: the one without a name.
    Column("bot", Text, nullable=False, server_default=""),
    #: Coze `user_id` of who opened it, whose session at Coze it belongs to; empty in rows from before there were such.
    Column("session", Text, nullable=False, server_default=""),
    #: What its next question answers, as `Pending.dump` wrote it; empty: nothing.
    Column("pending", Text, nullable=False, server_default=""),
    UniqueConstraint("key"),
    Index("conversations_of_chat", "platform", "account", "chat"),
    sqlite_autoincrement=True,
)

#: What was asked, and how far its answer has come.
turns = Table(
    "turns",
    metadata,
    #: Never used twice, not even after a row was erased: Coze knows questions by it.
    Column("id", Id, primary_key=True),
    #: Names the message on its platform; makes a second delivery visible.
    Column("key", Text, nullable=False),
    #: `question` or `command`.
    Column("kind", Text, nullable=False),
    #: NULL for commands: they belong to no queue.
    Column("conversation_id", Id, ForeignKey("conversations.id"), nullable=True),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False),
    Column("platform", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("chat", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("text", Text, nullable=False),
    #: List of `bridge.model.File` as objects.
    Column("files", JSON(none_as_null=True), nullable=False),
    Column("language", Text, nullable=False),
    #: Platform id of the message that the answer replies to; empty for none.
    Column("reply_to", Text, nullable=False),
    #: It was asked with a button: nobody wrote the question.
    Column("pressed", Boolean, nullable=False, server_default=false()),
    #: The configured bot that is asked; empty: the one without a name.
    Column("bot", Text, nullable=False, server_default=""),
    #: What is to be done instead of asking, as in `bridge.model.Act`; empty: it is asked.
    Column("act", Text, nullable=False, server_default=""),
    #: Names the album that it is a part of; empty: none.
    Column("album", Text, nullable=False, server_default=""),
    #: With the id, the order in the conversation.
    Column("sort_key", Ordered, nullable=False),
    #: See `bridge.model.TurnState`; which methods of the Store make each is said there.
    Column("state", Text, nullable=False),
    #: How often it was tried in vain.
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    #: Nobody claims it earlier; 0: at once.
    Column("not_before", Double, nullable=False, server_default=text("0")),
    #: Coze was about to be asked; NULL: not in this attempt.
    Column("asked_at", Double),
    #: Coze `chat_id` of this attempt; empty before `streaming`.
    Column("coze_chat", Text, nullable=False, server_default=""),
    #: Coze conversation that it was asked in; counts only with `asked_at`.
    Column("coze_conversation", Text, nullable=False, server_default=""),
    #: As `Answer.dump` wrote it; before `finalising` what was known some seconds ago, or empty.
    Column("answer", Text, nullable=False, server_default=""),
    #: A flag and not a state: the turn goes on until its worker has seen it.
    Column("cancel_requested", Boolean, nullable=False, server_default=false()),
    #: What the person who judged the answer last thinks of it: `like`, `dislike` or nothing.
    Column("judged", Text, nullable=False, server_default=""),
    #: Token of the newest claim, which fences every write; empty before the first and after `postpone` and `settle`.
    Column("lease", Text, nullable=False, server_default=""),
    #: Who prolongs it; NULL: nobody.
    Column("lease_owner", Text),
    #: Nobody else claims it earlier; 0: there is no lease.
    Column("lease_until", Double, nullable=False, server_default=text("0")),
    #: Why it was postponed or failed, for the operator.
    Column("error", Text, nullable=False, server_default=""),
    Column("received_at", Double, nullable=False),
    #: NULL exactly as long as the turn has not come to its end.
    Column("settled_at", Double),
    UniqueConstraint("key"),
    CheckConstraint(_among(*TurnState), name="state_known"),
    CheckConstraint(f"({_among(*SETTLED)}) = (settled_at IS NOT NULL)", name="settled"),
    CheckConstraint("kind IN ('question', 'command')", name="kind_known"),
    CheckConstraint("judged IN ('', 'like', 'dislike')", name="judged_known"),
    CheckConstraint("(kind = 'command') = (conversation_id IS NULL)", name="queued"),
    #: A command has its answer from birth: it may never be asked.
    CheckConstraint(
        "kind = 'question' OR state IN ('finalising', 'delivered', 'failed', 'cancelled')", name="command_answered"
    ),
    sqlite_autoincrement=True,
)

_unsettled = turns.c.settled_at.is_(None)

#: One question at a time in a conversation, as a fact of the schema.
one_open_turn = Index(
    "one_open_turn",
    turns.c.conversation_id,
    unique=True,
    postgresql_where=text(_among(*OPEN)),
    sqlite_where=text(_among(*OPEN)),
)
#: The queue of one conversation, for `claim` and the commands.
Index(
    "turns_in_line",
    turns.c.conversation_id,
    turns.c.sort_key,
    turns.c.id,
    postgresql_where=_unsettled,
    sqlite_where=_unsettled,
)
#: All work, oldest first, for `claim`.
Index("turns_to_do", turns.c.received_at, turns.c.id, postgresql_where=_unsettled, sqlite_where=_unsettled)
#: For `next_due` and `waiting`.
Index("turns_waiting", turns.c.state, turns.c.not_before, postgresql_where=_unsettled, sqlite_where=_unsettled)
_held = turns.c.lease_owner.is_not(None)
#: For `renew` and `release`.
Index("turns_held", turns.c.lease_owner, postgresql_where=_held, sqlite_where=_held)
#: What a person asked in a conversation, settled or not, for `takes_part` and `last_question`; NULL is no command.
Index("turns_asked", turns.c.conversation_id, turns.c.user_id, turns.c.sort_key, turns.c.id)
#: Settled turns whose texts or files are still there, said as the condition of an index and of a search through it.
KEPT = text("settled_at IS NOT NULL AND (text <> '' OR answer <> '' OR CAST(files AS text) <> '[]')")
#: Those turns, oldest first, for erasing the texts.
Index("turns_kept", turns.c.settled_at, postgresql_where=KEPT, sqlite_where=KEPT)
#: All that a person wrote, for counting and erasing.
Index("turns_of_user", turns.c.user_id)

#: Messages as they stand on the platform: written before the send and after it, not at the edits in between.
posts = Table(
    "posts",
    metadata,
    Column("turn_id", Id, ForeignKey("turns.id", ondelete="CASCADE"), primary_key=True),
    Column("page", Integer, primary_key=True, autoincrement=False),
    #: NULL: a send was begun, and it is not known whether it arrived.
    Column("message_id", Text),
    #: Digest of the page that it shows; empty if unknown.
    Column("digest", Text, nullable=False),
    Column("final", Boolean, nullable=False),
    #: The newest message of that place when the send was begun, as far as its adapter knew: a lost one comes after it.
    Column("sent_after", Text, nullable=False, server_default=""),
)

#: Until when a platform wants no call from us.
penalties = Table(
    "penalties",
    metadata,
    #: Of the budget that it is about, as the adapter names it; may hold the id of a chat.
    Column("name", Text, primary_key=True),
    Column("until", Double, nullable=False),
    #: How long it was when it began: it lasts no longer, to whatever time a clock was set since.
    Column("seconds", Double, nullable=False, server_default=text("7200")),
)

#: What only one process may do at a time, such as polling Telegram with one token.
duties = Table(
    "duties",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    #: By the clock of the database.
    Column("until", Double, nullable=False),
)

#: How much of the platforms' limits is used up by all processes together.
buckets = Table(
    "buckets",
    metadata,
    #: Of the budget, as the adapter names it; may hold the id of a chat.
    Column("name", Text, primary_key=True),
    #: When it will be full again if nobody calls any more, by the clock of the database.
    Column("full_at", Double, nullable=False),
)

#: Coze conversations of people who were forgotten, until Coze has erased them.
doomed = Table(
    "doomed",
    metadata,
    Column("coze_conversation", Text, primary_key=True),
    Column("since", Double, nullable=False),
    #: With which configured bot it was held, and in whose session.
    Column("bot", Text, nullable=False, server_default=""),
    Column("session", Text, nullable=False, server_default=""),
)

#: What was uploaded to Coze, so that the same file is uploaded once.
uploads = Table(
    "uploads",
    metadata,
    #: Where to, as the bot names it.
    Column("library", Text, primary_key=True),
    #: SHA-256 of the content and of the name that it has there, in hex.
    Column("digest", Text, primary_key=True),
    Column("file_id", Text, nullable=False),
    #: Coze forgets files after three months; by our own clock.
    Column("until", Double, nullable=False),
)

#: People who are logged in to Coze with an account of their own.
logins = Table(
    "logins",
    metadata,
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    #: Coze `user_id`, by which the token is looked up.
    Column("coze_user", Text, nullable=False, unique=True),
    #: The tokens, encrypted.
    Column("sealed", Text, nullable=False),
    #: When the refresh token ends, by our own clock.
    Column("until", Double, nullable=False),
)

#: Logins that were begun in a chat, to be finished in a browser and then in the chat again; one for each person.
login_attempts = Table(
    "login_attempts",
    metadata,
    #: SHA-256 of the `state` that comes back from the browser; after that, whose number is waited for.
    Column("state", Text, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    #: What is needed to finish it, encrypted.
    Column("sealed", Text, nullable=False),
    Column("until", Double, nullable=False),
)
