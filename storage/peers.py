"""The processes beside us on the same PostgreSQL: they wake each other, and what one of them held when it died goes on.

A connection of its own carries the calls (LISTEN, NOTIFY) and our sign of life: a lock that the server lifts when the
connection ends, as it does at once when a process is killed.
"""

import asyncio
import hashlib
import logging
import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from asyncpg import InterfaceError, InternalClientError, PostgresError

from bridge.errors import Unreachable
from bridge.model import Lease
from bridge.ports import Clock
from storage import duties
from storage.bell import CHANNEL, VACANT
from storage.engine import Database, Dial

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""Between two looks for the dead."""
RING_SECONDS = 0.02
"""Between two calls of ours, at least: what happens meanwhile is told with the next."""
RETRY_SECONDS = 0.2
"""Between attempts to connect."""
RETURN_SECONDS = 3.0
"""When our own connection was lost, the others' may have been: so long they get to come back before we judge them."""
SURE_SECONDS = 1.0
"""So long before a duty is anybody's it is surely ours no more: what is under way takes its time to end."""
UNSURE_SECONDS = 0.5
"""So long before the others take us for dead we act as if they had."""
CLOSE_SECONDS = 2.0
TRY_LOCK = "SELECT pg_try_advisory_lock($1)"
#: What a connection ends with.
LOST = (PostgresError, InterfaceError, InternalClientError, OSError, TimeoutError)


class Peers:
    """Implements `bridge.ports.Peers`, where its methods are described."""

    def __init__(self, database: Database, dial: Dial, clock: Clock) -> None:
        self._database = database
        self._dial = dial
        self._clock = clock
        self._bell = asyncio.Event()
        """Set: there is something to tell the others, or our connection has ended."""
        self._vacancy = asyncio.Event()
        self._seen = False
        """The others see that we live."""

    @property
    def sure_seconds(self) -> float:
        return math.inf if self._seen else duties.SILENT_SECONDS - UNSURE_SECONDS

    def ring(self) -> None:
        self._bell.set()

    async def take(self, duty: str, owner: str) -> float:
        began = self._clock.monotonic()
        ours = await self._database.write(lambda connection: duties.take(connection, duty, owner), single=True)
        return began + duties.DUTY_SECONDS - SURE_SECONDS if ours else 0.0

    async def lay_down(self, duty: str, owner: str) -> None:
        await self._database.rest()
        await self._database.write(lambda connection: duties.lay_down(connection, duty, owner))

    async def vacancy(self, seconds: float) -> None:
        await self._clock.wait(self._vacancy, seconds)

    async def run(self, us: Lease, wake: Callable[[], None]) -> None:
        judging_from, told = self._clock.monotonic(), False
        while True:
            try:
                connection = await self._dial()
                try:
                    if told:
                        log.info("the processes beside us are heard again")
                        told = False
                    await self._stay(connection, us, wake, judging_from)
                finally:
                    self._seen = False
                    wake()  # what we hold is to be renewed at once, or not to be touched
                    await _close(connection)
            except LOST as error:
                if not told:
                    log.warning("the processes beside us are not heard: %s", str(error) or type(error).__name__)
                told = True
            await self._clock.sleep(RETRY_SECONDS if told else 0.0)
            judging_from = self._clock.monotonic() + RETURN_SECONDS

    async def _stay(self, connection: Any, us: Lease, wake: Callable[[], None], judging_from: float) -> None:
        """Until the connection ends."""

        def heard(_: Any, caller: int, __: str, what: str) -> None:
            if what == VACANT:
                self._vacancy.set()
                self._vacancy = asyncio.Event()
            if caller != connection.get_server_pid():
                wake()

        connection.add_termination_listener(lambda _: self._bell.set())
        await connection.add_listener(CHANNEL, heard)
        wake()  # what was called while we did not hear
        look_at = self._clock.monotonic()
        while not connection.is_closed():
            if await self._clock.wait(self._bell, max(0.0, look_at - self._clock.monotonic())):
                self._bell.clear()
                await connection.execute(f"NOTIFY {CHANNEL}")
                await self._clock.sleep(RING_SECONDS)
            if self._clock.monotonic() >= look_at:
                look_at = self._clock.monotonic() + LOOK_SECONDS
                self._seen = self._seen or await connection.fetchval(TRY_LOCK, _lock(us.owner))
                if self._clock.monotonic() >= judging_from:
                    with suppress(Unreachable):  # of the pool: that is no reason to lose our sign of life
                        await self._look_for_the_dead(connection, us, wake)

    async def _look_for_the_dead(self, connection: Any, us: Lease, wake: Callable[[], None]) -> None:
        """Who is silent and shows no sign of life is dead; only one of us takes what they held."""
        for owner in await self._database.read(lambda reading: duties.silent(reading, us)):
            if not await connection.fetchval(TRY_LOCK, _lock(owner)):
                continue
            try:
                freed = await self._database.write(partial(duties.bury, owner=owner, us=us))
            finally:
                await connection.execute("SELECT pg_advisory_unlock($1)", _lock(owner))
            if freed:
                log.warning("a process beside us has died: what it held goes on")
                wake()


def _lock(owner: str) -> int:
    """The advisory lock that is the owner's sign of life."""
    return int.from_bytes(hashlib.blake2b(owner.encode(), digest_size=8).digest(), signed=True)


async def _close(connection: Any) -> None:
    try:
        await connection.close(timeout=CLOSE_SECONDS)
    except LOST:
        connection.terminate()
