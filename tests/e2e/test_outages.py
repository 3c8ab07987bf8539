"""The database, Coze or a platform goes away for a while: what was accepted is answered or refused once it is back."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy.engine import make_url

from bridge import patience
from simulators.coze.answers import Answer
from simulators.wire import Fault
from storage import engine
from tests.contract.store_contract import postgres_database
from tests.contract.test_store_outages import Line
from tests.e2e.worlds import settled

ANN = 1001
OTHERS = range(3001, 3011)
LONG = "word " * 600


def texts(world, chat=ANN):
    return [text.strip() for text in world.telegram.texts(chat)]


def bot_messages(world, chat=ANN):
    return [message for message in world.telegram.messages(chat) if message.sender == world.telegram.me.id]


async def begun(world, chat=ANN):
    """Until the answer has grown by an edit."""
    await world.telegram.wait(lambda: any(len(message.versions) > 1 for message in bot_messages(world, chat)), 60)


async def reasons(app):
    """What /readyz complains of."""
    async with aiohttp.ClientSession() as session, session.get(f"{app.url}/readyz") as response:
        return (await response.json()).get("reasons", [])


async def complains(app, of):
    """Until /readyz names that."""
    async with asyncio.timeout(60):
        while not any(reason.startswith(of) for reason in await reasons(app)):
            await asyncio.sleep(0.05)


async def recovers(app):
    async with asyncio.timeout(60):
        while await reasons(app):
            await asyncio.sleep(0.05)


async def unsettled(app, state, number):
    """Until so many turns are in that state."""
    line = f'coze_bridge_unsettled_turns{{state="{state}"}} {float(number)}'
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{app.url}/metrics") as response:
                if line in (await response.text()).splitlines():
                    return
            await asyncio.sleep(0.05)


class Away:
    """A database that can be made to say nothing, and to answer again."""

    def __init__(self, url, silence, answer):
        self.url, self.silence, self.answer = url, silence, answer


@asynccontextmanager
async def far_server(address, kind) -> AsyncIterator[Away]:
    """PostgreSQL over a line that passes nothing on any more, or breaks and takes no new connections."""
    url = make_url(address)
    line = Line(url.host or "", url.port or 5432)
    await line.open()
    distant = url.set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False)
    try:
        if kind == "silent":
            yield Away(distant, line.flows.clear, line.flows.set)
        else:
            yield Away(distant, line.bar, line.open)
    finally:
        line.flows.set()
        await line.bar()


@asynccontextmanager
async def locked_file(directory) -> AsyncIterator[Away]:
    """SQLite, which another program keeps locked."""
    path = directory / "bridge.db"
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as other:
        yield Away(
            f"sqlite+aiosqlite:///{path}",
            lambda: other.execute("BEGIN IMMEDIATE"),
            lambda: other.execute("ROLLBACK"),
        )


@pytest.fixture(params=["silent", "barred", "locked"])
def how(request):
    """How the database goes away, and the address of the one that does."""
    if request.param == "locked":
        yield request.param, ""
    else:
        with postgres_database() as address:
            yield request.param, address


@pytest_asyncio.fixture
async def away(how, world, monkeypatch):
    monkeypatch.setattr(engine, "PATIENCE", 3.0)
    world.tuning += "lease_seconds = 3.0\n"
    kind, address = how
    async with far_server(address, kind) if address else locked_file(world.directory) as made:
        yield made


async def do(act):
    if asyncio.iscoroutine(result := act()):
        await result


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("how", "ends"),
    [("silent", "meanwhile"), ("silent", "later"), ("barred", "meanwhile"), ("locked", "later")],
    indirect=["how"],
)
async def test_a_database_that_goes_away_in_mid_answer_costs_nothing(world, away, ends):
    world.coze.script("long", Answer(text=LONG))
    world.coze.pace(10)
    async with world.bridge(DATABASE_URL=away.url) as app:
        world.telegram.say(ANN, ANN, "long one")
        await begun(world)
        (message,), tasks = bot_messages(world), len(asyncio.all_tasks())
        await do(away.silence)
        if not away.url.startswith("sqlite"):
            await complains(app, "database")
        for number in range(10):
            for chat in OTHERS:
                world.telegram.say(chat, chat, f"echo: meanwhile {number}")
        world.telegram.say(ANN, ANN, "echo: behind it")
        if ends == "meanwhile":
            world.coze.pace(0)
        most = 0
        for _ in range(60):  # longer than the lease
            await asyncio.sleep(0.1)
            most = max(most, len(asyncio.all_tasks()))
        assert most < tasks + 80, "what waits, waits at the platform"
        await do(away.answer)
        world.coze.pace(0)
        await settled(app, 102, within=120)
        await recovers(app)
    assert texts(world) == [LONG.strip(), "behind it"]
    assert bot_messages(world)[0].message_id == message.message_id
    for chat in OTHERS:
        assert texts(world, chat) == [f"meanwhile {number}" for number in range(10)]
    assert len(world.coze.asked("long")) == 1
    assert len(world.coze.chats) == 102


async def test_an_answer_goes_on_growing_after_a_short_absence_of_the_database(world, away):
    world.coze.script("long", Answer(text=LONG))
    world.coze.pace(10)
    async with world.bridge(DATABASE_URL=away.url) as app:
        world.telegram.say(ANN, ANN, "long one")
        await begun(world)
        await do(away.silence)
        await asyncio.sleep(5)  # longer than the lease
        await do(away.answer)
        (message,) = bot_messages(world)
        versions = len(message.versions)
        await world.telegram.wait(lambda: len(message.versions) > versions + 1, 60)
        assert len(message.text) < len(LONG.strip()), "Coze is not done yet"
        world.coze.pace(0)
        await settled(app, 1)
    assert texts(world) == [LONG.strip()]
    assert len(world.coze.asked("long")) == 1


@pytest.mark.timeout(240)
async def test_coze_away_for_long(world, monkeypatch):
    monkeypatch.setattr(patience, "ASK_DELAYS", (0.3, 0.3, 0.3, 0.3, 0.3))
    chats = range(2001, 2021)
    async with world.bridge() as app:
        world.coze.down(600)
        for number in range(2):
            for chat in chats:
                world.telegram.say(chat, chat, f"echo: refused {number}")
        await settled(app, 40, within=120)
        assert await reasons(app) == [], "we ourselves are well"
        for chat in chats:
            assert len(texts(world, chat)) == 2
            assert all("Coze cannot be reached" in text for text in texts(world, chat)), texts(world, chat)
        for chat in chats:
            world.telegram.say(chat, chat, "echo: waits")
        await world.telegram.wait(
            lambda: any("keep trying" in text for chat in chats for text in texts(world, chat)) or None, 60
        )
        world.coze.down(0)
        for chat in chats:
            world.telegram.say(chat, chat, "echo: afterwards")
        await settled(app, 80, within=120)
    for chat in chats:
        *_, waited, afterwards = texts(world, chat)
        assert waited == "waits" or "Coze cannot be reached" in waited
        assert afterwards == "afterwards"
        assert len(texts(world, chat)) == 4
    assert len(world.coze.asked("refused")) == 0


@pytest.mark.timeout(240)
async def test_a_platform_away_for_long(world, monkeypatch):
    monkeypatch.setattr(patience, "DELIVERY_DELAYS", (0.2, 0.5, 1.0))
    world.coze.script("long", Answer(text=LONG))
    world.coze.pace(10)
    chats = range(2001, 2031)
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "long one")
        await begun(world)
        (message,) = bot_messages(world)
        world.coze.fault("slow_first", seconds=1.0, times=-1)
        for chat in chats:
            world.telegram.say(chat, chat, f"echo: first of {chat}")
            world.telegram.say(chat, chat, f"echo: second of {chat}")
        await world.telegram.wait(lambda: not world.telegram.updates.pending or None, 60)
        tasks = len(asyncio.all_tasks())
        world.telegram.faults.add(Fault(kind="error_502_html", times=-1))
        world.coze.pace(0)
        await complains(app, "telegram")
        ts = world.slack.say("CGENERAL", "UALICE", "@coze echo: over there")
        await world.slack.wait(lambda: world.slack.texts("CGENERAL", ts) == ["over there"] or None, 60)
        for _ in range(30):
            await asyncio.sleep(0.1)
            assert len(asyncio.all_tasks()) < tasks + 4 * len(chats) + 50
        world.telegram.faults.clear()
        world.coze.faults.clear()
        await settled(app, 62, within=120)
        await recovers(app)
    assert texts(world) == [LONG.strip()]
    assert bot_messages(world)[0].message_id == message.message_id
    for chat in chats:
        assert texts(world, chat) == [f"first of {chat}", f"second of {chat}"]
    assert len(world.coze.chats) == 62
