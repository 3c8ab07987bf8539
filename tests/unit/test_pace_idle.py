"""What nobody would miss: a courtesy goes out only where no call waits and the reserves are full."""

from bridge.pace import Claim, Kind, Pace
from bridge.ports import Budget

SHARED = Budget(name="account", burst=4, every=1.0)
OWN = Budget(name="account:chat", burst=1, every=1.0)


def test_an_untouched_budget_is_idle():
    assert Pace().is_idle([SHARED], now=0.0)
    assert Pace().is_idle([], now=0.0)


def test_the_reserve_for_what_matters_more_is_left_alone():
    pace = Pace()
    pace.spend([SHARED], 0.0)
    pace.spend([SHARED], 0.0)
    assert pace.delay([SHARED], Kind.PREVIEW, 0.0) == 0
    assert not pace.is_idle([SHARED], now=0.0)
    assert pace.is_idle([SHARED], now=2.0)


def test_whoever_stands_in_line_goes_first():
    pace, claim = Pace(), Claim()
    pace.spend([SHARED, OWN], 0.0)
    assert pace.delay([SHARED, OWN], Kind.PREVIEW, 0.1, claim) > 0
    assert not pace.is_idle([SHARED], now=5.0), "it has not asked again yet"
    pace.leave(claim, 5.0)
    assert pace.is_idle([SHARED], now=5.0)


def test_a_penalty_is_no_idle_time():
    pace = Pace()
    pace.penalise([SHARED], 10.0, 0.0)
    assert not pace.is_idle([SHARED], now=5.0)
