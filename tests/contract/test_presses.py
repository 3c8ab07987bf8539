"""What a pressed button does, from the press to the store and to Coze; on both databases."""

import asyncio

import pytest

from bridge.access import AllowList
from bridge.answer import Answer, MessageCompleted, Suggested, TextDelta
from bridge.door import Door
from bridge.intake import Intake
from bridge.model import Access, Address, Inbound, Sender, TurnState
from bridge.presses import Presses
from storage import SqlStore
from tests.clocks import StillClock
from tests.contract.coze_place import Place, ask
from tests.contract.coze_place import place_fixture as place_fixture
from tests.contract.coze_place import studio_fixture as studio_fixture
from tests.contract.slack_world import Tally
from tests.contract.store_contract import MINE

SERVING = [("telegram", "bot")]
WHERE = Address(platform="telegram", account="bot", chat="chat")


class Hall:
    """An intake before a store, and the Coze that hears of judgements."""

    def __init__(self, store: SqlStore, place: Place) -> None:
        self.store, self.place, self.meter, self.number = store, place, Tally(), 0
        self.presses = Presses(store=store, bot=place.bot, meter=self.meter)
        door = Door(store=store, allow=AllowList(frozenset({"telegram:ann", "telegram:bob"})), adapters={})
        self.intake = Intake(store=store, door=door, presses=self.presses, wake=lambda: None, meter=self.meter)

    async def hear(self, *, sender: str = "ann", key: str = "", **more: object) -> str:
        """The outcome of a message or press."""
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
        await self.intake.accept(Inbound(key=key or f"key {self.number}", sender=Sender(id=sender), **given))
        return next(name[-1] for name in (self.meter.counted - before) if name[0] == "inbound")

    async def answered(self, *suggestions: str) -> int:
        """A question is asked and answered, with these suggestions; the number of its turn."""
        assert await self.hear(text="rain?") == "question"
        turn = await self.store.claim(MINE, SERVING)
        assert turn is not None
        answer = Answer()
        question = await self.place.question("echo: rain")
        for event in await ask(self.place.bot, question):
            answer.add(event)
        for suggestion in suggestions:
            answer.add(Suggested(suggestion))
        await self.store.asking(turn, question.conversation, at=1.0)
        await self.store.finalising(turn, answer.dump())
        await self.store.settle(turn, TurnState.DELIVERED)
        return turn.id

    async def said(self) -> str:
        turn = await self.store.claim(MINE, SERVING)
        assert turn is not None
        await self.store.settle(turn, TurnState.DELIVERED)
        return Answer.load(turn.answer).note if turn.answer else turn.question

    async def judgement(self) -> object:
        """What Coze knows people to think of the answer, once it knows anything."""
        return await self.place.sim.wait(
            lambda: next(
                (m.feedback["feedback_type"] for c in self.place.sim.chats for m in c.messages if m.feedback), None
            ),
            30,
        )


@pytest.fixture
async def hall(store: SqlStore, place: Place):
    made = Hall(store, place)
    yield made
    await made.presses.aclose()


async def test_a_suggestion_is_asked_as_if_it_had_been_written(hall: Hall) -> None:
    turn = await hall.answered("And tomorrow?", "And in 河南?")
    assert await hall.hear(sender="bob", press=f"ask:{turn}:1") == "question"
    asked = await hall.store.claim(MINE, SERVING)
    assert asked is not None
    assert (asked.question, asked.pressed, asked.reply_to, asked.language) == ("And in 河南?", True, "9", "zh")
    people = await hall.store.people(sender="bob")
    assert [person.questions for person in people] == [1], "it is the question of whoever pressed"


async def test_what_is_written_is_not_pressed(hall: Hall) -> None:
    await hall.hear(text="rain?")
    asked = await hall.store.claim(MINE, SERVING)
    assert asked is not None
    assert not asked.pressed


async def test_one_press_that_is_delivered_twice_asks_once(hall: Hall) -> None:
    turn = await hall.answered("And tomorrow?")
    press = {"press": f"ask:{turn}:0", "key": "press 1"}
    assert [await hall.hear(**press), await hall.hear(**press)] == ["question", "seen"]
    assert await hall.hear(press=f"ask:{turn}:0") == "question", "another press asks again"


@pytest.mark.parametrize(
    "press",
    [
        "ask:{other}:0",
        "ask:{turn}:7",
        "ask:{turn}",
        "ask:{turn}:-1",
        "ask:0:0",
        "ask:999999999999999999:0",
        "ask:9999999999999999999:0",
        "like:999",
        "like:x",
        "like",
        "drop:{turn}:0",
        "ask:١:0",
        " ",
        "\0",
        "ask:{turn}:0; --",
    ],
)
async def test_a_press_that_is_none_of_ours_asks_nothing(hall: Hall, press: str) -> None:
    turn = await hall.answered("And tomorrow?")
    elsewhere = Address(platform="telegram", account="bot", chat="another")
    pressed = press.format(turn=turn, other=turn + 100)
    assert await hall.hear(press=pressed) == "command"
    assert await hall.said() == "This button is no longer valid. Please write your question."
    assert await hall.hear(press=f"ask:{turn}:0", address=elsewhere) == "command", "the button of another chat"
    assert await hall.hear(press=f"like:{turn}", address=elsewhere) == "command"
    assert not any(message.feedback for chat in hall.place.sim.chats for message in chat.messages)


@pytest.mark.parametrize("state", [TurnState.FAILED, TurnState.CANCELLED])
async def test_below_an_answer_that_was_not_delivered_there_are_no_buttons(hall: Hall, state: TurnState) -> None:
    await hall.hear(text="rain?")
    turn = await hall.store.claim(MINE, SERVING)
    assert turn is not None
    answer = Answer(suggestions=["And tomorrow?"])
    answer.add(TextDelta("m", "half"))
    await hall.store.finalising(turn, answer.dump())
    assert await hall.store.answered(turn.id, WHERE) is None
    await hall.store.settle(turn, state)
    assert await hall.hear(press=f"ask:{turn.id}:0") == "command"
    assert await hall.hear(press=f"like:{turn.id}") == "command"


@pytest.mark.parametrize("sender", ["eve", "blocked"])
async def test_whoever_may_not_talk_to_us_changes_nothing(hall: Hall, sender: str) -> None:
    turn = await hall.answered("And tomorrow?")
    if sender == "blocked":
        sender = "bob"
        await hall.hear(text="hello", sender="bob")
        await hall.said()
        await hall.store.decide([one.id for one in await hall.store.people(sender="bob")], Access.BLOCKED)
    before = len(await hall.store.turns())
    for press in (f"ask:{turn}:0", f"like:{turn}", "ask:0:0"):
        assert await hall.hear(sender=sender, press=press) == "refused"
    assert len(await hall.store.turns()) == before
    assert (await hall.store.judge(turn, WHERE, "like")).judged == "", "it was not judged before"
    if sender == "eve":
        assert await hall.store.people(sender="eve") == []


async def test_a_judgement_reaches_coze_and_counts_once_for_each_change_of_mind(hall: Hall) -> None:
    turn = await hall.answered()
    assert [await hall.hear(press=f"like:{turn}") for _ in range(2)] == ["judgement"] * 2
    assert await hall.judgement() == "like"
    assert await hall.hear(press=f"dislike:{turn}", sender="bob") == "judgement"
    await hall.place.sim.wait(
        lambda: any("unlike" in str(m.feedback) for c in hall.place.sim.chats for m in c.messages), 30
    )
    counted = {name: number for name, number in hall.meter.counted.items() if name[0] == "feedback"}
    assert counted == {("feedback", "telegram", "like"): 1, ("feedback", "telegram", "dislike"): 1}
    found = await hall.store.answered(turn, WHERE)
    assert found is not None
    assert found.judged == "dislike"


async def test_a_coze_that_takes_no_judgements_harms_nothing(store: SqlStore, studio: Place, caplog) -> None:
    hall = Hall(store, studio)
    turn = await hall.answered()
    assert await hall.hear(press=f"dislike:{turn}") == "judgement"
    async with asyncio.timeout(30):
        while "Coze does not take in" not in caplog.text:
            await asyncio.sleep(0.02)
    await hall.presses.aclose()


async def test_coze_is_told_of_the_last_message_that_says_something(hall: Hall) -> None:
    answer = Answer()
    for message, text in (("1", "first"), ("2", "second"), ("3", " ")):
        answer.add(MessageCompleted(message, text, reasoning="hm"))
    assert [said.message for said in answer.said if said.text][-1] == "2"


async def test_a_judgement_on_its_way_does_not_hold_up_the_end(
    store: SqlStore, place: Place, clock: StillClock
) -> None:
    hall = Hall(store, place)
    turn = await hall.answered()
    await hall.hear(press=f"like:{turn}")
    async with asyncio.timeout(30):
        await hall.presses.aclose()
