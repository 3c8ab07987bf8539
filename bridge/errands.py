"""Small things done beside the work, each bounded in time, of which nothing depends on the outcome."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from bridge.errors import BridgeError

log = logging.getLogger(__name__)

MOST = 100
"""At a time; of more, none is begun."""
SECONDS = 20.0
"""What each may take."""


class Errands:
    """The errands of one part; they end with it."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def send(self, what: str, errand: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Begins it, unless too many are under way. `what`: its name in the log."""
        if len(self._running) >= MOST:
            log.warning("no %s: too much is under way", what)
            return
        task = asyncio.create_task(_run(what, errand))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def aclose(self) -> None:
        """Gives up what is under way."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


async def _run(what: str, errand: Callable[[], Coroutine[Any, Any, object]]) -> None:
    try:
        async with asyncio.timeout(SECONDS):
            await errand()
    except (BridgeError, TimeoutError) as error:
        log.warning("no %s: %s", what, str(error) or "it took too long")
