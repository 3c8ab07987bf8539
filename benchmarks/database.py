"""A database for a benchmark: a new SQLite file, or a database of its own on the PostgreSQL server of the tests."""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

SERVER = os.environ.get("TEST_POSTGRES_URL", "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres")
ENGINES = ("sqlite", "postgresql")
SECONDS = 60.0
"""What an order to the server may take."""


@asynccontextmanager
async def database(engine: str) -> AsyncIterator[str]:
    """URL of a new, empty database, which is gone afterwards. Raises OSError if no PostgreSQL answers."""
    if engine == "sqlite":
        with TemporaryDirectory() as directory:
            yield f"sqlite+aiosqlite:///{Path(directory) / 'bridge.db'}"
        return
    name = f"bench_{secrets.token_hex(6)}"
    await order(SERVER, f"CREATE DATABASE {name}")
    try:
        yield SERVER.rpartition("/")[0] + f"/{name}"
    finally:
        await order(SERVER, f"DROP DATABASE {name} WITH (FORCE)")


async def order(url: str, statement: str) -> list[asyncpg.Record]:
    """Runs one statement on PostgreSQL, in a connection of its own. Raises OSError if it does not let us in."""
    try:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=SECONDS)
    except asyncpg.TooManyConnectionsError as error:
        raise ConnectionError(str(error)) from error
    try:
        return list(await connection.fetch(statement, timeout=SECONDS))
    finally:
        await connection.close()


async def move_backends(url: str, core: int) -> None:
    """Puts the server's processes that work for that database on a core, if they are ours to move."""
    rows = await order(url, "SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    for row in rows:
        with suppress(OSError):
            os.sched_setaffinity(row["pid"], {core})
