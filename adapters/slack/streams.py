"""Messages that grow by Slack's own streaming: `chat.startStream`, `chat.appendStream` and `chat.stopStream`."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import extras
from adapters.slack.askers import Askers
from adapters.slack.errors import calling, named
from adapters.slack.pieces import chunks_between, metadata, wanted_text
from adapters.slack.windows import Window, left
from bridge.errors import Gone, Permanent, RateLimited, Transient
from bridge.model import Address, Page
from bridge.ports import Clock, Shares

log = logging.getLogger(__name__)

Mode = Literal["auto", "native", "edit", "off"]

MOST_A_MINUTE = 20
"""Calls of `chat.startStream`, and as many of `chat.stopStream`: tier 2, for all channels together."""
OLDEST_SECONDS = 270.0
"""We end a stream ourselves at that age; Slack does so after about five minutes (python-slack-sdk issue 1859)."""
DEAD_SECONDS = 310.0
"""At that age no stream lives any more."""
LATCH_SECONDS = 300.0
"""For so long nothing is streamed after Slack said that it cannot be; if it said so of one thread, nothing there."""
MOST_PLACES = 1_000
INCAPABLE = frozenset(
    {
        "access_denied",
        "feature_disabled",
        "feature_not_enabled",
        "method_deprecated",
        "missing_scope",
        "no_permission",
        "not_agent_app",
        "not_allowed_token_type",
        "unknown_method",
    }
)
"""What Slack says where nothing can be streamed at all; every other refusal is about one thread."""
CLOSED = frozenset({"message_not_in_streaming_state", "stopped_by_user"})
"""What Slack says of a stream that has ended already."""


@dataclass(slots=True, kw_only=True)
class Stream:
    """A message that is being streamed, as far as we know."""

    channel: str
    thread: str
    ts: str
    begun_at: float
    accepted: str = ""
    """The Markdown that Slack acknowledged; all that follows is appended to exactly this."""
    status: str = ""
    """The task that stands there as under way."""
    doubtful: bool = False
    """A call got no answer: what stands there is not known, and nothing is appended any more."""
    stopped: bool = False
    """Its reader pressed Stop."""


class Streams:
    """The streams of one workspace. Those of other processes are not known here; `end` stops such a one."""

    def __init__(self, mode: Mode, connect: Callable[[], AsyncWebClient], clock: Clock) -> None:
        self._mode = mode
        self._connect = connect
        self._clock = clock
        self._open: dict[tuple[str, str], Stream] = {}
        self._beginning = 0
        self._starts, self._stops = Window(), Window()
        self._latched_until = self._penalty_until = 0.0
        self._unfit: dict[tuple[str, str], float] = {}
        self._at_work: dict[tuple[str, str], None] = {}
        """Messages whose streams ended before their answers, by channel and `ts`: Slack shows us at work there."""
        self.askers = Askers()
        self.shares: Shares | None = None
        """Where other processes begin streams in this workspace, too."""

    def at(self, address: Address) -> list[Stream]:
        """Those that grow in that thread."""
        return [
            stream
            for stream in self._open.values()
            if (stream.channel, stream.thread) == (address.chat, address.thread)
        ]

    def known(self, channel: str, ts: str) -> bool:
        """Is that message one that we are streaming?"""
        return (channel, ts) in self._open

    def stopped(self, address: Address, at: float) -> None:
        """Somebody pressed Stop in that thread: Slack has ended its streams, and nothing more is appended to them.

        `at` (Unix seconds): Slack tells of it again for five minutes; streams that began later are not meant.
        """
        for stream in self.at(address):
            stream.stopped |= float(stream.ts) <= at

    # ---- beginning

    async def start(self, address: Address, page: Page) -> str | None:
        """Begins a message with that page and returns its `ts`; None: it is to be posted, and grows by edits.

        Raises Unreachable.
        """
        recipient = self._recipient(address)
        if recipient is None or page.simpler or not (page.said or page.status) or not self._has_room():
            return None
        wanted, began = wanted_text(page), self._clock.monotonic()
        chunks = chunks_between("", wanted, "", page.status)
        self._starts.calls.append(began)
        self._beginning += 1
        try:
            if not await left(self.shares, address.account):
                self._starts.calls.remove(began)
                return None
            async with calling("chat.startStream"):
                answer = await self._connect().chat_startStream(
                    channel=address.chat, thread_ts=address.thread, chunks=chunks or None, **recipient
                )
        except RateLimited as error:
            self._penalty_until = self._clock.monotonic() + error.retry_after
            log.warning("no streams for %.0f s, Slack says", error.retry_after)
            return None
        except Permanent as error:
            self._refused(address, error)
            return None
        finally:
            self._beginning -= 1
        stream = Stream(
            channel=address.chat,
            thread=address.thread,
            ts=str(answer["ts"]),
            begun_at=began,
            accepted=wanted,
            status=page.status,
        )
        self._open[stream.channel, stream.ts] = stream
        return stream.ts

    def _recipient(self, address: Address) -> dict[str, str] | None:
        """Who is to see it live, as arguments; None if nothing can be streamed in that thread."""
        now = self._clock.monotonic()
        place = (address.chat, address.thread)
        if self._mode not in ("auto", "native") or not address.thread or now < self._latched_until:
            return None
        if now < self._unfit.get(place, 0.0):
            return None
        if address.chat.startswith("D"):
            return {}
        asker = self.askers.last(address) if self._mode == "native" else None
        return None if asker is None else {"recipient_user_id": asker.user, "recipient_team_id": asker.team}

    def _has_room(self) -> bool:
        """Every stream that is open keeps a stop of this minute for itself: so its end never has to wait."""
        now = self._clock.monotonic()
        for stream in [stream for stream in self._open.values() if now - stream.begun_at > DEAD_SECONDS]:
            self._forget(stream)
        reserved = len(self._open) + self._beginning + self._stops.count(now)
        return now >= self._penalty_until and self._starts.count(now) < MOST_A_MINUTE and reserved < MOST_A_MINUTE

    def _refused(self, address: Address, error: Permanent) -> None:
        until = self._clock.monotonic() + LATCH_SECONDS
        if named(error) in INCAPABLE:
            self._latched_until = until
            log.warning("answers grow by edits for a while: %s", error)
            return
        log.info("this answer grows by edits: %s", error)
        self._unfit[address.chat, address.thread] = until
        while len(self._unfit) > MOST_PLACES:
            del self._unfit[next(iter(self._unfit))]

    # ---- growing

    async def show(self, address: Address, ts: str, page: Page) -> bool:
        """Makes a stream show the page; False: none goes on there, and the message is to be edited.

        Raises RateLimited, Unreachable, Gone.
        """
        stream = self._open.get((address.chat, ts))
        if stream is None:
            return False
        if stream.stopped:
            if page.final:
                self._forget(stream)
            return not page.final
        wanted = wanted_text(page)
        if not page.final and stream.accepted.startswith(wanted):
            wanted = stream.accepted
        with self._watched(stream):
            if stream.doubtful or page.simpler or not wanted.startswith(stream.accepted):
                return await self._break_off(stream)
            try:
                if page.final or self._clock.monotonic() - stream.begun_at >= OLDEST_SECONDS:
                    await self._finish(stream, page, wanted)
                else:
                    await self._append(stream, page, wanted)
            except Gone:
                self._forget(stream)
                raise
            except Permanent as error:
                log.info("no longer streamed: %s", error)
                return await self._closed(stream, page, named(error))
        return True

    async def _append(self, stream: Stream, page: Page, wanted: str) -> None:
        chunks = chunks_between(stream.accepted, wanted, stream.status, page.status)
        if chunks:
            async with calling("chat.appendStream"):
                await self._connect().chat_appendStream(channel=stream.channel, ts=stream.ts, chunks=chunks)
            stream.accepted, stream.status = wanted, page.status

    async def _finish(self, stream: Stream, page: Page, wanted: str) -> None:
        """Appends what is missing and stops, in one call. Where more is to come, it comes by edits."""
        blocks = extras.below(page) if page.final else []
        await self._stop(
            stream.channel,
            stream.ts,
            chunks=chunks_between(stream.accepted, wanted, stream.status, "") or None,
            blocks=blocks or None,
            metadata=metadata(page),
            session_status="active" if page.final else "processing",
        )
        self._forget(stream)
        if not page.final:
            self._at_work[stream.channel, stream.ts] = None
            if len(self._at_work) > MOST_PLACES:
                del self._at_work[next(iter(self._at_work))]

    async def _closed(self, stream: Stream, page: Page, reason: str) -> bool:
        """Slack does not let this stream go on."""
        if reason == "stopped_by_user" and not page.final:
            stream.stopped = True
            return True
        if reason in CLOSED:
            self._forget(stream)
            return False
        return await self._break_off(stream)

    async def _break_off(self, stream: Stream) -> bool:
        """Stops it as it stands. Always False: the message is to be edited."""
        stream.doubtful = True
        with suppress(Permanent):  # it was closed already, or the edit will tell
            await self._stop(stream.channel, stream.ts)
        self._forget(stream)
        return False

    # ---- ending

    async def end(self, channel: str, ts: str) -> None:
        """Stops whatever stream that message is; for one that we know nothing of. Raises Transient."""
        with suppress(Permanent):
            await self._stop(channel, ts)
        self._open.pop((channel, ts), None)

    def rests(self, channel: str, ts: str) -> bool:
        """That answer stands. True: Slack must be told, or it shows the bot at work for an hour."""
        return self._at_work.pop((channel, ts), ()) is None

    def drop(self, channel: str, ts: str) -> None:
        """That message does not stand any more."""
        self._open.pop((channel, ts), None)

    async def _stop(self, channel: str, ts: str, **more: Any) -> None:
        now = self._clock.monotonic()
        if wait := self._stops.wait(now, MOST_A_MINUTE):
            raise RateLimited("chat.stopStream: so many in a minute would be too many", retry_after=wait)
        self._stops.calls.append(now)
        async with calling("chat.stopStream"):
            await self._connect().chat_stopStream(channel=channel, ts=ts, **more)

    def _forget(self, stream: Stream) -> None:
        self._open.pop((stream.channel, stream.ts), None)

    @contextmanager
    def _watched(self, stream: Stream) -> Iterator[None]:
        """Notes that a call may or may not have done something."""
        try:
            yield
        except Transient as error:
            stream.doubtful |= not error.certain
            raise
