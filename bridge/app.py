"""The composition root: builds every part from the settings, runs them together, and ends them in order."""

import asyncio
import faulthandler
import logging
import secrets
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from itertools import count
from typing import TYPE_CHECKING

from bridge.access import AllowList, parse_access
from bridge.build import build_adapters, build_bot, build_downloads, build_look
from bridge.clock import SystemClock
from bridge.config import Settings
from bridge.door import Door
from bridge.errors import ConfigError, Transient
from bridge.intake import Intake
from bridge.model import Lease
from bridge.pace import Pace
from bridge.ports import Adapter, Bot, Clock, Meter, Mount, Mounts, Store
from bridge.presses import Presses
from bridge.supervise import notify, status, watch
from bridge.worker import Worker

if TYPE_CHECKING:
    from adapters.metrics import Metrics

log = logging.getLogger(__name__)

BACKOFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Between attempts to reach a server at the start; the last is repeated."""
LOOK_SECONDS = 3.0
"""What the database gets to answer a health check or a scrape: those who ask are not patient."""
TELL_SECONDS = 2.0
"""Between two looks at whether we are ready."""
CLOSE_SECONDS = 5.0
"""What turns that were let go of get to finish the call that is under way."""


class App:
    """One process of the service. `run` returns after `stop` was called, or raises what ended it."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        settings.require_run()
        self._settings = settings
        self._clock = clock or SystemClock()
        self._stopping = asyncio.Event()
        self._troubles: dict[str, str] = {"database": "not opened yet"}
        """Why the database or an adapter is not open yet, by its name."""
        self._serving: dict[tuple[str, str], Adapter] = {}
        self._store: Store | None = None
        self._worker: Worker | None = None
        self.url = ""
        """Where the HTTP server listens, once `listening` is set."""
        self.listening = asyncio.Event()
        self.ready = asyncio.Event()
        """Set once everything was ready for the first time."""

    def stop(self) -> None:
        """Asks for an orderly end; may be called from a signal handler."""
        self._stopping.set()
        notify("STOPPING=1")
        status("stopping")

    async def run(self) -> None:
        """Opens everything, serves, and closes in reverse order. Raises ConfigError."""
        from adapters.coze.errors import SAYS
        from adapters.metrics import Metrics

        meter = Metrics(says=SAYS)
        adapters = build_adapters(self._settings, self._clock, meter)
        for adapter in adapters:
            meter.expect(adapter.platform)
            self._troubles[adapter.platform] = "not connected yet"
        async with asyncio.TaskGroup() as beside:
            watching = [
                beside.create_task(watch(self._silent_seconds, clock=self._clock, meter=meter), name="watch"),
                beside.create_task(self._tell(adapters), name="tell"),
            ]
            try:
                await self._open(adapters, meter)
            finally:
                for task in watching:
                    task.cancel()

    async def _open(self, adapters: list[Adapter], meter: "Metrics") -> None:
        async with AsyncExitStack() as closing:
            bot = build_bot(self._settings, self._clock, meter)
            closing.push_async_callback(bot.aclose)
            for adapter in adapters:
                closing.push_async_callback(adapter.aclose)
            # Before the database: a server that does not answer is said in /readyz.
            closing.push_async_callback(await self._listen_http(adapters, meter))
            if (store := await self._open_store()) is not None:
                closing.push_async_callback(store.aclose)
                self._store = store
                # Not before: a wrong DATABASE_URL is one line, and nothing else.
                log.info("listening on %s", self.url.removeprefix("http://"))
                await self._serve(store, bot, adapters, meter)

    async def _open_store(self) -> Store | None:
        """The database, however long it takes to answer; None if we are asked to stop before that."""
        from storage.store import open_store

        stopping = asyncio.create_task(self._stopping.wait())
        for attempt in count():
            opening = asyncio.create_task(open_store(self._settings.database_url, self._clock))
            await asyncio.wait({opening, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():
                opening.cancel()
                await asyncio.wait({opening})
                break
            try:
                store = opening.result()
            except Transient as error:
                log.warning("the database does not answer (%s); trying again", error)
                self._troubles["database"] = str(error)
            else:
                stopping.cancel()
                self._troubles.pop("database")
                return store
            if await self._clock.wait(self._stopping, _backoff(attempt)):
                break
        return None

    async def _serve(self, store: Store, bot: Bot, adapters: list[Adapter], meter: Meter) -> None:
        settings = self._settings
        lease = Lease(owner=secrets.token_hex(8), seconds=settings.tuning.lease_seconds)
        worker = Worker(
            store=store,
            bot=bot,
            adapters=self._serving,
            pace=Pace(),
            clock=self._clock,
            meter=meter,
            lease=lease,
            limit=settings.tuning.workers,
            look=build_look(settings),
            downloads=build_downloads(settings),
        )
        self._worker = worker
        door = Door(store=store, allow=_allowed(settings), adapters=self._serving)
        presses = Presses(store=store, bot=bot, meter=meter)
        intake = Intake(store=store, door=door, presses=presses, wake=worker.wake, meter=meter)
        try:
            async with asyncio.TaskGroup() as group:
                working = group.create_task(worker.run(), name="worker")
                listening = [
                    group.create_task(self._listen(adapter, intake, worker.wake), name=f"listen {adapter.platform}")
                    for adapter in adapters
                ]
                await self._stopping.wait()
                log.info("stopping")
                for task in listening:
                    task.cancel()
                await asyncio.wait(listening)
                await worker.drain(settings.drain_seconds)
                await asyncio.wait({working}, timeout=CLOSE_SECONDS)
                working.cancel()
        finally:
            await presses.aclose()
            self._store = None
            with suppress(Transient):
                await store.release(lease.owner)

    async def _listen_http(self, adapters: list[Adapter], meter: "Metrics") -> Callable[[], Awaitable[None]]:
        from adapters.web import application, serve

        mounts: dict[str, Mount] = {}
        for adapter in adapters:
            if isinstance(adapter, Mounts):
                mounts |= adapter.mounts

        async def ready() -> list[str]:
            return await self._reasons(adapters)

        async def metrics() -> bytes:
            waiting: Mapping[str, int] = {}
            oldest: float | None = None
            # While the database is away, the other figures matter all the more.
            with suppress(Transient, TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    if self._store is not None:
                        now = self._clock.now()
                        waiting, received = await self._store.waiting(), await self._store.oldest_due(now)
                        oldest = 0.0 if received is None else now - received
            return meter.show(waiting, oldest)

        host, _, port = self._settings.http_listen.rpartition(":")
        runner = await serve(application(mounts, ready=ready, metrics=metrics), host.strip("[]"), int(port))
        self.url = f"http://{host}:{runner.addresses[0][1]}"
        self.listening.set()
        return runner.cleanup

    async def _listen(self, adapter: Adapter, intake: Intake, wake: Callable[[], None]) -> None:
        """Opens the platform, however long that takes, and then listens to it."""
        attempt = 0
        while True:
            try:
                await adapter.open()
                break
            except Transient as error:
                delay = max(_backoff(attempt), error.retry_after)
                if self._troubles[adapter.platform] != str(error):
                    log.warning("%s: %s; trying again", adapter.platform, error)
                self._troubles[adapter.platform] = str(error)
                attempt += 1
                await self._clock.sleep(delay)
        self._troubles.pop(adapter.platform)
        self._serving[adapter.platform, adapter.account] = adapter
        wake()
        await adapter.listen(intake.accept)

    async def _reasons(self, adapters: list[Adapter]) -> list[str]:
        reasons = [f"{name}: {trouble}" for name, trouble in self._troubles.items()]
        reasons += [
            f"{adapter.platform}: {adapter.trouble}"
            for adapter in adapters
            if adapter.platform not in self._troubles and adapter.trouble
        ]
        if self._stopping.is_set():
            reasons.append("stopping")
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                if self._store is not None:
                    await self._store.waiting()
        except Transient as error:
            reasons.append(f"database: {error}")
        except TimeoutError:
            reasons.append(f"database: no answer within {LOOK_SECONDS:g} s")
        return reasons

    async def _tell(self, adapters: list[Adapter]) -> None:
        """Says, in the log and to systemd, when we become ready and why we are not, until we stop."""
        told: list[str] = []
        pause = 0.05
        while not self._stopping.is_set():
            reasons = await self._reasons(adapters)
            if self._stopping.is_set():
                break
            serving = ", ".join(f"{platform} {account}" for platform, account in self._serving)
            if not reasons and not self.ready.is_set():
                self.ready.set()
                log.info("ready: %s", serving)
                notify("READY=1")
            elif self.ready.is_set() and reasons and not told:
                log.warning("not ready: %s", "; ".join(reasons))
            elif told and not reasons:
                log.info("ready again")
            status("waiting for " + "; ".join(reasons) if reasons else f"serving {serving}")
            told = reasons
            await self._clock.wait(self._stopping, pause)
            pause = min(pause * 1.5, TELL_SECONDS)

    def _silent_seconds(self) -> float:
        """For how long a loop of the worker has not gone round."""
        return self._worker.silent_seconds if self._worker is not None else 0.0


def _backoff(attempt: int) -> float:
    return BACKOFF_SECONDS[min(attempt, len(BACKOFF_SECONDS) - 1)]


def _allowed(settings: Settings) -> AllowList | None:
    if settings.allow is not None:
        return parse_access(settings.allow)
    log.info(
        "ALLOW is not set: in Telegram those who are paired may talk to the bot (coze-bridge allow CODE), "
        "in Slack the full members of the workspace"
    )
    return None


def run(settings: Settings) -> None:
    """Runs the service until SIGTERM or SIGINT. Raises ConfigError."""

    async def main() -> None:
        app = App(settings)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, app.stop)
        try:
            await app.run()
        except* ConfigError as group:
            raise _first(group) from None

    import uvloop

    with suppress(OSError):  # where a loop hung is told when the watchdog aborts us, if there is somewhere to tell it
        faulthandler.enable()
    uvloop.run(main())


def _first(group: BaseExceptionGroup[ConfigError]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
