"""What the bot has still to be told, and `getUpdates`: offsets, long polls, and who loses when two poll at once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulators.telegram.errors import ApiError, conflict
from simulators.telegram.model import Clock
from simulators.telegram.params import Json, Params

LONGEST_POLL = 50
OPT_IN = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
LIFETIMES = {"callback_query": 150.0, "inline_query": 30.0, "chosen_inline_result": 600.0}
DAY = 86_400.0
BATCHING = 0.002
"""A waiting poll is answered so many seconds after the first update, so that its companions come along."""
CONFLICT_PAUSE = 3.0
TWO_POLLERS = "terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_IS_SET = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"


@dataclass(slots=True, eq=False)
class Pending:
    """An update that is not confirmed yet."""

    update: Json
    queue: str
    """Updates of one queue reach a webhook one after the other."""
    expires: float
    stubborn: bool = False
    """Survives confirmation until it was delivered once: a duplicate, or one that another overtook."""

    @property
    def id(self) -> int:
        return int(self.update["update_id"])


class Updates:
    """The queue of updates; `arrived` is told whenever something can be delivered."""

    def __init__(self, clock: Clock, publish: Callable[..., None]) -> None:
        self.pending: list[Pending] = []
        self.sent: dict[int, Pending] = {}
        """Every update that ever was, by its id."""
        self.allowed: list[str] = []
        self.next_update_id = 700_000_001
        self.holding = False
        self.arrived: list[Callable[[], None]] = [self._wake_poll]
        self.damping = True
        """Hurried polls with an unchanged offset are slowed down, as the real server does."""
        self._clock = clock
        self._publish = publish
        self._held: list[Pending] = []
        self._overtaken: Pending | None = None
        self._swap = False
        self._poll: asyncio.Future[str] | None = None
        self._conflict_quiet_until = 0.0
        self._last_offset: int | None = None
        self._last_poll_at = 0.0

    def add(self, kind: str, payload: Json) -> int | None:
        """A new update; None if the bot did not ask for its kind."""
        wanted = kind in self.allowed if self.allowed else kind not in OPT_IN
        return self.inject({kind: payload}) if wanted else None

    def inject(self, update: Json) -> int:
        """Any update at all; without `update_id` it gets the next one."""
        update = {"update_id": self.next_update_id, **update}
        number = int(update["update_id"])
        self.next_update_id = max(self.next_update_id, number + 1)
        kind = next((key for key in update if key != "update_id"), "")
        lifetime = LIFETIMES.get(kind, DAY)
        pending = Pending(update, _queue(kind, update.get(kind)), self._clock.now() + lifetime)
        self.sent[number] = pending
        self._publish("update", update=update)
        self._enqueue(pending)
        return number

    def duplicate(self, update_id: int | None = None) -> int:
        """Delivers an update once more under its old id; the newest if none is named."""
        if not self.sent:
            raise LookupError("there was no update yet")
        number = max(self.sent) if update_id is None else update_id
        if number not in self.sent:
            raise LookupError(f"no update {number}")
        old = self.sent[number]
        self._enqueue(Pending(old.update, old.queue, self._clock.now() + DAY, stubborn=True))
        return number

    def swap_next(self) -> None:
        """The next two updates are delivered in the wrong order; the first waits for the second."""
        self._swap = True

    def hold(self) -> None:
        """Nothing is delivered until `release`."""
        self.holding = True
        self._held, self.pending = self.pending, []

    def release(self) -> None:
        self.holding = False
        self.pending, self._held = self._held, []
        self._announce()

    def _enqueue(self, pending: Pending) -> None:
        if self._swap and self._overtaken is None:
            pending.stubborn = True
            self._overtaken = pending
            return
        arrivals = [pending]
        if self._overtaken is not None:
            arrivals.append(self._overtaken)
            self._overtaken, self._swap = None, False
        (self._held if self.holding else self.pending).extend(arrivals)
        self._announce()

    def _announce(self) -> None:
        for tell in self.arrived:
            tell()

    def drop_expired(self) -> None:
        now = self._clock.now()
        self.pending[:] = [one for one in self.pending if one.expires > now]

    def clear(self) -> None:
        self.pending.clear()
        self._held.clear()

    def done(self, delivered: Pending) -> None:
        """Forgets an update that a webhook accepted."""
        for queue in (self.pending, self._held):
            if delivered in queue:
                queue.remove(delivered)

    def confirm(self, offset: int) -> None:
        """Forgets what the offset of an arriving `getUpdates` says was received."""
        if offset > 0:
            self.pending[:] = [one for one in self.pending if one.stubborn or one.id >= offset]
        elif offset < 0:
            self.pending[:] = self.pending[offset:]

    def take(self, limit: int) -> list[Json]:
        self.drop_expired()
        batch = self.pending[:limit]
        for one in batch:
            one.stubborn = False
        return [one.update for one in batch]

    def _wake_poll(self) -> None:
        if self.pending:
            self.end_poll("")

    def end_poll(self, reason: str) -> None:
        """Answers the long poll that waits: with a conflict if there is a reason, else with what there is."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(reason)

    async def fetch(self, params: Params, *, webhook: bool) -> list[Json]:
        """`getUpdates`."""
        if webhook:
            raise await self._conflict(WEBHOOK_IS_SET)
        if "allowed_updates" in params.values:
            self.allowed = [str(kind) for kind in params.items("allowed_updates", "allowed_updates")]
        offset = params.integer("offset")
        limit = params.integer("limit", 100)
        limit = limit if 1 <= limit <= 100 else 100
        patience = min(max(params.integer("timeout"), 0), LONGEST_POLL)
        self.end_poll(TWO_POLLERS)
        self.confirm(offset)
        limit, patience = self._damped(offset, limit, patience)
        batch = self.take(limit)
        if batch or not patience:
            return batch
        await self._wait(patience)
        return self.take(limit)

    def _damped(self, offset: int, limit: int, patience: int) -> tuple[int, int]:
        now = asyncio.get_running_loop().time()
        if self.damping and offset == self._last_offset:
            patience = 3 if patience < 3 and now < self._last_poll_at + 3.0 else patience
            limit = 1 if now < self._last_poll_at + 0.5 else limit
        self._last_offset, self._last_poll_at = offset, now
        return limit, patience

    async def _wait(self, patience: int) -> None:
        poll: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._poll = poll
        await asyncio.wait([poll], timeout=patience)
        if self._poll is poll and poll.done():
            await asyncio.sleep(BATCHING)
        if self._poll is poll:
            self._poll = None
        if poll.done() and poll.result():
            raise await self._conflict(poll.result())

    async def _conflict(self, text: str) -> ApiError:
        """The 409; within 3 s of another one it comes late."""
        now = asyncio.get_running_loop().time()
        if now < self._conflict_quiet_until:
            await asyncio.sleep(CONFLICT_PAUSE)
        else:
            self._conflict_quiet_until = now + CONFLICT_PAUSE
        return conflict(text)


def _queue(kind: str, payload: Any) -> str:
    """Messages queue per chat, callbacks and inline queries per user."""
    if isinstance(payload, dict):
        for field in ("chat", "from", "user"):
            if isinstance(payload.get(field), dict) and "id" in payload[field]:
                return f"{'chat' if field == 'chat' else kind} {payload[field]['id']}"
    return kind
