"""One world: three simulators, a database, the processes of the service, people who write, and all that goes wrong."""

import asyncio
import fcntl
import json
import os
import random
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from simulators.coze.server import CozeSimulator
from simulators.slack.server import SlackSimulator
from simulators.telegram.simulator import TelegramSimulator
from simulators.wire import Served
from tests.chaos import judge, zygote
from tests.chaos.board import Board
from tests.chaos.database import Database
from tests.chaos.faults import Aim, plan
from tests.chaos.fleet import Fleet
from tests.chaos.points import labels
from tests.chaos.questions import NUMBER
from tests.chaos.report import Report, evidence
from tests.chaos.strikes import Strikes
from tests.chaos.trace import Trace
from tests.chaos.traffic import Traffic

MOST_OPEN = 10
"""People wait with new questions while so many are not answered."""
CALM_SECONDS = 150.0
"""So long the service gets, undisturbed, to answer everything."""
PATIENT_SECONDS = 60.0
"""After so much of it, where clocks have jumped, all of them are put forward by a day."""
PIPE_SIZE = 1 << 20
LEASE_SECONDS = {"sqlite": 6.0, "postgres": 3.0}
"""On SQLite nobody else waits for it to lapse; but it must outlast a disk that is full for a while."""
TUNING = """[tuning]
lease_seconds = {lease}
coze_idle_seconds = 0.5
coze_silence_seconds = 15.0
telegram_calls_per_second = 200.0
telegram_private_seconds = 0.25
telegram_group_seconds = 0.25
slack_post_seconds = 0.05
slack_channel_post_seconds = 0.1
slack_update_seconds = 0.2
"""
"""Shorter waits than in real life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one world is to go through."""

    faults: int
    database: str
    """`sqlite` or `postgres`."""
    processes: int
    seed: str
    directory: Path
    every: int = 60
    """After so many faults there is calm until all is answered."""
    pause: float = 0.5
    """Mean seconds between two writings."""


@dataclass(slots=True)
class Inherited:
    """What is made before anything runs, because the zygote must have it too."""

    board: Board
    control: socket.socket
    logs: list[tuple[int, int]]
    trace: tuple[int, int]


def prepare(slots: int) -> Inherited:
    """Forks the zygote; to be called by a process without threads and without an event loop."""
    board = Board(slots)
    ours, theirs = socket.socketpair()
    logs = [os.pipe() for _ in range(slots)]
    trace = os.pipe()
    for _, end in (*logs, trace):
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PIPE_SIZE)

    def serve() -> None:
        ours.close()
        zygote.serve(theirs, board, [end for _, end in logs], trace[1])

    zygote.fork(serve)
    theirs.close()
    return Inherited(board, ours, logs, trace)


@dataclass(slots=True)
class Arena:
    order: Order
    inherited: Inherited
    traffic: Traffic
    database: Database
    fleet: Fleet
    strikes: Strikes
    trace: Trace = field(default_factory=Trace)
    late: int = 0
    """Questions and commands that had to wait until the clocks came to a time that one of them had shown before."""
    troubles: list[str] = field(default_factory=list)
    """What went wrong in general."""

    async def run(self) -> Report:
        """All faults, with calm now and then and at the end; then the verdicts."""
        order, began = self.order, time.monotonic()
        planned = plan(order.faults, seed=order.seed, database=order.database)
        for start in range(0, len(planned), order.every):
            people = asyncio.create_task(self.traffic.flow(self._is_enough, order.pause))
            try:
                for one in planned[start : start + order.every]:
                    await self.strikes.strike(one)
            finally:
                people.cancel()
            await self._calm(start + order.every)
            if self.troubles:
                break
        return self._report(time.monotonic() - began)

    def _is_enough(self) -> bool:
        """By what the trace says: good enough to keep the load even."""
        recent = [one for one in self.traffic.asked[-40:] if one.kind == "question"]
        return sum(one.number not in self.trace.settled for one in recent) >= MOST_OPEN

    async def _calm(self, faults: int) -> None:
        """All faults off; until every question is answered and the service says that nothing is left."""
        self.strikes.calm()
        began, has_jumped = time.monotonic(), self.strikes.done["clock jump"] == 0
        open_ones: list[str] = ["not looked yet"]
        while (waited := time.monotonic() - began) < CALM_SECONDS:
            if waited > PATIENT_SECONDS and not has_jumped:
                has_jumped = True
                self.late += len(open_ones)
                self.strikes.let_a_day_pass()
            await asyncio.sleep(0.5)
            verdicts, _ = judge.judged(self.traffic.asked, self.traffic.messages())
            open_ones = [
                f"{one.asked.kind} {one.asked.number} in {one.asked.place}: {one.outcome}"
                for one in verdicts
                if one.outcome in judge.BAD
            ]
            if not open_ones and await self.fleet.unsettled() == 0:
                self.strikes.calm()
                return
        left = await self.fleet.unsettled()
        self.troubles.append(f"after fault {faults}: {left} turns unsettled after {CALM_SECONDS:g} s; {open_ones[:5]}")

    def _report(self, seconds: float) -> Report:
        verdicts, loose = judge.judged(self.traffic.asked, self.traffic.messages())
        finals = {number: max(pages.values()) for number, pages in self.trace.finals.items()}
        judge.look_for_stale(verdicts, self.traffic.messages(), finals)
        chats = [
            (int(found[1]), chat.status)
            for chat in self.traffic.coze.chats
            if (found := NUMBER.search(chat.question)) is not None
        ]
        trace = self.trace
        times = judge.Times(
            taken=trace.taken, claimed=trace.claimed, begun=trace.begun, unfinished=trace.unfinished.values()
        )
        report = Report.of(
            verdicts,
            loose=loose,
            wrong=judge.disorder(verdicts, times),
            repeats=judge.repeats(chats),
            gaps=self.trace.gaps(),
        )
        report.faults = Counter(self.strikes.done)
        report.late = self.late
        report.kills = self.strikes.kills
        report.points = Counter({f"{phase} {point}": count for (point, phase), count in self.trace.killed.items()})
        report.never = sorted(set(labels()) - {point for point, _ in self.trace.killed})
        report.troubles = [*self.troubles, *self.fleet.deaths]
        report.seconds = seconds
        with (self.order.directory / "trace.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in self.trace.lines)
        for number in report.bad_numbers():
            evidence(self.order.directory, number, self.traffic, self.trace)
        return report


async def fight(order: Order, inherited: Inherited) -> Report:
    """One world, from its beginning to its report."""
    telegram, slack, coze = TelegramSimulator(limits=False), SlackSimulator(), CozeSimulator()
    slack.limits.change(enabled=False)
    slack.settings.change(retry_delays=(0.0, 0.3, 1.0, *(2.0,) * 60), warn_seconds=1.0)
    telegram.updates.damping = False
    coze.world.delta_events = False
    for feed in (telegram.feed, slack.feed, coze.feed):
        feed.keep = 1000
    dice = random.Random(f"{order.seed} people")
    database = Database(order.database, order.directory)
    fleet = Fleet(control=inherited.control, logs=inherited.logs, directory=order.directory, dice=dice)
    traffic = Traffic(telegram, slack, coze, dice)
    traffic.settle_in()
    points = labels()
    lease = LEASE_SECONDS[order.database]
    strikes = Strikes(fleet, inherited.board, traffic, database, points, Aim(points), lease)
    arena = Arena(order, inherited, traffic, database, fleet, strikes)
    fleet.config.write_text(TUNING.format(lease=lease), encoding="utf-8")
    async with Served(telegram.app) as t, Served(slack.app) as s, Served(coze.app) as c:
        await database.open()
        environ = _environ(t.url, s.url, c.url, database.url)
        fleet.environ = lambda _slot: environ
        listening = asyncio.create_task(_read_trace(inherited.trace[0], arena.trace))
        await fleet.open()
        try:
            await fleet.all_ready()
            return await arena.run()
        finally:
            await fleet.close()
            listening.cancel()
            await database.close()


async def _read_trace(end: int, trace: Trace) -> None:
    reader = asyncio.StreamReader(limit=2**22)
    pipe = os.fdopen(end, "rb", buffering=0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    async for line in reader:
        trace.add(line)


def _environ(telegram: str, slack: str, coze: str, database: str) -> dict[str, str]:
    return {
        "COZE_API_BASE": coze,
        "COZE_API_TOKEN": "pat_test",
        "COZE_BOT_ID": "7400000000000000001",
        "TELEGRAM_BOT_TOKEN": "123456:TEST",
        "TELEGRAM_API_BASE": telegram,
        "SLACK_BOT_TOKEN": "xoxb-test",
        "SLACK_APP_TOKEN": "xapp-test",
        "SLACK_API_BASE": f"{slack}/api/",
        "DATABASE_URL": database,
        "HTTP_LISTEN": "127.0.0.1:0",
        "DRAIN_SECONDS": "3",
        "ALLOW": "*",
        "LOG_FORMAT": "json",
    }
