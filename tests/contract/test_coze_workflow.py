"""WorkflowBot against the simulated Coze: what a workflow says and asks, and how it goes on after a crash."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import cozepy
import pytest

from adapters.coze import token_auth
from adapters.coze.accounts import SAYS
from adapters.coze.runs import Workflow
from adapters.coze.workflow import WorkflowBot
from bridge.answer import BotEvent, ChatStarted, MessageCompleted, Paused, Suggested, TextDelta, Used
from bridge.errors import BotFailed, Transient, Unreachable
from bridge.model import File
from bridge.ports import Forgets, Question, Reads
from simulators.coze import CozeSimulator
from simulators.coze.flows import Flows, Step
from simulators.wire import Served
from tests.contract.coze_place import GRACE, Counts, ask, broken, folded

FLOW = "7420000000000000001"
PLAIN = Workflow(id=FLOW)


@dataclass
class Mill:
    """A workflow bot, and the simulator that runs its workflow."""

    sim: CozeSimulator
    url: str
    bots: list[WorkflowBot]
    bot: WorkflowBot
    counts: Counts

    @property
    def flows(self) -> Flows:
        return self.sim.flows

    def does(self, *steps: Step) -> None:
        self.flows.script(FLOW, *steps)

    def opened(self, workflow: Workflow = PLAIN, **options: Any) -> WorkflowBot:
        self.bots.append(WorkflowBot(self.url, workflow, token_auth("pat_test"), meter=self.counts, **options))
        return self.bots[-1]


@asynccontextmanager
async def mill(**simulated: Any) -> AsyncIterator[Mill]:
    sim = CozeSimulator(**simulated)
    sim.flows.scale = 0.001
    async with Served(sim.app) as served:
        counts = Counts()
        bot = WorkflowBot(served.url, Workflow(id=FLOW), token_auth("pat_test"), meter=counts)
        made = Mill(sim, served.url, [bot], bot, counts)
        yield made
        for one in made.bots:
            await one.aclose()


@pytest.fixture(name="place")
async def place_fixture() -> AsyncIterator[Mill]:
    async with mill() as made:
        yield made


@pytest.fixture(name="studio")
async def studio_fixture() -> AsyncIterator[Mill]:
    async with mill(profile="studio") as made:
        yield made


def question(text: str, resume: str = "", files: tuple[File, ...] = ()) -> Question:
    return Question(text=text, user="u1", conversation="local-1", mark="1.1", resume=resume, files=files)


async def answered(place: Mill, *texts: str) -> list[list[BotEvent]]:
    """What came of each of these, said one after another."""
    came: list[list[BotEvent]] = []
    resume = ""
    for text in texts:
        came.append(await ask(place.bot, question(text, resume)))
        resume = folded(came[-1]).resume
    return came


ORDER = (
    Step(say="Hello {input}.", pause=20),
    Step(ask="Which size?", options=["small", "large"]),
    Step(say="So {1}.", pause=25),
    Step(ask="Which colour?"),
    Step(pause=25, output="A {1} one in {2} for {input}."),
)


# ---- the simulator says what the official SDK reads ----


async def test_the_official_sdk_reads_the_simulated_workflow(place: Mill) -> None:
    place.flows.ping_seconds = 10
    place.does(*ORDER)
    client = cozepy.AsyncHTTPClient()
    coze = cozepy.AsyncCoze(cozepy.AsyncTokenAuth("pat_test"), place.url, http_client=client)
    began = [event async for event in coze.workflows.runs.stream(workflow_id=FLOW, parameters={"input": "Ann"})]
    assert [event.event.value for event in began] == ["unknown", "Message", "Message", "Interrupt"]
    assert [event.id for event in began] == [0, 1, 2, 3]
    assert began[1].message
    assert began[1].message.content == "Hello Ann."
    waits = began[-1].interrupt
    assert waits
    resume = coze.workflows.runs.resume(
        workflow_id=FLOW, event_id=waits.interrupt_data.event_id, resume_data="small", interrupt_type=2
    )
    went_on = [event async for event in resume]
    assert went_on[0].id == 0, "events are counted anew"
    run = place.flows.runs[0]
    info = await coze.workflows.retrieve(workflow_id=FLOW)
    assert (info.workflow_detail.workflow_id, info.workflow_detail.workflow_name) == (FLOW, "流程 Simulated")
    history = await coze.workflows.runs.run_histories.retrieve(workflow_id=FLOW, execute_id=run.id)
    assert history.execute_status.value == "Running"
    done = await coze.workflows.runs.create(workflow_id=FLOW, parameters={}, is_async=True)
    assert done.execute_id == place.flows.runs[1].id
    async with aiohttp.ClientSession() as session:
        told = {"workflow_id": "7", "steps": [{"say": "Hm."}, {"output": "for {input}"}]}
        async with session.post(f"{place.url}/control/workflow", json=told) as response:
            assert (await response.json())["ok"]
        at_once = await coze.workflows.runs.create(workflow_id="7", parameters={"input": "Bob"})
        assert at_once.data == '{"output":"for Bob"}'
        async with session.get(f"{place.url}/control/runs") as response:
            assert [run["status"] for run in await response.json()][-1] == "Success"
    await client.aclose()


# ---- what it says ----


async def test_nodes_speak_one_message_each_and_the_output_is_no_json(place: Mill) -> None:
    place.does(
        Step(pieces=["One ", "and ", "two."], node="first"),
        Step(say="Three.", node="second"),
        Step(say="Four.", node="second"),
        Step(output={"output": "The **end**."}),
    )
    events = await ask(place.bot, question("go"))
    assert events[0] == ChatStarted("local-1", "")
    assert [event.text for event in events if isinstance(event, TextDelta)][:3] == ["One ", "and ", "two."]
    assert folded(events).text == "One and two.\n\nThree.\n\nFour.\n\nThe **end**."
    assert events[-1] == Used(10, 20)
    body = place.flows.runs[0].body
    assert body == {"workflow_id": FLOW, "parameters": {"input": "go"}, "ext": {"user_id": "u1"}}


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ({"answer": "just this"}, "just this"),
        ({"output": ""}, ""),
        ({"a": "x", "b": 2, "c": None, "d": True}, "- **a**: x\n- **b**: 2\n- **d**: true"),
        ({"output": [{"day": "Mon", "high": 35}, {"day": "Tue"}]}, "- **day**: Mon, **high**: 35\n- Tue"),
        ({"steps": ["one", "two"], "note": "a\nb"}, "- **steps**:\n  - one\n  - two\n- **note**:\n  a\n  b"),
    ],
)
async def test_an_output_of_several_values_is_a_list(place: Mill, output: Any, shown: str) -> None:
    place.does(Step(output=output))
    assert folded(await ask(place.bot, question("go"))).text == shown


async def test_an_output_that_repeats_what_was_said_is_said_once(place: Mill) -> None:
    place.does(Step(pieces=["The ", "joke."]), Step(output="The joke."))
    assert folded(await ask(place.bot, question("go"))).text == "The joke."


async def test_lines_that_only_keep_the_stream_alive_say_nothing(place: Mill) -> None:
    place.does(Step(raw=b": ping\n\nretry: 3\n\nid: 7\nevent: Strange\ndata: {}\n\n"), Step(output="ok"))
    assert folded(await ask(place.bot, question("go"))).text == "ok"


# ---- what it asks ----


async def test_a_question_is_shown_with_its_options_and_the_next_message_answers_it(place: Mill) -> None:
    place.does(*ORDER)
    first, second, third = await answered(place, "Ann", "large", "blue")
    assert folded(first).text == "Hello Ann.\n\nWhich size?"
    assert [event.text for event in first if isinstance(event, Suggested)] == ["small", "large"]
    assert isinstance(first[-1], Paused)
    assert folded(second).text == "So large.\n\nWhich colour?"
    assert folded(third).text == "A large one in blue for Ann."
    assert not folded(third).resume
    (run,) = place.flows.runs
    assert (run.told, run.status) == (["large", "blue"], "Success")
    assert second[0] == ChatStarted("local-1", run.id)


async def test_a_question_that_only_the_interrupt_tells(place: Mill) -> None:
    place.does(Step(ask="Your name?", silent=True), Step(output="Hello {1}"))
    first, second = await answered(place, "x", "Ann")
    assert folded(first).text == "Your name?"
    assert folded(second).text == "Hello Ann"


async def test_coze_studio_tells_the_question_in_the_interrupt_alone_and_not_the_node(studio: Mill) -> None:
    studio.does(Step(ask="Which?", options=["a", "b"]), Step(output="{1} it is"))
    first, second = await answered(studio, "x", "b")
    assert folded(first).text == "Which?"
    assert folded(first).suggestions == ["a", "b"]
    assert folded(second).text == "b it is"


@pytest.mark.parametrize(
    ("wants", "said", "told"),
    [
        ({"city": {"type": "string", "required": True}}, "Paris", {"city": "Paris"}),
        ({"city": {"required": True}, "day": {"required": True}}, "day: Monday\ncity：Paris", None),
        ({"city": {"required": True}, "day": {"required": True}}, "Paris\nMonday", None),
        ({"city": {"required": True}, "day": {"required": True}}, '{"city": "Paris", "day": "Monday"}', None),
        ({"note": {"required": False}, "city": {"required": True}}, "Paris", {"city": "Paris"}),
    ],
)
async def test_an_input_node_is_given_its_parameters(place: Mill, wants: Any, said: str, told: Any) -> None:
    place.does(Step(type=5, wants=wants), Step(output="ok"))
    first, _ = await answered(place, "x", said)
    assert all(name in folded(first).text for name in wants) or folded(first).text == "Where to?"
    assert json.loads(place.flows.runs[0].told[0]) == (told or {"city": "Paris", "day": "Monday"})


@pytest.mark.parametrize(("kind", "say"), [(6, "workflow_plugin"), (7, "workflow_login")])
async def test_what_no_person_can_answer_is_refused(place: Mill, kind: int, say: str) -> None:
    place.does(Step(type=kind, ask="x"))
    _, error = await broken(place.bot, question("go"), BotFailed)
    assert error.say == say


# ---- files, parameters, whose run it is ----


async def test_files_and_parameters_go_where_the_settings_say(place: Mill) -> None:
    place.does(Step(ask="And?"), Step(output="ok"))
    place.bot = place.opened(given="question", brought="pictures", parameters={"lang": "{language}", "n": 1})
    assert isinstance(place.bot, Reads)
    assert place.bot.library
    assert not place.opened().library
    assert isinstance(place.bot, Forgets)
    files = (File(kind="photo", coze="75001"), File(kind="photo", coze="75002"), File(kind="photo", amiss="x"))
    paused = folded(await ask(place.bot, question("look", files=files[:1])))
    given = place.flows.runs[0].body["parameters"]
    assert given == {"lang": "en", "n": 1, "question": "look", "pictures": '{"file_id":"75001"}'}
    await ask(place.bot, question("look", files=files))
    assert place.flows.runs[1].body["parameters"]["pictures"] == ['{"file_id":"75001"}', '{"file_id":"75002"}']
    await ask(place.bot, question("", paused.resume, files[:1]))
    assert place.flows.runs[0].told == ['{"file_id":"75001"}']


async def test_an_app_is_named_and_then_no_bot(place: Mill) -> None:
    place.does(Step(output="ok"))
    bot = place.opened(Workflow(id=FLOW, app="7430000000000000001", bot=place.sim.world.bot_id))
    assert folded(await ask(bot, question("go"))).text == "ok"
    assert place.flows.runs[0].body["app_id"] == "7430000000000000001"


# ---- when it goes wrong ----


async def test_a_failed_run_is_the_error_of_its_code(place: Mill) -> None:
    place.does(Step(error=4028))
    _, error = await broken(place.bot, question("go"), BotFailed)
    assert (error.code, error.say) == (4028, "quota")
    assert error.reference == place.sim.calls[-1]["logid"]
    assert ("coze_errors", {"code": "4028"}) in place.counts.seen


class TheirToken(cozepy.AsyncTokenAuth):
    """The account of whoever asks."""

    says = SAYS


@pytest.mark.parametrize(("code", "say"), [(4101, "own_account"), (4028, "own_quota")])
@pytest.mark.parametrize("running", [False, True])
async def test_what_their_own_account_may_not_is_theirs_to_mend(
    place: Mill, code: int, say: str, *, running: bool
) -> None:
    if running:
        place.does(Step(error=code))
    else:
        place.sim.fault("code", method="/v1/workflow/stream_run", value=str(code))
    _, error = await broken(place.bot.acting(TheirToken("pat_test")), question("go"), BotFailed)
    assert (error.code, error.say) == (code, say)


async def test_a_run_that_failed_before_it_said_anything_may_be_begun_again_and_no_other(place: Mill) -> None:
    place.does(Step(error=5000))
    _, error = await broken(place.bot, question("go"), Transient)
    assert error.certain
    place.does(Step(say="half"), Step(error=5000))
    _, error = await broken(place.bot, question("go"), BotFailed)
    assert error.code == 5000


async def test_an_unknown_workflow_is_told_of(place: Mill) -> None:
    _, error = await broken(place.bot, question("go"), BotFailed)
    assert error.code == 4200


@pytest.mark.parametrize("kind", ["reset", "cut_clean"])
async def test_a_cut_stream_is_no_end(place: Mill, kind: str) -> None:
    place.does(Step(say="one"), Step(output="two"))
    place.sim.fault(kind, method="/v1/workflow/stream_run", value="1")
    came, error = await broken(place.bot, question("go"), Unreachable)
    assert not error.certain
    assert folded(came).text in ("one", "")


async def test_a_lost_response_may_have_begun_a_run(place: Mill) -> None:
    place.does(Step(output="two"))
    place.sim.fault("lost_response", method="/v1/workflow/stream_run")
    came, error = await broken(place.bot, question("go"), Unreachable)
    assert not error.certain
    assert not came


async def test_silence_is_borne_for_as_long_as_there_are_signs_of_life(place: Mill) -> None:
    bot = place.opened(silence_seconds=0.4)
    place.flows.scale = 0.01
    place.flows.ping_seconds = 10
    place.does(Step(pause=100, output="at last"))
    assert folded(await ask(bot, question("go"))).text == "at last"
    place.flows.ping_seconds = 0
    place.flows.scale = 10
    _, error = await broken(bot, question("go"), BotFailed)
    assert error.say == "stalled"
    await place.sim.wait(lambda: not place.flows.runs[1].followers, GRACE)


async def test_leaving_closes_the_connection_at_once(place: Mill) -> None:
    place.flows.scale = 10
    place.does(Step(say="one"), Step(pause=60, output="two"))
    async with asyncio.timeout(GRACE), place.bot.ask(question("go")) as events:
        async for event in events:
            if isinstance(event, MessageCompleted):
                break
    await place.sim.wait(lambda: not place.flows.runs[0].followers, GRACE)


# ---- after a crash ----


async def crashed(place: Mill, *texts: str) -> str:
    """The last of these reached Coze, but nobody heard what came of it; what the process before it was left with."""
    *before, last = texts
    resume = folded((await answered(place, *before))[-1]).resume
    await ask(place.bot, question(last, resume))
    return resume


async def test_an_answer_that_coze_has_had_is_given_again_in_a_new_run_and_nothing_is_asked_twice(place: Mill) -> None:
    place.does(*ORDER[:4], *ORDER[1:2], *ORDER[4:])
    resume = await crashed(place, "Ann", "large", "blue")
    events = await ask(place.bot, question("blue", resume))
    assert folded(events).text == "Which size?", "only what comes behind the answers that are known"
    assert isinstance(events[0], ChatStarted)
    first, second = place.flows.runs
    assert first.told == second.told == ["large", "blue"]
    assert first.body == second.body
    last = await ask(place.bot, question("huge", folded(events).resume))
    assert folded(last).text == "A large one in blue for Ann."
    assert second.told == ["large", "blue", "huge"]


async def test_a_run_that_ended_meanwhile_gives_what_it_gave(place: Mill) -> None:
    place.does(*ORDER)
    resume = await crashed(place, "Ann", "large", "blue")
    events = await ask(place.bot, question("blue", resume))
    assert folded(events).text == "A large one in blue for Ann."
    assert len(place.flows.runs) == 1


async def test_without_the_right_to_look_back_it_is_run_again(place: Mill) -> None:
    place.flows.histories = False
    place.does(*ORDER)
    resume = await crashed(place, "Ann", "large", "blue")
    assert folded(await ask(place.bot, question("blue", resume))).text == "A large one in blue for Ann."
    assert len(place.flows.runs) == 2


async def test_a_new_run_that_asks_something_else_asks_that(place: Mill) -> None:
    place.flows.histories = False
    place.does(*ORDER)
    resume = await crashed(place, "Ann", "large", "blue")
    place.does(*ORDER[:3], Step(ask="Which material?"), Step(output="{1} {2}"))
    events = await ask(place.bot, question("blue", resume))
    assert folded(events).text == "So large.\n\nWhich material?"
    assert folded(await ask(place.bot, question("wood", folded(events).resume))).text == "large wood"


async def test_what_is_asked_anew_begins_with_what_the_run_was_begun_with(place: Mill) -> None:
    place.does(*ORDER)
    resume = folded((await answered(place, "Ann", "large"))[-1]).resume
    events = await ask(place.bot, replace(question("large", resume), anew=True))
    assert folded(events).text == "Hello Ann.\n\nWhich size?"
    first, second = place.flows.runs
    assert first.body == second.body
    assert first.told == ["large"]
    assert folded(await ask(place.bot, question("small", folded(events).resume))).text == "So small.\n\nWhich colour?"


async def test_an_event_that_coze_has_forgotten_leads_to_a_new_run(place: Mill) -> None:
    place.does(*ORDER)
    resume = folded((await answered(place, "Ann", "large"))[-1]).resume
    place.flows.runs.clear()
    assert folded(await ask(place.bot, question("blue", resume))).text == "A large one in blue for Ann."


async def test_one_resume_too_many_ends_in_plain_words(place: Mill) -> None:
    place.does(*(Step(ask=f"Number {n}?") for n in range(1, 5)), Step(output="never"))
    *_, last = await answered(place, "go", "1", "2", "3")
    _, error = await broken(place.bot, question("4", folded(last).resume), BotFailed)
    assert error.say == "workflow_over"
    assert len(place.flows.runs) == 2


async def test_refusals_that_have_other_causes_lead_to_no_new_run(place: Mill) -> None:
    place.does(*ORDER)
    resume = folded((await answered(place, "Ann"))[-1]).resume
    place.sim.fault("code", method="/v1/workflow/stream_resume", value="4028")
    _, error = await broken(place.bot, question("large", resume), BotFailed)
    assert error.say == "quota"
    assert len(place.flows.runs) == 1


async def test_a_conversation_is_nothing_at_coze(place: Mill) -> None:
    one, other = await place.bot.new_conversation("x"), await place.bot.new_conversation()
    assert one != other
    await place.bot.delete_conversation(one)
    await place.bot.cancel(one, "1")
    assert await place.bot.find(replace(question("x"), conversation=one)) == ""
    assert not place.sim.calls
