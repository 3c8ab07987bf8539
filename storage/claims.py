"""Who may advance which turn: the claim, its fence, and the statements that only its holder may run."""

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Double,
    Integer,
    Row,
    ScalarSelect,
    Update,
    and_,
    any_,
    bindparam,
    case,
    cast,
    exists,
    extract,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.expression import FromClause

from bridge.errors import LeaseLost
from bridge.model import Address, ConversationId, Lease, Turn, TurnId, TurnState
from storage import files
from storage.tables import conversations, is_open, is_unsettled, turns, users

#: PostgreSQL's clock, when the statement came in: leases and waits are kept by it, as the clocks of machines differ.
SERVER_TIME = cast(extract("epoch", func.statement_timestamp()), Double)
#: What ends a lease, whoever held it.
NO_LEASE = {"lease_owner": None, "lease_until": 0.0}
#: Turns that a claim looks at, oldest first, before it looks at the heads of all conversations.
NEAR = 500


def its_coze_conversation() -> ColumnElement[str]:
    """The Coze conversation that a turn was asked in, else the one that it would be asked in; empty if there is none.

    For a SELECT from turns and, beside them, conversations.
    """
    asked = turns.c.asked_at.is_not(None)
    return case((asked, turns.c.coze_conversation), else_=func.coalesce(conversations.c.coze_id, ""))


def _may_go_on(turn: FromClause, time: ColumnElement[float]) -> tuple[ColumnElement[bool], ...]:
    """Unsettled, due, under nobody's living lease, and of an account that is served."""
    return (
        is_unsettled(turn),
        turn.c.not_before <= time,
        turn.c.lease_until <= time,
        tuple_(turn.c.platform, turn.c.account).in_(bindparam("serving", expanding=True)),
    )


def _oldest(turn: FromClause, time: ColumnElement[float], *among: ColumnElement[bool]) -> ScalarSelect[int]:
    """The oldest of those that may go on. Workers beside us are passed over (SKIP LOCKED)."""
    eligible = select(turn.c.id).where(*_may_go_on(turn, time), *among).order_by(turn.c.received_at, turn.c.id)
    return eligible.limit(literal_column("1")).with_for_update(skip_locked=True, of=turn).scalar_subquery()


def _command(time: ColumnElement[float]) -> ScalarSelect[int]:
    """A command stands in no line: who stops something does not wait behind those whom that concerns."""
    turn = turns.alias("command")
    return _oldest(turn, time, turn.c.conversation_id.is_(None))


def _near(time: ColumnElement[float]) -> ScalarSelect[int]:
    """Of the oldest NEAR turns. Most often the answer is among the first; beyond those, `_far` is quicker."""
    turn, other = turns.alias("turn"), turns.alias("other")
    in_line = and_(other.c.conversation_id == turn.c.conversation_id, is_unsettled(other))
    before = tuple_(other.c.sort_key, other.c.id) < tuple_(turn.c.sort_key, turn.c.id)
    head = and_(
        ~exists().where(other.c.conversation_id == turn.c.conversation_id, is_open(other)),
        ~exists().where(in_line, before),
    )
    old = turns.alias("old")
    horizon = select(old.c.received_at).where(is_unsettled(old)).order_by(old.c.received_at, old.c.id)
    horizon = horizon.limit(literal_column("1")).offset(bindparam("near", type_=Integer))
    return _oldest(
        turn,
        time,
        turn.c.conversation_id.is_not(None),
        turn.c.received_at <= func.coalesce(horizon.scalar_subquery(), literal_column("9e15")),
        or_(is_open(turn), head),
    )


def _far(time: ColumnElement[float], *, arrays: bool) -> ScalarSelect[int]:
    """Of the heads of all conversations, found by leaping from each to the next: thousands may wait behind one.

    As an array where there is such: PostgreSQL would join a set with a scan of the whole table.
    """
    turn, first, more = turns.alias("far"), turns.alias("first"), turns.alias("more")
    least = select(func.min(first.c.conversation_id).label("conversation")).where(is_unsettled(first))
    lines = least.cte("lines", recursive=True)
    after = select(func.min(more.c.conversation_id)).where(
        is_unsettled(more), more.c.conversation_id > lines.c.conversation
    )
    lines = lines.union_all(select(after.scalar_subquery()).where(lines.c.conversation.is_not(None)))
    opened, head = turns.alias("opened"), turns.alias("head")
    being_answered = select(opened.c.id).where(opened.c.conversation_id == lines.c.conversation, is_open(opened))
    next_up = (
        select(head.c.id)
        .where(head.c.conversation_id == lines.c.conversation, is_unsettled(head))
        .order_by(head.c.sort_key, head.c.id)
        .limit(literal_column("1"))
    )
    being_answered_id, next_id = (found.correlate(lines).scalar_subquery() for found in (being_answered, next_up))
    heads = select(func.coalesce(being_answered_id, next_id)).select_from(lines)
    return _oldest(
        turn, time, turn.c.id == any_(func.array(heads.scalar_subquery())) if arrays else turn.c.id.in_(heads)
    )


def _claim(time: ColumnElement[float], *, arrays: bool) -> Update:
    """One statement that takes the oldest eligible turn; `time` is that of leases.

    Eligible is the open turn of a conversation, else its first unsettled one; a command stands in no line. What slips
    through between two snapshots breaks `one_open_turn`.
    """
    eligible = func.coalesce(_command(time), _near(time), _far(time, arrays=arrays))
    received = turns.c.state == literal_column(f"'{TurnState.RECEIVED}'")
    return (
        update(turns)
        .where(turns.c.id == eligible)
        .values(
            state=case((received, literal_column(f"'{TurnState.CLAIMED}'")), else_=turns.c.state),
            lease=bindparam("token"),
            lease_owner=bindparam("owner"),
            lease_until=time + bindparam("seconds"),
        )
        .returning(turns.c.id)
    )


#: By the name of the engine; an SQLite database is ours alone, so our own clock keeps its leases.
CLAIM = {
    "postgresql": _claim(SERVER_TIME, arrays=True),
    "sqlite": _claim(bindparam("time", type_=Double), arrays=False),
}

#: The claimed turn with its person and its conversation. Not left to RETURNING, where to SQLite 3.40 a NULL
#: column IS NOT NULL.
CLAIMED = (
    select(
        turns,
        users.c.coze_user,
        users.c.sender,
        users.c.voice,
        conversations.c.session,
        conversations.c.pending,
        its_coze_conversation().label("its_coze_conversation"),
    )
    .select_from(turns.join(users).outerjoin(conversations))
    .where(turns.c.id == bindparam("id"))
)


async def claim(
    connection: AsyncConnection, lease: Lease, serving: Collection[tuple[str, str]], monotonic: float
) -> int | None:
    """Takes the oldest turn that may go on. Raises IntegrityError if another process was faster."""
    engine = connection.dialect.name
    values = {
        "near": NEAR,
        "serving": sorted(serving),
        "token": uuid.uuid4().hex,
        "owner": lease.owner,
        "seconds": lease.seconds,
        **({"time": monotonic} if engine == "sqlite" else {}),
    }
    claimed: int | None = (await connection.execute(CLAIM[engine], values)).scalar()
    return claimed


async def taken(connection: AsyncConnection, turn_id: int) -> Row[Any]:
    """That turn as it was taken, for `as_turn`."""
    return (await connection.execute(CLAIMED, {"id": turn_id})).one()


def lease_time(connection: AsyncConnection, monotonic: float) -> ColumnElement[float]:
    """The time by which leases and waits are kept: no clock on a wall, which may be set to another time."""
    return SERVER_TIME if connection.dialect.name == "postgresql" else literal(monotonic, Double)


async def renew(
    connection: AsyncConnection, lease: Lease, held: Collection[TurnId] | None, monotonic: float
) -> dict[TurnId, bool | None]:
    """Prolongs the owner's leases, of those turns only if they are named; tells which are to be cancelled.

    None: still the owner's, but not prolonged, as somebody has locked its row for a moment.
    """
    time = lease_time(connection, monotonic)
    mine = turns.c.lease_owner == lease.owner
    if held is not None:
        mine = and_(mine, turns.c.id.in_(list(held)))
    # Passed over is what somebody has locked for a moment: one row must not cost us the leases on all others.
    free = select(turns.c.id).where(mine).with_for_update(skip_locked=True, key_share=True)
    prolong = update(turns).where(turns.c.id.in_(free)).values(lease_until=time + lease.seconds)
    rows = await connection.execute(prolong.returning(turns.c.id, turns.c.cancel_requested))
    prolonged: dict[TurnId, bool | None] = {TurnId(row.id): row.cancel_requested for row in rows}
    if held is None or len(prolonged) == len(held):
        return prolonged
    still = await connection.scalars(select(turns.c.id).where(mine))
    return {TurnId(turn): None for turn in still} | prolonged


async def begin_anew(connection: AsyncConnection) -> None:
    """Ends all leases, and has whoever waits for a later time wait no more."""
    await release(connection)
    waits = update(turns).where(is_unsettled(turns), turns.c.not_before > 0)
    await connection.execute(waits.values(not_before=0.0))


async def release(connection: AsyncConnection, owner: str | None = None) -> None:
    """Ends all leases of that owner, or of everybody."""
    held = turns.c.lease_owner.is_not(None) if owner is None else turns.c.lease_owner == owner
    await connection.execute(update(turns).where(held).values(NO_LEASE))


def as_turn(row: Row[Any], *, merged: int = 0) -> Turn:
    """The taken turn; `merged` as in Turn."""
    return Turn(
        id=TurnId(row.id),
        key=row.key,
        address=Address(platform=row.platform, account=row.account, chat=row.chat, thread=row.thread),
        reply_to=row.reply_to,
        question=row.text,
        files=files.load(row.files),
        language=row.language,
        coze_user=row.coze_user,
        conversation=None if row.conversation_id is None else ConversationId(row.conversation_id),
        coze_conversation=row.its_coze_conversation,
        state=TurnState(row.state),
        attempts=row.attempts,
        asked_at=row.asked_at,
        chat=row.coze_chat,
        answer=row.answer,
        cancelled=row.cancel_requested,
        received_at=row.received_at,
        lease=row.lease,
        sender=row.sender,
        bot=row.bot,
        act=row.act,
        session=row.session or row.coze_user,
        pending=row.pending or "",
        voice=row.voice,
        pressed=row.pressed,
        merged=merged,
    )


async def write(connection: AsyncConnection, turn: Turn, **values: Any) -> None:
    """Changes the turn's row; raises LeaseLost if another claim has replaced this one."""
    held = and_(turns.c.id == turn.id, turns.c.lease == turn.lease)
    if (await connection.execute(update(turns).where(held).values(**values))).rowcount == 0:
        raise LeaseLost


async def fence(connection: AsyncConnection, turn: Turn) -> None:
    """Keeps the claim as it is until the transaction ends; raises LeaseLost if another one has replaced it.

    On PostgreSQL the row is locked: a claim made meanwhile would read the posts without what we are about to write.
    """
    held = select(turns.c.id).where(turns.c.id == turn.id, turns.c.lease == turn.lease)
    if (await connection.execute(held.with_for_update(key_share=True))).one_or_none() is None:
        raise LeaseLost
