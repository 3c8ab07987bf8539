"""Brings the database to the schema of this program, with Alembic, one process at a time."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.errors import ConfigError
from storage.tables import metadata

#: Key of the advisory lock that migrating processes take on PostgreSQL: any number, for ever the same.
_LOCK = 0x636F7A65


def alembic_config() -> Config:
    """Alembic's settings; there is no alembic.ini, so that a wheel carries all that is needed."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


async def upgrade(connection: AsyncConnection) -> str:
    """Migrates inside the caller's transaction and returns the revision reached.

    Raises ConfigError if the database comes from a newer program.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    return await connection.run_sync(_upgraded)


async def current_revision(connection: AsyncConnection) -> str:
    """The revision of a database that somebody else has open. Raises ConfigError if it is not that of this program."""
    if await connection.run_sync(_is_behind):
        raise ConfigError("DATABASE_URL: the database is in use by an older program; restart that one first")
    return _head()


def _upgraded(connection: Connection) -> str:
    if _is_behind(connection):
        _refuse_foreign(connection)
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return _head()


def _refuse_foreign(connection: Connection) -> None:
    """A table with a name of ours in a database that no program of ours has migrated is somebody else's."""
    if MigrationContext.configure(connection).get_current_revision() is None:
        taken = sorted(set(inspect(connection).get_table_names()) & set(metadata.tables))
        if taken:
            raise ConfigError(f"DATABASE_URL: that database has a table {taken[0]} of another program; name another")


def _head() -> str:
    return str(ScriptDirectory.from_config(alembic_config()).get_current_head())


def _is_behind(connection: Connection) -> bool:
    """Is there a migration to run? Raises ConfigError if the database is ahead."""
    scripts = ScriptDirectory.from_config(alembic_config())
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise ConfigError(
            f"DATABASE_URL: the database is newer than this program (revision {current}); update the program"
        )
    return current != scripts.get_current_head()
