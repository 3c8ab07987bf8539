"""The buttons that break things: a flood, a cut stream, kill -9, an outage; each is on the board from press to end."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from simulators.coze import control as coze
from simulators.demo.board import Board
from simulators.demo.service import Service
from simulators.demo.stage import Stage
from simulators.demo.traces import Traces

SECONDS = {"flood": 30.0, "down": 20.0}
LONGEST = 60.0
CUT_SECONDS = 120.0
"""A cut stream is taken up again long before."""
MOST_BREAKS = 30


class NotNow(Exception):
    """Why this cannot be broken now, as one of the page's words."""


@dataclass(slots=True, kw_only=True)
class Break:
    """One press of a button."""

    name: str
    at: float
    platform: str
    room: str
    until: float | None
    """When it will be over; None if that is not known beforehand."""
    ended: float | None = None
    starts: int = 0
    """How often the bridge had been started before."""


class Breaks:
    """What was broken, and what is broken now."""

    def __init__(self, board: Board, scene: Stage, service: Service, traces: Traces) -> None:
        self._board, self._scene, self._service, self._traces = board, scene, service, traces
        self._active: dict[str, tuple[str, Break]] = {}
        self._count = 0

    def press(self, name: str, place: Mapping[str, Any], now: float) -> None:
        """Breaks it. `place` may name `platform` and `room` of a flood, and `seconds`. Raises NotNow and ValueError."""
        if name in self._active:
            raise NotNow("active")
        seconds = min(max(float(place.get("seconds") or SECONDS.get(name, 0.0)), 1.0), LONGEST)
        platform, room = str(place.get("platform", "")), str(place.get("room", ""))
        made = Break(name=name, at=now, platform=platform, room=room, until=None, starts=self._service.starts)
        if name in ("cut", "down") and self._scene.coze is None:
            raise NotNow("no_simulator")
        match name:
            case "flood":
                self._flood(platform, room, seconds)
                made.until = now + seconds
            case "cut":
                if self._scene.coze and not coze.cut(self._scene.coze.world):
                    raise NotNow("no_stream")
            case "kill":
                if not self._service.kill():
                    raise NotNow("no_bridge")
            case "down":
                if self._scene.coze:
                    self._scene.coze.down(seconds)
                made.until = now + seconds
            case _:
                raise ValueError(f"nothing is called {name}")
        self._count += 1
        key = f"break/{self._count}"
        self._active[name] = (key, made)
        self._board.put(key, "break", **asdict(made))
        self._board.forget([f"break/{self._count - MOST_BREAKS}"])

    def _flood(self, platform: str, room: str, seconds: float) -> None:
        chat = room.partition("/")[0]
        if platform == "telegram" and int(chat) in self._scene.telegram.world.chats:
            self._scene.telegram.flood(int(chat), seconds, told=False)
        elif platform == "slack" and chat in self._scene.slack.workspace.channels:
            self._scene.slack.flood(chat, seconds)
        else:
            raise ValueError("no such chat")

    def tick(self, now: float) -> None:
        """Notices what is over; called a few times a second."""
        for name, (key, made) in list(self._active.items()):
            if self._is_over(made, now):
                made.ended = made.until or now
                del self._active[name]
                self._board.put(key, "break", **asdict(made))

    def _is_over(self, made: Break, now: float) -> bool:
        if made.until is not None:
            return now >= made.until
        if made.name == "kill":
            return self._service.is_ready and self._service.starts > made.starts
        hit = [trace for trace in self._traces.running() if trace.at < made.at]
        return not hit or now - made.at > CUT_SECONDS
