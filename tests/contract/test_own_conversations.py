"""What somebody who is logged in at Coze writes and presses: it stays in conversations of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from adapters.coze import CozeBot
from bridge.identity import person
from bridge.model import Address, ConversationId, TurnState, User
from bridge.reception import Reception
from tests.contract.coze_place import Counts, Place
from tests.contract.hall import Hall
from tests.contract.test_coze_accounts import Town
from tests.contract.test_coze_accounts import place_fixture as place_fixture

ANN, BEN = person("telegram", "bot", "ann", "en"), person("slack", "T1", "U1", "en")
OUTSIDE = Address(platform="slack", account="T1", chat="D1")


@asynccontextmanager
async def hall_of(place: Town) -> AsyncIterator[Hall]:
    desk = Reception(accounts=place.accounts, store=place.store, clock=place.clock)
    hall = Hall(place.store, Place(place.sim, place.url, place._bot, Counts(), CozeBot), settled=desk.settled)
    yield hall
    await hall.aclose()


async def log_in(place: Town, who: User) -> str:
    return await place.log_in(who=who)


async def test_a_pressed_suggestion_stays_in_the_persons_own_conversation(place: Town) -> None:
    session = await log_in(place, ANN)
    async with hall_of(place) as hall:
        asked = await hall.asked("rain?", "And in 河南?")
        assert asked.session == session
        assert await hall.hear(press=f"ask:{asked.id}:0") == "question"
        pressed = await hall.claimed()
    assert (pressed.conversation, pressed.session, pressed.language) == (asked.conversation, session, "zh")


async def test_a_pressed_greeting_is_asked_with_the_persons_own_account(place: Town) -> None:
    session = await log_in(place, ANN)
    async with hall_of(place) as hall:
        await hall.hear(command="start")
        _, choices = await hall.reply()
        assert await hall.hear(press=choices[0].press) == "question"
        assert (await hall.claimed()).session == session


async def test_the_buttons_of_a_history_work_for_who_is_logged_in(place: Town) -> None:
    await log_in(place, BEN)
    here = {"sender": "U1", "address": replace(OUTSIDE, thread="1700000000.000100")}
    async with hall_of(place) as hall:
        old = await hall.asked("rain?", **here)
        await hall.command("new", **here)
        await hall.asked("sun?", **here)
        await hall.hear(command="history", sender="U1", address=OUTSIDE)
        _, (choice,) = await hall.reply()
        await hall.hear(press=choice.press, sender="U1", address=replace(OUTSIDE, thread="1700000009.000900"))
        assert await hall.said() == "We go on with “rain?”."
        await hall.hear(text="go on", **here)
        assert (await hall.claimed()).conversation == old.conversation


async def test_commands_do_not_mean_what_was_said_with_another_login(place: Town) -> None:
    outside = {"sender": "U1", "address": OUTSIDE}
    async with hall_of(place) as hall:
        before = await asked_in_a_thread(hall, "before")
        await log_in(place, BEN)
        await asked_in_a_thread(hall, "with a login")
        await place.accounts.leave(BEN.coze_user)
        assert await hall.hear(command="retry", **outside) == "question"
        again = await hall.claimed()
        assert (again.question, again.conversation) == ("before", before)
        await place.store.settle(again, TurnState.DELIVERED)
        await log_in(place, BEN)
        assert await hall.command("retry", **outside) == "There is no question to ask again."
        assert await hall.command("clear", **outside) == "There is no context to clear."


async def asked_in_a_thread(hall: Hall, question: str) -> ConversationId | None:
    thread = f"17000000{len(question):02}.000100"
    return (await hall.asked(question, sender="U1", address=replace(OUTSIDE, thread=thread))).conversation


async def test_stop_ends_an_answer_whoever_they_were_when_they_asked(place: Town) -> None:
    await log_in(place, BEN)
    async with hall_of(place) as hall:
        assert await hall.hear(text="rain?", sender="U1", address=replace(OUTSIDE, thread="1700000000.000100"))
        await place.accounts.leave(BEN.coze_user)
        assert await hall.command("stop", sender="U1", address=OUTSIDE) == "⏹ Stopped."
