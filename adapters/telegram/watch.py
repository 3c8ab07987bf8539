"""Looks every few minutes whether Telegram still calls us, and what it says of its calls."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable

from telegram import Bot, WebhookInfo
from telegram.error import TelegramError

from adapters.telegram.errors import SHAPES
from adapters.telegram.trouble import Trouble
from bridge.ports import Clock

log = logging.getLogger(__name__)

LOOK_SECONDS, LONGEST_SECONDS = 180.0, 3600.0
"""Between two looks: the first as long as all is well, up to the second while somebody else wants the webhook."""
CONFIRM_SECONDS = 10.0
"""From when a webhook that was taken from us is set again to another look."""
TAKEN = "something else uses this TELEGRAM_BOT_TOKEN: it set another webhook, or deleted ours"
CALL_SECONDS = 60.0
SKEW_SECONDS = 60.0
"""By how much Telegram's clock may be behind ours."""
MANY = 100
"""Updates that wait: so many are told."""
_URL = re.compile(r"[a-z]+://\S+", re.IGNORECASE)


class Watch:
    """Sets the webhook again if somebody deletes it or sets another; ever more slowly, as long as they go on."""

    def __init__(self, bot: Bot, clock: Clock, *, url: str, setting: Trouble) -> None:
        self._bot = bot
        self._clock = clock
        self._url = url
        self._setting = setting
        self._pause = LOOK_SECONDS
        self._looked_at = 0.0
        self._failure = ""
        self._many = False

    async def run(self, set_again: Callable[[], Awaitable[None]]) -> None:
        """For ever; begins when it was just set."""
        self._looked_at = self._clock.now()
        while True:
            await self._clock.sleep(self._pause)
            if await self._stands():
                self._pause = max(self._pause / 2, LOOK_SECONDS)
                continue
            self._pause = min(self._pause * 2, LONGEST_SECONDS)
            await set_again()
            # Whoever took it may do so again at once: then that is said until the next look.
            await self._clock.sleep(CONFIRM_SECONDS)
            await self._stands()

    async def _stands(self) -> bool:
        """Does Telegram call us, as far as can be told?"""
        try:
            async with asyncio.timeout(CALL_SECONDS):
                info = await self._bot.get_webhook_info()
        except (TelegramError, TimeoutError, *SHAPES) as error:
            log.info("Telegram does not say how its webhook does (%s)", type(error).__name__)
            return True
        self._report(info)
        if info.url != self._url:
            self._setting.say("taken", TAKEN)
            return False
        self._setting.over()
        return True

    def _report(self, info: WebhookInfo) -> None:
        """Tells the operator what Telegram complains of, as long as it is the same, once."""
        since, self._looked_at = self._looked_at - SKEW_SECONDS, self._clock.now()
        failed = info.last_error_date is not None and info.last_error_date.timestamp() > since
        failure = _URL.sub("…", info.last_error_message or "")[:200] if failed else ""
        if failure and failure != self._failure:
            waiting = info.pending_update_count
            log.warning("Telegram: the webhook does not take what is delivered (%s); %d wait", failure, waiting)
        self._failure = failure
        many = info.pending_update_count >= MANY
        if many and not self._many:
            log.warning("Telegram: %d updates wait to be delivered", info.pending_update_count)
        self._many = many
