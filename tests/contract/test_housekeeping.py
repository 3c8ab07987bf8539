"""The housekeeping beside the worker, on both databases, with the bot before a simulated Coze."""

import asyncio

import pytest

from bridge.errors import BotFailed, Unreachable
from bridge.housekeeping import AT_ONCE, EVERY_SECONDS, FIRST_SECONDS, GIVEN_UP_SECONDS, Housekeeping
from bridge.model import TurnState
from storage import SqlStore
from storage.engine import connect
from tests.clocks import StillClock
from tests.contract.coze_place import Place
from tests.contract.coze_place import place_fixture as place_fixture
from tests.contract.coze_place import studio_fixture as studio_fixture
from tests.contract.store_contract import claim, message, order, receive
from tests.one_bot import OneBot

DAY = 86400.0
DELETE = "/v1/conversations/{conversation_id}"


@pytest.fixture
def keeping(store: SqlStore, clock: StillClock, place: Place) -> Housekeeping:
    return Housekeeping(store=store, bots=OneBot(place.bot), clock=clock, keep_seconds=30 * DAY)


async def forgotten(store: SqlStore, place: Place, key: str = "a") -> str:
    """Somebody who asked in a Coze conversation is forgotten; that conversation."""
    await receive(store, message(key))
    turn = await claim(store)
    conversation = await place.bot.new_conversation()
    await store.asking(turn, conversation, at=1.0)
    await store.settle(turn, TurnState.DELIVERED)
    erased = await store.forget([one.id for one in await store.people()])
    assert [one.coze_conversation for one in erased.doomed] == [conversation]
    return conversation


def deletions(place: Place) -> int:
    return sum(call["method"] == "DELETE" for call in place.sim.calls)


async def texts(store: SqlStore) -> int:
    return int(await order(store._database, "SELECT count(*) FROM turns WHERE text <> ''"))


# ---- words


async def test_words_are_erased_when_their_time_has_come(
    store: SqlStore, clock: StillClock, keeping: Housekeeping
) -> None:
    await receive(store, message("a"))
    await store.settle(await claim(store), TurnState.DELIVERED)
    clock.time += 30 * DAY - 1
    await keeping.round()
    assert await texts(store) == 1
    clock.time += 2
    await keeping.round()
    assert await texts(store) == 0


async def test_however_many_there_are(store: SqlStore, clock: StillClock, keeping: Housekeeping) -> None:
    await receive(store, message("a"))
    await store.settle(await claim(store), TurnState.DELIVERED)
    columns = "kind, conversation_id, user_id, platform, account, chat, thread, text, files, language, reply_to"
    numbers = f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {2 * AT_ONCE + 7}) "
    await order(
        store._database,
        f"INSERT INTO turns (key, sort_key, state, received_at, settled_at, {columns}) {numbers}"
        f"SELECT 'old' || n, '0', 'delivered', 0, n, {columns} FROM turns, s",
    )
    await keeping.round()
    assert await texts(store) == 1
    assert await order(store._database, "SELECT count(*) FROM turns") == 2 * AT_ONCE + 8


async def test_nothing_is_erased_where_all_shall_be_kept(store: SqlStore, clock: StillClock, place: Place) -> None:
    await receive(store, message("a"))
    await store.settle(await claim(store), TurnState.DELIVERED)
    clock.time += 10_000 * DAY
    await Housekeeping(store=store, bots=OneBot(place.bot), clock=clock, keep_seconds=0).round()
    assert await texts(store) == 1


async def test_the_loop_goes_on_for_ever(store: SqlStore, clock: StillClock, keeping: Housekeeping) -> None:
    await receive(store, message("a"))
    await store.settle(await claim(store), TurnState.DELIVERED)
    running = asyncio.create_task(keeping.run())
    async with asyncio.timeout(60):
        while await texts(store):
            await asyncio.sleep(0)
            clock.time += DAY
    assert clock.slept[0] == FIRST_SECONDS
    assert EVERY_SECONDS in clock.slept
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()


async def test_a_database_that_is_away_does_not_end_it(clock: StillClock, place: Place) -> None:
    nowhere = SqlStore(connect("postgresql+asyncpg://nobody@127.0.0.1:1/nothing"), clock)
    keeping = Housekeeping(store=nowhere, bots=OneBot(place.bot), clock=clock, keep_seconds=DAY)
    with pytest.raises(Unreachable):
        await keeping.round()
    running = asyncio.create_task(keeping.run())
    async with asyncio.timeout(60):
        while clock.slept.count(EVERY_SECONDS) < 3:
            await asyncio.sleep(0)
    running.cancel()
    await nowhere.aclose()


# ---- conversations at Coze


async def test_coze_deletes_the_conversation_of_somebody_forgotten(
    store: SqlStore, place: Place, keeping: Housekeeping
) -> None:
    conversation = await forgotten(store, place)
    assert conversation in place.sim.world.conversations
    await keeping.round()
    assert conversation not in place.sim.world.conversations
    assert await store.doomed() == []
    await keeping.round()
    assert deletions(place) == 1


async def test_several_processes_may_do_so_at_once(
    store: SqlStore, clock: StillClock, place: Place, keeping: Housekeeping
) -> None:
    for key in "abc":
        await forgotten(store, place, key)
    beside = Housekeeping(store=store, bots=OneBot(place.bot), clock=clock, keep_seconds=30 * DAY)
    await asyncio.gather(keeping.round(), beside.round())
    assert await store.doomed() == []
    assert not place.sim.world.conversations


async def test_while_coze_does_not_answer_the_next_round_tries_again(
    store: SqlStore, clock: StillClock, place: Place, keeping: Housekeeping
) -> None:
    for key in "ab":
        await forgotten(store, place, key)
    for trouble in ({"kind": "http", "value": "503"}, {"kind": "code", "value": "4100"}):
        place.sim.fault(**trouble, method=DELETE, times=-1)
        before = deletions(place)
        await keeping.round()
        assert deletions(place) == before + 1, "what is true of one is true of all"
        clock.time += 100 * DAY
        await keeping.round()
        place.sim.faults.clear()
    assert len(await store.doomed()) == 2
    await keeping.round()
    assert await store.doomed() == []


async def test_what_coze_refuses_is_tried_again_ever_more_rarely_and_dropped_after_a_month(
    store: SqlStore, clock: StillClock, place: Place, keeping: Housekeeping, caplog: pytest.LogCaptureFixture
) -> None:
    refused = await forgotten(store, place, "a")
    place.sim.fault(kind="code", value="4101", method=DELETE, chat=refused, times=-1)
    other = await forgotten(store, place, "b")
    await keeping.round()
    assert [one.coze_conversation for one in await store.doomed()] == [refused], "the others are deleted all the same"
    assert other not in place.sim.world.conversations
    await keeping.round()
    assert deletions(place) == 2
    began = clock.time
    while await store.doomed():
        clock.time += DAY / 4
        await keeping.round()
    assert clock.time - began >= GIVEN_UP_SECONDS
    assert 30 < deletions(place) < 50, "once a day in the end"
    warnings = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert len(warnings) == 2
    assert all(refused not in one for one in warnings)


# ---- the bot


async def test_a_conversation_is_deleted_and_gone_counts_as_deleted(place: Place, studio: Place) -> None:
    for there in (place, studio):
        question = await there.question("echo: x")
        await there.bot.delete_conversation(question.conversation)
        assert there.sim.world.conversations == {}
        await there.bot.delete_conversation(question.conversation)
        assert deletions(there) == 2
        assert there.counts.seen == [], "gone is no error"


async def test_a_refusal_is_no_deletion(place: Place, studio: Place) -> None:
    for there in (place, studio):
        conversation = await there.bot.new_conversation()
        for kind, value in (("code", "4101"), ("http", "400"), ("http", "404")):
            there.sim.fault(kind=kind, value=value, method=DELETE)
            with pytest.raises(BotFailed):
                await there.bot.delete_conversation(conversation)
        assert conversation in there.sim.world.conversations
        assert len(there.counts.seen) == 3
