"""What was asked for once is known for a while."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from bridge.ports import Clock

T = TypeVar("T")


class Remembered(Generic[T]):
    """Answers by what they are about; at most so many, the oldest goes first."""

    def __init__(self, clock: Clock, *, seconds: float, most: int) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._known: dict[str, tuple[float, T]] = {}
        """About whom → until when (monotonic) what is believed."""

    async def get(self, about: str, ask: Callable[[], Awaitable[T]]) -> T:
        """What is known, or what comes of asking now. Raises what `ask` raises, and then remembers nothing."""
        until, known = self._known.get(about, (0.0, None))
        if known is not None and self._clock.monotonic() < until:
            return known
        found = await ask()
        self._known.pop(about, None)
        self._known[about] = self._clock.monotonic() + self._seconds, found
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]
        return found
