"""One answer as it streams: a task reads it, a second one watches the silence, and the caller takes what came."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
import httpx
from cozepy import ChatEvent

from adapters.coze import events
from adapters.coze.errors import log_id, of_exception
from adapters.coze.wire import Api, arriving
from bridge.answer import BotEvent, ChatStarted, MessageCompleted, TextDelta
from bridge.errors import BotFailed, BridgeError, Unreachable
from bridge.ports import Clock

logger = logging.getLogger(__name__)

BUGS = (TypeError, AttributeError, LookupError, AssertionError)
"""May be cozepy's, which stumbles over surprising shapes, or ours: logged with a traceback, which quotes no content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long silence is borne, in seconds."""

    start: float
    """From the request to the first event."""
    idle: float
    """From one event to the next, until Coze is asked beside the stream whether the chat still runs."""
    silence: float
    """From one event to the next, at most."""
    recall: float
    """From the moment at which a chat is recalled until it has ended: `retrieve` shows no progress of a healthy one."""
    poll: float
    """Between two questions whether a chat has ended; grows while it has not."""


Begin = Callable[[], AsyncIterator[ChatEvent]]
"""Sends the request, once what it returned is read, and yields what cozepy makes of the stream."""
Look = Callable[[str, str], Awaitable[bool]]
"""Whether the chat (conversation, chat) has ended. Raises BridgeError."""
Stop = Callable[[str, str], Awaitable[None]]
"""Cancels the chat (conversation, chat) at Coze. Raises BridgeError."""
Failed = Callable[[BridgeError], None]
"""Is told how the chat failed, if it did and somebody listens."""


class Reading:
    """One streamed chat, read until it ends, is cut, falls silent or is closed."""

    def __init__(
        self,
        api: Api,
        begin: Begin,
        *,
        conversation: str,
        clock: Clock,
        patience: Patience,
        look: Look,
        stop: Stop,
        unknown: events.Unknown,
        failed: Failed,
        goes_on: bool = False,
    ) -> None:
        """`goes_on`: the chat has begun before, and has done things by now: if it fails, it is not begun anew."""
        self._api = api
        self._begin = begin
        self._conversation = conversation
        self._goes_on = goes_on
        self._clock = clock
        self._patience = patience
        self._look = look
        self._stop = stop
        self._unknown = unknown
        self._failed = failed
        self._started: ChatStarted | None = None
        self._reference = ""
        self._spoken: set[str] = set()
        self._heard_at = clock.monotonic()
        self._news: deque[BotEvent] = deque()
        self._changed = asyncio.Event()
        self._over = False
        self._failure: BridgeError | None = None
        self._reader = asyncio.create_task(self._read(), name="coze-read")
        self._watcher = asyncio.create_task(self._watch(), name="coze-watch")

    async def events(self) -> AsyncIterator[BotEvent]:
        """What comes, until the chat ends; raises, with the connection closed already, if it does not end well."""
        while True:
            while self._news:
                yield self._news.popleft()
            if self._over:
                break
            self._changed.clear()
            await self._changed.wait()
        await self.aclose()
        if self._failure is not None:
            self._failed(self._failure)
            raise self._failure

    async def aclose(self) -> None:
        """Closes the connection; returns once it is closed."""
        for task in (self._watcher, self._reader):
            task.cancel()
        await asyncio.wait((self._watcher, self._reader))

    def _end(self, failure: BridgeError | None) -> None:
        """The first reason counts."""
        if not self._over:
            self._over, self._failure = True, failure
        self._changed.set()

    # ---- reading ----

    async def _read(self) -> None:
        failure: BridgeError | None = Unreachable("the stream was closed", certain=False)
        try:
            failure, refused = await self._follow()
            if failure is not None and self._started is None and self._api.renewed(failure, refused):
                failure, _ = await self._follow()
        finally:
            self._watcher.cancel()
            self._end(failure and self._api.meant(failure))

    async def _follow(self) -> tuple[BridgeError | None, httpx.Response | None]:
        """One request, read to its end and closed: why it did not end well, and what was answered."""
        responses = arriving(self._take)
        try:
            failure = await self._listen(responses)
        except Exception as error:  # What cozepy lets through is told in errors.py: there is no common root.
            response = responses[-1] if responses else None
            failure = of_exception(error, response, started=self._started is not None)
            bug = isinstance(failure, Unreachable) and isinstance(error, BUGS)
            logger.info("the stream of a chat broke: %s (%s)", failure, failure.reference, exc_info=bug)
        finally:
            for response in responses:
                # It was cut, most often: how it says so when it is closed does not matter.
                with suppress(httpx.HTTPError, aiohttp.ClientError, OSError):
                    await response.aclose()
        return failure, responses[-1] if responses else None

    async def _listen(self, responses: list[httpx.Response]) -> BridgeError | None:
        async for event in self._begin():
            self._heard_at = self._clock.monotonic()
            if self._started is None:
                self._reference = log_id(responses[-1])
                self._start(event)
            for said in events.of_event(event, self._unknown):
                self._tell(said)
            if how := events.ending(event):
                return self._close(event, how)
            self._changed.set()
        return Unreachable("the stream ended before the chat", certain=False, reference=self._reference)

    def _take(self, data: bytes) -> bool:
        """A delta that is taken past cozepy, unless it is the first that is heard of the chat, or looks surprising."""
        said = events.quick(data) if self._started is not None else None
        if said is None:
            return False
        self._heard_at = self._clock.monotonic()
        for piece in said:
            self._tell(piece)
        self._changed.set()
        return True

    def _start(self, event: ChatEvent) -> None:
        if event.chat is not None:
            self._started = ChatStarted(event.chat.conversation_id, event.chat.id)
        elif event.message is not None and event.message.chat_id:
            conversation = event.message.conversation_id or self._conversation
            self._started = ChatStarted(conversation, event.message.chat_id)
        if self._started is not None:
            self._news.append(self._started)

    def _tell(self, said: BotEvent) -> None:
        if isinstance(said, TextDelta):
            self._spoken.add(said.message)
        elif isinstance(said, MessageCompleted):
            if said.message in self._spoken and not said.text:
                return  # An empty whole would take back what its deltas said.
            if said.text:
                self._spoken.add(said.message)
        self._news.append(said)

    def _close(self, event: ChatEvent, how: str) -> BridgeError | None:
        """The end of the chat, as Coze told it."""
        chat = {} if event.chat is None else event.chat.model_dump()
        chat["status"] = how
        self._news.extend(events.outcome(chat))
        return events.failure(chat, self._reference, spoken=self._goes_on or bool(self._spoken))

    # ---- watching ----

    async def _watch(self) -> None:
        try:
            failure = await self._wait_for_silence()
        except BridgeError as error:
            failure = error
        self._end(failure)
        self._reader.cancel()

    async def _wait_for_silence(self) -> BridgeError:
        """Returns why there is no use in waiting longer."""
        patience, unreachable, told = self._patience, False, False
        while True:
            quiet = self._clock.monotonic() - self._heard_at
            if self._started is None:
                if quiet >= patience.start:
                    return Unreachable(f"Coze said nothing for {quiet:.0f} s", certain=False)
                await self._clock.sleep(min(patience.idle, patience.start - quiet))
                continue
            if quiet < patience.idle:
                unreachable = False
                await self._clock.sleep(patience.idle - quiet)
                continue
            if quiet >= patience.silence:
                return await self._give_up(unreachable)
            heard_at = self._heard_at
            try:
                ended, unreachable = await self._look(self._started.conversation, self._started.chat), False
            except BridgeError as error:
                ended, unreachable = False, isinstance(error, Unreachable)
            if heard_at != self._heard_at:
                continue
            if ended and not told:
                told = True  # What its stream says of it may be under way: one more look.
                await self._clock.sleep(min(patience.idle, 1.0))
                continue
            if ended:
                unsaid = "the chat ended, but its stream did not say so"
                return Unreachable(unsaid, certain=False, reference=self._reference)
            await self._clock.sleep(min(patience.idle, max(0.0, patience.silence - quiet)))

    async def _give_up(self, unreachable: bool) -> BridgeError:
        """A chat in silence for too long; if Coze itself could not be reached, it may well live on."""
        if unreachable:
            silent = "the stream fell silent and Coze does not answer"
            return Unreachable(silent, certain=False, reference=self._reference)
        assert self._started is not None
        with suppress(BridgeError):
            await self._stop(self._started.conversation, self._started.chat)
        silent = f"Coze said nothing for {self._patience.silence:.0f} s"
        return BotFailed(silent, say="stalled", reference=self._reference)
