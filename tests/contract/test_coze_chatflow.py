"""ChatflowBot against the simulated Coze: how it is begun, and that all else is as with bots."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from adapters.coze import token_auth
from adapters.coze.chatflow import ChatflowBot
from adapters.coze.runs import Workflow
from bridge.answer import Suggested, TextDelta, Used
from bridge.clock import SystemClock
from bridge.errors import BotFailed, Unreachable
from bridge.model import File
from bridge.ports import Clears, Forgets, Judged, Question, Reads
from simulators.coze import Answer as Say
from simulators.coze import CozeSimulator
from simulators.wire import Served
from tests.contract.coze_place import GRACE, Counts, ask, broken, folded, recall, started

FLOW = "7420000000000000001"
PATH = "/v1/workflows/chat"


@dataclass
class Stream:
    """A chatflow, and the simulator that speaks for it."""

    sim: CozeSimulator
    url: str
    bots: list[ChatflowBot]

    def opened(self, *, bot_id: str = "", app: str = "", **options: Any) -> ChatflowBot:
        workflow, auth = Workflow(id=FLOW, app=app, bot=bot_id), token_auth("pat_test")
        limits = {"clock": SystemClock(), "meter": Counts(), "poll_seconds": 0.02, **QUICK}
        self.bots.append(ChatflowBot(self.url, workflow, auth, **limits, **options))
        return self.bots[-1]

    async def question(self, text: str, mark: str = "1.1") -> Question:
        return Question(text=text, user="u1", conversation=await self.bots[0].new_conversation(), mark=mark)


QUICK = {"idle_seconds": 0.2, "silence_seconds": 20.0}


@asynccontextmanager
async def stream(**simulated: Any) -> AsyncIterator[Stream]:
    sim = CozeSimulator(**{"deltas_per_second": 400.0, **simulated})
    async with Served(sim.app) as served:
        made = Stream(sim, served.url, [])
        made.opened()
        yield made
        for bot in made.bots:
            await bot.aclose()


@pytest.fixture(name="place", params=["cloud", "studio"])
async def place_fixture(request: pytest.FixtureRequest) -> AsyncIterator[Stream]:
    async with stream(profile=request.param) as made:
        yield made


@pytest.fixture(name="cloud")
async def cloud_fixture() -> AsyncIterator[Stream]:
    async with stream() as made:
        yield made


async def test_an_answer_streams_to_its_end(place: Stream) -> None:
    """At Coze Studio although each event has a number, which cozepy refuses in a chat."""
    place.sim.script("hello", Say(text="Hello, **world**!", follow_ups=["And?"]))
    question = await place.question("hello there")
    events = await ask(place.bots[0], question)
    assert started(events).conversation == question.conversation
    assert sum(isinstance(event, TextDelta) for event in events) > 2
    assert folded(events).text == "Hello, **world**!"
    assert folded(events).suggestions == ["And?"]
    assert isinstance(events[-1], Used)
    (chat,) = place.sim.chats
    body = {key: chat.body[key] for key in ("workflow_id", "parameters", "conversation_id", "ext")}
    assert body == {
        "workflow_id": FLOW,
        "parameters": {"CONVERSATION_NAME": question.conversation},
        "conversation_id": question.conversation,
        "ext": {"user_id": "u1"},
    }


async def test_a_cut_chat_is_recalled_and_found_as_those_of_bots_are(place: Stream) -> None:
    place.sim.script("say", Say(text="The whole answer, in several pieces."))
    place.sim.fault("reset", method=PATH, after=2)
    question = await place.question("say")
    came, error = await broken(place.bots[0], question, Unreachable)
    assert not error.certain
    chat = started(came)
    assert folded(await recall(place.bots[0], chat)).text == "The whole answer, in several pieces."
    assert await place.bots[0].find(question) == chat.chat
    assert await place.bots[0].find(replace(question, mark="other")) == ""


async def test_it_is_stopped_and_cleared_and_judged_as_a_bot_is(cloud: Stream) -> None:
    bot = cloud.bots[0]
    for role in (Clears, Judged, Forgets):
        assert isinstance(bot, role)
    cloud.sim.script("slow", Say(text="late", first_delay=60))
    question = await cloud.question("slow")
    async with asyncio.timeout(GRACE), bot.ask(question) as events:
        chat = started([await anext(events)])
        await bot.cancel(chat.conversation, chat.chat)
    assert cloud.sim.chats[0].status == "canceled"
    await bot.clear(question.conversation)
    assert len(cloud.sim.conversations[question.conversation].sections) == 2
    await bot.delete_conversation(question.conversation)
    assert not cloud.sim.conversations


async def test_a_question_node_asks_and_the_next_message_answers_it(place: Stream) -> None:
    place.sim.script("order", Say(text="How many?", end="reply_message"))
    question = await place.question("order")
    asked = folded(await ask(place.bots[0], question))
    assert asked.text == "How many?"
    assert not asked.calls
    assert not asked.resume
    answered = await ask(place.bots[0], replace(question, text="three", mark="2.1"))
    assert "three" in folded(answered).text
    assert len({chat.conversation_id for chat in place.sim.chats}) == 1


async def test_the_options_of_a_card_become_suggestions(cloud: Stream) -> None:
    card = (
        '{"type":"question","content_type":"option","content":{"options":[{"name":"a"},{"name":"b"}],"question":"?"}}'
    )
    from simulators.coze import Extra

    cloud.sim.script("order", Say(silent=True, messages=[Extra(type="answer", content=card, content_type="card")]))
    events = await ask(cloud.bots[0], await cloud.question("order"))
    assert [event.text for event in events if isinstance(event, Suggested)] == ["a", "b"]


async def test_files_go_through_a_parameter_and_the_message_is_text(cloud: Stream, tmp_path: Any) -> None:
    bot = cloud.opened(bot_id=cloud.sim.world.bot_id, brought="pictures", parameters={"lang": "{language}"})
    assert isinstance(bot, Reads)
    assert bot.library
    assert not cloud.bots[0].library
    picture = tmp_path / "cat.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    first, second = [await bot.upload("cat.png", picture) for _ in range(2)]
    question = await cloud.question("")
    await ask(bot, replace(question, files=(File(kind="photo", coze=first),)))
    await ask(bot, replace(question, mark="2", files=(File(kind="photo", coze=first), File(kind="photo", coze=second))))
    one, two = [chat.body["parameters"]["pictures"] for chat in cloud.sim.chats]
    assert one == f'{{"file_id":"{first}"}}'
    assert two == [one, f'{{"file_id":"{second}"}}']
    body = cloud.sim.chats[0].body
    assert body["parameters"]["lang"] == "en"
    assert body["additional_messages"][0]["content_type"] == "text"
    assert body["additional_messages"][0]["content"]


async def test_the_name_that_a_conversation_must_have_is_given(cloud: Stream) -> None:
    cloud.sim.flows.named = True
    assert folded(await ask(cloud.bots[0], await cloud.question("echo: x"))).text == "x"
    unnamed = cloud.opened(parameters={"CONVERSATION_NAME": ""})
    _, error = await broken(unnamed, await cloud.question("echo: x"), BotFailed)
    assert (error.code, error.say) == (720702204, "workflow")


async def test_an_app_is_named_and_then_no_bot(cloud: Stream) -> None:
    bot = cloud.opened(bot_id=cloud.sim.world.bot_id, app="7430000000000000001")
    await ask(bot, await cloud.question("echo: x"))
    body = cloud.sim.chats[0].body
    assert body["app_id"] == "7430000000000000001"


@pytest.mark.parametrize("line", [": ping", "retry: 3000", "id: 7"])
async def test_lines_that_cozepy_refuses_are_left_out(cloud: Stream, line: str) -> None:
    cloud.sim.script("say", Say(text="The whole answer."))
    cloud.sim.fault("ping_comment", method=PATH, after=1, value=line)
    assert folded(await ask(cloud.bots[0], await cloud.question("say"))).text == "The whole answer."


async def test_a_failure_is_the_error_of_its_code(cloud: Stream) -> None:
    cloud.sim.fault("failed", method=PATH, value="4028")
    _, error = await broken(cloud.bots[0], await cloud.question("x"), BotFailed)
    assert error.say == "quota"
