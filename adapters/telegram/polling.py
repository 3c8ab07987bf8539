"""The long poll: Telegram forgets an update only after the core has made it durable."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from telegram import Bot
from telegram.error import Conflict, TelegramError

from adapters.telegram.errors import SHAPES, ours
from adapters.telegram.reading import ALLOWED_UPDATES, Reading
from adapters.telegram.trouble import Trouble
from bridge.errors import BridgeError, Transient
from bridge.ports import Accept, Clock

log = logging.getLogger(__name__)

GET_UPDATES = "get_Updates"
"""PTB's `get_updates` raises away a whole batch, for ever, if one update in it does not parse; so the raw call. It
warns of a name that it has a method for, hence this spelling, which it turns into `getUpdates`."""

NOT_YET = "Telegram was not asked for messages yet"
STRANGER = "what answers is not a Bot API server: look at TELEGRAM_API_BASE"

TAKE_BACK_SECONDS, LONGEST_TAKE_BACK_SECONDS = 10.0, 3600.0
"""From one deletion of a webhook to the next: an older process of ours may set it again before it ends, and for who
means to have it, it is no use to fight."""
GRACE_SECONDS = 20.0
"""How much later than the poll itself we give up on it, should the read timeout not bite."""


class Polling:
    """Fetches updates in order. PTB's own Updater confirms what exists only in memory (measured), so this loop."""

    def __init__(self, bot: Bot, reading: Reading, clock: Clock, *, poll_seconds: float) -> None:
        self.fetching = Trouble(clock, NOT_YET)
        self.taking = Trouble(clock)
        self._clock = clock
        self._bot = bot
        self._reading = reading
        self._poll_seconds = poll_seconds
        self._offset = 0
        self._delete_at, self._delete_pause = 0.0, TAKE_BACK_SECONDS
        """From when on a webhook may be deleted (again)."""

    async def run(self, accept: Accept, ours: Callable[[], bool]) -> None:
        """As long as it is ours to poll: Telegram ends the poll of one process when another begins one."""
        # Another may have polled since we did: the offset of then could confirm what nobody has taken in.
        self.fetching, self._offset = Trouble(self._clock, NOT_YET), 0
        while ours():
            batch = await self._fetch()
            if batch is not None:
                await self._take(batch, accept)

    async def _fetch(self) -> list[Any] | None:
        """The next updates; None after a failure, when it has been reported and waited for."""
        # The first one, and the one after a failure, return at once: they tell whether we are heard.
        seconds = 0.0 if self.fetching.text else self._poll_seconds
        try:
            async with asyncio.timeout(seconds + 2 * GRACE_SECONDS):
                batch = await self._bot.do_api_request(
                    GET_UPDATES,
                    api_kwargs={
                        "offset": self._offset,
                        "limit": 100,
                        "timeout": int(seconds),
                        "allowed_updates": list(ALLOWED_UPDATES),
                    },
                    read_timeout=seconds + GRACE_SECONDS,
                )
        except Conflict as error:
            await self._in_conflict(error)
        except TelegramError as error:
            problem = ours(error)
            least = problem.retry_after if isinstance(problem, Transient) else 0.0
            await self.fetching.wait(type(error).__name__, str(problem), least=least)
        except TimeoutError:
            await self.fetching.wait("TimeoutError", "no answer in time")
        except SHAPES:
            await self.fetching.wait("shape", STRANGER)
        else:
            if isinstance(batch, list) and all(isinstance(update, Mapping) for update in batch):
                return self._heard(batch)
            await self.fetching.wait("shape", STRANGER)
        return None

    async def _take(self, batch: list[Any], accept: Accept) -> None:
        """One after the other; the first that the core does not take is fetched again, with those behind it."""
        for update in batch:
            # gather: whatever `accept` raises, the update is not acknowledged and the loop goes on.
            (failure,) = await asyncio.gather(self._reading.take(update, accept), return_exceptions=True)
            if failure is not None:
                bug = None if isinstance(failure, BridgeError) else failure
                text = f"a message could not be taken in ({type(failure).__name__}: {failure})"
                return await self.taking.wait(type(failure).__name__, text, bug=bug)
            self.taking.over()
            self._offset = int(update["update_id"]) + 1
        return None

    def _heard(self, batch: list[Any]) -> list[Any]:
        self.fetching.over()
        if not batch:
            # All is confirmed. After a week without any, update ids start anew, maybe lower (Bot API, Update).
            self._offset = 0
        # By their ids: the offset must never pass one that was not taken in.
        return sorted(batch, key=_number)

    async def _in_conflict(self, error: Conflict) -> None:
        """409: a webhook is set, or somebody else polls with this token."""
        if "webhook is active" not in error.message.lower():
            return await self.fetching.wait("poller", "another process polls with this TELEGRAM_BOT_TOKEN")
        now = self._clock.monotonic()
        if now < self._delete_at:
            return await self.fetching.wait("webhook", "somebody sets webhooks for this TELEGRAM_BOT_TOKEN")
        if now > self._delete_at + self._delete_pause:
            self._delete_pause = TAKE_BACK_SECONDS
        self._delete_at = now + self._delete_pause
        self._delete_pause = min(2 * self._delete_pause, LONGEST_TAKE_BACK_SECONDS)
        try:
            await self._bot.delete_webhook(drop_pending_updates=False)
        except (TelegramError, *SHAPES):
            await self.fetching.wait("webhook", "a webhook is set, and cannot be deleted")
        else:
            log.warning("A webhook was set for this token; it is deleted: updates are polled now")
        return None


def _number(update: Mapping[str, Any]) -> int:
    """The id of an update; what has none comes first, and is said to be strange."""
    number = update.get("update_id")
    return number if isinstance(number, int) else 0
