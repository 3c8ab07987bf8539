"""What this process may take of the limits that it shares with others: asked for call by call, after its own pace."""

import asyncio
import logging
from collections.abc import Sequence

from bridge.errors import Transient
from bridge.pace import Kind, Pace, spare
from bridge.ports import Budget, Clock, Reservation, Shares

log = logging.getLogger(__name__)

ANSWER_SECONDS = 2.0
"""What the database gets to answer: a final waits so long for it at most, and then tries again."""
AWAY_SECONDS = 1.0
"""For about so long nobody asks again, where it did not answer."""


class Share:
    """Reserves calls among all processes, and has the pace of this one learn what the others left over."""

    def __init__(self, shares: Shares, *, pace: Pace, clock: Clock) -> None:
        self._shares = shares
        self._pace = pace
        self._clock = clock
        self._away = False

    async def grants(self, budgets: Sequence[Budget], kind: Kind) -> bool:
        """May such a call go out that our pace let go, and that is spent? If not, it is unspent.

        Then the pace, asked again, knows how long to wait. False as well while the database does not answer: without
        it nobody knows what the others do.
        """
        if not budgets:
            return True
        found: Reservation | None = None
        try:
            found = await self._reserve(budgets, kind)
        finally:
            now = self._clock.monotonic()
            if found is None or not found.granted:
                self._pace.unspend(budgets, now)
        if found is None:
            # The widest budget, which all such calls need, is short for so long.
            self._pace.learn(budgets[0], 1 - AWAY_SECONDS / budgets[0].every, now)
            return False
        levels = {level.name: level for level in found.levels}
        for budget in budgets:
            level = levels[budget.name]
            self._pace.learn(budget, level.calls, now)
            if level.closed > 0:
                self._pace.remember(budget.name, level.closed, now)
        return found.granted

    async def _reserve(self, budgets: Sequence[Budget], kind: Kind) -> Reservation | None:
        """None: the database does not answer."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await self._shares.reserve(budgets, [spare(budget, kind) for budget in budgets])
        except (Transient, TimeoutError) as error:
            if not self._away:
                log.warning("no calls to the platforms until the database answers: %s", str(error) or "too slow")
            self._away = True
            return None
        if self._away:
            log.info("the database answers again")
        self._away = False
        return found
