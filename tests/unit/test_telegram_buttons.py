"""Telegram's keyboards, and presses of them as Telegram tells."""

import pytest

from adapters.telegram.buttons import judges, keyboard
from adapters.telegram.parse import Me, inbound
from bridge.model import Choice, Does

ME = Me(id=1, username="coze_demo_bot")
JUDGEMENTS = (
    Choice(does=Does.LIKE, label="👍", press="like:1"),
    Choice(does=Does.DISLIKE, label="👎", press="dislike:1"),
)


def query(**more):
    message = {"message_id": 5, "date": 1000, "chat": {"id": 7, "type": "private"}, "from": {"id": 1, "is_bot": True}}
    author = {"id": 7, "is_bot": False, "first_name": "Ann", "language_code": "zh-hans"}
    return {"id": "900", "from": author, "message": message, "chat_instance": "1", "data": "ask:1:0", **more}


def read(**more):
    return inbound({"update_id": 1, "callback_query": query(**more)}, ME, now=2000.5)


def test_a_press_says_who_where_and_what():
    found = read()
    assert (found.press, found.text, found.command, found.addressed, found.personal) == ("ask:1:0", "", "", True, True)
    assert (found.sender.id, found.sender.language, found.reply_to) == ("7", "zh-hans", "5")
    assert (found.address.chat, found.address.thread, found.key) == ("7", "", "telegram:1:press:900")
    assert (found.sent_at, found.sort_key) == (2000.5, "000000002000:000000000005")


def test_in_a_topic_the_answer_goes_there():
    message = {"message_id": 5, "date": 0, "chat": {"id": -100, "type": "supergroup"}}
    assert read(message=message).address.thread == "", "an old message that Telegram tells no more of"
    topic = {**message, "is_topic_message": True, "message_thread_id": 3}
    assert (read(message=topic).address.chat, read(message=topic).address.thread) == ("-100", "3")


@pytest.mark.parametrize(
    "more",
    [
        {"message": None, "inline_message_id": "x"},
        {"data": None, "game_short_name": "x"},
        {"data": ""},
        {"from": {"id": 9, "is_bot": True}},
        {"message": {"message_id": 5, "date": 1, "chat": {"id": -100, "type": "channel"}}},
    ],
)
def test_what_is_no_press_of_ours_says_nothing(more):
    assert read(**more) is None


def test_a_row_for_each_question_and_one_for_the_judgements():
    asks = tuple(Choice(does=Does.ASK, label=f"what {n}?", press=f"ask:1:{n}") for n in range(2))
    rows = [[button.text for button in row] for row in keyboard(asks + JUDGEMENTS).inline_keyboard]
    assert rows == [["what 0?"], ["what 1?"], ["👍", "👎"]]
    assert keyboard(()) is None
    assert keyboard((Choice(does=Does.ASK, label="x", press="x" * 65),)) is None, "Telegram would refuse the message"


def test_only_a_judgement_waits_for_a_word():
    assert not judges(query())
    assert judges(query(data="like:1"))
    assert judges(query(data="dislike:1", **{"from": None}))
    assert not judges(None)
    assert not judges(query(data=None))
