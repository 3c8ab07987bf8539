"""Workflows as bots: their questions are asked once and answered once, whatever dies in the middle."""

import asyncio

import pytest

from bridge.texts import TEXTS
from simulators.coze.answers import Answer
from simulators.coze.flows import Step
from tests.e2e.worlds import settled

ANN, BOB = 1001, 1002
FLOW, OTHER = "7420000000000000001", "7420000000000000002"
WORKFLOW = f'[bot]\nmode = "workflow"\nworkflow_id = "{FLOW}"\n'
ORDER = (
    Step(pause=10, say="Welcome, {input}."),
    Step(pause=5, ask="Which size?", options=["small", "large"]),
    Step(pause=5, say="Looking for {1}."),
    Step(pause=15, ask="Which colour?"),
    Step(pause=15, ask="For whom?"),
    Step(pause=20, output="A {1} {2} one for {3}."),
)
"""70 seconds, and three questions in between."""
RULE = "\n\n———\n\n"
"""Stands between two messages of one answer."""


@pytest.fixture(autouse=True)
def quick(world):
    world.tuning = world.tuning.replace("telegram_private_seconds = 0.25", "telegram_private_seconds = 0.05")
    world.environ |= {"SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": ""}
    world.coze.flows.scale = 0.03
    world.coze.flows.ping_seconds = 8


def texts(world, chat=ANN):
    return [text.strip() for text in world.telegram.texts(chat)]


async def seen(world, text, chat=ANN):
    """Until the newest answer is that, as a whole."""
    await world.telegram.wait(lambda: texts(world, chat)[-1:] == [text] or None, 40)


def buttons(message):
    rows = (message.now.reply_markup or {}).get("inline_keyboard", [])
    return {button["text"]: button["callback_data"] for row in rows for button in row}


async def offered(world, label, chat=ANN):
    """The message with that button, once it is there."""

    def found():
        own = [message for message in world.telegram.messages(chat) if message.sender == world.telegram.me.id]
        return next((message for message in own if label in buttons(message)), None)

    return await world.telegram.wait(found, 40)


async def logged(process, word):
    """Until the process says so; nothing in a simulator tells of it."""
    async with asyncio.timeout(40):
        while not any(word in line for line in process.log):
            await asyncio.sleep(0.02)


async def test_an_option_answers_its_own_question_and_once(world):
    """A double click answered the question behind it, and an old button whatever was asked by then."""
    world.tuning += WORKFLOW
    world.coze.flows.script(FLOW, *ORDER)
    async with world.process() as process:
        world.telegram.say(ANN, ANN, "Ann")
        message = await offered(world, "large")
        await logged(process, '"settled"')
        for _ in range(2):
            world.telegram.press(ANN, message.message_id, buttons(message)["large"], ANN)
        nothing = TEXTS["decided"]["en"]
        await world.telegram.wait(lambda: nothing in texts(world) and "Which colour?" in str(texts(world)), 40)
        await world.telegram.wait(lambda: sum('"settled"' in line for line in process.log) == 3 or None, 40)
        world.telegram.press(ANN, message.message_id, buttons(message)["small"], ANN)
        await world.telegram.wait(lambda: texts(world).count(nothing) == 2 or None, 40)
        world.telegram.say(ANN, ANN, "blue")
        await seen(world, "For whom?")
    assert [run.told for run in world.coze.flows.runs] == [["large", "blue"]]


async def test_a_70_second_workflow_with_three_questions_killed_once_in_the_middle_completes(world):
    world.tuning += WORKFLOW
    world.coze.flows.script(FLOW, *ORDER)
    async with world.process() as process:
        world.telegram.say(ANN, ANN, "Ann")
        message = await offered(world, "large")
        await logged(process, '"settled"')  # no press counts before that
        world.telegram.press(ANN, message.message_id, buttons(message)["large"], ANN)
        await world.telegram.wait(lambda: any("Looking for large." in text for text in texts(world)), 40)
        await process.kill()
    assert [run.told for run in world.coze.flows.runs] == [["large"]], "it is killed while a segment runs"
    async with world.process():
        await seen(world, f"large\n\nLooking for large.{RULE}Which colour?")  # what a button asked is shown
        world.telegram.say(ANN, ANN, "blue")
        await seen(world, "For whom?")
        world.telegram.say(ANN, ANN, "Bob")
        await seen(world, "A large blue one for Bob.")
    said = texts(world)
    assert [text.split("\n\n")[-1] for text in said] == [
        "Which size?",
        "Which colour?",
        "For whom?",
        "A large blue one for Bob.",
    ]
    for question in ("Welcome", "Which size?", "Looking for", "Which colour?", "For whom?"):
        assert sum(question in text for text in said) == 1
    assert [run.told for run in world.coze.flows.runs] == [["large"], ["large", "blue", "Bob"]]


async def test_a_cut_run_is_begun_again_in_the_same_message(world):
    world.tuning += WORKFLOW
    world.coze.flows.script(FLOW, Step(say="One."), Step(pause=2, say="Two."), Step(output="The end."))
    world.coze.fault("reset", method="/v1/workflow/stream_run", value="1")
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "go")
        await seen(world, f"One.{RULE}Two.{RULE}The end.")
        await settled(app, 1)
    assert len(texts(world)) == 1
    assert len(world.coze.flows.runs) == 2


async def test_one_that_is_cut_again_and_again_is_given_up_in_plain_words(world, monkeypatch):
    monkeypatch.setattr("bridge.patience.RERUN_DELAYS", (0.01, 0.01, 0.01))
    world.tuning += WORKFLOW
    world.coze.flows.script(FLOW, Step(say="One."), Step(output="The end."))
    world.coze.fault("reset", method="/v1/workflow/stream_run", value="1", times=-1)
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "go")
        await settled(app, 1)
    assert len(world.coze.flows.runs) == 4
    (text,) = texts(world)
    assert "⚠️" in text


async def test_new_and_clear_leave_the_question_behind_and_stop_ends_the_run(world):
    world.tuning += WORKFLOW
    world.coze.flows.script(FLOW, Step(ask="Your name?"), Step(pause=2000, output="Hello {1}"))
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "go")
        await seen(world, "Your name?")
        await settled(app, 1)
        world.telegram.say(ANN, ANN, "/new")
        await settled(app, 2)
        world.telegram.say(ANN, ANN, "again")
        await seen(world, "Your name?")
        await settled(app, 3)
        world.telegram.say(ANN, ANN, "/clear")
        await settled(app, 4)
        world.telegram.say(ANN, ANN, "and again")
        await settled(app, 5)
        assert [run.told for run in world.coze.flows.runs] == [[], [], []]
        world.telegram.say(ANN, ANN, "Ann")
        await world.coze.wait(lambda: world.coze.flows.runs[2].told == ["Ann"])
        world.telegram.say(ANN, ANN, "/stop")
        await settled(app, 7)
        await world.coze.wait(lambda: not world.coze.flows.runs[2].followers)
        world.coze.flows.script(FLOW, Step(output="begun with {input}"))
        world.telegram.say(ANN, ANN, "once more")
        await seen(world, "begun with once more")


async def test_retry_begins_the_run_anew_with_what_it_was_begun_with_also_across_a_kill(world):
    world.tuning += WORKFLOW
    steps = Step(ask="Your name?"), Step(ask="Your town?"), Step(output="{1} of {2} wants {input}")
    world.coze.flows.script(FLOW, *steps)
    async with world.process() as process:
        world.telegram.say(ANN, ANN, "tea")
        await seen(world, "Your name?")
        world.telegram.say(ANN, ANN, "Ann")
        await seen(world, "Your town?")
        world.coze.flows.script(FLOW, Step(pause=2000), *steps)
        world.telegram.say(ANN, ANN, "/retry")
        await world.coze.wait(lambda: len(world.coze.flows.runs) == 2)
        world.coze.flows.script(FLOW, *steps)
        await process.kill()
    async with world.process():
        await world.coze.wait(lambda: len(world.coze.flows.runs) == 3)
        await world.telegram.wait(lambda: texts(world) == ["Your name?", "Your town?", "Your name?"] or None, 40)
        world.telegram.say(ANN, ANN, "Bob")
        await world.telegram.wait(lambda: texts(world)[3:] == ["Your town?"] or None, 40)
        world.telegram.say(ANN, ANN, "Paris")
        await seen(world, "Bob of Paris wants tea")
    assert [run.told for run in world.coze.flows.runs] == [["Ann"], [], ["Bob", "Paris"]]
    assert {run.body["parameters"]["input"] for run in world.coze.flows.runs} == {"tea"}


async def test_a_retry_in_a_thread_asks_ones_own_question_whoever_begins_what_waits(world):
    world.tuning += WORKFLOW
    world.coze.flows.script(FLOW, Step(output="here is {input}"))
    world.environ = {"TELEGRAM_BOT_TOKEN": ""}
    async with world.bridge() as app:
        ts = world.slack.say("CGENERAL", "UBOB", "@coze juice")
        await settled(app, 1)
        world.coze.flows.script(FLOW, Step(ask="Your name?"))
        world.slack.say("CGENERAL", "UALICE", "@coze tea", thread_ts=ts)
        await settled(app, 2)
        world.slack.say("CGENERAL", "UBOB", "@coze !retry", thread_ts=ts)
        await settled(app, 3)
    assert [run.body["parameters"]["input"] for run in world.coze.flows.runs] == ["juice", "tea", "juice"]
    assert [run.told for run in world.coze.flows.runs] == [[], [], []]


async def test_a_retry_that_coze_did_not_take_leaves_the_question_open(world):
    world.tuning += WORKFLOW
    world.coze.flows.script(FLOW, Step(ask="Your name?"), Step(output="Hello {1}"))
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "go")
        await seen(world, "Your name?")
        await settled(app, 1)
        world.coze.fault("code", method="/v1/workflow/stream_run", value="4028")
        world.telegram.say(ANN, ANN, "/retry")
        await settled(app, 2)
        assert "⚠️" in texts(world)[-1]
        world.telegram.say(ANN, ANN, "Ann")
        await seen(world, "Hello Ann")
    assert [run.told for run in world.coze.flows.runs] == [["Ann"]]


async def test_an_answer_that_coze_did_not_take_can_be_given_again(world):
    world.tuning += WORKFLOW
    world.coze.flows.script(FLOW, Step(ask="Your name?"), Step(output="Hello {1}"))
    world.coze.fault("code", method="/v1/workflow/stream_resume", value="4028")
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "go")
        await seen(world, "Your name?")
        await settled(app, 1)
        world.telegram.say(ANN, ANN, "Ann")
        await settled(app, 2)
        assert "⚠️" in texts(world)[-1]
        world.telegram.say(ANN, ANN, "Ann")
        await seen(world, "Hello Ann")
        await settled(app, 3)
        assert not any(map(buttons, world.telegram.messages(ANN))), "Coze takes in no judgement of a workflow"
    assert len(world.coze.flows.runs) == 1


async def test_two_chats_go_to_two_bots_and_a_changed_route_to_a_new_conversation(world):
    world.tuning += f'[bots.orders]\nmode = "workflow"\nworkflow_id = "{FLOW}"\n'
    world.tuning += f'[bots.desk]\nmode = "chatflow"\nworkflow_id = "{OTHER}"\n'
    before = world.tuning
    world.tuning += f'[[routes]]\nbot = "orders"\nchat = "{ANN}"\n[[routes]]\nbot = "desk"\nchat = "{BOB}"\n'
    world.coze.flows.script(FLOW, Step(output="ordered: {input}"))
    world.coze.script("tea", Answer(text="Tea it is."))
    async with world.bridge():
        world.telegram.say(ANN, ANN, "tea")
        world.telegram.say(BOB, BOB, "tea")
        await seen(world, "ordered: tea")
        await seen(world, "Tea it is.", BOB)
    (asked,) = world.coze.chats
    assert asked.body["workflow_id"] == OTHER
    world.tuning = before + f'[[routes]]\nbot = "orders"\nchat = "{ANN}"\n'
    async with world.bridge():
        world.telegram.say(BOB, BOB, "more tea")
        await seen(world, "Tea it is.", BOB)
        await world.coze.wait(lambda: len(world.coze.chats) == 2)
    _, again = world.coze.chats
    assert again.bot_id == world.coze.world.bot_id
    assert again.conversation_id != asked.conversation_id
