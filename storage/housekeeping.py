"""Keeps an SQLite file small, and what was erased out of it; PostgreSQL's autovacuum does so there."""

import logging
import shutil
import sqlite3
import time
from pathlib import Path

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import MIGRATION_PATIENCE, Database
from storage.tables import login_attempts, logins, penalties, uploads

log = logging.getLogger(__name__)

#: Pages of 4 kB that one transaction gives back, and transactions of one round: 25 ms and one second.
PAGES, STEPS = 500, 40
#: Milliseconds for which emptying the log waits for those who read; nobody writes meanwhile.
LOG_WAIT = 200
#: Tries at that after a forget.
LOG_TRIES = 25
#: Bytes up to which the whole file is written anew after a forget: about a second.
SCRUBBED = 100_000_000
#: What a VACUUM needs of the disk, in sizes of the file: a copy, and the log.
ROOM = 2.2
#: Seconds after which what is over is erased, whatever the clocks of the machines say.
OVER_SECONDS = 3600.0


async def forget_trifles(connection: AsyncConnection, now: float) -> None:
    """Erases what is long over: penalties, uploads, logins. Buckets are erased where they are used."""
    for table in (penalties, uploads, logins, login_attempts):
        await connection.execute(delete(table).where(table.c.until < now - OVER_SECONDS))


async def tidy(database: Database) -> None:
    """Gives some free pages back to the disk, and empties the log."""
    for _ in range(STEPS):
        if not await database.between(_shrink):
            break
    await database.between(_empty_log)


async def scrub(database: Database) -> bool:
    """Leaves no copy of erased rows in the files; False if some may be left for a while.

    Deleted rows are overwritten, but not the copies that SQLite leaves behind when it moves rows from one page to
    another: about one in 400, until the page is written again. Only a file that is written anew is free of them.
    """
    if database.guard is None:
        return True
    anew = await database.between(_write_anew)
    for _ in range(LOG_TRIES):
        if await database.between(_empty_log):
            return bool(anew)
    return False


async def convert(database: Database) -> None:
    """Has an SQLite file that an older version made give back room from now on: writes it anew, once."""
    await database.between(_convert, patience=MIGRATION_PATIENCE)


def _shrink(connection: sqlite3.Connection) -> bool:
    """True: there is more to give back."""
    if not _number(connection, "freelist_count") or _number(connection, "auto_vacuum") != 2:
        return False
    try:
        # As a script: else Python takes one step of it, and each step is one page.
        connection.executescript(f"BEGIN IMMEDIATE; PRAGMA incremental_vacuum({PAGES}); COMMIT")
    except sqlite3.OperationalError as error:
        log.info("the database does not shrink now: %s", error)
        return False
    return bool(_number(connection, "freelist_count"))


def _empty_log(connection: sqlite3.Connection) -> bool:
    """False: somebody reads what was before."""
    patience = _number(connection, "busy_timeout")
    try:
        connection.execute(f"PRAGMA busy_timeout = {LOG_WAIT}")
        return not _number(connection, "wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError as error:
        log.info("the database's log is not emptied now: %s", error)
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}")


def _write_anew(connection: sqlite3.Connection) -> bool:
    return _size(connection) <= SCRUBBED and _vacuum(connection)


def _convert(connection: sqlite3.Connection) -> None:
    if _number(connection, "auto_vacuum"):
        return
    size = _size(connection)
    log.info("writing the database anew, so that it can shrink from now on: %.0f MB, some 10 s for 1,000", size / 1e6)
    began = time.monotonic()
    if _vacuum(connection):
        log.info("the database was written anew in %.1f s", time.monotonic() - began)


def _vacuum(connection: sqlite3.Connection) -> bool:
    """False, and a line in the log: there is no room for it, or somebody else writes."""
    directory = Path(connection.execute("PRAGMA database_list").fetchone()[2]).parent
    needed, free = _size(connection) * ROOM, shutil.disk_usage(directory).free
    if free < needed:
        log.info("the database is not written anew: %.0f MB free, %.0f MB needed", free / 1e6, needed / 1e6)
        return False
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("VACUUM")
    except sqlite3.OperationalError as error:
        log.info("the database is not written anew: %s", error)
        return False
    _empty_log(connection)
    return True


def _size(connection: sqlite3.Connection) -> int:
    return _number(connection, "page_count") * _number(connection, "page_size")


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    """The first number that a PRAGMA answers."""
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
