"""The buttons below an answer, pressed by people: a suggestion is asked and answered, a judgement reaches Coze."""

import pytest

from simulators.coze.answers import Answer
from simulators.wire import Fault
from tests.e2e.worlds import settled

ANN, BOB, ALICE, ROB, CHANNEL, DM = 1001, 1002, "UALICE", "UBOB", "CGENERAL", "DALICE"
NEXT = [
    "And tomorrow?",
    "What about *河南*, and everything else that one may want to know of the weather there this week?",
]


@pytest.fixture(autouse=True)
def quick(world):
    world.tuning = world.tuning.replace("telegram_private_seconds = 0.25", "telegram_private_seconds = 0.05")
    world.tuning += "slack_update_seconds = 0.05\n"
    world.coze.script("rain", Answer(text="It will rain.", follow_ups=NEXT))
    world.coze.script("tomorrow", Answer(text="Sun."))
    world.coze.script("everything else", Answer(text="Clouds."))


def only_telegram(world, **changes):
    return world.bridge(SLACK_BOT_TOKEN="", SLACK_APP_TOKEN="", **changes)


def only_slack(world, **changes):
    return world.bridge(TELEGRAM_BOT_TOKEN="", SLACK_STREAMING="edit", **changes)


def said(world, chat=ANN):
    return [message for message in world.telegram.messages(chat) if message.sender == world.telegram.me.id]


def rows(message):
    return [[button["text"] for button in row] for row in (message.now.reply_markup or {}).get("inline_keyboard", [])]


def data(message, row=0, column=0):
    return message.now.reply_markup["inline_keyboard"][row][column]["callback_data"]


def judgements(world):
    return [
        message.feedback["feedback_type"] for chat in world.coze.chats for message in chat.messages if message.feedback
    ]


# ---- Telegram


async def test_in_telegram_a_suggestion_is_asked_and_its_answer_shows_it(world):
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 1)
        (first,) = said(world)
        assert rows(first) == [[NEXT[0]], [NEXT[1][:100]], ["👍", "👎"]]
        assert all(look.reply_markup is None for look in first.versions[:-1]), "only the final has buttons"
        world.telegram.press(ANN, first.message_id, data(first, 1), ANN)
        await settled(app, 2)
    second = said(world)[1]
    assert second.text == f"{NEXT[1]}\n\nClouds."
    assert [entity["type"] for entity in second.now.entities] == ["blockquote"]
    assert second.place.reply_to == first.message_id
    assert rows(second) == [["👍", "👎"]]
    assert [chat.question for chat in world.coze.chats] == ["rain?", NEXT[1]]
    assert len({chat.conversation_id for chat in world.coze.chats}) == 1
    assert len(world.telegram.calls("answerCallbackQuery")) == 1


async def test_in_a_group_whoever_presses_asks_in_the_topic_and_for_themselves(world):
    async with only_telegram(world) as app:
        made = world.telegram.add_chat(type="supergroup", title="F", members=[ANN, BOB], topics=["a"])
        (topic,) = made["topics"].values()
        world.telegram.say(made["id"], ANN, "@coze_demo_bot rain?", thread=topic)
        await settled(app, 1)
        (first,) = said(world, made["id"])
        world.telegram.press(made["id"], first.message_id, data(first), BOB)
        await settled(app, 2)
    second = said(world, made["id"])[1]
    assert (second.text, second.place.thread) == (f"{NEXT[0]}\n\nSun.", topic)
    assert len({chat.user_id for chat in world.coze.chats}) == 2
    assert len({chat.conversation_id for chat in world.coze.chats}) == 2


async def test_a_press_that_comes_twice_asks_once_and_two_presses_ask_twice(world):
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 1)
        (first,) = said(world)
        world.telegram.press(ANN, first.message_id, data(first), ANN)
        await settled(app, 2)
        world.telegram.updates.duplicate()
        world.telegram.press(ANN, first.message_id, data(first), ANN)
        await settled(app, 3)
    assert [chat.question for chat in world.coze.chats] == ["rain?", NEXT[0], NEXT[0]]


async def test_judgements_reach_coze_and_are_thanked_for(world):
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 1)
        (first,) = said(world)
        world.telegram.press(ANN, first.message_id, data(first, 2, 0), ANN)
        await world.coze.wait(lambda: judgements(world) == ["like"], 30)
        world.telegram.press(ANN, first.message_id, data(first, 2, 1), ANN)
        await world.coze.wait(lambda: judgements(world) == ["unlike"], 30)
        await world.telegram.wait(lambda: len(world.telegram.calls("answerCallbackQuery")) == 2, 30)
    assert [call.params.get("text") for call in world.telegram.calls("answerCallbackQuery")] == ["Thanks!"] * 2
    assert len(said(world)) == 1


async def test_a_stranger_who_presses_gets_silence_and_changes_nothing(world):
    async with only_telegram(world, ALLOW=f"telegram:{ANN}") as app:
        group = world.telegram.add_chat(type="supergroup", title="G", members=[ANN, BOB])["id"]
        world.telegram.say(group, ANN, "@coze_demo_bot rain?")
        await settled(app, 1)
        (first,) = said(world, group)
        for row, column in ((0, 0), (2, 0)):
            world.telegram.press(group, first.message_id, data(first, row, column), BOB)
        world.telegram.say(group, ANN, "@coze_demo_bot echo: after", reply_to=first.message_id)
        await settled(app, 2)
    assert [message.text for message in said(world, group)] == ["It will rain.", "after"]
    assert judgements(world) == []


async def test_a_forged_press_is_told_that_the_button_is_no_good(world):
    async with only_telegram(world) as app:
        for person in (ANN, BOB):
            world.telegram.say(person, person, "rain?")
        await settled(app, 2)
        (mine,), (theirs,) = said(world, ANN), said(world, BOB)
        world.telegram.press(ANN, mine.message_id, data(theirs), ANN, force=True)
        await settled(app, 3)
        assert said(world)[-1].text == "This button is no longer valid. Please write your question."
        world.telegram.press(ANN, mine.message_id, data(theirs, 2, 0), ANN, force=True)
        await settled(app, 4)
    assert len(world.coze.chats) == 2
    assert judgements(world) == []


@pytest.mark.parametrize(("text", "stop"), [("/help", False), ("rain", True), ("nothing", False)])
async def test_what_is_no_good_answer_has_no_buttons(world, text, stop):
    world.coze.script("nothing", Answer(text="", follow_ups=NEXT))
    if stop:
        world.coze.script("rain", Answer(text="word " * 400, follow_ups=NEXT))
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, text)
        if stop:
            await world.telegram.wait(lambda: said(world), 30)
            world.telegram.say(ANN, ANN, "/stop")
        await settled(app, 1 + stop)
    assert said(world)
    assert not any(rows(message) for message in said(world))


async def test_the_operator_can_leave_them_out(world):
    world.tuning += "[answers]\nsuggestions = false\nfeedback = false\n"
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 1)
    (message,) = said(world)
    assert rows(message) == []


# ---- Slack


def actions(message, kind="actions"):
    return [element for block in message.blocks if block["type"] == kind for element in block["elements"]]


async def test_in_slack_a_suggestion_is_asked_in_the_thread_and_its_answer_shows_it(world):
    async with only_slack(world) as app:
        ts = world.slack.say(CHANNEL, ALICE, "@coze rain?")
        await settled(app, 1)
        (first,) = world.slack.bot_messages(CHANNEL)
        assert [button["text"]["text"] for button in actions(first)] == [NEXT[0], NEXT[1][:74] + "…"]
        world.slack.press(CHANNEL, first.ts, actions(first)[1]["action_id"], ROB)
        await settled(app, 2)
    first, second = world.slack.bot_messages(CHANNEL, ts)
    assert first.raw == "It will rain."
    assert second.raw.splitlines() == ["> What about \\*河南\\*" + NEXT[1][15:], "", "Clouds."]
    assert len({chat.conversation_id for chat in world.coze.chats}) == 1, "a thread is shared"
    assert len({chat.user_id for chat in world.coze.chats}) == 2


async def test_in_slack_judgements_reach_coze(world):
    async with only_slack(world) as app:
        world.slack.say(DM, ALICE, "rain?")
        await settled(app, 1)
        (first,) = world.slack.bot_messages(DM)
        (buttons,) = actions(first, "context_actions")
        for kind, expected in (("positive", "like"), ("negative", "unlike")):
            value = buttons[f"{kind}_button"]["value"]
            world.slack.press(DM, first.ts, buttons["action_id"], ALICE, value)
            await world.coze.wait(lambda expected=expected: judgements(world) == [expected], 30)


async def test_a_dm_that_is_one_conversation_goes_on_by_a_button(world):
    async with only_slack(world, SLACK_DM="person") as app:
        world.slack.say(DM, ALICE, "rain?")
        await settled(app, 1)
        (first,) = world.slack.bot_messages(DM)
        world.slack.press(DM, first.ts, actions(first)[0]["action_id"], ALICE)
        await settled(app, 2)
    assert world.slack.texts(DM) == ["It will rain.", f"> {NEXT[0]}\n\nSun."]
    assert len({chat.conversation_id for chat in world.coze.chats}) == 1


async def test_a_slack_message_that_takes_no_blocks_gets_the_suggestions_as_a_list(world):
    world.slack.settings.change(block_mismatch=True)
    async with only_slack(world) as app:
        world.slack.say(CHANNEL, ALICE, "@coze rain?")
        await settled(app, 1)
    (message,) = world.slack.bot_messages(CHANNEL)
    assert message.raw == f"It will rain.\n\n- {NEXT[0]}\n- What about \\*河南\\*{NEXT[1][15:100]}"


async def test_a_forged_slack_press_is_told_so(world):
    async with only_slack(world) as app:
        ts = world.slack.say(CHANNEL, ALICE, "@coze rain?")
        await settled(app, 1)
        (first,) = world.slack.bot_messages(CHANNEL)
        forged = {
            "type": "block_actions",
            "user": ROB,
            "channel": {"id": "DBOB"},
            "container": {"type": "message", "message_ts": first.ts, "channel_id": "DBOB", "thread_ts": ts},
            "actions": [{**actions(first)[0], "block_id": "b", "action_ts": first.ts}],
        }
        for wrong in ({}, {"actions": []}, {"actions": ["x"]}, {"container": None}, {"container": {"message_ts": 3}}):
            world.slack.people.interact({**forged, **wrong})
        await settled(app, 2)
    assert len(world.coze.chats) == 1


async def test_a_database_that_fails_leaves_the_press_with_telegram(world):
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 1)
        world.telegram.faults.add(Fault(kind="error_500", method="sendMessage", times=2))
        (first,) = said(world)
        world.telegram.press(ANN, first.message_id, data(first), ANN)
        await settled(app, 2)
    assert said(world)[-1].text.endswith("Sun.")


async def test_below_a_stream_of_slacks_own_they_stand_and_work_too(world):
    world.coze.script("rain", Answer(text="It will rain. " * 30, reasoning="The sky is dark.", follow_ups=NEXT))
    async with world.bridge(TELEGRAM_BOT_TOKEN="") as app:
        ts = world.slack.say(DM, ALICE, "rain?")
        await settled(app, 1)
        (first,) = world.slack.bot_messages(DM)
        assert "> **💭 Reasoning**\n> The sky is dark." in first.raw
        assert "\u2063" not in first.raw
        world.slack.press(DM, first.ts, actions(first)[0]["action_id"], ALICE)
        await settled(app, 2)
        (buttons,) = actions(first, "context_actions")
        world.slack.press(DM, first.ts, buttons["action_id"], ALICE, buttons["positive_button"]["value"])
        await world.coze.wait(lambda: judgements(world) == ["like"], 30)
    assert world.slack.texts(DM, ts)[1] == f"> {NEXT[0]}\n\nSun."
