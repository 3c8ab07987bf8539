"""What the demo page shows, as items that it gets once each and then again when they change.

Every item has a key; a newer item replaces the one with the same key. Whoever comes late, or again after a lost
connection, gets every item once, and sees the same page as everybody else.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Any

from simulators.demo.looks import slack_message, telegram_message

Item = dict[str, Any]
Event = dict[str, Any]

TYPING_SECONDS = 5.0
"""Telegram shows "typing…" for so long after sendChatAction."""
THINKING_SECONDS = 120.0
LOG_LINES = 200
MOST_MESSAGES = 80
"""Messages of a room that are kept; the page keeps as many."""


class Board:
    """The items, and everybody who watches them."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        """In the order of their last change, which is what `follow` reads them in."""
        self._revision = 0
        self._changed = asyncio.Event()
        self._closed = False
        self._log: list[Item] = []
        self._rooms: dict[tuple[str, str], deque[str]] = {}

    # ---- watching

    def put(self, key: str, kind: str, **fields: Any) -> None:
        """Replaces the item with this key."""
        self._revision += 1
        self._items.pop(key, None)
        self._items[key] = {"key": key, "kind": kind, "revision": self._revision, **fields}
        self._wake()

    def forget(self, keys: Iterable[str]) -> None:
        """Whoever comes from now on does not see these any more."""
        for key in keys:
            self._items.pop(key, None)

    def close(self) -> None:
        """Sends everybody home."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def follow(self, beat_seconds: float = 15.0) -> AsyncIterator[list[Item]]:
        """All items, then those that change, until the board closes; an empty list when nothing happened for long."""
        seen = 0
        while not self._closed:
            changed = self._changed
            newer = self._newer(seen)
            if newer:
                seen = newer[-1]["revision"]
                yield newer
                continue
            try:
                async with asyncio.timeout(beat_seconds):
                    await changed.wait()
            except TimeoutError:
                yield []

    def _newer(self, seen: int) -> list[Item]:
        found = []
        for item in reversed(self._items.values()):
            if item["revision"] <= seen:
                break
            found.append(item)
        return found[::-1]

    # ---- what is on it

    def log(self, level: str, text: str) -> None:
        """Adds a line to the log of the page."""
        self._log = [*self._log[1 - LOG_LINES :], {"at": time.time(), "level": level, "text": text}]
        self.put("log", "log", lines=self._log)

    def telegram(self, event: Event) -> None:
        """Shows what happened in Telegram."""
        match event["kind"]:
            case "message" | "edit" if "forum_topic_created" not in event["message"]:
                self._put_message(telegram_message(event))
            case "delete":
                self._remove(f"telegram/{event['chat']}/{event['message_id']}")
            case "typing":
                room = f"{event['chat']}/{event['thread']}" if event["thread"] else str(event["chat"])
                self._typing("telegram", room, "", event["at"] + TYPING_SECONDS)

    def slack(self, event: Event) -> None:
        """Shows what happened in Slack."""
        match event["kind"]:
            case "message" | "edit" | "reaction":
                self._put_message(slack_message(event), grows=event["kind"] != "reaction")
            case "delete":
                self._remove(f"slack/{event['message']['channel']}/{event['message']['ts']}")
            case "status" if "status" in event:
                until = event["at"] + THINKING_SECONDS if event["status"] else 0.0
                self._typing("slack", event["channel"], event["thread_ts"], until)

    def _put_message(self, message: Item, *, grows: bool = True) -> None:
        key = message["message"]
        known = self._items.get(key, {})
        self.put(key, "message", **message, versions=max(1, known.get("versions", 0) + grows))
        if known:
            return
        if message["bot"]:
            self._typing(message["platform"], message["room"], message["thread"], 0.0)
        keys = self._rooms.setdefault((message["platform"], message["room"]), deque())
        keys.append(key)
        while len(keys) > MOST_MESSAGES:
            self.forget([keys.popleft()])

    def _remove(self, key: str) -> None:
        if before := self._items.get(key):
            fields = {name: value for name, value in before.items() if name not in ("key", "kind", "revision")}
            self.put(key, "message", **(fields | {"deleted": True}))

    def _typing(self, platform: str, room: str, thread: str, until: float) -> None:
        key = f"typing/{platform}/{room}/{thread}"
        if until:
            self.put(key, "typing", platform=platform, room=room, thread=thread, until=until)
        elif key in self._items and self._items[key]["until"]:
            self.put(key, "typing", platform=platform, room=room, thread=thread, until=0.0)
