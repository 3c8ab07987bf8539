"""A Coze chatflow behind the Bot port: begun in its own way, and in all else spoken to as a bot is."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import copy
from pathlib import Path
from typing import Any

import cozepy
from cozepy import Message

from adapters.coze.bot import CozeBot
from adapters.coze.runs import Workflow
from adapters.coze.terms import Terms, filled
from adapters.coze.workflow import parameter_of
from bridge import texts
from bridge.answer import BotEvent
from bridge.errors import BotFailed
from bridge.ports import Question, Voice

NAME = "CONVERSATION_NAME"
"""A parameter that the start node of every chatflow has; without it some are refused (720702204)."""


class ChatflowBot:
    """One published chatflow. Its chats are looked at, recalled and stopped as those of bots are."""

    def __init__(
        self, bot: CozeBot, workflow: Workflow, *, brought: str = "", parameters: Mapping[str, Any] | None = None
    ) -> None:
        """`bot`: the way to its conversations and chats. `brought` names the parameter for what comes with a message
        (empty: it gets none). `parameters`: templates, as in `terms.filled`.
        """
        self._bot = bot
        self._workflow = workflow
        self._files = brought
        self._terms = Terms(parameters=parameters or {})

    def acting(self, auth: cozepy.Auth) -> "ChatflowBot":
        """The same chatflow, spoken to as somebody else; cheap, and not to be closed."""
        other = copy(self)
        other._bot = self._bot.acting(auth)
        return other

    @property
    def wants_profile(self) -> bool:
        return self._terms.wants_profile

    @property
    def recalls(self) -> bool:
        return self._bot.recalls

    async def new_conversation(self, name: str = "") -> str:
        return await self._bot.new_conversation(name)

    @asynccontextmanager
    async def ask(self, question: Question) -> AsyncIterator[AsyncIterator[BotEvent]]:
        def begin() -> AsyncIterator[cozepy.ChatEvent]:
            return self._bot.coze.workflows.chat.stream(
                workflow_id=self._workflow.id,
                additional_messages=[_message(question)],
                parameters=self._parameters(question),
                app_id=self._workflow.app or None,
                bot_id=None if self._workflow.app else self._workflow.bot or None,
                conversation_id=question.conversation,
                ext={"user_id": question.user},
            )

        async with self._bot.reading(begin, question.conversation) as said:
            yield said

    def _parameters(self, question: Question) -> dict[str, Any]:
        # A name of its own for each conversation: one name for all would make one conversation of them.
        parameters: dict[str, Any] = {NAME: question.conversation, **filled(self._terms.parameters, question)}
        if self._files and (value := parameter_of(question.files)):
            parameters[self._files] = value
        return parameters

    def recall(self, conversation: str, chat: str) -> AbstractAsyncContextManager[AsyncIterator[BotEvent]]:
        return self._bot.recall(conversation, chat)

    @asynccontextmanager
    async def submit(
        self,
        conversation: str,  # noqa: ARG002
        chat: str,  # noqa: ARG002
        outputs: Mapping[str, str],  # noqa: ARG002
    ) -> AsyncIterator[AsyncIterator[BotEvent]]:
        raise BotFailed("a chatflow takes no outputs of tools", say="workflow_plugin")
        yield  # a generator

    async def find(self, question: Question) -> str:
        return await self._bot.find(question)

    async def cancel(self, conversation: str, chat: str) -> None:
        await self._bot.cancel(conversation, chat)

    async def clear(self, conversation: str) -> None:
        await self._bot.clear(conversation)

    @property
    def judges(self) -> bool:
        return self._bot.judges

    async def judge(self, conversation: str, message: str, *, good: bool | None) -> None:
        await self._bot.judge(conversation, message, good=good)

    async def delete_conversation(self, conversation: str) -> None:
        await self._bot.delete_conversation(conversation)

    @property
    def library(self) -> str:
        """Empty if the chatflow has no parameter for files: its messages are text only."""
        return self._bot.library if self._files else ""

    async def upload(self, name: str, content: Path) -> str:
        return await self._bot.upload(name, content)

    async def transcribe(self, name: str, content: Path) -> str:
        return await self._bot.transcribe(name, content)

    async def voices(self) -> Sequence[Voice]:
        return await self._bot.voices()

    async def speak(self, text: str, voice: str) -> bytes:
        return await self._bot.speak(text, voice)

    async def aclose(self) -> None:
        await self._bot.aclose()


def _message(question: Question) -> Message:
    """The question as text, which is all that a chatflow takes."""
    text = question.text
    if not text.strip() and question.files:
        text = texts.text("look_at_this", question.language)
    return Message.build_user_question_text(text, {"turn": question.mark} if question.mark else None)
