"""What the Store promises of albums, whose pictures come as messages of their own; on both databases."""

import asyncio
from dataclasses import replace

import pytest

from bridge.model import File, Inbound, Post, Turn, TurnId, TurnState
from bridge.ports import Effect
from storage import SqlStore
from storage.albums import MOST
from tests.clocks import StillClock
from tests.contract.store_contract import MINE, SERVING, THEIRS, claim, message, pass_time, person, place

GATHER = 2.0
SOON = 0.1


def part(key: str, *, album: str = "A", text: str = "", sender: str = "ann", chat: str = "chat") -> Inbound:
    """A picture of an album, named as its message."""
    files = (File(kind="photo", ref=f"ref {key}", mime="image/jpeg"),)
    return replace(message(key, sender=sender, chat=chat), text=text, files=files, album=album)


async def arrive(store: SqlStore, *parts: Inbound, where: str = "", interrupt: bool = False) -> list[TurnId]:
    made = []
    for one in parts:
        who, there = person(one.sender.id), where or place(one)
        turn = await store.receive(one, who, there, gather=GATHER, interrupt=interrupt)
        assert turn is not None
        made.append(turn)
    return made


def refs(turn: Turn) -> list[str]:
    return [file.ref for file in turn.files]


async def states(store: SqlStore) -> dict[TurnId, tuple[str, str]]:
    return {TurnId(turn.id): (turn.state, turn.error) for turn in await store.turns()}


async def test_all_of_an_album_is_one_question_that_answers_the_first(store: SqlStore, clock: StillClock) -> None:
    first, second, third = await arrive(store, part("1"), part("2", text="what is that?"), part("3", text="and this?"))
    assert await store.claim(MINE, SERVING) is None
    await pass_time(store, clock, GATHER + SOON)
    turn = await claim(store)
    assert (turn.id, turn.reply_to, turn.merged) == (first, "message 1", 2)
    assert turn.question == "what is that?\n\nand this?"
    assert turn.files == tuple(file for key in "123" for file in part(key).files)
    ended = ("delivered", f"merged into {first}")
    assert await states(store) == {first: ("claimed", ""), second: ended, third: ended}
    assert await store.claim(THEIRS, SERVING) is None
    assert await store.last_question(place(part("1")), person()) == (turn.question, turn.files), "for /retry"


async def test_they_are_in_the_order_in_which_they_were_sent(store: SqlStore, clock: StillClock) -> None:
    made = await arrive(store, part("3"), part("1"), part("2"))
    await pass_time(store, clock, GATHER + SOON)
    turn = await claim(store)
    assert (turn.id, refs(turn)) == (made[1], ["ref 1", "ref 2", "ref 3"])


async def test_each_part_makes_all_of_them_wait_anew(store: SqlStore, clock: StillClock) -> None:
    await arrive(store, part("1"))
    await pass_time(store, clock, GATHER - 0.5)
    await arrive(store, part("2"))
    await pass_time(store, clock, GATHER - 0.5)
    assert await store.claim(MINE, SERVING) is None
    due = await store.next_due()
    assert due is not None
    assert 0 < due <= 0.5
    await pass_time(store, clock, due + SOON)
    assert refs(await claim(store)) == ["ref 1", "ref 2"]


async def test_two_albums_are_two_questions_however_they_arrive(store: SqlStore, clock: StillClock) -> None:
    parts = [part(f"{number:02d}", album="AB"[number % 2]) for number in range(20)]
    await asyncio.gather(*(arrive(store, one) for one in parts))
    await pass_time(store, clock, GATHER + SOON)
    for album in "AB":
        turn = await claim(store)
        assert refs(turn) == [f"ref {one.key}" for one in parts if one.album == album]
        await store.settle(turn, TurnState.DELIVERED)
    assert await store.claim(MINE, SERVING) is None


async def test_what_comes_later_is_a_question_of_its_own(store: SqlStore, clock: StillClock) -> None:
    await arrive(store, part("1"), part("2"))
    await pass_time(store, clock, GATHER + SOON)
    turn = await claim(store)
    late = await arrive(store, part("3"), part("4"))
    await store.settle(turn, TurnState.DELIVERED)
    await pass_time(store, clock, GATHER + SOON)
    rest = await claim(store)
    assert (refs(turn), rest.id, refs(rest)) == (["ref 1", "ref 2"], late[0], ["ref 3", "ref 4"])


async def test_a_part_that_comes_twice_counts_once(store: SqlStore, clock: StillClock) -> None:
    await arrive(store, part("1"), part("2"))
    assert await store.receive(part("1"), person(), place(part("1")), gather=GATHER) is None
    await pass_time(store, clock, GATHER + SOON)
    assert refs(await claim(store)) == ["ref 1", "ref 2"]
    assert await store.receive(part("2"), person(), place(part("2")), gather=GATHER) is None


async def test_albums_of_others_and_of_other_places_are_others(store: SqlStore, clock: StillClock) -> None:
    await arrive(store, part("1"), part("2", sender="eve"), part("3"), where="shared")
    await arrive(store, part("4", chat="elsewhere"))
    await pass_time(store, clock, GATHER + SOON)
    found = []
    for _ in range(3):
        turn = await claim(store)
        found.append(refs(turn))
        await store.settle(turn, TurnState.DELIVERED)
    assert sorted(found) == [["ref 1", "ref 3"], ["ref 2"], ["ref 4"]]


async def test_never_more_than_fit(store: SqlStore, clock: StillClock) -> None:
    await arrive(store, *(part(f"{number:03d}") for number in range(MOST + 2)))
    await pass_time(store, clock, GATHER + SOON)
    for size in (MOST, 2):
        turn = await claim(store)
        assert len(turn.files) == size
        await store.settle(turn, TurnState.DELIVERED)


async def test_texts_beside_it_stay_questions_of_their_own(store: SqlStore, clock: StillClock) -> None:
    before, after = (replace(message(key), files=()) for key in ("0", "9"))
    await store.receive(before, person(), place(before))
    await arrive(store, part("1"), part("2"))
    await store.receive(after, person(), place(after))
    await pass_time(store, clock, GATHER + SOON)
    found = []
    while turn := await store.claim(MINE, SERVING, merge=True):
        found.append((turn.question, refs(turn)))
        await store.settle(turn, TurnState.DELIVERED)
    assert found == [("text of 0", []), ("", ["ref 1", "ref 2"]), ("text of 9", [])]


async def test_of_what_was_told_that_it_waits_the_answer_stays_in_its_place(store: SqlStore, clock: StillClock) -> None:
    ahead = replace(message("0"), files=())
    await store.receive(ahead, person(), place(ahead))
    running = await claim(store)
    made = await arrive(store, part("1"), part("2"))
    assert await store.untold(list(SERVING), since=clock.time) == [], "they wait for each other"
    assert await store.hold(THEIRS, made[0]) is None
    await pass_time(store, clock, GATHER + SOON)
    behind = replace(message("3"), files=())
    later = await store.receive(behind, person(), place(behind))
    await store.keep_post(running, Post(page=0, message_id="m"))
    told = await store.untold(list(SERVING), since=clock.time)
    assert [(one.id, one.behind) for one in told] == [(made[0], None), (later, made[0])], "nobody waits for a part"
    held = await store.hold(THEIRS, made[0])
    assert held is not None
    await store.keep_post(held, Post(page=0, message_id="queued"))
    await store.postpone(held, TurnState.RECEIVED, until=0.0, attempts=0)
    (last,) = await store.untold(list(SERVING), since=clock.time)
    assert (last.id, last.behind) == (later, None)
    held = await store.hold(THEIRS, last.id)
    assert held is not None
    assert await store.before(held, all_busy=False) == 2, "an album counts once"
    await store.postpone(held, TurnState.RECEIVED, until=0.0, attempts=0)
    await store.settle(running, TurnState.DELIVERED)
    turn = await claim(store)
    assert (turn.id, refs(turn)) == (made[0], ["ref 1", "ref 2"])
    assert [post.message_id for post in await store.posts(turn)] == ["queued"]


async def test_who_stops_stops_all_of_it(store: SqlStore, clock: StillClock) -> None:
    made = await arrive(store, part("1"), part("2"), part("3"))
    stop = message("s")
    standing = await store.obey(stop, person(), place(stop), Effect.CANCEL, lambda _: "stopped")
    assert standing is not None
    assert (standing.running, standing.waiting) == (made[0], 0)
    await store.settle(await claim(store), TurnState.DELIVERED)
    turn = await claim(store)
    assert (turn.id, turn.cancelled, refs(turn)) == (made[0], True, ["ref 1", "ref 2", "ref 3"])
    await store.settle(turn, TurnState.CANCELLED)
    assert await store.claim(MINE, SERVING) is None


async def test_an_album_interrupts_what_was_before_it_and_not_itself(store: SqlStore, clock: StillClock) -> None:
    before = replace(message("0"), files=())
    await store.receive(before, person(), place(before))
    running = await claim(store)
    await arrive(store, part("1"), part("2"), interrupt=True)
    assert await store.renew(MINE, [running.id]) == {running.id: True}
    await store.settle(running, TurnState.CANCELLED)
    await pass_time(store, clock, GATHER + SOON)
    turn = await claim(store)
    assert (turn.cancelled, refs(turn)) == (False, ["ref 1", "ref 2"])


async def test_what_failed_before_it_was_asked_is_tried_again_with_what_came_meanwhile(
    store: SqlStore, clock: StillClock
) -> None:
    await arrive(store, part("1"), part("2"))
    await pass_time(store, clock, GATHER + SOON)
    turn = await claim(store)
    await store.prepared(turn, [replace(file, coze=f"file {file.ref}") for file in turn.files])
    await store.asking(turn, "coze", at=1.0)
    await store.postpone(turn, TurnState.RECEIVED, until=0.0, attempts=1)
    await arrive(store, part("3"))
    again = await claim(store)
    assert [(file.ref, file.coze) for file in again.files] == [
        ("ref 1", "file ref 1"),
        ("ref 2", "file ref 2"),
        ("ref 3", ""),
    ]
    await store.asking(again, "coze", at=2.0)
    await arrive(store, part("4"))
    await store.postpone(again, TurnState.CLAIMED, until=0.0, attempts=2)
    known = await claim(store)
    assert (known.id, len(known.files)) == (again.id, 3), "Coze may know it as it is"


@pytest.mark.parametrize("workers", [4])
async def test_of_many_workers_one_gets_it_while_more_of_it_comes(
    store: SqlStore, clock: StillClock, workers: int
) -> None:
    """Claims race with parts: each part is asked exactly once."""
    parts = [part(f"{number:02d}") for number in range(20)]

    async def work(number: int) -> list[str]:
        seen = []
        for _ in range(12):
            if turn := await store.claim(replace(MINE, owner=f"worker {number}"), SERVING):
                seen += refs(turn)
                await store.settle(turn, TurnState.DELIVERED)
        return seen

    async def come() -> None:
        for one in parts:
            await store.receive(one, person(), place(one), gather=0.0)

    _, *seen = await asyncio.gather(come(), *(work(number) for number in range(workers)))
    while turn := await store.claim(MINE, SERVING):
        seen.append(refs(turn))
        await store.settle(turn, TurnState.DELIVERED)
    assert sorted(ref for some in seen for ref in some) == [f"ref {one.key}" for one in parts]
