"""The database fails at any one write of a turn, before or after its commit: the answer stands, whole and once."""

import asyncio
from contextlib import suppress

import pytest

from adapters.coze.auth import token_auth
from adapters.coze.bot import CozeBot
from adapters.downloads import Downloading
from adapters.metrics import Metrics
from adapters.telegram.adapter import TelegramAdapter
from adapters.tools import Toolbox
from bridge.access import parse_access
from bridge.clock import SystemClock
from bridge.door import Door
from bridge.errors import Unreachable
from bridge.intake import Intake
from bridge.model import Lease
from bridge.pace import Pace
from bridge.pages import Look
from bridge.presses import Presses
from bridge.worker import Worker
from simulators.coze.answers import Answer
from storage.opening import open_store
from tests.one_bot import OneBot

ANN = 1001
WHOLE = "word " * 60
WRITES = ("claim", "asking", "streaming", "finalising", "settle", "postpone", "keep_post", "drop_post", "renew")


class Failing:
    """A real store whose n-th write fails once, with or without having been done."""

    def __init__(self, store, nth, *, done):
        self.store, self.left, self.done, self.failed = store, nth, done, ""

    def __getattr__(self, name):
        method = getattr(self.store, name)
        if name not in WRITES:
            return method

        async def call(*arguments, **options):
            self.left -= 1
            if self.left == 0:
                self.failed = name
                if self.done:
                    await method(*arguments, **options)
                raise Unreachable("the connection broke", certain=False)
            return await method(*arguments, **options)

        return call


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("nth", range(1, 10))
async def test_one_failing_write_costs_nothing(world, nth, done):
    world.coze.script("long", Answer(text=WHOLE))
    world.coze.pace(100)
    clock, meter = SystemClock(), Metrics()
    store = await open_store(world.settings()["DATABASE_URL"], clock)
    failing = Failing(store, nth, done=done)
    adapter = TelegramAdapter(
        "123456:TEST", api_base=world.urls["telegram"], clock=clock, meter=meter, private_every=0.25
    )
    bot = CozeBot(world.urls["coze"], "7400000000000000001", token_auth("pat_test"), clock=clock, meter=meter)
    await adapter.open()
    worker = Worker(
        store=failing,
        bots=OneBot(bot),
        adapters={("telegram", adapter.account): adapter},
        pace=Pace(),
        clock=clock,
        meter=meter,
        lease=Lease(owner="me", seconds=3.0),
        limit=10,
        look=Look(),
        downloads=Downloading(),
        tools=Toolbox({}, meter),
        recall_seconds=3600.0,
    )
    door = Door(store=store, allow=parse_access("*"), adapters={})
    presses = Presses(store=store, bots=OneBot(bot), meter=meter)
    intake = Intake(store=store, door=door, presses=presses, wake=worker.wake, meter=meter, route=lambda _: "")
    tasks = [asyncio.create_task(worker.run()), asyncio.create_task(adapter.listen(intake.accept))]
    try:
        world.telegram.say(ANN, ANN, "long one")
        async with asyncio.timeout(30):
            while [turn.state for turn in await store.turns()] != ["delivered"]:
                assert not any(task.done() for task in tasks)
                await asyncio.sleep(0.05)
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError, BaseExceptionGroup):
                await task
        await adapter.aclose()
        await bot.aclose()
        await store.aclose()
    assert failing.failed or nth > 8
    assert world.telegram.texts(ANN) == [WHOLE.strip()]
    assert len(world.coze.asked("long")) == 1
