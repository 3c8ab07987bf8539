"""The line of those who wait for one budget: who goes first, that all get through, and what a look costs."""

import heapq
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.virtual import Spoken, Stage
from bridge.line import FULL, MOST_EXTRA, Kind, weight
from bridge.pace import Claim, Pace
from bridge.ports import Budget

budgets = st.builds(Budget, name=st.just("all"), burst=st.integers(1, 20), every=st.floats(0.02, 10, allow_nan=False))
waiting_kinds = st.sampled_from([Kind.FINAL, Kind.COMMAND, Kind.PREVIEW])


class Crowd:
    """Claims that look when they were told to, and when they are called, in virtual time."""

    def __init__(self, budget, now=0.0):
        self.pace, self.budget, self.now = Pace(), budget, now
        self.kinds, self.alarms = {}, {}
        self.due, self.numbers, self.looks = [], itertools.count(), 0

    def join(self, claim, kind):
        self.kinds[claim] = kind
        claim.wake = lambda: self.set_alarm(claim, self.now)
        self.set_alarm(claim, self.now)

    def set_alarm(self, claim, when):
        self.alarms[claim] = number = next(self.numbers)
        heapq.heappush(self.due, (when, number, claim))

    def next(self):
        """The claim that goes out next, after all the looks that it takes."""
        while True:
            when, number, claim = heapq.heappop(self.due)
            if self.alarms.get(claim) != number:
                continue
            self.now = max(self.now, when)
            self.looks += 1
            delay = self.pace.delay([self.budget], self.kinds[claim], self.now, claim)
            if delay > 0:
                if self.alarms.get(claim) == number:
                    self.set_alarm(claim, self.now + delay)
                continue
            self.pace.spend([self.budget], self.now)
            del self.alarms[claim]
            return claim


@given(
    st.lists(st.tuples(st.floats(0, 30), waiting_kinds, st.integers(0, 3000)), min_size=2, max_size=25),
    st.lists(st.integers(0, 3000), min_size=25, max_size=25),
    budgets,
)
def test_those_who_wait_go_in_order_of_kind_and_of_their_wait_and_text(waiting, growth, budget):
    """Also while their texts grow, which they do not tell; and nobody looks more than a few times, whoever waits."""
    crowd = Crowd(budget, now=100.0)
    for _ in range(budget.burst):
        crowd.pace.spend([budget], crowd.now)
    line = [Claim(since=crowd.now - age, unseen=unseen) for age, _, unseen in waiting]
    for claim, (_, kind, _) in zip(line, waiting, strict=True):
        crowd.join(claim, kind)
    for more in growth[: len(line)]:
        went = crowd.next()
        others = [claim for claim in line if claim is not went]
        assert all(went.rank(crowd.now) <= other.rank(crowd.now) for other in others)
        line = others
        if line:
            line[0].unseen += more
    assert not line
    assert crowd.looks <= 5 * len(waiting)
    assert not crowd.pace._lines


def test_more_text_weighs_more_and_a_longer_wait_always_wins_in_the_end():
    assert weight(10.0, 500) > weight(10.0, 5)
    assert weight(10.0, 10 * FULL) == weight(10.0, FULL) == 10 * (1 + MOST_EXTRA)
    assert weight(10 * (1 + MOST_EXTRA), 0) == weight(10.0, FULL)


@given(st.integers(2, 30), st.integers(0, 200))
@settings(max_examples=30)
def test_nobody_starves_beside_others_who_always_have_more_to_show(many, unseen):
    """Whoever went comes back at once with a long text: the one with the short text is let in all the same."""
    crowd = Crowd(Budget(name="all", burst=5, every=0.04))
    poor = Claim(since=crowd.now, unseen=unseen)
    crowd.join(poor, Kind.PREVIEW)
    for _ in range(many):
        crowd.join(Claim(since=crowd.now, unseen=9 * FULL), Kind.PREVIEW)
    grants = 1
    while crowd.next() is not poor:
        grants += 1
        assert grants <= 3 * many + 10
        crowd.join(Claim(since=crowd.now, unseen=9 * FULL), Kind.PREVIEW)


def test_a_final_that_comes_late_goes_before_all_previews():
    crowd = Crowd(Budget(name="all", burst=3, every=1.0))
    for _ in range(2):
        crowd.pace.spend([crowd.budget], 0.0)
    for number in range(50):
        crowd.join(Claim(since=-100.0 - number, unseen=5000), Kind.PREVIEW)
    crowd.next()
    crowd.join(final := Claim(since=crowd.now), Kind.FINAL)
    at = crowd.now
    assert crowd.next() is final
    assert crowd.now == at, "the reserve was there"


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


def test_who_leaves_the_line_makes_room_and_the_next_is_called():
    pace, budget, called = Pace(), Budget(name="all", burst=1, every=1.0), []
    pace.spend([budget], 0.0)
    first, second = Claim(since=0.0), Claim(since=0.5, wake=lambda: called.append("second"))
    assert 0.4 < pace.delay([budget], Kind.FINAL, 0.5, first) < 0.6
    assert pace.delay([budget], Kind.FINAL, 0.5, second) > 0.6
    assert not called
    pace.leave(first, 0.5)
    assert called
    assert 0.4 < pace.delay([budget], Kind.FINAL, 0.5, second) < 0.6
    pace.leave(second, 0.5)
    assert not pace._lines


def test_the_head_whose_chat_is_penalised_makes_way():
    pace = Pace()
    account = Budget(name="all", burst=1, every=1.0)
    mine, yours = (Budget(name=name, burst=3, every=1.0) for name in ("mine", "yours"))
    pace.spend([account], 0.0)
    called = []
    first, second = Claim(since=0.0), Claim(since=0.5, wake=lambda: called.append("second"))
    pace.delay([account, mine], Kind.FINAL, 0.5, first)
    pace.delay([account, yours], Kind.FINAL, 0.5, second)
    pace.penalise([account, mine], 100.0, 0.6)
    assert pace.delay([account, mine], Kind.FINAL, 1.0, first) > 90
    assert called
    assert pace.delay([account, yours], Kind.FINAL, 1.1, second) == 0


@pytest.mark.parametrize("answers", [200, 500])
def test_a_call_costs_a_few_looks_however_many_wait(answers):
    account = Budget(name="all", burst=3, every=1 / 27)
    chats = [Budget(name=f"chat {number}", burst=3, every=1.05, serial=True) for number in range(answers)]
    deltas = [(number / 5, 20) for number in range(50)]
    spoken = [Spoken(deltas=deltas, start=(account, chat), grow=(account, chat)) for chat in chats]
    played = Stage().play(spoken)
    assert len(played.ends) == answers
    assert played.looks <= 6 * len(played.calls)
    out = [at for at, _ in played.calls]
    assert all(later - sooner > 0.999 for sooner, later in zip(out, out[30:], strict=False)), "30 in a second"
