"""Files and speech: what a Coze account has, whatever of it is spoken to."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Self

import cozepy

from adapters.coze import files, speech
from adapters.coze.wire import Api
from bridge.errors import BridgeError
from bridge.ports import Meter, Voice


class Media:
    """What bots, chatflows and workflows have alike: an account that keeps files, hears and speaks."""

    def __init__(self, api: Api, meter: Meter) -> None:
        self._api = api
        self._meter = meter
        self._mouths = asyncio.Semaphore(speech.AT_ONCE)

    def acting(self, auth: cozepy.Auth) -> Self:
        """The same, spoken to as somebody else; cheap, and not to be closed."""
        other = copy(self)
        other._api = self._api.acting(auth)
        return other

    @property
    def library(self) -> str:
        return self._api.account

    async def upload(self, name: str, content: Path) -> str:
        with self._counting():
            return await files.upload(self._api, name, content)

    async def transcribe(self, name: str, content: Path) -> str:
        with self._counting():
            return await speech.transcribe(self._api, name, content)

    async def voices(self) -> Sequence[Voice]:
        with self._counting():
            return await speech.voices(self._api)

    async def speak(self, text: str, voice: str) -> bytes:
        with self._counting():
            return await speech.speak(self._api, text, voice, self._mouths)

    async def aclose(self) -> None:
        await self._api.aclose()

    @contextmanager
    def _counting(self) -> Iterator[None]:
        """Counts what goes wrong inside."""
        try:
            yield
        except BridgeError as error:
            self._failed(error)
            raise

    def _failed(self, error: BridgeError) -> None:
        self._meter.count("coze_errors", code=str(error.code or "none"))
