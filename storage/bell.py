"""The call to the processes beside us on the same PostgreSQL: there may be something to claim or to cancel."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

#: Where everybody listens (LISTEN).
CHANNEL = "coze_bridge"
#: What is said if a duty was laid down as well.
VACANT = "vacant"


async def call(connection: AsyncConnection, what: str = "") -> None:
    """Heard when the transaction commits; nothing on SQLite.

    Not for what happens often: PostgreSQL lets one such transaction in a server commit at a time.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_notify(CHANNEL, what)))
