"""Which message ids a bot has seen lately, chat by chat as Telegram counts them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SUPERGROUPS = -1_000_000_000_000
"""Their ids are below this (Bot API, Chat)."""
MOST_COUNTERS, MOST_SEEN = 1000, 1000
"""How many counters are remembered, and how many messages of each."""


@dataclass(slots=True)
class _Counter:
    newest: int = 0
    seen: dict[int, str] = field(default_factory=dict)
    """And in which chat, if it is ours."""


class Numbers:
    """Each supergroup counts its own messages; private chats and basic groups share one counter, that of the bot."""

    def __init__(self) -> None:
        self._counters: dict[str, _Counter] = {}

    def note(self, chat: str, number: int, *, ours: bool) -> None:
        """A message with that id stands there: one of the bot's, or somebody else's."""
        name = _name(chat)
        counter = self._counters.pop(name) if name in self._counters else _Counter()
        self._counters[name] = counter
        counter.newest = max(counter.newest, number)
        counter.seen[number] = chat if ours else ""
        if len(counter.seen) > MOST_SEEN:
            del counter.seen[next(iter(counter.seen))]
        if len(self._counters) > MOST_COUNTERS:
            del self._counters[next(iter(self._counters))]

    def hear(self, update: Mapping[str, Any]) -> None:
        """Notes the message that somebody wrote, for us or not."""
        try:
            message = update["message"]
            self.note(str(int(message["chat"]["id"])), int(message["message_id"]), ours=False)
        except (LookupError, TypeError, ValueError):
            # No message, or of an unknown shape: that is said elsewhere.
            return

    def newest(self, chat: str) -> int:
        """The highest one of its counter; 0 if none is known."""
        counter = self._counters.get(_name(chat))
        return counter.newest if counter else 0

    def excludes(self, chat: str, number: int) -> bool:
        """Is that surely no message of ours in that chat?

        Of ours there the store knows better: an id that we heard may have been lost on its way into it.
        """
        counter = self._counters.get(_name(chat))
        return counter is not None and counter.seen.get(number, chat) != chat

    @staticmethod
    def count_alike(chat: str, other: str) -> bool:
        """Is no id of the one chat an id in the other, too, unless they are the same?"""
        return _name(chat) == _name(other)

    @staticmethod
    def of_its_own(chat: str) -> bool:
        """Has that chat a counter of its own, so that its ids have no holes but deleted messages?"""
        return _name(chat) != ""


def _name(chat: str) -> str:
    return chat if int(chat) < SUPERGROUPS else ""
