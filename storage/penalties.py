"""Until when a platform wants no call from us, by the name of the budget."""

from sqlalchemy import case, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.people import insert
from storage.tables import penalties


async def penalise(connection: AsyncConnection, name: str, until: float, now: float) -> None:
    """Writes it down; a longer one stands. Those that are over are forgotten."""
    await connection.execute(delete(penalties).where(penalties.c.until <= now, penalties.c.name != name))
    new = insert(connection, penalties).values(name=name, until=until)
    longer = case((penalties.c.until > new.excluded.until, penalties.c.until), else_=new.excluded.until)
    await connection.execute(new.on_conflict_do_update(index_elements=["name"], set_={"until": longer}))


async def living(connection: AsyncConnection, now: float) -> dict[str, float]:
    """Those that are not over, by name."""
    rows = await connection.execute(select(penalties).where(penalties.c.until > now))
    return {row.name: row.until for row in rows}
