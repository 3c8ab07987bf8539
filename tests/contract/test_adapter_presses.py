"""Buttons on both adapters: shown below the final, and a press that is acknowledged only once the core took it."""

import pytest

from bridge.errors import Unreachable
from bridge.model import Address, Choice, Does, Page
from simulators.slack import SlackSimulator
from simulators.telegram import TelegramSimulator
from simulators.wire import Fault, Served
from tests.contract import slack_world, telegram_world
from tests.contract.slack_world import Inbox, hearing
from tests.contract.telegram_world import ANN, Core, listening

CHOICES = (
    Choice(does=Does.ASK, label="And tomorrow?", press="ask:1:0"),
    Choice(does=Does.LIKE, label="👍", press="like:1"),
    Choice(does=Does.DISLIKE, label="👎", press="dislike:1"),
)
SAID = Page(index=0, text="It will **rain**.", final=True, choices=CHOICES)


def growing(text: str, status: str) -> Page:
    return Page(index=0, text=text, final=False, status=status)


@pytest.fixture
async def telegram():
    sim = TelegramSimulator(limits=False)
    sim.updates.damping = False
    async with Served(sim.app) as served:
        adapter = telegram_world.adapter(served.url)
        yield sim, adapter
        await adapter.aclose()


async def test_telegram_shows_a_status_and_then_buttons(telegram):
    sim, adapter = telegram
    core, place = Core(), telegram_world.address(sim)
    sim.say(ANN, ANN, "hello")
    async with listening(adapter, core):
        await core.wait(1)
        number = await adapter.send(place, growing("", "🔧 Using a_b…"))
        await adapter.edit(place, number, growing("It *will*", "🔧 Using a_b…"))
        await adapter.edit(place, number, SAID)
        await adapter.edit(place, number, SAID)
    message = sim.messages(ANN)[-1]
    assert [look.text for look in message.versions] == ["🔧 Using a_b…", "It will\n\n🔧 Using a_b…", "It will rain."]
    assert [entity["type"] for entity in message.versions[1].entities] == ["italic", "italic"]
    rows = message.now.reply_markup["inline_keyboard"]
    assert [[button["callback_data"] for button in row] for row in rows] == [["ask:1:0"], ["like:1", "dislike:1"]]


async def test_a_press_in_telegram_is_fetched_again_until_the_core_took_it(telegram):
    sim, adapter = telegram
    core, place = Core(failures=[Unreachable("the database is away")]), telegram_world.address(sim)
    core.failures.clear()
    sim.say(ANN, ANN, "hello")
    async with listening(adapter, core):
        await core.wait(1)
        number = await adapter.send(place, SAID)
        core.failures.append(Unreachable("the database is away"))
        sim.press(ANN, int(number), "ask:1:0", ANN)
        await core.wait(2)
        await sim.wait(lambda: sim.calls("answerCallbackQuery"), 30)
    first, second = core.tried[1:]
    assert first.key == second.key
    assert (second.press, second.reply_to, second.sender.id) == ("ask:1:0", number, str(ANN))


@pytest.fixture
async def slack():
    sim = SlackSimulator(time_scale=0.001, warn_seconds=100, ack_seconds=10)
    sim.limits.change(enabled=False)
    async with Served(sim.app) as served:
        yield sim, served.url


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_slack_shows_a_status_and_then_buttons_whose_press_is_acknowledged(slack, transport):
    sim, url = slack
    async with hearing(sim, url, transport, streaming="edit") as (adapter, inbox):
        ts = sim.say("CGENERAL", "UALICE", "@coze hello")
        asked = (await inbox.get())[0]
        number = await adapter.send(asked.address, growing("", "🔧 Using a_b…"))
        await adapter.edit(asked.address, number, growing("It", "🔧 Using a_b…"))
        await adapter.edit(asked.address, number, SAID)
        (message,) = sim.bot_messages("CGENERAL")
        assert [look.text for look in message.versions] == [
            "_🔧 Using a\\_b…_",
            "It\n\n_🔧 Using a\\_b…_",
            "It will **rain**.",
        ]
        assert [block["type"] for block in message.blocks] == ["markdown", "actions", "context_actions"]
        pressed = sim.press("CGENERAL", number, message.blocks[1]["elements"][0]["action_id"], "UBOB")
        await slack_world.wait(lambda: pressed.outcome == "acked")
        judged = sim.press("CGENERAL", number, message.blocks[2]["elements"][0]["action_id"], "UBOB", "like:1")
        await slack_world.wait(lambda: judged.outcome == "acked")
        presses = [heard for heard in inbox.all if heard.press]
    assert [(press.press, press.sender.id, press.address.thread) for press in presses] == [
        ("ask:1:0", "UBOB", ts),
        ("like:1", "UBOB", ts),
    ]
    assert presses[0].key != presses[1].key
    assert sim.workspace.complaints == []


async def test_a_press_in_slack_is_not_acknowledged_if_the_core_did_not_take_it(slack):
    sim, url = slack
    async with hearing(sim, url, "http", streaming="edit") as (adapter, inbox):
        sim.say("DALICE", "UALICE", "hello")
        (asked,) = await inbox.get()
        number = await adapter.send(asked.address, SAID)
        (message,) = sim.bot_messages("DALICE")
        inbox.failures = 1
        pressed = sim.press("DALICE", number, message.blocks[1]["elements"][0]["action_id"], "UALICE")
        await slack_world.wait(lambda: inbox.refused and pressed.outcome != "pending")
    assert pressed.outcome != "acked"


async def test_blocks_that_slack_refuses_are_not_tried_again_for_a_while(slack):
    sim, url = slack
    async with hearing(sim, url, streaming="edit", inbox=Inbox()) as (adapter, _):
        place = Address(platform="slack", account=adapter.account, chat="CGENERAL")
        sim.faults.add(Fault(kind="error", method="chat.postMessage", value="invalid_blocks", times=1))
        for _number in range(2):
            await adapter.send(place, SAID)
    assert [message.raw for message in sim.bot_messages("CGENERAL")] == ["It will **rain**.\n\n- And tomorrow?"] * 2
    assert len([call for call in sim.calls if call.method == "chat.postMessage"]) == 3
