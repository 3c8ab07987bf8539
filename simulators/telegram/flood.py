"""The flood control of the simulated Telegram: budgets per chat and bot, penalties, and what defying them costs."""

import math
import random
from dataclasses import dataclass, field

FREE_PREFIXES = ("get", "answer", "setMy", "deleteMy", "setWebhook", "deleteWebhook", "logOut", "close")

DRAFTS = frozenset({"sendMessageDraft", "sendRichMessageDraft"})
"""They have a bucket of their own."""


@dataclass(slots=True, kw_only=True)
class Limits:
    """The budgets; every field may change while the simulator runs."""

    on: bool = True
    """Off: budgets are not looked at. Penalties imposed by hand hold all the same."""
    private_capacity: float = 3.0
    private_refill: float = 1.0
    """Calls per second that flow back."""
    group_capacity: float = 20.0
    group_refill: float = 20 / 60
    bot_capacity: float = 30.0
    bot_refill: float = 30.0
    draft_capacity: float = 3.0
    draft_refill: float = 3.0
    chat_action_cost: float = 1.0
    silent_wait: bool = False
    """Answer late instead of 429 while the debt is small, as the real server does."""
    silent_seconds: float = 8.0
    silent_typing_seconds: float = 2.0
    extra_seconds: tuple[int, ...] = (3, 5, 30)
    """What is added to the debt to make `retry_after`; one of them by chance."""
    escalation: float = 1.5
    longest_seconds: float = 3 * 3600.0


@dataclass(slots=True, frozen=True)
class Verdict:
    """What becomes of a call: `retry_after` above zero is a 429, `wait` above zero a late answer."""

    wait: float = 0.0
    retry_after: int = 0


@dataclass(slots=True)
class Penalty:
    length: float
    until: float
    told: bool = True
    """Off: the bot could not know of it yet; its first call learns what is left, without escalation."""
    clients: set[str] = field(default_factory=set)
    """Those who were told, if not all were: a bot may run in several programs, and one hears nothing of the other."""

    def known_to(self, client: str) -> bool:
        return self.told or client in self.clients


@dataclass(slots=True)
class Level:
    """What is left in one bucket, and when that was known."""

    left: float
    at: float


@dataclass(slots=True)
class Flood:
    """Judges each call; the time comes from the caller, chance from a seed."""

    limits: Limits = field(default_factory=Limits)
    seed: int = 1
    refused: int = 0
    """Number of calls that were answered 429."""
    defied: int = 0
    """Number of calls that came inside a penalty window."""
    penalties: dict[tuple[str, str], Penalty] = field(default_factory=dict)
    _levels: dict[tuple[str, str], Level] = field(default_factory=dict)
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def defies(self, method: str, chat: str, now: float, client: str = "") -> bool:
        """Whether a call arrives inside a penalty window of which that client was told; counts it."""
        penalty = self._penalty(method, chat, now)
        defies = penalty is not None and penalty.known_to(client)
        self.defied += defies
        return defies

    def _penalty(self, method: str, chat: str, now: float) -> Penalty | None:
        if not chat or method.startswith(FREE_PREFIXES):
            return None
        for kind in ("", "draft") if method in DRAFTS else ("",):
            penalty = self.penalties.get((chat, kind))
            if penalty is not None and now < penalty.until:
                return penalty
        return None

    def admit(self, method: str, chat: str, now: float, client: str = "") -> Verdict:
        """The verdict on one call to `chat`; calls without a chat, and calls that only read, are free."""
        if not chat or method.startswith(FREE_PREFIXES):
            return Verdict()
        penalty = self._penalty(method, chat, now)
        if penalty is not None:
            return self._escalate(penalty, now, client)
        if not self.limits.on:
            return Verdict()
        verdict = self._spend(method, chat, kind := "draft" if method in DRAFTS else "", now)
        if verdict.retry_after:
            self._tell(self.penalties[chat, kind], client)
        return verdict

    def _tell(self, penalty: Penalty, client: str) -> None:
        penalty.told = False
        penalty.clients.add(client)

    def impose(self, method: str, chat: str, seconds: float, now: float, client: str = "") -> Verdict:
        """A 429 out of the blue; inside a penalty window it escalates like any other call."""
        penalty = self._penalty(method, chat, now)
        if penalty is not None:
            return self._escalate(penalty, now, client)
        self.refused += 1
        retry_after = self.penalise(chat, seconds, now)
        self._tell(self.penalties[chat, ""], client)
        return Verdict(retry_after=retry_after)

    def penalise(self, chat: str, seconds: float, now: float, kind: str = "", *, told: bool = True) -> int:
        """Closes the chat for so long; the answer is the `retry_after` to name."""
        self.penalties[(chat, kind)] = Penalty(seconds, now + seconds, told)
        return max(1, math.ceil(seconds))

    def _escalate(self, penalty: Penalty, now: float, client: str) -> Verdict:
        if not penalty.known_to(client):
            left = penalty.until - now
            if not penalty.clients:
                penalty.length = left
            self._tell(penalty, client)
            self.refused += 1
            return Verdict(retry_after=max(1, math.ceil(left)))
        penalty.length = min(penalty.length * self.limits.escalation, self.limits.longest_seconds)
        penalty.until = now + penalty.length
        self.refused += 1
        return Verdict(retry_after=max(1, math.ceil(penalty.length)))

    def _spend(self, method: str, chat: str, kind: str, now: float) -> Verdict:
        limits = self.limits
        cost = limits.chat_action_cost if method == "sendChatAction" else 1.0
        keys = ((chat, kind), ("", "bot"))
        debt = max(self._debt(key, cost, now) for key in keys)
        patience = limits.silent_typing_seconds if kind or method == "sendChatAction" else limits.silent_seconds
        if debt > 0 and not (limits.silent_wait and debt <= patience):
            seconds = math.ceil(debt) + self._chance.choice(limits.extra_seconds)
            self.refused += 1
            return Verdict(retry_after=self.penalise(chat, seconds, now, kind))
        for key in keys:
            self._levels[key].left -= cost
        return Verdict(wait=debt)

    def _debt(self, key: tuple[str, str], cost: float, now: float) -> float:
        """Seconds until the bucket could pay `cost`."""
        capacity, refill = self._size(key)
        level = self._levels.setdefault(key, Level(capacity, now))
        level.left = min(capacity, level.left + (now - level.at) * refill)
        level.at = now
        return max(0.0, (cost - level.left) / refill)

    def _size(self, key: tuple[str, str]) -> tuple[float, float]:
        limits = self.limits
        chat, kind = key
        if kind == "bot":
            return limits.bot_capacity, limits.bot_refill
        if kind == "draft":
            return limits.draft_capacity, limits.draft_refill
        if chat.startswith(("-", "@")):
            return limits.group_capacity, limits.group_refill
        return limits.private_capacity, limits.private_refill
