"""What `bridge.ports.Store` promises of commands, posts, moved chats, and the operator's orders."""

import math

import pytest

from bridge.answer import Answer
from bridge.errors import LeaseLost
from bridge.model import Moved, Near, Post, Standing, TurnState
from bridge.ports import Effect
from storage import SqlStore
from tests.clocks import StillClock
from tests.contract.store_contract import MINE, SERVING, THEIRS, claim, message, pass_time, person, place, receive


async def test_a_command_is_answered_beside_the_queue(store: SqlStore) -> None:
    await receive(store, message("1"))
    running = await claim(store)
    await receive(store, message("2"))
    inbound = message("3")
    standing = await store.obey(inbound, person(), place(inbound), Effect.NONE, lambda seen: f"{seen.waiting} wait")
    assert standing == Standing(running=running.id, waiting=1)
    command = await claim(store)
    assert (command.key, command.state, command.answer) == ("3", TurnState.FINALISING, "1 wait")
    assert (command.conversation, command.coze_conversation, command.coze_user) == (None, "", "coze-ann")
    other = message("4")
    await store.obey(other, person(), place(other), Effect.NONE, str)
    assert (await claim(store)).key == "4", "commands do not wait for each other"


async def test_a_command_where_nothing_was_asked(store: SqlStore) -> None:
    for key, effect in (("a", Effect.NONE), ("b", Effect.CANCEL), ("c", Effect.RENEW)):
        inbound = message(key)
        assert await store.obey(inbound, person(), place(inbound), effect, str) == Standing()


async def test_stop_flags_the_running_question_only(store: SqlStore) -> None:
    await receive(store, message("1"))
    running = await claim(store)
    await receive(store, message("2"))
    await receive(store, message("0"))
    stop = message("3")
    await store.obey(stop, person(), place(stop), Effect.CANCEL, str)
    command = await claim(store)
    assert await store.renew(MINE) == {running.id: True, command.id: False}
    await store.settle(running, TurnState.CANCELLED)
    assert (await claim(store)).cancelled is False


async def test_stop_flags_the_next_question_if_none_runs(store: SqlStore) -> None:
    await receive(store, message("2"))
    await receive(store, message("1"))
    stop = message("3")
    await store.obey(stop, person(), place(stop), Effect.CANCEL, str)
    taken = [await claim(store), await claim(store)]
    assert {turn.key: turn.cancelled for turn in taken} == {"1": True, "3": False}


async def test_new_starts_a_conversation_and_leaves_the_old_queue_to_the_old_one(store: SqlStore) -> None:
    await receive(store, message("1"))
    first = await claim(store)
    await store.asking(first, "old", at=1.0)
    await receive(store, message("2"))
    new = message("3")
    await store.obey(new, person(), place(new), Effect.RENEW, str)
    await receive(store, message("4"))
    await store.settle(await claim(store), TurnState.DELIVERED)
    fresh = await claim(store)
    assert (fresh.key, fresh.coze_conversation) == ("4", "")
    await store.asking(fresh, "new", at=1.0)
    await store.settle(first, TurnState.DELIVERED)
    second = await claim(store)
    assert (second.key, second.coze_conversation) == ("2", "old")
    assert second.conversation == first.conversation != fresh.conversation
    await store.obey(message("5"), person(), place(new), Effect.RENEW, str)
    await receive(store, message("6"))
    assert (await store.last_question(place(new), person()))[0] == "text of 6"


async def test_who_takes_part_and_what_they_asked_last(store: SqlStore) -> None:
    where = "telegram:bot:chat:topic"
    assert not await store.takes_part(where, person())
    assert (await store.last_question(where, person()))[0] == ""
    for key, sender in (("2", "ann"), ("1", "ann"), ("3", "bob")):
        await store.receive(message(key, sender=sender), person(sender), where)
    while turn := await store.claim(MINE, SERVING):
        await store.settle(turn, TurnState.DELIVERED)
    await store.obey(message("4"), person(), where, Effect.NONE, str)
    await store.obey(message("5", sender="eve"), person("eve"), where, Effect.NONE, str)
    assert [await store.takes_part(where, person(who)) for who in ("ann", "bob", "eve")] == [True, True, False]
    assert (await store.last_question(where, person()))[0] == "text of 2"
    assert (await store.last_question(where, person("eve")))[0] == ""
    assert not await store.takes_part(where + ":more", person())
    await store.obey(message("6"), person(), where, Effect.RENEW, str)
    assert await store.takes_part(where, person()), "a new conversation shuts nobody out"
    assert (await store.last_question(where, person()))[0] == ""


# ---- posts


async def test_posts_are_kept_in_the_order_of_their_pages(store: SqlStore) -> None:
    await receive(store, message("a"))
    turn = await claim(store)
    assert await store.posts(turn) == []
    sent = Post(page=0, message_id="m0", digest="d0", final=True)
    for post in (Post(page=1, message_id=None), Post(page=0, message_id=None, digest="d"), sent):
        await store.keep_post(turn, post)
    assert await store.posts(turn) == [sent, Post(page=1, message_id=None)]
    await store.drop_post(turn, 1)
    await store.drop_post(turn, 7)
    assert await store.posts(turn) == [sent]
    await store.postpone(turn, TurnState.RECEIVED, until=0, attempts=1)
    assert await store.posts(await claim(store)) == [sent], "a retry repaints the same messages"


async def test_a_post_says_after_which_message_it_was_sent(store: SqlStore) -> None:
    await receive(store, message("a"))
    turn = await claim(store)
    begun = Post(page=0, message_id=None, sent_after="41")
    await store.keep_post(turn, begun)
    assert await store.posts(turn) == [begun]
    await store.keep_post(turn, Post(page=0, message_id="42"))
    assert await store.posts(turn) == [Post(page=0, message_id="42")]


async def test_what_was_shown_too_late_is_shown_once_more_when_it_is_settled(store: SqlStore) -> None:
    await receive(store, message("a"))
    turn = await claim(store)
    whole, rest = (Post(page=page, message_id=f"m{page}", digest="d", final=True) for page in range(2))
    for post in (whole, rest):
        await store.keep_post(turn, post)
    assert await store.repaint(turn, {0}), "whoever goes on shows it"
    assert await store.posts(turn) == [Post(page=0, message_id="m0"), rest]
    await store.release(MINE.owner)
    theirs = await claim(store)
    await store.keep_post(theirs, whole)
    assert not await store.repaint(turn, {0}), "somebody else works on it"
    await store.finalising(theirs, Answer(note="all of it").dump())
    await store.settle(theirs, TurnState.DELIVERED)
    assert await store.repaint(turn, {0})
    assert not await store.cancel(turn.id), "it is answered"
    again = await claim(store)
    assert (again.state, again.id, Answer.load(again.answer).note) == (TurnState.FINALISING, turn.id, "all of it")
    assert await store.posts(again) == [Post(page=0, message_id="m0"), rest]
    await store.settle(again, TurnState.DELIVERED)
    await receive(store, message("b"))
    other = await claim(store)
    assert not await store.repaint(turn, {0}), "the conversation goes on"
    await store.settle(other, TurnState.DELIVERED)
    await store.erase_texts(math.inf, most=10)
    assert await store.repaint(turn, {0}), "there is nothing left to be shown"
    assert await store.claim(MINE, SERVING) is None


async def test_what_stands_near_an_answer(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = ["0", "1", "2", "3", "4"]
    for key in keys:
        await receive(store, message(key, chat="elsewhere" if key == "3" else "here", thread=key))
    turns = {turn.key: turn for turn in [await claim(store) for _ in keys]}
    for key, turn in turns.items():
        await store.keep_post(turn, Post(page=0, message_id=f"m{key}"))
        await store.keep_post(turn, Post(page=1, message_id=None))
    stands = {("elsewhere" if key == "3" else "here", f"m{key}") for key in keys}
    assert await store.near(turns["2"]) == Near(frozenset(stands), frozenset(keys))
    monkeypatch.setattr("storage.record.NEAR", 1)
    later = stands - {("here", "m0")}
    assert await store.near(turns["2"]) == Near(frozenset(later), frozenset(keys[1:])), "all that came later"
    there = {("here", "m2"), ("elsewhere", "m3"), ("here", "m4")}
    assert await store.near(turns["3"]) == Near(frozenset(there), frozenset(keys[2:]))
    monkeypatch.setattr("storage.record.NEAR", 0)
    assert await store.near(turns["1"]) == Near(frozenset({("here", f"m{key}") for key in "124"}), frozenset("124"))


# ---- a chat gets a new id


def moved(old: str, new: str) -> Moved:
    return Moved(platform="telegram", account="bot", old_chat=old, new_chat=new)


async def test_a_moved_chat_takes_its_conversation_and_queue_along(store: SqlStore) -> None:
    await receive(store, message("1", chat="12"))
    await receive(store, message("other", chat="123", sort="0"))
    running = await claim(store)
    await store.asking(running, "coze", at=1.0)
    await store.keep_post(running, Post(page=0, message_id="in the old chat"))
    await receive(store, message("2", chat="12"))
    await store.move(moved("12", "-100"))
    assert await store.posts(running) == []
    await store.settle(running, TurnState.DELIVERED)
    later = message("3", chat="-100")
    await receive(store, later)
    assert (await store.last_question(place(later), person()))[0] == "text of 3"
    taken = {}
    while turn := await store.claim(MINE, SERVING):
        taken[turn.key] = (turn.address.chat, turn.coze_conversation)
        await store.settle(turn, TurnState.DELIVERED)
    assert taken == {"2": ("-100", "coze"), "3": ("-100", "coze"), "other": ("123", "")}
    line = await store.turn(running.id)
    assert line is not None
    assert line.chat == "-100", "it was not settled yet when the chat moved"


async def test_posts_and_chat_of_settled_turns_stay_where_they_are(store: SqlStore) -> None:
    await receive(store, message("1", chat="old"))
    turn = await claim(store)
    await store.keep_post(turn, Post(page=0, message_id="m"))
    await store.settle(turn, TurnState.DELIVERED)
    await store.move(moved("old", "new"))
    line = await store.turn(turn.id)
    assert line is not None
    assert (line.chat, line.posts) == ("old", 1)
    assert await store.takes_part(place(message("2", chat="new")), person())


@pytest.mark.parametrize("older", ["old", "new"])
async def test_of_two_conversations_the_older_is_archived(store: SqlStore, older: str) -> None:
    for number, chat in enumerate([older, {"old": "new", "new": "old"}[older]]):
        await receive(store, message(f"{number}", chat=chat))
        turn = await claim(store)
        await store.asking(turn, f"coze {number}", at=1.0)
        await store.settle(turn, TurnState.DELIVERED)
    await store.move(moved("old", "new"))
    await store.move(moved("old", "new"))
    await receive(store, message("3", chat="new"))
    assert (await claim(store)).coze_conversation == "coze 1"


async def test_archived_conversations_move_too(store: SqlStore) -> None:
    await receive(store, message("1", chat="old"))
    await store.obey(message("2", chat="old"), person(), place(message("1", chat="old")), Effect.RENEW, str)
    await store.move(moved("old", "new"))
    assert await store.takes_part(place(message("3", chat="new")), person())
    assert {turn.chat for turn in await store.turns()} == {"new"}


# ---- the worker's sleep, the metrics and the operator


async def test_when_the_next_turn_is_due(store: SqlStore, clock: StillClock) -> None:
    now = clock.time
    assert await store.next_due() is None
    for key, delay in (("a", 60.0), ("b", 20.0), ("c", 40.0)):
        await receive(store, message(key, chat=key))
        await store.postpone(await claim(store), TurnState.RECEIVED, until=now + delay, attempts=1)
    await receive(store, message("d", chat="d"))
    for passed, left in ((0, 20), (21, 19), (38, 1), (2, None)):
        await pass_time(store, clock, passed)
        assert await store.next_due() == (left if left is None else pytest.approx(left, abs=0.9))


async def test_waiting_counts_what_is_not_settled(store: SqlStore) -> None:
    nothing = {"received": 0, "claimed": 0, "streaming": 0, "finalising": 0}
    assert await store.waiting() == nothing
    for key in ("1", "2", "3"):
        await receive(store, message(key))
    await store.settle(await claim(store), TurnState.FAILED)
    await store.streaming(await claim(store), "chat")
    assert await store.waiting() == nothing | {"received": 1, "streaming": 1}


async def test_the_oldest_turn_that_is_due(store: SqlStore, clock: StillClock) -> None:
    began = clock.time
    assert await store.oldest_due() is None
    for key in ("a", "b", "c"):
        await receive(store, message(key, chat=key))
        clock.time += 10
    assert await store.oldest_due() == began
    await store.settle(await claim(store), TurnState.DELIVERED)
    assert await store.oldest_due() == began + 10
    await store.postpone(await claim(store), TurnState.RECEIVED, until=clock.time + 60, attempts=1)
    assert await store.oldest_due() == began + 20, "the one before waits for its time"
    await claim(store)
    assert await store.oldest_due() == began + 20, "also while it is answered"
    await pass_time(store, clock, 60)
    assert await store.oldest_due() == began + 10


async def test_the_listing(store: SqlStore, clock: StillClock) -> None:
    began = clock.time
    for key in ("a", "b", "c"):
        await receive(store, message(key, chat=key, thread="t"))
        clock.time += 10
    failed = await claim(store)
    await store.asking(failed, "coze", at=1.0)
    await store.streaming(failed, "chat")
    await store.keep_post(failed, Post(page=0, message_id="m"))
    await store.settle(failed, TurnState.FAILED, "why")
    assert [turn.question for turn in await store.turns()] == ["text of c", "text of b", "text of a"]
    assert len(await store.turns(limit=2)) == 2
    assert [turn.id for turn in await store.turns(since=began + 10)] == [3, 2]
    (line,) = await store.turns(states=["failed", "cancelled"])
    assert line == await store.turn(failed.id)
    assert (line.platform, line.chat, line.thread, line.kind) == ("telegram", "a", "t", "question")
    assert (line.error, line.coze_conversation, line.coze_chat, line.posts) == ("why", "coze", "chat", 1)
    assert await store.turn(99) is None


@pytest.mark.parametrize("state", [TurnState.FAILED, TurnState.CANCELLED])
async def test_asking_again_by_hand(store: SqlStore, clock: StillClock, state: TurnState) -> None:
    await receive(store, message("1"))
    turn = await claim(store)
    assert not await store.ask_again(turn.id), "it is not settled"
    await store.asking(turn, "coze", at=1.0)
    await store.streaming(turn, "chat")
    await store.finalising(turn, "answer")
    await store.keep_post(turn, Post(page=0, message_id="m"))
    assert await store.cancel(turn.id)
    await store.postpone(turn, TurnState.FINALISING, until=clock.time, attempts=4)
    await store.settle(await claim(store), state, "why")
    assert await store.ask_again(turn.id)
    again = await claim(store)
    assert (again.id, again.state, again.attempts, again.cancelled) == (turn.id, TurnState.CLAIMED, 0, False)
    assert (again.asked_at, again.chat, again.answer, again.coze_conversation) == (None, "", "", "coze")
    assert await store.posts(again) == [Post(page=0, message_id="m")]
    await store.settle(again, TurnState.DELIVERED)
    assert not await store.ask_again(turn.id), "it was delivered"
    assert not await store.ask_again(99)


async def test_a_failed_command_is_not_said_again(store: SqlStore) -> None:
    await store.obey(message("1"), person(), place(message("1")), Effect.NONE, lambda _: "said")
    command = await claim(store)
    await store.settle(command, TurnState.FAILED)
    assert not await store.ask_again(command.id)


async def test_cancelling_by_hand(store: SqlStore) -> None:
    await receive(store, message("1"))
    turn = await claim(store)
    assert await store.cancel(turn.id)
    assert await store.renew(MINE) == {turn.id: True}
    await store.settle(turn, TurnState.CANCELLED)
    assert not await store.cancel(turn.id)
    assert not await store.cancel(99)
    assert await store.claim(THEIRS, SERVING) is None


async def test_a_message_that_was_found_is_adopted_unless_it_is_or_may_be_anothers(store: SqlStore) -> None:
    for key in ("1", "2", "3"):
        await receive(store, message(key, chat="elsewhere" if key == "3" else "here", thread=key))
    one, two, three = [await claim(store) for _ in range(3)]
    for turn in (one, two, three):
        await store.keep_post(turn, Post(page=0, message_id=None))
    found = Post(page=0, message_id="240")
    assert not await store.adopt_post(one, found, sure=False), "it may be what the other has begun to send"
    await store.keep_post(two, Post(page=0, message_id="240"))
    assert not await store.adopt_post(one, found, sure=False)
    assert not await store.adopt_post(one, found, sure=True), "it is the other's"
    assert await store.posts(one) == [Post(page=0, message_id=None)]
    assert await store.adopt_post(three, found, sure=False), "elsewhere it is another message"
    assert await store.adopt_post(one, Post(page=0, message_id="239"), sure=False)
    assert await store.posts(one) == [Post(page=0, message_id="239")]
    await store.release(MINE.owner)
    assert await claim(store) is not None
    with pytest.raises(LeaseLost):
        await store.adopt_post(one, found, sure=True)
