"""Opens a database: connects, takes an SQLite file for this process, and brings the schema up to date."""

from contextlib import AsyncExitStack

from bridge.errors import ConfigError
from bridge.ports import Clock
from storage import housekeeping
from storage.engine import Database, connect
from storage.schema import current_revision, upgrade
from storage.store import SqlStore


async def open_store(url: str, clock: Clock, *, guest: bool = False, connections: int = 8) -> SqlStore:
    """Connects, migrates, and hands over the Store.

    An SQLite file is ours alone from here to `aclose`; a `guest` (a command of the operator) joins whoever has it
    instead, leaves their leases alone, and makes no file. `connections` is the most that are made to PostgreSQL.
    Raises ConfigError, naming DATABASE_URL, or Unreachable if the server does not answer.
    """
    async with AsyncExitStack() as undo:
        database = connect(url, connections=connections)
        undo.push_async_callback(database.aclose)
        if guest and database.guard and not (file := database.guard.database.absolute()).exists():
            raise ConfigError(
                f"DATABASE_URL: there is no database {file}; run this where the service's settings are (the same "
                "DATABASE_URL or --config), or start the service first"
            )
        await _prepare(database, guest=guest, convert=not guest)
        store = SqlStore(database, clock)
        if database.guard and not guest:
            await store.void_leases()
        undo.pop_all()
        return store


async def migrate(url: str) -> str:
    """Brings the database to the current schema and returns its revision. Raises what `open_store` raises."""
    async with AsyncExitStack() as undo:
        database = connect(url)
        undo.push_async_callback(database.aclose)
        return await _prepare(database, guest=True, convert=True)


async def _prepare(database: Database, *, guest: bool, convert: bool) -> str:
    """Takes the SQLite file, unless for a guest, and brings the schema up to date; returns the revision.

    `convert`: and the file of an older version, which may take long.
    """
    guard = database.guard
    if guard and not guard.take():
        if not guest:
            raise ConfigError(f"DATABASE_URL: {guard.database} is in use by process {guard.holder()}; stop that first")
        return await database.migrate(current_revision)
    revision = await database.migrate(upgrade)
    if convert:
        await housekeeping.convert(database)
    if guard and guest:
        guard.release()
    return revision
