"""`coze-bridge …` on a terminal of its own, at which somebody types."""

import asyncio
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Typing:
    """What the terminal shows, and the keys to it."""

    def __init__(self, process: asyncio.subprocess.Process, descriptor: int) -> None:
        self._process = process
        self._descriptor = descriptor
        self._changed = asyncio.Event()
        self._unread = ""
        self.shown = ""
        asyncio.get_running_loop().add_reader(descriptor, self._read)

    def _read(self) -> None:
        try:
            text = os.read(self._descriptor, 65536).decode(errors="replace").replace("\r\n", "\n")
        except OSError:  # whoever had it open is gone
            self.close()
            return
        self.shown += text
        self._unread += text
        self._changed.set()

    async def until(self, text: str, within: float = 60.0) -> None:
        """Waits until the terminal shows this, after what was waited for before."""
        async with asyncio.timeout(within):
            while text not in self._unread:
                self._changed.clear()
                await self._changed.wait()
        self._unread = self._unread.partition(text)[2]

    def write(self, line: str) -> None:
        os.write(self._descriptor, f"{line}\n".encode())

    def interrupt(self) -> None:
        """What the terminal does on Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    async def interrupted(self, within: float = 60.0) -> int:
        """Presses Ctrl-C as a person does: again, if a read of the keys that just began missed it. The exit status."""
        async with asyncio.timeout(within):
            while self._process.returncode is None:
                self.interrupt()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._process.wait(), 1.0)
        return await self.end()

    async def end(self, within: float = 60.0) -> int:
        """The exit status, once all is shown."""
        async with asyncio.timeout(within):
            status = await self._process.wait()
        self._read()
        return status

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)


@asynccontextmanager
async def terminal(*arguments: str, **environ: str) -> AsyncIterator[Typing]:
    """A command of ours; killed at the end if it still runs."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", *arguments),
        env=environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        # Tests may be run by something that ignores Ctrl-C, and a child inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(theirs)
    typing = Typing(process, ours)
    try:
        yield typing
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        typing.close()
        os.close(ours)
