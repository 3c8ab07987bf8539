"""Does work get dearer with what was done before? The Store's calls beside 1,000 and beside 1,000,000 settled turns."""

import random
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.database import ENGINES, database, order
from benchmarks.service import Row
from bridge.clock import SystemClock
from bridge.model import Address, Inbound, Lease, Post, Sender, TurnState, User
from storage import SqlStore, open_store

FEW, MANY = 1_000, 1_000_000
TURNS_EACH = 20
"""Settled turns of each person."""
ROUNDS = 300
WARM_UP = 30
"""Rounds that do not count: statements are prepared, pages are read."""
CHUNK = 50_000
PLATFORM, ACCOUNT = "telegram", "1"
SERVING = [(PLATFORM, ACCOUNT)]
LEASE = Lease(owner="benchmark", seconds=60.0)
ENOUGH_MICROSECONDS = 20.0
"""Differences below this are of the clock and the machine."""


async def claims(*, few: int = FEW, many: int = MANY) -> list[Row]:
    """On each engine, the median microseconds of each call with many settled turns over those with few."""
    rows: list[Row] = []
    for engine in ENGINES:
        try:
            rows += await _measured(engine, few, many)
        except OSError as error:
            rows.append({"benchmark": f"claims {engine}", "unfinished": repr(error)})
    return rows


async def _measured(engine: str, few: int, many: int) -> list[Row]:
    async with AsyncExitStack() as opened:
        sides = []
        for settled in (few, many):
            url = await opened.enter_async_context(database(engine))
            # Opened while it is empty: plans that were made then must do when it has grown, without any ANALYZE.
            store = await open_store(url, SystemClock())
            opened.push_async_callback(store.aclose)
            side = Side(store, people=settled // TURNS_EACH)
            await side.round(0, warm=True)
            await fill(store, settled, is_sqlite=engine == "sqlite")
            sides.append((url, side))
        rows = [await _compared(f"claims {engine}", *(side for _, side in sides))]
        if engine == "postgresql":
            for url, _ in sides:
                await order(url, "ANALYZE")
            rows.append(await _compared(f"claims {engine} analysed", *(side for _, side in sides)))
        return rows


async def _compared(name: str, few: "Side", many: "Side") -> Row:
    for number in range(WARM_UP + ROUNDS):
        for side in (few, many):
            await side.round(number, warm=number < WARM_UP)
    row: Row = {"benchmark": name, "settled_few": few.people * TURNS_EACH, "settled_many": many.people * TURNS_EACH}
    for call in few.seconds:
        one, other = (statistics.median(side.seconds[call]) * 1e6 for side in (few, many))
        row[f"{call}_us"] = f"{one:.0f} → {other:.0f}"
        row[f"{call}_over"] = round(other / one, 2) if other - one > ENOUGH_MICROSECONDS else 1.0
    for side in (few, many):
        side.seconds.clear()
    return row


@dataclass
class Side:
    """One database, and how long each call took in it."""

    store: SqlStore
    people: int
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    dice: random.Random = field(default_factory=lambda: random.Random(1))
    number: int = 0

    async def round(self, number: int, *, warm: bool) -> None:
        """A message by somebody who is known, and all that is done with it until it is settled; each call timed."""
        self.number += 1
        store, person = self.store, self.dice.randrange(self.people)
        who = User(platform=PLATFORM, account=ACCOUNT, sender=f"{person}", coze_user=f"c{person}", language="en")
        address = Address(platform=PLATFORM, account=ACCOUNT, chat=f"{person}")
        where = _place(person)
        inbound = Inbound(
            key=f"new {self.number}",
            address=address,
            sender=Sender(id=who.sender),
            text="a new question",
            sent_at=time.time(),
            sort_key=f"{self.number:012d}",
        )

        async def timed(call: str, awaiting: Callable[[], Awaitable[Any]]) -> Any:
            began = time.perf_counter()
            result = await awaiting()
            if not warm:
                self.seconds[call].append(time.perf_counter() - began)
            return result

        await timed("acquaintance", lambda: store.acquaintance(who))
        await timed("takes_part", lambda: store.takes_part(where, who))
        await timed("accept", lambda: store.receive(inbound, who, where))
        await timed("latest_place", lambda: store.latest_place(address, who))
        await timed("last_question", lambda: store.last_question(where, who))
        await timed("waiting", store.waiting)
        await timed("oldest_due", lambda: store.oldest_due())
        turn = await timed("claim", lambda: store.claim(LEASE, SERVING))
        assert turn is not None
        assert turn.key == inbound.key
        await timed("asking", lambda: store.asking(turn, "coze", at=time.time()))
        await timed("renew", lambda: store.renew(LEASE, {turn.id}))
        await timed("keep_post", lambda: store.keep_post(turn, Post(page=0, message_id=f"{number}")))
        await timed("posts", lambda: store.posts(turn))
        await timed("next_due", lambda: store.next_due())
        await timed("settle", lambda: store.settle(turn, TurnState.DELIVERED))
        await timed("claim_nothing", lambda: store.claim(LEASE, SERVING))


def _place(person: int | str) -> str:
    return f"{PLATFORM}:{ACCOUNT}:{person}::{person}"


async def fill(store: SqlStore, settled: int, *, is_sqlite: bool) -> None:
    """Makes people, each with a conversation and some settled turns, with texts and a post."""
    people = settled // TURNS_EACH
    for first in range(0, people, CHUNK):
        await _order(store, *_people(_numbers(first, min(first + CHUNK, people), is_sqlite=is_sqlite)))
    for first in range(0, settled, CHUNK):
        await _order(store, *_turns(_numbers(first, min(first + CHUNK, settled), is_sqlite=is_sqlite), people))


async def _order(store: SqlStore, *statements: str) -> None:
    async def run(connection: AsyncConnection) -> None:
        for statement in statements:
            await connection.execute(text(statement))

    await store._database.write(run)


def _numbers(first: int, end: int, *, is_sqlite: bool) -> str:
    if is_sqlite:
        series = f"WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {end - 1})"
        return f"({series} SELECT n FROM s) AS s"
    return f"generate_series({first}, {end - 1}) AS s(n)"


def _people(numbers: str) -> list[str]:
    place = f"'{PLATFORM}', '{ACCOUNT}', CAST(n AS text)"
    return [
        "INSERT INTO users (platform, account, sender, coze_user, language, created_at) "
        f"SELECT {place}, 'c' || n, 'en', 0 FROM {numbers} WHERE true "
        "ON CONFLICT DO NOTHING",
        "INSERT INTO conversations (key, platform, account, chat, thread, created_at) "
        f"SELECT '{PLATFORM}:{ACCOUNT}:' || n || '::' || n, {place}, '', 0 FROM {numbers} WHERE true "
        "ON CONFLICT DO NOTHING",
    ]


def _turns(numbers: str, people: int) -> list[str]:
    question = "'Question ' || n || ': what is the weather like on the other side of the hill?'"
    answer = "'{\"text\": \"' || 'It is as it was, only wetter. ' || 'It is as it was, only wetter. ' || n || '\"}'"
    return [
        "INSERT INTO turns (key, kind, conversation_id, user_id, platform, account, chat, thread, text, files, "
        "language, reply_to, sort_key, state, asked_at, coze_chat, coze_conversation, answer, received_at, settled_at) "
        f"SELECT 'old ' || n, 'question', c.id, u.id, u.platform, u.account, u.sender, '', {question}, '[]', 'en', '', "
        f"'0', 'delivered', 1, 'chat' || n, 'coze', {answer}, 1 + n, 2 + n "
        f"FROM {numbers} JOIN users u ON u.platform = '{PLATFORM}' AND u.account = '{ACCOUNT}' "
        f"AND u.sender = CAST(n % {people} AS text) "
        f"JOIN conversations c ON c.key = '{PLATFORM}:{ACCOUNT}:' || u.sender || '::' || u.sender",
        "INSERT INTO posts (turn_id, page, message_id, digest, final) SELECT turns.id, 0, CAST(n AS text), 'd', true "
        f"FROM {numbers} JOIN turns ON turns.key = 'old ' || n",
    ]
