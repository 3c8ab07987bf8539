"""What a running answer costs: processor time for each delta, beside the least that reading it can cost, and memory."""

import asyncio
import os
import sys
import time

from benchmarks.service import CORES, OPEN_PACE, Row, Service, running, telegram_world, until
from simulators.coze.answers import Answer
from simulators.coze.server import CozeSimulator
from simulators.telegram.simulator import TelegramSimulator

WORKERS = "workers = 400\n"
"""The default lets 200 answers run at once."""
PIECE = "abc "
"""1,000 of them still fit into one message."""
SETTLING_SECONDS = 2.0
"""After the last question, until the steady part begins: what intake and first messages cost is not per delta."""


async def cost(*, answers: int = 300, rate: float = 30.0, seconds: float = 30.0) -> Row:
    """CPU for each delta and memory for each answer, under the default limits; then the bare reader."""
    return await _measured("cost", "", answers, rate, seconds)


async def cost_open(*, answers: int = 300, rate: float = 30.0, seconds: float = 36.0) -> Row:
    """The same without a limit for the account."""
    return await _measured("cost_open", OPEN_PACE, answers, rate, seconds)


async def _measured(name: str, tuning: str, answers: int, rate: float, seconds: float) -> Row:
    async with (
        telegram_world(deltas_per_second=rate, limits=not tuning) as (telegram, coze, environ),
        running(environ, WORKERS + tuning, disk=False) as service,
    ):
        row = await _answering(telegram, coze, service, answers, rate, seconds)
        bare = await _bare(environ["COZE_API_BASE"], answers)
    return {
        "benchmark": name,
        "answers": answers,
        "deltas_per_second": rate,
        **row,
        "bare_us_per_delta": round(bare, 1),
        "cpu_over_bare": round(float(row["steady_us_per_delta"]) / bare, 2),
        "whole_over_bare": round(float(row["whole_us_per_delta"]) / bare, 2),
    }


async def _answering(
    telegram: TelegramSimulator,
    coze: CozeSimulator,
    service: Service,
    answers: int,
    rate: float,
    seconds: float,
) -> Row:
    deltas = int(rate * seconds)
    coze.script("ask", Answer(text=PIECE * deltas, deltas=[PIECE] * deltas))
    chats = range(30_000, 30_000 + answers)
    whole = (PIECE * deltas).strip()
    idle, cpu = service.resident_kib(), service.cpu_seconds()
    for chat in chats:
        telegram.say(chat, chat, "ask")
    await until(lambda: len(coze.chats) == answers and all(chat.deltas for chat in coze.chats), 60)
    await asyncio.sleep(SETTLING_SECONDS)
    steady, said, began = service.cpu_seconds(), _said(coze), time.monotonic()
    first_ends = min(chat.deltas[0] for chat in coze.chats) + seconds - time.time()
    await asyncio.sleep(max(1.0, first_ends - 1.0))
    busy, heard = service.cpu_seconds() - steady, _said(coze) - said
    share, running_kib = busy / (time.monotonic() - began), service.resident_kib()
    await until(lambda: all(telegram.texts(chat) == [whole] for chat in chats), 240)
    cpu = service.cpu_seconds() - cpu
    return {
        "steady_us_per_delta": round(busy / heard * 1e6, 1),
        "whole_us_per_delta": round(cpu / (answers * deltas) * 1e6, 1),
        "core_share": round(share, 3),
        "kib_per_answer": round((running_kib - idle) / answers, 1),
    }


def _said(coze: CozeSimulator) -> int:
    return sum(len(chat.deltas) for chat in coze.chats)


async def _bare(url: str, streams: int) -> float:
    """Microseconds of CPU for each delta of the same streams, read with no more than is needed, on the same core."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.reader", url, str(streams), "ask"), stdout=asyncio.subprocess.PIPE
    )
    os.sched_setaffinity(process.pid, {CORES[-1]})
    async with asyncio.timeout(300):
        out, _ = await process.communicate()
    deltas, spent = out.split()
    return float(spent) / int(deltas) * 1e6
