"""What comes in: a question or a command becomes rows, with its person and its conversation."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import ASKS, Address, Answered, Inbound, Standing, TurnId, TurnState, User
from bridge.ports import Effect
from storage import albums, at_once, files, people
from storage.record import flag
from storage.tables import conversations, is_open, is_unsettled, turns, users

#: Characters of a conversation's name.
NAME = 80
#: How a question begins, and how a command does: with its answer, and in no queue. Of what was written behind a command
#: nothing is kept: behind /login, it opens an account.
QUESTION = {"kind": "question", "state": TurnState.RECEIVED}
COMMAND = {"kind": "command", "state": TurnState.FINALISING, "conversation_id": None, "text": ""}


async def quickly(
    connection: AsyncConnection, inbound: Inbound, who: User, where: str, now: float, bot: str
) -> TurnId | None:
    """Makes a question durable with one statement of PostgreSQL; None: `question` must see why not."""
    begun, row = _begun(inbound, who, now, bot), _row(inbound, who, now) | {"bot": bot, "act": inbound.act}
    made = await at_once.question(connection, people.row_of(who, now), begun, row, where)
    return None if made is None else TurnId(made)


async def question(
    connection: AsyncConnection,
    inbound: Inbound,
    who: User,
    where: str,
    now: float,
    *,
    bot: str = "",
    interrupt: bool = False,
    due: ColumnElement[float] | None = None,
) -> TurnId | None:
    """Makes a question durable, step by step; None: seen before, or they are blocked. `interrupt` as in the Store.

    `due`: until then, by the time of leases, more of its album is waited for.
    """
    if await is_known(connection, inbound.key):
        return None
    user = await people.person(connection, who, now)
    if user is None:
        return None
    conversation = await people.conversation(connection, where, _begun(inbound, who, now, bot))
    more = {"user_id": user, "conversation_id": conversation, "bot": bot, "act": inbound.act, "album": inbound.album}
    made = await add(connection, inbound, who, now, **more, **QUESTION)
    if made is None:
        return None
    if interrupt:
        earlier = tuple_(turns.c.sort_key, turns.c.id) < (inbound.sort_key, made)
        theirs = and_(turns.c.conversation_id == conversation, turns.c.user_id == user, earlier)
        await flag(connection, and_(theirs, turns.c.album != inbound.album) if inbound.album else theirs)
    if due is not None:
        await albums.gather(connection, made, due)
    return made


async def command(
    connection: AsyncConnection,
    inbound: Inbound,
    who: User,
    where: str,
    now: float,
    effect: Effect,
    reply: Callable[[Standing], str],
) -> Standing | None:
    """Makes a command durable, with its effect and its answer; None: seen before, or they are blocked."""
    if await is_known(connection, inbound.key):
        return None
    user = await people.person(connection, who, now)
    if user is None:
        return None
    conversation = await people.current(connection, where)
    standing = Standing() if conversation is None else await _standing(connection, conversation)
    made = await add(connection, inbound, who, now, user_id=user, answer=reply(standing), **COMMAND)
    if made is None:
        return None
    if effect is Effect.RENEW and conversation is not None:
        await people.archive(connection, conversation, where)
    if effect is Effect.CANCEL and standing.running is not None:
        await flag(connection, turns.c.id == standing.running)
    return replace(standing, made=made)


_KNOWN = select(turns.c.id).where(turns.c.key == bindparam("known"))
_MADE = {
    name: insert(turns).on_conflict_do_nothing(index_elements=["key"]).returning(turns.c.id)
    for name, insert in people.INSERTS.items()
}


async def is_known(connection: AsyncConnection, key: str) -> bool:
    """Was the message with that key received before?"""
    return (await connection.execute(_KNOWN, {"known": key})).one_or_none() is not None


async def add(connection: AsyncConnection, inbound: Inbound, who: User, now: float, **values: Any) -> TurnId | None:
    """The row of a question or a command; None if another process has just made it."""
    row = _row(inbound, who, now) | values
    made = (await connection.execute(_MADE[connection.dialect.name], row)).scalar()
    return None if made is None else TurnId(made)


def _row(inbound: Inbound, who: User, now: float) -> dict[str, Any]:
    """What the row of a new turn begins with."""
    address = inbound.address
    return {
        "key": inbound.key,
        "platform": address.platform,
        "account": address.account,
        "chat": address.chat,
        "thread": address.thread,
        "text": inbound.text,
        "files": files.dump(inbound.files),
        "reply_to": inbound.reply_to,
        "pressed": bool(inbound.press),
        "sort_key": inbound.sort_key,
        "language": who.language,
        "received_at": now,
    }


def _begun(inbound: Inbound, who: User, now: float, bot: str) -> dict[str, Any]:
    """What the row of a new conversation begins with, beside its key."""
    address = inbound.address
    return {
        "platform": address.platform,
        "account": address.account,
        "chat": address.chat,
        "thread": address.thread,
        "created_at": now,
        "name": conversation_name(inbound.text) if inbound.act in ASKS else "",
        "bot": bot,
        "session": who.session or who.coze_user,
    }


def conversation_name(question: str) -> str:
    """A question as the name of the conversation that it begins: on one line, of at most NAME characters."""
    name = " ".join(question[: 4 * NAME].split())
    return name if len(name) <= NAME else f"{name[: NAME - 1].rstrip()}…"


async def answered(connection: AsyncConnection, turn_id: TurnId, address: Address) -> Answered | None:
    """The answer that the buttons of that chat belong to; None if there is no such answer there."""
    session = case((conversations.c.session != "", conversations.c.session), else_=users.c.coze_user)
    answer = select(turns, users.c.coze_user, session.label("session"))
    answer = answer.select_from(turns.join(users).join(conversations))
    row = (await connection.execute(answer.where(*_is_answer(turn_id, address)))).one_or_none()
    if row is None:
        return None
    return Answered(
        answer=row.answer,
        coze_conversation=row.coze_conversation,
        judged=row.judged,
        bot=row.bot,
        session=row.session,
        asker=row.coze_user,
    )


async def judge(connection: AsyncConnection, turn_id: TurnId, address: Address, judgement: str) -> Answered | None:
    """Keeps the newest judgement; what was answered, and as what it was judged before."""
    found = await answered(connection, turn_id, address)
    if found is not None and found.judged != judgement:
        await connection.execute(update(turns).where(*_is_answer(turn_id, address)).values(judged=judgement))
    return found


def _is_answer(turn_id: TurnId, address: Address) -> tuple[ColumnElement[bool], ...]:
    return (
        turns.c.id == turn_id,
        turns.c.platform == address.platform,
        turns.c.account == address.account,
        turns.c.chat == address.chat,
        turns.c.kind == "question",
        turns.c.state == TurnState.DELIVERED.value,
        turns.c.answer != "",  # it was erased: nothing tells what its buttons stood for
    )


async def _standing(connection: AsyncConnection, conversation: int) -> Standing:
    """What runs in a conversation, or is next to, and how many wait behind it."""
    in_line = (turns.c.conversation_id == conversation, is_unsettled(turns))
    first = (
        select(turns.c.id)
        .where(*in_line)
        .order_by(is_open(turns).desc(), turns.c.sort_key, turns.c.id)
        .limit(1)
        .scalar_subquery()
    )
    length = select(func.count()).where(*in_line, ~albums.is_further(turns)).scalar_subquery()
    row = (await connection.execute(select(first.label("running"), length.label("length")))).one()
    if row.running is None:
        return Standing()
    return Standing(running=TurnId(row.running), waiting=row.length - 1)
