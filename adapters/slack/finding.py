"""Finds a message of ours again, after a crash between its sending and our note of it."""

import logging
import re
from collections.abc import Callable
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.errors import calling
from adapters.slack.pieces import MARK
from bridge.errors import Permanent
from bridge.model import Address, Lost

log = logging.getLogger(__name__)

FIND_BACK = 5.0
"""Seconds before `since` at which a search begins, as clocks differ."""
_TS = re.compile(r"[0-9]{10}\.[0-9]{6}")
FIND_PAGES, FIND_SIZE = 5, 200
"""So many messages after the question are looked through: an answer stands close to it."""


class Finding:
    """Looks through a thread or a DM."""

    def __init__(self, connect: Callable[[], AsyncWebClient], streaming: Callable[[str, str], bool]) -> None:
        self._connect = connect
        self._streaming = streaming
        """Is that message (channel, `ts`) one that we are streaming?"""
        self._told_scope = False

    async def find(self, address: Address, lost: Lost, *, us: str) -> str | None:
        """The `ts` of the message with the page's mark, posted behind the question, or None. Raises Transient.

        A stream carries its mark only from its end on. So in a thread, where no message has the mark, the newest of
        `us` (our user id) that has none, and that nobody here is streaming, is taken for it. Files carry no mark.
        """
        if lost.page.attachment is not None:
            return None
        where = {
            "channel": address.chat,
            "oldest": _earliest(lost),
            "inclusive": True,
            "include_all_metadata": True,
            "limit": FIND_SIZE,
        }
        method = "conversations.history"
        if address.thread:
            method, where = "conversations.replies", where | {"ts": address.thread}
        unmarked = None
        try:
            async with calling(method):
                for _ in range(FIND_PAGES):
                    answer = await self._connect().api_call(method, http_verb="GET", params=where)
                    for message in answer.get("messages") or ():
                        ts = str(message["ts"])
                        if _mark(message) == lost.page.mark:
                            return ts
                        taken = (address.chat, ts) in lost.near.posted or self._streaming(address.chat, ts)
                        if address.thread and _is_unmarked(message, us) and not taken:
                            unmarked = max(unmarked or ts, ts)
                    cursor = (answer.get("response_metadata") or {}).get("next_cursor")
                    if not cursor:
                        break
                    where = where | {"cursor": cursor}
        except Permanent as error:
            # Most likely a scope is missing; the price is a message that may stand there twice.
            if not self._told_scope:
                log.warning("cannot look for messages sent before a crash: %s", error)
            self._told_scope = True
            return None
        return unmarked


def _earliest(lost: Lost) -> str:
    """The `ts` of the message that it answers, else by our clock, which may have been set to another time since."""
    *_, ts = lost.question.split(":")
    return ts if _TS.fullmatch(ts) else f"{lost.since - FIND_BACK:.6f}"


def _mark(message: dict[str, Any]) -> str:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != MARK:
        return ""
    return str((metadata.get("event_payload") or {}).get("mark") or "")


def _is_unmarked(message: dict[str, Any], us: str) -> bool:
    """A message of ours that can only be a stream: whatever else we post has a mark, or is a file."""
    ours = bool(us) and message.get("user") == us
    return ours and not message.get("subtype") and not message.get("files") and not _mark(message)
