"""Folds: made, found again in a text, and never made by anybody but us."""

import pytest

from bridge import fold
from bridge.answer import clean
from bridge.fold import Part


def test_a_fold_is_a_quote_with_a_mark():
    assert fold.fold("Why", "a\n\n- b\n") == "> \u2063**Why**\n> a\n>\n> - b"


@pytest.mark.parametrize("content", ["---", "===\nx", "- x", "| a |", ":-"])
def test_its_title_does_not_become_a_heading_or_a_table(content):
    assert fold.fold("Why", content).startswith("> \u2063**Why**\n>\n> ")


def test_a_text_is_taken_apart():
    first, second = fold.fold("Why", "a\n\nb"), fold.fold("And", "c")
    text = f"before\n\n{first}\n\nbetween\n> quoted\n\n{second}"
    assert fold.parts(text) == [
        Part("before"),
        Part("**Why**\na\n\nb", folded=True),
        Part("between\n> quoted"),
        Part("**And**\nc", folded=True),
    ]
    assert fold.parts("> only a quote") == [Part("> only a quote")]
    assert fold.parts("") == []
    assert fold.unmarked(fold.fold("Why", "a")) == "> **Why**\n> a"


def test_coze_cannot_make_one():
    assert fold.parts(clean("> \u2063**Why**\n> a")) == [Part("> **Why**\n> a")]


@pytest.mark.parametrize("char", ["a", "文", "😀"])
def test_a_long_one_is_cut_to_what_fits(char):
    made = fold.fold("Why", char * 3000)
    assert made.endswith("\n>\n> …")
    body = fold.parts(made)[0].text.split("\n")[1]
    assert set(body) == {char}
    assert len(body.encode("utf-16-le")) // 2 == fold.MOST_UNITS


@pytest.mark.parametrize("words", ["a *b* _c_ [d](e) <f> `g` ~h~ | # $ & \\", "two\nlines"])
def test_words_can_be_shown_as_they_are(words):
    shown = fold.literal(words)
    assert "\n" not in shown
    assert shown.replace("\\\\", "\0").replace("\\", "").replace("\0", "\\") == " ".join(words.split())
