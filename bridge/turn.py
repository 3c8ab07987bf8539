"""One Turn from its claim to its end: one match on its state, one match on the remedy of what went wrong."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from bridge.answer import Answer, BotEvent, ChatStarted, StillRunning, is_blank
from bridge.errors import (
    BotFailed,
    BridgeError,
    Gone,
    LeaseLost,
    Permanent,
    RateLimited,
    Refused,
    Transient,
    Unreachable,
)
from bridge.halt import Halt
from bridge.model import Turn, TurnState
from bridge.patience import ASK_DELAYS, BUG_ATTEMPTS, where_to_resume
from bridge.ports import Bot, Clock, Meter, Question, Store
from bridge.surface import Surface
from bridge.texts import TEXTS, refusal, text
from bridge.trail import note

log = logging.getLogger(__name__)

CANCEL_SECONDS = 10.0


class _LetGo(Exception):
    """This process is ending: the turn stays as the store has it, for the next one."""


@dataclass(slots=True, kw_only=True)
class Advance:
    """Takes one claimed turn as far as it gets."""

    turn: Turn
    bot: Bot
    surface: Surface
    store: Store
    clock: Clock
    meter: Meter
    halt: Halt
    recall_seconds: float
    """For so long after it was asked, the answer to a question is fetched."""
    answer: Answer = field(default_factory=Answer)
    _kept: int = 0
    """How long the answer was when `partial` was asked last."""

    async def run(self) -> None:
        """Returns once the turn is settled, postponed, or no longer ours."""
        try:
            try:
                await self._go_on()
            except Transient as error:
                await self._later(error)
            except Permanent as error:
                await self._tell(error)
        except LeaseLost:
            log.info("somebody else has it")
        except _LetGo:
            log.info("left to the next process")
            await self._leave_behind()
        except Transient as error:
            # The store itself does not answer: the lease will lapse, and the turn is claimed again.
            log.warning("%s", error)
        except Exception:
            log.exception("this is a bug")
            await self._after_bug()

    def partial(self) -> str:
        """What is known of an answer on its way, as `Answer.dump` writes it; empty if no more than last time."""
        length = self.answer.length
        if self.turn.state is not TurnState.STREAMING or self.answer.fetching or length == self._kept:
            return ""
        self._kept = length
        return self.answer.dump()

    async def _leave_behind(self) -> None:
        if partial := self.partial():
            with suppress(Transient):
                await self.store.remember({self.turn: partial})

    # ---- the way forward ---------------------------------------------------------------------------------------

    async def _go_on(self) -> None:
        match self.turn.state:
            case TurnState.FINALISING:
                self.answer = Answer.load(self.turn.answer)
                if self.turn.cancelled and self.answer.outcome is TurnState.DELIVERED:
                    await self._say_stopped()
                else:
                    await self._deliver()
                return
            case _ if self.turn.cancelled:
                self.halt.stop()
            case TurnState.STREAMING:
                await self._recall()
            case _:
                await self._ask()
        await self._close()

    async def _ask(self) -> None:
        """Asks Coze, unless it turns out that it was asked already."""
        try:
            if self.turn.asked_at is not None and await self._found():
                await self._recall()
            else:
                await self._ask_anew()
        except Gone:
            await self.store.forget_conversation(self.turn)
            self.turn = replace(self.turn, state=TurnState.CLAIMED, coze_conversation="")
            raise Transient("the Coze conversation is gone; making a new one", say="failed") from None
        except Transient as error:
            if error.certain or self.turn.state is not TurnState.STREAMING:
                raise
            log.info("the stream was cut (%s); recalling", error)
            await self._recall()

    async def _ask_anew(self) -> None:
        turn = self.turn
        conversation, asked_at = turn.coze_conversation or await self.bot.new_conversation(), self.clock.now()
        await self.store.asking(turn, conversation, at=asked_at)
        self.turn = replace(turn, coze_conversation=conversation, asked_at=asked_at)
        async with self.bot.ask(self._question()) as events:
            await self.surface.follow(self._noting_chat(events), self.answer)

    async def _found(self) -> bool:
        """After a crash between asking and hearing: did Coze take the question?"""
        chat = self.turn.chat or await self.bot.find(self._question())
        if chat:
            await self._note_chat(chat)
        else:
            self.meter.count("possible_repeats")
        return bool(chat)

    async def _recall(self) -> None:
        """Fetches the answer that Coze gave, or is giving, without asking again; until then, what is known is seen."""
        turn = self.turn
        if turn.asked_at is not None and self.clock.now() - turn.asked_at > self.recall_seconds:
            raise BotFailed("the question is too old for its answer to be fetched", say="too_old")
        self.meter.count("recalls")
        heard = Answer.load(turn.answer) if turn.answer and not self.answer.messages else self.answer
        self.answer = replace(heard)
        try:
            async with self.bot.recall(turn.coze_conversation, turn.chat) as events:
                await self.surface.follow(self._anew(events), self.answer)
        except Gone:
            await self.store.forget_conversation(turn)
            raise Transient("Coze does not know that chat any more", say="failed") from None
        finally:
            self.answer.fetching = False
            is_part = bool(heard.text) and not self.answer.text
            if is_part:
                self.answer.messages, self.answer.reasoning = heard.messages, heard.reasoning
        if is_part and not self.answer.tools_wanted and not self.halt.asked.is_set():
            raise Unreachable("Coze does not list the answer (yet) that it gave", certain=False, say="stalled")

    async def _anew(self, events: AsyncIterator[BotEvent]) -> AsyncIterator[BotEvent]:
        """The whole answer, in place of what is known of it by then."""
        whole = False
        async for event in events:
            if not whole and not isinstance(event, ChatStarted | StillRunning):
                self.answer.clear()
                whole = True
            yield event

    async def _close(self) -> None:
        """The answer is complete: says what remains to be said, makes it durable, shows it."""
        answer, language = self.answer, self.turn.language
        if self.halt.asked.is_set() and not self.halt.stopped:
            raise _LetGo
        notes = [text("files_unread", language)] if self.turn.files else []
        if self.halt.stopped:
            answer.outcome = TurnState.CANCELLED
            notes.append(text("stopped", language))
        elif answer.tools_wanted:
            answer.outcome, answer.error = TurnState.FAILED, f"tools wanted: {', '.join(answer.tools_wanted)}"
            notes.append(text("tool", language, tools=", ".join(answer.tools_wanted)))
        elif is_blank(answer.text):
            notes.append(text("empty", language))
        answer.note = "\n\n".join(notes)
        cancelling = asyncio.create_task(self._cancel_at_coze())
        try:
            await self._finalise()
        finally:
            await cancelling

    async def _finalise(self) -> None:
        await self.store.finalising(self.turn, self.answer.dump())
        self.turn = replace(self.turn, state=TurnState.FINALISING)
        await self._deliver()

    async def _deliver(self) -> None:
        if await self.surface.finish(self.answer):
            await self._settle(self.answer.outcome, self.answer.error)
        elif self.halt.stopped:
            await self._say_stopped()
        else:
            raise _LetGo

    async def _say_stopped(self) -> None:
        """It was complete, but is not wanted any more; whoever stopped it, its place says so."""
        stopped = text("stopped", self.turn.language)
        if self.surface.pages:
            self.answer.note = "\n\n".join(part for part in (self.answer.note, stopped) if part)
        else:
            self.answer = Answer(note=stopped)
        self.answer.outcome, self.answer.error = TurnState.CANCELLED, "stopped before it was shown whole"
        await self._finalise()

    async def _settle(self, outcome: TurnState, error: str) -> None:
        await self.store.settle(self.turn, outcome, error)
        kind = "question" if self.turn.conversation is not None else "command"
        self.meter.count("turns", platform=self.turn.address.platform, outcome=outcome, kind=kind)
        seconds, figures = self.clock.now() - self.turn.received_at, self.surface.figures
        self.meter.observe("answer_seconds", seconds, kind=kind)
        facts = {
            "outcome": str(outcome),
            "kind": kind,
            "seconds": round(seconds, 3),
            "pages": self.surface.pages,
            "rate_limited": figures.rate_limited,
        }
        if figures.first_text_seconds is not None:
            facts["first_text_seconds"] = round(figures.first_text_seconds, 3)
        log.info("settled", extra=facts)

    # ---- when it goes wrong ------------------------------------------------------------------------------------

    async def _later(self, error: Transient) -> None:
        """Tries again after a while, or, where that has been done often enough, tells the person."""
        turn, attempts = self.turn, self.turn.attempts + 1
        state, delays = where_to_resume(turn.state, error)
        delivering = state is TurnState.FINALISING
        given_up = not delivering and attempts > len(delays)
        if given_up or (state is TurnState.RECEIVED and self.answer.text):
            await self._tell(error)
            return
        delay = max(delays[min(attempts, len(delays)) - 1], error.retry_after)
        if delivering and isinstance(error, RateLimited):
            # A penalty is no failure of ours: it lasts as long as the platform said, and is not counted.
            attempts, delay = turn.attempts, max(error.retry_after, 1.0)
        log.info("%s; going on in %.1f s", error, delay)
        if not delivering and attempts > 1 and not self.answer.text:
            await self._say_trying(error)
        until = self.clock.now() + delay
        await self.store.postpone(turn, state, until=until, attempts=attempts, error=str(error))

    async def _say_trying(self, error: Transient) -> None:
        reason = f"trying_{error.say}" if f"trying_{error.say}" in TEXTS else "trying_unreachable"
        language = self.turn.language
        await self.surface.show(text("trying", language, reason=text(reason, language)))

    async def _tell(self, error: Permanent | Transient) -> None:
        """The question will not be answered (any further): says so in the place of the answer."""
        told_before = self.turn.state is TurnState.FINALISING and self.answer.outcome is TurnState.FAILED
        if told_before or isinstance(error, Refused | Gone):
            # The platform itself refuses us: there is no place left to say it.
            log.warning("cannot be shown: %s", error)
            await self._settle(TurnState.FAILED, str(error))
            return
        log.warning("%s", error)
        self.meter.count("refusals", say=error.say)
        if self.turn.state is TurnState.FINALISING:
            # What stands in it is what cannot be shown.
            self.answer = Answer()
        self.answer.outcome, self.answer.error = TurnState.FAILED, str(error)
        self.answer.note = refusal(error.say, self.turn.language, error.reference)
        try:
            await self._finalise()
        except Transient as later:
            if self.turn.state is not TurnState.FINALISING:
                raise
            await self._later(later)
        except Permanent as worse:
            await self._tell(worse)

    async def _after_bug(self) -> None:
        """Tries again a few times; then leaves only the plain sentence to be shown; then gives up."""
        turn, attempts = self.turn, self.turn.attempts + 1
        until = self.clock.now() + ASK_DELAYS[min(turn.attempts, len(ASK_DELAYS) - 1)]
        state = turn.state
        with suppress(BridgeError):
            if attempts > BUG_ATTEMPTS:
                await self._settle(TurnState.FAILED, "an unexpected error, see the log")
                return
            if attempts == BUG_ATTEMPTS:
                sentence = refusal("failed", turn.language)
                told = Answer(note=sentence, outcome=TurnState.FAILED, error="an unexpected error, see the log")
                await self.store.finalising(turn, told.dump())
                state = TurnState.FINALISING
            await self.store.postpone(turn, state, until=until, attempts=attempts, error="an unexpected error")

    async def _cancel_at_coze(self) -> None:
        """Beside the last words to the person, which do not wait for it."""
        turn = self.turn
        if not self.halt.stopped or turn.asked_at is None:
            return
        with suppress(BridgeError, TimeoutError):
            async with asyncio.timeout(CANCEL_SECONDS):
                if chat := turn.chat or await self.bot.find(self._question()):
                    await self.bot.cancel(turn.coze_conversation, chat)

    # ---- small things ------------------------------------------------------------------------------------------

    def _question(self) -> Question:
        turn = self.turn
        return Question(
            text=turn.question,
            user=turn.coze_user,
            conversation=turn.coze_conversation,
            mark=f"{turn.id}.{round((turn.asked_at or 0.0) * 1000)}",
        )

    async def _noting_chat(self, events: AsyncIterator[BotEvent]) -> AsyncIterator[BotEvent]:
        async for event in events:
            if isinstance(event, ChatStarted):
                await self._note_chat(event.chat)
            yield event

    async def _note_chat(self, chat: str) -> None:
        note(coze_chat=chat)
        self.turn = replace(self.turn, chat=chat)
        await self.store.streaming(self.turn, chat)
        self.turn = replace(self.turn, state=TurnState.STREAMING)
