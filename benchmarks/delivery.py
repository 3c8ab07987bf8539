"""How soon text is seen, and whether many answers at once finish in time."""

import statistics
import time
from functools import partial

from benchmarks.service import OPEN_PACE, Row, running, telegram_world
from simulators.coze.answers import Answer
from simulators.telegram.simulator import TelegramSimulator


async def first_text(*, questions: int = 25) -> Row:
    """Unloaded: from the first delta of Coze to the first version that is visible in Telegram, in milliseconds."""
    async with telegram_world(deltas_per_second=40) as (telegram, coze, environ), running(environ, OPEN_PACE):
        coze.script("ask", Answer(text="word " * 24, deltas=["word "] * 24))
        delays = []
        for number in range(questions):
            chat = 10_000 + number
            telegram.say(chat, chat, "ask")
            await telegram.wait(partial(_shows, telegram, chat, ("word " * 24).strip()), 20)
            (message,) = [message for message in telegram.messages(chat) if message.sender == telegram.me.id]
            delays.append((message.versions[0].at - coze.chats[-1].deltas[0]) * 1000)
    return {
        "benchmark": "first_text",
        "questions": questions,
        "median_ms": round(statistics.median(delays), 1),
        "p95_ms": round(statistics.quantiles(delays, n=20)[-1], 1),
    }


def _shows(telegram: TelegramSimulator, chat: int, text: str) -> bool:
    return telegram.texts(chat) == [text]


async def streams(*, answers: int = 50, deltas: int = 600, rate: float = 30.0) -> Row:
    """Many answers at once on one core: wall time from the first question to the last final, over the ideal.

    The ideal is the time until Coze has said its last word.
    """
    async with (
        telegram_world(deltas_per_second=rate) as (telegram, coze, environ),
        running(environ, OPEN_PACE) as service,
    ):
        said = "lorem " * deltas
        coze.script("ask", Answer(text=said, deltas=["lorem "] * deltas))
        chats = range(20_000, 20_000 + answers)
        cpu, began = service.cpu_seconds(), time.time()
        for chat in chats:
            telegram.say(chat, chat, f"ask {chat}")
        whole = said.strip()
        await telegram.wait(lambda: all(telegram.texts(chat) == [whole] for chat in chats) or None, 300)
        cpu = service.cpu_seconds() - cpu
        ended = max(telegram.messages(chat)[-1].versions[-1].at for chat in chats)
        ideal = max(chat.deltas[-1] for chat in coze.chats) - began
        heard = {int(chat.question.split()[1]): chat.deltas[0] for chat in coze.chats}
        delays = sorted((telegram.messages(chat)[-1].versions[0].at - heard[chat]) * 1000 for chat in chats)
        return {
            "benchmark": "streams",
            "answers": answers,
            "deltas_per_second": rate,
            "wall_over_ideal": round((ended - began) / ideal, 4),
            "cpu_us_per_delta": round(cpu / (answers * deltas) * 1e6, 1),
            "core_share": round(cpu / (ended - began), 3),
            "first_text_p95_ms": round(delays[int(len(delays) * 0.95)], 1),
            "versions_per_answer": round(
                statistics.mean(len(telegram.messages(chat)[-1].versions) for chat in chats), 1
            ),
            "peak_mib": round(service.peak_mib(), 1),
        }
