"""One Turn from its claim to its end: one match on its state, one match on the remedy of what went wrong."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from bridge import amiss
from bridge.acts import perform
from bridge.alerts import Alerts
from bridge.answer import Answer, is_blank
from bridge.asking import Asking
from bridge.errors import BridgeError, Gone, LeaseLost, Permanent, RateLimited, Refused, Transient, Unsure
from bridge.halt import Halt
from bridge.model import ASKS, Act, Turn, TurnState
from bridge.patience import ASK_DELAYS, BUG_ATTEMPTS, where_to_resume
from bridge.ports import Clock, Meter, Store
from bridge.surface import Surface
from bridge.texts import TEXTS, refusal, text
from bridge.tooling import Tooling

log = logging.getLogger(__name__)


UNSURE_SECONDS = 1.0
"""After that a turn that was not surely ours goes on."""
REPAINT_SECONDS, REPAINT_LOOKS = 1.0, 60
"""Between two looks whether somebody else is through with the turn, and how many there are."""


class _LetGo(Exception):
    """This process is ending: the turn stays as the store has it, for the next one."""


@dataclass(slots=True, kw_only=True)
class Advance:
    """Takes one claimed turn as far as it gets."""

    asking: Asking
    tooling: Tooling
    surface: Surface
    store: Store
    clock: Clock
    meter: Meter
    halt: Halt
    alerts: Alerts
    reveal: Callable[[str], str] = str
    """As in `bridge.ports.Accounts`."""
    _kept: int = 0
    """How long the answer was when `partial` was asked last."""

    @property
    def turn(self) -> Turn:
        """How far it has come."""
        return self.asking.turn

    @turn.setter
    def turn(self, turn: Turn) -> None:
        self.asking.turn = turn

    @property
    def answer(self) -> Answer:
        """What is known of the answer."""
        return self.asking.answer

    @answer.setter
    def answer(self, answer: Answer) -> None:
        self.asking.answer = answer

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
            await self._repaint()
        except _LetGo:
            log.info("left to the next process")
            await self._leave_behind()
            await self._repaint()
        except Transient as error:
            # The store itself does not answer: the lease will lapse, and the turn is claimed again.
            log.warning("%s", error)
            await self._repaint()
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

    async def _repaint(self) -> None:
        """What came too late may stand in the place of what somebody else showed: that is shown again, at their end."""
        pages = self.surface.late
        try:
            for _ in range(REPAINT_LOOKS if pages else 0):
                with suppress(Transient):
                    if await self.store.repaint(self.turn, pages):
                        log.warning("what was shown too late is painted over")
                        return
                await self.clock.sleep(REPAINT_SECONDS)
            if pages:
                log.warning("what was shown too late may stand: its conversation does not come to rest")
        except Exception:
            log.exception("this is a bug")

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
                await self.asking.recall()
                await self.tooling.go_on()
            case _ if self.turn.act not in ASKS:
                await perform(self.tooling)
            case _:
                await self.tooling.ask()
                await self.tooling.go_on()
        await self._close()

    async def _close(self) -> None:
        """The answer is complete: says what remains to be said, makes it durable, shows it."""
        answer, language = self.answer, self.turn.language
        if self.halt.asked.is_set() and not self.halt.stopped:
            raise _LetGo
        notes = amiss.notes(self.turn.files, language)
        if self.halt.stopped:
            answer.outcome = TurnState.CANCELLED
            notes.append(text("stopped", language))
        elif self.asking.refused:
            answer.outcome, answer.error = TurnState.FAILED, "what came with it cannot be used"
            self.meter.count("refusals", say=f"amiss_{amiss.first(self.turn.files)}")
        elif is_blank(answer.text) and not answer.note:
            notes.append(text("empty", language))
        answer.note = "\n\n".join(filter(None, (answer.note, *notes)))
        if missing := self.tooling.missing:
            await self.alerts.lacking(missing, bot=self.turn.bot)
        cancelling = asyncio.create_task(self.asking.cancel())
        try:
            await self._finalise()
        finally:
            await cancelling

    async def _finalise(self) -> None:
        await self.store.finalising(self.turn, self.answer.dump(), pending=self.asking.pending)
        self.turn = replace(self.turn, state=TurnState.FINALISING)
        await self._deliver()

    async def _deliver(self) -> None:
        if await self.surface.finish(self._readable()):
            await self._settle(self.answer.outcome, self.answer.error)
        elif self.halt.stopped:
            await self._say_stopped()
        else:
            raise _LetGo

    def _readable(self) -> Answer:
        """What a command says may hold a link that is nobody else's: the store has it unreadable, we show it."""
        if self.turn.conversation is not None:
            return self.answer
        return replace(self.answer, note=self.reveal(self.answer.note))

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
        kind = "question" if self.turn.conversation is not None and self.turn.act != Act.CLEAR else "command"
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
        if spent := self.answer.tokens:
            facts["tokens"] = spent
            self.meter.count("coze_tokens", spent, bot=self.turn.bot)
        if figures.first_text_seconds is not None:
            facts["first_text_seconds"] = round(figures.first_text_seconds, 3)
        log.info("settled", extra=facts)
        if outcome is TurnState.DELIVERED and kind == "question":
            await self.alerts.answered(self.turn.bot)

    # ---- when it goes wrong ------------------------------------------------------------------------------------

    async def _later(self, error: Transient) -> None:
        """Tries again after a while, or, where that has been done often enough, tells the person."""
        turn, attempts = self.turn, self.turn.attempts + 1
        if isinstance(error, Unsure):
            # Nothing failed: this process was held up, and either it is ours again or somebody else goes on.
            soon = self.clock.now() + UNSURE_SECONDS
            await self.store.postpone(turn, turn.state, until=soon, attempts=turn.attempts, error=str(error))
            return
        state, delays = where_to_resume(turn.state, error, recalls=self.asking.recalls)
        delivering = state is TurnState.FINALISING
        given_up = not delivering and attempts > len(delays)
        # Half an answer is seen, or tools have run that were allowed once: it is not begun anew.
        begun = self.answer.text or (turn.act not in ASKS and turn.state is TurnState.STREAMING)
        if given_up or (state is TurnState.RECEIVED and begun):
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
        await self.alerts.refused(error, bot=self.turn.bot)
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
