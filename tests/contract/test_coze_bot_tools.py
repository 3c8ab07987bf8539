"""CozeBot gives the outputs of tools, and reads on."""

import pytest

from bridge.answer import ActionRequired, BotEvent, ChatStarted, MessageCompleted, TextDelta, ToolCalled, ToolReturned
from bridge.errors import BotFailed, Unreachable
from simulators.coze import Answer as Say
from simulators.coze.answers import jumped
from tests.contract.coze_place import (  # noqa: F401 - fixtures `place` and `studio`
    GRACE,
    Place,
    ask,
    folded,
    place_fixture,
    recall,
    started,
    studio_fixture,
)


async def submit(place: Place, chat: ChatStarted, outputs: dict[str, str]) -> list[BotEvent]:
    async with place.bot.submit(chat.conversation, chat.chat, outputs) as events:
        return [event async for event in events]


def outputs(events: list[BotEvent], output: str = "dry") -> dict[str, str]:
    (wanted,) = [event for event in events if isinstance(event, ActionRequired)]
    return {call.id: output for call in wanted.calls}


async def asked(place: Place, rounds: int = 1) -> list[BotEvent]:
    place.sim.script("rain", Say(text="No rain today.", end="requires_action", rounds=rounds, follow_ups=["And?"]))
    return await ask(place.bot, await place.question("rain?"))


async def test_the_chat_goes_on_with_the_outputs(place: Place) -> None:
    first = await asked(place)
    chat = started(first)
    then = await submit(place, chat, outputs(first))
    assert then[0] == chat  # in_progress, without created
    assert ToolReturned() in then
    assert sum(isinstance(event, TextDelta) for event in then) > 2
    answer = folded(then)
    assert (answer.text, answer.suggestions, answer.calls) == ("No rain today.", ["And?"], ())
    assert folded([*first, *then]).text == "No rain today."
    assert [event["outputs"] for event in place.sim.feed.events if event["kind"] == "submitted"] == [["dry"]]
    again = folded(await recall(place.bot, chat))
    assert (again.text, again.calls) == ("No rain today.", ())


async def test_it_may_ask_for_tools_again(place: Place) -> None:
    events = await asked(place, rounds=3)
    chat, rounds = started(events), 0
    while not folded(events).text:
        wanted = outputs(events, f"round {rounds}")
        assert wanted == outputs(await recall(place.bot, chat), f"round {rounds}")
        events = await submit(place, chat, wanted)
        rounds += 1
    assert (rounds, folded(events).text) == (3, "No rain today.")


async def test_refused_outputs_leave_the_chat_waiting(place: Place) -> None:
    first = await asked(place)
    chat = started(first)
    with pytest.raises(BotFailed) as caught:
        await submit(place, chat, {"other": "x"})
    assert caught.value.code == 4000
    for fault in ({"kind": "http", "value": "502"}, {"kind": "code", "value": "5000"}):
        place.sim.fault(**fault, method="/v3/chat/submit_tool_outputs")
        with pytest.raises(Unreachable) as failed:
            await submit(place, chat, outputs(first))
        assert failed.value.certain
    assert folded(await submit(place, chat, outputs(first))).text == "No rain today."


@pytest.mark.parametrize("fault", ["reset", "cut_clean", "cut_mid_line", "lost_response"])
async def test_a_cut_stream_is_recalled(place: Place, fault: str) -> None:
    first = await asked(place)
    place.sim.fault(fault, method="/v3/chat/submit_tool_outputs", after=1)
    with pytest.raises(Unreachable) as caught:
        await submit(place, started(first), outputs(first))
    assert not caught.value.certain
    assert folded(await recall(place.bot, started(first))).text == "No rain today."


async def test_a_chat_that_fails_after_its_tools_have_run_is_not_asked_anew(place: Place) -> None:
    first = await asked(place)
    place.sim.fault("failed", method="/v3/chat/submit_tool_outputs", value="4013")
    with pytest.raises(BotFailed) as caught:
        await submit(place, started(first), outputs(first))
    assert (caught.value.code, caught.value.say) == (4013, "model")


async def test_leaving_closes_the_connection(place: Place) -> None:
    place.sim.script("rain", Say(text="word " * 5000, end="requires_action"))
    first = await ask(place.bot, await place.question("rain?"))
    chat = started(first)
    async with place.bot.submit(chat.conversation, chat.chat, outputs(first)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    await place.sim.wait(lambda: not place.sim.world.transports, GRACE)


async def test_coze_studio_takes_no_outputs(studio: Place) -> None:
    with pytest.raises(BotFailed) as caught:
        await submit(studio, ChatStarted("1", "2"), {"a": "b"})
    assert caught.value.say == "no_call"


async def test_the_agent_at_work_is_named(place: Place) -> None:
    place.sim.script("trip", Say(text="To Rome.", messages=[jumped("Travel")]))
    events = await ask(place.bot, await place.question("trip"))
    assert ToolCalled("Travel") in events
    assert folded(events).tool == ""
    assert [type(event) for event in await recall(place.bot, started(events))][1:2] == [MessageCompleted]
