"""What the service does not keep: words of old turns, and whatever there was of people who are forgotten."""

import json

import pytest

from bridge import housekeeping
from bridge.clock import SystemClock
from bridge.texts import text
from simulators.coze.answers import Answer
from storage import open_store
from tests.e2e.test_people_cli import Operator, answered
from tests.e2e.test_people_cli import database as database
from tests.e2e.worlds import settled

ANN, EVE = 1001, 6666
CANARY = "CanaryOfEve"
DELETE = "/v1/conversations/{conversation_id}"


def files(world):
    """All bytes of the SQLite database, its log included."""
    found = [one.read_bytes() for one in world.directory.glob("bridge.db*")]
    assert len(found) > 2
    return b"".join(found)


async def beside(world, use, **changes):
    """What an operator's process would do with the database."""
    store = await open_store(world.settings(**changes)["DATABASE_URL"], SystemClock(), guest=True)
    try:
        return await use(store)
    finally:
        await store.aclose()


def quick(monkeypatch):
    """Rounds of the housekeeping that a test can wait for."""
    monkeypatch.setattr(housekeeping, "FIRST_SECONDS", 0.05)
    monkeypatch.setattr(housekeeping, "EVERY_SECONDS", 0.1)


# ---- people


async def test_what_there_was_of_somebody_forgotten_is_nowhere(world, database):
    operator = Operator(world, database)
    async with world.process(**database) as process:
        world.telegram.say(EVE, EVE, f"echo: {CANARY} one")
        await answered(world, EVE, f"{CANARY} one")
        world.telegram.say(EVE, EVE, "/new")
        await answered(world, EVE, text("new", "en"))
        world.telegram.say(EVE, EVE, f"echo: {CANARY} two")
        await answered(world, EVE, f"{CANARY} two")
        world.telegram.say(ANN, ANN, "echo: mine")
        await answered(world, ANN, "mine")
        assert len(world.coze.world.conversations) == 3
        if not database:
            assert CANARY.encode() in files(world)
        said = await operator.succeeds("people", "forget", f"telegram:{EVE}")
        assert "turns 3, posts 3, conversations 2." in said
        assert "Conversations at Coze: 2 deleted." in said
        assert "copies" not in said
        (left,) = world.coze.world.conversations.values()
        assert CANARY not in str(left.messages)
        if not database:
            assert CANARY.encode() not in files(world), "while the service runs"
        world.telegram.say(ANN, ANN, "echo: still mine")
        await answered(world, ANN, "still mine")
        assert len({chat.conversation_id for chat in world.coze.asked("mine")}) == 1
        assert await process.terminate() == 0
    assert not any("Traceback" in line or "this is a bug" in line for line in process.log)


async def test_a_running_answer_makes_nothing_anew(world, database):
    operator = Operator(world, database)
    world.coze.script("long", Answer(text="word " * 2000))
    async with world.process(**database) as process:
        world.telegram.say(EVE, EVE, f"long please {CANARY}")
        await world.telegram.wait(lambda: world.telegram.texts(EVE))
        world.telegram.say(EVE, EVE, f"and then {CANARY}")
        said = await operator.succeeds("people", "forget", f"telegram:{EVE}")
        assert "Conversations at Coze: 1 deleted." in said
        world.telegram.say(ANN, ANN, "echo: fine")
        await answered(world, ANN, "fine")
        assert await process.terminate() == 0
    assert len(world.coze.world.conversations) == 1
    assert len(world.coze.asked(CANARY)) == 1
    assert [chat.question for chat in world.coze.chats if chat.conversation_id in world.coze.world.conversations] == [
        "echo: fine"
    ]
    assert not any("Traceback" in line or "this is a bug" in line for line in process.log)


async def test_what_coze_does_not_delete_at_once_the_service_deletes_later(world, database, monkeypatch):
    quick(monkeypatch)
    operator = Operator(world, database)
    async with world.bridge(**database) as app:
        world.telegram.say(EVE, EVE, "echo: one")
        await answered(world, EVE, "one")
        await settled(app, 1)
        world.coze.fault("http", method=DELETE, value="503", times=-1)
        said = await operator.succeeds("people", "forget", f"telegram:{EVE}")
        assert "Conversations at Coze: 0 deleted, 1 left for the service to try again (Coze 503" in said
        assert await operator.people() == {}
        assert len(world.coze.world.conversations) == 1
        world.coze.faults.clear()
        await world.coze.wait(lambda: not world.coze.world.conversations, 60)


@pytest.mark.parametrize("changes", [{"COZE_API_TOKEN": ""}, {"COZE_API_BASE": "http://127.0.0.1:1"}])
async def test_without_coze_the_rows_are_erased_all_the_same(world, changes):
    async with world.bridge() as app:
        world.telegram.say(EVE, EVE, f"echo: {CANARY}")
        await answered(world, EVE, CANARY)
        await settled(app, 1)
        operator = Operator(world, changes)
        said = await operator.succeeds("people", "forget", f"telegram:{EVE}")
        assert "turns 1, posts 1, conversations 1." in said
        assert "0 deleted, 1 left for the service to try again (" in said
        assert ("COZE_API_TOKEN is missing" in said) == ("COZE_API_TOKEN" in changes)
        assert await operator.people() == {}
        assert CANARY.encode() not in files(world)
    assert len(world.coze.world.conversations) == 1


# ---- words


async def test_of_old_answers_the_buttons_are_not_valid_any_more_and_nothing_can_be_retried(
    world, database, monkeypatch
):
    quick(monkeypatch)
    world.coze.script("rain", Answer(text=f"It will rain, says {CANARY}.", follow_ups=["And tomorrow?"]))
    changes = {"KEEP_TEXTS_DAYS": "0.00002", **database}
    operator = Operator(world, changes)
    async with world.bridge(**changes) as app:
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 1)
        turn = json.loads(await operator.succeeds("turns", "--json"))[0]["id"]

        async def erased(store):
            found = await store.turn(turn)
            while not found.erased:
                found = await store.turn(turn)

        await beside(world, erased, **changes)
        (shown,) = world.telegram.messages(ANN)[-1:]
        button = shown.now.reply_markup["inline_keyboard"][0][0]["callback_data"]
        world.telegram.press(ANN, shown.message_id, button, ANN)
        await answered(world, ANN, text("not_valid", "en"))
        world.telegram.say(ANN, ANN, "/retry")
        await answered(world, ANN, text("retry_nothing", "en"))
        await settled(app, 3)
        found = json.loads(await operator.succeeds("turns", "show", str(turn)))
        assert (found["erased"], found["question"], found["state"]) == (True, "", "delivered")
        assert "(erased)" in await operator.succeeds("turns")
        if not database:
            assert CANARY.encode() not in files(world)
        world.telegram.say(ANN, ANN, "echo: what was it?")
        await answered(world, ANN, "what was it?")
    assert len({chat.conversation_id for chat in world.coze.chats}) == 1, "the conversation at Coze goes on"
