"""What the chaos suite has found, each by itself."""

import asyncio
import math
import os
import resource
import sqlite3
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from asyncpg import InterfaceError

from adapters.downloads import Downloading
from adapters.metrics import Metrics
from adapters.telegram.adapter import TelegramAdapter
from bridge.answer import Answer, BotEvent, TextDelta
from bridge.clock import SystemClock
from bridge.contents import Contents
from bridge.errors import LeaseLost, Unreachable
from bridge.figures import Figures
from bridge.halt import Halt, looking
from bridge.model import Address, Lease, Page, Post, Turn, TurnState
from bridge.pace import Pace
from bridge.pages import Look
from bridge.ports import Clock
from bridge.posting import LANDING_SECONDS, Posting
from bridge.steps import Edit, Send
from bridge.surface import UNSURE_SECONDS, Surface
from storage.guard import Guard
from storage.opening import open_store
from storage.store import SqlStore
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


class Doubting(SystemClock):
    """A clock on which a process is held up while it waits for a lost message to land."""

    def __init__(self, halt: Halt, sure: asyncio.Event) -> None:
        self.halt, self.sure = halt, sure
        self.doubts = 0

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Once it is looked at again, the turn is ours still."""
        if seconds == LANDING_SECONDS and not self.doubts:
            self.doubts += 1
            self.halt.ours_until = 0.0
            return event.is_set()
        if seconds == UNSURE_SECONDS:
            self.halt.ours_until = math.inf
            self.sure.set()
            return event.is_set()
        return await super().wait(event, seconds)


@dataclass(frozen=True)
class Desk:
    """A turn that was claimed, and what it takes to paint its answer in a private chat of Telegram."""

    turn: Turn
    store: SqlStore
    adapter: "Freezing"
    clock: Clock

    async def posting(self, halt: Halt | None = None) -> Posting:
        """As a process begins it."""
        meter, turn, clock = Metrics(), self.turn, self.clock
        return Posting(
            turn,
            adapter=self.adapter,
            store=self.store,
            pace=Pace(),
            clock=clock,
            meter=meter,
            posts=await self.store.posts(turn),
            contents=Contents(self.adapter, Downloading(), meter),
            figures=Figures(turn, clock=clock, meter=meter, anew=True, previews=True),
            halt=halt or Halt(),
        )


@asynccontextmanager
async def desk(world: World, clock: Clock) -> AsyncIterator[Desk]:
    """Ann has asked something."""
    world.telegram.add_user(ANN)
    said = world.telegram.say(ANN, ANN, "long please")
    store = await open_store(world.settings()["DATABASE_URL"], SystemClock())
    asked = message("a", chat=str(ANN))
    address = replace(asked.address, account=ACCOUNT)
    asked = replace(asked, key=f"telegram:{ACCOUNT}:{ANN}:{said['message_id']}", address=address, reply_to="")
    await store.receive(asked, replace(person(), account=ACCOUNT), place(asked))
    turn = await store.claim(Lease(owner="me", seconds=60.0), {("telegram", ACCOUNT)})
    assert turn is not None
    adapter = Freezing("123456:TEST", api_base=world.urls["telegram"], clock=clock, meter=Metrics())
    try:
        await adapter.open()
        yield Desk(turn, store, adapter, clock)
    finally:
        await adapter.aclose()
        await store.aclose()


async def test_a_lost_message_of_a_stopped_answer_is_found_all_the_same(world: World) -> None:
    """It was looked for again and again, for ever, and everything behind it in its conversation waited."""
    halt = Halt()
    page = Page(index=0, text="⏹ Stopped.", final=True)
    async with desk(world, Stopping(halt)) as at:
        stands = await at.adapter.send(at.turn.address, page)
        await at.store.keep_post(at.turn, Post(page=0, message_id=None))
        posting = await at.posting(halt)
        await posting.take(Send(page, begun=True))
        (post,) = await at.store.posts(at.turn)
    assert (post.message_id, halt.stopped) == (stands, True)


async def test_who_is_not_sure_for_a_moment_reads_on(world: World) -> None:
    """After a freeze, in the middle of looking for a lost message: the question was put to Coze once more."""
    halt, shown = Halt(), asyncio.Event()
    clock, meter, answer = Doubting(halt, shown), Metrics(), Answer()

    async def said() -> AsyncIterator[BotEvent]:
        yield TextDelta("1", "the answer")
        await shown.wait()

    async with desk(world, clock) as at:
        await at.store.keep_post(at.turn, Post(page=0, message_id=None))
        surface = Surface(
            at.turn,
            adapter=at.adapter,
            store=at.store,
            pace=Pace(),
            clock=clock,
            meter=meter,
            posts=await at.store.posts(at.turn),
            look=Look(feedback=False),
            downloads=Downloading(),
            halt=halt,
        )
        async with asyncio.timeout(60):
            await surface.follow(said(), answer)
            assert await surface.finish(answer)
    assert (answer.text, world.telegram.texts(ANN)) == ("the answer", ["the answer"])
    assert clock.doubts == 1


async def overtake(at: Desk, page: Page) -> Turn:
    """Another process takes that turn over, shows the page and settles it."""
    await at.store.release("me")
    turn = await at.store.claim(Lease(owner="another", seconds=60.0), {("telegram", ACCOUNT)})
    assert turn is not None
    posting = await replace(at, turn=turn).posting()
    while step := posting.next([page]):
        await posting.take(step)
    await at.store.finalising(turn, Answer(note=page.text).dump())
    await at.store.settle(turn, TurnState.DELIVERED)
    return turn


class Freezing(TelegramAdapter):
    """Held up right before its next call leaves, while something else happens."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def send(self, address: Address, page: Page, *, reply_to: str = "") -> str:
        await self._freeze()
        return await super().send(address, page, reply_to=reply_to)

    async def edit(self, address: Address, message_id: str, page: Page) -> str:
        await self._freeze()
        with looking(lambda: None):  # it has looked
            return await super().edit(address, message_id, page)

    async def _freeze(self) -> None:
        if meanwhile := self.meanwhile:
            self.meanwhile = None
            await meanwhile()


async def test_a_message_that_left_too_late_is_taken_back(world: World) -> None:
    """Frozen between writing down its send and sending, while another process did both: the answer stood twice."""
    page = Page(index=0, text="the answer", final=True)
    async with desk(world, SystemClock()) as at:
        at.adapter.meanwhile = partial(overtake, at, page)
        posting = await at.posting()
        with pytest.raises(LeaseLost):
            await posting.take(Send(page))
    assert world.telegram.texts(ANN) == ["the answer"]


async def test_an_edit_that_left_too_late_is_painted_over(world: World) -> None:
    """Frozen right before it: half an answer stood over the whole one for ever."""
    half, whole = Page(index=0, text="the ans", final=False), Page(index=0, text="the answer", final=True)
    halt = Halt()
    async with desk(world, SystemClock()) as at:
        posting = await at.posting(halt)
        await posting.take(Send(half))

        async def frozen() -> None:
            await overtake(at, whole)
            halt.ours_until = 0.0

        at.adapter.meanwhile = frozen
        await posting.take(Edit(replace(half, text="the answ"), posting.posts[0].message_id or ""))
        assert (world.telegram.texts(ANN), posting.late) == (["the answ"], {0})
        assert await at.store.repaint(at.turn, posting.late)
        await overtake(at, whole)
    assert world.telegram.texts(ANN) == ["the answer"]


async def test_a_final_page_that_is_painted_over_is_not_taken_for_final_by_the_next_process(world: World) -> None:
    """Page 0 of several stood final; after a kill it said for a while that more was to come, and then stayed so."""
    final = Page(index=0, text="the whole page", final=True)
    async with desk(world, SystemClock()) as at:
        posting = await at.posting()
        await posting.take(Send(final))
        (post,) = await at.store.posts(at.turn)
        assert (post.final, post.digest) == (True, final.digest)
        await posting.take(Edit(Page(index=0, text="⏳ wait", final=False), post.message_id or ""))
        assert await at.store.posts(at.turn) == [Post(page=0, message_id=post.message_id)]
    assert world.telegram.texts(ANN) == ["⏳ wait"]


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "did not arrive"])
async def test_a_message_that_was_lost_does_not_stay_below_an_answer_that_became_shorter(
    world: World, *, arrived: bool
) -> None:
    """The beginning of a third message stood for ever below the refusal that took the place of the answer."""
    refusal = [Page(index=0, text="I was away for too long.", final=True)]
    async with desk(world, SystemClock()) as at:
        before = await at.posting()
        for index in range(2):
            await before.take(Send(Page(index=index, text=f"page {index}", final=True)))
        newest = at.adapter.newest(at.turn.address)
        if arrived:
            await at.adapter.send(at.turn.address, Page(index=2, text="the beginning of", final=False))
        await at.store.keep_post(at.turn, Post(page=2, message_id=None, sent_after=newest))
        posting = await at.posting()
        while step := posting.next(refusal):
            await posting.take(step)
        assert [post.page for post in await at.store.posts(at.turn)] == [0]
    assert world.telegram.texts(ANN) == ["I was away for too long."]


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
