"""Penalties in the Store, on SQLite and on PostgreSQL: what one process was told, the next one knows."""

import asyncio

import pytest

from storage import SqlStore, open_store
from tests.clocks import StillClock

CHAT = "telegram:123456:-1001234567890"


async def test_a_penalty_is_known_until_it_is_over(store: SqlStore, clock: StillClock) -> None:
    now = clock.time
    assert await store.penalties() == {}
    await store.penalise(CHAT, now + 60.25)
    await store.penalise("slack:T1:update", now + 10.0)
    assert await store.penalties() == {CHAT: now + 60.25, "slack:T1:update": now + 10.0}
    clock.time = now + 10.0
    assert await store.penalties() == {CHAT: now + 60.25}
    clock.time = now + 61.0
    assert await store.penalties() == {}


@pytest.mark.parametrize(("first", "second", "left"), [(60.0, 90.0, 90.0), (90.0, 60.0, 90.0), (-5.0, 3.0, 3.0)])
async def test_the_longer_one_stands(
    store: SqlStore, clock: StillClock, first: float, second: float, left: float
) -> None:
    await store.penalise(CHAT, clock.time + first)
    await store.penalise(CHAT, clock.time + second)
    assert await store.penalties() == {CHAT: clock.time + left}


async def test_the_next_process_knows_of_it(store: SqlStore, store_url: str, clock: StillClock) -> None:
    until = clock.time + 3600.0
    await store.penalise(CHAT, until)
    await store.aclose()
    again = await open_store(store_url, clock)
    assert await again.penalties() == {CHAT: until}
    await again.aclose()


async def test_those_that_are_over_do_not_pile_up(store: SqlStore, clock: StillClock) -> None:
    for number in range(20):
        clock.time += 10.0
        await store.penalise(f"chat {number}", clock.time + 5.0)
    clock.time -= 1000.0
    assert len(await store.penalties()) == 1


async def test_many_at_once(store: SqlStore, clock: StillClock) -> None:
    now = clock.time
    await asyncio.gather(*(store.penalise(f"chat {number % 5}", now + 10.0 + number) for number in range(40)))
    assert await store.penalties() == {f"chat {number}": now + 45.0 + number for number in range(5)}
