"""The Slack adapter with the real SDKs against the simulated Slack: how it starts and what it hears."""

import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from bridge.errors import ConfigError, Unreachable
from bridge.ports import Adapter, Finds, Mounts
from simulators.slack import SlackSimulator
from simulators.wire import Fault, Served
from tests.contract.slack_world import Inbox, Tally, adapter, all_acked, hearing, outcomes

TRANSPORTS = pytest.mark.parametrize("transport", ["socket", "http"])


@pytest.fixture
async def sim() -> SlackSimulator:
    return SlackSimulator(time_scale=0.001, warn_seconds=100, ack_seconds=0.4)


@pytest.fixture
async def url(sim: SlackSimulator) -> AsyncIterator[str]:
    async with Served(sim.app) as served:
        yield served.url


class TestOpening:
    async def test_learns_who_it_is(self, url: str) -> None:
        slack = adapter(url)
        assert slack.trouble
        await slack.open()
        await slack.open()
        assert (slack.platform, slack.account) == ("slack", "TCOZE")
        await slack.aclose()

    async def test_is_what_the_ports_ask_for(self, url: str) -> None:
        slack = adapter(url)
        port: Adapter = slack
        assert isinstance(port, Finds)
        assert isinstance(port, Mounts)
        assert slack.mounts == {}
        assert set(adapter(url, "http").mounts) == {"/slack/events"}
        assert adapter(url, streaming="off").limits.streams is False

    @pytest.mark.parametrize(
        "error", ["invalid_auth", "account_inactive", "token_revoked", "not_authed", "no_permission"]
    )
    async def test_a_refused_token_is_a_setting_to_mend(self, sim: SlackSimulator, url: str, error: str) -> None:
        sim.faults.add(Fault(kind="error", method="auth.test", value=error))
        slack = adapter(url)
        with pytest.raises(ConfigError, match=f"SLACK_BOT_TOKEN.*{error}") as caught:
            await slack.open()
        assert "xoxb-test" not in str(caught.value)
        await slack.aclose()

    @pytest.mark.parametrize(
        ("setting", "wrong"),
        [
            ("SLACK_BOT_TOKEN", {"bot_token": "xoxp-user"}),
            ("SLACK_BOT_TOKEN", {"bot_token": "xoxb-with\nnewline"}),
            ("SLACK_APP_TOKEN", {"app_token": "xoxb-swapped"}),
            ("SLACK_APP_TOKEN", {"app_token": ""}),
        ],
    )
    async def test_malformed_tokens_never_leave(
        self, sim: SlackSimulator, url: str, setting: str, wrong: dict[str, str]
    ) -> None:
        with pytest.raises(ConfigError, match=setting) as caught:
            await adapter(url, **wrong).open()
        assert sim.calls == []
        assert not any(token in str(caught.value) for token in wrong.values() if token)

    @pytest.mark.parametrize("kind", ["error_500", "html_502", "reset", "ratelimited"])
    async def test_a_sick_server_is_no_setting(self, sim: SlackSimulator, url: str, kind: str) -> None:
        sim.faults.add(Fault(kind=kind, method="auth.test", seconds=0.1))
        slack = adapter(url)
        with pytest.raises(Unreachable):
            await slack.open()
        sim.limits.change(reset=True)
        await slack.open()
        await slack.aclose()

    async def test_no_server_is_no_setting(self) -> None:
        slack = adapter("http://127.0.0.1:9")
        with pytest.raises(Unreachable):
            await slack.open()
        await slack.aclose()

    @TRANSPORTS
    async def test_other_variables_of_the_environment_do_not_count(
        self, sim: SlackSimulator, url: str, transport: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
    ) -> None:
        """Bolt alone would take them for an app that many workspaces install, with tokens in files."""
        monkeypatch.setenv("HOME", str(tmp_path))
        for name in ("CLIENT_ID", "CLIENT_SECRET", "SIGNING_SECRET", "VERIFICATION_TOKEN"):
            monkeypatch.setenv(f"SLACK_{name}", "wrong")
        monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-wrong")
        async with hearing(sim, url, transport) as (_, inbox):
            sim.say("DALICE", "UALICE", "one")
            await inbox.get()
            await all_acked(sim)
        assert [call.method for call in sim.calls].count("auth.test") == 1
        assert list(tmp_path.iterdir()) == []


@TRANSPORTS
class TestHearing:
    async def test_a_direct_message(self, sim: SlackSimulator, url: str, transport: str) -> None:
        async with hearing(sim, url, transport) as (_, inbox):
            ts = sim.say("DALICE", "UALICE", "a < b & c")
            [inbound] = await inbox.get()
            assert (inbound.text, inbound.sender.id, inbound.personal) == ("a < b & c", "UALICE", True)
            assert (inbound.address.chat, inbound.address.thread) == ("DALICE", ts)
            assert inbound.sent_at == pytest.approx(time.time(), abs=60)
            await all_acked(sim)

    async def test_a_direct_message_in_one_conversation(self, sim: SlackSimulator, url: str, transport: str) -> None:
        async with hearing(sim, url, transport, dm="person") as (_, inbox):
            root = sim.say("DALICE", "UALICE", "one")
            await inbox.get()
            sim.say("DALICE", "UALICE", "two", thread_ts=root)
            one, two = await inbox.get(2)
            assert (one.address.thread, two.address.thread) == ("", root)

    @pytest.mark.parametrize("order", ["same", "reverse"])
    async def test_the_twins_of_a_mention_are_one_message(
        self, sim: SlackSimulator, url: str, transport: str, order: str
    ) -> None:
        async with hearing(sim, url, transport) as (_, inbox):
            sim.deliveries.hold()
            ts = sim.say("CGENERAL", "UALICE", "@coze what is up?")
            sim.deliveries.release(order)
            one, other = await inbox.get(2)
            assert one == other
            assert (one.key, one.text, one.address.thread) == (f"slack:TCOZE:CGENERAL:{ts}", "what is up?", ts)
            assert (one.personal, one.addressed) == (False, True)
            await all_acked(sim)

    async def test_a_thread_goes_on_without_mentions(self, sim: SlackSimulator, url: str, transport: str) -> None:
        async with hearing(sim, url, transport) as (_, inbox):
            root = sim.say("CGENERAL", "UALICE", "lunch?")
            sim.say("CGENERAL", "UBOB", "@alice and you?", thread_ts=root)
            sim.say("CGENERAL", "UBOB", "!stop", thread_ts=root)
            [inbound] = await inbox.get()
            assert (inbound.addressed, inbound.command, inbound.address.thread) == (False, "stop", root)
            await all_acked(sim)

    async def test_a_slash_command(self, sim: SlackSimulator, url: str, transport: str) -> None:
        async with hearing(sim, url, transport) as (_, inbox):
            deliveries = [sim.slash("/coze", text, "CGENERAL", "UALICE") for text in ("new", "", "who are you?")]
            heard = await inbox.get(3)
            assert sorted(inbound.command for inbound in heard) == ["help", "help", "new"]
            assert len({inbound.key for inbound in heard}) == 3
            assert {inbound.address.chat for inbound in heard} == {"CGENERAL"}
            await all_acked(sim)
            assert not any(delivery.response for delivery in deliveries)

    async def test_files(self, sim: SlackSimulator, url: str, transport: str) -> None:
        async with hearing(sim, url, transport) as (_, inbox):
            sim.say("DALICE", "UALICE", "", files=[{"name": "a.txt", "content": "four"}])
            [inbound] = await inbox.get()
            [file] = inbound.files
            assert (inbound.text, file.name, file.size) == ("", "a.txt", 4)
            number, _, url = file.ref.partition(" ")
            assert number.startswith("F")
            assert url.startswith("http")

    async def test_other_bots_and_edits_are_left_alone(self, sim: SlackSimulator, url: str, transport: str) -> None:
        async with hearing(sim, url, transport) as (slack, inbox):
            sim.say("CGENERAL", "UOTHER", "@coze hello, colleague")
            ts = sim.say("DALICE", "UALICE", "hello")
            sim.edit("DALICE", ts, "hello!")
            sim.delete("DALICE", ts)
            await all_acked(sim)
            assert [inbound.text for inbound in inbox.all] == ["hello"]
            assert slack._meter.counted == {}  # type: ignore[attr-defined]

    async def test_unknown_things_are_acknowledged_and_counted(
        self, sim: SlackSimulator, url: str, transport: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        meter = Tally()
        with caplog.at_level(logging.INFO):
            async with hearing(sim, url, transport, meter=meter) as (_, inbox):
                for _ in range(2):
                    sim.inject({"type": "reaction_added", "user": "UALICE", "event_ts": sim.workspace.stamp()})
                sim.people.interact({"type": "shortcut", "user": "UALICE", "callback_id": "x"})
                await all_acked(sim)
                assert inbox.all == []
        assert meter.counted[("updates_ignored", "slack", "reaction_added")] == 2
        assert meter.counted[("updates_ignored", "slack", "shortcut")] == 1
        assert sum("reaction_added" in record.message for record in caplog.records) == 1

    async def test_what_could_not_be_kept_comes_again(self, sim: SlackSimulator, url: str, transport: str) -> None:
        async with hearing(sim, url, transport, inbox=Inbox(failures=2)) as (_, inbox):
            sim.say("DALICE", "UALICE", "important")
            [inbound] = await inbox.get()
            assert [refused.key for refused in inbox.refused] == [inbound.key] * 2
            await all_acked(sim)
            assert len(sim.deliveries.log[0].attempts) == 3

    async def test_what_is_never_kept_is_never_acknowledged(
        self, sim: SlackSimulator, url: str, transport: str
    ) -> None:
        async with hearing(sim, url, transport, inbox=Inbox(failures=99)) as (_, inbox):
            sim.say("DALICE", "UALICE", "important")
            command = sim.slash("/coze", "new", "DALICE", "UALICE")
            await sim.wait(lambda: outcomes(sim).isdisjoint({"pending", "acked"}), 10)
            assert command.outcome == "operation_timeout"
            assert len(inbox.refused) == 5

    async def test_a_bug_is_logged_and_not_acknowledged(
        self, sim: SlackSimulator, url: str, transport: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def broken(_inbound: object) -> None:
            raise KeyError("a bug")

        async with hearing(sim, url, transport, accept=broken):
            command = sim.slash("/coze", "new", "DALICE", "UALICE")
            await sim.wait(lambda: command.outcome != "pending")
            assert command.outcome == "operation_timeout"
        assert "Traceback" in caplog.text


async def test_no_secret_and_no_word_of_people_is_logged(
    sim: SlackSimulator, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with hearing(sim, url) as (_, inbox):
            await sim.socket("reject")
            await sim.socket("drop")
            await sim.wait(lambda: sim.sockets.accepted == 2)
            sim.say("DALICE", "UALICE", "my password is hunter2")
            await inbox.get()
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("adapters", "slack"))]
    assert ours
    assert not [line for line in ours if "xoxb-" in line or "xapp-" in line or "ticket=" in line or "hunter2" in line]


async def test_a_server_that_is_no_slack_is_unreachable() -> None:
    """Bodies that slack_sdk itself trips over."""
    bodies = [
        "text/plain:ok",
        "application/json:[1]",
        "application/json:{",
        "text/html:<html>",
        "application/json:null",
    ]

    async def answer(_request: web.Request) -> web.Response:
        kind, _, text = bodies[-1].partition(":")
        return web.Response(text=text, content_type=kind)

    app = web.Application()
    app.add_routes([web.post("/api/auth.test", answer)])
    async with Served(app) as served:
        slack = adapter(served.url)
        while bodies:
            with pytest.raises(Unreachable):
                await slack.open()
            bodies.pop()
        await slack.aclose()
