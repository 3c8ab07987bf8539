"""Opens one platform, however long that takes, and then listens to it: alone, where it wants that of us."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from bridge.duty import Duty
from bridge.errors import Transient
from bridge.ports import Accept, Adapter, Alone, Clock, Peers
from bridge.readiness import Readiness

log = logging.getLogger(__name__)

BACKOFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Between attempts to reach a server at the start; the last is repeated."""


def backoff(attempt: int) -> float:
    """Seconds to wait after that many attempts in vain before this one."""
    return BACKOFF_SECONDS[min(attempt, len(BACKOFF_SECONDS) - 1)]


@dataclass(slots=True, kw_only=True)
class Listening:
    """What listens to one platform."""

    accept: Accept
    wake: Callable[[], None]
    """Called once answers can go to the platform."""
    peers: Peers | None
    owner: str
    """Who we are to the processes beside us."""
    readiness: Readiness
    clock: Clock

    async def run(self, adapter: Adapter) -> None:
        """Until it is cancelled. Raises ConfigError."""
        await self._open(adapter)
        self.readiness.troubles.pop(adapter.platform)
        self.readiness.serving[adapter.platform, adapter.account] = adapter
        self.wake()
        if self.peers is None or not isinstance(adapter, Alone) or not adapter.duty:
            await adapter.listen(self.accept)
        else:
            duty = Duty(name=adapter.duty, owner=self.owner, peers=self.peers, clock=self.clock)
            await self._take_turns(adapter, adapter, duty)

    async def _open(self, adapter: Adapter) -> None:
        attempt = 0
        while True:
            try:
                return await adapter.open()
            except Transient as error:
                delay = max(backoff(attempt), error.retry_after)
                if self.readiness.troubles[adapter.platform] != str(error):
                    log.warning("%s: %s; trying again", adapter.platform, error)
                self.readiness.troubles[adapter.platform] = str(error)
                attempt += 1
                await self.clock.sleep(delay)

    async def _take_turns(self, adapter: Adapter, alone: Alone, duty: Duty) -> None:
        """Listens whenever no other process does."""
        name = (adapter.platform, adapter.account)
        try:
            while True:
                self.readiness.standing_by.add(name)
                if not await duty.take():
                    log.info("%s: another process listens, this one stands by", adapter.platform)
                    await duty.wait()
                log.info("%s: this process listens", adapter.platform)
                self.readiness.standing_by.discard(name)
                await duty.do(lambda: alone.listen_alone(self.accept, duty.ours))
        finally:
            await duty.lay_down()
