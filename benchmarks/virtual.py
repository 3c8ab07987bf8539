"""Answers painted in virtual time: the real Pace and its budgets, without a network, a platform or a clock."""

import heapq
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from bridge.line import Claim, Kind
from bridge.pace import Pace
from bridge.ports import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """An answer as its bot says it, and what its calls count against."""

    deltas: Sequence[tuple[float, int]]
    """When each comes, in seconds, and its characters."""
    start: Sequence[Budget]
    """Of the call that posts the message."""
    grow: Sequence[Budget]
    """Of the edits after it, the last included."""
    seconds: float = 0.08
    """What a call takes; it is seen in the middle of that."""


def talk(seed: int) -> list[tuple[float, int]]:
    """The deltas of an answer as different models give them: quick or slow, short or long, some with pauses."""
    dice = random.Random(seed)
    now, rate = dice.uniform(0.0, 20.0), dice.choice([4, 10, 20, 40, 80])
    deltas = []
    for _ in range(min(dice.choice([40, 150, 400, 1000]), 40 * rate)):
        now += dice.expovariate(rate)
        deltas.append((now, dice.choice([1, 2, 4, 6, 12])))
        if dice.random() < 0.006:
            now += dice.uniform(1.0, 8.0)  # a tool is at work
    return deltas


@dataclass(slots=True, kw_only=True)
class Played:
    """What came of it."""

    calls: list[tuple[float, Sequence[Budget]]] = field(default_factory=list)
    """When each call went out, and what it counted against."""
    looks: int = 0
    """How often somebody asked whether it is their turn."""
    ends: list[float] = field(default_factory=list)
    """Seconds from the last delta of each answer until all of it was seen."""
    unseen: float = 0.0
    """Sum over the answers of the integral of the age of the oldest text that could not be seen yet."""
    lasted: float = 0.0
    """Sum over the answers of the seconds from the first delta until all was seen."""
    longest: float = 0.0
    """The most seconds that a piece of text waited."""

    @property
    def staleness(self) -> float:
        """Time-weighted mean age, in seconds, of the oldest text that has been said and that nobody can see yet."""
        return self.unseen / self.lasted


class Stage:
    """Plays answers side by side, as `bridge.surface` paints them, until all of them have ended."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self.played = Played()
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = itertools.count()

    def play(self, answers: Sequence[Spoken]) -> Played:
        for answer in answers:
            painter = _Painter(answer, self)
            for number, (at, _) in enumerate(answer.deltas):
                self.at(at, partial(painter.hear, number))
        while self._due:
            self.now, _, act = heapq.heappop(self._due)
            act(self.now)
        return self.played

    def at(self, when: float, act: Callable[[float], None]) -> None:
        heapq.heappush(self._due, (when, next(self._numbers), act))


class _Painter:
    """One answer."""

    def __init__(self, answer: Spoken, stage: Stage) -> None:
        self._answer = answer
        self._stage = stage
        self._claim = Claim(wake=self._wake)
        self._heard = self._sent = self._seen = 0
        """How many deltas came, went out, and can be seen."""
        self._seen_at = 0.0
        self._calling = False
        self._alarm = 0
        """Number of the look that counts; earlier ones were replaced."""

    def hear(self, number: int, now: float) -> None:
        at, size = self._answer.deltas[number]
        self._heard = number + 1
        self._claim.unseen += size
        if self._heard - self._sent == 1:
            self._claim.since = at
        if self._heard == len(self._answer.deltas) and not self._calling:
            self._claim.since = now
            self._look(now)
        elif self._heard - self._sent == 1 and not self._calling:
            self._look(now)

    def _wake(self) -> None:
        self._alarm += 1
        self._stage.at(self._stage.now, partial(self._ring, self._alarm))

    def _ring(self, alarm: int, now: float) -> None:
        if alarm == self._alarm and not self._calling and self._sent < self._heard:
            self._look(now)

    def _look(self, now: float) -> None:
        self._stage.played.looks += 1
        ended = self._heard == len(self._answer.deltas)
        budgets = self._answer.grow if self._sent else self._answer.start
        kind = Kind.FINAL if ended else Kind.PREVIEW
        self._alarm += 1
        delay = self._stage.pace.delay(budgets, kind, now, self._claim)
        if delay > 0:
            self._stage.at(now + delay, partial(self._ring, self._alarm))
            return
        self._stage.pace.spend(budgets, now)
        self._stage.played.calls.append((now, budgets))
        self._sent, self._calling, self._claim.unseen = self._heard, True, 0
        self._stage.at(now + self._answer.seconds / 2, partial(self._show, self._sent))
        self._stage.at(now + self._answer.seconds, partial(self._return, budgets))

    def _show(self, deltas: int, now: float) -> None:
        played, said = self._stage.played, self._answer.deltas
        oldest = said[self._seen][0]
        begun = max(self._seen_at, oldest)
        played.unseen += ((now - oldest) ** 2 - (begun - oldest) ** 2) / 2
        played.longest = max(played.longest, now - oldest)
        self._seen, self._seen_at = deltas, now
        if deltas == len(said):
            played.lasted += now - said[0][0]
            played.ends.append(now - said[-1][0])

    def _return(self, budgets: Sequence[Budget], now: float) -> None:
        self._calling = False
        self._stage.pace.returned(budgets, now)
        if self._heard > self._sent:
            self._claim.since = self._answer.deltas[self._sent][0]
            if self._heard == len(self._answer.deltas):
                self._claim.since = now
            self._look(now)
