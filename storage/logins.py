"""People who speak to Coze with an account of their own: their tokens, encrypted by who keeps them here."""

from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import User
from bridge.ports import Clock
from storage import admission, people
from storage.engine import Database
from storage.tables import login_attempts, logins, users


class SqlLogins:
    """Implements `bridge.ports.Logins`, where its methods are described."""

    __slots__ = ("_clock", "_database")

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def begin_login(self, who: User, state: str, sealed: str, *, seconds: float) -> None:
        now = self._clock.now()

        async def begin(connection: AsyncConnection) -> None:
            await admission.acquaint(connection, who, now)
            person = select(users.c.id).where(*people.is_person(who)).with_for_update(read=True, key_share=True)
            user = (await connection.execute(person)).scalar_one()
            content = {"user_id": user, "sealed": sealed, "until": now + seconds}
            new = people.insert(connection, login_attempts).values(state=state, **content)
            await connection.execute(new.on_conflict_do_update(index_elements=["state"], set_=content))

        await self._database.write(begin)

    async def end_login(self, state: str) -> tuple[User, str] | None:
        now = self._clock.now()
        good = select(login_attempts.c.state).where(login_attempts.c.state == state, login_attempts.c.until > now)

        async def begun(connection: AsyncConnection) -> bool:
            return (await connection.execute(good)).first() is not None

        async def end(connection: AsyncConnection) -> tuple[User, str] | None:
            attempt = delete(login_attempts).where(login_attempts.c.state == state)
            found = (await connection.execute(attempt.returning(*login_attempts.c))).one_or_none()
            if found is None or found.until <= now:
                return None
            person = (await connection.execute(select(users).where(users.c.id == found.user_id))).one()
            return _user(person), found.sealed

        # Anybody may ask this: what was made up is not to wait for, or hold up, whoever writes.
        if not await self._database.read(begun):
            return None
        return await self._database.write(end)

    async def login(self, coze_user: str) -> str:
        now = self._clock.now()
        tokens = select(logins.c.sealed).where(logins.c.coze_user == coze_user, logins.c.until > now)

        async def read(connection: AsyncConnection) -> str:
            return (await connection.execute(tokens)).scalar() or ""

        return await self._database.read(read)

    async def keep_login(self, who: User, sealed: str, *, until: float, instead: str = "") -> bool:
        async def replace(connection: AsyncConnection) -> bool:
            known = update(logins).where(logins.c.coze_user == who.coze_user, logins.c.sealed == instead)
            return (await connection.execute(known.values(sealed=sealed, until=until))).rowcount > 0

        async def keep(connection: AsyncConnection) -> bool:
            found = select(users.c.id).where(*people.is_person(who)).with_for_update(read=True, key_share=True)
            user = (await connection.execute(found)).scalar()
            if user is None:
                return False  # they were forgotten a moment ago
            content = {"coze_user": who.coze_user, "sealed": sealed, "until": until}
            new = people.insert(connection, logins).values(user_id=user, **content)
            await connection.execute(new.on_conflict_do_update(index_elements=["user_id"], set_=content))
            return True

        if instead:
            return await self._database.write(replace, single=True)
        return await self._database.write(keep)

    async def drop_login(self, coze_user: str, *, kept: str = "") -> bool:
        doomed = delete(logins).where(logins.c.coze_user == coze_user)
        if kept:
            doomed = doomed.where(logins.c.sealed == kept)

        async def drop(connection: AsyncConnection) -> bool:
            return (await connection.execute(doomed)).rowcount > 0

        return await self._database.write(drop, single=True)

    async def logins(self) -> list[tuple[str, float]]:
        now = self._clock.now()
        living = select(logins.c.coze_user, logins.c.until).where(logins.c.until > now)

        async def read(connection: AsyncConnection) -> list[tuple[str, float]]:
            rows = await connection.execute(living.order_by(logins.c.until, logins.c.coze_user))
            return [(row.coze_user, row.until) for row in rows]

        return await self._database.read(read)


def _user(row: Row[Any]) -> User:
    return User(
        platform=row.platform, account=row.account, sender=row.sender, coze_user=row.coze_user, language=row.language
    )
