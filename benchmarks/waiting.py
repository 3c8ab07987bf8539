"""Ten thousand questions wait at the start: how soon the first is answered, what all take, and in which order."""

import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

from benchmarks.service import MEMORY, Row, running, telegram_world, until
from bridge.clock import SystemClock
from bridge.identity import conversation_key, user
from bridge.model import Address, Inbound, Lease, Sender, TurnState
from simulators.coze.server import CozeSimulator
from simulators.telegram.model import Message
from simulators.telegram.simulator import TelegramSimulator
from storage import SqlStore, open_store

QUESTIONS = int(os.environ.get("BENCH_WAITING", "10000"))
FIRST_CHAT = 100_000
TUNING = "workers = 400\ntelegram_calls_per_second = 100000\ntelegram_private_seconds = 0.001\n"
CLAIMS = 200
LONGEST_SECONDS = 1200.0
Fill = Callable[[TelegramSimulator, str, int], Awaitable[None]]


def question(account: str, number: int, conversations: int) -> Inbound:
    """One of those that wait: conversation after conversation in turn."""
    chat = str(FIRST_CHAT + number % conversations)
    return Inbound(
        key=f"telegram:{account}:{chat}:{number}",
        address=Address(platform="telegram", account=account, chat=chat),
        sender=Sender(id=chat, language="en"),
        text=f"echo: {chat} asks {number}",
        sent_at=time.time(),
        sort_key=f"{number:020d}",
    )


async def fill(store: SqlStore, account: str, conversations: int) -> None:
    """Accepts them all, as if a process before had done so and been killed."""
    for number in range(QUESTIONS):
        inbound = question(account, number, conversations)
        await store.receive(inbound, user(inbound), conversation_key(inbound))


async def in_database(telegram: TelegramSimulator, url: str, conversations: int) -> None:
    for number in range(conversations):
        telegram.say(FIRST_CHAT + number, FIRST_CHAT + number, "/start")
    telegram.updates.clear()
    store = await open_store(url, SystemClock())
    try:
        await fill(store, str(telegram.me.id), conversations)
    finally:
        await store.aclose()


async def at_telegram(telegram: TelegramSimulator, _url: str, conversations: int) -> None:
    for number in range(QUESTIONS):
        chat = FIRST_CHAT + number % conversations
        telegram.say(chat, chat, f"echo: {chat} asks {number}")


async def burst(name: str, place: Fill, conversations: int) -> Row:
    """One start of the service with all of them waiting; times from the start of the process."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        async with telegram_world(deltas_per_second=0) as (telegram, coze, environ):
            url = f"sqlite+aiosqlite:///{directory}/waiting.db"
            await place(telegram, url, conversations)
            began = time.time()
            async with running({**environ, "DATABASE_URL": url}, TUNING, disk=False) as service:
                ready = time.time()
                await until(partial(_all_answered, telegram, conversations), LONGEST_SECONDS)
                ended, peak, cpu = time.time(), service.peak_mib(), service.cpu_seconds()
            first = min(message.versions[0].at for message in _answers(telegram, conversations))
            return {
                "benchmark": f"waiting_{name}",
                "questions": QUESTIONS,
                "conversations": conversations,
                "ready_seconds": round(ready - began, 2),
                "first_answer_seconds": round(first - began, 2),
                "first_after_ready_seconds": round(first - ready, 2),
                "all_seconds": round(ended - began, 1),
                "answers_per_second": round(QUESTIONS / (ended - first), 1),
                "cpu_ms_per_answer": round(cpu * 1000 / QUESTIONS, 2),
                "peak_mib": round(peak, 1),
                "out_of_order": _out_of_order(coze),
                "asked_again": len(coze.chats) - QUESTIONS,
            }


def _answers(telegram: TelegramSimulator, conversations: int) -> list[Message]:
    chats = range(FIRST_CHAT, FIRST_CHAT + conversations)
    return [one for chat in chats for one in telegram.messages(chat) if one.sender == telegram.me.id]


def _all_answered(telegram: TelegramSimulator, conversations: int) -> bool:
    return len(_answers(telegram, conversations)) >= QUESTIONS


def _out_of_order(coze: CozeSimulator) -> int:
    """Questions that Coze was asked before an earlier one of their conversation."""
    asked: dict[str, list[int]] = defaultdict(list)
    for chat in coze.chats:
        where, _, number = chat.question.removeprefix("echo: ").partition(" asks ")
        asked[where].append(int(number))
    return sum(later < earlier for line in asked.values() for earlier, later in pairwise(line))


async def claims(conversations: int) -> Row:
    """What one claim takes, in milliseconds, while all of them wait; and where there is nothing to be claimed."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        store = await open_store(f"sqlite+aiosqlite:///{Path(directory) / 'claims.db'}", SystemClock())
        try:
            await fill(store, "bot", conversations)
            lease, serving = Lease(owner="bench", seconds=600.0), {("telegram", "bot")}
            taken, vain = [], []
            held = [await store.claim(lease, serving) for _ in range(min(conversations, CLAIMS))]
            for turn in held[:CLAIMS]:
                assert turn is not None
                if conversations < CLAIMS:
                    vain.append(await _timed(partial(store.claim, lease, serving)))
                await store.settle(turn, TurnState.DELIVERED)
                taken.append(await _timed(partial(store.claim, lease, serving)))
        finally:
            await store.aclose()
    row: Row = {
        "benchmark": f"waiting_claims_{conversations}",
        "waiting": QUESTIONS,
        "conversations": conversations,
        "claim_median_ms": round(statistics.median(taken), 2),
    }
    return row | ({"nothing_median_ms": round(statistics.median(vain), 2)} if vain else {})


async def _timed(act: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await act()
    return (time.perf_counter() - began) * 1000


async def waiting() -> list[Row]:
    """All of it."""
    return [
        await claims(10),
        await claims(QUESTIONS),
        await burst("many_conversations", in_database, QUESTIONS),
        await burst("ten_conversations", in_database, 10),
        await burst("at_telegram", at_telegram, 1000),
    ]
