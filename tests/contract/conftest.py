"""The Store under test: each test that takes `store` runs on SQLite and on PostgreSQL."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from storage import SqlStore, migrate, open_store
from tests.clocks import StillClock
from tests.contract.store_contract import empty, postgres_database


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with postgres_database() as url:
        asyncio.run(migrate(url))
        yield url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database to copy."""
    path = tmp_path_factory.mktemp("template") / "bridge.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        copy = shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "bridge.db")
        return f"sqlite+aiosqlite:///{copy}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def store(store_url: str, clock: StillClock) -> AsyncIterator[SqlStore]:
    if store_url.startswith("postgresql"):
        await empty(store_url)
    opened = await open_store(store_url, clock)
    yield opened
    await opened.aclose()


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database in which nothing is yet."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/new.db"
        return
    with postgres_database() as url:
        yield url
