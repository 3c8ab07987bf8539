"""How long a turn is tried again, and in which state it waits for that."""

from bridge.errors import Transient
from bridge.model import TurnState

ASK_DELAYS = (1.0, 2.0, 4.0, 8.0, 10.0)
"""Seconds between attempts to ask Coze; after the last, the person is told. Less than half a minute in all."""
ASK_ATTEMPTS = {"rate": 4, "model": 2, "failed": 2}
"""How many of those delays are worth it, by cause, where that is not all of them."""
REASK_ATTEMPTS = 2
"""The same for a chat that began and failed before it said anything: each attempt is billed."""
RECALL_DELAYS = (1.0, 2.0, 4.0, 8.0) + (15.0,) * 40
"""The same for an answer that Coze has already begun: it is worth ten minutes."""
RERUN_DELAYS = (1.0, 4.0, 10.0)
"""The same for what can only be begun anew (`Bot.recalls`) and was cut: each attempt runs it from the start."""
DELIVERY_DELAYS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""The same for an answer that only has to be shown: the last is repeated for as long as it takes."""
BUG_ATTEMPTS = 3


def where_to_resume(state: TurnState, error: Transient, *, recalls: bool = True) -> tuple[TurnState, tuple[float, ...]]:
    """In which state the turn waits for its next attempt, and how many seconds before each."""
    if state is TurnState.FINALISING:
        return state, DELIVERY_DELAYS
    if state is TurnState.STREAMING and not recalls:
        return state, RERUN_DELAYS
    if state is TurnState.STREAMING:
        return (TurnState.RECEIVED, ASK_DELAYS[:REASK_ATTEMPTS]) if error.certain else (state, RECALL_DELAYS)
    delays = ASK_DELAYS[: ASK_ATTEMPTS.get(error.say, len(ASK_DELAYS))]
    return (TurnState.RECEIVED if error.certain else TurnState.CLAIMED), delays
