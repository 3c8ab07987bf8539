"""Persons, and the conversations that they have."""

from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Table, and_, case, exists, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import Access, Address, User
from storage.tables import conversations, turns, users

#: What names a person.
ONE_PERSON = ["platform", "account", "sender"]


def insert(connection: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that may say ON CONFLICT: SQLAlchemy has one for each engine, and they are alike."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


async def person(connection: AsyncConnection, who: User, now: float) -> int | None:
    """The row of that person, who is let in, made if there is none; their language becomes what it is now.

    None: they were blocked a moment ago. Until the transaction ends, nobody decides anything of them or forgets them:
    people are locked first, then turns, then conversations.
    """
    access = case((users.c.access == Access.STRANGER.value, Access.OPEN.value), else_=users.c.access)
    now_in = {"language": who.language, "access": access, "code": "", "told_until": 0.0}
    columns = (users.c.id, users.c.access)
    known = update(users).where(*is_person(who)).values(now_in).returning(*columns)
    found = (await connection.execute(known)).one_or_none()
    if found is None:
        new = insert(connection, users).values(row_of(who, now))
        upsert = new.on_conflict_do_update(index_elements=ONE_PERSON, set_=now_in)
        found = (await connection.execute(upsert.returning(*columns))).one()
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


async def conversation(connection: AsyncConnection, where: str, address: Address, now: float) -> int:
    """The row of the conversation with that key, made if there is none. Nobody erases it until we have added to it."""
    held = select(conversations.c.id).where(conversations.c.key == where).with_for_update(read=True, key_share=True)
    found = (await connection.execute(held)).scalar()
    if found is not None:
        return int(found)
    row = {
        "key": where,
        "platform": address.platform,
        "account": address.account,
        "chat": address.chat,
        "thread": address.thread,
        "created_at": now,
    }
    # Setting the key to itself makes a row that another process has just inserted come back all the same.
    upsert = (
        insert(connection, conversations).values(row).on_conflict_do_update(index_elements=["key"], set_={"key": where})
    )
    return int((await connection.execute(upsert.returning(conversations.c.id))).scalar_one())


async def current(connection: AsyncConnection, where: str) -> int | None:
    """The conversation that has that key now."""
    return (await connection.execute(select(conversations.c.id).where(conversations.c.key == where))).scalar()


async def archive(connection: AsyncConnection, conversation: int) -> None:
    """Frees the key of a conversation for a new one; what is queued in it stays in it."""
    key = conversations.c.key.concat("#").concat(literal(str(conversation)))
    await connection.execute(update(conversations).where(conversations.c.id == conversation).values(key=key))


async def takes_part(connection: AsyncConnection, where: str, who: User) -> bool:
    """Has that person asked something in the conversation with that key, or in one that it followed on?"""
    # '$' comes right after '#': between them are the keys that begin with `where#`.
    followed_on = and_(conversations.c.key >= f"{where}#", conversations.c.key < f"{where}$")
    places = select(conversations.c.id).where(or_(conversations.c.key == where, followed_on))
    question = select(turns.c.id).where(turns.c.conversation_id.in_(places), turns.c.user_id == _id_of(who)).limit(1)
    return (await connection.execute(question)).one_or_none() is not None


async def latest_place(connection: AsyncConnection, address: Address, who: User) -> str:
    """Key of the newest conversation of that chat, in whichever thread, in which that person asked; or empty."""
    prefix = f"{address.platform}:{address.account}:{address.chat}:"
    # ';' comes right after ':', so these are the keys that begin with the prefix; archived ones hold a '#'.
    here = and_(
        conversations.c.key >= prefix, conversations.c.key < f"{prefix[:-1]};", ~conversations.c.key.contains("#")
    )
    asked = exists().where(turns.c.conversation_id == conversations.c.id, turns.c.user_id == _id_of(who))
    newest = select(conversations.c.key).where(here, asked).order_by(conversations.c.id.desc()).limit(1)
    return (await connection.execute(newest)).scalar() or ""


async def last_question(connection: AsyncConnection, where: str, who: User) -> str:
    """What that person asked last, by the order of writing, in the conversation with that key, or empty."""
    place = select(conversations.c.id).where(conversations.c.key == where).scalar_subquery()
    question = (
        select(turns.c.text)
        .where(turns.c.conversation_id == place, turns.c.user_id == _id_of(who))
        .order_by(turns.c.sort_key.desc(), turns.c.id.desc())
        .limit(1)
    )
    return (await connection.execute(question)).scalar() or ""


def _id_of(who: User) -> ScalarSelect[int]:
    return select(users.c.id).where(*is_person(who)).scalar_subquery()


def is_person(who: User) -> tuple[ColumnElement[bool], ...]:
    return users.c.platform == who.platform, users.c.account == who.account, users.c.sender == who.sender
