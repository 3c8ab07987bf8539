"""How a bot greets: with its own words, the name of who comes, and questions that can be pressed."""

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from bridge import fold
from bridge.catalogue import Catalogue, short
from bridge.commands import Saying
from bridge.errands import Errands
from bridge.errors import BridgeError, Permanent
from bridge.identity import language
from bridge.model import Address, Choice, Does, Inbound, Opened, Page, User
from bridge.pages import LONGEST_LABEL
from bridge.ports import Adapter, Bots, Greeting, Homes, Profiles, Store
from bridge.texts import text

log = logging.getLogger(__name__)

NAME_SECONDS = 1.0
"""A greeting does not wait longer for the name of who is greeted."""
LONGEST_NAME = 64
MOST_QUESTIONS = 8
MOST_BEGUN = 1_000
"""Questions from pages of which it is known that they are shown."""

_GAP = r"\{\{\s*user_name\s*\}\}"
_NAME = re.compile(_GAP)
_NOBODY = re.compile(
    rf"(?<=\S)[ \t]*[,，、]?[ \t]*{_GAP}(?=\s*(?:[!！.。?？,，;；:：~～]|$))|{_GAP}[ \t]*[,，、]?[ \t]*", re.MULTILINE
)
"""What goes where there is no name: with it the comma before, or else the one behind."""


class Welcome:
    """Greets people, in a chat or on the page that a platform has for them."""

    def __init__(
        self,
        *,
        store: Store,
        bots: Bots,
        catalogue: Catalogue,
        adapters: Mapping[tuple[str, str], Adapter],
        voices: bool = True,
    ) -> None:
        """`voices`: answers can be heard, and a person's page says whether they are."""
        self._store = store
        self._bots = bots
        self._catalogue = catalogue
        self._adapters = adapters
        self._voices = voices
        self._errands = Errands()
        self._begun: dict[str, Address] = {}
        """Where questions from people's pages stand, by the keys of the presses; the oldest first."""

    async def talk(self, inbound: Inbound, who: User, where: str) -> Saying:  # noqa: ARG002 - it is a Talk
        """What is said to somebody who begins."""
        greeting = await self._catalogue.greeting(self._bots.route(inbound.address))
        return await self._greeted(greeting, inbound)

    async def opened(self, inbound: Inbound, who: User, where: str) -> Saying | None:
        """The same, to somebody who opened something and wrote nothing; None: there is nothing to be said."""
        if inbound.opened == Opened.HOME:
            self._errands.send("home", partial(self._show_home, inbound, who))
            return None
        if inbound.opened == Opened.CHAT and await self._has_asked(inbound.address, who, where):
            return None
        greeting = await self._catalogue.greeting(self._bots.route(inbound.address))
        return await self._greeted(greeting, inbound) if greeting != Greeting() else None

    async def question(self, inbound: Inbound) -> Inbound | None:
        """The question that such a button asks, as if the person had written it; None: the bot there does not offer it
        (any more). Raises Transient.
        """
        if not inbound.press.startswith(f"{Does.GREET}:"):
            return None
        greeting = await self._catalogue.greeting(self._bots.route(inbound.address))
        question = next((one for one in greeting.questions if inbound.press == _press(one)), "")
        if not question:
            return None
        adapter = self._adapters.get((inbound.address.platform, inbound.address.account))
        if inbound.opened != Opened.HOME or not isinstance(adapter, Homes):
            return replace(inbound, text=question)
        try:
            # One press that comes twice is shown once.
            address = self._begun.get(inbound.key) or await adapter.begin(inbound.sender.id, question)
        except Permanent as error:
            log.warning("what was pressed on somebody's page cannot be asked: %s", error)
            return None
        self._begun[inbound.key] = address
        if len(self._begun) > MOST_BEGUN:
            del self._begun[next(iter(self._begun))]
        # The question stands there now: the answer need not repeat it.
        return replace(inbound, address=address, text=question, press="", opened="")

    def take_back(self, question: Inbound) -> None:
        """Says below a question from somebody's page, which is shown before it is durable, that it was not taken in."""
        adapter = self._adapters[question.address.platform, question.address.account]
        sentence = text("not_taken", language(question.sender.language, question.text))
        page = Page(index=0, text=sentence, final=True)
        self._errands.send("refusal", partial(adapter.send, question.address, page))

    async def aclose(self) -> None:
        """Gives up pages that are not shown yet."""
        await self._errands.aclose()

    async def _has_asked(self, address: Address, who: User, where: str) -> bool:
        return bool(await self._store.latest_place(address, who)) or await self._store.takes_part(where, who)

    async def _greeted(self, greeting: Greeting, inbound: Inbound) -> Saying:
        said_in = language(inbound.sender.language, greeting.prologue)
        questions = [question for question in greeting.questions if question.strip()][:MOST_QUESTIONS]
        choices = tuple(
            Choice(does=Does.GREET, label=fold.shortened(" ".join(one.split()), LONGEST_LABEL), press=_press(one))
            for one in questions
        )
        prologue = await self._prologue(greeting, inbound)
        words = f"{prologue}\n\n{text('start_how', said_in)}" if prologue else text("start", said_in)
        return Saying(words, choices)

    async def _prologue(self, greeting: Greeting, inbound: Inbound) -> str:
        prologue = greeting.prologue.strip()
        if not _NAME.search(prologue):
            return prologue
        name = fold.shortened(await self._name(inbound), LONGEST_NAME)
        return named(prologue, name)

    async def _name(self, inbound: Inbound) -> str:
        adapter = self._adapters.get((inbound.address.platform, inbound.address.account))
        if not isinstance(adapter, Profiles):
            return ""
        try:
            async with asyncio.timeout(NAME_SECONDS):
                return (await adapter.profile(inbound.sender.id)).name
        except (BridgeError, TimeoutError) as error:
            log.info("somebody is greeted without their name: %s", str(error) or "too slow")
            return ""

    async def _show_home(self, inbound: Inbound, who: User) -> None:
        adapter = self._adapters.get((inbound.address.platform, inbound.address.account))
        if not isinstance(adapter, Homes):
            return
        bot = self._bots.route(inbound.address)
        greeting = await self._catalogue.greeting(bot)
        saying = await self._greeted(greeting, inbound)
        said_in = language(inbound.sender.language, greeting.prologue)
        parts = [saying.text, await self._voice(bot, replace(who, language=said_in))]
        await adapter.show_home(who.sender, "\n\n".join(part for part in parts if part), saying.choices)

    async def _voice(self, bot: str, who: User) -> str:
        """Whether they hear answers; empty if that cannot be."""
        voices = await self._catalogue.voices(bot) if self._voices else ()
        if not voices:
            return ""
        chosen = await self._store.voice(who)
        name = next((voice.name for voice in voices if voice.id == chosen), chosen)
        return text("home_voice_on", who.language, name=name) if chosen else text("home_voice_off", who.language)


def named(prologue: str, name: str) -> str:
    """With the name of who is greeted in its place, or such that it is not missed."""
    if name.strip():
        return _NAME.sub(lambda _: fold.literal(name), prologue)
    return _NOBODY.sub("", prologue).strip()


def _press(question: str) -> str:
    return f"{Does.GREET}:{short(question)}"
