"""The workflow endpoints: run at once, streamed or in the background, go on after a question, and look back."""

import asyncio
from contextlib import suppress
from typing import Any

from aiohttp import web

from simulators.coze.chat import Reel
from simulators.coze.conversations import CREATOR
from simulators.coze.envelope import FAULT, WORLD, RefusedError, answered, body_of, check_bot
from simulators.coze.flows import Execution, Flows, Run, Step, debug_url, run_record
from simulators.coze.frames import dumped
from simulators.coze.stream import hold, reset
from simulators.wire import Fault

FLOWS: web.AppKey[Flows] = web.AppKey("flows", Flows)
STREAMING = ("/v1/workflow/stream_run", "/v1/workflow/stream_resume", "/v1/workflows/chat")
DROPPED = ("lost_response", "reset", "cut_clean")


async def stream_run(request: web.Request) -> web.StreamResponse:
    flows, body = request.app[FLOWS], await body_of(request)
    _check(request, body)
    return await _followed(request, flows.begin(body, 1))


async def stream_resume(request: web.Request) -> web.StreamResponse:
    """An event can be used once, and a run be resumed a few times only."""
    flows, body = request.app[FLOWS], await body_of(request)
    run = _resumed(flows, body)
    return await _followed(request, run)


def _check(request: web.Request, body: dict[str, Any]) -> None:
    flows = request.app[FLOWS]
    parameters = body.get("parameters")
    if not isinstance(body.get("workflow_id"), str) or not isinstance(parameters, dict | None):
        raise RefusedError(4000)
    if body.get("bot_id") and body.get("app_id"):
        raise RefusedError(4000, "Request parameter error: bot_id and app_id cannot both be given")
    if body.get("bot_id"):
        check_bot(flows.world, body["bot_id"])
    if body["workflow_id"] not in flows.scripts:
        raise RefusedError(4200, f"Requested resource workflow_id={body['workflow_id']} does not exist")


def _resumed(flows: Flows, body: dict[str, Any]) -> Run:
    """The run that goes on now."""
    data, run = body.get("resume_data"), flows.found(str(body.get("event_id")))
    if not isinstance(data, str) or not isinstance(body.get("interrupt_type"), int):
        raise RefusedError(4000)
    if run is None or run.workflow_id != body.get("workflow_id"):
        raise RefusedError(4314)
    if run.waits != body["event_id"]:
        raise RefusedError(4314 if run.status == "Running" else 4315)
    if body["interrupt_type"] != run.steps[run.next - 1].type:
        raise RefusedError(4000, "Request parameter error: interrupt_type")
    if len(run.told) >= flows.most_resumes:
        raise RefusedError(4315)
    run.told.append(data)
    run.waits = ""
    flows.world.publish("resumed", run=run.id, told=data)
    return run


async def _followed(request: web.Request, run: Run) -> web.StreamResponse:
    """The run goes on by itself; the response follows it."""
    flows, reel, fault = request.app[FLOWS], Reel(), request.get(FAULT)
    flows.world.spawn(Execution(flows, run, reel).go())
    if fault and fault.kind == "lost_response":
        return reset(request)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    if fault and fault.kind == "cut_clean":
        response.headers["Connection"] = "close"
        response.force_close()
    run.followers += 1
    try:
        await response.prepare(request)
        await _play(request, response, reel, fault)
    except ConnectionError:
        pass
    finally:
        run.followers -= 1
        flows.world.changed.fire()
    return response


async def _play(request: web.Request, response: web.StreamResponse, reel: Reel, fault: Fault | None) -> None:
    """`reset` and `cut_clean` strike after as many events as the fault's value says; a `stall` holds for a while."""
    sent = 0
    while not (reel.ended and sent == len(reel.frames)):
        while sent < len(reel.frames):
            if fault and fault.kind in (*DROPPED, "stall") and sent >= int(fault.value or 0):
                if fault.kind == "reset":
                    reset(request)
                    raise ConnectionAbortedError
                if fault.kind == "cut_clean":
                    return
                await hold(request.app[WORLD], request, fault.seconds)
                fault = None
            await response.write(reel.frames[sent])
            sent += 1
        if not reel.ended:
            await _news(request, reel)


async def _news(request: web.Request, reel: Reel) -> None:
    """Until there may be more; raises if the client has left."""
    if request.transport is None or request.transport.is_closing():
        raise ConnectionResetError
    with suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            await reel.signal.wait()


async def run_at_once(request: web.Request) -> web.StreamResponse:
    """Waits for the end, or for a question; or tells the execution only, where that is asked for."""
    flows, body = request.app[FLOWS], await body_of(request)
    _check(request, body)
    in_background = body.get("is_async") is True
    run = flows.begin(body, 2 if in_background else 0)
    work = Execution(flows, run, Reel()).go()
    if in_background:
        flows.world.spawn(work)
    else:
        await work
    told: dict[str, Any] = {"execute_id": run.id, "debug_url": debug_url(run), "token": "0", "cost": "0"}
    if run.error:
        raise RefusedError(run.error)
    if run.waits:
        told["interrupt_data"] = {"data": "", "event_id": run.waits, "type": run.steps[run.next - 1].type}
    return answered(request, data=run.output, **told)


async def history(request: web.Request) -> web.StreamResponse:
    flows = request.app[FLOWS]
    if not flows.histories:
        raise RefusedError(4101)
    execution = request.match_info["execute_id"]
    run = next((run for run in flows.runs if run.id == execution), None)
    if run is None or run.workflow_id != request.match_info["workflow_id"]:
        raise RefusedError(4200)
    said = {f"输出_{number}": text for number, text in enumerate(run.said[:-1], 1)}
    output = dumped({"Output": run.output, "node_status": "{}", **said}) if run.status == "Success" else ""
    found = {
        "execute_id": run.id,
        "execute_status": run.status,
        "bot_id": run.body.get("bot_id") or "0",
        "connector_id": "1024",
        "connector_uid": (run.body.get("ext") or {}).get("user_id") or "1",
        "run_mode": run.mode,
        "output": output,
        "create_time": int(run.at),
        "update_time": int(run.at),
        "error_code": str(run.error or ""),
        "error_message": "",
        "debug_url": debug_url(run),
        "is_output_trimmed": False,
        "logid": "",
    }
    return answered(request, data=[found])


async def info(request: web.Request) -> web.StreamResponse:
    """Its name and the like; Coze Studio tells of the role of a chatflow only, if it has one."""
    flows, workflow_id = request.app[FLOWS], request.match_info["workflow_id"]
    if workflow_id not in flows.scripts:
        raise RefusedError(4200, f"Requested resource workflow_id={workflow_id} does not exist")
    detail = {
        "workflow_id": workflow_id,
        "workflow_name": "流程 Simulated",
        "description": "A simulated workflow",
        "icon_url": "https://example.com/workflow.png",
        "app_id": "",
        "created_at": 1718792949,
        "updated_at": 1718792949,
        "creator": {"id": CREATOR, "name": "simulated"},
    }
    return answered(request, data={} if flows.world.studio else {"workflow_detail": detail})


async def script(request: web.Request) -> web.Response:
    """`{"workflow_id": "…", "steps": [{"say": "…"}, {"ask": "…"}], "scale": 0.1}`."""
    flows, body = request.app[FLOWS], await request.json()
    try:
        flows.script(str(body["workflow_id"]), *(Step(**step) for step in body["steps"]))
    except (KeyError, TypeError) as problem:
        return web.json_response({"ok": False, "problem": str(problem)}, status=400)
    flows.scale = float(body.get("scale", flows.scale))
    return web.json_response({"ok": True})


async def runs(request: web.Request) -> web.Response:
    return web.json_response([run_record(run) for run in request.app[FLOWS].runs])


ROUTES = [
    web.post("/v1/workflow/run", run_at_once),
    web.post("/v1/workflow/stream_run", stream_run),
    web.post("/v1/workflow/stream_resume", stream_resume),
    web.get("/v1/workflows/{workflow_id}/run_histories/{execute_id}", history),
    web.get("/v1/workflows/{workflow_id}", info),
    web.post("/control/workflow", script),
    web.get("/control/runs", runs),
]
