"""What is shown of a text for ever: a beginning of it, never less than before, and no half of anything."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.slack import markup
from bridge import settled as settled_module
from bridge.blocks import Line
from bridge.settled import settled
from tests.e2e.answers import Writer

PIECES = [
    *"*_~`[]()<>!\\$&#|-:\n\n ab1.h好",
    "**",
    "~~",
    "```",
    "\n\n",
    "\n- ",
    "\n> ",
    "\n1. ",
    "http",
    "https://a.b/c ",
    "](https://a.b)",
    "<!here>",
    "<@U1>",
    "$$",
    "\\(",
    "\\)",
    "\n| a | b |\n|---|---|\n",
    "\n```py\n",
    "\n```\n",
    "&#60;",
    'word "t" ',
]
DOCUMENTS = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@settings(max_examples=600, deadline=None)
@given(DOCUMENTS)
@example("*a* b`c`*d")
@example("[a](b\\)c) d")
@example('[a](b "t" ) d')
@example("a *b\n c*")
@example("**a** ")
@example("\n| a | b |\n|---|---|\n$$\n- *")
def test_it_only_ever_grows(text: str) -> None:
    before = ""
    for size in range(len(text) + 1):
        shown = settled(text[:size])
        assert text.startswith(shown)
        assert shown.startswith(before), size
        before = shown


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS)
def test_it_ends_in_no_half_marker(text: str) -> None:
    for size in range(len(text) + 1):
        shown = settled(text[:size])
        if shown and "```" not in shown and "~~~" not in shown and size == len(shown):
            # Nothing follows yet, so nothing proves that this is a whole one.
            assert shown[-1] not in "*_~`[<&\\!$"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hello wor", "Hello wor"),
        ("Hello **wor", "Hello"),
        ("Hello **world**, you", "Hello **world**, you"),
        ("Hello **world", "Hello"),
        ("a `b", "a"),
        ("a [b](c", "a"),
        ("a [b](c) d", "a [b](c) d"),
        ("a 2 * 3 = 6", "a 2 * 3 = 6"),
        ("one\n- ", "one"),
        ("one\n- t", "one\n- t"),
        ("one\n\n```py\n", "one"),
        ("one\n\n```py\nx = 1\ny", "one\n\n```py\nx = 1\ny"),
        ("one\n\n```py\nx = 1\n``", "one\n\n```py\nx = 1"),
        ("one\n\n| a | b |\n|---|", "one"),
        ("one\n\n| a | b |\n|---|---|\n| 1 | 2", "one\n\n| a | b |\n|---|---|"),
        ("one\n\n| a | b |\n|---|---|\n| 1 | 2 |\n", "one\n\n| a | b |\n|---|---|\n| 1 | 2 |"),
        ("see https://exam", "see"),
        ("see https://example.com now", "see https://example.com now"),
        ("is \\(x", "is"),
        ("this has **stray\n\nnext", "this has **stray\n\nnext"),
        ("你好**世界", "你好"),
        ("你好**世界**吗", "你好**世界**吗"),
        ("", ""),
        (" \n", ""),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert settled(text) == shown


@pytest.mark.parametrize("seed", range(60))
def test_what_slack_gets_of_it_is_the_beginning_of_what_it_gets_of_the_whole(seed: int) -> None:
    """Escapes and rewritten links included: nothing that was appended would have to be taken back."""
    said = Writer(seed, chinese=seed % 2 == 1).write(1500).markdown
    dice = random.Random(seed)
    for token in ("<!channel>", "<@U1>", "<https://example.com/a_b>", "`<!here>`", "&#60;!here>", "List<String>"):
        at = said.find(" ", dice.randrange(len(said)))
        said = f"{said[:at]} {token}{said[at:]}"
    whole, before = markup.render(said), ""
    for size in range(0, len(said), 3):
        shown = markup.render(settled(said[:size]))
        assert whole.startswith(shown)
        assert shown.startswith(before)
        before = shown
    assert len(before) > 0.8 * len(whole)


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS)
def test_no_token_of_slack_is_alive_in_what_is_shown(text: str) -> None:
    from simulators.slack import text as texts

    for size in range(len(text) + 1):
        pings = texts.pings({"markdown_text": markup.render(settled(text[:size]))}, code=True)
        assert not any(pings.values())


def test_what_has_only_begun_is_not_looked_at_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full page of such: 20 s of looking held up every other answer."""
    looks = 0
    look = settled_module._shorter_prose

    def counted(text: str, lines: Sequence[Line], end: int) -> int:
        nonlocal looks
        looks += 1
        return look(text, lines, end)

    monkeypatch.setattr(settled_module, "_shorter_prose", counted)
    text = "- " + "$`" * 4_500
    assert text.startswith(settled(text))
    assert looks <= 8
