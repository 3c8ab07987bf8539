"""A database that fails or is shared: nothing is half done, and what passes by itself is said to be Unreachable."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.errors import Unreachable
from bridge.model import Post, TurnState
from storage import SqlStore, engine, migrate, open_store
from storage.engine import connect
from tests.clocks import StillClock
from tests.contract.store_contract import MINE, SERVING, THEIRS, claim, empty, message, order, person, place, receive


class Line:
    """A connection to the real server that can be cut, held up or barred."""

    def __init__(self, host: str, port: int) -> None:
        self.server = (host, port)
        self.port = 0
        self.flows = asyncio.Event()
        self.flows.set()
        self._listening: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def open(self) -> None:
        self._listening = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._listening.sockets[0].getsockname()[1]

    async def bar(self) -> None:
        """Refuses new connections and cuts those that stand."""
        assert self._listening
        self._listening.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self.server)
        self._writers += [writer, there_writer]
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            task = asyncio.create_task(self._pass_on(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                await self.flows.wait()
                sink.write(data)
                await sink.drain()
            sink.close()


@pytest.fixture
async def line(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    monkeypatch.setattr(engine, "PATIENCE", 0.9)
    url = make_url(postgres_url)
    opened = Line(url.host or "", url.port or 5432)
    await opened.open()
    yield opened
    opened.flows.set()
    await opened.bar()


@pytest.fixture
async def distant(line: Line, postgres_url: str) -> AsyncIterator[SqlStore]:
    """A Store whose server is reached over the line."""
    await empty(postgres_url)
    url = make_url(postgres_url).set(host="127.0.0.1", port=line.port)
    store = await open_store(url.render_as_string(hide_password=False), StillClock())
    yield store
    await store.aclose()


async def test_a_server_that_is_not_there(line: Line, distant: SqlStore, postgres_url: str) -> None:
    await line.bar()
    with pytest.raises(Unreachable):
        await distant.waiting()
    with pytest.raises(Unreachable):
        await receive(distant, message("a"))
    url = make_url(postgres_url).set(host="127.0.0.1", port=line.port)
    with pytest.raises(Unreachable):
        await open_store(url.render_as_string(hide_password=False), StillClock())
    await line.open()
    await receive(distant, message("a"))
    assert (await claim(distant)).key == "a"


async def test_connections_that_were_cut_while_idle_are_replaced_unseen(line: Line, distant: SqlStore) -> None:
    await asyncio.gather(*(distant.waiting() for _ in range(4)))
    line.cut()
    await asyncio.sleep(0.05)
    assert await asyncio.gather(*(distant.next_due() for _ in range(4))) == [None] * 4


async def test_a_connection_that_is_cut_in_the_middle(line: Line, distant: SqlStore) -> None:
    line.flows.clear()
    asyncio.get_running_loop().call_later(0.1, line.cut)
    with pytest.raises(Unreachable) as caught:
        await receive(distant, message("a"))
    assert not caught.value.certain
    line.flows.set()
    await receive(distant, message("a"))


async def test_a_server_that_says_nothing(line: Line, distant: SqlStore) -> None:
    line.flows.clear()
    began = asyncio.get_running_loop().time()
    with pytest.raises(Unreachable):
        await distant.waiting()
    assert asyncio.get_running_loop().time() - began < 4
    line.flows.set()
    assert (await distant.waiting())["received"] == 0


async def test_a_server_that_shuts_down(distant: SqlStore, postgres_url: str) -> None:
    await receive(distant, message("a"))
    connection = await asyncpg.connect(postgres_url.replace("+asyncpg", ""))
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    await connection.close()
    with suppress(Unreachable):
        await distant.waiting()
    assert (await claim(distant)).key == "a"


# ---- one PostgreSQL for several processes


async def test_who_loses_the_race_for_a_conversation_gets_nothing(postgres_url: str) -> None:
    """Between the two looks an earlier message came in: both workers see a head, `one_open_turn` lets one through."""
    await empty(postgres_url)
    store = await open_store(postgres_url, StillClock())
    await receive(store, message("2"))
    other = await asyncpg.connect(postgres_url.replace("+asyncpg", ""))
    transaction = other.transaction()
    await transaction.start()
    await other.execute("UPDATE turns SET state = 'claimed', lease = 'x', lease_until = 9e9, lease_owner = 'x'")
    await receive(store, message("1"))
    losing = asyncio.create_task(store.claim(MINE, SERVING))
    await asyncio.sleep(0.1)
    assert not losing.done(), "it waits for the other's outcome"
    await transaction.commit()
    assert await losing is None
    await other.close()
    await store.aclose()


async def test_who_loses_a_deadlock_tries_again(postgres_url: str) -> None:
    await empty(postgres_url)
    store = await open_store(postgres_url, StillClock())
    for sender in ("ann", "bob"):
        await store.acquaint(person(sender))
    met, tries = asyncio.Barrier(2), 0

    async def write(*senders: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            nonlocal tries
            tries += 1
            for sender in senders:
                await connection.execute(text(f"UPDATE users SET language = 'zh' WHERE sender = '{sender}'"))
                if sender == senders[0] and tries <= 2:
                    await met.wait()

        await store._database.write(work)

    await asyncio.gather(write("ann", "bob"), write("bob", "ann"))
    assert tries == 3
    await store.aclose()


async def test_two_processes_share_the_work(postgres_url: str) -> None:
    await empty(postgres_url)
    clock = StillClock()
    stores = [await open_store(postgres_url, clock, connections=3) for _ in range(2)]
    twins = [message(f"{number:02}", chat=f"{number % 5}") for number in range(40)]
    await asyncio.gather(*(store.receive(twin, person(), place(twin)) for twin in twins for store in stores))
    done: list[str] = []

    async def work(store: SqlStore) -> None:
        while len(done) < len(twins):
            turn = await store.claim(MINE, SERVING)
            if turn:
                await store.keep_post(turn, Post(page=0, message_id="m"))
                done.append(turn.key)
                await store.settle(turn, TurnState.DELIVERED)

    await asyncio.wait_for(asyncio.gather(*(work(store) for store in stores for _ in range(3))), 20)
    assert sorted(done) == [twin.key for twin in twins]
    for chat in range(5):
        mine = [key for key in done if int(key) % 5 == chat]
        assert mine == sorted(mine)
    for store in stores:
        await store.aclose()


# ---- an SQLite file


async def test_a_file_that_somebody_else_has_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PATIENCE", 0.6)
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path}/bridge.db", StillClock())
    other = sqlite3.connect(tmp_path / "bridge.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unreachable, match="locked"):
        await receive(store, message("a"))
    assert (await store.waiting())["received"] == 0, "readers are free"
    other.execute("COMMIT")
    other.close()
    await receive(store, message("a"))
    await store.aclose()


async def test_a_full_disk_takes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/bridge.db"
    await migrate(url)
    database = connect(url)
    store = SqlStore(database, StillClock())
    await receive(store, message("a"))
    await order(database, "PRAGMA max_page_count = 1")

    async def fill() -> None:
        for number in range(1000):
            await receive(store, message(f"b{number}"))

    with pytest.raises(Unreachable, match="disk is full"):
        await fill()
    kept = len(await store.turns(limit=2000))
    await order(database, "PRAGMA max_page_count = 100000")
    await receive(store, message(f"b{kept - 1}"))
    assert len(await store.turns(limit=2000)) == kept + 1
    await store.aclose()


# ---- both


async def test_a_bug_is_not_taken_for_an_outage(store: SqlStore) -> None:
    await receive(store, message("a"))
    with pytest.raises(DBAPIError):
        await store.settle(await claim(store), TurnState.RECEIVED)


async def test_a_cancelled_call_is_done_or_not_done(store: SqlStore) -> None:
    made: list[asyncio.Task[object]] = []
    for number in range(40):
        task: asyncio.Task[object] = asyncio.create_task(receive(store, message(f"{number:02}")))
        made.append(task)
        await asyncio.sleep(0.0002 * number)
        task.cancel()
    ends = await asyncio.gather(*made, return_exceptions=True)
    kept = {turn.question for turn in await store.turns(limit=100)}
    for number, end in enumerate(ends):
        assert isinstance(end, asyncio.CancelledError) or f"text of {number:02}" in kept
    await store.receive(message("last"), person(), place(message("last")))
    assert await claim(store, THEIRS)


async def test_what_a_cancelled_claim_took_is_given_back_by_the_release(store: SqlStore) -> None:
    await receive(store, message("a"))
    task = asyncio.create_task(store.claim(MINE, SERVING))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await store.release(MINE.owner)
    assert (await claim(store, THEIRS)).key == "a"


async def test_what_no_other_transaction_is_to_blame_for_fails_in_the_end(store: SqlStore) -> None:
    tries = 0

    async def work(connection: AsyncConnection) -> None:
        nonlocal tries
        tries += 1
        await connection.execute(text("UPDATE users SET access = 'unknown'"))

    await store.acquaint(person())
    with pytest.raises(IntegrityError):
        await store._database.write(work)
    assert tries == engine.ATTEMPTS
