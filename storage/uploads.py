"""What was uploaded to Coze already, by its content."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.people import insert
from storage.tables import uploads


async def uploaded(connection: AsyncConnection, library: str, digest: str, now: float) -> str:
    """The Coze `file_id` of that content there, if it still can be used; or empty."""
    known = select(uploads.c.file_id).where(
        uploads.c.library == library, uploads.c.digest == digest, uploads.c.until > now
    )
    return (await connection.execute(known)).scalar() or ""


async def keep(connection: AsyncConnection, library: str, digest: str, file_id: str, until: float) -> None:
    """Keeps the newest."""
    content = {"file_id": file_id, "until": until}
    new = insert(connection, uploads).values(library=library, digest=digest, **content)
    await connection.execute(new.on_conflict_do_update(index_elements=["library", "digest"], set_=content))
