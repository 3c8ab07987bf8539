"""The running processes of one world: started through the zygote, started again whenever they end."""

import asyncio
import contextlib
import json
import os
import random
import re
import resource
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

LISTENING = re.compile(r"listening on ([\d.]+:\d+)")
OPEN_END = resource.RLIM_INFINITY


@dataclass(slots=True)
class Slot:
    """A place for one process at a time."""

    index: int
    pid: int = 0
    """0: none runs."""
    url: str = ""
    is_ready: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    started_at: float = 0.0
    starts: int = 0
    expected: bool = False
    """Its end is our doing."""
    was_killed: bool = False
    """By us, from outside."""
    shots: int = 0
    """How many processes have killed themselves here, at a crash point."""
    real: bool = False
    """The next start is a Python of its own, without crash points."""
    frozen: bool = False


class Fleet:
    """Keeps a process in each slot from `open` to `close`."""

    def __init__(
        self, *, control: socket.socket, logs: list[tuple[int, int]], directory: Path, dice: random.Random
    ) -> None:
        """`logs`: for each slot the pipe, its reading and its writing end, into which its processes write."""
        self._control, self._directory, self._dice = control, directory, dice
        self._logs, self._written = [pipe[0] for pipe in logs], [pipe[1] for pipe in logs]
        self.slots = [Slot(index) for index in range(len(logs))]
        self.config = directory / "bridge.toml"
        self.environ: Callable[[int], dict[str, str]] = lambda _slot: {}
        self.deaths: list[str] = []
        """Processes that ended by themselves, with what they said last."""
        self.exits: Counter[str] = Counter()
        self._closing = False
        self._tasks: list[asyncio.Task[None]] = []
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        reader, self._writer = await asyncio.open_connection(sock=self._control)
        self._tasks = [asyncio.create_task(self._hear(reader))]
        self._tasks += [asyncio.create_task(self._read_log(slot)) for slot in self.slots]
        self._tasks += [asyncio.create_task(self._keep(slot)) for slot in self.slots]

    async def close(self) -> None:
        self._closing = True
        for slot in self.slots:
            self.kill(slot)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()

    # ---- what is done to them

    def signal(self, slot: Slot, number: signal.Signals) -> bool:
        """False if no process is there."""
        if not slot.pid:
            return False
        slot.expected = slot.expected or number in (signal.SIGKILL, signal.SIGTERM)
        slot.was_killed = slot.was_killed or number is signal.SIGKILL
        with contextlib.suppress(ProcessLookupError):
            os.kill(slot.pid, number)
        return True

    def kill(self, slot: Slot) -> bool:
        return self.signal(slot, signal.SIGKILL)

    def freeze(self, slot: Slot) -> None:
        slot.frozen = self.signal(slot, signal.SIGSTOP)

    def thaw(self, slot: Slot) -> None:
        slot.frozen = False
        self.signal(slot, signal.SIGCONT)

    def fill_disk(self, slot: Slot) -> None:
        """From now on no file may grow beyond nothing: every write to one fails."""
        self._limit(slot, 0)

    def free_disk(self, slot: Slot) -> None:
        self._limit(slot, OPEN_END)

    def _limit(self, slot: Slot, size: int) -> None:
        if slot.pid:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(slot.pid, resource.RLIMIT_FSIZE, (size, OPEN_END))

    async def all_ready(self, within: float = 60.0) -> None:
        async with asyncio.timeout(within):
            for slot in self.slots:
                await slot.is_ready.wait()

    async def unsettled(self) -> float | None:
        """How many turns the processes say are not settled; None if one does not say."""
        worst = 0.0
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            for slot in self.slots:
                try:
                    async with session.get(f"http://{slot.url}/metrics") as response:
                        lines = (await response.text()).splitlines()
                except (aiohttp.ClientError, TimeoutError, ValueError):
                    return None
                mine = [line for line in lines if line.startswith("coze_bridge_unsettled_turns")]
                worst = max(worst, sum(float(line.split()[-1]) for line in mine))
        return worst

    # ---- keeping them

    async def _keep(self, slot: Slot) -> None:
        while not self._closing:
            slot.ended.clear()
            slot.expected, slot.was_killed, slot.frozen, slot.url = False, False, False, ""
            slot.starts += 1
            slot.started_at = time.monotonic()
            if slot.real:
                slot.real = False
                await self._run_real(slot)
            else:
                order = {"slot": slot.index, "config": str(self.config), "environ": self.environ(slot.index)}
                assert self._writer is not None
                self._writer.write(json.dumps(order).encode() + b"\n")
                await slot.ended.wait()
            slot.is_ready.clear()
            await asyncio.sleep(self._dice.choice((0.0, 0.0, 0.1, 0.5)))

    async def _run_real(self, slot: Slot) -> None:
        """`python -m bridge run`, as an operator starts it."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bridge", "run", "--config", str(self.config)),
            env={"PATH": os.environ["PATH"], "HOME": str(self._directory)} | self.environ(slot.index),
            stdout=self._written[slot.index],
            stderr=asyncio.subprocess.STDOUT,
        )
        slot.pid = process.pid
        status = await process.wait()
        self._gone(slot, status)

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        async for line in reader:
            told: dict[str, Any] = json.loads(line)
            if "started" in told:
                self.slots[told["slot"]].pid = told["started"]
            for slot in self.slots:
                if told.get("ended") == slot.pid and slot.pid:
                    self._gone(slot, told["status"])

    def _gone(self, slot: Slot, status: int) -> None:
        # A crash point kills the process itself: that is SIGKILL as well.
        slot.shots += status == -signal.SIGKILL and not slot.was_killed
        if not slot.expected and status != -signal.SIGKILL:
            self.deaths.append(f"slot {slot.index} pid {slot.pid} status {status}: see its log")
        self.exits[str(status)] += 1
        slot.pid = 0
        slot.is_ready.clear()
        slot.ended.set()

    async def _read_log(self, slot: Slot) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=2**22)
        pipe = os.fdopen(self._logs[slot.index], "rb", buffering=0)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        with (self._directory / f"log-{slot.index}.jsonl").open("ab") as file:
            async for line in reader:
                file.write(line)
                file.flush()
                text = line.decode(errors="replace")
                if found := LISTENING.search(text):
                    slot.url = found[1]
                if '"ready: ' in text or " ready: " in text or "ready again" in text:
                    slot.is_ready.set()
