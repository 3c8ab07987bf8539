"""One update at a time: understood, answered where Telegram wants an answer at once, and given to the core."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from adapters.telegram.buttons import judges
from adapters.telegram.numbers import Numbers
from adapters.telegram.parse import PLATFORM, Me, inbound
from bridge.model import Inbound
from bridge.ports import Accept, Clock, Meter

log = logging.getLogger(__name__)

ALLOWED_UPDATES = ("message", "callback_query", "my_chat_member")
"""Named with every poll and webhook: Telegram keeps the list of last time if there is none."""

MOST_ALBUMS = 500
"""So many are remembered: their parts come within seconds."""
ALBUM_SECONDS = 2.0
"""So long a picture of an album that does not call us is remembered: the words may stand below a later one."""

Answer = Callable[[str, str], Awaitable[None]]
"""Answers the callback query with that id; the text flashes up, if there is one."""


class Reading:
    """Gives updates to the core; what it cannot read it counts, and says so once per kind."""

    def __init__(self, meter: Meter, answer: Answer, clock: Clock, numbers: Numbers) -> None:
        self.me: Me | None = None
        """Known once the adapter is open."""
        self._clock = clock
        self._meter = meter
        self._answer = answer
        self._numbers = numbers
        self._albums: dict[str, None] = {}
        """Those that called us last, the oldest first."""
        self._uncalled: list[tuple[float, str, Mapping[str, Any]]] = []
        """Parts of albums that have not called us (yet), the newest first: since when, of which, and the updates."""
        self._named: set[str] = set()
        self._errands: set[asyncio.Task[None]] = set()

    async def take(self, update: Mapping[str, Any], accept: Accept) -> None:
        """Returns when the update may be acknowledged; raises what `accept` raises."""
        if self.me is None:
            raise RuntimeError("updates are read after open")
        self._numbers.hear(update)
        kind = next((key for key in update if key != "update_id"), "empty")
        # The button's spinner ends at once, but for those where there is a word to be said of what came of it.
        waits = kind == "callback_query" and judges(update[kind])
        if kind == "callback_query" and not waits:
            self._answer_soon(update[kind])
        if kind not in ALLOWED_UPDATES:
            return self._ignore(kind, "of a kind that we did not ask for")
        try:
            found = inbound(update, self.me, now=self._clock.now(), albums=self._albums)
        except (LookupError, TypeError, ValueError, AttributeError) as problem:
            if waits:
                self._answer_soon(update[kind])
            return self._ignore(kind, f"of an unknown shape ({type(problem).__name__})")
        if isinstance(found, Inbound) and found.album:
            self._albums[found.album] = None
            while len(self._albums) > MOST_ALBUMS:
                del self._albums[next(iter(self._albums))]
            await self._take_earlier(found.album, self.me, accept)
        elif found is None and kind == "message" and (album := _album(update[kind])):
            self._uncalled = [(self._clock.monotonic(), album, update), *self._uncalled[: MOST_ALBUMS - 1]]
        word = await accept(found) if found is not None else None
        if waits:
            self._answer_soon(update[kind], word or "")
        return None

    async def _take_earlier(self, album: str, me: Me, accept: Accept) -> None:
        """The parts of that album that came before the one that called us."""
        since = self._clock.monotonic() - ALBUM_SECONDS
        self._uncalled = [part for part in self._uncalled if part[0] >= since]
        for part in [part for part in reversed(self._uncalled) if part[1] == album]:
            found = inbound(part[2], me, now=self._clock.now(), albums=self._albums)
            if found is not None:
                await accept(found)
            self._uncalled = [other for other in self._uncalled if other is not part]

    def _ignore(self, kind: str, why: str) -> None:
        self._meter.count("updates_ignored", platform=PLATFORM, kind=kind)
        if kind not in self._named:
            self._named.add(kind)
            log.warning("An update (%s) %s is ignored, as will be those like it", kind, why)

    def _answer_soon(self, query: Any, word: str = "") -> None:
        """The button's spinner ends, and a word flashes up, without the next update waiting for it."""
        number = query.get("id") if isinstance(query, Mapping) else None
        if isinstance(query, Mapping) and number:
            errand = asyncio.get_running_loop().create_task(self._run(self._answer(str(number), word)))
            self._errands.add(errand)
            errand.add_done_callback(self._errands.discard)

    @staticmethod
    async def _run(errand: Awaitable[None]) -> None:
        await errand

    async def aclose(self) -> None:
        for errand in self._errands:
            errand.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)


def _album(message: object) -> str:
    """The album that it is a part of; empty if there is none, or if it is no message."""
    return str(message.get("media_group_id") or "") if isinstance(message, Mapping) else ""
