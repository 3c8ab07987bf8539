"""What the app is told: every event, button press and command, with its attempts and its acknowledgement."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from simulators.slack import events, webhooks
from simulators.slack.sockets import Socket, Sockets
from simulators.slack.state import Workspace


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One thing that the app has to acknowledge."""

    id: str
    kind: str
    """`events_api`, `interactive` or `slash_commands`."""
    payload: dict[str, Any]
    at: float
    attempts: list[dict[str, Any]] = field(default_factory=list)
    outcome: str = "pending"
    """`held`, `pending`, `acked`, `lost`, or for people in a hurry `dispatch_failed` or `operation_timeout`."""
    response: dict[str, Any] | None = None
    acked: asyncio.Event = field(default_factory=asyncio.Event)
    sockets: set[str] = field(default_factory=set)
    """The sockets that carried it."""

    @property
    def event(self) -> dict[str, Any]:
        """The inner event, empty for presses and commands."""
        inner = self.payload.get("event")
        return inner if isinstance(inner, dict) else {}

    def show(self) -> dict[str, Any]:
        names = ("id", "kind", "payload", "at", "attempts", "outcome", "response")
        return {name: getattr(self, name) for name in names}


@dataclass(slots=True)
class Deliveries:
    """All deliveries so far, and those under way."""

    slack: Workspace
    sockets: Sockets
    secret: str
    answered: Callable[[Delivery], None] = lambda _delivery: None
    """Called when an acknowledgement carries a message."""
    log: list[Delivery] = field(default_factory=list)
    duplicates: int = 0
    """How many of the next events are delivered twice."""
    _held: list[Delivery] | None = None
    _envelopes: dict[str, Delivery] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _session: aiohttp.ClientSession | None = None
    _last_place: str = ""

    def emit(self, event: dict[str, Any], *, always: bool = False) -> None:
        """Delivers an event if the app has subscribed to it."""
        if not always and events.subscription(event) not in self.slack.settings.subscriptions:
            return
        place = f"{event.get('channel')}/{event.get('ts')}"
        twin = "ts" in event and place == self._last_place
        pause = self.slack.dice.uniform(0, self.slack.settings.twin_gap) if twin else 0.0
        self._last_place = place
        payload = events.envelope(self.slack, event)
        self.send("events_api", payload, pause=pause)
        if self.duplicates > 0:
            self.duplicates -= 1
            self.send("events_api", payload, pause=pause)

    def send(self, kind: str, payload: dict[str, Any], *, pause: float = 0.0) -> Delivery:
        """Starts a delivery, or keeps it while deliveries are held."""
        delivery = Delivery(id=self.slack.serial("delivery-"), kind=kind, payload=payload, at=self.slack.clock())
        self.log.append(delivery)
        if self._held is not None:
            delivery.outcome = "held"
            self._held.append(delivery)
        else:
            self._start(delivery, pause)
        return delivery

    def again(self, delivery: Delivery) -> Delivery:
        """Delivers the same payload once more."""
        return self.send(delivery.kind, delivery.payload)

    def hold(self) -> None:
        """Keeps everything back until `release`."""
        self._held = self._held if self._held is not None else []

    def release(self, order: str = "same") -> None:
        """Lets go what was kept back: in the `same` order, in `reverse`, or `shuffle`d."""
        held, self._held = self._held or [], None
        if order == "reverse":
            held.reverse()
        elif order == "shuffle":
            self.slack.dice.shuffle(held)
        elif order != "same":
            raise ValueError(f"unknown order: {order}")
        for place, delivery in enumerate(held):
            delivery.outcome = "pending"
            self._start(delivery, place * 0.01)

    def acknowledge(self, envelope: str, socket: Socket, payload: dict[str, Any] | None) -> None:
        """An acknowledgement came in over a socket."""
        delivery = self._envelopes.get(envelope)
        if delivery is None:
            self.slack.complaints.append(f"acknowledged an unknown envelope: {envelope}")
            return
        if self.slack.settings.same_socket_acks and socket.id not in delivery.sockets:
            self.slack.complaints.append(f"acknowledged over another socket: {envelope}")
            return
        if payload and delivery.kind == "events_api":
            self.slack.complaints.append(f"acknowledged an event with a payload: {envelope}")
        if not delivery.acked.is_set():
            delivery.response = payload
            delivery.acked.set()

    async def verify(self) -> bool:
        """Sends `url_verification`; True if the app echoes the challenge."""
        challenge = self.slack.serial("challenge-")
        body = {"token": "verification-token", "challenge": challenge, "type": "url_verification"}
        reply = await self._post(webhooks.encode("events_api", body))
        return not reply.failure and challenge in reply.body

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _start(self, delivery: Delivery, pause: float) -> None:
        task = asyncio.create_task(self._deliver(delivery, pause))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery, pause: float) -> None:
        if pause:
            await asyncio.sleep(pause)
        settings = self.slack.settings
        delays = [delay * settings.time_scale for delay in settings.retry_delays]
        reason = ""
        for retry, delay in enumerate([0.0, *delays] if delivery.kind == "events_api" else [0.0]):
            await asyncio.sleep(delay)
            if delivery.acked.is_set():
                break
            reason, final = await self._attempt(delivery, retry, reason)
            if not reason or final:
                break
        if delivery.acked.is_set():
            self._settle(delivery, "acked")
        else:
            hurry = {"dispatch_failed": "dispatch_failed"}.get(reason, "operation_timeout")
            self._settle(delivery, "lost" if delivery.kind == "events_api" else hurry)

    async def _attempt(self, delivery: Delivery, retry: int, reason: str) -> tuple[str, bool]:
        """Tries once; the reason of the failure, and whether there is no point in another try."""
        began = self.slack.clock()
        attempt: dict[str, Any] = {"at": began, "retry": retry, "reason": reason}
        delivery.attempts.append(attempt)
        if self.slack.settings.request_url:
            content = webhooks.encode(delivery.kind, delivery.payload)
            reply = await self._post(content, (retry, reason))
            attempt |= {"transport": "http", "status": reply.status, "failure": reply.failure}
            failure, final = reply.failure, reply.no_retry
            if not failure:
                delivery.response = reply.payload() if delivery.kind != "events_api" else None
                delivery.acked.set()
        else:
            failure, final = await self._by_socket(delivery, retry, reason), False
            attempt |= {"transport": "socket", "failure": failure}
        attempt["seconds"] = self.slack.clock() - began
        self.slack.feed.publish("delivery", delivery=delivery.show())
        return failure, final

    async def _by_socket(self, delivery: Delivery, retry: int, reason: str) -> str:
        envelope = self.slack.serial("envelope-")
        self._envelopes[envelope] = delivery
        frame: dict[str, Any] = {
            "envelope_id": envelope,
            "type": delivery.kind,
            "payload": delivery.payload,
            "accepts_response_payload": delivery.kind != "events_api",
        }
        if delivery.kind == "events_api":
            frame |= {"retry_attempt": retry, "retry_reason": reason}
        while (socket := await self.sockets.send(frame)) is None:
            if delivery.kind != "events_api":
                return "dispatch_failed"
            await self.sockets.any_open.wait()
        delivery.sockets.add(socket.id)
        try:
            async with asyncio.timeout(self.slack.settings.ack_seconds):
                await delivery.acked.wait()
        except TimeoutError:
            return "timeout"
        return ""

    async def _post(self, content: tuple[bytes, str], retry: tuple[int, str] = (0, "")) -> webhooks.Reply:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        settings, now = self.slack.settings, self.slack.clock()
        return await webhooks.post(self._session, settings, self.secret, content, now=now, retry=retry)

    def _settle(self, delivery: Delivery, outcome: str) -> None:
        delivery.outcome = outcome
        if delivery.response:
            self.answered(delivery)
        self.slack.feed.publish("delivery", delivery=delivery.show())
