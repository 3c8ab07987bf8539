"""The one smallest step from what stands towards what is wanted."""

from bridge.model import FIRST_FILE, Page, Post
from bridge.steps import Delete, Edit, Seek, Send, next_step


def page(index: int, text: str, *, final: bool = False) -> Page:
    return Page(index=index, text=text, final=final)


def post(index: int, text: str, *, message_id: str | None = "m") -> Post:
    return Post(page=index, message_id=message_id and f"{message_id}{index}", digest=page(index, text).digest)


def test_nothing_wanted_and_nothing_standing_is_agreement():
    assert next_step([], []) is None


def test_a_missing_page_is_sent():
    assert next_step([page(0, "a")], []) == Send(page(0, "a"))


def test_a_send_that_was_begun_is_sent_as_such():
    assert next_step([page(0, "a")], [Post(page=0, message_id=None)]) == Send(page(0, "a"), begun=True)


def test_a_page_that_looks_different_is_edited():
    assert next_step([page(0, "b")], [post(0, "a")]) == Edit(page(0, "b"), "m0")


def test_a_finished_answer_costs_no_call():
    assert next_step([page(0, "a", final=True)], [post(0, "a")]) is None


def test_earlier_pages_come_first():
    assert next_step([page(0, "a"), page(1, "b")], [post(0, "x")]) == Edit(page(0, "a"), "m0")


def test_pages_that_nobody_wants_go_last_page_first():
    standing = [post(0, "a"), post(1, "b"), post(2, "c")]
    assert next_step([page(0, "a")], standing) == Delete(2, "m2")


def test_what_may_have_arrived_for_a_page_that_nobody_wants_is_looked_for_to_be_deleted():
    standing = [post(0, "a"), post(1, "b"), Post(page=2, message_id=None)]
    assert next_step([page(0, "a")], standing) == Seek(2)
    assert next_step([page(0, "x")], standing) == Edit(page(0, "x"), "m0")


def test_a_file_that_may_have_arrived_may_stay():
    assert next_step([page(0, "a")], [post(0, "a"), Post(page=FIRST_FILE, message_id=None)]) is None


def test_plain_looks_different_from_marked_up():
    plain = Page(index=0, text="**a**", final=True, simpler=1)
    assert isinstance(next_step([plain], [post(0, "**a**")]), Edit)
