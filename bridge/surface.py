"""Where one Answer is painted: the loop that brings its Posts in line with its Pages, as fast as the pace allows."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from dataclasses import replace

from bridge.answer import Answer, BotEvent, ReasoningDelta, TextDelta
from bridge.contents import Contents, Speak
from bridge.errors import BridgeError, Gone, Permanent, RateLimited, Transient, Unreachable, Unrenderable, Unsure
from bridge.figures import Figures
from bridge.halt import Halt
from bridge.model import Page, Post, Turn
from bridge.pace import Claim, Kind, Pace
from bridge.pages import Layout, Look
from bridge.ports import Adapter, Budget, Clock, Downloads, Meter, Store, Verb
from bridge.posting import LANDING_SECONDS, PATIENCE_SECONDS, Posting
from bridge.share import Share
from bridge.steps import Edit, Seek, Step

log = logging.getLogger(__name__)

STRIKE_SECONDS = 5.0
"""A 429 longer than this is a strike. After MOST_STRIKES the answer grows no more: only its final is shown."""
MOST_STRIKES = 2
UNSURE_SECONDS = 0.5
"""Between looks at whether the turn is surely ours again."""
PREVIEW_RETRY_SECONDS = 2.0
"""How long a preview waits after the platform did not answer."""


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
        halt: Halt,
        share: Share | None = None,
        speak: Speak | None = None,
        mouths: asyncio.Semaphore | None = None,
        taken_over: bool = False,
    ) -> None:
        """`taken_over`: another process, which may have died in the middle of a call, had that turn before."""
        self._turn = turn
        self._halt = halt
        self._adapter = adapter
        self._pace = pace
        self._clock = clock
        self._contents = Contents(adapter, downloads, meter, speak, mouths)
        self._layout = Layout(turn=turn, look=look, fill=adapter.limits.fill, plain_from=adapter.limits.plain_from)
        self.figures = Figures(turn, clock=clock, meter=meter, anew=not posts, previews=adapter.limits.streams)
        self._posting = Posting(
            turn,
            adapter=adapter,
            store=store,
            pace=pace,
            clock=clock,
            meter=meter,
            posts=posts,
            contents=self._contents,
            figures=self.figures,
            halt=halt,
            share=share,
        )
        self._called = asyncio.Event()
        """Look again now: the pace may have a turn for us, or we are to end."""
        self._claim = Claim(wake=self._called.set)
        self._changed = asyncio.Event()
        """There may be more to show than is shown."""
        self._signed = False
        """Something is to stand even while there is nothing to say."""
        self._unseen_since: float | None = None
        """When the oldest text came that no preview shows."""
        self._muted = False
        self._strikes = 0
        self._painted_at = 0.0
        grows = any(post.message_id is not None and not post.final for post in posts)
        self._landed_at = clock.monotonic() + LANDING_SECONDS if taken_over and grows else 0.0
        """By then the last edit of the process before us has landed: it would undo a final one that is faster."""

    @property
    def pages(self) -> int:
        """Messages that stand."""
        return sum(post.message_id is not None for post in self._posting.posts.values())

    @property
    def late(self) -> Collection[int]:
        """Pages that may show less than whoever has the turn now has left there."""
        return self._posting.late

    def asks(self, turn: Turn) -> None:
        """So the question stands by now: what came with it has been heard."""
        self._layout = replace(self._layout, turn=turn)

    @property
    def _is_mute(self) -> bool:
        """No more previews."""
        return self._muted or self._posting.unwanted

    async def follow(self, events: AsyncIterator[BotEvent], answer: Answer) -> None:
        """Reads until the events end or the turn is to halt, painting the newest text as often as the pace allows.

        Reading never waits for painting. On return no call is under way. Raises what the events raise, and
        Permanent if the platform refuses to show anything.
        """
        changed, ended = self._changed, asyncio.Event()
        changed.clear()
        failure: BaseException | None = None

        async def read() -> None:
            async for event in events:
                answer.add(event)
                if self._unseen_since is None:
                    self._unseen_since = self._clock.monotonic()
                self._claim.unseen += len(event.text) if isinstance(event, TextDelta | ReasoningDelta) else 1
                self.figures.heard(event, muted=self._is_mute)
                changed.set()

        reader = asyncio.create_task(read())
        halted = asyncio.create_task(self._halt.asked.wait())
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
            self._called.set()
            # The call under way is not cut off: it may arrive all the same.
            results = await asyncio.gather(reader, painter, halted, return_exceptions=True)
            self.figures.followed()
            painted = None if _is_bug(painter) else results[1]
            failure = next((r for r in (painted, results[0]) if _is_failure(r)), None)
        if failure is not None:
            raise failure

    async def finish(self, answer: Answer) -> bool:
        """Brings the posts in line with the complete answer. May be called again: then it goes on.

        False: it was to halt in the middle, and no call is under way. Raises RateLimited if the platform wants
        a wait longer than PATIENCE_SECONDS, Unreachable, Refused, Unrenderable, LeaseLost.
        """
        kind = Kind.COMMAND if self._turn.conversation is None else Kind.FINAL
        asked = asyncio.Event() if self._halt.asked.is_set() else self._halt.asked
        self._halt.hear = self._called.set
        while (step := self._posting.next(self._whole(answer))) is not None:
            async with self._contents.of(step, asked) as content:
                if content is None:
                    if asked.is_set():
                        return False
                elif not await self._await_landing(step, asked):
                    return False
                elif await self._await_turn(self._posting.budgets(step), kind, asked):
                    await self._posting.take(step, content)
                else:
                    return False
            if answer.text and self._posting.shows(step):
                self.figures.seen()
        return True

    async def show(self, sentence: str) -> None:
        """Shows a passing word in the place of the answer, if that can be done at once; a courtesy."""
        step = self._next(self._layout.passing(sentence))
        if step is None:
            return
        budgets = self._posting.budgets(step)
        if self._pace.delay(budgets, Kind.PREVIEW, self._clock.monotonic()) > 0:
            return
        with suppress(Transient, Permanent):
            if await self._posting.may(budgets, Kind.PREVIEW):
                await self._posting.take(step)

    def show_a_sign(self) -> None:
        """Has something stand in the place of the answer, although there may be nothing to say yet."""
        self._signed = True
        self._changed.set()

    async def announce(self, sentence: str) -> bool:
        """Shows a passing word where nothing stands yet, at once. False: it does not stand. Raises LeaseLost."""
        step = self._next(self._layout.passing(sentence))
        if step is None:
            return True
        with suppress(Transient, Permanent):
            if await self._posting.may(self._posting.budgets(step), Kind.TYPING):
                await self._posting.take(step)
        return self._posting.shows(step)

    # ---- previews ----------------------------------------------------------------------------------------------

    async def _paint(self, answer: Answer, changed: asyncio.Event, ended: asyncio.Event) -> None:
        signs = asyncio.create_task(self._show_working(answer, ended))
        try:
            while not ended.is_set():
                self._pace.leave(self._claim, self._clock.monotonic())
                await changed.wait()
                changed.clear()
                while not ended.is_set():
                    if (early := self._early()) > 0:
                        self._pace.leave(self._claim, self._clock.monotonic())
                        await self._clock.wait(ended, early)
                        continue
                    if (step := self._preview(answer)) is None:
                        break
                    await self._paint_one(step, answer, ended)
        finally:
            self._pace.leave(self._claim, self._clock.monotonic())
            if not ended.is_set():
                signs.cancel()
            # A sign under way is not cut off: we would not hear of the penalty that it meets.
            await asyncio.gather(signs, return_exceptions=True)

    def _early(self) -> float:
        """Seconds for which the chat's own budget lets no preview go: until then it is not worth working one out."""
        budgets = self._adapter.limits.budgets(self._turn.address, Verb.GROW if self._posting.posts else Verb.START)
        # Where many share the narrowest budget, it takes a claim to get a turn.
        own = budgets[-1:] if len(budgets) > 1 else ()
        return self._pace.early(own, Kind.PREVIEW, self._clock.monotonic())

    def _preview(self, answer: Answer) -> Step | None:
        if self._is_mute or not self._adapter.limits.streams:
            return None
        posts = self._posting.posts
        signed = self._signed and not posts
        pages = self._layout.growing(answer, simpler=self._posting.refused, standing=posts, signed=signed)
        # With nothing to say yet, what an earlier attempt left standing stays.
        return self._next(pages) if pages else None

    def _next(self, pages: Sequence[Page]) -> Step | None:
        """While the answer grows: what has no page yet may have one soon."""
        step = self._posting.next(pages)
        return None if isinstance(step, Seek) else step

    async def _paint_one(self, step: Step, answer: Answer, ended: asyncio.Event) -> None:
        """One preview call; if it cannot go out yet, only waits, so that the next look takes the newest text."""
        budgets = self._posting.budgets(step)
        now = self._clock.monotonic()
        if now >= self._halt.ours_until:
            # The database does not answer, or we were frozen. The answer is still read: it may be ours again.
            await self._clock.wait(ended, UNSURE_SECONDS)
            return
        self._called.clear()
        self._claim.since = now if self._unseen_since is None else self._unseen_since
        delay = self._pace.delay(budgets, Kind.PREVIEW, now, self._claim)
        if delay > 0:
            await self._clock.wait(self._called, delay)
            return
        since, self._unseen_since = self._unseen_since, None
        unseen, self._claim.unseen = self._claim.unseen, 0
        version = self.figures.versions
        try:
            if not await self._posting.may(budgets, Kind.PREVIEW):
                self._unseen_since, self._claim.unseen = since, self._claim.unseen + unseen
                return
            await self._posting.take(step)
            self._painted_at = self._clock.monotonic()
            if answer.text and self._posting.shows(step):
                self.figures.painted(version)
        except RateLimited as error:
            self._unseen_since, self._claim.unseen = since, self._claim.unseen + unseen
            # Once the penalty is over, who still reads wants to see more; a second one says that we are not wanted.
            self._strikes += error.retry_after > STRIKE_SECONDS
            self._muted = self._strikes >= MOST_STRIKES
        except Unreachable as error:
            self._unseen_since, self._claim.unseen = since, self._claim.unseen + unseen
            log.info("preview not shown: %s", error)
            await self._clock.wait(ended, PREVIEW_RETRY_SECONDS)
        except Unsure:
            self._unseen_since, self._claim.unseen = since, self._claim.unseen + unseen
        except (Gone, Unrenderable) as error:
            # Not now and not in a second: the final tries again.
            log.info("no more previews: %s", error)
            self._muted = True

    async def _show_working(self, answer: Answer, ended: asyncio.Event) -> None:
        """Typing, until the first text stands; and what must be kept alive, until the end."""
        limits = self._adapter.limits
        while not ended.is_set():
            now = self._clock.monotonic()
            budgets = limits.budgets(self._turn.address, Verb.WORKING)
            begun = bool(self._posting.posts or answer.text)
            every = limits.keep_alive if begun else limits.working_every
            if not every:
                return
            quiet = not begun or (self._posting.posts and now - self._painted_at >= every)
            stood = bool(self._posting.posts)
            if (
                quiet
                and self._pace.delay(budgets, Kind.TYPING, now) <= 0
                and await self._posting.may(budgets, Kind.TYPING)
                and bool(self._posting.posts) is stood  # a sign that comes behind the first message would stay
            ):
                await self._posting.sign(budgets)
            await self._clock.wait(ended, every)

    # ---- one step ----------------------------------------------------------------------------------------------

    def _whole(self, answer: Answer) -> list[Page]:
        return self._contents.sendable(self._layout.whole(answer, simpler=self._posting.refused))

    async def _await_landing(self, step: Step, asked: asyncio.Event) -> bool:
        """False: `asked` was set before."""
        wait = self._landed_at - self._clock.monotonic()
        return not (wait > 0 and isinstance(step, Edit) and await self._clock.wait(asked, wait))

    async def _await_turn(self, budgets: Sequence[Budget], kind: Kind, asked: asyncio.Event) -> bool:
        """Waits until such a call may go out, and takes it out of the budgets. False: `asked` was set before."""
        self._claim.since = self._clock.monotonic()
        try:
            while not asked.is_set():
                now = self._clock.monotonic()
                delay = self._pace.delay(budgets, kind, now)
                if delay > PATIENCE_SECONDS:
                    raise RateLimited("the platform's penalty is long", retry_after=delay)
                self._called.clear()
                delay = self._pace.delay(budgets, kind, now, self._claim)
                if delay > 0:
                    await self._clock.wait(self._called, delay)
                elif await self._posting.may(budgets, kind):
                    return True
            return False
        finally:
            self._pace.leave(self._claim, self._clock.monotonic())


def _is_bug(painter: "asyncio.Task[None]") -> bool:
    """Did it end by something that is no error of ours? The answer itself may be whole all the same."""
    error = None if painter.cancelled() else painter.exception()
    return error is not None and not isinstance(error, BridgeError)


def _is_failure(result: object) -> bool:
    return isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError)
