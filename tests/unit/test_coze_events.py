"""What Coze's frames and stored messages say, by the shapes that the documents and the SDK's own tests show."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

import adapters.coze  # noqa: F401 - first: it silences what cozepy says on import

# isort: split
from cozepy.chat import _chat_stream_handler

from adapters.coze import content, events
from adapters.coze.errors import of_exception
from adapters.coze.events import Said
from bridge.answer import (
    ActionRequired,
    BotEvent,
    MediaFound,
    MessageCompleted,
    ReasoningDelta,
    Source,
    SourcesFound,
    Suggested,
    TextDelta,
    ToolCalled,
    ToolReturned,
    Used,
)
from bridge.errors import BotFailed, Unreachable
from bridge.media import attachments
from bridge.model import Attachment, Kind, ToolCall


def frame(name: str, data: Any) -> Any:
    """One frame, as the SDK reads it."""
    return _chat_stream_handler({"event": name, "data": json.dumps(data)}, None)  # type: ignore[arg-type]


def told(name: str, data: Any) -> tuple[list[BotEvent], list[str]]:
    unknown: list[str] = []
    return list(events.of_event(frame(name, data), unknown.append)), unknown


def message(**fields: Any) -> dict[str, Any]:
    return {"id": "20", "role": "assistant", "type": "answer", "content": "", "content_type": "text", **fields}


def whole(type: str, text: str, content_type: str = "text") -> list[BotEvent]:
    said = Said(id="20", role="assistant", type=type, content=text, content_type=content_type)
    return list(events.of_message(said, lambda kind: pytest.fail(f"unknown {kind}")))


DELTA, COMPLETED = "conversation.message.delta", "conversation.message.completed"


def test_deltas() -> None:
    assert told(DELTA, message(content="你"))[0] == [TextDelta("20", "你")]
    assert told(DELTA, message(reasoning_content="hm"))[0] == [ReasoningDelta("20", "hm")]
    both = [ReasoningDelta("20", "hm"), TextDelta("20", "so")]
    assert told(DELTA, message(content="so", reasoning_content="hm"))[0] == both
    assert told(DELTA, message()) == ([], [])


def test_deltas_of_cards_and_tools_are_not_shown() -> None:
    assert told(DELTA, message(content='{"ca', content_type="card")) == ([], [])
    assert told(DELTA, message(content='{"na', type="function_call")) == ([], [])
    assert told(DELTA, message(content="…", type="verbose")) == ([], [])


def test_a_whole_answer() -> None:
    said = told(COMPLETED, message(content="你好", reasoning_content="hm"))[0]
    assert said == [MessageCompleted("20", "你好", "hm")]
    assert whole("follow_up", "And?") == [Suggested("And?")]
    assert whole("follow_up", " ") == []
    assert whole("question", "mine") == []


@pytest.mark.filterwarnings("ignore:Unknown")
def test_what_is_unknown_is_named() -> None:
    assert told("conversation.chat.dreaming", {}) == ([], ["event:conversation.chat.dreaming"])
    assert told(COMPLETED, message(type="dream", content="x")) == ([], ["message:dream"])
    assert told(DELTA, message(type="dream", content="x")) == ([], ["delta:dream"])
    assert told("conversation.stream.done", "") == ([], [])
    assert told("conversation.audio.delta", message(content="AAAA", content_type="audio")) == ([], [])


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("conversation.chat.created", ""),
        ("conversation.chat.in_progress", ""),
        ("conversation.chat.completed", "completed"),
        ("conversation.chat.failed", "failed"),
        ("conversation.chat.requires_action", "requires_action"),
        ("conversation.chat.cancelled", "canceled"),
        ("conversation.chat.canceled", "canceled"),
        ("conversation.stream.done", ""),
    ],
)
def test_what_ends_a_chat(name: str, how: str) -> None:
    assert events.ending(frame(name, {"id": "1", "conversation_id": "2"})) == how


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ({"name": "weather-get", "plugin_name": "weather", "api_name": "get"}, "weather-get"),
        ({"name": "n", "plugin_name": "weather", "api_name": "weather_now"}, "weather_now"),
        ({"name": "only"}, "only"),
        ({"plugin_name": "p", "api_name": None}, "p"),
        ({}, "tool"),
    ],
)
def test_names_of_tools(call: dict[str, Any], name: str) -> None:
    assert whole("function_call", json.dumps(call)) == [ToolCalled(name)]


def test_tools_that_are_no_json() -> None:
    assert whole("function_call", "not JSON") == [ToolCalled("tool")]
    assert whole("tool_response", "not JSON") == [ToolReturned()]
    assert whole("tool_output", "{}") == [ToolReturned()]


def knowledge(*chunks: Any) -> str:
    return json.dumps({"chunks": list(chunks), "ori_req": "", "status_code": 0})


def chunk(name: str = "", title: str = "", url: str = "") -> dict[str, Any]:
    return {"slice": "…", "meta": {"document": {"name": name}, "link": {"title": title, "url": url}}}


def verbose(kind: str, data: Any) -> str:
    return json.dumps({"msg_type": kind, "data": data, "from_module": None})


def test_sources_are_json_inside_json() -> None:
    data = knowledge(
        chunk("policy.pdf", url="https://e.com/p?a=1\\u0026b=2"),
        chunk("policy.pdf", url="https://e.com/p?a=1&b=2"),
        chunk("policy.pdf", "Title", "javascript:alert(1)"),
        chunk(url="https://e.com/only"),
        chunk(),
        "odd",
        {"slice": "no meta"},
    )
    found = SourcesFound(
        (
            Source("policy.pdf", "https://e.com/p?a=1&b=2"),
            Source("Title", ""),
            Source("https://e.com/only", "https://e.com/only"),
        )
    )
    assert whole("verbose", verbose("knowledge_recall", data)) == [found]
    assert whole("knowledge", data) == [found]
    assert whole("knowledge", verbose("knowledge_recall", data)) == [found]


@pytest.mark.parametrize(
    "text",
    [
        verbose("knowledge_recall", ""),
        verbose("knowledge_recall", None),
        verbose("knowledge_recall", "[]"),
        verbose("knowledge_recall", '{"chunks":null}'),
        verbose("generate_answer_finish", '{"finish_reason":0}'),
        verbose("time_capsule_recall", knowledge(chunk("not a source"))),
        verbose("interrupt", ""),
        verbose("hook_call", "{}"),
        verbose("multi_agents_backwards", '{"agent_name": "First"}'),
        "no JSON",
        "[1]",
        "",
    ],
)
def test_verbose_messages_that_say_nothing(text: str) -> None:
    assert whole("verbose", text) == []


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"agent_id": "7430", "agent_name": "Travel"}, "Travel"),
        ({"agent_id": "7430"}, "7430"),
        ({}, "agent"),
        ("no JSON", "agent"),
        ("", "agent"),
    ],
)
def test_the_agent_that_goes_on_is_told_as_it_happens_only(data: Any, name: str) -> None:
    text = verbose("multi_agents_jump_to_agent", data if isinstance(data, str) else json.dumps(data))
    assert whole("verbose", text) == [ToolCalled(name)]
    jump = Said(id="1", role="assistant", type="verbose", content=text)
    assert events.recalled([jump], lambda kind: pytest.fail(f"unknown {kind}")) == []


def test_sound_is_left_out_without_a_word() -> None:
    for name in ("conversation.audio.delta", DELTA):
        assert told(name, message(content="AAAA", content_type="audio")) == ([], [])


def test_multimodal_answers_become_markdown() -> None:
    items = [
        {"type": "text", "text": "Look:"},
        {"type": "image", "file_url": "https://e.com/i.png"},
        {"type": "file", "name": "a.pdf", "file_url": "https://e.com/a.pdf"},
        {"type": "audio", "file_id": "7500"},
    ]
    shown = "Look:\n\n![image](https://e.com/i.png)\n\n[a.pdf](https://e.com/a.pdf)\n\n[audio]"
    found = (
        Attachment(kind=Kind.PICTURE, name="image", url="https://e.com/i.png"),
        Attachment(kind=Kind.DOCUMENT, name="a.pdf", url="https://e.com/a.pdf"),
    )
    assert whole("answer", json.dumps(items), "object_string") == [MessageCompleted("20", shown), MediaFound(found)]


def test_addresses_of_rich_answers_are_the_same_in_the_text_and_beside_it() -> None:
    items = [{"type": "image", "file_url": "https://e.com/i (1).png?sign=a%2Bb"}] * 2
    message, found = whole("answer", json.dumps(items), "object_string")
    assert [one.url for one in found.attachments] == ["https://e.com/i%20%281%29.png?sign=a%2Bb"]
    assert [one.url for one in attachments(message.text, found.attachments)] == [found.attachments[0].url]


def test_cards_bring_their_pictures_and_files_along() -> None:
    inside = {
        "children": [{"type": "file", "name": "terms.pdf", "url": "https://e.com/t.pdf"}, {"url": "https://e.com/x"}]
    }
    card = {
        "title": "A house",
        "image_url": "https://e.com/h.jpg",
        "link_url": "https://e.com/page",
        "x_properties": json.dumps(inside),
        "coverUrl": "tos-cn-i/1",
    }
    message, found = whole("answer", json.dumps(card), "card")
    assert message.text == "A house\n![h.jpg](https://e.com/h.jpg)\n[terms.pdf](https://e.com/t.pdf)"
    assert [(one.kind, one.name, one.url) for one in found.attachments] == [
        (Kind.PICTURE, "h.jpg", "https://e.com/h.jpg"),
        (Kind.DOCUMENT, "terms.pdf", "https://e.com/t.pdf"),
    ]


def test_cards_show_their_question_and_options() -> None:
    card = {
        "type": "question",
        "content_type": "option",
        "content": {"options": [{"name": "Tea"}, {"name": "Coffee"}], "question": "What will it be?"},
        "id": "159488_0",
    }
    assert content.readable(json.dumps(card), "card") == "What will it be?\n- Tea\n- Coffee"
    assert content.readable(json.dumps({"content": json.dumps(card["content"])}), "card").startswith("What will it be?")


def test_what_a_card_lets_one_choose_is_suggested_once() -> None:
    options = [{"name": "Tea"}, {"text": "Coffee"}, "Water", {"name": ""}, {"name": "Tea"}, 7, None]
    choosing = {"options": options, "question": "What will it be?"}
    tea = [Suggested("Tea"), Suggested("Coffee"), Suggested("Water")]
    shown = MessageCompleted("20", "What will it be?\n- Tea\n- Coffee\n- Water")
    for card in (choosing, {"content": choosing}, {"x_properties": json.dumps(choosing)}, [choosing]):
        assert whole("answer", json.dumps(card), "card") == [shown, *tea]
    said = Said(id="20", role="assistant", type="answer", content=json.dumps(choosing), content_type="card")
    assert events.recalled([said], lambda _: None) == [shown, *tea]
    # In plain text it is what the bot said, braces and all.
    assert whole("answer", json.dumps(choosing)) == [MessageCompleted("20", json.dumps(choosing))]


@pytest.mark.parametrize("card", [{"card_type": 3, "template_url": "https://e.com/t", "x_properties": {}}, [], {}])
def test_cards_without_words_are_not_shown_as_json(card: Any) -> None:
    assert content.readable(json.dumps(card), "card") == "[card]"


def test_text_that_only_claims_to_be_rich_is_shown() -> None:
    assert content.readable("just words", "card") == "just words"
    assert content.readable("just words", "object_string") == "just words"


def test_deep_cards_come_to_an_end() -> None:
    deep: Any = {"text": "bottom"}
    for _ in range(50):
        deep = {"elements": [deep]}
    assert content.readable(json.dumps(deep), "card") == "[card]"
    assert content.readable("[" * 100_000, "card") == "[card]"


def row(id: str, created_at: Any, type: str = "answer", text: str = "") -> dict[str, Any]:
    return {"id": id, "role": "assistant", "type": type, "content": text or id, "created_at": created_at}


def test_stored_messages_are_put_in_order_and_told_once() -> None:
    rows = [row("9", 2), row("21", 1), row("20", 1), row("20", 1), row("22", "1", "tool_response"), "odd"]
    said = events.stored(rows)
    assert [message.id for message in said] == ["20", "21", "22", "9"]
    told_again = events.recalled(said, lambda _: None)
    assert told_again == [MessageCompleted("20", "20"), MessageCompleted("21", "21"), MessageCompleted("9", "9")]
    assert events.stored(None) == []


def waiting(*calls: dict[str, Any]) -> dict[str, Any]:
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": list(calls)}}
    return {"status": "requires_action", "required_action": action}


FUNCTION = {"id": "1", "type": "function", "function": {"name": "get_rain", "arguments": "{}"}}
REPLY = {"id": "", "type": "reply_message", "function": None}


def test_only_the_status_makes_an_action() -> None:
    wanted = [ActionRequired((ToolCall(id="1", name="get_rain", arguments="{}"),))]
    assert events.outcome(waiting(FUNCTION)) == wanted
    assert events.outcome(waiting(FUNCTION) | {"status": "required_action"}) == wanted
    assert events.outcome(waiting(REPLY)) == []
    assert events.outcome(waiting()) == []
    assert events.outcome({"status": "completed", "required_action": waiting(FUNCTION)["required_action"]}) == []
    assert events.outcome({"status": "requires_action", "required_action": None}) == []


def test_tokens() -> None:
    assert events.outcome({"status": "completed", "usage": {"input_count": "614", "output_count": 19}}) == [
        Used(614, 19)
    ]
    assert events.outcome({"status": "completed", "usage": {"token_count": 0}}) == []
    assert events.outcome({"status": "completed", "usage": None}) == []


def test_failures() -> None:
    assert events.failure({"status": "completed"}, "l") is None
    assert events.failure(waiting(FUNCTION), "l") is None
    quota = events.failure({"status": "failed", "last_error": {"code": 4028, "msg": "used up"}}, "l")
    assert isinstance(quota, BotFailed)
    assert (quota.code, quota.say, quota.reference) == (4028, "quota", "l")
    nameless = events.failure({"status": "failed", "last_error": None}, "l")
    assert isinstance(nameless, BotFailed)
    for status in ("canceled", "cancelled"):
        cancelled = events.failure({"status": status}, "l")
        assert isinstance(cancelled, BotFailed)
        assert cancelled.say == "cancelled_at_coze"


def test_a_passing_failure_is_final_once_something_was_said() -> None:
    chat = {"status": "failed", "last_error": {"code": 5000, "msg": "event interval error"}}
    silent = events.failure(chat, "l")
    assert isinstance(silent, Unreachable)
    assert silent.certain
    spoken = events.failure(chat, "l", spoken=True)
    assert isinstance(spoken, BotFailed)
    assert (spoken.code, spoken.say) == (5000, "failed")


@pytest.mark.parametrize(
    ("short", "code", "say"),
    [
        ({"code": 701231, "msg": "error"}, 701231, "failed"),
        ({"code": "720702204", "msg": "no name"}, 720702204, "workflow"),
        ({"code": 4028, "msg": "used up"}, 4028, "quota"),
    ],
)
def test_a_failed_frame_without_a_chat_says_why_all_the_same(short: dict[str, Any], code: int, say: str) -> None:
    with pytest.raises(ValidationError) as caught:
        frame("conversation.chat.failed", short)
    failure = of_exception(caught.value, None, started=True)
    assert isinstance(failure, BotFailed)
    assert (failure.code, failure.say) == (code, say)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("conversation.chat.failed", {"id": 7, "conversation_id": "1", "code": 4028}),
        ("conversation.chat.failed", {"id": "7", "code": 4028}),
        ("conversation.chat.failed", {"id": "7", "conversation_id": "1", "last_error": {"code": None}}),
        ("conversation.chat.failed", {}),
        (COMPLETED, message(content=None)),
    ],
)
def test_other_frames_that_cozepy_cannot_read_break_the_stream(name: str, data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        frame(name, data)
    failure = of_exception(caught.value, None, started=True)
    assert isinstance(failure, Unreachable)
    assert not failure.certain
