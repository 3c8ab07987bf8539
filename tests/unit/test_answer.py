"""The fold of Coze's events."""

import pytest

from bridge.answer import (
    ActionRequired,
    Answer,
    ChatStarted,
    MessageCompleted,
    ReasoningDelta,
    Source,
    SourcesFound,
    Suggested,
    TextDelta,
    ToolCalled,
    ToolReturned,
    Used,
    clean,
)
from bridge.model import ToolCall, TurnState


def folded(*events) -> Answer:
    answer = Answer()
    for event in events:
        answer.add(event)
    return answer


def test_deltas_grow_and_the_completed_message_replaces_them():
    answer = folded(ChatStarted("c", "k"), TextDelta("m", "Hel"), TextDelta("m", "lo"))
    assert answer.text == "Hello"
    answer.add(MessageCompleted("m", "Hello!"))
    assert answer.text == "Hello!"


def test_several_answers_of_one_chat_stand_apart_in_the_order_in_which_they_began():
    answer = folded(TextDelta("a", "first"), TextDelta("b", "second"), MessageCompleted("a", "first."))
    assert answer.text == "first.\n\nsecond"


def test_a_blank_message_leaves_no_gap():
    assert folded(MessageCompleted("a", " \n"), MessageCompleted("b", "said")).text == "said"


def test_reasoning_is_kept_apart_from_the_text():
    answer = folded(ReasoningDelta("m", "hm"), MessageCompleted("m", "42", reasoning="hm, well"))
    assert (answer.text, answer.reasoning) == ("42", {"m": "hm, well"})


def test_the_tool_at_work_is_known_until_it_returns():
    answer = folded(ToolCalled("weather"))
    assert answer.tool == "weather"
    answer.add(ToolReturned())
    assert answer.tool == ""


def test_sources_are_told_once():
    source = Source("policy.pdf", "https://example.com/p")
    assert folded(SourcesFound((source,)), SourcesFound((source, Source("b")))).sources == [source, Source("b")]


def test_everything_survives_the_store():
    answer = folded(
        TextDelta("m", "text 文字 😀"),
        ReasoningDelta("m", "why"),
        SourcesFound((Source("t", "u"),)),
        Suggested("and then?"),
        Used(10, 5),
        ActionRequired((ToolCall(id="1", name="get_rain", arguments="{}"),)),
    )
    answer.outcome, answer.error, answer.note = TurnState.FAILED, "4028", "sorry"
    assert Answer.load(answer.dump()) == answer


@pytest.mark.parametrize(
    ("given", "expected"),
    [("plain", "plain"), ("a\0b", "a\ufffdb"), ("x\ud800y", "x\ufffdy"), ("😀 文字", "😀 文字"), ("", "")],
)
def test_clean_replaces_what_no_database_takes(given, expected):
    assert clean(given) == expected
    assert folded(TextDelta("m", given)).messages["m"] == expected


def test_what_no_database_takes_is_taken_out_of_everything_that_coze_names():
    """Coze's knowledge and tools come as JSON inside of JSON, in which half a character may stand."""
    answer = folded(
        SourcesFound((Source("a\ud83d", "https://example.com/\udc00"),)),
        ToolCalled("tool\ud83d"),
        ActionRequired((ToolCall(id="1", name="wanted\0\ud83d", arguments="{}"),)),
    )
    answer.dump().encode()
    assert answer.sources == [Source("a\ufffd", "https://example.com/\ufffd")]
    assert (answer.tool, [call.name for call in answer.calls]) == ("tool\ufffd", ["wanted\ufffd\ufffd"])


def test_an_answer_that_an_older_version_wrote_down_is_read():
    old = (
        '{"messages": {"m": "said"}, "reasoning": {}, "tool": "", "sources": [{"title": "a", "url": ""}], '
        '"suggestions": ["next?"], "tools_wanted": [], "tokens": 3, "note": "", "outcome": "delivered", "error": ""}'
    )
    assert Answer.load(old) == Answer(
        messages={"m": "said"}, sources=[Source("a")], suggestions=["next?"], tokens=3, outcome=TurnState.DELIVERED
    )
