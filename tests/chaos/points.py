"""Crash points: every call of the core to the database, to a platform and to Coze, before and after its effect.

They are put around the real methods of the real classes, in the process that is going to be killed. A process passes
one, says so in the trace, and if that passing is the one on the board, it kills itself with SIGKILL.
"""

import functools
import inspect
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from adapters.coze.bot import CozeBot
from adapters.slack.adapter import SlackAdapter
from adapters.telegram.adapter import TelegramAdapter
from bridge.model import Inbound, Page, Post, Turn
from bridge.ports import Question, Store
from storage.store import SqlStore
from tests.chaos.board import PHASES, Board

ON_PLATFORMS = ("open", "send", "edit", "delete", "working", "find")
AT_COZE = ("new_conversation", "find", "cancel")
STREAMS = ("ask", "recall")
PLATFORMS = {"telegram": TelegramAdapter, "slack": SlackAdapter}
QUIET = frozenset({"store.renew", "store.next_due", "store.waiting", "store.oldest_due", "store.penalties"})
"""Passed all the time, and nothing of a turn is to be seen there: not worth a line in the trace."""


BY_HAND = frozenset({"acquaint", "admit", "ask_again", "cancel", "decide", "forget", "people", "turn", "turns"})
"""What only the operator's commands call."""
UNUSED = frozenset({"answered", "judge", "move", "turn_away", "aclose", "last_question", "latest_place"}) | frozenset(
    {"keep_upload", "pasts", "prepared", "resume", "retire", "speak", "uploaded", "voice", "waits"}
)
"""What needs buttons, strangers, moving groups, files and the like, which this traffic has not."""
SELDOM = frozenset({"doomed", "drop_doomed", "erase_texts", "scrub", "tidy"})
"""Housekeeping: no process lives long enough here."""


def _of_store() -> list[str]:
    named = [name for name in dir(Store) if not name.startswith("_") and name not in BY_HAND | UNUSED | SELDOM]
    return [name for name in named if inspect.iscoroutinefunction(getattr(SqlStore, name, None))]


def labels() -> list[str]:
    """The names of all crash points, always in the same order."""
    found = [f"store.{name}" for name in _of_store()]
    for platform, adapter in PLATFORMS.items():
        found += [f"{platform}.{name}" for name in ON_PLATFORMS if hasattr(adapter, name)]
    return found + [f"coze.{name}" for name in (*AT_COZE, *STREAMS)]


class Points:
    """The crash points of one process."""

    def __init__(self, board: Board, slot: int, trace: int) -> None:
        self._board, self._slot, self._trace = board, slot, trace
        self._labels = labels()
        self._order, self._passed = 0, 0

    def install(self) -> None:
        """Puts them around the methods. There is no way back: the process is a forked one."""
        for name in _of_store():
            self._around(SqlStore, name, f"store.{name}")
        for platform, adapter in PLATFORMS.items():
            for name in ON_PLATFORMS:
                if hasattr(adapter, name):
                    self._around(adapter, name, f"{platform}.{name}")
        for name in AT_COZE:
            self._around(CozeBot, name, f"coze.{name}")
        for name in STREAMS:
            self._around_stream(name, f"coze.{name}")

    def _around(self, owner: type, name: str, label: str) -> None:
        inner = getattr(owner, name)

        @functools.wraps(inner)
        async def outer(*arguments: Any, **options: Any) -> Any:
            told = {} if label in QUIET else _told((*arguments[1:], *options.values()))
            self.passing(label, 0, told)
            since = time.monotonic()
            try:
                result = await inner(*arguments, **options)
            except BaseException as error:
                self._say(label, "failed", told | {"error": type(error).__name__})
                raise
            self.passing(label, 1, told | {"since": since} | ({} if label in QUIET else _result(result)))
            return result

        setattr(owner, name, outer)

    def _around_stream(self, name: str, label: str) -> None:
        """Its effect is that Coze took the question: what tells that is the first event."""
        inner = getattr(CozeBot, name)
        points = self

        @asynccontextmanager
        async def outer(bot: CozeBot, *arguments: Any) -> AsyncIterator[AsyncIterator[Any]]:
            told = _told(arguments)

            async def followed(events: AsyncIterator[Any]) -> AsyncIterator[Any]:
                is_first = True
                async for event in events:
                    points.passing(label, 1, told, aloud=is_first)
                    is_first = False
                    yield event

            points.passing(label, 0, told)
            async with inner(bot, *arguments) as events:
                yield followed(events)

        setattr(CozeBot, name, outer)

    def passing(self, label: str, phase: int, told: dict[str, Any], *, aloud: bool = True) -> None:
        """The process is here now."""
        order = self._board.read(self._slot)
        if order.number != self._order:
            self._order, self._passed = order.number, 0
        hit = False
        if order.point and self._labels[order.point - 1] == label and order.phase == phase:
            self._passed += 1
            hit = self._passed >= order.passings
        if hit or (aloud and label not in QUIET):
            self._say(label, PHASES[phase], told | ({"killed": True} if hit else {}))
        if hit:
            os.kill(os.getpid(), signal.SIGKILL)

    def _say(self, label: str, phase: str, told: dict[str, Any]) -> None:
        line = [time.monotonic(), self._slot, os.getpid(), label, phase, told]
        # One write of less than PIPE_BUF is whole or not there, also if we are killed.
        os.write(self._trace, json.dumps(line).encode()[:4000] + b"\n")


def _told(arguments: tuple[Any, ...]) -> dict[str, Any]:
    """What of the arguments tells one passing from another."""
    told: dict[str, Any] = {}
    for one in arguments:
        told |= _READERS.get(type(one), lambda _: {})(one)
    return told


def _result(result: Any) -> dict[str, Any]:
    match result:
        case Turn():
            return {"key": result.key, "text": result.question[:60], "state": str(result.state)}
        case str() | int():
            return {"result": result}
    return {"result": None} if result is None else {}


_READERS: dict[type, Callable[[Any], dict[str, Any]]] = {
    Turn: lambda turn: {"key": turn.key, "text": turn.question[:60]},
    Post: lambda post: {"page": post.page, "message": post.message_id},
    Page: lambda page: {"mark": page.mark, "index": page.index, "final": page.final},
    Inbound: lambda inbound: {"key": inbound.key, "text": inbound.text[:60], "command": inbound.command},
    Question: lambda question: {"mark": question.mark, "text": question.text[:60]},
}
