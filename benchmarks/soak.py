"""Twenty minutes of trouble: 50 answers at a time while everything fails now and then; does the service grow?"""

import asyncio
import random
import re
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import asyncpg

from benchmarks.database import database, order
from benchmarks.places import places
from benchmarks.plot import svg
from benchmarks.service import START_SECONDS, Row, Service, free_port, start, telegram_world
from simulators.coze.answers import Answer
from simulators.coze.server import CozeSimulator
from simulators.slack.server import SlackSimulator
from simulators.telegram.simulator import TelegramSimulator
from simulators.wire import Fault, Served

PICTURE = Path(__file__).parent.parent / "docs" / "soak.svg"
MINUTES = 20.0
SETTLED_MINUTES = 3.0
"""Until then pools fill, caches warm up and every place is visited; of a shorter soak the first quarter."""
AT_ONCE = 50
PLACES = 200
SAMPLE_SECONDS = 4.0
FAULT_SECONDS = 3.0
"""Mean time between two faults."""
OUTAGE_MINUTES, OUTAGE_SECONDS = 6.0, 20.0
"""Coze is away so often and so long; first after a third of that."""
CUT_MINUTES = 1.0
"""So often all connections to PostgreSQL are cut."""
END_SECONDS = 240.0
"""What is open at the end gets so long, without faults."""
CALL_SECONDS = 10.0
TOLERANCE: dict[str, tuple[float, float]] = {
    "memory (MiB)": (0.05, 4.0),
    "file descriptors": (0.10, 6.0),
    "asyncio tasks": (0.10, 25.0),
    "database connections": (0.0, 2.0),
}
"""By which part, or by how many if that is more, the last third may lie above the first after the settling."""
SCALE = 60.0
"""Seconds of a minute."""


@dataclass
class Soaked:
    """What was seen of the service."""

    minutes: list[float] = field(default_factory=list)
    series: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in TOLERANCE})
    asked: int = 0
    faults: int = 0
    most_open: int = 0

    def growth(self, name: str, settled: float) -> tuple[float, float]:
        """Medians of the first and the last third after the settling."""
        values = [value for at, value in zip(self.minutes, self.series[name], strict=True) if at >= settled]
        third = max(1, len(values) // 3)
        return statistics.median(values[:third]), statistics.median(values[-third:])


@dataclass
class World:
    telegram: TelegramSimulator
    slack: SlackSimulator
    coze: CozeSimulator
    service: Service
    port: int
    database: str
    dice: random.Random = field(default_factory=lambda: random.Random(5))
    soaked: Soaked = field(default_factory=Soaked)


async def soak(*, minutes: float = MINUTES) -> Row:
    """Runs for so many minutes on PostgreSQL, or on SQLite if no server answers; draws docs/soak.svg."""
    async with AsyncExitStack() as opened:
        try:
            url = await opened.enter_async_context(database("postgresql"))
        except OSError:
            url = await opened.enter_async_context(database("sqlite"))
        world = await _world(opened, url)
        began = time.monotonic()
        until = began + minutes * SCALE
        async with asyncio.timeout(minutes * SCALE + END_SECONDS * 2):
            async with asyncio.TaskGroup() as group:
                group.create_task(_ask(world, until))
                group.create_task(_break(world, began, until))
                group.create_task(_sample(world, began, until))
            left = await _end(world)
    return _row(world, minutes, left)


async def _world(opened: AsyncExitStack, url: str) -> World:
    telegram, coze, environ = await opened.enter_async_context(telegram_world(deltas_per_second=20, limits=True))
    slack = SlackSimulator()
    served = await opened.enter_async_context(Served(slack.app))
    port = free_port()
    environ |= {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": "xapp-test",
        "SLACK_API_BASE": f"{served.url}/api/",
        "DATABASE_URL": url,
        "HTTP_LISTEN": f"127.0.0.1:{port}",
    }
    service = await start(environ, "", Path(opened.enter_context(TemporaryDirectory())))
    opened.push_async_callback(service.kill)
    async with asyncio.timeout(START_SECONDS):
        await service.ready.wait()
    for words in (30, 120, 300):
        coze.script(f"in {words} words", Answer(text="word " * words, deltas=["word "] * words))
    return World(telegram, slack, coze, service, port, url)


# ---- people


async def _ask(world: World, until: float) -> None:
    """Keeps `AT_ONCE` questions open."""
    asking, numbers = places(world.telegram, world.slack, PLACES), count(1)
    world.dice.shuffle(asking)
    while time.monotonic() < until:
        opened = await _open(world)
        if opened is not None:
            world.soaked.most_open = max(world.soaked.most_open, opened)
            for _ in range(AT_ONCE - opened):
                number = next(numbers)
                words = world.dice.choice((30, 120, 120, 300))
                asking[number % PLACES](f"question {number}, in {words} words")
                world.soaked.asked += 1
        await asyncio.sleep(0.5)


async def _open(world: World) -> int | None:
    """Questions that have not come to their end, by what the service says; None if it does not.

    What it has not taken in yet counts, too.
    """
    ended = re.findall(r"^coze_bridge_turns_total\{.*\} (\S+)$", page := await _metrics(world), re.MULTILINE)
    return world.soaked.asked - int(sum(map(float, ended))) if page else None


async def _metrics(world: World) -> str:
    timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
    with suppress(aiohttp.ClientError, TimeoutError):
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://127.0.0.1:{world.port}/metrics") as response,
        ):
            return await response.text()
    return ""


async def _end(world: World) -> int:
    """Lets everything that is open come to its end, without faults; how many do not."""
    for simulator in (world.telegram, world.slack, world.coze):
        simulator.faults.clear()
    opened: int | None = None
    with suppress(TimeoutError):
        async with asyncio.timeout(END_SECONDS):
            while (opened := await _open(world)) != 0:  # noqa: ASYNC110
                await asyncio.sleep(1.0)
    return -1 if opened is None else opened


# ---- trouble


def _faults(world: World) -> Iterator[None]:
    """One fault after the other, each aimed at the next call of its kind."""
    telegram, slack, coze, dice = world.telegram.faults, world.slack.faults, world.coze.faults, world.dice
    while True:
        match dice.randrange(9):
            case 0:
                telegram.add(Fault(kind="flood", method="editMessageText", seconds=dice.choice((2.0, 5.0))))
            case 1:
                telegram.add(Fault(kind=dice.choice(("error_500", "error_502_html")), times=2))
            case 2:
                telegram.add(Fault(kind="reset", times=2))
            case 3:
                kind = "drop_response_after_commit"
                telegram.add(Fault(kind=kind, method=dice.choice(("sendMessage", "editMessageText"))))
            case 4:
                slack.add(Fault(kind="ratelimited", method="chat.postMessage", seconds=dice.choice((1.0, 4.0))))
            case 5:
                slack.add(Fault(kind=dice.choice(("error_500", "html_502", "reset")), method="chat.update"))
            case 6:
                slack.add(Fault(kind="drop_response_after_commit", method="chat.postMessage"))
            case 7:
                kind = dice.choice(("cut_clean", "cut_mid_line", "reset"))
                coze.add(Fault(kind=kind, method="/v3/chat", after=dice.randrange(1, 25)))
            case _:
                coze.add(Fault(kind="http", method="/v3/chat", value="502"))
        yield


async def _break(world: World, began: float, until: float) -> None:
    faults = _faults(world)
    outage = began + OUTAGE_MINUTES * SCALE / 3
    cut = began + CUT_MINUTES * SCALE
    while (now := time.monotonic()) < until:
        next(faults)
        world.soaked.faults += 1
        if now >= outage:
            outage += OUTAGE_MINUTES * SCALE
            away = Fault(kind="refuse", times=-1)
            world.coze.faults.waiting.insert(0, away)
            await asyncio.sleep(OUTAGE_SECONDS)
            with suppress(ValueError):
                world.coze.faults.waiting.remove(away)
        if now >= cut and world.database.startswith("postgresql"):
            cut += CUT_MINUTES * SCALE
            with suppress(OSError, asyncpg.PostgresError):
                await order(
                    world.database,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()",
                )
        await asyncio.sleep(world.dice.expovariate(1 / FAULT_SECONDS))


# ---- what is seen


async def _sample(world: World, began: float, until: float) -> None:
    while time.monotonic() < until:
        tasks = re.search(r"^coze_bridge_tasks (\S+)$", await _metrics(world), re.MULTILINE)
        connections = await _connections(world)
        if tasks and connections is not None:
            figures = (
                world.service.resident_kib() / 1024,
                float(world.service.descriptors()),
                float(tasks[1]),
                float(connections),
            )
            world.soaked.minutes.append((time.monotonic() - began) / SCALE)
            for values, figure in zip(world.soaked.series.values(), figures, strict=True):
                values.append(figure)
        await asyncio.sleep(SAMPLE_SECONDS)


async def _connections(world: World) -> int | None:
    """Of the service to its database; to an SQLite file, its open descriptors of it."""
    if world.database.startswith("postgresql"):
        with suppress(OSError, asyncpg.PostgresError):
            rows = await order(
                world.database,
                "SELECT count(*) AS number FROM pg_stat_activity WHERE datname = current_database() "
                "AND application_name LIKE 'coze-bridge%'",
            )
            return int(rows[0]["number"])
        return None
    name = world.database.rpartition("/")[2]
    return sum(name in link for link in _links(world.service.process.pid))


def _links(pid: int) -> Iterator[str]:
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            yield str(descriptor.readlink())


def _row(world: World, minutes: float, left: int) -> Row:
    soaked, settled = world.soaked, min(SETTLED_MINUTES, minutes / 4)
    row: Row = {
        "benchmark": f"soak {world.database.partition('+')[0]}",
        "minutes": minutes,
        "questions": soaked.asked,
        "most_open": soaked.most_open,
        "faults": soaked.faults,
        "unsettled_at_the_end": left,
    }
    grown: Sequence[str] = []
    for name, (part, number) in TOLERANCE.items():
        first, last = soaked.growth(name, settled)
        row[name] = f"{first:.1f} → {last:.1f}"
        if last - first > max(first * part, number):
            grown = [*grown, name]
    row["grown"] = ", ".join(grown) or "nothing"
    title = f"{minutes:g} minutes, {AT_ONCE} answers at a time, {soaked.faults} faults (grey: settling)"
    PICTURE.write_text(svg(title, soaked.minutes, soaked.series, settled=settled), encoding="utf-8")
    return row
