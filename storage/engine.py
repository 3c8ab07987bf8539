"""Connections to the database: SQLite with one writer at a time, or PostgreSQL with a pool."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import Engine, NullPool, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bridge.errors import ConfigError, Unreachable
from storage.guard import Guard
from storage.sqlite import Reader, Writer
from storage.transactions import Result, Transactions, Work
from storage.trouble import lost_a_race, outages

#: Makes a connection to PostgreSQL as its driver has it, outside of the pool.
Dial = Callable[[], Awaitable[Any]]

SQLITE = "sqlite+aiosqlite"
POSTGRES = "postgresql+asyncpg"
FORMS = f"use {SQLITE}:///path/to/file.db or {POSTGRES}://user:password@host/database"

#: Seconds that one transaction may take, waiting for its turn included; a connection or a statement gets two thirds.
PATIENCE = 15.0
#: At a transaction that others may spoil.
ATTEMPTS = 5
#: The same for bringing the schema up to date.
MIGRATION_PATIENCE = 600.0
#: Parameters that a PostgreSQL URL may carry.
_PARAMETERS = {"host", "port", "ssl", "sslmode", "prepared_statement_cache_size"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Where transactions come from. Each has a timeout, and raises Unreachable if the database does not answer.

    A transaction runs in a task of its own: whoever waits for it may be cancelled or lose patience, while it comes to
    its own end.
    """

    reader: Transactions
    writer: Transactions
    single: Transactions
    """For writing with one statement."""
    migrator: Transactions
    guard: Guard | None
    """Of the SQLite file; None for PostgreSQL."""
    dial: Dial | None
    """For what needs a connection of its own for good; None for SQLite."""
    running: set[asyncio.Task[Any]] = field(default_factory=set)

    async def read(self, work: Work[Result], *, opening: bool = False) -> Result:
        """A transaction that only reads; on PostgreSQL each statement by itself. `opening`: see `outages`."""
        return await self._run(self._do(self.reader, work), PATIENCE, opening=opening)

    async def write(self, work: Work[Result], *, single: bool = False) -> Result:
        """A transaction that is committed when the work is done, and undone if it raises.

        Work that is a `single` statement on PostgreSQL is committed with it: two round trips less.

        One that lost a race against another is done again: the work may run several times, and only the last counts.
        """

        async def transaction() -> Result:
            attempts = 0
            while True:
                attempts += 1
                try:
                    return await (self.single if single else self.writer).do(work)
                except DBAPIError as error:
                    if attempts == ATTEMPTS or not lost_a_race(error):
                        raise

        return await self._run(transaction(), PATIENCE)

    async def migrate(self, work: Work[Result]) -> Result:
        """A transaction for changes of the schema: patient, and on SQLite without foreign keys, to rebuild tables."""
        return await self._run(self._do(self.migrator, work), MIGRATION_PATIENCE, opening=True)

    async def between(
        self, work: Callable[[sqlite3.Connection], Result], *, patience: float = PATIENCE
    ) -> Result | None:
        """Does that to the SQLite file while none of our transactions writes; on PostgreSQL nothing."""
        if not isinstance(self.writer, Writer):
            return None
        return await self._run(self.writer.between(work), patience)

    @staticmethod
    async def _do(transactions: Transactions, work: Work[Result]) -> Result:
        return await transactions.do(work)

    async def _run(self, transaction: Coroutine[Any, Any, Result], patience: float, *, opening: bool = False) -> Result:
        task = asyncio.create_task(transaction)
        self.running.add(task)
        task.add_done_callback(self._ended)
        with outages(opening=opening):
            async with asyncio.timeout(patience):
                return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.running.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not complain where nobody waits for it any more

    async def rest(self) -> None:
        """Waits until the transactions that have begun are at their end, also those that nobody waits for."""
        if self.running:
            await asyncio.wait(set(self.running), timeout=PATIENCE)

    async def aclose(self) -> None:
        """Closes all connections and gives the SQLite file free."""
        await self.rest()
        try:
            with suppress(Unreachable), outages():
                async with asyncio.timeout(PATIENCE):
                    for transactions in (self.reader, self.writer, self.migrator):
                        await transactions.aclose()
        finally:
            if self.guard:
                self.guard.release()


def connect(url: str, *, connections: int = 8) -> Database:
    """Prepares the connections; none is made yet. Raises ConfigError, which shows no password."""
    found = parsed(url)
    if found.drivername == SQLITE:
        return _sqlite(found)
    return _postgres(found, connections)


def parsed(url: str) -> URL:
    """The parts of DATABASE_URL. Raises ConfigError, which shows no password."""
    try:
        found = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigError(f"DATABASE_URL cannot be read: {FORMS}") from error
    if found.drivername == SQLITE:
        if found.host or found.query or found.database in (None, "", ":memory:"):
            raise ConfigError(f"DATABASE_URL names no file: {FORMS}")
    elif found.drivername == POSTGRES:
        unknown = sorted(set(found.query) - _PARAMETERS)
        if unknown:
            raise ConfigError(f"DATABASE_URL: unknown parameter {', '.join(unknown)}; {FORMS}")
    else:
        raise ConfigError(f"DATABASE_URL names an unknown kind of database: {FORMS}")
    return found


def _sqlite(url: URL) -> Database:
    writer = Writer(url, PATIENCE)
    return Database(
        reader=Reader(url, PATIENCE),
        writer=writer,
        single=writer,
        migrator=Writer(url, PATIENCE, migrates=True),
        guard=Guard(Path(url.database or "")),
        dial=None,
    )


def _postgres(url: URL, connections: int) -> Database:
    engine = create_async_engine(
        _without_sslmode(url),
        hide_parameters=True,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=PATIENCE * 2 / 3,
        pool_recycle=900,
        pool_use_lifo=True,
        connect_args=_arguments(PATIENCE * 2 / 3),
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    migrator = create_async_engine(
        _without_sslmode(url),
        hide_parameters=True,
        poolclass=NullPool,
        connect_args=_arguments(MIGRATION_PATIENCE * 2 / 3),
    )
    # What only reads, or is a single statement, need not say where it begins and ends: two round trips less.
    single = _Pooled(engine.execution_options(isolation_level="AUTOCOMMIT"))

    def dial() -> Awaitable[Any]:
        _, options = engine.dialect.create_connect_args(engine.url)
        options.pop("prepared_statement_cache_size", None)  # SQLAlchemy's own
        connecting: Awaitable[Any] = asyncpg.connect(**options, **_arguments(PATIENCE / 3))
        return connecting

    return Database(
        reader=single, writer=_Pooled(engine), single=single, migrator=_Pooled(migrator), guard=None, dial=dial
    )


@dataclass(frozen=True, slots=True)
class _Pooled:
    """Transactions on PostgreSQL."""

    engine: AsyncEngine

    @property
    def sync_engine(self) -> Engine:
        return self.engine.sync_engine

    async def do(self, work: Work[Result]) -> Result:
        async with self.engine.begin() as connection:
            return await work(connection)

    async def aclose(self) -> None:
        await self.engine.dispose()


def _without_sslmode(url: URL) -> URL:
    """The driver calls libpq's `sslmode` `ssl`."""
    if "sslmode" not in url.query:
        return url
    return url.difference_update_query(["sslmode"]).update_query_dict({"ssl": url.query["sslmode"]})


def _arguments(statement: float) -> dict[str, Any]:
    """How to connect. A transaction whose process vanished is ended by the server: its row locks would hide turns."""
    return {
        "timeout": PATIENCE * 2 / 3,
        "command_timeout": statement,
        "server_settings": {
            "application_name": "coze-bridge",
            "idle_in_transaction_session_timeout": str(int(PATIENCE * 2000)),
        },
    }


def _refuse_closed(connection: Any, *_: Any) -> None:
    """Has the pool make a new connection where the server has closed the old one; costs no round trip."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError("the server closed this connection")
