"""Connections to the database: SQLite with one writer at a time, or PostgreSQL with a pool."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from sqlalchemy import NullPool, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bridge.errors import ConfigError, Unreachable
from storage.guard import Guard
from storage.trouble import lost_a_race, outages

Result = TypeVar("Result")
#: What is done in one transaction.
Work = Callable[[AsyncConnection], Awaitable[Result]]

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
    its own end. Cancelled in the middle, the SQLite driver would begin or hold a transaction that nobody ends.
    """

    reader: AsyncEngine
    writer: AsyncEngine
    migrator: AsyncEngine
    turnstile: AbstractAsyncContextManager[Any]
    """Lets one writer through at a time, in the order of their coming; on PostgreSQL it stands open."""
    guard: Guard | None
    """Of the SQLite file; None for PostgreSQL."""
    running: set[asyncio.Task[Any]] = field(default_factory=set)

    async def read(self, work: Work[Result]) -> Result:
        """A transaction that only reads."""

        async def transaction() -> Result:
            async with self.reader.connect() as connection:
                return await work(connection)

        return await self._run(transaction(), PATIENCE)

    async def write(self, work: Work[Result]) -> Result:
        """A transaction that is committed when the work is done, and undone if it raises.

        One that lost a race against another is done again: the work may run several times, and only the last counts.
        """

        async def transaction() -> Result:
            async with AsyncExitStack() as opened:
                async with asyncio.timeout(PATIENCE):  # nobody waits for it any longer: it steps out of the line
                    await opened.enter_async_context(self.turnstile)
                attempts = 0
                while True:
                    attempts += 1
                    try:
                        async with self.writer.begin() as connection:
                            return await work(connection)
                    except DBAPIError as error:
                        if attempts == ATTEMPTS or not lost_a_race(error):
                            raise

        return await self._run(transaction(), PATIENCE)

    async def migrate(self, work: Work[Result]) -> Result:
        """A transaction for changes of the schema: patient, and on SQLite without foreign keys, to rebuild tables."""

        async def transaction() -> Result:
            async with self.turnstile, self.migrator.begin() as connection:
                return await work(connection)

        return await self._run(transaction(), MIGRATION_PATIENCE, opening=True)

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
                    for engine in {self.reader, self.writer, self.migrator}:
                        await engine.dispose()
        finally:
            if self.guard:
                self.guard.release()


def connect(url: str, *, connections: int = 8) -> Database:
    """Prepares the connections; none is made yet. Raises ConfigError, which shows no password."""
    parsed = _parsed(url)
    if parsed.drivername == SQLITE:
        return _sqlite(parsed)
    return _postgres(parsed, connections)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigError(f"DATABASE_URL cannot be read: {FORMS}") from error
    if parsed.drivername == SQLITE:
        if parsed.host or parsed.query or parsed.database in (None, "", ":memory:"):
            raise ConfigError(f"DATABASE_URL names no file: {FORMS}")
    elif parsed.drivername == POSTGRES:
        unknown = sorted(set(parsed.query) - _PARAMETERS)
        if unknown:
            raise ConfigError(f"DATABASE_URL: unknown parameter {', '.join(unknown)}; {FORMS}")
    else:
        raise ConfigError(f"DATABASE_URL names an unknown kind of database: {FORMS}")
    return parsed


def _sqlite(url: URL) -> Database:
    opening = {"async_creator_fn": _opened}
    writer = create_async_engine(url, hide_parameters=True, connect_args=opening, pool_size=1, max_overflow=0)
    reader = create_async_engine(url, hide_parameters=True, connect_args=opening, pool_size=4, max_overflow=0)
    migrator = create_async_engine(url, hide_parameters=True, connect_args=opening, poolclass=NullPool)
    _as_sqlite_should_be(writer, begin="BEGIN IMMEDIATE")
    _as_sqlite_should_be(reader, begin="BEGIN")
    _as_sqlite_should_be(migrator, begin="BEGIN IMMEDIATE", foreign_keys=False)
    return Database(
        reader=reader,
        writer=writer,
        migrator=migrator,
        turnstile=asyncio.Lock(),
        guard=Guard(Path(url.database or "")),
    )


async def _opened(*arguments: Any, **options: Any) -> aiosqlite.Connection:
    """Opens the file; if that fails, waits for the driver's thread, which would report to a loop that has ended."""
    connection = aiosqlite.connect(*arguments, **options)
    connection._thread.daemon = True  # as SQLAlchemy would set it
    try:
        return await connection
    except BaseException:
        await asyncio.to_thread(connection._thread.join)
        raise


def _as_sqlite_should_be(engine: AsyncEngine, *, begin: str, foreign_keys: bool = True) -> None:
    """Sets up each connection: durable at commit, readers beside the writer, and transactions that we begin ourselves.

    Python's sqlite3 would begin them late, and not at all before changes of the schema.
    """

    def set_up(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000 / 3)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        cursor.close()

    event.listen(engine.sync_engine, "connect", set_up)
    event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql(begin))


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
    return Database(reader=engine, writer=engine, migrator=migrator, turnstile=nullcontext(), guard=None)


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
