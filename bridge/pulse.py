"""Keeps the leases of what a process holds, and writes down what is known of its answers, beat by beat."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

from bridge.errors import Transient, Unreachable
from bridge.halt import Halt
from bridge.model import Lease, Turn, TurnId
from bridge.ports import Clock, Store

log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
"""How often leases are renewed and cancellations noticed while turns run."""
CALM_SECONDS = 0.1
"""From one renewal to the next at least: each message that comes in wakes us, and hundreds a second may come."""
PARTIAL_SECONDS = 2.0
"""How often what is known of running answers is written down, for whoever goes on after a crash."""
RENEW_SECONDS = 3.0
"""What a renewal may take, before it is unsure what is ours."""
SURE_SECONDS = 0.5
"""So long before a lease lapses nothing is shown any more: a call takes its time."""


class Pulse:
    """Renews, and passes on what the renewal tells: cancelled turns, and turns that are no longer ours."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        lease: Lease,
        halts: Callable[[], Mapping[TurnId, Halt]],
        partial: Callable[[], Mapping[Turn, str]],
        sign: Callable[[], None],
    ) -> None:
        """`halts`: of all turns that we hold. `partial`: what is known of answers since it was asked last. `sign`: it
        is called each time round.
        """
        self._store = store
        self._clock = clock
        self._lease = lease
        self._halts = halts
        self._partial = partial
        self._sign = sign
        self._partial_at = clock.monotonic()
        self._due = asyncio.Event()

    def beat(self) -> None:
        """Now, and not only in a second."""
        self._due.set()

    def surely_until(self) -> float:
        """Until when a lease is surely ours that is given or prolonged from now on, on the monotonic clock."""
        peers, seconds = self._store.peers, self._lease.seconds
        term = seconds if peers is None else min(seconds, peers.sure_seconds)
        return self._clock.monotonic() + term - SURE_SECONDS

    def is_unsure(self) -> bool:
        """May what we hold be somebody else's by now? Renewing tells; a claim before that would take it from us."""
        now = self._clock.monotonic()
        return any(now >= halt.ours_until and not halt.asked.is_set() for halt in self._halts().values())

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._sign()
            await self._clock.wait(self._due, BEAT_SECONDS)
            self._due.clear()
            if known := dict(self._halts()):
                with suppress(Transient):
                    await self._renew(known)
                    await self._keep_partial()
                await self._clock.sleep(CALM_SECONDS)

    async def _renew(self, known: Mapping[TurnId, Halt]) -> None:
        until = self.surely_until()
        try:
            async with asyncio.timeout(RENEW_SECONDS):
                held = await self._store.renew(self._lease, list(known))
        except (Transient, TimeoutError) as error:
            log.warning("cannot renew leases: %s", str(error) or "the database is too slow")
            if self._store.peers is not None:
                # They may hear the database by now, and take us for dead.
                for halt in known.values():
                    halt.ours_until = min(halt.ours_until, self._clock.monotonic())
            raise Unreachable("not renewed") from error
        for turn, halt in known.items():
            if turn not in held:
                halt.let_go()
            elif held[turn] is not None:
                halt.ours_until = until
                if held[turn]:
                    halt.stop()

    async def _keep_partial(self) -> None:
        """What a process that goes on after us shows until it has the whole answer."""
        now = self._clock.monotonic()
        if now - self._partial_at < PARTIAL_SECONDS:
            return
        self._partial_at = now
        if partial := self._partial():
            await self._store.remember(partial)
