"""The demo: `python -m simulators --port 8765`."""

import argparse
import asyncio
import errno
import itertools
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from simulators.demo.board import Board, Event
from simulators.demo.breaks import Breaks
from simulators.demo.looks import slack_message, telegram_message
from simulators.demo.server import application
from simulators.demo.service import Service
from simulators.demo.stage import Stage, real_bot, stage
from simulators.demo.traces import Traces
from simulators.wire import Feed, Served

PATIENCE = 15.0
"""Seconds after which the address is told although the bridge is not ready yet: the page shows why."""
QUIET = ("debug", "info")
TICK_SECONDS = 0.25
"""How often the plot grows and the ends of things are noticed."""
TICKS_BETWEEN_TIDYING = 240


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo until Ctrl-C or SIGTERM; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m simulators", description=__doc__)
    parser.add_argument("--port", default="8765", help="port of the page; 0 takes a free one")
    given = parser.parse_args(arguments).port
    if not given.isdecimal() or int(given) > 65535:
        return _refuse(f"PORT={given} is not a port number; choose one from 1 to 65535, such as: make demo PORT=8766")
    try:
        asyncio.run(demo(int(given)))
    except PortError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        pass  # before the signals were ours
    return 0


class PortError(Exception):
    """The page's port cannot be had."""


async def demo(port: int) -> None:
    """Opens everything, tells the address, and closes everything in reverse."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    real = real_bot(os.environ)
    if not real and (os.environ.get("COZE_API_TOKEN") or os.environ.get("COZE_BOT_ID")):
        print("A real bot needs both COZE_API_TOKEN and COZE_BOT_ID; using the simulated one", file=sys.stderr)
    board = Board()
    async with AsyncExitStack() as opened:
        directory = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="coze-bridge-demo-")))
        scene = await opened.enter_async_context(stage(real))
        service = Service(
            scene.settings(), directory, tell=lambda **how: board.put("service", "service", **how), log=_logging(board)
        )
        traces = Traces(board, scene)
        breaks = Breaks(board, scene, service, traces)
        try:
            page = await opened.enter_async_context(Served(application(board, scene.urls, breaks), port=port))
        except OSError as error:
            raise PortError(_why(port, error)) from None
        board.put("cast", "cast", started=time.time(), **scene.cast())
        works = [service.run(), *_following(board, scene, traces), _ticking(scene, traces, breaks)]
        tasks = [asyncio.create_task(work) for work in works]
        telling = asyncio.create_task(_tell(page.url, service))
        try:
            ended = asyncio.create_task(stop.wait())
            done, _ = await asyncio.wait({ended, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {ended}:
                task.result()  # none of them ends by itself: this raises what went wrong
        finally:
            telling.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _following(board: Board, scene: Stage, traces: Traces) -> list[Coroutine[None, None, None]]:
    """Brings what the simulators report to the board and to the traces."""

    def telegram(event: Event) -> None:
        board.telegram(event)
        if event["kind"] in ("message", "edit") and "forum_topic_created" not in event["message"]:
            traces.wrote(telegram_message(event), event["at"])
        elif event["kind"] == "call":
            traces.telegram_call(event)
        elif event["kind"] == "delete":
            traces.gone(f"telegram/{event['chat']}/{event['message_id']}")

    def slack(event: Event) -> None:
        board.slack(event)
        if event["kind"] in ("message", "edit"):
            traces.wrote(slack_message(event), event["at"])
        elif event["kind"] in ("call", "429"):
            traces.slack_call(event)
        elif event["kind"] == "delete":
            traces.gone(slack_message(event)["message"])

    async def follow(feed: Feed, show: Callable[[Event], None]) -> None:
        async for event in feed.follow():
            show(event)

    feeds: list[tuple[Feed, Callable[[Event], None]]] = [(scene.telegram.feed, telegram), (scene.slack.feed, slack)]
    if scene.coze is not None:
        feeds.append((scene.coze.feed, traces.coze))
    return [follow(feed, show) for feed, show in feeds]


async def _ticking(scene: Stage, traces: Traces, breaks: Breaks) -> None:
    for count in itertools.count(1):
        await asyncio.sleep(TICK_SECONDS)
        traces.tick(time.time())
        breaks.tick(time.time())
        if count % TICKS_BETWEEN_TIDYING == 0:
            scene.forget_the_old()


async def _tell(url: str, service: Service) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await service.ready.wait()
        print(f"Coze Bridge demo: {url} (Ctrl-C ends it)", flush=True)
    except TimeoutError:
        print(f"Coze Bridge demo: {url} (the bridge is not ready yet, the page says why; Ctrl-C ends it)", flush=True)


def _logging(board: Board) -> Callable[[str, str], None]:
    def log(level: str, text: str) -> None:
        board.log(level, text)
        if level not in QUIET:
            print(f"bridge | {level}: {text}", file=sys.stderr, flush=True)

    return log


def _why(port: int, error: OSError) -> str:
    reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror or error})"
    return f"PORT={port} {reason}; choose another one, such as: make demo PORT={port + 1 if port < 65535 else 8765}"


def _refuse(line: str) -> int:
    print(line, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
