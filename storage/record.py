"""What is known of a turn beside its row: the posts that stand for it, its Coze conversation, and orders by hand."""

from collections.abc import Collection, Mapping

from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.errors import LeaseLost
from bridge.model import ASKS, Near, Post, Turn, TurnState
from storage.claims import fence, write
from storage.people import insert
from storage.tables import conversations, is_open, is_unsettled, posts, turns

REPAINT = "painted over"
"""`turns.error` of one that was settled, and of which something is shown once more."""
NEAR = 1000
"""Turns before and after one whose answers may stand beside its own."""
#: A question of which Coze knows nothing yet.
NOT_ASKED = {"asked_at": None, "coze_chat": "", "coze_conversation": "", "answer": ""}


async def asking(connection: AsyncConnection, turn: Turn, coze_conversation: str, at: float) -> None:
    """Coze is about to be asked, in that Coze conversation."""
    await write(connection, turn, asked_at=at, coze_conversation=coze_conversation)
    await _keep_conversation(connection, turn, coze_conversation)


#: What is known of an answer on its way, as long as its claim stands.
_REMEMBER = (
    update(turns)
    .where(
        turns.c.id == bindparam("turn"),
        turns.c.lease == bindparam("held"),
        turns.c.state == literal_column(f"'{TurnState.STREAMING}'"),
    )
    .values(answer=bindparam("partial"))
)


async def remember(connection: AsyncConnection, partial: Mapping[Turn, str]) -> None:
    """Keeps what is known of these answers; in order of their rows, as locks are taken."""
    in_order = sorted(partial.items(), key=lambda item: item[0].id)
    rows = [{"turn": turn.id, "held": turn.lease, "partial": answer} for turn, answer in in_order]
    await connection.execute(_REMEMBER, rows)


async def forget_conversation(connection: AsyncConnection, turn: Turn) -> None:
    """The Coze conversation is gone; the turn itself still says in which it was asked."""
    await fence(connection, turn)
    await _keep_conversation(connection, turn, "")


async def _keep_conversation(connection: AsyncConnection, turn: Turn, coze_conversation: str) -> None:
    row = update(conversations).where(conversations.c.id == turn.conversation)
    await connection.execute(row.values(coze_id=coze_conversation))


async def posts_of(connection: AsyncConnection, turn: Turn) -> list[Post]:
    """In order of their pages; raises LeaseLost if another claim has replaced the turn's."""
    rows = await connection.execute(
        select(posts)
        .select_from(turns.outerjoin(posts, posts.c.turn_id == turns.c.id))
        .where(turns.c.id == turn.id, turns.c.lease == turn.lease)
        .order_by(posts.c.page)
    )
    found = rows.all()
    if not found:
        raise LeaseLost
    return [
        Post(page=row.page, message_id=row.message_id, digest=row.digest, final=row.final, sent_after=row.sent_after)
        for row in found
        if row.page is not None
    ]


async def near(connection: AsyncConnection, turn: Turn) -> Near:
    """What stands for the turns of that account with a number near the turn's, and what they answer.

    In its own chat, of all turns that came later.
    """
    found = await connection.execute(
        select(turns.c.key, turns.c.chat, posts.c.message_id)
        .join(posts, and_(turns.c.id == posts.c.turn_id, posts.c.turn_id >= turn.id - NEAR), isouter=True)
        .where(
            turns.c.id >= turn.id - NEAR,
            or_(turns.c.id <= turn.id + NEAR, turns.c.chat == turn.address.chat),
            turns.c.platform == turn.address.platform,
            turns.c.account == turn.address.account,
        )
    )
    rows = found.all()
    stands = frozenset((row.chat, row.message_id) for row in rows if row.message_id is not None)
    return Near(stands, frozenset(row.key for row in rows))


async def keep(connection: AsyncConnection, turn: Turn, post: Post) -> None:
    """Writes the post in place of what was known of that page."""
    await fence(connection, turn)
    content = {
        "message_id": post.message_id,
        "digest": post.digest,
        "final": post.final,
        "sent_after": post.sent_after,
    }
    new = insert(connection, posts).values(turn_id=turn.id, page=post.page, **content)
    await connection.execute(new.on_conflict_do_update(index_elements=["turn_id", "page"], set_=content))


async def adopt(connection: AsyncConnection, turn: Turn, post: Post, *, sure: bool) -> bool:
    """Keeps the post, unless its message is, or may be, that of another post in that chat.

    Whoever sends writes the post first: so whoever sent that message has a row by now, with its id or without.
    """
    await fence(connection, turn)
    begun = and_(posts.c.message_id.is_(None), is_unsettled(turns))
    others = (
        select(posts.c.page)
        .join(turns, turns.c.id == posts.c.turn_id)
        .where(
            posts.c.turn_id >= turn.id - NEAR,
            tuple_(posts.c.turn_id, posts.c.page) != tuple_(turn.id, post.page),
            posts.c.message_id == post.message_id if sure else or_(posts.c.message_id == post.message_id, begun),
            turns.c.platform == turn.address.platform,
            turns.c.account == turn.address.account,
            turns.c.chat == turn.address.chat,
        )
    )
    if (await connection.execute(others.limit(1))).first() is not None:
        return False
    await keep(connection, turn, post)
    return True


async def drop(connection: AsyncConnection, turn: Turn, page: int) -> None:
    """Forgets the post of that page."""
    await fence(connection, turn)
    await connection.execute(delete(posts).where(posts.c.turn_id == turn.id, posts.c.page == page))


async def repaint(connection: AsyncConnection, turn: Turn, pages: Collection[int]) -> bool:
    """Shows those pages once more if it is settled and no other turn of its conversation is open; False: not yet."""
    this = turns.c.id == turn.id
    shown = update(posts).where(posts.c.turn_id == turn.id, posts.c.page.in_(pages)).values(final=False, digest="")
    ours = select(turns.c.id).where(this, is_unsettled(turns), turns.c.lease == turn.lease)
    if (await connection.execute(ours)).first() is not None:
        await connection.execute(shown)
        return True  # whoever goes on with it shows them anyway
    open_there = and_(turns.c.conversation_id == turn.conversation, is_open(turns))
    busy = select(turns.c.id).where(or_(and_(this, is_unsettled(turns)), open_there)).limit(1)
    if (await connection.execute(busy)).first() is not None:
        return False
    await connection.execute(shown)
    again = {"state": TurnState.FINALISING, "settled_at": None, "not_before": 0.0, "cancel_requested": False}
    await connection.execute(update(turns).where(this, turns.c.answer != "").values(again | {"error": REPAINT}))
    return True


async def flag(connection: AsyncConnection, which: ColumnElement[bool]) -> bool:
    """Asks for unsettled turns to be cancelled, now if they were put off; False if there is none such.

    An answer that is complete stays put off: the platform's penalty is why.
    """
    due = case((turns.c.state == TurnState.FINALISING.value, turns.c.not_before), else_=0.0)
    # What is only painted over has been answered: there is nothing to stop.
    row = update(turns).where(which, is_unsettled(turns), turns.c.error != REPAINT)
    row = row.values(cancel_requested=True, not_before=due)
    return (await connection.execute(row)).rowcount > 0


async def finalising(connection: AsyncConnection, turn: Turn, answer: str, pending: str) -> None:
    """The answer is complete; from now on its conversation waits for that."""
    await write(connection, turn, state=TurnState.FINALISING, answer=answer)
    if turn.conversation is not None:
        row = update(conversations).where(conversations.c.id == turn.conversation)
        await connection.execute(row.values(pending=pending))


async def receive_again(connection: AsyncConnection, turn_id: int) -> bool:
    """Puts a failed or cancelled question back to its beginning; False if there is none such, or its text is erased.

    The posts stay: the same messages are painted anew.
    """
    said = or_(turns.c.text != "", cast(turns.c.files, Text) != "[]", turns.c.act.not_in(ASKS))
    ended = and_(turns.c.kind == "question", said, turns.c.state.in_([TurnState.FAILED, TurnState.CANCELLED]))
    beginning = NOT_ASKED | {
        "state": TurnState.RECEIVED,
        "attempts": 0,
        "not_before": 0.0,
        "cancel_requested": False,
        "error": "",
        "settled_at": None,
    }
    row = update(turns).where(and_(turns.c.id == turn_id, ended)).values(beginning)
    return (await connection.execute(row)).rowcount > 0
