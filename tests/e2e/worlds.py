"""The whole service between three simulators, in this process or as a process of its own that can be killed."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bridge.app import App
from bridge.config import load
from simulators.coze.server import CozeSimulator
from simulators.slack.server import SlackSimulator
from simulators.telegram.simulator import TelegramSimulator
from simulators.wire import Served
from tests.forks import Forked, coze_bridge


@dataclass
class World:
    """Telegram, Slack and Coze on loopback, and a directory for the database."""

    telegram: TelegramSimulator
    slack: SlackSimulator
    coze: CozeSimulator
    urls: dict[str, str]
    directory: Path
    environ: dict[str, str] = field(default_factory=dict)
    tuning: str = "coze_idle_seconds = 0.5\ncoze_silence_seconds = 3.0\ntelegram_private_seconds = 0.25\n"
    """The section [tuning] of the file: shorter waits than in real life."""

    def settings(self, **changes: str) -> dict[str, str]:
        """The environment with which the service finds the simulators."""
        base = {
            "COZE_API_BASE": self.urls["coze"],
            "COZE_API_TOKEN": "pat_test",
            "COZE_BOT_ID": "7400000000000000001",
            "TELEGRAM_BOT_TOKEN": "123456:TEST",
            "TELEGRAM_API_BASE": self.urls["telegram"],
            "SLACK_BOT_TOKEN": "xoxb-test",
            "SLACK_APP_TOKEN": "xapp-test",
            "SLACK_API_BASE": f"{self.urls['slack']}/api/",
            "DATABASE_URL": f"sqlite+aiosqlite:///{self.directory}/bridge.db",
            "HTTP_LISTEN": "127.0.0.1:0",
            "DRAIN_SECONDS": "5",
            "ALLOW": "*",
        }
        return {name: value for name, value in (base | self.environ | changes).items() if value}

    @asynccontextmanager
    async def bridge(self, **changes: str) -> AsyncIterator[App]:
        """The service in this process, ready; stopped in order at the end."""
        app = App(load(self.tuning_file(), self.settings(**changes)))
        running = asyncio.create_task(app.run())
        ready = asyncio.create_task(app.ready.wait())
        try:
            await asyncio.wait({running, ready}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
            assert ready.done(), "the service did not become ready"
            yield app
        finally:
            ready.cancel()
            app.stop()
            await running

    def tuning_file(self) -> Path:
        """Shorter waits than in real life, so that tests are quick."""
        path = self.directory / "bridge.toml"
        path.write_text(f"[tuning]\n{self.tuning}", encoding="utf-8")
        return path

    @asynccontextmanager
    async def process(self, **changes: str) -> AsyncIterator["Process"]:
        """The service as a process of its own; killed at the end if it still runs."""
        process = await Process.start(self, changes)
        try:
            yield process
        finally:
            await process.kill()


async def settled(app: App, count: int, within: float = 60.0, *, every: float = 0.02) -> None:
    """Waits until the service says of itself that so many turns have ended and none is open."""
    async with asyncio.timeout(within), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{app.url}/metrics") as response:
                lines = (await response.text()).splitlines()
            ended = sum(float(line.split()[-1]) for line in lines if line.startswith("coze_bridge_turns_total"))
            waiting = sum(float(line.split()[-1]) for line in lines if line.startswith("coze_bridge_unsettled_turns{"))
            if ended >= count and not waiting:
                return
            await asyncio.sleep(every)


@dataclass
class Process:
    """A running `coze-bridge run`."""

    inner: Forked
    log: list[str]
    reader: "asyncio.Task[None]"
    ready: asyncio.Event

    @classmethod
    async def start(cls, world: World, changes: dict[str, str]) -> "Process":
        """Starts it and waits until it says that it is ready."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(world.directory), "LOG_FORMAT": "json"}
        command = ("run", "--config", str(world.tuning_file()))
        inner = await coze_bridge(*command, environ=environ | world.settings(**changes), in_one=True)
        log: list[str] = []
        ready = asyncio.Event()

        async def read() -> None:
            async for line in inner.stdout:
                log.append(line.decode())
                if " ready: " in log[-1] or '"ready: ' in log[-1]:
                    ready.set()
            ready.set()

        process = cls(inner, log, asyncio.create_task(read()), ready)
        async with asyncio.timeout(60):
            await ready.wait()
        return process

    async def kill(self) -> None:
        """kill -9: no chance to say goodbye."""
        self.inner.send_signal(signal.SIGKILL)
        await self.inner.wait()
        await self.reader

    async def terminate(self, seconds: float = 40) -> int:
        """SIGTERM; the exit status."""
        self.inner.send_signal(signal.SIGTERM)
        async with asyncio.timeout(seconds):
            status = await self.inner.wait()
        await self.reader
        return status


@asynccontextmanager
async def world(directory: Path) -> AsyncIterator[World]:
    """Three fresh simulators without rate limits."""
    telegram, slack, coze = TelegramSimulator(limits=False), SlackSimulator(), CozeSimulator()
    slack.limits.change(enabled=False)
    async with Served(telegram.app) as t, Served(slack.app) as s, Served(coze.app) as c:
        yield World(telegram, slack, coze, {"telegram": t.url, "slack": s.url, "coze": c.url}, directory)
