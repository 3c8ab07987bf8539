"""What a pressed button means: the next question, or what somebody thinks of an answer."""

import asyncio
import logging
import re
from dataclasses import replace

from bridge.answer import Answer
from bridge.errors import BotFailed, BridgeError
from bridge.model import Answered, Does, Inbound, TurnId
from bridge.pages import offered
from bridge.ports import Bots, Judged, Meter, Store

log = logging.getLogger(__name__)

_PRESS = re.compile(r"(?a)(ask|like|dislike):(\d{1,18})(?::\d{1,2})?")
"""18 digits: what a database takes as the number of a row."""
JUDGE_SECONDS = 20.0
"""For so long Coze may take to take a judgement in."""
MOST_ERRANDS = 100
"""Judgements on their way to Coze; of more at a time, Coze is not told."""


class Presses:
    """Looks up what the buttons below an answer stand for. What comes back from a platform is never trusted."""

    def __init__(self, *, store: Store, bots: Bots, meter: Meter) -> None:
        self._store = store
        self._bots = bots
        self._meter = meter
        self._errands: set[asyncio.Task[None]] = set()

    async def question(self, inbound: Inbound) -> Inbound | None:
        """The question that the button asks, as if the person had written it; None if there is no such button there."""
        found = _PRESS.fullmatch(inbound.press)
        if found is None or found[1] != Does.ASK:
            return None
        turn = TurnId(int(found[2]))
        answered = await self._store.answered(turn, inbound.address)
        if answered is None:
            return None
        question = dict(offered(turn, Answer.load(answered.answer))).get(inbound.press)
        return None if question is None else replace(inbound, text=question)

    async def judge(self, inbound: Inbound) -> bool:
        """Keeps the judgement, and lets Coze know. False: the press is none, or there is no such answer there.

        What is lost if this process ends before Coze has been told, or if Coze does not take it: that Coze knows.
        """
        found = _PRESS.fullmatch(inbound.press)
        if found is None or found[1] == Does.ASK:
            return False
        judgement = Does(found[1])
        answered = await self._store.judge(TurnId(int(found[2])), inbound.address, judgement)
        if answered is None:
            return False
        if answered.judged != judgement:
            self._meter.count("feedback", platform=inbound.address.platform, judgement=judgement)
            self._pass_on(answered, judgement)
        return True

    async def aclose(self) -> None:
        """Gives up what Coze has not heard yet."""
        for errand in self._errands:
            errand.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)

    def _pass_on(self, answered: Answered, judgement: Does) -> None:
        spoken = [said.message for said in Answer.load(answered.answer).said if said.text]
        try:
            bot = self._bots.of(answered.bot, answered.session)
        except BotFailed:
            bot = None
        if not (isinstance(bot, Judged) and spoken and spoken[-1] and len(self._errands) < MOST_ERRANDS):
            log.info("a judgement is kept, but Coze is not told")
            return
        errand = asyncio.create_task(self._tell(bot, answered.coze_conversation, spoken[-1], judgement))
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)

    @staticmethod
    async def _tell(bot: Judged, conversation: str, message: str, judgement: Does) -> None:
        try:
            async with asyncio.timeout(JUDGE_SECONDS):
                await bot.judge(conversation, message, good=judgement is Does.LIKE)
        except (BridgeError, TimeoutError) as error:
            log.warning("Coze does not take in what somebody thinks of an answer: %s", error)
