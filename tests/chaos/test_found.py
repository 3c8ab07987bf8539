"""What the chaos suite has found, each by itself."""

import asyncio
import os
import resource
import sqlite3
import sys
from asyncio.subprocess import DEVNULL
from dataclasses import replace
from pathlib import Path

import pytest
from asyncpg import InterfaceError

from adapters.downloads import Downloading
from adapters.metrics import Metrics
from adapters.telegram.adapter import TelegramAdapter
from bridge.clock import SystemClock
from bridge.contents import Contents
from bridge.errors import Unreachable
from bridge.figures import Figures
from bridge.halt import Halt
from bridge.model import Lease, Page, Post
from bridge.pace import Pace
from bridge.posting import Posting
from bridge.steps import Edit, Send
from storage.guard import Guard
from storage.opening import open_store
from storage.trouble import outages
from tests.contract.store_contract import message, person, place
from tests.e2e.worlds import World

ANN = 1001
ACCOUNT = "123456"


class Stopping(SystemClock):
    """A clock on which somebody stops the answer while we wait for it to land; nobody waits in truth."""

    def __init__(self, halt: Halt) -> None:
        self.halt = halt

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:  # noqa: ARG002 - as the port has it
        """The writer presses stop in the meantime."""
        self.halt.stop()
        return event.is_set()

    async def sleep(self, seconds: float) -> None:
        """At once."""


async def test_a_lost_message_of_a_stopped_answer_is_found_all_the_same(world: World) -> None:
    """It was looked for again and again, for ever, and everything behind it in its conversation waited."""
    world.telegram.add_user(ANN)
    said = world.telegram.say(ANN, ANN, "long please")
    store = await open_store(world.settings()["DATABASE_URL"], SystemClock())
    asked = message("a", chat=str(ANN))
    address = replace(asked.address, account=ACCOUNT)
    asked = replace(asked, key=f"telegram:{ACCOUNT}:{ANN}:{said['message_id']}", address=address, reply_to="")
    await store.receive(asked, replace(person(), account=ACCOUNT), place(asked))
    turn = await store.claim(Lease(owner="me", seconds=60.0), {("telegram", ACCOUNT)})
    assert turn is not None
    meter, halt = Metrics(), Halt()
    clock = Stopping(halt)
    adapter = TelegramAdapter("123456:TEST", api_base=world.urls["telegram"], clock=clock, meter=meter)
    page = Page(index=0, text="⏹ Stopped.", final=True)
    try:
        await adapter.open()
        stands = await adapter.send(address, page)
        await store.keep_post(turn, Post(page=0, message_id=None))
        posting = Posting(
            turn,
            adapter=adapter,
            store=store,
            pace=Pace(),
            clock=clock,
            meter=meter,
            posts=await store.posts(turn),
            contents=Contents(adapter, Downloading(), meter),
            figures=Figures(turn, clock=clock, meter=meter, anew=True, previews=True),
            halt=halt,
        )
        await posting.take(Send(page, begun=True))
        (post,) = await store.posts(turn)
        assert (post.message_id, halt.stopped) == (stands, True)
    finally:
        await adapter.aclose()
        await store.aclose()


async def test_a_final_page_that_is_painted_over_is_not_taken_for_final_by_the_next_process(world: World) -> None:
    """Page 0 of several stood final; after a kill it said for a while that more was to come, and then stayed so."""
    clock, meter = SystemClock(), Metrics()
    world.telegram.add_user(ANN)
    world.telegram.say(ANN, ANN, "long please")
    store = await open_store(world.settings()["DATABASE_URL"], clock)
    adapter = TelegramAdapter("123456:TEST", api_base=world.urls["telegram"], clock=clock, meter=meter)
    asked = message("a", chat=str(ANN))
    asked = replace(asked, address=replace(asked.address, account=ACCOUNT), reply_to="")
    who = replace(person(), account=ACCOUNT)
    await store.receive(asked, who, place(asked))
    turn = await store.claim(Lease(owner="me", seconds=60.0), {("telegram", ACCOUNT)})
    assert turn is not None
    posting = Posting(
        turn,
        adapter=adapter,
        store=store,
        pace=Pace(),
        clock=clock,
        meter=meter,
        posts=(),
        contents=Contents(adapter, Downloading(), meter),
        figures=Figures(turn, clock=clock, meter=meter, anew=True, previews=True),
        halt=Halt(),
    )
    try:
        final = Page(index=0, text="the whole page", final=True)
        await posting.take(Send(final))
        (post,) = await store.posts(turn)
        assert (post.final, post.digest) == (True, final.digest)
        await posting.take(Edit(Page(index=0, text="⏳ wait", final=False), post.message_id or ""))
        assert await store.posts(turn) == [Post(page=0, message_id=post.message_id)]
    finally:
        await adapter.aclose()
        await store.aclose()
    assert world.telegram.texts(ANN) == ["⏳ wait"]


def test_a_full_disk_keeps_nobody_from_taking_a_database_that_is_free(tmp_path: Path) -> None:
    """The lock file tells who has it; that was an error without end, and a traceback at each start."""
    guard = Guard(tmp_path / "bridge.db")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        assert guard.take()
        assert not Guard(tmp_path / "bridge.db").take()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        guard.release()


def test_a_connection_that_breaks_while_it_is_made_is_an_outage() -> None:
    """SQLAlchemy lets the driver's own error through there; it ended the process."""
    with pytest.raises(Unreachable, match="connection is closed"), outages():
        raise InterfaceError("connection is closed")


def test_a_disk_that_fails_while_a_connection_is_set_up_is_an_outage() -> None:
    """The same on SQLite, at the first PRAGMA of a new connection."""
    full = sqlite3.OperationalError("disk I/O error")
    full.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    with pytest.raises(Unreachable, match="disk I/O error"), outages():
        raise full


async def test_two_processes_with_one_bot_on_two_files_say_what_is_wrong(world: World, tmp_path: Path) -> None:
    second = world.settings()["DATABASE_URL"].replace("bridge.db", "other.db")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)} | world.settings(DATABASE_URL=second)
    async with world.process() as one:
        other = await asyncio.create_subprocess_exec(sys.executable, "-m", "bridge", "run", env=environ, stderr=DEVNULL)
        try:
            async with asyncio.timeout(60):
                while not any("another process polls with this TELEGRAM_BOT_TOKEN" in line for line in one.log):
                    await asyncio.sleep(0.05)
        finally:
            other.kill()
            await other.wait()
