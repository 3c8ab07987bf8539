"""The way from a question to the whole answer: asked once, recalled after a cut or a crash."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from bridge import amiss, fold
from bridge.answer import Answer, BotEvent, ChatStarted, FilesComing, StillRunning
from bridge.bringing import Bringing, is_waiting
from bridge.errors import BotFailed, BridgeError, Gone, Transient, Unreachable
from bridge.halt import Halt
from bridge.model import Act, File, Pending, Profile, Turn, TurnState
from bridge.ports import Adapter, Bot, Bots, Clock, Meter, Profiles, Question, Store
from bridge.surface import Surface
from bridge.trail import note

log = logging.getLogger(__name__)

CANCEL_SECONDS = 10.0
PROFILE_SECONDS = 5.0
"""A question does not wait longer for what the platform tells of who asks it."""
LONGEST_NAME = 80
"""UTF-16 units of a conversation's name; Coze takes 100 characters."""


@dataclass(slots=True, kw_only=True)
class Asking:
    """One turn on its way to a whole answer; `turn` is how far it has come, `answer` what is known."""

    turn: Turn
    bots: Bots
    adapter: Adapter
    bringing: Bringing
    surface: Surface
    store: Store
    clock: Clock
    meter: Meter
    halt: Halt
    recall_seconds: float
    """For so long after it was asked, the answer to a question is fetched."""
    names: bool = True
    """Coze is told the beginning of the first question as the name of its conversation."""
    answer: Answer = field(default_factory=Answer)
    declined: bool = False
    """What the conversation waited for was declined."""

    @property
    def bot(self) -> Bot:
        """Whom it is asked. Raises BotFailed if there is no such bot any more."""
        return self.bots.of(self.turn.bot, self.turn.session)

    @property
    def recalls(self) -> bool:
        """As in Bot; of a bot that is there no more, there is nothing to begin anew."""
        try:
            return self.bot.recalls
        except BotFailed:
            return True

    async def ask(self) -> None:
        """Asks Coze, unless it turns out that it was asked already. Raises BridgeError."""
        try:
            if self.turn.asked_at is not None and await self._found():
                await self.recall()
            else:
                await self._ask_anew()
        except Gone as gone:
            raise await self._without_conversation(gone) from None
        except Transient as error:
            if error.certain or self.turn.state is not TurnState.STREAMING or not self.recalls:
                raise
            log.info("the stream was cut (%s); recalling", error)
            await self.recall()

    async def recall(self) -> None:
        """Fetches the answer that Coze gave, or is giving, without asking again; until then, what is known is seen.

        Of a bot that cannot be asked for that, it is begun anew.
        """
        turn = self.turn
        if turn.asked_at is not None and self.clock.now() - turn.asked_at > self.recall_seconds:
            raise BotFailed("the question is too old for its answer to be fetched", say="too_old")
        heard = Answer.load(turn.answer) if turn.answer and not self.answer.messages else self.answer
        if not self.recalls:
            self.meter.count("possible_repeats")
            self.answer = replace(heard)
            try:
                await self._ask_anew()
            except Gone as gone:
                raise await self._without_conversation(gone) from None
            return
        self.meter.count("recalls")
        self.answer = replace(heard, calls=())
        try:
            async with self.bot.recall(turn.coze_conversation, turn.chat) as events:
                await self.surface.follow(self._anew(events), self.answer)
        except Gone as gone:
            await self.store.forget_conversation(turn)
            why = "Coze does not know that chat any more"
            raise Transient(why, say="failed", reference=gone.reference, code=gone.code) from None
        finally:
            self.answer.fetching = False
            is_part = bool(heard.text) and not self.answer.text
            if is_part:
                self.answer.messages, self.answer.reasoning = heard.messages, heard.reasoning
        if is_part and not self.answer.calls and not self.halt.asked.is_set():
            raise Unreachable("Coze does not list the answer (yet) that it gave", certain=False, say="stalled")

    async def _without_conversation(self, gone: Gone) -> Transient:
        """What is raised in place of it: next time, the question is asked in a new conversation."""
        await self.store.forget_conversation(self.turn)
        self.turn = replace(self.turn, state=TurnState.CLAIMED, coze_conversation="")
        why = "the Coze conversation is gone; making a new one"
        return Transient(why, say="failed", reference=gone.reference, code=gone.code)

    async def take_up(self, chat: str) -> None:
        """Goes on with a chat of an earlier turn: from now on it is recalled, and nothing is asked."""
        turn, now = self.turn, self.clock.now()
        await self.store.asking(turn, turn.coze_conversation, at=now)
        self.turn = replace(turn, asked_at=now)
        await self._note_chat(chat)

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
        answer, turn = self.answer, self.turn
        open_question = Pending.load(turn.pending)
        asks = open_question is not None and bool(open_question.resume)
        if turn.asked_at is None:
            dropped = self.declined or (asks and turn.act == Act.CLEAR)
            return "" if dropped else turn.pending  # as before: nothing was asked
        if asks and self._is_untaken:
            return turn.pending  # Coze did not take the answer: it can still be given
        # Tools are waited for as well where the answer was stopped or given up: else the chat would wait for ever.
        resume = answer.resume if answer.outcome is TurnState.DELIVERED else ""
        if not (resume or answer.calls):
            return ""
        asker = turn.coze_user if answer.outcome is TurnState.DELIVERED else ""
        waits = Pending(turn=turn.id, resume=resume, chat=turn.chat, calls=answer.calls, asker=asker)
        return waits.dump()

    @property
    def _is_untaken(self) -> bool:
        return self.answer.outcome is TurnState.FAILED and self.turn.state is TurnState.CLAIMED

    @property
    def refused(self) -> bool:
        """What came with the question cannot be used, and so there is nothing to ask."""
        return bool(self.turn.files) and not amiss.askable(self.turn.question, self.turn.files)

    async def _ask_anew(self) -> None:
        if not await self._brought():
            return
        try:
            await self._put()
        except BotFailed as error:
            # A file that was uploaded long ago, or by an account that is not ours any more.
            gone = error.say == "file" and self.turn.state is not TurnState.STREAMING
            if not gone or not any(file.coze for file in self.turn.files):
                raise
            log.info("%s; uploading the files anew", error)
            if await self._brought(anew=True):
                await self._put()

    async def _brought(self, *, anew: bool = False) -> bool:
        """Has what came with the question uploaded or heard. False: there is nothing to ask, or it is to halt."""
        if not self.turn.files:
            return True
        files = self.bringing.judged(self.turn.files, self.bot, self.adapter, anew=anew)
        await self.surface.follow(self._bringing(files, anew=anew), self.answer)
        return not (self.halt.asked.is_set() or self.refused)

    async def _bringing(self, files: Sequence[File], *, anew: bool) -> AsyncIterator[BotEvent]:
        if coming := [file for file in files if is_waiting(file)]:
            yield FilesComing(amiss.coming(coming, self.turn.language))
        brought = await self.bringing.brought(self.turn, files, self.bot, self.adapter, anew=anew)
        self.turn = replace(self.turn, files=brought)
        self.surface.asks(self.turn)

    async def _put(self) -> None:
        turn = self.turn
        profile = await self._profile() if self.bot.wants_profile else None
        conversation = turn.coze_conversation or await self.bot.new_conversation(self._name())
        asked_at = self.clock.now()
        await self.store.asking(turn, conversation, at=asked_at)
        self.turn = replace(turn, coze_conversation=conversation, asked_at=asked_at)
        self.halt.must_be_ours(self.clock.monotonic())
        async with self.bot.ask(replace(self._question(), profile=profile)) as events:
            # What is known from an attempt before this one stays in sight until there is more.
            await self.surface.follow(self._anew(self._noting_chat(events)), self.answer)

    def _name(self) -> str:
        """Of a new conversation."""
        lines = self._question().text.split("\n") if self.names else []
        return fold.shortened(next(filter(None, (" ".join(line.split()) for line in lines)), ""), LONGEST_NAME)

    async def _profile(self) -> Profile:
        """Of who asks; empty if the platform does not tell it, or not soon."""
        if not isinstance(self.adapter, Profiles):
            return Profile()
        try:
            async with asyncio.timeout(PROFILE_SECONDS):
                return await self.adapter.profile(self.turn.sender)
        except (BridgeError, TimeoutError) as error:
            log.info("asked without the person's profile: %s", str(error) or "too slow")
            return Profile()

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
        waits, anew = Pending.load(turn.pending), turn.act == Act.ANEW
        theirs = waits is not None and waits.asker == turn.coze_user
        return Question(
            text=amiss.worded(turn.question, turn.files),
            user=turn.coze_user,
            conversation=turn.coze_conversation,
            mark=f"{turn.id}.{round((turn.asked_at or 0.0) * 1000)}",
            files=tuple(file for file in turn.files if file.coze),
            resume=waits.resume if waits and (theirs or not anew) else "",
            anew=anew,
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
