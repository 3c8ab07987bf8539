"""Where a turn goes on after something went wrong for now."""

import pytest

from bridge.errors import Transient, Unreachable, Unsure
from bridge.model import TurnState
from bridge.patience import where_to_resume


@pytest.mark.parametrize("state", [TurnState.CLAIMED, TurnState.STREAMING, TurnState.FINALISING])
def test_who_was_only_held_up_asks_nothing_anew(state):
    assert where_to_resume(state, Unsure())[0] is state


def test_what_surely_did_not_happen_is_asked_anew():
    assert where_to_resume(TurnState.CLAIMED, Transient("refused"))[0] is TurnState.RECEIVED
    assert where_to_resume(TurnState.STREAMING, Transient("the chat failed"))[0] is TurnState.RECEIVED


def test_what_may_have_happened_is_looked_for():
    lost = Unreachable("the answer was lost", certain=False)
    assert where_to_resume(TurnState.CLAIMED, lost)[0] is TurnState.CLAIMED
    assert where_to_resume(TurnState.STREAMING, lost)[0] is TurnState.STREAMING


def test_what_cannot_be_recalled_goes_on_where_it_is():
    assert where_to_resume(TurnState.STREAMING, Transient("cut"), recalls=False)[0] is TurnState.STREAMING
