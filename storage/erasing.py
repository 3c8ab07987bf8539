"""Erases: people with all that was theirs, and what was said in turns that ended long ago."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Delete, Select, delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import Doomed, Erased
from storage import people as persons
from storage.tables import KEPT, conversations, doomed, is_unsettled, posts, turns, users

#: Rows that one statement names: both engines take some 32,000 parameters.
AT_ONCE = 10_000
#: What is left of a turn's words.
BLANK: dict[str, Any] = {"text": "", "files": [], "answer": "", "error": ""}


async def forget(connection: AsyncConnection, people: Collection[int], now: float) -> Erased:
    """Erases those people. In conversations that others asked in too, only what was theirs."""
    theirs = turns.c.user_id.in_(list(people))
    # On PostgreSQL they write nothing more from here on. As everywhere: people are locked first, then turns, then
    # conversations.
    locked = select(users.c.id).where(users.c.id.in_(list(people))).order_by(users.c.id)
    await connection.execute(locked.with_for_update())
    asked_in = select(turns.c.conversation_id, turns.c.coze_conversation).where(theirs, turns.c.kind == "question")
    used = {(row.conversation_id, row.coze_conversation) for row in await connection.execute(asked_in.distinct())}
    their_posts = posts.c.turn_id.in_(select(turns.c.id).where(theirs))
    standing = (await connection.execute(select(func.count()).select_from(posts).where(their_posts))).scalar_one()
    asked = await _erase(connection, delete(turns).where(theirs))
    left, orphans = 0, set[str]()
    for some in _parts(sorted({place for place, _ in used})):
        rows = select(conversations.c.id).where(conversations.c.id.in_(some)).order_by(conversations.c.id)
        await connection.execute(rows.with_for_update())
        orphans |= await _let_go(connection, some, used)
        empty = ~exists().where(turns.c.conversation_id == conversations.c.id)
        gone = delete(conversations).where(conversations.c.id.in_(some), empty).returning(conversations.c.coze_id)
        coze_ids = (await connection.execute(gone)).scalars().all()
        left += len(coze_ids)
        orphans |= set(coze_ids)
    orphans.discard("")
    await _doom(connection, orphans, now)
    erased = await _erase(connection, delete(users).where(users.c.id.in_(list(people))))
    return Erased(
        people=erased,
        turns=asked,
        posts=standing,
        conversations=left,
        doomed=tuple(Doomed(coze_conversation=one, since=now) for one in sorted(orphans)),
    )


async def _let_go(connection: AsyncConnection, places: Sequence[int], used: Collection[tuple[int, str]]) -> set[str]:
    """Of the used Coze conversations of those places, the ones in which nobody else asked; no place keeps one of them.

    Where a question of somebody else waits, all stay: it may be on its way to Coze at this moment.
    """
    others = select(turns.c.conversation_id, turns.c.coze_conversation, is_unsettled(turns).label("waits"))
    rows = (await connection.execute(others.where(turns.c.conversation_id.in_(places)).distinct())).all()
    shared = {(row.conversation_id, row.coze_conversation) for row in rows}
    waits = {row.conversation_id for row in rows if row.waits}
    here = set(places)
    orphans = {coze for place, coze in used if place in here and place not in waits and (place, coze) not in shared}
    for some in _parts(sorted(orphans)):
        theirs = (conversations.c.id.in_(places), conversations.c.coze_id.in_(some))
        await connection.execute(update(conversations).where(*theirs).values(coze_id=""))
    return orphans


async def _doom(connection: AsyncConnection, coze_conversations: Iterable[str], now: float) -> None:
    for some in _parts(sorted(coze_conversations)):
        rows = [{"coze_conversation": one, "since": now} for one in some]
        await connection.execute(persons.insert(connection, doomed).on_conflict_do_nothing(), rows)


async def the_doomed(connection: AsyncConnection) -> list[Doomed]:
    """All of them, oldest first."""
    rows = await connection.execute(select(doomed).order_by(doomed.c.since, doomed.c.coze_conversation))
    return [Doomed(**row) for row in rows.mappings()]


async def drop_doomed(connection: AsyncConnection, coze_conversation: str) -> None:
    """Strikes it off the list."""
    await connection.execute(delete(doomed).where(doomed.c.coze_conversation == coze_conversation))


def old_words(before: float, most: int) -> Select[tuple[int]]:
    """The turns whose words are to be erased, those that were settled first; none that somebody else is erasing."""
    old = select(turns.c.id).where(KEPT, turns.c.settled_at < before).order_by(turns.c.settled_at).limit(most)
    return old.with_for_update(skip_locked=True)


async def erase_texts(connection: AsyncConnection, before: float, most: int) -> int:
    """Erases the words of the turns that were settled first, and forgets their posts; returns of how many."""
    ids = sorted((await connection.execute(old_words(before, most))).scalars())
    if not ids:
        return 0
    these = turns.c.id.in_(ids)
    await connection.execute(delete(posts).where(posts.c.turn_id.in_(ids)))
    if connection.dialect.name == "postgresql":
        await connection.execute(update(turns).where(these).values(BLANK))
    else:
        # A row that shrinks in its place leaves a hole that nothing fills. Rows that go and come back do not: with
        # them, the pages get few and full, and those that are left over are free.
        kept = select(*(column for column in turns.c if column.name not in BLANK)).where(these).order_by(turns.c.id)
        rows = [{**row, **BLANK} for row in (await connection.execute(kept)).mappings()]
        await connection.execute(delete(turns).where(these))
        await connection.execute(insert(turns), rows)
    return len(ids)


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


async def _erase(connection: AsyncConnection, statement: Delete) -> int:
    return (await connection.execute(statement)).rowcount
