"""Who may advance which turn: the claim, its fence, and the statements that only its holder may run."""

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Update,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.errors import LeaseLost
from bridge.model import Address, ConversationId, File, Lease, Turn, TurnId, TurnState
from storage.tables import conversations, is_open, is_unsettled, turns, users

#: What ends a lease, whoever held it.
NO_LEASE = {"lease_owner": None, "lease_until": 0.0}


def its_coze_conversation() -> ColumnElement[str]:
    """The Coze conversation that a turn was asked in, else the one that it would be asked in; empty if there is none.

    For a SELECT from turns and, beside them, conversations.
    """
    asked = turns.c.asked_at.is_not(None)
    return case((asked, turns.c.coze_conversation), else_=func.coalesce(conversations.c.coze_id, ""))


def _claim() -> Update:
    """One statement that takes the oldest eligible turn.

    Eligible is the open turn of a conversation, else its first unsettled one; a command stands in no line. Workers
    beside us are passed over (SKIP LOCKED); what still slips through between two snapshots breaks `one_open_turn`.
    """
    turn, other = turns.alias("turn"), turns.alias("other")
    in_line = and_(other.c.conversation_id == turn.c.conversation_id, is_unsettled(other))
    before = tuple_(other.c.sort_key, other.c.id) < tuple_(turn.c.sort_key, turn.c.id)
    head = and_(
        ~exists().where(other.c.conversation_id == turn.c.conversation_id, is_open(other)),
        ~exists().where(in_line, before),
    )
    eligible = (
        select(turn.c.id)
        .where(
            is_unsettled(turn),
            turn.c.not_before <= bindparam("now"),
            turn.c.lease_until <= bindparam("now"),
            tuple_(turn.c.platform, turn.c.account).in_(bindparam("serving", expanding=True)),
            or_(turn.c.conversation_id.is_(None), is_open(turn), head),
        )
        .order_by(turn.c.received_at, turn.c.id)
        .limit(literal_column("1"))
        .with_for_update(skip_locked=True, of=turn)
        .scalar_subquery()
    )
    received = turns.c.state == literal_column(f"'{TurnState.RECEIVED}'")
    return (
        update(turns)
        .where(turns.c.id == eligible)
        .values(
            state=case((received, literal_column(f"'{TurnState.CLAIMED}'")), else_=turns.c.state),
            lease=bindparam("token"),
            lease_owner=bindparam("owner"),
            lease_until=bindparam("until"),
        )
        .returning(turns.c.id)
    )


CLAIM = _claim()

#: The claimed turn with its person and its conversation. Not left to RETURNING, where to SQLite 3.40 a NULL
#: column IS NOT NULL.
CLAIMED = (
    select(turns, users.c.coze_user, its_coze_conversation().label("its_coze_conversation"))
    .select_from(turns.join(users).outerjoin(conversations))
    .where(turns.c.id == bindparam("id"))
)


async def claim(
    connection: AsyncConnection, lease: Lease, serving: Collection[tuple[str, str]], now: float
) -> Turn | None:
    """Takes the oldest turn that may go on. Raises IntegrityError if another process was faster."""
    values = {
        "now": now,
        "serving": sorted(serving),
        "token": uuid.uuid4().hex,
        "owner": lease.owner,
        "until": now + lease.seconds,
    }
    claimed = (await connection.execute(CLAIM, values)).scalar()
    if claimed is None:
        return None
    return _turn((await connection.execute(CLAIMED, {"id": claimed})).one())


async def renew(
    connection: AsyncConnection, owner: str, until: float, held: Collection[TurnId] | None
) -> dict[TurnId, bool]:
    """Prolongs the owner's leases, of those turns only if they are named; tells which are to be cancelled."""
    mine = turns.c.lease_owner == owner
    if held is not None:
        mine = and_(mine, turns.c.id.in_(list(held)))
    prolong = update(turns).where(mine).values(lease_until=until)
    rows = await connection.execute(prolong.returning(turns.c.id, turns.c.cancel_requested))
    return {TurnId(row.id): row.cancel_requested for row in rows}


async def release(connection: AsyncConnection, owner: str | None = None) -> None:
    """Ends all leases of that owner, or of everybody."""
    held = turns.c.lease_owner.is_not(None) if owner is None else turns.c.lease_owner == owner
    await connection.execute(update(turns).where(held).values(NO_LEASE))


def _turn(row: Row[Any]) -> Turn:
    return Turn(
        id=TurnId(row.id),
        key=row.key,
        address=Address(platform=row.platform, account=row.account, chat=row.chat, thread=row.thread),
        reply_to=row.reply_to,
        question=row.text,
        files=tuple(File(**file) for file in row.files),
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
        pressed=row.pressed,
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
