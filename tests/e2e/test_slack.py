"""A person talks to a Coze bot in Slack: the whole service over Socket Mode, and over signed HTTP."""

import time

import aiohttp
import pytest

from simulators.coze.answers import Answer
from tests.e2e.worlds import settled

CHANNEL, DM = "CGENERAL", "DALICE"
ALICE, BOB = "UALICE", "UBOB"


async def test_a_mention_is_answered_in_its_thread_and_grows(world):
    said = "One two three. " * 20
    world.coze.script("count", Answer(text=said))
    async with world.bridge() as app:
        ts = world.slack.say(CHANNEL, ALICE, "@coze count please")
        await settled(app, 1)
    (message,) = world.slack.bot_messages(CHANNEL)
    assert message.thread_ts == ts
    assert message.raw == said.strip()
    assert len(message.versions) >= 3
    assert [chat.question for chat in world.coze.chats] == ["count please"]


async def test_in_a_thread_it_takes_part_in_its_participants_need_no_mention(world):
    async with world.bridge() as app:
        ts = world.slack.say(CHANNEL, ALICE, "@coze echo: first")
        await settled(app, 1)
        world.slack.say(CHANNEL, ALICE, "echo: second", thread_ts=ts)
        await settled(app, 2)
        world.slack.say(CHANNEL, BOB, "this is between us", thread_ts=ts)
        world.slack.say(CHANNEL, ALICE, "<@UBOB> what do you think?", thread_ts=ts)
        world.slack.say(CHANNEL, BOB, "@coze echo: third", thread_ts=ts)
        await settled(app, 3)
    assert world.slack.texts(CHANNEL, ts) == ["first", "second", "third"]
    assert len({chat.conversation_id for chat in world.coze.chats}) == 1
    assert len({chat.user_id for chat in world.coze.chats}) == 2


async def test_a_message_for_nobody_in_particular_is_left_alone(world):
    async with world.bridge() as app:
        world.slack.say(CHANNEL, ALICE, "good morning")
        ts = world.slack.say(CHANNEL, ALICE, "@coze echo: hello")
        await settled(app, 1)
    assert world.slack.texts(CHANNEL) == world.slack.texts(CHANNEL, ts) == ["hello"]


@pytest.mark.parametrize("order", ["same", "reverse"])
async def test_the_twin_events_of_a_mention_are_answered_once(world, order):
    async with world.bridge() as app:
        world.slack.deliveries.hold()
        world.slack.say(CHANNEL, ALICE, "@coze echo: once")
        world.slack.deliveries.release(order)
        await settled(app, 1)
        world.slack.say(CHANNEL, ALICE, "@coze echo: next")
        await settled(app, 2)
    assert world.slack.texts(CHANNEL) == ["once", "next"]


async def test_each_message_in_a_dm_opens_a_thread_and_a_conversation(world):
    async with world.bridge() as app:
        first = world.slack.say(DM, ALICE, "echo: one")
        await settled(app, 1)
        second = world.slack.say(DM, ALICE, "echo: two")
        world.slack.say(DM, ALICE, "echo: one more", thread_ts=first)
        await settled(app, 3)
    assert world.slack.texts(DM, first) == ["one", "one more"]
    assert world.slack.texts(DM, second) == ["two"]
    conversations = [chat.conversation_id for chat in world.coze.chats]
    assert len(set(conversations)) == 2


async def test_a_dm_can_be_one_continuous_conversation(world):
    async with world.bridge(SLACK_DM="person") as app:
        world.slack.say(DM, ALICE, "echo: one")
        await settled(app, 1)
        world.slack.say(DM, ALICE, "echo: two")
        await settled(app, 2)
    assert [message.thread_ts for message in world.slack.bot_messages(DM)] in ([None, None], ["", ""])
    assert len({chat.conversation_id for chat in world.coze.chats}) == 1


async def test_commands_in_threads_and_as_slash_command(world):
    async with world.bridge() as app:
        ts = world.slack.say(DM, ALICE, "echo: before")
        await settled(app, 1)
        world.slack.say(DM, ALICE, "!new", thread_ts=ts)
        await settled(app, 2)
        world.slack.say(DM, ALICE, "echo: after", thread_ts=ts)
        await settled(app, 3)
        world.slack.slash("/coze", "help", DM, ALICE)
        await settled(app, 4)
    assert world.slack.texts(DM, ts) == ["before", "A new conversation has begun.", "after"]
    assert any("Start a new conversation" in text for text in world.slack.texts(DM))
    assert len({chat.conversation_id for chat in world.coze.chats}) == 2


async def test_what_the_model_says_pings_nobody(world):
    world.coze.script("ping", Answer(text="Hey <!channel> and <@UBOB>, see `<!here>` and <https://example.com>"))
    async with world.bridge() as app:
        world.slack.say(CHANNEL, ALICE, "@coze ping them")
        await settled(app, 1)
    (message,) = world.slack.bot_messages(CHANNEL)
    assert not message.pings["broadcast"]
    assert not message.pings["users"]


async def test_other_bots_are_ignored(world):
    async with world.bridge() as app:
        world.slack.say(CHANNEL, "UOTHER", "@coze echo: loop")
        world.slack.say(CHANNEL, ALICE, "@coze echo: person")
        await settled(app, 1)
    assert [chat.question for chat in world.coze.chats] == ["echo: person"]


async def test_escapes_are_undone_before_coze_sees_them(world):
    async with world.bridge() as app:
        world.slack.say(CHANNEL, ALICE, "@coze is a < b && c > d?")
        await settled(app, 1)
    assert world.coze.chats[0].question == "is a < b && c > d?"


@pytest.mark.parametrize("action", ["drop", "refresh", "warn"])
async def test_a_lost_socket_is_replaced_and_nothing_is_missed(world, action):
    async with world.bridge() as app:
        await world.slack.socket(action)
        world.slack.say(CHANNEL, ALICE, "@coze echo: still there")
        await settled(app, 1, 40)
    assert world.slack.texts(CHANNEL) == ["still there"]


async def test_signed_http_events_instead_of_sockets(world):
    changes = {"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": "secret"}
    async with world.bridge(**changes) as app:
        world.slack.settings.change(request_url=f"{app.url}/slack/events")
        assert await world.slack.deliveries.verify()
        ts = world.slack.say(CHANNEL, ALICE, "@coze echo: over http")
        await settled(app, 1)
        assert world.slack.texts(CHANNEL, ts) == ["over http"]
        forged = {"X-Slack-Request-Timestamp": str(int(time.time())), "X-Slack-Signature": "v0=00"}
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{app.url}/slack/events", data=b"{}", headers=forged) as response:
                assert response.status == 401
            async with session.post(f"{app.url}/slack/events", data=b"{}") as response:
                assert response.status == 401
    assert len(world.coze.chats) == 1


async def test_a_slash_command_reaches_the_answer_that_runs_in_a_thread(world):
    world.coze.script("long", Answer(text="word " * 400))
    async with world.bridge() as app:
        ts = world.slack.say(DM, ALICE, "long one")
        await world.slack.wait(lambda: world.slack.texts(DM, ts))
        world.slack.slash("/coze", "stop", DM, ALICE)
        await settled(app, 2)
    assert world.slack.texts(DM, ts)[0].endswith("⏹ Stopped.")
    assert world.coze.chats[0].status == "canceled"
