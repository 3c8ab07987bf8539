"""Simulated workflows: what they do step by step, and the runs that do it, whether or not anybody follows."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from simulators.coze.chat import Reel
from simulators.coze.envelope import meaning
from simulators.coze.frames import dumped
from simulators.coze.state import World

QUESTION, INPUT, PLUGIN, OAUTH = 2, 5, 6, 7


@dataclass(slots=True, kw_only=True)
class Step:
    """One thing that a workflow does; in its texts `{input}` is its input, `{1}` what it was told first, and so on."""

    say: str = ""
    """An output node says this."""
    pieces: list[str] | None = None
    """The exact pieces in which it is said; None: in one."""
    node: str = "输出"
    """Title of the node."""
    ask: str = ""
    """A question node asks this, and waits."""
    options: list[str] = field(default_factory=list)
    type: int = QUESTION
    """The type of the interrupt: 5 an input node, 6 a local plugin, 7 a login."""
    wants: dict[str, dict[str, Any]] = field(default_factory=dict)
    """`required_parameters` of the interrupt."""
    silent: bool = False
    """No message says what is asked; it stands in the interrupt alone."""
    output: Any = None
    """The end node gives this; as a string `{"output": …}` is made of it."""
    pause: float = 0.0
    """Seconds before it, by the clock of the workflows (`Flows.scale`)."""
    error: int = 0
    """The run fails with this code."""
    raw: bytes = b""
    """These bytes are sent."""

    @property
    def asks(self) -> bool:
        return bool(self.ask) or self.type != QUESTION


@dataclass(slots=True, kw_only=True)
class Run:
    """One execution of a workflow; also the log that tests read."""

    id: str
    workflow_id: str
    steps: Sequence[Step]
    body: dict[str, Any]
    """The request that began it."""
    at: float
    """When it was begun, by the wall clock."""
    mode: int = 1
    """0 at once, 1 streamed, 2 in the background."""
    status: str = "Running"
    next: int = 0
    """The step to do next."""
    waits: str = ""
    """`event_id` of what it asked last, while it waits."""
    asked: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """What it was resumed with."""
    events: list[str] = field(default_factory=list)
    """All its `event_id`s."""
    said: list[str] = field(default_factory=list)
    output: str = ""
    error: int = 0
    followers: int = 0
    """Open responses that stream it."""


@dataclass(slots=True)
class Flows:
    """All workflows, and their runs."""

    world: World
    scale: float = 1.0
    """Real seconds in a second of the workflows' clock."""
    ping_seconds: float = 20.0
    """In a longer silence a PING is sent this often, by the same clock; 0: never."""
    most_resumes: int = 3
    """How often one run may be resumed."""
    named: bool = False
    """Chatflows refuse to go without the parameter CONVERSATION_NAME."""
    histories: bool = True
    """False: the token may not read them."""
    scripts: dict[str, list[Step]] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)

    def script(self, workflow_id: str, *steps: Step) -> None:
        """From now on that workflow does this."""
        self.scripts[workflow_id] = list(steps)

    def found(self, event_id: str) -> Run | None:
        return next((run for run in self.runs if event_id in run.events), None)

    def begin(self, body: dict[str, Any], mode: int) -> Run:
        run = Run(
            id=self.world.new_id(),
            workflow_id=body["workflow_id"],
            steps=self.scripts[body["workflow_id"]],
            body=body,
            at=time.time(),
            mode=mode,
        )
        self.runs.append(run)
        self.world.publish("run", run=run.id, workflow=run.workflow_id)
        return run


@dataclass(slots=True)
class Execution:
    """Takes a run from where it is to its end or its next question, into a reel."""

    flows: Flows
    run: Run
    reel: Reel
    count: int = 0
    """Events are counted from 0 in each stream."""

    async def go(self) -> None:
        run = self.run
        try:
            while run.next < len(run.steps):
                step = run.steps[run.next]
                run.next += 1
                await self.wait(step.pause)
                if step.error:
                    run.status, run.error = "Fail", step.error
                    self.add("Error", {"error_code": step.error, "error_message": meaning(step.error)})
                    return
                if step.asks:
                    self.ask(step)
                    return
                self.do(step)
            run.status = "Success"
            self.add("Done", {} if self.flows.world.studio else {"debug_url": debug_url(run)})
        finally:
            self.flows.world.publish("run_rests", run=run.id, status=run.status, waits=run.waits)
            self.reel.end()

    async def wait(self, pause: float) -> None:
        """The silence of a node at work, with a sign of life now and then."""
        flows, left = self.flows, pause
        while flows.ping_seconds and left > flows.ping_seconds:
            await flows.world.pause(flows.ping_seconds * flows.scale)
            left -= flows.ping_seconds
            self.add("PING", {})
        if left > 0:
            await flows.world.pause(left * flows.scale)
        else:
            await asyncio.sleep(0)

    def do(self, step: Step) -> None:
        if step.raw:
            self.reel.add(step.raw)
        if step.say or step.pieces:
            pieces = step.pieces or [step.say]
            self.speak([self.filled(piece) for piece in pieces], step.node, "Message")
        if step.output is not None:
            value = {"output": step.output} if isinstance(step.output, str) else step.output
            self.run.output = self.filled(dumped(value), inside_json=True)
            self.speak([self.run.output], "End", "End")

    def speak(self, pieces: Sequence[str], node: str, kind: str) -> None:
        node_id = f"1{sum(map(ord, node)):05}"
        execution = f"{self.run.id}{len(self.run.said):03}"
        for seq, piece in enumerate(pieces):
            data: dict[str, Any] = {
                "content": piece,
                "node_title": node,
                "node_seq_id": str(seq),
                "node_is_finish": seq == len(pieces) - 1,
                "content_type": "text",
                "node_type": kind,
                "node_id": node_id,
                "node_execute_uuid": execution,
            }
            if kind == "End":
                data["usage"] = {"input_count": 10, "output_count": 20, "token_count": 30}
            self.add("Message", data)
        self.run.said.append("".join(pieces))
        self.flows.world.changed.fire()

    def ask(self, step: Step) -> None:
        run, studio = self.run, self.flows.world.studio
        question = self.filled(step.ask)
        run.asked.append(question)
        run.waits = f"{run.id}/{self.flows.world.new_id()}"
        run.events.append(run.waits)
        if not step.silent and not studio and question:
            self.speak([question], "问答", "Question")
        data = ""
        if step.options:
            choice = {"options": [{"name": option} for option in step.options], "question": question}
            data = dumped({"type": "question", "content_type": "option", "content": choice, "id": f"{run.id[-6:]}_0"})
        elif step.silent or studio:
            data = dumped({"content_type": "text", "content": question})
        told: dict[str, Any] = {"data": data, "event_id": run.waits, "type": step.type}
        if step.wants:
            told["required_parameters"] = step.wants
        # Coze Studio does not tell the node.
        self.add("Interrupt", {"interrupt_data": told, **({} if studio else {"node_title": "问答"})})

    def filled(self, text: str, *, inside_json: bool = False) -> str:
        values = {"input": str((self.run.body.get("parameters") or {}).get("input", ""))}
        values |= {str(number): told for number, told in enumerate(self.run.told, 1)}
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", json.dumps(value, ensure_ascii=False)[1:-1] if inside_json else value)
        return text

    def add(self, event: str, data: Any) -> None:
        self.reel.add(f"id: {self.count}\nevent: {event}\ndata: {dumped(data)}\n\n".encode())
        self.count += 1


def debug_url(run: Run) -> str:
    return f"https://www.coze.cn/work_flow?execute_id={run.id}&space_id=7300&workflow_id={run.workflow_id}"


def run_record(run: Run) -> dict[str, Any]:
    """What is known of a run, as JSON."""
    record = asdict(run)
    del record["steps"]
    return record
