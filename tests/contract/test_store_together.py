"""Those who wait for the writer of an SQLite file share a commit, and none of them suffers for another."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.errors import LeaseLost, Unreachable
from storage import SqlStore, engine, migrate
from storage.engine import Database, connect
from tests.clocks import StillClock
from tests.contract.store_contract import message, order, receive


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite+aiosqlite:///{tmp_path}/bridge.db"
    await migrate(url)
    opened = connect(url)
    yield opened
    await opened.aclose()


class Gate:
    """Work that keeps the writer's thread until it is opened."""

    def __init__(self, database: Database) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()
        self.holding = asyncio.create_task(database.write(self._wait))

    async def _wait(self, _connection: AsyncConnection) -> None:
        self.entered.set()
        self.opened.wait(30)

    async def open(self) -> None:
        self.opened.set()
        await asyncio.gather(self.holding, return_exceptions=True)


async def test_those_who_come_meanwhile_share_one_commit(database: Database) -> None:
    commits: list[object] = []
    event.listen(database.writer.sync_engine, "commit", commits.append)
    store, gate = SqlStore(database, StillClock()), Gate(database)
    await asyncio.to_thread(gate.entered.wait, 30)
    receiving = [asyncio.create_task(receive(store, message(f"{number:02}"))) for number in range(30)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await gate.open()
    made = await asyncio.gather(*receiving)
    assert made == sorted(made), "in the order of their coming"
    assert len(set(made)) == 30
    assert len(commits) == 2


async def test_one_that_fails_spoils_no_other(database: Database) -> None:
    tried: list[str] = []

    async def note(name: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            tried.append(name)
            await connection.execute(
                text("INSERT INTO duties (name, owner, until) VALUES (:name, '', 0)"), {"name": name}
            )
            if name == "bad":
                raise LeaseLost

        await database.write(work)

    gate = Gate(database)
    await asyncio.to_thread(gate.entered.wait, 30)
    writing = [asyncio.create_task(note(name)) for name in ("one", "bad", "two")]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await gate.open()
    ends = await asyncio.gather(*writing, return_exceptions=True)
    assert [type(end) for end in ends] == [type(None), LeaseLost, type(None)]
    assert tried == ["one", "bad", "one", "bad", "two"], "together, and then each by itself"
    assert await order(database, "SELECT group_concat(name) FROM (SELECT name FROM duties ORDER BY rowid)") == "one,two"


async def test_what_nobody_waits_for_any_more_is_not_begun(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    monkeypatch.setattr(engine, "PATIENCE", 0.5)
    database = connect(f"sqlite+aiosqlite:///{tmp_path}/bridge.db")

    async def work(_connection: AsyncConnection) -> None:
        begun.append(1)

    gate = Gate(database)
    await asyncio.to_thread(gate.entered.wait, 30)
    with pytest.raises(Unreachable):
        await database.write(work)
    monkeypatch.undo()
    await gate.open()
    assert await order(database, "SELECT 1") == 1
    assert not begun
    await database.aclose()


async def test_who_waits_for_something_else_in_a_transaction_is_told(database: Database) -> None:
    with pytest.raises(RuntimeError, match="waits for nothing"):
        await database.write(lambda _: asyncio.sleep(0))
