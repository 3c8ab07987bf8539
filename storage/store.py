"""The Store on SQLite and PostgreSQL: every method is one transaction."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.model import (
    Access,
    Acquaintance,
    Address,
    Answered,
    Doomed,
    Erased,
    File,
    Inbound,
    Lease,
    Moved,
    Near,
    Past,
    Person,
    Post,
    Standing,
    Turn,
    TurnId,
    TurnState,
    TurnSummary,
    User,
    Waiting,
)
from bridge.ports import Clock, Effect, TurnedAway
from storage import (
    admission,
    albums,
    arrivals,
    bell,
    claims,
    erasing,
    housekeeping,
    listing,
    merging,
    moves,
    past,
    penalties,
    people,
    record,
    uploads,
    waiting,
)
from storage.budgets import SharedBudgets
from storage.engine import Database
from storage.files import dump
from storage.logins import SqlLogins
from storage.peers import Peers
from storage.tables import turns, users
from storage.transactions import Result, Work


class SqlStore:
    """Durable memory; implements `bridge.ports.Store`, where its methods are described."""

    __slots__ = ("_clock", "_database", "logins", "peers", "shares")

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.logins = SqlLogins(database, clock, self._ring)
        self.peers = Peers(database, database.dial, clock) if database.dial is not None else None
        self.shares = SharedBudgets(database, clock) if database.dial is not None else None

    # ---- what comes in

    async def receive(
        self, inbound: Inbound, who: User, where: str, *, bot: str = "", interrupt: bool = False, gather: float = 0.0
    ) -> TurnId | None:
        now, monotonic, made = self._clock.now(), self._clock.monotonic(), None

        async def by_steps(connection: AsyncConnection) -> TurnId | None:
            due = claims.lease_time(connection, monotonic) + gather if inbound.album and gather > 0 else None
            return await arrivals.question(connection, inbound, who, where, now, bot=bot, interrupt=interrupt, due=due)

        if self.peers is not None and not (inbound.album or interrupt):
            made = await self._database.write(
                lambda connection: arrivals.quickly(connection, inbound, who, where, now, bot), single=True
            )
        if made is None:
            made = await self._database.write(by_steps)
        self._ring()
        return made

    async def obey(
        self, inbound: Inbound, who: User, where: str, effect: Effect, reply: Callable[[Standing], str]
    ) -> Standing | None:
        now = self._clock.now()
        standing = await self._database.write(
            lambda connection: arrivals.command(connection, inbound, who, where, now, effect, reply)
        )
        self._ring()
        return standing

    async def waits(self, where: str) -> str:
        return await self._database.read(lambda connection: past.waits(connection, where))

    async def is_busy(self, where: str) -> bool:
        return await self._database.read(lambda connection: past.is_busy(connection, where))

    async def retire(self, where: str, before: float) -> bool:
        # Most often it goes on, and nothing is to be written.
        if await self._database.read(lambda connection: past.goes_on(connection, where, before)):
            return False
        return await self._database.write(lambda connection: past.retire(connection, where, before))

    async def pasts(self, where: str, who: User, *, limit: int = 10, bot: str | None = None) -> list[Past]:
        return await self._database.read(lambda connection: past.pasts(connection, where, who, limit, bot))

    async def resume(self, inbound: Inbound, who: User, where: str, conversation: int, reply: str) -> bool:
        now = self._clock.now()
        resumed = await self._database.write(
            lambda connection: past.resume(connection, inbound, who, where, now, conversation, reply)
        )
        self._ring()
        return resumed

    async def voice(self, who: User) -> str:
        return await self._database.read(lambda connection: people.voice(connection, who))

    async def speak(self, who: User, voice: str) -> None:
        now = self._clock.now()
        await self._database.write(lambda connection: people.speak(connection, who, voice, now))

    async def takes_part(self, where: str, who: User) -> bool:
        return await self._database.read(lambda connection: people.takes_part(connection, where, who))

    async def latest_place(self, address: Address, who: User, like: str = "") -> str:
        return await self._database.read(lambda connection: people.latest_place(connection, address, who, like))

    async def last_question(self, where: str, who: User) -> tuple[str, tuple[File, ...]]:
        return await self._database.read(lambda connection: people.last_question(connection, where, who))

    async def answered(self, turn: TurnId, address: Address) -> Answered | None:
        return await self._database.read(lambda connection: arrivals.answered(connection, turn, address))

    async def judge(self, turn: TurnId, address: Address, judgement: str) -> Answered | None:
        return await self._database.write(lambda connection: arrivals.judge(connection, turn, address, judgement))

    async def move(self, moved: Moved) -> None:
        await self._database.write(lambda connection: moves.move(connection, moved))

    # ---- who is let in

    async def acquaintance(self, who: User) -> Acquaintance:
        now = self._clock.now()
        return await self._database.read(lambda connection: admission.acquaintance(connection, who, now))

    async def turn_away(
        self, inbound: Inbound, who: User, reply: str, *, code: str, seconds: float, most: int
    ) -> TurnedAway:
        now = self._clock.now()
        until = now + seconds
        away = await self._database.write(
            lambda connection: admission.turn_away(connection, inbound, who, reply, code, until, most, now)
        )
        if away is TurnedAway.TOLD:
            self._ring()
        return away

    async def admit(self, code: str) -> Person | None:
        now = self._clock.now()
        return await self._database.write(lambda connection: admission.admit(connection, code, now))

    async def people(
        self, *, id: int | None = None, platform: str | None = None, sender: str | None = None
    ) -> list[Person]:
        now = self._clock.now()
        wanted = {users.c.id: id, users.c.platform: platform, users.c.sender: sender}
        conditions = [column == value for column, value in wanted.items() if value is not None]
        return await self._database.read(lambda connection: admission.everybody(connection, now, *conditions))

    async def acquaint(self, who: User) -> None:
        now = self._clock.now()
        await self._database.write(lambda connection: admission.acquaint(connection, who, now))

    async def decide(self, people: Collection[int], access: Access) -> None:
        await self._rarely(lambda connection: admission.decide(connection, people, access))

    async def forget(self, people: Collection[int]) -> Erased:
        now = self._clock.now()
        return await self._database.write(lambda connection: erasing.forget(connection, people, now))

    # ---- what is not kept

    async def scrub(self) -> bool:
        return await housekeeping.scrub(self._database)

    async def doomed(self) -> list[Doomed]:
        return await self._database.read(erasing.the_doomed)

    async def drop_doomed(self, coze_conversation: str) -> None:
        await self._database.write(lambda connection: erasing.drop_doomed(connection, coze_conversation))

    async def erase_texts(self, before: float, *, most: int) -> int:
        return await self._database.write(lambda connection: erasing.erase_texts(connection, before, most))

    async def tidy(self) -> None:
        now = self._clock.now()
        await self._database.write(lambda connection: housekeeping.forget_trifles(connection, now))
        await housekeeping.tidy(self._database)

    # ---- who works on what

    async def claim(self, lease: Lease, serving: Collection[tuple[str, str]], *, merge: bool = False) -> Turn | None:
        if not serving:
            return None
        now, monotonic = self._clock.now(), self._clock.monotonic()

        async def claimed(connection: AsyncConnection) -> Turn | None:
            if (found := await claims.claim(connection, lease, serving, monotonic)) is None:
                return None
            row, merged = await claims.taken(connection, found), 0
            if row.album:
                if merged := await albums.whole(connection, row, now):
                    row = await claims.taken(connection, found)
            elif merge:
                whole, merged = await merging.merge(connection, row, now)
                row = await claims.taken(connection, whole) if merged else row
            return claims.as_turn(row, merged=merged)

        # IntegrityError: each time, another process took a turn of that conversation between our look and our write.
        with suppress(IntegrityError):
            return await self._database.write(claimed)
        return None

    async def untold(
        self,
        serving: Collection[tuple[str, str]],
        *,
        since: float,
        after: Waiting | None = None,
        heads: bool = False,
        limit: int = 20,
    ) -> list[Waiting]:
        monotonic = self._clock.monotonic()
        return await self._database.read(
            lambda connection: waiting.untold(
                connection, serving, monotonic, since=since, after=after, heads=heads, limit=limit
            )
        )

    async def hold(self, lease: Lease, turn: TurnId) -> Turn | None:
        monotonic = self._clock.monotonic()
        return await self._database.write(lambda connection: waiting.hold(connection, lease, turn, monotonic))

    async def before(self, turn: Turn, *, all_busy: bool) -> int:
        monotonic = self._clock.monotonic()
        return await self._database.read(
            lambda connection: waiting.before(connection, turn, monotonic, all_busy=all_busy)
        )

    async def renew(self, lease: Lease, held: Collection[TurnId] | None = None) -> Mapping[TurnId, bool | None]:
        """Where `held` is given, other turns of this owner are not prolonged: a claim of which it never heard, because
        the connection broke at the commit, lapses and is made again.
        """
        monotonic = self._clock.monotonic()
        return await self._database.write(lambda connection: claims.renew(connection, lease, held, monotonic))

    async def release(self, owner: str) -> None:
        await self._database.rest()
        await self._rarely(lambda connection: claims.release(connection, owner))

    # ---- how far a turn has come

    async def asking(self, turn: Turn, coze_conversation: str, *, at: float) -> None:
        await self._database.write(lambda connection: record.asking(connection, turn, coze_conversation, at))

    async def forget_conversation(self, turn: Turn) -> None:
        await self._database.write(lambda connection: record.forget_conversation(connection, turn))

    async def streaming(self, turn: Turn, chat: str) -> None:
        await self._write(turn, state=TurnState.STREAMING, coze_chat=chat)

    async def remember(self, partial: Mapping[Turn, str]) -> None:
        await self._database.write(lambda connection: record.remember(connection, partial))

    async def finalising(self, turn: Turn, answer: str, *, pending: str = "") -> None:
        # Nobody else changes what it waits for: it has one open turn.
        single = not (turn.pending or pending)
        if single:
            await self._write(turn, state=TurnState.FINALISING, answer=answer)
        else:
            await self._database.write(lambda connection: record.finalising(connection, turn, answer, pending))

    async def prepared(self, turn: Turn, files: Sequence[File]) -> None:
        await self._write(turn, files=dump(files))

    async def uploaded(self, library: str, digest: str) -> str:
        now = self._clock.now()
        return await self._database.read(lambda connection: uploads.uploaded(connection, library, digest, now))

    async def keep_upload(self, library: str, digest: str, file_id: str, *, seconds: float) -> None:
        until = self._clock.now() + seconds
        await self._database.write(
            lambda connection: uploads.keep(connection, library, digest, file_id, until), single=True
        )

    async def settle(self, turn: Turn, state: TurnState, error: str = "") -> None:
        end = {"state": state, "error": error, "settled_at": self._clock.now(), "lease": "", **claims.NO_LEASE}
        await self._write(turn, **end, **({"answer": "", "files": []} if turn.conversation is None else {}))

    async def postpone(self, turn: Turn, state: TurnState, *, until: float, attempts: int, error: str = "") -> None:
        anew = record.NOT_ASKED if state == TurnState.RECEIVED else {}
        later = {"state": state, "attempts": attempts, "error": error, "lease": "", **anew, **claims.NO_LEASE}
        seconds, monotonic = until - self._clock.now(), self._clock.monotonic()

        async def write(connection: AsyncConnection) -> None:
            due = claims.lease_time(connection, monotonic) + seconds if seconds > 0 else 0.0
            await claims.write(connection, turn, not_before=due, **later)

        await self._database.write(write, single=True)
        if seconds <= 0:
            self._ring()

    def _ring(self) -> None:
        """Others may have something to claim or to cancel."""
        if self.peers is not None:
            self.peers.ring()

    async def _rarely(self, work: Work[Result]) -> Result:
        """A transaction of a kind that is so rare that the others may be told in it, also by who is none of them."""

        async def told(connection: AsyncConnection) -> Result:
            result = await work(connection)
            await bell.call(connection)
            return result

        return await self._database.write(told)

    async def _write(self, turn: Turn, **values: Any) -> None:
        await self._database.write(lambda connection: claims.write(connection, turn, **values), single=True)

    # ---- what stands on the platform

    async def posts(self, turn: Turn) -> list[Post]:
        return await self._database.read(lambda connection: record.posts_of(connection, turn))

    async def near(self, turn: Turn) -> Near:
        return await self._database.read(lambda connection: record.near(connection, turn))

    async def keep_post(self, turn: Turn, post: Post) -> None:
        await self._database.write(lambda connection: record.keep(connection, turn, post))

    async def adopt_post(self, turn: Turn, post: Post, *, sure: bool) -> bool:
        return await self._database.write(lambda connection: record.adopt(connection, turn, post, sure=sure))

    async def drop_post(self, turn: Turn, page: int) -> None:
        await self._database.write(lambda connection: record.drop(connection, turn, page))

    async def repaint(self, turn: Turn, pages: Collection[int]) -> bool:
        try:
            done = await self._database.write(lambda connection: record.repaint(connection, turn, pages))
        except IntegrityError:
            return False  # another turn of its conversation has just been claimed
        self._ring()
        return done

    # ---- when to keep still

    async def penalise(self, name: str, seconds: float) -> None:
        now = self._clock.now()
        await self._database.write(lambda connection: penalties.penalise(connection, name, seconds, now))

    async def penalties(self) -> Mapping[str, float]:
        now = self._clock.now()
        return await self._database.read(lambda connection: penalties.living(connection, now))

    # ---- for the worker's sleep, the operator and the metrics

    async def next_due(self) -> float | None:
        monotonic = self._clock.monotonic()
        return await self._database.read(lambda connection: listing.next_due(connection, monotonic))

    async def turns(self, *, states: Collection[str] = (), since: float = 0.0, limit: int = 50) -> list[TurnSummary]:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        return await self._database.read(
            lambda connection: listing.newest(connection, states, since, limit, now, monotonic)
        )

    async def turn(self, turn_id: int) -> TurnSummary | None:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        return await self._database.read(lambda connection: listing.one(connection, turn_id, now, monotonic))

    async def ask_again(self, turn_id: int) -> bool:
        return await self._rarely(lambda connection: record.receive_again(connection, turn_id))

    async def cancel(self, turn_id: int) -> bool:
        return await self._rarely(lambda connection: record.flag(connection, turns.c.id == turn_id))

    async def waiting(self) -> Mapping[str, int]:
        return await self._database.read(listing.waiting)

    async def oldest_due(self) -> float | None:
        monotonic = self._clock.monotonic()
        return await self._database.read(lambda connection: listing.oldest_due(connection, monotonic))

    async def void_leases(self) -> None:
        """Ends all leases and waits: for a database that nobody else can have open. The clock of before may be gone."""
        await self._database.write(claims.begin_anew)

    async def aclose(self) -> None:
        await self._database.aclose()
