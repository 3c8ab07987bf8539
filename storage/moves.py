"""A chat gets a new id on its platform, and takes its conversations and unsettled turns along."""

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import Moved
from storage.people import archive, current
from storage.tables import conversations, is_unsettled, posts, turns


async def move(connection: AsyncConnection, moved: Moved) -> None:
    """Rewrites conversations and unsettled turns of the old chat, and forgets the posts of those turns."""
    of_chat = (
        conversations.c.platform == moved.platform,
        conversations.c.account == moved.account,
        conversations.c.chat == moved.old_chat,
    )
    old, new = (f"{moved.platform}:{moved.account}:{chat}" for chat in (moved.old_chat, moved.new_chat))
    rows = await connection.execute(
        select(conversations.c.id, conversations.c.key).where(*of_chat).order_by(conversations.c.id).with_for_update()
    )
    for row in rows.all():
        key = new + row.key.removeprefix(old)
        await _make_room(connection, row.id, key)
        renamed = f"{key}#{row.id}" if await current(connection, key) is not None else key
        await connection.execute(
            update(conversations).where(conversations.c.id == row.id).values(key=renamed, chat=moved.new_chat)
        )
    stranded = (
        turns.c.platform == moved.platform,
        turns.c.account == moved.account,
        turns.c.chat == moved.old_chat,
        is_unsettled(turns),
    )
    await connection.execute(delete(posts).where(posts.c.turn_id.in_(select(turns.c.id).where(*stranded))))
    await connection.execute(update(turns).where(*stranded).values(chat=moved.new_chat, reply_to=""))


async def _make_room(connection: AsyncConnection, mine: int, key: str) -> None:
    """Archives the conversation that has the key already, if it is the older one; else the key stays taken."""
    other = await current(connection, key)
    if other is not None and other < mine:
        await archive(connection, other, key)
