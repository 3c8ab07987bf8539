"""A Coze bot behind the Bot port: asks it, gives it the outputs of tools, and lets it greet."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import cozepy

from adapters.coze import onboarding, questions
from adapters.coze.chatting import Chatting
from adapters.coze.terms import Terms, filled
from adapters.coze.variables import Variables
from bridge.answer import BotEvent
from bridge.ports import Greeting, Question


class CozeBot(Chatting):
    """One published bot, spoken to as one account."""

    def __init__(
        self, api_base: str, bot_id: str, auth: cozepy.Auth, *, terms: Terms | None = None, **rest: Any
    ) -> None:
        """`rest`: as in `Chatting`."""
        super().__init__(api_base, bot_id, auth, **rest)
        self._terms = terms or Terms()
        self._variables = Variables(bot_id)

    @property
    def wants_profile(self) -> bool:
        return self._terms.wants_profile

    @asynccontextmanager
    async def ask(self, question: Question) -> AsyncIterator[AsyncIterator[BotEvent]]:
        await self._variables.put(self._api, question.user, filled(self._terms.variables, question))

        def begin() -> AsyncIterator[cozepy.ChatEvent]:
            return self._api.chat(self._terms.beside).stream(
                bot_id=self._bot_id,
                user_id=question.user,
                conversation_id=question.conversation,
                additional_messages=[questions.message(question)],
                auto_save_history=True,
                **self._terms.known(question),
            )

        async with self._reading(begin, question.conversation) as said:
            yield said

    @asynccontextmanager
    async def submit(
        self, conversation: str, chat: str, outputs: Mapping[str, str]
    ) -> AsyncIterator[AsyncIterator[BotEvent]]:
        def begin() -> AsyncIterator[cozepy.ChatEvent]:
            given = [cozepy.ToolOutput(tool_call_id=call, output=output) for call, output in outputs.items()]
            return self._api.coze.chat.submit_tool_outputs_stream(
                conversation_id=conversation, chat_id=chat, tool_outputs=given
            )

        async with self._reading(begin, conversation, goes_on=True) as said:
            yield said

    async def greeting(self) -> Greeting:
        with self._counting():
            return await onboarding.greeting(self._api, self._bot_id, draft=self._terms.draft)
