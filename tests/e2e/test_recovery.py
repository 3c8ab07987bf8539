"""kill -9, SIGTERM and restarts: the same message is completed, and Coze was asked once."""

from simulators.coze.answers import Answer
from tests.e2e.worlds import Process

ANN = 1001
WHOLE = "word " * 150


def bot_texts(world):
    return [text.strip() for text in world.telegram.texts(ANN)]


async def finished(world, text=WHOLE, within=30.0):
    await world.telegram.wait(lambda: bot_texts(world) == [text.strip()] or None, within)


async def edited(world):
    """Until the answer has grown by an edit: then its message id is durable, and no gap is open."""
    await world.telegram.wait(lambda: bot_texts(world) and len(world.telegram.messages(ANN)[-1].versions) > 1, 30)


async def test_kill_in_mid_answer_then_start_completes_the_same_message(world):
    world.coze.script("long", Answer(text=WHOLE))
    async with world.process() as process:
        world.telegram.say(ANN, ANN, "long please")
        await edited(world)
        await process.kill()
    before = [message.message_id for message in world.telegram.messages(ANN)]
    async with world.process():
        await finished(world)
    assert [message.message_id for message in world.telegram.messages(ANN)] == before
    assert len(world.coze.asked("long")) == 1


async def test_kill_in_mid_answer_in_slack(world):
    world.coze.script("long", Answer(text=WHOLE))
    async with world.process() as process:
        ts = world.slack.say("CGENERAL", "UALICE", "@coze long please")
        await world.slack.wait(lambda: world.slack.texts("CGENERAL", ts), 40)
        await process.kill()
    async with world.process():
        await world.slack.wait(
            lambda: [text.strip() for text in world.slack.texts("CGENERAL", ts)] == [WHOLE.strip()] or None, 30
        )
    assert len(world.coze.asked("long")) == 1


async def test_killed_again_and_again_it_still_ends_whole_and_once(world):
    """Once before anything was asked or said, once when Coze was asked, twice while its answer is fetched."""
    world.coze.script("long", Answer(text=WHOLE))
    world.coze.fault("slow_first", seconds=6)
    async with world.process() as process:
        await process.kill()
    world.telegram.say(ANN, ANN, "long please")
    async with world.process() as process:
        await world.coze.wait(lambda: world.coze.chats)
        await process.kill()
    for _ in range(2):
        async with world.process() as process:
            await process.kill()
    async with world.process():
        await finished(world)
    assert len(world.coze.asked("long")) == 1


async def test_sigterm_lets_the_running_answer_end(world):
    world.coze.script("long", Answer(text=WHOLE))
    async with world.process(DRAIN_SECONDS="20") as process:
        world.telegram.say(ANN, ANN, "long please")
        await world.telegram.wait(lambda: bot_texts(world), 40)
        assert await process.terminate(25) == 0
        assert bot_texts(world) == [WHOLE.strip()]


async def test_sigterm_without_drain_time_leaves_the_answer_to_the_next_process(world):
    world.coze.script("long", Answer(text=WHOLE))
    async with world.process(DRAIN_SECONDS="0") as process:
        world.telegram.say(ANN, ANN, "long please")
        await world.telegram.wait(lambda: bot_texts(world), 40)
        assert await process.terminate() == 0
    assert not any(line for line in process.log if "Traceback" in line)
    async with world.process():
        await finished(world)
    assert len(world.coze.asked("long")) == 1


async def test_the_conversation_survives_a_restart(world):
    async with world.process() as process:
        world.telegram.say(ANN, ANN, "my name is Ann")
        await world.telegram.wait(lambda: bot_texts(world), 40)
        await process.terminate()
    async with world.process():
        world.telegram.say(ANN, ANN, "what is my name?")
        await world.coze.wait(lambda: len(world.coze.chats) == 2, 40)
    assert len({chat.conversation_id for chat in world.coze.chats}) == 1


async def test_a_second_process_on_the_same_sqlite_file_says_so_in_one_line(world):
    async with world.process():
        second = await Process.start(world, {})
        status = await second.inner.wait()
        await second.reader
    assert status == 78
    (line,) = second.log[-1:]
    assert "in use by process" in line
