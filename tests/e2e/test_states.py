"""What a fresh process does with a turn that it finds in each state, and with things that go wrong in between."""

import asyncio
import sqlite3
from contextlib import closing

import pytest

from bridge.answer import Answer as Said
from bridge.answer import TextDelta
from bridge.clock import SystemClock
from bridge.identity import conversation_key, user
from bridge.model import Address, Inbound, Lease, Post, Sender, TurnState
from simulators.coze.answers import Answer
from simulators.wire import Fault
from storage.opening import open_store
from tests.e2e.worlds import settled

ANN = 1001
WHOLE = "word " * 120


class Found:
    """A store as a process that died has left it."""

    def __init__(self, store):
        self.store = store

    async def question(self, text="echo: hello", number=500):
        """One question of Ann, accepted; its turn id."""
        address = Address(platform="telegram", account="123456", chat=str(ANN))
        inbound = Inbound(
            key=f"telegram:123456:{ANN}:{number}",
            address=address,
            sender=Sender(id=str(ANN), language="en"),
            text=text,
            sent_at=0.0,
            sort_key=str(number),
        )
        return await self.store.receive(inbound, user(inbound), conversation_key(inbound))

    async def claimed(self, **question):
        """The same, claimed."""
        await self.question(**question)
        return await self.store.claim(Lease(owner="dead", seconds=60), [("telegram", "123456")])


async def left_behind(world, leave):
    """Runs `leave` on a store, and closes it as a crash would: leases and all."""
    world.telegram.add_chat(ANN)
    store = await open_store(world.settings()["DATABASE_URL"], SystemClock())
    await leave(Found(store))
    await store.aclose()


def texts(world):
    return world.telegram.texts(ANN)


async def test_claimed_but_not_asked_is_asked(world):
    await left_behind(world, lambda found: found.claimed())
    async with world.bridge() as app:
        await settled(app, 1)
    assert texts(world) == ["hello"]


async def test_asked_in_a_conversation_that_is_gone_is_asked_in_a_new_one(world):
    async def leave(found):
        await found.store.asking(await found.claimed(), "7599999999999999999", at=1.0)

    await left_behind(world, leave)
    async with world.bridge() as app:
        await settled(app, 1)
    assert texts(world) == ["hello"]
    assert len(world.coze.chats) == 1


async def test_cancelled_before_it_was_asked_is_never_asked(world):
    async def leave(found):
        await found.store.cancel(await found.question())

    await left_behind(world, leave)
    async with world.bridge() as app:
        await settled(app, 1)
    assert texts(world) == ["⏹ Stopped."]
    assert not world.coze.chats


async def test_finalising_is_shown_without_asking_and_posts_too_many_go(world):
    async def leave(found):
        turn = await found.claimed()
        said = Said()
        said.add(TextDelta("m", "kept"))
        await found.store.keep_post(turn, Post(page=0, message_id=None))
        await found.store.keep_post(turn, Post(page=1, message_id="424242"))
        await found.store.finalising(turn, said.dump())

    await left_behind(world, leave)
    async with world.bridge() as app:
        await settled(app, 1)
    assert texts(world) == ["kept"]
    assert world.telegram.calls("deleteMessage")
    assert not world.coze.chats


async def test_an_answer_that_nobody_can_read_fails_after_a_few_tries_and_holds_up_nobody(world):
    async def leave(found):
        await found.store.finalising(await found.claimed(), "{broken")

    await left_behind(world, leave)
    async with world.bridge() as app:
        world.telegram.say(1002, 1002, "echo: me too")
        await settled(app, 2)
    assert world.telegram.texts(1002) == ["me too"]


async def test_a_failed_turn_is_asked_again_by_hand_in_the_same_message(world):
    world.coze.fault("code", value="4028")
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "echo: hello")
        await settled(app, 1)
        store = await open_store(world.settings()["DATABASE_URL"], SystemClock(), guest=True)
        (turn,) = await store.turns()
        assert await store.ask_again(turn.id)
        await store.aclose()
        await settled(app, 2)
    assert texts(world) == ["hello"]


async def test_a_turn_taken_over_is_let_go_without_a_word_and_comes_back_when_the_lease_lapses(world):
    world.coze.script("long", Answer(text=WHOLE))
    world.tuning += "lease_seconds = 3.0\n"
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "long one")
        await world.telegram.wait(lambda: world.telegram.calls("editMessageText"))
        with closing(sqlite3.connect(world.directory / "bridge.db", timeout=10)) as database, database:
            database.execute("UPDATE turns SET lease = 'another', lease_owner = 'another'")
        await settled(app, 1)
    assert texts(world) == [WHOLE.strip()]
    assert len(world.coze.asked("long")) == 1


async def test_an_end_without_drain_time_leaves_the_answer_to_the_next_process(world):
    world.coze.script("long", Answer(text=WHOLE))
    async with world.bridge(DRAIN_SECONDS="0"):
        world.telegram.say(ANN, ANN, "long one")
        await world.telegram.wait(lambda: texts(world))
    assert texts(world) != [WHOLE.strip()]
    async with world.bridge() as app:
        await settled(app, 1)
    assert texts(world) == [WHOLE.strip()]
    assert len(world.coze.asked("long")) == 1


@pytest.mark.parametrize("times", [1, 2])
async def test_markup_that_the_platform_refuses_is_shown_plainer(world, times):
    refused = Fault(kind="error", method="sendMessage", value="400 Bad Request: can't parse entities: x", times=times)
    world.telegram.faults.add(refused)
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "echo: some **bold** words")
        await settled(app, 1)
    assert texts(world) == ["some **bold** words"]


async def test_a_message_deleted_in_mid_answer_is_sent_anew(world):
    world.coze.script("long", Answer(text=WHOLE))
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "long one")
        await world.telegram.wait(lambda: texts(world))
        (message,) = [message for message in world.telegram.messages(ANN) if message.sender != ANN]
        world.telegram.delete(ANN, message.message_id)
        await settled(app, 1)
    assert texts(world) == [WHOLE.strip()]


async def test_a_penalty_that_stands_from_the_start_is_waited_for(world):
    world.telegram.add_chat(ANN)
    world.telegram.flood(ANN, 2)
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "echo: patience")
        await settled(app, 1)
    assert texts(world) == ["patience"]
    assert world.telegram.flood_control.defied <= 1


async def test_a_platform_that_is_away_at_the_end_gets_the_answer_later(world):
    world.telegram.faults.add(Fault(kind="reset", method="sendMessage", times=3))
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "echo: later")
        await settled(app, 1)
    assert texts(world)[-1] == "later"


async def test_stop_reaches_a_question_that_waits_for_coze_to_come_back(world):
    world.coze.down(60)
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "echo: never")
        await world.telegram.wait(lambda: any("keep trying" in text for text in texts(world)) or None, 15)
        world.telegram.say(ANN, ANN, "/stop")
        await settled(app, 2)
    assert texts(world) == ["⏹ Stopped."]


async def test_many_at_once_are_all_answered(world):
    world.coze.pace(0)
    async with world.bridge() as app:
        for person in range(2000, 2060):
            world.telegram.say(person, person, f"echo: {person}")
        await settled(app, 60, 60)
    assert all(world.telegram.texts(person) == [str(person)] for person in range(2000, 2060))


def test_turn_states_are_those_of_the_design():
    assert {state.value for state in TurnState} == {
        *("received", "claimed", "streaming", "finalising"),
        *("delivered", "failed", "cancelled"),
    }


async def test_our_own_lapsed_lease_is_taken_up_again_and_nobody_dies(world):
    world.coze.script("long", Answer(text=WHOLE))
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "long one")
        await world.telegram.wait(lambda: world.telegram.calls("editMessageText"))
        with closing(sqlite3.connect(world.directory / "bridge.db", timeout=10)) as database, database:
            database.execute("UPDATE turns SET lease_until = 0")
        await settled(app, 1)
        world.telegram.say(ANN, ANN, "echo: alive")
        await settled(app, 2)
    assert texts(world) == [WHOLE.strip(), "alive"]
    assert len(world.coze.asked("long")) == 1


async def test_an_answer_without_anything_to_see_is_said_to_be_empty(world):
    world.coze.script("nothing", Answer(text="\u200b\u2060"))
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "nothing")
        await settled(app, 1)
    assert texts(world) == ["(The bot gave an empty answer.)"]


async def test_what_cannot_be_shown_in_any_form_is_replaced_by_a_plain_word(world):
    refused = Fault(kind="error", method="sendMessage", value="400 Bad Request: message is too long", times=3)
    world.telegram.faults.add(refused)
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "echo: hello")
        await settled(app, 1)
    (text,) = texts(world)
    assert text == "hello" or "could not answer" in text


async def test_a_whole_answer_that_waits_out_a_penalty_can_be_stopped(world):
    async with world.bridge() as app:
        world.telegram.add_chat(ANN)
        world.telegram.flood(ANN, 25)
        world.telegram.say(ANN, ANN, "echo: never seen")
        await world.coze.wait(lambda: world.coze.chats and world.coze.chats[0].status == "completed")
        store = await open_store(world.settings()["DATABASE_URL"], SystemClock(), guest=True)
        while not (turns := await store.turns(states=["finalising"])) or not turns[0].not_before:
            await asyncio.sleep(0.05)
        assert await store.cancel(turns[0].id)
        await settled(app, 1)
        (turn,) = await store.turns()
        assert turn.state == "cancelled"
        await store.aclose()
    assert texts(world) == ["⏹ Stopped."]
