"""What is counted of one answer: each version once, and the first text when it is seen."""

import pytest

from adapters.metrics import Metrics
from bridge.answer import MessageCompleted, ReasoningDelta, TextDelta
from bridge.figures import Figures
from bridge.model import Address, ConversationId, Turn, TurnId, TurnState
from tests.clocks import StillClock
from tests.unit.test_metrics import families, value

ONE = ConversationId(1)


def turn(state=TurnState.CLAIMED, conversation: ConversationId | None = ONE, received_at=0.0):
    return Turn(
        id=TurnId(1),
        key="k",
        address=Address(platform="telegram", account="1", chat="7"),
        reply_to="",
        question="?",
        files=(),
        language="en",
        coze_user="u",
        conversation=conversation,
        coze_conversation="",
        state=state,
        attempts=0,
        asked_at=None,
        chat="",
        answer="",
        cancelled=False,
        received_at=received_at,
        lease="l",
    )


@pytest.fixture
def clock():
    return StillClock()


@pytest.fixture
def meter():
    return Metrics()


def figures(clock, meter, *, anew=True, previews=True, **of_turn):
    made = turn(received_at=clock.now(), **of_turn)
    return Figures(made, clock=clock, meter=meter, anew=anew, previews=previews)


def say(some, count, *, muted=False):
    for _ in range(count):
        some.heard(TextDelta("m", "x"), muted=muted)


def measured(meter, name):
    samples = families(meter)[f"coze_bridge_{name}"].samples
    return {s.name.removeprefix(f"coze_bridge_{name}_"): s.value for s in samples if not s.name.endswith("_bucket")}


def dropped(meter):
    return {
        cause: value(meter, "previews_dropped", platform="telegram", cause=cause) for cause in ("replaced", "given_up")
    }


def test_every_version_is_shown_replaced_or_given_up(clock, meter):
    some = figures(clock, meter)
    say(some, 3)
    some.painted(some.versions)
    some.painted(some.versions)  # its second page
    version = some.versions
    say(some, 2)  # while the call was under way
    some.painted(version)
    some.painted(some.versions)
    some.heard(ReasoningDelta("m", "hm"), muted=False)
    say(some, 4, muted=True)
    some.heard(MessageCompleted("m", "x", ""), muted=True)
    some.followed()
    assert value(meter, "previews_shown", platform="telegram") == 2
    assert dropped(meter) == {"replaced": 3, "given_up": 4}
    some.followed()
    assert dropped(meter) == {"replaced": 3, "given_up": 4}


def test_where_answers_do_not_grow_nothing_is_dropped(clock, meter):
    some = figures(clock, meter, previews=False)
    say(some, 3)
    some.followed()
    assert dropped(meter) == {"replaced": 0, "given_up": 0}


def test_the_first_text_is_measured_once_from_the_question_and_from_coze(clock, meter):
    some = figures(clock, meter)
    clock.time += 2
    say(some, 1)
    clock.time += 0.5
    some.painted(some.versions)
    clock.time += 60
    some.seen()
    assert some.first_text_seconds == 2.5
    assert measured(meter, "first_text_seconds") == {"count": 1, "sum": 2.5}
    assert measured(meter, "first_paint_seconds") == {"count": 1, "sum": 0.5}


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        ({}, 1),
        ({"anew": False}, 1),  # only a word that we are trying stands
        ({"anew": False, "state": TurnState.STREAMING}, 0),
        ({"anew": True, "state": TurnState.STREAMING}, 1),
        ({"conversation": None}, 0),
    ],
)
def test_a_first_text_that_may_have_been_seen_before_is_not_measured(clock, meter, kind, counted):
    some = figures(clock, meter, **kind)
    some.seen()
    assert sum(measured(meter, "first_text_seconds").values()) == counted * 1.0 or counted == 0
    assert (some.first_text_seconds is not None) == bool(counted)


def test_a_penalty_is_counted_for_the_platform_and_for_the_answer(clock, meter):
    some = figures(clock, meter)
    some.penalised(3.0)
    some.penalised(4.0)
    assert some.rate_limited == 2
    assert value(meter, "rate_limited", platform="telegram") == 2
    assert value(meter, "penalty_seconds", platform="telegram") == 7
