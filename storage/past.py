"""Conversations of before: which there are at a place, which of them goes on, and when one is over."""

from sqlalchemy import exists, func, literal_column, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import ConversationId, Inbound, Past, User
from storage import arrivals, people
from storage.tables import conversations, is_unsettled, turns


async def waits(connection: AsyncConnection, where: str) -> str:
    """What the conversation with that key waits for; or empty."""
    pending = select(conversations.c.pending).where(conversations.c.key == where)
    return (await connection.execute(pending)).scalar() or ""


async def is_busy(connection: AsyncConnection, where: str) -> bool:
    """Is a question of the conversation with that key not settled?"""
    theirs = turns.c.conversation_id == conversations.c.id
    busy = select(turns.c.id).join(conversations, theirs).where(conversations.c.key == where, is_unsettled(turns))
    return (await connection.execute(busy.limit(1))).first() is not None


#: Who asked in a conversation, by leaps from each to the next, and what each of them wrote last: the index of what is
#: asked is read at a few places, however long the conversation is.
_LAST_ASKED = text("""
WITH RECURSIVE askers (asker) AS (
    SELECT min(user_id) FROM turns WHERE conversation_id = :conversation
    UNION ALL
    SELECT (SELECT min(user_id) FROM turns WHERE conversation_id = :conversation AND user_id > askers.asker)
    FROM askers WHERE askers.asker IS NOT NULL
)
SELECT max((
    SELECT received_at FROM turns WHERE conversation_id = :conversation AND user_id = askers.asker
    ORDER BY sort_key DESC, id DESC LIMIT 1
)) FROM askers
""")


async def goes_on(connection: AsyncConnection, where: str, before: float) -> bool:
    """Was something asked in that conversation since `before`, or does something wait in it?"""
    conversation = await people.current(connection, where)
    return conversation is not None and await _is_used(connection, conversation, before)


async def _is_used(connection: AsyncConnection, conversation: int, before: float) -> bool:
    in_line = select(turns.c.id).where(turns.c.conversation_id == conversation, is_unsettled(turns)).limit(1)
    if (await connection.execute(in_line)).first() is not None:
        return True
    last: float | None = (await connection.execute(_LAST_ASKED, {"conversation": conversation})).scalar()
    return last is not None and last >= before


async def retire(connection: AsyncConnection, where: str, before: float) -> bool:
    """Has the next question begin a new conversation, if that one is not used any more; False: it goes on."""
    # Nobody adds a question to it from here on.
    held = select(conversations.c.id).where(conversations.c.key == where).with_for_update()
    conversation: int | None = (await connection.execute(held)).scalar()
    if conversation is None:
        return True
    if await _is_used(connection, conversation, before):
        return False
    await people.archive(connection, conversation, where)
    return True


async def pasts(connection: AsyncConnection, where: str, who: User, limit: int, bot: str | None) -> list[Past]:
    """Those in which that person asked, the one that was used last first."""
    in_it, mine = turns.c.conversation_id == conversations.c.id, turns.c.user_id == people.id_of(who)
    used = select(func.max(turns.c.received_at)).where(in_it).scalar_subquery()
    first = (
        select(func.substr(turns.c.text, 1, 4 * arrivals.NAME))
        .where(in_it, mine, turns.c.text != "", turns.c.act == "")
        .order_by(turns.c.sort_key, turns.c.id)
        .limit(literal_column("1"))
        .scalar_subquery()
    )
    found = select(conversations, used.label("used_at"), first.label("first")).where(
        people.of_place(where), exists().where(in_it, mine), *([] if bot is None else [conversations.c.bot == bot])
    )
    newest = found.order_by(used.desc(), conversations.c.id.desc()).limit(limit)
    return [
        Past(
            id=ConversationId(row.id),
            # Those that an older version began have none, nor those that a picture began.
            name=row.name or arrivals.conversation_name(row.first or ""),
            used_at=row.used_at,
            current=row.key == where,
        )
        for row in await connection.execute(newest)
    ]


async def resume(
    connection: AsyncConnection, inbound: Inbound, who: User, where: str, now: float, conversation: int, reply: str
) -> bool:
    """Has that conversation of the place go on in place of the one that does, and keeps the command that said so."""
    if await arrivals.is_known(connection, inbound.key):
        return True
    user = await people.person(connection, who, now)
    if user is None:
        return False
    # Both, in the order of their rows: nobody adds a question to one, or archives one, until the keys are swapped.
    here = select(conversations.c.id, conversations.c.key).where(people.of_place(where))
    asked = exists().where(turns.c.conversation_id == conversations.c.id, turns.c.user_id == user)
    wanted = (conversations.c.id == conversation) & asked
    both = here.where((conversations.c.key == where) | wanted).order_by(conversations.c.id)
    rows = {row.id: row.key for row in await connection.execute(both.with_for_update(of=conversations))}
    if conversation not in rows:
        return False
    if await arrivals.add(connection, inbound, who, now, user_id=user, answer=reply, **arrivals.COMMAND) is None:
        return True
    if rows.pop(conversation) == where:
        return True
    for goes_on in rows:
        await people.archive(connection, goes_on, where)
    await connection.execute(update(conversations).where(conversations.c.id == conversation).values(key=where))
    return True
