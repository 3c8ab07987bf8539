"""A message was sent, and nobody noted its id: it is found again and completed, so nothing is shown twice."""

import aiohttp
import pytest

from simulators.coze.answers import Answer
from simulators.wire import Fault
from tests.e2e.worlds import settled

ANN, BOB = 1001, 1002
WHOLE = "word " * 150


def bots(world, chat=ANN):
    """The bot's messages that stand."""
    return [message for message in world.telegram.messages(chat) if message.sender == world.telegram.me.id]


async def duplicates(app, platform):
    """What the metric says."""
    async with aiohttp.ClientSession() as session, session.get(f"{app.url}/metrics") as response:
        name = f'coze_bridge_possible_duplicates_total{{platform="{platform}"}}'
        (line,) = [line for line in (await response.text()).splitlines() if line.startswith(name)]
    return float(line.split()[-1])


@pytest.fixture(params=["private", "group", "supergroup"])
def chat(world, request):
    if request.param == "private":
        return ANN
    return world.telegram.add_chat(type=request.param, members=[ANN, BOB])["id"]


async def test_the_first_response_is_lost(world, chat):
    world.coze.script("long", Answer(text=WHOLE))
    world.telegram.faults.add(Fault(kind="drop_response_after_commit", method="sendMessage"))
    async with world.bridge() as app:
        world.telegram.say(chat, ANN, "@coze_demo_bot long please")
        await settled(app, 1)
        assert await duplicates(app, "telegram") == 0
    (message,) = bots(world, chat)
    assert message.text == WHOLE.strip()
    data = str(message.now.reply_markup or "")
    assert "probe" not in data
    assert len(world.telegram.calls("sendMessage")) == 1


async def test_every_first_response_is_lost_while_many_write(world):
    """All ids are of one counter: the searches meet each other's messages, and take none of them."""
    world.coze.pace(0)
    world.telegram.faults.add(Fault(kind="drop_response_after_commit", method="sendMessage", times=12))
    async with world.bridge() as app:
        for person in range(2000, 2012):
            world.telegram.say(person, person, f"echo: {person}")
        await settled(app, 12)
        assert await duplicates(app, "telegram") == 0
    assert [world.telegram.texts(person) for person in range(2000, 2012)] == [[str(n)] for n in range(2000, 2012)]


async def test_in_a_group_two_lost_answers_stay_apart(world):
    group = world.telegram.add_chat(type="supergroup", members=[ANN, BOB])["id"]
    world.telegram.faults.add(Fault(kind="drop_response_after_commit", method="sendMessage", times=2))
    async with world.bridge() as app:
        questions = {
            world.telegram.say(group, person, f"@coze_demo_bot echo: {person}")["message_id"]: str(person)
            for person in (ANN, BOB)
        }
        await settled(app, 2)
        assert await duplicates(app, "telegram") == 0
    assert {message.place.reply_to: message.text for message in bots(world, group)} == questions


async def test_killed_between_the_send_and_its_note(world, chat):
    world.coze.script("long", Answer(text=WHOLE))
    world.telegram.faults.add(Fault(kind="hang_after_commit", method="sendMessage", seconds=600))
    async with world.process() as process:
        world.telegram.say(chat, ANN, "@coze_demo_bot long please")
        await world.telegram.wait(lambda: bots(world, chat))
        await process.kill()
    (before,) = bots(world, chat)
    world.telegram.say(chat, BOB if chat < 0 else ANN, "/nothing@another_bot" if chat < 0 else "/help")
    async with world.process():
        await world.telegram.wait(lambda: before.text == WHOLE.strip(), 40)
    assert [message.text for message in bots(world, chat)].count(WHOLE.strip()) == 1
    assert len(bots(world, chat)) == (1 if chat < 0 else 2)
    assert len(world.coze.asked("long")) == 1


async def test_the_message_at_the_end_of_a_draft(world):
    world.coze.script("long", Answer(text=WHOLE))
    world.telegram.faults.add(Fault(kind="drop_response_after_commit", method="sendMessage"))
    async with world.bridge(TELEGRAM_STREAMING="draft") as app:
        world.telegram.say(ANN, ANN, "long please")
        await settled(app, 1)
        assert await duplicates(app, "telegram") == 0
    assert world.telegram.calls("sendMessageDraft")
    assert world.telegram.texts(ANN) == [WHOLE.strip()]


async def test_killed_when_a_draft_became_a_message(world):
    world.coze.script("long", Answer(text=WHOLE))
    world.telegram.faults.add(Fault(kind="hang_after_commit", method="sendMessage", seconds=600))
    async with world.process(TELEGRAM_STREAMING="draft") as process:
        world.telegram.say(ANN, ANN, "long please")
        await world.telegram.wait(lambda: bots(world), 60)
        await process.kill()
    async with world.bridge(TELEGRAM_STREAMING="draft") as app:
        await settled(app, 1)
        assert await duplicates(app, "telegram") == 0
    assert world.telegram.texts(ANN) == [WHOLE.strip()]


async def test_one_that_never_arrived_is_sent_again_and_counted(world):
    world.telegram.faults.add(Fault(kind="reset", method="sendMessage"))
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "echo: hello")
        await settled(app, 1)
        assert await duplicates(app, "telegram") == 1
    assert world.telegram.texts(ANN) == ["hello"]


async def test_a_search_keeps_within_the_limits(world):
    world.telegram.flood_control.limits.on = True
    world.tuning = world.tuning.replace("telegram_private_seconds = 0.25\n", "")
    world.telegram.faults.add(Fault(kind="reset", method="sendMessage"))
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "echo: hello")
        await settled(app, 1)
    assert world.telegram.texts(ANN) == ["hello"]
    assert world.telegram.flood_control.refused == 0


async def test_a_lost_response_in_slack_is_found_again(world):
    world.slack.faults.add(Fault(kind="drop_response_after_commit", method="chat.postMessage"))
    async with world.bridge() as app:
        ts = world.slack.say("DALICE", "UALICE", "echo: hello")
        await settled(app, 1)
        assert world.slack.texts("DALICE", ts) == ["hello"]
        assert await duplicates(app, "slack") == 0


async def test_what_slack_does_not_list_is_sent_again_and_counted(world):
    world.slack.settings.scopes -= {"im:history", "channels:history", "groups:history", "mpim:history"}
    world.slack.faults.add(Fault(kind="drop_response_after_commit", method="chat.postMessage"))
    async with world.bridge(SLACK_STREAMING="edit") as app:
        ts = world.slack.say("DALICE", "UALICE", "echo: hello")
        await settled(app, 1)
        assert world.slack.texts("DALICE", ts)[-1] == "hello"
        assert await duplicates(app, "slack") == 1
