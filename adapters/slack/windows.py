"""How many calls of one method Slack takes in a minute, in this process and in all of them."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from bridge.errors import Transient
from bridge.ports import Budget, Shares

MINUTE = 61.0
"""A hair longer than Slack's, as clocks are not exact."""
ANSWER_SECONDS = 2.0
"""What the database gets to answer whether others leave room."""


@dataclass(slots=True)
class Window:
    """Calls of the last minute."""

    calls: deque[float] = field(default_factory=deque)

    def count(self, now: float) -> int:
        while self.calls and self.calls[0] <= now - MINUTE:
            self.calls.popleft()
        return len(self.calls)

    def wait(self, now: float, most: int) -> float:
        """Seconds until one more call fits."""
        return 0.0 if self.count(now) < most else max(0.001, self.calls[-most] + MINUTE - now)


async def left(shares: Shares | None, account: str) -> bool:
    """Do the other processes leave room to begin one more stream? No, if that cannot be told.

    A burst of 10 and one each 6 s are 20 in any minute.
    """
    if shares is None:
        return True
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return (await shares.reserve([Budget(name=f"slack:{account}:start", burst=10, every=6.0)], [0])).granted
    except (Transient, TimeoutError):
        return False
