"""CozeBot asks as it is configured: drafts, versions, cards, parameters, variables; and how it greets and clears."""

import asyncio
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.coze import token_auth
from adapters.coze.terms import Terms
from bridge.answer import TextDelta
from bridge.build import build_bots
from bridge.clock import SystemClock
from bridge.config import load
from bridge.errors import BotFailed
from bridge.model import Profile
from bridge.ports import Clears, Greeting, Greets, Question
from simulators.coze import Answer as Say
from tests.contract.coze_place import (  # noqa: F401 - fixtures `place` and `studio`
    GRACE,
    Place,
    ask,
    broken,
    folded,
    place_fixture,
    recall,
    started,
    studio_fixture,
)

PLAIN = {"bot_id", "user_id", "additional_messages", "stream", "auto_save_history"}
ANN = Profile(name="Ann", username="ann")


def body(place: Place) -> dict[str, Any]:
    return place.sim.chats[-1].body


async def test_a_bot_without_terms_is_asked_as_ever(place: Place) -> None:
    await ask(place.bot, await place.question("x"))
    assert set(body(place)) == PLAIN
    assert not place.bot.wants_profile


async def test_everything_that_is_configured_goes_along_and_streams_as_ever(place: Place) -> None:
    place.sim.world.versions = {"0.0.7"}
    terms = Terms(
        version="0.0.7",
        cards=True,
        parameters={"who": "{username}", "n": 3, "deep": {"list": ["{platform}"]}},
        custom_variables={"tone": "kind to {name}"},
    )
    bot = place.open(terms=terms)
    assert bot.wants_profile
    question = replace(await place.question("list"), profile=ANN, platform="telegram")
    events = await ask(bot, question)
    assert sum(isinstance(event, TextDelta) for event in events) > 3
    assert {name: value for name, value in body(place).items() if name not in PLAIN} == {
        "bot_version": "0.0.7",
        "enable_card": True,
        "parameters": {"who": "ann", "n": 3, "deep": {"list": ["telegram"]}},
        "custom_variables": {"tone": "kind to Ann"},
    }
    assert folded(await recall(bot, started(events))).text == folded(events).text
    _, error = await broken(place.open(terms=Terms(version="9")), await place.question("x"), BotFailed)
    assert error.say == "no_bot"


async def test_a_draft_answers_though_it_is_not_published(place: Place) -> None:
    place.sim.world.published = False
    bot = place.open(terms=Terms(draft=True))
    assert folded(await ask(bot, await place.question("echo: draft"))).text == "draft"
    assert body(place)["publish_status"] == "unpublished_draft"


async def test_leaving_closes_the_connection_with_terms_too(place: Place) -> None:
    place.sim.script("long", Say(text="word " * 5000))
    async with place.open(terms=Terms(version="")).ask(await place.question("long")) as events:
        await anext(events)
    await place.sim.wait(lambda: not place.sim.world.transports, GRACE)
    place.sim.world.versions = {"1"}
    async with place.open(terms=Terms(version="1")).ask(await place.question("long")) as events:
        await anext(events)
    await place.sim.wait(lambda: not place.sim.world.transports, GRACE)


async def test_cards_come_only_if_they_are_wanted_and_their_options_are_suggested(place: Place) -> None:
    card = {
        "type": "question",
        "content": {"question": "Tea or coffee?", "options": [{"name": "Tea"}, {"name": "Coffee"}]},
    }
    place.sim.script("drink", Say(text="Tea or coffee, please?", card=card))
    assert folded(await ask(place.bot, await place.question("drink"))).text == "Tea or coffee, please?"
    bot = place.open(terms=Terms(cards=True))
    events = await ask(bot, await place.question("drink"))
    assert folded(events).text == "Tea or coffee?\n- Tea\n- Coffee"
    assert folded(events).suggestions == ["Tea", "Coffee"]
    assert folded(await recall(bot, started(events))).suggestions == ["Tea", "Coffee"]


async def test_the_file_of_settings_says_how_each_bot_is_asked(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "coze-bridge.toml"
    file.write_text(
        "[bot]\ncards = true\n[bot.custom_variables]\ntone = '{platform}'\n"
        f"[bots.drafty]\nbot_id = '{place.sim.world.bot_id}'\ndraft = true\n"
        "[bots.drafty.parameters]\nwho = ['{username}']\n[bots.drafty.variables]\nlang = '{language}'\n"
    )
    known = {"COZE_API_BASE": place.url, "COZE_API_TOKEN": "pat_test", "COZE_BOT_ID": place.sim.world.bot_id}
    bots = build_bots(load(file, known), SystemClock(), place.counts)
    question = replace(await place.question("echo: x"), profile=ANN, platform="slack", language="zh")
    assert [bots.of(name).wants_profile for name in ("", "drafty")] == [False, True]
    await ask(bots.of(""), question)
    assert (body(place)["enable_card"], body(place)["custom_variables"]) == (True, {"tone": "slack"})
    await ask(bots.of("drafty"), question)
    assert (body(place)["publish_status"], body(place)["parameters"]) == ("unpublished_draft", {"who": ["ann"]})
    assert place.sim.world.variables == {"u1": {"lang": "zh"}}
    await bots.aclose()


# ---- user variables ----


def puts(place: Place) -> int:
    return sum(call["method"] == "PUT" for call in place.sim.calls)


async def test_user_variables_are_set_before_the_first_question_and_when_they_change(place: Place) -> None:
    bot = place.open(terms=Terms(variables={"name": "{name}", "where": "{platform}"}))
    question = replace(await place.question("echo: x"), profile=ANN, platform="slack")
    await ask(bot, question)
    assert place.sim.world.variables == {"u1": {"name": "Ann", "where": "slack"}}
    paths = [(call["method"], call["path"].partition("?")[0]) for call in place.sim.calls]
    assert paths[-2:] == [("PUT", "/v1/variables"), ("POST", "/v3/chat")]
    await ask(bot, question)
    assert puts(place) == 1
    await ask(bot, replace(question, profile=Profile(name="Anna")))
    assert place.sim.world.variables["u1"]["name"] == "Anna"
    await ask(bot, replace(question, user="u2"))
    assert place.sim.world.variables["u2"]["name"] == "Ann"
    assert puts(place) == 3


async def test_without_its_variables_a_bot_still_answers(
    place: Place, studio: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.sim.world.variable_names = {"other"}
    for there in (place, studio):
        caplog.clear()
        bot = there.open(terms=Terms(variables={"name": "x"}))
        question = await there.question("echo: x")
        for _ in range(2):
            assert folded(await ask(bot, question)).text == "x"
        assert len([record for record in caplog.records if "variables" in record.message]) == 1
        assert puts(there) == 1


async def test_variables_that_could_not_be_set_are_set_next_time(place: Place) -> None:
    bot = place.open(terms=Terms(variables={"name": "x"}))
    question = await place.question("echo: x")
    place.sim.fault("http", method="/v1/variables", value="502")
    assert folded(await ask(bot, question)).text == "x"
    assert place.sim.world.variables == {}
    await ask(bot, question)
    assert place.sim.world.variables == {"u1": {"name": "x"}}


async def test_each_account_sets_the_variables_of_its_own(place: Place) -> None:
    bot = place.open(terms=Terms(variables={"name": "x"}))
    question = await place.question("echo: x")
    place.sim.world.minted["pat_other"] = (math.inf, "")
    other = bot.acting(token_auth("pat_other"))
    for asked in (bot, other, bot, other):
        await ask(asked, question)
    assert puts(place) == 2


@pytest.mark.parametrize("code", ["4100", "4101", "700012006"])
async def test_an_account_that_may_not_set_variables_yet_is_tried_again(place: Place, code: str) -> None:
    bot = place.open(terms=Terms(variables={"name": "x"}))
    question = await place.question("echo: x")
    place.sim.fault("code", method="/v1/variables", value=code)
    for _ in range(2):
        assert folded(await ask(bot, question)).text == "x"
    assert place.sim.world.variables == {"u1": {"name": "x"}}


# ---- greeting, clearing, names ----

GREETING = Greeting(prologue="Hi {{user_name}}", questions=("One?", "Two?"))
ONBOARDING = {"prologue": " Hi {{user_name}} ", "suggested_questions": ["One?", "", "Two?", "One?", None]}


@pytest.mark.parametrize("capitals", [False, True])
async def test_a_greeting_in_either_spelling(place: Place, capitals: bool) -> None:
    assert isinstance(place.bot, Greets)
    place.sim.world.onboarding, place.sim.world.capitals = ONBOARDING, capitals
    assert await place.bot.greeting() == GREETING
    place.sim.world.onboarding = {}
    assert await place.bot.greeting() == Greeting()


async def test_a_greeting_from_the_older_call(place: Place) -> None:
    place.sim.world.onboarding = ONBOARDING
    place.sim.fault("http", method="/v1/bots/{bot_id}", value="404")
    assert await place.bot.greeting() == GREETING
    assert "get_online_info" in place.sim.calls[-1]["path"]


async def test_the_greeting_of_a_draft(place: Place) -> None:
    place.sim.world.published = False
    place.sim.world.draft_onboarding = {"prologue": "Draft"}
    assert (await place.open(terms=Terms(draft=True)).greeting()).prologue == "Draft"
    with pytest.raises(BotFailed) as caught:
        await place.bot.greeting()
    assert caught.value.say == "not_published"


async def test_the_greeting_at_coze_studio(studio: Place) -> None:
    studio.sim.world.onboarding = ONBOARDING
    assert await studio.bot.greeting() == GREETING


async def test_a_cleared_conversation_has_another_section_and_its_name(place: Place, studio: Place) -> None:
    for there in (place, studio):
        assert isinstance(there.bot, Clears)
        conversation = await there.bot.new_conversation("N" * 200)
        question = Question(text="echo: x", user="u1", conversation=conversation, mark="m")
        await ask(there.bot, question)
        await there.bot.clear(conversation)
        await ask(there.bot, question)
        kept = there.sim.conversations[conversation]
        assert kept.name == "N" * 100
        assert len({chat.section_id for chat in there.sim.chats}) == 2
        assert len(kept.messages) == 4


# ---- stopping ----


async def running(place: Place) -> Any:
    place.sim.script("long", Say(text="word " * 5000))
    async with place.bot.ask(await place.question("long")) as events:
        return started([await anext(events)])


def cancels(place: Place) -> int:
    return sum("/v3/chat/cancel" in call["path"] for call in place.sim.calls)


async def test_a_cancel_is_read_back(place: Place) -> None:
    chat = await running(place)
    await place.bot.cancel(chat.conversation, chat.chat)
    assert (place.sim.chats[0].status, cancels(place)) == ("canceled", 1)
    assert "/v3/chat/retrieve" in place.sim.calls[-1]["path"]


async def test_a_chat_that_runs_on_is_cancelled_once_more(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    chat = await running(place)
    place.sim.world.deaf = 1
    await place.bot.cancel(chat.conversation, chat.chat)
    assert (place.sim.chats[0].status, cancels(place)) == ("canceled", 2)
    assert "runs on" not in caplog.text


async def test_a_chat_that_cannot_be_stopped_is_warned_of(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    chat = await running(place)
    place.sim.world.deaf = 9
    async with asyncio.timeout(GRACE):
        await place.bot.cancel(chat.conversation, chat.chat)
    assert (place.sim.chats[0].status, cancels(place)) == ("in_progress", 2)
    assert "runs on" in caplog.text


async def test_a_cancel_that_cannot_be_read_back_counts(place: Place) -> None:
    chat = await running(place)
    place.sim.fault("http", method="/v3/chat/retrieve", value="502")
    await place.bot.cancel(chat.conversation, chat.chat)
    assert (place.sim.chats[0].status, cancels(place)) == ("canceled", 1)
