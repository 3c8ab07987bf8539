"""CozeBot against the simulated Coze: what it tells, what it refuses, and Coze Studio."""

import asyncio
from typing import Any

import pytest

from adapters.coze import CozeBot, token_auth
from bridge.answer import (
    ActionRequired,
    ChatStarted,
    ReasoningDelta,
    TextDelta,
    ToolCalled,
    ToolReturned,
    Used,
)
from bridge.clock import SystemClock
from bridge.errors import BotFailed, Gone, RateLimited, Unreachable
from bridge.ports import Question
from simulators.coze import Answer as Say
from simulators.coze.answers import called, recalled
from tests.contract.coze_place import (  # noqa: F401 - fixtures `place` and `studio`
    GRACE,
    Counts,
    Place,
    ask,
    broken,
    folded,
    place_fixture,
    recall,
    started,
    studio_fixture,
)

# ---- the plain way ----


async def test_an_answer_streams_from_the_first_event_to_the_tokens(place: Place) -> None:
    place.sim.script("hello", Say(text="Hello, **world**!", follow_ups=["And?", "So?"]))
    question = await place.question("hello there")
    events = await ask(place.bot, question)
    assert events[0] == ChatStarted(question.conversation, place.sim.chats[0].id)
    assert sum(isinstance(event, TextDelta) for event in events) > 2
    assert folded(events).text == "Hello, **world**!"
    assert folded(events).suggestions == ["And?", "So?"]
    assert isinstance(events[-1], Used)
    assert place.sim.chats[0].user_id == "u1"


async def test_the_first_event_comes_before_the_answer_is_there(place: Place) -> None:
    place.sim.script("slow", Say(text="late", first_delay=60))
    async with asyncio.timeout(GRACE), place.bot.ask(await place.question("slow")) as events:
        assert isinstance(await anext(events), ChatStarted)
        place.sim.hurry()
        assert folded([event async for event in events]).text == "late"


async def test_reasoning_tools_and_sources_are_told(place: Place) -> None:
    chunks = [("a", "policy.pdf", "https://example.com/p?a=1\\u0026b=2"), ("b", "notes.md", ""), ("c", "notes.md", "")]
    extras = [recalled(chunks), *called("weather", "get", {"city": "Paris"}, '{"temp":21}')]
    place.sim.script("rich", Say(text="21 °C", reasoning="I look it up", messages=extras))
    events = await ask(place.bot, await place.question("rich"))
    assert [event for event in events if isinstance(event, ToolCalled | ToolReturned)] == [
        ToolCalled("weather-get"),
        ToolReturned(),
    ]
    found = [(source.title, source.url) for source in folded(events).sources]
    assert found == [("policy.pdf", "https://example.com/p?a=1&b=2"), ("notes.md", "")]
    assert "".join(event.text for event in events if isinstance(event, ReasoningDelta)) == "I look it up"
    again = await recall(place.bot, started(events))
    assert not [event for event in again if isinstance(event, ToolCalled | ToolReturned)]
    assert folded(again).sources == folded(events).sources
    assert folded(again).reasoning == folded(events).reasoning


async def test_recall_waits_until_a_chat_has_ended_and_tells_what_the_stream_told(place: Place) -> None:
    place.sim.script("two", Say(text="First.", more=["Second.", "Third."], follow_ups=["a", "b"], first_delay=60))
    question = await place.question("two")
    async with place.bot.ask(question) as events:
        chat = await anext(events)
    assert isinstance(chat, ChatStarted)
    asyncio.get_running_loop().call_later(0.2, place.sim.hurry)
    events_again = await recall(place.bot, chat)
    answer = folded(events_again)
    assert answer.text == "First.\n\nSecond.\n\nThird."
    assert answer.suggestions == ["a", "b"]
    assert answer.tokens > 0
    assert len([call for call in place.sim.calls if "/v3/chat/retrieve" in call["path"]]) > 2
    assert [event for event in events_again if isinstance(event, TextDelta)] == []


async def test_find_finds_the_chat_of_this_very_question(place: Place) -> None:
    question = await place.question("echo: one", mark="turn-7")
    assert await place.bot.find(question) == ""
    chat = started(await ask(place.bot, question)).chat
    other = Question(text="echo: one", user="u1", conversation=question.conversation, mark="turn-8")
    assert await place.bot.find(other) == ""
    await ask(place.bot, other)
    assert await place.bot.find(question) == chat


async def test_a_conversation_that_is_gone_is_gone_for_all(place: Place) -> None:
    question = await place.question("echo: x")
    del place.sim.conversations[question.conversation]
    await broken(place.bot, question, Gone)
    with pytest.raises(Gone):
        await place.bot.find(question)
    with pytest.raises(Gone):
        await recall(place.bot, ChatStarted(question.conversation, "1"))


async def test_empty_answer_is_empty(place: Place) -> None:
    place.sim.script("nothing", Say(text=""))
    place.sim.script("silent", Say(silent=True))
    for text in ("nothing", "silent"):
        events = await ask(place.bot, await place.question(text))
        assert folded(events).text == ""
        assert folded(await recall(place.bot, started(events))).text == ""


async def test_many_answers_at_once(place: Place) -> None:
    questions = [await place.question(f"echo: number {number}") for number in range(60)]
    answers = await asyncio.gather(*(ask(place.bot, question) for question in questions))
    assert [folded(events).text for events in answers] == [f"number {number}" for number in range(60)]


# ---- what is new to us, and what asks back ----


async def test_unknown_things_are_harmless_and_counted_once_a_kind(place: Place) -> None:
    for _ in range(2):
        place.sim.fault("unknown_event", value="conversation.chat.dreaming")
        assert folded(await ask(place.bot, await place.question("echo: a"))).text == "a"
        place.sim.fault("unknown_type", value="dream")
        events = await ask(place.bot, await place.question("echo: b"))
        assert folded(events).text == "b"
        assert folded(await recall(place.bot, started(events))).text == "b"
    assert place.counts.seen == [
        ("coze_unknown", {"kind": "event:conversation.chat.dreaming"}),
        ("coze_unknown", {"kind": "message:dream"}),
    ]


async def test_a_local_tool_is_named(place: Place) -> None:
    place.sim.fault("requires_action")
    events = await ask(place.bot, await place.question("rain?"))
    (wanted,) = [event for event in events if isinstance(event, ActionRequired)]
    (call,) = wanted.calls
    assert (call.name, call.arguments) == ("get_rain", '{"location":"河南"}')
    assert call.id == place.sim.chats[0].required[0]["id"]
    assert wanted in await recall(place.bot, started(events))


async def test_a_question_node_just_asks(place: Place) -> None:
    place.sim.script("pizza", Say(text="How many?", end="reply_message"))
    question = await place.question("pizza")
    events = await ask(place.bot, question)
    assert folded(events).text == "How many?"
    assert not any(isinstance(event, ActionRequired) for event in events)
    assert folded(await recall(place.bot, started(events))).text == "How many?"
    await ask(place.bot, Question(text="three", user="u1", conversation=question.conversation, mark="m2"))


# ---- refusals before there is a chat ----


@pytest.mark.parametrize(
    ("fault", "kind", "certain"),
    [
        ({"kind": "http", "value": "502"}, Unreachable, True),
        ({"kind": "http", "value": "504"}, Unreachable, False),
        ({"kind": "http_429_empty"}, RateLimited, True),
        ({"kind": "code", "value": "5000"}, Unreachable, True),
        ({"kind": "code", "value": "4009"}, RateLimited, True),
        ({"kind": "code", "value": "4013"}, Unreachable, True),
        ({"kind": "refuse"}, Unreachable, False),
        ({"kind": "lost_response"}, Unreachable, False),
    ],
)
async def test_whether_it_may_have_happened(place: Place, fault: dict[str, Any], kind: Any, certain: bool) -> None:
    question = await place.question("echo: x")
    place.sim.fault(**fault)
    came, error = await broken(place.bot, question, kind)
    assert came == []
    assert error.certain is certain
    chats = [chat.id for chat in place.sim.chats]
    assert len(chats) == (fault["kind"] == "lost_response")
    assert await place.bot.find(question) == "".join(chats)


async def test_nobody_there_is_certain_only_for_what_was_to_begin() -> None:
    bot = CozeBot("http://127.0.0.1:9", "1", token_auth("t"), clock=SystemClock(), meter=Counts())
    question = Question(text="x", user="u", conversation="1", mark="m")
    _, error = await broken(bot, question, Unreachable)
    assert error.certain
    with pytest.raises(Unreachable) as caught:
        await bot.new_conversation()
    assert caught.value.certain
    for after in (bot.find(question), recall(bot, ChatStarted("1", "2")), bot.cancel("1", "2")):
        with pytest.raises(Unreachable) as caught:
            await after
        assert not caught.value.certain
    await bot.aclose()


async def test_how_long_to_wait_is_taken_from_the_header(place: Place) -> None:
    question = await place.question("echo: x")
    place.sim.fault("http", value="429", seconds=7)
    _, error = await broken(place.bot, question, RateLimited)
    assert (error.retry_after, error.say) == (7.0, "rate")


@pytest.mark.parametrize(("code", "say"), [(4100, "credentials"), (700012006, "credentials"), (4101, "permission")])
async def test_a_refused_token_is_for_the_operator(place: Place, code: int, say: str) -> None:
    place.sim.fault("code", value=str(code))
    question = await place.question("echo: x")
    _, error = await broken(place.bot, question, BotFailed)
    assert (error.code, error.say) == (code, say)
    assert len([call for call in place.sim.calls if call["path"].startswith("/v3/chat?")]) == 1


async def test_a_bot_that_is_not_published_is_said_so(place: Place) -> None:
    place.sim.world.published = False
    _, error = await broken(place.bot, await place.question("x"), BotFailed)
    assert (error.code, error.say) == (4015, "not_published")


async def test_a_server_without_message_lists_finds_nothing(place: Place) -> None:
    question = await place.question("x")
    place.sim.fault("http", method="/v1/conversation/message/list", value="404")
    assert await place.bot.find(question) == ""


# ---- Coze Studio ----


async def test_what_people_think_is_not_asked_for_where_nobody_takes_it_in(studio: Place) -> None:
    question = await studio.question("say")
    started_as = started(await ask(studio.bot, question))
    assert studio.bot.judges, "nobody knows yet"
    with pytest.raises(BotFailed) as refused:
        await studio.bot.judge(question.conversation, started_as.chat, good=True)
    assert (refused.value.say, studio.bot.judges) == ("no_call", False)
    assert not studio.bot.acting(token_auth("pat_test")).judges


async def test_coze_studio_is_asked_recalled_and_cancelled(studio: Place) -> None:
    studio.sim.script("say", Say(text="The answer.", messages=[recalled([("a", "doc.pdf", "https://e.com/d")])]))
    question = await studio.question("say")
    events = await ask(studio.bot, question)
    assert folded(events).text == "The answer."
    assert [source.title for source in folded(events).sources] == ["doc.pdf"]
    again = folded(await recall(studio.bot, started(events)))
    assert (again.text, again.sources) == ("The answer.", folded(events).sources)
    assert await studio.bot.find(question) == started(events).chat
    await studio.bot.cancel(question.conversation, started(events).chat)  # HTTP 400, code 400: it has ended.
    assert studio.counts.seen == []


async def test_coze_studio_cancels_a_running_chat(studio: Place) -> None:
    studio.sim.script("long", Say(text="word " * 5000))
    async with studio.bot.ask(await studio.question("long")) as events:
        chat = started([await anext(events)])
    await studio.bot.cancel(chat.conversation, chat.chat)
    with pytest.raises(BotFailed) as caught:
        await recall(studio.bot, chat)
    assert caught.value.say == "cancelled_at_coze"


async def test_coze_studio_refuses_a_token_at_http_200(studio: Place) -> None:
    question = await studio.question("x")
    studio.sim.revoke()
    _, error = await broken(studio.bot, question, BotFailed)
    assert (error.code, error.say) == (700012006, "credentials")
