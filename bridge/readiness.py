"""Whether the service can do its work, and why not: for /readyz, the log and systemd."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress

from bridge.errors import Transient
from bridge.ports import Adapter, Clock, Store
from bridge.supervise import notify, status

log = logging.getLogger(__name__)

LOOK_SECONDS = 3.0
"""What the database gets to answer a health check or a scrape: those who ask are not patient."""
TELL_SECONDS = 2.0
"""Between two looks at whether we are ready."""


class Readiness:
    """What is open by now, as the composition root notes it down here, and what that means."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.stopping = asyncio.Event()
        """Set once we were asked to end."""
        self.reached = asyncio.Event()
        """Set once everything was ready for the first time."""
        self.troubles: dict[str, str] = {"database": "not opened yet"}
        """Why the database or an adapter is not open yet, by its name."""
        self.serving: dict[tuple[str, str], Adapter] = {}
        """The adapters that are open, by platform and account."""
        self.standing_by: set[tuple[str, str]] = set()
        """Those of them to which another process listens: this one is ready to."""
        self.store: Store | None = None
        self._adapters: Sequence[Adapter] = ()

    def expect(self, adapters: Sequence[Adapter]) -> None:
        """These are to be opened."""
        self._adapters = adapters
        self.troubles |= {adapter.platform: "not connected yet" for adapter in adapters}

    async def reasons(self) -> list[str]:
        """Why we are not ready, one line each; empty if we are. Takes at most LOOK_SECONDS."""
        reasons = [f"{name}: {trouble}" for name, trouble in self.troubles.items()]
        reasons += [
            f"{adapter.platform}: {adapter.trouble}"
            for adapter in self._adapters
            if adapter.trouble
            and adapter.platform not in self.troubles
            and (adapter.platform, adapter.account) not in self.standing_by
        ]
        if self.stopping.is_set():
            reasons.append("stopping")
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                if self.store is not None:
                    await self.store.waiting()
        except Transient as error:
            reasons.append(f"database: {error}")
        except TimeoutError:
            reasons.append(f"database: no answer within {LOOK_SECONDS:g} s")
        return reasons

    async def backlog(self) -> tuple[Mapping[str, int], float | None]:
        """Number of unsettled turns by state, and the age of the oldest that is due (0: there is none).

        Nothing and None while the database is away: then the other figures matter all the more.
        """
        waiting: Mapping[str, int] = {}
        oldest: float | None = None
        with suppress(Transient, TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                if self.store is not None:
                    now = self._clock.now()
                    waiting, received = await self.store.waiting(), await self.store.oldest_due()
                    oldest = 0.0 if received is None else now - received
        return waiting, oldest

    async def tell(self) -> None:
        """Says, in the log and to systemd, when we become ready and why we are not, until we stop."""
        told: list[str] = []
        pause = 0.05
        while not self.stopping.is_set():
            reasons = await self.reasons()
            if self.stopping.is_set():
                break
            serving = ", ".join(self._shown(*name) for name in self.serving)
            if not reasons and not self.reached.is_set():
                self.reached.set()
                log.info("ready: %s", serving)
                notify("READY=1")
            elif self.reached.is_set() and reasons and not told:
                log.warning("not ready: %s", "; ".join(reasons))
            elif told and not reasons:
                log.info("ready again")
            status("waiting for " + "; ".join(reasons) if reasons else f"serving {serving}")
            told = reasons
            await self._clock.wait(self.stopping, pause)
            pause = min(pause * 1.5, TELL_SECONDS)

    def _shown(self, platform: str, account: str) -> str:
        return f"{platform} {account}" + (" (standing by)" if (platform, account) in self.standing_by else "")
