"""Answers that grow as drafts: a bubble in a private chat that is no message yet, until the whole one is sent.

A draft is seen for 30 s after each time that Telegram hears of it. There is one to a chat, or to a topic of it, and
every message of the bot there takes it away; so what is growing is shown again while nothing else is (`renew`).
"""

import logging
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self

from telegram import Bot

from adapters.telegram.errors import MethodUnknown, translated
from adapters.telegram.forms import Forms
from adapters.telegram.markup import Rendered
from adapters.telegram.writing import entities, in_time
from bridge.errors import BridgeError, RateLimited, Unreachable, Unrenderable
from bridge.model import Address, Page
from bridge.ports import Clock

log = logging.getLogger(__name__)

DRAFT_SECONDS = 30.0
"""How long a draft is seen (tdlib/td 1.8.66, `message_typing_draft_ttl`)."""
KEEP_ALIVE_SECONDS = 12.0
"""How often it is looked at; so what did not grow is shown again after 24 s at the latest."""
APART_SECONDS = 0.3
"""Between the last of a draft and its message: else that could be overtaken by the draft, which would stay."""
UNFIT_SECONDS = 3600.0
"""For so long after Telegram refused a draft in a chat, answers there grow as messages."""
MOST_PLACES = 1000
MARK = "draft"


@dataclass(frozen=True, slots=True)
class DraftId:
    """The message id of what is no message: `draft:<number>`."""

    number: int

    @classmethod
    def of(cls, page: Page) -> Self:
        """The same for that page in every process, from 1 to 2³¹-1."""
        digest = blake2b(page.mark.encode(), digest_size=4).digest()
        return cls(int.from_bytes(digest) % (2**31 - 1) + 1)

    @classmethod
    def read(cls, message_id: str) -> Self | None:
        """None: it is the id of a message."""
        mark, _, rest = message_id.partition(":")
        # Older versions wrote the message that it shall reply to behind it.
        return cls(int(rest.partition(":")[0])) if mark == MARK else None

    def __str__(self) -> str:
        return f"{MARK}:{self.number}"


@dataclass(frozen=True, slots=True)
class _Frame:
    """What was shown last in a chat or a topic."""

    number: int
    shown: Rendered
    at: float


class Drafts:
    """The drafts of one bot. `on`: answers are to grow so, wherever that can be done."""

    def __init__(self, bot: Bot, forms: Forms, clock: Clock, *, on: bool) -> None:
        self._bot = bot
        self._forms = forms
        self._clock = clock
        self._on = on
        self._unfit: dict[str, float] = {}
        """Chats in which there are none, and until when that is believed."""
        self._frames: dict[tuple[str, str], _Frame] = {}

    def fits(self, address: Address) -> bool:
        """Do answers grow as drafts there? Only in private chats, whose ids are positive."""
        unfit = self._clock.monotonic() < self._unfit.get(address.chat, 0.0)
        return self._on and not unfit and not address.chat.startswith("-")

    def stands(self, address: Address) -> bool:
        """Is one of ours seen there?"""
        return self._frame(address) is not None

    def knows(self, address: Address, draft: DraftId) -> bool:
        """Is it the one that this process showed there last?"""
        frame = self._frames.get((address.chat, address.thread))
        return frame is not None and frame.number == draft.number

    async def show(self, address: Address, draft: DraftId, page: Page) -> None:
        """Shows the page as that draft.

        Raises Unreachable as well, certain that nothing was done, while another answer grows in that place, and where
        it turns out that there are no drafts: from then on `fits` is False.
        """
        frame = self._frame(address)
        if frame is not None and frame.number != draft.number:
            raise Unreachable("another answer grows there")
        shown = self._forms.shown(page)
        if isinstance(shown, Rendered):
            await self._show(address, _Frame(draft.number, shown, 0.0))

    async def renew(self, address: Address) -> None:
        """Shows again what stands there; of all failures only RateLimited is told."""
        if (frame := self._frame(address)) is None:
            return
        try:
            await self._show(address, frame)
        except RateLimited:
            raise
        except BridgeError as problem:
            log.debug("Telegram: a draft is not shown again (%s)", problem)

    async def settled(self, address: Address, draft: DraftId) -> None:
        """Returns when the message that takes its place may be sent."""
        if self.knows(address, draft):
            shown_at = self._frames[address.chat, address.thread].at
            await self._clock.sleep(max(0.0, shown_at + APART_SECONDS - self._clock.monotonic()))

    def end(self, address: Address, draft: DraftId) -> None:
        """It is a message now, or nothing."""
        if self.knows(address, draft):
            del self._frames[address.chat, address.thread]

    def _frame(self, address: Address) -> _Frame | None:
        frame = self._frames.get((address.chat, address.thread))
        return frame if frame is not None and self._clock.monotonic() < frame.at + DRAFT_SECONDS else None

    async def _show(self, address: Address, frame: _Frame) -> None:
        try:
            async with in_time():
                with translated():
                    await self._bot.send_message_draft(
                        int(address.chat),
                        frame.number,
                        frame.shown.text,
                        message_thread_id=int(address.thread) if address.thread else None,
                        entities=entities(frame.shown),
                    )
        except Unrenderable as problem:
            self._refused(address, problem)
            raise Unreachable("answers grow as messages from now on") from None
        self._frames.pop((address.chat, address.thread), None)
        self._frames[address.chat, address.thread] = _Frame(frame.number, frame.shown, self._clock.monotonic())
        while len(self._frames) > MOST_PLACES:
            del self._frames[next(iter(self._frames))]

    def _refused(self, address: Address, problem: Unrenderable) -> None:
        self._frames.pop((address.chat, address.thread), None)
        if isinstance(problem, MethodUnknown):
            self._on = False
            log.warning("Telegram: this server knows no drafts, so answers grow as messages")
            return
        log.info("Telegram: no drafts in this chat for a while (%s)", problem)
        self._unfit[address.chat] = self._clock.monotonic() + UNFIT_SECONDS
        while len(self._unfit) > MOST_PLACES:
            del self._unfit[next(iter(self._unfit))]
