"""Questions that wait: who has not been told so yet, how many are before them, and the right to tell them."""

import uuid
from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, exists, func, literal_column, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import Address, Lease, Turn, TurnId, TurnState, Waiting
from storage.albums import is_further
from storage.claims import as_turn, lease_time, taken
from storage.tables import is_open, is_unsettled, posts, turns

_RECEIVED: ColumnElement[str] = literal_column(f"'{TurnState.RECEIVED}'")


async def untold(
    connection: AsyncConnection,
    serving: Collection[tuple[str, str]],
    monotonic: float,
    *,
    since: float,
    after: Waiting | None,
    heads: bool,
    limit: int,
) -> list[Waiting]:
    """The oldest questions that were received before `since` and of which nothing has been shown or tried.

    What is neither settled nor open is received; said so, the index of all work serves, in the order that is wanted.
    """
    other = turns.alias("other")
    wanted = [
        is_unsettled(turns),
        turns.c.received_at <= since,
        ~is_open(turns),
        turns.c.attempts == 0,
        turns.c.not_before <= lease_time(connection, monotonic),
        ~turns.c.cancel_requested,
        tuple_(turns.c.platform, turns.c.account).in_(sorted(serving)),
        ~exists().where(posts.c.turn_id == turns.c.id),
        ~is_further(turns),
    ]
    if after is not None:
        wanted.append(tuple_(turns.c.received_at, turns.c.id) > (after.received_at, after.id))
    if heads:
        before = tuple_(other.c.sort_key, other.c.id) < tuple_(turns.c.sort_key, turns.c.id)
        wanted.append(~exists().where(other.c.conversation_id == turns.c.conversation_id, is_unsettled(other), before))
    earlier = turns.alias("earlier")
    behind = (
        select(earlier.c.id)
        .where(
            earlier.c.conversation_id == turns.c.conversation_id,
            is_unsettled(earlier),
            tuple_(earlier.c.sort_key, earlier.c.id) < tuple_(turns.c.sort_key, turns.c.id),
            ~exists().where(posts.c.turn_id == earlier.c.id, posts.c.message_id.is_not(None)),
            ~is_further(earlier),
        )
        .order_by(earlier.c.sort_key, earlier.c.id)
        .limit(1)
        .scalar_subquery()
    )
    oldest = select(turns, behind.label("behind")).where(*wanted).order_by(turns.c.received_at, turns.c.id).limit(limit)
    return [
        Waiting(
            id=TurnId(row.id),
            address=Address(platform=row.platform, account=row.account, chat=row.chat, thread=row.thread),
            received_at=row.received_at,
            behind=row.behind,
        )
        for row in await connection.execute(oldest)
    ]


async def hold(connection: AsyncConnection, lease: Lease, turn_id: TurnId, monotonic: float) -> Turn | None:
    """Takes that question if it still waits, without beginning it: it stays received, and claims pass it over."""
    time = lease_time(connection, monotonic)
    waits = and_(
        turns.c.id == turn_id,
        is_unsettled(turns),
        turns.c.state == _RECEIVED,
        turns.c.not_before <= time,
        turns.c.lease_until <= time,
        ~turns.c.cancel_requested,
    )
    held = {"lease": uuid.uuid4().hex, "lease_owner": lease.owner, "lease_until": time + lease.seconds}
    found = (await connection.execute(update(turns).where(waits).values(held).returning(turns.c.id))).scalar()
    return None if found is None else as_turn(await taken(connection, found))


async def before(connection: AsyncConnection, turn: Turn, monotonic: float, *, all_busy: bool) -> int:
    """How many questions are before it: in its conversation or, if all workers are busy, of those that want one.

    Of these each conversation counts once, as it has one answer at a time; whichever is more.
    """
    mine, other = turns.alias("mine"), turns.alias("other")
    this = mine.c.id == turn.id
    in_line = select(func.count()).where(
        this,
        other.c.conversation_id == mine.c.conversation_id,
        is_unsettled(other),
        tuple_(other.c.sort_key, other.c.id) < tuple_(mine.c.sort_key, mine.c.id),
        ~is_further(other),
    )
    ahead: int = (await connection.execute(in_line)).scalar_one()
    if not all_busy:
        return ahead
    opened = turns.alias("opened")
    older = select(func.count(other.c.conversation_id.distinct())).where(
        this,
        is_unsettled(other),
        ~is_open(other),
        other.c.conversation_id.is_not(None),
        other.c.not_before <= lease_time(connection, monotonic),
        tuple_(other.c.received_at, other.c.id) < tuple_(mine.c.received_at, mine.c.id),
        other.c.conversation_id != mine.c.conversation_id,
        ~exists().where(opened.c.conversation_id == other.c.conversation_id, is_open(opened)),
    )
    wanting: int = (await connection.execute(older)).scalar_one()
    return max(ahead, wanting)
