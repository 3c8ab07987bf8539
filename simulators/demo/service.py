"""The bridge as a child process of the demo: started, watched, started again when it ends."""

import asyncio
import ctypes
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp

ROOT = Path(__file__).resolve().parents[2]
OURS = ("TELEGRAM_", "SLACK_", "COZE_", "DATABASE_", "HTTP_LISTEN", "LOG_", "DRAIN_", "ALLOW", "CREDENTIALS_DIRECTORY")
"""Beginnings of variables that mean something to the bridge; the demo sets its own."""
PATIENCE = 1.5
"""Seconds that the bridge gets to end by itself."""
STEADY = 20.0
"""A bridge that lived so long is started again after one second; one that keeps failing, later and later."""
LONGEST_PAUSE = 15.0
PR_SET_PDEATHSIG = 1

Tell = Callable[..., None]
Log = Callable[[str, str], None]


class Service:
    """One `python -m bridge run` at a time. `tell` hears how it is, `log` what it says."""

    def __init__(self, settings: Mapping[str, str], directory: Path, tell: Tell, log: Log) -> None:
        self._settings, self._directory = settings, directory
        self._tell, self._log = tell, log
        self._process: asyncio.subprocess.Process | None = None
        self.starts = 0
        """How often it was started."""
        self._told: dict[str, Any] = {}
        self.ready = asyncio.Event()
        """Set once it was ready for the first time."""

    async def run(self) -> None:
        """Keeps the bridge running until cancelled; then ends it."""
        failures = 0
        try:
            while True:
                begun = time.monotonic()
                status = await self._live()
                failures = 0 if time.monotonic() - begun > STEADY else failures + 1
                pause = min(2.0 ** max(0, failures - 1), LONGEST_PAUSE)
                self._say("down", [f"it ended with status {status}; it starts again in {pause:.0f} s"])
                self._log("warning", f"the bridge ended with status {status}; it starts again in {pause:.0f} s")
                await asyncio.sleep(pause)
        finally:
            await self._end()

    @property
    def is_ready(self) -> bool:
        """Whether it said so itself when it was last asked."""
        return bool(self._told.get("state") == "ready")

    def kill(self) -> bool:
        """kill -9: no chance to say goodbye. False if it does not run anyway."""
        if self._process is None or self._process.returncode is not None:
            return False
        self._process.kill()
        self._say("down", [])
        return True

    async def _live(self) -> int:
        """One life of the bridge; its exit status."""
        port = _free_port()
        self.starts += 1
        self._say("starting", [])
        self._process = process = await self._start(port)
        watching = asyncio.create_task(self._watch(f"http://127.0.0.1:{port}/readyz"))
        try:
            await self._read(process)
            return await process.wait()
        finally:
            watching.cancel()

    async def _start(self, port: int) -> asyncio.subprocess.Process:
        config = self._directory / "demo.toml"
        # A file of its own, so that the one of the person who starts the demo is not read; and a killed bridge is to
        # go on with its answers while one looks.
        # The simulated Coze serves its pictures on this machine, the real one does not.
        simulated = self._settings.get("COZE_API_BASE", "").startswith("http://127.0.0.1:")
        networks = 'media_networks = ["127.0.0.0/8"]\n' if simulated else ""
        config.write_text(f"[tuning]\nlease_seconds = 4.0\n{networks}", encoding="utf-8")
        own = {
            **self._settings,
            "DATABASE_URL": f"sqlite+aiosqlite:///{self._directory}/bridge.db",
            "HTTP_LISTEN": f"127.0.0.1:{port}",
            "DRAIN_SECONDS": "0.5",
            "LOG_FORMAT": "json",
            "ALLOW": "*",
        }
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bridge", "run", "--config", str(config)),
            cwd=ROOT,
            env=inherited(os.environ) | own,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            limit=2**20,
            process_group=0,  # Ctrl-C is for us; we tell the bridge ourselves
            preexec_fn=_dying_with_parent(),
        )

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Hands on what the bridge logs, until it closes its end."""
        assert process.stderr is not None
        while True:
            try:
                line = await process.stderr.readline()
            except ValueError:  # a line longer than the buffer: the rest of it comes next
                continue
            if not line:
                return
            self._log(*said(line.decode(errors="replace").rstrip()))

    async def _watch(self, url: str) -> None:
        """Asks every now and then whether the bridge is ready."""
        timeout = aiohttp.ClientTimeout(total=2)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                with suppress(aiohttp.ClientError, TimeoutError, ValueError):
                    async with session.get(url) as response:
                        reasons = (await response.json()).get("reasons", [])
                        self._say("not ready" if reasons else "ready", reasons)
                        if not reasons:
                            self.ready.set()
                await asyncio.sleep(1.0 if self._told.get("state") == "ready" else 0.1)

    def _say(self, state: str, reasons: list[str]) -> None:
        told = {"state": state, "reasons": reasons, "starts": self.starts, "pid": self._process and self._process.pid}
        if told != self._told:
            self._told = told
            self._tell(**told)

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(PATIENCE):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what is meant for another bridge; the simulators are reached without a proxy."""
    kept = {name: value for name, value in environ.items() if not name.startswith(OURS)}
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(part for part in (environ.get(name, ""), "127.0.0.1", "localhost") if part)
    return kept


def said(line: str) -> tuple[str, str]:
    """Level and text of a line of the bridge's log; what is no JSON came from elsewhere and matters."""
    try:
        entry = json.loads(line)
        level, text = str(entry["level"]), str(entry["event"])
    except (ValueError, KeyError, TypeError):
        return "error", line
    trace = str(entry.get("exception", "")).strip().splitlines()
    return level, f"{text} ({trace[-1]})" if trace else text


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _dying_with_parent() -> Callable[[], None] | None:
    """On Linux: what the child does so that it ends when we are killed. Elsewhere that is not possible."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    parent = os.getpid()

    def die_with_parent() -> None:
        library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # we were killed in between
            os._exit(1)

    return die_with_parent
