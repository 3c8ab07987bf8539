"""What is written to Slack: messages that are posted, streamed, edited and deleted, and the sign of work."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import extras, markup
from adapters.slack.errors import calling, named
from adapters.slack.pieces import metadata
from adapters.slack.streams import Mode, Streams
from adapters.slack.windows import Window
from bridge import fold, texts
from bridge.errors import BridgeError, Gone, Permanent, RateLimited, Unreachable, Unrenderable
from bridge.model import Address, Choice, Inbound, Page
from bridge.ports import Clock

log = logging.getLogger(__name__)

LATCH_SECONDS = 600.0
"""For so long we show no "is thinking…", or no blocks, after Slack refused them."""
MOST_UPDATES = 50
"""Calls of `chat.update` in a minute: tier 3."""
MOST_QUOTED = 2_000
"""UTF-16 units of a question that we post ourselves."""
MOST_GROWING = 1_000
"""Messages that grow by edits, remembered."""
REST_SECONDS = 1.0
"""For so long the acknowledgement of a press on Stop may wait for what we say to Slack on account of it."""


class Writing:
    """Writes as one bot into one workspace."""

    def __init__(self, mode: Mode, connect: Callable[[], AsyncWebClient], clock: Clock) -> None:
        self._connect = connect
        self._clock = clock
        self.streams = Streams(mode, connect, clock)
        self._updates = Window()
        self._edited: dict[tuple[str, str], str] = {}
        """Messages that grow by edits, by channel and `ts`: their threads."""
        self._quiet_until = self._blockless_until = 0.0

    def grows(self, address: Address) -> tuple[bool, bool]:
        """Whether something is streamed in that thread, and whether something there grows by edits."""
        edited = any(chat == address.chat and thread == address.thread for (chat, _), thread in self._edited.items())
        return bool(self.streams.at(address)), edited

    async def send(self, address: Address, page: Page) -> str:
        """Posts the page into its thread, or begins to stream it there, and returns its `ts`."""
        if not page.final and (begun := await self.streams.start(address, page)) is not None:
            return begun

        async def post(looks: dict[str, Any]) -> str:
            async with calling("chat.postMessage"):
                answer = await self._connect().chat_postMessage(
                    channel=address.chat,
                    thread_ts=address.thread or None,
                    unfurl_links=False,
                    unfurl_media=False,
                    metadata=metadata(page),
                    **looks,
                )
            return str(answer["ts"])

        ts = await self._in_blocks(page, post)
        self._note(address, ts, page)
        return ts

    async def edit(self, address: Address, ts: str, page: Page) -> None:
        """Makes that message show the page; returns as well if it did already."""
        streamed = self.streams.known(address.chat, ts)
        if await self.streams.show(address, ts, page):
            return
        # This call was meant to be another: the core paced that one.
        if streamed and (wait := self._updates.wait(self._clock.monotonic(), MOST_UPDATES)):
            raise RateLimited("chat.update: so many in a minute would be too many", retry_after=wait)

        async def update(looks: dict[str, Any]) -> str:
            try:
                await self._update(address, ts, page, looks)
            except Permanent as error:
                if named(error) != "streaming_state_conflict":
                    raise
                await self.streams.end(address.chat, ts)
                await self._update(address, ts, page, looks)
            return ts

        try:
            await self._in_blocks(page, update)
        except Permanent as error:
            if named(error) == "streaming_state_conflict":
                raise Unreachable("chat.update: Slack still streams that message") from None
            raise
        self._note(address, ts, page)
        if page.final and self.streams.rests(address.chat, ts):
            await self.rest(address)

    async def _update(self, address: Address, ts: str, page: Page, looks: dict[str, Any]) -> None:
        self._updates.calls.append(self._clock.monotonic())
        self._updates.count(self._clock.monotonic())
        async with calling("chat.update"):
            await self._connect().chat_update(channel=address.chat, ts=ts, metadata=metadata(page), **looks)

    async def show_home(self, user: str, text: str, choices: Sequence[Choice]) -> None:
        """Publishes that person's Home tab."""
        async with calling("views.publish"):
            await self._connect().views_publish(user_id=user, view=extras.home(text, choices))

    async def quote(self, user: str, question: str) -> tuple[str, str]:
        """Posts a question into the DM with that person; channel and `ts`."""
        shown = fold.quote(fold.literal(fold.shortened(question, MOST_QUOTED)))
        async with calling("chat.postMessage"):
            answer = await self._connect().chat_postMessage(channel=user, markdown_text=markup.render(shown))
        return str(answer["channel"]), str(answer["ts"])

    async def _in_blocks(self, page: Page, call: Callable[[dict[str, Any]], Awaitable[str]]) -> str:
        """The call, with blocks for what is no Markdown, unless Slack refused such blocks not long ago."""
        blocks = extras.blocks(page) if self._clock.monotonic() >= self._blockless_until else None
        if blocks is not None:
            try:
                return await call(blocks)
            except Unrenderable as error:
                if named(error) != "block_mismatch":  # which is about this one message
                    self._blockless_until = self._clock.monotonic() + LATCH_SECONDS
                log.warning("no blocks for a while, only Markdown: %s", error)
        return await call(extras.looks(page))

    def _note(self, address: Address, ts: str, page: Page) -> None:
        self._edited.pop((address.chat, ts), None)
        if not page.final:
            self._edited[address.chat, ts] = address.thread
            if len(self._edited) > MOST_GROWING:
                del self._edited[next(iter(self._edited))]

    async def delete(self, address: Address, ts: str) -> None:
        """Removes that message; returns as well if it was gone already."""
        if self.streams.known(address.chat, ts):
            await self.streams.end(address.chat, ts)
        self._edited.pop((address.chat, ts), None)
        try:
            async with calling("chat.delete"):
                await self._connect().chat_delete(channel=address.chat, ts=ts)
        except Gone:
            return

    async def working(self, address: Address, language: str) -> None:
        """Shows "is thinking…" in the thread. Raises RateLimited; every other failure ends the courtesy for a while."""
        if not address.thread or self._clock.monotonic() < self._quiet_until:
            return
        try:
            async with calling("assistant.threads.setStatus"):
                await self._connect().assistant_threads_setStatus(
                    channel_id=address.chat, thread_ts=address.thread, status=texts.text("thinking", language)
                )
        except RateLimited:
            raise
        except BridgeError as error:
            self._quiet_until = self._clock.monotonic() + LATCH_SECONDS
            log.debug("no sign of work for a while: %s", error)

    # ---- hearing

    def heard(self, inbound: Inbound) -> None:
        """Somebody wrote, or pressed Stop."""
        if inbound.quiet:
            self.streams.stopped(inbound.address, inbound.sent_at)
        else:
            self.streams.askers.heard(inbound)

    async def rest(self, address: Address) -> None:
        """Tells Slack that nothing runs in that thread, where no stream's end does: as after its Stop. A courtesy."""
        try:
            async with calling("agents.sessions.setStatus", REST_SECONDS):
                await self._connect().agents_sessions_setStatus(
                    channel_id=address.chat, thread_ts=address.thread, status="active"
                )
        except BridgeError as error:
            log.debug("the session is not at rest: %s", error)
