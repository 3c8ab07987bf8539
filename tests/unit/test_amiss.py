"""Files that cannot be used: whether the question is asked all the same, and what the person reads."""

import pytest

from bridge.amiss import MB, askable, coming, notes, worded
from bridge.model import File

READ = File(kind="photo", ref="1", name="photo.jpg", coze="7500")
HEARD = File(kind="voice", ref="2", heard="what is this?")
BIG = File(kind="document", ref="3", name="a.zip", size=25 * MB, amiss=f"big:{20 * MB}")
GONE = File(kind="document", ref="4", name="b.pdf", amiss="gone")
UNREAD = File(kind="photo", ref="5", name="photo.jpg", amiss="unread")


@pytest.mark.parametrize(
    ("question", "files", "expected"),
    [
        ("why?", (READ,), True),
        ("", (READ,), True),
        ("", (HEARD,), True),
        ("why?", (GONE,), False),
        ("why?", (GONE, READ), True),
        ("why?", (UNREAD,), True),
        ("", (UNREAD,), False),
        ("why?", (UNREAD, GONE), False),
        ("", (GONE,), False),
        (" \n", (GONE, GONE), False),
        ("why?", (BIG,), False),
        ("why?", (BIG, GONE), False),
        ("", (BIG, READ), True),
        ("why?", (BIG, READ), True),
    ],
)
def test_what_is_asked_all_the_same(question: str, files: tuple[File, ...], expected: bool) -> None:
    assert askable(question, files) is expected


@pytest.mark.parametrize(
    ("amiss", "expected"),
    [
        *((cause, False) for cause in ("type", "refused", "empty", "gone", "mumbled", "silent")),
        *((cause, True) for cause in ("denied", "unread", "unreadable", "deaf")),
    ],
)
def test_words_are_about_the_file_beside_them_but_where_the_bot_never_reads_such(amiss: str, expected: bool) -> None:
    assert askable("what is this?", (File(kind="photo", ref="1", amiss=amiss),)) is expected


def test_what_is_said_is_asked_below_what_is_written() -> None:
    assert worded("", (HEARD,)) == "what is this?"
    assert worded("look:", (READ, HEARD, HEARD)) == "look:\n\nwhat is this?\n\nwhat is this?"
    assert worded("look", (READ, GONE)) == "look"


def test_each_file_is_named_once_in_the_persons_language() -> None:
    assert notes((READ, HEARD), "en") == []
    said = notes((BIG, GONE, BIG, READ), "en")
    assert said[0] == "📎 a.zip is 25 MB; I can read files of up to 20 MB. Please send a smaller one."
    assert [sentence.split()[1] for sentence in said] == ["a.zip", "b.pdf"]
    assert "25 MB" in notes((BIG,), "zh")[0]


@pytest.mark.parametrize(("size", "shown"), [(1, "1 KB"), (300 * 1024, "300 KB"), (3 * MB // 2, "1.5 MB")])
def test_sizes(size: int, shown: str) -> None:
    assert f"is {shown};" in notes((File(kind="x", name="x", size=size, amiss="big:1"),), "en")[0]


def test_names_are_words_and_no_markup() -> None:
    bad = File(kind="document", name="[a](https://evil.example)\n**" + "x" * 200 + ".pdf", amiss="type")
    (said,) = notes((bad,), "en")
    assert "[a](" not in said
    assert "\n" not in said
    assert len(said) < 250
    assert "x.pdf" in said


def test_while_they_are_read_people_see_so() -> None:
    assert coming((File(kind="photo", name="photo.jpg"),), "en") == "📎 Reading photo.jpg…"
    assert coming((READ, GONE), "en") == "📎 Reading 2 files…"
    assert coming((HEARD,), "en") == "🎤 Listening…"
