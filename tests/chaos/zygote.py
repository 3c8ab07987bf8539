"""Starts processes of the service cheaply: one that has imported everything forks them, a real process each."""

import contextlib
import json
import os
import random
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from bridge import app, config
from bridge.clock import SystemClock
from bridge.errors import ConfigError
from tests.chaos.board import Board
from tests.chaos.points import Points
from tests.forks import die_with_parent

EX_CONFIG = 78


class Jumping(SystemClock):
    """The machine's clock, whose wall time is wrong by what the board says."""

    def __init__(self, board: Board, slot: int) -> None:
        self._board, self._slot = board, slot

    def now(self) -> float:
        return super().now() + self._board.ahead(self._slot)


def fork(work: Callable[[], None]) -> int:
    """A child that does this and nothing else; its process id."""
    if pid := os.fork():
        return pid
    try:
        die_with_parent()
        random.seed()
        work()
    except BaseException:  # noqa: BLE001 - the top of a process
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def serve(control: socket.socket, board: Board, logs: list[int], trace: int) -> NoReturn:
    """Reads orders, a line of JSON each, and starts a process for each; tells what was started and what ended."""
    wake, woken = socket.socketpair()
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    selector.register(wake, selectors.EVENT_READ)
    unread = b""
    while True:
        for key, _ in selector.select():
            if key.fileobj is wake:
                wake.recv(4096)
                _reap(control)
                continue
            received = control.recv(65536)
            if not received:
                os._exit(0)  # and with us all that we have started
            *lines, unread = (unread + received).split(b"\n")
            for line in lines:
                order = json.loads(line)
                slot = order["slot"]
                pid = fork(partial(_live, order, board, logs[slot], trace, control))
                _tell(control, {"started": pid, "slot": slot})


def _tell(control: socket.socket, what: dict[str, Any]) -> None:
    control.sendall(json.dumps(what).encode() + b"\n")


def _reap(control: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            _tell(control, {"ended": ended[0], "status": os.waitstatus_to_exitcode(ended[1])})


def _live(order: dict[str, Any], board: Board, log: int, trace: int, control: socket.socket) -> None:
    """What `coze-bridge run` does, with crash points and a clock that may jump."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    control.close()
    os.setsid()
    os.dup2(log, 1)
    os.dup2(log, 2)
    slot = order["slot"]
    Points(board, slot, trace).install()
    app.SystemClock = partial(Jumping, board, slot)
    from adapters.log import configure

    try:
        settings = config.load(Path(order["config"]), order["environ"])
        configure(form="json", level=settings.log_level, secrets=settings.secrets())
        app.run(settings)
    except ConfigError as error:
        sys.stderr.write(f"coze-bridge: {error}\n")
        sys.stderr.flush()
        os._exit(EX_CONFIG)
