"""Conversations and chats at Coze, however a chat is begun: read, recalled, found again, stopped, judged."""

import logging
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import cozepy

from adapters.coze import chats, events
from adapters.coze.chats import NO_SUCH_CALL, doubtful, payload
from adapters.coze.content import inner
from adapters.coze.media import Media
from adapters.coze.stream import Begin, Patience, Reading
from adapters.coze.wire import Api
from bridge.answer import BotEvent, ChatStarted, StillRunning
from bridge.errors import BotFailed, Gone
from bridge.ports import Clock, Meter, Question

logger = logging.getLogger(__name__)

KINDS = 100
"""So many unknown kinds are counted at most: each is a time series of the operator's."""
BAD_REQUEST = 400
LONGEST_NAME = 100
"""Characters of the name of a conversation."""
RECENT = 50
"""Messages that are looked through for a question; the most that Coze lists at once."""


class Chatting(Media):
    """What bots and chatflows have alike. How one is asked is theirs."""

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
        """`bot_id`: whose conversations they are; may be empty."""
        # The watcher ends a silent stream; the client's own limit is there in case that it does not.
        super().__init__(Api(api_base, auth, read_seconds=max(start_seconds, silence_seconds) + 60), meter)
        self._bot_id = bot_id
        self._clock = clock
        self._patience = Patience(
            start=start_seconds, idle=idle_seconds, silence=silence_seconds, recall=recall_seconds, poll=poll_seconds
        )
        self._kinds: set[str] = set()
        self._lacks: set[str] = set()
        """Calls that the server turned out not to have; of all who speak to this bot."""
        # cozepy warns of every word that is new to it, and a program that runs with -W error would lose its stream.
        warnings.filterwarnings("ignore", r"Unknown \w+ value: ", UserWarning, r"cozepy\.")

    @property
    def recalls(self) -> bool:
        return True

    async def new_conversation(self, name: str = "") -> str:
        body = {"bot_id": self._bot_id} if self._bot_id else {}
        if name:
            body["name"] = name[:LONGEST_NAME]
        with self._counting():
            answered, reference = await self._api.call("POST", "/v1/conversation/create", body=body)
        made = str(payload(answered, "ConversationData").get("id") or "")
        if not made:
            raise BotFailed("Coze made a conversation without an id", reference=reference)
        return made

    @asynccontextmanager
    async def _reading(
        self, begin: Begin, conversation: str, *, goes_on: bool = False
    ) -> AsyncIterator[AsyncIterator[BotEvent]]:
        """What a stream of chat events says, however it is begun."""
        reading = Reading(
            self._api,
            begin,
            conversation=conversation,
            clock=self._clock,
            patience=self._patience,
            look=self._ended,
            stop=self.cancel,
            unknown=self._unknown,
            failed=self._failed,
            goes_on=goes_on,
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
            looks = chats.looks(self._api, conversation, chat, clock=self._clock, patience=self._patience)
            async for found, reference in looks:
                if events.status(found) not in events.ENDED:
                    yield StillRunning()
                elif failure := events.failure(found, reference):
                    raise failure
        with self._counting():
            messages = await chats.messages(self._api, conversation, chat)
        for event in events.recalled(events.stored(messages), self._unknown):
            yield event
        for event in events.outcome(found):
            yield event

    async def find(self, question: Question) -> str:
        body = {"order": "desc", "limit": RECENT}
        params = {"conversation_id": question.conversation}
        try:
            with self._counting(), doubtful():
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
        with self._counting():
            await chats.cancel(self._api, conversation, chat, clock=self._clock, patience=self._patience)

    async def clear(self, conversation: str) -> None:
        with self._counting():
            await self._api.call("POST", f"/v1/conversations/{quote(conversation, safe='')}/clear")

    async def judge(self, conversation: str, message: str, *, good: bool | None) -> None:
        """Coze Studio has no such call: it raises there, and from then on the bot does not judge."""
        path = f"/v1/conversations/{quote(conversation, safe='')}/messages/{quote(message, safe='')}/feedback"
        try:
            with self._counting():
                if good is None:
                    await self._api.call("DELETE", path)
                else:
                    await self._api.call("POST", path, body={"feedback_type": "like" if good else "unlike"})
        except BotFailed as failed:
            if failed.say == "no_call":
                self._lacks.add("judge")
            raise

    @property
    def judges(self) -> bool:
        return "judge" not in self._lacks

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

    async def _ended(self, conversation: str, chat: str) -> bool:
        return await chats.ended(self._api, conversation, chat)

    def _unknown(self, kind: str) -> None:
        """Counts each kind once: what is new at Coze is worth a look, not a flood."""
        if kind not in self._kinds and len(self._kinds) < KINDS:
            self._kinds.add(kind)
            self._meter.count("coze_unknown", kind=kind[:60])
            logger.info("Coze sent something unknown, %s; it is left out", kind[:60])


def _chat_of(message: dict[str, Any]) -> str:
    chat = str(message.get("chat_id") or "")
    return "" if chat == "0" else chat
