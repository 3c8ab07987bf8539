"""A Coze Studio of one's own in the place of the cloud: what people do most works there too, on both platforms."""

import json

import pytest

from simulators.coze.answers import Answer
from simulators.wire import Fault
from tests.e2e.worlds import settled

ANN, ALICE, DM = 1001, "UALICE", "DALICE"
SAID = "It will rain. " * 20


@pytest.fixture(autouse=True)
def studio(world):
    world.coze.world.profile = "studio"
    world.coze.script("rain", Answer(text=SAID))
    world.coze.script("long", Answer(text="word " * 2000))


async def test_coze_studio_does_the_main_job(world):
    """Answers that grow, a conversation that goes on, /new, /stop, a cut that is made good, and a picture."""

    def texts():
        return world.telegram.texts(ANN)

    async with world.bridge(SLACK_BOT_TOKEN="", SLACK_APP_TOKEN="") as app:
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 1)
        (message,) = [one for one in world.telegram.messages(ANN) if one.sender == world.telegram.me.id]
        assert message.text == SAID.strip()
        assert len(message.versions) > 2, "it grew"
        world.telegram.say(ANN, ANN, "echo: two")
        await settled(app, 2)
        world.telegram.say(ANN, ANN, "/new")
        await settled(app, 3)
        world.coze.pace(0)
        world.coze.fault("cut_clean", after=3)
        world.telegram.say(ANN, ANN, "rain again?")
        await settled(app, 4)
        assert texts()[-1] == SAID.strip(), "it was recalled"
        world.telegram.say(ANN, ANN, "echo: look", media={"kind": "photo", "text": "a cat"})
        await settled(app, 5)
        world.coze.pace(40)
        world.telegram.say(ANN, ANN, "long one")
        await world.telegram.wait(lambda: texts()[-1].startswith("word"))
        world.telegram.say(ANN, ANN, "/stop")
        await world.coze.wait(lambda: world.coze.chats[-1].status == "canceled")
        await settled(app, 7)
    assert any(text.endswith("⏹ Stopped.") for text in texts())
    first, second, renewed, pictured, stopped = world.coze.chats
    assert first.conversation_id == second.conversation_id != renewed.conversation_id == stopped.conversation_id
    (picture,) = [item for item in json.loads(pictured.question) if item["type"] == "image"]
    assert world.coze.files[picture["file_id"]].data == b"a cat"
    assert len(world.coze.asked("rain again")) == 1


async def test_coze_studio_in_slack(world):
    async with world.bridge(TELEGRAM_BOT_TOKEN="") as app:
        thread = world.slack.say(DM, ALICE, "rain?")
        await settled(app, 1)
        world.slack.say(DM, ALICE, "echo: two", thread_ts=thread)
        await settled(app, 2)
    assert [text.strip() for text in world.slack.texts(DM, thread)] == [SAID.strip(), "two"]
    assert len({chat.conversation_id for chat in world.coze.chats}) == 1


@pytest.mark.parametrize(
    ("answer", "fault", "part"),
    [
        (Answer(end="failed", code=103100002), None, "cannot find this bot"),
        (Answer(end="failed", code=103200004), None, "workflow is not set up"),
        (Answer(), Fault(kind="code", value="700012006", times=-1), "credentials"),
        (Answer(), Fault(kind="code", value="400", times=-1), "could not answer"),
        (Answer(end="requires_action"), None, "empty answer"),
        (Answer(text="How many?", end="reply_message"), None, "How many?"),
    ],
    ids=["no agent", "no chatflow", "a bad key", "a bad request", "a tool, which it does not have", "a question"],
)
async def test_what_coze_studio_refuses_is_told(world, answer, fault, part):
    world.coze.script("odd", answer, fault=fault)
    async with world.bridge(SLACK_BOT_TOKEN="", SLACK_APP_TOKEN="") as app:
        world.telegram.say(ANN, ANN, "an odd question")
        await settled(app, 1)
    assert part in world.telegram.texts(ANN)[-1]
