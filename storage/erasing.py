"""Forgets people: their rows, what they asked, what was answered, and conversations that were theirs alone."""

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import Delete, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import Erased
from storage.tables import conversations, posts, turns, users

#: Rows that one statement names: both engines take some 32,000 parameters.
AT_ONCE = 10_000


async def forget(connection: AsyncConnection, people: Collection[int]) -> Erased:
    """Erases those people. In conversations that others asked in too, only what was theirs."""
    theirs = turns.c.user_id.in_(list(people))
    # On PostgreSQL they write nothing more from here on. As everywhere: people are locked first, then turns, then
    # conversations.
    persons = select(users.c.id).where(users.c.id.in_(list(people))).order_by(users.c.id)
    await connection.execute(persons.with_for_update())
    used = select(turns.c.conversation_id).where(theirs, turns.c.conversation_id.is_not(None))
    places = sorted((await connection.execute(used.distinct())).scalars())
    their_posts = posts.c.turn_id.in_(select(turns.c.id).where(theirs))
    standing = (await connection.execute(select(func.count()).select_from(posts).where(their_posts))).scalar_one()
    asked = await _erase(connection, delete(turns).where(theirs))
    empty = ~exists().where(turns.c.conversation_id == conversations.c.id)
    left = 0
    for some in _parts(places):
        rows = select(conversations.c.id).where(conversations.c.id.in_(some)).order_by(conversations.c.id)
        await connection.execute(rows.with_for_update())
        left += await _erase(connection, delete(conversations).where(conversations.c.id.in_(some), empty))
    gone = await _erase(connection, delete(users).where(users.c.id.in_(list(people))))
    return Erased(people=gone, turns=asked, posts=standing, conversations=left)


def _parts(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[start : start + AT_ONCE] for start in range(0, len(numbers), AT_ONCE))


async def _erase(connection: AsyncConnection, statement: Delete) -> int:
    return (await connection.execute(statement)).rowcount
