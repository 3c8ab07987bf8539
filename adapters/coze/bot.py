"""A Coze bot behind the Bot port: asks it, recalls what it said, and stops it."""

import logging
import warnings
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from urllib.parse import quote

import cozepy

from adapters.coze import events
from adapters.coze.content import inner
from adapters.coze.stream import Patience, Reading
from adapters.coze.wire import Api
from bridge.answer import BotEvent, ChatStarted, StillRunning
from bridge.errors import BotFailed, BridgeError, Gone, Transient, Unreachable
from bridge.ports import Clock, Meter, Question

logger = logging.getLogger(__name__)

KINDS = 100
"""So many unknown kinds are counted at most: each is a time series of the operator's."""
NOT_RUNNING = frozenset({4104, 103200005})
"""A chat that has ended already cannot be cancelled: cloud, Coze Studio."""
NO_SUCH_CALL = frozenset({404, 405})
"""Codes of a server that does not have a call (in this method)."""
BAD_REQUEST = 400
LONGEST_NAME = 100
"""Characters of the name of a conversation."""
RECENT = 50
"""Messages that are looked through for a question; the most that Coze lists at once."""
BACKOFF = 1.5
SLOWEST = 5
"""While a chat runs, the time between two looks grows by BACKOFF up to SLOWEST times `poll_seconds`."""


class CozeBot:
    """One published bot, spoken to as one account."""

    def __init__(
        self,
        api_base: str,
        bot_id: str,
        auth: cozepy.Auth,
        *,
        clock: Clock,
        meter: Meter,
        start_seconds: float = 30.0,
        idle_seconds: float = 10.0,
        silence_seconds: float = 120.0,
        recall_seconds: float = 600.0,
        poll_seconds: float = 1.0,
    ) -> None:
        self._bot_id = bot_id
        self._clock = clock
        self._meter = meter
        self._patience = Patience(
            start=start_seconds, idle=idle_seconds, silence=silence_seconds, recall=recall_seconds, poll=poll_seconds
        )
        # The watcher ends a silent stream; the client's own limit is there in case that it does not.
        self._api = Api(api_base, auth, read_seconds=max(start_seconds, silence_seconds) + 60)
        self._kinds: set[str] = set()
        # cozepy warns of every word that is new to it, and a program that runs with -W error would lose its stream.
        warnings.filterwarnings("ignore", r"Unknown \w+ value: ", UserWarning, r"cozepy\.")

    @property
    def wants_profile(self) -> bool:
        return False

    @property
    def recalls(self) -> bool:
        return True

    async def new_conversation(self, name: str = "") -> str:
        body = {"bot_id": self._bot_id, **({"name": name[:LONGEST_NAME]} if name else {})}
        with self._counting():
            answered, reference = await self._api.call("POST", "/v1/conversation/create", body=body)
        made = str(_payload(answered, "ConversationData").get("id") or "")
        if not made:
            raise BotFailed("Coze made a conversation without an id", reference=reference)
        return made

    @asynccontextmanager
    async def ask(self, question: Question) -> AsyncIterator[AsyncIterator[BotEvent]]:
        reading = Reading(
            self._api,
            self._bot_id,
            question,
            clock=self._clock,
            patience=self._patience,
            look=self._ended,
            stop=self.cancel,
            unknown=self._unknown,
            failed=self._failed,
        )
        try:
            yield reading.events()
        finally:
            await reading.aclose()

    @asynccontextmanager
    async def recall(self, conversation: str, chat: str) -> AsyncIterator[AsyncIterator[BotEvent]]:
        yield self._recalled(conversation, chat)

    async def _recalled(self, conversation: str, chat: str) -> AsyncIterator[BotEvent]:
        yield ChatStarted(conversation, chat)
        found: dict[str, Any] = {}
        with self._counting():
            async for found, reference in self._looks(conversation, chat):
                if events.status(found) not in events.ENDED:
                    yield StillRunning()
                elif failure := events.failure(found, reference):
                    raise failure
        params = {"conversation_id": conversation, "chat_id": chat}
        with self._counting(), _doubtful():
            answered, _ = await self._api.call("GET", "/v3/chat/message/list", params=params)
        messages = answered.get("data") or answered.get("Messages")
        for event in events.recalled(events.stored(messages), self._unknown):
            yield event
        for event in events.outcome(found):
            yield event

    async def _looks(self, conversation: str, chat: str) -> AsyncIterator[tuple[dict[str, Any], str]]:
        """The chat as it is, again and again until it has ended. Raises BotFailed if nothing changes for too long."""
        wait, last, since = self._patience.poll, None, self._clock.monotonic()
        while True:
            found, reference = await self._retrieve(conversation, chat)
            yield found, reference
            if events.status(found) in events.ENDED:
                return
            now = self._clock.monotonic()
            if found != last:
                last, since = found, now
            if now - since >= self._patience.recall:
                with suppress(BridgeError):
                    await self.cancel(conversation, chat)
                raise BotFailed(f"the chat ran for {now - since:.0f} s without end", say="stalled", reference=reference)
            await self._clock.sleep(wait)
            wait = min(wait * BACKOFF, SLOWEST * self._patience.poll)

    @asynccontextmanager
    async def submit(
        self, conversation: str, chat: str, outputs: Mapping[str, str]
    ) -> AsyncIterator[AsyncIterator[BotEvent]]:
        raise BotFailed("tools are not run yet", say="tool")
        yield  # a generator

    async def find(self, question: Question) -> str:
        body = {"order": "desc", "limit": RECENT}
        params = {"conversation_id": question.conversation}
        try:
            with self._counting(), _doubtful():
                answered, _ = await self._api.call("POST", "/v1/conversation/message/list", params=params, body=body)
        except BotFailed as failed:
            # No such list on this server, or none of this conversation: then nothing tells that it was asked.
            log_level = logging.INFO if failed.code in NO_SUCH_CALL else logging.WARNING
            logger.log(log_level, "cannot look for a question: %s", failed)
            return ""
        rows = answered.get("data") or answered.get("Messages")
        messages = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        for index, message in enumerate(messages):
            if message.get("role") == "user" and inner(message, "meta_data").get("turn") == question.mark:
                return _chat_of(message) or next(filter(None, map(_chat_of, reversed(messages[:index]))), "")
        return ""

    async def cancel(self, conversation: str, chat: str) -> None:
        try:
            with _doubtful():
                await self._api.call("POST", "/v3/chat/cancel", body={"conversation_id": conversation, "chat_id": chat})
        except BotFailed as failed:
            # Coze Studio says no more than HTTP 400 when the chat has ended.
            if failed.code not in NOT_RUNNING and not await self._ended(conversation, chat):
                self._failed(failed)
                raise

    async def judge(self, conversation: str, message: str, *, good: bool | None) -> None:
        """Coze Studio has no such call: it raises there."""
        path = f"/v1/conversations/{quote(conversation, safe='')}/messages/{quote(message, safe='')}/feedback"
        with self._counting():
            if good is None:
                await self._api.call("DELETE", path)
            else:
                await self._api.call("POST", path, body={"feedback_type": "like" if good else "unlike"})

    async def delete_conversation(self, conversation: str) -> None:
        with self._counting():
            try:
                await self._api.call("DELETE", f"/v1/conversations/{quote(conversation, safe='')}")
            except Gone:
                return
            except BotFailed as failed:
                # Coze Studio says no more than HTTP 400, also when there is none such.
                if failed.code != BAD_REQUEST or await self._stands(conversation):
                    raise

    async def _stands(self, conversation: str) -> bool:
        params = {"conversation_id": conversation}
        try:
            await self._api.call("GET", "/v1/conversation/retrieve", params=params)
        except (Gone, BotFailed) as refused:
            return not isinstance(refused, Gone) and refused.code != BAD_REQUEST
        return True

    async def aclose(self) -> None:
        await self._api.aclose()

    async def _retrieve(self, conversation: str, chat: str) -> tuple[dict[str, Any], str]:
        """GET, as the documents say: cozepy's POST fails at Coze Studio, and with OAuth tokens. Else POST."""
        params = {"conversation_id": conversation, "chat_id": chat}
        with _doubtful():
            try:
                answered, reference = await self._api.call("GET", "/v3/chat/retrieve", params=params)
            except BotFailed as failed:
                if failed.code not in NO_SUCH_CALL:
                    raise
                answered, reference = await self._api.call("POST", "/v3/chat/retrieve", params=params)
        found = _payload(answered, "ChatV3ChatDetail")
        if not found:
            raise Unreachable("Coze told nothing of the chat", certain=False, reference=reference)
        return found, reference

    async def _ended(self, conversation: str, chat: str) -> bool:
        found, _ = await self._retrieve(conversation, chat)
        return events.status(found) in events.ENDED

    @contextmanager
    def _counting(self) -> Iterator[None]:
        """Counts what goes wrong inside."""
        try:
            yield
        except BridgeError as error:
            self._failed(error)
            raise

    def _failed(self, error: BridgeError) -> None:
        self._meter.count("coze_errors", code=str(error.code or "none"))

    def _unknown(self, kind: str) -> None:
        """Counts each kind once: what is new at Coze is worth a look, not a flood."""
        if kind not in self._kinds and len(self._kinds) < KINDS:
            self._kinds.add(kind)
            self._meter.count("coze_unknown", kind=kind[:60])
            logger.info("Coze sent something unknown, %s; it is left out", kind[:60])


@contextmanager
def _doubtful() -> Iterator[None]:
    """Asking after a chat did not work: that surely says nothing of the chat itself, which may well be there."""
    try:
        yield
    except Transient as error:
        error.certain = False
        raise


def _payload(answered: dict[str, Any], studio: str) -> dict[str, Any]:
    """What the answer is about: `data` in the cloud, some other key at Coze Studio."""
    found = answered.get("data") or answered.get(studio)
    return found if isinstance(found, dict) else {}


def _chat_of(message: dict[str, Any]) -> str:
    chat = str(message.get("chat_id") or "")
    return "" if chat == "0" else chat
