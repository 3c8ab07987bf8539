"""Chats that run at Coze, beside the streams by which we read them: looked at, waited for, and stopped."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from adapters.coze import events
from adapters.coze.stream import Patience
from adapters.coze.wire import Api
from bridge.errors import BotFailed, BridgeError, Transient, Unreachable
from bridge.ports import Clock

logger = logging.getLogger(__name__)

NOT_RUNNING = frozenset({4104, 103200005})
"""A chat that has ended already cannot be cancelled: cloud, Coze Studio."""
NO_SUCH_CALL = frozenset({404, 405})
"""Codes of a server that does not have a call (in this method)."""
BACKOFF = 1.5
SLOWEST = 5
"""While a chat runs, the time between two looks grows by BACKOFF up to SLOWEST times `Patience.poll`."""
CANCELS = 2
"""So often a chat is cancelled that runs on."""


async def retrieve(api: Api, conversation: str, chat: str) -> tuple[dict[str, Any], str]:
    """The chat as it is, and the log id. GET, as documented: cozepy's POST fails at Coze Studio and with OAuth."""
    params = {"conversation_id": conversation, "chat_id": chat}
    with doubtful():
        try:
            answered, reference = await api.call("GET", "/v3/chat/retrieve", params=params)
        except BotFailed as failed:
            if failed.code not in NO_SUCH_CALL:
                raise
            answered, reference = await api.call("POST", "/v3/chat/retrieve", params=params)
    found = payload(answered, "ChatV3ChatDetail")
    if not found:
        raise Unreachable("Coze told nothing of the chat", certain=False, reference=reference)
    return found, reference


async def ended(api: Api, conversation: str, chat: str) -> bool:
    """Does it say no more by itself?"""
    found, _ = await retrieve(api, conversation, chat)
    return events.status(found) in events.ENDED


async def looks(
    api: Api, conversation: str, chat: str, *, clock: Clock, patience: Patience
) -> AsyncIterator[tuple[dict[str, Any], str]]:
    """The chat as it is, again and again until it has ended. Raises BotFailed if nothing changes for too long."""
    wait, last, since = patience.poll, None, clock.monotonic()
    while True:
        found, reference = await retrieve(api, conversation, chat)
        yield found, reference
        if events.status(found) in events.ENDED:
            return
        now = clock.monotonic()
        if found != last:
            last, since = found, now
        if now - since >= patience.recall:
            with suppress(BridgeError):
                await cancel(api, conversation, chat, clock=clock, patience=patience)
            raise BotFailed(f"the chat ran for {now - since:.0f} s without end", say="stalled", reference=reference)
        await clock.sleep(wait)
        wait = min(wait * BACKOFF, SLOWEST * patience.poll)


async def messages(api: Api, conversation: str, chat: str) -> Any:
    """What was said in it, as Coze lists it."""
    params = {"conversation_id": conversation, "chat_id": chat}
    with doubtful():
        answered, _ = await api.call("GET", "/v3/chat/message/list", params=params)
    return answered.get("data") or answered.get("Messages")


async def cancel(api: Api, conversation: str, chat: str, *, clock: Clock, patience: Patience) -> None:
    """Stops it, looks whether that worked, and tries once more; returns as well if it had ended."""
    body = {"conversation_id": conversation, "chat_id": chat}
    for attempt in range(CANCELS):
        if attempt:
            await clock.sleep(patience.poll)
        try:
            with doubtful():
                await api.call("POST", "/v3/chat/cancel", body=body)
        except BotFailed as failed:
            # Coze Studio says no more than HTTP 400 when the chat has ended.
            if failed.code not in NOT_RUNNING and not await ended(api, conversation, chat):
                raise
            return
        try:
            if await ended(api, conversation, chat):
                return
        except BridgeError as error:
            logger.info("it cannot be seen whether a chat was cancelled: %s", error)
            return
    logger.warning("a chat runs on at Coze, though it was cancelled %d times", CANCELS)


@contextmanager
def doubtful() -> Iterator[None]:
    """Asking after a chat did not work: that surely says nothing of the chat itself, which may well be there."""
    try:
        yield
    except Transient as error:
        error.certain = False
        raise


def payload(answered: dict[str, Any], studio: str) -> dict[str, Any]:
    """What the answer is about: `data` in the cloud, some other key at Coze Studio."""
    found = answered.get("data") or answered.get(studio)
    return found if isinstance(found, dict) else {}
