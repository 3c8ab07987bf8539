"""The tools that a chat waits for: run here, or put to the person first, and what they gave is given to Coze."""

import asyncio
import json
import logging
import unicodedata
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from bridge import fold
from bridge.answer import Answer, BotEvent, ChatStarted, ToolCalled, ToolReturned
from bridge.asking import CANCEL_SECONDS, Asking
from bridge.errors import BotFailed, BridgeError, Gone, Transient
from bridge.model import ASKS, Act, Choice, Does, Pending, ToolCall, TurnId
from bridge.ports import Tools
from bridge.texts import text

log = logging.getLogger(__name__)

MOST_ROUNDS = 10
"""So often one answer may want tools: a model that goes in circles would do so for ever, and each round is billed."""
SUBMIT_DELAYS = (1.0, 2.0, 4.0)
"""Seconds between attempts to give Coze what the tools gave; then the chat is recalled, and they may run again."""
UNHEARD_SECONDS = 15.0
"""For so long a question waits until Coze has taken in that tools may not run which an earlier one waited for."""
LONGEST_ARGUMENT, MOST_ARGUMENTS = 120, 16
"""UTF-16 units of one argument, and how many of them are shown to the person who is to allow a call. Each is shortened
by itself: the model that writes them could hide the one that matters behind another."""
DECLINED = json.dumps({"error": "The person declined."})


@dataclass(slots=True, kw_only=True)
class Tooling:
    """Takes an answer past the tools that it waits for."""

    asking: Asking
    tools: Tools
    _missing: dict[str, None] = field(default_factory=dict)
    """Names of tools that were wanted and are not there."""

    @property
    def missing(self) -> str:
        """Those names, as people read them; empty: none."""
        return ", ".join(map(_shown, self._missing))

    async def ask(self) -> None:
        """Asks, after what the conversation waits for was declined: who writes something else does not allow it."""
        await self.clear_the_way()
        if not self.asking.halt.asked.is_set():
            await self.asking.ask()

    async def decide(self, about: TurnId, *, allowed: bool) -> None:
        """The person has decided about the tools that the answer of that turn waits for. Raises BridgeError.

        Before the first of them runs, it is durable that this chat goes on: what was allowed once never runs twice.
        """
        asking, turn = self.asking, self.asking.turn
        waits = Pending.load(turn.pending)
        if waits is None or not waits.calls or waits.turn != about or waits.asker != turn.coze_user:
            asking.answer.note = text("decided", turn.language)
            return
        await asking.take_up(waits.chat)
        asking.answer.calls = waits.calls
        await self._serve(waits.calls, allowed=allowed)
        await self.go_on()

    async def go_on(self) -> None:
        """Runs what the answer waits for, as often as it does, and follows what Coze says then. Raises BridgeError.

        Returns as well where the person is to be asked first: then the answer has the question, and buttons.
        """
        rounds = 0
        while (calls := self.asking.answer.calls) and not self.asking.halt.asked.is_set():
            if self._asks(calls) and not self._is_declined(calls):
                self._put_to_the_person(calls)
                break
            if rounds == MOST_ROUNDS:
                raise BotFailed(f"tools were wanted {rounds} times", say="tool_rounds")
            rounds += 1
            await self._serve(calls, allowed=False)
        answer = self.asking.answer
        if self._missing:
            sentence = text("no_tool", self.asking.turn.language, tools=self.missing)
            answer.note = "\n\n".join(part for part in (answer.note, sentence) if part)

    # ---- one round ---------------------------------------------------------------------------------------------

    async def _serve(self, calls: tuple[ToolCall, ...], *, allowed: bool) -> None:
        """`allowed`: those that ask may run; else they are declined."""
        outputs: dict[str, str] = {}
        await self.asking.surface.follow(self._run(calls, outputs, allowed=allowed), self.asking.answer)
        if not self.asking.halt.asked.is_set():
            await self._submit(calls, outputs)

    async def _run(
        self, calls: Sequence[ToolCall], outputs: dict[str, str], *, allowed: bool
    ) -> AsyncIterator[BotEvent]:
        """Runs all that may run side by side, and tells what a person may see of it."""
        wanted = [call for call in calls if allowed or not self.tools.asks(call)]
        self._missing |= {call.name: None for call in wanted if not self.tools.has(call.name)}
        outputs |= {call.id: DECLINED for call in calls if call not in wanted}
        if there := dict.fromkeys(call.name for call in wanted if self.tools.has(call.name)):
            yield ToolCalled(", ".join(there))
        self._must_be_ours()
        async with asyncio.TaskGroup() as group:
            running = {
                call.id: group.create_task(self.tools.run(call, allowed=allowed), name="tool") for call in wanted
            }
        outputs |= {call: task.result() for call, task in running.items()}
        yield ToolReturned()

    async def _submit(self, calls: tuple[ToolCall, ...], outputs: Mapping[str, str]) -> None:
        """Gives Coze the outputs, again where it surely did not take them, and follows what comes then."""
        asking, turn = self.asking, self.asking.turn
        for delay in (*SUBMIT_DELAYS, 0.0):
            started: list[ChatStarted] = []
            self._must_be_ours()
            asking.answer.calls = ()
            try:
                async with asking.bot.submit(turn.coze_conversation, turn.chat, outputs) as events:
                    await asking.surface.follow(_watched(events, started), asking.answer)
                return
            except Gone:
                await asking.store.forget_conversation(turn)
                raise BotFailed("the conversation is gone whose chat waited for tools") from None
            except Transient as error:
                if error.certain and started:
                    raise  # the chat went on, and died
                log.info("what the tools gave was not taken, or its stream was cut: %s", error)
                failure = error
            if failure.certain:
                asking.answer.calls = calls
            else:
                await asking.recall()
            if asking.answer.calls != calls:
                return
            if not delay or failure.retry_after > delay:
                failure.certain = False  # it is not to be asked anew: the chat is there, and waits
                raise failure
            if await asking.clock.wait(asking.halt.asked, delay):
                return

    def _must_be_ours(self) -> None:
        self.asking.halt.must_be_ours(self.asking.clock.monotonic())

    # ---- the person --------------------------------------------------------------------------------------------

    def _asks(self, calls: Sequence[ToolCall]) -> bool:
        return any(self.tools.asks(call) for call in calls)

    def _is_declined(self, calls: Sequence[ToolCall]) -> bool:
        """Were these very calls declined with the button, before a crash?"""
        return self.asking.turn.act.startswith(f"{Act.DECLINE}:") and calls == self._decided()

    def _decided(self) -> tuple[ToolCall, ...]:
        """The calls that this turn decides about; none if it is a question."""
        waits = Pending.load(self.asking.turn.pending)
        return waits.calls if waits and self.asking.turn.act not in ASKS else ()

    def _put_to_the_person(self, calls: Sequence[ToolCall]) -> None:
        turn, answer = self.asking.turn, self.asking.answer
        listed = "\n".join(f"- {_described(call, turn.language)}" for call in calls if self.tools.asks(call))
        sentences = [text("may_use", turn.language, tools=listed)]
        if calls == self._decided():
            sentences.insert(0, text("tool_interrupted", turn.language))
        answer.note = "\n\n".join(sentences)
        answer.choices = (
            Choice(does=Does.ALLOW, label=text("allow", turn.language), press=f"{Does.ALLOW}:{turn.id}"),
            Choice(does=Does.DECLINE, label=text("decline", turn.language), press=f"{Does.DECLINE}:{turn.id}"),
        )

    async def clear_the_way(self) -> None:
        """Coze waits for tools of an earlier answer: it is told that they may not run, and nobody hears its reply."""
        asking, turn = self.asking, self.asking.turn
        waits = Pending.load(turn.pending)
        if waits is None or not waits.calls or turn.asked_at is not None:
            return
        outputs = {call.id: DECLINED for call in waits.calls}
        try:
            async with (
                asyncio.timeout(UNHEARD_SECONDS),
                asking.bot.submit(turn.coze_conversation, waits.chat, outputs) as events,
            ):
                await asking.surface.follow(_unheard(events), Answer())
        except (Transient, BotFailed, Gone, TimeoutError) as error:
            log.info("tools of an earlier answer could not be declined in order: %s", error)
            with suppress(BridgeError, TimeoutError):
                async with asyncio.timeout(CANCEL_SECONDS):
                    await asking.bot.cancel(turn.coze_conversation, waits.chat)
        asking.declined = True


async def _watched(events: AsyncIterator[BotEvent], started: list[ChatStarted]) -> AsyncIterator[BotEvent]:
    async for event in events:
        if isinstance(event, ChatStarted):
            started.append(event)
        yield event


async def _unheard(events: AsyncIterator[BotEvent]) -> AsyncIterator[BotEvent]:
    """Reads them all, and tells none."""
    async for _ in events:
        pass
    return
    yield  # a generator


def _described(call: ToolCall, language: str) -> str:
    """The call in one line of Markdown; of long arguments the beginning, and how many characters are missing."""
    try:
        given = json.loads(call.arguments)
    except ValueError:
        given = call.arguments
    if isinstance(given, dict):
        words = [f"{_shown(name)}: {_value(value)}" for name, value in given.items()]
        more = len(words) - MOST_ARGUMENTS
        if more > 0:
            words[MOST_ARGUMENTS:] = [text("tool_more", language, count=more)]
    else:
        words = [_value(given)]
    return f"**{_shown(call.name)}** {', '.join(words)}".rstrip()


def _value(value: object) -> str:
    words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    short = fold.shortened(words, LONGEST_ARGUMENT)
    return _plain(short) if short == words else f"{_plain(short)}… (+{len(words) - len(short)})"


def _shown(name: str) -> str:
    return _plain(fold.shortened(name, 60))


def _plain(words: str) -> str:
    """As they are, in one line: no markup, and nothing that is invisible or turns the direction of reading."""
    return fold.literal("".join("\ufffd" if unicodedata.category(char) == "Cf" else char for char in words))
