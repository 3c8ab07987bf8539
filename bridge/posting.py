"""The calls that make and change the messages of one answer: each is written down so that a crash leaves a trace."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from bridge.contents import TEXT, Content, Contents
from bridge.errors import Gone, LeaseLost, Permanent, RateLimited, Transient, Unreachable, Unrenderable, Unsure
from bridge.figures import Figures
from bridge.halt import Halt, looking
from bridge.model import Lost, Page, Post, Turn
from bridge.pace import MARGIN_SECONDS, Kind, Pace
from bridge.pages import mark
from bridge.ports import Adapter, Attaches, Budget, Clock, Finds, Meter, Store, Verb
from bridge.share import Share
from bridge.steps import Delete, Edit, Seek, Send, Step, next_step

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 20.0
"""What must wait longer than this for its call is put to rest in the store, so that it holds no worker."""
LANDING_SECONDS = 1.5
"""What was under way when a process died, or a connection broke, may still arrive: it is looked for so much later."""
KEPT_SECONDS = 1.0
"""A penalty longer than this is written down, for the process that comes after us; all are for those beside us."""
KEEP_SECONDS = 2.0
"""What that may take: the answer does not wait for it longer."""
SKEW_SECONDS = 300.0
"""By how much a platform's clock may be behind ours when a message is looked for."""
KEEP_PAUSES = (0.2, 1.0, 3.0)
"""Seconds between tries to write down what stands, before the turn is left to another claim."""
MOST_ATTACH_ATTEMPTS = 2
"""So many times a turn is tried again for the sake of an attachment that the platform did not answer to."""
WORKING_SECONDS = 5.0
"""What the sign that the bot is at work may take: a final does not wait for it longer."""


class Posting:
    """The Posts of one answer, and one call at a time to change what stands."""

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
        contents: Contents,
        figures: Figures,
        halt: Halt,
        share: Share | None = None,
    ) -> None:
        self._turn = turn
        self._adapter = adapter
        self._store = store
        self._pace = pace
        self._clock = clock
        self._meter = meter
        self._contents = contents
        self._figures = figures
        self._halt = halt
        self._share = share
        self.posts = {post.page: post for post in posts}
        self.refused = 0
        """How often the platform refused our markup: then we go simpler, then smaller."""
        self.unwanted = False
        """Somebody removes our messages: no more of them than the final one."""
        self.late: set[int] = set()
        """Pages changed by a call that came back when the turn may have been somebody else's: that went out before,
        but may have arrived after what they showed since."""

    def next(self, pages: Sequence[Page]) -> Step | None:
        """The next step towards these pages."""
        return next_step(pages, list(self.posts.values()))

    def budgets(self, step: Step) -> Sequence[Budget]:
        """Every limit that the step counts against."""
        match step:
            case Send(page):
                verb = Verb.ATTACH if page.attachment else Verb.SEND if page.final else Verb.START
            case Edit(page):
                verb = Verb.EDIT if page.final else Verb.GROW
            case Seek():
                verb = Verb.SEND
            case Delete():
                verb = Verb.DELETE
        return self._adapter.limits.budgets(self._turn.address, verb)

    async def may(self, budgets: Sequence[Budget], kind: Kind) -> bool:
        """Takes a call that the pace lets go out of the budgets. False: other processes left no room, and the pace,
        which is to be asked again, knows it.
        """
        self._pace.spend(budgets, self._clock.monotonic())
        return self._share is None or await self._share.grants(budgets, kind)

    async def take(self, step: Step, content: Content = TEXT) -> None:
        """Does it, now, once it `may` be done.

        Raises RateLimited (and the pace knows), Unreachable, Refused, Gone, LeaseLost, and Unrenderable only where no
        simpler form is left.
        """
        budgets = self.budgets(step)
        begun = self._clock.monotonic()
        try:
            match step:
                case Send():
                    await self._send(step, content)
                case Edit(page, message_id):
                    await self._edit(page, message_id)
                case Seek(index):
                    if not await self._found(Page(index=index, text="", final=False, mark=mark(self._turn, index))):
                        await self._drop(index)
                case Delete(page_index, message_id):
                    # What we may not remove stays, and the answer is whole all the same.
                    with looking(self._must_be_ours), self._watched(page_index), suppress(Permanent):
                        await self._adapter.delete(self._turn.address, message_id)
                    await self._drop(page_index)
        except RateLimited as error:
            await self._penalise(budgets, error)
            raise
        except Unrenderable:
            self.refused += 1
            if self.refused > 2:
                raise
            log.warning("the platform refused our markup; trying a simpler form")
        finally:
            now = self._clock.monotonic()
            # Of an edit: what posts a message waits for the store as well, and for what it attaches.
            self._pace.returned(budgets, now, took=now - begun if isinstance(step, Edit) else 0.0)

    async def sign(self, budgets: Sequence[Budget]) -> None:
        """Shows that the bot is at work, once it `may`."""
        now = self._clock.monotonic()
        try:
            async with asyncio.timeout(WORKING_SECONDS):
                await self._adapter.working(self._turn.address, self._turn.language)
        except RateLimited as error:
            await self._penalise(budgets, error)
        except TimeoutError:
            log.info("the sign that the bot is at work took too long")
        finally:
            later = self._clock.monotonic()
            self._pace.returned(budgets, later, took=later - now)

    def shows(self, step: Step) -> bool:
        """Does the message stand as that step wanted it?"""
        if isinstance(step, Seek | Delete):
            return False
        post = self.posts.get(step.page.index)
        return post is not None and post.digest == step.page.digest

    async def _send(self, step: Send, content: Content) -> None:
        """Post row first, then the send, then its id: so a crash in between leaves a trace."""
        page = step.page
        if not step.begun:
            newest = self._adapter.newest(self._turn.address) if isinstance(self._adapter, Finds) else ""
            await self._keep(Post(page=page.index, message_id=None, sent_after=newest))
        elif await self._found(page):
            if page.attachment is not None:
                self._contents.sent()
            return
        try:
            message_id = await self._post(page, content)
        except Permanent as error:
            await self._drop(page.index)
            if page.attachment is None:
                raise
            self._contents.misses(page.attachment, error)
            return
        except Transient as error:
            if error.certain and not step.begun:
                await self._drop(page.index)
            tried = self._turn.attempts >= MOST_ATTACH_ATTEMPTS and not isinstance(error, RateLimited | Unsure)
            if page.attachment is None or not tried:
                raise
            self._contents.misses(page.attachment, error)
            return
        if step.begun:
            self._meter.count("possible_duplicates", platform=self._turn.address.platform)
        try:
            await self._keep(Post(page=page.index, message_id=message_id, digest=page.digest, final=page.final))
        except LeaseLost:
            await self._take_back(page.index, message_id)
            raise
        if page.attachment is not None:
            self._contents.sent()

    async def _take_back(self, page: int, message_id: str) -> None:
        """It went out, but the turn is somebody else's: they have found it, or have posted another one in its place."""
        address = self._turn.address
        try:
            near = await self._store.near(self._turn)
            if (address.chat, message_id) not in near.posted:
                log.info("a message that was sent too late is taken back")
                self.late.add(page)  # they may find it in this very moment
                await self._adapter.delete(address, message_id)
        except (Transient, Permanent) as error:
            self._meter.count("possible_duplicates", platform=address.platform)
            log.warning("a message that was sent too late stays: %s", error)

    @contextmanager
    def _watched(self, page: int) -> Iterator[None]:
        """Notes if what is done to that page comes back when the turn may have been somebody else's."""
        try:
            yield
        finally:
            if self._clock.monotonic() >= self._halt.ours_until:
                self.late.add(page)

    async def _found(self, page: Page) -> bool:
        """Is the message known now that an earlier send of that page may have left?"""
        if not isinstance(self._adapter, Finds):
            return False
        turn = self._turn
        await self._pause(LANDING_SECONDS)
        await self._await_turn(Send(page))  # the turn that we had was for a call at that time
        self._must_be_ours()
        lost = Lost(
            page=page,
            since=turn.received_at - SKEW_SECONDS,
            question=turn.key,
            reply_to=self._reply_to(page),
            sent_after=self.posts[page.index].sent_after,
            near=await self._store.near(turn),
        )
        found = await self._adapter.find(turn.address, lost, turn=lambda: self._await_turn(Send(page)))
        if found is None:
            return False
        # What a message shows is for its next edit to mend; files are not edited.
        is_file = page.attachment is not None
        post = Post(page=page.index, message_id=found.message_id, digest=page.digest if is_file else "", final=is_file)
        if not await self._store.adopt_post(turn, post, sure=found.sure):
            await self._await_turn(Send(page))
            await self._adapter.leave(turn.address, found.message_id)
            return False
        self.posts[page.index] = post
        return True

    async def _await_turn(self, step: Step) -> None:
        """For one more call of the same kind, while one is under way."""
        budgets = self.budgets(step)
        # The call before has come back: as for any other, the time that it took is no time of refill.
        self._pace.returned(budgets, self._clock.monotonic())
        while True:
            while (wait := self._pace.early(budgets, Kind.FINAL, self._clock.monotonic())) > 0:
                if wait > PATIENCE_SECONDS:
                    raise RateLimited("the platform's penalty is long", retry_after=wait)
                await self._pause(wait)
            self._must_be_ours()
            if await self.may(budgets, Kind.FINAL):
                return

    async def _pause(self, seconds: float) -> None:
        """Waits; raises Unreachable if this process is asked meanwhile to let go of the turn.

        What its writer stopped is looked for all the same: what they see of it is to say so.
        """
        if not self._halt.asked.is_set():
            if not await self._clock.wait(self._halt.asked, seconds):
                return
            if not self._halt.stopped:
                raise Unreachable("asked to end while a message was looked for", certain=False)
        await self._clock.sleep(seconds)

    def _reply_to(self, page: Page) -> str:
        return self._turn.reply_to if page.index == 0 else ""

    async def _post(self, page: Page, content: Content) -> str:
        reply_to = self._reply_to(page)
        with looking(self._must_be_ours):
            if content.attachment is None or not isinstance(self._adapter, Attaches):
                return await self._adapter.send(self._turn.address, page, reply_to=reply_to)
            page = replace(page, attachment=content.attachment)
            return await self._adapter.attach(self._turn.address, page, content.data, reply_to=reply_to)

    async def _edit(self, page: Page, message_id: str) -> None:
        standing = self.posts.get(page.index)
        if standing is not None and standing.final and not page.final:
            # It will not show any more what is written down of it; whoever comes after a crash must not believe that.
            await self._keep(replace(standing, final=False, digest=""))
        try:
            with looking(self._must_be_ours), self._watched(page.index):
                stands_as = await self._adapter.edit(self._turn.address, message_id, page)
        except Gone:
            self.unwanted = True
            await self._drop(page.index)
            return
        if not stands_as:
            await self._drop(page.index)
            return
        post = Post(page=page.index, message_id=stands_as, digest=page.digest, final=page.final)
        if page.final or stands_as != message_id:
            try:
                await self._keep(post)
            except LeaseLost:
                self.late.add(page.index)
                raise
        else:
            self.posts[page.index] = post

    def _must_be_ours(self) -> None:
        self._halt.must_be_ours(self._clock.monotonic())

    async def _keep(self, post: Post) -> None:
        """Writes the post down. What an open post shows is not written: it changes with every edit."""
        stored = post if post.final else replace(post, digest="")
        if post.message_id is not None:
            # It stands, whether or not the store can be told at the first try.
            self.posts[post.page] = post
        for pause in KEEP_PAUSES:
            with suppress(Transient):
                await self._store.keep_post(self._turn, stored)
                break
            await self._clock.sleep(pause)
        else:
            await self._store.keep_post(self._turn, stored)
        self.posts[post.page] = post

    async def _drop(self, page: int) -> None:
        self.posts.pop(page, None)
        await self._store.drop_post(self._turn, page)

    async def _penalise(self, budgets: Sequence[Budget], error: RateLimited) -> None:
        self._figures.penalised(error.retry_after)
        self._pace.penalise(budgets, error.retry_after, self._clock.monotonic())
        log.warning("%s asks us to wait %.0f s", self._turn.address.platform, error.retry_after)
        if budgets and (error.retry_after > KEPT_SECONDS or self._share):
            seconds = error.retry_after + MARGIN_SECONDS
            try:
                async with asyncio.timeout(KEEP_SECONDS):
                    for name in (budgets[-1].name, *budgets[-1].closes):
                        await self._store.penalise(name, seconds)
            except (Transient, TimeoutError) as failure:
                log.warning("other processes would not know of that: %s", str(failure) or "too slow")
