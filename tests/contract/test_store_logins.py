"""What the Store promises of who is logged in to Coze; on both databases."""

import asyncio
from typing import Any

import pytest

from bridge.model import Access
from bridge.ports import Logins
from storage import SqlStore
from storage.engine import Database
from storage.logins import SqlLogins
from tests.clocks import StillClock
from tests.contract.store_contract import message, order, person, receive


def test_they_are_logins() -> None:
    check: type[Logins] = SqlLogins
    assert check


async def test_who_comes_back_is_known_once_and_not_too_late(store: SqlStore, clock: StillClock) -> None:
    for state, seconds in (("one", 60.0), ("two", 120.0)):
        await store.logins.begin_login(person(language="zh"), state, f"sealed {state}", seconds=seconds)
    assert await store.logins.end_login("unknown") is None
    found = await store.logins.end_login("one")
    assert found == (person(language="zh"), "sealed one")
    assert await store.logins.end_login("one") is None
    clock.time += 120
    assert await store.logins.end_login("two") is None
    assert (await store.acquaintance(person())).access is Access.OPEN


async def test_only_one_of_two_comes_back(store: SqlStore) -> None:
    await store.logins.begin_login(person(), "state", "sealed", seconds=60)
    found = await asyncio.gather(*(store.logins.end_login("state") for _ in range(6)))
    assert sum(one is not None for one in found) == 1


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
    await store.logins.begin_login(person(), "late", "sealed", seconds=60)
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
    await store.logins.begin_login(person(), "state", "sealed", seconds=10)
    assert [who for who, _ in await store.logins.logins()] == ["coze-ann", "coze-eve"]
    clock.time += 60
    assert [who for who, _ in await store.logins.logins()] == ["coze-eve"]
    assert await store.logins.login("coze-ann") == ""
    clock.time += 3600
    await store.tidy()
    assert await order(store._database, "SELECT count(*) FROM logins") == 1
    assert await order(store._database, "SELECT count(*) FROM login_attempts") == 0


async def test_of_somebody_who_was_forgotten_meanwhile_nothing_is_kept(store: SqlStore, clock: StillClock) -> None:
    await store.logins.begin_login(person(), "state", "sealed", seconds=60)
    (ann,) = await store.people()
    await store.forget([ann.id])
    assert await store.logins.end_login("state") is None
    assert not await store.logins.keep_login(person(), "tokens", until=clock.time + 60)
