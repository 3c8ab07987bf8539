"""Which pictures and files an answer brings along, and the pages that they make."""

import pytest

from bridge.answer import Answer, MediaFound, MessageCompleted, TextDelta
from bridge.media import MOST, attachments
from bridge.model import Attachment, Kind, TurnState
from bridge.pages import DOCUMENT, Layout, Look
from tests.unit.test_pages import turn

FILE = Attachment(kind=Kind.DOCUMENT, name="a.pdf", url="https://e.com/a.pdf")


def found(text):
    return [(one.name, one.url) for one in attachments(text, ())]


@pytest.mark.parametrize(
    ("text", "pictures"),
    [
        ("a ![Red](https://e.com/r.png) b", [("Red", "https://e.com/r.png")]),
        ("![](https://e.com/p/r.png?sign=a%3D)", [("r.png", "https://e.com/p/r.png?sign=a%3D")]),
        ('![a](https://e.com/r.png "Title (1)")', [("a", "https://e.com/r.png")]),
        ("![a](<https://e.com/r (1).png>)", []),
        ("![a](<https://e.com/r.png>)", [("a", "https://e.com/r.png")]),
        ("![a](https://e.com/r_(1).png)", [("a", "https://e.com/r_(1).png")]),
        (r"![a](https://e.com/r_\(1\).png)", [("a", "https://e.com/r_(1).png")]),
        ("![a](https://e.com/r?a=1&amp;b=2)", [("a", "https://e.com/r?a=1&b=2")]),
        ("[![a](https://e.com/r.png)](https://e.com)", [("a", "https://e.com/r.png")]),
        (
            "- one\n  ![a](https://e.com/r.png)\n> ![b](http://e.com/b)",
            [("a", "https://e.com/r.png"), ("b", "http://e.com/b")],
        ),
        ("![a [b] \\] c](https://e.com/r.png)", [("a [b] ] c", "https://e.com/r.png")]),
        ("![两\n行](https://e.com/r.png)", [("两 行", "https://e.com/r.png")]),
        ("`![a](https://e.com/r.png)`", []),
        ("``` ` ![a](https://e.com/r.png) ```", []),
        ("a ` b ![a](https://e.com/r.png)", [("a", "https://e.com/r.png")]),
        ("```\n![a](https://e.com/r.png)\n```", []),
        ("~~~md\n![a](https://e.com/r.png)", []),
        ("- x\n  ```\n  ![a](https://e.com/r.png)\n  ```\n![b](https://e.com/b)", [("b", "https://e.com/b")]),
        (r"\![a](https://e.com/r.png)", []),
        ("[a](https://e.com/r.png)", []),
        ("![a](ftp://e.com/r.png) ![b](data:image/png;base64,AAAA) ![c](/x.png)", []),
        ("![a](https://e.com/r.png", []),
        ("![a](https://e.com/\x01r.png)", []),
        ("![a](https://e.com/" + "r" * 5000 + ")", []),
        (
            "![a](https://e.com/1) ![b](https://e.com/2) ![c](https://e.com/1)",
            [("a", "https://e.com/1"), ("b", "https://e.com/2")],
        ),
    ],
)
def test_pictures_are_found_outside_of_code(text, pictures):
    assert found(text) == pictures


def test_files_stand_where_the_text_names_them():
    text = "![a](https://e.com/1)\n\n[a.pdf](https://e.com/a.pdf)\n\n![b](https://e.com/2)"
    picture = Attachment(kind=Kind.PICTURE, name="image", url="https://e.com/2")
    assert [one.url[14:] for one in attachments(text, [picture, FILE])] == ["1", "a.pdf", "2"]
    unnamed = Attachment(kind=Kind.AUDIO, name="x", url="https://e.com/x")
    assert attachments("", [unnamed]) == [unnamed]


def test_so_many_and_no_more():
    text = "".join(f"![p](https://e.com/{number}) " for number in range(30))
    assert [one.url for one in attachments(text, ())] == [f"https://e.com/{number}" for number in range(MOST)]


def test_hostile_text_takes_no_time_worth_mentioning():
    for text in (
        "![" * 20_000,
        "![a](" * 20_000,
        "`" * 20_001,
        "".join("`" * n + " " for n in range(200)),
        "![a](<" * 9999,
    ):
        assert found(text) == []


def test_media_of_an_answer_are_kept_once_and_clean_and_survive_the_store():
    answer = Answer()
    answer.add(MediaFound((FILE, FILE)))
    answer.add(MediaFound((FILE, Attachment(kind=Kind.PICTURE, name="a\0\ud800", url="https://e.com/i"))))
    assert [(one.kind, one.name) for one in answer.media] == [(Kind.DOCUMENT, "a.pdf"), (Kind.PICTURE, "a\ufffd\ufffd")]
    answer.add(MessageCompleted("1", "![x](https://e.com/x)"))
    again = Answer.load(answer.dump())
    assert again == answer
    assert pages(again) == pages(answer) != []


def test_an_answer_from_before_there_were_media_can_be_read():
    assert Answer.load(Answer().dump().replace('"media": [], ', "")) == Answer()


# ---- pages


def pages(answer, **look):
    layout = Layout(turn=turn(), look=Look(**look), fill=lambda text, _: len(text) / 100)
    return [page for page in layout.whole(answer, simpler=0) if page.attachment]


def said(text, **fields):
    answer = Answer(**fields)
    answer.add(TextDelta("1", text))
    return answer


LONG = "\n\n".join(f"Paragraph {number} " + "word " * 15 for number in range(10))


def test_media_come_after_the_text_with_numbers_of_their_own():
    answer = said(f"{LONG}\n\n![a](https://e.com/1)", media=[FILE])
    layout = Layout(turn=turn(), look=Look(), fill=lambda text, _: len(text) / 100)
    shown = layout.whole(answer, simpler=0)
    texts = [page for page in shown if not page.attachment]
    assert shown[: len(texts)] == texts
    assert [page.index for page in shown[len(texts) :]] == [DOCUMENT, DOCUMENT + 1, DOCUMENT + 2]
    assert len({page.mark for page in shown}) == len(shown)
    assert all(page.final and not page.text and not page.choices for page in shown[len(texts) :])
    assert texts[-1].choices
    assert "https://e.com/1" in texts[-1].text
    simple = [page for page in layout.whole(answer, simpler=2) if page.attachment]
    assert [page.digest for page in simple] == [page.digest for page in shown[len(texts) :]]


def test_a_long_answer_also_comes_as_a_document():
    (document,) = pages(said(LONG))
    assert document.attachment == Attachment(kind=Kind.DOCUMENT, name="answer.md", text=LONG)
    assert pages(said(LONG), document_pages=0) == []
    assert pages(said(LONG), document_pages=50) == []
    assert pages(said("short"), document_pages=1) == []
    assert len(pages(said(LONG), media=False)) == 1


def test_media_can_be_left_out():
    assert pages(said("![a](https://e.com/1)", media=[FILE]), media=False) == []


@pytest.mark.parametrize("outcome", [TurnState.FAILED, TurnState.CANCELLED])
def test_of_half_an_answer_nothing_is_sent(outcome):
    assert pages(said(f"![a](https://e.com/1) {LONG}", outcome=outcome)) == []
