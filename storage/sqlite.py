"""An SQLite file, served by threads: one writes for everybody who waits, with one commit for all; others read."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from sqlalchemy import (
    Connection,
    CursorResult,
    Dialect,
    Engine,
    NullPool,
    QueuePool,
    ScalarResult,
    create_engine,
    event,
)
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.transactions import Result, Work

READERS = 4
MOST_TOGETHER = 64
"""Transactions in one commit: the first of them waits for the last."""


class Straight:
    """A connection that is awaited as PostgreSQL's is, although nothing of it ever waits: it works where it is called.

    A transaction of five statements is therefore one trip to the thread and back, and not one for each call of the
    driver.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> Dialect:
        return self._connection.dialect

    async def execute(self, *arguments: Any) -> CursorResult[Any]:
        return self._connection.execute(*arguments)

    async def scalar(self, *arguments: Any) -> Any:
        return self._connection.scalar(*arguments)

    async def scalars(self, *arguments: Any) -> ScalarResult[Any]:
        return self._connection.scalars(*arguments)

    async def exec_driver_sql(self, *arguments: Any) -> CursorResult[Any]:
        return self._connection.exec_driver_sql(*arguments)

    async def run_sync(self, work: Any, *arguments: Any) -> Any:
        return work(self._connection, *arguments)


def _through(work: Work[Result], connection: Connection) -> Result:
    """Runs the work from its beginning to its end."""
    whole = cast("Coroutine[Any, Any, Result]", work(cast("AsyncConnection", Straight(connection))))
    try:
        whole.send(None)
    except StopIteration as end:
        return cast("Result", end.value)
    whole.close()
    raise RuntimeError("on SQLite, a transaction waits for nothing")


@dataclass(slots=True, kw_only=True, eq=False)
class _Piece:
    """A transaction that waits for the writer."""

    work: Work[Any]
    end: asyncio.Future[Any]
    until: float
    """By the loop's clock. Later nobody waits for it any longer, and it is not begun."""
    alone: bool = False


class Reader:
    """Transactions that only read, beside each other and beside the writer."""

    def __init__(self, url: URL, patience: float) -> None:
        self.sync_engine = _engine(url, patience, begin="BEGIN", size=READERS)
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-read")

    async def do(self, work: Work[Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, work)

    def _read(self, work: Work[Result]) -> Result:
        with self.sync_engine.connect() as connection:
            return _through(work, connection)

    async def aclose(self) -> None:
        await asyncio.to_thread(self.sync_engine.dispose)
        self._threads.shutdown(wait=False)


class Writer:
    """Transactions that write, in the order of their coming, those that wait together with one commit for all.

    Where one of them fails, nothing of that commit stays, and each is done again by itself: no other suffers for it.
    """

    def __init__(self, url: URL, patience: float, *, migrates: bool = False) -> None:
        """One that `migrates` has no foreign keys, to rebuild tables, and does not keep its connection."""
        size = 0 if migrates else 1
        self.sync_engine = _engine(url, patience, begin="BEGIN IMMEDIATE", size=size, foreign_keys=not migrates)
        self._patience = patience
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-write")
        self._waiting: deque[_Piece] = deque()
        self._busy = False

    async def do(self, work: Work[Result]) -> Result:
        """Raises TimeoutError if its turn does not come; then it is not begun."""
        loop = asyncio.get_running_loop()
        piece = _Piece(work=work, end=loop.create_future(), until=loop.time() + self._patience)
        self._waiting.append(piece)
        if not self._busy:
            self._begin(loop)
        return cast("Result", await piece.end)

    async def between(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Does that with the writer's connection, on which no transaction is open, and lets nobody write meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._between, work)

    def _between(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        with closing(self.sync_engine.raw_connection()) as connection:
            return work(cast("sqlite3.Connection", connection.driver_connection))

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Has the thread do what waits, if something does."""
        group = self._next(loop.time())
        self._busy = bool(group)
        if group:
            done = loop.run_in_executor(self._thread, self._together, [piece.work for piece in group])
            done.add_done_callback(partial(self._ended, loop, group))

    def _next(self, now: float) -> list[_Piece]:
        group: list[_Piece] = []
        while self._waiting and len(group) < MOST_TOGETHER and not (group and self._waiting[0].alone):
            piece = self._waiting.popleft()
            if piece.end.done():
                continue
            if piece.until < now:
                piece.end.set_exception(TimeoutError())
                continue
            group.append(piece)
            if piece.alone:
                break
        return group

    def _together(self, works: Sequence[Work[Any]]) -> list[Any]:
        with self.sync_engine.begin() as connection:
            return [_through(work, connection) for work in works]

    def _ended(self, loop: asyncio.AbstractEventLoop, group: list[_Piece], done: asyncio.Future[list[Any]]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None and len(group) > 1:
            for piece in reversed(group):
                piece.alone = True
                self._waiting.appendleft(piece)
        else:
            for number, piece in enumerate(group):
                _tell(piece.end, done, error, number)
        if not loop.is_closed():
            self._begin(loop)

    async def aclose(self) -> None:
        await asyncio.to_thread(self.sync_engine.dispose)
        self._thread.shutdown(wait=False)


def _tell(end: asyncio.Future[Any], done: asyncio.Future[list[Any]], error: BaseException | None, number: int) -> None:
    if end.done():
        return
    if done.cancelled():
        end.cancel()
    elif error is not None:
        end.set_exception(error)
    else:
        end.set_result(done.result()[number])


def _engine(url: URL, patience: float, *, begin: str, size: int, foreign_keys: bool = True) -> Engine:
    """Connections that are durable at commit, read beside the writer, and begin when we say so.

    Python's sqlite3 would begin transactions late, and not at all before changes of the schema.
    """
    pool: dict[str, Any] = {"poolclass": QueuePool, "pool_size": size, "max_overflow": 0}
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        hide_parameters=True,
        connect_args={"check_same_thread": False},
        **(pool if size else {"poolclass": NullPool}),
    )

    def set_up(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        with _cursor(connection) as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {int(patience * 1000 / 3)}")
            if cursor.execute("PRAGMA page_count").fetchone() == (0,):
                # Before the first page is written, or it takes a VACUUM: free pages can be given back to the disk.
                cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
            # What is deleted is overwritten: who was forgotten shall not stand in unused parts of the file.
            cursor.execute("PRAGMA secure_delete = ON")
            cursor.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


@contextmanager
def _cursor(connection: Any) -> Iterator[Any]:
    cursor = connection.cursor()
    yield cursor
    cursor.close()
