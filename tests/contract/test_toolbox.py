"""The tools that run here, called as a model calls them: whatever happens, there is an output."""

import asyncio
import json
import logging

import pytest

from adapters.tools import Toolbox, loaded
from adapters.tools.toolbox import MOST_OUTPUT, MOST_THREADS
from bridge.model import ToolCall
from tests.contract.slack_world import Tally
from tests.tools import samples

SAMPLES = "tests.tools.samples"


@pytest.fixture
async def call():
    """Calls a function of the samples; what is counted stands in `counted`."""
    meter, boxes = Tally(), []
    samples.RUNS.clear()
    samples.HANGING.clear()

    async def run(name, arguments="{}", *, seconds=60.0, **options):
        tool = loaded(name, f"{SAMPLES}:{name}", ask=False, seconds=seconds, options=options)
        box = Toolbox({name: tool}, meter)
        boxes.append(box)
        given = arguments if isinstance(arguments, str) else json.dumps(arguments)
        return await box.run(ToolCall(id="1", name=name, arguments=given))

    run.counted = meter.counted
    yield run
    samples.HANGING.set()
    for box in boxes:
        await box.aclose()


@pytest.mark.parametrize(
    ("name", "arguments", "output"),
    [
        ("get_rain", {"location": "河南"}, "rain in 河南"),
        ("slow_rain", {"location": "河南"}, "rain in 河南"),
        ("rain", {"place": "河南", "days": "2"}, '{"place":"河南","day":"2026-01-02","millimetres":4.0}'),
        ("nothing", "", "null"),
        ("empty", "{}", '""'),
        ("surrogate", "{}", "a?b"),
    ],
)
async def test_its_result_is_the_output_text_as_it_is_and_else_json(call, name, arguments, output):
    assert await call(name, arguments, **({"factor": 2.0} if name == "rain" else {})) == output
    assert call.counted == {("tools", name, "ok"): 1}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "place: is missing"),
        ({"place": "a", "where": "b"}, "where: is no argument of it"),
        ({"place": "a", "factor": 9}, "factor: is no argument of it"),
        ({"place": 3}, "place: Input should be a valid string"),
        ({"place": "a", "days": "many"}, "days: Input should be a valid integer"),
        ({"place": "a", "unit": "km"}, "unit: Input should be 'mm' or 'in'"),
        ("[1]", "not a JSON object"),
        ("{'a': 1}", "not JSON"),
        ("[" * 10_000, "not JSON"),
    ],
)
async def test_wrong_arguments_never_reach_it_and_the_model_is_told(call, arguments, said):
    output = json.loads(await call("rain", arguments))
    assert said in output["error"]
    assert samples.RUNS == []
    assert call.counted == {("tools", "rain", "arguments"): 1}


async def test_what_was_got_wrong_often_is_told_in_short(call):
    output = json.loads(await call("rain", {f"{number}" * 300: 1 for number in range(9)}))
    assert output["error"].endswith("and 5 more")
    assert len(output["error"]) < 600


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fails", "LookupError: no such place"),
        ("stops", "RuntimeError: SystemExit was raised"),
        ("ends", "RuntimeError: StopIteration was raised"),
        ("unwritable", "TypeError: its result cannot be written as JSON"),
    ],
)
async def test_one_that_fails_says_so_and_the_log_has_where(call, caplog, name, said):
    with caplog.at_level(logging.WARNING):
        assert json.loads(await call(name))["error"].startswith(said)
    assert f"tool {name} failed" in caplog.text
    assert "Traceback" in caplog.text
    assert call.counted == {("tools", name, "failed"): 1}


async def test_a_long_output_is_cut_and_says_so(call):
    output = await call("long", {"size": MOST_OUTPUT + 1})
    assert output == "x" * MOST_OUTPUT + f"\n… (cut: {MOST_OUTPUT + 1} characters in all)"
    assert await call("long", {"size": MOST_OUTPUT}) == "x" * MOST_OUTPUT


@pytest.mark.parametrize("name", ["hangs", "waits", "stubborn"])
async def test_one_that_takes_too_long_is_given_up(call, name):
    output = await call(name, seconds=0.05)
    assert json.loads(output) == {"error": f"{name} took longer than 0.05 s"}
    assert call.counted == {("tools", name, "late"): 1}


async def test_one_that_is_not_there_says_so_and_is_counted_under_no_name_of_its_own():
    meter = Tally()
    box = Toolbox({}, meter)
    output = await box.run(ToolCall(id="1", name="made up", arguments="{}"))
    assert json.loads(output) == {"error": "this service has no tool made up"}
    assert not box.has("made up")
    assert not box.asks(ToolCall(id="1", name="made up", arguments="{}"))
    assert meter.counted == {("tools", "unknown", "missing"): 1}


@pytest.mark.parametrize(
    ("arguments", "asks"), [('{"location": "河南"}', True), ('{"place": "河南"}', False), ("no JSON", False)]
)
@pytest.mark.parametrize("ask", [True, False])
async def test_the_person_is_asked_of_what_can_run_only(arguments, asks, ask):
    tool = loaded("get_rain", f"{SAMPLES}:get_rain", ask=ask, seconds=60.0, options={})
    box = Toolbox({"get_rain": tool}, Tally())
    rain = ToolCall(id="1", name="get_rain", arguments=arguments)
    assert box.asks(rain) is (asks and ask)
    ran = ['"error"' not in await box.run(rain, allowed=allowed) for allowed in (False, True)]
    assert ran == [asks and not ask, asks], "whom nobody allowed does not run, whatever was found when it was looked"


async def test_so_many_that_hang_keep_no_thread_from_anybody_else(call):
    waiting = [asyncio.create_task(call("hangs")) for _ in range(MOST_THREADS)]
    tool = loaded("hangs", f"{SAMPLES}:hangs", ask=False, seconds=60.0, options={})
    box = Toolbox({"hangs": tool}, Tally())
    full = [asyncio.create_task(box.run(ToolCall(id="1", name="hangs", arguments=""))) for _ in range(MOST_THREADS + 1)]
    done, _ = await asyncio.wait(full, return_when=asyncio.FIRST_COMPLETED)
    assert json.loads(done.pop().result())["error"] == "RuntimeError: too many tools are running"
    await asyncio.to_thread(lambda: None)  # the pool of the event loop is free
    samples.HANGING.set()
    assert await asyncio.gather(*waiting) == ["null"] * MOST_THREADS
    await asyncio.gather(*full)


async def test_who_calls_it_may_stop_waiting_for_it(call):
    running = asyncio.create_task(call("waits"))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
