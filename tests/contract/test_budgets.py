"""Budgets that processes share on one PostgreSQL: together they stay below each limit, in any window, by its clock."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from bridge.clock import SystemClock
from bridge.errors import Unreachable
from bridge.pace import Kind, Pace, spare
from bridge.ports import Budget
from bridge.share import AWAY_SECONDS, Share
from storage import SqlStore, budgets, open_store
from storage.budgets import SLACK, SharedBudgets
from storage.engine import Database, connect
from tests.contract.store_contract import order

names = iter(range(10**6))


def budget(burst: int = 3, every: float = 1000.0, *, serial: bool = False) -> Budget:
    """One that no other test knows; unless told otherwise it does not refill while a test runs."""
    return Budget(name=f"budget {next(names)}", burst=burst, every=every, serial=serial)


@asynccontextmanager
async def processes(url: str, count: int = 1) -> AsyncIterator[list[Database]]:
    async with AsyncExitStack() as closing:
        opened = [connect(url, connections=3) for _ in range(count)]
        for database in opened:
            closing.push_async_callback(database.aclose)
        yield opened


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    async with processes(postgres_url) as (one,):
        yield one


@pytest.fixture
async def peers(postgres_url: str) -> AsyncIterator[list[SqlStore]]:
    """Two processes on one database."""
    async with AsyncExitStack() as closing:
        opened = [await open_store(postgres_url, SystemClock()) for _ in range(2)]
        for store in opened:
            closing.push_async_callback(store.aclose)
        yield opened


def share(store: SqlStore) -> tuple[Share, Pace]:
    assert store.shares is not None
    pace = Pace()
    return Share(store.shares, pace=pace, clock=SystemClock()), pace


async def asks(share: Share, pace: Pace, wanted: list[Budget], kind: Kind = Kind.FINAL) -> bool:
    """As a caller does: first its own pace, then all processes."""
    now = SystemClock().monotonic()
    if pace.delay(wanted, kind, now) > 0:
        return False
    pace.spend(wanted, now)
    return await share.grants(wanted, kind)


# ---- together


@pytest.mark.parametrize("seed", range(3))
async def test_never_more_than_burst_and_refill_in_any_window_of_the_databases_clock(
    postgres_url: str, seed: int
) -> None:
    account, chats = budget(3, 0.004), [budget(2, 0.015), budget(1, 0.02), budget(5, 0.01)]
    limits = {limit.name: limit for limit in (account, *chats)}
    granted: dict[str, list[float]] = {name: [] for name in limits}
    chance = random.Random(seed)

    async def hammer(database: Database) -> None:
        for _ in range(60):
            wanted = [account, chance.choice(chats)]
            chance.shuffle(wanted)
            kind = chance.choice(list(Kind))
            left = [spare(limit, kind) for limit in wanted]
            rows = await database.read(lambda connection, w=wanted, s=left: budgets.reserve(connection, w, s))
            assert len({row.granted for row in rows}) == 1, "all or none"
            for row in rows:
                if row.granted:
                    granted[row.name].append(row.now)

    async with processes(postgres_url, 3) as three:
        await asyncio.gather(*(hammer(database) for database in three for _ in range(2)))
    assert len(granted[account.name]) == sum(len(granted[chat.name]) for chat in chats) > account.burst
    for name, times in granted.items():
        times.sort()
        limit = limits[name]
        for i, first in enumerate(times):
            for j in range(i, len(times)):
                assert j - i + 1 <= limit.burst + SLACK + (times[j] - first) / limit.every + 1e-3


async def test_whatever_the_order_nobody_waits_for_who_waits_for_them(postgres_url: str) -> None:
    """And rows are made and erased meanwhile."""
    some = [budget(10**6, 1e-9) for _ in range(6)]
    chance = random.Random(1)

    async def hammer(database: Database) -> None:
        for number in range(80):
            wanted = chance.sample(some, 4)
            rows = await database.read(lambda connection, w=wanted: budgets.reserve(connection, w, [0] * 4))
            assert all(row.granted for row in rows)
            if number % 10 == 0:
                await order(database, f"UPDATE buckets SET full_at = 1 WHERE name = '{chance.choice(some).name}'")
                await database.read(budgets.erase)

    async with asyncio.timeout(100), processes(postgres_url, 3) as three:
        await asyncio.gather(*(hammer(database) for database in three for _ in range(3)))


async def test_two_processes_find_one_bucket(peers: list[SqlStore]) -> None:
    account = budget(3)
    (one, _), (other, pace) = share(peers[0]), share(peers[1])
    assert [await one.grants([account], Kind.FINAL) for _ in range(2)] == [True, True]
    assert await asks(other, pace, [account])
    assert not await asks(other, pace, [account])
    assert not await one.grants([account], Kind.FINAL)
    assert pace.delay([account], Kind.FINAL, SystemClock().monotonic()) > account.every / 2


async def test_a_refused_call_is_taken_out_of_no_bucket(peers: list[SqlStore]) -> None:
    account, full, empty = budget(3), budget(3), budget(1)
    (one, _), (other, pace) = share(peers[0]), share(peers[1])
    assert await one.grants([account, empty], Kind.FINAL)
    for _ in range(5):
        assert not await other.grants([account, empty], Kind.FINAL)
    assert [await asks(other, pace, [account, full]) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(("burst", "previews"), [(2, 1), (3, 2), (4, 3), (20, 15)])
async def test_there_is_room_for_a_final_where_others_previews_use_up_the_rest(
    peers: list[SqlStore], burst: int, previews: int
) -> None:
    account = budget(burst)
    (one, _), (other, pace) = share(peers[0]), share(peers[1])
    assert [await one.grants([account], Kind.PREVIEW) for _ in range(burst)].count(True) == previews
    assert not await asks(other, pace, [account], Kind.PREVIEW)
    assert not await asks(other, pace, [account], Kind.TYPING)
    assert await asks(other, pace, [account], Kind.FINAL), "the refused preview has not closed it to its own pace"


# ---- penalties


async def test_a_penalty_is_known_to_the_others_at_their_next_call(peers: list[SqlStore]) -> None:
    account, chat, another = budget(30), budget(3, 1.0, serial=True), budget(3, 1.0, serial=True)
    other, pace = share(peers[1])
    assert await asks(other, pace, [account, chat])
    pace.returned([account, chat], SystemClock().monotonic())
    await peers[0].penalise(chat.name, 1000.0)
    assert not await asks(other, pace, [account, chat])
    for kind in Kind:
        assert pace.delay([account, chat], kind, SystemClock().monotonic()) > 900
    assert await asks(other, pace, [account, another]), "only that chat is closed"


async def test_a_penalty_that_is_over_closes_nothing(peers: list[SqlStore]) -> None:
    chat = budget(3)
    await peers[0].penalise(chat.name, -1.0)
    other, pace = share(peers[1])
    assert await asks(other, pace, [chat])


# ---- rows


async def test_only_what_has_been_full_for_long_is_erased(database: Database) -> None:
    old, young, short = budget(), budget(), budget()
    all_three = [old, young, short]
    await database.read(lambda connection: budgets.reserve(connection, all_three, [0, 0, 0]))
    now = await order(database, "SELECT CAST(extract(epoch FROM clock_timestamp()) AS float8)")
    await order(database, f"UPDATE buckets SET full_at = {now - 700} WHERE name = '{old.name}'")
    await order(database, f"UPDATE buckets SET full_at = {now - 100} WHERE name = '{young.name}'")
    await database.read(budgets.erase)
    left = ", ".join(f"'{some.name}'" for some in all_three)
    assert await order(database, f"SELECT array_agg(name ORDER BY name) FROM buckets WHERE name IN ({left})") == sorted(
        [young.name, short.name]
    )


async def test_rows_are_erased_in_passing(database: Database) -> None:
    class Later(SystemClock):
        passed = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.passed

    clock, old = Later(), budget()
    shared = SharedBudgets(database, clock)
    await order(database, f"INSERT INTO buckets VALUES ('{old.name}', 1)")
    count = f"SELECT count(*) FROM buckets WHERE name = '{old.name}'"
    await shared.reserve([budget()], [0])
    assert await order(database, count) == 1
    clock.passed = 61.0
    await shared.reserve([budget()], [0])
    assert await order(database, count) == 0


async def test_the_rows_need_no_disk(database: Database) -> None:
    assert await order(database, "SELECT relpersistence FROM pg_class WHERE relname = 'buckets'") in ("u", b"u")


async def test_on_sqlite_nothing_is_shared(tmp_path: object) -> None:
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path}/bridge.db", SystemClock())
    assert store.shares is None
    await store.aclose()


# ---- a database that does not answer


async def test_where_the_database_is_away_nothing_goes_out_and_it_is_asked_again_soon() -> None:
    account, chat = budget(3, 0.05), budget(3, 0.05, serial=True)
    async with processes("postgresql+asyncpg://nobody@127.0.0.1:1/none") as (gone,):
        shared = SharedBudgets(gone, SystemClock())
        with pytest.raises(Unreachable):
            await shared.reserve([account], [0])
        pace = Pace()
        assert not await asks(Share(shared, pace=pace, clock=SystemClock()), pace, [account, chat])
    now = SystemClock().monotonic()
    assert 0 < pace.delay([account, chat], Kind.FINAL, now) <= AWAY_SECONDS + 0.01
    assert pace.delay([chat], Kind.FINAL, now) == 0, "it was unspent"
    assert pace.delay([account, chat], Kind.PREVIEW, now + 2 * AWAY_SECONDS) == 0


async def test_who_gives_up_asking_has_spent_nothing(postgres_url: str, peers: list[SqlStore]) -> None:
    chat = budget(3, serial=True)
    one, pace = share(peers[0])
    assert await asks(one, pace, [chat])
    pace.returned([chat], SystemClock().monotonic())
    async with processes(postgres_url) as (holder,):
        held, done = asyncio.Event(), asyncio.Event()

        async def hold(connection: object) -> None:
            await budgets.reserve(connection, [chat], [0])  # type: ignore[arg-type]
            held.set()
            await done.wait()

        holding = asyncio.create_task(holder.write(hold))
        await held.wait()
        asking = asyncio.create_task(asks(one, pace, [chat]))
        async with asyncio.timeout(30):
            while pace.delay([chat], Kind.FINAL, SystemClock().monotonic()) == 0:
                await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait({asking})
        assert asking.cancelled()
        done.set()
        await holding
    assert pace.delay([chat], Kind.FINAL, SystemClock().monotonic()) == 0
