"""What `bridge.ports.Store` promises where many questions wait: quick claims, merging, notices, interrupting."""

import asyncio
from dataclasses import replace

import pytest

from bridge.errors import LeaseLost
from bridge.model import File, Inbound, Post, Turn, TurnId, TurnState
from bridge.ports import Effect
from storage import SqlStore, claims, merging
from tests.clocks import StillClock
from tests.contract.store_contract import MINE, SERVING, THEIRS, claim, message, pass_time, person, place, receive


def words(key: str, *, sender: str = "ann", chat: str = "chat") -> Inbound:
    """A question without files."""
    return replace(message(key, sender=sender, chat=chat), files=())


async def ask(store: SqlStore, inbound: Inbound, *, where: str = "", interrupt: bool = False) -> TurnId:
    turn = await store.receive(inbound, person(inbound.sender.id), where or place(inbound), interrupt=interrupt)
    assert turn is not None
    return turn


async def merged(store: SqlStore) -> Turn:
    turn = await store.claim(MINE, SERVING, merge=True)
    assert turn is not None
    return turn


async def states(store: SqlStore) -> dict[int, tuple[str, str]]:
    return {turn.id: (turn.state, turn.error) for turn in await store.turns(limit=100)}


# ---- claims


@pytest.fixture(params=[0, 500], ids=["far", "near"])
def near(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a claim looks for it, it finds the same turn."""
    monkeypatch.setattr(claims, "NEAR", request.param)


@pytest.mark.usefixtures("near")
async def test_claims_take_the_oldest_head_wherever_it_stands(store: SqlStore, clock: StillClock) -> None:
    for number in range(1, 13):
        chat = "flood" if number not in (9, 11) else f"chat {number}"
        clock.time += 1
        await receive(store, message(f"{number:02}", chat=chat))
    taken = [await claim(store) for _ in range(3)]
    assert [turn.key for turn in taken] == ["01", "09", "11"]
    assert await store.claim(MINE, SERVING) is None
    await store.settle(taken[0], TurnState.DELIVERED)
    assert (await claim(store)).key == "02"


@pytest.mark.usefixtures("near")
async def test_a_postponed_head_and_a_turn_let_go_of(store: SqlStore, clock: StillClock) -> None:
    await receive(store, message("1"))
    await receive(store, message("2"))
    first = await claim(store)
    await store.postpone(first, TurnState.RECEIVED, until=clock.now() + 9, attempts=1)
    assert await store.claim(MINE, SERVING) is None, "the second waits for the first"
    await pass_time(store, clock, 10)
    again = await claim(store)
    await store.asking(again, "coze", at=1.0)
    await store.streaming(again, "chat")
    await store.release(MINE.owner)
    assert (await claim(store)).id == first.id, "the open one goes on before its neighbours"


@pytest.mark.usefixtures("near")
async def test_a_late_earlier_message_becomes_the_head(store: SqlStore) -> None:
    await receive(store, message("b"))
    await receive(store, message("a"))
    assert (await claim(store)).key == "a"


async def test_a_command_does_not_wait_behind_older_questions(store: SqlStore, clock: StillClock) -> None:
    for number in range(5):
        await receive(store, message(f"q{number}", chat=f"chat {number}"))
    clock.time += 1
    stop = message("stop")
    await store.obey(stop, person(), place(stop), Effect.NONE, str)
    assert (await claim(store)).key == "stop"


# ---- merging


async def test_what_one_person_asked_in_a_row_is_claimed_as_one_question(store: SqlStore) -> None:
    ids = [await ask(store, words(key)) for key in ("1", "2", "3")]
    turn = await merged(store)
    assert (turn.id, turn.merged, turn.state) == (ids[2], 2, TurnState.CLAIMED)
    assert turn.question == "text of 1\n\ntext of 2\n\ntext of 3"
    assert turn.reply_to == "message 3"
    assert await states(store) == {
        ids[0]: ("delivered", f"merged into {ids[2]}"),
        ids[1]: ("delivered", f"merged into {ids[2]}"),
        ids[2]: ("claimed", ""),
    }
    assert await store.renew(MINE, ids) == {ids[2]: False}
    await store.asking(turn, "coze", at=1.0)
    assert (await store.last_question(place(words("1")), person()))[0] == turn.question
    await store.settle(turn, TurnState.DELIVERED)
    assert await store.claim(MINE, SERVING, merge=True) is None


async def test_a_claim_that_does_not_merge_leaves_them_apart(store: SqlStore) -> None:
    await ask(store, words("1"))
    await ask(store, words("2"))
    assert (await claim(store)).question == "text of 1"


async def test_after_a_crash_the_merged_question_is_claimed_again_as_it_was(store: SqlStore) -> None:
    for key in ("1", "2"):
        await ask(store, words(key))
    before = await merged(store)
    await store.release(MINE.owner)
    await ask(store, words("3"))
    again = await merged(store)
    assert (again.question, again.merged) == (f"{before.question}\n\ntext of 3", 1), "nothing of it was asked yet"
    await store.asking(again, "coze", at=1.0)
    await store.release(MINE.owner)
    await ask(store, words("4"))
    asked = await merged(store)
    assert (asked.id, asked.question, asked.merged) == (again.id, again.question, 0), "Coze may know it as it is"


async def test_only_what_stands_right_behind_is_merged(store: SqlStore) -> None:
    where = "shared"
    await ask(store, words("1"), where=where)
    await ask(store, words("2"), where=where)
    await ask(store, words("3", sender="bob"), where=where)
    await ask(store, words("4"), where=where)
    first = await merged(store)
    assert first.question == "text of 1\n\ntext of 2"
    await store.settle(first, TurnState.DELIVERED)
    second = await merged(store)
    assert (second.question, second.coze_user) == ("text of 3", "coze-bob")
    await store.settle(second, TurnState.DELIVERED)
    assert (await merged(store)).question == "text of 4"


async def test_what_is_more_than_text_stays_by_itself(store: SqlStore) -> None:
    await ask(store, words("1"))
    await ask(store, replace(words("2"), files=(File(kind="photo"),)))
    await ask(store, replace(words("3"), press="ask:1:0"))
    await ask(store, words("4"))
    seen = []
    while (turn := await store.claim(MINE, SERVING, merge=True)) is not None:
        seen.append(turn.question)
        await store.settle(turn, TurnState.DELIVERED)
    assert seen == ["text of 1", "text of 2", "text of 3", "text of 4"]


async def test_who_was_told_or_stopped_is_not_merged(store: SqlStore) -> None:
    ids = [await ask(store, words(key)) for key in ("1", "2", "3", "4")]
    held = await store.hold(THEIRS, ids[1])
    assert held is not None
    await store.keep_post(held, Post(page=0, message_id="m"))
    await store.postpone(held, TurnState.RECEIVED, until=0.0, attempts=0)
    await store.cancel(ids[3])
    for question in ("text of 1", "text of 2", "text of 3", "text of 4"):
        turn = await merged(store)
        assert (turn.question, turn.merged) == (question, 0)
        await store.settle(turn, TurnState.DELIVERED)


async def test_a_merged_question_has_a_greatest_length(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "LONGEST", 25)
    for key in ("1", "2", "3"):
        await ask(store, words(key))
    assert (await merged(store)).question == "text of 1\n\ntext of 2"


async def test_workers_beside_each_other_merge_once(store: SqlStore) -> None:
    for chat in ("a", "b", "c", "d"):
        for number in range(3):
            await ask(store, words(f"{chat}{number}", chat=chat))
    taken: list[Turn] = []

    async def work(owner: str) -> None:
        lease = replace(MINE, owner=owner)
        while len(taken) < 4:
            turn = await store.claim(lease, SERVING, merge=True)
            if turn is not None:
                taken.append(turn)

    async with asyncio.timeout(60):
        await asyncio.gather(*(work(f"owner {number}") for number in range(4)))
    assert sorted(turn.question for turn in taken) == [
        "\n\n".join(f"text of {chat}{number}" for number in range(3)) for chat in "abcd"
    ]
    assert sum(state == "delivered" for state, _ in (await states(store)).values()) == 8


# ---- telling that it waits


async def test_a_held_question_is_passed_over_and_waits_as_before(store: SqlStore) -> None:
    first, second = await receive(store, message("1")), await receive(store, message("2"))
    held = await store.hold(THEIRS, first)
    assert held is not None
    assert (held.id, held.state) == (first, TurnState.RECEIVED)
    assert await store.hold(MINE, first) is None
    assert await store.claim(MINE, SERVING) is None, "nobody overtakes it"
    assert (await states(store))[first] == ("received", "")
    await store.keep_post(held, Post(page=0, message_id="notice"))
    await store.postpone(held, TurnState.RECEIVED, until=0.0, attempts=0)
    turn = await claim(store)
    assert (turn.id, turn.attempts, [post.message_id for post in await store.posts(turn)]) == (first, 0, ["notice"])
    with pytest.raises(LeaseLost):
        await store.keep_post(held, Post(page=0, message_id="late"))
    assert await store.hold(THEIRS, first) is None, "it is being answered"
    assert await store.hold(THEIRS, second) is not None, "behind an open one"


async def test_what_was_not_told_yet(store: SqlStore, clock: StillClock) -> None:
    start = clock.now()
    ids = []
    for number in range(6):
        clock.time = start + number
        ids.append(await receive(store, message(f"{number}", chat="a" if number < 3 else f"b{number}")))
    clock.time = start + 10
    running = await claim(store)
    await store.cancel(ids[4])
    held = await store.hold(MINE, ids[3])
    assert held is not None
    await store.keep_post(held, Post(page=0, message_id=None))

    async def untold(**more: object) -> list[int]:
        return [waiting.id for waiting in await store.untold(SERVING, **{"since": clock.now(), **more})]

    assert running.id == ids[0]
    assert await untold() == [ids[1], ids[2], ids[5]], "not what runs, was stopped, or has a post, even a doubtful one"
    assert await untold(heads=True) == [ids[5]]
    assert await untold(since=start + 2) == [ids[1], ids[2]]
    assert await untold(limit=1) == [ids[1]]
    (first,) = await store.untold(SERVING, since=clock.now(), limit=1)
    assert await untold(after=first) == [ids[2], ids[5]]
    assert await store.untold({("slack", "T1")}, since=clock.now()) == []
    stopped, later = await claim(store), await claim(store)
    assert (stopped.id, later.id) == (ids[4], ids[5])
    await store.postpone(later, TurnState.RECEIVED, until=clock.now(), attempts=1)
    assert ids[5] not in await untold(), "what was tried is told in other words"


async def test_how_many_are_before_it(store: SqlStore, clock: StillClock) -> None:
    async def before(turn: TurnId, *, all_busy: bool) -> int:
        held = await store.hold(THEIRS, turn)
        assert held is not None
        try:
            return await store.before(held, all_busy=all_busy)
        finally:
            await store.postpone(held, TurnState.RECEIVED, until=0.0, attempts=0)

    ids = {}
    for key, chat in (("1", "a"), ("2", "a"), ("3", "a"), ("4", "b"), ("5", "b"), ("6", "c"), ("7", "d")):
        clock.time += 1
        ids[key] = await receive(store, message(key, chat=chat))
    assert (await claim(store)).key == "1"
    assert await before(ids["2"], all_busy=False) == 1
    assert await before(ids["3"], all_busy=True) == 2
    assert await before(ids["7"], all_busy=False) == 0
    assert await before(ids["7"], all_busy=True) == 2, "b and c want a worker, and have one answer at a time"
    assert await before(ids["5"], all_busy=True) == 1


# ---- interrupting


async def test_a_question_that_interrupts_cancels_the_earlier_ones_of_its_writer(store: SqlStore) -> None:
    where = "shared"
    first = await ask(store, words("1"), where=where)
    running = await claim(store)
    others = await ask(store, words("2", sender="bob"), where=where)
    waiting = await ask(store, words("3"), where=where)
    elsewhere = await ask(store, words("4", chat="another"))
    newest = await ask(store, words("5"), where=where, interrupt=True)
    assert await store.renew(MINE, [running.id]) == {first: True}
    await store.settle(running, TurnState.CANCELLED)
    seen = {}
    while (turn := await store.claim(MINE, SERVING)) is not None:
        seen[turn.id] = turn.cancelled
        await store.settle(turn, TurnState.DELIVERED)
    assert seen == {others: False, waiting: True, elsewhere: False, newest: False}


async def test_a_question_seen_before_interrupts_nothing(store: SqlStore) -> None:
    await ask(store, words("1"))
    running = await claim(store)
    newest = words("2")
    assert await store.receive(newest, person(), place(newest), interrupt=True) is not None
    await store.settle(running, TurnState.CANCELLED)
    answering = await claim(store)
    assert await store.receive(newest, person(), place(newest), interrupt=True) is None
    assert await store.renew(MINE, [answering.id]) == {answering.id: False}


async def test_a_late_older_message_does_not_interrupt_a_newer_one(store: SqlStore) -> None:
    await ask(store, words("2"))
    running = await claim(store)
    await ask(store, words("1"), interrupt=True)
    assert await store.renew(MINE, [running.id]) == {running.id: False}
