"""Of a message that grows, what was thought and what is said only ever grow, however it is cut into pieces."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.answer import Answer, MessageCompleted, TextDelta
from bridge.thinking import apart

bits = st.sampled_from(
    [
        "<think>",
        "</think>",
        "<thinking>",
        "</thinking>",
        "<THINK>",
        "<",
        ">",
        "/",
        "think",
        "`",
        "```",
        "\n",
        " ",
        "a",
        "文",
    ]
)
messages = st.lists(bits, max_size=14).map("".join)


@given(messages)
@settings(max_examples=1000)
def test_every_prefix_shows_a_prefix_of_what_the_whole_shows(message):
    final = apart(message, whole=True)
    for end in range(len(message) + 1):
        shown = apart(message[:end], whole=False)
        if shown.text.strip():
            assert final.text.startswith(shown.text), end
            assert shown.reasoning == final.reasoning
        elif shown.reasoning:
            assert final.reasoning.startswith(shown.reasoning), end


@given(messages)
@settings(max_examples=500)
def test_no_tag_at_the_beginning_is_ever_seen(message):
    for end in range(len(message) + 1):
        shown = apart(message[:end], whole=False)
        assert not shown.text.lstrip().lower().startswith(("<think>", "<thinking>"))


@given(messages, st.lists(st.integers(0, 80), max_size=8))
@settings(max_examples=500)
def test_how_it_is_cut_into_pieces_changes_nothing(message, cuts):
    answer, places = Answer(), sorted({0, len(message), *(cut for cut in cuts if cut < len(message))})
    for start, stop in pairwise(places):
        answer.add(TextDelta("m", message[start:stop]))
    whole = Answer()
    whole.add(TextDelta("m", message))
    assert answer.said == whole.said
    answer.add(MessageCompleted("m", message))
    expected = apart(message, whole=True)
    assert [(said.reasoning, said.text) for said in answer.said] in ([], [(expected.reasoning, expected.text)])
