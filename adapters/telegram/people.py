"""Who somebody is, as Telegram tells it, remembered for a while."""

import asyncio
from functools import partial

from telegram import Bot

from adapters.remembered import Remembered
from adapters.telegram.errors import translated
from bridge.errors import Permanent, Unreachable
from bridge.model import Profile
from bridge.ports import Clock

ASK_SECONDS = 5.0
PROFILE_SECONDS = 3600.0
MOST = 5_000
"""People remembered."""


class People:
    """The people whom one bot knows, asked for one by one."""

    def __init__(self, bot: Bot, clock: Clock) -> None:
        self._bot = bot
        self._profiles: Remembered[Profile] = Remembered(clock, seconds=PROFILE_SECONDS, most=MOST)

    async def profile(self, sender: str) -> Profile:
        """Of that person; empty where Telegram does not tell. Raises Transient."""
        return await self._profiles.get(sender, partial(self._ask, sender))

    async def _ask(self, sender: str) -> Profile:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                with translated():
                    chat = await self._bot.get_chat(int(sender))
        except TimeoutError:
            raise Unreachable("getChat: Telegram does not answer in time") from None
        except Permanent:
            return Profile()
        # Who writes as a channel has a title.
        name = chat.title or " ".join(filter(None, (chat.first_name, chat.last_name)))
        return Profile(name=name, username=chat.username or "")
