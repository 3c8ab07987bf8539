"""How old text is before it can be seen, in virtual time, under the order in which those who wait are served."""

import pytest

from benchmarks.virtual import Spoken, Stage, talk
from bridge.ports import Budget


def private(number):
    """What the Telegram adapter's budgets are by default."""
    account = Budget(name="account", burst=3, every=1 / 27)
    chat = Budget(name=f"chat {number}", burst=3, every=1.05, serial=True)
    return (account, chat), (account, chat)


def slack(number):
    post = Budget(name="post", burst=20, every=0.25)
    channel = Budget(name=f"channel {number}", burst=3, every=1.05, serial=True)
    return (post, channel), (Budget(name="update", burst=6, every=1.37),)


WORLDS = [(private, 60, 2), (private, 200, 1), (slack, 10, 12), (slack, 40, 4)]
"""Where, how many answers side by side, and how many such evenings are averaged."""


def play(where, answers, seed=0):
    spoken = []
    for number in range(answers):
        start, grow = where(number)
        spoken.append(Spoken(deltas=talk(1000 * seed + number), start=start, grow=grow))
    return Stage().play(spoken)


@pytest.mark.parametrize(("where", "answers", "evenings"), WORLDS)
def test_to_weigh_text_as_well_as_waiting_costs_next_to_nothing(where, answers, evenings, monkeypatch):
    """Against the longest wait alone; the plain product of both costs up to half as much again."""
    stale = {}
    for order in ("ours", "age"):
        if order == "age":
            monkeypatch.setattr("bridge.line.weight", lambda age, _unseen: age)
        played = [play(where, answers, seed) for seed in range(evenings)]
        stale[order] = sum(one.unseen for one in played) / sum(one.lasted for one in played)
        assert all(len(one.ends) == answers for one in played)
    assert stale["ours"] <= 1.03 * stale["age"]


@pytest.mark.parametrize(
    ("where", "answers"), [(private, 1), (private, 20), (private, 60), (private, 200), (slack, 10), (slack, 40)]
)
def test_every_answer_is_seen_whole_soon_after_its_end(where, answers):
    played = play(where, answers)
    assert len(played.ends) == answers
    start, grow = where(0)
    # Finals go before all previews: they wait for one another, and for the call to the chat that is under way.
    assert max(played.ends) <= answers * max(grow[0].every, start[0].every) + 2 * max(grow[-1].every, 1.05) + 0.2
