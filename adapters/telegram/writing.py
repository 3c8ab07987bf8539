"""What the bot writes: messages sent, edited and deleted, and the sign that it is typing."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from telegram import Bot, LinkPreviewOptions, Message, MessageEntity, MessageId, ReplyParameters
from telegram.constants import ChatAction
from telegram.error import ChatMigrated

from adapters.telegram.attaching import Post, forms
from adapters.telegram.buttons import keyboard
from adapters.telegram.errors import ThreadGone, Unchanged, translated
from adapters.telegram.forms import Forms
from adapters.telegram.markup import MOST_ENTITIES, Rendered
from adapters.telegram.numbers import Numbers
from adapters.telegram.rich import Rich
from bridge.errors import BridgeError, Gone, RateLimited, Refused, Unreachable, Unrenderable
from bridge.model import Address, Attachment, Page

log = logging.getLogger(__name__)

T = TypeVar("T")

CALL_SECONDS = 60.0
"""After this the port gives a call up."""
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """Gives up after CALL_SECONDS."""
    try:
        async with asyncio.timeout(CALL_SECONDS):
            yield
    except TimeoutError:
        raise Unreachable("Telegram does not answer in time", certain=False) from None


class Writing:
    """Calls to the Bot API on behalf of one bot; remembers which groups have moved meanwhile."""

    def __init__(self, bot: Bot, forms: Forms, numbers: Numbers) -> None:
        self._bot = bot
        self._forms = forms
        self._numbers = numbers
        self._moved: dict[str, str] = {}
        """Old chat → new chat, of groups that became supergroups. Message ids of the old one mean nothing there."""

    async def send(self, address: Address, page: Page, reply_to: str) -> str:
        """Posts the page and returns its message id."""
        shown = self._forms.shown(page)
        send = partial(self._send_rich, shown) if isinstance(shown, Rich) else partial(self._send_text, shown)
        async with in_time():
            with self._forms.watched():
                return await self._post(address, partial(send, reply_markup=keyboard(page.choices)), reply_to)

    async def _send_text(self, shown: Rendered, **where: Any) -> Message:
        return await self._bot.send_message(
            text=shown.text, entities=entities(shown), link_preview_options=NO_PREVIEW, **where
        )

    async def _send_rich(self, shown: Rich, **where: Any) -> MessageId:
        """Of what comes back PTB 22.8 would not know the content."""
        posted = {"rich_message": shown.content, **where}
        sent: MessageId = await self._bot.do_api_request("sendRichMessage", posted, return_type=MessageId)
        return sent

    async def attach(self, address: Address, attachment: Attachment, content: bytes, reply_to: str) -> str:
        """Posts the file and returns its message id."""
        async with in_time():
            *better, last = forms(self._bot, attachment, content)
            for post in better:
                try:
                    return await self._post(address, post, reply_to)
                except Unrenderable as problem:
                    log.info("Telegram: a %s goes as a document (%s)", attachment.kind, problem)
            return await self._post(address, last, reply_to)

    async def _post(self, address: Address, call: Post, reply_to: str) -> str:
        """The call that posts something, in the topic and below the message that it is for; its message id."""

        async def post(chat: str, thread: str) -> Message | MessageId:
            reply = reply_to and chat == address.chat
            sent = await call(
                chat_id=int(chat),
                message_thread_id=int(thread) if thread else None,
                reply_parameters=ReplyParameters(int(reply_to), allow_sending_without_reply=True) if reply else None,
            )
            self._numbers.note(chat, sent.message_id, ours=True)
            return sent

        try:
            sent = await self._in_chat(address, lambda chat: post(chat, address.thread))
        except ThreadGone:
            if not address.thread or not address.chat.startswith("-"):
                raise
            # The topic is gone, the group is not: the answer appears in its General topic.
            sent = await self._in_chat(address, lambda chat: post(chat, ""))
        return str(sent.message_id)

    async def edit(self, address: Address, message_id: str, page: Page) -> None:
        """Makes that message show the page."""
        shown = self._forms.shown(page)
        where = {"message_id": int(message_id), "reply_markup": keyboard(page.choices)}
        async with in_time():
            with suppress(Unchanged), self._forms.watched():
                await self._at_home(address, lambda chat: self._revise(shown, chat_id=chat, **where))

    async def _revise(self, shown: Rendered | Rich, **where: Any) -> None:
        if isinstance(shown, Rich):
            await self._bot.edit_message_text(
                None,  # type: ignore[arg-type]  # PTB 22.8 does not know that there may be none
                api_kwargs={"rich_message": shown.content},
                **where,
            )
        else:
            await self._bot.edit_message_text(
                text=shown.text, entities=entities(shown), link_preview_options=NO_PREVIEW, **where
            )

    async def delete(self, address: Address, message_id: str) -> None:
        """Removes that message."""
        async with in_time():
            with suppress(Gone):
                await self._at_home(address, lambda chat: self._bot.delete_message(chat, int(message_id)))

    async def working(self, address: Address) -> None:
        """Shows 'typing…'; of all failures only RateLimited is told."""

        async def show(chat: str) -> bool:
            thread = int(address.thread) if address.thread else None
            return await self._bot.send_chat_action(int(chat), ChatAction.TYPING, message_thread_id=thread)

        try:
            async with in_time():
                await self._in_chat(address, show)
        except RateLimited:
            raise
        except BridgeError as problem:
            log.debug("Telegram: the typing sign is not shown (%s)", problem)

    async def _in_chat(self, address: Address, call: Callable[[str], Awaitable[T]]) -> T:
        """The call, in the chat that the address means today."""
        try:
            with translated():
                return await call(self._moved.get(address.chat, address.chat))
        except ChatMigrated as error:
            self._moved[address.chat] = str(error.new_chat_id)
        try:
            with translated():
                return await call(self._moved[address.chat])
        except ChatMigrated:
            raise Refused("The group moves on and on") from None

    async def _at_home(self, address: Address, call: Callable[[int], Awaitable[object]]) -> None:
        """The call about a message of that chat; Gone once the chat has moved."""
        try:
            if address.chat not in self._moved:
                with translated():
                    await call(int(address.chat))
                return
        except ChatMigrated as error:
            self._moved[address.chat] = str(error.new_chat_id)
        raise Gone("The group became a supergroup: its old messages cannot be reached")


def entities(shown: Rendered) -> Sequence[MessageEntity]:
    """As PTB takes them."""
    return [MessageEntity(**entity) for entity in shown.entities[:MOST_ENTITIES]]
