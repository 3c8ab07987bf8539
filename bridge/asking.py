"""The way from a question to the whole answer: asked once, recalled after a cut or a crash."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from bridge.answer import Answer, BotEvent, ChatStarted, StillRunning
from bridge.errors import BotFailed, BridgeError, Gone, Transient, Unreachable
from bridge.halt import Halt
from bridge.model import Pending, Turn, TurnState
from bridge.ports import Bot, Bots, Clock, Meter, Question, Store
from bridge.surface import Surface
from bridge.trail import note

log = logging.getLogger(__name__)

CANCEL_SECONDS = 10.0


@dataclass(slots=True, kw_only=True)
class Asking:
    """One turn on its way to a whole answer; `turn` is how far it has come, `answer` what is known."""

    turn: Turn
    bots: Bots
    surface: Surface
    store: Store
    clock: Clock
    meter: Meter
    halt: Halt
    recall_seconds: float
    """For so long after it was asked, the answer to a question is fetched."""
    answer: Answer = field(default_factory=Answer)

    @property
    def bot(self) -> Bot:
        """Whom it is asked. Raises BotFailed if there is no such bot any more."""
        return self.bots.of(self.turn.bot, self.turn.session)

    async def ask(self) -> None:
        """Asks Coze, unless it turns out that it was asked already. Raises BridgeError."""
        try:
            if self.turn.asked_at is not None and await self._found():
                await self.recall()
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
            await self.recall()

    async def recall(self) -> None:
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
        if is_part and not self.answer.calls and not self.halt.asked.is_set():
            raise Unreachable("Coze does not list the answer (yet) that it gave", certain=False, say="stalled")

    async def cancel(self) -> None:
        """If the person stopped it, Coze is to stop as well; the last words to them do not wait for that."""
        turn = self.turn
        if not self.halt.stopped or turn.asked_at is None:
            return
        with suppress(BridgeError, TimeoutError):
            async with asyncio.timeout(CANCEL_SECONDS):
                if chat := turn.chat or await self.bot.find(self._question()):
                    await self.bot.cancel(turn.coze_conversation, chat)

    @property
    def pending(self) -> str:
        """What the conversation waits for once this answer stands, as `Pending.dump` writes it."""
        answer = self.answer
        if answer.outcome is not TurnState.DELIVERED or not (answer.resume or answer.calls):
            return ""
        waits = Pending(turn=self.turn.id, resume=answer.resume, chat=self.turn.chat, calls=answer.calls)
        return waits.dump()

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

    async def _anew(self, events: AsyncIterator[BotEvent]) -> AsyncIterator[BotEvent]:
        """The whole answer, in place of what is known of it by then."""
        whole = False
        async for event in events:
            if not whole and not isinstance(event, ChatStarted | StillRunning):
                self.answer.clear()
                whole = True
            yield event

    def _question(self) -> Question:
        turn = self.turn
        waits = Pending.load(turn.pending)
        return Question(
            text=turn.question,
            user=turn.coze_user,
            conversation=turn.coze_conversation,
            mark=f"{turn.id}.{round((turn.asked_at or 0.0) * 1000)}",
            files=turn.files,
            resume=waits.resume if waits else "",
            language=turn.language,
            platform=turn.address.platform,
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
