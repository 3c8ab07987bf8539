"""Penalties in the Store, on SQLite and on PostgreSQL: what one process was told, the others know."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from storage import SqlStore, open_store
from storage.engine import connect
from tests.clocks import StillClock
from tests.contract.store_contract import order

CHAT = "telegram:123456:-1001234567890"
Later = Callable[[float], Awaitable[None]]


@pytest.fixture
def later(store_url: str, clock: StillClock) -> Later:
    """Lets so many seconds pass: PostgreSQL goes by a clock of its own, which nobody can move, but what it judges."""

    async def passed(seconds: float) -> None:
        clock.time += seconds
        if store_url.startswith("postgresql"):
            database = connect(store_url)
            await order(database, f"UPDATE penalties SET until = until - {seconds}")
            await database.aclose()

    return passed


def about(**seconds: float) -> object:
    """Penalties last hours here: so it does not matter how long a test runs."""
    return pytest.approx(seconds, abs=120)


async def test_a_penalty_is_known_until_it_is_over(store: SqlStore, later: Later) -> None:
    assert await store.penalties() == {}
    await store.penalise("chat", 60_000.0)
    await store.penalise("update", 10_000.0)
    assert await store.penalties() == about(chat=60_000.0, update=10_000.0)
    await later(10_000.0)
    assert await store.penalties() == about(chat=50_000.0)
    await later(51_000.0)
    assert await store.penalties() == {}


@pytest.mark.parametrize(("first", "second", "left"), [(6e4, 9e4, 9e4), (9e4, 6e4, 9e4), (-5.0, 3e4, 3e4)])
async def test_the_longer_one_stands(store: SqlStore, first: float, second: float, left: float) -> None:
    await store.penalise("chat", first)
    await store.penalise("chat", second)
    assert await store.penalties() == about(chat=left)


async def test_the_next_process_knows_of_it(store: SqlStore, store_url: str, clock: StillClock) -> None:
    await store.penalise(CHAT, 3600.0)
    await store.aclose()
    again = await open_store(store_url, clock)
    assert list(await again.penalties()) == [CHAT]
    await again.aclose()


async def test_the_clock_of_a_machine_is_not_asked_where_several_share_them(
    store: SqlStore, store_url: str, clock: StillClock
) -> None:
    await store.penalise("chat", 3600.0)
    clock.time += 86_400.0
    found = await store.penalties()
    assert found == (about(chat=3600.0) if store_url.startswith("postgresql") else {})


async def test_those_that_are_over_do_not_pile_up(store: SqlStore, later: Later) -> None:
    for number in range(20):
        await later(10_000.0)
        await store.penalise(f"chat {number}", 5_000.0)
    await later(-1_000_000.0)
    assert len(await store.penalties()) == 1


async def test_many_at_once(store: SqlStore) -> None:
    await asyncio.gather(*(store.penalise(f"chat {number % 5}", 1000.0 * (1 + number)) for number in range(40)))
    assert await store.penalties() == pytest.approx(
        {f"chat {number}": 1000.0 * (36 + number) for number in range(5)}, abs=120
    )


async def test_a_clock_that_is_set_back_makes_it_no_longer(store: SqlStore, later: Later) -> None:
    await store.penalise("chat", 3.0)
    await later(-3600.0)
    assert (await store.penalties())["chat"] == pytest.approx(3.0)
    await store.penalise("chat", 60.0)
    assert (await store.penalties())["chat"] == pytest.approx(60.0, abs=5)
