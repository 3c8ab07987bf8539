"""The conversations that a person had at a place: listed, and taken up again."""

import re
from collections.abc import Callable, Sequence

from bridge import fold
from bridge.commands import Saying, saying
from bridge.identity import in_thread, thread_in
from bridge.model import Address, Choice, Does, Inbound, Past, User
from bridge.pages import LONGEST_LABEL
from bridge.ports import Store
from bridge.texts import text

MOST = 8
"""Conversations listed."""
LONGEST_NAME = 60
"""UTF-16 units."""

_PRESS = re.compile(r"(?a)resume:(\d{1,18})(?::([^:]{0,40}))?")
"""The thread is that of the conversations: the list may stand outside of it."""
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


class History:
    """The command /history and its buttons."""

    def __init__(self, store: Store, route: Callable[[Address], str]) -> None:
        """`route`: the name of the bot that answers there; conversations with others cannot go on."""
        self._store = store
        self._route = route

    async def talk(self, inbound: Inbound, who: User, where: str) -> Saying | None:
        """Lists them, or goes on with the one that was named by its number in the list, or pressed."""
        if inbound.press:
            return await self._pressed(inbound, who, where)
        pasts = await self._store.pasts(where, who, limit=MOST, bot=self._route(inbound.address))
        wanted = inbound.text.strip().rstrip(".")
        if not wanted:
            return self._listed(pasts, inbound, who, where)
        number = int(wanted) if re.fullmatch(r"(?a)\d{1,3}", wanted) else 0
        if not 0 < number <= len(pasts):
            return Saying(text("history_unknown", who.language))
        return await self._go_on(pasts[number - 1], inbound, who, where)

    async def _pressed(self, inbound: Inbound, who: User, where: str) -> Saying | None:
        found = _PRESS.fullmatch(inbound.press)
        if found is not None and found[2] is not None:
            where = in_thread(where, found[2])
        pasts = await self._store.pasts(where, who, limit=10 * MOST, bot=self._route(inbound.address))
        past = next((one for one in pasts if found is not None and one.id == int(found[1])), None)
        if past is None:
            return Saying(text("history_unknown", who.language))
        return await self._go_on(past, inbound, who, where)

    async def _go_on(self, past: Past, inbound: Inbound, who: User, where: str) -> Saying | None:
        name = _name(past, who.language)
        if past.current:
            return Saying(text("resumed_already", who.language, name=name))
        reply = saying(text("resumed", who.language, name=name))
        if await self._store.resume(inbound, who, where, past.id, reply):
            return None
        return Saying(text("history_unknown", who.language))

    def _listed(self, pasts: Sequence[Past], inbound: Inbound, who: User, where: str) -> Saying:
        if not pasts:
            return Saying(text("history_nothing", who.language))
        thread = thread_in(where)
        if thread and len(pasts) == 1 and pasts[0].current:
            return Saying(text("history_thread", who.language, name=_name(pasts[0], who.language)))
        lines, choices = [], []
        for number, past in enumerate(pasts, 1):
            when, name = ago(inbound.sent_at - past.used_at, who.language), _name(past, who.language)
            form = "history_current" if past.current else "history_line"
            lines.append(text(form, who.language, number=number, name=name, when=when))
            if not past.current:
                label = f"{number}. {past.name or text('history_unnamed', who.language)}"
                press = f"{Does.RESUME}:{past.id}:{thread}"
                choices.append(Choice(does=Does.RESUME, label=fold.shortened(label, LONGEST_LABEL), press=press))
        return Saying("\n\n".join([text("history", who.language), "\n".join(lines)]), tuple(choices))


def _name(past: Past, language: str) -> str:
    if not past.name.strip():
        return text("history_unnamed", language)
    return fold.literal(fold.shortened(past.name, LONGEST_NAME))


def ago(seconds: float, language: str) -> str:
    """How long that is ago, roughly."""
    if seconds < MINUTE:
        return text("ago_now", language)
    if seconds < HOUR:
        return text("ago_minutes", language, count=int(seconds / MINUTE))
    if seconds < DAY:
        return text("ago_hours", language, count=int(seconds / HOUR))
    if seconds < 2 * DAY:
        return text("ago_yesterday", language)
    return text("ago_days", language, count=int(seconds / DAY))
