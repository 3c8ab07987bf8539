"""The plan of faults, drawn from a seed: what goes wrong, how often, and how long after the one before."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from simulators.wire import Fault

WEIGHTS = {
    "kill": 34,
    "point": 40,
    "storm": 4,
    "term": 4,
    "real": 1,
    "freeze": 4,
    "clock": 3,
    "disk": 3,
    "database": 4,
    "telegram": 6,
    "slack": 6,
    "coze": 6,
    "delivery": 5,
}
"""`point`: SIGKILL at a crash point; `storm`: several while it starts; `real`: SIGKILL of a Python of its own."""
KILLS = frozenset({"kill", "point", "storm", "real"})
ONLY_SQLITE, ONLY_POSTGRES = frozenset({"disk"}), frozenset({"database"})

TELEGRAM_KINDS = ("reset", "drop_response_after_commit", "error_500", "error_502_html", "hang", "flood")
TELEGRAM_METHODS = ("sendMessage", "editMessageText", "sendChatAction", "getUpdates", "*")
SLACK_KINDS = ("reset", "drop_response_after_commit", "error_500", "html_502", "hang", "ratelimited")
SLACK_METHODS = ("chat.postMessage", "chat.update", "chat.startStream", "chat.appendStream", "chat.stopStream", "*")
SOCKETS = ("drop", "warn", "refresh", "silent")
COZE_KINDS = ("http", "http_429_empty", "refuse", "lost_response", "reset", "cut_clean", "cut_mid_line", "stall")
COZE_CALLS = ("/v3/chat", "/v3/chat/retrieve", "/v3/chat/message/list", "/v1/conversation/message/list")
DELIVERIES = ("duplicate", "swap", "late", "slack_twice", "slack_shuffle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One thing that shall go wrong."""

    number: int
    kind: str
    pause: float
    """Seconds after the fault before it."""
    dice: random.Random
    """For all that is left to chance in it."""


def plan(faults: int, *, seed: str, database: str) -> list[Planned]:
    """The same for the same seed."""
    dice = random.Random(seed)
    left_out = ONLY_POSTGRES if database == "sqlite" else ONLY_SQLITE
    kinds = {kind: weight for kind, weight in WEIGHTS.items() if kind not in left_out}
    drawn = dice.choices(list(kinds), list(kinds.values()), k=faults)
    return [
        Planned(number=number, kind=kind, pause=dice.uniform(0.1, 2.2), dice=random.Random(dice.getrandbits(64)))
        for number, kind in enumerate(drawn, 1)
    ]


def on_telegram(dice: random.Random) -> Fault:
    kind = dice.choice(TELEGRAM_KINDS)
    method = dice.choice(TELEGRAM_METHODS)
    return Fault(kind=kind, method=method, times=dice.randint(1, 2), seconds=_length(kind, dice))


def on_slack(dice: random.Random) -> Fault:
    kind = dice.choice(SLACK_KINDS)
    return Fault(kind=kind, method=dice.choice(SLACK_METHODS), times=dice.randint(1, 2), seconds=_length(kind, dice))


def on_coze(dice: random.Random) -> Fault:
    kind, method = dice.choice(COZE_KINDS), dice.choice(COZE_CALLS)
    if method == "/v3/chat":
        return Fault(
            kind=kind, method=method, after=dice.randint(0, 30), seconds=_length(kind, dice), value=_value(kind)
        )
    return Fault(kind=dice.choice(("http", "refuse", "reset")), method=method, seconds=0.0)


def _length(kind: str, dice: random.Random) -> float:
    if kind in ("flood", "ratelimited"):
        return float(dice.randint(1, 3))
    return dice.uniform(0.5, 3.0) if kind in ("hang", "stall") else 0.0


def _value(kind: str) -> str:
    return "502" if kind == "http" else ""


class Aim:
    """Which crash point comes next: the one that was reached least often, so that all have their turn."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.reached = {(label, phase): 0 for label in labels for phase in (0, 1)}
        self.missed = dict.fromkeys(self.reached, 0)

    def next(self, dice: random.Random) -> tuple[str, int]:
        def score(aim: tuple[str, int]) -> float:
            # What is never passed in this traffic is tried less and less.
            return self.reached[aim] + 2 * self.missed[aim] + dice.random()

        return min(self.reached, key=score)

    def told(self, aim: tuple[str, int], *, hit: bool) -> None:
        (self.reached if hit else self.missed)[aim] += 1
