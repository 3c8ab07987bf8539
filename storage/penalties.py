"""For how long a platform wants no call from us, by the name of the budget."""

from sqlalchemy import ColumnElement, Double, and_, case, delete, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.claims import SERVER_TIME
from storage.people import insert
from storage.tables import penalties


def _time(connection: AsyncConnection, now: float) -> ColumnElement[float]:
    """By which they end: `now`, or the server's, where several processes read them."""
    return SERVER_TIME if connection.dialect.name == "postgresql" else literal(now, Double)


async def penalise(connection: AsyncConnection, name: str, seconds: float, now: float) -> None:
    """Writes it down; a longer one stands. Those that are over are forgotten."""
    time = _time(connection, now)
    await connection.execute(delete(penalties).where(penalties.c.until <= time, penalties.c.name != name))
    new = insert(connection, penalties).values(name=name, until=time + seconds, seconds=seconds)
    stands = and_(penalties.c.until > new.excluded.until, penalties.c.until <= time + penalties.c.seconds)
    longer = {
        column: case((stands, getattr(penalties.c, column)), else_=getattr(new.excluded, column))
        for column in ("until", "seconds")
    }
    await connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=longer))


async def living(connection: AsyncConnection, now: float) -> dict[str, float]:
    """Those that are not over: for how many seconds more, by name."""
    time = _time(connection, now)
    left = (penalties.c.until - time).label("left")
    rows = await connection.execute(select(penalties, left).where(penalties.c.until > time))
    return {row.name: min(row.left, row.seconds) for row in rows}
