"""Who may talk: strangers, codes, guests and blocked people, through the whole service and its simulators."""

import asyncio
import re
from pathlib import Path

import pytest

from bridge.access import code_digest
from bridge.clock import SystemClock
from bridge.model import Access
from simulators.coze.answers import Answer
from simulators.wire import Fault
from storage import open_store
from tests.e2e.worlds import settled

ANN, EVE = 1001, 6666
CANARY = "canary-7f3a"
CODE = re.compile(r"[A-Z2-9]{4}-[A-Z2-9]{4}")


async def beside(world, use):
    """What the operator's commands do to the database of a running service."""
    store = await open_store(f"sqlite+aiosqlite:///{world.directory}/bridge.db", SystemClock(), guest=True)
    try:
        return await use(store)
    finally:
        await store.aclose()


async def code_of(world, person):
    """The code that this person was told."""
    (text,) = await world.telegram.wait(lambda: world.telegram.texts(person))
    return CODE.findall(text)[0]


async def let_in(world, person):
    code = await code_of(world, person)
    assert await beside(world, lambda store: store.admit(code_digest(code)))


async def decide(world, person, access):
    async def do(store):
        found = await store.people(platform="telegram", sender=str(person))
        assert found
        await store.decide([one.id for one in found], access)

    await beside(world, do)


async def answered(world, person, text):
    await world.telegram.wait(lambda: text in world.telegram.texts(person) or None)


def kept_bytes(directory: Path) -> bytes:
    """All that stands in the database's files."""
    return b"".join(path.read_bytes() for path in directory.glob("bridge.db*"))


async def test_a_stranger_is_let_in_by_the_code_that_they_were_told_at_once(world):
    world.telegram.add_user(EVE, first_name="Eve", language_code="zh-hans")
    async with world.bridge(ALLOW=""):
        world.telegram.say(EVE, EVE, f"echo: {CANARY}")
        code = await code_of(world, EVE)
        assert "配对码" in world.telegram.texts(EVE)[0]
        assert not await beside(world, lambda store: store.admit(code_digest("ABCD-EFGH")))
        assert await beside(world, lambda store: store.admit(code_digest(code.lower().replace("-", " "))))
        assert not await beside(world, lambda store: store.admit(code_digest(code)))
        world.telegram.say(EVE, EVE, "echo: now")
        await answered(world, EVE, "now")
    assert [chat.question for chat in world.coze.chats] == ["echo: now"]
    assert CANARY.encode() not in kept_bytes(world.directory)
    answers = await beside(world, lambda store: store._database.read(all_answers))
    assert len(answers) == 2
    assert not any(code in answer for answer in answers)


async def all_answers(connection):
    return (await connection.exec_driver_sql("SELECT answer FROM turns")).scalars().all()


@pytest.mark.timeout(600)
async def test_fifty_strangers_and_ten_guests_disturb_nobody(world):
    strangers = range(50_001, 50_051)
    guests = [world.slack.add_user(f"guest{n}", id=f"UGUEST{n}", is_restricted=True).id for n in range(10)]
    async with world.bridge(ALLOW="") as app:
        world.telegram.say(ANN, ANN, "let me in")
        await let_in(world, ANN)
        for number in range(100):
            for stranger in strangers:
                world.telegram.say(stranger, stranger, f"{CANARY} {number}")
            for guest in guests if number < 20 else ():
                world.slack.say(guest, guest, f"{CANARY} {number}")
            if number % 20 == 10:
                world.telegram.say(ANN, ANN, f"echo: question {number}")
            await asyncio.sleep(0)
        await world.telegram.wait(lambda: "question 90" in world.telegram.texts(ANN) or None, 300)
        await world.telegram.wait(lambda: not world.telegram.updates.pending or None, 300)
        await world.slack.wait(lambda: {delivery.outcome for delivery in world.slack.deliveries.log} == {"acked"}, 300)
        await settled(app, 1 + 50 + 10 + 5, within=300)
    for stranger in strangers:
        (text,) = world.telegram.texts(stranger)
        assert CODE.search(text)
    for guest in guests:
        channel = world.slack.workspace.direct(guest).id
        (text,) = world.slack.texts(channel)
        assert "full members" in text
    assert world.telegram.texts(ANN)[1:] == [f"question {number}" for number in (10, 30, 50, 70, 90)]
    assert len(world.coze.chats) == 5
    assert not any(CANARY in chat.question for chat in world.coze.chats)
    assert CANARY.encode() not in kept_bytes(world.directory)
    assert len({CODE.findall(world.telegram.texts(stranger)[0])[0] for stranger in strangers}) == 50


async def test_a_stranger_in_a_group_is_told_only_when_they_mean_us(world):
    async with world.bridge(ALLOW="") as app:
        group = world.telegram.add_chat(type="supergroup", title="G", members=[EVE])["id"]
        world.telegram.say(group, EVE, f"just chatting {CANARY}")
        asked = world.telegram.say(group, EVE, f"@coze_demo_bot {CANARY}")["message_id"]
        await settled(app, 1)
        world.telegram.say(group, EVE, f"@coze_demo_bot {CANARY}")
        world.telegram.say(EVE, EVE, CANARY)
        world.telegram.say(ANN, ANN, "hello")
        await settled(app, 2)
    (told,) = [message for message in world.telegram.messages(group) if message.sender != EVE]
    assert told.place.reply_to == asked
    assert CODE.search(told.text)
    assert world.telegram.texts(EVE) == []
    assert CANARY.encode() not in kept_bytes(world.directory)


async def test_the_same_update_twice_tells_once(world):
    async with world.bridge(ALLOW="") as app:
        world.telegram.say(EVE, EVE, "hello")
        await settled(app, 1)
        world.telegram.updates.duplicate()
        world.telegram.say(ANN, ANN, "hello")
        await settled(app, 2)
    assert len(world.telegram.texts(EVE)) == 1


async def test_what_a_stranger_is_told_survives_kill_9(world):
    world.telegram.faults.add(Fault(kind="hang", method="sendMessage", seconds=3600))
    async with world.process(ALLOW="") as process:
        world.telegram.say(EVE, EVE, "hello")
        await world.telegram.wait(lambda: world.telegram.calls("sendMessage", EVE))
        await process.kill()
    assert world.telegram.texts(EVE) == []
    async with world.process(ALLOW="", LOG_LEVEL="DEBUG") as process:
        code = await code_of(world, EVE)
        await let_in(world, EVE)
        world.telegram.say(EVE, EVE, "echo: in")
        await answered(world, EVE, "in")
        log = "".join(process.log)
    assert code not in log
    assert "Traceback" not in log
    assert len(world.telegram.texts(EVE)) == 2


async def test_who_is_blocked_hears_nothing_even_where_everybody_may_come(world):
    async with world.bridge(ALLOW="*") as app:
        world.telegram.say(EVE, EVE, "echo: one")
        await settled(app, 1)
        await decide(world, EVE, Access.BLOCKED)
        for text in (CANARY, "/help", "/new"):
            world.telegram.say(EVE, EVE, text)
        world.telegram.say(ANN, ANN, "echo: two")
        await settled(app, 2)
        assert world.telegram.texts(EVE) == ["one"]
        await decide(world, EVE, Access.OPEN)
        world.telegram.say(EVE, EVE, "echo: three")
        await settled(app, 3)
    assert world.telegram.texts(EVE) == ["one", "three"]
    assert CANARY.encode() not in kept_bytes(world.directory)


async def test_blocking_somebody_ends_their_answer(world):
    world.coze.script("long", Answer(text="word " * 2000))
    async with world.bridge() as app:
        world.telegram.say(EVE, EVE, "long please")
        await world.telegram.wait(lambda: world.telegram.texts(EVE))
        await decide(world, EVE, Access.BLOCKED)
        await settled(app, 1)
    assert world.telegram.texts(EVE)[-1].endswith("⏹ Stopped.")
    assert world.coze.chats[0].status == "canceled"


async def test_forgetting_somebody_in_mid_answer_harms_nobody_else(world):
    world.coze.script("long", Answer(text="word " * 2000))
    async with world.bridge() as app:
        world.telegram.say(EVE, EVE, f"long please {CANARY}")
        world.telegram.say(EVE, EVE, "and then this")
        await world.telegram.wait(lambda: world.telegram.texts(EVE))

        async def forget(store):
            (eve,) = await store.people(platform="telegram", sender=str(EVE))
            return await store.forget([eve.id])

        erased = await beside(world, forget)
        assert (erased.people, erased.turns, erased.conversations) == (1, 2, 1)
        world.telegram.say(ANN, ANN, "echo: still here")
        await answered(world, ANN, "still here")
        world.telegram.say(EVE, EVE, "echo: who am I?")
        await answered(world, EVE, "who am I?")
        await settled(app, 2)
    first, second = world.coze.chats[0], world.coze.asked("who am I?")[0]
    assert first.conversation_id != second.conversation_id


# ---- Slack


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_in_slack_full_members_are_answered_and_others_told_once(world, transport):
    others = {
        "UGUEST": {"is_restricted": True},
        "USINGLE": {"is_ultra_restricted": True},
        "UFOREIGN": {"team": "TFOREIGN"},
        "ULEFT": {"deleted": True},
    }
    for number, more in others.items():
        world.slack.add_user(number.lower(), id=number, **more)
    changes = {} if transport == "socket" else {"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": "secret"}
    async with world.bridge(ALLOW="", **changes) as app:
        world.slack.settings.request_url = "" if transport == "socket" else f"{app.url}/slack/events"
        ts = world.slack.say("CGENERAL", "UALICE", "@coze echo: hello")
        await settled(app, 1)
        for count, number in enumerate(others, 2):
            asked = world.slack.say("CGENERAL", number, f"@coze echo: {CANARY}")
            await settled(app, count)
            assert ["full members" in text for text in world.slack.texts("CGENERAL", asked)] == [True]
            world.slack.say("CGENERAL", number, f"@coze again {CANARY}")
            world.slack.say("CGENERAL", number, f"in Alice's thread {CANARY}", thread_ts=ts)
            world.slack.slash("/coze", "help", "CGENERAL", number)
        world.slack.say("CGENERAL", "UALICE", "echo: bye", thread_ts=ts)
        await settled(app, 6)
    assert world.slack.texts("CGENERAL", ts) == ["hello", "bye"]
    assert len(world.slack.texts("CGENERAL")) == 6
    assert len(world.coze.chats) == 2
    assert CANARY.encode() not in kept_bytes(world.directory)


async def test_while_slack_does_not_tell_who_is_a_member_the_message_stays_with_slack(world):
    world.slack.settings.change(ack_seconds=1.0, time_scale=0.01)
    world.slack.faults.add(Fault(kind="error_500", method="users.info", times=2))
    async with world.bridge(ALLOW="") as app:
        world.slack.say("DALICE", "UALICE", "echo: patience")
        await settled(app, 1)
    delivery = world.slack.deliveries.log[0]
    assert delivery.outcome == "acked"
    assert len(delivery.attempts) >= 3
    assert world.slack.texts("DALICE") == ["patience"]
    assert len(world.coze.chats) == 1


async def test_without_the_scope_the_log_says_what_to_add(world, caplog):
    world.slack.settings.scopes.discard("users:read")
    caplog.set_level("WARNING", logger="adapters.slack.members")
    async with world.bridge(ALLOW="") as app:
        world.slack.say("DALICE", "UALICE", "echo: hello")
        await settled(app, 1)
    assert "users:read" in caplog.text
    assert ["full members" in text for text in world.slack.texts("DALICE")] == [True]
    assert not world.coze.chats


async def test_a_service_that_lists_nobody_says_at_its_start_who_may_talk(world):
    async with world.process(ALLOW="") as process:
        pass
    (line,) = [line for line in process.log if "ALLOW is not set" in line]
    assert '"level": "info"' in line or '"info"' in line
    assert "paired" in line
    assert "full members" in line
