"""The bound that measured staleness is compared with: below every schedule that keeps to the budgets."""

import itertools
from bisect import bisect_right

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.bound import Allowance, greedy, least, unseen

DELTAS = st.lists(st.floats(0, 8), min_size=2, max_size=9, unique=True).map(sorted)


def cost(deltas, calls):
    return unseen(deltas, [(at, bisect_right(deltas, at)) for at in calls])


def fits(calls, burst, every):
    """A bucket that is full at first lets these calls through."""
    tokens, filled = burst, 0.0
    for at in calls:
        tokens, filled = min(burst, tokens + (at - filled) / every), at
        if tokens < 1 - 1e-9:
            return False
        tokens -= 1
    return True


def test_unseen_text_ages_until_it_is_seen():
    assert unseen([0.0, 1.0, 3.0], [(0.0, 1), (3.0, 3)]) == (3 - 1) ** 2 / 2
    assert unseen([0.0, 1.0], [(2.0, 2)]) == 2.0
    assert unseen([0.0, 1.0], [(0.5, 1), (0.7, 1), (1.0, 2)]) == 0.125


@settings(max_examples=40, deadline=None)
@given(DELTAS, st.integers(1, 3), st.floats(0.3, 3.0))
def test_no_schedule_of_one_answer_beats_the_bound(deltas, burst, every):
    bound = least([deltas], [Allowance(burst=burst, every=every, answers=[0])], rounds=30)
    moments = [*deltas, *(deltas[-1] + every * number / 2 for number in (1, 2, 4))]
    best = min(
        cost(deltas, calls)
        for size in range(1, 5)
        for calls in itertools.combinations(moments, size)
        if calls[-1] >= deltas[-1] and fits(calls, burst, every)
    )
    assert bound <= best + 1e-6


@settings(max_examples=40, deadline=None)
@given(st.lists(DELTAS, min_size=1, max_size=4), st.integers(1, 3), st.floats(0.3, 3.0))
def test_the_bound_is_below_what_an_eager_schedule_leaves(answers, burst, every):
    allowances = [Allowance(burst=burst, every=every, answers=range(len(answers)))]
    assert least(answers, allowances, rounds=20) <= greedy(answers, allowances) + 1e-6


def test_a_steady_stream_is_bounded_closely():
    deltas = [number / 40 for number in range(1600)]
    allowance = [Allowance(burst=1, every=1.0, answers=[0])]
    bound, eager = least([deltas], allowance) / 40, greedy([deltas], allowance) / 40
    assert 0.85 * eager < bound <= eager
