"""The seams to what is around every part: the clock, and the figures for the operator."""

import asyncio
from typing import Protocol


class Clock(Protocol):
    """Where time comes from, so that tests can make it."""

    def now(self) -> float:
        """Unix time in seconds; for what is stored and shared."""

    def monotonic(self) -> float:
        """Seconds since some fixed point; never jumps; for intervals inside one process."""

    async def sleep(self, seconds: float) -> None: ...

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Waits for the event, at most so many seconds; True if it came."""


class Meter(Protocol):
    """Counts what happens, for the operator; docs/operation.md lists the names and labels."""

    def count(self, name: str, value: float = 1, **labels: str) -> None: ...

    def observe(self, name: str, seconds: float, **labels: str) -> None: ...
