"""What the operator sees of the turns."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import ASKS, UNSETTLED, TurnSummary
from storage.claims import its_coze_conversation, lease_time
from storage.people import MERGED
from storage.tables import conversations, is_unsettled, posts, turns

#: Number of unsettled turns by state; their partial index holds all that it needs.
WAITING = select(turns.c.state, func.count().label("number")).where(is_unsettled(turns)).group_by(turns.c.state)


def summaries(time: ColumnElement[float]) -> Select[Any]:
    """One row per turn, for `summary`; `time` is that of waits."""
    standing = select(func.count()).where(posts.c.turn_id == turns.c.id).scalar_subquery()
    waits = case((turns.c.not_before > 0, turns.c.not_before - time), else_=None)
    columns = (standing.label("posts"), waits.label("waits"), its_coze_conversation().label("its_coze_conversation"))
    return select(turns, *columns).select_from(turns.outerjoin(conversations))


async def newest(
    connection: AsyncConnection, states: Collection[str], since: float, limit: int, now: float, monotonic: float
) -> list[TurnSummary]:
    """The newest turns in those states (none: in any) received at or after `since`."""
    chosen = summaries(lease_time(connection, monotonic)).where(turns.c.received_at >= since)
    if states:
        chosen = chosen.where(turns.c.state.in_(list(states)))
    rows = await connection.execute(chosen.order_by(turns.c.id.desc()).limit(limit))
    return [summary(row, now) for row in rows]


async def one(connection: AsyncConnection, turn_id: int, now: float, monotonic: float) -> TurnSummary | None:
    """The turn with that number."""
    chosen = summaries(lease_time(connection, monotonic)).where(turns.c.id == turn_id)
    row = (await connection.execute(chosen)).one_or_none()
    return None if row is None else summary(row, now)


async def next_due(connection: AsyncConnection, monotonic: float) -> float | None:
    """Seconds until the first of those unsettled turns is due that wait for a later time."""
    time = lease_time(connection, monotonic)
    due = select(func.min(turns.c.not_before) - time).where(is_unsettled(turns), turns.c.not_before > time)
    first: float | None = (await connection.execute(due)).scalar()
    return first


async def waiting(connection: AsyncConnection) -> dict[str, int]:
    """Number of unsettled turns by state, with a zero where there is none."""
    rows = await connection.execute(WAITING)
    return dict.fromkeys(map(str, UNSETTLED), 0) | {row.state: row.number for row in rows}


async def oldest_due(connection: AsyncConnection, monotonic: float) -> float | None:
    """`received_at` of the oldest unsettled turn that is due; the index of all work is read from its old end."""
    time = lease_time(connection, monotonic)
    due = select(turns.c.received_at).where(is_unsettled(turns), turns.c.not_before <= time)
    first: float | None = (await connection.execute(due.order_by(turns.c.received_at, turns.c.id).limit(1))).scalar()
    return first


def _is_erased(row: Row[Any]) -> bool:
    """Was there something that was said, and is nothing of it left?"""
    ended = row.settled_at is not None and row.kind == "question"
    said = row.text or row.files or row.act not in ASKS
    return ended and not said and not row.error.startswith(MERGED)


def summary(row: Row[Any], now: float) -> TurnSummary:
    return TurnSummary(
        id=row.id,
        state=row.state,
        kind=row.kind,
        platform=row.platform,
        chat=row.chat,
        thread=row.thread,
        attempts=row.attempts,
        received_at=row.received_at,
        not_before=0.0 if row.waits is None else now + row.waits,
        error=row.error,
        coze_conversation=row.its_coze_conversation,
        coze_chat=row.coze_chat,
        posts=row.posts,
        question=row.text,
        erased=_is_erased(row),
    )
