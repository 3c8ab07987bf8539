"""What of an answer is on its pages, while it grows and at its end."""

import pytest

from bridge.answer import (
    Answer,
    MessageCompleted,
    ReasoningDelta,
    Source,
    SourcesFound,
    Suggested,
    TextDelta,
    ToolCalled,
    ToolReturned,
)
from bridge.model import Address, Does, Turn, TurnId, TurnState
from bridge.pages import Layout, Look


def turn(**more):
    given = {
        "id": TurnId(7),
        "key": "k",
        "address": Address(platform="telegram", account="1", chat="2"),
        "reply_to": "",
        "question": "why *not*?",
        "files": (),
        "language": "en",
        "coze_user": "u",
        "conversation": 1,
        "coze_conversation": "c",
        "state": TurnState.STREAMING,
        "attempts": 0,
        "asked_at": None,
        "chat": "",
        "answer": "",
        "cancelled": False,
        "received_at": 0.0,
        "lease": "",
    }
    return Turn(**{**given, **more})


def fill(text, simpler=0):
    return len(text) / 1000 if simpler is not None else 0.0


def layout(look=None, **more):
    return Layout(turn=turn(**more), look=look or Look(), fill=fill)


def answer(*events, **more):
    made = Answer(**more)
    for event in events:
        made.add(event)
    return made


def growing(made, look=None, standing=(), **more):
    return [(page.text, page.status) for page in layout(look, **more).growing(made, simpler=0, standing=standing)]


def whole(made, look=None, **more):
    return [page.text for page in layout(look, **more).whole(made, simpler=0)]


FOLD = "> \u2063**💭 Reasoning**\n> "


def test_nothing_is_shown_of_nothing():
    assert growing(Answer()) == []
    assert growing(answer(ToolReturned())) == []


@pytest.mark.parametrize(
    ("reasoning", "thinking", "speaking"),
    [
        ("show", [(f"{FOLD}hm", "")], [(f"{FOLD}hm\n\nso", "")]),
        ("thinking", [(f"{FOLD}hm", "")], [("so", "")]),
        ("hide", [("", "💭 Thinking…")], [("so", "")]),
    ],
)
def test_reasoning(reasoning, thinking, speaking):
    made = answer(ReasoningDelta("m", "hm"))
    assert growing(made, Look(reasoning=reasoning)) == thinking
    made.add(TextDelta("m", "so"))
    assert growing(made, Look(reasoning=reasoning)) == speaking
    assert whole(made, Look(reasoning=reasoning)) == [text for text, _ in speaking]


def test_a_tool_is_named_on_the_last_page_until_the_bot_speaks():
    made = answer(ToolCalled("a\nb" + "c" * 100))
    assert growing(made) == [("", f"🔧 Using a b{'c' * 57}…")]
    made.add(ToolReturned())
    assert growing(made) == [("", "💭 Thinking…")], "the line says so until there is a word"
    made.add(TextDelta("m", "It rains"))
    assert growing(made) == [("It rains", "")]
    made.add(ToolCalled("again"))
    assert growing(made) == [("It rains", "🔧 Using again…")]
    made.add(TextDelta("m", " now"))
    assert growing(made) == [("It rains now", "")]
    assert all(not page.status for page in layout().whole(answer(ToolCalled("x"), TextDelta("m", "a")), simpler=0))


def test_a_full_page_has_no_room_for_the_line():
    made = answer(TextDelta("m", "word " * 198), ToolCalled("tool"))
    ((text, status),) = growing(made)
    assert (len(text), status) == (989, "")


def test_an_answer_with_reasoning_of_its_own_begins_a_page():
    made = answer(
        MessageCompleted("a", "first", "hm"), MessageCompleted("b", "second", "hm too"), TextDelta("c", "third")
    )
    assert whole(made) == [f"{FOLD}hm\n\nfirst", f"{FOLD}hm too\n\nsecond\n\n---\n\nthird"]
    assert whole(made, Look(reasoning="hide")) == ["first\n\n---\n\nsecond\n\n---\n\nthird"]


def test_open_code_ends_before_what_follows():
    made = answer(MessageCompleted("a", "```py\nx"), MessageCompleted("b", "~~~\ny"))
    made.note = "⏹ Stopped."
    assert whole(made) == ["```py\nx\n```\n\n---\n\n~~~\ny\n~~~\n\n⏹ Stopped."]


def test_the_question_of_a_button_stands_above():
    made = answer(TextDelta("m", "so"))
    assert growing(made, pressed=True) == [("> why \\*not\\*?\n\nso", "")]
    assert growing(answer(ToolCalled("x")), pressed=True) == [("> why \\*not\\*?", "🔧 Using x…")]
    assert whole(Answer(note="sorry"), pressed=True) == ["> why \\*not\\*?\n\nsorry"]
    assert growing(Answer(), pressed=True) == []


def test_sources_share_the_last_page_if_there_is_room():
    made = answer(
        TextDelta("m", "so"), SourcesFound((Source("T [1]", "https://a.b/(c) d"), Source("U", "https://a.b/(c)")))
    )
    sources = "> \u2063**📚 Sources**\n> 1. T \\[1\\]\n> 2. [U](https://a.b/%28c%29)"
    assert whole(made) == [f"so\n\n{sources}"]
    made.add(TextDelta("m", " " + "word " * 190))
    first, second = whole(made)
    assert (first.startswith("so word"), second) == (True, sources)
    assert whole(made, Look(sources=False)) == [first]
    assert growing(made)[-1] == (first, ""), "only at the end"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "ftp://a.b/c", "http://", "https://a.b/c d", "https://a.b/<x>", "x" * 600, ""]
)
def test_a_source_that_leads_nowhere_is_no_link(url):
    (text,) = whole(answer(TextDelta("m", "so"), SourcesFound((Source("T", url),))))
    assert text.endswith("\n> 1. T")


@pytest.mark.parametrize("more", [{"outcome": TurnState.FAILED}])
def test_below_a_refusal_there_are_none(more):
    made = answer(TextDelta("m", "so"), SourcesFound((Source("T"),)), note="sorry", **more)
    assert whole(made) == ["so\n\nsorry"]


def buttons(made, look=None, **more):
    pages = layout(look, **more).whole(made, simpler=0)
    assert not any(page.choices for page in pages[:-1])
    return [(choice.does, choice.label, choice.press) for choice in pages[-1].choices]


def test_buttons_stand_below_the_last_page():
    made = answer(TextDelta("m", "word " * 500), *(Suggested(text) for text in ("a?", " ", "b\nc?" + "d" * 200)))
    judgements = [(Does.LIKE, "👍", "like:7"), (Does.DISLIKE, "👎", "dislike:7")]
    asks = [(Does.ASK, "a?", "ask:7:0"), (Does.ASK, "b c?" + "d" * 96, "ask:7:1")]
    assert buttons(made) == asks + judgements
    assert buttons(made, Look(suggestions=False)) == judgements
    assert buttons(made, Look(feedback=False)) == asks
    assert not any(page.choices for page in layout().growing(made, simpler=0, standing=()))


@pytest.mark.parametrize(
    ("made", "more"),
    [
        (Answer(note="sorry", outcome=TurnState.FAILED), {}),
        (answer(TextDelta("m", "half"), note="⏹ Stopped.", outcome=TurnState.CANCELLED), {}),
        (answer(ReasoningDelta("m", "hm"), note="(The bot gave an empty answer.)"), {}),
        (answer(TextDelta("m", "help")), {"conversation": None}),
    ],
)
def test_only_a_good_answer_to_a_question_has_buttons(made, more):
    made.add(Suggested("a?"))
    assert buttons(made, **more) == []


@pytest.mark.parametrize(("plain_from", "shown"), [(1, "It is **bo"), (2, "It is **bo**")])
def test_a_simpler_form_that_has_markup_still_is_healed_while_it_grows(plain_from, shown):
    answer = Answer()
    answer.add(TextDelta("1", "It is **bo"))
    layout = Layout(turn=turn(), look=Look(), fill=fill, plain_from=plain_from)
    assert [page.text for page in layout.growing(answer, simpler=1, standing=())] == [shown]
