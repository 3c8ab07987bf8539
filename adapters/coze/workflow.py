"""A Coze workflow behind the Bot port: run, gone on with when it has asked something, and begun anew after a crash."""
# ruff: noqa: ARG002 - a workflow leaves nothing at Coze that could be referred to

import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import cozepy

from adapters.coze.media import Media
from adapters.coze.runs import Errand, Workflow
from adapters.coze.terms import Terms, filled
from adapters.coze.wire import Api
from bridge.answer import BotEvent
from bridge.errors import BotFailed
from bridge.model import File
from bridge.ports import Meter, Question

SILENCE_SECONDS = 600.0
"""A workflow that streams may run for ten minutes (Coze's limit), and need not say a word before it ends."""


class WorkflowBot(Media):
    """One published workflow, run as one account. Nothing of it is kept at Coze: it is `Paused` that remembers."""

    def __init__(
        self,
        api_base: str,
        workflow: Workflow,
        auth: cozepy.Auth,
        *,
        meter: Meter,
        given: str = "input",
        brought: str = "",
        parameters: Mapping[str, Any] | None = None,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        """`given` and `brought` name the parameters for the message and for what came with it (empty: it gets none).

        `parameters`: templates, as in `terms.filled`. After `silence_seconds` without a sign of life it is given up.
        """
        super().__init__(Api(api_base, auth, read_seconds=silence_seconds + 60), meter)
        self._workflow = workflow
        self._given = given
        self._files = brought
        self._terms = Terms(parameters=parameters or {})
        self._silence = silence_seconds

    @property
    def wants_profile(self) -> bool:
        return self._terms.wants_profile

    @property
    def recalls(self) -> bool:
        return False

    async def new_conversation(self, name: str = "") -> str:
        """A name for what belongs together here; Coze knows nothing of it."""
        return f"local-{uuid.uuid4().hex}"

    async def delete_conversation(self, conversation: str) -> None:
        """There is nothing at Coze to erase."""

    @asynccontextmanager
    async def ask(self, question: Question) -> AsyncIterator[AsyncIterator[BotEvent]]:
        errand = Errand(
            self._api, self._workflow, question, parameters=self._asked_with(question), silence=self._silence
        )
        try:
            yield self._counted(errand)
        finally:
            await errand.aclose()

    async def _counted(self, errand: Errand) -> AsyncIterator[BotEvent]:
        with self._counting():
            async for event in errand.events():
                yield event

    @asynccontextmanager
    async def recall(self, conversation: str, chat: str) -> AsyncIterator[AsyncIterator[BotEvent]]:
        raise BotFailed("a run of a workflow cannot be found again", say="lost")
        yield  # a generator

    @asynccontextmanager
    async def submit(
        self, conversation: str, chat: str, outputs: Mapping[str, str]
    ) -> AsyncIterator[AsyncIterator[BotEvent]]:
        raise BotFailed("a workflow takes no outputs of tools", say="workflow_plugin")
        yield  # a generator

    async def find(self, question: Question) -> str:
        return ""

    async def cancel(self, conversation: str, chat: str) -> None:
        """Coze has no call for that; what is left is that nobody listens any more."""

    @property
    def library(self) -> str:
        """Empty if the workflow has no parameter for files."""
        return super().library if self._files else ""

    def _asked_with(self, question: Question) -> dict[str, Any]:
        parameters: dict[str, Any] = {**filled(self._terms.parameters, question), self._given: question.text}
        if self._files and (value := parameter_of(question.files)):
            parameters[self._files] = value
        return parameters


def parameter_of(given: Sequence[File]) -> str | list[str]:
    """Files as a parameter of a start node: `{"file_id":"…"}` as text, or a list of such texts; empty if none."""
    texts = [json.dumps({"file_id": file.coze}, separators=(",", ":")) for file in given if file.coze]
    return texts[0] if len(texts) == 1 else texts
