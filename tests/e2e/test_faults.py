"""Whatever Coze does, the person gets the whole answer or one clear sentence, and the next question works.

Each code and each sequence of events: test_everything_coze_says.py.
"""

import asyncio

import pytest

from simulators.coze.answers import Answer
from simulators.wire import Fault
from tests.e2e.worlds import settled

ANN = 1001
WHOLE = "This is the whole answer, with all of its words, from the first to the last one. " * 3


async def ask(world, app, *, within=30.0):
    """Asks under the fault that stands, then once more without; what stands at the end."""
    world.coze.script("my question", Answer(text=WHOLE))
    world.coze.pace(200)
    world.telegram.say(ANN, ANN, "my question")
    await settled(app, 1, within)
    world.coze.faults.clear()
    world.telegram.say(ANN, ANN, "echo: the next question works")
    await settled(app, 2, within)
    first, second = world.telegram.texts(ANN)
    assert second == "the next question works"
    return first


@pytest.mark.parametrize(
    ("kind", "after"),
    [("reset", 5), ("cut_mid_line", 5), ("cut_clean", 5), ("ping_comment", 3), ("reset", 0), ("held_socket", 0)],
)
async def test_a_cut_stream_ends_in_the_whole_answer_and_coze_is_asked_once(world, kind, after):
    world.coze.fault(kind, after=after)
    async with world.bridge() as app:
        assert await ask(world, app) == WHOLE.strip()
    assert len(world.coze.asked("my question")) == 1


@pytest.mark.parametrize("kind", ["unknown_event", "unknown_type", "late_audio", "lost_response"])
async def test_oddities_do_no_harm(world, kind):
    world.coze.fault(kind)
    async with world.bridge() as app:
        assert await ask(world, app) == WHOLE.strip()
    assert len(world.coze.asked("my question")) == 1


async def test_a_stall_of_the_stream_ends_in_the_whole_answer(world):
    world.coze.fault("stall", after=5, seconds=60)
    async with world.bridge() as app:
        assert await ask(world, app) == WHOLE.strip()
    assert len(world.coze.asked("my question")) == 1


async def test_a_stall_of_the_generation_ends_in_one_clear_sentence(world):
    world.coze.fault("stall_all", after=5, seconds=60)
    async with world.bridge() as app:
        text = await ask(world, app)
    assert text.startswith("This is")
    assert "Coze stopped responding in the middle" in text


async def test_a_slow_first_token_is_waited_for_while_typing_shows(world):
    world.coze.fault("slow_first", seconds=1.5)
    async with world.bridge() as app:
        assert await ask(world, app) == WHOLE.strip()
    assert len(world.coze.asked("my question")) == 1


@pytest.mark.parametrize("kind", ["failed", "failed_short", "error_event"])
async def test_a_failure_in_mid_answer_keeps_what_was_said_and_says_why(world, kind):
    world.coze.fault(kind, after=6, value="4028", times=-1)
    async with world.bridge() as app:
        text = await ask(world, app)
    assert text.startswith("This is")
    assert "quota" in text


@pytest.mark.parametrize(("kind", "value"), [("refuse", ""), ("http", "502"), ("code", "4016"), ("code", "4020")])
async def test_what_passes_by_itself_is_tried_again(world, kind, value):
    world.coze.fault(kind, value=value, times=2)
    async with world.bridge() as app:
        assert await ask(world, app) == WHOLE.strip()
    assert len(world.coze.asked("my question")) == 1


async def test_a_bare_429_is_tried_again(world):
    world.coze.fault("http_429_empty", times=2)
    async with world.bridge() as app:
        assert await ask(world, app) == WHOLE.strip()


async def test_a_model_error_that_stays_is_told(world):
    world.coze.fault("code", value="4013", times=-1)
    async with world.bridge() as app:
        assert "language model" in await ask(world, app)


async def test_an_empty_answer_is_said_to_be_empty(world):
    world.coze.fault("empty")
    async with world.bridge() as app:
        assert "empty answer" in await ask(world, app)


async def test_a_tool_that_we_do_not_have_is_named(world):
    world.coze.fault("requires_action")
    async with world.bridge() as app:
        assert "a tool that this service does not have" in await ask(world, app)


async def test_a_conversation_that_is_gone_is_made_anew(world):
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "echo: first")
        await settled(app, 1)
        world.coze.fault("code", value="4002", times=1)
        world.telegram.say(ANN, ANN, "echo: second")
        await settled(app, 2)
    assert world.telegram.texts(ANN) == ["first", "second"]


async def test_while_coze_is_away_the_person_is_told_and_then_answered(world):
    world.coze.down(4)
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "echo: at last")
        await world.telegram.wait(lambda: any("keep trying" in text for text in world.telegram.texts(ANN)) or None, 10)
        await settled(app, 1)
    assert world.telegram.texts(ANN) == ["at last"]


async def test_the_writer_who_blocked_the_bot_holds_up_nobody(world):
    world.telegram.say(ANN, ANN, "echo: unseen")
    world.telegram.block(ANN)
    async with world.bridge() as app:
        world.telegram.say(1002, 1002, "echo: seen")
        await settled(app, 2)
    assert world.telegram.texts(1002) == ["seen"]
    assert world.telegram.texts(ANN) == []


async def test_a_bug_in_a_preview_does_not_cost_the_answer(world, monkeypatch, caplog):
    def broken(markdown):
        raise LookupError("a bug")

    monkeypatch.setattr("bridge.pages.heal", broken)
    world.coze.script("long", Answer(text="word " * 60))
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "long one")
        await settled(app, 1)
    assert [text.strip() for text in world.telegram.texts(ANN)] == [("word " * 60).strip()]
    assert len(world.coze.asked("long")) == 1
    assert any("no more previews" in record.message for record in caplog.records)


async def test_no_token_reaches_the_log(world, caplog):
    for name in ("bridge", "adapters"):
        caplog.set_level("DEBUG", logger=name)
    world.telegram.faults.add(Fault(kind="error_500", method="sendMessage", times=2))
    world.coze.fault("http", value="502")
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "echo: hello")
        await settled(app, 1)
        await asyncio.sleep(0)
    ours = [record.getMessage() for record in caplog.records if record.name.split(".")[0] in ("bridge", "adapters")]
    assert ours
    assert not any("123456:TEST" in line or "pat_test" in line for line in ours)
