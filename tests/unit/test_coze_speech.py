"""A text in pieces that Coze speaks: of 1,024 bytes at most, cut where a speaker breathes, and nothing lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import adapters.coze  # noqa: F401 - first: it silences what cozepy says on import

# isort: split
from adapters.coze.speech import MOST_SPOKEN, PIECE, pieces


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_a_short_text_is_one_piece():
    assert pieces(" Hello, world. ") == ["Hello, world."]


def test_pieces_end_with_sentences():
    sentence = "这是一个不太长的句子，里面有逗号。"
    found = pieces(sentence * 60)
    assert len(found) > 1
    assert all(piece.endswith("。") for piece in found)
    assert "".join(found) == sentence * 60
    assert all(len(piece.encode()) <= PIECE for piece in found)
    english = "It is 3.14 times as long. Really? "
    found = pieces(english * 100)
    assert all(piece.endswith(("long.", "Really?")) for piece in found)


def test_without_sentences_they_end_with_clauses_then_words_then_characters():
    assert all(piece.endswith(",") for piece in pieces("one two three four, " * 100)[:-1])
    assert all(piece.endswith("word") for piece in pieces("word " * 500))
    found = pieces("長" * 700)
    assert "".join(found) == "長" * 700
    assert [len(piece) for piece in found] == [341, 341, 18]


def test_no_character_is_cut():
    text = "👩‍👩‍👧‍👦é" * 200
    found = pieces("a" + text)
    assert "".join(found) == "a" + text
    assert all(len(piece.encode()) <= PIECE for piece in found)
    assert all("\ufffd" not in piece for piece in found)


def test_what_cannot_be_heard_is_left_out():
    assert pieces("") == []
    assert pieces(" \n— … 🙂 ***\n") == []
    assert pieces("\ud800 lone") == ["? lone"]


def test_a_long_text_ends_with_a_sentence():
    text = "Twenty characters ok. " * 1000
    found = " ".join(pieces(text))
    assert MOST_SPOKEN * 0.9 < len(found) <= MOST_SPOKEN
    assert found.endswith("ok.")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=3000), st.integers(8, 200))
def test_nothing_is_lost_and_no_piece_is_too_long(text, most):
    found = pieces(text, most=most, whole=10_000)
    assert all(0 < len(piece.encode()) <= most for piece in found)
    heard = "".join(char for char in squeezed(text) if char.isalnum())
    assert "".join(char for piece in found for char in piece if char.isalnum()) == heard


@pytest.mark.parametrize("text", ["a" * 5000, "。" * 5000, " " * 5000, "a. " * 1700])
def test_it_ends(text):
    assert len(pieces(text)) <= len(text)
