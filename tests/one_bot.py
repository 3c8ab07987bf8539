"""The bots of a configuration that names one."""

from typing import Any

from bridge.model import Address


class OneBot:
    """Whoever asks, in whichever session."""

    names = ("",)

    def __init__(self, bot: Any) -> None:
        self._bot = bot

    def route(self, _: Address) -> str:
        return ""

    def of(self, _name: str, _session: str = "") -> Any:
        return self._bot

    async def aclose(self) -> None: ...
