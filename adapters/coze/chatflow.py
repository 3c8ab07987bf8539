"""A Coze chatflow behind the Bot port: begun in its own way, and in all else spoken to as a bot is."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import cozepy
from cozepy import Message

from adapters.coze.chatting import Chatting
from adapters.coze.runs import Workflow
from adapters.coze.terms import Terms, filled
from adapters.coze.workflow import parameter_of
from bridge import texts
from bridge.answer import BotEvent
from bridge.errors import BotFailed
from bridge.ports import Question

NAME = "CONVERSATION_NAME"
"""A parameter that the start node of every chatflow has; without it some are refused (720702204)."""


class ChatflowBot(Chatting):
    """One published chatflow. It need not belong to a bot."""

    def __init__(
        self,
        api_base: str,
        workflow: Workflow,
        auth: cozepy.Auth,
        *,
        brought: str = "",
        parameters: Mapping[str, Any] | None = None,
        **rest: Any,
    ) -> None:
        """`brought` names the parameter for what comes with a message (empty: it gets none). `parameters`: templates,
        as in `terms.filled`. `rest`: as in `Chatting`.
        """
        super().__init__(api_base, workflow.bot, auth, **rest)
        self._workflow = workflow
        self._files = brought
        self._terms = Terms(parameters=parameters or {})

    @property
    def wants_profile(self) -> bool:
        return self._terms.wants_profile

    @property
    def library(self) -> str:
        """Empty if the chatflow has no parameter for files: its messages are text only."""
        return super().library if self._files else ""

    @asynccontextmanager
    async def ask(self, question: Question) -> AsyncIterator[AsyncIterator[BotEvent]]:
        def begin() -> AsyncIterator[cozepy.ChatEvent]:
            return self._api.coze.workflows.chat.stream(
                workflow_id=self._workflow.id,
                additional_messages=[_message(question)],
                parameters=self._parameters(question),
                app_id=self._workflow.app or None,
                bot_id=None if self._workflow.app else self._workflow.bot or None,
                conversation_id=question.conversation,
                ext={"user_id": question.user},
            )

        async with self._reading(begin, question.conversation) as said:
            yield said

    def _parameters(self, question: Question) -> dict[str, Any]:
        # A name of its own for each conversation: one name for all would make one conversation of them.
        parameters: dict[str, Any] = {NAME: question.conversation, **filled(self._terms.parameters, question)}
        if self._files and (value := parameter_of(question.files)):
            parameters[self._files] = value
        return parameters

    @asynccontextmanager
    async def submit(
        self,
        conversation: str,  # noqa: ARG002
        chat: str,  # noqa: ARG002
        outputs: Mapping[str, str],  # noqa: ARG002
    ) -> AsyncIterator[AsyncIterator[BotEvent]]:
        raise BotFailed("a chatflow takes no outputs of tools", say="workflow_plugin")
        yield  # a generator


def _message(question: Question) -> Message:
    """The question as text, which is all that a chatflow takes."""
    text = question.text
    if not text.strip() and question.files:
        text = texts.text("look_at_this", question.language)
    return Message.build_user_question_text(text, {"turn": question.mark} if question.mark else None)
