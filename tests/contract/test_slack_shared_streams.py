"""Slack streams of several processes: together they begin no more than one may in a minute, and all answers stand."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from bridge.clock import SystemClock
from bridge.model import Address, Page
from bridge.ports import Sharing
from simulators.slack import SlackSimulator
from simulators.wire import Served
from storage.budgets import SLACK, SharedBudgets
from storage.engine import Database, connect
from tests.contract.slack_world import adapter
from tests.contract.store_contract import order

PROCESSES, ANSWERS = 3, 10
GONE = "postgresql+asyncpg://nobody@127.0.0.1:1/none"


@pytest.fixture
async def sim() -> AsyncIterator[tuple[SlackSimulator, str]]:
    sim = SlackSimulator()
    sim.limits.change(enabled=False)
    async with Served(sim.app) as served:
        yield sim, served.url


async def begun(sim: SlackSimulator, url: str, databases: list[Database]) -> int:
    """Each process has so many answers to begin; all stand, and that many of them are streamed."""
    async with AsyncExitStack() as closing:
        for database in databases:
            slack = adapter(url)
            closing.push_async_callback(slack.aclose)
            assert isinstance(slack, Sharing)
            slack.share(SharedBudgets(database, SystemClock()))
            await slack.open()
            for number in range(ANSWERS):
                asked = sim.say("DALICE", "UALICE", f"question {number}")
                place = Address(platform="slack", account="TCOZE", chat="DALICE", thread=asked)
                said = f"answer {number}"
                await slack.send(place, Page(index=0, text=said, said=said, final=False, mark=f"{number}-1.0"))
                [message] = sim.bot_messages(place.chat, place.thread)
                assert said in message.raw
    return sum(call.method == "chat.startStream" for call in sim.calls)


async def test_together_they_begin_what_one_may(sim: tuple[SlackSimulator, str], postgres_url: str) -> None:
    async with AsyncExitStack() as closing:
        databases = [connect(postgres_url, connections=2) for _ in range(PROCESSES)]
        for database in databases:
            closing.push_async_callback(database.aclose)
        await order(databases[0], "DELETE FROM buckets WHERE name LIKE 'slack:%'")
        start = time.monotonic()
        count = await begun(*sim, databases)
        assert 10 <= count <= 10 + SLACK + (time.monotonic() - start) / 6


async def test_without_the_database_answers_grow_by_edits(sim: tuple[SlackSimulator, str]) -> None:
    gone = connect(GONE)
    assert await begun(*sim, [gone]) == 0
    await gone.aclose()
