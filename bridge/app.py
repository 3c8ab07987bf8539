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

from bridge.access import AllowList, parse_access, parse_admins
from bridge.alerts import CAUSES
from bridge.build import (
    build_adapters,
    build_bots,
    build_commands,
    build_downloads,
    build_look,
    build_tools,
    build_wanted,
)
from bridge.catalogue import Catalogue
from bridge.clock import SystemClock
from bridge.commands import Saying, Talk, helping
from bridge.config import Settings
from bridge.credentials import Access, build_access, known_end, renewing
from bridge.door import Door
from bridge.errors import ConfigError, Transient
from bridge.expiry import Expiry
from bridge.history import History
from bridge.housekeeping import Housekeeping
from bridge.intake import Intake
from bridge.listening import Listening, backoff
from bridge.model import Inbound, Lease, User
from bridge.pace import Pace
from bridge.ports import Accounts, Adapter, Bots, Clock, Meter, Mount, Mounts, Reply, Sharing, Store, Tools
from bridge.presses import Presses
from bridge.readiness import Readiness
from bridge.reception import Reception
from bridge.supervise import notify, status, watch
from bridge.values import LOGIN_PATH
from bridge.voicing import Voicing
from bridge.welcome import Welcome
from bridge.worker import Worker

if TYPE_CHECKING:
    from adapters.metrics import Metrics

log = logging.getLogger(__name__)

CLOSE_SECONDS = 5.0
"""What turns that were let go of get to finish the call that is under way."""


class App:
    """One process of the service. `run` returns after `stop` was called, or raises what ended it."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        settings.require_run()
        self._settings = settings
        self._clock = clock or SystemClock()
        self._readiness = Readiness(self._clock)
        self._stopping = self._readiness.stopping
        self._worker: Worker | None = None
        self._own: Accounts | None = None
        self._reception: Reception | None = None
        self._expiry: Expiry | None = None
        self.url = ""
        """Where the HTTP server listens, once `listening` is set."""
        self.listening = asyncio.Event()
        self.ready = self._readiness.reached
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

        meter = Metrics(says=SAYS, causes=CAUSES)
        adapters = build_adapters(self._settings, self._clock, meter)
        for adapter in adapters:
            meter.expect(adapter.platform)
        self._readiness.expect(adapters)
        async with asyncio.TaskGroup() as beside:
            watching = [
                beside.create_task(watch(self._silent_seconds, clock=self._clock, meter=meter), name="watch"),
                beside.create_task(self._readiness.tell(), name="tell"),
            ]
            try:
                await self._open(adapters, meter)
            finally:
                for task in watching:
                    task.cancel()

    async def _open(self, adapters: list[Adapter], meter: "Metrics") -> None:
        async with AsyncExitStack() as closing:
            tools = build_tools(self._settings, meter)
            closing.push_async_callback(tools.aclose)
            access = build_access(self._settings, self._clock)
            bots = build_bots(self._settings, self._clock, meter, access)
            closing.push_async_callback(bots.aclose)
            for adapter in adapters:
                closing.push_async_callback(adapter.aclose)
            # Before the database: a server that does not answer is said in /readyz.
            closing.push_async_callback(await self._listen_http(adapters, meter))
            if (store := await self._open_store()) is not None:
                closing.push_async_callback(store.aclose)
                closing.push_async_callback(access.aclose)
                self._expiry = self._receive_people(access, store, meter)
                self._readiness.store = store
                for adapter in adapters:
                    if store.shares is not None and isinstance(adapter, Sharing):
                        adapter.share(store.shares)
                # Not before: a wrong DATABASE_URL is one line, and nothing else.
                log.info("listening on %s", self.url.removeprefix("http://"))
                await self._serve(store, bots, tools, adapters, meter)

    def _receive_people(self, access: Access, store: Store, meter: "Metrics") -> Expiry:
        """Those who log in with accounts of their own; and what is known of the end of our own."""
        if access.own is not None:
            access.own.keep_in(store.logins)
            self._own = access.own
            self._reception = Reception(accounts=access.own, store=store, clock=self._clock)
        settings, file = self._settings, access.file
        expiry = Expiry(
            until=(lambda: file.until) if file else lambda: known_end(settings),
            mend=renewing(settings),
            clock=self._clock,
            reception=self._reception,
        )
        if known_end(settings) is not None:
            meter.watch("coze_token_seconds_left", expiry.seconds_left)
        return expiry

    async def _open_store(self) -> Store | None:
        """The database, however long it takes to answer; None if we are asked to stop before that."""
        from storage.opening import open_store

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
                self._readiness.troubles["database"] = str(error)
            else:
                stopping.cancel()
                self._readiness.troubles.pop("database")
                return store
            if await self._clock.wait(self._stopping, backoff(attempt)):
                break
        return None

    async def _serve(self, store: Store, bots: Bots, tools: Tools, adapters: list[Adapter], meter: Meter) -> None:
        settings = self._settings
        lease = Lease(owner=secrets.token_hex(8), seconds=settings.tuning.lease_seconds)
        worker = Worker(
            store=store,
            bots=bots,
            adapters=self._readiness.serving,
            pace=Pace(),
            clock=self._clock,
            meter=meter,
            lease=lease,
            limit=settings.tuning.workers,
            look=build_look(settings),
            recall_seconds=settings.tuning.recall_hours * 3600,
            on_busy=settings.on_busy,
            queued_seconds=settings.tuning.queued_seconds,
            downloads=build_downloads(settings),
            tools=tools,
            wanted=build_wanted(settings),
            admins=parse_admins(settings.admins) if settings.admins else (),
            reveal=self._own.reveal if self._own else str,
            names=settings.name_conversations,
        )
        self._worker = worker
        door = Door(store=store, allow=_allowed(settings), adapters=self._readiness.serving)
        presses = Presses(store=store, bots=bots, meter=meter)
        catalogue = Catalogue(bots, self._clock, speaks=settings.voice.speak)
        welcome = Welcome(store=store, bots=bots, catalogue=catalogue, adapters=self._readiness.serving)
        intake = Intake(
            store=store,
            door=door,
            presses=presses,
            wake=worker.wake,
            meter=meter,
            route=bots.route,
            interrupts=settings.on_busy == "interrupt",
            album_seconds=settings.tuning.album_seconds,
            talks=_talks(settings, store, bots, catalogue) | {"start": welcome.talk} | self._logging_in(),
            settled=self._reception.settled if self._reception else None,
            welcome=welcome,
            idle_hours=settings.new_after_hours,
        )
        try:
            async with asyncio.TaskGroup() as group:
                working = group.create_task(worker.run(), name="worker")
                beside = [working]
                keeping = Housekeeping(
                    store=store, bots=bots, clock=self._clock, keep_seconds=settings.keep_texts_days * 86400
                )
                beside.append(group.create_task(keeping.run(), name="housekeeping"))
                if self._expiry is not None:
                    self._expiry.alert = worker.alerts.expiring
                    beside.append(group.create_task(self._expiry.run(), name="expiry"))
                beside.append(group.create_task(catalogue.run(), name="catalogue"))
                if store.peers is not None:
                    beside.append(group.create_task(store.peers.run(lease, worker.wake), name="peers"))
                listens = self._listens(store, intake, worker, lease)
                listening = [
                    group.create_task(listens.run(adapter), name=f"listen {adapter.platform}") for adapter in adapters
                ]
                await self._stopping.wait()
                log.info("stopping")
                for task in listening:
                    task.cancel()
                await asyncio.wait(listening)
                await worker.drain(settings.drain_seconds)
                await asyncio.wait({working}, timeout=CLOSE_SECONDS)
                for task in beside:
                    task.cancel()
        finally:
            await presses.aclose()
            await welcome.aclose()
            self._readiness.store = None
            with suppress(Transient):
                await store.release(lease.owner)

    async def _listen_http(self, adapters: list[Adapter], meter: "Metrics") -> Callable[[], Awaitable[None]]:
        from adapters.web import application, serve

        mounts: dict[str, Mount] = {}
        for adapter in adapters:
            if isinstance(adapter, Mounts):
                mounts |= adapter.mounts

        visits = {LOGIN_PATH: self._visit} if self._settings.coze_login_url else {}

        async def metrics() -> bytes:
            return meter.show(*await self._readiness.backlog())

        host, _, port = self._settings.http_listen.rpartition(":")
        runner = await serve(
            application(mounts, ready=self._readiness.reasons, metrics=metrics, visits=visits),
            host.strip("[]"),
            int(port),
        )
        self.url = f"http://{host}:{runner.addresses[0][1]}"
        self.listening.set()
        return runner.cleanup

    def _logging_in(self) -> dict[str, Talk]:
        here = self._reception
        return {"login": here.login, "logout": here.logout} if here else {}

    async def _visit(self, query: Mapping[str, str], languages: str) -> Reply:
        """Somebody comes back from Coze, maybe before the database is open."""
        return await self._reception.visit(query, languages) if self._reception else Reply(status=503)

    def _listens(self, store: Store, intake: Intake, worker: Worker, lease: Lease) -> Listening:
        return Listening(
            accept=intake.accept,
            wake=worker.wake,
            peers=store.peers,
            owner=lease.owner,
            readiness=self._readiness,
            clock=self._clock,
        )

    def _silent_seconds(self) -> float:
        """For how long a loop of the worker has not gone round."""
        return self._worker.silent_seconds if self._worker is not None else 0.0


def _talks(settings: Settings, store: Store, bots: Bots, catalogue: Catalogue) -> dict[str, Talk]:
    """The commands that look things up before they answer."""
    commands = build_commands(settings)

    async def help_(inbound: Inbound, who: User, where: str) -> Saying:  # noqa: ARG001 - it is a Talk
        return Saying(helping(commands, who.language))

    talks: dict[str, Talk] = {"help": help_, "history": History(store, bots.route).talk}
    if settings.voice.speak:
        voicing = Voicing(store=store, bots=bots, catalogue=catalogue, default=settings.voice.default)
        talks["voice"] = voicing.talk
    return talks


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
