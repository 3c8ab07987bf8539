"""Who is a full member of a Slack workspace: the real SDK against the simulator."""

import asyncio
import logging

import pytest

from adapters.slack import SlackAdapter, members
from bridge.errors import RateLimited, Transient, Unreachable
from bridge.ports import Adapter, Members
from simulators.slack import SlackSimulator
from simulators.wire import Fault, Served
from tests.clocks import StillClock
from tests.contract.slack_world import adapter

PEOPLE = {
    "UALICE": True,
    "UBOB": True,
    "UGRID": True,
    "UGUEST": False,
    "USINGLE": False,
    "UFOREIGN": False,
    "USTRANGER": False,
    "UELSEWHERE": False,
    "ULEFT": False,
    "UOTHER": False,
    "UNOBODY": False,
}


@pytest.fixture
async def slack():
    """The simulated Slack, with everybody in it who is no member; and an adapter, opened, with its clock."""
    sim = SlackSimulator()
    sim.add_user("grid", id="UGRID", team="TBRANCH", grid_teams=("TBRANCH", "TCOZE"))
    sim.add_user("guest", id="UGUEST", is_restricted=True)
    sim.add_user("single", id="USINGLE", is_ultra_restricted=True)
    sim.add_user("foreign", id="UFOREIGN", team="TFOREIGN")
    sim.add_user("stranger", id="USTRANGER", team="TFOREIGN", is_stranger=True)
    sim.add_user("elsewhere", id="UELSEWHERE", team="TBRANCH", grid_teams=("TBRANCH",))
    sim.add_user("left", id="ULEFT", deleted=True)
    clock = StillClock()
    async with Served(sim.app) as served:
        opened = adapter(served.url, clock=clock)
        await opened.open()
        yield sim, opened, clock
        await opened.aclose()


def asked(sim: SlackSimulator) -> int:
    return len([call for call in sim.calls if call.method == "users.info"])


async def test_full_members_and_nobody_else(slack):
    _, opened, _ = slack
    assert {user: await opened.is_member(user) for user in PEOPLE} == PEOPLE


async def test_the_adapter_says_that_it_can_tell():
    def look(opened: Adapter) -> bool:
        return isinstance(opened, Members)

    assert look(adapter("http://127.0.0.1:1"))


async def test_an_answer_is_believed_for_a_while(slack):
    sim, opened, clock = slack
    for user, seconds in (("UALICE", members.MEMBER_SECONDS), ("UGUEST", members.OTHER_SECONDS)):
        before, first = asked(sim), await opened.is_member(user)
        clock.time += seconds - 1
        assert await opened.is_member(user) is first
        assert asked(sim) == before + 1
        sim.workspace.users[user].is_restricted = first
        clock.time += 1
        assert await opened.is_member(user) is not first
        assert asked(sim) == before + 2


async def test_only_so_many_are_remembered(slack, monkeypatch):
    sim, opened, _ = slack
    monkeypatch.setattr(members, "MOST", 2)
    for user in ("UALICE", "UBOB", "UGUEST"):
        await opened.is_member(user)
    assert asked(sim) == 3
    await opened.is_member("UBOB")
    await opened.is_member("UGUEST")
    assert asked(sim) == 3
    await opened.is_member("UALICE")
    assert asked(sim) == 4


@pytest.mark.parametrize("error", ["missing_scope", "unknown_method", "something_new"])
async def test_where_slack_will_not_tell_nobody_is_a_member_and_the_log_says_once_what_to_do(slack, caplog, error):
    sim, opened, clock = slack
    if error == "missing_scope":
        sim.settings.scopes.discard("users:read")
    else:
        sim.faults.add(Fault(kind="error", method="users.info", value=error, times=2))
    with caplog.at_level(logging.WARNING, logger="adapters.slack.members"):
        assert not await opened.is_member("UALICE")
        assert not await opened.is_member("UBOB")
    (record,) = [record for record in caplog.records if record.name == "adapters.slack.members"]
    assert "users:read" in record.getMessage()
    assert error in record.getMessage()
    sim.settings.scopes.add("users:read")
    clock.time += members.OTHER_SECONDS
    assert await opened.is_member("UALICE")


async def test_somebody_whom_slack_does_not_show_is_no_news(slack, caplog):
    _, opened, _ = slack
    with caplog.at_level(logging.WARNING, logger="adapters.slack.members"):
        assert not await opened.is_member("UNOBODY")
    assert not [record for record in caplog.records if record.name == "adapters.slack.members"]


@pytest.mark.parametrize("kind", ["error_500", "html_502", "reset", "hang", "ratelimited"])
async def test_a_slack_that_does_not_answer_is_no_answer(slack, monkeypatch, kind):
    sim, opened, _ = slack
    monkeypatch.setattr(members, "ASK_SECONDS", 0.5)
    times = 2 if kind == "reset" else 1  # aiohttp itself tries a second time on a connection that was kept open
    sim.faults.add(Fault(kind=kind, method="users.info", seconds=30.0 if kind == "hang" else 1.0, times=times))
    with pytest.raises(Transient) as caught:
        await opened.is_member("UALICE")
    assert isinstance(caught.value, RateLimited if kind == "ratelimited" else Unreachable)
    sim.limits.change(enabled=False)
    monkeypatch.setattr(members, "ASK_SECONDS", 30.0)
    await until_served(opened)


async def until_served(opened: SlackAdapter) -> None:
    """A penalty of the simulator's lasts a second."""
    async with asyncio.timeout(30):
        while True:
            try:
                assert await opened.is_member("UALICE")
            except RateLimited:
                await asyncio.sleep(0.1)
            else:
                return


def test_a_user_object_of_another_shape_is_nobody():
    for shape in (None, [], "U1", {}, {"id": "U1"}, {"team_id": None}, {"enterprise_user": {"teams": "TCOZE"}}):
        assert not members.is_full_member(shape, "TCOZE")
    assert not members.is_full_member({"team_id": ""}, "")


@pytest.mark.parametrize("mark", ["", "deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger"])
def test_each_mark_alone_shuts_out(mark):
    assert members.is_full_member({"team_id": "TCOZE", mark: True}, "TCOZE") is not bool(mark)


async def test_a_burst_of_one_persons_messages_asks_once(slack):
    sim, opened, _ = slack
    assert await asyncio.gather(*(opened.is_member("UALICE") for _ in range(20))) == [True] * 20
    assert asked(sim) == 1
