"""The Store against a dict: never two open turns in a conversation, none lost, none out of order, none twice."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bridge.errors import LeaseLost
from bridge.model import OPEN, SETTLED, UNSETTLED, File, Lease, Post, Standing, Turn, TurnId, TurnState
from bridge.ports import Effect, TurnedAway
from storage import SqlStore, migrate, open_store
from tests.clocks import StillClock
from tests.contract.store_contract import SERVING, empty, message, pass_time, person, place, postgres_database

CHATS = st.sampled_from(["x", "y"])
OWNERS = st.sampled_from(["one", "two"])
SENDERS = st.sampled_from(["ann", "eve", "mallory"])
SORTS = st.sampled_from("abcde")
LEASE_SECONDS = 30.0
GATHER = 5.0


@dataclass(slots=True)
class Row:
    """What we remember of a turn."""

    id: int
    key: str
    queue: tuple[str, int] | None
    """Chat, and the number of its conversation there; None for a command."""
    sort: str
    received_at: float
    state: TurnState = TurnState.RECEIVED
    not_before: float = 0.0
    owner: str | None = None
    lease: str = ""
    lease_until: float = 0.0
    cancelled: bool = False
    attempts: int = 0
    sender: str = "ann"
    album: str = ""
    asked: bool = False
    parts: tuple[str, ...] = ()
    """Keys of the messages that it is made of, in their order."""
    posts: dict[int, Post] = field(default_factory=dict)

    @property
    def place(self) -> tuple[str, int]:
        return self.sort, self.id

    def cancel(self) -> None:
        """Asked for, and due at once; but for a whole answer, which the platform's penalty puts off."""
        self.cancelled = True
        if self.state is not TurnState.FINALISING:
            self.not_before = 0.0


class StoreMachine(RuleBasedStateMachine):
    """Does to a Store and to a dict the same things, and compares."""

    where = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[int, Row] = {}
        self.forgotten: dict[int, Row] = {}
        self.told_until: dict[str, float] = {}
        self.current = {"x": 0, "y": 0}
        """Number of the conversation that goes on in that chat; it has none yet if nothing was asked in it."""
        self.begun = {"x": 0, "y": 0}
        self.asked_in: dict[tuple[str, int], float] = {}
        """When something was asked in a conversation last."""
        self.conversations: dict[tuple[str, int], int] = {}
        """Their rows, as far as they were seen."""
        self.claims: list[Turn] = []
        self.keys = 0
        self.clock = StillClock()
        self.runner = asyncio.Runner()
        self.directory = tempfile.mkdtemp()

    @initialize()
    def open(self) -> None:
        url = str(POSTGRES[0]) if self.where == "postgresql" else f"sqlite+aiosqlite:///{self.directory}/bridge.db"
        if self.where == "postgresql":
            self.runner.run(empty(url))
        else:
            shutil.copy(migrated_file(), f"{self.directory}/bridge.db")
        self.store: SqlStore = self.runner.run(open_store(url, self.clock))

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.runner.run(self.store.aclose())
        self.runner.close()
        shutil.rmtree(self.directory)

    # ---- what the model thinks

    def line(self, queue: tuple[str, int]) -> list[Row]:
        """The unsettled turns of a conversation: the open one first, then in their order."""
        rows = [row for row in self.rows.values() if row.queue == queue and row.state in UNSETTLED]
        return sorted(rows, key=lambda row: (row.state not in OPEN, row.place))

    def eligible(self) -> list[Row]:
        now = self.clock.time
        rows = [row for row in self.rows.values() if row.state in UNSETTLED]
        rows = [row for row in rows if row.queue is None or self.line(row.queue)[0] is row]
        rows = [row for row in rows if row.not_before <= now and row.lease_until <= now]
        # Commands stand in no line: they come first.
        return sorted(rows, key=lambda row: (row.queue is not None, row.received_at, row.id))

    def joined(self, head: Row) -> list[Row]:
        """What waits of the album of that claimed question, which becomes part of it."""
        if not head.album or head.asked or head.state is not TurnState.CLAIMED:
            return []
        rows = [row for row in self.line(head.queue or ("", 0)) if row.album == head.album and row.place > head.place]
        rows = [row for row in rows if row.state is TurnState.RECEIVED and not row.attempts and row.owner is None]
        return [row for row in rows if not row.posts and (head.cancelled or not row.cancelled)]

    def renew_conversation(self, chat: str) -> None:
        """The next question begins another one, if something was ever asked in this one."""
        if (chat, self.current[chat]) in self.asked_in:
            self.begun[chat] += 1
            self.current[chat] = self.begun[chat]

    def row(self, turn: Turn) -> Row:
        return self.rows.get(turn.id) or self.forgotten[turn.id]

    def holds(self, turn: Turn) -> bool:
        return turn.id in self.rows and self.rows[turn.id].lease == turn.lease

    def new_key(self) -> str:
        self.keys += 1
        return f"key {self.keys}"

    def advance(self, turn: Turn, call: Any, **change: Any) -> None:
        """Calls a fenced method: it changes the row, or raises LeaseLost if the claim was replaced."""
        row = self.row(turn)
        if not self.holds(turn):
            with pytest.raises(LeaseLost):
                self.runner.run(call)
            return
        self.runner.run(call)
        for name, value in change.items():
            setattr(row, name, value)

    def any_claim(self, data: st.DataObject) -> Turn:
        """A claim that stands, or now and then one that was replaced."""
        standing = [turn for turn in self.claims if self.holds(turn)]
        replaced = not standing or data.draw(st.integers(0, 4)) == 4
        return data.draw(st.sampled_from(self.claims if replaced else standing))

    # ---- what can happen

    @rule(chat=CHATS, sort=SORTS, album=st.sampled_from(["", "", "A", "B"]), act=st.sampled_from(["", "", "clear"]))
    def receive(self, chat: str, sort: str, album: str, act: str) -> None:
        key = self.new_key()
        given = replace(message(key, chat=chat, sort=sort), files=(File(kind="photo", ref=key),), album=album)
        inbound = given if album else replace(given, act=act)
        made = self.runner.run(self.store.receive(inbound, person(), place(inbound), gather=GATHER))
        self.told_until.pop("ann", None)  # she is let in
        assert made is not None
        assert made not in self.rows.keys() | self.forgotten.keys()
        queue = (chat, self.current[chat])
        new = Row(id=made, key=key, queue=queue, sort=sort, received_at=self.clock.time, album=album, parts=(key,))
        self.rows[made] = new
        self.asked_in[queue] = self.clock.time
        if album:
            waits = [row for row in self.line(queue) if row.album == album and row.state is TurnState.RECEIVED]
            for row in waits:
                if not (row.attempts or row.posts or row.owner or row.cancelled):
                    row.not_before = self.clock.time + GATHER

    @precondition(lambda self: self.rows)
    @rule(chat=CHATS, sort=SORTS, data=st.data())
    def receive_again(self, chat: str, sort: str, data: st.DataObject) -> None:
        old = message(self.rows[data.draw(st.sampled_from(sorted(self.rows)))].key, chat=chat, sort=sort)
        assert self.runner.run(self.store.receive(old, person(), place(old))) is None
        assert self.runner.run(self.store.obey(old, person(), place(old), Effect.RENEW, str)) is None

    @rule(chat=CHATS, effect=st.sampled_from(Effect))
    def obey(self, chat: str, effect: Effect) -> None:
        inbound = message(self.new_key(), chat=chat)
        standing = self.runner.run(self.store.obey(inbound, person(), place(inbound), effect, lambda _: "said"))
        line = self.line((chat, self.current[chat]))
        first = TurnId(line[0].id) if line else None
        heads = {(row.album or row.id) for row in line if row.state is TurnState.RECEIVED}
        opened = [row for row in line if row.state in OPEN]
        assert standing == Standing(running=first, waiting=max(0, len(heads) + len(opened) - 1))
        if effect is Effect.CANCEL and line:
            line[0].cancel()
        if effect is Effect.RENEW:
            self.renew_conversation(chat)
        self.told_until.pop("ann", None)
        self.answered(inbound.key, "ann")

    @rule(chat=CHATS, idle=st.sampled_from([0.0, 20.0]))
    def retire(self, chat: str, idle: float) -> None:
        queue, before = (chat, self.current[chat]), self.clock.time - idle + 0.5
        goes_on = bool(self.line(queue)) or self.asked_in.get(queue, -1.0) >= before
        assert self.runner.run(self.store.retire(place(message("", chat=chat)), before)) != goes_on
        if not goes_on:
            self.renew_conversation(chat)

    @precondition(lambda self: self.conversations)
    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        queue = data.draw(st.sampled_from(sorted(self.conversations)))
        inbound = message(self.new_key(), chat=queue[0])
        call = self.store.resume(inbound, person(), place(inbound), self.conversations[queue], "said")
        exists = queue in self.asked_in
        assert self.runner.run(call) == exists
        self.told_until.pop("ann", None)
        if exists:
            self.current[queue[0]] = queue[1]
            self.answered(inbound.key, "ann")

    @rule(chat=CHATS)
    def list_pasts(self, chat: str) -> None:
        found = self.runner.run(self.store.pasts(place(message("", chat=chat)), person(), limit=1000))
        times = {queue: time for queue, time in self.asked_in.items() if queue[0] == chat}
        assert [one.used_at for one in found] == sorted(times.values(), reverse=True)
        goes_on = [one.id for one in found if one.current]
        assert len(goes_on) == ((chat, self.current[chat]) in times)

    def answered(self, key: str, sender: str) -> None:
        """The newest turn was born with its answer."""
        (listed,) = self.runner.run(self.store.turns(limit=1))
        born = Row(id=listed.id, key=key, queue=None, sort="", received_at=self.clock.time, sender=sender)
        born.state = TurnState.FINALISING
        self.rows[listed.id] = born

    @rule(sender=SENDERS)
    def turn_away(self, sender: str) -> None:
        inbound = message(self.new_key(), sender=sender)
        living = [told for told in self.told_until.values() if told > self.clock.time]
        call = self.store.turn_away(inbound, person(sender), "no", code="", seconds=20.0, most=2)
        away = self.runner.run(call)
        if len(living) >= 2:
            assert away is TurnedAway.CROWDED
        elif self.told_until.get(sender, 0.0) > self.clock.time:
            assert away is TurnedAway.SILENT
        else:
            assert away is TurnedAway.TOLD
            self.told_until[sender] = self.clock.time + 20.0
            self.answered(inbound.key, sender)

    @rule(sender=SENDERS)
    def forget(self, sender: str) -> None:
        found = self.runner.run(self.store.people(sender=sender))
        gone = {row.id: row for row in self.rows.values() if row.sender == sender}
        erased = self.runner.run(self.store.forget([one.id for one in found]))
        assert (erased.turns, erased.posts) == (len(gone), sum(len(row.posts) for row in gone.values()))
        self.forgotten |= gone
        if gone and sender == "ann":
            self.asked_in, self.conversations = {}, {}
            for chat in self.begun:
                self.begun[chat] += 1
                self.current[chat] = self.begun[chat]
        self.rows = {number: row for number, row in self.rows.items() if number not in gone}
        self.told_until.pop(sender, None)

    @rule(owner=OWNERS)
    def claim(self, owner: str) -> None:
        expected = self.eligible()
        turn = self.runner.run(self.store.claim(Lease(owner=owner, seconds=LEASE_SECONDS), SERVING))
        assert (turn and turn.id) == (expected[0].id if expected else None)
        if turn is None:
            return
        row = expected[0]
        row.state = TurnState.CLAIMED if row.state is TurnState.RECEIVED else row.state
        row.owner, row.lease, row.lease_until = owner, turn.lease, self.clock.time + LEASE_SECONDS
        assert (turn.state, turn.cancelled, turn.attempts) == (row.state, row.cancelled, row.attempts)
        if row.queue is not None:
            assert turn.conversation is not None
            assert self.conversations.setdefault(row.queue, turn.conversation) == turn.conversation
            parts = self.joined(row)
            assert turn.merged == len(parts)
            for part in parts:
                part.state, row.parts = TurnState.DELIVERED, row.parts + part.parts
            assert tuple(file.ref for file in turn.files) == row.parts
        assert turn.lease not in {earlier.lease for earlier in self.claims}
        self.claims.append(turn)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        turn = self.any_claim(data)
        if turn.conversation is None:
            return
        row = self.row(turn)
        if row.state is TurnState.CLAIMED:
            self.advance(turn, self.store.asking(turn, "coze", at=1.0), asked=True)
            self.advance(turn, self.store.streaming(turn, "chat"), state=TurnState.STREAMING)
        else:
            self.advance(turn, self.store.finalising(turn, "answer"), state=TurnState.FINALISING)

    @precondition(lambda self: self.claims)
    @rule(state=st.sampled_from(SETTLED), data=st.data())
    def settle(self, state: TurnState, data: st.DataObject) -> None:
        turn = self.any_claim(data)
        self.advance(turn, self.store.settle(turn, state), state=state, lease="", owner=None, lease_until=0.0)

    @precondition(lambda self: self.claims)
    @rule(delay=st.sampled_from([0.0, 10.0, 60.0]), anew=st.booleans(), data=st.data())
    def postpone(self, delay: float, anew: bool, data: st.DataObject) -> None:
        turn = self.any_claim(data)
        row = self.row(turn)
        state = TurnState.RECEIVED if anew and row.queue else row.state
        until, attempts = self.clock.time + delay, row.attempts + 1
        call = self.store.postpone(turn, state, until=until, attempts=attempts)
        end = {"lease": "", "owner": None, "lease_until": 0.0}
        asked = row.asked and state is not TurnState.RECEIVED
        self.advance(turn, call, state=state, not_before=until, attempts=attempts, asked=asked, **end)

    @precondition(lambda self: self.claims)
    @rule(page=st.integers(0, 1), drop=st.booleans(), data=st.data())
    def post(self, page: int, drop: bool, data: st.DataObject) -> None:
        turn = self.any_claim(data)
        posts = dict(self.row(turn).posts)
        if drop:
            posts.pop(page, None)
            self.advance(turn, self.store.drop_post(turn, page), posts=posts)
        else:
            posts[page] = Post(page=page, message_id=f"m{len(self.claims)}")
            self.advance(turn, self.store.keep_post(turn, posts[page]), posts=posts)
        if self.holds(turn):
            assert self.runner.run(self.store.posts(turn)) == [posts[page] for page in sorted(posts)]

    @rule(owner=OWNERS)
    def renew(self, owner: str) -> None:
        held = [row for row in self.rows.values() if row.owner == owner]
        renewed = self.runner.run(self.store.renew(Lease(owner=owner, seconds=LEASE_SECONDS)))
        assert renewed == {row.id: row.cancelled for row in held}
        for row in held:
            row.lease_until = self.clock.time + LEASE_SECONDS

    @rule(owner=OWNERS)
    def release(self, owner: str) -> None:
        self.runner.run(self.store.release(owner))
        for row in self.rows.values():
            if row.owner == owner:
                row.owner, row.lease_until = None, 0.0

    @precondition(lambda self: self.rows)
    @rule(again=st.booleans(), data=st.data())
    def by_hand(self, again: bool, data: st.DataObject) -> None:
        row = self.rows[data.draw(st.sampled_from(sorted(self.rows)))]
        if not again:
            assert self.runner.run(self.store.cancel(row.id)) == (row.state in UNSETTLED)
            if row.state in UNSETTLED:
                row.cancel()
            return
        can = row.state in (TurnState.FAILED, TurnState.CANCELLED) and row.queue is not None
        assert self.runner.run(self.store.ask_again(row.id)) == can
        if can:
            row.state = TurnState.RECEIVED
            row.attempts, row.not_before, row.cancelled, row.asked = 0, 0.0, False, False

    @rule(seconds=st.sampled_from([1.0, 15.0, 31.0]))
    def time_passes(self, seconds: float) -> None:
        self.runner.run(pass_time(self.store, self.clock, seconds))

    # ---- what holds at any time

    @invariant()
    def nothing_is_lost_or_twice(self) -> None:
        if not hasattr(self, "store"):
            return
        listed = self.runner.run(self.store.turns(limit=1000))
        assert {turn.id: turn.state for turn in listed} == {row.id: row.state for row in self.rows.values()}
        queues = [row.queue for row in self.rows.values() if row.queue and row.state in OPEN]
        assert len(queues) == len(set(queues))


class PostgresMachine(StoreMachine):
    """The same on PostgreSQL."""

    where = "postgresql"


POSTGRES: list[str] = []


@pytest.fixture
def postgres() -> Iterator[None]:
    with postgres_database() as url:
        asyncio.run(migrate(url))
        POSTGRES.append(url)
        yield
        POSTGRES.remove(url)


@cache
def migrated_file() -> Path:
    """A migrated SQLite database to copy."""
    path = Path(tempfile.mkdtemp()) / "template.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{path}"))
    return path


def budget(examples: int) -> settings:
    unhurried = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=unhurried)


@pytest.mark.timeout(400)
def test_sqlite_agrees_with_a_dict() -> None:
    migrated_file()
    run_state_machine_as_test(StoreMachine, settings=budget(10))


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("postgres")
def test_postgresql_agrees_with_a_dict() -> None:
    run_state_machine_as_test(PostgresMachine, settings=budget(5))
