"""What keeps an adapter from listening, and how long it waits before it tries again."""

import logging

from bridge.ports import Clock

log = logging.getLogger(__name__)

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 30.0


class Trouble:
    """One thing that goes wrong again and again: logged when it changes, waited for longer each time."""

    def __init__(self, clock: Clock, text: str = "") -> None:
        self.text = text
        """What is wrong, in one line; empty if nothing is."""
        self._clock = clock
        self._kind = ""
        self._pause = FIRST_SECONDS

    async def wait(self, kind: str, text: str, *, least: float = 0.0, bug: BaseException | None = None) -> None:
        """Reports it, then waits. `bug`: log its traceback as well."""
        self.say(kind, text, bug=bug)
        pause = max(self._pause, least)
        self._pause = min(self._pause * 2, LONGEST_SECONDS)
        await self._clock.sleep(pause)

    def say(self, kind: str, text: str, *, bug: BaseException | None = None) -> None:
        """Reports it if it is of another kind than before."""
        self.text = text
        if kind != self._kind:
            self._kind = kind
            log.warning("Not listening to Telegram: %s; trying again", text, exc_info=bug)

    def over(self) -> None:
        """All is well again."""
        if self._kind:
            log.info("Listening to Telegram again")
        self.text, self._kind, self._pause = "", "", FIRST_SECONDS
