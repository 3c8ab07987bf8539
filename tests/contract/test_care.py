"""Conversation care: clearing, going back, beginning anew; on both databases."""

from dataclasses import replace

import pytest

from bridge.identity import person
from bridge.model import Address, Does, TurnState
from storage import SqlStore
from tests.clocks import StillClock
from tests.contract.coze_place import Place
from tests.contract.coze_place import place_fixture as place_fixture
from tests.contract.hall import Hall
from tests.contract.store_contract import MINE

SLACK = {"address": Address(platform="slack", account="T1", chat="D1", thread="1700000000.000100")}
HOUR = 3600.0
WHO = person("telegram", "bot", "ann", "en")


@pytest.fixture
async def hall(store: SqlStore, place: Place):
    made = Hall(store, place)
    yield made
    await made.aclose()


# ---- /clear and /retry


async def test_clear_waits_in_the_queue_for_the_answers_before_it(hall: Hall) -> None:
    await hall.asked("rain?")
    await hall.hear(text="and tomorrow?")
    assert await hall.hear(command="clear") == "question"
    await hall.hear(text="and then?")
    acts = []
    for _ in range(3):
        turn = await hall.claimed()
        acts.append(turn.act or turn.question)
        assert await hall.store.claim(MINE, [("telegram", "bot")]) is None, "one after the other"
        await hall.store.settle(turn, TurnState.DELIVERED)
    assert acts == ["and tomorrow?", "clear", "and then?"]


async def test_where_nothing_was_said_there_is_nothing_to_clear_and_nothing_to_ask_again(hall: Hall) -> None:
    assert await hall.command("clear") == "There is no context to clear."
    assert await hall.command("retry") == "There is no question to ask again."
    assert await hall.store.pasts("telegram:bot:chat::ann", WHO) == []


async def test_after_clear_retry_means_the_question_before_it_and_after_new_there_is_none(hall: Hall) -> None:
    await hall.asked("rain?")
    await hall.hear(command="clear")
    await hall.store.settle(await hall.claimed(), TurnState.DELIVERED)
    assert await hall.hear(command="retry") == "question"
    again = await hall.claimed()
    assert (again.question, again.act) == ("rain?", "anew")
    await hall.store.settle(again, TurnState.DELIVERED)
    await hall.command("new")
    assert await hall.command("retry") == "There is no question to ask again."


async def test_where_a_new_question_interrupts_clear_does_not(hall: Hall) -> None:
    hall.intake._interrupts = True
    await hall.hear(text="rain?")
    await hall.hear(command="clear")
    assert not (await hall.claimed()).cancelled


async def test_where_a_new_question_interrupts_retry_does_as_well(hall: Hall) -> None:
    hall.intake._interrupts = True
    await hall.hear(text="rain?")
    await hall.hear(command="retry")
    assert (await hall.claimed()).cancelled


async def test_stop_is_said_once_where_the_answer_stands_and_else_in_reply(hall: Hall) -> None:
    await hall.hear(text="rain?", **SLACK)
    await hall.hear(command="stop", **SLACK)
    assert await hall.said() == "", "the answer says so"
    await hall.hear(command="stop", address=replace(SLACK["address"], thread=""))
    assert await hall.said() == "⏹ Stopped.", "there, nobody sees the answer"
    assert (await hall.claimed()).cancelled
    assert await hall.command("stop") == "There is no answer to stop."


# ---- /history


async def three(hall: Hall) -> list[str]:
    """Three conversations, the newest goes on; their numbers at Coze."""
    found = []
    for question in ("first *one*", "second\nline", "third"):
        found.append((await hall.asked(question)).conversation)
        if question != "third":
            await hall.command("new")
    return found


async def test_history_lists_the_newest_first_with_a_button_for_each_but_the_current_one(hall: Hall) -> None:
    ids = await three(hall)
    now = hall.store._clock.now()
    await hall.hear(command="history", sent_at=now + 3 * HOUR)
    text, choices = await hall.reply()
    assert text.splitlines()[2:] == [
        "1. **third** – 3 h ago (this one goes on)",
        "2. second line – 3 h ago",
        "3. first \\*one\\* – 3 h ago",
    ]
    assert [(choice.does, choice.label, choice.press) for choice in choices] == [
        (Does.RESUME, "2. second line", f"resume:{ids[1]}:"),
        (Does.RESUME, "3. first *one*", f"resume:{ids[0]}:"),
    ]
    await hall.hear(command="history", sent_at=now + 50 * HOUR, language="zh")
    text, _ = await hall.reply()
    assert "2. second line（2 天前用过）" in text


@pytest.mark.parametrize("how", ["number", "press"])
async def test_an_older_conversation_goes_on(hall: Hall, how: str) -> None:
    ids = await three(hall)
    given = {"command": "history", "text": "3"} if how == "number" else {"press": f"resume:{ids[0]}:"}
    assert await hall.hear(**given) == "command"
    assert await hall.said() == "We go on with “first \\*one\\*”."
    await hall.hear(text="go on")
    assert (await hall.claimed()).conversation == ids[0]
    assert await hall.hear(**given, key="again") == "command"
    assert "is the conversation that goes on" in await hall.said()


async def test_the_same_press_twice_is_said_once(hall: Hall) -> None:
    ids = await three(hall)
    for _ in range(2):
        await hall.hear(press=f"resume:{ids[0]}:", key="press")
    assert await hall.said() == "We go on with “first \\*one\\*”."
    assert await hall.is_quiet() or "goes on" in await hall.said()


@pytest.mark.parametrize("wanted", ["9", "0", "-1", "x", "1e9", "١"])
async def test_no_such_number(hall: Hall, wanted: str) -> None:
    await three(hall)
    assert await hall.command("history", wanted) == "There is no such conversation here. /history lists yours."


async def test_nobody_goes_on_with_somebody_elses_conversation(hall: Hall) -> None:
    ids = await three(hall)
    for press in (f"resume:{ids[0]}:", "resume:999:", "resume:x:", f"resume:{ids[0]}", "resume"):
        await hall.hear(press=press, sender="bob")
        assert await hall.said() == "There is no such conversation here. /history lists yours.", press
    await hall.hear(text="go on")
    assert (await hall.claimed()).conversation == ids[2]


async def test_in_a_thread_of_one_conversation_history_says_that(hall: Hall) -> None:
    await hall.asked("rain?", **SLACK)
    assert (await hall.command("history", **SLACK)).startswith("This thread is one conversation: “rain?”.")
    assert await hall.command("history") == "You have no conversations here yet."


async def test_a_list_outside_of_the_thread_resumes_inside_of_it(hall: Hall) -> None:
    old = (await hall.asked("rain?", **SLACK)).conversation
    await hall.command("new", **SLACK)
    await hall.asked("sun?", **SLACK)
    outside = {"address": replace(SLACK["address"], thread="")}
    await hall.hear(command="history", **outside)
    _, (choice,) = await hall.reply()
    assert choice.press == f"resume:{old}:{SLACK['address'].thread}"
    await hall.hear(press=choice.press, address=replace(SLACK["address"], thread="1700000009.000900"))
    assert await hall.said() == "We go on with “rain?”."
    await hall.hear(text="go on", **SLACK)
    assert (await hall.claimed()).conversation == old


# ---- idle


async def test_after_a_long_silence_a_new_conversation_begins_and_says_so(
    store: SqlStore, place: Place, clock: StillClock
) -> None:
    hall = Hall(store, place, idle_hours=12)
    first = await hall.asked("rain?", sent_at=clock.time)
    clock.time += 11 * HOUR
    same = await hall.asked("and?", sent_at=clock.time)
    assert same.conversation == first.conversation
    clock.time += 12.1 * HOUR
    assert await hall.hear(text="hello again", sent_at=clock.time, key="late") == "question"
    assert await hall.said() == (
        "(New conversation: the last one was more than 12 hours ago. /history brings it back.)"
    )
    turn = await hall.claimed()
    assert (turn.question, turn.conversation != first.conversation) == ("hello again", True)
    await store.settle(turn, TurnState.DELIVERED)
    assert await hall.hear(text="hello again", sent_at=clock.time, key="late") == "seen"
    assert await hall.is_quiet(), "what comes twice is said once"
    assert [past.current for past in await store.pasts("telegram:bot:chat::ann", WHO)] == [True, False]


async def test_after_new_nobody_is_told_of_a_silence(store: SqlStore, place: Place) -> None:
    hall = Hall(store, place, idle_hours=12)
    await hall.asked("rain?", sent_at=store._clock.now())
    await hall.command("new")
    assert await hall.hear(text="sun?", sent_at=store._clock.now() + 100 * HOUR) == "question"
    assert await hall.said() == "sun?"


async def test_a_retry_after_a_long_silence_belongs_to_the_old_conversation(store: SqlStore, place: Place) -> None:
    hall = Hall(store, place, idle_hours=12)
    now = store._clock.now()
    first = await hall.asked("rain?", sent_at=now)
    assert await hall.hear(command="retry", sent_at=now + 100 * HOUR) == "question"
    assert (await hall.claimed()).conversation == first.conversation


async def test_without_the_setting_nothing_expires(hall: Hall) -> None:
    first = await hall.asked("rain?", sent_at=0.0)
    assert (await hall.asked("and?", sent_at=1e10)).conversation == first.conversation
