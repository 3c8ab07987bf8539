"""Claims turns and takes them forward side by side; keeps their leases alive; lets go of them in an orderly way."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

from bridge.access import Admin
from bridge.alerts import Alerts
from bridge.asking import Asking
from bridge.bringing import EVERYTHING, Bringing, Wanted
from bridge.contents import SPOKEN_AT_ONCE
from bridge.errors import BotFailed, LeaseLost, Transient
from bridge.halt import Halt
from bridge.herald import Account, Herald
from bridge.model import Lease, Post, Turn, TurnId, TurnState
from bridge.pace import Pace
from bridge.pages import Look
from bridge.ports import Adapter, Bots, Clock, Downloads, Judged, Meter, Speaks, Store, Tools
from bridge.pulse import Pulse
from bridge.scratch import Scratch
from bridge.share import Share
from bridge.surface import Surface
from bridge.tooling import Tooling
from bridge.trail import note, trail
from bridge.turn import Advance

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""How long an idle worker sleeps if nobody wakes it: the fallback for turns that other processes accepted."""
STORE_RETRY_SECONDS = 1.0
MOST_OF_ONE = 0.75
"""Where several accounts are served, so much of the workers one may have: a platform that hangs leaves room."""

MOST_KNOWN = 10_000
"""Turns of ours that are remembered."""

OnBusy = Literal["queue", "merge", "interrupt"]
"""What becomes of messages that come while an answer runs."""


class Worker:
    """Advances at most `limit` turns at a time, for the adapters in `adapters` (which may grow while it runs)."""

    def __init__(
        self,
        *,
        store: Store,
        bots: Bots,
        adapters: Mapping[tuple[str, str], Adapter],
        pace: Pace,
        clock: Clock,
        meter: Meter,
        lease: Lease,
        limit: int,
        look: Look,
        downloads: Downloads,
        tools: Tools,
        recall_seconds: float,
        on_busy: OnBusy = "queue",
        queued_seconds: float = 0.0,
        admins: Sequence[Admin] = (),
        names: bool = True,
        reveal: Callable[[str], str] = str,
        wanted: Wanted = EVERYTHING,
    ) -> None:
        """`queued_seconds`: who waits longer for an answer to begin is told so; 0: nobody is."""
        self._store = store
        self._bots = bots
        self._adapters = adapters
        self._pace = pace
        self._clock = clock
        self._meter = meter
        self._lease = lease
        self._limit = limit
        self._look = look
        self._downloads = downloads
        self._tools = tools
        self._recall_seconds = recall_seconds
        self._names = names
        self._merging = on_busy == "merge"
        self._queued_seconds = queued_seconds
        self._reveal = reveal
        self.alerts = Alerts(store=store, clock=clock, meter=meter, admins=admins, accounts=adapters.keys())
        self._scratch = Scratch()
        self._bringing = Bringing(store=store, meter=meter, scratch=self._scratch, wanted=wanted)
        self._mouths = asyncio.Semaphore(SPOKEN_AT_ONCE)
        self._running: dict[TurnId, Halt] = {}
        self._taken: Counter[Account] = Counter()
        """How many of them are of each account."""
        self._advancing: dict[TurnId, Advance] = {}
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._draining = False
        self._share = Share(store.shares, pace=pace, clock=clock) if store.shares else None
        self._knows_penalties = False
        self._claimed_last = asyncio.Event()
        self._known: dict[TurnId, None] = {}
        """Turns that we worked on, the oldest first."""
        self._signs: dict[str, float] = {}
        """When each of our loops last went round."""
        self._pulse = Pulse(
            store=store,
            clock=clock,
            lease=lease,
            halts=lambda: self._herald.held | self._running,
            partial=self._partial,
            sign=lambda: self._sign("pulse"),
        )
        self._herald = Herald(
            store=store,
            adapters=adapters,
            pace=pace,
            clock=clock,
            lease=lease,
            seconds=queued_seconds,
            heads=self._merging,
            surface=self._surface,
            sure=self._pulse.surely_until,
            is_busy=lambda account: account not in self._with_room(),
            wake=self.wake,
            nudge=self._nudge,
        )

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
        self._pulse.beat()

    async def run(self) -> None:
        """Claims and advances until `drain` was called and all turns have ended."""
        self._scratch.clear()
        try:
            await self._run()
        finally:
            self._scratch.close()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            pulse = group.create_task(self._pulse.run(), name="pulse")
            if self._queued_seconds:
                group.create_task(self._herald.run(), name="herald")
            while not self._draining:
                self._sign("claim")
                self._work.clear()
                while not self._draining and self.running < self._limit:
                    until = self._pulse.surely_until()
                    if (turn := await self._claim()) is None:
                        break
                    halt = self._take_on(turn, until)
                    group.create_task(self._advance(turn, halt), name=f"turn {turn.id}")
                await self._clock.wait(self._work, await self._rest_seconds())
            self._signs.pop("claim", None)
            self._claimed_last.set()
            self._herald.end()
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

    def _take_on(self, turn: Turn, ours_until: float) -> Halt:
        """Ours from now on. Our own lease may have lapsed while we were frozen: then the older run lets go."""
        if older := self._running.get(turn.id):
            older.let_go()
        halt = self._running[turn.id] = Halt(ours_until)
        self._taken[turn.address.platform, turn.address.account] += 1
        if turn.merged:
            log.info("merged", extra={"turn": turn.id, "merged": turn.merged})
            self._meter.count("merged", turn.merged, platform=turn.address.platform)
        return halt

    def _with_room(self) -> list[Account]:
        """The accounts for which a worker is free."""
        if self.running >= self._limit:
            return []
        most = max(1, int(self._limit * MOST_OF_ONE)) if len(self._adapters) > 1 else self._limit
        return [account for account in self._adapters if self._taken[account] < most]

    def _sign(self, loop: str) -> None:
        self._signs[loop] = self._clock.monotonic()

    async def _claim(self) -> Turn | None:
        self._sign("claim")
        if not (serving := self._with_room()):
            return None
        if self._pulse.is_unsure():
            self._pulse.beat()
            return None
        try:
            if not self._knows_penalties:
                await self._learn_penalties()
            return await self._store.claim(self._lease, serving, merge=self._merging)
        except Transient as error:
            log.warning("cannot claim: %s", error)
            await self._clock.sleep(STORE_RETRY_SECONDS)
            return None

    async def _learn_penalties(self) -> None:
        """Those of the process before us: a call inside one would make it longer."""
        for name, seconds in (await self._store.penalties()).items():
            self._pace.remember(name, seconds, self._clock.monotonic())
            log.info("no call for %.0f s more: %s", seconds, name)
        self._knows_penalties = True

    async def _rest_seconds(self) -> float:
        """Until the next postponed turn is due, at most POLL_SECONDS."""
        if not self._with_room():
            return POLL_SECONDS  # nothing is claimed before a turn ends, and that wakes us
        try:
            due = await self._store.next_due()
        except Transient:
            due = None
        return POLL_SECONDS if due is None else min(POLL_SECONDS, due + 0.001)

    async def _advance(self, turn: Turn, halt: Halt) -> None:
        with trail(turn=turn.id, platform=turn.address.platform):
            note(coze_chat=turn.chat)
            await self._take_forward(turn, halt)

    async def _take_forward(self, turn: Turn, halt: Halt) -> None:
        try:
            surface = self._surface(turn, await self._store.posts(turn), halt, taken_over=self._is_from_another(turn))
            asking = Asking(
                turn=turn,
                bots=self._bots,
                adapter=self._adapters[turn.address.platform, turn.address.account],
                bringing=self._bringing,
                surface=surface,
                store=self._store,
                clock=self._clock,
                meter=self._meter,
                halt=halt,
                recall_seconds=self._recall_seconds,
                names=self._names,
            )
            advance = self._advancing[turn.id] = Advance(
                asking=asking,
                tooling=Tooling(asking=asking, tools=self._tools),
                surface=surface,
                store=self._store,
                clock=self._clock,
                meter=self._meter,
                halt=halt,
                alerts=self.alerts,
                reveal=self._reveal,
            )
            await advance.run()
        except (Transient, LeaseLost) as error:
            # Its posts could not be read: the lease lapses, or is another's already.
            log.warning("%s", error)
        finally:
            if self._running.get(turn.id) is halt:
                del self._running[turn.id]
                self._advancing.pop(turn.id, None)
            self._taken[turn.address.platform, turn.address.account] -= 1
            self._idle.set()
            self._work.set()

    def _is_from_another(self, turn: Turn) -> bool:
        """Was it begun, and not by us, as far as we remember?"""
        is_known = turn.id in self._known
        self._known[turn.id] = None
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]
        return turn.state in (TurnState.STREAMING, TurnState.FINALISING) and not is_known

    def _surface(self, turn: Turn, posts: Sequence[Post], halt: Halt, *, taken_over: bool = False) -> Surface:
        return Surface(
            turn,
            adapter=self._adapters[turn.address.platform, turn.address.account],
            store=self._store,
            pace=self._pace,
            clock=self._clock,
            meter=self._meter,
            posts=posts,
            look=self._look if self._judges(turn) else replace(self._look, feedback=False),
            downloads=self._downloads,
            halt=halt,
            share=self._share,
            speak=partial(self._speak, turn),
            mouths=self._mouths,
            taken_over=taken_over,
        )

    def _judges(self, turn: Turn) -> bool:
        """Does its bot want to know what people think of its answers?"""
        try:
            bot = self._bots.of(turn.bot, turn.session)
        except BotFailed:
            return False
        return isinstance(bot, Judged) and bot.judges

    async def _speak(self, turn: Turn, words: str) -> bytes:
        """In the voice that who asked has chosen. Raises what a Bot raises."""
        bot = self._bots.of(turn.bot, turn.session)
        if not isinstance(bot, Speaks):
            raise BotFailed("this bot cannot speak", say="not_spoken")
        try:
            return await bot.speak(words, turn.voice)
        except BotFailed as error:
            await self.alerts.refused(error, bot=f"{turn.bot} /voice".strip())
            raise

    def _nudge(self, turn: TurnId) -> None:
        """Somebody waits to be told that they wait behind that answer, of which nothing is to be seen yet."""
        if advance := self._advancing.get(turn):
            advance.surface.show_a_sign()

    def _partial(self) -> dict[Turn, str]:
        """What is known of running answers, where it is more than last time."""
        return {advance.turn: text for advance in self._advancing.values() if (text := advance.partial())}
