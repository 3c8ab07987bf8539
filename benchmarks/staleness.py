"""How old the text is that nobody can see yet: recorded answers, replayed against platforms that enforce limits."""

import asyncio
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate

from benchmarks.bound import Allowance, greedy, least, unseen
from benchmarks.recordings import recordings
from benchmarks.service import Row, running, slack_world, telegram_world, until
from simulators.coze.answers import Answer
from simulators.coze.server import CozeSimulator
from simulators.slack.server import SlackSimulator
from simulators.telegram.simulator import TelegramSimulator

STAGGER_SECONDS = 0.02
"""Between one question and the next."""
LONGEST_SECONDS = 240.0

# What adapters/telegram/adapter.py and adapters/slack/limits.py keep to with the default settings.
PRIVATE, GROUP, ACCOUNT = (3, 1.05), (3, 3.6), (4, 1 / 24)
SLACK_UPDATE = (6, 1.37)


@dataclass(slots=True)
class Asked:
    """One answer: its question, its text, and where it is seen."""

    question: str
    text: str
    seen: Callable[[], Sequence[tuple[float, str]]]
    """What could be seen from when on, oldest first."""
    deltas: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def shown(self) -> bool:
        """Is all of it visible?"""
        seen = self.seen()
        return bool(seen) and _letters(seen[-1][1]) >= _letters(self.text)

    def timeline(self) -> list[tuple[float, int]]:
        """From when on how many deltas could be seen, up to the first version that shows all."""
        sums = list(accumulate(_letters(piece) for piece in self.said))
        line: list[tuple[float, int]] = []
        for at, text in self.seen():
            letters = _letters(text)
            line.append((at, sum(one <= letters for one in sums)))
            if letters >= sums[-1]:
                break
        return line


def _letters(text: str) -> int:
    """Without white space, which platforms trim."""
    return len("".join(text.split()))


def script(coze: CozeSimulator, count: int, first: int = 0) -> list[tuple[str, str]]:
    """Questions and the recorded answers to them."""
    known = recordings()
    made = []
    for number in range(count):
        recording = known[(first + number) % len(known)]
        text, question = "".join(recording.pieces), f"question {first + number} please"
        coze.script(f"question {first + number} ", Answer(text=text, deltas=recording.pieces, delays=recording.gaps))
        made.append((question, text))
    return made


async def answered(coze: CozeSimulator, asked: Sequence[Asked]) -> None:
    """Waits until all that was said can be seen, and takes down when it was said."""
    await until(lambda: all(one.shown() for one in asked), LONGEST_SECONDS)
    for one in asked:
        (chat,) = [chat for chat in coze.chats if chat.question == one.question]
        one.deltas, one.said = list(chat.deltas), list(chat.said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came of one replay; judged later, since the bound takes time that the simulators must not miss."""

    name: str
    asked: Sequence[Asked]
    allowances: Sequence[Allowance]
    refused: int
    free: int = 0
    """So many first calls of each answer count against a budget that has room."""

    def row(self) -> Row:
        deltas = [one.deltas for one in self.asked]
        lines = [one.timeline() for one in self.asked]
        spoken = sum(times[-1] - times[0] for times in deltas)
        measured = sum(unseen(times, line) for times, line in zip(deltas, lines, strict=True)) / spoken
        bounded = [times[self.free :] for times in deltas]
        bound = least(bounded, self.allowances, rounds=30 if len(deltas) > 100 else 80) / spoken
        eager = greedy(bounded, self.allowances) / spoken
        ends = sorted(line[-1][0] - times[-1] for times, line in zip(deltas, lines, strict=True))
        firsts = sorted(line[0][0] - times[0] for times, line in zip(deltas, lines, strict=True))
        return {
            "benchmark": self.name,
            "answers": len(self.asked),
            "staleness_s": round(measured, 3),
            "bound_s": round(bound, 3),
            "over_bound": round(measured / bound, 2),
            "eager_s": round(eager, 3),
            "over_eager": round(measured / eager, 2),
            "versions_per_answer": round(statistics.mean(len(line) for line in lines), 1),
            "first_text_p50_ms": round(statistics.median(firsts) * 1000, 1),
            "final_p50_ms": round(statistics.median(ends) * 1000, 1),
            "final_max_ms": round(ends[-1] * 1000, 1),
            "refused": self.refused,
        }


async def telegram_row(name: str, count: int, *, groups: bool = False) -> Measured:
    """So many answers at once, each in a chat of its own, under the simulator's default limits."""
    async with telegram_world(limits=True) as (telegram, coze, environ), running(environ, "") as _:
        asked = []
        for number, (question, text) in enumerate(script(coze, count)):
            chat = -(6_000 + number) if groups else 40_000 + number
            asked.append(Asked(question, text, in_telegram(telegram, chat)))
            words = f"@{telegram.me.username} {question}" if groups else question
            telegram.say(chat, 40_000 + number, words)
            await asyncio.sleep(STAGGER_SECONDS)
        await answered(coze, asked)
        every = range(count)
        chats = [_allow(GROUP if groups else PRIVATE, [index]) for index in every]
        allowances = [_allow(ACCOUNT, every)] if count > 50 else chats
        refused = telegram.flood_control.refused
        return Measured(name=name, asked=asked, allowances=allowances, refused=refused)


def in_telegram(telegram: TelegramSimulator, chat: int) -> Callable[[], list[tuple[float, str]]]:
    def seen() -> list[tuple[float, str]]:
        ours = [message for message in telegram.messages(chat) if message.sender == telegram.me.id]
        return [(version.at, version.text) for message in ours for version in message.versions]

    return seen


async def slack_row(name: str, count: int, *, streaming: str = "edit", direct: bool = False) -> Measured:
    """So many answers at once in threads of one workspace: of channels, or (direct) of DMs."""
    async with slack_world() as (slack, coze, environ), running({**environ, "SLACK_STREAMING": streaming}, "") as _:
        asked = []
        for number, (question, text) in enumerate(script(coze, count)):
            user = slack.add_user(f"person{number}").id
            kind = "im" if direct else "channel"
            channel = slack.add_channel(f"room{number}", kind=kind, members=[user]).id
            thread = slack.say(channel, user, question if direct else f"@coze {question}")
            asked.append(Asked(question, text, in_slack(slack, channel, thread)))
            await asyncio.sleep(STAGGER_SECONDS)
        await answered(coze, asked)
        refused = sum(slack.limits.refused.values())
        allowances = [_allow(SLACK_UPDATE, range(count))]
        return Measured(name=name, asked=asked, allowances=allowances, refused=refused, free=1)


def in_slack(slack: SlackSimulator, channel: str, thread: str) -> Callable[[], list[tuple[float, str]]]:
    def seen() -> list[tuple[float, str]]:
        ours = slack.bot_messages(channel, thread)
        return [(version.at, version.text) for message in ours for version in message.versions]

    return seen


def _allow(budget: tuple[int, float], answers: Sequence[int]) -> Allowance:
    return Allowance(burst=budget[0], every=budget[1], answers=answers)


async def delivery() -> list[Row]:
    """Telegram's rows, and beside them Slack's, each with a service of its own."""

    async def telegram() -> list[Measured]:
        return [
            await telegram_row("delivery telegram 1", 1),
            await telegram_row("delivery telegram 20", 20),
            await telegram_row("delivery telegram 200", 200),
            await telegram_row("delivery telegram 5 groups", 5, groups=True),
        ]

    async def slack() -> list[Measured]:
        native = partial(slack_row, streaming="auto", direct=True)
        return [
            *await asyncio.gather(slack_row("delivery slack 1", 1), native("delivery slack native 1", 1)),
            *await asyncio.gather(slack_row("delivery slack 10", 10), native("delivery slack native 10", 10)),
            await slack_row("delivery slack 40", 40),
        ]

    replayed = await asyncio.gather(telegram(), slack())
    return [measured.row() for some in replayed for measured in some]
