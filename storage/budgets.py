"""What all processes together have used up of the platforms' limits, in one place: one statement for each call."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.errors import Unreachable
from bridge.ports import Budget, Clock, Level, Reservation
from storage.engine import Database

#: A call may come by this part of a call too early: clocks and networks are not exact, and asking again costs more.
SLACK = 0.1
#: Seconds for which a bucket has been full before its row is erased: to be full is what no row means.
FULL_SECONDS = 600.0
#: At most so many rows at a time, and so many seconds between two times.
MOST_ERASED, ERASE_SECONDS = 5_000, 60.0
#: At a call whose rows others erase while we add them.
ATTEMPTS = 5

#: The rows are locked in the order of their names, so that nobody waits for who waits for them; and the time is taken
#: after that, so that nobody uses up what came in while they waited. Found, judged and written in one statement: an
#: account's row, which every call needs, is held no longer than that takes.
RESERVE = text(
    """
    WITH wanted AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:names AS text[]), CAST(:bursts AS float8[]), CAST(:everys AS float8[]),
                             CAST(:spares AS float8[])) AS w(name, burst, every, spare)
    ), held AS MATERIALIZED (
        SELECT name, full_at FROM buckets WHERE name = ANY(CAST(:names AS text[])) ORDER BY name FOR UPDATE
    ), clock AS MATERIALIZED (
        SELECT CAST(extract(epoch FROM clock_timestamp()) AS float8) AS now, count(*) AS found FROM held
    ), looked AS MATERIALIZED (
        SELECT name, now, every, missing, now + used AS full_at, burst - used / every AS level, closed,
               burst - used / every < 1 + spare - :slack AS short
        FROM (
            SELECT wanted.*, now, held.name IS NULL AS missing,
                   least(greatest(full_at - now, 0), burst * every) AS used,
                   least(greatest(until - now, 0), seconds) AS closed
            FROM wanted CROSS JOIN clock LEFT JOIN held USING (name) LEFT JOIN penalties USING (name)
        ) AS found
    ), spent AS (
        UPDATE buckets SET full_at = looked.full_at + looked.every FROM looked
        WHERE buckets.name = looked.name AND NOT EXISTS (SELECT FROM looked WHERE missing OR short OR closed > 0)
        RETURNING buckets.name
    )
    SELECT name, now, missing, level, closed, spent.name IS NOT NULL AS granted FROM looked LEFT JOIN spent USING (name)
    """
)
#: In the order of the names as well: who adds a row waits for who is adding the same.
ADD = text(
    "INSERT INTO buckets SELECT name, 0 FROM unnest(CAST(:names AS text[])) AS w(name) ORDER BY name "
    "ON CONFLICT DO NOTHING"
)
ERASE = text(
    "DELETE FROM buckets WHERE name IN (SELECT name FROM buckets WHERE full_at < extract(epoch FROM clock_timestamp()) "
    "- :seconds ORDER BY name LIMIT :most FOR UPDATE SKIP LOCKED)"
)


class SharedBudgets:
    """Implements `bridge.ports.Shares` on PostgreSQL, where each statement of a `read` is a transaction by itself."""

    __slots__ = ("_clock", "_database", "_erased_at")

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._erased_at = clock.monotonic()

    async def reserve(self, budgets: Sequence[Budget], spare: Sequence[int]) -> Reservation:
        rows = await self._database.read(lambda connection: reserve(connection, budgets, spare))
        granted = all(row.granted for row in rows)
        if self._clock.monotonic() - self._erased_at > ERASE_SECONDS:
            self._erased_at = self._clock.monotonic()
            await self._database.read(erase)
        levels = [Level(name=row.name, calls=row.level - granted, closed=row.closed) for row in rows]
        return Reservation(granted=granted, levels=levels)


async def reserve(connection: AsyncConnection, budgets: Sequence[Budget], spare: Sequence[int]) -> Sequence[Row[Any]]:
    """The buckets as they were found, and whether the call was taken out of them. Raises Unreachable."""
    values = {
        "names": [budget.name for budget in budgets],
        "bursts": [float(budget.burst) for budget in budgets],
        "everys": [budget.every for budget in budgets],
        "spares": [float(calls) for calls in spare],
        "slack": SLACK,
    }
    for _ in range(ATTEMPTS):
        rows = (await connection.execute(RESERVE, values)).all()
        if not (missing := [row.name for row in rows if row.missing]):
            return rows
        await connection.execute(ADD, {"names": missing})
    raise Unreachable("the rows of budgets vanish as fast as they are made", certain=True)


async def erase(connection: AsyncConnection) -> int:
    """Erases rows that have been full for long; how many."""
    return (await connection.execute(ERASE, {"seconds": FULL_SECONDS, "most": MOST_ERASED})).rowcount
