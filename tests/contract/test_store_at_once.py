"""People who write, are blocked, let in and forgotten by several processes at the same moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.errors import LeaseLost
from bridge.model import Access, Post, TurnState
from bridge.ports import Effect
from storage import SqlStore, admission, arrivals, open_store
from tests.clocks import StillClock
from tests.contract.store_contract import MINE, SERVING, THEIRS, claim, empty, message, order, person, receive
from tests.contract.test_store_access import DAY, HOUR, TOLD, number, shown, turn_away


async def test_people_may_be_forgotten_while_they_write_and_are_answered(store: SqlStore) -> None:
    """On PostgreSQL all of them write at the same time, and each locks people, turns and conversations."""

    async def write(sender: str) -> None:
        for turn in range(20):
            inbound = message(f"{sender} {turn}", sender=sender)
            who = person(sender, language="zh" if turn % 2 else "en")
            assert await store.receive(inbound, who, "shared") is not None

    async def work() -> None:
        for _ in range(40):
            if turn := await store.claim(MINE, SERVING):
                with suppress(LeaseLost):
                    await store.asking(turn, "coze", at=1.0)
                    await store.keep_post(turn, Post(page=0, message_id="m"))
                    await store.settle(turn, TurnState.DELIVERED)

    async def forget() -> None:
        for _ in range(20):
            await store.forget([one.id for one in await store.people()])

    await asyncio.gather(*(write(sender) for sender in "abcd"), work(), work(), forget())
    await store.forget([one.id for one in await store.people()])
    assert await store.turns() == []
    assert await order(store._database, "SELECT count(*) FROM conversations") == 0


@pytest.fixture
async def shared(postgres_url: str, clock: StillClock) -> AsyncIterator[SqlStore]:
    """On PostgreSQL; on SQLite, who writes is alone."""
    await empty(postgres_url)
    opened = await open_store(postgres_url, clock)
    yield opened
    await opened.aclose()


async def somebody_waits(connection: AsyncConnection) -> None:
    """Returns as soon as another transaction waits for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while not (await connection.execute(text(waiting))).scalar():
        await connection.execute(text("SELECT pg_sleep(0.01), pg_stat_clear_snapshot()"))


async def test_who_is_blocked_before_the_question_is_kept_stays_blocked_and_is_not_heard(shared: SqlStore) -> None:
    first = await receive(shared, message("1"))
    ann, writing = await number(shared, "ann"), list[asyncio.Task[object]]()
    other = person("ann", language="zh")

    async def block(connection: AsyncConnection) -> None:
        await admission.decide(connection, [ann], Access.BLOCKED)
        writing.append(asyncio.create_task(shared.receive(message("2"), other, "there")))
        writing.append(asyncio.create_task(shared.obey(message("3"), other, "there", Effect.NONE, str)))
        await somebody_waits(connection)

    await shared._database.write(block)
    assert await asyncio.gather(*writing) == [None, None]
    assert await shown(shared) == {"ann": "blocked"}
    assert [turn.id for turn in await shared.turns()] == [first]


async def test_who_is_blocked_while_the_question_is_kept_is_not_answered(shared: SqlStore) -> None:
    await shared.acquaint(person("ann"))
    ann, blocking = await number(shared, "ann"), list[asyncio.Task[None]]()

    async def ask(connection: AsyncConnection) -> None:
        await arrivals.question(connection, message("1"), person("ann"), "there", 1.0)
        blocking.append(asyncio.create_task(shared.decide([ann], Access.BLOCKED)))
        await somebody_waits(connection)

    await shared._database.write(ask)
    await asyncio.gather(*blocking)
    assert (await claim(shared)).cancelled


async def test_a_stranger_of_long_ago_whom_the_operator_lets_in_is_not_erased(
    shared: SqlStore, clock: StillClock
) -> None:
    assert await turn_away(shared, "1", "eve") is TOLD
    clock.time += HOUR + DAY + 1
    eve = await number(shared, "eve")

    async def allow(connection: AsyncConnection) -> None:
        await admission.decide(connection, [eve], Access.PAIRED)
        assert await turn_away(shared, "2", "mallory") is TOLD

    await shared._database.write(allow)
    assert await shown(shared) == {"eve": "paired", "mallory": "refused"}
    assert len(await shared.turns()) == 2


async def test_what_is_known_of_an_answer_is_kept_only_under_its_claim(store):
    await receive(store, message("1"))
    first = await claim(store)
    await store.remember({first: "too early"})
    await store.streaming(first, "chat")
    await store.remember({first: "so much"})
    await store.release(MINE.owner)
    second = await claim(store, THEIRS)
    assert (second.state, second.answer) == (TurnState.STREAMING, "so much")
    await store.remember({first: "stale", second: "more"})
    await store.release(THEIRS.owner)
    assert (await claim(store)).answer == "more"


async def test_a_row_that_somebody_holds_costs_no_other_lease(store: SqlStore, store_url: str) -> None:
    if store.peers is None:
        pytest.skip("an SQLite file has one writer at a time")
    for key in ("1", "2"):
        await receive(store, message(key, chat=key))
    held, free = await claim(store), await claim(store)
    somebody = await asyncpg.connect(store_url.replace("+asyncpg", ""))
    try:
        async with somebody.transaction():
            await somebody.execute("SELECT 1 FROM turns WHERE id = $1 FOR UPDATE", held.id)
            assert await store.renew(MINE, [held.id, free.id]) == {held.id: None, free.id: False}
        assert await store.renew(MINE, [held.id, free.id]) == {held.id: False, free.id: False}
    finally:
        await somebody.close()
