"""What the tests of the Store share: messages from somebody, and databases to put them in."""

import asyncio
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest
from alembic import command
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import Address, File, Inbound, Lease, Sender, Turn, TurnId, User
from storage import SqlStore
from storage.engine import Database, connect
from storage.schema import alembic_config
from tests.clocks import StillClock

SERVER = os.environ.get("TEST_POSTGRES_URL", "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres")
SERVING = {("telegram", "bot")}
MINE = Lease(owner="mine", seconds=30.0)
THEIRS = Lease(owner="theirs", seconds=30.0)


def message(key: str, *, chat: str = "chat", thread: str = "", sort: str = "", sender: str = "ann") -> Inbound:
    """Somebody writes; unless told otherwise, messages are in the order of their keys."""
    return Inbound(
        key=key,
        address=Address(platform="telegram", account="bot", chat=chat, thread=thread),
        sender=Sender(id=sender),
        text=f"text of {key}",
        sent_at=1.0,
        sort_key=sort or key,
        reply_to=f"message {key}",
        files=(File(kind="photo", ref="ref", name="a.jpg", size=3),),
    )


def person(sender: str = "ann", *, language: str = "en") -> User:
    return User(platform="telegram", account="bot", sender=sender, coze_user=f"coze-{sender}", language=language)


def place(inbound: Inbound) -> str:
    """The conversation's key, made as `bridge.identity` makes it."""
    address = inbound.address
    return f"{address.platform}:{address.account}:{address.chat}:{address.thread}:{inbound.sender.id}"


async def receive(store: SqlStore, inbound: Inbound) -> TurnId:
    """Receives a message that was not seen before."""
    turn = await store.receive(inbound, person(inbound.sender.id), place(inbound))
    assert turn is not None
    return turn


async def claim(store: SqlStore, lease: Lease = MINE) -> Turn:
    """Claims a turn that is there to be claimed."""
    turn = await store.claim(lease, SERVING)
    assert turn is not None
    return turn


async def pass_time(store: SqlStore, clock: StillClock, seconds: float) -> None:
    """Time passes, also for leases and waits, of which PostgreSQL has a clock of its own."""
    clock.time += seconds
    if store.peers is not None:
        for column in ("lease_until", "not_before"):
            await order(store._database, f"UPDATE turns SET {column} = {column} - {seconds} WHERE {column} > 0")


async def order(database: Database, *statements: str) -> Any:
    """Runs the statements in one transaction; what the last one returned first, if anything."""

    async def run(connection: AsyncConnection) -> Any:
        for statement in statements:
            done = await connection.execute(text(statement))
        return done.scalar() if done.returns_rows else None

    return await database.write(run)


async def at_revision(url: str, revision: str) -> Database:
    """An empty database as an older version has made it; to be closed."""

    def upgrade(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    database = connect(url)
    await database.migrate(lambda connection: connection.run_sync(upgrade))
    return database


@contextmanager
def postgres_database() -> Iterator[str]:
    """URL of a new, empty database; skips the test if no server answers."""
    name = f"test_{secrets.token_hex(6)}"
    try:
        asyncio.run(_order(f"CREATE DATABASE {name}"))
    except (OSError, TimeoutError) as error:
        pytest.skip(f"no PostgreSQL answers at TEST_POSTGRES_URL: {error}")
    try:
        yield SERVER.rpartition("/")[0] + f"/{name}"
    finally:
        asyncio.run(_order(f"DROP DATABASE {name} WITH (FORCE)"))


async def _order(statement: str) -> None:
    connection = await asyncpg.connect(SERVER.replace("+asyncpg", ""), timeout=60)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def empty(url: str) -> None:
    """Empties the tables of a migrated PostgreSQL database."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=60)
    try:
        tables = "users, conversations, turns, posts, penalties, buckets, duties, doomed, uploads"
        await connection.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
    finally:
        await connection.close()
