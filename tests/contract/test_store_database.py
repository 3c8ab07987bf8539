"""The database under the Store: opening it, sharing it, and what happens when it fails."""

import asyncio
import re
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, event

from bridge.errors import ConfigError
from bridge.model import TurnState
from bridge.ports import Effect
from storage import SqlStore, migrate, open_store
from storage.engine import Database, connect
from storage.schema import alembic_config
from storage.tables import metadata
from tests.clocks import StillClock
from tests.contract.store_contract import (
    MINE,
    THEIRS,
    claim,
    message,
    order,
    person,
    place,
    receive,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bridge.db"


@pytest.fixture
def file_url(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"


# ---- DATABASE_URL


@pytest.mark.parametrize(
    "url",
    [
        "",
        "data/bridge.db",
        "sqlite:///bridge.db",
        "sqlite+aiosqlite://",
        "sqlite+aiosqlite:///:memory:",
        "sqlite+aiosqlite://host/bridge.db",
        "sqlite+aiosqlite:///file:x?mode=memory&uri=true",
        "postgresql://user:hunter2@host/database",
        "postgresql+asyncpg://user:hunter2@host:port/database",
        "postgresql+asyncpg://user:hunter2@host/database?pool=7",
        "mysql+aiomysql://user:hunter2@host/database",
    ],
)
async def test_a_wrong_url_is_named_with_the_right_forms(url: str) -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL") as caught:
        await open_store(url, StillClock())
    said = str(caught.value)
    assert "sqlite+aiosqlite:///" in said
    assert "postgresql+asyncpg://" in said
    assert "hunter2" not in said
    assert "\n" not in said


async def test_the_directory_is_made(tmp_path: Path) -> None:
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path}/a/b/bridge.db", StillClock())
    await store.aclose()
    assert (tmp_path / "a/b/bridge.db").is_file()


async def test_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("a file")
    (tmp_path / "directory").mkdir()
    (tmp_path / "text.db").write_text("this is no database " * 100)
    for path in ("plain/bridge.db", "directory", "text.db"):
        with pytest.raises(ConfigError, match=r"^DATABASE_URL: [^\n]*$"):
            await open_store(f"sqlite+aiosqlite:///{tmp_path}/{path}", StillClock())


@pytest.mark.parametrize(("part", "other"), [("postgres@", "nobody_of_that_name@"), ("/test_", "/missing_")])
async def test_a_server_that_refuses_us_is_a_wrong_setting(postgres_url: str, part: str, other: str) -> None:
    with pytest.raises(ConfigError, match=r"^DATABASE_URL: [^\n]*$"):
        await open_store(postgres_url.replace(part, other), StillClock())


async def test_sslmode_is_understood(postgres_url: str) -> None:
    store = await open_store(f"{postgres_url}?sslmode=prefer", StillClock())
    await store.waiting()
    await store.aclose()


# ---- the schema


async def test_migrations_make_what_the_tables_say(new_url: str) -> None:
    def difference(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))

    assert await migrate(new_url) == "0006"
    database = connect(new_url)
    assert await database.read(lambda connection: connection.run_sync(difference)) == []
    await database.aclose()


async def test_the_first_migration_can_be_undone(new_url: str) -> None:
    def undo(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    await migrate(new_url)
    database = connect(new_url)
    await database.migrate(lambda connection: connection.run_sync(undo))
    await database.aclose()
    assert await migrate(new_url) == "0006"


async def test_a_newer_database_is_left_alone(new_url: str) -> None:
    await migrate(new_url)
    database = connect(new_url)
    await order(database, "UPDATE alembic_version SET version_num = '9999'")
    await database.aclose()
    for opening in (open_store(new_url, StillClock()), migrate(new_url)):
        with pytest.raises(ConfigError, match=r"DATABASE_URL: .* newer than this program .*9999.* update"):
            await opening


@pytest.mark.parametrize("new_url", ["postgresql"], indirect=True)
async def test_processes_that_start_together_migrate_once(new_url: str) -> None:
    assert await asyncio.gather(*(migrate(new_url) for _ in range(4))) == ["0006"] * 4


async def test_work_costs_the_same_however_much_was_done(store: SqlStore, store_url: str) -> None:
    """No statement of the worker walks through the settled turns."""
    await receive(store, message("a", chat="elsewhere", sender="bob"))
    await store.settle(await claim(store), TurnState.DELIVERED)
    away = {"code": "", "most": 9}
    gone = message("s", sender="gone")
    await store.turn_away(gone, person("gone"), "reply", seconds=-1e9, **away)
    await store.settle(await claim(store), TurnState.DELIVERED)
    await store.aclose()
    database = connect(store_url)
    await order(database, *_many_settled(is_sqlite=store_url.startswith("sqlite")))
    said: list[tuple[str, Any]] = []
    for made in (database.reader, database.writer):
        event.listen(made.sync_engine, "before_cursor_execute", lambda *given: said.append((given[2], given[3])))
    busy = SqlStore(database, StillClock())
    await receive(busy, message("b"))
    turn = await claim(busy)
    await busy.asking(turn, "coze", at=1.0)
    await busy.renew(MINE)
    await busy.waiting()
    await busy.next_due()
    await busy.obey(message("c"), person(), place(message("c")), Effect.CANCEL, str)
    await busy.acquaintance(person())
    await busy.turn_away(message("d", sender="eve"), person("eve"), "reply", seconds=1, **away)
    await busy.takes_part(place(message("c")), person())
    await busy.last_question(place(message("c")), person())
    await busy.release(MINE.owner)
    seen = [(statement, values) for statement, values in said if "turns" in statement]
    assert len(seen) > 10
    for statement, values in seen:
        assert await _walks(database, statement, values) == [], statement
    await database.aclose()


async def _walks(database: Database, statement: str, values: Any) -> list[str]:
    """The lines of the plan that read the table of turns from end to end."""
    is_sqlite = database.writer.sync_engine.dialect.name == "sqlite"
    explain = f"EXPLAIN {'QUERY PLAN ' * is_sqlite}{statement}"
    plan = await database.read(lambda connection: connection.exec_driver_sql(explain, values))
    lines = [str(row[-1]) for row in plan.all()]
    if is_sqlite:
        return [line for line in lines if re.match(r"SCAN (turns?|other)\b(?! USING)", line)]
    return [line for line in lines if "Seq Scan on turns" in line]


def _many_settled(*, is_sqlite: bool) -> list[str]:
    """Statements that make 20,000 settled turns of 200 persons."""

    def numbers(last: int) -> str:
        if is_sqlite:
            return (
                f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s) s"
            )
        return f"generate_series(1, {last}) n"

    place = "platform, account, chat, thread"
    same = f"kind, {place}, text, files, language, reply_to"
    return [
        "INSERT INTO users (platform, account, sender, coze_user, language, created_at) "
        f"SELECT platform, account, 'old' || n, '', '', 0 FROM users, {numbers(200)} WHERE id = 1",
        f"INSERT INTO conversations (key, created_at, {place}) "
        f"SELECT 'old' || n, 0, {place} FROM conversations, {numbers(200)}",
        f"INSERT INTO turns (key, sort_key, state, received_at, settled_at, conversation_id, user_id, {same}) "
        f"SELECT 'old' || n, '0', 'delivered', 0, 0, 1 + n % 200, 1 + n % 200, {same} "
        f"FROM turns, {numbers(20_000)} WHERE id = 1",
        "ANALYZE",
    ]


# ---- who may have an SQLite file open


async def test_sqlite_is_durable_at_each_commit(file_url: str) -> None:
    await migrate(file_url)
    database = connect(file_url)
    found = [await order(database, f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "foreign_keys")]
    await database.aclose()
    assert found == ["wal", 2, 1]


async def test_a_second_process_is_kept_out_until_the_first_one_dies(file: Path, file_url: str) -> None:
    holding = "import asyncio, storage, tests.clocks as c; l = asyncio.new_event_loop(); "
    holding += (
        f"s = l.run_until_complete(storage.open_store({file_url!r}, c.StillClock())); print('open', flush=True); "
    )
    holding += "input()"
    pipe = asyncio.subprocess.PIPE
    first = await asyncio.create_subprocess_exec(sys.executable, "-c", holding, stdin=pipe, stdout=pipe)
    assert first.stdout
    assert await first.stdout.readline() == b"open\n"
    with pytest.raises(ConfigError, match=rf"DATABASE_URL: {file} is in use by process {first.pid}"):
        await open_store(file_url, StillClock())
    first.kill()
    await first.communicate()
    store = await open_store(file_url, StillClock())
    await store.aclose()


async def test_leases_of_a_dead_process_are_void(file_url: str) -> None:
    clock = StillClock()
    store = await open_store(file_url, clock)
    turn_id = await receive(store, message("a"))
    await claim(store)
    await store.aclose()
    store = await open_store(file_url, clock)
    assert await store.renew(MINE) == {}
    assert (await claim(store, THEIRS)).id == turn_id
    await store.aclose()


async def test_a_guest_joins_a_running_service_and_leaves_its_leases_alone(file_url: str) -> None:
    clock = StillClock()
    store = await open_store(file_url, clock)
    turn_id = await receive(store, message("a"))
    await claim(store)
    guest = await open_store(file_url, clock, guest=True)
    assert await guest.cancel(turn_id)
    await guest.aclose()
    assert await store.renew(MINE) == {turn_id: True}
    assert await migrate(file_url) == "0006"
    await store.aclose()
    guest = await open_store(file_url, clock, guest=True)
    store = await open_store(file_url, clock)
    assert (await guest.waiting())["claimed"] == 1
    for opened in (guest, store):
        await opened.aclose()


async def test_a_guest_makes_no_database(tmp_path: Path) -> None:
    file = tmp_path / "not there" / "bridge.db"
    with pytest.raises(ConfigError, match=rf"DATABASE_URL: there is no database {file}; run this where"):
        await open_store(f"sqlite+aiosqlite:///{file}", StillClock(), guest=True)
    assert list(tmp_path.iterdir()) == []


async def test_a_guest_does_not_migrate_under_a_running_service(file: Path, file_url: str) -> None:
    store = await open_store(file_url, StillClock())
    with sqlite3.connect(file) as older:
        older.execute("UPDATE alembic_version SET version_num = '0001'")
    older.close()
    with pytest.raises(ConfigError, match=r"DATABASE_URL: .* in use by an older program"):
        await open_store(file_url, StillClock(), guest=True)
    await store.aclose()
