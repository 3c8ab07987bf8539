"""What the commands of the operator share: the option --config, the database, and the one line for a mistake."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from bridge.clock import SystemClock
from bridge.config import Settings
from bridge.ports import Store

Result = TypeVar("Result")

Config = Annotated[Path | None, typer.Option("--config", help="TOML file with settings.", metavar="FILE")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, one array.")]


class Uncounted:
    """A Meter for a command, whose figures nobody asks for."""

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        """Counts nothing."""

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Measures nothing."""


def with_store(settings: Settings, use: Callable[[Store], Awaitable[Result]]) -> Result:
    """Does that with the database, beside a running service or without one."""
    from storage.opening import open_store

    async def opened() -> Result:
        store = await open_store(settings.database_url, SystemClock(), guest=True)
        try:
            return await use(store)
        finally:
            await store.aclose()

    return asyncio.run(opened())


def unknown(what: str) -> NoReturn:
    """Ends with status 1 and that line: what was asked for is not there."""
    typer.echo(f"coze-bridge: {what}", err=True)
    raise typer.Exit(1)


def moment(seconds: float) -> str:
    """A Unix time, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
