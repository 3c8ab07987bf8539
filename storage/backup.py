"""Copies an SQLite database into a file while a service works with it."""

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import URL

from bridge.errors import BridgeError, ConfigError
from storage.engine import SQLITE, parsed

#: Pages copied at a time: between two of these, Ctrl-C is heard.
PAGES = 1000
#: Seconds for which a lock is waited for.
PATIENCE = 10.0


def back_up(url: str, target: Path, *, force: bool = False) -> int:
    """Writes the database, as it is at this moment, to that file, which only its owner can read; returns its bytes.

    Nobody waits for it: readers do not stop writers. The file appears when it is whole and was checked. Raises
    BridgeError, saying the mend, if the database is PostgreSQL, the file is there already (unless `force`) or cannot
    be written, or is the database itself; ConfigError if DATABASE_URL is wrong.
    """
    database = parsed(url)
    if database.drivername != SQLITE:
        raise BridgeError(
            f"DATABASE_URL names a PostgreSQL database, which its own tool backs up: {_pg_dump(database)}"
        )
    source = Path(database.database or "").absolute()
    if not source.is_file():
        raise ConfigError(f"DATABASE_URL: there is no database {source}; run this where the service's settings are")
    _refuse(target, source, force=force)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        _copy(source, part)
        _refuse(target, source, force=force)
        part.replace(target)
        _make_durable(target.absolute().parent)
        return target.stat().st_size
    except OSError as error:
        raise BridgeError(f"cannot write {target}: {error.strerror}") from error
    except sqlite3.Error as error:
        raise BridgeError(f"the backup failed: {error}") from error
    finally:
        for left in ("", "-journal", "-wal", "-shm"):
            part.with_name(part.name + left).unlink(missing_ok=True)


def _pg_dump(url: URL) -> str:
    shown = URL.create("postgresql", username=url.username, host=url.host, port=url.port, database=url.database)
    return f"pg_dump --format=custom --file=FILE --dbname={shown.render_as_string()}"


def _refuse(target: Path, source: Path, *, force: bool) -> None:
    own = [source.with_name(source.name + suffix) for suffix in ("", "-wal", "-shm", ".lock")]
    if any(target.resolve() == file.resolve() or (target.exists() and _same(target, file)) for file in own):
        raise BridgeError(f"{target} is the database itself; name another file")
    if target.is_dir():
        raise BridgeError(f"{target} is a directory; name a file in it")
    if target.exists() and not force:
        raise BridgeError(f"{target} is there already; name another file, or say --force")


def _same(target: Path, file: Path) -> bool:
    return file.exists() and target.samefile(file)


def _copy(source: Path, part: Path) -> None:
    opened = sqlite3.connect(f"{source.as_uri()}?mode=rw", uri=True, timeout=PATIENCE, isolation_level=None)
    with closing(opened) as live, closing(sqlite3.connect(part, isolation_level=None)) as copy:
        # Reads what is there now, to its end: else each write of the service would have the copy begin anew.
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()
        live.backup(copy, pages=PAGES, progress=lambda *_: None)  # in which signals are heard
        live.execute("ROLLBACK")
        # One file, without a log beside it.
        copy.execute("PRAGMA journal_mode = DELETE")
        (found,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged, as the database is: {found}")


def _make_durable(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
