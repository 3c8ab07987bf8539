"""The only fake: a clock that stands still until a test moves it."""

import asyncio


class StillClock:
    """Time moves when somebody sleeps: at once, and by as much as was asked for."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self.time = start
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        await asyncio.sleep(0)
        if not event.is_set():
            await self.sleep(seconds)
        return event.is_set()


class HeldClock(StillClock):
    """Time moves only when a test moves it: who waits for something by looking for it looks again at once."""

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0.001)
