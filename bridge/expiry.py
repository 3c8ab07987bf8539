"""Warns of what ends before it does: the operator of the service's own credentials, people of their logins."""

import logging
import math
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time

from bridge.errors import Transient
from bridge.ports import Clock
from bridge.reception import Reception

log = logging.getLogger(__name__)

WARN_DAYS = 7
"""The log, `doctor` and the metric's alert warn so long before."""
FIRST_SECONDS = 10.0
EVERY_SECONDS = 3600.0
"""Between two looks."""
LOG_SECONDS = 86400.0
"""Between two lines of the log."""


class Expiry:
    """A loop beside the worker."""

    def __init__(
        self, *, until: Callable[[], float | None], mend: str, clock: Clock, reception: Reception | None = None
    ) -> None:
        """`until`: the Unix time at which our own credentials end, None if that is not known; `mend`: what to do."""
        self._until = until
        self._mend = mend
        self._clock = clock
        self._reception = reception
        self._logged_at = -math.inf
        self.alert: Callable[[float], Awaitable[None]] | None = None
        """Is told of the seconds that are left, each time that the log is."""

    def seconds_left(self) -> float:
        """Below 0 once they have ended; NaN if it is not known when they do."""
        until = self._until()
        return math.nan if until is None else until - self._clock.now()

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        await self._clock.sleep(FIRST_SECONDS)
        while True:
            await self.round()
            await self._clock.sleep(EVERY_SECONDS)

    async def round(self) -> None:
        """All that there is to say now."""
        left, now = self.seconds_left(), self._clock.monotonic()
        if left < WARN_DAYS * 86400 and now - self._logged_at >= LOG_SECONDS:
            self._logged_at = now
            log.warning("%s; %s", ending(left), self._mend)
            if self.alert is not None:
                await self.alert(left)
        if self._reception is not None:
            try:
                await self._reception.warn()
            except Transient as error:
                log.info("people are told later that their logins end: %s", error)


def ending(seconds: float) -> str:
    """What there is to say of credentials that last so much longer."""
    if seconds <= 0:
        return "the credentials for Coze have ended"
    hours = int(seconds // 3600)
    return f"the credentials for Coze end in {f'{hours // 24} days' if hours >= 48 else f'{hours} hours'}"


def day_begins(day: date) -> float:
    """Unix time, in UTC."""
    return datetime.combine(day, time(), UTC).timestamp()
