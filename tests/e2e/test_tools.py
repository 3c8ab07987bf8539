"""Tools that run here for the bot: it calls them, people allow them, and an answer comes in the end, once."""

import asyncio
import json
from pathlib import Path

import pytest

from simulators.coze.answers import Answer
from simulators.wire import Fault
from tests.e2e.worlds import settled
from tests.tools import samples

ANN, BOB, ALICE, ROB, CHANNEL = 1001, 1002, "UALICE", "UBOB", "CGENERAL"
SUBMIT = "/v3/chat/submit_tool_outputs"
WANTED = Answer(text="It will rain in 河南.", end="requires_action")


@pytest.fixture(autouse=True)
def quick(world):
    world.tuning = world.tuning.replace("telegram_private_seconds = 0.25", "telegram_private_seconds = 0.05")
    world.tuning += "slack_update_seconds = 0.05\n"
    world.coze.pace(0)
    world.coze.script("rain", WANTED)
    samples.RUNS.clear()
    samples.HANGING.clear()
    yield
    samples.HANGING.set()


def tool(world, function="get_rain", name="get_rain", **settings):
    """The section of a tool."""
    world.tuning += f'[tools.{name}]\ncall = "tests.tools.samples:{function}"\n'
    world.tuning += "".join(f"{key} = {value}\n" for key, value in settings.items())


def only_telegram(world, **changes):
    return world.bridge(SLACK_BOT_TOKEN="", SLACK_APP_TOKEN="", **changes)


def said(world, chat=ANN):
    return [message for message in world.telegram.messages(chat) if message.sender == world.telegram.me.id]


def outputs(world, chat=0):
    return [message.content for message in world.coze.chats[chat].messages if message.type == "tool_response"]


def buttons(message):
    rows = (message.now.reply_markup or {}).get("inline_keyboard", [])
    return {button["text"]: button["callback_data"] for row in rows for button in row}


def press(world, message, label, who=ANN, chat=ANN):
    world.telegram.press(chat, message.message_id, buttons(message)[label], who)


async def asked(world, app, question="rain?"):
    """The message that asks to allow the tool."""
    world.telegram.say(ANN, ANN, question)
    await settled(app, 1)
    return said(world)[-1]


# ---- without asking


async def test_a_tool_runs_is_seen_to_run_and_the_answer_goes_on(world):
    tool(world, "held")
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "rain?")
        await world.telegram.wait(lambda: any("🔧 Using get_rain…" in message.text for message in said(world)), 30)
        samples.HANGING.set()
        await settled(app, 1)
    (message,) = said(world)
    assert message.text == WANTED.text
    assert outputs(world) == ["rain in 河南"]
    assert samples.RUNS == ["河南"]
    assert len(world.coze.chats) == 1


async def test_several_at_once_and_several_rounds(world):
    tool(world)
    tool(world, "slow_rain", "slow_rain")
    twice = Answer(text="Wet.", end="requires_action", rounds=2, also=[("slow_rain", '{"location":"X"}'), ("no", "{}")])
    world.coze.script("rain", twice)
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 1)
    (message,) = said(world)
    assert message.text.startswith("Wet.\n\n⚠️ The bot asked for a tool that this service does not have: no.")
    round_of = ["rain in 河南", "rain in X", '{"error": "this service has no tool no"}']
    assert outputs(world) == round_of * 2
    assert len([call for call in world.coze.calls if SUBMIT in call["path"]]) == 2, "all in one call each time"


async def test_arguments_that_are_wrong_are_told_to_the_bot(world):
    tool(world)
    world.coze.script("rain", Answer(text="Sorry.", end="requires_action", arguments='{"place":"河南"}'))
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 1)
    (output,) = outputs(world)
    assert "location: is missing" in json.loads(output)["error"]
    assert said(world)[-1].text == "Sorry."


async def test_one_that_hangs_costs_its_time_and_no_more(world):
    tool(world, "waits", timeout_seconds=0.1)
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 1)
    assert outputs(world) == ['{"error": "get_rain took longer than 0.1 s"}']
    assert said(world)[-1].text == WANTED.text


async def test_a_bot_that_goes_in_circles_is_stopped(world):
    tool(world)
    world.coze.script("rain", Answer(text="Never.", end="requires_action", rounds=99))
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 1)
        assert "kept calling tools" in said(world)[-1].text
        assert len(samples.RUNS) == 10
        world.telegram.say(ANN, ANN, "echo: next")
        await settled(app, 2)
    assert said(world)[-1].text == "next"


async def test_stop_ends_the_tool_and_the_next_question_works(world):
    tool(world, "waits")
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "rain?")
        await world.telegram.wait(lambda: any("Using" in message.text for message in said(world)), 30)
        world.telegram.say(ANN, ANN, "/stop")
        await world.telegram.wait(lambda: any("Stopped" in message.text for message in said(world)), 30)
        world.telegram.say(ANN, ANN, "echo: next")
        await settled(app, 3)
    assert said(world)[-1].text == "next"
    assert "declined" in outputs(world)[0], "Coze is not left waiting"


@pytest.mark.parametrize("kind", ["cut_clean", "lost_response", "http"])
async def test_a_submit_that_is_cut_or_lost_is_recalled_and_the_tool_runs_once(world, kind):
    tool(world)
    world.coze.fault(kind, method=SUBMIT, after=3, **({"value": "503"} if kind == "http" else {}))
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 1)
    (message,) = said(world)
    assert message.text == WANTED.text
    assert samples.RUNS == ["河南"]


async def test_after_a_kill_while_a_tool_runs_the_answer_comes_once(world):
    path = world.directory / "runs"
    tool(world, "once", options=f'{{ path = "{path}" }}')
    changes = {"SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": ""}
    async with world.process(**changes) as process:
        world.telegram.say(ANN, ANN, "rain?")
        await ran(path)
        await process.kill()
    async with world.process(**changes):
        await world.telegram.wait(lambda: any(message.text == WANTED.text for message in said(world)), 60)
    assert [message.text for message in said(world)] == [WANTED.text]
    assert path.read_text() == ".."
    assert len(world.coze.chats) == 1


async def ran(path: Path):
    """The tool in the other process has begun."""
    async with asyncio.timeout(60):
        while not (path.exists() and path.read_text()):
            await asyncio.sleep(0.02)


# ---- with the person's approval


async def test_who_is_asked_and_allows_it_gets_the_answer(world):
    tool(world, ask="true")
    async with only_telegram(world) as app:
        asking = await asked(world, app)
        assert asking.text == "🔐 The bot wants to use:\n\n• get_rain location: 河南\n\nMay it?"
        assert list(buttons(asking)) == ["✅ Allow", "❌ Decline"]
        assert samples.RUNS == []
        press(world, asking, "✅ Allow")
        await settled(app, 2)
        answer = said(world)[-1]
        assert answer.text == f"✅ Allow\n\n{WANTED.text}"
        press(world, asking, "✅ Allow")
        await settled(app, 3)
        assert "nothing to decide" in said(world)[-1].text
        world.telegram.say(ANN, ANN, "/retry")
        await settled(app, 4)
    assert samples.RUNS == ["河南"]
    assert [chat.question for chat in world.coze.chats] == ["rain?", "rain?"]


async def test_who_declines_gets_an_answer_too_and_nothing_runs(world):
    tool(world, ask="true")
    async with only_telegram(world) as app:
        press(world, await asked(world, app), "❌ Decline")
        await settled(app, 2)
    assert said(world)[-1].text == f"❌ Decline\n\n{WANTED.text}"
    assert outputs(world) == ['{"error": "The person declined."}']
    assert samples.RUNS == []


async def test_who_writes_something_else_declines(world):
    tool(world, ask="true")
    async with only_telegram(world) as app:
        asking = await asked(world, app)
        world.telegram.say(ANN, ANN, "echo: never mind")
        await settled(app, 2)
        press(world, asking, "✅ Allow")
        await settled(app, 3)
    assert [message.text for message in said(world)][1] == "never mind"
    assert "nothing to decide" in said(world)[-1].text
    assert outputs(world) == ['{"error": "The person declined."}']
    assert samples.RUNS == []


async def test_two_presses_one_behind_the_other_run_it_once(world):
    tool(world, "held", ask="true")
    async with only_telegram(world) as app:
        asking = await asked(world, app)
        press(world, asking, "✅ Allow")
        await world.telegram.wait(lambda: samples.RUNS or None, 30)
        press(world, asking, "❌ Decline")
        samples.HANGING.set()
        await settled(app, 3)
    assert samples.RUNS == ["河南"]
    assert said(world)[-2].text.endswith(WANTED.text)
    assert "nothing to decide" in said(world)[-1].text


async def test_each_round_is_asked_for_anew(world):
    tool(world, ask="true")
    world.coze.script("rain", Answer(text="Wet.", end="requires_action", rounds=2))
    async with only_telegram(world) as app:
        press(world, await asked(world, app), "✅ Allow")
        await settled(app, 2)
        assert "May it?" in said(world)[-1].text
        press(world, said(world)[-1], "❌ Decline")
        await settled(app, 3)
    assert said(world)[-1].text.endswith("Wet.")
    assert outputs(world) == ["rain in 河南", '{"error": "The person declined."}']


async def test_a_new_conversation_leaves_the_decision_behind(world):
    tool(world, ask="true")
    async with only_telegram(world) as app:
        asking = await asked(world, app)
        world.telegram.say(ANN, ANN, "/new")
        await settled(app, 2)
        press(world, asking, "✅ Allow")
        await settled(app, 3)
    assert "nothing to decide" in said(world)[-1].text
    assert samples.RUNS == []


async def test_what_is_shown_of_the_arguments_is_no_markup_and_has_a_bound(world):
    tool(world, ask="true")
    nasty = {"location": "*b* <!channel> [x](https://evil.example) \u202egnp.exe " + "y" * 900}
    world.coze.script("rain", Answer(text="Wet.", end="requires_action", arguments=json.dumps(nasty)))
    async with only_telegram(world) as app:
        asking = await asked(world, app)
    assert "location: *b* <!channel> [x](https://evil.example) \ufffdgnp.exe yyy" in asking.text
    assert asking.text.count("y") < 620
    assert "y…" in asking.text


async def test_what_cannot_run_is_not_put_to_the_person(world):
    tool(world, ask="true")
    world.coze.script("rain", Answer(text="Sorry.", end="requires_action", arguments='{"place":"河南"}'))
    async with only_telegram(world) as app:
        said_at_once = await asked(world, app)
    assert (said_at_once.text, buttons(said_at_once).keys() & {"✅ Allow", "❌ Decline"}) == ("Sorry.", set())
    assert "location: is missing" in json.loads(outputs(world)[0])["error"]


async def test_of_several_only_what_can_run_is_put_to_the_person(world):
    tool(world, ask="true")
    world.coze.script("rain", Answer(text="Wet.", end="requires_action", also=[("get_rain", '{"place":"X"}')]))
    async with only_telegram(world) as app:
        asking = await asked(world, app)
        assert asking.text == "🔐 The bot wants to use:\n\n• get_rain location: 河南\n\nMay it?"
        press(world, asking, "❌ Decline")
        await settled(app, 2)
    declined, wrong = map(json.loads, outputs(world))
    assert declined == {"error": "The person declined."}
    assert "location: is missing" in wrong["error"]


async def test_in_a_slack_thread_only_who_asked_decides(world):
    tool(world, ask="true")
    async with world.bridge(TELEGRAM_BOT_TOKEN="", SLACK_STREAMING="edit") as app:
        ts = world.slack.say(CHANNEL, ALICE, "@coze rain?")
        await settled(app, 1)
        (asking,) = world.slack.bot_messages(CHANNEL, ts)
        (row,) = [block for block in asking.blocks if block["type"] == "actions"]
        allow, decline = row["elements"]
        assert [button["text"]["text"] for button in (allow, decline)] == ["✅ Allow", "❌ Decline"]
        world.slack.press(CHANNEL, asking.ts, allow["action_id"], ROB)
        await settled(app, 2)
        assert world.slack.texts(CHANNEL, ts)[-1] == "Only the person whose question it was can decide this."
        assert samples.RUNS == []
        world.slack.press(CHANNEL, asking.ts, allow["action_id"], ALICE)
        await settled(app, 3)
    assert world.slack.texts(CHANNEL, ts)[-1] == f"> ✅ Allow\n\n{WANTED.text}"


async def test_what_was_allowed_never_runs_twice_unasked_whatever_crashes(world):
    path = world.directory / "runs"
    tool(world, "once", ask="true", options=f'{{ path = "{path}" }}')
    changes = {"SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": ""}
    async with world.process(**changes) as process:
        world.telegram.say(ANN, ANN, "rain?")
        await world.telegram.wait(lambda: said(world) and buttons(said(world)[-1]), 60)
        press(world, said(world)[-1], "✅ Allow")
        await ran(path)
        await process.kill()
    async with world.process(**changes):
        await world.telegram.wait(lambda: len(said(world)) > 1 and "✅ Allow" in buttons(said(world)[-1]), 60)
        assert "it may have run already" in said(world)[-1].text
        assert path.read_text() == "."
        press(world, said(world)[-1], "✅ Allow")
        await world.telegram.wait(lambda: said(world)[-1].text.endswith(WANTED.text), 60)
    assert path.read_text() == ".."
    assert len(world.coze.chats) == 1


async def test_an_outage_of_coze_between_tool_and_answer_runs_nothing_twice(world):
    tool(world, ask="true")
    world.coze.faults.add(Fault(kind="http", value="503", method=SUBMIT, times=2))
    async with only_telegram(world) as app:
        press(world, await asked(world, app), "✅ Allow")
        await settled(app, 2)
    assert said(world)[-1].text.endswith(WANTED.text)
    assert samples.RUNS == ["河南"]


@pytest.mark.parametrize("label", ["✅ Allow", "❌ Decline"])
async def test_a_longer_outage_declines_again_by_itself_but_asks_before_it_runs_again(world, monkeypatch, label):
    monkeypatch.setattr("bridge.tooling.SUBMIT_DELAYS", (0.01,))
    tool(world, ask="true")
    world.coze.faults.add(Fault(kind="http", value="503", method=SUBMIT, times=2))
    async with only_telegram(world) as app:
        press(world, await asked(world, app), label)
        await settled(app, 2)
        if label == "✅ Allow":
            assert samples.RUNS == ["河南"]
            assert "it may have run already" in said(world)[-1].text
            press(world, said(world)[-1], "❌ Decline")
            await settled(app, 3)
    assert said(world)[-1].text == f"❌ Decline\n\n{WANTED.text}"
    assert outputs(world) == ['{"error": "The person declined."}']
    assert len(samples.RUNS) == (label == "✅ Allow")
