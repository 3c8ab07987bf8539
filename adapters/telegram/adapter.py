"""Telegram as the bridge's Adapter: who we are, what the limits are, and which of its neighbours does what."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Literal

from adapters.telegram.drafts import KEEP_ALIVE_SECONDS, DraftId, Drafts
from adapters.telegram.errors import CREDENTIALS, translated
from adapters.telegram.fetching import Fetching
from adapters.telegram.finding import Finding
from adapters.telegram.forms import Forms
from adapters.telegram.menu import LANGUAGES, menu
from adapters.telegram.numbers import Numbers
from adapters.telegram.parse import PLATFORM, Me
from adapters.telegram.people import People
from adapters.telegram.polling import Polling
from adapters.telegram.reading import Reading
from adapters.telegram.transport import Line
from adapters.telegram.webhook import PATH, Webhook
from adapters.telegram.writing import Writing, in_time
from bridge.errors import BridgeError, ConfigError, Gone, Permanent, Transient, Unreachable
from bridge.model import Address, File, Lost, Page, Profile
from bridge.ports import Accept, Budget, Clock, Found, Limits, Meter, Mount, Verb

log = logging.getLogger(__name__)

POLL_SECONDS = 30.0
"""How long Telegram holds a poll; it takes at most 50 (tdlib/telegram-bot-api)."""
TYPING_SECONDS = 4.5
"""The sign lasts 5 s, or until a message of the bot (Bot API, sendChatAction)."""
CHAT_BURST = 3
DRAFT_SECONDS = 0.5
"""Between drafts in one chat. No limit of theirs is published; peers saw 429s at a quarter of a second."""
Streaming = Literal["edit", "draft", "rich", "off"]
"""How answers grow: as messages that are edited; in private chats as drafts; as rich messages; or not at all."""
TOKEN = re.compile(r"[1-9][0-9]*:[A-Za-z0-9_-]+")
LONGEST_TOKEN = 80
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


class TelegramAdapter:
    """One bot account. `account_rate` is in calls per second, `private_every` and `group_every` in seconds per call.

    The defaults stay below what the Bot API's FAQ names: 30 messages a second in all, one a second to a chat, 20 a
    minute to a group. Edits, deletions and typing are counted as messages (field reports: facts, section 2.1).
    """

    platform = PLATFORM

    def __init__(
        self,
        token: str,
        *,
        api_base: str,
        clock: Clock,
        meter: Meter,
        webhook_url: str = "",
        webhook_secret: str = "",
        streaming: Streaming = "edit",
        commands: Collection[str] = (),
        account_rate: float = 30.0,
        private_every: float = 1.05,
        group_every: float = 3.6,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self.account = token.partition(":")[0]
        self._forms = Forms(rich=streaming == "rich")
        self.limits = Limits(
            fill=self._forms.fill,
            budgets=self._budgets,
            streams=streaming != "off",
            working_every=TYPING_SECONDS,
            keep_alive=KEEP_ALIVE_SECONDS if streaming == "draft" else 0.0,
            plain_from=2 if streaming == "rich" else 1,
        )
        self._token, self._webhook_url, self._webhook_secret = token, webhook_url, webhook_secret
        self._commands = frozenset(commands)
        self._private_every, self._group_every = private_every, group_every
        # A bucket of 3 that gains 27 a second lets at most 30 through in any second; one of 28 would let 58.
        burst = max(1, int(account_rate / 10))
        gain = account_rate - burst if account_rate > burst + 1 else account_rate
        self._of_account = Budget(name=f"{PLATFORM}:{self.account}", burst=burst, every=1 / gain)
        self._line = Line(token or "none", api_base, poll_seconds=poll_seconds)
        bot = self._bot = self._line.bot
        self._numbers = Numbers()
        self._writing = Writing(bot, self._forms, self._numbers)
        self._people = People(bot, clock)
        self._finding = Finding(bot, self._numbers, clock)
        self._fetching = Fetching(bot, api_base)
        self._drafts = Drafts(bot, self._forms, clock, on=streaming == "draft")
        self._reading = Reading(meter, self._answer_query, clock, self._numbers)
        self._polling = Polling(bot, self._reading, clock, poll_seconds=poll_seconds)
        self._webhook = Webhook(bot, self._reading, clock, url=webhook_url, secret=webhook_secret)

    @property
    def trouble(self) -> str:
        if self._webhook_url:
            return self._webhook.setting.text
        return self._polling.fetching.text or self._polling.taking.text

    @property
    def mounts(self) -> Mapping[str, Mount]:
        return {PATH: self._webhook.answer} if self._webhook_url else {}

    async def open(self) -> None:
        self._check_settings()
        try:
            async with in_time():
                with translated():
                    me = await self._bot.get_me()
        except BridgeError as problem:
            raise _not_open(problem) from None
        self.account = str(me.id)
        self._reading.me = Me(id=me.id, username=me.username or "", commands=self._commands)
        log.info("Telegram: this is @%s (%d)", me.username, me.id)
        if not me.can_read_all_group_messages:
            log.info(
                "Telegram: privacy mode is on: in groups the bot surely hears commands and replies to it, mentions "
                "not always. /setprivacy at @BotFather turns it off; then remove the bot from the group and add it anew"
            )

    @property
    def duty(self) -> str:
        return "" if self._webhook_url else f"{PLATFORM}:{self.account}:poll"

    async def listen(self, accept: Accept) -> None:
        await self.listen_alone(accept, lambda: True)

    async def listen_alone(self, accept: Accept, ours: Callable[[], bool]) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._offer_menu())
            group.create_task(self._webhook.run(accept) if self._webhook_url else self._polling.run(accept, ours))

    async def send(self, address: Address, page: Page, *, reply_to: str = "") -> str:
        if page.final or not self._drafts.fits(address):
            return await self._writing.send(address, page, reply_to)
        draft = DraftId.of(page)
        await self._drafts.show(address, draft, page)
        return str(draft)

    async def attach(self, address: Address, page: Page, content: bytes, *, reply_to: str = "") -> str:
        assert page.attachment is not None
        return await self._writing.attach(address, page.attachment, content, reply_to)

    def most_bytes(self, file: File) -> int:  # noqa: ARG002 - the same for all
        return self._fetching.most_bytes

    def fetch(self, file: File) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._fetching.fetch(file)

    async def edit(self, address: Address, message_id: str, page: Page) -> str:
        if draft := DraftId.read(message_id):
            return await self._edit_draft(address, draft, page)
        if not page.final and self._drafts.fits(address):
            # Its budget is that of drafts, which an edit is not.
            raise Unreachable("this answer began as a message")
        try:
            await self._writing.edit(address, message_id, page)
        except Gone:
            if self._forms.begins_rich:
                # Perhaps it stands all the same, and only cannot become text: then it would stay beside the answer.
                with suppress(Permanent):
                    await self._writing.delete(address, message_id)
            raise
        return message_id

    async def _edit_draft(self, address: Address, draft: DraftId, page: Page) -> str:
        """Shows it as a draft, or ends it."""
        if not page.final and self._drafts.fits(address):
            await self._drafts.show(address, draft, page)
            return str(draft)
        # Its message is sent as any other is: so it is found again, should its id be lost.
        await self._drafts.settled(address, draft)
        self._drafts.end(address, draft)
        return ""

    async def delete(self, address: Address, message_id: str) -> None:
        if draft := DraftId.read(message_id):
            self._drafts.end(address, draft)
        else:
            await self._writing.delete(address, message_id)

    def newest(self, address: Address) -> str:
        return str(self._numbers.newest(address.chat) or "")

    async def find(self, address: Address, lost: Lost, *, turn: Callable[[], Awaitable[None]]) -> Found | None:
        if self._reading.me is None:
            raise Unreachable("messages are looked for after open")
        if not lost.page.final and self._drafts.fits(address):
            # A draft has its id from its page.
            return Found(str(DraftId.of(lost.page)), sure=True)
        return await self._finding.find(address, lost, me=self._reading.me, turn=turn)

    async def leave(self, address: Address, message_id: str) -> None:
        if DraftId.read(message_id) is None:
            await self._finding.leave(address, message_id)

    async def working(self, address: Address, language: str = "en") -> None:  # noqa: ARG002 - Telegram has the words
        if self._drafts.stands(address):
            await self._drafts.renew(address)
        else:
            await self._writing.working(address)

    async def profile(self, sender: str) -> Profile:
        return await self._people.profile(sender)

    async def aclose(self) -> None:
        await self._reading.aclose()
        await self._fetching.aclose()
        await self._line.aclose()

    def _budgets(self, address: Address, verb: Verb) -> Sequence[Budget]:
        """All verbs share them; a group's id is negative. 3 + 60/3.6 calls are at most 20 in any minute.

        Only drafts have a bucket of their own. But a 429 of either closes both: a draft is a typing sign to Telegram,
        and calls of any kind inside of a penalty were seen to make it hours.
        """
        every = self._group_every if address.chat.startswith("-") else self._private_every
        chat, drafts = f"{self._of_account.name}:{address.chat}", f"{self._of_account.name}:{address.chat}:drafts"
        if not self._drafts.fits(address):
            return (self._of_account, Budget(name=chat, burst=CHAT_BURST, every=every, serial=True))
        if verb in (Verb.START, Verb.GROW) or (verb is Verb.WORKING and self._drafts.stands(address)):
            return (self._of_account, Budget(name=drafts, burst=1, every=DRAFT_SECONDS, serial=True, closes=(chat,)))
        return (self._of_account, Budget(name=chat, burst=CHAT_BURST, every=every, serial=True, closes=(drafts,)))

    def _check_settings(self) -> None:
        """What Telegram would refuse anyway, said before it is asked."""
        if not TOKEN.fullmatch(self._token) or len(self._token) > LONGEST_TOKEN:
            raise ConfigError(
                "TELEGRAM_BOT_TOKEN is no bot token: one looks like 123456789:AAE… and comes from @BotFather"
            )
        if self._webhook_url and not SECRET.fullmatch(self._webhook_secret):
            raise ConfigError("TELEGRAM_WEBHOOK_SECRET must be 1 to 256 letters, digits, _ or - if there is a webhook")

    async def _offer_menu(self) -> None:
        """Our commands in the clients' menu: a courtesy."""
        try:
            async with in_time():
                for language in LANGUAGES:
                    with translated():
                        commands = menu(self._commands, language)
                        await self._bot.set_my_commands(commands, language_code=language or None)
        except BridgeError as problem:
            log.warning("Telegram: the menu of commands is not set (%s)", problem)

    async def _answer_query(self, number: str, notice: str) -> None:
        """The button's spinner ends."""
        try:
            async with in_time():
                with translated():
                    await self._bot.answer_callback_query(number, notice or None)
        except BridgeError as problem:
            log.debug("Telegram: a button is not answered (%s)", problem)


def _not_open(problem: BridgeError) -> ConfigError | Unreachable:
    """Why `open` fails, in the two ways that its port knows."""
    if problem.say == CREDENTIALS:
        return ConfigError(
            "TELEGRAM_BOT_TOKEN is refused by Telegram: take the token from @BotFather "
            "(or TELEGRAM_API_BASE leads elsewhere, if it is set)"
        )
    return Unreachable(str(problem), retry_after=problem.retry_after if isinstance(problem, Transient) else 0.0)
