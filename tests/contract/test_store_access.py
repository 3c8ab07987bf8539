"""Who is let in, as the Store keeps it: tellings, codes, what the operator decides, and forgetting."""

import asyncio

import pytest

from bridge.errors import LeaseLost
from bridge.model import Access, Acquaintance, Erased, Post, TurnState, User
from bridge.ports import Effect, TurnedAway
from storage import SqlStore, open_store
from tests.clocks import StillClock
from tests.contract.store_contract import (
    MINE,
    SERVING,
    at_revision,
    claim,
    message,
    order,
    person,
    place,
    receive,
)

HOUR, DAY = 3600.0, 86400.0
TOLD, SILENT, SEEN, CROWDED = TurnedAway.TOLD, TurnedAway.SILENT, TurnedAway.SEEN, TurnedAway.CROWDED


async def turn_away(
    store: SqlStore, key: str, sender: str = "eve", *, code: str = "", seconds: float = HOUR, most: int = 100
) -> TurnedAway:
    inbound = message(key, sender=sender, chat=sender)
    return await store.turn_away(inbound, person(sender), f"reply to {key}", code=code, seconds=seconds, most=most)


async def number(store: SqlStore, sender: str) -> int:
    (found,) = await store.people(platform="telegram", sender=sender)
    return found.id


async def shown(store: SqlStore) -> dict[str, str]:
    """What `coze-bridge people` says of everybody."""
    return {one.sender: one.access for one in await store.people()}


# ---- telling


async def test_an_attempt_becomes_a_whole_answer_and_nothing_of_it_is_kept(store: SqlStore) -> None:
    assert await store.acquaintance(person("eve")) == Acquaintance()
    inbound = message("1", sender="eve", chat="eve")
    away = await store.turn_away(inbound, person("eve"), "a reply", code="digest", seconds=HOUR, most=100)
    assert away is TOLD
    turn = await claim(store)
    assert (turn.state, turn.answer, turn.conversation) == (TurnState.FINALISING, "a reply", None)
    assert (turn.address, turn.reply_to) == (inbound.address, inbound.reply_to)
    assert await store.acquaintance(person("eve")) == Acquaintance(access=Access.STRANGER, told=True, has_code=True)


async def test_what_was_told_is_forgotten_once_it_is_settled(store: SqlStore) -> None:
    for state in (TurnState.DELIVERED, TurnState.FAILED, TurnState.CANCELLED):
        assert await turn_away(store, f"told {state}", state) is TOLD
        turn = await claim(store)
        assert turn.answer
        await store.settle(turn, state)
        assert await answer_of(store, turn.id) == ""
        assert not await store.ask_again(turn.id)


async def answer_of(store: SqlStore, turn: int) -> str:
    return str(await order(store._database, f"SELECT answer FROM turns WHERE id = {turn}"))


async def test_nobody_is_told_twice_until_it_lapses(store: SqlStore, clock: StillClock) -> None:
    assert await turn_away(store, "1", code="one") is TOLD
    clock.time += HOUR - 1
    assert await turn_away(store, "2", code="two") is SILENT
    assert len(await store.turns()) == 1
    assert await store.admit("two") is None
    clock.time += 1
    assert not (await store.acquaintance(person("eve"))).told
    assert await turn_away(store, "3", code="three") is TOLD
    assert await store.admit("one") is None
    assert await store.admit("three") is not None


async def test_who_was_refused_without_a_code_may_be_told_one_once(store: SqlStore) -> None:
    assert await turn_away(store, "1", seconds=DAY) is TOLD
    assert await store.acquaintance(person("eve")) == Acquaintance(access=Access.STRANGER, told=True)
    assert await turn_away(store, "2", code="one") is TOLD
    assert await store.acquaintance(person("eve")) == Acquaintance(access=Access.STRANGER, told=True, has_code=True)
    assert await turn_away(store, "3", code="two") is SILENT
    assert await turn_away(store, "4") is SILENT
    assert await store.admit("one") is not None


async def test_the_same_message_again_changes_nothing_however_late(store: SqlStore, clock: StillClock) -> None:
    assert await turn_away(store, "1", code="one") is TOLD
    assert await turn_away(store, "1", code="two") is SEEN
    clock.time += HOUR
    assert await turn_away(store, "1", code="two") is SEEN
    assert len(await store.turns()) == 1
    assert not (await store.acquaintance(person("eve"))).told


async def test_only_so_many_are_told_at_a_time_on_each_account(store: SqlStore, clock: StillClock) -> None:
    for sender in "abc":
        assert await turn_away(store, sender, sender, most=3) is TOLD
    assert await turn_away(store, "d", "d", most=3) is CROWDED
    assert await store.people(platform="telegram", sender="d") == []
    elsewhere = User(platform="telegram", account="other", sender="d", coze_user="u", language="en")
    away = await store.turn_away(message("other d", sender="d"), elsewhere, "reply", code="", seconds=HOUR, most=3)
    assert away is TOLD
    clock.time += HOUR
    assert await turn_away(store, "d2", "d", most=3) is TOLD


async def test_at_the_same_moment_nobody_is_told_twice_nor_too_many(store: SqlStore) -> None:
    twice = await asyncio.gather(*(turn_away(store, f"eve {n}", "eve") for n in range(20)))
    assert sorted(twice) == sorted([TOLD] + [SILENT] * 19)
    many = await asyncio.gather(*(turn_away(store, f"s{n}", f"s{n}", most=10) for n in range(30)))
    assert many.count(TOLD) == 9
    assert many.count(CROWDED) == 21


async def test_strangers_who_gave_up_are_erased_and_nobody_else(store: SqlStore, clock: StillClock) -> None:
    await receive(store, message("0", sender="known"))
    for sender in ("known", "gone", "came in", "paired", "blocked"):
        assert await turn_away(store, sender, sender, code=sender) is TOLD
    await receive(store, message("1", sender="came in"))  # as ALLOW names them now
    await store.admit("paired")
    await store.decide([await number(store, "blocked")], Access.BLOCKED)
    assert (await shown(store))["came in"] == "known"
    clock.time += HOUR + DAY
    assert await turn_away(store, "last", "last") is TOLD
    assert "gone" in await shown(store)
    clock.time += 1
    assert await turn_away(store, "very last", "very last") is TOLD
    assert set(await shown(store)) == {"known", "came in", "paired", "blocked", "last", "very last"}
    assert len(await store.turns()) == 8


# ---- codes


async def test_a_code_admits_once(store: SqlStore) -> None:
    await turn_away(store, "1", "eve", code="digest")
    await turn_away(store, "2", "mallory", code="other")
    assert await store.admit("unknown") is None
    assert await store.admit("") is None
    admitted = await store.admit("digest")
    assert admitted is not None
    assert (admitted.sender, admitted.access) == ("eve", "paired")
    assert await store.admit("digest") is None
    assert await store.acquaintance(person("eve")) == Acquaintance(access=Access.PAIRED)
    assert (await store.acquaintance(person("mallory"))).access is Access.STRANGER


async def test_a_code_lives_as_long_as_it_was_said_to(store: SqlStore, clock: StillClock) -> None:
    await turn_away(store, "1", code="digest")
    clock.time += HOUR
    assert await store.admit("digest") is None
    await turn_away(store, "2", code="digest two")
    clock.time += HOUR - 1
    assert await store.admit("digest two") is not None


async def test_who_is_blocked_meanwhile_is_not_admitted_by_the_code(store: SqlStore) -> None:
    await turn_away(store, "1", code="digest")
    await store.decide([await number(store, "eve")], Access.BLOCKED)
    assert await store.admit("digest") is None
    assert (await store.acquaintance(person("eve"))).access is Access.BLOCKED


async def test_two_who_use_a_code_at_once_admit_once(store: SqlStore) -> None:
    await turn_away(store, "1", code="digest")
    admitted = await asyncio.gather(*(store.admit("digest") for _ in range(8)))
    assert len([one for one in admitted if one]) == 1


# ---- what the operator sees and decides


async def test_the_list_of_people(store: SqlStore, clock: StillClock) -> None:
    start = clock.time
    await turn_away(store, "0", "early", code="x")
    clock.time += HOUR
    await receive(store, message("1", sender="ann"))
    clock.time += 5
    await receive(store, message("2", sender="ann"))
    await store.obey(message("3", sender="ann"), person("ann"), place(message("3")), Effect.NONE, str)
    await turn_away(store, "4", "eve", code="y")
    await turn_away(store, "5", "guest", seconds=DAY)
    await store.acquaint(person("bob"))
    await store.acquaint(person("bob"))
    await store.decide([await number(store, "bob")], Access.PAIRED)
    assert await shown(store) == {
        "early": "expired",
        "ann": "known",
        "eve": "waiting",
        "guest": "refused",
        "bob": "paired",
    }
    (ann,) = await store.people(platform="telegram", sender="ann")
    assert (ann.account, ann.created_at, ann.seen_at, ann.questions) == ("bot", start + HOUR, start + HOUR + 5, 2)
    assert [one.sender for one in await store.people(id=ann.id)] == ["ann"]
    assert await store.people(id=99) == await store.people(platform="slack", sender="ann") == []


async def test_blocking_stops_what_they_asked_and_unblocking_begins_anew(store: SqlStore) -> None:
    asked = await receive(store, message("1", sender="ann"))
    other = await receive(store, message("2", sender="bob"))
    await turn_away(store, "3", "ann", seconds=DAY)
    await store.decide([await number(store, "ann")], Access.BLOCKED)
    assert (await store.acquaintance(person("ann"))).access is Access.BLOCKED
    claimed = {turn.id: turn.cancelled for turn in [await claim(store) for _ in range(3)] if turn.conversation}
    assert claimed == {asked: True, other: False}
    await store.decide([await number(store, "ann")], Access.OPEN)
    assert await store.acquaintance(person("ann")) == Acquaintance()


async def test_who_was_blocked_a_moment_ago_is_neither_heard_nor_told(store: SqlStore) -> None:
    await store.acquaint(person("ann"))
    await store.decide([await number(store, "ann")], Access.BLOCKED)
    assert await store.receive(message("1"), person("ann", language="zh"), "there") is None
    assert await store.obey(message("2"), person("ann", language="zh"), "there", Effect.NONE, str) is None
    assert await turn_away(store, "3", "ann", code="digest") is SILENT
    assert await store.turns() == []
    assert await store.admit("digest") is None
    assert (await store.acquaintance(person("ann"))).access is Access.BLOCKED


# ---- forgetting


async def test_forgetting_erases_a_person_and_nothing_of_others(store: SqlStore) -> None:
    alone, shared = "alone", "shared"
    await store.receive(message("1", sender="ann"), person("ann"), alone)
    turn = await claim(store)
    await store.keep_post(turn, Post(page=0, message_id="m"))
    await store.settle(turn, TurnState.DELIVERED)
    await store.receive(message("2", sender="ann"), person("ann"), shared)
    await store.receive(message("3", sender="bob"), person("bob"), shared)
    await store.obey(message("4", sender="ann"), person("ann"), alone, Effect.NONE, str)
    ann = await number(store, "ann")
    assert await store.forget([ann]) == Erased(people=1, turns=3, posts=1, conversations=1)
    assert list(await shown(store)) == ["bob"]
    assert [turn.question for turn in await store.turns()] == ["text of 3"]
    assert await store.takes_part(shared, person("bob"))
    assert not await store.takes_part(alone, person("ann"))
    assert await store.forget([ann]) == Erased(people=0, turns=0, posts=0, conversations=0)
    assert await store.receive(message("1", sender="ann"), person("ann"), alone) is not None, "as if for the first time"


async def test_who_works_for_somebody_forgotten_lets_go(store: SqlStore) -> None:
    await receive(store, message("1", sender="ann"))
    turn = await claim(store)
    await store.asking(turn, "coze", at=1.0)
    await store.keep_post(turn, Post(page=0, message_id="m"))
    await store.forget([await number(store, "ann")])
    for write in (
        store.asking(turn, "coze", at=2.0),
        store.forget_conversation(turn),
        store.streaming(turn, "chat"),
        store.finalising(turn, "answer"),
        store.settle(turn, TurnState.DELIVERED),
        store.postpone(turn, TurnState.RECEIVED, until=0, attempts=1),
        store.posts(turn),
        store.keep_post(turn, Post(page=0, message_id="m")),
        store.drop_post(turn, 0),
    ):
        with pytest.raises(LeaseLost):
            await write
    assert await store.renew(MINE) == {}
    assert await store.claim(MINE, SERVING) is None


# ---- databases of before


async def test_people_of_before_are_kept_and_nothing_is_decided_of_them(new_url: str) -> None:
    database = await at_revision(new_url, "0001")
    await order(
        database,
        "INSERT INTO users (platform, account, sender, coze_user, language, created_at) "
        "VALUES ('telegram', 'bot', 'ann', 'u', 'en', 7)",
        "INSERT INTO conversations (key, platform, account, chat, thread, created_at) "
        "VALUES ('k', 'telegram', 'bot', 'c', '', 7)",
        "INSERT INTO turns (key, kind, conversation_id, user_id, platform, account, chat, thread, text, files, "
        "language, reply_to, sort_key, state, received_at) "
        "VALUES ('t', 'question', 1, 1, 'telegram', 'bot', 'c', '', 'hi', '[]', 'en', '', '1', 'received', 8)",
    )
    await database.aclose()
    store = await open_store(new_url, StillClock())
    (ann,) = await store.people()
    assert (ann.sender, ann.access, ann.seen_at, ann.questions) == ("ann", "known", 8, 1)
    assert await store.acquaintance(person("ann")) == Acquaintance()
    assert (await claim(store)).question == "hi"
    await store.aclose()
