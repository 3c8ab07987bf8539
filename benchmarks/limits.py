"""At the platforms' limits: 500 answers at once, a second client on the same budget, a flood in mid-answer."""

import asyncio
import statistics
from collections.abc import Sequence
from contextlib import suppress

import aiohttp

from benchmarks.service import Row, running, slack_world, telegram_world, until
from benchmarks.staleness import Asked, answered, in_telegram, script
from simulators.coze.answers import Answer
from simulators.telegram.flood import Limits
from simulators.telegram.model import Call
from simulators.telegram.simulator import TelegramSimulator

SHORT = "A short answer of a few sentences. It takes four seconds to say. Nobody has to wait for it long, even so. "
WITHIN_SECONDS = 240.0
PRIVATE_SECONDS = 1.05
"""The chat's interval, as adapters/telegram/adapter.py has it by default."""


async def refusals(*, telegram_answers: int = 400, slack_answers: int = 100, seconds: float = 30.0) -> Row:
    """Five hundred short answers on both platforms under the simulators' default limits; all questions in `seconds`."""
    text = SHORT.strip()

    async def on_telegram() -> int:
        async with telegram_world(limits=True) as (telegram, coze, environ), running(environ, "") as _:
            coze.script("ask", Answer(text=text))
            chats = range(50_000, 50_000 + telegram_answers)
            for chat in chats:
                telegram.say(chat, chat, "ask")
                await asyncio.sleep(seconds / telegram_answers)
            await until(lambda: all(telegram.texts(chat) == [text] for chat in chats), WITHIN_SECONDS)
            return telegram.flood_control.refused

    async def on_slack() -> int:
        async with slack_world() as (slack, coze, environ), running({**environ}, "") as _:
            coze.script("ask", Answer(text=text))
            threads = []
            for number in range(slack_answers):
                user = slack.add_user(f"person{number}").id
                kind = "im" if number % 2 else "channel"
                channel = slack.add_channel(f"room{number}", kind=kind, members=[user]).id
                threads.append((channel, slack.say(channel, user, "ask" if number % 2 else "@coze ask")))
                await asyncio.sleep(seconds / slack_answers)
            await until(lambda: all(slack.texts(*thread) == [text] for thread in threads), WITHIN_SECONDS)
            return sum(slack.limits.refused.values())

    refused = await asyncio.gather(on_telegram(), on_slack())
    return {
        "benchmark": "refusals",
        "answers": telegram_answers + slack_answers,
        "refused_telegram": refused[0],
        "refused_slack": refused[1],
    }


async def shared(*, answers: int = 30) -> Row:
    """A second client spends half of each chat's and of the account's budget, without a thought for us."""
    async with telegram_world(limits=True) as (telegram, coze, environ), running(environ, "") as _:
        asked = []
        for number, (question, text) in enumerate(script(coze, answers)):
            chat = 60_000 + number
            telegram.say(chat, chat, question)
            asked.append(Asked(question, text, in_telegram(telegram, chat)))
        other = asyncio.create_task(_other_client(environ, telegram, [60_000 + number for number in range(answers)]))
        try:
            await until(
                lambda: all(_has(telegram, 60_000 + n, one.text) for n, one in enumerate(asked)), WITHIN_SECONDS
            )
        finally:
            other.cancel()
            with suppress(asyncio.CancelledError):
                await other
        ours = [call for call in telegram.calls() if call.params.get("disable_notification") is None]
        copies = [len(_whole(telegram, 60_000 + number, one.text)) for number, one in enumerate(asked)]
        return {
            "benchmark": "shared",
            "answers": answers,
            "finals": sum(bool(count) for count in copies),
            "duplicates": sum(count - 1 for count in copies if count),
            "our_calls_refused": sum(call.status == 429 for call in ours),
            "our_calls_in_penalty": _defiant(ours),
            "ours_in_a_penalty_of_the_other": sum(call.in_penalty for call in ours) - _defiant(ours),
        }


def _defiant(calls: Sequence[Call]) -> int:
    """Calls that came although an earlier one of ours had been told to wait for longer."""
    closed: dict[str, float] = {}
    count = 0
    for call in calls:
        count += call.at < closed.get(call.chat, 0.0)
        if call.retry_after:
            closed[call.chat] = call.at + call.retry_after
    return count


async def _other_client(environ: dict[str, str], telegram: TelegramSimulator, chats: list[int]) -> None:
    """Half a call a second to each chat, 15 a second in all: raw, with a mark by which its calls can be told apart."""
    url = f"{environ['TELEGRAM_API_BASE']}/bot{telegram.token}/sendMessage"
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        pause = max(1 / 15, 2 / len(chats))
        quiet: dict[int, float] = {}
        loop = asyncio.get_running_loop()
        while True:
            for chat in chats:
                await asyncio.sleep(pause)
                if loop.time() < quiet.get(chat, 0.0):
                    continue  # it is no vandal: what it was told, it keeps to
                body = {"chat_id": chat, "text": "from the other client", "disable_notification": True}
                async with session.post(url, json=body) as response:
                    answer = await response.json()
                if response.status == 429:
                    quiet[chat] = loop.time() + answer["parameters"]["retry_after"]


def _whole(telegram: TelegramSimulator, chat: int, text: str) -> list[str]:
    return [shown for shown in telegram.texts(chat) if shown == text.strip()]


def _has(telegram: TelegramSimulator, chat: int, text: str) -> bool:
    return bool(_whole(telegram, chat, text))


async def flood(*, answers: int = 10, seconds: float = 60.0, after: float = 5.0) -> Row:
    """A penalty of so many seconds on each chat in mid-answer; the answers end inside it."""
    async with (
        telegram_world(limits=Limits(extra_seconds=(0,))) as (telegram, coze, environ),
        running(environ, "") as _,
    ):
        asked = []
        for number, (question, text) in enumerate(script(coze, answers)):
            chat = 70_000 + number
            telegram.say(chat, chat, question)
            asked.append(Asked(question, text, in_telegram(telegram, chat)))
        await asyncio.sleep(after)
        for number in range(answers):
            telegram.flood(70_000 + number, seconds, told=False)
        await answered(coze, asked)
        delays = []
        for number, one in enumerate(asked):
            penalty = telegram.flood_control.penalties[str(70_000 + number), ""]
            delays.append(max(one.timeline()[-1][0], one.deltas[-1]) - max(penalty.until, one.deltas[-1]))
        texts = [telegram.texts(70_000 + number) for number in range(answers)]
        calls = [call for call in telegram.calls() if call.in_penalty]
        return {
            "benchmark": "flood",
            "answers": answers,
            "penalty_s": seconds,
            "finals_whole": sum(shown == [one.text.strip()] for shown, one in zip(texts, asked, strict=True)),
            "messages_each": round(statistics.mean(len(shown) for shown in texts), 2),
            "calls_in_penalty": len(calls),
            "delay_max_intervals": round(max(delays) / PRIVATE_SECONDS, 2),
            "delay_median_intervals": round(statistics.median(delays) / PRIVATE_SECONDS, 2),
        }


async def last_text(*, answers: int = 60) -> Row:
    """From Coze's last delta to the final text where the budget has room: four answers a second, each in a new chat."""
    async with telegram_world(limits=True) as (telegram, coze, environ), running(environ, "") as _:
        text = SHORT.strip()
        coze.script("ask", Answer(text=text))
        delays = []
        for chat in range(80_000, 80_000 + answers):
            telegram.say(chat, chat, f"ask {chat}")
            await asyncio.sleep(0.25)
        await until(lambda: all(telegram.texts(80_000 + n) == [text] for n in range(answers)), WITHIN_SECONDS)
        ends = {int(chat.question.split()[1]): chat.deltas[-1] for chat in coze.chats}
        for chat, end in ends.items():
            delays.append((telegram.messages(chat)[-1].versions[-1].at - end) * 1000)
        delays.sort()
        return {
            "benchmark": "last_text",
            "answers": answers,
            "p50_ms": round(statistics.median(delays), 1),
            "p95_ms": round(delays[int(len(delays) * 0.95)], 1),
            "max_ms": round(delays[-1], 1),
            "max_over_interval": round(delays[-1] / 1000 / PRIVATE_SECONDS, 2),
        }


async def limits() -> list[Row]:
    """The three above side by side, each with a service of its own: nearly all of their time is waiting."""
    return list(await asyncio.gather(refusals(), shared(), flood()))
