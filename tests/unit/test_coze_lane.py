"""The fast lane: deltas are taken out of a stream, and cozepy is given all the rest in the order in which it came."""

import httpx
import pytest

from adapters.coze.events import quick
from adapters.coze.lane import Streamed
from bridge.answer import ReasoningDelta, TextDelta

DELTA = b'event:conversation.message.delta\ndata:{"n":%d}\n\n'


class Body(httpx.AsyncByteStream):
    def __init__(self, chunks):
        self.chunks = chunks
        self.closed = False

    async def __aiter__(self):
        for chunk in self.chunks:
            yield chunk

    async def aclose(self):
        self.closed = True


async def read(*chunks, take):
    """What cozepy is given, and what was taken, in one order."""
    seen = []
    body = Body(chunks)
    response = Streamed(200, stream=body)

    def taking(data):
        if took := take(data):
            seen.append(("taken", data))
        return took

    response.take = taking
    async for line in response.aiter_lines():
        seen.append(line)  # noqa: PERF401 - in one order with what is taken
    assert body.closed
    return seen


async def test_deltas_are_taken_and_the_rest_is_passed_on_in_order():
    stream = b"event:conversation.chat.created\ndata:{}\n\n" + DELTA % 1 + DELTA % 2 + b"event:done\ndata:x\n\n"
    assert await read(stream, take=lambda _: True) == [
        "event:conversation.chat.created",
        "data:{}",
        ("taken", b'{"n":1}'),
        ("taken", b'{"n":2}'),
        "event:done",
        "data:x",
    ]


async def test_it_does_not_matter_where_the_bytes_are_cut():
    stream = b"event:a\ndata:\xe4\xbd\xa0\n\n" + DELTA % 1 + b"event:b\r\ndata:2\r\n\r\n" + DELTA % 3
    whole = await read(stream, take=lambda data: b"1" in data)
    assert await read(*(bytes([byte]) for byte in stream), take=lambda data: b"1" in data) == whole
    assert [line for line in whole if isinstance(line, tuple)] == [("taken", b'{"n":1}')]
    assert "data:你" in whole
    assert [line.strip() for line in whole[-2:]] == ["event:conversation.message.delta", 'data:{"n":3}']


@pytest.mark.parametrize("between", [b": ping\n", b"\n: ping\n\n", b"id: 7\n"])
async def test_what_stands_between_an_event_and_its_data_is_cozepys_to_judge(between):
    stream = b"event:conversation.message.delta\n" + between + b'data:{"n":1}\n\n'
    lines = await read(stream, take=lambda _: True)
    assert lines[0] == "event:conversation.message.delta"
    assert lines[-1] == 'data:{"n":1}'


async def test_a_stream_cut_in_a_line_gives_up_what_it_has():
    assert await read(b'event:conversation.message.delta\ndata:{"n"', take=lambda _: False) == [
        "event:conversation.message.delta",
        'data:{"n"',
    ]
    assert await read(b"event:conversation.message.delta", take=lambda _: True) == ["event:conversation.message.delta"]


def test_a_delta_of_an_answer_is_read_at_once():
    said = b'{"id":"7","role":"assistant","type":"answer","content":"\xe4\xbd\xa0","content_type":"text","chat_id":"9"}'
    assert quick(said) == (TextDelta("7", "你"),)
    thinking = said.replace(b'"content":', b'"reasoning_content":"hm","content":')
    assert quick(thinking) == (ReasoningDelta("7", "hm"), TextDelta("7", "你"))
    assert quick(said.replace("你".encode(), b"")) == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"id":"7"',
        b'{"id":7,"role":"assistant","type":"answer","content":"a","content_type":"text"}',
        b'{"id":"7","role":"assistant","type":"answer","content":null,"content_type":"text"}',
        b'{"id":"7","role":"assistant","type":"answer","content":"a","content_type":"card"}',
        b'{"id":"7","role":"assistant","type":"verbose","content":"a","content_type":"text"}',
        b'{"id":"7","role":"assistant","type":"answer","content":"a","content_type":"text","reasoning_content":1}',
        b'{"id":"7","role":"assistant","type":"answer","content":"\xff","content_type":"text"}',
    ],
)
def test_what_looks_surprising_is_left_to_cozepy(data):
    assert quick(data) is None
