"""How soon an answer goes on after kill -9: from the exec of the next process, or to the edit of another one."""

import asyncio
import re
import statistics
import time
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from benchmarks.database import database
from benchmarks.service import START_SECONDS, Row, Service, free_port, start, telegram_world, until
from simulators.coze.answers import Answer
from simulators.telegram.simulator import TelegramSimulator

KILLS = 10
DELTAS, RATE = 240, 20.0
"""An answer of twelve seconds: when the next process is there, Coze still speaks."""
SHOWN_VERSIONS = 3
"""So often the message was painted when the process is killed."""
LAST_WORDS_SECONDS = 0.1
"""A call that was under way when its process was killed may arrive until then."""
WITHIN_SECONDS = 60.0
SHOWN = re.compile(r"^coze_bridge_first_text_seconds_count\{.*\} (\S+)$", re.MULTILINE)


async def takeover() -> list[Row]:
    """One process on SQLite, one on PostgreSQL, and three on PostgreSQL, each with `KILLS` kills."""
    rows: list[Row] = []
    for engine, processes in (("sqlite", 1), ("postgresql", 1), ("postgresql", 3)):
        name = f"takeover {engine} {processes}"
        try:
            rows.append({"benchmark": name, "kills": KILLS, **await _measured(engine, processes)})
        except OSError as error:
            rows.append({"benchmark": name, "unfinished": repr(error)})
    return rows


class Fleet:
    """Processes on one database, each with a port for its metrics."""

    def __init__(self, environ: dict[str, str], directory: Path) -> None:
        self._environ = environ
        self._directory = directory
        self.running: list[tuple[int, Service]] = []

    async def add(self) -> Service:
        """Starts one; it need not be ready yet."""
        port = free_port()
        service = await start(self._environ | {"HTTP_LISTEN": f"127.0.0.1:{port}"}, "", self._directory)
        self.running.append((port, service))
        return service

    async def kill(self, service: Service) -> None:
        self.running = [(port, other) for port, other in self.running if other is not service]
        await service.kill()

    async def begun(self) -> dict[Service, float]:
        """Of how many answers each process has shown text."""
        shown = {}
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            for port, service in self.running:
                async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
                    shown[service] = sum(float(value) for value in SHOWN.findall(await response.text()))
        return shown


async def _measured(engine: str, processes: int) -> Row:
    async with AsyncExitStack() as opened:
        url = await opened.enter_async_context(database(engine))
        telegram, coze, environ = await opened.enter_async_context(telegram_world(deltas_per_second=RATE))
        fleet = Fleet(environ | {"DATABASE_URL": url}, Path(opened.enter_context(TemporaryDirectory())))
        coze.script("ask", Answer(text="word " * DELTAS, deltas=["word "] * DELTAS))
        began: dict[str, list[float]] = {"exec": [], "ready": [], "kill": []}
        try:
            for _ in range(processes):
                await _ready(await fleet.add())
            for chat in range(110_000, 110_000 + KILLS):
                before = await fleet.begun()
                telegram.say(chat, chat, "ask")
                await until(lambda chat=chat: _versions(telegram, chat) >= SHOWN_VERSIONS, WITHIN_SECONDS)  # type: ignore[misc]
                after = await fleet.begun()
                victim = next(service for service, begun in before.items() if after[service] > begun)
                killed_at = time.time()
                await fleet.kill(victim)
                started = await fleet.add() if processes == 1 else None
                edited_at = await _edited(telegram, chat, time.time() + LAST_WORDS_SECONDS)
                began["kill"].append(edited_at - killed_at)
                if started is not None:
                    await _ready(started)
                    began["exec"].append(edited_at - started.started_at)
                    began["ready"].append(edited_at - started.ready_at)
                else:
                    await _ready(await fleet.add())
                await until(lambda chat=chat: _is_whole(telegram, chat), WITHIN_SECONDS)  # type: ignore[misc]
        finally:
            for _, service in list(fleet.running):
                await service.kill()
    return {
        f"from_{moment}_{kind}_s": round(figure(seconds), 2)
        for moment, seconds in began.items()
        if seconds
        for kind, figure in (("median", statistics.median), ("max", max))
    }


async def _ready(service: Service) -> None:
    async with asyncio.timeout(START_SECONDS):
        await service.ready.wait()


def _versions(telegram: TelegramSimulator, chat: int) -> int:
    return sum(len(message.versions) for message in telegram.messages(chat) if message.sender == telegram.me.id)


async def _edited(telegram: TelegramSimulator, chat: int, after: float) -> float:
    """When the answer's message was edited first after that moment."""

    def first() -> float | None:
        versions = telegram.messages(chat)[-1].versions
        return next((version.at for version in versions if version.at > after), None)

    return await telegram.wait(first, WITHIN_SECONDS) or 0.0


def _is_whole(telegram: TelegramSimulator, chat: int) -> bool:
    return telegram.texts(chat) == [("word " * DELTAS).strip()]
