"""Conversation care as people see it: greeted, cleared, taken up again, and heard."""

import pytest

from simulators.coze.answers import Answer
from simulators.coze.audio import mark_of
from simulators.wire import Fault
from tests.e2e.worlds import settled

ANN, ALICE, DM, CHANNEL = 1001, "UALICE", "DALICE", "CGENERAL"
SPEECH, CLEAR = "/v1/audio/speech", "/v1/conversations/{conversation_id}/clear"
HELLO = "You can ask me anything, {{user_name}}."


@pytest.fixture(autouse=True)
def quick(world):
    world.tuning = world.tuning.replace("telegram_private_seconds = 0.25", "telegram_private_seconds = 0.05")
    world.coze.script("rain", Answer(text="It will **rain**, see [here](https://a.b)."))
    world.coze.world.onboarding = {"prologue": HELLO, "suggested_questions": ["Will it rain?", "Anything else?"]}


def only_telegram(world, **changes):
    return world.bridge(SLACK_BOT_TOKEN="", SLACK_APP_TOKEN="", **changes)


def only_slack(world, **changes):
    return world.bridge(TELEGRAM_BOT_TOKEN="", SLACK_STREAMING="edit", **changes)


def said(world, chat=ANN):
    return [message for message in world.telegram.messages(chat) if message.sender == world.telegram.me.id]


def posts(world, channel=DM):
    return list(world.slack.workspace.channels[channel].messages.values())


def labels(message):
    return [button["text"] for row in (message.now.reply_markup or {}).get("inline_keyboard", []) for button in row]


def data(message, row):
    return message.now.reply_markup["inline_keyboard"][row][0]["callback_data"]


def kinds(world):
    """What each message of ours is."""
    return [
        next((kind for kind in ("voice", "audio", "document") if kind in one.content), "text") for one in said(world)
    ]


# ---- Telegram


async def test_start_greets_by_name_and_its_questions_are_asked(world):
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "/start from_a_poster")
        await settled(app, 1)
        (hello,) = said(world)
        name = world.telegram.world.users[ANN].first_name
        assert hello.text.startswith(f"You can ask me anything, {name}")
        assert labels(hello) == ["Will it rain?", "Anything else?"]
        world.telegram.press(ANN, hello.message_id, data(hello, 0), ANN)
        await settled(app, 2)
    assert said(world)[1].text.startswith("Will it rain?\n\nIt will rain")
    assert [chat.question for chat in world.coze.chats] == ["Will it rain?"]


async def test_clear_begins_a_new_section_between_the_answers_around_it(world):
    world.coze.script("long", Answer(text="word " * 60))
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "long one")
        await world.telegram.wait(lambda: said(world))
        world.telegram.say(ANN, ANN, "/clear")
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 3)
    assert [message.text[:7] for message in said(world)] == ["word wo", "🧹 Conte", "It will"]
    (conversation,) = {chat.conversation_id for chat in world.coze.chats}
    first, second = (chat.section_id for chat in world.coze.chats)
    assert first != second, "the context is new"
    assert world.coze.world.conversations[conversation].name == "long one"


async def test_clear_is_tried_again_where_coze_is_away(world):
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 1)
        (chat,) = world.coze.chats
        world.coze.faults.add(Fault(kind="http", method=CLEAR, value="502", times=2))
        world.telegram.say(ANN, ANN, "/clear")
        await settled(app, 2)
    assert said(world)[1].text.startswith("🧹 Context cleared.")
    assert len(world.coze.world.conversations[chat.conversation_id].sections) == 2
    assert not world.coze.faults.waiting, "it was tried three times"


async def test_an_older_conversation_goes_on_with_its_context(world):
    async with only_telegram(world) as app:
        for number, text in enumerate(["rain?", "/new", "and now?", "/history"], 1):
            world.telegram.say(ANN, ANN, text)
            await settled(app, number)
        listed = said(world)[3]
        assert "and now?" in listed.text
        assert labels(listed) == ["2. rain?"]
        world.telegram.press(ANN, listed.message_id, data(listed, 0), ANN)
        await settled(app, 5)
        world.telegram.say(ANN, ANN, "rain again?")
        await settled(app, 6)
    assert said(world)[4].text == "We go on with “rain?”."
    first, second, third = (chat.conversation_id for chat in world.coze.chats)
    assert (first == third, first == second) == (True, False)


async def test_who_wants_to_hear_answers_does_after_reading_them(world):
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "/voice on")
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 2)
        world.telegram.say(ANN, ANN, "/voice off")
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 4)
    assert kinds(world) == ["text", "text", "voice", "text", "text"]
    assert labels(said(world)[1]) == ["👍", "👎"]
    content = next(file.data for file in world.telegram.world.files.values() if file.file_id.startswith("voice-"))
    assert mark_of("It will rain, see here.") in content, "without markers and addresses"


async def test_where_voice_messages_are_forbidden_a_recording_comes(world):
    refused = Fault(kind="error", method="sendVoice", value="400 Bad Request: VOICE_MESSAGES_FORBIDDEN", times=-1)
    world.telegram.faults.add(refused)
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "/voice on")
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 2)
    assert kinds(world) == ["text", "text", "audio"]


async def test_without_a_voice_the_text_stays(world):
    world.coze.faults.add(Fault(kind="http", method=SPEECH, value="502", times=-1))
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "/voice on")
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 2)
    assert kinds(world) == ["text", "text"]
    assert labels(said(world)[1]) == ["👍", "👎"]


async def test_stop_while_it_is_spoken_ends_it_without_a_voice(world):
    world.coze.faults.add(Fault(kind="hang", method=SPEECH, seconds=600, times=-1))
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "/voice on")
        world.telegram.say(ANN, ANN, "rain?")
        await world.telegram.wait(lambda: len(said(world)) == 2 and labels(said(world)[1]), 60)
        await world.coze.wait(lambda: any(call["path"] == SPEECH for call in world.coze.world.calls), 60)
        world.telegram.say(ANN, ANN, "/stop")
        await settled(app, 3)
    assert kinds(world) == ["text", "text"]
    assert said(world)[1].text.startswith("It will rain")
    assert said(world)[1].text.endswith("⏹ Stopped.")


async def test_killed_while_it_is_spoken_the_voice_comes_once_and_the_text_is_left_alone(world):
    world.coze.faults.add(Fault(kind="hang", method=SPEECH, seconds=600, times=1))
    async with world.process(SLACK_BOT_TOKEN="", SLACK_APP_TOKEN="") as process:
        world.telegram.say(ANN, ANN, "/voice on")
        world.telegram.say(ANN, ANN, "rain?")
        await world.coze.wait(lambda: any(call["path"] == SPEECH for call in world.coze.world.calls), 60)
        await process.kill()
    world.coze.hurry()
    before = [(message.message_id, message.text) for message in said(world)]
    async with only_telegram(world):
        await world.telegram.wait(lambda: kinds(world) == ["text", "text", "voice"], 60)
    assert [(message.message_id, message.text) for message in said(world)][:2] == before
    assert len(world.coze.chats) == 1


async def test_hidden_voices_are_no_command(world):
    world.tuning += "\n[voice]\nspeak = false\n"
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "/help")
        world.telegram.say(ANN, ANN, "/voice on")
        await settled(app, 2)
        menus = [[one["command"] for one in menu] for menu in world.telegram.world.commands.values()]
    assert all("voice" not in menu for menu in menus)
    assert "/voice" not in said(world)[0].text
    assert [chat.question for chat in world.coze.chats] == ["/voice on"], "a question like any other"


# ---- Slack


async def test_the_home_tab_greets_and_its_buttons_open_a_thread_with_the_answer(world):
    async with only_slack(world) as app:
        world.slack.people.look(ALICE)
        await world.slack.wait(lambda: world.slack.workspace.views.get(ALICE), 60)
        view = world.slack.workspace.views[ALICE]
        words = [block["text"]["text"] for block in view["blocks"] if block["type"] == "section"]
        assert words[0] == "You can ask me anything, alice."
        assert words[-1] == "Answers are not read aloud; /coze voice changes that."
        (actions,) = [block for block in view["blocks"] if block["type"] == "actions"]
        assert [button["text"]["text"] for button in actions["elements"]] == ["Will it rain?", "Anything else?"]
        world.slack.people.press_home(ALICE, actions["elements"][0]["action_id"])
        await settled(app, 1)
        (root, answer) = posts(world)
        assert root.raw == "> Will it rain?"
        assert (answer.thread_ts, "It will" in answer.text) == (root.ts, True)
        world.slack.say(DM, ALICE, "rain again?", thread_ts=root.ts)
        await settled(app, 2)
    assert len({chat.conversation_id for chat in world.coze.chats}) == 1


async def test_who_opens_the_chat_or_a_new_thread_is_greeted_once(world):
    async with only_slack(world) as app:
        for _ in range(2):
            world.slack.people.look(ALICE, "messages")
        await settled(app, 1)
        (hello,) = posts(world)
        assert "You can ask me anything, alice." in hello.text
        ts = world.slack.people.open_thread(ALICE)
        await settled(app, 2)
        (again,) = [message for message in posts(world) if message.thread_ts == ts]
        button = next(b for block in again.blocks for b in block.get("elements", ()) if b.get("type") == "button")
        world.slack.press(DM, again.ts, button["action_id"], ALICE)
        await settled(app, 3)
    assert [chat.question for chat in world.coze.chats] == ["Will it rain?"]
    assert "It will" in [m for m in posts(world) if m.thread_ts == ts][-1].text


async def test_slack_commands_and_a_spoken_answer(world):
    async with only_slack(world) as app:
        world.slack.slash("/coze", "voice on", DM, ALICE)
        await settled(app, 1)
        ts = world.slack.say(DM, ALICE, "rain?")
        await settled(app, 2)
        (spoken,) = [file for file in world.slack.workspace.files.values() if file["name"] == "answer.mp3"]
        assert mark_of("It will rain, see here.") in world.slack.workspace.contents[spoken["id"]]
        for number, text in enumerate(["!clear", "!history"], 3):
            world.slack.say(DM, ALICE, text, thread_ts=ts)
            await settled(app, number)
        texts = world.slack.texts(DM, ts)
        assert any(text.startswith("🧹 Context cleared.") for text in texts)
        assert any(text.startswith("This thread is one conversation: “rain?”") for text in texts)
        world.slack.slash("/coze", "voice", DM, ALICE)
        await settled(app, 5)
        listed = posts(world)[-1]
        button = [b for block in listed.blocks for b in block.get("elements", ()) if b.get("type") == "button"][-1]
        assert button["text"]["text"] == "🔇 Off"
        world.slack.press(DM, listed.ts, button["action_id"], ALICE)
        await settled(app, 6)
        assert "🔇 Answers are not read aloud." in [message.text for message in posts(world)]


async def test_strangers_are_not_greeted(world):
    async with only_slack(world, ALLOW="slack:TCOZE:UBOB") as app:
        world.slack.people.look(ALICE)
        world.slack.people.look(ALICE, "messages")
        world.slack.say("DBOB", "UBOB", "rain?")
        await settled(app, 1)
        await world.slack.wait(lambda: all(d.outcome == "acked" for d in world.slack.deliveries.log), 60)
    assert world.slack.workspace.views == {}
    assert posts(world) == []


async def test_the_bot_is_told_who_asks_where_it_wants_to_know(world):
    world.tuning += '\n[bot]\nvariables = {who = "{name}"}\n'
    async with only_telegram(world) as app:
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 1)
    (known,) = world.coze.world.variables.values()
    assert known == {"who": world.telegram.world.users[ANN].first_name}
