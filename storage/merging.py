"""What one person wrote while an earlier answer ran becomes one question, in the transaction that claims it."""

from typing import Any

from sqlalchemy import Row, exists, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import TurnState
from storage.people import MERGED
from storage.tables import is_unsettled, posts, turns

#: Characters of one merged question: four of Telegram's longest messages.
LONGEST = 16_000
#: Messages that become one question.
MOST = 50


async def merge(connection: AsyncConnection, head: Row[Any], now: float) -> tuple[int, int]:
    """The turn to go on with in place of the claimed head, and how many are part of it that were before it.

    It is the newest of those right behind the head that are questions of the same person and nothing else, of which
    nobody has been told anything yet. The others end as delivered, and say of which they are part.
    """
    if not await _can_be_merged(connection, head):
        return head.id, 0
    parts, length = [head], len(head.text)
    for row in await _behind(connection, head):
        length += len(row.text) + 2
        alone = row.files or row.act or row.pressed or row.cancel_requested or row.shown
        if alone or row.lease_owner is not None or row.user_id != head.user_id or length > LONGEST:
            break
        parts.append(row)
    *before, newest = parts
    if not before:
        return head.id, 0
    ended = {"state": TurnState.DELIVERED, "error": f"{MERGED}{newest.id}", "settled_at": now}
    free = {"lease": "", "lease_owner": None, "lease_until": 0.0}
    await connection.execute(update(turns).where(turns.c.id.in_([row.id for row in before])).values(ended | free))
    claim = {name: getattr(head, name) for name in ("state", "lease", "lease_owner", "lease_until", "attempts")}
    text = "\n\n".join(row.text for row in parts)
    await connection.execute(update(turns).where(turns.c.id == newest.id).values(text=text, **claim))
    return newest.id, len(before)


async def _can_be_merged(connection: AsyncConnection, head: Row[Any]) -> bool:
    """Is it a question of text alone that Coze knows nothing of, and whose writer has been told nothing?"""
    if head.kind != "question" or head.asked_at is not None:
        return False
    if head.files or head.act or head.pressed or head.cancel_requested:
        return False
    shown = await connection.execute(select(posts.c.page).where(posts.c.turn_id == head.id).limit(1))
    return head.state == TurnState.CLAIMED and shown.first() is None


async def _behind(connection: AsyncConnection, head: Row[Any]) -> list[Row[Any]]:
    """The questions that wait right behind it, in their order; nobody else changes them until we are done."""
    behind = (
        select(
            turns.c.id,
            turns.c.user_id,
            turns.c.text,
            turns.c.files,
            turns.c.act,
            turns.c.pressed,
            turns.c.cancel_requested,
            turns.c.lease_owner,
            exists().where(posts.c.turn_id == turns.c.id).label("shown"),
        )
        .where(
            turns.c.conversation_id == head.conversation_id,
            is_unsettled(turns),
            tuple_(turns.c.sort_key, turns.c.id) > tuple_(head.sort_key, head.id),
        )
        .order_by(turns.c.sort_key, turns.c.id)
        .limit(MOST - 1)
    )
    return list((await connection.execute(behind.with_for_update(of=turns))).all())
