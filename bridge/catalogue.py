"""What the bots say before anybody asks, and the voices that they have: fetched beforehand, kept in memory."""

import asyncio
import hashlib
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from bridge.errors import BridgeError, Permanent
from bridge.ports import Bots, Clock, Greeting, Greets, Speaks, Voice

log = logging.getLogger(__name__)

REFRESH_SECONDS = 3600.0
"""How old it may get."""
RETRY_SECONDS = 60.0
"""After this, what could not be fetched is tried again."""
CALL_SECONDS = 20.0
"""What Coze gets for each call."""
QUICK_SECONDS = 1.0
"""What somebody waits who needs it before it has been fetched; they hold up everybody behind them in Telegram, and
Slack wants its answer within three. Who comes within `RETRY_SECONDS` after that waits no more."""


@dataclass(slots=True)
class _Wait:
    """Of those who need something that is not there yet: they wait together, and then for a while nobody does."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    again_at: float = -math.inf


@dataclass(slots=True)
class _Entry:
    """Of one bot; None: not fetched yet."""

    greeting: Greeting | None = None
    voices: Sequence[Voice] | None = None
    for_greeting: _Wait = field(default_factory=_Wait)
    for_voices: _Wait = field(default_factory=_Wait)


_UNKNOWN = _Entry(Greeting(), ())
"""Of a bot that is not configured."""


class Catalogue:
    """Of all bots, by their names. `speaks`: voices are wanted, too."""

    def __init__(self, bots: Bots, clock: Clock, *, speaks: bool = True) -> None:
        self._bots = bots
        self._clock = clock
        self._speaks = speaks
        self._entries = {name: _Entry() for name in bots.names}

    async def run(self) -> None:
        """Until it is cancelled: fetches everything, and again each hour."""
        while True:
            fine = [await self._fetch_greeting(name) and await self._fetch_voices(name) for name in self._entries]
            await self._clock.sleep(REFRESH_SECONDS if all(fine) else RETRY_SECONDS)

    async def greeting(self, bot: str) -> Greeting:
        """Empty: it has none, or it is not known."""
        entry = self._entries.get(bot, _UNKNOWN)
        if entry.greeting is None:
            await self._quickly(self._fetch_greeting, bot, entry.for_greeting)
        return entry.greeting or Greeting()

    async def voices(self, bot: str) -> Sequence[Voice]:
        """Empty: it cannot speak, or that is not known."""
        entry = self._entries.get(bot, _UNKNOWN)
        if entry.voices is None:
            await self._quickly(self._fetch_voices, bot, entry.for_voices)
        return entry.voices or ()

    async def _fetch_greeting(self, name: str) -> bool:
        """False: it is worth another try. What was known before stays until there is something newer."""
        entry = self._entries[name]
        try:
            async with asyncio.timeout(CALL_SECONDS):
                bot = self._bots.of(name)
                entry.greeting = await bot.greeting() if isinstance(bot, Greets) else Greeting()
        except (BridgeError, TimeoutError) as error:
            log.info("the greeting of the bot %r is not to be had: %s", name, str(error) or "too slow")
            return isinstance(error, Permanent)
        return True

    async def _fetch_voices(self, name: str) -> bool:
        entry = self._entries[name]
        try:
            async with asyncio.timeout(CALL_SECONDS):
                bot = self._bots.of(name)
                entry.voices = await bot.voices() if self._speaks and isinstance(bot, Speaks) else ()
        except (BridgeError, TimeoutError) as error:
            log.info("the voices of the bot %r are not to be had: %s", name, str(error) or "too slow")
            return isinstance(error, Permanent)
        return True

    async def _quickly(self, fetch: Callable[[str], Awaitable[bool]], name: str, wait: _Wait) -> None:
        """As far as it comes while somebody waits."""
        with suppress(TimeoutError):
            async with asyncio.timeout(QUICK_SECONDS), wait.lock:
                if self._clock.monotonic() < wait.again_at:
                    return
                try:
                    await fetch(name)
                finally:
                    wait.again_at = self._clock.monotonic() + RETRY_SECONDS


def short(name: str) -> str:
    """What stands for a question or a voice in a button: 8 hex digits."""
    return hashlib.sha256(name.encode()).hexdigest()[:8]
