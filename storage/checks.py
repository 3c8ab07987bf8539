"""Looks at the database without taking it from a running service: reachable, writable, and with which schema."""

import os
import tempfile
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.errors import ConfigError, Unreachable
from bridge.findings import Finding, Findings, ok, warning, wrong
from storage.engine import connect
from storage.schema import alembic_config

NAME = "database"
MIGRATE = "run `coze-bridge migrate` (`run` does so too)"
MEND = "look at DATABASE_URL, and whether the database runs"
PAGE = bytes(4096)


async def look(url: str) -> Findings:
    """One finding. Takes no lock, writes nothing and makes no SQLite file."""
    try:
        database = connect(url)
    except ConfigError as error:
        yield _wrong(error)
        return
    try:
        if database.guard and (found := _place(database.guard.database)):
            yield found
            return
        yield await database.read(_schema, opening=True)
    except ConfigError as error:
        yield _wrong(error)
    except Unreachable as error:
        yield wrong(NAME, str(error), MEND, unreachable=True)
    finally:
        await database.aclose()


def _wrong(error: ConfigError) -> Finding:
    return wrong(NAME, str(error), "mend DATABASE_URL")


def _place(file: Path) -> Finding | None:
    """What is wrong with where an SQLite file is, or that there is none yet; None if it can be opened."""
    file = file.absolute()
    directory = next(parent for parent in file.parents if parent.exists())
    try:
        # Really written, as a full disk and /proc look writable; what is written has no name.
        with tempfile.TemporaryFile(dir=directory) as trial:
            trial.write(PAGE)
            trial.flush()
    except OSError as error:
        return wrong(
            NAME,
            f"cannot write in {directory}: {error.strerror}",
            "let the service's user write there, make room, or move DATABASE_URL",
        )
    if not file.exists():
        return ok(NAME, f"{file} does not exist yet; the first run makes it")
    if not file.is_file() or not os.access(file, os.R_OK | os.W_OK):
        return wrong(
            NAME, f"{file} cannot be read and written", "give the file to the service's user, or move DATABASE_URL"
        )
    return None


async def _schema(connection: AsyncConnection) -> Finding:
    current = await connection.run_sync(_revision)
    # From the newest to the oldest.
    known = [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()]
    kind = connection.dialect.name
    if current is None:
        return ok(NAME, f"{kind}, empty; the first run makes the tables")
    if current not in known:
        what = f"{kind}, written by a newer program (revision {current}; this one knows {known[0]})"
        return wrong(NAME, what, "update this program")
    if current != known[0]:
        return warning(NAME, f"{kind}, at revision {current} of an older program; ours is {known[0]}", MIGRATE)
    return ok(NAME, f"{kind}, at revision {current}")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
