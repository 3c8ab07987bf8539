"""What `bridge.ports.Store` promises of questions, on SQLite and on PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest

from bridge.errors import LeaseLost
from bridge.model import SETTLED, Lease, Post, Turn, TurnState, User
from bridge.ports import Effect, Store
from storage import SqlStore
from tests.clocks import StillClock
from tests.contract.store_contract import MINE, SERVING, THEIRS, claim, message, pass_time, person, place, receive


def test_it_is_a_store() -> None:
    check: type[Store] = SqlStore
    assert check


# ---- receiving


async def test_a_question_comes_back_as_it_was_asked(store: SqlStore, clock: StillClock) -> None:
    inbound = message("a", thread="topic")
    turn_id = await receive(store, inbound)
    turn = await claim(store)
    assert turn == Turn(
        id=turn_id,
        key="a",
        address=inbound.address,
        reply_to="message a",
        question="text of a",
        files=inbound.files,
        language="en",
        coze_user="coze-ann",
        conversation=turn.conversation,
        coze_conversation="",
        state=TurnState.CLAIMED,
        attempts=0,
        asked_at=None,
        chat="",
        answer="",
        cancelled=False,
        received_at=clock.time,
        lease=turn.lease,
        sender="ann",
        session="coze-ann",
    )
    assert turn.conversation is not None
    assert turn.lease


@pytest.mark.parametrize(
    "text", ["", "a'b\"; --%s {x}\\", "数字 😀 \u200d\u202e", "line\r\n\ttab\x01\x7f", "x" * 100_000]
)
async def test_any_text_survives(store: SqlStore, text: str) -> None:
    await receive(store, replace(message("a"), text=text))
    turn = await claim(store)
    await store.finalising(turn, text)
    await store.postpone(turn, TurnState.FINALISING, until=0, attempts=1, error=text[:100])
    again = await claim(store)
    assert (again.question, again.answer) == (text, text)


async def test_the_same_message_counts_once(store: SqlStore) -> None:
    inbound = message("a")
    await receive(store, inbound)
    assert await store.receive(inbound, person(language="zh"), place(inbound)) is None
    assert await store.obey(inbound, person(), place(inbound), Effect.RENEW, str) is None
    assert [turn.id for turn in await store.turns()] == [1]
    assert (await claim(store)).language == "en"


async def test_twins_that_arrive_together_count_once(store: SqlStore) -> None:
    twins = [message(f"{number // 4}") for number in range(20)]
    made = await asyncio.gather(*(store.receive(twin, person(), place(twin)) for twin in twins))
    assert len([turn for turn in made if turn]) == 5
    assert len(await store.turns()) == 5


async def test_the_language_follows_the_person_and_the_coze_user_stays(store: SqlStore) -> None:
    await receive(store, message("a"))
    later = User(platform="telegram", account="bot", sender="ann", coze_user="another", language="zh")
    await store.receive(message("b"), later, "elsewhere")
    first, second = await claim(store), await claim(store)
    assert (first.coze_user, second.coze_user) == ("coze-ann", "coze-ann")
    assert (first.language, second.language) == ("en", "zh")


# ---- claiming


async def test_nothing_to_claim(store: SqlStore) -> None:
    assert await store.claim(MINE, SERVING) is None
    await receive(store, message("a"))
    assert await store.claim(MINE, set()) is None
    assert await store.claim(MINE, {("telegram", "another"), ("slack", "bot")}) is None


async def test_one_question_at_a_time_in_the_order_of_writing(store: SqlStore) -> None:
    for key in ("2", "3", "1"):
        await receive(store, message(key))
    for key in ("1", "2", "3"):
        turn = await claim(store)
        assert turn.key == key
        assert await store.claim(THEIRS, SERVING) is None
        await store.settle(turn, TurnState.DELIVERED)
    assert await store.claim(MINE, SERVING) is None


async def test_sort_keys_sort_by_code_point(store: SqlStore) -> None:
    keys = ["B", "a", "Z", "_", "ä", "10", "9", "😀", "\uff21"]
    for key in keys:
        await receive(store, message(key))
    for key in sorted(keys):
        turn = await claim(store)
        assert turn.key == key
        await store.settle(turn, TurnState.DELIVERED)


async def test_the_longest_waiting_conversation_goes_first(store: SqlStore, clock: StillClock) -> None:
    for key, chat in (("9", "x"), ("5", "y"), ("1", "z")):
        await receive(store, message(key, chat=chat))
        clock.time += 1
    assert [(await claim(store)).key for _ in range(3)] == ["9", "5", "1"]


async def test_a_late_earlier_message_waits_for_the_open_turn(store: SqlStore, clock: StillClock) -> None:
    await receive(store, message("2"))
    open_turn = await claim(store)
    await receive(store, message("1"))
    assert await store.claim(THEIRS, SERVING) is None
    elsewhere = await receive(store, message("0", chat="elsewhere"))
    assert (await claim(store, THEIRS)).id == elsewhere, "it holds up nobody else"
    await pass_time(store, clock, MINE.seconds)
    retaken = await claim(store, THEIRS)
    assert (retaken.id, retaken.state) == (open_turn.id, TurnState.CLAIMED)
    await store.postpone(retaken, TurnState.RECEIVED, until=0, attempts=1)
    assert (await claim(store)).key == "1"


@pytest.mark.parametrize("state", [TurnState.RECEIVED, TurnState.STREAMING])
async def test_a_postponed_turn_holds_its_place(store: SqlStore, clock: StillClock, state: TurnState) -> None:
    await receive(store, message("1"))
    await receive(store, message("2"))
    await store.postpone(await claim(store), state, until=clock.time + 60, attempts=1, error="busy")
    assert await store.claim(MINE, SERVING) is None
    await pass_time(store, clock, 60)
    turn = await claim(store)
    assert (turn.key, turn.attempts) == ("1", 1)


async def test_a_lease_protects_until_it_lapses(store: SqlStore, clock: StillClock) -> None:
    await receive(store, message("a"))
    first = await claim(store)
    await pass_time(store, clock, MINE.seconds - 1)
    assert await store.claim(THEIRS, SERVING) is None
    assert await store.renew(MINE) == {first.id: False}
    await pass_time(store, clock, MINE.seconds - 1)
    assert await store.claim(THEIRS, SERVING) is None
    await pass_time(store, clock, 1)
    second = await claim(store, THEIRS)
    assert (second.id, second.lease == first.lease) == (first.id, False)
    assert await store.renew(MINE) == {}
    assert await store.renew(THEIRS) == {second.id: False}


async def test_a_claim_that_its_worker_never_heard_of_lapses(store: SqlStore, clock: StillClock) -> None:
    for chat in ("x", "y"):
        await receive(store, message(chat, chat=chat))
    known, unknown = await claim(store), await claim(store)
    await pass_time(store, clock, MINE.seconds - 1)
    assert await store.renew(MINE, {known.id}) == {known.id: False}
    await pass_time(store, clock, 1)
    assert (await claim(store, THEIRS)).id == unknown.id


async def test_a_released_turn_is_free_at_once(store: SqlStore) -> None:
    await receive(store, message("a"))
    turn = await claim(store)
    await store.release(THEIRS.owner)
    assert await store.claim(THEIRS, SERVING) is None
    await store.release(MINE.owner)
    assert await store.renew(MINE) == {}
    assert (await claim(store, THEIRS)).id == turn.id


async def test_claims_that_race_take_different_turns(store: SqlStore) -> None:
    for number in range(30):
        await receive(store, message(f"{number:02}", chat=f"chat {number % 10}"))
    leases = [Lease(owner=f"worker {number}", seconds=30) for number in range(20)]
    claimed = [turn for turn in await asyncio.gather(*(store.claim(lease, SERVING) for lease in leases)) if turn]
    while turn := await store.claim(MINE, SERVING):
        claimed.append(turn)
    assert sorted(turn.key for turn in claimed) == [f"{number:02}" for number in range(10)]


# ---- the fence


async def test_a_lost_lease_writes_nothing(store: SqlStore, clock: StillClock) -> None:
    await receive(store, message("a"))
    mine = await claim(store)
    await store.keep_post(mine, Post(page=0, message_id="m"))
    await pass_time(store, clock, MINE.seconds)
    theirs = await claim(store, THEIRS)
    before = await store.turn(mine.id)
    for write in (
        store.asking(mine, "x", at=1.0),
        store.forget_conversation(mine),
        store.streaming(mine, "x"),
        store.finalising(mine, "x"),
        store.settle(mine, TurnState.FAILED, "x"),
        store.postpone(mine, TurnState.RECEIVED, until=9e9, attempts=9),
        store.keep_post(mine, Post(page=1, message_id=None)),
        store.drop_post(mine, 0),
        store.posts(mine),
    ):
        with pytest.raises(LeaseLost):
            await write
    assert await store.turn(mine.id) == before
    assert await store.posts(theirs) == [Post(page=0, message_id="m")]


@pytest.mark.parametrize("state", SETTLED)
async def test_a_settled_turn_is_out_of_reach(store: SqlStore, state: TurnState) -> None:
    await receive(store, message("a"))
    turn = await claim(store)
    await store.settle(turn, state, "why")
    with pytest.raises(LeaseLost):
        await store.settle(turn, TurnState.DELIVERED)
    with pytest.raises(LeaseLost):
        await store.postpone(turn, TurnState.RECEIVED, until=0, attempts=0)
    assert await store.claim(MINE, SERVING) is None
    assert await store.renew(MINE) == {}
    line = await store.turn(turn.id)
    assert line is not None
    assert (line.state, line.error) == (state, "why")


# ---- how far a turn has come


async def test_each_state_is_found_again_by_a_fresh_worker(store: SqlStore, clock: StillClock) -> None:
    await receive(store, message("a"))
    turn = await claim(store)

    async def after_a_crash() -> Turn:
        await store.release(MINE.owner)
        clock.time += 1
        return await claim(store)

    await store.asking(turn, "coze conversation", at=1.0)
    turn = await after_a_crash()
    assert (turn.state, turn.asked_at, turn.coze_conversation) == (TurnState.CLAIMED, 1.0, "coze conversation")
    await store.streaming(turn, "coze chat")
    turn = await after_a_crash()
    assert (turn.state, turn.chat) == (TurnState.STREAMING, "coze chat")
    await store.finalising(turn, "answer")
    turn = await after_a_crash()
    assert (turn.state, turn.answer, turn.chat) == (TurnState.FINALISING, "answer", "coze chat")


async def test_asking_anew_forgets_what_coze_knew(store: SqlStore) -> None:
    await receive(store, message("a"))
    turn = await claim(store)
    await store.asking(turn, "conversation", at=1.0)
    await store.streaming(turn, "chat")
    await store.postpone(turn, TurnState.RECEIVED, until=0, attempts=3, error="why")
    line = await store.turn(turn.id)
    assert line is not None
    assert (line.state, line.attempts, line.error, line.coze_chat) == ("received", 3, "why", "")
    turn = await claim(store)
    assert (turn.asked_at, turn.chat, turn.coze_conversation) == (None, "", "conversation")


async def test_a_coze_conversation_serves_the_questions_to_come_until_it_is_gone(store: SqlStore) -> None:
    for key in ("1", "2", "3"):
        await receive(store, message(key))
    first = await claim(store)
    await store.asking(first, "one", at=1.0)
    await store.settle(first, TurnState.DELIVERED)
    second = await claim(store)
    assert second.coze_conversation == "one"
    await store.asking(second, "one", at=1.0)
    await store.forget_conversation(second)
    await store.release(MINE.owner)
    second = await claim(store)
    assert second.coze_conversation == "one", "it was asked there already"
    await store.settle(second, TurnState.FAILED)
    assert (await claim(store)).coze_conversation == ""
