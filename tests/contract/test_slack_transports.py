"""The Slack adapter against the simulated Slack: sockets that break, and requests that Slack has not signed."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

import pytest

from adapters.slack import SlackAdapter
from bridge.errors import ConfigError
from bridge.model import Inbound, Moved
from simulators.slack import SlackSimulator
from simulators.slack.webhooks import signature
from simulators.wire import Fault, Served
from tests.contract.slack_world import HurriedClock, Inbox, adapter, all_acked, hearing, outcomes, wait


@pytest.fixture
async def sim() -> SlackSimulator:
    return SlackSimulator(time_scale=0.001, warn_seconds=100, ack_seconds=0.4)


@pytest.fixture
async def url(sim: SlackSimulator) -> AsyncIterator[str]:
    async with Served(sim.app) as served:
        yield served.url


def opened(sim: SlackSimulator, number: int) -> bool:
    return sim.sockets.accepted == number


class TestSockets:
    @pytest.mark.parametrize("action", ["drop", "refresh", "warn", "silent"])
    async def test_another_socket_takes_over(self, sim: SlackSimulator, url: str, action: str) -> None:
        async with hearing(sim, url) as (slack, inbox):
            await sim.socket(action)
            sim.say("DALICE", "UALICE", "in between")
            await sim.wait(lambda: sim.sockets.accepted >= 2)
            await inbox.get()
            sim.say("DALICE", "UALICE", "after")
            heard = await inbox.get(2)
            assert {inbound.text for inbound in heard} == {"in between", "after"}
            await all_acked(sim)
            await wait(lambda: not slack.trouble)
        assert sim.workspace.complaints == []

    async def test_a_warned_socket_is_left_only_after_another_is_open(self, sim: SlackSimulator, url: str) -> None:
        async with hearing(sim, url):
            seen = len(sim.feed.events)
            await sim.socket("warn")
            await sim.wait(lambda: len(sim.sockets.open) == 1 and sim.sockets.accepted == 2)
            changes = [event for event in sim.feed.events[seen:] if event["kind"] == "socket"]
            assert min(event["open"] for event in changes) == 1

    @pytest.mark.parametrize("fault", ["reject", "fail_open"])
    async def test_every_try_has_an_address_of_its_own(self, sim: SlackSimulator, url: str, fault: str) -> None:
        """A ticket is good once; slack_sdk's client would try the refused one for ever."""
        async with hearing(sim, url) as (slack, inbox):
            await sim.socket(fault, times=3)
            await sim.socket("drop")
            await wait(lambda: slack.trouble)
            await sim.wait(lambda: sim.sockets.open)
            sim.say("DALICE", "UALICE", "back")
            await inbox.get()
            opened = [call.outcome for call in sim.calls if call.method == "apps.connections.open"]
            assert len(opened) == 5

    async def test_a_disabled_link_is_told_and_asked_for_slowly(self, sim: SlackSimulator, url: str) -> None:
        clock = HurriedClock()
        async with hearing(sim, url, clock=clock) as (slack, inbox):
            before, asked = len(clock.slept), len(sim.calls)
            await sim.socket("link_disabled")
            await wait(lambda: len(sim.calls) == asked + 2)
            assert "switch Socket Mode on" in slack.trouble
            assert min(clock.slept[before:]) >= 60
            await sim.socket("restore")
            await sim.wait(lambda: sim.sockets.open)
            sim.say("DALICE", "UALICE", "back")
            await inbox.get()

    async def test_a_socket_that_keeps_breaking_is_opened_ever_more_slowly(self, sim: SlackSimulator, url: str) -> None:
        clock = HurriedClock()
        async with hearing(sim, url, clock=clock) as (slack, _):
            for number in range(2, 7):
                await sim.socket("drop")
                await sim.wait(partial(opened, sim, number))
                await wait(lambda: not slack.trouble)
        assert clock.slept[0] == 0
        assert all(2**n / 2 <= pause <= 2**n for n, pause in enumerate(clock.slept[1:6]))

    @pytest.mark.parametrize("error", ["invalid_auth", "not_allowed_token_type", "missing_scope"])
    async def test_a_refused_app_token_ends_the_first_start(self, sim: SlackSimulator, url: str, error: str) -> None:
        sim.faults.add(Fault(kind="error", method="apps.connections.open", value=error))
        slack = adapter(url)
        await slack.open()
        with pytest.raises(ConfigError, match=f"SLACK_APP_TOKEN.*{error}"):
            await slack.listen(Inbox().accept)
        await slack.aclose()

    async def test_a_token_refused_later_is_told(self, sim: SlackSimulator, url: str) -> None:
        async with hearing(sim, url) as (slack, _):
            sim.faults.add(Fault(kind="error", method="apps.connections.open", value="invalid_auth"))
            await sim.socket("drop")
            await wait(lambda: "SLACK_APP_TOKEN" in slack.trouble)
            await wait(lambda: not slack.trouble)

    async def test_no_server_is_waited_for(self, sim: SlackSimulator, url: str) -> None:
        await sim.socket("fail_open", times=4)
        async with hearing(sim, url):
            assert sim.sockets.accepted == 1

    async def test_the_same_socket_acknowledges(self, sim: SlackSimulator, url: str) -> None:
        sim.settings.same_socket_acks = True
        async with hearing(sim, url) as (_, inbox):
            await sim.socket("warn")
            for number in range(20):
                sim.say("DALICE", "UALICE", str(number))
            await inbox.get(20)
            await all_acked(sim)
            assert sim.workspace.complaints == []

    async def test_the_order_of_one_socket_is_kept(self, sim: SlackSimulator, url: str) -> None:
        async with hearing(sim, url) as (_, inbox):
            for number in range(30):
                sim.say("DALICE", "UALICE", str(number))
            assert [inbound.text for inbound in await inbox.get(30)] == [str(number) for number in range(30)]

    async def test_a_slow_acceptance_keeps_the_socket_alive(self, sim: SlackSimulator, url: str) -> None:
        gate, begun, inbox = asyncio.Event(), asyncio.Event(), Inbox()

        async def slow(inbound: Inbound | Moved) -> None:
            begun.set()
            await gate.wait()
            await inbox.accept(inbound)

        async with hearing(sim, url, accept=slow):
            sim.settings.ack_seconds = 5
            sim.say("DALICE", "UALICE", "slowly")
            await begun.wait()
            await asyncio.sleep(0.5)  # longer than two pings
            assert sim.sockets.accepted == 1
            gate.set()
            await inbox.get()
            await all_acked(sim)

    async def test_cancelling_ends_an_acceptance_that_hangs(self, sim: SlackSimulator, url: str) -> None:
        begun, ended = asyncio.Event(), asyncio.Event()

        async def stuck(_inbound: object) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        before = asyncio.all_tasks()
        async with hearing(sim, url, accept=stuck) as (slack, _):
            sim.say("DALICE", "UALICE", "never kept")
            await begun.wait()
        assert ended.is_set()
        assert slack.trouble
        assert sim.deliveries.log[0].outcome == "pending"
        ours = {task for task in asyncio.all_tasks() - before if "adapters/slack" in repr(task)}
        assert not ours


class TestPosts:
    async def post(
        self,
        slack: SlackAdapter,
        body: bytes,
        *,
        secret: str = "secret",
        age: float = 0,
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """The status of the reply to a signed request with these headers in place of the right ones."""
        stamp = str(int(time.time() - age))
        signed = {"x-slack-request-timestamp": stamp, "x-slack-signature": signature(secret, stamp, body)}
        told = {"content-type": "application/json", **signed, **(headers or {})}
        return (await slack.mounts["/slack/events"](told, body)).status

    async def test_the_challenge_is_answered(self, sim: SlackSimulator, url: str) -> None:
        async with hearing(sim, url, "http"):
            assert await sim.deliveries.verify()

    @pytest.mark.parametrize("setting", [{"tamper": True}, {"signature_age": 301.0}, {"signature_age": -301.0}])
    async def test_what_slack_has_not_just_signed_is_refused(
        self, sim: SlackSimulator, url: str, setting: dict[str, Any]
    ) -> None:
        async with hearing(sim, url, "http") as (_, inbox):
            sim.settings.change(retry_delays=[], **setting)
            sim.say("DALICE", "UALICE", "hello")
            await sim.wait(lambda: outcomes(sim) == {"lost"})
            assert sim.deliveries.log[0].attempts[0]["status"] == 401
            assert inbox.all == []

    async def test_each_thing_that_is_wrong_has_its_status(self, sim: SlackSimulator, url: str) -> None:
        event = json.dumps({"type": "event_callback", "event": {"type": "x"}}).encode()
        slack = adapter(url, "http")
        assert await self.post(slack, event) == 503  # before open
        await slack.open()
        assert await self.post(slack, event) == 503  # before listen
        await slack.aclose()
        async with hearing(sim, url, "http") as (slack, inbox):
            assert await self.post(slack, event) == 200
            assert await self.post(slack, event, secret="guess") == 401
            assert await self.post(slack, event, age=301) == 401
            for stamp in ("", "soon", "٣", "9" * 5000, "-1"):
                assert await self.post(slack, event, headers={"x-slack-request-timestamp": stamp}) == 401
            assert await self.post(slack, event, headers={"x-slack-signature": "v0=ü"}) == 401
            assert await self.post(slack, b"\xff\xfe") == 401
            assert await self.post(slack, b" " * (1 << 20)) == 400
            assert await self.post(slack, b" " * ((1 << 20) + 1)) == 413
            assert await self.post(slack, b"{not json") == 400
            assert await self.post(slack, b"[1, 2]") == 400
            assert (
                await self.post(slack, b"payload=%7B", headers={"content-type": "application/x-www-form-urlencoded"})
                == 400
            )
            assert await self.post(slack, b"") == 200
            assert inbox.all == []

    async def test_a_challenge_that_slack_has_not_signed_is_refused(self, sim: SlackSimulator, url: str) -> None:
        challenge = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aBm2r"})
        async with hearing(sim, url, "http") as (slack, _):
            assert await self.post(slack, challenge.encode()) == 200
            assert await self.post(slack, challenge.encode(), secret="guess") == 401

    async def test_slack_is_the_only_server_that_is_asked(self, sim: SlackSimulator, url: str) -> None:
        async with hearing(sim, url, "http") as (_, inbox):
            sim.say("DALICE", "UALICE", "hello")
            await inbox.get()
        assert [call.method for call in sim.calls] == ["auth.test"]
