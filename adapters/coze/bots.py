"""The bots that the configuration names, and which of them answers where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


class CozeBots:
    """All bots by their names, and the rules by which they are chosen: the first that fits counts."""

    def __init__(self, bots: Mapping[str, Bot], rules: Sequence[Rule] = ()) -> None:
        self._bots = bots
        self._rules = rules

    @property
    def names(self) -> Sequence[str]:
        return tuple(self._bots)

    def route(self, address: Address) -> str:
        return next((rule.bot for rule in self._rules if rule.fits(address)), "")

    def of(self, name: str, session: str = "") -> Bot:
        if (bot := self._bots.get(name)) is None:
            raise BotFailed(f"there is no bot {name} in the configuration any more", say="not_published")
        return bot

    async def aclose(self) -> None:
        for bot in self._bots.values():
            await bot.aclose()
