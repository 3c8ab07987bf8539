"""A CozeBot and the simulated Coze that it talks to over real HTTP: what the tests of the bot share."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.coze import CozeBot, token_auth
from bridge.answer import (
    Answer,
    BotEvent,
    ChatStarted,
)
from bridge.clock import SystemClock
from bridge.ports import Bot, Question
from simulators.coze import CozeSimulator
from simulators.wire import Served

GRACE = 30.0
"""Seconds after which something that should have happened at once did not."""


@dataclass
class Counts:
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        assert value == 1
        self.seen.append((name, labels))

    def observe(self, name: str, seconds: float, **labels: str) -> None: ...


@dataclass
class Place:
    """A bot, the simulator that it talks to, and what it counted."""

    sim: CozeSimulator
    url: str
    bot: CozeBot
    counts: Counts
    open: Callable[..., CozeBot]

    async def question(self, text: str, mark: str = "turn-1") -> Question:
        return Question(text=text, user="u1", conversation=await self.bot.new_conversation(), mark=mark)


@asynccontextmanager
async def served(**simulated: Any) -> AsyncIterator[Place]:
    sim = CozeSimulator(**{"deltas_per_second": 400.0, **simulated})
    bots: list[CozeBot] = []
    async with Served(sim.app) as server:
        counts = Counts()

        def open_bot(auth: Any = None, **limits: Any) -> CozeBot:
            limits = {"poll_seconds": 0.02, **limits}
            bot = CozeBot(
                server.url,
                sim.world.bot_id,
                auth or token_auth("pat_test"),
                clock=SystemClock(),
                meter=counts,
                **limits,
            )
            bots.append(bot)
            return bot

        yield Place(sim, server.url, open_bot(), counts, open_bot)
        for bot in bots:
            await bot.aclose()


@pytest.fixture(name="place")
async def place_fixture() -> AsyncIterator[Place]:
    async with served() as found:
        yield found


@pytest.fixture(name="studio")
async def studio_fixture() -> AsyncIterator[Place]:
    async with served(profile="studio") as found:
        yield found


async def ask(bot: Bot, question: Question) -> list[BotEvent]:
    async with asyncio.timeout(GRACE), bot.ask(question) as events:
        return [event async for event in events]


async def recall(bot: Bot, chat: ChatStarted) -> list[BotEvent]:
    async with asyncio.timeout(GRACE), bot.recall(chat.conversation, chat.chat) as events:
        return [event async for event in events]


async def broken(bot: Bot, question: Question, kind: type[Exception]) -> tuple[list[BotEvent], Any]:
    """What came before the error, and the error."""
    came: list[BotEvent] = []

    async def read() -> None:
        async with asyncio.timeout(GRACE), bot.ask(question) as events:
            async for event in events:
                came.append(event)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(kind) as caught:
        await read()
    return came, caught.value


def folded(events: list[BotEvent]) -> Answer:
    answer = Answer()
    for event in events:
        answer.add(event)
    return answer


def started(events: list[BotEvent]) -> ChatStarted:
    assert isinstance(events[0], ChatStarted)
    return events[0]
