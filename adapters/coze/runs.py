"""One question to a workflow on its way: a run begun, one gone on with, or one begun anew with the answers known."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
import httpx

from adapters.coze.content import parsed
from adapters.coze.errors import log_id, number, of_code, of_exception
from adapters.coze.memo import Memo, resume_data
from adapters.coze.nodes import LOGIN, PLUGINS, Interrupt, Nodes, output, same
from adapters.coze.sse import Frame, frames
from adapters.coze.wire import Api
from bridge.answer import BotEvent, ChatStarted, MessageCompleted, Paused
from bridge.errors import BotFailed, BridgeError, Transient, Unreachable
from bridge.ports import Question

logger = logging.getLogger(__name__)

RUN, RESUME = "/v1/workflow/stream_run", "/v1/workflow/stream_resume"
OVER = frozenset({4314, 4315})
"""A resume came too late: Coze knows of no such run, or it has ended."""
UNHEARD = OVER | {400, 404, 4000, 4200, 103000000, 103100001, 103200003}
"""With what it may be refused before anything ran: what becomes of an `event_id` that is used up is not documented,
and Coze Studio says little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """Which workflow it is."""

    id: str
    app: str = ""
    bot: str = ""
    """Coze takes one of the two at most."""

    def beginning(self, parameters: Mapping[str, Any], user: str) -> dict[str, Any]:
        """The body of `stream_run`."""
        place = {"app_id": self.app} if self.app else {"bot_id": self.bot} if self.bot else {}
        # Of whom database and variable nodes keep what they keep.
        return {"workflow_id": self.id, "parameters": dict(parameters), **place, "ext": {"user_id": user}}

    def going_on(self, interrupt: Interrupt, data: str) -> dict[str, Any]:
        """The body of `stream_resume`."""
        waits = {"event_id": interrupt.event, "interrupt_type": interrupt.type}
        return {"workflow_id": self.id, **waits, "resume_data": data}


class Errand:
    """Gets what the workflow says to one question; close it when it is not wanted any more."""

    def __init__(
        self, api: Api, workflow: Workflow, question: Question, *, parameters: Mapping[str, Any], silence: float
    ) -> None:
        """`parameters`: with which a run is begun. `silence`: seconds of it after which it is given up."""
        self._api = api
        self._workflow = workflow
        self._question = question
        self._parameters = parameters
        self._silence = silence
        self._started = False
        self._said = False
        self._streams = 0
        self._news: asyncio.Queue[BotEvent | None] = asyncio.Queue()
        self._work = asyncio.create_task(self._do(), name="coze-run")

    async def events(self) -> AsyncIterator[BotEvent]:
        """What comes, until the workflow has ended or asked something. Raises why it did not."""
        while (event := await self._news.get()) is not None:
            yield event
        await self._work

    async def aclose(self) -> None:
        """Closes the connection; returns once it is closed."""
        self._work.cancel()
        await asyncio.wait((self._work,))
        if not self._work.cancelled():
            self._work.exception()  # Whoever wanted it has had it.

    async def _do(self) -> None:
        try:
            waits = Memo.load(self._question.resume) if self._question.resume else None
            if waits is not None and not self._question.anew:
                await self._go_on(waits)
            else:
                parameters = self._parameters if waits is None else waits.parameters
                await self._show(RUN, self._beginning(parameters), Memo(parameters=dict(parameters)))
        except BridgeError as error:
            self._api.meant(error)
            raise
        finally:
            self._news.put_nowait(None)

    async def _go_on(self, waits: Memo) -> None:
        """With the answer; where the workflow does not wait for it any more, by other ways."""
        assert waits.open is not None
        memo = waits.answered(self._question.text, self._question.files)
        body = self._workflow.going_on(waits.open, resume_data(waits.open, memo.rounds[-1]))
        try:
            await self._show(RESUME, body, memo)
        except BotFailed as refused:
            if self._said or refused.code not in (OVER if self._started else UNHEARD):
                raise
            logger.info("the workflow does not go on: %s", refused)
        else:
            return
        if given := await self._given(waits.execution):
            self._start(waits.execution)
            self._news.put_nowait(MessageCompleted(waits.execution, given))
            return
        logger.info("it is begun anew, with the %d answers that are known", len(memo.rounds))
        await self._replay(memo)

    async def _show(self, path: str, body: dict[str, Any], memo: Memo) -> None:
        """All of one stream; if it asks something, what is needed to go on comes last."""

        def tell(event: BotEvent) -> None:
            self._said = True
            self._news.put_nowait(event)

        asks = await self._listen(path, body, tell)
        if asks is not None:
            self._news.put_nowait(Paused(memo.waiting(asks).dump()))

    async def _replay(self, memo: Memo) -> None:
        """Begun anew: to what it has asked before it is told what it was told then, and nothing of that is shown."""
        path, body = RUN, self._beginning(memo.parameters)
        for index, given in enumerate(memo.rounds):
            held: list[BotEvent] = []
            asks = await self._listen(path, body, held.append)
            if asks is None or not same(asks, given.asked):
                for event in held:
                    self._news.put_nowait(event)
                if asks is not None:
                    self._news.put_nowait(Paused(memo.upto(index).waiting(asks).dump()))
                return
            path, body = RESUME, self._workflow.going_on(asks, resume_data(asks, given))
        await self._show(path, body, memo)

    def _beginning(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return self._workflow.beginning(parameters, self._question.user)

    def _start(self, execution: str) -> None:
        if not self._started:
            self._started = True
            self._news.put_nowait(ChatStarted(self._question.conversation, execution))

    async def _given(self, execution: str) -> str:
        """What that run gave, if it has come to its end without us; empty if that cannot be told."""
        if not execution:
            return ""
        path = f"/v1/workflows/{quote(self._workflow.id, safe='')}/run_histories/{quote(execution, safe='')}"
        try:
            answered, _ = await self._api.call("GET", path)
        except BridgeError as error:
            # The token need not have the right to read histories, and Coze Studio has no such call.
            logger.info("cannot look at the history of a run: %s", error)
            return ""
        rows = answered.get("data")
        return output(rows[0]) if isinstance(rows, list) and rows and isinstance(rows[0], dict) else ""

    async def _listen(self, path: str, body: dict[str, Any], tell: Callable[[BotEvent], None]) -> Interrupt | None:
        """Tells what one stream says; what it asks at its end, or None if it has ended."""
        self._streams += 1
        nodes, response = Nodes(f"{self._streams}"), None
        try:
            async with self._api.streamed(path, body, seconds=self._silence) as response:
                self._start(str(body.get("event_id", "")).partition("/")[0])
                came = frames(response.aiter_bytes())
                while (frame := await self._next(came)) is not None:
                    over, asks = _told(frame, nodes, tell, log_id(response))
                    if over:
                        return asks
            cut: Exception = EOFError()
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            cut = error
        reference = log_id(response) if response is not None else ""
        if isinstance(cut, TimeoutError):
            raise BotFailed(f"Coze said nothing for {self._silence:.0f} s", say="stalled", reference=reference)
        if isinstance(cut, EOFError):
            raise Unreachable("the stream ended before the workflow", certain=False, reference=reference)
        raise of_exception(cut, response, started=True)

    async def _next(self, came: AsyncIterator[Frame]) -> Frame | None:
        async with asyncio.timeout(self._silence):
            return await anext(came, None)


def _told(
    frame: Frame, nodes: Nodes, tell: Callable[[BotEvent], None], reference: str
) -> tuple[bool, Interrupt | None]:
    """Tells what one frame says; whether it was the last, and what the workflow waits for then.

    Pings and whatever else is unknown say nothing. Raises the error of a run that failed.
    """
    value = parsed(frame.data)
    data: dict[str, Any] = value if isinstance(value, dict) else {}
    asks: Interrupt | None = None
    events: Iterable[BotEvent] = ()
    match frame.event:
        case "Message":
            events = nodes.message(data)
        case "Done":
            events = nodes.end()
        case "Interrupt":
            events, asks = nodes.interrupt(data)
        case "Error" | "error":
            raise _failure(data, spoken=bool(nodes.said), reference=reference)
    for event in events:
        tell(event)
    if asks is not None and asks.type in {LOGIN, *PLUGINS}:
        raise BotFailed(
            f"interrupted with type {asks.type}",
            say="workflow_login" if asks.type == LOGIN else "workflow_plugin",
            reference=reference,
        )
    if asks is not None and not asks.event:
        raise BotFailed("interrupted without an event_id", reference=reference)
    return frame.event in ("Done", "Interrupt"), asks


def _failure(data: dict[str, Any], *, spoken: bool, reference: str) -> BridgeError:
    """Of a run that failed: once something of it was said, it is not begun anew by itself."""
    code = number(data.get("error_code", data.get("code")))
    told = str(data.get("error_message") or data.get("msg") or "the workflow failed")
    failed = of_code(code, told, reference=reference)
    if spoken and isinstance(failed, Transient):
        say = "failed" if failed.say == "unreachable" else failed.say
        return BotFailed(str(failed), code=code, say=say, reference=reference)
    return failed
