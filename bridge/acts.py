"""What a turn does in its place in the queue instead of asking: one match on `Turn.act`."""

import asyncio
import logging

from bridge.asking import Asking
from bridge.errors import BotFailed, Gone, Unreachable
from bridge.model import Act, TurnId
from bridge.ports import Clears
from bridge.texts import text
from bridge.tooling import Tooling

log = logging.getLogger(__name__)

CLEAR_SECONDS = 20.0
"""What Coze gets to begin a new section; then it is tried again."""


async def perform(tooling: Tooling) -> None:
    """Does it; what there is to say stands in the answer then. Raises BridgeError."""
    asking = tooling.asking
    name, _, about = asking.turn.act.partition(":")
    match name:
        case Act.ALLOW | Act.DECLINE:
            await tooling.decide(TurnId(int(about)), allowed=name == Act.ALLOW)
        case Act.CLEAR:
            await tooling.clear_the_way()
            if not asking.halt.asked.is_set():
                asking.answer.note = text(await _cleared(asking), asking.turn.language)
        case _:
            raise BotFailed(f"an act that this version does not know: {name}")


async def _cleared(asking: Asking) -> str:
    """Begins a new section, or a new conversation where there are no sections; what is to be said of it."""
    turn, bot = asking.turn, asking.bot
    if not turn.coze_conversation:
        return "clear_nothing"
    if not isinstance(bot, Clears):
        await asking.store.forget_conversation(turn)
        return "cleared_anew"
    try:
        async with asyncio.timeout(CLEAR_SECONDS):
            await bot.clear(turn.coze_conversation)
    except Gone:
        log.info("the Coze conversation to be cleared is gone")
        await asking.store.forget_conversation(turn)
    except TimeoutError:
        raise Unreachable("Coze does not clear the context in time") from None
    return "cleared"
