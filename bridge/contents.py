"""The content of what is attached to an answer, fetched before its turn to be sent comes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from bridge.errors import BotFailed, BridgeError, Permanent, Transient, Unreachable
from bridge.model import Attachment, Kind, Page
from bridge.ports import Adapter, Attaches, Downloads, Meter
from bridge.steps import Send, Step

log = logging.getLogger(__name__)

T = TypeVar("T")

SPEAK_SECONDS = 60.0
"""What Coze gets to speak an answer, before there is no voice message."""
SPOKEN_AT_ONCE = 4
"""Voice messages of one process that are being spoken, or in memory until they are sent."""
Speak = Callable[[str], Awaitable[bytes]]
"""Has that text spoken for who asked, as MP3."""


@dataclass(frozen=True, slots=True)
class Content:
    """What goes out with a page."""

    attachment: Attachment | None = None
    """As it turned out to be once it was fetched; None: the page is text."""
    data: bytes = b""


TEXT = Content()


class Contents:
    """Of the attachments of one answer. What cannot be had, or not be sent, is left the link that it is in the text.

    `speak`: None if nothing can be spoken. `mouths`: of the process, as so many voice messages are made at once.
    """

    def __init__(
        self,
        adapter: Adapter,
        downloads: Downloads,
        meter: Meter,
        speak: Speak | None = None,
        mouths: asyncio.Semaphore | None = None,
    ) -> None:
        self._can_attach = isinstance(adapter, Attaches)
        self._platform = adapter.platform
        self._downloads = downloads
        self._speak = speak
        self._mouths = mouths or asyncio.Semaphore(SPOKEN_AT_ONCE)
        self._meter = meter
        self._missing: set[Attachment] = set()

    def sendable(self, pages: Iterable[Page]) -> list[Page]:
        """The pages without attachments that are not to be had, or that the platform does not take."""
        return [page for page in pages if page.attachment is None or self._takes(page.attachment)]

    def _takes(self, attachment: Attachment) -> bool:
        can = self._can_attach and (attachment.kind is not Kind.VOICE or self._speak is not None)
        return can and attachment not in self._missing

    @asynccontextmanager
    async def of(self, step: Step, asked: asyncio.Event) -> AsyncIterator[Content | None]:
        """What that step sends; None: it is not to be had, or `asked` was set before it came."""
        attachment = step.page.attachment if isinstance(step, Send) else None
        if attachment is None:
            yield TEXT
        elif attachment.kind is Kind.VOICE:
            async with AsyncExitStack() as held:
                await _unless(asked, held.enter_async_context(self._mouths))
                yield None if asked.is_set() else await self._spoken(attachment, asked)
        elif not attachment.url:
            yield Content(attachment, attachment.text.encode())
        else:
            async with AsyncExitStack() as held:
                yield await self._fetched(attachment, held, asked)

    async def _fetched(self, attachment: Attachment, held: AsyncExitStack, asked: asyncio.Event) -> Content | None:
        fetching = held.enter_async_context(self._downloads.fetched(attachment))
        try:
            content = await _unless(asked, fetching)
        except (Transient, Permanent) as error:
            self.misses(attachment, error)
            return None
        if content is None:
            return None
        kind, name, data = content
        return Content(replace(attachment, kind=kind, name=name), data)

    async def _spoken(self, attachment: Attachment, asked: asyncio.Event) -> Content | None:
        assert self._speak is not None
        try:
            async with asyncio.timeout(SPEAK_SECONDS):
                content = await _unless(asked, self._speak(attachment.text))
        except TimeoutError:
            self.misses(attachment, Unreachable("it took too long"))
            return None
        except (Transient, Permanent) as error:
            self.misses(attachment, error)
            return None
        return None if content is None else Content(attachment, content)

    def sent(self) -> None:
        """One of them stands."""
        self._meter.count("attachments", platform=self._platform, outcome="sent")

    def misses(self, attachment: Attachment, error: BridgeError) -> None:
        """It was not sent, and will not be."""
        outcome = "linked" if attachment.url else "unsent"
        self._meter.count("attachments", platform=self._platform, outcome=outcome)
        # What the bot itself refused is the operator's to know.
        level = logging.WARNING if isinstance(error, BotFailed) else logging.INFO
        log.log(level, "%s %s: %s", attachment.kind, outcome, error)
        self._missing.add(attachment)


async def _unless(asked: asyncio.Event, doing: Awaitable[T]) -> T | None:
    """What comes of it, or None if `asked` is set before."""
    task, halted = asyncio.ensure_future(doing), asyncio.create_task(asked.wait())
    try:
        await asyncio.wait({task, halted}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        return None
    finally:
        halted.cancel()
        task.cancel()
        await asyncio.gather(task, halted, return_exceptions=True)
