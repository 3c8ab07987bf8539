"""The service as a process pinned to one core, and what the kernel says of it."""

import asyncio
import os
import re
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from simulators.coze.server import CozeSimulator
from simulators.slack.server import SlackSimulator
from simulators.telegram.flood import Limits
from simulators.telegram.simulator import TelegramSimulator
from simulators.wire import Served

Row = dict[str, float | int | str]
"""One line of the table: `benchmark` and its figures."""
CORES = sorted(os.sched_getaffinity(0))
OPEN_PACE = "telegram_calls_per_second = 100000\ntelegram_private_seconds = 1.0\n"
"""No limit for the account as a whole, as in the measurements of others; one call a second to each chat."""

TOLD = (b'"warning"', b'"error"', b'"critical"')
MOST_TOLD = 5
"""Warnings and errors of the service that are printed."""
START_SECONDS = 30.0
"""What it gets until it is ready."""
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
LOOK_SECONDS = 0.2
"""How often a benchmark looks whether it is over."""


@dataclass(eq=False)
class Service:
    """A running `coze-bridge run`."""

    process: asyncio.subprocess.Process
    ready: asyncio.Event
    """Set as soon as it says so, or ends."""
    started_at: float
    """Unix time of the exec."""
    ready_at: float = 0.0
    """Unix time."""
    reader: asyncio.Task[None] | None = None

    async def kill(self) -> None:
        """Ends it at once; complains if it has ended by itself."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        if await self.process.wait() != -signal.SIGKILL:
            sys.stderr.write(f"the service ended by itself, with status {self.process.returncode}\n")
        if self.reader is not None:
            await self.reader

    def descriptors(self) -> int:
        """How many files and sockets it has open."""
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_kib(self) -> float:
        """The memory that it has now, in KiB."""
        return self._status("VmRSS")

    def peak_mib(self) -> float:
        """The most memory it had, in MiB."""
        return self._status("VmHWM") / 1024

    def _status(self, name: str) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        return int(found[1]) if found else 0.0


@asynccontextmanager
async def running(environ: Mapping[str, str], tuning: str, *, disk: bool = True) -> AsyncIterator[Service]:
    """Starts it on the last core, with a fresh SQLite database, and ends it at the end.

    Without `disk` the database is in memory, where the system has such a place: then no disk is measured.
    """
    with tempfile.TemporaryDirectory(dir=None if disk else MEMORY) as directory:
        service = await start(environ, tuning, Path(directory))
        try:
            async with asyncio.timeout(START_SECONDS):
                await service.ready.wait()
            yield service
        finally:
            await service.kill()


async def start(environ: Mapping[str, str], tuning: str, directory: Path) -> Service:
    """Starts it on the last core; its settings, and its database unless there is another, are in that directory."""
    config = directory / "bridge.toml"
    config.write_text(f"[tuning]\n{tuning}", encoding="utf-8")
    database = {"DATABASE_URL": f"sqlite+aiosqlite:///{directory}/bridge.db", "HTTP_LISTEN": "127.0.0.1:0"}
    started_at = time.time()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "run", "--config", str(config)),
        env={"PATH": os.environ["PATH"], "LOG_FORMAT": "json", "ALLOW": "*", **database, **environ},
        stderr=asyncio.subprocess.PIPE,
    )
    os.sched_setaffinity(process.pid, {CORES[-1]})
    service = Service(process, asyncio.Event(), started_at)
    service.reader = asyncio.create_task(_read(service))
    return service


async def until(holds: Callable[[], bool], within: float) -> None:
    """Looks now and then, since looking after each change would cost more than all the rest. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)


async def _read(service: Service) -> None:
    told = 0
    assert service.process.stderr is not None
    async for line in service.process.stderr:
        if b'"ready: ' in line:
            service.ready_at = time.time()
            service.ready.set()
        elif any(level in line for level in TOLD) and told < MOST_TOLD:
            told += 1
            sys.stderr.buffer.write(line)
    service.ready.set()


def free_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@asynccontextmanager
async def telegram_world(
    *, deltas_per_second: float = 40.0, limits: bool | Limits = False
) -> AsyncIterator[tuple[TelegramSimulator, CozeSimulator, dict[str, str]]]:
    """Telegram and Coze on the first core, and the settings that lead to them."""
    os.sched_setaffinity(0, {CORES[0]})
    telegram = TelegramSimulator(limits=limits)
    coze = CozeSimulator(deltas_per_second=deltas_per_second)
    coze.world.delta_events = False
    async with Served(telegram.app) as t, Served(coze.app) as c:
        yield (
            telegram,
            coze,
            {
                "TELEGRAM_BOT_TOKEN": telegram.token,
                "TELEGRAM_API_BASE": t.url,
                "COZE_API_BASE": c.url,
                "COZE_API_TOKEN": "pat_test",
                "COZE_BOT_ID": "7400000000000000001",
            },
        )


@asynccontextmanager
async def slack_world() -> AsyncIterator[tuple[SlackSimulator, CozeSimulator, dict[str, str]]]:
    """Slack with its limits and Coze on the first core, and the settings that lead to them."""
    os.sched_setaffinity(0, {CORES[0]})
    slack = SlackSimulator()
    coze = CozeSimulator()
    coze.world.delta_events = False
    async with Served(slack.app) as s, Served(coze.app) as c:
        yield (
            slack,
            coze,
            {
                "SLACK_BOT_TOKEN": slack.bot_token,
                "SLACK_APP_TOKEN": "xapp-test",
                "SLACK_API_BASE": f"{s.url}/api/",
                "COZE_API_BASE": c.url,
                "COZE_API_TOKEN": "pat_test",
                "COZE_BOT_ID": "7400000000000000001",
            },
        )
