"""What the tests of the Telegram adapter share: an adapter that talks to the simulator, and a core that takes notes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from adapters.telegram import TelegramAdapter
from adapters.telegram.watch import CONFIRM_SECONDS
from bridge.model import Address, Inbound, Moved, Page
from simulators.telegram import TelegramSimulator
from tests.clocks import StillClock

TOKEN = "123456:TEST"
ANN, BOB = 1001, 1002
GROUP, FORUM = -5001, -1_000_000_005_001


@dataclass
class Tally:
    """A meter that a test can read."""

    counts: dict[tuple[str, str], float] = field(default_factory=dict)

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        key = (name, labels.get("kind", ""))
        self.counts[key] = self.counts.get(key, 0) + value

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Nothing is timed here."""


class PatientClock(StillClock):
    """One in which minutes pass only when a test lets them: as often as `passes` is released."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        super().__init__(start)
        self.passes = asyncio.Semaphore(0)
        self.waits = asyncio.Event()
        """Somebody waits for minutes to pass."""

    async def sleep(self, seconds: float) -> None:
        if seconds >= CONFIRM_SECONDS:
            self.waits.set()
            await self.passes.acquire()
        await super().sleep(seconds)

    async def let_pass(self) -> None:
        """The time that somebody waits for, until they wait again."""
        async with asyncio.timeout(30):
            await self.waits.wait()
            self.waits.clear()
            self.passes.release()
            await self.waits.wait()


@dataclass
class Core:
    """Takes what an adapter gives; fails as often as it is told to."""

    taken: list[Inbound | Moved] = field(default_factory=list)
    tried: list[Inbound | Moved] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    before: Callable[[Inbound | Moved], Awaitable[None]] | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def accept(self, found: Inbound | Moved) -> None:
        self.tried.append(found)
        if self.before is not None:
            await self.before(found)
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(found)
        self._changed.set()

    @property
    def texts(self) -> list[str]:
        return [found.text for found in self.taken if isinstance(found, Inbound)]

    async def wait(self, number: int) -> None:
        """Until so many were taken."""
        async with asyncio.timeout(30):
            while len(self.taken) < number:
                self._changed.clear()
                await self._changed.wait()


def adapter(url: str, **settings: Any) -> TelegramAdapter:
    """One with a clock that does not wait."""
    base: dict[str, Any] = {"clock": StillClock(), "meter": Tally(), "poll_seconds": 1.0}
    base["commands"] = ("start", "help", "new", "stop")
    token = settings.pop("token", TOKEN)
    return TelegramAdapter(token, api_base=url, **(base | settings))


@asynccontextmanager
async def listening(telegram: TelegramAdapter, core: Core) -> AsyncIterator[asyncio.Task[None]]:
    """The adapter is open and listens; cancelled at the end, and what it raised comes out."""
    await telegram.open()
    task = asyncio.create_task(telegram.listen(core.accept))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def address(sim: TelegramSimulator, chat: int = ANN, thread: str = "") -> Address:
    return Address(platform="telegram", account=str(sim.me.id), chat=str(chat), thread=thread)


def page(text: str, *, final: bool = True, plain: bool = False) -> Page:
    return Page(index=0, text=text, final=final, simpler=int(plain))
