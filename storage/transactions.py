"""What a transaction is to its database: work with a connection, done wholly or not at all."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncConnection

Result = TypeVar("Result")
#: What is done in one transaction.
Work = Callable[[AsyncConnection], Awaitable[Result]]


class Transactions(Protocol):
    """A kind of transaction of one database."""

    @property
    def sync_engine(self) -> Engine:
        """SQLAlchemy's own, for its dialect and its events."""
        ...

    async def do(self, work: Work[Result]) -> Result:
        """Does that work in one transaction, which is undone if it raises."""
        ...

    async def aclose(self) -> None:
        """Closes the connections."""
        ...
