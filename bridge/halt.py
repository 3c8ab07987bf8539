"""What a running turn hears from the worker: that it is to end, and until when it is surely ours."""

import asyncio
import math
from collections.abc import Callable

from bridge.errors import Unsure


class Halt:
    """Asks a running turn to end: because its writer stopped it, or because this process lets go of it."""

    def __init__(self, ours_until: float = math.inf) -> None:
        self.asked = asyncio.Event()
        self.stopped = False
        """True: by its writer. False, once asked: we only let go, and somebody else goes on."""
        self.hear: Callable[[], None] = self.asked.set
        """Called as soon as it is asked for."""
        self.ours_until = ours_until
        """On the clock's `monotonic`: from then on somebody else may have the turn, and nothing of it may be shown."""

    def must_be_ours(self, now: float) -> None:
        """Right before a call: this process may have been frozen while somebody else went on. Raises Unsure."""
        if now >= self.ours_until:
            raise Unsure

    def stop(self) -> None:
        self.stopped = True
        self.let_go()

    def let_go(self) -> None:
        self.asked.set()
        self.hear()
