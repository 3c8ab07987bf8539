"""Pictures that were sent together come as messages of their own: they wait for each other and become one question."""

from typing import Any

from sqlalchemy import ColumnElement, Exists, Row, and_, exists, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.expression import FromClause

from bridge.model import TurnState
from storage import files
from storage.people import MERGED
from storage.tables import is_open, is_unsettled, posts, turns

#: Parts of one question. Platforms have 10 in an album; who sends more in its name gets several questions.
MOST = 50


def is_further(turn: FromClause) -> Exists:
    """Waits an earlier part of its album, to which it will belong once that is claimed? Then it is none by itself."""
    first = turns.alias("first_of_album")
    return exists().where(
        turn.c.album != "",
        _is_part(first, turn),
        is_unsettled(first),
        ~is_open(first),
        tuple_(first.c.sort_key, first.c.id) < tuple_(turn.c.sort_key, turn.c.id),
    )


def _is_part(one: FromClause, other: FromClause | Row[Any]) -> ColumnElement[bool]:
    """Of the same album, as one person sent it in one conversation?"""
    of = other.c if isinstance(other, FromClause) else other
    return and_(one.c.conversation_id == of.conversation_id, one.c.user_id == of.user_id, one.c.album == of.album)


def _waits(part: FromClause) -> ColumnElement[bool]:
    """Is it received, and has nobody begun anything with it?"""
    return and_(
        is_unsettled(part),
        part.c.state == TurnState.RECEIVED.value,
        part.c.attempts == 0,
        part.c.lease_owner.is_(None),
        ~exists().where(posts.c.turn_id == part.c.id),
    )


async def gather(connection: AsyncConnection, newest: int, due: ColumnElement[float]) -> None:
    """Nothing of the album of that new part is claimed before `due`."""
    me = (await connection.execute(select(turns).where(turns.c.id == newest))).one()
    parts = select(turns.c.id).where(_is_part(turns, me), _waits(turns), ~turns.c.cancel_requested)
    # In order, as they are locked where they become one question.
    in_order = parts.order_by(turns.c.sort_key, turns.c.id).with_for_update(of=turns)
    ids = (await connection.execute(in_order)).scalars().all()
    await connection.execute(update(turns).where(turns.c.id.in_(ids)).values(not_before=due))


async def whole(connection: AsyncConnection, head: Row[Any], now: float) -> int:
    """Has the claimed head go on with all of its album that has come; how many parts became part of it.

    The head goes on, unlike where texts are merged: the answer replies to the first picture, below which the others
    are shown, and a message that says "Queued" becomes the answer. The others end as delivered, and say of which they
    are part. Who stopped the head has stopped all of it.
    """
    if not head.album or head.asked_at is not None or head.state != TurnState.CLAIMED:
        return 0
    behind = tuple_(turns.c.sort_key, turns.c.id) > tuple_(head.sort_key, head.id)
    parts = select(turns.c.id, turns.c.text, turns.c.files).where(_is_part(turns, head), _waits(turns), behind)
    if not head.cancel_requested:
        parts = parts.where(~turns.c.cancel_requested)
    in_order = parts.order_by(turns.c.sort_key, turns.c.id).limit(MOST - 1).with_for_update(of=turns)
    others = (await connection.execute(in_order)).all()
    if not others:
        return 0
    ended = {"state": TurnState.DELIVERED, "error": f"{MERGED}{head.id}", "settled_at": now, "files": []}
    await connection.execute(update(turns).where(turns.c.id.in_([row.id for row in others])).values(ended))
    text = "\n\n".join(row.text for row in (head, *others) if row.text)
    together = [file for row in (head, *others) for file in files.load(row.files)]
    await connection.execute(update(turns).where(turns.c.id == head.id).values(text=text, files=files.dump(together)))
    return len(others)
