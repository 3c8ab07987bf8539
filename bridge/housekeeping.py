"""Erases what is not to be kept any longer: old texts here, and what Coze remembers of people who were forgotten."""

import asyncio
import logging

from bridge.errors import BotFailed, BridgeError, Transient, Unreachable
from bridge.model import Doomed
from bridge.ports import Bots, Clock, Forgets, Store

log = logging.getLogger(__name__)

FIRST_SECONDS = 30.0
"""From the start to the first round: what comes in first is answered first."""
EVERY_SECONDS = 600.0
AT_ONCE = 200
"""Turns whose texts are erased in one transaction: some 30 ms, so that nobody waits long."""
BETWEEN_SECONDS = 0.05
"""Between two such transactions."""
SELDOM_SECONDS = 86400.0
"""Between two attempts at a conversation that Coze refuses to delete, once they have become rare."""
GIVEN_UP_SECONDS = 30 * 86400.0
"""So long after its person was forgotten, a conversation that Coze refuses to delete is let be."""
CALL_SECONDS = 40.0


class Housekeeping:
    """A loop beside the worker. Several processes may do it at once: what one has erased the other does not find."""

    def __init__(self, *, store: Store, bots: Bots, clock: Clock, keep_seconds: float) -> None:
        """`keep_seconds`: so long after its end, the texts of a turn are erased; 0: never."""
        self._store = store
        self._bots = bots
        self._clock = clock
        self._keep_seconds = keep_seconds
        self._refused: dict[str, tuple[float, float]] = {}
        """Conversations that Coze refused to delete: when to try again, and how long to wait after that."""

    async def run(self) -> None:
        """Goes on until it is cancelled. A database or a Coze that does not answer is for the next round."""
        await self._clock.sleep(FIRST_SECONDS)
        while True:
            try:
                await self.round()
            except Transient as error:
                log.info("the housekeeping goes on later: %s", error)
            await self._clock.sleep(EVERY_SECONDS)

    async def round(self) -> None:
        """All that there is to do now. Raises Unreachable if the database does not answer."""
        await self._erase_texts()
        await self._delete_doomed()
        await self._store.tidy()

    async def _erase_texts(self) -> None:
        if not self._keep_seconds:
            return
        before, total, erased = self._clock.now() - self._keep_seconds, 0, AT_ONCE
        while erased == AT_ONCE:
            erased = await self._store.erase_texts(before, most=AT_ONCE)
            total += erased
            await self._clock.sleep(BETWEEN_SECONDS)
        if total:
            log.info("the texts of %d old turns are erased", total)

    async def _delete_doomed(self) -> None:
        doomed = await self._store.doomed()
        names = {one.coze_conversation for one in doomed}
        self._refused = {one: later for one, later in self._refused.items() if one in names}
        for one in doomed:
            conversation, since = one.coze_conversation, one.since
            if self._clock.now() < self._refused.get(conversation, (0.0, 0.0))[0]:
                continue
            error = await delete_doomed(self._store, self._bots, one)
            if error is None:
                continue
            if will_pass(error):
                log.info("conversations of people who were forgotten are deleted later: %s", error)
                return
            await self._put_off(conversation, since, error)

    async def _put_off(self, conversation: str, since: float, error: BridgeError) -> None:
        now = self._clock.now()
        if now - since >= GIVEN_UP_SECONDS:
            log.warning(
                "a conversation of somebody who was forgotten stays at Coze, which refuses for a month: %s", error
            )
            await self._store.drop_doomed(conversation)
            return
        if conversation not in self._refused:
            log.warning("Coze refuses to delete a conversation of somebody who was forgotten: %s", error)
        _, wait = self._refused.get(conversation, (0.0, EVERY_SECONDS))
        self._refused[conversation] = (now + wait, min(2 * wait, SELDOM_SECONDS))


async def delete_doomed(store: Store, bots: Bots, doomed: Doomed) -> BridgeError | None:
    """Has Coze delete that conversation, and strikes it off the list; else, why Coze did not."""
    try:
        bot = bots.of(doomed.bot, doomed.session)
        if not isinstance(bot, Forgets):
            return BotFailed("this bot cannot erase what it was told")
        async with asyncio.timeout(CALL_SECONDS):
            await bot.delete_conversation(doomed.coze_conversation)
    except TimeoutError:
        return Unreachable("Coze does not answer in time")
    except BridgeError as error:
        if error.say != "login":
            return error
        # It is in an account of their own, into which nobody lets us any more: it is theirs to erase.
    await store.drop_doomed(doomed.coze_conversation)
    return None


def will_pass(error: BridgeError) -> bool:
    """Is it not about this conversation, but about all of them: Coze does not answer, or refuses the token?"""
    return isinstance(error, Transient) or error.say == "credentials"
