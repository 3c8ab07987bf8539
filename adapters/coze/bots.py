"""The bots that the configuration names, and which of them answers where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import cozepy

from adapters.coze.accounts import OwnAccounts, parted
from adapters.coze.auth import JwtApp
from bridge.errors import BotFailed
from bridge.model import Address
from bridge.ports import Bot


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Messages from there are answered by that bot; what is None may be anything."""

    bot: str
    platform: str | None = None
    account: str | None = None
    chat: str | None = None
    thread: str | None = None

    def fits(self, address: Address) -> bool:
        """Is it about that place?"""
        wanted = (self.platform, self.account, self.chat, self.thread)
        there = (address.platform, address.account, address.chat, address.thread)
        return all(one is None or one == other for one, other in zip(wanted, there, strict=True))


class Acting(Bot, Protocol):
    """A bot that can be spoken to as somebody else."""

    def acting(self, auth: cozepy.Auth) -> Bot:
        """The same bot over the same connections, but with those credentials; cheap, and not to be closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """As whom the bots of one Coze account are spoken to, where that is not the same for everybody."""

    jwt: JwtApp | None = None
    """Each session has a token of its own."""
    own: OwnAccounts | None = None
    """People's own accounts, for those who logged in."""

    def of(self, session: str) -> cozepy.Auth | None:
        """As in `Turn.session`; None: as the bot is. Raises BotFailed if that person's login is not used any more."""
        person, login = parted(session)
        if login:
            if self.own is None:
                raise BotFailed("nobody can log in any more: COZE_LOGIN_URL is not set", say="login")
            return self.own.auth(person, login)
        return self.jwt.auth(person) if self.jwt and person else None


class CozeBots:
    """All bots by their names, and the rules by which they are chosen: the first that fits counts."""

    def __init__(
        self,
        bots: Mapping[str, Acting],
        rules: Sequence[Rule] = (),
        credentials: Mapping[str, Credentials] | None = None,
    ) -> None:
        """`credentials`: of the bots, by their names, that are not spoken to with one token by everybody."""
        self._bots = bots
        self._rules = rules
        self._credentials = credentials or {}

    @property
    def names(self) -> Sequence[str]:
        return tuple(self._bots)

    def route(self, address: Address) -> str:
        return next((rule.bot for rule in self._rules if rule.fits(address)), "")

    def of(self, name: str, session: str = "") -> Bot:
        if (bot := self._bots.get(name)) is None:
            raise BotFailed(f"there is no bot {name} in the configuration any more", say="no_bot")
        credentials = self._credentials.get(name)
        auth = credentials.of(session) if credentials and session else None
        return bot if auth is None else bot.acting(auth)

    async def aclose(self) -> None:
        for bot in self._bots.values():
            await bot.aclose()
