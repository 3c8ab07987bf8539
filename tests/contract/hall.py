"""An intake before a store, and the Coze that hears of it: what the tests of commands and buttons share."""

from collections.abc import Mapping
from typing import Any

from adapters.coze.bots import CozeBots
from bridge.access import AllowList
from bridge.answer import Answer, Suggested
from bridge.catalogue import Catalogue
from bridge.commands import Talk
from bridge.door import Door
from bridge.history import History
from bridge.intake import Intake, Settled
from bridge.model import Address, Choice, Inbound, Sender, Turn, TurnState
from bridge.ports import Adapter
from bridge.presses import Presses
from bridge.voicing import Voicing
from bridge.welcome import Welcome
from storage import SqlStore
from tests.clocks import StillClock
from tests.contract.coze_place import Place, ask
from tests.contract.slack_world import Tally
from tests.contract.store_contract import MINE

SERVING = [("telegram", "bot"), ("slack", "T1")]
WHERE = Address(platform="telegram", account="bot", chat="chat")


class Hall:
    """Everything between the platforms and the worker."""

    def __init__(
        self,
        store: SqlStore,
        place: Place,
        *,
        adapters: Mapping[tuple[str, str], Adapter] | None = None,
        default_voice: str = "",
        idle_hours: float = 0.0,
        settled: Settled | None = None,
    ) -> None:
        self.store, self.place, self.meter, self.number = store, place, Tally(), 0
        bots = CozeBots({"": place.bot})
        catalogue = Catalogue(bots, StillClock())
        self.presses = Presses(store=store, bots=bots, meter=self.meter)
        self.welcome = Welcome(store=store, bots=bots, catalogue=catalogue, adapters=adapters or {})
        voicing = Voicing(store=store, bots=bots, catalogue=catalogue, default=default_voice)
        talks: dict[str, Talk] = {
            "start": self.welcome.talk,
            "history": History(store, bots.route).talk,
            "voice": voicing.talk,
        }
        people = frozenset({"telegram:ann", "telegram:bob", "slack:T1", "slack:TCOZE"})
        door = Door(store=store, allow=AllowList(people), adapters=adapters or {})
        self.word: str | None = None
        self.intake = Intake(
            store=store,
            door=door,
            presses=self.presses,
            wake=lambda: None,
            meter=self.meter,
            route=bots.route,
            talks=talks,
            welcome=self.welcome,
            idle_hours=idle_hours,
            settled=settled,
        )

    async def aclose(self) -> None:
        await self.presses.aclose()
        await self.welcome.aclose()

    async def hear(self, *, sender: str = "ann", key: str = "", language: str = "", **more: Any) -> str:
        """The outcome of a message or press; the word that flashes is `word`."""
        self.number += 1
        given = {
            "address": WHERE,
            "text": "",
            "sent_at": 0.0,
            "sort_key": f"{self.number:06d}",
            "reply_to": "9",
            **more,
        }
        before = self.meter.counted.copy()
        who = Sender(id=sender, language=language)
        self.word = await self.intake.accept(Inbound(key=key or f"key {self.number}", sender=who, **given))
        return next(name[-1] for name in (self.meter.counted - before) if name[0] == "inbound")

    async def command(self, name: str, text: str = "", **more: Any) -> str:
        """What is replied to a command."""
        await self.hear(command=name, text=text, **more)
        return await self.said()

    async def asked(self, text: str = "rain?", *suggestions: str, **more: Any) -> Turn:
        """A question is asked and answered, with these suggestions; its turn."""
        assert await self.hear(text=text, **more) == "question"
        turn = await self.claimed()
        answer = Answer()
        question = await self.place.question(f"echo: {text}")
        for event in await ask(self.place.bot, question):
            answer.add(event)
        for suggestion in suggestions:
            answer.add(Suggested(suggestion))
        await self.store.asking(turn, turn.coze_conversation or question.conversation, at=1.0)
        await self.store.finalising(turn, answer.dump())
        await self.store.settle(turn, TurnState.DELIVERED)
        return turn

    async def claimed(self) -> Turn:
        turn = await self.store.claim(MINE, SERVING)
        assert turn is not None
        return turn

    async def reply(self) -> tuple[str, tuple[Choice, ...]]:
        """What is said next, and the buttons below it."""
        turn = await self.claimed()
        await self.store.settle(turn, TurnState.DELIVERED)
        if not turn.answer:
            return turn.question, ()
        answer = Answer.load(turn.answer)
        return answer.note, answer.choices

    async def said(self) -> str:
        return (await self.reply())[0]

    async def is_quiet(self) -> bool:
        """Nothing is left to be said."""
        return await self.store.claim(MINE, SERVING) is None
