"""What the crash points told while processes passed them: the only witness of what a killed process had just done."""

import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.questions import NUMBER

Line = tuple[float, int, int, str, str, dict[str, Any]]
"""When (monotonic), slot, process id, crash point, phase, and what was told."""


BY_CHANCE = "killed or frozen in the gap by chance"


@dataclass(slots=True)
class Trace:
    """Everything told so far in one world."""

    lines: list[Line] = field(default_factory=list)
    passed: Counter[tuple[str, str]] = field(default_factory=Counter)
    killed: Counter[tuple[str, str]] = field(default_factory=Counter)
    taken: dict[int, float] = field(default_factory=dict)
    """When a question was durable, by its number."""
    claimed: dict[int, float] = field(default_factory=dict)
    """When the transaction began that first claimed it."""
    begun: dict[int, float] = field(default_factory=dict)
    """When Coze was first asked it."""
    numbers: dict[str, int] = field(default_factory=dict)
    """Number of the question by the key of its turn."""

    unfinished: dict[int, float] = field(default_factory=dict)
    """By process id, when the claim began of which it has not said what it took."""
    finals: dict[int, dict[str, float]] = field(default_factory=dict)
    """By question: for each page, when (by the wall clock) its final form first stood for sure."""
    settled: set[int] = field(default_factory=set)

    def add(self, raw: bytes) -> None:
        at, _slot, pid, point, phase, told = line = json.loads(raw)
        self.lines.append(line)
        self.passed[point, phase] += 1
        if point == "store.claim":
            self.unfinished[pid] = at
            if phase != "before":
                del self.unfinished[pid]
        if told.get("killed"):
            self.killed[point, phase] += 1
        if phase == "after" and told.get("final") and point.endswith((".send", ".edit")):
            key = told["mark"].rpartition("/")[0]
            finals = self.finals.setdefault(self.numbers.get(key, 0), {})
            finals.setdefault(told["mark"], at + time.time() - time.monotonic())
        if not (found := NUMBER.search(told.get("text", ""))):
            return
        number = int(found[1])
        if point == "coze.ask" and phase == "before":
            self.begun.setdefault(number, at)
        if phase == "after" and point == "store.settle":
            self.settled.add(number)
        if phase == "after" and point == "store.claim":
            self.claimed.setdefault(number, told["since"])
        if phase == "after" and point in ("store.receive", "store.claim"):
            self.taken.setdefault(number, at)
        if told.get("key"):
            self.numbers.setdefault(told["key"], number)

    def gaps(self) -> dict[int, list[str]]:
        """By question: sends of which no id was written down, and how the process that sent ended."""
        endings: dict[int, tuple[str, str]] = {}
        sending: dict[tuple[int, str], str] = {}
        left: list[tuple[int, str, str]] = []
        for _, _, pid, point, phase, told in self.lines:
            platform, _, call = point.partition(".")
            mark = told.get("mark") or f"{told.get('key')}/{told.get('page')}"
            if told.get("killed"):
                endings[pid] = mark, f"killed {phase} {point}"
            if call == "send" and phase == "before":
                if (pid, mark) in sending:
                    left.append((pid, mark, f"{platform}: sent again by the same process, which could not note it"))
                sending[pid, mark] = platform
            elif call == "send" and phase == "failed":
                del sending[pid, mark]
                if told["error"] in ("Unreachable", "CancelledError"):
                    left.append((pid, mark, f"{platform}: no answer to the send"))
            elif call == "keep_post" and phase == "after" and told.get("message"):
                sending.pop((pid, mark), None)
        left += [(pid, mark, f"{platform}: {{}}") for (pid, mark), platform in sending.items()]
        found: dict[int, list[str]] = defaultdict(list)
        for pid, mark, how in left:
            # Aimed at a call of another answer, it hit this one by chance.
            aimed_at, ending = endings.get(pid, ("", ""))
            ending = ending if aimed_at == mark else BY_CHANCE
            found[self.numbers.get(mark.rpartition("/")[0], 0)].append(how.format(ending))
        return found

    def of(self, number: int) -> list[Line]:
        """The lines about one question."""
        keys = {key for key, owner in self.numbers.items() if owner == number}
        return [line for line in self.lines if keys & {line[5].get("key"), line[5].get("mark", "").rpartition("/")[0]}]
