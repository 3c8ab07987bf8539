"""What the database drivers complain of, as our errors: tables and one context manager."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from asyncpg import InterfaceError, PostgresConnectionError
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from bridge.errors import ConfigError, Unreachable

#: PostgreSQL's SQLSTATE by its first characters → the database cannot serve us at the moment.
_PASSING = {
    "08": "the connection failed",
    "25006": "it is read-only",
    "40": "the transaction lost a conflict",
    "53": "it is out of memory, disk or connections",
    "55P03": "a lock was not to be had",
    "57": "it shuts down, starts up, or gave up the query",
    "58": "its disk fails",
    "0A000": "its schema was changed under us",
}

#: SQLSTATE by its first characters → what in DATABASE_URL is wrong; counts when the store is opened.
_SETTING = {
    "28": "PostgreSQL refuses the user or the password in it; mend them",
    "3D": "PostgreSQL has no such database; create it first",
    "42501": "that user may not create tables there; grant it CREATE on the schema",
}

#: Primary result code of SQLite → the file cannot serve us at the moment.
_PASSING_FILE = {
    sqlite3.SQLITE_BUSY: "the file is locked",
    sqlite3.SQLITE_LOCKED: "the file is locked",
    sqlite3.SQLITE_NOMEM: "out of memory",
    sqlite3.SQLITE_READONLY: "the file is read-only",
    sqlite3.SQLITE_IOERR: "the disk fails",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
}

_FAILING_DISK = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM})

#: Primary result code of SQLite → what in DATABASE_URL is wrong; counts when the store is opened.
_SETTING_FILE = {
    sqlite3.SQLITE_READONLY: "that file is read-only for us; let this user write it",
    sqlite3.SQLITE_CANTOPEN: "that file cannot be opened or written; name one that can",
    sqlite3.SQLITE_NOTADB: "that file is not an SQLite database; name another, or a new one",
    sqlite3.SQLITE_CORRUPT: "that file is damaged; restore it from a backup",
    sqlite3.SQLITE_PERM: "that file may not be opened; let this user read and write it",
}


def _state(error: DBAPIError) -> str:
    """The SQLSTATE; empty if the driver named none."""
    return getattr(error.orig, "sqlstate", None) or ""


def _primary(error: DBAPIError) -> int:
    """SQLite's primary result code; 0 if it is not an error of SQLite."""
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & 0xFF


def _passing(error: DBAPIError) -> str:
    """Why the database cannot serve us at the moment; empty if that is not what the error says."""
    state = _state(error)
    for prefix, meaning in _PASSING.items():
        if state.startswith(prefix):
            return meaning
    return _PASSING_FILE.get(_primary(error), "") or ("the connection is gone" if _closed(error) else "")


def _closed(error: DBAPIError) -> bool:
    """Does the driver itself say, without any word of the server, that the connection cannot be used?"""
    return error.connection_invalidated or (not _state(error) and type(error.orig).__name__ == "InterfaceError")


def _wrong_setting(error: DBAPIError) -> str:
    """What in DATABASE_URL is wrong; empty if that is not what the error says."""
    state = _state(error)
    for prefix, meaning in _SETTING.items():
        if state.startswith(prefix):
            return meaning
    return _SETTING_FILE.get(_primary(error), "")


def lost_a_race(error: DBAPIError) -> bool:
    """Has another transaction come between, so that this one was undone, and may come through if it is tried again?

    A deadlock, a snapshot that is too old, or a row that somebody has just made or erased.
    """
    return isinstance(error, IntegrityError) or _state(error) in ("40001", "40P01")


@contextmanager
def outages(*, opening: bool = False) -> Iterator[None]:
    """Raises Unreachable in place of what means that the database does not answer; lets all else through.

    `certain` is False: the transaction may have been committed although we were not told. While the store is
    `opening`, what means that DATABASE_URL is wrong raises ConfigError.
    """
    try:
        yield
    except (TimeoutError, PoolExhausted) as error:
        raise Unreachable("the database does not answer in time", certain=False) from error
    except OSError as error:
        raise Unreachable(f"the database is not reachable: {error.strerror or error}", certain=False) from error
    except (InterfaceError, PostgresConnectionError) as error:
        # SQLAlchemy lets them through bare where a connection is lost while it is set up.
        raise Unreachable(f"the connection to the database broke ({error})", certain=False) from error
    except sqlite3.OperationalError as error:
        # The same of SQLite: where a connection is set up on a disk that is full.
        if error.sqlite_errorcode & 0xFF not in _FAILING_DISK:
            raise
        raise Unreachable(f"the database does not serve us: {error}", certain=False) from error
    except DBAPIError as error:
        setting, passing = _wrong_setting(error), _passing(error)
        if opening and setting:
            raise ConfigError(f"DATABASE_URL: {setting}") from error
        if setting or passing:
            raise Unreachable(f"the database does not serve us: {passing or setting}", certain=False) from error
        raise
