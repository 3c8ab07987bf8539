"""Does what the plan says: each kind of fault, to the processes, to their database, and to those whom they talk to."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from simulators.coze.control import go_down
from tests.chaos import faults
from tests.chaos.board import Board
from tests.chaos.database import Database
from tests.chaos.faults import Aim, Planned
from tests.chaos.fleet import Fleet, Slot
from tests.chaos.traffic import Person, Traffic

POINT_SECONDS = 6.0
"""So long a process gets to pass the crash point that it was told to die at."""
AT_THE_START = frozenset({"telegram.open", "slack.open", "store.penalties"})
AT_THE_END = frozenset({"store.release"})
JUMPS = (-86_400.0, -3600.0, -60.0, 60.0, 3600.0, 86_400.0)


@dataclass(slots=True)
class Strikes:
    """The hand that does it."""

    fleet: Fleet
    board: Board
    traffic: Traffic
    database: Database
    labels: list[str]
    aim: Aim
    lease_seconds: float
    done: Counter[str] = field(default_factory=Counter)
    """Faults that were done, by kind."""
    ahead: float = 0.0
    """By so much the clocks of all processes are ahead where none jumps."""
    _looking: asyncio.Task[float | None] | None = None
    kills: int = 0
    """How many processes died by SIGKILL because of us."""

    async def strike(self, planned: Planned) -> None:
        await asyncio.sleep(planned.pause)
        kinds: dict[str, Callable[[random.Random], Awaitable[None]]] = {
            "kill": self._kill,
            "point": self._point,
            "storm": self._storm,
            "term": self._term,
            "real": self._real,
            "freeze": self._freeze,
            "clock": self._clock,
            "disk": self._disk,
            "database": self._database,
            "telegram": self._telegram,
            "slack": self._slack,
            "coze": self._coze,
            "delivery": self._delivery,
        }
        await kinds[planned.kind](planned.dice)

    def calm(self) -> None:
        """Nothing is wrong any more."""
        self._set_clocks(0.0)
        for slot in self.fleet.slots:
            self.board.disarm(slot.index)
            self.fleet.free_disk(slot)
            if slot.frozen:
                self.fleet.thaw(slot)
        self.database.heal()
        traffic = self.traffic
        traffic.telegram.faults.clear()
        traffic.slack.faults.clear()
        traffic.coze.faults.clear()
        if traffic.telegram.updates.holding:
            traffic.telegram.updates.release()
        go_down(traffic.coze.world, 0.0, "503")
        traffic.coze.hurry()

    def let_a_day_pass(self) -> None:
        """For what was put off while a clock was ahead: it is due when the clocks come to that time."""
        self._set_clocks(max(JUMPS) + 600.0)

    def _set_clocks(self, ahead: float) -> None:
        self.ahead = ahead
        for slot in self.fleet.slots:
            self.board.jump(slot.index, self.ahead)

    def _count(self, kind: str) -> None:
        self.done[kind] += 1

    async def _running(self, dice: random.Random) -> Slot:
        """Any slot with a process in it."""
        while not (running := [slot for slot in self.fleet.slots if slot.pid and not slot.frozen]):
            await asyncio.sleep(0.02)
        return dice.choice(running)

    # ---- to the processes

    async def _kill(self, dice: random.Random) -> None:
        slot = await self._running(dice)
        await asyncio.sleep(dice.uniform(0.0, 0.7))
        self._kill_now(slot, "kill: at a random instant")

    def _kill_now(self, slot: Slot, kind: str) -> None:
        if self.fleet.kill(slot):
            self.kills += 1
            self._count(kind)

    async def _point(self, dice: random.Random) -> None:
        slot = await self._running(dice)
        label, phase = aim = self.aim.next(dice)
        shots = slot.shots
        self.board.arm(slot.index, self.labels.index(label) + 1, phase, dice.choice((1, 1, 1, 2, 3)))
        if label in AT_THE_START:
            self._kill_now(slot, "kill: at a random instant")
        elif label in AT_THE_END:
            self.fleet.signal(slot, signal.SIGTERM)
        else:
            self._provoke(label, dice)
        ends = time.monotonic() + POINT_SECONDS
        while not (hit := slot.shots > shots) and time.monotonic() < ends:
            await asyncio.sleep(0.02)
        self.board.disarm(slot.index)
        self.aim.told(aim, hit=hit)
        if hit:
            self.kills += 1
            self._count("kill: at a crash point")
        else:
            self._kill_now(slot, "kill: at a random instant")

    async def _gone(self, slot: Slot, starts: int, seconds: float) -> bool:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            if slot.starts != starts or not slot.pid:
                return True
            await asyncio.sleep(0.02)
        return False

    def _provoke(self, label: str, dice: random.Random) -> None:
        """What makes the processes pass a point that they seldom pass."""
        traffic = self.traffic
        person = dice.choice(traffic.people)
        match label.split("."):
            case ["store", "oldest_due"]:
                self._looking = asyncio.create_task(self.fleet.unsettled())
            case ["store", "obey"]:
                traffic.command(traffic.people[0], "new")
            case ["coze", "cancel"]:
                traffic.ask(traffic.people[0])
                asyncio.get_running_loop().call_later(0.8, traffic.command, traffic.people[0], "stop")
            case ["store", "penalise"]:
                person = traffic.people[0]
                traffic.telegram.flood(int(person.chat), 3, told=False)
                traffic.ask(person)
            case ["store", "postpone" | "forget_conversation"]:
                code = {"kind": "code", "value": "4002"} if label.endswith("conversation") else {"kind": "http"}
                traffic.coze.fault(**code)
                traffic.ask(person)
            case ["store", "drop_post"] | ["telegram", "delete"]:
                for person in traffic.people[:3]:
                    traffic.ask(person)
                asyncio.get_running_loop().call_later(1.0, traffic.remove_a_growing_one)
            case ["coze", "recall" | "find"]:
                traffic.coze.fault("reset" if label.endswith("recall") else "lost_response", after=5)
                traffic.ask(person)
            case ["store", "takes_part" | "latest_place"] | ["slack", _]:
                traffic.ask(self._in_slack(dice))
            case _:
                traffic.ask(person)

    def _in_slack(self, dice: random.Random) -> Person:
        return dice.choice([person for person in self.traffic.people if person.kind in ("thread", "dm")])

    async def _storm(self, dice: random.Random) -> None:
        """Killed again and again before it is well up."""
        slot = await self._running(dice)
        for _ in range(3):
            starts = slot.starts
            self._kill_now(slot, "kill: while it starts")
            while slot.starts == starts or not slot.pid:
                await asyncio.sleep(0.02)
            await asyncio.sleep(dice.uniform(0.0, 0.4))

    async def _term(self, dice: random.Random) -> None:
        slot = await self._running(dice)
        starts = slot.starts
        self.fleet.signal(slot, signal.SIGTERM)
        self._count("SIGTERM")
        if not await self._gone(slot, starts, dice.choice((0.5, 10.0))):
            self._kill_now(slot, "kill: while it drains")

    async def _real(self, dice: random.Random) -> None:
        slot = await self._running(dice)
        starts, slot.real = slot.starts, True
        self._kill_now(slot, "kill: at a random instant")
        while slot.starts == starts or not slot.pid:
            await asyncio.sleep(0.02)
        await asyncio.sleep(dice.uniform(1.5, 5.0))
        self._kill_now(slot, "kill: of a Python of its own")

    async def _freeze(self, dice: random.Random) -> None:
        slot = await self._running(dice)
        self.fleet.freeze(slot)
        await asyncio.sleep(self.lease_seconds + dice.uniform(0.3, 3.0))
        self.fleet.thaw(slot)
        self._count("SIGSTOP past the lease")

    async def _clock(self, dice: random.Random) -> None:
        slot = await self._running(dice)
        self.board.jump(slot.index, self.ahead + dice.choice(JUMPS))
        await asyncio.sleep(dice.uniform(1.0, 5.0))
        if dice.random() < 0.5:
            self._kill_now(slot, "kill: at a random instant")
        self.board.jump(slot.index, self.ahead)
        self._count("clock jump")

    # ---- to what they stand on

    async def _disk(self, dice: random.Random) -> None:
        slot = await self._running(dice)
        self.fleet.fill_disk(slot)
        await asyncio.sleep(dice.uniform(0.5, 3.0))
        if dice.random() < 0.3:
            self._kill_now(slot, "kill: at a random instant")
        self.fleet.free_disk(slot)
        self._count("disk full")

    async def _database(self, dice: random.Random) -> None:
        match dice.choice(("terminate", "cut", "stall", "away")):
            case "terminate":
                await self.database.terminate()
            case "cut":
                self.database.cut()
            case "stall":
                await self.database.stall(dice.uniform(0.3, 2.0))
            case "away":
                await self.database.away(dice.uniform(0.3, 2.0))
        self._count("database: connections ended, stalled or refused")

    # ---- to whom they talk to

    async def _telegram(self, dice: random.Random) -> None:
        self.traffic.telegram.faults.add(fault := faults.on_telegram(dice))
        self._count(f"telegram: {fault.kind}")

    async def _slack(self, dice: random.Random) -> None:
        if dice.random() < 0.3:
            action = dice.choice(faults.SOCKETS)
            await self.traffic.slack.socket(action)
            self._count(f"slack: socket {action}")
            return
        self.traffic.slack.faults.add(fault := faults.on_slack(dice))
        self._count(f"slack: {fault.kind}")

    async def _coze(self, dice: random.Random) -> None:
        if dice.random() < 0.2:
            self.traffic.coze.down(dice.uniform(0.3, 3.0), dice.choice(("reset", "503")))
            self._count("coze: down")
            return
        self.traffic.coze.faults.add(fault := faults.on_coze(dice))
        self._count(f"coze: {fault.kind}")

    async def _delivery(self, dice: random.Random) -> None:
        telegram, slack = self.traffic.telegram, self.traffic.slack
        kind = dice.choice(faults.DELIVERIES)
        match kind:
            case "duplicate":
                if telegram.updates.sent:
                    telegram.updates.duplicate(dice.choice(list(telegram.updates.sent)[-30:]))
            case "swap":
                # Only of different chats: within one, Telegram keeps the order.
                telegram.updates.swap_next()
                for person in dice.sample([p for p in self.traffic.people if p.kind == "private"], 2):
                    self.traffic.ask(person)
            case "late":
                telegram.updates.hold()
                await asyncio.sleep(dice.uniform(0.5, 2.5))
                telegram.updates.release()
            case "slack_twice":
                slack.deliveries.duplicates += 3
            case "slack_shuffle":
                slack.deliveries.hold()
                for _ in range(3):
                    self.traffic.ask(self._in_slack(dice))
                await asyncio.sleep(dice.uniform(0.1, 1.0))
                slack.deliveries.release("shuffle")
        self._count(f"deliveries: {kind}")
