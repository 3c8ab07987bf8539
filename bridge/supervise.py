"""What the service manager is told of us, and what proves that we are alive."""

import logging
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress

from bridge.ports import Clock, Meter

log = logging.getLogger(__name__)

TICK_SECONDS = 0.5
"""Between two looks at the event loop."""
STALL_SECONDS = 45.0
"""A loop of the worker that has not gone round for so long hangs: two transactions that time out take 32 s of it."""
LONGEST_STATUS = 500


def notify(state: str) -> None:
    """Tells systemd (sd_notify protocol), if it started us: `READY=1`, `WATCHDOG=1`, `STOPPING=1`, `STATUS=…`."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.sendto(state.encode(), "\0" + path[1:] if path.startswith("@") else path)


def status(text: str) -> None:
    """One line for `systemctl status`."""
    notify(f"STATUS={' '.join(text.split())[:LONGEST_STATUS]}")


def watchdog_seconds(environ: Mapping[str, str]) -> float:
    """How often systemd wants a sign of life of this process; 0: never."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    wanted = environ.get("WATCHDOG_USEC", "")
    return int(wanted) / 1e6 if wanted.isascii() and wanted.isdecimal() else 0.0


async def watch(silent_seconds: Callable[[], float], *, clock: Clock, meter: Meter) -> None:
    """Measures how late the event loop is, and sends signs of life while it and the worker's loops go round.

    `silent_seconds`: for how long the worker has not. A database or a platform that does not answer is no reason to
    be restarted; a loop that hangs is. Runs until it is cancelled.
    """
    every = watchdog_seconds(os.environ) / 3
    tick = min(TICK_SECONDS, every) if every else TICK_SECONDS
    pinged, stalled = float("-inf"), False
    while True:
        before = clock.monotonic()
        await clock.sleep(tick)
        now = clock.monotonic()
        meter.observe("event_loop_lag_seconds", now - before - tick)
        silent = silent_seconds()
        if silent > STALL_SECONDS and not stalled:
            log.critical("the worker has not gone round for %.0f s: it hangs; no more signs of life", silent)
        stalled = silent > STALL_SECONDS
        if every and not stalled and now - pinged >= every - tick / 2:
            notify("WATCHDOG=1")
            pinged = now
