"""Floods: nothing goes out inside a penalty, whoever dies or writes beside us, and every answer arrives whole, once."""

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing

import aiohttp
import pytest

from simulators.coze.answers import Answer
from tests.e2e.worlds import settled

ANN, BEN, CAT = 1001, 1002, 1003
OTHER = "another program with the same token"
LONG = "word " * 600
"""At ten deltas a second a whole minute: no test waits for its end, each lets it end."""


def texts(world, chat=ANN):
    return [text.strip() for text in world.telegram.texts(chat)]


def bot_messages(world, chat=ANN):
    return [message for message in world.telegram.messages(chat) if message.sender == world.telegram.me.id]


def refused(world):
    """The calls of ours that were answered 429."""
    return [call for call in world.telegram.calls() if call.status == 429]


def assert_none_inside_a_penalty(world):
    ours = [call for call in world.telegram.calls() if call.client != OTHER]
    assert ours
    assert not [(call.method, call.chat, call.at) for call in ours if call.in_penalty]


async def grown(world, chat=ANN):
    await world.telegram.wait(lambda: any(len(message.versions) > 1 for message in bot_messages(world, chat)), 60)


async def test_a_flood_in_mid_answer_costs_nothing_but_time(world):
    world.coze.script("long", Answer(text=LONG))
    world.coze.pace(10)
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "long one")
        await grown(world)
        world.telegram.flood(ANN, 8, told=False)
        await world.telegram.wait(lambda: refused(world), 60)
        world.coze.pace(0)
        await settled(app, 1)
    assert texts(world) == [LONG.strip()]
    assert len(bot_messages(world)) == 1
    assert len(refused(world)) == 1, "one call learned of it"
    assert_none_inside_a_penalty(world)


async def test_a_reader_sees_the_text_grow_again_after_a_long_penalty(world):
    world.coze.script("long", Answer(text=LONG))
    world.coze.pace(10)
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "long one")
        await grown(world)
        world.telegram.flood(ANN, 6, told=False)
        await world.telegram.wait(lambda: refused(world), 60)
        before = len(bot_messages(world)[0].versions)
        await world.telegram.wait(lambda: len(bot_messages(world)[0].versions) > before, 60)
        assert len(texts(world)[0]) < len(LONG.strip()), "it was a preview"
        world.coze.pace(0)
        await settled(app, 1)
    assert texts(world) == [LONG.strip()]
    assert_none_inside_a_penalty(world)


async def test_after_a_second_long_penalty_only_the_final_comes(world):
    world.coze.script("long", Answer(text=LONG))
    world.coze.pace(6)
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "long one")
        await grown(world)
        (message,), (chat,) = bot_messages(world), world.coze.chats
        for strikes in (1, 2):
            world.telegram.flood(ANN, 6, told=False)
            await world.telegram.wait(lambda strikes=strikes: len(refused(world)) == strikes, 60)
            versions, heard = len(message.versions), len(chat.deltas)
            if strikes == 1:
                await world.telegram.wait(lambda before=versions: len(message.versions) > before, 60)
        await world.coze.wait(lambda: len(chat.deltas) > heard + 60, 60)  # the penalty is long over
        world.coze.pace(0)
        await settled(app, 1)
    assert texts(world) == [LONG.strip()]
    assert len(message.versions) == versions + 1
    assert_none_inside_a_penalty(world)


async def test_a_penalty_is_honoured_by_the_process_that_comes_after_a_kill(world):
    world.coze.script("long", Answer(text=LONG))
    world.coze.pace(10)
    async with world.process() as process:
        world.telegram.say(ANN, ANN, "long one")
        await grown(world)
        world.telegram.flood(ANN, 15, told=False)
        await world.telegram.wait(lambda: refused(world), 60)
        async with asyncio.timeout(60):
            while not kept(world):
                await asyncio.sleep(0.02)
        await process.kill()
    world.coze.pace(0)
    world.telegram.say(ANN, ANN, "echo: something else")
    world.telegram.say(BEN, BEN, "echo: somebody else")
    async with world.process():
        await world.telegram.wait(lambda: texts(world, BEN) == ["somebody else"] or None, 60)
        await world.telegram.wait(lambda: texts(world) == [LONG.strip(), "something else"] or None, 60)
    assert len(refused(world)) == 1
    assert_none_inside_a_penalty(world)
    assert len(world.coze.asked("long")) == 1


def kept(world):
    """Names of the penalties that are written down."""
    with closing(sqlite3.connect(world.directory / "bridge.db")) as database:
        return database.execute("SELECT name FROM penalties").fetchall()


async def test_a_store_that_does_not_keep_the_penalty_does_no_harm(world, caplog):
    world.coze.script("long", Answer(text=LONG))
    world.coze.pace(10)
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "long one")
        await grown(world)
        with closing(sqlite3.connect(world.directory / "bridge.db", timeout=60, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            world.telegram.flood(ANN, 4, told=False)
            async with asyncio.timeout(60):
                while not any("would not know" in record.message for record in caplog.records):
                    await asyncio.sleep(0.02)
        world.coze.pace(0)
        await settled(app, 1)
    assert texts(world) == [LONG.strip()]
    assert len(refused(world)) == 1
    assert_none_inside_a_penalty(world)


@asynccontextmanager
async def another_program(world, chats, seconds):
    """It spends half of what each of these chats takes, and honours what it is told, though nobody tells it of us."""

    async def write(session, chat):
        # As the default limits have it: a call a second, or twenty a minute.
        every = seconds * (1.0 if chat > 0 else 3.0)
        mine, number = 0, 0
        while True:
            number += 1
            method = "editMessageText" if mine else "sendMessage"
            body = {"chat_id": chat, "text": f"noise {number}", **({"message_id": mine} if mine else {})}
            async with session.post(f"{url}/{method}", json=body) as response:
                said = await response.json()
            if said["ok"]:
                mine = said["result"]["message_id"]
            await asyncio.sleep(said.get("parameters", {}).get("retry_after", 0) + every)

    url = f"{world.urls['telegram']}/bot{world.telegram.token}"
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(headers={"User-Agent": OTHER}, timeout=timeout) as session:
        writers = [asyncio.create_task(write(session, chat)) for chat in chats]
        try:
            yield
        finally:
            for writer in writers:
                writer.cancel()
            results = await asyncio.gather(*writers, return_exceptions=True)
            assert not [result for result in results if not isinstance(result, asyncio.CancelledError)]


@pytest.mark.timeout(300)
async def test_beside_another_program_that_spends_half_of_the_budget_every_answer_arrives(world):
    flood = world.telegram.flood_control.limits
    flood.on = True
    flood.extra_seconds = (2, 3)  # as many penalties, and shorter ones, for the sake of this test's time
    world.tuning = "coze_idle_seconds = 0.5\ncoze_silence_seconds = 3.0\n"
    group = world.telegram.add_chat(type="supergroup", title="G", members=[ANN, BEN, CAT])["id"]
    chats = [ANN, BEN, CAT, group]
    said = {chat: f"{chat} says: " + LONG[:1500] for chat in chats}
    for chat in chats:
        world.coze.script(f"long {chat}", Answer(text=said[chat]))
    world.coze.pace(10)
    async with world.bridge() as app:
        for chat in chats:
            world.telegram.say(chat, chat if chat > 0 else ANN, f"@coze_demo_bot long {chat}")
        async with another_program(world, chats, seconds=2.0):
            await settled(app, len(chats), within=240)
    for chat in chats:
        ours = [text for text in texts(world, chat) if not text.startswith("noise")]
        assert ours == [said[chat].strip()]
    assert all(any(call.client == OTHER for call in world.telegram.calls(chat=chat)) for chat in chats)
    assert_none_inside_a_penalty(world)
