"""Who somebody is, as each platform tells it: asked once an hour, and never in the way."""

import pytest

from bridge.errors import Transient
from bridge.model import Profile
from bridge.ports import Homes, Profiles
from simulators.slack import SlackSimulator
from simulators.telegram import TelegramSimulator
from simulators.wire import Fault, Served
from tests.clocks import StillClock
from tests.contract import slack_world, telegram_world
from tests.contract.telegram_world import ANN


async def test_telegram_tells_name_and_username_once_an_hour() -> None:
    sim, clock = TelegramSimulator(limits=False), StillClock()
    sim.add_user(ANN, first_name="Ann", username="ann_x")
    sim.add_chat(ANN)
    async with Served(sim.app) as server:
        telegram = telegram_world.adapter(server.url, clock=clock)
        assert isinstance(telegram, Profiles)
        await telegram.open()
        for _ in range(2):
            assert await telegram.profile(str(ANN)) == Profile(name="Ann", username="ann_x")
        assert len(sim.calls("getChat")) == 1
        clock.time += 3601
        await telegram.profile(str(ANN))
        assert len(sim.calls("getChat")) == 2
        assert await telegram.profile("424242") == Profile(), "a stranger to the bot"
        sim.faults.add(Fault(kind="error", method="getChat", value="500 Internal Server Error", times=-1))
        clock.time += 3601
        with pytest.raises(Transient):
            await telegram.profile(str(ANN))
        await telegram.aclose()


async def test_slack_tells_the_name_that_colleagues_see() -> None:
    sim, clock = SlackSimulator(), StillClock()
    async with Served(sim.app) as server:
        slack = slack_world.adapter(server.url, clock=clock)
        assert isinstance(slack, Profiles)
        assert isinstance(slack, Homes)
        await slack.open()
        for _ in range(2):
            assert (await slack.profile("UALICE")).name == "alice"
        assert len([call for call in sim.calls if call.method == "users.info"]) == 1
        assert await slack.profile("UNOBODY") == Profile()
        sim.faults.add(Fault(kind="error_500", method="users.info", times=-1))
        clock.time += 3601
        with pytest.raises(Transient):
            await slack.profile("UALICE")
        await slack.aclose()
