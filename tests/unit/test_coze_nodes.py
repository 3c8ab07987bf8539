"""What workflows say and ask, out of the frames that Coze's documents show, and how answers are handed back."""

import json

import pytest

from adapters.coze.memo import Memo, Round, resume_data
from adapters.coze.nodes import Interrupt, Nodes, asked, output, readable, same
from adapters.coze.sse import Frame, frames
from bridge.answer import Answer, MessageCompleted, Suggested
from bridge.model import File

JOKE = """id: 0
event: Message
data: {"content":"msg","node_is_finish":false,"node_seq_id":"0","node_title":"Message"}

id: 1
event: Message
data: {"content":"为","node_is_finish":false,"node_seq_id":"1","node_title":"Message"}

id: 2
event: Message
data: {"content":"什么？\\n因为他","node_is_finish":true,"node_seq_id":"2","node_title":"Message"}

id: 3
event: Message
data: {"content":"{\\"output\\":\\"msg为什么？\\\\n因为他\\"}","node_is_finish":true,"node_seq_id":"0","node_title":""}

id: 4
event: Done
data: {}

"""
"""After https://docs.coze.cn/developer_guides/workflow_stream_run."""
OPTIONS = {"options": [{"name": "one"}, {"name": "two"}], "question": "Which?"}
STUDIO = json.dumps({"type": "question", "content_type": "option", "content": OPTIONS, "id": "159488_0"})
WHERE = {"required": True, "type": "string", "description": "where to"}


async def read(data: bytes, size: int) -> list[Frame]:
    async def chunks():
        for start in range(0, len(data), size):
            yield data[start : start + size]

    return [frame async for frame in frames(chunks())]


def said(told: list[dict]) -> Answer:
    nodes, answer = Nodes("1"), Answer()
    for data in told:
        for event in nodes.message(data):
            answer.add(event)
    for event in nodes.end():
        answer.add(event)
    return answer


# ---- frames ----


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
async def test_events_are_read_wherever_the_bytes_are_cut(size, end):
    found = await read(JOKE.replace("\n", end).encode(), size)
    assert [frame.event for frame in found] == ["Message"] * 4 + ["Done"]
    assert json.loads(found[2].data)["content"] == "什么？\n因为他"


async def test_what_is_no_event_is_left_out_and_blank_lines_may_stand_anywhere():
    data = ": ping\n\nretry: 3\n\nid: 1 \n\nevent: Message \n\ndata: {}\n\n: end\n\ndata: a\ndata: b\n\n"
    assert await read(data.encode(), 5) == [Frame("Message", "{}"), Frame("", "a\nb")]


async def test_signs_that_end_a_line_elsewhere_end_none_here():
    assert await read('event: Message\ndata: {"content":"a\u2028b\x85c"}\n\n'.encode(), 3) == [
        Frame("Message", '{"content":"a\u2028b\x85c"}')
    ]


async def test_the_last_event_counts_without_a_blank_line_behind_it():
    assert await read(b"event: Done\ndata: {}", 4) == [Frame("Done", "{}")]


# ---- messages ----


async def test_pieces_are_one_message_and_the_output_that_says_it_again_is_left_out():
    told = [json.loads(frame.data) for frame in await read(JOKE.encode(), 100) if frame.event == "Message"]
    assert said(told).text == "msg为什么？\n因为他"


def test_nodes_at_work_at_the_same_time_do_not_mix():
    pieces = [("a", "0", "one ", False), ("b", "0", "two ", False), ("a", "1", "three", True), ("b", "1", "four", True)]
    told = [{"node_id": n, "node_seq_id": s, "content": c, "node_is_finish": f} for n, s, c, f in pieces]
    assert said(told).text == "one three\n\ntwo four"


def test_a_node_that_begins_anew_begins_a_new_message():
    told = [{"node_id": "a", "node_seq_id": s, "content": c} for s, c in (("0", "x"), ("1", "y"), ("0", "z"))]
    assert said(told).text == "xy\n\nz"


def test_json_is_not_shown_before_it_is_whole():
    nodes = Nodes("1")
    assert list(nodes.message({"node_id": "a", "content": '{"output":'})) == []
    assert list(nodes.message({"node_id": "a", "content": '"x"}', "node_is_finish": True})) == [
        MessageCompleted("1.1", "x")
    ]


@pytest.mark.parametrize("text", ["{not json", "[link](https://example.com)", "plain"])
def test_what_is_no_json_is_shown_as_it_is(text):
    assert said([{"node_id": "a", "content": text, "node_is_finish": True}]).text == text


@pytest.mark.parametrize("data", [{}, {"content": None}, {"content": 7, "node_seq_id": "x", "usage": "much"}])
def test_strange_messages_say_nothing(data):
    assert said([data]).text == ""


def test_values_that_are_nested_too_deep_end():
    deep: object = "x"
    for _ in range(30):
        deep = {"a": deep, "b": 1}
    assert readable(json.dumps(deep)).count("**b**") < 12


# ---- questions ----


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("Your name?", ("Your name?", ())),
        ("", ("", ())),
        (None, ("", ())),
        (json.dumps({"content_type": "text", "content": "请输入您的姓名"}), ("请输入您的姓名", ())),
        (STUDIO, ("Which?", ("one", "two"))),
        (json.dumps({"question": "Which?", "options": ["one", {"text": "two"}, 3]}), ("Which?", ("one", "two"))),
        ('[{"type":"string","name":"img"}]', ("", ())),
        ("[1", ("[1", ())),
    ],
)
def test_questions_are_found_in_every_shape(told, found):
    assert asked(told) == found


def test_a_question_with_options_may_come_as_a_message():
    nodes = Nodes("1")
    events = list(nodes.message({"node_id": "q", "content": STUDIO, "node_is_finish": True}))
    assert events == [MessageCompleted("1.1", "Which?")]
    events, asks = nodes.interrupt({"interrupt_data": {"data": "", "event_id": "1/2", "type": 2}})
    assert events == [Suggested("one"), Suggested("two")]
    assert (asks.asked, asks.options) == ("Which?", ("one", "two"))


def test_an_input_node_tells_what_it_wants():
    data = '{"content_type":"text","content":"[{\\"type\\":\\"string\\",\\"name\\":\\"img\\"}]"}'
    told = {"data": data, "event_id": "1/2", "type": 5}
    _, asks = Nodes("1").interrupt({"interrupt_data": told, "node_title": "Input"})
    assert (asks.asked, asks.names) == ("**img**", ("img",))
    _, asks = Nodes("1").interrupt({"interrupt_data": {**told, "required_parameters": {"city": WHERE, "n": {}}}})
    assert (asks.asked, asks.names) == ("**city**: where to\n**n**", ("city", "n"))


def test_a_question_without_words_has_the_name_of_its_node():
    events, _ = Nodes("1").interrupt({"interrupt_data": {"event_id": "1/2", "type": 2}, "node_title": "问答"})
    assert events == [MessageCompleted("1.1", "问答")]


def test_the_same_question_is_the_same_whatever_its_blanks():
    asks = Interrupt(event="1/2", type=2, asked="Which  size?\n")
    assert same(asks, "Which size?")
    assert not same(asks, "Which colour?")


# ---- answers ----


@pytest.mark.parametrize(
    ("names", "given", "data"),
    [
        ((), Round(asked="", said="Paris"), "Paris"),
        (("a",), Round(asked="", said="x", files=("7",)), {"a": "x"}),
        (("a",), Round(asked="", said="", files=("7",)), {"a": '{"file_id":"7"}'}),
        (("a", "b"), Round(asked="", said="b: y"), {"b": "y"}),
        (("a", "b"), Round(asked="", said="just words"), {"a": "just words"}),
        (("a", "b"), Round(asked="", said="a: x", files=("7",)), {"a": "x", "b": '{"file_id":"7"}'}),
    ],
)
def test_an_answer_to_an_input_node_is_given_by_name(names, given, data):
    told = resume_data(Interrupt(event="1/2", type=5, names=names), given)
    assert (told if isinstance(data, str) else json.loads(told)) == data


def test_a_question_node_is_given_plain_words_even_if_it_wants_parameters():
    asks = Interrupt(event="1/2", type=2, names=("city",))
    assert resume_data(asks, Round(asked="", said="Paris")) == "Paris"


def test_what_is_remembered_comes_back():
    asks = Interrupt(event="1/2", type=2, asked="Which?", options=("one",), names=("a", "b"))
    memo = Memo(parameters={"input": "x", "n": [1]}).waiting(asks)
    assert Memo.load(memo.dump()) == memo
    assert memo.execution == "1"
    more = memo.answered("one", [File(kind="photo", coze="7"), File(kind="photo")])
    assert Memo.load(more.dump()).rounds == (Round(asked="Which?", said="one", files=("7",)),)
    assert more.upto(0).rounds == ()


# ---- looking back ----


@pytest.mark.parametrize(
    ("history", "shown"),
    [
        ({"execute_status": "Success", "output": '{"Output":"{\\"output\\":\\"x\\"}","node_status":"{}"}'}, "x"),
        (
            {
                "execute_status": "Success",
                "output": '{"Output":"{\\"content_type\\":1,\\"data\\":\\"来\\",\\"original_result\\":null}"}',
            },
            "来",
        ),
        ({"execute_status": "Success", "output": "plain"}, "plain"),
        ({"execute_status": "Running", "output": '{"Output":"x"}'}, ""),
        ({"execute_status": "Success", "output": '{"Output":"x"}', "is_output_trimmed": True}, ""),
        ({"execute_status": "Success"}, ""),
    ],
)
def test_the_output_of_a_finished_run(history, shown):
    assert output(history) == shown
