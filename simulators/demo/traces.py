"""What the plot of the demo page is drawn from: for each answer what Coze had said, what was visible, and the calls.

All of it comes from the records of the simulators. A trace goes to the page as many small items: its head, points
(moment, characters said, characters visible) and calls, each sent once.
"""

from dataclasses import dataclass, field
from typing import Any

from simulators.coze.state import Chat
from simulators.demo import measure
from simulators.demo.board import Board, Event, Item
from simulators.demo.looks import words
from simulators.demo.stage import Stage

MOST_TRACES = 8
MOST_POINTS, MOST_CALLS = 1200, 600
"""Of one trace; beyond that the last one is replaced."""
QUIET_SECONDS = 10.0
"""A real bot's answer counts as shown when nothing of it changed for so long."""
FORLORN_SECONDS = 60.0
"""The same for one that differs from what Coze said, or that never came."""
COMMANDS = ("/", "!")


@dataclass(slots=True, kw_only=True)
class Trace:
    """One question and its answer."""

    number: int
    platform: str
    room: str
    thread: str
    asked: str
    """Id of the message with the question."""
    person: str
    question: str
    at: float
    chat: Chat | None = None
    """What Coze makes of it; None until it is asked, and always with a real bot."""
    pieces: int = 0
    """How many pieces of the chat's text are counted in `said`."""
    said: int = 0
    seen: int = 0
    shown: dict[str, str] = field(default_factory=dict)
    """The bot's messages by their keys, in the order of their appearance."""
    outcome: str = "running"
    changed: float = 0.0
    ended: float | None = None
    points: int = 0
    calls: int = 0

    @property
    def running(self) -> bool:
        return self.outcome == "running"


class Traces:
    """The newest answers, brought to the board."""

    def __init__(self, board: Board, scene: Stage) -> None:
        self._board, self._scene = board, scene
        self.newest: list[Trace] = []
        self._count = 0
        self._commands: dict[tuple[str, str], int] = {}
        """Commands whose reply is still to come, by platform and room."""
        self._waits: dict[str, int] = {}
        """What Slack's last refusal of a method said."""
        self._heads: dict[int, dict[str, Any]] = {}
        """What the page was last told of each."""
        cast = scene.cast()
        self._private = {
            (name, room["id"])
            for name in ("telegram", "slack")
            for room in cast[name]["rooms"]
            if room["kind"] == "private"
        }
        self._names = {name: f"@{cast[name]['bot']}" for name in ("telegram", "slack")}

    def running(self) -> list[Trace]:
        """The answers that are not whole yet."""
        return [trace for trace in self.newest if trace.running]

    # ---- what people and the bot write

    def wrote(self, item: Item, at: float) -> None:
        """A message of either platform is new or has changed."""
        if not item["bot"]:
            if not item["edited"]:
                self._asked(item, at)
            return
        if item.get("only_for"):
            return  # Slack's answer to a slash command
        trace = self._owner(item["message"]) or self._meant(item)
        if trace is None:
            return
        trace.shown[item["message"]] = words(item)
        trace.changed = at
        if trace.outcome == "shown":
            trace.outcome, trace.ended = "running", None  # it was only a pause
        self._look(trace, at)
        self._head(trace)

    def gone(self, message: str) -> None:
        """A message was deleted."""
        if trace := self._owner(message):
            del trace.shown[message]
            self._look(trace, trace.changed)
            self._head(trace)

    def _asked(self, item: Item, at: float) -> None:
        room, text, name = (item["platform"], item["room"]), words(item), self._names[item["platform"]]
        command = text.replace(name, "").strip().lower()
        if command.startswith(COMMANDS):
            if command[1:].startswith("retry"):
                before = next((t for t in reversed(self.newest) if (t.platform, t.room) == room), None)
                if before is not None:
                    self._open(item, before.question, at)
                    return
            self._commands[room] = self._commands.get(room, 0) + 1
            return
        thread_known = bool(item["thread"]) and any(t.thread == item["thread"] for t in self.newest)
        to_bot = (item["reply"] or {}).get("name") == "Coze" if item["platform"] == "telegram" else "<@UBOT>" in text
        if room in self._private or name in text or to_bot or thread_known:
            self._open(item, text.replace(name, "").replace("<@UBOT>", "").strip(), at)

    def _open(self, item: Item, question: str, at: float) -> None:
        self._count += 1
        trace = Trace(
            number=self._count,
            platform=item["platform"],
            room=item["room"],
            thread=(item["thread"] or item["id"]) if item["platform"] == "slack" else "",
            asked=item["id"],
            person=item["author"]["id"],
            question=question,
            at=at,
            changed=at,
        )
        self.newest.append(trace)
        self._head(trace)
        self._point(trace, at)
        finished = [trace for trace in self.newest if not trace.running]
        if len(self.newest) > MOST_TRACES and finished:
            self._drop(finished[0])

    def _drop(self, trace: Trace) -> None:
        self.newest.remove(trace)
        number = trace.number
        del self._heads[number]
        self._board.forget([f"trace/{number}", *(f"point/{number}/{n}" for n in range(1, trace.points + 1))])
        self._board.forget(f"call/{number}/{n}" for n in range(1, trace.calls + 1))

    def _owner(self, message: str) -> Trace | None:
        return next((trace for trace in reversed(self.newest) if message in trace.shown), None)

    def _in(self, platform: str, room: str, thread: str = "") -> list[Trace]:
        """The traces of a place, those first that still run, the oldest of them first; then the newest."""
        here = [t for t in self.newest if (t.platform, t.room) == (platform, room) and thread in ("", t.thread)]
        return [t for t in here if t.running] + [t for t in reversed(here) if not t.running]

    def _meant(self, item: Item) -> Trace | None:
        """The trace that a new message of the bot belongs to; None for the reply to a command."""
        here = self._in(item["platform"], item["room"], item["thread"])
        if reply := item.get("reply"):
            return next((trace for trace in here if trace.asked == reply["id"]), None)
        trace = next((trace for trace in here if trace.running), None)
        room = (item["platform"], item["room"])
        if self._commands.get(room) and not (trace and trace.chat and measure.is_part(words(item), trace.chat.text)):
            self._commands[room] -= 1
            return None
        return trace

    # ---- what Coze says

    def coze(self, event: Event) -> None:
        """Coze begins to answer: finds the question that it was asked."""
        if event["kind"] != "chat" or self._scene.coze is None:
            return
        chat = next((chat for chat in reversed(self._scene.coze.chats) if chat.id == event["chat"]), None)
        wanted = measure.letters(event["question"])
        asked = [trace for trace in self.running() if measure.letters(trace.question) == wanted]
        if chat is None or not asked:
            return
        again = [t for t in asked if t.chat is not None and t.chat.conversation_id == chat.conversation_id]
        trace = next(iter(again or [t for t in asked if t.chat is None] or asked))
        trace.chat, trace.pieces, trace.said = chat, 0, 0

    def tick(self, now: float) -> None:
        """Counts what Coze has said meanwhile, and notices the ends; called a few times a second."""
        for trace in self.running():
            if chat := trace.chat:
                new = chat.said[trace.pieces :]
                trace.pieces += len(new)
                if new:
                    trace.said += sum(map(len, new))
                    self._point(trace, now)
            trace.outcome = self._outcome(trace, now)
            if not trace.running:
                trace.ended = max(trace.changed, trace.at)
                self._look(trace, trace.ended)
                self._head(trace)

    def _look(self, trace: Trace, at: float) -> None:
        """Counts what is visible now."""
        shown = list(trace.shown.values())
        self._untangle(trace, shown)
        if trace.chat is None:
            seen = sum(len(text) for text in shown if not measure.is_notice(text)) if self._scene.coze is None else 0
        else:
            trace.said = sum(map(len, trace.chat.said))
            trace.pieces = len(trace.chat.said)
            seen = measure.reach(shown, trace.chat.text)
        if seen != trace.seen or trace.points < 2:
            trace.seen = seen
            self._point(trace, at)

    def _untangle(self, trace: Trace, shown: list[str]) -> None:
        """Two who ask the same at the same moment may be mistaken for each other, until one is ahead of its Coze."""
        if trace.chat is None or not measure.is_ahead(shown, trace.chat.text):
            return
        for twin in self.running():
            if twin is not trace and twin.question == trace.question and twin.chat is not None:
                trace.chat, twin.chat = twin.chat, trace.chat
                twin.pieces = twin.said = 0
                return

    def _outcome(self, trace: Trace, now: float) -> str:
        """How it ended: `whole`, `stopped`, `told` (a sentence instead), `shown` (a real bot's), or `running`."""
        shown, quiet = list(trace.shown.values()), now - trace.changed
        last = shown[-1] if shown else ""
        if measure.is_refusal(last):
            return "told"
        if measure.is_stopped(last):
            return "stopped"
        if self._scene.coze is None:
            return "shown" if shown and quiet > QUIET_SECONDS and not measure.is_notice(last) else "running"
        chat = trace.chat
        if chat is not None and chat.generated and shown:
            if chat.status == "completed" and measure.is_whole(shown, chat.text):
                return "whole"
            if quiet > FORLORN_SECONDS and now - (chat.deltas[-1] if chat.deltas else 0.0) > FORLORN_SECONDS:
                return "differs"
        return "silent" if chat is None and not shown and quiet > 4 * FORLORN_SECONDS else "running"

    # ---- the calls of the bridge

    def telegram_call(self, event: Event) -> None:
        """A call of the Bot API was answered."""
        verb = measure.VERBS.get(event["method"])
        if verb is None:
            return
        thread = event["message_thread_id"]
        room = f"{event['chat']}/{thread}" if f"{event['chat']}/{thread}" in self._topics() else str(event["chat"])
        owner = self._owner(f"telegram/{event['chat']}/{event['message_id']}")
        replied = str((event["reply_parameters"] or {}).get("message_id", ""))
        here = self._in("telegram", room)
        named = next((trace for trace in here if trace.asked == replied), None)
        status = {200: "ok", 429: "429"}.get(event["status"], "refused")
        if "is not modified" in event["description"]:
            status = "ok"  # it stands there already
        self._call(owner or named or next(iter(here), None), event["at"], verb, status, event["retry_after"])

    def _topics(self) -> set[str]:
        return {f"{chat.id}/{thread}" for chat in self._scene.telegram.world.chats.values() for thread in chat.topics}

    def slack_call(self, event: Event) -> None:
        """A call of the Web API was answered, or is about to be refused."""
        if event["kind"] == "429":
            self._waits[event["method"]] = event["retry_after"]
            return
        verb = measure.VERBS.get(event["method"])
        if verb is None:
            return
        args, room = event["args"], event["channel"]
        owner = self._owner(f"slack/{room}/{args.get('ts')}")
        here = self._in("slack", room, str(args.get("thread_ts") or ""))
        status = {"ok": "ok", "ratelimited": "429"}.get(event["outcome"], "refused")
        wait = self._waits.pop(event["method"], 0) if status == "429" else 0
        self._call(owner or next(iter(here), None), event["at"], verb, status, wait)

    def _call(self, trace: Trace | None, at: float, verb: str, status: str, wait: int) -> None:
        if trace is None:
            return
        trace.calls = min(trace.calls + 1, MOST_CALLS)
        key = f"call/{trace.number}/{trace.calls}"
        self._board.put(key, "call", trace=trace.number, at=round(at, 3), verb=verb, status=status, wait=wait)

    # ---- what the page gets

    def _point(self, trace: Trace, at: float) -> None:
        trace.points = min(trace.points + 1, MOST_POINTS)
        key = f"point/{trace.number}/{trace.points}"
        self._board.put(key, "point", trace=trace.number, at=round(at, 3), said=trace.said, seen=trace.seen)

    def _head(self, trace: Trace) -> None:
        fields: dict[str, Any] = {
            "number": trace.number,
            "platform": trace.platform,
            "room": trace.room,
            "thread": trace.thread,
            "person": trace.person,
            "question": trace.question[:120],
            "at": trace.at,
            "last": list(trace.shown)[-1] if trace.shown else "",
            "outcome": trace.outcome,
            "ended": trace.ended,
        }
        if self._heads.get(trace.number) != fields:
            self._heads[trace.number] = fields
            self._board.put(f"trace/{trace.number}", "trace", **fields)
