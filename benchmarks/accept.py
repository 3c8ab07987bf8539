"""How many messages a second are taken in: webhook POST in, committed, 200 out, with the service on one core."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from benchmarks.database import ENGINES, database, move_backends, order
from benchmarks.service import CORES, Row, Service, free_port, running, telegram_world
from simulators.wire import Fault

SECRET = "benchmark-secret"
CONNECTIONS = 40
"""As many as Telegram opens at most, unless it is told another number."""
MESSAGES = 3000
PEOPLE = 1000
ONE_CHAT = 400
"""Messages of one chat: Telegram sends the next only after it got its 200."""
ROUND_SECONDS = 120.0
TUNING = "workers = 1\nqueued_seconds = 0\n"
"""Answers shall not compete: the only one that runs waits for Coze, which holds its first word back."""


async def accept() -> list[Row]:
    """On SQLite and, if a server answers, on PostgreSQL."""
    rows: list[Row] = []
    for engine in ENGINES:
        try:
            rows.append(await _measured(engine))
        except OSError as error:
            rows.append({"benchmark": f"accept {engine}", "unfinished": repr(error)})
    return rows


async def _measured(engine: str) -> Row:
    port = free_port()
    async with database(engine) as url, telegram_world() as (_, coze, environ):
        coze.faults.add(Fault(kind="slow_first", method="/v3/chat", times=-1, seconds=3600))
        hook = {
            "TELEGRAM_WEBHOOK_URL": f"http://127.0.0.1:{port}",
            "TELEGRAM_WEBHOOK_SECRET": SECRET,
            "HTTP_LISTEN": f"127.0.0.1:{port}",
            "DATABASE_URL": url,
        }
        async with running(environ | hook, TUNING) as service:
            numbers = iter(range(1, 1_000_000))
            await _round(service, port, _updates(numbers, 200, people=200, first=90_000))
            if engine == "postgresql":
                await move_backends(url, CORES[0])
            new = await _round(service, port, _updates(numbers, MESSAGES, people=MESSAGES, first=100_000))
            known = await _round(service, port, _updates(numbers, MESSAGES, people=PEOPLE, first=100_000))
            one = await _round(service, port, _updates(numbers, ONE_CHAT, people=1, first=100_000))
            kept = await _kept(url)
            if kept != 200 + 2 * MESSAGES + ONE_CHAT:
                raise ArithmeticError(f"{kept} messages are in the database")
    figures = {f"{name}_{figure}": value for name, row in _named(new, known, one) for figure, value in row.items()}
    return {"benchmark": f"accept {engine}", "connections": CONNECTIONS, **figures}


def _named(*rows: dict[str, float]) -> Iterator[tuple[str, dict[str, float]]]:
    return zip(("new_people", "known_people", "one_chat"), rows, strict=True)


async def _kept(url: str) -> int:
    question = "SELECT count(*) AS number FROM turns"
    if url.startswith("postgresql"):
        return int((await order(url, question))[0]["number"])
    with sqlite3.connect(url.partition(":///")[2]) as connection:
        return int(connection.execute(question).fetchone()[0])


def _updates(numbers: Iterator[int], count: int, *, people: int, first: int) -> list[bytes]:
    """Requests as Telegram sends them, ready to be written: the load must not take the time that it measures."""
    requests = []
    for index in range(count):
        number, person = next(numbers), first + index % people
        name = {"id": person, "first_name": f"Person {person}", "language_code": "en"}
        message = {
            "message_id": number,
            "date": int(time.time()),
            "chat": {"id": person, "type": "private", "first_name": name["first_name"]},
            "from": {**name, "is_bot": False},
            "text": f"Question {number}: what is the weather like on the other side of the hill?",
        }
        body = json.dumps({"update_id": number, "message": message}).encode()
        head = (
            "POST /telegram/webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"X-Telegram-Bot-Api-Secret-Token: {SECRET}\r\nAccept-Encoding: gzip, deflate\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


async def _round(service: Service, port: int, requests: Sequence[bytes]) -> dict[str, float]:
    """Sends them all over as many connections as Telegram has; each connection waits for its answer."""
    waiting, delays = iter(requests), list[float]()

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            sent = time.perf_counter()
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                raise ConnectionError(f"the service answered {answer.splitlines()[0]!r}")
            delays.append(time.perf_counter() - sent)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    cpu, began = service.cpu_seconds(), time.perf_counter()
    async with asyncio.timeout(ROUND_SECONDS), asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(connection())
    took, cpu = time.perf_counter() - began, service.cpu_seconds() - cpu
    delays.sort()
    return {
        "per_second": round(len(requests) / took, 1),
        "cpu_ms": round(cpu / len(requests) * 1000, 3),
        "core_share": round(cpu / took, 2),
        "p50_ms": round(delays[len(delays) // 2] * 1000, 1),
        "p99_ms": round(delays[int(len(delays) * 0.99)] * 1000, 1),
    }
