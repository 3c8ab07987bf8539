"""Telegram over webhooks: switching to polling and back, stops and starts, several processes; nothing lost or twice."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from tests.contract.store_contract import postgres_database
from tests.e2e.worlds import settled

PEOPLE = range(3001, 3011)
ONLY_TELEGRAM = {"SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": ""}


@pytest.fixture(autouse=True)
def quick(world):
    world.coze.pace(0)
    world.telegram.webhook.pause_factor = 0.02


def listening():
    """Settings of a service that Telegram calls."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    return ONLY_TELEGRAM | {
        "HTTP_LISTEN": listen,
        "TELEGRAM_WEBHOOK_URL": f"http://{listen}/telegram/webhook",
        "TELEGRAM_WEBHOOK_SECRET": "s3cret",
    }


def ask(world, number):
    """Everybody asks once more."""
    for person in PEOPLE:
        world.telegram.say(person, person, f"echo: {number}")


def heard(world, count):
    """Each has so many answers, all in order, none twice."""
    wanted = [str(number) for number in range(count)]
    return all(world.telegram.texts(person) == wanted for person in PEOPLE)


async def answered(world, count, within=60.0):
    await world.telegram.wait(lambda: heard(world, count), within)
    assert len(world.coze.chats) == count * len(PEOPLE)


@asynccontextmanager
async def asking(world, first, last):
    """Traffic of its own: they ask from `first` up to before `last`, as fast as updates go."""

    async def go():
        for number in range(first, last):
            ask(world, number)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(go())
    try:
        yield
    finally:
        await task


async def test_switching_there_and_back_with_updates_waiting_each_time(world):
    hook, number = listening(), 0
    for settings in (ONLY_TELEGRAM, hook, ONLY_TELEGRAM, hook):
        ask(world, number)  # while nobody is there
        async with world.bridge(**settings) as app:
            ask(world, number + 1)
            await settled(app, 2 * len(PEOPLE))
        number += 2
    assert heard(world, number)
    await answered(world, number)
    assert len(world.telegram.calls("deleteWebhook")) == 1
    assert not any("true" in str(call.params).lower() for call in world.telegram.calls("deleteWebhook"))


async def test_switching_under_traffic(world):
    hook = listening()
    async with asking(world, 0, 20):
        for settings in (hook, ONLY_TELEGRAM, hook, ONLY_TELEGRAM):
            async with world.bridge(**settings, DRAIN_SECONDS="0"):
                await asyncio.sleep(0.3)
    async with world.bridge(**hook):
        await answered(world, 20)
    assert world.telegram.webhook.settings.url == hook["TELEGRAM_WEBHOOK_URL"]


async def test_stopped_and_killed_under_traffic_the_webhook_stays(world):
    hook = listening()
    async with world.process(**hook) as process, asking(world, 0, 10):
        await world.telegram.wait(lambda: world.coze.chats)
        await process.terminate()
    assert world.telegram.webhook.settings.url == hook["TELEGRAM_WEBHOOK_URL"]
    async with world.process(**hook) as process, asking(world, 10, 20):
        await world.coze.wait(lambda: len(world.coze.chats) > 100, 60)
        await process.kill()
    async with world.process(**hook):
        await answered(world, 20)
    assert not world.telegram.calls("deleteWebhook")


@pytest.fixture
def postgres():
    with postgres_database() as url:
        yield url


async def test_several_processes_set_the_same_webhook(world, postgres):
    """Telegram calls one address; who answers there does not matter, as all share the database."""
    hook = listening() | {"DATABASE_URL": postgres}
    other = hook | {"HTTP_LISTEN": listening()["HTTP_LISTEN"]}
    async with world.bridge(**hook), world.bridge(**other), asking(world, 0, 5):
        await answered(world, 5, 100)
    assert len(world.telegram.calls("setWebhook")) == 2
    assert not world.telegram.calls("deleteWebhook")
