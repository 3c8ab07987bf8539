"""What a model thinks aloud is told apart from what it says, however it comes."""

import pytest

from bridge.answer import Answer, MessageCompleted, ReasoningDelta, TextDelta
from bridge.thinking import Thought, apart


@pytest.mark.parametrize(
    ("message", "reasoning", "text"),
    [
        ("<think>hm</think>42", "hm", "42"),
        ("\n<think>\nhm\n</think>\n\n42\n", "hm", "42\n"),
        ("<THINKING>hm</Thinking> 42", "hm", "42"),
        ("<think></think>42", "", "42"),
        ("<think>a</think>\n<think>b</think>c", "a\n\nb", "c"),
        ("<think>say `</think>` at its end</think>42", "say `</think>` at its end", "42"),
        ("<think>code `x`</think>42", "code `x`", "42"),
        ("plain <think>no</think>", "", "plain <think>no</think>"),
        ("`<think>` is a tag", "", "`<think>` is a tag"),
        ("```\n<think>x</think>\n```", "", "```\n<think>x</think>\n```"),
        ("<thinker>x", "", "<thinker>x"),
        ("<", "", "<"),
        ("", "", ""),
    ],
)
def test_a_whole_message_is_taken_apart(message, reasoning, text):
    assert apart(message, whole=True) == Thought(reasoning, text)


def test_thinking_that_was_not_ended_is_no_answer():
    assert apart("<think>hm, wel", whole=True) == Thought("hm, wel", "", open=True)


@pytest.mark.parametrize("beginning", ["<", "<thi", "  <think", "<thinking", "<think>a</think>\n<thin"])
def test_the_beginning_of_a_tag_is_held_back_while_the_message_grows(beginning):
    assert apart(beginning, whole=False).text == ""


@pytest.mark.parametrize("beginning", ["<think>hm<", "<think>hm</thin", "<think>hm</thinking"])
def test_so_is_that_of_the_closing_tag(beginning):
    assert apart(beginning, whole=False) == Thought("hm", "", open=True)


def test_an_answer_that_begins_with_a_bracket_is_shown_once_it_cannot_be_a_tag():
    assert apart("<b", whole=False).text == "<b"


def test_an_answer_keeps_its_tags_and_shows_none():
    answer = Answer()
    for piece in ("<thi", "nk>so ", "and so</th", "ink>\n\n", "The answer"):
        answer.add(TextDelta("m", piece))
    (said,) = answer.said
    assert (said.reasoning, said.text, answer.text) == ("so and so", "The answer", "The answer")
    answer.add(MessageCompleted("m", "<think>so</think>The answer."))
    assert (answer.said[0].reasoning, answer.text) == ("so", "The answer.")


def test_what_coze_marks_as_reasoning_and_what_stands_in_tags_are_one():
    answer = Answer()
    answer.add(ReasoningDelta("m", "first"))
    answer.add(TextDelta("m", "<think>then</think>said"))
    assert [(said.reasoning, said.text) for said in answer.said] == [("first\n\nthen", "said")]


def test_a_whole_answer_may_be_a_bracket():
    answer = Answer()
    answer.add(TextDelta("m", "<"))
    assert answer.text == ""
    answer.add(MessageCompleted("m", "<"))
    assert answer.text == "<"
    assert Answer.load(answer.dump()).text == "<"
