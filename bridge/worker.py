"""Claims turns and takes them forward side by side; keeps their leases alive; lets go of them in an orderly way."""

import asyncio
import logging
from collections.abc import Mapping

from bridge.errors import LeaseLost, Transient
from bridge.model import Lease, Turn, TurnId
from bridge.pace import Pace
from bridge.pages import Look
from bridge.ports import Adapter, Bot, Clock, Downloads, Meter, Store
from bridge.surface import Halt, Surface
from bridge.trail import note, trail
from bridge.turn import Advance

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""How long an idle worker sleeps if nobody wakes it: the fallback for turns that other processes accepted."""
PULSE_SECONDS = 1.0
"""How often leases are renewed and cancellations noticed while turns run."""
STORE_RETRY_SECONDS = 1.0


class Worker:
    """Advances at most `limit` turns at a time, for the adapters in `adapters` (which may grow while it runs)."""

    def __init__(
        self,
        *,
        store: Store,
        bot: Bot,
        adapters: Mapping[tuple[str, str], Adapter],
        pace: Pace,
        clock: Clock,
        meter: Meter,
        lease: Lease,
        limit: int,
        look: Look,
        downloads: Downloads,
    ) -> None:
        self._store = store
        self._bot = bot
        self._adapters = adapters
        self._pace = pace
        self._clock = clock
        self._meter = meter
        self._lease = lease
        self._limit = limit
        self._look = look
        self._downloads = downloads
        self._running: dict[TurnId, Halt] = {}
        self._work = asyncio.Event()
        self._pulse = asyncio.Event()
        self._idle = asyncio.Event()
        self._draining = False
        self._knows_penalties = False
        self._claimed_last = asyncio.Event()
        self._signs: dict[str, float] = {}
        """When each of our loops last went round."""

    @property
    def silent_seconds(self) -> float:
        """For how long the loop that was heard of least recently has not gone round; 0 if none runs."""
        return self._clock.monotonic() - min(self._signs.values(), default=self._clock.monotonic())

    @property
    def running(self) -> int:
        """Number of turns under way."""
        return len(self._running)

    def wake(self) -> None:
        """There may be something to claim, or to cancel."""
        self._work.set()
        self._pulse.set()

    async def run(self) -> None:
        """Claims and advances until `drain` was called and all turns have ended."""
        async with asyncio.TaskGroup() as group:
            pulse = group.create_task(self._keep_leases())
            while not self._draining:
                self._sign("claim")
                self._work.clear()
                while not self._draining and self.running < self._limit and (turn := await self._claim()):
                    halt = self._take_on(turn)
                    group.create_task(self._advance(turn, halt), name=f"turn {turn.id}")
                await self._clock.wait(self._work, await self._rest_seconds())
            self._signs.pop("claim", None)
            self._claimed_last.set()
            while self._running:
                self._idle.clear()
                await self._idle.wait()
            pulse.cancel()
            self._signs.clear()

    async def drain(self, seconds: float) -> None:
        """Claims no more; turns under way get so many seconds, then are let go of where they stand."""
        self._draining = True
        self._work.set()
        await self._claimed_last.wait()
        if self._running:
            log.info("waiting up to %g s for %d running answers", seconds, self.running)
        waited = 0.0
        while self._running and waited < seconds:
            self._idle.clear()
            before = self._clock.monotonic()
            await self._clock.wait(self._idle, seconds - waited)
            waited += self._clock.monotonic() - before
        for halt in self._running.values():
            halt.let_go()

    def _take_on(self, turn: Turn) -> Halt:
        """Ours from now on. Our own lease may have lapsed while we were frozen: then the older run lets go."""
        if older := self._running.get(turn.id):
            older.let_go()
        halt = self._running[turn.id] = Halt()
        return halt

    def _sign(self, loop: str) -> None:
        self._signs[loop] = self._clock.monotonic()

    async def _claim(self) -> Turn | None:
        self._sign("claim")
        if not self._adapters:
            return None
        try:
            if not self._knows_penalties:
                await self._learn_penalties()
            return await self._store.claim(self._lease, list(self._adapters))
        except Transient as error:
            log.warning("cannot claim: %s", error)
            await self._clock.sleep(STORE_RETRY_SECONDS)
            return None

    async def _learn_penalties(self) -> None:
        """Those of the process before us: a call inside one would make it longer."""
        for name, until in (await self._store.penalties()).items():
            self._pace.remember(name, until - self._clock.now(), self._clock.monotonic())
            log.info("no call for %.0f s more: %s", until - self._clock.now(), name)
        self._knows_penalties = True

    async def _rest_seconds(self) -> float:
        """Until the next postponed turn is due, at most POLL_SECONDS."""
        try:
            due = await self._store.next_due(self._clock.now())
        except Transient:
            due = None
        return POLL_SECONDS if due is None else min(POLL_SECONDS, max(0.0, due - self._clock.now()) + 0.001)

    async def _advance(self, turn: Turn, halt: Halt) -> None:
        with trail(turn=turn.id, platform=turn.address.platform):
            note(coze_chat=turn.chat)
            await self._take_forward(turn, halt)

    async def _take_forward(self, turn: Turn, halt: Halt) -> None:
        try:
            adapter = self._adapters[turn.address.platform, turn.address.account]
            posts = await self._store.posts(turn)
            surface = Surface(
                turn,
                adapter=adapter,
                store=self._store,
                pace=self._pace,
                clock=self._clock,
                meter=self._meter,
                posts=posts,
                look=self._look,
                downloads=self._downloads,
            )
            await Advance(
                turn=turn,
                bot=self._bot,
                surface=surface,
                store=self._store,
                clock=self._clock,
                meter=self._meter,
                halt=halt,
            ).run()
        except (Transient, LeaseLost) as error:
            # Its posts could not be read: the lease lapses, or is another's already.
            log.warning("%s", error)
        finally:
            if self._running.get(turn.id) is halt:
                del self._running[turn.id]
            self._idle.set()
            self._work.set()

    async def _keep_leases(self) -> None:
        """Renews, and passes on what the renewal tells: cancelled turns, and turns that are no longer ours."""
        while True:
            self._sign("pulse")
            await self._clock.wait(self._pulse, PULSE_SECONDS)
            self._pulse.clear()
            if not self._running:
                continue
            known = set(self._running)
            try:
                held = await self._store.renew(self._lease, known)
            except Transient as error:
                log.warning("cannot renew leases: %s", error)
                continue
            for turn_id in known & set(self._running):
                if turn_id not in held:
                    self._running[turn_id].let_go()
                elif held[turn_id]:
                    self._running[turn_id].stop()
