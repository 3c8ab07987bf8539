"""People's own Coze accounts: they log in in a browser, and from then on are answered with their own token."""

import asyncio
import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any

import cozepy

from adapters.coze.auth import margin
from adapters.coze.oauth import (
    ASK_SECONDS,
    REFRESH_DAYS,
    Endpoint,
    LoginOver,
    Tokens,
    authorize_url,
    challenge_of,
    verifier,
)
from adapters.coze.seal import Seal
from bridge.errors import BotFailed, BridgeError, Transient, Unreachable
from bridge.model import Address, Inbound, User
from bridge.ports import Agreed, Clock, LoggedIn, Logins, Told

log = logging.getLogger(__name__)

BEGUN_SECONDS = 600.0
"""For so long the link is good, and after it the number."""
DIGITS, TRIES = 6, 5
"""Of the number that proves that who agreed at Coze and who asked for it in the chat are one person."""
LOOK_SECONDS = 10.0
"""So long a token goes on being used without a look whether its person has logged out, or again, elsewhere."""
CLAIM_SECONDS = 30.0
"""A process that renews tokens is waited for so long; then another tries. Longer than ASK_SECONDS."""
WAIT_SECONDS = 0.5
"""Between two looks whether it has."""
KEEP_PAUSES = (0.5, 2.0, 4.0)
"""Between the attempts to keep new tokens; they are tried again with each question after that."""
MARK = "~"
"""Stands between person and login in `Turn.session`."""
_LINK = re.compile(r"coze-login:([\w=-]+)")
SAYS = MappingProxyType(
    {
        "credentials": "login",
        "permission": "own_account",
        "no_bot": "own_account",
        "quota": "own_quota",
        "balance": "own_quota",
        "daily": "own_quota",
    }
)
"""What Coze refuses is not the operator's to mend, but the person's."""


def parted(session: str) -> tuple[str, str]:
    """The person, and which of their logins it is; empty: none."""
    person, _, login = session.partition(MARK)
    return person, login


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What is kept of one login, encrypted."""

    id: str
    """Another one after each /login: conversations of another account are not gone on with."""
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    ends: float
    """When the access token ends, Unix time."""
    life: float
    """How long it lived when it was new, in seconds."""
    until: float
    """When the refresh token does."""
    who: dict[str, str]
    at: dict[str, str]
    """Where they wrote /login, which is where they are told things."""
    name: str = ""
    renewing: float = 0.0
    """Until then a process has taken it upon itself to renew it; 0: none."""


@dataclass(slots=True, kw_only=True)
class _Known:
    """A token that this process has."""

    login: str
    access: str = field(repr=False)
    renew_at: float
    looked_at: float


class OwnAccounts:
    """Logs people in and out, and keeps their tokens fresh; implements `bridge.ports.Accounts`."""

    def __init__(
        self, endpoint: Endpoint, *, api_base: str, client_id: str, secret: str, redirect: str, seal: Seal, clock: Clock
    ) -> None:
        """`secret`: of a web application; empty: the client proves itself with PKCE."""
        self._endpoint = endpoint
        self._api_base = api_base
        self._client_id = client_id
        self._secret = secret
        self._redirect = redirect
        self._seal = seal
        self._clock = clock
        self._kept: Logins | None = None
        self._known: dict[str, _Known] = {}
        self._refused: dict[str, str] = {}
        self._renewing: dict[str, asyncio.Task[str]] = {}
        self._unkept: dict[str, tuple[Login, str]] = {}
        """New tokens that could not be kept yet, and in place of what: the only ones that are good for anything."""

    def keep_in(self, logins: Logins) -> None:
        """From now on there is a place to keep tokens in."""
        self._kept = logins

    @property
    def _logins(self) -> Logins:
        if self._kept is None:
            raise Unreachable("the database is not open yet")
        return self._kept

    # ---- logging in and out

    async def begin(self, inbound: Inbound, who: User, reply: Callable[[str], str]) -> None:
        """As in Accounts."""
        state, proof = secrets.token_urlsafe(32), "" if self._secret else verifier()
        link = authorize_url(
            self._api_base,
            client_id=self._client_id,
            redirect=self._redirect,
            state=state,
            challenge=challenge_of(proof) if proof else "",
        )
        attempt = {"proof": proof, "who": _named(who), "at": asdict(inbound.address)}
        closed = self._seal.close(f"attempt:{who.coze_user}", attempt)
        shown = f"coze-login:{self._seal.close('link', {'url': link})}"
        told = Told(inbound=inbound, who=who, reply=reply(shown))
        await self._logins.begin_login(told, _digest(state), closed, seconds=BEGUN_SECONDS)

    def reveal(self, text: str) -> str:
        """As in Accounts."""

        def opened(found: re.Match[str]) -> str:
            link = self._seal.open("link", found[1])
            return str(link["url"]) if link else found[0]

        return _LINK.sub(opened, text)

    async def agreed(self, state: str, code: str) -> Agreed | None:
        """As in Accounts."""
        begun = await self._logins.end_login(_digest(state))
        if begun is None:
            return None
        who, closed = begun
        attempt = self._seal.open(f"attempt:{who.coze_user}", closed)
        if attempt is None or not code:
            return None
        proof = {"code_verifier": attempt["proof"]} if attempt["proof"] else {}
        tokens = await self._endpoint.tokens(
            bearer=self._secret,
            client_id=self._client_id,
            grant_type="authorization_code",
            code=code,
            redirect_uri=self._redirect,
            **proof,
        )
        name = await self._endpoint.name_of(tokens.access)
        login = Login(
            id=secrets.token_hex(4),
            name=name,
            who=attempt["who"],
            at=attempt["at"],
            **self._times(tokens),
        )
        number, salt = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}", secrets.token_hex(16)
        waits = {"login": asdict(login), "salt": salt, "number": _salted(salt, number), "left": TRIES}
        place = _place(who.coze_user)
        closed = self._seal.close(place, waits)
        if not await self._logins.hold_login(who, place, closed, seconds=BEGUN_SECONDS):
            return None
        return Agreed(platform=who.platform, name=name, number=number)

    async def finish(
        self, inbound: Inbound, who: User, number: str, reply: Callable[[LoggedIn | int], str]
    ) -> LoggedIn | int | None:
        """As in Accounts."""
        place = _place(who.coze_user)
        # Again if somebody else has tried meanwhile: a try counts before it is answered.
        while (closed := await self._logins.begun(place)) and (waits := self._seal.open(place, closed)):
            login, left = Login(**waits["login"]), waits["left"] - 1
            right = hmac.compare_digest(waits["number"], _salted(waits["salt"], number))
            came: LoggedIn | int = _logged_in(login) if right else left
            after: dict[str, Any] = {}
            if right:
                after = {"tokens": self._sealed(login), "until": login.until}
            elif left:
                after = {"left": self._seal.close(place, {**waits, "left": left})}
            told = Told(inbound=inbound, who=who, reply=reply(came))
            if await self._logins.try_login(told, place, instead=closed, **after):
                if isinstance(came, LoggedIn):
                    self._forget(who.coze_user)
                return came
        return None

    async def leave(self, coze_user: str) -> bool:
        """As in Accounts."""
        self._forget(coze_user)
        return await self._logins.drop_login(coze_user)

    async def session(self, coze_user: str) -> str:
        """As in Accounts."""
        login, _ = await self._read(coze_user)
        return f"{coze_user}{MARK}{login.id}" if login else ""

    async def ending(self, seconds: float) -> Sequence[LoggedIn]:
        """As in Accounts."""
        before, found = self._clock.now() + seconds, []
        for coze_user, until in await self._logins.logins():
            if until >= before:
                break
            login, _ = await self._read(coze_user)
            if login is not None:
                found.append(_logged_in(login))
        return found

    # ---- speaking as somebody

    def auth(self, person: str, login: str) -> "OwnAuth":
        """Speaks as that person, with that login and no other."""
        return OwnAuth(self, person, login)

    async def token(self, person: str, login: str) -> str:
        """One that is good for a minute at least. Raises BotFailed (`login`: there is none any more) or Transient."""
        known, now = self._known.get(person), self._clock.monotonic()
        if known and known.login == login and now < known.renew_at and now < known.looked_at + LOOK_SECONDS:
            return known.access
        # By a task of its own: whoever asks may be cancelled, and a refresh token that is sent off is used up.
        task = self._renewing.get(person)
        if task is None:
            task = self._renewing[person] = asyncio.create_task(self._fresh(person), name="coze-login")
            task.add_done_callback(lambda done: self._done(person, done))
        token = await asyncio.shield(task)
        known = self._known.get(person)
        if known is None or known.login != login:
            raise _over()
        return token

    def forget(self, person: str, authorization: str) -> None:
        """As in Renewing."""
        known = self._known.get(person)
        if known and authorization == f"Bearer {known.access}":
            self._refused[person] = known.access
            del self._known[person]

    async def aclose(self) -> None:
        """Waits for the tokens that are on their way: to give them up would be to log those people out."""
        if self._renewing:
            await asyncio.wait(self._renewing.values(), timeout=ASK_SECONDS + 1)

    def _done(self, person: str, task: "asyncio.Task[str]") -> None:
        self._renewing.pop(person, None)
        if not task.cancelled():
            task.exception()  # whoever waited for it was told; nobody may have

    def _forget(self, person: str) -> None:
        self._known.pop(person, None)
        self._unkept.pop(person, None)

    async def _fresh(self, person: str) -> str:
        while True:
            if person in self._unkept:
                await self._keep_new(person)
            login, closed = await self._read(person)
            now = self._clock.now()
            if login is None:
                self._known.pop(person, None)
                raise _over()
            if login.ends - margin(login.life) > now and login.access != self._refused.get(person):
                return self._known_as(login)
            if login.renewing > now:
                await self._clock.sleep(WAIT_SECONDS)  # another process does
                continue
            claim = replace(login, renewing=now + CLAIM_SECONDS)
            sealed = await self._keep(claim, instead=closed)
            # Once: what comes new is used, however soon it ends.
            if sealed and (new := await self._renew(claim, sealed)):
                return self._known_as(new)

    def _known_as(self, login: Login) -> str:
        began = self._clock.monotonic()
        renew_at = began + login.ends - margin(login.life) - self._clock.now()
        known = _Known(login=login.id, access=login.access, renew_at=renew_at, looked_at=began)
        self._known[login.who["coze_user"]] = known
        return login.access

    async def _renew(self, login: Login, sealed: str) -> Login | None:
        """We alone may use up the refresh token now. The new one is kept before anything is done with it.

        None: they logged out, or in again, meanwhile. Raises BotFailed (`login`: for good), or Transient.
        """
        person = login.who["coze_user"]
        try:
            tokens = await self._endpoint.refreshed(self._client_id, login.refresh, secret=self._secret)
        except LoginOver as refused:
            if not await self._logins.drop_login(person, kept=sealed):
                return None
            log.info("a login has ended: %s", refused)
            raise _over() from None
        except (BotFailed, Transient):
            # A wrong secret or a gateway ends nobody's login. If the token was used up all the same, Coze refuses it
            # next time.
            await self._keep(replace(login, renewing=0.0), instead=sealed)
            raise
        new = replace(login, renewing=0.0, **self._times(tokens))
        if not new.refresh:
            new = replace(new, refresh=login.refresh, until=login.until)
        self._refused.pop(person, None)
        self._unkept[person] = new, sealed
        return new if await self._keep_new(person) else None

    async def _keep_new(self, person: str) -> bool:
        """Keeps what came new; False if something else is kept by now. Raises Transient: it is tried again later."""
        pauses = iter(KEEP_PAUSES)
        while (unkept := self._unkept.get(person)) is not None:
            new, instead = unkept
            try:
                kept = await self._keep(new, instead=instead)
            except Transient as error:
                if (pause := next(pauses, None)) is None:
                    log.error("the new tokens of a login cannot be kept yet: %s", error)
                    raise
                await self._clock.sleep(pause)
                continue
            # Unless they logged in anew in this process meanwhile.
            if self._unkept.get(person) == unkept:
                del self._unkept[person]
            return bool(kept)
        return False

    # ---- keeping

    def _times(self, tokens: Tokens) -> dict[str, Any]:
        now = self._clock.now()
        until = now + REFRESH_DAYS * 86400
        new = {"access": tokens.access, "refresh": tokens.refresh, "until": until}
        return {**new, "ends": now + tokens.seconds, "life": tokens.seconds}

    async def _keep(self, login: Login, *, instead: str = "") -> str:
        """As what it is kept; empty if something else is kept by now."""
        sealed = self._sealed(login)
        kept = await self._logins.keep_login(User(**login.who), sealed, until=login.until, instead=instead)
        return sealed if kept else ""

    def _sealed(self, login: Login) -> str:
        return self._seal.close(f"login:{login.who['coze_user']}", asdict(login))

    async def _read(self, person: str) -> tuple[Login | None, str]:
        closed = await self._logins.login(person)
        opened = self._seal.open(f"login:{person}", closed) if closed else None
        if closed and opened is None:
            log.warning("a login cannot be read; if COZE_LOGIN_KEY was replaced, put the old one behind the new one")
        return Login(**opened) if opened else None, closed


class OwnAuth(cozepy.AsyncAuth):
    """One person's login; cheap."""

    says = SAYS

    def __init__(self, accounts: OwnAccounts, person: str, login: str) -> None:
        self._accounts = accounts
        self._person = person
        self._login = login

    @property
    def subject(self) -> str:
        """Whose files, conversations and variables these are."""
        return f"own:{self._person}:{self._login}"

    @property
    def token_type(self) -> str:
        return "Bearer"

    @property
    async def atoken(self) -> str:
        return await self._accounts.token(self._person, self._login)

    def forget(self, authorization: str) -> None:
        """As in Renewing."""
        self._accounts.forget(self._person, authorization)


def _over() -> BridgeError:
    return BotFailed("that person's login at Coze has ended", say="login")


def _named(who: User) -> dict[str, str]:
    return {**asdict(who), "session": ""}


def _logged_in(login: Login) -> LoggedIn:
    return LoggedIn(who=User(**login.who), address=Address(**login.at), name=login.name, until=login.until)


def _place(coze_user: str) -> str:
    """Where that person's login waits for its number: no digest, so nobody gets there from a browser."""
    return f"number:{coze_user}"


def _salted(salt: str, number: str) -> str:
    return _digest(f"{salt}:{number}")


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
