"""What only one of the processes on a database may do: taken, kept while it is done, and laid down."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bridge.errors import Transient
from bridge.ports import Clock, Peers

log = logging.getLogger(__name__)

KEEP_SECONDS = 1.0
"""Between two renewals of a duty."""
STAND_BY_SECONDS = 1.0
"""Between two attempts to take a duty that another process has, if nobody says that it was laid down."""
LOOK_SECONDS = 0.2
"""Between two looks at whether it is still ours."""
LAY_DOWN_SECONDS = 3.0


@dataclass(slots=True, kw_only=True)
class Duty:
    """One such duty, as this process sees it."""

    name: str
    owner: str
    peers: Peers
    clock: Clock
    _until: float = field(default=0.0, init=False)
    """It is surely ours until then, as far as the others see that we live. The clock goes on while we are frozen."""
    _renewed_at: float = field(default=0.0, init=False)

    def ours(self) -> bool:
        return self.clock.monotonic() < min(self._until, self._renewed_at + self.peers.sure_seconds)

    async def take(self) -> bool:
        """Takes or keeps it; is it ours?"""
        began = self.clock.monotonic()
        with suppress(Transient):
            self._until = await self.peers.take(self.name, self.owner)
            self._renewed_at = began
        return self.ours()

    async def wait(self) -> None:
        """Until it is ours."""
        while not await self.take():
            await self.peers.vacancy(STAND_BY_SECONDS)

    async def do(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Works until it is no longer surely ours, or the work ends. Raises what the work raises."""
        working, keeping = asyncio.create_task(work()), asyncio.create_task(self._keep())
        try:
            while self.ours() and not working.done() and not keeping.done():
                await asyncio.wait({working, keeping}, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                log.warning("%s: not kept in time, so another process may do it now", self.name)
        finally:
            for task in (working, keeping):
                task.cancel()
            await asyncio.wait({working, keeping})
        for task in (working, keeping):
            if not task.cancelled():
                task.result()

    async def _keep(self) -> None:
        while self.ours():
            await self.clock.sleep(KEEP_SECONDS)
            await self.take()

    async def lay_down(self) -> None:
        """For another process to take at once; should that fail, it will be anybody's in a while."""
        self._until = 0.0
        with suppress(Transient, TimeoutError):
            async with asyncio.timeout(LAY_DOWN_SECONDS):
                await self.peers.lay_down(self.name, self.owner)
