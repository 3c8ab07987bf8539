"""What only one process may do at a time, who does it, and what the dead leave behind; for PostgreSQL."""

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, union_all, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import Lease
from storage import bell
from storage.claims import NO_LEASE, SERVER_TIME
from storage.tables import duties, turns

DUTY_SECONDS = 6.0
"""After this long without a sign of life, a duty is anybody's."""
SILENT_SECONDS = 2.0
"""Whoever lives renews its leases and duties every second: for so long the living are never silent."""


async def take(connection: AsyncConnection, name: str, owner: str) -> bool:
    """From now on that owner's for DUTY_SECONDS, unless somebody else has it."""
    new = insert(duties).values(name=name, owner=owner, until=SERVER_TIME + DUTY_SECONDS)
    free = or_(duties.c.owner == new.excluded.owner, duties.c.until <= SERVER_TIME)
    values = {"owner": new.excluded.owner, "until": new.excluded.until}
    taken = new.on_conflict_do_update(index_elements=["name"], set_=values, where=free).returning(duties.c.name)
    return (await connection.execute(taken)).one_or_none() is not None


async def lay_down(connection: AsyncConnection, name: str, owner: str) -> None:
    """Anybody's from now on, if that owner had it; all are told."""
    await connection.execute(delete(duties).where(duties.c.name == name, duties.c.owner == owner))
    await bell.call(connection, bell.VACANT)


async def silent(connection: AsyncConnection, us: Lease) -> list[str]:
    """Owners beside us that hold something and have not renewed it for SILENT_SECONDS."""
    leases = select(turns.c.lease_owner.label("owner"), (turns.c.lease_until - us.seconds).label("renewed"))
    leases = leases.where(turns.c.lease_owner.is_not(None))
    held = union_all(leases, select(duties.c.owner, duties.c.until - DUTY_SECONDS)).subquery()
    owners = select(held.c.owner).where(held.c.owner != us.owner).group_by(held.c.owner)
    return list(await connection.scalars(owners.having(func.max(held.c.renewed) < SERVER_TIME - SILENT_SECONDS)))


async def bury(connection: AsyncConnection, owner: str, us: Lease) -> bool:
    """Ends the leases and duties of an owner that is dead, but for what it has renewed meanwhile; False: nothing."""
    leases = and_(turns.c.lease_owner == owner, _is_silent(turns.c.lease_until, us.seconds))
    freed = (await connection.execute(update(turns).where(leases).values(NO_LEASE))).rowcount
    left = delete(duties).where(duties.c.owner == owner, _is_silent(duties.c.until, DUTY_SECONDS))
    freed += (await connection.execute(left)).rowcount
    await bell.call(connection, bell.VACANT)
    return freed > 0


def _is_silent(until: ColumnElement[float], seconds: float) -> ColumnElement[bool]:
    """Was what lasts so many seconds, until then, not renewed for SILENT_SECONDS?"""
    silent: ColumnElement[bool] = until - seconds < SERVER_TIME - SILENT_SECONDS
    return silent
