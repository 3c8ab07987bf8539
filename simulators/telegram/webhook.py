"""Webhook delivery: one ordered queue per chat, each update repeated until the receiver answers 2xx."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from simulators.telegram.errors import bad
from simulators.telegram.params import Json, Params
from simulators.telegram.updates import Pending
from simulators.telegram.world import World

READ_SECONDS = 60.0
LONGEST_RETRY_AFTER = 3600.0
KILLED_POLL = "terminated by setWebhook request"
NO_ANSWERS = ("get", "setwebhook", "deletewebhook", "close", "logout")
"""Methods that may not be called in the body of the answer to a webhook."""


@dataclass(slots=True, frozen=True)
class Told:
    """A result that comes with a description."""

    result: Any
    description: str


@dataclass(slots=True)
class Settings:
    url: str = ""
    secret: str = ""
    max_connections: int = 40


@dataclass(slots=True)
class Webhook:
    """Pushes updates to the bot as long as a URL is set."""

    world: World
    perform: Callable[[str, Params], Awaitable[Any]]
    """Runs a method that came in the answer to a delivery."""
    settings: Settings = field(default_factory=Settings)
    pause_factor: float = 1.0
    """Shortens the pauses between attempts, for tests."""
    last_error: tuple[int, str] | None = None
    _session: aiohttp.ClientSession | None = None
    _workers: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(40))

    def set(self, _world: World, params: Params) -> Told:
        """`setWebhook`."""
        url, secret = params.text("url"), params.text("secret_token")
        if not url:
            return self.delete(_world, params)
        _check(url, secret)
        wanted = Settings(url, secret, min(max(params.integer("max_connections", 40), 1), 100))
        if "allowed_updates" in params.values:
            self.world.updates.allowed = [str(kind) for kind in params.items("allowed_updates", "allowed_updates")]
        if params.flag("drop_pending_updates"):
            self.world.updates.clear()
        same, self.settings = wanted == self.settings, wanted
        if not same:
            self._stop()
            self._slots = asyncio.Semaphore(wanted.max_connections)
            self.last_error = None
        self.world.updates.end_poll(KILLED_POLL)
        self.kick()
        return Told(True, "Webhook is already set" if same else "Webhook was set")

    def delete(self, _world: World, params: Params) -> Told:
        """`deleteWebhook`."""
        if params.flag("drop_pending_updates"):
            self.world.updates.clear()
        was_set, self.settings = bool(self.settings.url), Settings()
        self.last_error = None
        self._stop()
        return Told(True, "Webhook was deleted" if was_set else "Webhook is already deleted")

    def info(self, world: World, _params: Params) -> Json:
        """`getWebhookInfo`."""
        world.updates.drop_expired()
        shown: Json = {
            "url": self.settings.url,
            "has_custom_certificate": False,
            "pending_update_count": len(world.updates.pending),
        }
        if self.settings.url:
            shown |= {"max_connections": self.settings.max_connections, "ip_address": "127.0.0.1"}
        if self.last_error:
            shown["last_error_date"], shown["last_error_message"] = self.last_error
        if world.updates.allowed:
            shown["allowed_updates"] = world.updates.allowed
        return shown

    def kick(self) -> None:
        """Starts a worker for every queue in which something waits."""
        if not self.settings.url:
            return
        for queue in {one.queue for one in self.world.updates.pending} - self._workers.keys():
            self._workers[queue] = asyncio.create_task(self._work(queue))

    async def _work(self, queue: str) -> None:
        attempts = 0
        while (head := self._head(queue)) is not None:
            pause = await self._post(head)
            if pause is None:
                attempts = 0
                self.world.updates.done(head)
                continue
            attempts += 1
            backoff = 0.0 if attempts == 1 else min(2.0 ** (attempts - 1), random.uniform(60, 120))
            await asyncio.sleep((pause or backoff) * self.pause_factor)
        if self._workers.get(queue) is asyncio.current_task():
            del self._workers[queue]

    def _head(self, queue: str) -> Pending | None:
        self.world.updates.drop_expired()
        return next((one for one in self.world.updates.pending if one.queue == queue), None)

    async def _post(self, pending: Pending) -> float | None:
        """None once delivered; else how long the receiver asked to wait, 0 if it said nothing."""
        async with self._slots:
            try:
                return await self._exchange(pending)
            except TimeoutError:
                self._failed(pending, "Read timeout expired")
            except aiohttp.ClientConnectorError:
                self._failed(pending, "Connection refused")
            except aiohttp.ClientError:
                self._failed(pending, "Webhook connection closed")
        return 0.0

    async def _exchange(self, pending: Pending) -> float | None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=READ_SECONDS))
        headers = {"Accept-Encoding": "gzip, deflate"}
        if self.settings.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = self.settings.secret
        async with self._session.post(self.settings.url, json=pending.update, headers=headers) as response:
            if not response.ok or response.status >= 300:
                self._failed(pending, f"Wrong response from the webhook: {response.status} {response.reason}")
                asked = response.headers.get("Retry-After", "0")
                return min(float(asked), LONGEST_RETRY_AFTER) if asked.isdigit() else 0.0
            is_json = response.content_type == "application/json"
            body = await response.json() if is_json and await response.read() else None
        self.world.publish("delivery", update_id=pending.id, ok=True)
        if isinstance(body, dict) and "method" in body:
            method = str(body.pop("method"))
            if not method.lower().startswith(NO_ANSWERS):
                await self.perform(method, Params(body))
        return None

    def _failed(self, pending: Pending, message: str) -> None:
        self.last_error = (int(self.world.now()), message)
        self.world.publish("delivery", update_id=pending.id, ok=False, error=message)

    def _stop(self) -> None:
        for worker in self._workers.values():
            worker.cancel()
        self._workers.clear()

    async def aclose(self) -> None:
        self._stop()
        if self._session is not None:
            await self._session.close()


def _check(url: str, secret: str) -> None:
    parts = urlsplit(url)
    if not parts.netloc or " " in url:
        raise bad("invalid webhook URL specified")
    if parts.scheme not in ("https", "http"):
        raise bad("bad webhook: An HTTPS URL must be provided for webhook")
    if len(secret) > 256:
        raise bad("secret token is too long")
    if secret and not re.fullmatch(r"[A-Za-z0-9_-]+", secret):
        raise bad("secret token contains unallowed characters")
