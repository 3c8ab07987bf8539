"""Pace: never more than the platform allows in any window, no call inside a penalty, finals first, no starvation."""

import asyncio
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.metrics import Metrics
from adapters.slack.limits import Seconds, limits
from adapters.telegram.adapter import TelegramAdapter
from bridge.clock import SystemClock
from bridge.model import Address
from bridge.pace import (
    CALM_SECONDS,
    MARGIN_SECONDS,
    MOST_SLOW_STRAIN,
    MOST_STRAIN,
    SLOW_SECONDS,
    Claim,
    Kind,
    Pace,
)
from bridge.ports import Budget, Verb
from simulators.slack.limits import Limits as SlackLimits
from simulators.telegram.flood import Flood

budgets = st.builds(Budget, name=st.just("chat"), burst=st.integers(1, 20), every=st.floats(0.02, 10, allow_nan=False))
kinds = st.sampled_from(list(Kind))
demands = st.lists(st.tuples(st.floats(0, 5), kinds), min_size=1, max_size=60)


def play(budget, wishes, *, start=0.0, pace=None):
    """Each wish waits as long as `delay` says, then goes out; the times at which they went out."""
    pace, now, out = pace or Pace(), start, []
    for pause, kind in wishes:
        now += pause
        while (delay := pace.delay([budget], kind, now)) > 0:
            now += delay
        pace.spend([budget], now)
        pace.returned([budget], now)
        out.append(now)
    return out


def most(times, seconds):
    """The most of them that fall into any window of that length."""
    return max(sum(start <= time < start + seconds for time in times) for start in times)


# ---- never more than N in any window


@given(budgets, demands)
def test_never_more_than_burst_and_refill_in_any_window(budget, wishes):
    out = play(budget, wishes)
    for i, first in enumerate(out):
        for j in range(i, len(out)):
            window = out[j] - first
            assert j - i + 1 <= budget.burst + window / budget.every + 1e-3


async def of_telegram():
    adapter = TelegramAdapter("123456:TEST", api_base="http://127.0.0.1:1", clock=SystemClock(), meter=Metrics())
    try:
        return {
            chat: adapter.limits.budgets(place("telegram", chat), Verb.EDIT) for chat in ("1", "2", "3", "-4", "-5")
        }
    finally:
        await adapter.aclose()


def place(platform, chat):
    return Address(platform=platform, account="T", chat=chat, thread="")


TELEGRAM = asyncio.run(of_telegram())
slack_budgets = limits("edit", seconds=Seconds(), grows=lambda _address: (False, True)).budgets
calls = st.lists(
    st.tuples(st.floats(0, 2), st.sampled_from(list(TELEGRAM)), kinds, st.floats(0, 1), st.floats(0, 1)),
    min_size=1,
    max_size=150,
)


@given(calls)
def test_telegram_never_sees_more_than_it_takes(wishes):
    """With the budgets of the real adapter, wherever in its way each call is counted, by the simulator's judgement."""
    pace, flood, now, arrived, free = Pace(), Flood(), 0.0, {}, {}
    for pause, chat, kind, took, counted in wishes:
        now = max(now + pause, free.get(chat, 0.0))
        while (delay := pace.delay(TELEGRAM[chat], kind, now)) > 0:
            now += delay
        pace.spend(TELEGRAM[chat], now)
        arrived.setdefault(chat, []).append(now + took * counted)
        free[chat] = now + took
        pace.returned(TELEGRAM[chat], now + took, took=took)
    out = sorted((time, chat) for chat, times in arrived.items() for time in times)
    assert not any(flood.admit("editMessageText", chat, time).retry_after for time, chat in out)
    assert all(most(times, 60) <= 20 for chat, times in arrived.items() if chat.startswith("-"))


@given(st.lists(st.tuples(st.floats(0, 0.1), st.sampled_from(list(TELEGRAM))), min_size=60, max_size=200))
def test_the_account_never_makes_more_than_thirty_calls_in_a_second(wishes):
    pace, now, out = Pace(), 0.0, []
    account = [budgets[0] for budgets in TELEGRAM.values()][:1]
    for pause, _ in wishes:
        now += pause
        while (delay := pace.delay(account, Kind.FINAL, now)) > 0:
            now += delay
        pace.spend(account, now)
        out.append(now)
    assert most(out, 1.0) <= 30


@pytest.mark.parametrize(
    ("budget", "seconds", "takes"),
    [
        (TELEGRAM["1"][0], 1, 30),
        (TELEGRAM["1"][1], 60, 63),
        (TELEGRAM["-4"][1], 60, 20),
        (slack_budgets(place("slack", "C"), Verb.EDIT)[0], 60, 50),
        (slack_budgets(place("slack", "C"), Verb.DELETE)[0], 60, 50),
        (slack_budgets(place("slack", "C"), Verb.SEND)[0], 60, 300),
        (slack_budgets(place("slack", "C"), Verb.SEND)[1], 60, 63),
    ],
    ids=["account", "private", "group", "update", "delete", "post", "channel"],
)
@pytest.mark.parametrize("kind", [Kind.FINAL, Kind.PREVIEW])
def test_as_fast_as_it_may_each_real_budget_stays_within_what_the_platform_takes(budget, seconds, takes, kind):
    out = play(budget, [(0.0, kind)] * (5 * takes))
    assert most(out, seconds) <= takes
    assert most(out, seconds) >= 0.8 * takes, "and wastes little"


METHODS = {
    Verb.SEND: ("chat.postMessage", 300),
    Verb.EDIT: ("chat.update", 50),
    Verb.DELETE: ("chat.delete", 50),
    Verb.WORKING: ("assistant.threads.setStatus", 600),
}


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from(list(METHODS)), st.sampled_from("AB"), kinds),
        min_size=1,
        max_size=200,
    )
)
def test_slack_never_sees_more_than_it_takes(wishes):
    pace, judge, now, out = Pace(), SlackLimits(), 0.0, {}
    for pause, verb, channel, kind in wishes:
        allowed, (method, _) = slack_budgets(place("slack", channel), verb), METHODS[verb]
        now += pause
        while (delay := pace.delay(allowed, kind, now)) > 0:
            now += delay
        pace.spend(allowed, now)
        pace.returned(allowed, now)
        assert judge.check(method, channel, now) == 0.0
        out.setdefault(verb, []).append(now)
    assert all(most(times, 60) <= METHODS[verb][1] for verb, times in out.items())


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


def test_calls_to_one_chat_go_out_one_after_another():
    """Two under way at once would both meet the same penalty, the second inside it."""
    chat = Budget(name="chat", burst=3, every=1.0, serial=True)
    called = []
    pace, waiting = Pace(), Claim(wake=partial(called.append, 1))
    pace.spend([chat], 0.0)
    assert pace.delay([chat], Kind.TYPING, 0.1) > 0
    assert pace.delay([chat], Kind.FINAL, 0.1, waiting) > 0
    assert not called
    pace.returned([chat], 0.2)
    assert called
    assert pace.delay([chat], Kind.FINAL, 0.2, waiting) == 0


# ---- penalties


@given(budgets, demands, st.floats(0.1, 7000))
def test_no_call_inside_a_penalty_of_any_kind(budget, wishes, penalty):
    pace = Pace()
    pace.penalise([budget], penalty, 100.0)
    assert all(at >= 100.0 + penalty for at in play(budget, wishes, start=100.0, pace=pace))


@given(
    budgets,
    st.lists(st.tuples(st.floats(0, 5), kinds, st.floats(0, 100) | st.none()), min_size=1, max_size=40),
)
def test_no_call_inside_penalties_that_come_in_between_and_never_too_many(budget, wishes):
    pace, now, until, out = Pace(), 0.0, 0.0, []
    for pause, kind, penalty in wishes:
        now += pause
        while (delay := pace.delay([budget], kind, now)) > 0:
            now += delay
        assert now >= until
        pace.spend([budget], now)
        out.append(now)
        if penalty is not None:
            pace.penalise([budget], penalty, now)
            until = now + penalty
    for i, first in enumerate(out):
        for j in range(i, len(out)):
            assert j - i + 1 <= budget.burst + (out[j] - first) / budget.every + 1e-3


@given(budgets, st.floats(20, 7000), st.integers(0, 20))
def test_a_final_goes_out_at_the_very_end_of_a_penalty_and_no_preview_with_it(budget, penalty, before):
    pace = Pace()
    for _ in range(min(before, budget.burst)):
        pace.spend([budget], 0.0)
    pace.penalise([budget], penalty, 0.0)
    assert pace.delay([budget], Kind.FINAL, 0.0) == pytest.approx(penalty + MARGIN_SECONDS, abs=1e-3)
    if budget.burst > 1:
        assert pace.delay([budget], Kind.PREVIEW, penalty + MARGIN_SECONDS) >= budget.every * 1.99


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


def test_each_penalty_doubles_the_time_between_previews_and_each_calm_minute_takes_half_of_that_back():
    pace, chat, now = Pace(), Budget(name="chat", burst=3, every=1.0), 0.0

    def apart(now):
        """Seconds between two previews from then on."""
        first, second = play(chat, [(0.0, Kind.PREVIEW)] * 2, start=now, pace=pace)
        return second - first

    for times in (2, 4, 8, 8):
        pace.penalise([chat], 10.0, now)
        pace.penalise([chat], 9.0, now)  # of another call that was under way: the same strike
        now += 10 + MARGIN_SECONDS + 20
        assert apart(now) == pytest.approx(times, abs=0.01)
        now += 30
    assert times == MOST_STRAIN
    now = pace._buckets["chat"].strained_at + CALM_SECONDS
    found = []
    for _ in range(8):
        found.append(apart(now + 20))
        now += CALM_SECONDS
    assert found[:3] == pytest.approx([1 + 7 / 2, 1 + 7 / 4, 1 + 7 / 8], abs=0.01)
    assert sorted(found, reverse=True) == found
    assert found[-1] <= 1.01
    assert pace.delay([chat], Kind.FINAL, now) == 0


def test_a_final_is_not_slowed_down_by_what_strains_previews():
    pace, chat, now = Pace(), Budget(name="chat", burst=3, every=1.0), 0.0
    for _ in range(3):
        pace.penalise([chat], 5.0, now)
        now += 6
    pace.spend([chat], now)
    assert pace.delay([chat], Kind.PREVIEW, now) > 7
    assert pace.delay([chat], Kind.FINAL, now) <= 2.01, "one token at half speed"


def test_a_call_that_came_back_slowly_is_a_warning_for_previews_only():
    pace, chat = Pace(), Budget(name="chat", burst=3, every=1.0, serial=True)
    for number in range(4):
        now = number * 10.0
        pace.spend([chat], now)
        pace.returned([chat], now + SLOW_SECONDS + 1, took=SLOW_SECONDS + 1)
    now = 60.0
    pace.spend([chat], now)
    pace.returned([chat], now)
    assert pace.delay([chat], Kind.FINAL, now) == 0
    assert pace.delay([chat], Kind.PREVIEW, now) == pytest.approx(MOST_SLOW_STRAIN, abs=0.01)
    assert pace.delay([chat], Kind.PREVIEW, now + 10 * CALM_SECONDS) == 0


def test_the_penalty_of_an_earlier_process_is_honoured():
    pace, chat = Pace(), Budget(name="chat", burst=3, every=1.0)
    pace.remember("chat", 50.0, 100.0)
    for kind in Kind:
        assert pace.delay([chat], kind, 149.9) > 0
    assert pace.delay([chat], Kind.FINAL, 150.0) == 0
    assert pace.delay([chat], Kind.PREVIEW, 150.0) > 1


def test_chats_that_have_been_silent_are_forgotten_and_penalties_are_not(monkeypatch):
    monkeypatch.setattr("bridge.pace.ROOM", 100)
    pace = Pace()
    punished = Budget(name="punished", burst=3, every=1.0)
    pace.penalise([punished], 7000.0, 0.0)
    for number in range(1000):
        pace.spend([Budget(name=f"chat {number}", burst=3, every=1.0)], number * 5.0)
    assert len(pace._buckets) < 300
    assert pace.delay([punished], Kind.FINAL, 6000.0) > 1000


# ---- finals first


@given(budgets)
def test_a_final_never_waits_for_previews(budget):
    pace, now = Pace(), 0.0
    for _ in range(100):
        if pace.delay([budget], Kind.PREVIEW, now) == 0:
            pace.spend([budget], now)
    if budget.burst >= 2:
        assert pace.delay([budget], Kind.FINAL, now) == 0


@pytest.mark.parametrize("chat", list(TELEGRAM))
def test_the_first_text_goes_out_at_once_after_typing(chat):
    pace = Pace()
    for kind in (Kind.TYPING, Kind.PREVIEW):
        assert pace.delay(TELEGRAM[chat], kind, 0.0) == 0
        pace.spend(TELEGRAM[chat], 0.0)
        pace.returned(TELEGRAM[chat], 0.0)
    assert pace.delay(TELEGRAM[chat], Kind.FINAL, 0.0) == 0, "and the reserve is still there"


@given(budgets, kinds)
def test_whoever_waits_as_told_gets_through(budget, kind):
    pace, now = Pace(), 0.0
    for _ in range(30):
        waits = 0
        while (delay := pace.delay([budget], kind, now)) > 0:
            now += delay
            waits += 1
            assert waits < 4
        pace.spend([budget], now)
