"""People who speak to Coze with an account of their own: their tokens, encrypted by who keeps them here."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import User
from bridge.ports import Clock, Told
from storage import arrivals, people
from storage.engine import Database
from storage.tables import login_attempts, logins, users


class SqlLogins:
    """Implements `bridge.ports.Logins`, where its methods are described."""

    __slots__ = ("_clock", "_database", "_ring")

    def __init__(self, database: Database, clock: Clock, ring: Callable[[], None]) -> None:
        """`ring`: others may have something to claim."""
        self._database = database
        self._clock = clock
        self._ring = ring

    async def begin_login(self, told: Told, state: str, sealed: str, *, seconds: float) -> None:
        now = self._clock.now()
        attempt = {"state": state, "sealed": sealed, "until": now + seconds}

        async def begin(connection: AsyncConnection) -> None:
            # This locks the person: all that is theirs here is done one after the other.
            user = await people.person(connection, told.who, now)
            if user is None or not await _tell(connection, told, user, now):
                return
            await connection.execute(delete(login_attempts).where(login_attempts.c.user_id == user))
            await connection.execute(people.insert(connection, login_attempts).values(user_id=user, **attempt))

        await self._database.write(begin)
        self._ring()

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

    async def hold_login(self, who: User, state: str, sealed: str, *, seconds: float) -> bool:
        attempt = {"state": state, "sealed": sealed, "until": self._clock.now() + seconds}

        async def hold(connection: AsyncConnection) -> bool:
            person = select(users.c.id).where(*people.is_person(who)).with_for_update(key_share=True)
            user = (await connection.execute(person)).scalar()
            another = select(login_attempts.c.state).where(login_attempts.c.user_id == user)
            if user is None or (await connection.execute(another)).first() is not None:
                return False
            await connection.execute(people.insert(connection, login_attempts).values(user_id=user, **attempt))
            return True

        return await self._database.write(hold)

    async def begun(self, state: str) -> str:
        living = (login_attempts.c.state == state, login_attempts.c.until > self._clock.now())

        async def read(connection: AsyncConnection) -> str:
            return (await connection.execute(select(login_attempts.c.sealed).where(*living))).scalar() or ""

        return await self._database.read(read)

    async def try_login(
        self, told: Told, state: str, *, instead: str, left: str = "", tokens: str = "", until: float = 0.0
    ) -> bool:
        now = self._clock.now()
        living = (login_attempts.c.state == state, login_attempts.c.until > now, login_attempts.c.sealed == instead)

        async def settle(connection: AsyncConnection) -> bool:
            user = await people.person(connection, told.who, now)
            if user is None or await arrivals.is_known(connection, told.inbound.key):
                return True
            theirs = (*living, login_attempts.c.user_id == user)
            changed = update(login_attempts).values(sealed=left) if left else delete(login_attempts)
            if (await connection.execute(changed.where(*theirs))).rowcount == 0:
                return False
            if tokens:
                await _keep(connection, user, told.who, tokens, until)
            await _tell(connection, told, user, now)
            return True

        settled = await self._database.write(settle)
        self._ring()
        return settled

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
            await _keep(connection, user, who, sealed, until)
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


async def _keep(connection: AsyncConnection, user: int, who: User, sealed: str, until: float) -> None:
    content = {"coze_user": who.coze_user, "sealed": sealed, "until": until}
    new = people.insert(connection, logins).values(user_id=user, **content)
    await connection.execute(new.on_conflict_do_update(index_elements=["user_id"], set_=content))


async def _tell(connection: AsyncConnection, told: Told, user: int, now: float) -> bool:
    """Makes the command and its reply durable; False: it was seen before."""
    if await arrivals.is_known(connection, told.inbound.key):
        return False
    row = {"user_id": user, "answer": told.reply, **arrivals.COMMAND}
    return await arrivals.add(connection, told.inbound, told.who, now, **row) is not None


def _user(row: Row[Any]) -> User:
    return User(
        platform=row.platform, account=row.account, sender=row.sender, coze_user=row.coze_user, language=row.language
    )
