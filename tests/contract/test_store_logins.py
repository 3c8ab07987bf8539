"""What the Store promises of who is logged in to Coze; on both databases."""

import asyncio
from typing import Any

import pytest

from bridge.model import Access, TurnState, User
from bridge.ports import Logins, Told
from storage import SqlStore
from storage.engine import Database
from storage.logins import SqlLogins
from storage.opening import open_store
from tests.clocks import StillClock
from tests.contract.store_contract import claim, message, order, person, receive


def told(key: str, who: User | None = None, *, reply: str = "reply") -> Told:
    """That somebody, Ann unless told otherwise, wrote /login, and what they are told."""
    who = who or person()
    return Told(inbound=message(key, sender=who.sender), who=who, reply=reply)


async def waits(store: SqlStore, sealed: str = "sealed", who: User | None = None) -> str:
    """Somebody's login waits for what they are to say; under which state."""
    who = who or person()
    place = f"place of {who.sender}"
    await store.logins.begin_login(told(f"begin {sealed} {who.sender}", who), f"state {sealed}", sealed, seconds=60)
    assert await store.logins.end_login(f"state {sealed}") == (who, sealed)
    assert await store.logins.hold_login(who, place, sealed, seconds=60)
    return place


async def replies(store: SqlStore) -> list[str]:
    """What waits to be said, in the order in which it came."""
    found = []
    while (await store.waiting())[TurnState.FINALISING]:
        turn = await claim(store)
        assert turn.question == ""  # whatever was written behind the command
        found.append(turn.answer)
        await store.settle(turn, TurnState.DELIVERED)
    return found


def test_they_are_logins() -> None:
    check: type[Logins] = SqlLogins
    assert check


async def test_who_comes_back_is_known_once_and_not_too_late(store: SqlStore, clock: StillClock) -> None:
    ann, eve = person(language="zh"), person("eve")
    await store.logins.begin_login(told("a", ann), "one", "sealed one", seconds=60)
    await store.logins.begin_login(told("b", eve), "two", "sealed two", seconds=120)
    assert await store.logins.end_login("unknown") is None
    assert await store.logins.end_login("one") == (ann, "sealed one")
    assert await store.logins.end_login("one") is None
    clock.time += 120
    assert await store.logins.end_login("two") is None
    assert (await store.acquaintance(person())).access is Access.OPEN


async def test_only_one_of_two_comes_back(store: SqlStore) -> None:
    await store.logins.begin_login(told("a"), "state", "sealed", seconds=60)
    found = await asyncio.gather(*(store.logins.end_login("state") for _ in range(6)))
    assert sum(one is not None for one in found) == 1


async def test_what_is_begun_is_told_once_and_takes_the_place_of_what_was_begun_before(store: SqlStore) -> None:
    await store.logins.begin_login(told("a", reply="one"), "one", "sealed", seconds=60)
    await store.logins.begin_login(told("b", reply="two"), "two", "sealed", seconds=60)
    # The platform did not hear that we have it, and says it again.
    await store.logins.begin_login(told("a", reply="again"), "again", "sealed", seconds=60)
    assert await replies(store) == ["one", "two"]
    assert await store.logins.end_login("one") is None
    assert await store.logins.end_login("again") is None
    assert await store.logins.end_login("two") is not None
    place = await waits(store)
    await store.logins.begin_login(told("c"), "three", "sealed", seconds=60)
    assert await store.logins.begun(place) == ""
    assert await store.logins.end_login("three") is not None


async def test_who_was_blocked_or_forgotten_meanwhile_begins_nothing(store: SqlStore) -> None:
    await receive(store, message("a"))
    (ann,) = await store.people()
    await store.decide([ann.id], Access.BLOCKED)
    await store.logins.begin_login(told("b"), "state", "sealed", seconds=60)
    assert await store.logins.end_login("state") is None
    await store.forget([ann.id])
    assert not await store.logins.hold_login(person(), "place", "sealed", seconds=60)
    assert await store.people() == []


async def test_who_comes_back_when_another_login_was_begun_has_come_in_vain(store: SqlStore) -> None:
    await store.logins.begin_login(told("a"), "one", "sealed", seconds=60)
    assert await store.logins.end_login("one") is not None
    await store.logins.begin_login(told("b"), "two", "sealed", seconds=60)
    assert not await store.logins.hold_login(person(), "place", "sealed", seconds=60)
    assert await store.logins.begun("place") == ""
    assert await store.logins.end_login("two") is not None


async def test_a_try_that_is_wrong_counts_once_and_the_right_one_logs_in(store: SqlStore, clock: StillClock) -> None:
    place = await waits(store, "3 left")
    wrong = told("a", reply="wrong")
    for _ in range(2):  # the platform says it twice
        assert await store.logins.try_login(wrong, place, instead="3 left", left="2 left")
        assert await store.logins.begun(place) == "2 left"
    assert not await store.logins.try_login(told("b"), place, instead="3 left", tokens="t", until=clock.time + 60)
    right = told("c", reply="right")
    assert await store.logins.try_login(right, place, instead="2 left", tokens="tokens", until=clock.time + 60)
    assert await store.logins.login("coze-ann") == "tokens"
    assert await store.logins.begun(place) == ""
    assert await store.logins.try_login(right, place, instead="2 left", tokens="again", until=clock.time + 60)
    assert await store.logins.login("coze-ann") == "tokens"
    assert await replies(store) == ["reply", "wrong", "right"]


async def test_after_the_last_try_a_login_is_over(store: SqlStore) -> None:
    place = await waits(store)
    assert await store.logins.try_login(told("a"), place, instead="sealed")
    assert await store.logins.begun(place) == ""
    assert await store.logins.login("coze-ann") == ""
    assert await order(store._database, "SELECT count(*) FROM login_attempts") == 0


async def test_nobody_else_finishes_a_login_and_nobody_too_late(store: SqlStore, clock: StillClock) -> None:
    place = await waits(store)
    more = {"instead": "sealed", "tokens": "tokens", "until": clock.time + 900}
    assert not await store.logins.try_login(told("a", person("eve")), place, **more)
    assert await store.logins.begun(place) == "sealed"
    clock.time += 60
    assert await store.logins.begun(place) == ""
    assert not await store.logins.try_login(told("b"), place, **more)
    assert await store.logins.logins() == []
    assert await replies(store) == ["reply"]


async def test_of_many_who_finish_a_login_at_once_one_does(store: SqlStore, store_url: str, clock: StillClock) -> None:
    """As many processes would: two stores on one database."""
    place = await waits(store)
    beside = await open_store(store_url, clock, guest=True)
    tries = [
        one.logins.try_login(told(f"{n}", reply=f"{n}"), place, instead="sealed", tokens=f"{n}", until=clock.time + 60)
        for n, one in enumerate([store, beside] * 4)
    ]
    finished = await asyncio.gather(*tries)
    await beside.aclose()
    assert sum(finished) == 1
    winner = str(finished.index(True))
    assert await store.logins.login("coze-ann") == winner
    assert await replies(store) == ["reply", winner]


async def test_tokens_are_kept_replaced_and_dropped(store: SqlStore, clock: StillClock) -> None:
    await receive(store, message("a"))
    assert await store.logins.login("coze-ann") == ""
    assert await store.logins.keep_login(person(), "one", until=clock.time + 60)
    assert await store.logins.login("coze-ann") == "one"
    assert not await store.logins.keep_login(person(), "two", until=clock.time + 90, instead="other")
    assert await store.logins.login("coze-ann") == "one"
    assert await store.logins.keep_login(person(), "two", until=clock.time + 90, instead="one")
    assert await store.logins.keep_login(person(), "three", until=clock.time + 99)
    assert await store.logins.logins() == [("coze-ann", clock.time + 99)]
    assert await store.logins.drop_login("coze-ann")
    assert not await store.logins.drop_login("coze-ann")
    assert not await store.logins.keep_login(person(), "late", until=clock.time + 99, instead="three")
    assert await store.logins.login("coze-ann") == ""


async def test_only_what_is_meant_is_dropped(store: SqlStore, clock: StillClock) -> None:
    await receive(store, message("a"))
    await store.logins.keep_login(person(), "new", until=clock.time + 60)
    assert not await store.logins.drop_login("coze-ann", kept="old")
    assert await store.logins.login("coze-ann") == "new"
    assert await store.logins.drop_login("coze-ann", kept="new")
    assert await store.logins.login("coze-ann") == ""


async def test_what_was_made_up_or_is_too_late_writes_nothing(
    store: SqlStore, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.logins.begin_login(told("a"), "late", "sealed", seconds=60)
    clock.time += 60
    written: list[Any] = []
    write = Database.write

    async def counted(database: Database, *about: Any, **more: Any) -> Any:
        written.append(about)
        return await write(database, *about, **more)

    monkeypatch.setattr(Database, "write", counted)
    assert await store.logins.end_login("made up") is None
    assert await store.logins.end_login("late") is None
    assert not written


async def test_of_many_who_refresh_at_once_one_does(store: SqlStore, clock: StillClock) -> None:
    await receive(store, message("a"))
    await store.logins.keep_login(person(), "old", until=clock.time + 60)
    refreshed = await asyncio.gather(
        *(store.logins.keep_login(person(), f"new {n}", until=clock.time + 60, instead="old") for n in range(6))
    )
    assert sum(refreshed) == 1
    assert await store.logins.login("coze-ann") == f"new {refreshed.index(True)}"


async def test_a_login_that_is_over_is_none_and_is_forgotten(store: SqlStore, clock: StillClock) -> None:
    for number, sender in enumerate(("eve", "ann"), start=1):
        await store.acquaint(person(sender))
        await store.logins.keep_login(person(sender), "tokens", until=clock.time + 100 / number)
    await store.logins.begin_login(told("a"), "state", "sealed", seconds=10)
    assert [who for who, _ in await store.logins.logins()] == ["coze-ann", "coze-eve"]
    clock.time += 60
    assert [who for who, _ in await store.logins.logins()] == ["coze-eve"]
    assert await store.logins.login("coze-ann") == ""
    clock.time += 3600
    await store.tidy()
    assert await order(store._database, "SELECT count(*) FROM logins") == 1
    assert await order(store._database, "SELECT count(*) FROM login_attempts") == 0


async def test_of_somebody_who_was_forgotten_meanwhile_nothing_is_kept(store: SqlStore, clock: StillClock) -> None:
    await store.logins.begin_login(told("a"), "state", "sealed", seconds=60)
    (ann,) = await store.people()
    await store.forget([ann.id])
    assert await store.logins.end_login("state") is None
    assert not await store.logins.keep_login(person(), "tokens", until=clock.time + 60)
