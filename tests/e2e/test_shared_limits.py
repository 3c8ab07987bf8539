"""Three processes on one PostgreSQL: together they stay within what Telegram takes, and all know what one was told."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from simulators.coze.answers import Answer
from tests.contract.store_contract import postgres_database
from tests.e2e.worlds import Process, World

PROCESSES = 3


@pytest.fixture(scope="module")
def database_url():
    with postgres_database() as url:
        yield url


@asynccontextmanager
async def three(world: World, database_url: str) -> AsyncIterator[list[Process]]:
    async with AsyncExitStack() as running:
        changes = {"DATABASE_URL": database_url, "SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": ""}
        yield [await running.enter_async_context(world.process(**changes)) for _ in range(PROCESSES)]


async def settled_by(process: Process) -> float:
    """How many turns came to their end there."""
    (url,) = {found[1] for line in process.log if (found := re.search(r"listening on (127\.0\.0\.1:\d+)", line))}
    async with aiohttp.ClientSession() as session, session.get(f"http://{url}/metrics") as response:
        lines = (await response.text()).splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("coze_bridge_turns_total"))


async def all_settled(processes: list[Process], count: int) -> list[float]:
    async with asyncio.timeout(240):
        while sum(done := [await settled_by(process) for process in processes]) < count:
            await asyncio.sleep(0.1)
    return done


def texts_of_bot(world: World, chat: int) -> list[str]:
    ours = world.telegram.me.id
    return [message.text.strip() for message in world.telegram.messages(chat) if message.sender == ours]


@pytest.mark.timeout(300)
async def test_many_answers_of_three_processes_stay_within_the_limit_of_the_account(world, database_url):
    # Each of the three could make 18 calls a second for itself, and there is work for five times as many. The server
    # takes 20, and 20 more at once, so that calls may come late and in a heap where the machine is busy.
    world.tuning += "telegram_calls_per_second = 20.0\nworkers = 8\n"
    limits = world.telegram.flood_control.limits
    limits.on, limits.private_capacity, limits.private_refill = True, 20.0, 8.0
    limits.bot_capacity, limits.bot_refill = 40.0, 20.0
    people = [2001 + number for number in range(8 * PROCESSES)]
    said = {person: f"{person} says: " + "word " * 80 for person in people}
    for person in people:
        world.coze.script(f"long {person}", Answer(text=said[person]))
    world.coze.pace(10)
    async with three(world, database_url) as processes:
        for person in people:
            world.telegram.say(person, person, f"long {person}")
        done = await all_settled(processes, len(people))
    for person in people:
        assert texts_of_bot(world, person) == [said[person].strip()]
    assert sum(done) == len(people)
    assert all(done), "each of them had work"
    assert [(call.method, call.at) for call in world.telegram.calls() if call.status == 429] == []


@pytest.mark.timeout(300)
async def test_what_one_process_is_told_the_others_honour(world, database_url):
    world.tuning += "telegram_group_seconds = 2.0\nworkers = 1\n"
    group = world.telegram.add_chat(type="supergroup", title="G", members=[1, 2, 3])["id"]
    said = {person: f"{person} says: " + "word " * 600 for person in (1, 2, 3)}
    for person, text in said.items():
        world.coze.script(f"long {person}", Answer(text=text))
    world.coze.pace(10)

    def growing():
        ours = [message for message in world.telegram.messages(group) if message.sender == world.telegram.me.id]
        return len([message for message in ours if len(message.versions) > 1]) == len(said)

    def refused():
        return [call for call in world.telegram.calls() if call.status == 429]

    async with three(world, database_url) as processes:
        for person in said:
            world.telegram.say(group, person, f"@coze_demo_bot long {person}")
        await world.telegram.wait(growing, 120)
        world.telegram.flood(group, 12, told=False)
        await world.telegram.wait(refused, 60)
        world.coze.pace(0)
        assert await all_settled(processes, len(said)) == [1.0, 1.0, 1.0], "each of them wrote in that group"
    assert sorted(texts_of_bot(world, group)) == sorted(text.strip() for text in said.values())
    assert [(call.method, call.at) for call in world.telegram.calls() if call.in_penalty] == []
    assert len(refused()) == 1
