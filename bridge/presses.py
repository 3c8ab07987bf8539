"""What a pressed button means: the next question, or what somebody thinks of an answer."""

import logging
import re
from dataclasses import replace
from functools import partial

from bridge.answer import Answer
from bridge.errands import Errands
from bridge.errors import BotFailed
from bridge.model import Answered, Does, Inbound, Pending, TurnId, User
from bridge.pages import offered
from bridge.ports import Bots, Judged, Meter, Store
from bridge.texts import text

log = logging.getLogger(__name__)

_PRESS = re.compile(r"(?a)(ask|like|dislike):(\d{1,18})(?::\d{1,2})?")
"""18 digits: what a database takes as the number of a row."""
_DECISION = re.compile(r"(?a)(allow|decline):(\d{1,18})")
JUDGED, TAKEN_BACK = "judgement", "taken_back"
MOST_REMEMBERED = 10_000
"""Judgements of which it is known who made them, and with which press."""


class Presses:
    """Looks up what the buttons below an answer stand for. What comes back from a platform is never trusted."""

    def __init__(self, *, store: Store, bots: Bots, meter: Meter) -> None:
        self._store = store
        self._bots = bots
        self._meter = meter
        self._errands = Errands()
        self._made: dict[TurnId, tuple[str, str]] = {}
        """Who judged an answer last, and with which press; the oldest first. Forgotten when the process ends."""

    async def decision(self, inbound: Inbound, who: User, where: str) -> tuple[str, Inbound | None]:
        """Whether tools may run, as a turn that goes on with the answer that waits for them.

        Else a sentence that says why not; both are empty if the press is about something else.
        """
        found = _DECISION.fullmatch(inbound.press)
        if found is None:
            return "", None
        turn = TurnId(int(found[2]))
        waits = Pending.load(await self._store.waits(where))
        # Its turn may not be settled yet: the buttons stand before that is written down.
        answered = await self._store.answered(turn, inbound.address)
        if waits is None or not waits.asker or waits.turn != turn:
            # Where each has a conversation of their own, it may wait in somebody else's.
            theirs = inbound.personal and answered is not None and answered.asker != who.coze_user
            return text("not_yours" if theirs else "decided", who.language), None
        if waits.asker != who.coze_user:
            return text("not_yours", who.language), None
        choices = Answer.load(answered.answer).choices if answered else ()
        label = next((choice.label for choice in choices if choice.press == inbound.press), "")
        said = label or text("allow" if found[1] == Does.ALLOW else "decline", who.language)
        return "", replace(inbound, text=said, act=inbound.press)

    async def question(self, inbound: Inbound, who: User, where: str) -> tuple[str, Inbound | None]:
        """The question that the button asks, as if the person had written it; None if there is no such button there.

        Else a sentence that says why not: it is an answer to what a workflow asked, and that has been answered.
        """
        found = _PRESS.fullmatch(inbound.press)
        if found is None or found[1] != Does.ASK:
            return "", None
        turn = TurnId(int(found[2]))
        answered = await self._store.answered(turn, inbound.address)
        if answered is None:
            return "", None
        answer = Answer.load(answered.answer)
        question = dict(offered(turn, answer)).get(inbound.press)
        if question is not None and answer.resume:
            waits = Pending.load(await self._store.waits(where))
            if waits is None or waits.turn != turn or await self._store.is_busy(where):
                return text("decided", who.language), None
        return "", None if question is None else replace(inbound, text=question)

    async def judge(self, inbound: Inbound) -> str | None:
        """Keeps the judgement, and lets Coze know: JUDGED, or TAKEN_BACK if the same person judged so before. None: the
        press is none, or there is no such answer there.

        What is lost if this process ends before Coze has been told, or if Coze does not take it: that Coze knows.
        """
        found = _PRESS.fullmatch(inbound.press)
        if found is None or found[1] == Does.ASK:
            return None
        turn, wanted = TurnId(int(found[2])), str(Does(found[1]))
        answered = await self._store.answered(turn, inbound.address)
        if answered is None:
            return None
        judgement = self._meant(turn, wanted, answered.judged, inbound)
        if answered.judged != judgement:
            answered = await self._store.judge(turn, inbound.address, judgement) or answered
            self._meter.count("feedback", platform=inbound.address.platform, judgement=judgement or TAKEN_BACK)
            self._pass_on(answered, judgement)
        self._remember(turn, inbound)
        return JUDGED if judgement else TAKEN_BACK

    def _meant(self, turn: TurnId, wanted: str, judged: str, inbound: Inbound) -> str:
        """A second press takes it back; not the same press that comes twice, nor that of somebody who agrees."""
        who, key = self._made.get(turn, (inbound.sender.id, ""))
        if key == inbound.key:
            return judged
        return "" if judged == wanted and who == inbound.sender.id else wanted

    def _remember(self, turn: TurnId, inbound: Inbound) -> None:
        self._made.pop(turn, None)
        self._made[turn] = inbound.sender.id, inbound.key
        if len(self._made) > MOST_REMEMBERED:
            del self._made[next(iter(self._made))]

    async def aclose(self) -> None:
        """Gives up what Coze has not heard yet."""
        await self._errands.aclose()

    def _pass_on(self, answered: Answered, judgement: str) -> None:
        spoken = [said.message for said in Answer.load(answered.answer).said if said.text]
        try:
            bot = self._bots.of(answered.bot, answered.session)
        except BotFailed:
            bot = None
        if not (isinstance(bot, Judged) and spoken and spoken[-1] and answered.coze_conversation):
            log.info("a judgement is kept, but Coze is not told")
            return
        good = None if not judgement else judgement == Does.LIKE
        self._errands.send("judgement", partial(bot.judge, answered.coze_conversation, spoken[-1], good=good))
