"""Erases: people with all that was theirs, and what was said in turns that ended long ago."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Delete, Row, Select, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import Doomed, Erased, Pending
from storage import people as persons
from storage.tables import KEPT, conversations, doomed, is_unsettled, posts, turns, users

#: Rows that one statement names: both engines take some 32,000 parameters.
AT_ONCE = 10_000
_Held = tuple[str, str]
"""With which bot a Coze conversation was held, and in whose session."""
#: What is left of a turn's words.
BLANK: dict[str, Any] = {"text": "", "files": [], "answer": "", "error": ""}


async def forget(connection: AsyncConnection, people: Collection[int], now: float) -> Erased:
    """Erases those people. In conversations that others asked in too, only what was theirs."""
    theirs = turns.c.user_id.in_(list(people))
    # On PostgreSQL they write nothing more from here on. As everywhere: people are locked first, then turns, then
    # conversations.
    locked = select(users.c.id).where(users.c.id.in_(list(people))).order_by(users.c.id)
    await connection.execute(locked.with_for_update())
    asked_in = (
        select(turns.c.conversation_id, turns.c.coze_conversation, turns.c.bot, users.c.coze_user)
        .select_from(turns.join(users))
        .where(theirs, turns.c.kind == "question")
    )
    rows = (await connection.execute(asked_in.distinct())).all()
    used = {(row.conversation_id, row.coze_conversation): (row.bot, row.coze_user) for row in rows}
    names = {row.coze_user for row in rows}
    their_posts = posts.c.turn_id.in_(select(turns.c.id).where(theirs))
    standing = (await connection.execute(select(func.count()).select_from(posts).where(their_posts))).scalar_one()
    asked = await _erase(connection, delete(turns).where(theirs))
    left, orphans = 0, dict[str, _Held]()
    for some in _parts(sorted({place for place, _ in used})):
        held = select(conversations).where(conversations.c.id.in_(some))
        found = (await connection.execute(held.order_by(conversations.c.id).with_for_update())).all()
        orphans |= await _let_go(connection, found, used, names)
        empty = ~exists().where(turns.c.conversation_id == conversations.c.id)
        gone = delete(conversations).where(conversations.c.id.in_(some), empty)
        empties = (await connection.execute(gone.returning(*conversations.c))).all()
        left += len(empties)
        orphans = {row.coze_id: (row.bot, row.session) for row in empties} | orphans
        await _blank_theirs(connection, some, names)
    orphans.pop("", None)
    await _doom(connection, orphans, now)
    erased = await _erase(connection, delete(users).where(users.c.id.in_(list(people))))
    return Erased(
        people=erased,
        turns=asked,
        posts=standing,
        conversations=left,
        doomed=tuple(
            Doomed(coze_conversation=one, since=now, bot=bot, session=session)
            for one, (bot, session) in sorted(orphans.items())
        ),
    )


async def _let_go(
    connection: AsyncConnection,
    held: Sequence[Row[Any]],
    used: Mapping[tuple[int, str], _Held],
    names: Collection[str],
) -> dict[str, _Held]:
    """Of the used Coze conversations of those places, the ones in which nobody else asked, and all that were held in
    the session of somebody with one of those names: nobody else gets at them there. No place keeps one of them.

    Where a question of somebody else waits, all stay: it may be on its way to Coze at this moment.
    """
    sessions = {row.id: row.session for row in held}
    places = list(sessions)
    others = select(turns.c.conversation_id, turns.c.coze_conversation, turns.c.bot, is_unsettled(turns).label("waits"))
    rows = (await connection.execute(others.where(turns.c.conversation_id.in_(places)).distinct())).all()
    shared = {(row.conversation_id, row.coze_conversation) for row in rows}
    waits = {row.conversation_id for row in rows if row.waits}
    orphans = {
        coze: (bot, sessions[place] or asker)
        for (place, coze), (bot, asker) in used.items()
        if place in sessions and place not in waits and (place, coze) not in shared
    }
    lost = [(row.conversation_id, row.coze_conversation, row.bot) for row in rows]
    lost += [(row.id, row.coze_id, row.bot) for row in held]
    for place, coze, bot in lost:
        if coze and place not in waits and sessions[place] in names:
            orphans.setdefault(coze, (bot, sessions[place]))
    for some in _parts(sorted(orphans)):
        theirs = (conversations.c.id.in_(places), conversations.c.coze_id.in_(some))
        await connection.execute(update(conversations).where(*theirs).values(coze_id=""))
        of_others = (turns.c.conversation_id.in_(places), turns.c.coze_conversation.in_(some))
        await connection.execute(update(turns).where(*of_others).values(coze_conversation=""))
    return orphans


async def _blank_theirs(connection: AsyncConnection, places: Sequence[int], names: Collection[str]) -> None:
    """Of conversations in which others asked, too: erases the name that one of those people gave it, and what it waits
    for after an answer to them. It belongs to who asked in it last from now on, and what was held in the session of
    before goes on in none; but for one in which something waits, which may be on its way to Coze.
    """
    heir = (
        select(users.c.coze_user)
        .select_from(users.join(turns))
        .where(turns.c.conversation_id == conversations.c.id)
        .order_by(turns.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    opened = update(conversations).where(conversations.c.id.in_(places), conversations.c.session.in_(names))
    await connection.execute(opened.values(name=""))
    in_line = exists().where(turns.c.conversation_id == conversations.c.id, is_unsettled(turns))
    await connection.execute(opened.where(~in_line).values(session=heir, pending=""))
    waits = select(conversations.c.id, conversations.c.pending)
    for row in await connection.execute(waits.where(conversations.c.id.in_(places), conversations.c.pending != "")):
        pending = Pending.load(row.pending)
        answered = select(turns.c.id).where(turns.c.id == (pending.turn if pending else 0))
        if (await connection.execute(answered)).first() is None:
            await connection.execute(update(conversations).where(conversations.c.id == row.id).values(pending=""))


async def _doom(connection: AsyncConnection, orphans: Mapping[str, _Held], now: float) -> None:
    for some in _parts(sorted(orphans.items())):
        rows = [
            {"coze_conversation": one, "since": now, "bot": bot, "session": session} for one, (bot, session) in some
        ]
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
    ids = sorted(row.id for row in await connection.execute(old_words(before, most)))
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
    await _blank_places(connection, ids)
    return len(ids)


async def _blank_places(connection: AsyncConnection, erased: Sequence[int]) -> None:
    """Erases names and what is waited for of the conversations of those turns in which nothing is left to read."""
    place = turns.alias("place")
    places = select(place.c.conversation_id).where(place.c.id.in_(erased))
    left = exists().where(turns.c.conversation_id == conversations.c.id, or_(is_unsettled(turns), KEPT))
    told = or_(conversations.c.name != "", conversations.c.pending != "")
    silent = update(conversations).where(conversations.c.id.in_(places), told, ~left)
    await connection.execute(silent.values(name="", pending=""))


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


async def _erase(connection: AsyncConnection, statement: Delete) -> int:
    return (await connection.execute(statement)).rowcount
