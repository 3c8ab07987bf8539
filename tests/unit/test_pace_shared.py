"""The pace, where other processes use up the same budgets: what it learns of them, and calls that did not go out."""

import pytest

from bridge.pace import CALM_SECONDS, Claim, Kind, Pace, spare
from bridge.ports import Budget

ACCOUNT = Budget(name="account", burst=3, every=0.5)
CHAT = Budget(name="chat", burst=3, every=1.0, serial=True)


def test_what_others_used_up_is_waited_for_and_finals_wait_less():
    pace = Pace()
    pace.learn(ACCOUNT, 1.0, 0.0)
    assert pace.delay([ACCOUNT], Kind.FINAL, 0.0) == 0
    assert pace.delay([ACCOUNT], Kind.PREVIEW, 0.0) == pytest.approx(0.5, abs=0.01)
    pace.learn(ACCOUNT, -1.0, 0.0)
    assert pace.delay([ACCOUNT], Kind.FINAL, 0.0) == pytest.approx(1.0, abs=0.01)
    assert pace.delay([ACCOUNT], Kind.FINAL, 1.01) == 0


def test_nobody_gains_by_what_others_left():
    pace = Pace()
    for _ in range(3):
        pace.spend([ACCOUNT], 0.0)
    pace.learn(ACCOUNT, 3.0, 0.0)
    assert pace.delay([ACCOUNT], Kind.FINAL, 0.0) > 0


def test_to_learn_is_no_strike():
    pace = Pace()
    for now in range(20):
        pace.learn(CHAT, 0.0, float(now))
    pace.spend([CHAT], 30.0)
    pace.returned([CHAT], 30.0)
    assert pace.delay([CHAT], Kind.PREVIEW, 30.0) == 0, "a strained bucket keeps previews apart"


def test_in_a_penalty_nothing_is_learned():
    pace = Pace()
    pace.penalise([CHAT], 10.0, 0.0)
    pace.learn(CHAT, -100.0, 1.0)
    assert pace.delay([CHAT], Kind.FINAL, 1.0) < 10


def test_a_call_that_did_not_go_out_leaves_all_as_it_was():
    pace = Pace()
    for _ in range(10):
        assert pace.delay([ACCOUNT, CHAT], Kind.PREVIEW, 0.0) == 0
        pace.spend([ACCOUNT, CHAT], 0.0)
        assert pace.delay([ACCOUNT, CHAT], Kind.PREVIEW, 0.0) > 0, "one is under way"
        pace.unspend([ACCOUNT, CHAT], 0.0)
    for _ in range(10):
        pace.unspend([ACCOUNT, CHAT], CALM_SECONDS)
    for _ in range(ACCOUNT.burst):
        pace.spend([ACCOUNT], CALM_SECONDS)
    assert pace.delay([ACCOUNT], Kind.FINAL, CALM_SECONDS) > 0, "no bucket is fuller than full"


def test_who_waits_for_a_chat_is_called_when_a_call_did_not_go_out():
    pace, called = Pace(), []
    pace.spend([ACCOUNT, CHAT], 0.0)
    waiting = Claim(wake=lambda: called.append(True))
    assert pace.delay([ACCOUNT, CHAT], Kind.FINAL, 0.0, waiting) > 0
    pace.unspend([ACCOUNT, CHAT], 0.0)
    assert called
    assert pace.delay([ACCOUNT, CHAT], Kind.FINAL, 0.0, waiting) == 0


@pytest.mark.parametrize("burst", range(1, 25))
def test_what_is_spared_for_others_leaves_something_for_all(burst):
    budget = Budget(name="any", burst=burst, every=1.0)
    spared = [spare(budget, kind) for kind in Kind]
    assert spared == sorted(spared)
    assert spared[Kind.FINAL] == 0
    assert max(spared) < burst
