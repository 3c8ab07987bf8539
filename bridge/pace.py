"""When the next call to a platform may go out: budgets that nest, and penalties that are honoured."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from bridge.ports import Budget

CALM_SECONDS = 60.0
"""A bucket that was penalised refills at half speed; this long after the penalty's end, at full speed again."""
ROOM = 10_000
"""Buckets that are kept before those that nobody has asked about for CALM_SECONDS are forgotten."""
MARGIN_SECONDS = 0.05
"""Added to each penalty, since clocks and networks are not exact."""


class Kind(IntEnum):
    """What a call is for; the lower goes first."""

    FINAL = 0
    COMMAND = 1
    PREVIEW = 2
    TYPING = 3


@dataclass(slots=True, eq=False)
class Claim:
    """A call that waits for its turn: where many want the same budget, the longest wait goes first."""

    since: float = 0.0
    """When the oldest text that nobody sees yet had come, by the clock of `Pace`."""
    kind: Kind = Kind.PREVIEW
    free_at: float = 0.0
    """When its own, narrower budgets let it go; until then it is in nobody's way."""
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    blocked_until: float = 0.0
    slow_until: float = 0.0


class Pace:
    """The state of all buckets of this process. Times are seconds of one monotonic clock, given by the caller."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._room = ROOM
        self._claims: dict[str, set[Claim]] = {}
        """Those that wait, by the name of each bucket that they want."""

    def delay(self, budgets: Sequence[Budget], kind: Kind, now: float, claim: Claim | None = None) -> float:
        """Seconds until such a call may go out; 0 for now. Ask again after waiting: others may have been faster.

        With a claim the caller stands in line from now on, until it is told 0 or calls `leave`.
        """
        wait = max((self._delay(budget, kind, now) for budget in budgets), default=0.0)
        if claim is None:
            return wait
        self.leave(claim)
        claim.kind = kind
        wait = max((self._delay(budget, kind, now, claim) for budget in budgets), default=0.0)
        if wait > 0:
            claim.free_at = now + max((self._delay(budget, kind, now) for budget in budgets[1:]), default=0.0)
            claim.names = tuple(budget.name for budget in budgets)
            for name in claim.names:
                self._claims.setdefault(name, set()).add(claim)
        return wait

    def leave(self, claim: Claim) -> None:
        """It waits no more."""
        for name in claim.names:
            claims = self._claims[name]
            claims.discard(claim)
            if not claims:
                del self._claims[name]
        claim.names = ()

    def spend(self, budgets: Sequence[Budget], now: float) -> None:
        """Such a call goes out now."""
        for budget in budgets:
            self._filled(budget, now).tokens -= 1

    def returned(self, budgets: Sequence[Budget], now: float) -> None:
        """Such a call has come back. The platform counted it at some moment in between, perhaps the last: so its
        narrowest bucket, if serial, gains nothing for the time under way: late calls cannot bunch up with the next.
        """
        if budgets and budgets[-1].serial and (bucket := self._buckets.get(budgets[-1].name)):
            bucket.at = max(bucket.at, now)

    def penalise(self, budgets: Sequence[Budget], retry_after: float, now: float) -> None:
        """The platform refused such a call for `retry_after` seconds: it speaks of the narrowest budget, the last."""
        if budgets:
            bucket = self._filled(budgets[-1], now)
            bucket.tokens = min(bucket.tokens, 1.0)
            bucket.blocked_until = max(bucket.blocked_until, now + retry_after + MARGIN_SECONDS)
            bucket.slow_until = bucket.blocked_until + CALM_SECONDS

    def _delay(self, budget: Budget, kind: Kind, now: float, claim: Claim | None = None) -> float:
        bucket = self._filled(budget, now)
        missing = 1 + _reserve(budget, kind) - bucket.tokens
        if claim is not None:
            missing += self._ahead(budget.name, claim, now)
        every = budget.every * (2 if now < bucket.slow_until else 1)
        # The hair keeps a caller who waits exactly this long from finding a token that is short by a rounding error.
        refill = missing * every + 1e-6 if missing > 0 else 0.0
        return max(refill, bucket.blocked_until - now, 0.0)

    def _ahead(self, name: str, claim: Claim, now: float) -> int:
        """How many go before this one."""
        mine = (claim.kind, claim.since)
        return sum(other.free_at <= now and (other.kind, other.since) < mine for other in self._claims.get(name, ()))

    def _filled(self, budget: Budget, now: float) -> _Bucket:
        bucket = self._buckets.get(budget.name)
        if bucket is None:
            self._make_room(now)
            bucket = self._buckets[budget.name] = _Bucket(tokens=budget.burst, at=now)
        elif now > bucket.at:
            every = budget.every * (2 if now < bucket.slow_until else 1)
            bucket.tokens = min(budget.burst, bucket.tokens + (now - bucket.at) / every)
            bucket.at = now
        return bucket

    def _make_room(self, now: float) -> None:
        """A bot that runs for months meets many chats; most have been silent for long."""
        if len(self._buckets) < self._room:
            return
        self._buckets = {
            name: bucket
            for name, bucket in self._buckets.items()
            if now - bucket.at < CALM_SECONDS or now < bucket.slow_until
        }
        self._room = max(ROOM, 2 * len(self._buckets))


def _reserve(budget: Budget, kind: Kind) -> int:
    """Calls that this kind must leave for the more important ones: a final never waits for a preview."""
    if kind <= Kind.COMMAND or budget.burst < 2:
        return 0
    reserve = max(1, budget.burst // 4)
    return reserve if kind is Kind.PREVIEW or budget.burst < 3 else min(2 * reserve, budget.burst - 1)
