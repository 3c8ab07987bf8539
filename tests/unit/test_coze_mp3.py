"""Pieces of speech as one MP3: nothing of the sound is lost, and nothing stands between that only one piece had."""

import pytest

from adapters.coze import mp3
from simulators.coze.audio import frame, mark_of, spoken

LONG = bytes((0xFF, 0xFB, 0x90, 0x64))
"""MPEG 1, layer III, 128 kbit/s, 44.1 kHz, joint stereo: 417 bytes, 418 with padding."""


def sound(text: str) -> bytes:
    return frame(mark_of(text)) * (len(text) // 10 + 1)


def test_one_piece_stays_as_it_is():
    assert mp3.joined([spoken("hello")]) == spoken("hello")


def test_tags_and_frames_that_count_are_left_out_and_all_sound_stays_in_order():
    texts = ["first piece", "the second one, which is longer", "3"]
    assert mp3.joined([spoken(text) for text in texts]) == b"".join(map(sound, texts))


def test_a_tag_behind_it_is_left_out():
    assert mp3.frames(spoken("a") + b"TAG".ljust(125, b"\0")[:125] + b"abc") == sound("a")


def test_a_tag_may_hold_what_looks_like_a_frame_and_have_a_footer():
    tag = b"ID3\x04\x00\x10" + bytes((0, 0, 1, 2)) + frame(b"x") + bytes(130 - 96) + b"3DI" + bytes(7)
    assert mp3.frames(tag + sound("a")) == sound("a")
    assert mp3.frames(tag + tag + sound("a")) == sound("a")


@pytest.mark.parametrize(("at", "word"), [(36, b"Xing"), (36, b"Info"), (36, b"VBRI")])
def test_mpeg_1(at, word):
    counting = bytearray(LONG + bytes(413))
    counting[at : at + 4] = word
    padded = bytes((0xFF, 0xFB, 0x92, 0x64)) + b"s" * 414
    plain = LONG + b"t" * 413
    assert mp3.frames(bytes(counting) + padded + plain) == padded + plain


def test_a_checksum_moves_the_word():
    head = bytes((0xFF, 0xFA, 0x90, 0x64))
    counting = (head + bytes(34) + b"Xing").ljust(417, b"\0")
    assert mp3.frames(counting + LONG + bytes(413)) == LONG + bytes(413)


def test_a_stray_byte_before_the_sound_does_no_harm():
    assert mp3.frames(b"\xff\x00" + sound("a")) == sound("a")


@pytest.mark.parametrize("content", [b"", b"{}", b"RIFF1234WAVE", b"ID3", b"\xff\xfb", b"\xff" * 500])
def test_what_is_no_mp3_is_refused(content):
    with pytest.raises(ValueError, match="MPEG"):
        mp3.joined([content])
    with pytest.raises(ValueError, match="MPEG"):
        mp3.joined([spoken("a"), content])
