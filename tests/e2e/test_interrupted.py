"""An answer that is cut off: what is known of it is kept, seen at once by who goes on, and fetched whole or told of."""

import asyncio
import sqlite3
from contextlib import closing

from bridge.answer import Answer as Said
from bridge.answer import TextDelta
from simulators.coze.answers import Answer
from tests.e2e.test_states import ANN, left_behind, texts
from tests.e2e.worlds import settled

SLOW = Answer(text="word " * 80, delays=[0.02] * 40 + [600.0, 0.0])
"""Begins quickly and then waits until it is hurried."""
FETCHING = "⏳ Interrupted; the rest is on its way."


def database(world):
    return closing(sqlite3.connect(world.directory / "bridge.db", timeout=10))


def kept(world):
    """What is written down of an answer on its way."""
    with database(world) as connection:
        row = connection.execute("SELECT answer FROM turns WHERE state = 'streaming'").fetchone()
    return Said.load(row[0]).text if row and row[0] else ""


async def kept_and_seen(world, seen):
    """Until something of the answer is written down and seen; nothing in a simulator tells of the former."""
    async with asyncio.timeout(40):
        while not (kept(world) and seen()):
            await asyncio.sleep(0.05)


async def test_what_is_known_is_seen_again_at_once_although_coze_is_not_done(world):
    world.coze.script("long", SLOW)
    async with world.process() as process:
        world.telegram.say(ANN, ANN, "long please")
        await kept_and_seen(world, lambda: len(world.telegram.messages(ANN)[-1].versions) > 1)
        await process.kill()
    shown = kept(world)
    async with world.process():
        (seen,) = await world.telegram.wait(lambda: [text for text in texts(world) if FETCHING in text], 60)
        assert seen.startswith(shown.strip()[:50])
        assert world.coze.chats[0].status == "in_progress"
        world.coze.hurry()
        await world.telegram.wait(lambda: texts(world) == [SLOW.text.strip()] or None, 80)
    assert len(world.coze.asked("long")) == 1


async def test_the_same_in_slack(world):
    world.coze.script("long", SLOW)
    async with world.process() as process:
        ts = world.slack.say("CGENERAL", "UALICE", "@coze long please")
        await kept_and_seen(world, lambda: world.slack.texts("CGENERAL", ts))
        await process.kill()
    async with world.process():
        await world.slack.wait(lambda: [text for text in world.slack.texts("CGENERAL", ts) if FETCHING in text], 60)
        world.coze.hurry()
        whole = SLOW.text.strip()
        await world.slack.wait(lambda: [text.strip() for text in world.slack.texts("CGENERAL", ts)] == [whole], 80)


async def test_sigterm_leaves_what_is_known_behind(world):
    world.coze.script("long", SLOW)
    async with world.process(DRAIN_SECONDS="0") as process:
        world.telegram.say(ANN, ANN, "long please")
        await world.telegram.wait(lambda: texts(world), 40)
        await process.terminate()
    assert kept(world).startswith("word")


async def asked(found, at, said=""):
    """A question whose chat Coze knows, or does not."""
    turn = await found.claimed()
    await found.store.asking(turn, "7599999999999999999", at=at)
    await found.store.streaming(turn, "7500000000000000099")
    if said:
        answer = Said()
        answer.add(TextDelta("m", said))
        await found.store.remember({turn: answer.dump()})


async def test_a_question_too_old_to_be_fetched_is_told_of_in_plain_words(world):
    await left_behind(world, lambda found: asked(found, 1.0))
    async with world.bridge() as app:
        await settled(app, 1)
    assert texts(world) == ["⚠️ I was away for too long to fetch the answer to this. Please ask again."]
    assert not world.coze.chats


async def test_a_chat_that_coze_does_not_know_any_more_is_asked_again(world):
    import time

    await left_behind(world, lambda found: asked(found, time.time()))
    async with world.bridge() as app:
        await settled(app, 1)
    assert texts(world) == ["hello"]


async def test_one_that_was_half_said_is_told_of_instead(world):
    import time

    await left_behind(world, lambda found: asked(found, time.time(), said="half of"))
    async with world.bridge() as app:
        await settled(app, 1)
    (text,) = texts(world)
    assert text.startswith("half of")
    assert "could not answer" in text


async def test_an_answer_that_coze_lists_late_is_waited_for_and_its_half_is_never_the_whole(world):
    world.coze.script("long", Answer(text="word " * 80, delays=[0.02] * 40 + [0.1]))
    async with world.process() as process:
        world.telegram.say(ANN, ANN, "long please")
        await kept_and_seen(world, lambda: len(world.telegram.messages(ANN)[-1].versions) > 1)
        await process.kill()
    world.coze.fault("code", value="0", method="/v3/chat/message/list", times=2)
    async with world.process():
        await world.telegram.wait(lambda: texts(world) == [SLOW.text.strip()] or None, 80)
    with database(world) as connection:
        assert connection.execute("SELECT state FROM turns").fetchall() in ([("delivered",)], [("finalising",)])
    assert len(world.coze.asked("long")) == 1
