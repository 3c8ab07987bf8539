"""Updates over HTTP: Telegram sends one again until it gets a 200, and that comes only after the core took it."""

import asyncio
import hmac
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

from telegram import Bot
from telegram.error import TelegramError

from adapters.telegram.errors import SHAPES, ours
from adapters.telegram.reading import ALLOWED_UPDATES, Reading
from adapters.telegram.trouble import Trouble
from adapters.telegram.watch import Watch
from bridge.errors import BridgeError
from bridge.ports import Accept, Clock, Reply

log = logging.getLogger(__name__)

PATH = "/telegram/webhook"
SECRET_HEADER = "x-telegram-bot-api-secret-token"
LARGEST_BODY = 1024 * 1024
"""Bytes. An update is a few KB; Telegram names no limit."""
SET_SECONDS = 60.0
MOST_CONNECTIONS = 100
"""Calls that Telegram makes at a time (1 to 100; 40 if not told). Each waits for our commit and for its way there and
back: if that takes 0.25 s, 40 are 160 updates a second, and one process takes in more."""
LAST_SECONDS = 5.0
"""What is being taken in when listening ends has so long to be made durable, and to be answered so."""


class Webhook:
    """Registers our address with Telegram and answers what comes to it.

    It is left standing at the end: Telegram keeps what people write for whoever comes next.
    """

    def __init__(self, bot: Bot, reading: Reading, clock: Clock, *, url: str, secret: str) -> None:
        self.setting = Trouble(clock, "the webhook is not set yet")
        self._watch = Watch(bot, clock, url=url, setting=self.setting)
        self._bot = bot
        self._reading = reading
        self._url = url
        self._secret = secret
        self._accept: Accept | None = None
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._failed = ""
        self._taking = 0
        self._idle = asyncio.Event()

    async def run(self, accept: Accept) -> None:
        """Answers what comes, until cancelled."""
        self._accept = accept
        try:
            await self._set()
            await self._watch.run(self._set)
        finally:
            self._accept = None
            if self._taking:
                self._idle.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LAST_SECONDS):
                        await self._idle.wait()

    async def _set(self) -> None:
        """Returns once it is set."""
        while not await self._is_set():
            pass

    async def _is_set(self) -> bool:
        try:
            async with asyncio.timeout(SET_SECONDS):
                await self._bot.set_webhook(
                    self._url,
                    secret_token=self._secret,
                    max_connections=MOST_CONNECTIONS,
                    allowed_updates=list(ALLOWED_UPDATES),
                    drop_pending_updates=False,
                )
        except TelegramError as error:
            await self.setting.wait(type(error).__name__, f"the webhook cannot be set ({ours(error)})")
        except (TimeoutError, *SHAPES):
            await self.setting.wait("answer", "the webhook cannot be set (no answer, or none of a Bot API server)")
        else:
            self.setting.over()
            return True
        return False

    async def answer(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """What is mounted at PATH."""
        given = headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._secret.encode()):
            return Reply(status=401)
        if len(body) > LARGEST_BODY:
            return Reply(status=413)
        try:
            update = json.loads(body)
        except (ValueError, RecursionError):
            return Reply(status=400)
        if not isinstance(update, dict):
            return Reply(status=400)
        if self._accept is None:
            return Reply(status=503)
        self._taking += 1
        try:
            return await self._take(update, self._accept)
        finally:
            self._taking -= 1
            if not self._taking:
                self._idle.set()

    async def _take(self, update: dict[str, Any], accept: Accept) -> Reply:
        """Telegram sends one chat's messages one by one; the lock keeps their order if a proxy repeats one."""
        async with self._turns.setdefault(_queue(update), asyncio.Lock()):
            # gather: whatever `accept` raises, Telegram shall send the update again.
            (failure,) = await asyncio.gather(self._reading.take(update, accept), return_exceptions=True)
        if failure is None:
            self._failed = ""
            return Reply(status=200)
        if type(failure).__name__ != self._failed:
            self._failed = type(failure).__name__
            bug = None if isinstance(failure, BridgeError) else failure
            log.warning("A message could not be taken in (%s: %s)", self._failed, failure, exc_info=bug)
        return Reply(status=500)


def _queue(update: dict[str, Any]) -> str:
    """The chat, where the update is a message; others need no order."""
    message = update.get("message")
    chat = message.get("chat") if isinstance(message, dict) else None
    return str(chat.get("id")) if isinstance(chat, dict) else ""
