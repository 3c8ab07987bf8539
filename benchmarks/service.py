"""The service as a process pinned to one core, and what the kernel says of it."""

import asyncio
import os
import re
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from simulators.coze.server import CozeSimulator
from simulators.telegram.simulator import TelegramSimulator
from simulators.wire import Served

CORES = sorted(os.sched_getaffinity(0))
OPEN_PACE = "telegram_calls_per_second = 100000\ntelegram_private_seconds = 1.0\n"
"""No limit for the account as a whole, as in the measurements of others; one call a second to each chat."""


@dataclass
class Service:
    """A running `coze-bridge run`."""

    process: asyncio.subprocess.Process

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self) -> float:
        """The most memory it had, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(found[1]) / 1024 if found else 0.0


@asynccontextmanager
async def running(environ: Mapping[str, str], tuning: str) -> AsyncIterator[Service]:
    """Starts it on the last core, with a fresh SQLite database, and ends it at the end."""
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / "bridge.toml"
        config.write_text(f"[tuning]\n{tuning}", encoding="utf-8")
        database = {"DATABASE_URL": f"sqlite+aiosqlite:///{directory}/bridge.db", "HTTP_LISTEN": "127.0.0.1:0"}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bridge", "run", "--config", str(config)),
            env={"PATH": os.environ["PATH"], "LOG_FORMAT": "json", "ALLOW": "*", **database, **environ},
            stderr=asyncio.subprocess.PIPE,
        )
        os.sched_setaffinity(process.pid, {CORES[-1]})
        assert process.stderr is not None
        ready = asyncio.Event()
        reader = asyncio.create_task(_read(process.stderr, ready))
        try:
            async with asyncio.timeout(30):
                await ready.wait()
            yield Service(process)
        finally:
            process.send_signal(signal.SIGKILL)
            await process.wait()
            await reader


async def _read(stream: asyncio.StreamReader, ready: asyncio.Event) -> None:
    async for line in stream:
        if b'"ready: ' in line:
            ready.set()
        elif b'"error"' in line or b'"warning"' in line:
            sys.stderr.buffer.write(line)
    ready.set()


@asynccontextmanager
async def telegram_world(
    *, deltas_per_second: float
) -> AsyncIterator[tuple[TelegramSimulator, CozeSimulator, dict[str, str]]]:
    """Telegram without limits and Coze on the first core, and the settings that lead to them."""
    os.sched_setaffinity(0, {CORES[0]})
    telegram = TelegramSimulator(limits=False)
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
