"""Finds a message of ours again whose id was lost, by trying the ids that it can have."""

import re
import secrets
from collections.abc import Awaitable, Callable, Iterator
from itertools import count, islice

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Message
from telegram.error import ChatMigrated

from adapters.telegram.errors import SHAPES, translated
from adapters.telegram.numbers import Numbers
from adapters.telegram.parse import PROBE, Me, message_in, number_in
from adapters.telegram.writing import in_time
from bridge.errors import Gone, Permanent
from bridge.model import Address, Lost, Page
from bridge.ports import Clock, Found

MOST_PROBES = 8
"""Ids that are tried: a lost message stands close behind the newest one that was known before it was sent."""
FIND_SECONDS = 60.0
"""After this no further id is tried."""
MOST_HOLES = 3
"""After so many in a row that do not exist, a chat with a counter of its own has no more messages."""

LEAST_LETTERS, MOST_LETTERS = 16, 200
"""So many letters and digits must be the same for a message to be known by its words; no more are compared."""
_NO_LETTER = re.compile(r"[\W_]+")

Turn = Callable[[], Awaitable[None]]
"""Waits until one more call may go out."""


class Finding:
    """Probes ids with an edit that harms nothing: it sets a button, and the next edit of the text takes that away.

    What is not there, or not ours, Telegram refuses, and nothing has happened (`message to edit not found`, `message
    can't be edited`). What is ours it returns, so that we see whether it is the one.
    """

    def __init__(self, bot: Bot, numbers: Numbers, clock: Clock) -> None:
        self._bot = bot
        self._numbers = numbers
        self._clock = clock

    async def find(self, address: Address, lost: Lost, *, me: Me, turn: Turn) -> Found | None:
        """As the port says. After an error it is begun anew."""
        try:
            return await self._find(address, lost, me, _once_free(turn))
        except (Permanent, ChatMigrated):
            # It cannot be told; the send that comes next meets the same, and says it.
            return None

    async def _find(self, address: Address, lost: Lost, me: Me, turn: Turn) -> Found | None:
        chat, holes, until = int(address.chat), 0, self._clock.monotonic() + FIND_SECONDS
        for number in self._candidates(address, lost):
            if self._clock.monotonic() >= until:
                # No error, or a search in a slow chat would be begun anew for ever.
                break
            await turn()
            try:
                message = await self._edit(chat, number, _button())
            except Gone as problem:
                is_hole = "not found" in str(problem).lower() and number > self._numbers.newest(address.chat)
                holes = holes + 1 if is_hole else 0
                if holes == MOST_HOLES and self._numbers.of_its_own(address.chat):
                    break
                continue
            if not isinstance(message, Message):
                break
            holes, found = 0, _is_it(message, number, address, lost, me)
            if not found or lost.page.attachment is not None:
                # Another's, or a file, which no edit will follow.
                await turn()
                await self._bare(chat, number)
            if found:
                self._numbers.note(address.chat, number, ours=True)
                return Found(str(number), sure=bool(lost.reply_to) or _says(message, lost.page))
        return None

    def _candidates(self, address: Address, lost: Lost) -> Iterator[int]:
        """The ids that it can have, lowest first."""
        least = (lost.sent_after, number_in(lost.question, address), lost.reply_to)
        after = max((int(number) for number in least if number.isdecimal()), default=0)
        taken = self._taken(address, lost)
        free = (
            number
            for number in count(after + 1)
            if number not in taken and not self._numbers.excludes(address.chat, number)
        )
        return islice(free, MOST_PROBES if after else 0)

    def _taken(self, address: Address, lost: Lost) -> set[int]:
        """Ids of the same counter that are others'."""
        heard = (message_in(key, address.account) for key in lost.near.heard)
        stands = (message for message in (*lost.near.posted, *heard) if message and message[1].isdecimal())
        return {int(number) for chat, number in stands if self._numbers.count_alike(chat, address.chat)}

    async def leave(self, address: Address, message_id: str) -> None:
        """As the port says."""
        async with in_time():
            await self._bare(int(address.chat), int(message_id))

    async def _bare(self, chat: int, number: int) -> None:
        """Takes the button away again."""
        try:
            await self._edit(chat, number, None)
        except Permanent:
            # It is gone, or somebody was faster.
            return

    async def _edit(self, chat: int, number: int, keyboard: InlineKeyboardMarkup | None) -> object:
        """The message, or whatever else the server answers; None if that has an unknown shape."""
        async with in_time():
            return await self._answer(chat, number, keyboard)

    async def _answer(self, chat: int, number: int, keyboard: InlineKeyboardMarkup | None) -> object:
        with translated():
            try:
                return await self._bot.edit_message_reply_markup(chat, number, reply_markup=keyboard)
            except SHAPES:
                return None


def _once_free(turn: Turn) -> Turn:
    """The first call has had its turn."""
    calls = 0

    async def wait() -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            await turn()

    return wait


def _button() -> InlineKeyboardMarkup:
    """Never the same twice, or Telegram would say that nothing changed, and not show us the message."""
    return InlineKeyboardMarkup([[InlineKeyboardButton("…", callback_data=PROBE + secrets.token_hex(8))]])


def _says(message: Message, page: Page) -> bool:
    """Does what stands there begin as the page does, so that it is no other answer's?"""
    stands, wanted = (_NO_LETTER.sub("", text)[:MOST_LETTERS] for text in (message.text or "", page.text))
    alike = min(len(stands), len(wanted))
    return alike >= LEAST_LETTERS and stands[:alike] == wanted[:alike]


def _earliest(address: Address, lost: Lost) -> float:
    """When it can have been sent at the earliest; any time if it is behind a message that tells that.

    That needs no clock: ours may have been set to another time since.
    """
    return 0.0 if lost.sent_after or number_in(lost.question, address) else lost.since


def _is_it(message: Message, number: int, address: Address, lost: Lost, me: Me) -> bool:
    """Ours, in that place, a reply to the same message, not too old, and of the same kind?"""
    author, reply = message.from_user, message.reply_to_message
    thread = str(message.message_thread_id or "") if message.is_topic_message else ""
    replies_to = str(reply.message_id) if reply is not None else ""
    if replies_to == address.thread:
        # In a topic, what replies to nothing replies to the message that opened it.
        replies_to = ""
    return (
        author is not None
        and author.id == me.id
        and (message.message_id, message.chat.id) == (number, int(address.chat))
        and (thread, replies_to) == (address.thread, lost.reply_to)
        and message.date.timestamp() >= _earliest(address, lost)
        and bool(message.effective_attachment) == (lost.page.attachment is not None)
    )
