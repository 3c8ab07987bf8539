"""A backup that was made under traffic, in the place of the database: what was answered stays so, the rest goes on."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from bridge.clock import SystemClock
from simulators.coze.answers import Answer
from storage import open_store
from tests.contract.store_contract import postgres_database
from tests.e2e.test_people_cli import Operator, answered

ANN, BOB, CAT = 1001, 1002, 1003
WHOLE = "word " * 300


def bot_texts(world, person):
    return [text.strip() for text in world.telegram.texts(person)]


async def talk(world, person, stop: asyncio.Event) -> int:
    """Somebody asks one question after another; how many were answered."""
    count = 0
    while not stop.is_set():
        count += 1
        world.telegram.say(person, person, f"echo: {person} asks {count}")
        await answered(world, person, f"{person} asks {count}")
    return count


class Sqlite:
    """The database of the world, backed up by our own command."""

    def __init__(self, world) -> None:
        self.world = world
        self.settings: dict[str, str] = {}
        self.copy = world.directory / "copies/bridge.db"
        self.copy.parent.mkdir()

    async def back_up(self) -> None:
        assert "whole and checked" in await Operator(self.world, {}).succeeds("backup", str(self.copy))

    async def restore(self) -> dict[str, str]:
        for old in self.world.directory.glob("bridge.db-*"):
            old.unlink()
        shutil.move(self.copy, self.world.directory / "bridge.db")
        return {}


class Postgres:
    """A database of its own, backed up and restored by PostgreSQL's tools."""

    def __init__(self, world, urls: list[str]) -> None:
        self.old, self.new = urls
        self.settings = {"DATABASE_URL": self.old}
        self.dump = world.directory / "bridge.dump"

    async def back_up(self) -> None:
        await tool("pg_dump", "--format=custom", f"--file={self.dump}", f"--dbname={plain(self.old)}")

    async def restore(self) -> dict[str, str]:
        await tool("pg_restore", "--no-owner", f"--dbname={plain(self.new)}", str(self.dump))
        return {"DATABASE_URL": self.new}


def plain(url: str) -> str:
    return url.replace("+asyncpg", "")


async def tool(*words: str) -> None:
    made = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    async with asyncio.timeout(60):
        output, _ = await made.communicate()
    assert made.returncode == 0, output.decode()


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, world) -> Iterator[Sqlite | Postgres]:
    if request.param == "sqlite":
        yield Sqlite(world)
        return
    if not (shutil.which("pg_dump") and shutil.which("pg_restore")):
        pytest.skip("pg_dump and pg_restore are not on this machine")
    with postgres_database() as old, postgres_database() as new:
        probe = subprocess.run(
            ["pg_dump", "--schema-only", f"--dbname={plain(old)}"], capture_output=True, text=True, check=False
        )
        if "server version mismatch" in probe.stderr:
            pytest.skip("pg_dump is older than the server at TEST_POSTGRES_URL")
        yield Postgres(world, [old, new])


async def delivered(world, changes) -> set[str]:
    """The questions of which the database says that they were answered."""
    store = await open_store(world.settings(**changes)["DATABASE_URL"], SystemClock(), guest=True)
    found = await store.turns(states=["delivered"], limit=10_000)
    await store.aclose()
    return {turn.question for turn in found}


async def test_restored_it_goes_on_where_it_was(world, kept):
    world.tuning += "lease_seconds = 3.0\n"
    world.coze.script("long", Answer(text=WHOLE))
    stop = asyncio.Event()
    async with world.process(**kept.settings) as process, asyncio.TaskGroup() as talking:
        world.telegram.say(ANN, ANN, "echo: before")
        await answered(world, ANN, "before")
        others = [talking.create_task(talk(world, person, stop)) for person in (BOB, CAT)]
        world.telegram.say(ANN, ANN, "long please")
        # Grown by an edit: its message id is durable.
        await world.telegram.wait(
            lambda: len(said := world.telegram.messages(ANN)) == 4 and len(said[-1].versions) > 1, 30
        )
        early = await delivered(world, kept.settings)
        await kept.back_up()
        stop.set()
        await asyncio.wait(others)
        await process.kill()
    messages = [one.message_id for one in world.telegram.messages(ANN)]
    assert bot_texts(world, ANN)[-1] != WHOLE.strip(), "the answer was not whole when the process was killed"
    changes = await kept.restore()
    settled = await delivered(world, changes)
    assert "echo: before" in early
    assert early <= settled
    async with world.process(**changes) as process:
        await world.telegram.wait(lambda: bot_texts(world, ANN)[-1] == WHOLE.strip() or None, 60)
        world.telegram.say(BOB, BOB, "echo: after")
        await answered(world, BOB, "after")
        assert await process.terminate() == 0
    assert bot_texts(world, ANN) == ["before", WHOLE.strip()]
    assert [one.message_id for one in world.telegram.messages(ANN)] == messages, "it went on in the same message"
    shown = [text for person in (ANN, BOB, CAT) for text in bot_texts(world, person)]
    for question in settled:
        assert shown.count(question.removeprefix("echo: ")) == 1
        assert len([chat for chat in world.coze.chats if chat.question == question]) == 1
    assert len(world.coze.asked("long")) == 1
    assert not any("Traceback" in line or "this is a bug" in line for line in process.log)
