"""Facts 1 to 12 of those about Coze and its SDK that are the most likely to be gotten wrong."""

import asyncio
import time

import pytest

from adapters.coze import CozeBot, token_auth
from bridge.answer import TextDelta
from bridge.clock import SystemClock
from bridge.errors import BotFailed, Busy, Unreachable
from bridge.ports import Question
from simulators.coze import Answer as Say
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


async def test_fact_01_a_chat_is_retrieved_by_get(place: Place, studio: Place) -> None:
    for there in (place, studio):
        await recall(there.bot, started(await ask(there.bot, await there.question("echo: x"))))
        retrieved = [call for call in there.sim.calls if "/v3/chat/retrieve" in call["path"]]
        assert {call["method"] for call in retrieved} == {"GET"}
        assert {call["status"] for call in retrieved} == {200}


async def test_fact_02_the_conversation_is_always_named_and_nulls_go_out(studio: Place) -> None:
    question = await studio.question("echo: x")
    await ask(studio.bot, question)
    paths = [call["path"] for call in studio.sim.calls if call["path"].startswith("/v3/chat?")]
    assert paths == [f"/v3/chat?conversation_id={question.conversation}"]
    assert studio.sim.chats[0].body["additional_messages"][0]["section_id"] is None


async def test_fact_03_a_streamed_chat_is_saved(place: Place) -> None:
    question = await place.question("echo: kept")
    chat = started(await ask(place.bot, question))
    body = place.sim.chats[0].body
    assert (body["stream"], body["auto_save_history"]) == (True, True)
    assert body["additional_messages"][0]["meta_data"] == {"turn": "turn-1"}
    assert folded(await recall(place.bot, chat)).text == "kept"


async def test_fact_04_cancel_leaves_the_stream_open_so_leaving_closes_it(place: Place) -> None:
    place.sim.script("long", Say(text="word " * 2000))
    question = await place.question("long")
    async with place.bot.ask(question) as events:
        chat = started([await anext(events)])
        await place.bot.cancel(chat.conversation, chat.chat)
        assert place.sim.chats[0].status == "canceled"
        assert isinstance(await anext(events), TextDelta)
    await place.sim.wait(lambda: place.sim.chats[0].left_at, GRACE)
    await place.bot.cancel(chat.conversation, chat.chat)  # 4104: it has ended.
    with pytest.raises(BotFailed) as caught:
        await recall(place.bot, chat)
    assert caught.value.say == "cancelled_at_coze"


async def test_fact_04_a_cancelled_stream_that_just_ends_is_recalled(place: Place) -> None:
    place.sim.world.after_cancel = "done"
    place.sim.script("long", Say(text="word " * 20))
    async with asyncio.timeout(GRACE), place.bot.ask(await place.question("long")) as events:
        chat = started([await anext(events)])
        await place.bot.cancel(chat.conversation, chat.chat)
        with pytest.raises(Unreachable) as caught:
            [event async for event in events]
    assert not caught.value.certain


@pytest.mark.parametrize("shape", ["envelope", "error_event"])
async def test_fact_05_a_second_chat_in_the_conversation_is_busy(place: Place, shape: str) -> None:
    place.sim.script("first", Say(text="done", first_delay=60))
    question = await place.question("first")
    async with place.bot.ask(question) as events:
        await anext(events)
        if shape == "error_event":
            place.sim.fault("error_event", value="4016")
            question = await place.question("second")
        came, error = await broken(place.bot, question, Busy)
        assert came == []
        assert error.certain
        assert error.reference
        assert len(place.sim.chats) == 1
        place.sim.hurry()
        assert folded([event async for event in events]).text == "done"


async def test_fact_06_an_error_event_is_read_out_of_the_bare_exception(place: Place) -> None:
    place.sim.fault("error_event", value="4028", after=2)
    came, error = await broken(place.bot, await place.question("list"), BotFailed)
    assert (error.code, error.say) == (4028, "quota")
    assert error.reference == place.sim.calls[-1]["logid"]
    assert isinstance(came[-1], TextDelta)


async def test_fact_06_after_an_error_event_that_may_pass_the_chat_is_recalled(place: Place) -> None:
    place.sim.fault("error_event", value="5000", after=2)
    came, error = await broken(place.bot, await place.question("list"), Unreachable)
    assert not error.certain
    with pytest.raises(Unreachable) as caught:
        await recall(place.bot, started(came))
    assert caught.value.certain  # The chat failed: it surely gives no answer any more.


@pytest.mark.parametrize(("code", "say"), [(4028, "quota"), (4012, "no_model"), (4102, "risk"), (4014, "unanswerable")])
async def test_fact_07_a_failed_chat_carries_its_error_inside(place: Place, code: int, say: str) -> None:
    place.sim.fault("failed", value=str(code))
    came, error = await broken(place.bot, await place.question("list"), BotFailed)
    assert (error.code, error.say) == (code, say)
    assert error.reference
    with pytest.raises(BotFailed) as caught:
        await recall(place.bot, started(came))
    assert (caught.value.code, caught.value.say) == (code, say)


async def test_fact_07_the_short_failed_frame_is_understood(place: Place) -> None:
    place.sim.fault("failed_short", value="4028")
    came, error = await broken(place.bot, await place.question("list"), BotFailed)
    assert (error.code, error.say) == (4028, "quota")
    assert error.reference
    with pytest.raises(BotFailed, match="4028"):
        await recall(place.bot, started(came))


async def test_fact_07_after_a_short_failed_frame_that_may_pass_the_chat_is_recalled(place: Place) -> None:
    place.sim.fault("failed_short", value="5000", after=2)
    came, error = await broken(place.bot, await place.question("list"), Unreachable)
    assert not error.certain
    with pytest.raises(Unreachable) as caught:
        await recall(place.bot, started(came))
    assert caught.value.certain


async def test_fact_07_a_model_error_may_be_tried_again_only_if_nothing_was_said(place: Place) -> None:
    place.sim.fault("failed", value="4013")
    _, error = await broken(place.bot, await place.question("list"), Unreachable)
    assert (error.certain, error.say) == (True, "model")
    place.sim.fault("failed", value="4013", after=3)
    _, error = await broken(place.bot, await place.question("list"), BotFailed)
    assert (error.code, error.say) == (4013, "model")


async def test_fact_08_a_held_socket_is_left_at_the_end_of_the_chat(place: Place) -> None:
    place.sim.fault("held_socket", seconds=60)
    begun = time.monotonic()
    assert folded(await ask(place.bot, await place.question("echo: all"))).text == "all"
    assert time.monotonic() - begun < GRACE
    await place.sim.wait(lambda: not place.sim.world.transports, GRACE)


async def test_fact_08_late_audio_does_not_matter(place: Place) -> None:
    place.sim.fault("late_audio")
    assert folded(await ask(place.bot, await place.question("echo: all"))).text == "all"


@pytest.mark.parametrize("line", [": ping", "retry: 3000", "id: 7"])
async def test_fact_09_a_line_that_the_sdk_cannot_read_leads_to_a_recall(place: Place, line: str) -> None:
    place.sim.script("say", Say(text="The whole answer."))
    place.sim.fault("ping_comment", after=1, value=line)
    came, error = await broken(place.bot, await place.question("say"), Unreachable)
    assert not error.certain
    assert folded(await recall(place.bot, started(came))).text == "The whole answer."


@pytest.mark.parametrize("fault", [("reset", ""), ("cut_clean", ""), ("cut_mid_line", ""), ("cut_mid_line", "chunked")])
async def test_fact_10_a_cut_stream_is_no_end(place: Place, fault: tuple[str, str]) -> None:
    kind, value = fault
    place.sim.script("say", Say(text="The whole answer, in several pieces."))
    place.sim.fault(kind, after=2, value=value)
    came, error = await broken(place.bot, await place.question("say"), Unreachable)
    assert not error.certain
    assert sum(isinstance(event, TextDelta) for event in came) == 2
    assert folded(await recall(place.bot, started(came))).text == "The whole answer, in several pieces."


@pytest.mark.parametrize("way", ["leave", "cancel", "raise"])
async def test_fact_11_leaving_closes_the_connection_at_once(place: Place, way: str) -> None:
    place.sim.script("long", Say(text="word " * 5000))
    question = await place.question("long")
    reached = asyncio.Event()

    async def read() -> None:
        async with place.bot.ask(question) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    reached.set()
                    if way == "leave":
                        break
                    if way == "raise":
                        raise LookupError
                    # Else it waits for more until it is cancelled.

    reading = asyncio.create_task(read())
    await reached.wait()
    if way == "cancel":
        reading.cancel()
    await asyncio.wait([reading])
    assert (reading.cancelled(), reading.cancelled() or reading.exception() is not None) == (
        way == "cancel",
        way != "leave",
    )
    await place.sim.wait(lambda: place.sim.chats[0].left_at, GRACE)


async def test_fact_11_the_connection_is_closed_when_the_error_arrives(place: Place) -> None:
    place.sim.fault("ping_comment", after=1)
    place.sim.script("long", Say(text="word " * 5000))
    await broken(place.bot, await place.question("long"), Unreachable)
    await place.sim.wait(lambda: place.sim.chats[0].left_at, GRACE)


async def test_fact_12_a_server_that_says_nothing_is_not_waited_for_long() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bot = CozeBot(
        f"http://127.0.0.1:{port}", "1", token_auth("t"), clock=SystemClock(), meter=Counts(), start_seconds=0.2
    )
    _, error = await broken(bot, Question(text="x", user="u", conversation="1", mark="m"), Unreachable)
    assert not error.certain
    await bot.aclose()
    server.close()
    await server.wait_closed()


async def test_fact_12_the_client_is_ours_and_closes(place: Place) -> None:
    await ask(place.bot, await place.question("echo: x"))
    await place.bot.aclose()
    with pytest.raises(RuntimeError):
        await place.bot.new_conversation()
