"""The line in which calls wait that want the same budget, and who of them goes first."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

FULL = 1000
"""Characters of unseen text beyond which it makes no difference how many there are."""
MOST_EXTRA = 0.2
"""By how much that much text makes a wait weigh more."""


class Kind(IntEnum):
    """What a call is for; the lower goes first."""

    FINAL = 0
    COMMAND = 1
    PREVIEW = 2
    TYPING = 3


def _nobody() -> None:
    """Whoever asks again by themselves need not be called."""


@dataclass(slots=True, eq=False)
class Claim:
    """A call that waits for its turn."""

    since: float = 0.0
    """When the oldest text that nobody sees yet had come, by the clock of `Pace`."""
    unseen: int = 0
    """Characters that nobody sees yet. May grow while it waits."""
    wake: Callable[[], None] = _nobody
    """Called when it should ask again before the time that it was told: its turn may have come."""
    kind: Kind = Kind.PREVIEW
    free_at: float = 0.0
    """When its own, narrower budgets let it go; until then it is in nobody's way."""
    names: tuple[str, ...] = ()
    """The buckets in whose lines it stands; its own, narrowest one is the last."""

    def rank(self, now: float) -> tuple[int, float, float]:
        """Its place in the line; the lowest goes first."""
        if self.kind <= Kind.COMMAND:
            return (self.kind, self.since, 0.0)
        return (self.kind, -weight(now - self.since, self.unseen), self.since)


def weight(age: float, unseen: int) -> float:
    """How much a preview matters that shows so many characters, the oldest of them so many seconds old.

    The longest wait counts, and more where there is more to read; but bounded, so that whoever waits a fifth longer
    than everybody else goes first. What the plain product costs stands in docs/decisions.md.
    """
    return age * (1 + MOST_EXTRA * min(unseen, FULL) / FULL)


@dataclass(slots=True)
class Line:
    """Those who wait for one bucket. Only its head need know when its turn comes, so a look costs the same however
    long the line is; only to find the next head, once a call that goes out, all of them are compared: ranks change
    with time.
    """

    name: str
    claims: set[Claim] = field(default_factory=set)
    head: Claim | None = None

    def is_free(self, claim: Claim, now: float) -> bool:
        """Could it go now, if it were the only one?"""
        return claim.free_at <= now or claim.names[-1] == self.name

    def leads(self, claim: Claim, now: float) -> bool:
        """Is it the head, or better than the head?"""
        if self.head is None or not self.is_free(self.head, now) or claim.rank(now) < self.head.rank(now):
            self.head = claim
        return self.head is claim

    def call(self, now: float, asking: Claim | None = None) -> Claim | None:
        """Finds the head, who is called unless it is the one who asks; None if nobody is free."""
        free = (claim for claim in self.claims if self.is_free(claim, now))
        head = min(free, key=lambda claim: claim.rank(now), default=None)
        if head is not None and head is not asking and head is not self.head:
            self.head = head
            head.wake()
        self.head = head
        return head
