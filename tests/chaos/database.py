"""The database of one world: an SQLite file, or a PostgreSQL database behind a line that can be cut and held up."""

import asyncio
import contextlib
import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

SERVER = os.environ.get("TEST_POSTGRES_URL", "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres")


class Database:
    """Where `url` leads to, from `open` to `close`. For SQLite the faults of the line do nothing."""

    def __init__(self, kind: str, directory: Path) -> None:
        self.is_postgres = kind == "postgres"
        self.url = f"sqlite+aiosqlite:///{directory}/bridge.db"
        self._name = f"chaos_{secrets.token_hex(6)}"
        self._parsed = urlsplit(SERVER)
        self._line: asyncio.Server | None = None
        self._flows: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._refusing = False

    async def open(self) -> None:
        self._open.set()
        if not self.is_postgres:
            return
        await self._order(f"CREATE DATABASE {self._name}")
        self._line = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port = self._line.sockets[0].getsockname()[1]
        user = self._parsed.netloc.rpartition("@")[0]
        self.url = f"{self._parsed.scheme}://{user}@127.0.0.1:{port}/{self._name}"

    async def close(self) -> None:
        if self._line is None:
            return
        self._line.close()
        self.cut()
        await self._order(f"DROP DATABASE {self._name} WITH (FORCE)")

    # ---- faults

    async def terminate(self) -> None:
        """What a restart of the server looks like to those who are connected."""
        await self._order(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'")

    def cut(self) -> None:
        """Every connection is gone."""
        for task in list(self._flows):
            task.cancel()

    async def stall(self, seconds: float) -> None:
        """Nothing gets through for a while; then all of it does."""
        self._open.clear()
        await asyncio.sleep(seconds)
        self._open.set()

    async def away(self, seconds: float) -> None:
        """Connections are gone, and no new ones are taken."""
        self._refusing = True
        self.cut()
        await asyncio.sleep(seconds)
        self._refusing = False

    def heal(self) -> None:
        self._refusing = False
        self._open.set()

    # ---- the line

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._flows.add(task)
        other: asyncio.StreamWriter | None = None
        try:
            if self._refusing:
                return
            there, other = await asyncio.open_connection(self._parsed.hostname, self._parsed.port or 5432)
            ways = {asyncio.create_task(self._flow(reader, other)), asyncio.create_task(self._flow(there, writer))}
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._flows.discard(task)
            for end in (writer, other):
                if end is not None:
                    end.transport.abort()

    async def _flow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._open.wait()
                writer.write(data)
                await writer.drain()

    async def _order(self, statement: str) -> None:
        connection = await asyncpg.connect(SERVER.replace("+asyncpg", ""), timeout=60)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
