"""Starts `coze-bridge` commands as real processes, but cheaply: a process that has imported everything forks them.

A start costs a second and a half of a core else, for imports alone. `python -m bridge` itself is what the tests of the
command line, of packaging and of terminals start.
"""

import asyncio
import atexit
import contextlib
import ctypes
import gc
import json
import os
import random
import selectors
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
NUMBER = struct.Struct("i")
"""A length, a process id, an exit status."""
DESCRIPTORS = 3
"""What goes with an order: stdout, stderr, and where its exit status is to be written."""


def die_with_parent() -> None:
    """Whoever started us may be killed: then we do not stay behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Forked:
    """One such process, used as those of asyncio are."""

    def __init__(self, pid: int, ended: socket.socket, out: asyncio.StreamReader, err: asyncio.StreamReader) -> None:
        self.pid = pid
        self.stdout = out
        self.stderr = err
        self.returncode: int | None = None
        self._ended = asyncio.create_task(self._wait(ended), name=f"process {pid}")

    async def _wait(self, ended: socket.socket) -> int:
        with ended:
            (status,) = NUMBER.unpack(await asyncio.get_running_loop().sock_recv(ended, NUMBER.size))
        self.returncode = status
        return int(status)

    async def wait(self) -> int:
        """Its exit status; of a signal, its negative number."""
        return await asyncio.shield(self._ended)

    async def communicate(self) -> tuple[bytes, bytes]:
        """All that it says until it ends."""
        out, err = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self.wait()
        return out, err

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


async def coze_bridge(
    *arguments: str, environ: Mapping[str, str], cwd: Path | None = None, in_one: bool = False
) -> Forked:
    """`coze-bridge ARGUMENTS` with that environment and no input. `in_one`: errors go where the output goes."""
    order = {"arguments": arguments, "environ": dict(environ), "cwd": str(cwd or Path.cwd())}
    out, err = os.pipe(), os.pipe()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        pid = _started(order, (out[1], out[1] if in_one else err[1], theirs.fileno()))
    os.close(out[1])
    os.close(err[1])
    return Forked(pid, ours, await _reader(out[0]), await _reader(err[0]))


async def typed(*arguments: str, environ: Mapping[str, str], cwd: Path | None = None) -> tuple[int, str, str]:
    """What somebody sees who types it: exit status, output, and what went to standard error."""
    process = await coze_bridge(*arguments, environ=environ, cwd=cwd)
    async with asyncio.timeout(60):
        out, err = await process.communicate()
        return await process.wait(), out.decode(), err.decode()


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=1 << 20)
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader


def _started(order: Mapping[str, Any], descriptors: Sequence[int]) -> int:
    server, line = _server(), json.dumps(order).encode()
    socket.send_fds(server, [NUMBER.pack(len(line))], list(descriptors))
    server.sendall(line)
    return _number(server)


@cache
def _server() -> socket.socket:
    """What forks for us; it ends when we do, and with it all that it has started."""
    ours, theirs = socket.socketpair()
    with theirs:
        program = [sys.executable, "-m", "tests.forks", str(theirs.fileno())]
        process = subprocess.Popen(
            program, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, cwd=Path(__file__).parents[1]
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _number(control: socket.socket) -> int:
    return int(NUMBER.unpack(_exactly(control, NUMBER.size))[0])


def _exactly(control: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        if not (piece := control.recv(length - len(received))):
            raise EOFError("the other process is gone")
        received += piece
    return received


# ---- in the process that forks -------------------------------------------------------------------------------------


def serve(control: socket.socket) -> None:
    """Forks for whoever has the other end; returns in each process that it forks."""
    wake, woken = socket.socketpair()
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    running: dict[int, int] = {}
    with selectors.DefaultSelector() as selector, wake, woken, control:
        selector.register(control, selectors.EVENT_READ)
        selector.register(wake, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is wake:
                    wake.recv(4096)
                    _reap(running)
                    continue
                length, descriptors, *_ = socket.recv_fds(control, NUMBER.size, DESCRIPTORS)
                if not length:
                    os._exit(0)
                order = json.loads(_exactly(control, NUMBER.unpack(length)[0]))
                if not (pid := os.fork()):
                    for descriptor in running.values():
                        os.close(descriptor)
                    _become(order, descriptors)
                    return
                running[pid] = descriptors.pop()
                for descriptor in descriptors:
                    os.close(descriptor)
                control.sendall(NUMBER.pack(pid))


def _reap(running: dict[int, int]) -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            with socket.socket(fileno=running.pop(ended[0])) as told, contextlib.suppress(OSError):
                told.send(NUMBER.pack(os.waitstatus_to_exitcode(ended[1])))


def _become(order: Mapping[str, Any], descriptors: Sequence[int]) -> None:
    """As if it had just been started with these."""
    die_with_parent()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    for standard, descriptor in enumerate(descriptors[:2], 1):
        os.dup2(descriptor, standard)
    for descriptor in descriptors:
        os.close(descriptor)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environ"])
    sys.argv = ["coze-bridge", *order["arguments"]]
    random.seed()


def main() -> NoReturn:
    """Imports what any command may need, and waits for orders."""
    import bridge.__main__
    import bridge.app
    import bridge.doctor
    import storage.opening  # noqa: F401

    gc.collect()
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
    bridge.__main__.main()
    raise AssertionError("it exits")


if __name__ == "__main__":
    main()
