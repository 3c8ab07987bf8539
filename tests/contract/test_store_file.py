"""An SQLite file: it shrinks after what was erased, and holds no copy of it."""

import logging
import shutil
import sqlite3
from collections import namedtuple
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from bridge.model import TurnState
from storage import SqlStore, housekeeping, migrate, open_store
from tests.clocks import StillClock
from tests.contract.store_contract import claim, message, order, person, receive

WORD = "CanaryOfAnn"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bridge.db"


@pytest.fixture
def url(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"


@pytest.fixture
async def opened(url: str, clock: StillClock) -> AsyncIterator[SqlStore]:
    store = await open_store(url, clock)
    yield store
    await store.aclose()


async def talk(store: SqlStore, number: int, sender: str, answer: str) -> None:
    """A question is asked and answered, as the worker writes it down: the answer grows."""
    await receive(store, message(f"{number:06d}", sender=sender))
    turn = await claim(store)
    await store.asking(turn, f"coze of {turn.conversation}", at=1.0)
    await store.streaming(turn, "chat")
    await store.remember({turn: answer[: len(answer) // 3]})
    await store.finalising(turn, answer)
    await store.settle(turn, TurnState.DELIVERED)


async def fill(store: SqlStore, people: str = "ab", times: int = 60) -> None:
    """They talk in turns, and get answers of all lengths; those to ann hold WORD throughout."""
    for number in range(times):
        sender = people[number % len(people)]
        word = WORD if sender == "a" else "other words"
        await talk(store, number, sender, f"{word} " * (1, 8, 60, 700)[number // 2 % 4])


def found(file: Path) -> int:
    """How often WORD stands in the files of the database."""
    files = list(file.parent.glob(file.name + "*"))
    assert len(files) > 1
    return sum(one.read_bytes().count(WORD.encode()) for one in files)


async def number(store: SqlStore, sender: str) -> int:
    return next(one.id for one in await store.people() if one.sender == sender)


def pragma(file: Path, name: str) -> int:
    with closing(sqlite3.connect(file)) as looking:
        return int(looking.execute(f"PRAGMA {name}").fetchone()[0])


async def test_a_new_file_can_shrink_and_what_is_deleted_is_overwritten(
    url: str, file: Path, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    store = await open_store(url, clock)
    assert pragma(file, "auto_vacuum") == 2
    assert await order(store._database, "PRAGMA secure_delete") == 1
    await store.aclose()
    assert not any("anew" in one.getMessage() for one in caplog.records), "it is made so"


async def test_after_a_forget_nothing_is_left_in_the_files(opened: SqlStore, file: Path, url: str) -> None:
    await fill(opened)
    assert found(file) > 100
    guest = await open_store(url, StillClock(), guest=True)
    await guest.forget([await number(guest, "a")])
    assert await guest.scrub()
    await guest.aclose()
    assert found(file) == 0
    assert len(await opened.turns()) == 30


async def test_while_somebody_reads_what_was_before_copies_are_left_and_said_to_be(
    opened: SqlStore, file: Path
) -> None:
    await fill(opened, times=8)
    with closing(sqlite3.connect(file, isolation_level=None)) as reading:
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM turns").fetchone()
        await opened.forget([await number(opened, "a")])
        assert not await opened.scrub()
        assert found(file) > 0
    await opened.tidy()
    assert found(file) == 0, "the next round of the housekeeping takes them away"


async def test_a_large_file_is_not_written_anew_while_others_wait(
    opened: SqlStore, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "SCRUBBED", 1)
    await fill(opened, times=8)
    before = found(file)
    await opened.forget([await number(opened, "a")])
    assert not await opened.scrub()
    assert found(file) < before / 10, "most of it is overwritten all the same"


async def test_a_code_that_was_delivered_is_gone_with_the_next_round(opened: SqlStore, file: Path) -> None:
    away = message("1", sender="eve")
    await opened.turn_away(away, person("eve"), f"your code is {WORD}", code="digest", seconds=9, most=9)
    await opened.settle(await claim(opened), TurnState.DELIVERED)
    assert found(file) > 0
    await opened.tidy()
    assert found(file) == 0


async def test_erased_words_give_their_room_back_to_the_disk(opened: SqlStore, file: Path, clock: StillClock) -> None:
    await fill(opened, times=240)
    await opened.tidy()
    full = file.stat().st_size
    clock.time += 1
    while await opened.erase_texts(clock.time, most=100):
        pass
    await opened.tidy()
    assert pragma(file, "freelist_count") == 0
    assert file.stat().st_size < full / 3
    assert file.with_name(file.name + "-wal").stat().st_size == 0
    with closing(sqlite3.connect(file)) as looking:
        assert looking.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert looking.execute("PRAGMA foreign_key_check").fetchall() == []
    assert len(await opened.turns(limit=1000)) == 240


# ---- files of before


async def older(url: str, file: Path, clock: StillClock) -> None:
    """A file as versions before made it, with something in it."""
    store = await open_store(url, clock)
    await fill(store, times=8)
    await store.aclose()
    with closing(sqlite3.connect(file, isolation_level=None)) as before:
        before.execute("PRAGMA journal_mode = DELETE")
        before.execute("PRAGMA auto_vacuum = NONE")
        before.execute("VACUUM")
    assert pragma(file, "auto_vacuum") == 0


@pytest.mark.parametrize("way", ["migrate", "run"])
async def test_a_file_of_before_is_converted_once(
    url: str, file: Path, clock: StillClock, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    await older(url, file, clock)
    caplog.set_level(logging.INFO)
    for _ in range(2):
        if way == "migrate":
            await migrate(url)
        else:
            await (await open_store(url, clock)).aclose()
        assert pragma(file, "auto_vacuum") == 2
    assert sum("was written anew in" in one.getMessage() for one in caplog.records) == 1
    store = await open_store(url, clock)
    assert len(await store.turns()) == 8
    await store.aclose()


async def test_without_room_for_it_a_file_of_before_stays_as_it_is(
    url: str, file: Path, clock: StillClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await older(url, file, clock)
    caplog.set_level(logging.INFO)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**6, 10**6 - 5, 5))
    store = await open_store(url, clock)
    await store.tidy()
    assert len(await store.turns()) == 8
    await store.aclose()
    assert pragma(file, "auto_vacuum") == 0
    assert any("not written anew" in one.getMessage() for one in caplog.records)


async def test_a_guest_does_not_convert(url: str, file: Path, clock: StillClock) -> None:
    await older(url, file, clock)
    await (await open_store(url, clock, guest=True)).aclose()
    assert pragma(file, "auto_vacuum") == 0
