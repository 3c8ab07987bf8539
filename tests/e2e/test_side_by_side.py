"""Several processes on one PostgreSQL, as one bot: they share the work, and what one leaves another takes up."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from simulators.coze.answers import Answer
from tests.contract.store_contract import postgres_database
from tests.e2e.worlds import Process, World

ANN, BOB, EVE = 1001, 1002, 1003
LONG = " ".join(f"word{number}" for number in range(150))
LISTENS = "this process listens"
CHANGES = (LISTENS, "stands by", "not kept in time")
WITHIN = 100.0
LEASE_SECONDS = 900
"""Longer than any test: what goes on did not wait for a lease to lapse."""

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def database() -> Iterator[str]:
    with postgres_database() as url:
        yield url


@pytest.fixture
def bots(world: World, database: str) -> Iterator[World]:
    """A world whose processes share a database."""
    world.environ |= {"DATABASE_URL": database, "SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": ""}
    world.tuning = f"telegram_private_seconds = 0.05\nlease_seconds = {LEASE_SECONDS}\n"
    return world


@asynccontextmanager
async def processes(world: World, count: int) -> AsyncIterator[list[Process]]:
    async with AsyncExitStack() as stack:
        yield list(await asyncio.gather(*(stack.enter_async_context(world.process()) for _ in range(count))))


def listens(process: Process) -> bool:
    """Is it the one that polls, as far as it said?"""
    said = [line for line in process.log if any(change in line for change in CHANGES)]
    return bool(said) and LISTENS in said[-1] and process.inner.returncode is None


async def until(holds: Callable[[], object], within: float = WITHIN) -> None:
    """What a process says is looked for, not announced."""
    async with asyncio.timeout(within):
        while not holds():
            await asyncio.sleep(0.02)


async def poller(among: list[Process]) -> Process:
    await until(lambda: any(map(listens, among)))
    return next(filter(listens, among))


def texts(world: World, chat: int) -> list[str]:
    return [text.strip() for text in world.telegram.texts(chat)]


async def says(world: World, chat: int, *expected: str) -> None:
    await world.telegram.wait(lambda: texts(world, chat) == list(expected), WITHIN)


async def grows(world: World, chat: int) -> None:
    """Until an answer has grown by an edit: then its message id is durable, and no gap is open."""
    await world.telegram.wait(
        lambda: texts(world, chat) and len(world.telegram.messages(chat)[-1].versions) > 1, WITHIN
    )


async def ends(world: World, chat: int) -> None:
    """The answer that had stopped goes on, wherever it has come to meanwhile, and stands alone and whole."""
    async with asyncio.timeout(WITHIN):
        while texts(world, chat) != [LONG]:
            world.coze.hurry()
            await asyncio.sleep(0.05)


def stall(world: World, contains: str) -> None:
    """Such questions get an answer that stops in the middle, until it `ends`."""
    world.coze.script(contains, Answer(text=LONG, pause_after=100, pause_seconds=600))


def one_polled_at_a_time(world: World, *processes: Process) -> None:
    """Telegram says 409 to the poll that another one ends: at most once each time that another took over."""
    conflicts = [call for call in world.telegram.calls("getUpdates") if call.status == 409]
    assert len(conflicts) <= sum(LISTENS in line for process in processes for line in process.log) - 1


async def test_three_processes_answer_every_question_once_and_in_order(bots):
    people = range(ANN, ANN + 6)
    async with processes(bots, 3) as three:
        for number in range(5):
            for person in people:
                bots.telegram.say(person, person, f"echo: answer {number} for {person}")
        for person in people:
            await says(bots, person, *(f"answer {number} for {person}" for number in range(5)))
    one_polled_at_a_time(bots, *three)
    assert len(bots.coze.asked("echo")) == 30


async def test_what_one_accepts_another_answers(bots):
    """Each has room for one answer, and all three grow at the same time."""
    bots.tuning += "workers = 1\n"
    stall(bots, "long")
    async with processes(bots, 3):
        for person in (ANN, BOB, EVE):
            bots.telegram.say(person, person, "long please")
        for person in (ANN, BOB, EVE):
            await grows(bots, person)
        for person in (ANN, BOB, EVE):
            await ends(bots, person)


async def test_the_poller_is_killed_and_another_polls(bots):
    async with processes(bots, 3) as three:
        first = await poller(three)
        bots.telegram.say(ANN, ANN, "echo: before")
        await says(bots, ANN, "before")
        await first.kill()
        bots.telegram.say(ANN, ANN, "echo: after")
        await says(bots, ANN, "before", "after")
    one_polled_at_a_time(bots, *three)
    assert len(bots.coze.asked("echo")) == 2


async def test_killed_in_mid_answer_another_completes_the_same_message(bots):
    stall(bots, "long")
    async with processes(bots, 1) as (first,):
        bots.telegram.say(ANN, ANN, "long please")
        await grows(bots, ANN)
        async with processes(bots, 2):
            await first.kill()
            await ends(bots, ANN)
    assert len(bots.telegram.messages(ANN)) == 2
    assert len(bots.coze.asked("long")) == 1


async def test_killed_and_started_again_alone_it_goes_on_with_the_same_message(bots):
    stall(bots, "long")
    async with processes(bots, 1) as (first,):
        bots.telegram.say(ANN, ANN, "long please")
        await grows(bots, ANN)
        await first.kill()
    async with processes(bots, 1) as (second,):
        await ends(bots, ANN)
        bots.telegram.say(ANN, ANN, "echo: and on")
        await says(bots, ANN, LONG, "and on")
    assert len(bots.coze.asked("long")) == 1
    one_polled_at_a_time(bots, first, second)


async def test_a_frozen_poller_does_not_poll_when_it_wakes(bots):
    async with processes(bots, 1) as (frozen,):
        await until(lambda: listens(frozen))
        async with processes(bots, 1) as (other,):
            frozen.inner.send_signal(signal.SIGSTOP)
            await until(lambda: listens(other))
            bots.telegram.say(ANN, ANN, "echo: one")
            await says(bots, ANN, "one")
            frozen.inner.send_signal(signal.SIGCONT)
            await until(lambda: not listens(frozen))
            for word in ("two", "three"):
                bots.telegram.say(ANN, ANN, f"echo: {word}")
            await says(bots, ANN, "one", "two", "three")
    one_polled_at_a_time(bots, frozen, other)
    assert len(bots.coze.asked("echo")) == 3


async def test_stop_is_heard_by_the_process_that_answers(bots):
    """The first one has room for one answer, and polls; so the second question is the second one's."""
    stall(bots, "long")
    tuning = bots.tuning
    bots.tuning += "workers = 1\n"
    async with processes(bots, 1) as (first,):
        bots.telegram.say(ANN, ANN, "long please")
        await grows(bots, ANN)
        bots.tuning = tuning
        async with processes(bots, 1):
            bots.telegram.say(BOB, BOB, "long please")
            await grows(bots, BOB)
            assert listens(first)
            bots.telegram.say(BOB, BOB, "/stop")
            await bots.telegram.wait(lambda: any("Stopped" in text for text in texts(bots, BOB)), WITHIN)
            await ends(bots, ANN)
    assert LONG not in texts(bots, BOB)


async def test_a_rolling_restart_under_traffic_loses_nothing_and_repeats_nothing(bots):
    said = dict.fromkeys((ANN, BOB, EVE), 0)

    async def talk() -> None:
        while True:
            for person in said:
                bots.telegram.say(person, person, f"echo: {said[person]}")
                said[person] += 1
            await asyncio.sleep(1.0)

    async with AsyncExitStack() as stack:
        old = list(await asyncio.gather(*(stack.enter_async_context(bots.process()) for _ in range(3))))
        talking = asyncio.create_task(talk())
        new = []
        for process in old:
            new.append(await stack.enter_async_context(bots.process()))
            assert await process.terminate() == 0
        await poller(new)
        talking.cancel()
        for person, count in said.items():
            await says(bots, person, *map(str, range(count)))
        assert not any("Traceback" in line for process in old + new for line in process.log)
    assert len(bots.coze.asked("echo")) == sum(said.values())
    one_polled_at_a_time(bots, *old, *new)
