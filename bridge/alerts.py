"""Tells the operator what only they can mend: in the log, in the metrics, and in a message to whom they have named."""

import logging
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from bridge.access import Admin
from bridge.commands import saying
from bridge.errors import BotFailed, BridgeError, Transient
from bridge.identity import conversation_key, person
from bridge.model import Address, Inbound, Sender
from bridge.ports import Clock, Effect, Meter, Store
from bridge.texts import text

log = logging.getLogger(__name__)

CAUSES = (
    "balance",
    "credentials",
    "daily",
    "expiring",
    "malformed",
    "no_bot",
    "no_call",
    "no_model",
    "no_tool",
    "not_published",
    "permission",
    "quota",
    "workflow",
)
"""The sentences (`BridgeError.say`) whose cause is nobody's but the operator's; `expiring`, before it is one; and
`no_tool`, which refuses nothing."""
PARTIAL = frozenset({"malformed", "no_call", "no_tool", "permission"})
"""Those that may concern a part of what is asked, as files: another question that is answered proves nothing. With
`no_tool` even that one is answered, as far as it could be."""
LOG_SECONDS = 3600.0
"""Between two lines of the log about one cause."""
TELL_SECONDS = 6 * 3600.0
"""A cause is told once in each stretch of this length, by all processes together; the first of a day begins at 0:00
UTC."""


@dataclass(slots=True)
class _Trouble:
    """One cause, with one bot, as this process knows it."""

    logged_at: float = -LOG_SECONDS
    unlogged: int = 0
    told_in: int = -1
    """Number of the stretch."""
    untold: int = 0
    """Questions that met it since it was told."""
    lasts: bool = False
    """No question was answered since the last line of the log: so one that comes and goes fills no log."""


@dataclass(slots=True, kw_only=True)
class Alerts:
    """What of the refusals is the operator's to mend."""

    store: Store
    clock: Clock
    meter: Meter
    admins: Sequence[Admin]
    accounts: Collection[tuple[str, str]]
    """Platform and account of what is served at the moment."""
    _troubles: dict[tuple[str, str], _Trouble] = field(default_factory=dict)

    async def refused(self, error: BridgeError, *, bot: str = "") -> None:
        """A question to that bot was refused, or not answered in full, because of that. Says nothing if it is not the
        operator's to mend.
        """
        cause, now = error.say, self.clock.now()
        if cause not in CAUSES:
            return
        trouble = self._troubles.setdefault((cause, bot), _Trouble())
        trouble.unlogged += 1
        trouble.untold += 1
        if now - trouble.logged_at >= LOG_SECONDS:
            known = {"cause": cause, "code": error.code, "refused": trouble.unlogged, "bot": bot}
            if error.reference:
                known["coze_log"] = error.reference
            trouble.logged_at, trouble.unlogged, trouble.lasts = now, 0, True
            self.meter.count("coze_alerts", cause=cause)
            log.error("%s (%s)", text(f"alert_{cause}", "en"), error, extra=known)
        stretch = int(now // TELL_SECONDS)
        if not self.admins or trouble.told_in == stretch:
            return
        before, trouble.told_in = trouble.told_in, stretch
        facts = {"bot": bot or "–", "code": error.code or "–", "reference": error.reference or "–"}
        sentences = [
            text("alert", language, what=text(f"alert_{cause}", language), refused=trouble.untold, **facts)
            for language in ("en", "zh")
        ]
        if await self._tell(f"{cause}:{bot}:{stretch}", sentences):
            trouble.untold = 0
        else:
            trouble.told_in = before

    async def lacking(self, tools: str, *, bot: str = "") -> None:
        """To answer a question, that bot wanted tools with these names, which are not configured."""
        await self.refused(BotFailed(f"it wanted {tools}", say="no_tool"), bot=bot)

    async def answered(self, bot: str) -> None:
        """A question to that bot was answered: what kept it from that is over."""
        over = [
            (cause, trouble)
            for (cause, where), trouble in self._troubles.items()
            if trouble.lasts and where == bot and cause not in PARTIAL
        ]
        for cause, trouble in over:
            trouble.lasts = False
            log.info("over: %s", text(f"alert_{cause}", "en"), extra={"cause": cause, "bot": bot})
            if trouble.told_in >= 0:
                names = {"bot": bot or "–"}
                sentences = [
                    text("alert_over", language, what=text(f"alert_{cause}", language), **names)
                    for language in ("en", "zh")
                ]
                await self._tell(f"{cause}:{bot}:{trouble.told_in}:over", sentences)

    async def expiring(self, seconds: float) -> None:
        """Our own credentials end in so many seconds. Told once a day; whoever calls says it in the log."""
        self.meter.count("coze_alerts", cause="expiring")
        days = max(1, math.ceil(seconds / 86400))
        sentences = [text("alert_expiring", language, days=days) for language in ("en", "zh")]
        await self._tell(f"expiring:{int(self.clock.now() // 86400)}", sentences)

    async def _tell(self, name: str, sentences: Sequence[str]) -> bool:
        """Both languages to everybody who is to know, whatever process they hear it from; False: not to all of them."""
        said, now = saying("\n\n".join(sentences)), self.clock.now()
        told = True
        for admin in self.admins:
            for platform, account in self.accounts:
                if platform != admin.platform or admin.account not in ("", account):
                    continue
                inbound = Inbound(
                    key=f"alert:{name}:{platform}:{account}:{admin.sender}",
                    address=Address(platform=platform, account=account, chat=admin.sender),
                    sender=Sender(id=admin.sender),
                    text="",
                    sent_at=now,
                    sort_key=f"{now:017.6f}",
                )
                who = person(platform, account, admin.sender, "en")
                try:
                    await self.store.obey(inbound, who, conversation_key(inbound), Effect.NONE, lambda _: said)
                except Transient as error:
                    log.warning("cannot tell %s:%s: %s", platform, admin.sender, error)
                    told = False
        return told
