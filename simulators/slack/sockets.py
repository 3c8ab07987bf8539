"""The server side of Socket Mode: tickets, frames, acknowledgements, and everything that goes wrong with sockets."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from simulators.slack.calls import Call, SlackError
from simulators.slack.state import APP, Workspace

MOST = 10
Acked = Callable[[str, "Socket", dict[str, Any] | None], None]


@dataclass(eq=False, slots=True)
class Socket:
    """One open connection of the app."""

    id: str
    frames: web.WebSocketResponse
    transport: asyncio.Transport | None
    silent: bool = False
    """It swallows whatever is sent and answers no ping, but stays open."""


@dataclass(slots=True)
class Sockets:
    """All sockets of the app, and the tickets that open new ones."""

    slack: Workspace
    acked: Acked = lambda _envelope, _socket, _payload: None
    open: list[Socket] = field(default_factory=list)
    tickets: dict[str, float] = field(default_factory=dict)
    rejecting: int = 0
    """How many of the next handshakes end with HTTP 408."""
    opening_delay: float = 0.0
    link_disabled: bool = False
    accepted: int = 0
    """How many sockets were ever opened."""
    any_open: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def ticket(self, _slack: Workspace, call: Call) -> dict[str, Any]:
        """`apps.connections.open`."""
        if self.link_disabled:
            raise SlackError("socket_mode_disabled")
        ticket = f"{self.slack.dice.getrandbits(96):x}"
        self.tickets[ticket] = self.slack.clock() + self.slack.settings.ticket_seconds
        address = call.origin.replace("http", "ws", 1)
        return {"url": f"{address}/link/?ticket={ticket}&app_id={APP}"}

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """`GET /link/`: a handshake with a ticket that is good once."""
        await asyncio.sleep(self.opening_delay)
        valid_until = self.tickets.pop(request.query.get("ticket", ""), 0.0)
        if self.rejecting > 0 or valid_until < self.slack.clock():
            self.rejecting = max(0, self.rejecting - 1)
            self.slack.feed.publish("socket", action="refused", status=408)
            return web.Response(status=408)
        frames = web.WebSocketResponse(autoping=False, timeout=0.2)
        await frames.prepare(request)
        socket = Socket(self.slack.serial("S"), frames, request.transport)
        if len(self.open) >= MOST:
            await self._say_goodbye(socket, "too_many_websockets")
            return frames
        await frames.send_json(self._hello())
        self._join(socket)
        pinging = asyncio.create_task(self._ping(socket))
        try:
            await self._listen(socket)
        finally:
            pinging.cancel()
            self._leave(socket)
        return frames

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self.open) + 1,
            "debug_info": {"host": "simulator", "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": APP},
        }

    def _join(self, socket: Socket) -> None:
        self.open.append(socket)
        self.accepted += 1
        self.any_open.set()
        self.slack.feed.publish("socket", action="opened", socket=socket.id, open=len(self.open))

    def _leave(self, socket: Socket) -> None:
        if socket not in self.open:
            return
        self.open.remove(socket)
        if not self.open:
            self.any_open.clear()
        self.slack.feed.publish("socket", action="closed", socket=socket.id, open=len(self.open))

    async def _listen(self, socket: Socket) -> None:
        async for frame in socket.frames:
            if socket.silent:
                continue
            if frame.type is WSMsgType.PING:
                with suppress(ConnectionError):
                    await socket.frames.pong(frame.data)
            elif frame.type is WSMsgType.TEXT:
                self._read(socket, frame.data)

    def _read(self, socket: Socket, text: str) -> None:
        try:
            frame = json.loads(text)
            envelope, payload = str(frame["envelope_id"]), frame.get("payload")
        except (ValueError, KeyError, TypeError):
            self.slack.complaints.append(f"unreadable frame: {text[:200]}")
            return
        self.acked(envelope, socket, payload or None)

    async def _ping(self, socket: Socket) -> None:
        with suppress(ConnectionError):
            while not socket.frames.closed:
                await asyncio.sleep(self.slack.settings.ping_seconds)
                if not socket.silent:
                    await socket.frames.ping(b"Ping from simulator")

    async def send(self, frame: dict[str, Any]) -> Socket | None:
        """Sends to one arbitrary open socket; None if there is none."""
        if not self.open:
            return None
        socket = self.slack.dice.choice(self.open)
        if not socket.silent:
            try:
                await socket.frames.send_json(frame)
            except ConnectionError:
                self._leave(socket)
                return None
        return socket

    async def act(self, action: str, *, seconds: float = 0.0, times: int = 1) -> None:
        """Does something to every open socket, or to those that are still to come."""
        match action:
            case "warn" | "refresh" | "link_disabled":
                self.link_disabled = self.link_disabled or action == "link_disabled"
                for socket in list(self.open):
                    self._start(self._retire(socket, action))
            case "drop":
                for socket in list(self.open):
                    if socket.transport is not None:
                        socket.transport.abort()
                    self._leave(socket)
            case "silent":
                for socket in self.open:
                    socket.silent = True
            case "slow_open":
                self.opening_delay = seconds
            case "reject":
                self.rejecting = times
            case "restore":
                self.link_disabled, self.rejecting, self.opening_delay = False, 0, 0.0
            case _:
                raise ValueError(f"unknown socket action: {action}")

    async def _retire(self, socket: Socket, action: str) -> None:
        if action == "warn":
            with suppress(ConnectionError):
                await socket.frames.send_json(_disconnect("warning"))
            await asyncio.sleep(self.slack.settings.warn_seconds * self.slack.settings.time_scale)
            await self._close(socket)
        else:
            await self._say_goodbye(socket, "refresh_requested" if action == "refresh" else action)

    async def _say_goodbye(self, socket: Socket, reason: str) -> None:
        with suppress(ConnectionError):
            await socket.frames.send_json(_disconnect(reason))
        await self._close(socket)

    async def _close(self, socket: Socket) -> None:
        self._leave(socket)
        await socket.frames.close()

    def _start(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cuts every connection, at shutdown."""
        for task in list(self._tasks):
            task.cancel()
        await self.act("drop")


def _disconnect(reason: str) -> dict[str, Any]:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "simulator"}}
