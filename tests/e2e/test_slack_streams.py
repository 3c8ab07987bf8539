"""Answers that grow by Slack's own streaming, through the whole service: how they grow, and all their ends."""

import asyncio
import re

import pytest

from adapters.slack import streams
from simulators.coze.answers import Answer
from simulators.wire import Fault
from tests.e2e import answers
from tests.e2e.worlds import settled

DM, ALICE = "DALICE", "UALICE"
WHOLE = " ".join(f"word{number}" for number in range(300)) + "."
SLOW = Answer(text=WHOLE, delays=[0.005])
STOPPED = "⏹ Stopped."


def methods(world) -> list[str]:
    return [call.method for call in world.slack.calls if call.method.startswith("chat.")]


def shown(world, ts: str) -> list[str]:
    """What people read of each message: its text, or the Markdown block that stands in its place."""
    texts = []
    for message in world.slack.bot_messages(DM, ts):
        blocks = [block["text"] for block in message.blocks if block["type"] == "markdown"]
        texts.append("\n\n".join(blocks) or message.raw)
    return texts


async def grown(world, ts: str, words: int = 20) -> None:
    """Until so much of an answer is to be seen."""
    await world.slack.wait(lambda: any(len(text.split()) >= words for text in world.slack.texts(DM, ts)), 60)


async def whole(world, ts: str, text: str = WHOLE) -> None:
    """Until that answer, and nothing else, is to be seen; and its stream has ended."""
    await world.slack.wait(lambda: [said.strip() for said in world.slack.texts(DM, ts)] == [text] or None, 60)
    await world.slack.wait(
        lambda: all(m.stream is None or m.stream.state != "streaming" for m in world.slack.bot_messages(DM, ts)), 60
    )


async def test_an_answer_in_a_dm_is_streamed(world):
    world.coze.script("count", SLOW)
    async with world.bridge() as app:
        ts = world.slack.say(DM, ALICE, "count please")
        await settled(app, 1)
    (message,) = world.slack.bot_messages(DM, ts)
    assert message.raw == WHOLE
    assert message.edited is None
    assert len(message.versions) >= 3
    assert all(WHOLE.startswith(version.text) for version in message.versions)
    assert set(methods(world)) == {"chat.startStream", "chat.appendStream", "chat.stopStream"}
    assert world.slack.workspace.sessions[DM, ts]["status"] == "active"


async def test_a_long_answer_rolls_over_before_the_stream_is_full(world):
    said = answers.Writer(7, chinese=True).write(13_000)
    world.coze.script("long", Answer(text=said.markdown, delays=[0.001]))
    async with world.bridge() as app:
        ts = world.slack.say(DM, ALICE, "long please")
        await settled(app, 1)
    messages = world.slack.bot_messages(DM, ts)
    assert len(messages) >= 3
    assert answers.read(said, shown(world, ts)) == said.words
    assert all(len(text.encode()) <= 9_000 for text in shown(world, ts))
    assert all(text.count("```") % 2 == 0 for text in shown(world, ts))
    assert all(message.stream is not None and message.stream.state == "stopped" for message in messages)


async def test_a_stream_that_the_platform_cuts_at_its_age_ends_whole_and_nothing_is_repeated(world):
    world.coze.script("count", SLOW)
    world.slack.settings.stream_ttl = 0.8
    async with world.bridge() as app:
        ts = world.slack.say(DM, ALICE, "count please")
        await settled(app, 1)
    assert world.slack.texts(DM, ts) == [WHOLE]
    (message,) = world.slack.bot_messages(DM, ts)
    assert message.stream.state == "expired"
    assert message.edited is not None
    assert methods(world).count("chat.startStream") == 1


async def test_a_stream_that_we_end_before_that_goes_on_by_edits(world, monkeypatch):
    monkeypatch.setattr(streams, "OLDEST_SECONDS", 0.8)
    world.coze.script("count", SLOW)
    async with world.bridge() as app:
        ts = world.slack.say(DM, ALICE, "count please")
        await settled(app, 1)
    assert world.slack.texts(DM, ts) == [WHOLE]
    (message,) = world.slack.bot_messages(DM, ts)
    assert message.stream.state == "stopped"
    assert "chat.update" in methods(world)
    assert methods(world).count("chat.startStream") == methods(world).count("chat.stopStream") == 1


@pytest.mark.parametrize("size", [300, 1_000])
async def test_a_stream_that_the_platform_finds_too_long_ends_whole_and_nothing_is_repeated(world, size):
    world.coze.script("count", SLOW)
    world.slack.settings.stream_bytes = size
    async with world.bridge() as app:
        ts = world.slack.say(DM, ALICE, "count please")
        await settled(app, 1)
    assert world.slack.texts(DM, ts) == [WHOLE]
    (message,) = world.slack.bot_messages(DM, ts)
    assert message.stream.state == "stopped"


async def test_a_stream_that_its_reader_stops_ends_stopped_and_nothing_is_repeated(world):
    world.coze.script("count", Answer(text=WHOLE, delays=[0.05]))
    async with world.bridge() as app:
        ts = world.slack.say(DM, ALICE, "count please")
        await grown(world, ts)
        assert world.slack.workspace.sessions[DM, ts]["status"] == "processing"
        assert len(world.slack.stop(DM, ts, ALICE)) == 1
        seen = len(world.slack.texts(DM, ts)[0])
        await settled(app, 2)
        world.slack.stop(DM, ts, ALICE)  # there is nothing left to stop, and nothing is said of it
        await settled(app, 3)
        (text,) = world.slack.texts(DM, ts)
        assert text.endswith(STOPPED)
        assert WHOLE.startswith(text.removesuffix(STOPPED).rstrip())
        assert len(text) >= seen
        assert world.slack.workspace.sessions[DM, ts]["status"] == "active"
        assert world.coze.chats[0].status == "canceled"
        world.slack.say(DM, ALICE, "echo: and on it goes", thread_ts=ts)
        await settled(app, 4)
    assert world.slack.texts(DM, ts)[1:] == ["and on it goes"]
    calls = [call for call in world.slack.calls if call.method in ("chat.appendStream", "chat.postMessage")]
    assert not [call for call in calls if call.outcome == "stopped_by_user"][1:]


async def test_stop_without_the_event_is_believed_to_the_stream(world):
    """An app that was installed with an older manifest does not hear of it: then the answer stands there whole."""
    world.slack.settings.subscriptions.discard("agent_session_stopped")
    world.coze.script("count", SLOW)
    async with world.bridge() as app:
        ts = world.slack.say(DM, ALICE, "count please")
        await grown(world, ts)
        world.slack.stop(DM, ts, ALICE)
        await settled(app, 1)
    assert world.slack.texts(DM, ts) == [WHOLE]


async def test_a_stranger_who_presses_stop_is_not_spoken_to(world):
    world.coze.script("count", SLOW)
    async with world.bridge(ALLOW="slack:TCOZE:UALICE", SLACK_STREAMING="native") as app:
        ts = world.slack.say("CGENERAL", ALICE, "@coze count please")
        await world.slack.wait(lambda: world.slack.texts("CGENERAL", ts), 60)
        world.slack.stop("CGENERAL", ts, "UBOB")
        await settled(app, 1)
    assert world.slack.texts("CGENERAL", ts) == [WHOLE]
    assert world.slack.bot_messages("DBOB") == []
    assert world.slack.workspace.channels["CGENERAL"].ephemeral == []


async def test_in_a_channel_it_is_streamed_for_who_asked_where_that_is_wanted(world):
    world.coze.script("count", SLOW)
    async with world.bridge(SLACK_STREAMING="native") as app:
        ts = world.slack.say("CGENERAL", ALICE, "@coze count please")
        await settled(app, 1)
    (message,) = world.slack.bot_messages("CGENERAL", ts)
    assert message.raw == WHOLE
    assert message.stream.recipient == ALICE


@pytest.mark.parametrize("method", ["chat.startStream", "chat.appendStream", "chat.stopStream"])
@pytest.mark.parametrize("kind", ["drop_response_after_commit", "reset"])
async def test_a_call_whose_answer_is_lost_repeats_nothing(world, method, kind):
    world.coze.script("count", SLOW)
    world.slack.faults.add(Fault(kind=kind, method=method))
    async with world.bridge() as app:
        ts = world.slack.say(DM, ALICE, "count please")
        await settled(app, 1)
    assert world.slack.texts(DM, ts) == [WHOLE]
    assert all(message.metadata is not None for message in world.slack.bot_messages(DM, ts))


async def test_killed_in_mid_stream_the_next_process_completes_the_same_message(world):
    world.coze.script("count", Answer(text=WHOLE, delays=[0.02]))
    async with world.process() as process:
        ts = world.slack.say(DM, ALICE, "count please")
        await grown(world, ts)
        await process.kill()
    (before,) = world.slack.bot_messages(DM, ts)
    async with world.process():
        await whole(world, ts)
    (after,) = world.slack.bot_messages(DM, ts)
    assert after.ts == before.ts
    assert len(world.coze.asked("count")) == 1


async def test_killed_while_the_stream_began_the_next_process_finds_it(world):
    world.coze.script("count", SLOW)
    world.slack.faults.add(Fault(kind="hang", method="chat.startStream", seconds=1.5))
    async with world.process() as process:
        ts = world.slack.say(DM, ALICE, "count please")
        async with asyncio.timeout(60):
            while "chat.startStream" not in methods(world):
                await asyncio.sleep(0.01)
        await process.kill()
    await world.slack.wait(lambda: world.slack.bot_messages(DM, ts), 60)  # Slack took it all the same
    async with world.process():
        await whole(world, ts)
    assert methods(world).count("chat.startStream") == 1
    assert len(world.coze.asked("count")) == 1


async def test_many_at_once_stay_within_slacks_limits(world):
    """More answers than may be streamed: the others grow by edits; no call is refused, and every answer is whole."""
    world.slack.limits.change(enabled=True, reset=True)
    world.coze.script("count", SLOW)
    people = [world.slack.add_user(f"person{number}").id for number in range(26)]
    async with world.bridge() as app:
        for person in people:
            world.slack.say(person, person, "count please")
        await settled(app, len(people), 120)
    for person in people:
        channel = world.slack.workspace.direct(person).id
        assert world.slack.texts(channel) == [WHOLE]
    assert world.slack.limits.show()["refused"] == {}
    assert 0 < methods(world).count("chat.startStream") <= 20
    assert "chat.postMessage" in methods(world)


async def test_no_version_shows_half_a_marker(world):
    said = answers.Writer(3, chinese=False).write(3_000).markdown
    world.coze.script("nice", Answer(text=said, delays=[0.002]))
    async with world.bridge() as app:
        ts = world.slack.say(DM, ALICE, "nice please")
        await settled(app, 1)
    (message,) = world.slack.bot_messages(DM, ts)
    for version in message.versions:
        prose = re.sub(r"```.*?(?:```|\Z)", "", version.text, flags=re.S)
        assert prose.count("**") % 2 == 0
        assert prose.count("`") % 2 == 0
        assert prose.count("~~") % 2 == 0
        assert not re.search(r"\]\([^)]*$", prose)
