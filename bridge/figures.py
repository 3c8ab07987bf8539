"""What is measured of one answer while it is painted, for the operator."""

from bridge.answer import BotEvent, MessageCompleted, TextDelta
from bridge.model import Turn, TurnState
from bridge.ports import Clock, Meter


class Figures:
    """Of one claim of one turn; counted into the Meter as they become known."""

    def __init__(self, turn: Turn, *, clock: Clock, meter: Meter, anew: bool, previews: bool) -> None:
        """`anew`: nothing stood on the platform when the turn was claimed. `previews`: answers may grow there."""
        self._turn = turn
        self._clock = clock
        self._meter = meter
        self._platform = turn.address.platform
        # Else the first text may have been seen before we claimed it.
        self._unseen = turn.conversation is not None and (anew or turn.state is TurnState.CLAIMED)
        self._heard_at: float | None = None
        self._previews = previews
        self._given_up = self._painted = self._newest_painted = 0
        self.versions = 0
        """How often the text changed, while Coze spoke."""
        self.rate_limited = 0
        """429s of this answer's calls."""
        self.first_text_seconds: float | None = None
        """From the acceptance of the question to its first visible text; None: not seen in this claim."""

    def heard(self, event: BotEvent, *, muted: bool) -> None:
        """Coze said something; `muted`: no previews are shown any more."""
        if self._heard_at is None and isinstance(event, TextDelta | MessageCompleted):
            self._heard_at = self._clock.monotonic()
        if self._previews and isinstance(event, TextDelta):
            self.versions += 1
            self._given_up += muted

    def painted(self, version: int) -> None:
        """A preview call showed that version. One version may take several calls: one for each page."""
        self.seen()
        if version > self._newest_painted:
            self._newest_painted = version
            self._painted += 1

    def seen(self) -> None:
        """Text of the answer is visible."""
        if not self._unseen:
            return
        self._unseen = False
        self.first_text_seconds = self._clock.now() - self._turn.received_at
        self._meter.observe("first_text_seconds", self.first_text_seconds, platform=self._platform)
        if self._heard_at is not None:
            self._meter.observe(
                "first_paint_seconds", self._clock.monotonic() - self._heard_at, platform=self._platform
            )

    def followed(self) -> None:
        """Coze has said everything: versions that were not painted will not be, the final takes their place."""
        replaced = max(0, self.versions - self._painted - self._given_up)
        self._meter.count("previews_shown", self._painted, platform=self._platform)
        self._meter.count("previews_dropped", replaced, platform=self._platform, cause="replaced")
        self._meter.count("previews_dropped", self._given_up, platform=self._platform, cause="given_up")
        self.versions = self._given_up = self._painted = self._newest_painted = 0

    def penalised(self, seconds: float) -> None:
        """The platform answered 429."""
        self.rate_limited += 1
        self._meter.count("rate_limited", platform=self._platform)
        self._meter.count("penalty_seconds", seconds, platform=self._platform)
