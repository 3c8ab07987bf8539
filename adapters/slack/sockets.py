"""Socket Mode: Slack's envelopes over WebSockets that we open, each acknowledged once it has been taken.

slack_sdk's own Socket Mode client is not used: it tries a dead socket address for ever, closes the old socket before
it has a new one, reconnects after `link_disabled`, and starts a task per envelope that nobody awaits.
"""

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bridge.errors import ConfigError, Transient
from bridge.ports import Clock

log = logging.getLogger(__name__)

Take = Callable[[SocketModeRequest], Awaitable[bool]]
"""Takes what an envelope carries; True: it may be acknowledged."""

OPEN_SECONDS = 20.0
"""How long a handshake, and then the `hello`, may take."""
SEND_SECONDS = 10.0
CLOSE_SECONDS = 2.0
LEAVE_SECONDS = 30.0
"""A socket that said goodbye is closed after this; Slack itself cuts it about 10 s after its warning."""
MOST_WAIT = 60.0
UNWILLING_WAIT = 60.0
"""Before we ask again after Slack said that it wants no socket of ours."""
STEADY_SECONDS = 30.0
"""A socket that lived so long was a good one: after it we reconnect at once."""
GONE_ERRORS = (aiohttp.ClientError, ConnectionError, TimeoutError, OSError)


@dataclass(eq=False, slots=True)
class Socket:
    """One open connection. `leaving` is set once another is needed in its place."""

    frames: aiohttp.ClientWebSocketResponse
    leaving: asyncio.Event
    opened_at: float
    farewell: str = ""
    """Why Slack ends it, as it says."""


class SocketMode:
    """Keeps one socket open, and for the moment of a change two, so that nothing falls into a gap."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: Callable[[], Awaitable[str]],
        take: Take,
        *,
        clock: Clock,
        ping_seconds: float,
    ) -> None:
        self._session = session
        self._address = address
        self._take = take
        self._clock = clock
        self._ping_seconds = ping_seconds
        """A ping goes out this often; half of it without a pong, and the socket is given up."""
        self._failures = 0
        self.trouble = "Slack: no socket is open yet"

    async def run(self) -> None:
        """Receives until it is cancelled. Raises ConfigError if Slack refuses the app token at the first start."""
        socket = await self._connect(0.0, first=True)
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._serve(socket))
                await socket.leaving.wait()
                socket = await self._connect(self._pause(socket), first=False)

    # ---- opening

    async def _connect(self, pause: float, *, first: bool) -> Socket:
        """A socket that has said `hello`, tried for as long as it takes; the first try after a pause."""
        while True:
            await self._clock.sleep(pause)
            try:
                socket = await self._open(await self._address())
            except ConfigError as error:
                if first:
                    raise
                self._say(f"Slack refuses a socket: {error}")
                pause = UNWILLING_WAIT
            except Transient as error:
                self._failures += 1
                self._say(f"Slack gives no socket: {error}")
                pause = max(_backoff(self._failures), error.retry_after)
            else:
                self.trouble = ""
                return socket

    def _pause(self, socket: Socket) -> float:
        """How long to wait before another socket is opened in place of this one."""
        steady = self._clock.monotonic() - socket.opened_at >= STEADY_SECONDS
        self._failures = 0 if steady else self._failures + 1
        if socket.farewell in _ORDINARY:
            return _backoff(self._failures - 1)
        if socket.farewell:
            self._say(f"Slack ended the socket: {socket.farewell}{_MEND.get(socket.farewell, '')}")
            return UNWILLING_WAIT
        self._say("Slack: the socket broke")
        return _backoff(self._failures)

    async def _open(self, address: str) -> Socket:
        """One try. Each has an address of its own: they are good once, and for half a minute."""
        frames: aiohttp.ClientWebSocketResponse | None = None
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                frames = await self._session.ws_connect(
                    address, heartbeat=self._ping_seconds, timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS)
                )
                greeting = _frame(await frames.receive())
        except aiohttp.WSServerHandshakeError as error:
            # Not `from error`: its text holds the address, and that opens the socket.
            raise Transient(f"the handshake ended with status {error.status}") from None
        except GONE_ERRORS as error:
            if frames is not None:
                await _close(frames)
            raise Transient(f"the handshake failed ({type(error).__name__})") from None
        if greeting.get("type") != "hello":
            await _close(frames)
            raise Transient(f"the socket does not say hello ({greeting.get('reason') or 'closed'})")
        log.info("Slack: a socket is open")
        return Socket(frames=frames, leaving=asyncio.Event(), opened_at=self._clock.monotonic())

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            log.warning("%s", trouble)
        self.trouble = trouble

    # ---- receiving

    async def _serve(self, socket: Socket) -> None:
        """Reads until the socket ends; what was read is taken one by one, in order, while the reading goes on."""
        waiting: asyncio.Queue[SocketModeRequest | None] = asyncio.Queue()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._take_all(socket, waiting))
                await self._read(socket, waiting)
                socket.leaving.set()
                waiting.put_nowait(None)
        finally:
            await _close(socket.frames)

    async def _read(self, socket: Socket, waiting: asyncio.Queue[SocketModeRequest | None]) -> None:
        try:
            async with asyncio.timeout(None) as patience:
                while (frame := await socket.frames.receive()).type not in _ENDS:
                    message = _frame(frame)
                    if message.get("type") == "disconnect":
                        socket.farewell = str(message.get("reason") or "unknown")
                        patience.reschedule(asyncio.get_running_loop().time() + LEAVE_SECONDS)
                        socket.leaving.set()
                    elif (request := _request(message)) is not None:
                        waiting.put_nowait(request)
        except GONE_ERRORS:
            pass

    async def _take_all(self, socket: Socket, waiting: asyncio.Queue[SocketModeRequest | None]) -> None:
        while (request := await waiting.get()) is not None:
            if await self._take(request):
                await _acknowledge(socket.frames, request.envelope_id)


_ENDS = frozenset(
    {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
)
_ORDINARY = frozenset({"warning", "refresh_requested"})
_MEND = {
    "link_disabled": "; switch Socket Mode on in the app's settings",
    "too_many_websockets": "; the app has 10 sockets open already, stop other processes that use its token",
}


def _backoff(failures: int) -> float:
    """Nothing at first, then up to one second, doubling up to a minute; by chance, so that processes spread."""
    return 0.0 if failures <= 0 else min(MOST_WAIT, 2.0 ** min(failures - 1, 6)) * random.uniform(0.5, 1.0)


async def _acknowledge(frames: aiohttp.ClientWebSocketResponse, envelope: str) -> None:
    """On the socket that brought it. If that is gone, Slack delivers again, and the key tells that we know it."""
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await frames.send_str(json.dumps(SocketModeResponse(envelope_id=envelope).to_dict()))
    except GONE_ERRORS as error:
        log.info("Slack: not acknowledged, the socket is gone (%s)", type(error).__name__)


async def _close(frames: aiohttp.ClientWebSocketResponse) -> None:
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await frames.close()
    except GONE_ERRORS:
        log.debug("Slack: the socket closed badly")


def _frame(frame: aiohttp.WSMessage) -> dict[str, Any]:
    """What a text frame holds; empty for everything else."""
    if frame.type is not aiohttp.WSMsgType.TEXT:
        return {}
    try:
        value = json.loads(frame.data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _request(message: dict[str, Any]) -> SocketModeRequest | None:
    """The envelope, if it is one that must be acknowledged."""
    if not isinstance(message.get("payload"), dict) or not isinstance(message.get("envelope_id"), str):
        return None
    return SocketModeRequest.from_dict(message)
