"""What a pressed button does, from the press to the store and to Coze; on both databases."""

import asyncio

import pytest

from bridge.answer import Answer, MessageCompleted, TextDelta
from bridge.identity import person
from bridge.model import Access, Address, Pending, ToolCall, TurnState
from storage import SqlStore
from tests.clocks import StillClock
from tests.contract.coze_place import Place
from tests.contract.coze_place import place_fixture as place_fixture
from tests.contract.coze_place import studio_fixture as studio_fixture
from tests.contract.hall import SERVING, WHERE, Hall
from tests.contract.store_contract import MINE


async def answered(hall: Hall, *suggestions: str) -> int:
    """The number of the turn of a question that was answered, with these suggestions."""
    return (await hall.asked("rain?", *suggestions)).id


async def judgement(hall: Hall) -> object:
    """What Coze knows people to think of the answer, once it knows anything."""
    return await hall.place.sim.wait(lambda: next(iter(judgements(hall)), None), 30)


def judgements(hall: Hall) -> list[str]:
    return [m.feedback["feedback_type"] for c in hall.place.sim.chats for m in c.messages if m.feedback]


@pytest.fixture
async def hall(store: SqlStore, place: Place):
    made = Hall(store, place)
    yield made
    await made.aclose()


async def test_a_suggestion_is_asked_as_if_it_had_been_written(hall: Hall) -> None:
    turn = await answered(hall, "And tomorrow?", "And in 河南?")
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
    turn = await answered(hall, "And tomorrow?")
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
    turn = await answered(hall, "And tomorrow?")
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
    turn = await answered(hall, "And tomorrow?")
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
    turn = await answered(hall)
    assert await hall.hear(press=f"like:{turn}") == "judgement"
    assert hall.word == "Thanks!"
    assert await judgement(hall) == "like"
    assert await hall.hear(press=f"dislike:{turn}", sender="bob", language="zh-hans") == "judgement"
    assert hall.word == "谢谢反馈！"
    await hall.place.sim.wait(lambda: judgements(hall) == ["unlike"], 30)
    counted = {name: number for name, number in hall.meter.counted.items() if name[0] == "feedback"}
    assert counted == {("feedback", "telegram", "like"): 1, ("feedback", "telegram", "dislike"): 1}
    assert await judged(hall, turn) == "dislike"


async def judged(hall: Hall, turn: int) -> str:
    found = await hall.store.answered(turn, WHERE)
    assert found is not None
    return found.judged


@pytest.mark.parametrize("does", ["like", "dislike"])
async def test_a_second_press_takes_the_judgement_back_and_a_third_makes_it_again(hall: Hall, does: str) -> None:
    turn = await answered(hall)
    await hall.hear(press=f"{does}:{turn}")
    assert await judgement(hall)
    assert await hall.hear(press=f"{does}:{turn}") == "taken_back"
    assert hall.word == "Taken back."
    await hall.place.sim.wait(lambda: not judgements(hall), 30)
    assert await judged(hall, turn) == ""
    assert await hall.hear(press=f"{does}:{turn}") == "judgement"
    assert await judgement(hall)
    assert await judged(hall, turn) == does


async def test_one_press_that_comes_twice_and_somebody_who_agrees_take_nothing_back(hall: Hall) -> None:
    turn = await answered(hall)
    press = {"press": f"like:{turn}", "key": "press 1"}
    assert [await hall.hear(**press), await hall.hear(**press)] == ["judgement"] * 2
    assert await hall.hear(press=f"like:{turn}", sender="bob") == "judgement"
    assert await judged(hall, turn) == "like"
    assert await hall.hear(press=f"like:{turn}", sender="bob", key="press 2") == "taken_back"
    assert await hall.hear(press=f"like:{turn}", sender="bob", key="press 2") == "taken_back", "it comes again"
    assert await judged(hall, turn) == ""


async def test_a_coze_that_takes_no_judgements_harms_nothing(store: SqlStore, studio: Place, caplog) -> None:
    hall = Hall(store, studio)
    turn = await answered(hall)
    assert await hall.hear(press=f"dislike:{turn}") == "judgement"
    async with asyncio.timeout(30):
        while "no judgement" not in caplog.text:
            await asyncio.sleep(0.02)
    await hall.aclose()


async def test_coze_is_told_of_the_last_message_that_says_something(hall: Hall) -> None:
    answer = Answer()
    for message, text in (("1", "first"), ("2", "second"), ("3", " ")):
        answer.add(MessageCompleted(message, text, reasoning="hm"))
    assert [said.message for said in answer.said if said.text][-1] == "2"


async def test_a_judgement_on_its_way_does_not_hold_up_the_end(
    store: SqlStore, place: Place, clock: StillClock
) -> None:
    hall = Hall(store, place)
    turn = await answered(hall)
    await hall.hear(press=f"like:{turn}")
    async with asyncio.timeout(30):
        await hall.presses.aclose()


@pytest.mark.parametrize("does", ["allow", "decline"])
async def test_in_a_group_where_each_has_their_own_conversation_nobody_decides_for_another(
    hall: Hall, does: str
) -> None:
    assert await hall.hear(text="rain?") == "question"
    turn = await hall.claimed()
    ann = person("telegram", "bot", "ann", "en").coze_user
    waits = Pending(turn=turn.id, chat="c", calls=(ToolCall(id="1", name="get_rain", arguments="{}"),), asker=ann)
    await hall.store.asking(turn, "conversation", at=1.0)
    await hall.store.finalising(turn, Answer(note="May it?").dump(), pending=waits.dump())
    await hall.store.settle(turn, TurnState.DELIVERED)
    assert await hall.hear(press=f"{does}:{turn.id}", sender="bob") == "command"
    assert await hall.said() == "Only the person whose question it was can decide this."
    assert await hall.hear(press=f"{does}:{turn.id + 1}") == "command"
    assert await hall.said() == (
        "There is nothing to decide here any more: it was decided already, or the conversation has gone on."
    )
    assert await hall.hear(press=f"{does}:{turn.id}") == "question"
