"""What the three simulators share: a served aiohttp application, faults on demand, and a feed of what happened."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from email.utils import formatdate
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
STREAMS = ("/v3/chat", "/v1/workflows/chat")
"""Beginnings of the methods of which `Fault.after` counts the deltas."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One thing that shall go wrong, for the next `times` calls that match."""

    kind: str
    """What happens; each simulator documents its kinds."""
    method: str = "*"
    """API method (Telegram `sendMessage`, Slack `chat.update`, Coze `/v3/chat`), or `*` for any."""
    chat: str = "*"
    """Chat, channel or conversation that it concerns, or `*` for any."""
    times: int = 1
    """How many matching calls it still hits; -1 for all of them until it is cleared."""
    after: int = 0
    """How many matching calls go through unharmed first (for Coze streams: how many deltas)."""
    seconds: float = 0.0
    """Length of a penalty, a hang or a stall."""
    value: str = ""
    """Free parameter of the kind, such as an error code."""


@dataclass(slots=True)
class Faults:
    """The faults that wait for their call."""

    waiting: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        self.waiting.append(fault)

    def clear(self) -> None:
        self.waiting.clear()

    def take(self, method: str, chat: str = "*") -> Fault | None:
        """The first fault that hits this call, used up by one; None if the call goes through."""
        for fault in self.waiting:
            if fault.method not in ("*", method) or fault.chat not in ("*", chat):
                continue
            if fault.after > 0 and not fault.method.startswith(STREAMS):
                fault.after -= 1
                continue
            if fault.times > 0:
                fault.times -= 1
                if fault.times == 0:
                    self.waiting.remove(fault)
            return fault
        return None


@dataclass(slots=True)
class Feed:
    """A list of events that grows, and everybody who listens to it (the demo page, a test)."""

    events: list[dict[str, Any]] = field(default_factory=list)
    keep: int = 0
    """How many of the newest events are kept at least; 0 keeps them all."""
    _last: int = 0
    """The number of the newest event."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def publish(self, kind: str, **data: Any) -> None:
        """Appends one event, stamped with the wall clock in seconds and a sequence number from 1."""
        self._last += 1
        self.events.append({"seq": self._last, "at": time.time(), "kind": kind, **data})
        if self.keep and len(self.events) >= 2 * self.keep:
            del self.events[: -self.keep]
        self._changed.set()
        self._changed = asyncio.Event()

    async def follow(self, after: int = 0) -> AsyncIterator[dict[str, Any]]:
        """Every event kept with a sequence number above `after`, those to come included; never ends by itself."""
        while True:
            changed = self._changed
            while after < self._last:
                event = self.events[max(0, after + 1 - self.events[0]["seq"])]
                after = event["seq"]
                yield event
            await changed.wait()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """`GET /control/events?after=N`: the feed as server-sent events."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        with suppress(ConnectionResetError):
            async for event in self.follow(int(request.query.get("after", "0"))):
                await response.write(f"id: {event['seq']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode())
        return response


def fault_routes(faults: Faults) -> list[web.RouteDef]:
    """`GET/POST/DELETE /control/faults`: list, add (a Fault as JSON) and clear."""

    async def show(_request: web.Request) -> web.Response:
        return web.json_response([asdict(fault) for fault in faults.waiting])

    async def add(request: web.Request) -> web.Response:
        faults.add(Fault(**await request.json()))
        return web.json_response({"ok": True})

    async def clear(_request: web.Request) -> web.Response:
        faults.clear()
        return web.json_response({"ok": True})

    path = "/control/faults"
    return [web.get(path, show), web.post(path, add), web.delete(path, clear)]


class Served:
    """An aiohttp application listening on loopback; `async with Served(app) as served: served.url`.

    Its clock, as the `Date` of every answer tells it, is `ahead` of the machine's by so many seconds.
    """

    def __init__(self, app: web.Application, *, port: int = 0, ahead: float = 0.0) -> None:
        self.ahead = ahead
        app.on_response_prepare.append(self._date)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        self._port = port
        self.url = ""

    async def __aenter__(self) -> "Served":
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def _date(self, _request: web.Request, response: web.StreamResponse) -> None:
        if self.ahead:
            response.headers["Date"] = formatdate(time.time() + self.ahead, usegmt=True)

    async def __aexit__(self, *_exc: object) -> None:
        await self._runner.cleanup()
