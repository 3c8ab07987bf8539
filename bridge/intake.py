"""What happens to everything that comes in: ignored on purpose, obeyed as a command, or made a durable question."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from bridge.answer import clean
from bridge.commands import COMMANDS, Command, Saying, Talk, saying
from bridge.door import Door
from bridge.errors import Unreachable
from bridge.identity import conversation_key, language, user
from bridge.model import ASKS, Act, Address, Choice, Does, Inbound, Moved, Standing, User
from bridge.ports import Effect, Meter, Store, TurnedAway
from bridge.presses import JUDGED, TAKEN_BACK, Presses
from bridge.texts import text
from bridge.welcome import Welcome

log = logging.getLogger(__name__)

Settled = Callable[[Inbound, User, str], Awaitable[tuple[User, str]]]
"""The person and the key of the conversation, of somebody who may speak to Coze with an account of their own."""
TALKS_OF: dict[str, str] = {Does.RESUME: "history", Does.VOICE: "voice"}
"""The commands that buttons stand for."""


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
        album_seconds: float = 1.0,
        talks: Mapping[str, Talk] | None = None,
        settled: Settled | None = None,
        welcome: Welcome | None = None,
        idle_hours: float = 0.0,
    ) -> None:
        """`route`: the name of the bot that answers there. `interrupts`: a new question stops the earlier ones of the
        same person in its conversation. `album_seconds`: after a picture of an album, so long the next may take.
        `talks`: what takes the place of commands of those names. `settled`: as whom somebody speaks to Coze.
        `idle_hours`: who says nothing for so long begins a new conversation; 0: never.
        """
        self._store = store
        self._door = door
        self._presses = presses
        self._wake = wake
        self._meter = meter
        self._route = route
        self._interrupts = interrupts
        self._album_seconds = album_seconds
        self._talks = talks or {}
        self._settled = settled
        self._welcome = welcome
        self._idle_hours = idle_hours

    async def accept(self, inbound: Inbound | Moved) -> str | None:
        """Returns: durable, or deliberately ignored. Raises Unreachable: do not acknowledge it to the platform."""
        if isinstance(inbound, Moved):
            await self._store.move(inbound)
            return None
        outcome = await self._decide(replace(inbound, text=clean(inbound.text)))
        self._meter.count("inbound", platform=inbound.address.platform, outcome=outcome)
        if outcome not in (JUDGED, TAKEN_BACK):
            return None
        return text("thanks" if outcome == JUDGED else "taken_back", language(inbound.sender.language, ""))

    async def _decide(self, inbound: Inbound) -> str:
        who, where = user(inbound), conversation_key(inbound)
        if not inbound.addressed and not await self._store.takes_part(where, who):
            return "ignored"
        if (away := await self._door.turns_away(inbound, who)) is not None:
            if away is TurnedAway.TOLD:
                self._wake()
            return away
        if self._settled is not None:
            who, where = await self._settled(inbound, who, where)
        if inbound.opened and not inbound.press:
            return await self._opened(inbound, who, where)
        if inbound.press:
            return await self._pressed(inbound, who, where)
        if inbound.command:
            return await self._commanded(inbound, who, where)
        if not inbound.text.strip():
            if not inbound.files:
                return await self._say(Saying(text("no_question", who.language)), inbound, who, where)
            if not any(file.ref for file in inbound.files):
                return await self._say(Saying(text("amiss_unreadable", who.language)), inbound, who, where)
        await self._begin_anew(inbound, who, where)
        return await self._receive(inbound, who, where)

    async def _commanded(self, inbound: Inbound, who: User, where: str) -> str:
        meant = where if inbound.address.thread else await self._meant(inbound, who, where)
        if inbound.command == "retry" and any(last := await self._store.last_question(meant, who)):
            # What was amiss with a file may have been mended.
            files = tuple(replace(file, amiss="") for file in last[1])
            again = replace(inbound, command="", text=last[0], files=files, act=Act.ANEW)
            return await self._receive(again, who, meant)
        if inbound.command == "clear" and await self._store.takes_part(meant, who):
            return await self._receive(replace(inbound, command="", text="", act=Act.CLEAR), who, meant)
        if talk := self._talks.get(inbound.command):
            return await self._talk(talk, inbound, who, meant)
        return await self._obey(inbound, who, meant, COMMANDS[inbound.command], here=meant == where)

    async def _talk(self, talk: Talk, inbound: Inbound, who: User, where: str) -> str:
        said = await talk(inbound, who, where)
        if said is None:
            self._wake()
            return "command"
        return await self._say(said, inbound, who, where)

    async def _opened(self, inbound: Inbound, who: User, where: str) -> str:
        """They wrote nothing: what greets them is said once, as its key is always the same."""
        said = await self._welcome.opened(inbound, who, where) if self._welcome else None
        return await self._say(said, inbound, who, where) if said else "opened"

    async def _begin_anew(self, inbound: Inbound, who: User, where: str) -> None:
        """If nobody said anything for long, and says so above the answer. By when it was written: what comes late, or
        twice, ends no conversation that goes on.
        """
        if not self._idle_hours:
            return
        goes_on = any(past.current for past in await self._store.pasts(where, who))
        if not await self._store.retire(where, inbound.sent_at - self._idle_hours * 3600) or not goes_on:
            return
        said = Saying(text("idle", who.language, hours=f"{self._idle_hours:g}"))
        await self._say(said, replace(inbound, key=f"anew:{inbound.key}", files=(), text=""), who, where)

    async def _pressed(self, inbound: Inbound, who: User, where: str) -> str:
        if (judged := await self._presses.judge(inbound)) is not None:
            return judged
        if talk := self._talks.get(TALKS_OF.get(inbound.press.partition(":")[0], "")):
            return await self._talk(talk, inbound, who, where)
        why_not, decision = await self._presses.decision(inbound, who, where)
        if why_not:
            return await self._say(Saying(why_not), inbound, who, where)
        if decision is not None:
            return await self._receive(decision, replace(who, language=user(decision).language), where)
        why_not, question = await self._presses.question(inbound, who, where)
        if why_not:
            return await self._say(Saying(why_not), inbound, who, where)
        if question is None and self._welcome:
            question = await self._welcome.question(inbound)
        if question is None and inbound.opened:
            return "ignored"
        if question is None:
            return await self._say(Saying(text("not_valid", who.language)), inbound, who, where)
        try:
            return await self._asked(question)
        except Unreachable:
            if self._welcome and inbound.opened:
                self._welcome.take_back(question)
            raise

    async def _asked(self, question: Inbound) -> str:
        """What a button stands for is asked by whoever pressed it."""
        # The press itself tells no language but that of the platform, if that; the question may. And the question may
        # stand elsewhere.
        who, where = user(question), conversation_key(question)
        if self._settled is not None:
            who, where = await self._settled(question, who, where)
        await self._begin_anew(question, who, where)
        return await self._receive(question, who, where)

    async def _receive(self, inbound: Inbound, who: User, where: str) -> str:
        new = await self._store.receive(
            inbound,
            who,
            where,
            bot=self._route(inbound.address),
            interrupt=self._interrupts and inbound.act in ASKS,
            gather=self._album_seconds if inbound.album else 0.0,
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
        # An answer is stopped whoever they were to Coze when they asked; all else concerns who they are now.
        like = "" if inbound.command == "stop" else where
        return await self._store.latest_place(inbound.address, who, like) or where

    async def _say(self, said: Saying, inbound: Inbound, who: User, where: str) -> str:
        command = Command(Effect.NONE, lambda *_: said.text)
        return await self._obey(inbound, who, where, command, choices=said.choices)

    async def _obey(
        self,
        inbound: Inbound,
        who: User,
        where: str,
        command: Command,
        *,
        here: bool = False,
        choices: tuple[Choice, ...] = (),
    ) -> str:
        """`here`: what is commanded concerns what stands at the same place."""

        def reply(standing: Standing) -> str:
            # Of an answer that is stopped here, the answer says so.
            told = command.effect is Effect.CANCEL and here and standing.running is not None
            return saying("" if inbound.quiet or told else command.reply(standing, who.language), choices)

        standing = await self._store.obey(inbound, who, where, command.effect, reply)
        self._wake()
        if standing is None:
            return "seen"
        turn, platform = standing.made, inbound.address.platform
        log.info("accepted", extra={"turn": turn, "platform": platform, "kind": "command", "command": inbound.command})
        return "command"
