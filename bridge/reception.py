"""Where people log in to Coze with accounts of their own: /login and /logout, and the way back from the browser."""

import html
import logging
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from bridge.commands import Saying, saying
from bridge.errors import BotFailed, BridgeError
from bridge.identity import conversation_key, language
from bridge.model import Inbound, Sender, User
from bridge.ports import Accounts, Clock, Effect, LoggedIn, Reply, Store
from bridge.texts import text

log = logging.getLogger(__name__)

WARN_SECONDS = 3 * 86400.0
"""Who is about to be logged out is told so long before."""
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    # The page's address and its number are the key to somebody's account: they are to be found nowhere afterwards, and
    # nobody is to be shown the page as a part of another one.
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
PAGE = """<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>Coze Bridge</title>
<meta name="viewport" content="width=device-width"><style>body{{font:1.1em sans-serif;margin:4em auto;max-width:30em;
padding:0 1em}}</style><p>{first}</p><p>{second}</p></html>"""


class Reception:
    """For people in the chat and, as they come back from Coze, in the browser."""

    def __init__(self, *, accounts: Accounts, store: Store, clock: Clock) -> None:
        self._accounts = accounts
        self._store = store
        self._clock = clock

    async def settled(self, inbound: Inbound, who: User, where: str) -> tuple[User, str]:
        """As whom that person speaks to Coze there, and in which conversation.

        What several people share goes on with the service's own account: it is nobody's to pay or to read. And a
        conversation that was begun as somebody else stays theirs: after /login or /logout, another one goes on.
        """
        if not inbound.personal:
            return who, where
        session = await self._accounts.session(who.coze_user)
        if not session:
            return who, where
        return replace(who, session=session), where + session.removeprefix(who.coze_user)

    async def login(self, inbound: Inbound, who: User, _where: str) -> Saying | None:
        """A link, for nobody else's eyes; or the end, with the number that came of it.

        Whoever follows the link lends their account to whoever is told the number: only who has seen it in the browser
        and says it in the chat is known to be one person.
        """
        if not inbound.private:
            return Saying(text("login_private", who.language))
        who = replace(who, session="")
        if number := "".join(unicodedata.normalize("NFKC", inbound.text).split()):
            return await self._finish(inbound, who, number)
        await self._accounts.begin(inbound, who, lambda link: saying(text("login_link", who.language, link=link)))
        return None

    async def _finish(self, inbound: Inbound, who: User, number: str) -> Saying | None:
        def reply(came: LoggedIn | int) -> str:
            if isinstance(came, LoggedIn):
                name = came.name or text("logged_in_nameless", who.language)
                return saying(text("logged_in", who.language, name=_plain(name)))
            return saying(text("login_wrong" if came else "login_over", who.language, left=came))

        came = await self._accounts.finish(inbound, who, number, reply)
        if came is None:
            return Saying(text("login_late", who.language))
        if isinstance(came, LoggedIn):
            log.info("somebody logged in with an account of their own", extra={"platform": who.platform})
        return None

    async def logout(self, _inbound: Inbound, who: User, _where: str) -> Saying:
        """At once, wherever it is written."""
        left = await self._accounts.leave(who.coze_user)
        return Saying(text("logged_out" if left else "logged_out_already", who.language))

    async def visit(self, query: Mapping[str, str], languages: str) -> Reply:
        """A browser comes back from Coze. Whatever the query holds is shown to nobody."""
        state, code = query.get("state", ""), query.get("code", "")
        try:
            agreed = await self._accounts.agreed(state, code) if state and code else None
        except BridgeError as error:
            log.warning("a login came to nothing: %s", error)
            refused = isinstance(error, BotFailed)
            return _page("refused" if refused else "later", languages, status=400 if refused else 503)
        if agreed is None:
            return _page("refused" if query.get("error") else "late", languages, status=400)
        log.info("a login waits for its number", extra={"platform": agreed.platform})
        return _page("agreed", languages, name=agreed.name, number=agreed.number)

    async def warn(self) -> None:
        """Tells those whose login ends soon, once. Raises Unreachable."""
        for one in await self._accounts.ending(WARN_SECONDS):
            day = datetime.fromtimestamp(one.until, UTC).date().isoformat()
            said = text("login_ends", one.who.language, day=day)
            await self._say(one, f"ends:{one.who.coze_user}:{one.until:.0f}", said)

    async def _say(self, to: LoggedIn, key: str, sentence: str) -> None:
        """Something that nobody asked for, in the chat where they logged in; the same key is said once."""
        address, now = to.address, self._clock.now()
        inbound = Inbound(
            key=f"login:{address.platform}:{address.account}:{key}",
            address=address,
            sender=Sender(id=to.who.sender),
            text="",
            sent_at=now,
            sort_key=f"{now:017.6f}",
        )
        await self._store.obey(inbound, to.who, conversation_key(inbound), Effect.NONE, lambda _: saying(sentence))


def _plain(name: str) -> str:
    """Somebody chose that name: no Markdown in it does anything."""
    return "".join(f"\\{mark}" if mark in "\\`*_{}[]()#+-.!|<>~" else mark for mark in " ".join(name.split()))


def _page(outcome: str, languages: str, *, status: int = 200, **said: str) -> Reply:
    """In both languages, the browser's first; `said` is text and no HTML."""
    first = "zh" if language(languages, "") == "zh" else "en"
    second = "en" if first == "zh" else "zh"
    shown = {}
    for place, tongue in (("first", first), ("second", second)):
        given = {key: value or text("logged_in_nameless", tongue) for key, value in said.items()}
        shown[place] = html.escape(text(f"page_{outcome}", tongue, **given))
    page = PAGE.format(lang="zh-CN" if first == "zh" else "en", **shown)
    return Reply(status=status, body=page.encode(), headers=HEADERS)
