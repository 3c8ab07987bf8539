"""Persons, and the conversations that they have."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    ScalarSelect,
    Select,
    Table,
    and_,
    bindparam,
    case,
    exists,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import ASKS, Access, Address, File, User
from storage import files
from storage.tables import conversations, turns, users

#: What `turns.error` of a question begins with that became part of another one.
MERGED = "merged into "
#: What names a person.
ONE_PERSON = ["platform", "account", "sender"]


Insert = postgresql.Insert | sqlite.Insert
#: INSERTs that may say ON CONFLICT: SQLAlchemy has one for each engine, and they are alike.
INSERTS: dict[str, Callable[[Table], Insert]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def insert(connection: AsyncConnection, table: Table) -> Insert:
    """The one of that connection."""
    return INSERTS[connection.dialect.name](table)


def to_a_person() -> tuple[ColumnElement[bool], ...]:
    """As `is_person`, of statements that are made once: making one takes longer than running it."""
    return tuple(users.c[name] == bindparam(f"the_{name}") for name in ONE_PERSON)


def named(who: User) -> dict[str, str]:
    """The values of that."""
    return {"the_platform": who.platform, "the_account": who.account, "the_sender": who.sender}


_LET_IN = {
    "access": case((users.c.access == Access.STRANGER.value, Access.OPEN.value), else_=users.c.access),
    "code": "",
    "told_until": 0.0,
}
_IN = (users.c.id, users.c.access)
_KNOWN = update(users).where(*to_a_person()).values(language=bindparam("said_in"), **_LET_IN).returning(*_IN)


def _made(new: Insert) -> Executable:
    values = _LET_IN | {"language": new.excluded.language}
    return new.on_conflict_do_update(index_elements=ONE_PERSON, set_=values).returning(*_IN)


_MADE = {name: _made(insert(users)) for name, insert in INSERTS.items()}


async def person(connection: AsyncConnection, who: User, now: float) -> int | None:
    """The row of that person, who is let in, made if there is none; their language becomes what it is now.

    None: they were blocked a moment ago. Until the transaction ends, nobody decides anything of them or forgets them:
    people are locked first, then turns, then conversations.
    """
    found = (await connection.execute(_KNOWN, named(who) | {"said_in": who.language})).one_or_none()
    if found is None:
        found = (await connection.execute(_MADE[connection.dialect.name], row_of(who, now))).one()
    return None if found.access == Access.BLOCKED else int(found.id)


def row_of(who: User, now: float) -> dict[str, Any]:
    """What the row of a new person begins with."""
    return {
        "platform": who.platform,
        "account": who.account,
        "sender": who.sender,
        "coze_user": who.coze_user,
        "language": who.language,
        "created_at": now,
    }


_HELD = (
    select(conversations.c.id, conversations.c.bot)
    .where(conversations.c.key == bindparam("where"))
    .with_for_update(read=True, key_share=True)
)


def _begun(new: Insert) -> Executable:
    # Setting the key to itself makes a row that another process has just inserted come back all the same.
    upsert = new.on_conflict_do_update(index_elements=["key"], set_={"key": new.excluded.key})
    return upsert.returning(conversations.c.id)


_BEGUN = {name: _begun(insert(conversations)) for name, insert in INSERTS.items()}


async def conversation(connection: AsyncConnection, where: str, row: Mapping[str, Any]) -> int:
    """The conversation with that key and the bot of `row`, which is what a new one begins with: it is made if there is
    none, or if the one that has the key is held with another bot. Nobody erases it until we have added to it.
    """
    found = (await connection.execute(_HELD, {"where": where})).one_or_none()
    if found is not None and found.bot == row["bot"]:
        return int(found.id)
    if found is not None:
        await archive(connection, found.id, where)
    return int((await connection.execute(_BEGUN[connection.dialect.name], {"key": where, **row})).scalar_one())


async def current(connection: AsyncConnection, where: str) -> int | None:
    """The conversation that has that key now."""
    return (await connection.execute(select(conversations.c.id).where(conversations.c.key == where))).scalar()


async def archive(connection: AsyncConnection, conversation: int, where: str) -> None:
    """Frees the key of a conversation for a new one, if it has it still; what is queued in it stays in it."""
    held = (conversations.c.id == conversation, conversations.c.key == where)
    await connection.execute(update(conversations).where(*held).values(key=f"{where}#{conversation}"))


def of_place(where: str) -> ColumnElement[bool]:
    """The conversation that has that key now, and those that had it before."""
    # '$' comes right after '#': between them are the keys that begin with `where#`.
    key = conversations.c.key
    return or_(key == where, and_(key >= f"{where}#", key < f"{where}$"))


def _taken_part() -> Select[int]:
    key, user = conversations.c.key, select(users.c.id).where(*to_a_person()).scalar_subquery()
    followed_on = and_(key >= bindparam("since"), key < bindparam("before"))
    places = select(conversations.c.id).where(or_(key == bindparam("where"), followed_on))
    return select(turns.c.id).where(turns.c.conversation_id.in_(places), turns.c.user_id == user).limit(1)


_TAKEN_PART = _taken_part()


async def takes_part(connection: AsyncConnection, where: str, who: User) -> bool:
    """Has that person asked something in the conversation with that key, or in one that it followed on?"""
    # '$' comes right after '#': between them are the keys that begin with `where#`.
    keys = {"where": where, "since": f"{where}#", "before": f"{where}$"}
    return (await connection.execute(_TAKEN_PART, keys | named(who))).one_or_none() is not None


async def voice(connection: AsyncConnection, who: User) -> str:
    """The voice in which that person hears answers, or empty."""
    return (await connection.execute(select(users.c.voice).where(*is_person(who)))).scalar() or ""


async def speak(connection: AsyncConnection, who: User, voice: str, now: float) -> None:
    """Keeps it, with the row of that person if there is none."""
    new = insert(connection, users).values(**row_of(who, now), voice=voice)
    await connection.execute(new.on_conflict_do_update(index_elements=ONE_PERSON, set_={"voice": voice}))


async def latest_place(connection: AsyncConnection, address: Address, who: User, like: str = "") -> str:
    """Key of the newest conversation of that chat, in whichever thread, in which that person asked; or empty.

    With `like`, the key of a conversation, only one that differs from it in nothing but the thread.
    """
    prefix = f"{address.platform}:{address.account}:{address.chat}:"
    # ';' comes right after ':', so these are the keys that begin with the prefix; archived ones hold a '#'.
    here = and_(
        conversations.c.key >= prefix, conversations.c.key < f"{prefix[:-1]};", ~conversations.c.key.contains("#")
    )
    asked = exists().where(turns.c.conversation_id == conversations.c.id, turns.c.user_id == id_of(who))
    # Behind the thread: whose own it is, and with which login.
    if own := like.removeprefix(prefix).partition(":")[2]:
        here = and_(here, conversations.c.key.endswith(f":{own}", autoescape=True))
    newest = select(conversations.c.key).where(here, asked).order_by(conversations.c.id.desc()).limit(1)
    return (await connection.execute(newest)).scalar() or ""


async def last_question(connection: AsyncConnection, where: str, who: User) -> tuple[str, tuple[File, ...]]:
    """What that person asked last, by the order of writing, in the conversation with that key, or nothing."""
    place = select(conversations.c.id).where(conversations.c.key == where).scalar_subquery()
    # A picture that became part of an album's question is none by itself.
    whole = ~turns.c.error.startswith(MERGED)
    question = (
        select(turns.c.text, turns.c.files)
        .where(turns.c.conversation_id == place, turns.c.user_id == id_of(who), turns.c.act.in_(ASKS), whole)
        .order_by(turns.c.sort_key.desc(), turns.c.id.desc())
        .limit(1)
    )
    row = (await connection.execute(question)).one_or_none()
    return ("", ()) if row is None else (row.text, files.load(row.files))


def id_of(who: User) -> ScalarSelect[int]:
    """The number of that person's row."""
    return select(users.c.id).where(*is_person(who)).scalar_subquery()


def is_person(who: User) -> tuple[ColumnElement[bool], ...]:
    return users.c.platform == who.platform, users.c.account == who.account, users.c.sender == who.sender
