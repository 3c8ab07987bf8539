"""How people are greeted, and who hears answers in which voice."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.coze.bots import CozeBots
from bridge.catalogue import RETRY_SECONDS, Catalogue, short
from bridge.errors import Unreachable
from bridge.identity import person
from bridge.model import Address, Does, Opened
from bridge.ports import Greeting
from simulators.slack import SlackSimulator
from simulators.wire import Fault, Served
from storage import SqlStore
from tests.clocks import StillClock
from tests.contract import slack_world
from tests.contract.coze_place import Place
from tests.contract.coze_place import place_fixture as place_fixture
from tests.contract.hall import WHERE, Hall
from tests.contract.slack_world import wait

SLACK = {"address": Address(platform="slack", account="T1", chat="D1", thread="1700000000.000100")}
WHO = person("telegram", "bot", "ann", "en")


@pytest.fixture
def store_url(migrated_file: Path, tmp_path: Path) -> str:
    """One is enough: nothing here is about databases."""
    return f"sqlite+aiosqlite:///{shutil.copy(migrated_file, tmp_path / 'bridge.db')}"


@pytest.fixture
async def hall(store: SqlStore, place: Place):
    made = Hall(store, place)
    yield made
    await made.aclose()


# ---- the catalogue


async def test_what_bots_say_is_fetched_each_hour_and_after_a_failure_each_minute(place: Place) -> None:
    clock = StillClock()
    catalogue = Catalogue(CozeBots({"": place.bot}), clock)
    place.sim.faults.add(Fault(kind="http", method="/v1/audio/voices", value="502", times=1))
    running = asyncio.create_task(catalogue.run())
    await wait(lambda: len(clock.slept) > 1)
    assert clock.slept[:2] == [60.0, 3600.0]
    place.sim.world.onboarding = {"prologue": "Another.", "suggested_questions": []}
    slept = len(clock.slept)
    await wait(lambda: len(clock.slept) > slept + 2)
    running.cancel()
    assert await catalogue.greeting("") == Greeting(prologue="Another.")
    place.sim.down(60)
    assert [voice.name for voice in await catalogue.voices("")] == ["温柔女声", "Calm voice"], "it is kept in memory"
    assert await catalogue.greeting("no such bot") == Greeting()


def looked(place: Place) -> int:
    """How often the simulated Coze was asked what the bot says of itself."""
    return len([call for call in place.sim.calls if call["path"].startswith("/v1/bots/")])


async def test_a_coze_that_hangs_is_waited_for_once_and_then_not_for_a_while(place: Place) -> None:
    clock = StillClock()
    catalogue = Catalogue(CozeBots({"": place.bot}), clock)
    place.sim.fault("hang", method="/v1/bots/{bot_id}", seconds=60.0, times=1)
    assert await asyncio.gather(*(catalogue.greeting("") for _ in range(3))) == [Greeting()] * 3
    assert (begun := looked(place)) <= 1, "who comes together waits together"
    place.sim.faults.clear()
    assert await catalogue.greeting("") == Greeting()
    assert looked(place) == begun
    clock.time += RETRY_SECONDS
    assert (await catalogue.greeting("")).questions
    place.sim.hurry()


async def test_a_press_that_is_no_greeting_does_not_ask_coze(hall: Hall) -> None:
    for press in ("ask:1:0", "starting", "x"):
        assert await hall.hear(press=press) == "command"
    assert looked(hall.place) == 0
    await hall.hear(press="start:00000000")
    assert looked(hall.place) == 1


# ---- the greeting


async def test_start_greets_with_the_bots_own_words_and_questions(hall: Hall) -> None:
    await hall.hear(command="start", text="some_payload", language="en")
    text, choices = await hall.reply()
    assert text == (
        "你好！Hello, I am a simulated bot.\n\n"
        "Just write to me. /new starts over, /stop ends an answer, /help shows more."
    )
    assert [(choice.does, choice.label) for choice in choices] == [
        (Does.GREET, "你能做什么？"),
        (Does.GREET, "What can you do?"),
        (Does.GREET, "Show me a table"),
    ]
    assert await hall.hear(press=choices[1].press) == "question"
    turn = await hall.claimed()
    assert (turn.question, turn.pressed, turn.language) == ("What can you do?", True, "en")


@pytest.mark.parametrize("press", ["start:00000000", "start:", "start:zzzzzzzz", "start"])
async def test_a_question_that_the_bot_does_not_offer_any_more_is_not_asked(hall: Hall, press: str) -> None:
    assert await hall.hear(press=press) == "command"
    assert await hall.said() == "This button is no longer valid. Please write your question."


async def test_a_bot_without_a_greeting_and_a_coze_that_is_away_are_greeted_for(hall: Hall) -> None:
    hall.place.sim.world.onboarding = {}
    assert (await hall.command("start")).startswith("Hello! Write me a message")
    hall.place.sim.down(60)
    assert (await hall.command("start")).startswith("Hello! Write me a message")


async def test_who_opens_a_chat_is_greeted_once_and_only_before_they_write(hall: Hall) -> None:
    opened = {"opened": Opened.CHAT, "address": replace(SLACK["address"], thread=""), "key": "D1 greeting"}
    assert await hall.hear(**opened) == "command"
    text, choices = await hall.reply()
    assert (text.startswith("你好！Hello"), len(choices)) == (True, 3)
    assert await hall.hear(**opened) == "seen"
    other = {**opened, "address": replace(SLACK["address"], chat="D2", thread=""), "key": "D2 greeting"}
    await hall.asked("rain?", address=replace(other["address"], thread="1700000001.000100"))
    assert await hall.hear(**other) == "opened", "they know us"
    assert await hall.is_quiet()


async def test_a_new_thread_is_greeted_once(hall: Hall) -> None:
    opened = {"opened": Opened.THREAD, **SLACK, "key": "thread greeting"}
    assert [await hall.hear(**opened), await hall.hear(**opened)] == ["command", "seen"]
    turn = await hall.claimed()
    assert turn.address == SLACK["address"]


@pytest.mark.parametrize("opened", list(Opened))
async def test_nobody_is_greeted_who_may_not_come_in_nor_told_so(hall: Hall, opened: Opened) -> None:
    stranger = {"sender": "eve", "address": WHERE, "opened": opened}
    assert await hall.hear(**stranger) == "refused"
    assert await hall.hear(**stranger, press="start:00000000") == "refused"
    assert await hall.is_quiet()
    assert await hall.store.people(sender="eve") == []


async def test_where_the_bot_says_nothing_of_itself_nobody_is_spoken_to_unasked(hall: Hall) -> None:
    hall.place.sim.world.onboarding = {}
    assert await hall.hear(opened=Opened.CHAT) == "opened"
    assert await hall.is_quiet()


# ---- /voice


async def voice(hall: Hall) -> str:
    return await hall.store.voice(WHO)


ZH, EN = "7426720361732915209", "7426720361732915210"


async def test_the_voices_are_listed_with_those_of_ones_language_first(hall: Hall) -> None:
    await hall.hear(command="voice", language="en")
    text, choices = await hall.reply()
    assert text.startswith("🔇 Answers are not read aloud.")
    assert [choice.label for choice in choices] == ["Calm voice", "温柔女声", "🔇 Off"]
    assert await hall.hear(press=choices[0].press) == "command"
    assert await hall.said() == "🔊 You hear answers, read by Calm voice."
    assert await voice(hall) == EN
    await hall.hear(command="voice", language="zh")
    text, choices = await hall.reply()
    assert text.startswith("🔊 回答会由 Calm voice 朗读。")
    assert [choice.label for choice in choices] == ["✅ Calm voice", "温柔女声", "🔇 关闭"]
    await hall.hear(press=choices[2].press)
    assert await hall.said() == "🔇 Answers are not read aloud."
    assert await voice(hall) == ""


@pytest.mark.parametrize(
    ("said", "language", "chosen"),
    [
        ("on", "en", EN),
        ("on", "zh-hans", ZH),
        ("ON", "", EN),
        ("calm", "en", EN),
        ("温柔女声", "en", ZH),
        (ZH, "en", ZH),
        ("nobody", "en", ""),
    ],
)
async def test_a_voice_is_chosen_by_words(hall: Hall, said: str, language: str, chosen: str) -> None:
    reply = await hall.command("voice", said, language=language)
    assert await voice(hall) == chosen
    assert reply.startswith("🔊" if chosen else "There is no voice called “nobody”.")
    await hall.command("voice", "off")
    assert await voice(hall) == ""


async def test_the_operator_says_which_voice_is_meant_by_on(store: SqlStore, place: Place) -> None:
    hall = Hall(store, place, default_voice=ZH)
    await hall.command("voice", "on", language="en")
    assert await voice(hall) == ZH
    await hall.asked()
    assert await hall.hear(text="rain?") == "question"
    assert (await hall.claimed()).voice == ZH


async def test_a_bot_without_voices_says_so_and_lets_voices_be_switched_off(hall: Hall) -> None:
    hall.place.sim.world.voices = []
    assert await hall.command("voice") == "This bot cannot speak."
    assert await hall.command("voice", "on") == "This bot cannot speak."
    assert await hall.command("voice", "off") == "🔇 Answers are not read aloud."
    assert (await hall.command("voice", "voice:nothing")) == "This bot cannot speak."


async def test_an_unknown_voice_that_is_pressed(hall: Hall) -> None:
    await hall.hear(press="voice:00000000")
    assert await hall.said() == "This button is no longer valid. Please write your question."


# ---- a person's page


async def test_a_question_from_a_page_is_shown_once_and_it_is_said_if_it_was_not_made_durable(
    store: SqlStore, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Served((sim := SlackSimulator(time_scale=0.001)).app) as server:
        slack = slack_world.adapter(server.url)
        await slack.open()
        hall = Hall(store, place, adapters={("slack", "TCOZE"): slack})
        home = {"sender": "UALICE", "address": Address(platform="slack", account="TCOZE", chat="UALICE")}
        press = {**home, "opened": Opened.HOME, "press": f"start:{short('你能做什么？')}", "key": "press"}

        async def away(*_: object, **__: object) -> None:
            raise Unreachable("the database is away")

        with monkeypatch.context() as broken:
            broken.setattr(SqlStore, "receive", away)
            with pytest.raises(Unreachable):
                await hall.hear(**press)
        await wait(lambda: len(posts(sim)) == 2)
        quoted, word = posts(sim)
        assert "你能做什么？" in str(quoted)
        assert "没能收下您的问题" in str(word)
        assert await hall.hear(**press) == "question", "it comes again"
        assert len(posts(sim)) == 2
        (turn,) = await store.turns()
        assert turn.thread == word["thread_ts"]
        await hall.aclose()
        await slack.aclose()


def posts(sim: SlackSimulator) -> list[dict[str, object]]:
    return [call.args for call in sim.calls if call.method == "chat.postMessage"]
