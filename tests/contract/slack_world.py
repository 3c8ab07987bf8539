"""What tests of the Slack adapter share: an adapter that listens to the simulated Slack, and what it hears."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from adapters.slack import SlackAdapter
from adapters.web import application
from bridge.clock import SystemClock
from bridge.errors import Unreachable
from bridge.model import Address, Attachment, Inbound, Lost, Moved, Near, Page
from bridge.ports import Accept
from simulators.slack import SlackSimulator
from simulators.wire import Served


class HurriedClock(SystemClock):
    """Sleeps a hundredth of what it is asked to, and remembers what that was."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await super().sleep(seconds / 100)


class Tally:
    """A Meter that can be looked at."""

    def __init__(self) -> None:
        self.counted: Counter[tuple[str, ...]] = Counter()

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        self.counted[(name, *labels.values())] += int(value)

    def observe(self, name: str, seconds: float, **labels: str) -> None: ...


class Inbox:
    """What was accepted; the first `failures` times it could not be."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.refused: list[Inbound] = []
        self.all: list[Inbound] = []
        self._changed = asyncio.Condition()

    async def accept(self, inbound: Inbound | Moved) -> None:
        assert isinstance(inbound, Inbound)
        async with self._changed:
            if self.failures:
                self.failures -= 1
                self.refused.append(inbound)
                raise Unreachable("the database does not answer")
            self.all.append(inbound)
            self._changed.notify_all()

    async def get(self, number: int = 1) -> list[Inbound]:
        """The first so many, once they are there."""
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(lambda: len(self.all) >= number)
        return self.all


def adapter(url: str, transport: str = "socket", **more: Any) -> SlackAdapter:
    transports = {"socket": {"app_token": "xapp-test"}, "http": {"signing_secret": "secret"}}
    options = {"bot_token": "xoxb-test", "clock": HurriedClock(), "meter": Tally(), "ping_seconds": 0.2}
    options |= {"api_base": f"{url}/api/", **transports[transport], **more}
    return SlackAdapter(**options)  # type: ignore[arg-type]


@asynccontextmanager
async def hearing(
    sim: SlackSimulator,
    url: str,
    transport: str = "socket",
    *,
    inbox: Inbox | None = None,
    accept: Accept | None = None,
    **more: Any,
) -> AsyncIterator[tuple[SlackAdapter, Inbox]]:
    """An adapter that listens, and what it hears."""
    slack, inbox = adapter(url, transport, **more), inbox or Inbox()
    await slack.open()
    async with Served(application(slack.mounts, ready=no_reasons, metrics=no_metrics)) as ours:
        sim.settings.request_url = f"{ours.url}/slack/events" if transport == "http" else ""
        listening = asyncio.create_task(slack.listen(accept or inbox.accept))
        try:
            await wait(lambda: not slack.trouble)
            yield slack, inbox
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
            await slack.aclose()


async def find(
    slack: SlackAdapter,
    address: Address,
    mark: str,
    *,
    since: float,
    known: frozenset[tuple[str, str]] = frozenset(),
    attachment: Attachment | None = None,
    question: str = "",
) -> str | None:
    """Looks for a lost message with that mark; there is nothing that it would have to wait for."""

    async def turn() -> None:
        raise AssertionError("reading has budgets of its own")

    page = Page(index=0, text="", final=True, mark=mark, attachment=attachment)
    lost = Lost(page=page, since=since, question=question, near=Near(known))
    found = await slack.find(address, lost, turn=turn)
    assert found is None or found.sure
    return found.message_id if found else None


async def no_reasons() -> list[str]:
    return []


async def no_metrics() -> bytes:
    return b""


async def wait(true: Callable[[], object], seconds: float = 30.0) -> None:
    """Until it is true; for what no feed tells of."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)


def outcomes(sim: SlackSimulator) -> set[str]:
    return {delivery.outcome for delivery in sim.deliveries.log}


async def all_acked(sim: SlackSimulator) -> None:
    await sim.wait(lambda: outcomes(sim) == {"acked"})
