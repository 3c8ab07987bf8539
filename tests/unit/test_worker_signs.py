"""How long the worker's loops are silent: not at all while they go round, longer and longer once one hangs."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any, cast

from adapters.downloads import Downloading
from adapters.metrics import Metrics
from adapters.tools import Toolbox
from bridge.model import Lease
from bridge.pace import Pace
from bridge.pages import Look
from bridge.supervise import STALL_SECONDS
from bridge.worker import Worker
from storage import open_store
from tests.clocks import StillClock


class HandClock(StillClock):
    """Moves when the test moves it, and only then."""

    async def sleep(self, _seconds: float) -> None:
        await asyncio.sleep(0.001)


async def test_a_claim_that_never_comes_back_is_noticed_though_leases_are_kept(tmp_path):
    clock = HandClock()
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path}/bridge.db", clock)
    worker = Worker(
        store=store,
        bots=cast("Any", None),
        adapters={("telegram", "1"): cast("Any", None)},  # there is nothing to claim, so that neither is asked for
        pace=Pace(),
        clock=clock,
        meter=Metrics(),
        lease=Lease(owner="me", seconds=15.0),
        limit=1,
        look=Look(),
        downloads=Downloading(),
        tools=Toolbox({}, Metrics()),
        recall_seconds=60.0,
    )
    assert worker.silent_seconds == 0, "it does not run yet"
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(60):
        while len(worker._signs) < 2:
            await asyncio.sleep(0.001)
        for _ in range(3):
            clock.time += STALL_SECONDS + 1
            assert worker.silent_seconds > STALL_SECONDS
            while worker.silent_seconds:
                await asyncio.sleep(0.001)
        other = sqlite3.connect(tmp_path / "bridge.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with closing(other):  # who holds the file holds up the claim
            while worker.silent_seconds <= STALL_SECONDS:
                clock.time += 1
                await asyncio.sleep(0.01)
            assert worker._signs["pulse"] > worker._signs["claim"], "the other loop goes round"
        while worker.silent_seconds:
            await asyncio.sleep(0.001)
    await worker.drain(0)
    await running
    assert worker.silent_seconds == 0
    await store.aclose()
