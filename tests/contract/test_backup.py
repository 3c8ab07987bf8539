"""`coze-bridge backup`: a whole copy of an SQLite database while others write, and what is refused."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from bridge.model import TurnState
from storage import SqlStore, open_store
from tests.clocks import StillClock
from tests.contract.store_contract import claim, message, receive
from tests.forks import typed

POSTGRES = "postgresql+asyncpg://bridge:hunter2@db.example:5433/bridge"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/live/bridge.db"


@pytest.fixture
async def opened(url: str, clock: StillClock) -> AsyncIterator[SqlStore]:
    store = await open_store(url, clock)
    yield store
    await store.aclose()


async def types(directory: Path, url: str, *words: str) -> tuple[int, str, str]:
    """Exit status, output, and what went to standard error."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(directory), "DATABASE_URL": url}
    return await typed("backup", *words, environ=environ)


async def refused(directory: Path, url: str, *words: str) -> str:
    """The one line that says why; nothing is left behind."""
    before = sorted(directory.rglob("*"))
    status, output, error = await types(directory, url, *words)
    assert (status, output) == (1, "")
    assert sorted(directory.rglob("*")) == before
    (line,) = error.splitlines()
    assert line.startswith("coze-bridge: ")
    return line


async def ask(store: SqlStore, number: int) -> None:
    await receive(store, message(f"{number:06d}"))
    turn = await claim(store)
    await store.finalising(turn, "word " * 500)
    await store.settle(turn, TurnState.DELIVERED)


def settled(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as looking:
        assert looking.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert looking.execute("PRAGMA foreign_key_check").fetchall() == []
        return {key for (key,) in looking.execute("SELECT key FROM turns WHERE settled_at IS NOT NULL")}


async def test_what_was_settled_before_it_began_is_in_it_however_much_is_written_meanwhile(
    opened: SqlStore, url: str, tmp_path: Path
) -> None:
    for number in range(300):
        await ask(opened, number)
    copy = tmp_path / "copy.db"
    count = 300
    making = asyncio.create_task(types(tmp_path, url, str(copy)))
    while not making.done():
        await ask(opened, count)
        count += 1
    status, output, error = making.result()
    assert (status, error) == (0, "")
    assert output == f"{copy}: {copy.stat().st_size / 1e6:.1f} MB, whole and checked\n"
    assert copy.stat().st_mode & 0o777 == 0o600
    found = settled(copy)
    assert found == {f"{number:06d}" for number in range(len(found))}, "one moment, and all that was before it"
    assert 300 <= len(found) <= count
    assert sorted(one.name for one in tmp_path.iterdir()) == ["copy.db", "live"], "one file, and nothing half made"


async def test_a_copy_can_be_served(opened: SqlStore, url: str, tmp_path: Path, clock: StillClock) -> None:
    await ask(opened, 1)
    await receive(opened, message("waits"))
    assert (await types(tmp_path, url, str(tmp_path / "copy.db")))[0] == 0
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path}/copy.db", clock)
    assert (await claim(store)).key == "waits"
    await store.aclose()


async def test_also_of_a_database_that_nobody_serves_and_of_an_older_version(
    url: str, tmp_path: Path, clock: StillClock
) -> None:
    store = await open_store(url, clock)
    await ask(store, 1)
    await store.aclose()
    with closing(sqlite3.connect(tmp_path / "live/bridge.db")) as older:
        older.execute("UPDATE alembic_version SET version_num = '0001'")
        older.commit()
    assert (await types(tmp_path, url, str(tmp_path / "copy.db")))[0] == 0
    assert settled(tmp_path / "copy.db") == {"000001"}
    with closing(sqlite3.connect(tmp_path / "live/bridge.db")) as older:
        assert older.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",), "it is left as it is"


async def test_a_file_that_is_there_is_overwritten_only_by_force(opened: SqlStore, url: str, tmp_path: Path) -> None:
    await ask(opened, 1)
    copy = tmp_path / "copy.db"
    copy.write_text("precious")
    copy.chmod(0o644)
    assert "--force" in await refused(tmp_path, url, str(copy))
    assert copy.read_text() == "precious"
    assert (await types(tmp_path, url, str(copy), "--force"))[0] == 0
    assert settled(copy) == {"000001"}
    assert copy.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", ".lock"])
async def test_the_database_itself_is_never_overwritten(
    opened: SqlStore, url: str, tmp_path: Path, suffix: str
) -> None:
    await ask(opened, 1)
    own = tmp_path / f"live/bridge.db{suffix}"
    other = tmp_path / "link"
    other.symlink_to(own)
    hard = tmp_path / "hard"
    hard.hardlink_to(own)
    for name in (own, tmp_path / "live/../live" / own.name, other, hard):
        assert "the database itself" in await refused(tmp_path, url, str(name), "--force")
    assert len(await opened.turns()) == 1


async def test_where_it_cannot_be_written(opened: SqlStore, url: str, tmp_path: Path) -> None:
    await ask(opened, 1)
    assert "cannot write" in await refused(tmp_path, url, str(tmp_path / "nowhere/copy.db"))
    assert "is a directory" in await refused(tmp_path, url, str(tmp_path / "live"), "--force")


async def test_without_a_database_there_is_no_copy(url: str, tmp_path: Path) -> None:
    status, _, error = await types(tmp_path, url, str(tmp_path / "copy.db"))
    assert status == 78
    assert "there is no database" in error
    assert list(tmp_path.iterdir()) == []


async def test_what_is_no_database_or_is_damaged_makes_no_copy(url: str, tmp_path: Path) -> None:
    file = tmp_path / "live/bridge.db"
    file.parent.mkdir()
    file.write_text("this is no database " * 1000)
    assert "the backup failed" in await refused(tmp_path, url, str(tmp_path / "copy.db"))


async def test_postgresql_has_a_tool_of_its_own(tmp_path: Path) -> None:
    line = await refused(tmp_path, POSTGRES, "copy.dump")
    assert "pg_dump --format=custom --file=FILE --dbname=postgresql://bridge@db.example:5433/bridge" in line
    assert "hunter2" not in line
