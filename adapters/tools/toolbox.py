"""Runs tools: their arguments are checked, their time and output are limited, and whatever happens has an output."""

import asyncio
import contextvars
import inspect
import json
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

from adapters.tools.arguments import Parameters, checked
from bridge.model import ToolCall
from bridge.ports import Meter

log = logging.getLogger(__name__)

MOST_OUTPUT = 20_000
"""Characters: what a language model can be given beside its question; Coze documents no limit."""
MOST_ERROR = 300
"""Characters of what an exception says, where it is passed on."""
MOST_THREADS = 32
"""Functions that run in a thread at a time. One that hangs keeps its thread: nobody can stop it."""
CLOSE_SECONDS = 2.0
"""For so long an end waits for tools that were given up."""
UNKNOWN = "unknown"
"""The label under which tools are counted that are not there: a model may make up any name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function, and how it is called."""

    name: str
    function: Callable[..., Any]
    wanted: Parameters
    """What the model gives."""
    options: Mapping[str, Any]
    """What the operator has fixed."""
    ask: bool
    """The person is asked before it runs."""
    seconds: float

    @property
    def is_async(self) -> bool:
        """It is awaited; else it gets a thread."""
        return inspect.iscoroutinefunction(self.function) or inspect.iscoroutinefunction(
            getattr(self.function, "__call__", None)  # noqa: B004  # not whether it can be called, but how
        )

    def taken(self, given: str) -> dict[str, Any]:
        """The arguments as the function takes them. Raises ValueError if what the model gives does not fit."""
        return checked(self.wanted, _object(given))


class Toolbox:
    """The tools by their names; implements `bridge.ports.Tools`."""

    def __init__(self, tools: Mapping[str, Tool], meter: Meter) -> None:
        self._tools = tools
        self._meter = meter
        self._room = threading.Semaphore(MOST_THREADS)
        self._given_up: set[asyncio.Task[Any]] = set()

    def has(self, name: str) -> bool:
        return name in self._tools

    def asks(self, call: ToolCall) -> bool:
        tool = self._tools.get(call.name)
        if tool is None or not tool.ask:
            return False
        try:
            tool.taken(call.arguments)
        except ValueError:
            return False
        return True

    async def run(self, call: ToolCall, *, allowed: bool = False) -> str:
        tool = self._tools.get(call.name)
        if tool is None:
            log.warning("the bot asked for a tool that is not configured: %s", call.name[:MOST_ERROR])
            outcome, output = "missing", failing(f"this service has no tool {call.name[:MOST_ERROR]}")
        else:
            outcome, output = await self._run(tool, call.arguments, allowed=allowed)
        self._meter.count("tools", tool=tool.name if tool else UNKNOWN, outcome=outcome)
        return output

    async def aclose(self) -> None:
        """Ends what was given up; what does not end is left behind."""
        for task in self._given_up:
            task.cancel()
        if self._given_up:
            await asyncio.wait(self._given_up, timeout=CLOSE_SECONDS)

    async def _run(self, tool: Tool, given: str, *, allowed: bool) -> tuple[str, str]:
        """What became of it, and its output."""
        try:
            arguments = tool.taken(given)
        except ValueError as error:
            return "arguments", failing(f"arguments of {tool.name}: {error}")
        if tool.ask and not allowed:
            # They did not fit when it was looked whom to ask.
            return "arguments", failing(f"nobody was asked whether {tool.name} may run; call it again")
        values = {**arguments, **tool.options}
        running = asyncio.create_task(self._call(tool, values), name=f"tool {tool.name}")
        try:
            done, _ = await asyncio.wait({running}, timeout=tool.seconds)
        except asyncio.CancelledError:
            self._give_up(running)
            raise
        if not done:
            self._give_up(running)
            log.warning("tool %s took longer than %g s", tool.name, tool.seconds)
            return "late", failing(f"{tool.name} took longer than {tool.seconds:g} s")
        try:
            return "ok", _bounded(_written(running.result()))
        except asyncio.CancelledError:
            return "failed", failing(f"{tool.name} was cancelled")
        except Exception as error:  # whatever the operator's own code raises
            log.warning("tool %s failed", tool.name, exc_info=error)
            return "failed", failing(f"{type(error).__name__}: {' '.join(str(error).split())[:MOST_ERROR]}")

    async def _call(self, tool: Tool, values: Mapping[str, Any]) -> Any:
        if tool.is_async:
            return await tool.function(**values)
        if not self._room.acquire(blocking=False):
            raise RuntimeError("too many tools are running")
        return await _in_thread(lambda: tool.function(**values), self._room.release)

    def _give_up(self, running: "asyncio.Task[Any]") -> None:
        """Nobody waits for it any more; a function that will not be cancelled keeps nobody up."""
        running.cancel()
        self._given_up.add(running)
        running.add_done_callback(self._forget)

    def _forget(self, running: "asyncio.Task[Any]") -> None:
        self._given_up.discard(running)
        if not running.cancelled():
            running.exception()  # seen: asyncio would else complain


def failing(why: str) -> str:
    """An output that tells the model what went wrong."""
    return json.dumps({"error": _sendable(why)}, ensure_ascii=False)


async def _in_thread(function: Callable[[], Any], after: Callable[[], None]) -> Any:
    """The result of the function, which runs in a thread of its own.

    Not in the pool of the event loop, where name lookups would wait behind tools that hang; and a daemon, as such a
    tool would else keep the process from ending.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def tell(value: Any, error: BaseException | None) -> None:
        if result.done():
            return
        if error is None:
            result.set_result(value)
        else:
            result.set_exception(error)

    def run() -> None:
        value: Any = None
        failure: BaseException | None = None
        try:
            value = context.run(function)
        except BaseException as error:  # SystemExit, too, is no more than a tool that failed
            known = isinstance(error, Exception) and not isinstance(error, StopIteration)  # which no future takes
            failure = error if known else RuntimeError(f"{type(error).__name__} was raised")
        after()
        with suppress(RuntimeError):  # the event loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, value, failure)

    threading.Thread(target=run, daemon=True, name="tool").start()
    return await result


def _object(given: str) -> dict[str, Any]:
    """The arguments as the model wrote them. Raises ValueError."""
    try:
        found = from_json(given) if given.strip() else {}
    except ValueError as error:
        raise ValueError(f"not JSON ({error})") from None
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found


def _written(result: Any) -> str:
    """Text as it is, anything else as JSON. An empty text as JSON, too: Coze might take it for no output."""
    if isinstance(result, str) and result:
        return _sendable(result)
    try:
        return to_json(result, inf_nan_mode="constants").decode()
    except (PydanticSerializationError, ValueError) as error:
        raise TypeError(f"its result cannot be written as JSON ({error})") from None


def _bounded(output: str) -> str:
    if len(output) <= MOST_OUTPUT:
        return output
    return f"{output[:MOST_OUTPUT]}\n… (cut: {len(output)} characters in all)"


def _sendable(text: str) -> str:
    """Without what UTF-8 cannot carry."""
    return text.encode("utf-8", "replace").decode()
