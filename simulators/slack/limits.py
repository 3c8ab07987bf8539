"""Slack's rate limits: one window per method, a trickle per channel, and penalties; the caller brings the clock."""

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

TIERS = {
    "agents.sessions.rename": 50,
    "agents.sessions.setStatus": 50,
    "apps.connections.open": 50,
    "assistant.threads.setStatus": 600,
    "assistant.threads.setSuggestedPrompts": 100,
    "assistant.threads.setTitle": 100,
    "bots.info": 50,
    "chat.appendStream": 100,
    "chat.delete": 50,
    "chat.postEphemeral": 100,
    "chat.postMessage": 300,
    "chat.startStream": 20,
    "chat.stopStream": 20,
    "chat.update": 50,
    "conversations.history": 50,
    "conversations.info": 50,
    "conversations.members": 100,
    "conversations.open": 50,
    "conversations.replies": 50,
    "files.completeUploadExternal": 100,
    "files.delete": 50,
    "files.getUploadURLExternal": 100,
    "files.info": 100,
    "reactions.add": 50,
    "reactions.remove": 20,
    "team.info": 50,
    "users.info": 100,
    "views.open": 100,
    "views.publish": 100,
    "views.push": 100,
    "views.update": 100,
}
"""Calls per minute that are promised; bursts go a fifth above. `auth.test` is not limited here."""

READERS = ("conversations.history", "conversations.replies")
WRITERS = (
    "assistant.threads.setStatus",
    "chat.appendStream",
    "chat.postMessage",
    "chat.startStream",
    "chat.stopStream",
    "chat.update",
)


@dataclass(slots=True)
class Window:
    """At most `capacity` calls in any 60 seconds."""

    calls: deque[float] = field(default_factory=deque)

    def wait(self, capacity: int, now: float) -> float:
        """Seconds until one more call fits; 0 if it fits now."""
        while self.calls and self.calls[0] <= now - 60:
            self.calls.popleft()
        return 0.0 if len(self.calls) < capacity else self.calls[-capacity] + 60 - now


@dataclass(slots=True)
class Trickle:
    """One call per second with a small store of saved-up calls."""

    saved: float
    at: float

    def wait(self, burst: int, now: float) -> float:
        self.saved = min(float(burst), self.saved + now - self.at)
        self.at = now
        return 0.0 if self.saved >= 1 else 1 - self.saved


@dataclass(slots=True, kw_only=True)
class Limits:
    """All limits of one app in one workspace, and the count of what they refused."""

    enabled: bool = True
    distribution: str = "internal"
    """`internal`, `marketplace`, or `unlisted`, which may read history once a minute."""
    extend: bool = False
    """A call during a penalty starts the penalty anew."""
    fixed: float = 0.0
    """Length of every penalty in seconds; 0 for as long as the bucket needs."""
    channel_burst: int = 4
    tiers: dict[str, int] = field(default_factory=lambda: dict(TIERS))
    refused: Counter[str] = field(default_factory=Counter)
    """429s per method."""
    during_penalty: Counter[str] = field(default_factory=Counter)
    """Those of them that came although an earlier 429 had said how long to wait."""
    _windows: dict[str, Window] = field(default_factory=dict)
    _trickles: dict[str, Trickle] = field(default_factory=dict)
    _penalties: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def check(self, method: str, channel: str, now: float) -> float:
        """Counts this call; 0 if it may pass, else the seconds after which to come again."""
        for key in ((method, "*"), (method, channel)):
            until, length = self._penalties.get(key, (0.0, 0.0))
            if until > now:
                self.during_penalty[method] += 1
                self.refused[method] += 1
                if self.extend:
                    self._penalties[key] = (now + length, length)
                    return length
                return until - now
        if not self.enabled or method not in self.tiers:
            return 0.0
        return self._spend(method, channel, now)

    def _spend(self, method: str, channel: str, now: float) -> float:
        capacity = math.floor(self.tiers[method] * 1.2)
        if self.distribution == "unlisted" and method in READERS:
            capacity = 1
        window = self._windows.setdefault(method, Window())
        if wait := window.wait(capacity, now):
            return self.penalise(method, "*", self.fixed or wait, now)
        if method == "chat.postMessage":
            trickle = self._trickles.setdefault(channel, Trickle(float(self.channel_burst), now))
            if wait := trickle.wait(self.channel_burst, now):
                return self.penalise(method, channel, self.fixed or wait, now)
            trickle.saved -= 1
        window.calls.append(now)
        return 0.0

    def penalise(self, method: str, channel: str, seconds: float, now: float) -> float:
        """Refuses this call and all that follow within `seconds`."""
        self.refused[method] += 1
        self._penalties[method, channel] = (now + seconds, seconds)
        return seconds

    def close(self, channel: str, seconds: float, now: float) -> None:
        """Refuses everything that would show something new in this channel for so long."""
        for method in WRITERS:
            self._penalties[method, channel] = (now + seconds, seconds)

    def change(self, **values: Any) -> None:
        """Sets `enabled`, `distribution`, `extend`, `fixed`, `channel_burst`, or some `tiers`; `reset` forgets."""
        if values.pop("reset", False):
            for memory in (self._windows, self._trickles, self._penalties, self.refused, self.during_penalty):
                memory.clear()
        self.tiers.update(values.pop("tiers", {}))
        if unknown := set(values) - {"enabled", "distribution", "extend", "fixed", "channel_burst"}:
            raise ValueError(f"unknown limits: {', '.join(sorted(unknown))}")
        for name, value in values.items():
            setattr(self, name, value)

    def show(self) -> dict[str, Any]:
        """The limits and their counters as JSON."""
        switches = ("enabled", "distribution", "extend", "fixed", "channel_burst")
        shown = {name: getattr(self, name) for name in switches}
        return {**shown, **{name: dict(getattr(self, name)) for name in ("tiers", "refused", "during_penalty")}}
