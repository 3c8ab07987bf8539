"""Tells people whose questions have waited for some seconds how many are before them, in the place of the answer."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from bridge.errors import LeaseLost, Transient
from bridge.halt import Halt
from bridge.model import Lease, Post, Turn, TurnId, TurnState, Waiting
from bridge.pace import Kind, Pace
from bridge.ports import Adapter, Clock, Store, Verb
from bridge.surface import Surface
from bridge.texts import text
from bridge.trail import trail

log = logging.getLogger(__name__)

Account = tuple[str, str]
"""Platform and account."""

ROUND_SECONDS = 1.0
MOST_A_ROUND = 20
"""Questions of one account that are looked at in one round."""
APART = 5
"""In one chat, notices are as far apart as so many of its calls: the answer that runs there gets the others."""
REFUSED_SECONDS = 60.0
"""For so long nothing more is told in a chat where a notice could not be shown."""


class Herald:
    """A courtesy: it uses only calls that nobody else of the account wants, and takes one question at a time."""

    def __init__(
        self,
        *,
        store: Store,
        adapters: Mapping[Account, Adapter],
        pace: Pace,
        clock: Clock,
        lease: Lease,
        seconds: float,
        heads: bool,
        surface: Callable[[Turn, Sequence[Post], Halt], Surface],
        sure: Callable[[], float],
        is_busy: Callable[[Account], bool],
        wake: Callable[[], None],
        nudge: Callable[[TurnId], None],
    ) -> None:
        """`seconds`: who waits longer is told. `heads`: only the first question of a conversation is told of.

        `sure`: until when a lease taken now is surely ours. `is_busy`: no worker is free for that account. `wake`: a
        question may be claimed again. `nudge`: that answer, if it runs here, is to show something.
        """
        self._store = store
        self._adapters = adapters
        self._pace = pace
        self._clock = clock
        self._lease = lease
        self._seconds = seconds
        self._heads = heads
        self._surface = surface
        self._sure = sure
        self._is_busy = is_busy
        self._wake = wake
        self._nudge = nudge
        self._ended = asyncio.Event()
        self._after: dict[Account, Waiting] = {}
        """Up to where the questions of an account have been looked at; from the beginning again after the last."""
        self._quiet_until: dict[str, float] = {}
        """Chats, by the names of their budgets, in which something was told not long ago."""
        self.held: dict[TurnId, Halt] = {}
        """The question that is being told of: its lease is to be prolonged."""

    async def run(self) -> None:
        """Until `end` was called and no call is under way."""
        while not await self._clock.wait(self._ended, ROUND_SECONDS):
            now = self._clock.monotonic()
            self._quiet_until = {name: until for name, until in self._quiet_until.items() if until > now}
            for account, adapter in list(self._adapters.items()):
                with suppress(Transient):  # the database is away: others say so
                    await self._round(account, adapter)

    def end(self) -> None:
        """Nobody is told any more."""
        self._ended.set()

    async def _round(self, account: Account, adapter: Adapter) -> None:
        if adapter.limits.keep_alive:
            # A notice would vanish as drafts do, and until then no other answer could grow in that chat.
            return
        since = self._clock.now() - self._seconds
        found = await self._store.untold(
            [account], since=since, after=self._after.get(account), heads=self._heads, limit=MOST_A_ROUND
        )
        for waiting in found:
            *shared, own = adapter.limits.budgets(waiting.address, Verb.START)
            now = self._clock.monotonic()
            if self._ended.is_set() or not self._pace.is_idle(shared, now):
                return
            self._after[account] = waiting
            if waiting.behind is not None:
                # What is told of it becomes its answer, which would stand above that of the question before.
                self._nudge(waiting.behind)
                continue
            if own.name not in self._quiet_until and self._pace.delay([own], Kind.COMMAND, now) <= 0:
                told = await self._tell(waiting, account)
                quiet = APART * own.every if told else REFUSED_SECONDS
                self._quiet_until[own.name] = self._clock.monotonic() + quiet
        if len(found) < MOST_A_ROUND:
            self._after.pop(account, None)

    async def _tell(self, waiting: Waiting, account: Account) -> bool:
        """False: it could not be shown."""
        until = self._sure()
        turn = await self._store.hold(self._lease, waiting.id)
        if turn is None:
            return True
        halt = self.held[turn.id] = Halt(until)
        try:
            with trail(turn=turn.id, platform=turn.address.platform):
                return await self._show(turn, halt, all_busy=self._is_busy(account))
        except LeaseLost:
            return True
        finally:
            del self.held[turn.id]
            with suppress(Transient, LeaseLost):
                await self._store.postpone(turn, TurnState.RECEIVED, until=0.0, attempts=turn.attempts)
            self._wake()

    async def _show(self, turn: Turn, halt: Halt, *, all_busy: bool) -> bool:
        if posts := await self._store.posts(turn):
            return bool(posts)  # another process was faster
        before = await self._store.before(turn, all_busy=all_busy)
        name = "queued" if before else "queued_next"
        told = await self._surface(turn, posts, halt).announce(text(name, turn.language, before=before))
        log.info("queued", extra={"before": before, "told": told})
        return told
