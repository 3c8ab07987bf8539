"""Where one Answer is painted: its Posts, and the loop that brings them in line with its Pages."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from bridge.answer import Answer, BotEvent
from bridge.errors import BridgeError, Gone, Permanent, RateLimited, Transient, Unreachable, Unrenderable
from bridge.figures import Figures
from bridge.model import Attachment, Page, Post, Turn
from bridge.pace import Claim, Kind, Pace
from bridge.pages import Layout, Look
from bridge.ports import Adapter, Attaches, Budget, Clock, Downloads, Finds, Meter, Store, Verb
from bridge.steps import Delete, Edit, Send, Step, next_step

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 20.0
"""A final that must wait longer than this is put to rest in the store, so that it holds no worker."""
STRIKE_SECONDS = 5.0
"""After a 429 longer than this, the answer grows no more: only its final is shown."""
SKEW_SECONDS = 300.0
"""By how much a platform's clock may be behind ours when a message is looked for."""
KEEP_PAUSES = (0.2, 1.0, 3.0)
"""Seconds between tries to write down what stands, before the turn is left to another claim."""
PREVIEW_RETRY_SECONDS = 2.0
"""How long a preview waits after the platform did not answer."""


class Halt:
    """Asks a running turn to end: because its writer stopped it, or because this process lets go of it."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.stopped = False
        """True: by its writer. False, once asked: we only let go, and somebody else goes on."""

    def stop(self) -> None:
        self.stopped = True
        self.asked.set()

    def let_go(self) -> None:
        self.asked.set()


class Surface:
    """Paints the answer of one turn. Use it from one task."""

    def __init__(
        self,
        turn: Turn,
        *,
        adapter: Adapter,
        store: Store,
        pace: Pace,
        clock: Clock,
        meter: Meter,
        posts: Sequence[Post],
        look: Look,
        downloads: Downloads,
    ) -> None:
        self._turn = turn
        self._adapter = adapter
        self._store = store
        self._pace = pace
        self._clock = clock
        self._meter = meter
        self._posts = {post.page: post for post in posts}
        self._downloads = downloads
        self._layout = Layout(turn=turn, look=look, fill=adapter.limits.fill)
        self.figures = Figures(turn, clock=clock, meter=meter, anew=not posts, previews=adapter.limits.streams)
        self._claim = Claim()
        self._unseen_since: float | None = None
        """When the oldest text came that no preview shows."""
        self._muted = False
        self._refused = 0
        """How often the platform refused our markup: then we go simpler, then smaller."""
        self._missing: set[Attachment] = set()
        """What could not be fetched: a link is all that is seen of it."""
        self._painted_at = 0.0

    @property
    def pages(self) -> int:
        """Messages that stand."""
        return sum(post.message_id is not None for post in self._posts.values())

    async def follow(self, events: AsyncIterator[BotEvent], answer: Answer, halt: Halt) -> None:
        """Reads until the events end or `halt` is asked for, painting the newest text as often as the pace allows.

        Reading never waits for painting. On return no call is under way. Raises what the events raise, and
        Permanent if the platform refuses to show anything.
        """
        changed, ended = asyncio.Event(), asyncio.Event()
        failure: BaseException | None = None

        async def read() -> None:
            async for event in events:
                answer.add(event)
                if self._unseen_since is None:
                    self._unseen_since = self._clock.monotonic()
                self.figures.heard(event, muted=self._muted)
                changed.set()

        reader = asyncio.create_task(read())
        halted = asyncio.create_task(halt.asked.wait())
        painter = asyncio.create_task(self._paint(answer, changed, ended))
        try:
            await asyncio.wait({reader, halted, painter}, return_when=asyncio.FIRST_COMPLETED)
            if painter.done() and _is_bug(painter):
                log.error("no more previews of this answer: this is a bug", exc_info=painter.exception())
                await asyncio.wait({reader, halted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            reader.cancel()
            halted.cancel()
            ended.set()
            changed.set()
            # The call under way is not cut off: it may arrive all the same.
            results = await asyncio.gather(reader, painter, halted, return_exceptions=True)
            self.figures.followed()
            painted = None if _is_bug(painter) else results[1]
            failure = next((r for r in (painted, results[0]) if _is_failure(r)), None)
        if failure is not None:
            raise failure

    async def finish(self, answer: Answer, halt: Halt) -> bool:
        """Brings the posts in line with the complete answer. May be called again: then it goes on.

        False: `halt` was asked for in the middle, and no call is under way. Raises RateLimited if the platform wants
        a wait longer than PATIENCE_SECONDS, Unreachable, Refused, Unrenderable, LeaseLost.
        """
        kind = Kind.COMMAND if self._turn.conversation is None else Kind.FINAL
        asked = asyncio.Event() if halt.asked.is_set() else halt.asked
        while (step := self._next(self._whole(answer))) is not None:
            await self._await_turn(self._budgets(step), kind, asked)
            if asked.is_set():
                return False
            await self._take(step)
            if answer.text and self._shows(step):
                self.figures.seen()
        return True

    async def show(self, sentence: str) -> None:
        """Shows a passing word in the place of the answer, if that can be done at once; a courtesy."""
        step = self._next(self._layout.passing(sentence))
        if step is None or self._pace.delay(self._budgets(step), Kind.PREVIEW, self._clock.monotonic()) > 0:
            return
        with suppress(Transient, Permanent):
            await self._take(step)

    # ---- previews ----------------------------------------------------------------------------------------------

    async def _paint(self, answer: Answer, changed: asyncio.Event, ended: asyncio.Event) -> None:
        signs = asyncio.create_task(self._show_working(answer, ended))
        try:
            while not ended.is_set():
                self._pace.leave(self._claim)
                await changed.wait()
                changed.clear()
                while not ended.is_set() and (step := self._preview(answer)) is not None:
                    await self._paint_one(step, ended)
        finally:
            self._pace.leave(self._claim)
            signs.cancel()
            await asyncio.gather(signs, return_exceptions=True)

    def _preview(self, answer: Answer) -> Step | None:
        if self._muted or not self._adapter.limits.streams:
            return None
        return self._next(self._layout.growing(answer, simpler=self._refused, standing=self._posts))

    async def _paint_one(self, step: Step, ended: asyncio.Event) -> None:
        """One preview call; if it cannot go out yet, only waits, so that the next look takes the newest text."""
        budgets = self._budgets(step)
        now = self._clock.monotonic()
        self._claim.since = now if self._unseen_since is None else self._unseen_since
        delay = self._pace.delay(budgets, Kind.PREVIEW, now, self._claim)
        if delay > 0:
            await self._clock.wait(ended, delay)
            return
        self._unseen_since = None
        version = self.figures.versions
        try:
            await self._take(step)
            self._painted_at = self._clock.monotonic()
            if self._shows(step):
                self.figures.painted(version)
        except RateLimited as error:
            self._muted = error.retry_after > STRIKE_SECONDS
        except Unreachable as error:
            log.info("preview not shown: %s", error)
            await self._clock.wait(ended, PREVIEW_RETRY_SECONDS)
        except (Gone, Unrenderable) as error:
            # Not now and not in a second: the final tries again.
            log.info("no more previews: %s", error)
            self._muted = True

    async def _show_working(self, answer: Answer, ended: asyncio.Event) -> None:
        """Typing, until the first text stands; and what must be kept alive, until the end."""
        limits = self._adapter.limits
        budgets = limits.budgets(self._turn.address, Verb.WORKING)
        while not ended.is_set():
            now = self._clock.monotonic()
            begun = bool(self._posts or answer.text)
            every = limits.keep_alive if begun else limits.working_every
            if not every:
                return
            quiet = not begun or (self._posts and now - self._painted_at >= every)
            if quiet and self._pace.delay(budgets, Kind.TYPING, now) <= 0:
                self._pace.spend(budgets, now)
                try:
                    await self._adapter.working(self._turn.address, self._turn.language)
                except RateLimited as error:
                    self._penalise(budgets, error)
            await self._clock.wait(ended, every)

    # ---- one step ----------------------------------------------------------------------------------------------

    def _next(self, pages: Sequence[Page]) -> Step | None:
        return next_step(pages, list(self._posts.values()))

    def _whole(self, answer: Answer) -> list[Page]:
        pages = self._layout.whole(answer, simpler=self._refused)
        can_attach = isinstance(self._adapter, Attaches)
        return [
            page for page in pages if page.attachment is None or (can_attach and page.attachment not in self._missing)
        ]

    def _budgets(self, step: Step) -> Sequence[Budget]:
        match step:
            case Send(page):
                verb = Verb.ATTACH if page.attachment else Verb.SEND if page.final else Verb.START
            case Edit(page):
                verb = Verb.EDIT if page.final else Verb.GROW
            case Delete():
                verb = Verb.DELETE
        return self._adapter.limits.budgets(self._turn.address, verb)

    async def _await_turn(self, budgets: Sequence[Budget], kind: Kind, asked: asyncio.Event) -> None:
        self._claim.since = self._clock.monotonic()
        try:
            while not asked.is_set():
                now = self._clock.monotonic()
                delay = self._pace.delay(budgets, kind, now)
                if delay > PATIENCE_SECONDS:
                    raise RateLimited("the platform's penalty is long", retry_after=delay)
                delay = self._pace.delay(budgets, kind, now, self._claim)
                if delay <= 0:
                    return
                await self._clock.wait(asked, delay)
        finally:
            self._pace.leave(self._claim)

    async def _take(self, step: Step) -> None:
        budgets = self._budgets(step)
        self._pace.spend(budgets, self._clock.monotonic())
        try:
            match step:
                case Send():
                    await self._send(step)
                case Edit(page, message_id):
                    await self._edit(page, message_id)
                case Delete(page_index, message_id):
                    with suppress(Permanent):  # what we may not remove stays, and the answer is whole all the same
                        await self._adapter.delete(self._turn.address, message_id)
                    await self._drop(page_index)
        except RateLimited as error:
            self._penalise(budgets, error)
            raise
        except Unrenderable:
            self._refused += 1
            if self._refused > 2:
                raise
            log.warning("the platform refused our markup; trying a simpler form")
        finally:
            self._pace.returned(budgets, self._clock.monotonic())

    def _shows(self, step: Step) -> bool:
        """Does the message stand as that step wanted it?"""
        if isinstance(step, Delete):
            return False
        post = self._posts.get(step.page.index)
        return post is not None and post.digest == step.page.digest

    async def _send(self, step: Send) -> None:
        """Post row first, then the send, then its id: so a crash in between leaves a trace."""
        page, address = step.page, self._turn.address
        content = await self._content(page)
        if content is None:
            return
        if step.begun:
            if isinstance(self._adapter, Finds):
                found = await self._adapter.find(address, page.mark, since=self._turn.received_at - SKEW_SECONDS)
                if found is not None:
                    await self._keep(Post(page=page.index, message_id=found))
                    return
            else:
                self._meter.count("possible_duplicates", platform=address.platform)
        else:
            await self._keep(Post(page=page.index, message_id=None))
        try:
            message_id = await self._post(page, content)
        except Permanent as error:
            await self._drop(page.index)
            if page.attachment is None:
                raise
            self._misses(page.attachment, error)
            return
        except Transient as error:
            if error.certain:
                await self._drop(page.index)
            raise
        await self._keep(Post(page=page.index, message_id=message_id, digest=page.digest, final=page.final))

    async def _content(self, page: Page) -> bytes | None:
        """Of its attachment, if it has one; None if that cannot be had."""
        if page.attachment is None or not page.attachment.url:
            return page.attachment.text.encode() if page.attachment else b""
        try:
            return await self._downloads.download(page.attachment)
        except (Transient, Permanent) as error:
            self._misses(page.attachment, error)
            return None

    def _misses(self, attachment: Attachment, error: BridgeError) -> None:
        log.info("%s not sent, only linked: %s", attachment.kind, error)
        self._missing.add(attachment)

    async def _post(self, page: Page, content: bytes) -> str:
        reply_to = self._turn.reply_to if page.index == 0 else ""
        if page.attachment is None or not isinstance(self._adapter, Attaches):
            return await self._adapter.send(self._turn.address, page, reply_to=reply_to)
        return await self._adapter.attach(self._turn.address, page, content, reply_to=reply_to)

    async def _edit(self, page: Page, message_id: str) -> None:
        try:
            message_id = await self._adapter.edit(self._turn.address, message_id, page)
        except Gone:
            # Somebody removes our messages: no more of them than the final one.
            self._muted = True
            await self._drop(page.index)
            return
        post = Post(page=page.index, message_id=message_id, digest=page.digest, final=page.final)
        if page.final:
            await self._keep(post)
        else:
            self._posts[page.index] = post

    async def _keep(self, post: Post) -> None:
        """Writes the post down. What an open post shows is not written: it changes with every edit."""
        stored = post if post.final else Post(page=post.page, message_id=post.message_id)
        if post.message_id is not None:
            # It stands, whether or not the store can be told at the first try.
            self._posts[post.page] = post
        for pause in KEEP_PAUSES:
            with suppress(Transient):
                await self._store.keep_post(self._turn, stored)
                break
            await self._clock.sleep(pause)
        else:
            await self._store.keep_post(self._turn, stored)
        self._posts[post.page] = post

    async def _drop(self, page: int) -> None:
        self._posts.pop(page, None)
        await self._store.drop_post(self._turn, page)

    def _penalise(self, budgets: Sequence[Budget], error: RateLimited) -> None:
        self.figures.penalised(error.retry_after)
        self._pace.penalise(budgets, error.retry_after, self._clock.monotonic())
        log.warning("%s asks us to wait %.0f s", self._turn.address.platform, error.retry_after)


def _is_bug(painter: "asyncio.Task[None]") -> bool:
    """Did it end by something that is no error of ours? The answer itself may be whole all the same."""
    error = None if painter.cancelled() else painter.exception()
    return error is not None and not isinstance(error, BridgeError)


def _is_failure(result: object) -> bool:
    return isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError)
