"""Pace: never more than the platform allows in any window, no call inside a penalty, finals first, no starvation."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.pace import CALM_SECONDS, Claim, Kind, Pace
from bridge.ports import Budget

budgets = st.builds(Budget, name=st.just("chat"), burst=st.integers(1, 20), every=st.floats(0.02, 10, allow_nan=False))
demands = st.lists(st.tuples(st.floats(0, 5), st.sampled_from(list(Kind))), min_size=1, max_size=60)


def play(budget, wishes, *, start=0.0, pace=None):
    """Each wish waits as long as `delay` says, then goes out; the times at which they went out."""
    pace, now, out = pace or Pace(), start, []
    for pause, kind in wishes:
        now += pause
        while (delay := pace.delay([budget], kind, now)) > 0:
            now += delay
        pace.spend([budget], now)
        out.append(now)
    return out


@given(budgets, demands)
def test_never_more_than_burst_and_refill_in_any_window(budget, wishes):
    out = play(budget, wishes)
    for i, first in enumerate(out):
        for j in range(i, len(out)):
            window = out[j] - first
            assert j - i + 1 <= budget.burst + window / budget.every + 1e-3


@given(budgets, demands, st.floats(0.1, 7000))
def test_no_call_inside_a_penalty_of_any_kind(budget, wishes, penalty):
    pace = Pace()
    pace.penalise([budget], penalty, 100.0)
    assert all(at >= 100.0 + penalty for at in play(budget, wishes, start=100.0, pace=pace))


@given(budgets)
def test_a_final_never_waits_for_previews(budget):
    pace, now = Pace(), 0.0
    for _ in range(100):
        if pace.delay([budget], Kind.PREVIEW, now) == 0:
            pace.spend([budget], now)
    if budget.burst >= 2:
        assert pace.delay([budget], Kind.FINAL, now) == 0


@given(budgets, st.sampled_from(list(Kind)))
def test_whoever_waits_as_told_gets_through(budget, kind):
    pace, now = Pace(), 0.0
    for _ in range(30):
        waits = 0
        while (delay := pace.delay([budget], kind, now)) > 0:
            now += delay
            waits += 1
            assert waits < 4
        pace.spend([budget], now)


@given(budgets, st.floats(1, 100))
@settings(max_examples=50)
def test_a_penalty_slows_its_bucket_down_for_a_while_and_no_other(budget, penalty):
    pace, other = Pace(), Budget(name="other", burst=5, every=1.0)
    pace.penalise([other, budget], penalty, 0.0)
    assert pace.delay([other], Kind.FINAL, 0.0) == 0
    assert pace.delay([other, budget], Kind.FINAL, 0.0) >= penalty
    out = play(budget, [(0.0, Kind.FINAL)] * (budget.burst + 2), start=penalty + 1, pace=pace)
    slow = [later - sooner for sooner, later in zip(out[-3:], out[-2:], strict=False) if later < penalty + CALM_SECONDS]
    assert all(gap >= budget.every * 1.99 for gap in slow[1:])


def test_chats_that_have_been_silent_are_forgotten_and_penalties_are_not(monkeypatch):
    monkeypatch.setattr("bridge.pace.ROOM", 100)
    pace = Pace()
    punished = Budget(name="punished", burst=3, every=1.0)
    pace.penalise([punished], 7000.0, 0.0)
    for number in range(1000):
        pace.spend([Budget(name=f"chat {number}", burst=3, every=1.0)], number * 5.0)
    assert len(pace._buckets) < 300
    assert pace.delay([punished], Kind.FINAL, 6000.0) > 1000


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 2)), min_size=1, max_size=40))
def test_the_platform_sees_no_more_than_the_budget_however_long_calls_take_to_arrive(calls):
    """A call may arrive at any moment while it is under way: late ones must not bunch up with the next."""
    budget = Budget(name="chat", burst=3, every=1.0, serial=True)
    pace, now, arrived = Pace(), 0.0, []
    for pause, under_way in calls:
        now += pause
        while (delay := pace.delay([budget], Kind.FINAL, now)) > 0:
            now += delay
        pace.spend([budget], now)
        now += under_way
        arrived.append(now)
        pace.returned([budget], now)
    for i, first in enumerate(arrived):
        for j in range(i, len(arrived)):
            assert j - i + 1 <= budget.burst + (arrived[j] - first) / budget.every + 1e-3


@given(
    st.lists(
        st.tuples(st.floats(0, 3), st.sampled_from([Kind.FINAL, Kind.COMMAND, Kind.PREVIEW])), min_size=2, max_size=25
    ),
    budgets,
)
def test_those_who_wait_go_in_order_of_kind_and_of_their_wait(waiting, budget):
    """And nobody asks more than a few times, however many wait: each is told when its turn will come."""
    pace, now, out = Pace(), 10.0, []
    for _ in range(budget.burst):
        pace.spend([budget], now)
    line = {Claim(since=now - age): kind for age, kind in waiting}
    due = dict.fromkeys(line, now)
    asked = 0
    while due:
        claim = min(due, key=lambda claim: (due[claim], claim.since))
        now = max(now, due[claim])
        asked += 1
        if (delay := pace.delay([budget], line[claim], now, claim)) > 0:
            due[claim] = now + delay
            continue
        pace.spend([budget], now)
        out.append((line[claim], claim.since))
        del due[claim]
    assert out == sorted(out)
    assert asked <= 4 * len(waiting) + 4
    assert not pace._claims


def test_who_must_wait_for_its_own_chat_is_in_nobodys_way():
    pace = Pace()
    account, busy, free = (
        Budget(name="all", burst=2, every=1.0),
        Budget(name="busy", burst=1, every=50.0),
        Budget(name="free", burst=1, every=1.0),
    )
    pace.spend([account, busy], 0.0)
    first, second = Claim(since=0.0), Claim(since=5.0)
    assert pace.delay([account, busy], Kind.FINAL, 10.0, first) > 30
    assert pace.delay([account, free], Kind.FINAL, 10.0, second) == 0


def test_who_leaves_the_line_makes_room():
    pace, budget = Pace(), Budget(name="all", burst=1, every=1.0)
    pace.spend([budget], 0.0)
    first, second = Claim(since=0.0), Claim(since=0.5)
    pace.delay([budget], Kind.FINAL, 0.5, first)
    assert 1.4 < pace.delay([budget], Kind.FINAL, 0.5, second) < 1.6
    pace.leave(first)
    assert 0.4 < pace.delay([budget], Kind.FINAL, 0.5, second) < 0.6
