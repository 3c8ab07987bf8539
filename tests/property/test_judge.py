"""Two thousand documents and every beginning of each: nothing fails, and Telegram takes what comes of it as it is.

By itself this looks at some documents and some beginnings; `make judge` looks at all of them.
"""

import os

import pytest

from adapters.telegram import markup as telegram
from adapters.telegram.markup import Rendered
from tests.property import judge
from tests.property.documents import document, is_wild

WHOLE = os.environ.get("JUDGE") == "all"
DOCUMENTS, STEP = (2000, 1) if WHOLE else (500, 9)
AT_ONCE = 10


@pytest.mark.parametrize("fill", [telegram.fill, judge.small], ids=["whole", "cut"])
@pytest.mark.parametrize("first", range(0, DOCUMENTS, AT_ONCE))
def test_every_beginning_of_every_document(first, fill):
    for number in range(first, first + AT_ONCE):
        judge.document_holds(document(number), fill, calm=not is_wild(number), step=STEP)


def test_the_documents_are_the_same_every_time():
    assert document(7) == document(7)
    assert sum(len(document(number)) for number in range(2000)) > 500_000


@pytest.mark.skipif(judge.tdjson is None, reason="tdjson has no wheel here")
@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("a b", {"type": "text_link", "offset": 0, "length": 1, "url": "http://localhost/x"}),
        ("**a", {"type": "bold", "offset": 2, "length": 5}),
        ("a\tb", {"type": "bold", "offset": 0, "length": 1}),
    ],
    ids=["address", "bounds", "text"],
)
def test_the_judge_refuses_what_telegram_would(text, entity):
    with pytest.raises(AssertionError):
        judge.judged(Rendered(text, (entity,), 1))


@pytest.mark.skipif(judge.tdjson is None, reason="tdjson has no wheel here")
def test_the_judge_sees_what_telegram_would_change():
    bold = {"type": "bold", "offset": 0, "length": 5}
    code = {"type": "code", "offset": 1, "length": 2}
    with pytest.raises(AssertionError):
        judge.judged(Rendered("hello", (bold, code), 3))
