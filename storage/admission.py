"""Who is let in: what was decided of a person, what strangers were told, and the codes that admit them."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Select, and_, delete, func, literal_column, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import Access, Acquaintance, Inbound, Person, User
from bridge.ports import TurnedAway
from storage import arrivals
from storage.people import ONE_PERSON, insert, named, row_of, to_a_person
from storage.record import flag
from storage.tables import turns, users

#: A stranger who has not tried again for so many seconds after what they were told lapsed is erased.
GIVEN_UP_SECONDS = 86400.0
#: Key of the advisory lock under which strangers are turned away on PostgreSQL; see `_LOCK` in storage.schema.
_LOCK = 0x636F7A66
#: Said as the condition of the index says it.
_WAS_TOLD = users.c.told_until > literal_column("0")


_ACQUAINTANCE = select(users.c.access, users.c.told_until, users.c.code).where(*to_a_person())


async def acquaintance(connection: AsyncConnection, who: User, now: float) -> Acquaintance:
    """What we know of that person."""
    row = (await connection.execute(_ACQUAINTANCE, named(who))).one_or_none()
    if row is None:
        return Acquaintance()
    told = row.told_until > now
    return Acquaintance(access=Access(row.access), told=told, has_code=told and bool(row.code))


async def turn_away(
    connection: AsyncConnection, inbound: Inbound, who: User, reply: str, code: str, until: float, most: int, now: float
) -> TurnedAway:
    """Makes the telling durable, unless they were told already or too many others were."""
    if connection.dialect.name == "postgresql":
        # One at a time, so that nobody is told twice and never too many are; on SQLite it is so anyway.
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    if await arrivals.is_known(connection, inbound.key):
        return TurnedAway.SEEN
    here = (users.c.platform == who.platform, users.c.account == who.account, _WAS_TOLD)
    await _erase_strangers(connection, select(users.c.id).where(*here, users.c.told_until < now - GIVEN_UP_SECONDS))
    told = select(func.count()).select_from(users).where(*here, users.c.told_until > now)
    if (await connection.execute(told)).scalar_one() >= most:
        return TurnedAway.CROWDED
    change = {"language": who.language, "code": code, "told_until": until}
    row = row_of(who, now) | change | {"access": Access.STRANGER}
    upsert = insert(connection, users).values(row)
    # Who was only refused, when a list decided, is told a code all the same; who was just blocked, nothing.
    news = or_(users.c.told_until <= now, users.c.code == "") if code else users.c.told_until <= now
    news = and_(users.c.access != Access.BLOCKED, news)
    upsert = upsert.on_conflict_do_update(index_elements=ONE_PERSON, set_=change, where=news)
    user = (await connection.execute(upsert.returning(users.c.id))).scalar()
    if user is None:
        return TurnedAway.SILENT
    await arrivals.add(connection, inbound, who, now, user_id=user, answer=reply, **arrivals.COMMAND)
    return TurnedAway.TOLD


async def _erase_strangers(connection: AsyncConnection, old: Select[tuple[int]]) -> None:
    """Those of `old` who never did anything but try, and of whom nobody decides something at this moment."""
    strangers = old.where(users.c.access == Access.STRANGER).with_for_update(skip_locked=True)
    ids = (await connection.execute(strangers)).scalars().all()
    if ids:
        await connection.execute(delete(turns).where(turns.c.user_id.in_(ids)))
        await connection.execute(delete(users).where(users.c.id.in_(ids)))


async def admit(connection: AsyncConnection, code: str, now: float) -> Person | None:
    """Pairs whoever was told that code; it is used up with it."""
    holder = update(users).where(_WAS_TOLD, users.c.told_until > now, users.c.code == code)
    paired = holder.values(access=Access.PAIRED, code="", told_until=0.0).returning(users.c.id)
    ids = (await connection.execute(paired)).scalars().all()
    found = await everybody(connection, now, users.c.id.in_(ids)) if ids else []
    return found[0] if found else None


async def everybody(connection: AsyncConnection, now: float, *conditions: ColumnElement[bool]) -> list[Person]:
    """Those of whom all that holds, in order of their rows."""
    theirs = turns.c.user_id == users.c.id
    seen = select(func.max(turns.c.received_at)).where(theirs).scalar_subquery()
    questions = select(func.count()).where(theirs, turns.c.kind == "question").scalar_subquery()
    rows = await connection.execute(
        select(users, func.coalesce(seen, users.c.created_at).label("seen_at"), questions.label("questions"))
        .where(*conditions)
        .order_by(users.c.id)
    )
    return [
        Person(
            id=row.id,
            platform=row.platform,
            account=row.account,
            sender=row.sender,
            access=_shown(Access(row.access), bool(row.code), row.told_until > now),
            created_at=row.created_at,
            seen_at=row.seen_at,
            questions=row.questions,
        )
        for row in rows
    ]


def _shown(access: Access, has_code: bool, lasts: bool) -> str:
    if access in (Access.PAIRED, Access.BLOCKED):
        return str(access)
    if has_code:
        return "waiting" if lasts else "expired"
    return "refused" if lasts or access is Access.STRANGER else "known"


async def acquaint(connection: AsyncConnection, who: User, now: float) -> None:
    """Makes the row of that person, if there is none."""
    new = insert(connection, users).values(row_of(who, now))
    await connection.execute(new.on_conflict_do_nothing(index_elements=ONE_PERSON))


async def decide(connection: AsyncConnection, people: Collection[int], access: Access) -> None:
    """That is their access from now on. What those who are blocked asked is stopped."""
    chosen = update(users).where(users.c.id.in_(list(people)))
    await connection.execute(chosen.values(access=access, code="", told_until=0.0))
    if access is Access.BLOCKED:
        await flag(connection, turns.c.user_id.in_(list(people)))
