"""The processes beside us on one PostgreSQL: who is heard, who takes over from the dead, who has a duty."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from bridge.clock import SystemClock
from bridge.duty import Duty
from bridge.model import Lease, TurnState
from bridge.ports import Effect, Peers
from storage import SqlStore, duties, open_store
from tests.clocks import StillClock
from tests.contract.store_contract import (
    MINE,
    SERVING,
    THEIRS,
    claim,
    empty,
    message,
    order,
    person,
    place,
    receive,
)
from tests.contract.test_store_outages import Line

WITHIN = 20.0
LONG_AGO = "lease_until = lease_until - 10"


class Process:
    """What a process is to those beside it: a store, an owner, and ears."""

    def __init__(self, store: SqlStore, owner: str) -> None:
        self.store = store
        self.lease = Lease(owner=owner, seconds=30.0)
        self.woken = asyncio.Event()
        self._life: asyncio.Task[None] | None = None

    @property
    def peers(self) -> Peers:
        assert self.store.peers is not None
        return self.store.peers

    async def live(self) -> None:
        """From here on it hears, and has been woken once for what came before."""
        self._life = asyncio.create_task(self.peers.run(self.lease, self.woken.set))
        await self.hears()
        async with asyncio.timeout(WITHIN):
            while not await self._seen():
                await asyncio.sleep(0.02)

    async def _seen(self) -> bool:
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid IN "
        ours = "(SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
        return bool(await order(self.store._database, locks + ours))

    async def hears(self) -> None:
        async with asyncio.timeout(WITHIN):
            await self.woken.wait()
        self.woken.clear()

    async def die(self) -> None:
        """Its connection ends, and it has let go of nothing."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait({self._life})


@asynccontextmanager
async def process(url: str, owner: str) -> AsyncIterator[Process]:
    made = Process(await open_store(url, SystemClock(), connections=3), owner)
    try:
        yield made
    finally:
        await made.die()
        await made.store.aclose()


@pytest.fixture
async def url(postgres_url: str) -> str:
    await empty(postgres_url)
    return postgres_url


@pytest.fixture
async def us(url: str) -> AsyncIterator[Process]:
    async with process(url, "us") as made:
        yield made


@pytest.fixture
async def them(url: str) -> AsyncIterator[Process]:
    async with process(url, "them") as made:
        yield made


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(WITHIN):
        while not holds():
            await asyncio.sleep(0.02)


# ---- who calls whom


async def test_an_sqlite_file_has_nobody_beside_it(tmp_path) -> None:
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path}/bridge.db", StillClock())
    assert store.peers is None
    await store.aclose()


async def test_what_one_accepts_the_other_hears_of(us: Process, them: Process) -> None:
    await us.live()
    await them.live()
    for number, accept in enumerate((us.store.receive, None)):
        inbound = message(str(number))
        if accept:
            await accept(inbound, person(), place(inbound))
        else:
            await us.store.obey(inbound, person(), place(inbound), Effect.CANCEL, lambda _: "stopped")
        await them.hears()
    assert not us.woken.is_set(), "who tells it knows it"


async def test_what_is_put_back_to_now_is_heard_of(us: Process, them: Process) -> None:
    await receive(us.store, message("a"))
    await us.live()
    await them.live()
    await us.store.postpone(await claim(us.store), TurnState.RECEIVED, until=0.0, attempts=1)
    await them.hears()


async def test_orders_by_hand_are_heard_of_although_a_guest_has_no_ears(us: Process, url: str) -> None:
    turn = await receive(us.store, message("a"))
    await us.live()
    guest = await open_store(url, SystemClock(), guest=True)
    assert await guest.cancel(turn)
    await us.hears()
    await us.store.settle(await claim(us.store), TurnState.CANCELLED)
    assert await guest.ask_again(turn)
    await us.hears()
    await guest.release("nobody")
    await us.hears()
    await guest.aclose()


async def test_calls_are_few_however_much_there_is_to_tell(us: Process, url: str) -> None:
    heard = []
    listening = await asyncpg.connect(url.replace("+asyncpg", ""))
    await listening.add_listener("coze_bridge", lambda *call: heard.append(call))
    await us.live()
    for _ in range(1000):
        us.store._ring()
    await until(lambda: heard)
    assert len(heard) < 10
    await listening.close()


async def test_a_line_that_was_cut_is_made_again(us: Process, url: str) -> None:
    there = make_url(url)
    line = Line(there.host or "", there.port or 5432)
    await line.open()
    distant = there.set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False)
    async with process(distant, "distant") as cut:
        await us.live()
        await cut.live()
        line.cut()
        await cut.hears()  # for what was said meanwhile
        await receive(us.store, message("a"))
        await cut.hears()
    await line.bar()


# ---- who died


async def test_the_turns_of_the_dead_go_on_and_those_of_the_living_stay(us: Process, them: Process, url: str) -> None:
    """Both are silent; one of them still has its line."""
    for chat in ("dead", "alive"):
        await receive(us.store, message(chat, chat=chat))
    async with process(url, "dead") as dead:
        await them.live()
        await dead.live()
        held = {}
        for one in (dead, them):
            turn = await one.store.claim(one.lease, SERVING)
            assert turn is not None
            held[one.lease.owner] = turn.id
        await order(us.store._database, f"UPDATE turns SET {LONG_AGO}")
        await dead.die()
        await us.live()
        await us.hears()
        taken = await claim(us.store)
        assert taken.id == held["dead"]
        assert await us.store.claim(MINE, SERVING) is None
        assert list(await them.store.renew(them.lease)) == [held["them"]]
        assert await dead.store.renew(dead.lease) == {}


async def test_who_has_just_renewed_is_not_dead(us: Process, them: Process) -> None:
    """It may be about to connect again. Of two that have no line, only the one that is silent is taken over from."""
    for chat in ("silent", "living"):
        await receive(us.store, message(chat, chat=chat))
    silent, living = await claim(us.store, MINE), await claim(us.store, THEIRS)
    await order(
        us.store._database,
        f"UPDATE turns SET {LONG_AGO} WHERE id = {silent.id}",
        f"UPDATE turns SET lease_until = lease_until + 600 WHERE id = {living.id}",
    )
    await us.live()
    await us.hears()
    assert (await claim(us.store, us.lease)).id == silent.id
    assert await us.store.claim(us.lease, SERVING) is None
    assert await us.store.renew(THEIRS) == {living.id: False}


async def test_the_duty_of_the_dead_is_free(us: Process, them: Process) -> None:
    await them.live()
    assert await them.peers.take("poll", "them")
    await order(us.store._database, "UPDATE duties SET until = until - 3")
    await them.die()
    await us.live()
    await us.peers.vacancy(WITHIN)
    assert await order(us.store._database, "SELECT count(*) FROM duties") == 0, "it did not lapse"
    assert await us.peers.take("poll", "us") > 0.0


# ---- what only one may do


async def test_one_at_a_time_has_a_duty(us: Process, them: Process) -> None:
    assert await us.peers.take("poll", "us") > 0.0
    await order(us.store._database, "UPDATE duties SET until = until + 600")
    assert await them.peers.take("poll", "them") == 0.0
    assert await them.peers.take("another", "them") > 0.0
    assert await us.peers.take("poll", "us") > 0.0, "renewed"
    await order(us.store._database, "UPDATE duties SET until = until + 600")
    await them.peers.lay_down("poll", "them")
    assert await them.peers.take("poll", "them") == 0.0, "nobody lays down what is another's"
    await order(us.store._database, "UPDATE duties SET until = until - 607")
    assert await them.peers.take("poll", "them") > 0.0, "lapsed"
    assert await us.peers.take("poll", "us") == 0.0


async def test_a_race_for_a_duty_has_one_winner(us: Process, them: Process) -> None:
    tries = [one.peers.take("poll", one.lease.owner) for one in (us, them, us, them)]
    won = await asyncio.gather(*tries)
    assert {bool(won[0] or won[2]), bool(won[1] or won[3])} == {True, False}


async def test_who_stands_by_hears_when_a_duty_is_laid_down(us: Process, them: Process) -> None:
    await us.live()
    await us.peers.take("poll", "us")
    waiting = asyncio.create_task(us.peers.vacancy(3600.0))
    await asyncio.sleep(0)
    await them.peers.lay_down("poll", "us")
    async with asyncio.timeout(WITHIN):
        await waiting
    assert await them.peers.take("poll", "them") > 0.0


async def test_a_duty_that_cannot_be_renewed_ends_before_anybody_else_may_have_it(us: Process, url: str) -> None:
    there = make_url(url)
    line = Line(there.host or "", there.port or 5432)
    await line.open()
    distant = there.set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False)
    async with process(distant, "distant") as cut:
        duty = Duty(name="poll", owner="distant", peers=cut.peers, clock=SystemClock())
        assert await duty.take()
        began, ended = asyncio.Event(), []

        async def work() -> None:
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(SystemClock().now())

        doing = asyncio.create_task(duty.do(work))
        await began.wait()
        line.flows.clear()  # the server says nothing any more
        async with asyncio.timeout(WITHIN):
            await doing
        assert not duty.ours()
        assert ended[0] < await order(us.store._database, "SELECT until FROM duties")
        line.flows.set()
    await line.bar()


async def test_who_loses_the_database_alone_ends_its_duty_before_the_others_take_it_for_dead(
    us: Process, url: str
) -> None:
    there = make_url(url)
    line = Line(there.host or "", there.port or 5432)
    await line.open()
    distant = there.set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False)
    clock, ended = SystemClock(), []
    await us.live()
    async with process(distant, "distant") as cut:
        await cut.live()
        duty = Duty(name="poll", owner="distant", peers=cut.peers, clock=clock)
        await duty.wait()

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(clock.monotonic())

        doing = asyncio.create_task(duty.do(work))
        await until(lambda: cut.peers.sure_seconds > duties.DUTY_SECONDS)
        await line.bar()
        async with asyncio.timeout(WITHIN):
            while not await us.peers.take("poll", "us"):
                await asyncio.sleep(0.02)
            taken = clock.monotonic()
            await doing
    assert ended[0] < taken


async def test_a_duty_that_another_has_taken_ends(us: Process, url: str) -> None:
    duty = Duty(name="poll", owner="us", peers=us.peers, clock=SystemClock())
    assert await duty.take()
    doing = asyncio.create_task(duty.do(asyncio.Event().wait))
    await order(us.store._database, "UPDATE duties SET owner = 'them'")
    async with asyncio.timeout(WITHIN):
        await doing
    assert not await duty.take()


async def test_work_that_fails_says_so(us: Process) -> None:
    duty = Duty(name="poll", owner="us", peers=us.peers, clock=SystemClock())
    assert await duty.take()

    async def fail() -> None:
        raise LookupError("of the work")

    with pytest.raises(LookupError, match="of the work"):
        await duty.do(fail)


# ---- whose clock


class Jumping(StillClock):
    """The clock on the wall is put forward or back; the other one goes on."""

    jump = 0.0

    def now(self) -> float:
        return self.time + self.jump


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
async def test_a_clock_that_jumps_gives_nobody_a_lease(store_url: str, jump: float) -> None:
    if store_url.startswith("postgresql"):
        await empty(store_url)
    clock = Jumping()
    store = await open_store(store_url, clock)
    await receive(store, message("a"))
    turn = await claim(store)
    clock.jump = jump
    assert await store.claim(THEIRS, SERVING) is None
    assert await store.renew(MINE) == {turn.id: False}
    clock.jump = 0.0
    assert await store.claim(THEIRS, SERVING) is None
    await store.aclose()
