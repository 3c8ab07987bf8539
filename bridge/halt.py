"""What a running turn hears from the worker: that it is to end, and until when it is surely ours."""

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from bridge.errors import Unsure

_look: ContextVar[Callable[[], None]] = ContextVar("look", default=lambda: None)


def look() -> None:
    """May the call that this task is making leave now? Raises what `looking` was given to raise."""
    _look.get()()


@contextmanager
def looking(how: Callable[[], None]) -> Iterator[None]:
    """Looks so right away, and once more when a call made meanwhile is about to leave."""
    how()
    before = _look.set(how)
    try:
        yield
    finally:
        _look.reset(before)


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
