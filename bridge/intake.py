"""What happens to everything that comes in: ignored on purpose, obeyed as a command, or made a durable question."""

import logging
from collections.abc import Callable
from dataclasses import replace

from bridge.answer import clean
from bridge.commands import COMMANDS, Command, saying
from bridge.door import Door
from bridge.identity import conversation_key, user
from bridge.model import Address, Inbound, Moved, Standing, User
from bridge.ports import Effect, Meter, Store, TurnedAway
from bridge.presses import Presses
from bridge.texts import text

log = logging.getLogger(__name__)


class Intake:
    """Accepts from all adapters."""

    def __init__(
        self,
        *,
        store: Store,
        door: Door,
        presses: Presses,
        wake: Callable[[], None],
        meter: Meter,
        route: Callable[[Address], str],
        interrupts: bool = False,
    ) -> None:
        """`route`: the name of the bot that answers there. `interrupts`: a new question stops the earlier ones of the
        same person in its conversation.
        """
        self._store = store
        self._door = door
        self._presses = presses
        self._wake = wake
        self._meter = meter
        self._route = route
        self._interrupts = interrupts

    async def accept(self, inbound: Inbound | Moved) -> None:
        """Returns: durable, or deliberately ignored. Raises Unreachable: do not acknowledge it to the platform."""
        if isinstance(inbound, Moved):
            await self._store.move(inbound)
            return
        outcome = await self._decide(replace(inbound, text=clean(inbound.text)))
        self._meter.count("inbound", platform=inbound.address.platform, outcome=outcome)

    async def _decide(self, inbound: Inbound) -> str:
        who, where = user(inbound), conversation_key(inbound)
        if not inbound.addressed and not await self._store.takes_part(where, who):
            return "ignored"
        if (away := await self._door.turns_away(inbound, who)) is not None:
            if away is TurnedAway.TOLD:
                self._wake()
            return away
        if inbound.press:
            return await self._pressed(inbound, who, where)
        if inbound.command and not inbound.address.thread:
            where = await self._meant(inbound, who, where)
        if inbound.command == "retry" and any(last := await self._store.last_question(where, who)):
            inbound = replace(inbound, command="", text=last[0], files=last[1])
        if inbound.command:
            return await self._obey(inbound, who, where, COMMANDS[inbound.command])
        if not inbound.text.strip():
            sentence = "text_only" if inbound.files else "no_question"
            return await self._say(text(sentence, who.language), inbound, who, where)
        return await self._receive(inbound, who, where)

    async def _pressed(self, inbound: Inbound, who: User, where: str) -> str:
        if await self._presses.judge(inbound):
            return "judgement"
        question = await self._presses.question(inbound)
        if question is None:
            return await self._say(text("not_valid", who.language), inbound, who, where)
        # The press itself tells no language but that of the platform, if that; the question may.
        return await self._receive(question, user(question), where)

    async def _receive(self, inbound: Inbound, who: User, where: str) -> str:
        new = await self._store.receive(
            inbound, who, where, bot=self._route(inbound.address), interrupt=self._interrupts
        )
        self._wake()
        if new is None:
            return "seen"
        log.info("accepted", extra={"turn": new, "platform": inbound.address.platform, "kind": "question"})
        return "question"

    async def _meant(self, inbound: Inbound, who: User, where: str) -> str:
        """A command outside any thread (Slack has no slash commands in threads) means the sender's newest one there."""
        if await self._store.takes_part(where, who):
            return where
        return await self._store.latest_place(inbound.address, who) or where

    async def _say(self, sentence: str, inbound: Inbound, who: User, where: str) -> str:
        return await self._obey(inbound, who, where, Command(Effect.NONE, lambda *_: sentence))

    async def _obey(self, inbound: Inbound, who: User, where: str, command: Command) -> str:
        def reply(standing: Standing) -> str:
            return saying("" if inbound.quiet else command.reply(standing, who.language))

        standing = await self._store.obey(inbound, who, where, command.effect, reply)
        self._wake()
        if standing is None:
            return "seen"
        turn, platform = standing.made, inbound.address.platform
        log.info("accepted", extra={"turn": turn, "platform": platform, "kind": "command", "command": inbound.command})
        return "command"
