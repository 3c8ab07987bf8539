"""Who may come in: decided before anything of a message is kept, and said once to those who may not."""

import logging
from collections.abc import Mapping
from dataclasses import replace

from bridge.access import AllowList, code_digest, new_code
from bridge.commands import saying
from bridge.model import Access, Acquaintance, Inbound, User
from bridge.ports import Adapter, Members, Store, TurnedAway
from bridge.texts import text

log = logging.getLogger(__name__)

CODE_SECONDS = 3600.0
"""How long a pairing code is good."""
REFUSAL_SECONDS = 86400.0
"""After so long, somebody who is not let in is told so again."""
MOST_TOLD = 100
"""People of one account who hold a living code or a fresh refusal: a flood of strangers costs us no more than that."""


class Door:
    """Lets in by the list, if there is one; else members, where the platform has such, and those who are paired."""

    def __init__(self, *, store: Store, allow: AllowList | None, adapters: Mapping[tuple[str, str], Adapter]) -> None:
        self._store = store
        self._allow = allow
        self._adapters = adapters
        self._crowded = False

    async def turns_away(self, inbound: Inbound, who: User) -> TurnedAway | None:
        """None: they may come in. Else what became of the attempt.

        Raises Transient if that cannot be known now: then nothing is kept, and nothing may be acknowledged.
        """
        known = await self._store.acquaintance(who)
        if known.access is Access.BLOCKED:
            return TurnedAway.SILENT
        reason = await self._reason(inbound, known)
        if not reason:
            return None
        # Who was only refused, when a list decided, has not been told a code yet.
        told = known.told and (known.has_code or reason != "pairing")
        if told or not inbound.addressed or inbound.press or inbound.quiet or inbound.opened:
            return TurnedAway.SILENT
        return await self._tell(inbound, who, reason)

    async def _reason(self, inbound: Inbound, known: Acquaintance) -> str:
        """Empty, or the name of the sentence that says why not."""
        if self._allow is not None:
            return "" if self._allow.admits(inbound) else "not_on_list"
        if known.access is Access.PAIRED:
            return ""
        adapter = self._adapters.get((inbound.address.platform, inbound.address.account))
        if isinstance(adapter, Members):
            return "" if await adapter.is_member(inbound.sender.id) else "not_member"
        return "pairing"

    async def _tell(self, inbound: Inbound, who: User, reason: str) -> TurnedAway:
        code = new_code() if reason == "pairing" else ""
        away = await self._store.turn_away(
            replace(inbound, text="", files=()),
            who,
            saying(text(reason, who.language, code=code)),
            code=code_digest(code) if code else "",
            seconds=CODE_SECONDS if code else REFUSAL_SECONDS,
            most=MOST_TOLD,
        )
        platform = inbound.address.platform
        if away is TurnedAway.TOLD:
            log.info("turned away %s:%s (%s), and told them so", platform, inbound.sender.id, reason)
            self._crowded = False
        elif away is TurnedAway.CROWDED and not self._crowded:
            log.warning("%s: %d strangers were told so lately; the others get no answer", platform, MOST_TOLD)
            self._crowded = True
        return away
