"""When the next call to a platform may go out: budgets that nest, and penalties that are honoured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bridge.line import Claim, Kind, Line
from bridge.ports import Budget

CALM_SECONDS = 60.0
"""For so long after a penalty its bucket refills at half speed; each time so long, what strains its previews halves."""
ROOM = 10_000
"""Buckets that are kept before those that nobody has asked about for CALM_SECONDS are forgotten."""
MARGIN_SECONDS = 0.05
"""Added to each penalty, since clocks and networks are not exact."""
MOST_STRAIN = 8.0
"""Each penalty doubles the time between previews, up to so many times the budget's."""
SLOW_SECONDS = 3.0
"""A call to a chat that took longer is a warning: Telegram's server waits up to 8 s by itself before it answers 429."""
SLOW_STRAIN, MOST_SLOW_STRAIN = 1.5, 2.0
"""What a warning does to the time between previews, and the most that warnings alone do."""
CALL_SECONDS = 60.0
"""No call is under way for longer (`bridge.ports.Adapter`)."""
LOOK_SECONDS = 1.0
"""Who waits for a call to come back asks again after so long, though it will be called."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    """Up to when it was refilled; after a penalty, its end."""
    spent_at: float = -math.inf
    busy_until: float = -math.inf
    blocked_until: float = -math.inf
    strain: float = 1.0
    strained_at: float = -math.inf

    @property
    def slow_until(self) -> float:
        return self.blocked_until + CALM_SECONDS

    def strain_at(self, now: float) -> float:
        """By how much the time between previews is longer than the budget's."""
        excess = (self.strain - 1) * 0.5 ** (max(0.0, now - self.strained_at) // CALM_SECONDS) if self.strain > 1 else 0
        return 1 + excess if excess > 0.1 else 1.0

    def every(self, budget: Budget, now: float) -> float:
        return budget.every * (2 if now < self.slow_until else 1)


class Pace:
    """The state of all buckets of this process. Times are seconds of one monotonic clock, given by the caller."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._room = ROOM
        self._lines: dict[str, Line] = {}

    def delay(self, budgets: Sequence[Budget], kind: Kind, now: float, claim: Claim | None = None) -> float:
        """Seconds until such a call may go out; 0 for now. Ask again after waiting: others may have been faster.

        With a claim the caller stands in line from now on, until it is told 0 or calls `leave`. It should also ask
        when it is called (`Claim.wake`).
        """
        delays = [self._delay(budget, kind, now) for budget in budgets]
        wait = max(delays, default=0.0)
        if claim is None or not budgets:
            return wait
        self._stand(claim, budgets, kind, now)
        claim.free_at = now + max(delays[1:], default=0.0)
        wait = max(wait, self._behind(claim, budgets, now, may_go=wait <= 0))
        if wait <= 0:
            self.leave(claim, now)
        return wait

    def is_idle(self, budgets: Sequence[Budget], now: float) -> bool:
        """Would nobody miss such a call now? Nobody waits for these budgets, and their reserves are full."""
        waited_for = any(budget.name in self._lines for budget in budgets)
        return not waited_for and self.delay(budgets, Kind.TYPING, now) <= 0

    def early(self, budgets: Sequence[Budget], kind: Kind, now: float) -> float:
        """Seconds for which none of these budgets lets such a call go, whoever waits and whatever is under way."""
        return max((self._refill(budget, kind, now) for budget in budgets), default=0.0)

    def leave(self, claim: Claim, now: float) -> None:
        """It waits no more, and others may have their turn."""
        for name in claim.names:
            line = self._lines[name]
            line.claims.discard(claim)
            if not line.claims:
                del self._lines[name]
            elif line.head is claim:
                line.call(now)
        claim.names = ()

    def spend(self, budgets: Sequence[Budget], now: float) -> None:
        """Such a call goes out now."""
        for budget in budgets:
            bucket = self._filled(budget, now)
            bucket.tokens -= 1
            bucket.spent_at = now
        if budgets and budgets[-1].serial:
            bucket.busy_until = now + CALL_SECONDS

    def unspend(self, budgets: Sequence[Budget], now: float) -> None:
        """Such a call did not go out after all."""
        for budget in budgets:
            bucket = self._filled(budget, now)
            bucket.tokens = min(budget.burst, bucket.tokens + 1)
        if budgets and budgets[-1].serial:
            self._free(budgets[-1].name, now)

    def learn(self, budget: Budget, calls: float, now: float) -> None:
        """Other processes use that bucket up as well: no more than so many calls are left in it."""
        bucket = self._filled(budget, now)
        if bucket.at <= now:  # else it is closed, and what there is at the end of the penalty is known
            bucket.tokens = min(bucket.tokens, calls)

    def returned(self, budgets: Sequence[Budget], now: float, *, took: float = 0.0) -> None:
        """Such a call has come back, after `took` seconds. The platform counted it at some moment in between, perhaps
        the last: so its narrowest bucket, if serial, gains nothing for the time under way: late calls cannot bunch up
        with the next.
        """
        if not budgets or not budgets[-1].serial or (bucket := self._buckets.get(budgets[-1].name)) is None:
            return
        bucket.at = max(bucket.at, now)
        if took > SLOW_SECONDS:
            strain = bucket.strain_at(now)
            bucket.strain, bucket.strained_at = max(strain, min(strain * SLOW_STRAIN, MOST_SLOW_STRAIN)), now
        self._free(budgets[-1].name, now)

    def _free(self, name: str, now: float) -> None:
        """No call of that bucket is under way any more."""
        self._buckets[name].busy_until = now
        if line := self._lines.get(name):
            line.head = None
            line.call(now)

    def penalise(self, budgets: Sequence[Budget], retry_after: float, now: float) -> None:
        """The platform refused such a call for `retry_after` seconds: it speaks of the narrowest budget, the last."""
        if budgets:
            self._block(self._filled(budgets[-1], now), retry_after + MARGIN_SECONDS, now, budgets[-1].every)
            for name in budgets[-1].closes:
                self.remember(name, retry_after + MARGIN_SECONDS, now)

    def remember(self, name: str, seconds: float, now: float) -> None:
        """Another process was penalised so: for so many more seconds no call of that budget may go out."""
        self._block(self._buckets.setdefault(name, _Bucket(tokens=1.0, at=now)), seconds, now, every=1.0)

    def _block(self, bucket: _Bucket, seconds: float, now: float, every: float) -> None:
        if now >= bucket.blocked_until:  # else several calls were under way, and it is the same strike
            bucket.strain = min(MOST_STRAIN, 2 * bucket.strain_at(now))
        bucket.blocked_until = bucket.strained_at = max(bucket.blocked_until, now + seconds)
        # At its end a final finds one token, and nobody a burst.
        bucket.tokens = min(1.0, bucket.tokens + (bucket.blocked_until - max(now, bucket.at)) / (2 * every))
        bucket.at = bucket.blocked_until

    def _stand(self, claim: Claim, budgets: Sequence[Budget], kind: Kind, now: float) -> None:
        names = tuple(budget.name for budget in budgets)
        if names != claim.names:
            self.leave(claim, now)
            claim.names = names
            for name in names:
                self._lines.setdefault(name, Line(name)).claims.add(claim)
        claim.kind = kind

    def _behind(self, claim: Claim, budgets: Sequence[Budget], now: float, *, may_go: bool) -> float:
        """Seconds that it has to wait for others; it will be called if its turn comes sooner."""
        wait = 0.0
        for budget in budgets:
            line = self._lines[budget.name]
            if not line.is_free(claim, now):
                if line.head is claim:
                    line.call(now)
            elif not (line.call(now, asking=claim) is claim if may_go else line.leads(claim, now)):
                wait = max(wait, len(line.claims) * budget.every)
        return wait

    def _delay(self, budget: Budget, kind: Kind, now: float) -> float:
        refill = self._refill(budget, kind, now)
        return max(refill, min(self._buckets[budget.name].busy_until - now, LOOK_SECONDS))

    def _refill(self, budget: Budget, kind: Kind, now: float) -> float:
        bucket = self._filled(budget, now)
        missing = 1 + spare(budget, kind) - bucket.tokens
        # The hair keeps a caller who waits exactly this long from finding a token that is short by a rounding error.
        refill = bucket.at - now + missing * bucket.every(budget, max(now, bucket.at)) + 1e-6 if missing > 0 else 0.0
        strain = bucket.strain_at(now)
        apart = bucket.spent_at + budget.every * strain - now if strain > 1 and kind > Kind.COMMAND else 0.0
        return max(refill, apart, bucket.blocked_until - now, 0.0)

    def _filled(self, budget: Budget, now: float) -> _Bucket:
        bucket = self._buckets.get(budget.name)
        if bucket is None:
            self._make_room(now)
            bucket = self._buckets[budget.name] = _Bucket(tokens=budget.burst, at=now)
        elif now > bucket.at:
            bucket.tokens = min(budget.burst, bucket.tokens + (now - bucket.at) / bucket.every(budget, bucket.at))
            bucket.at = now
        return bucket

    def _make_room(self, now: float) -> None:
        """A bot that runs for months meets many chats; most have been silent for long."""
        if len(self._buckets) < self._room:
            return
        self._buckets = {
            name: bucket
            for name, bucket in self._buckets.items()
            if now - bucket.at < CALM_SECONDS or bucket.strain_at(now) > 1
        }
        self._room = max(ROOM, 2 * len(self._buckets))


def spare(budget: Budget, kind: Kind) -> int:
    """Calls that this kind must leave for the more important ones: a final never waits for a preview."""
    if kind <= Kind.COMMAND or budget.burst < 2:
        return 0
    reserve = max(1, budget.burst // 4)
    return reserve if kind is Kind.PREVIEW or budget.burst < 3 else min(2 * reserve, budget.burst - 1)


__all__ = ["CALM_SECONDS", "MARGIN_SECONDS", "Claim", "Kind", "Pace", "spare"]
