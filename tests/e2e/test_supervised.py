"""The service as its operator and systemd see it: ready or not, alive, stopping; and one answer through the log."""

import asyncio
import json
import logging
import re
import signal
import socket
from contextlib import asynccontextmanager

import aiohttp
import pytest
from sqlalchemy.engine import make_url

from simulators.coze.answers import Answer
from simulators.wire import Fault
from tests.contract.store_contract import postgres_database
from tests.contract.test_store_outages import Line
from tests.e2e.worlds import settled

ANN, DM, ALICE = 1001, "DALICE", "UALICE"


@asynccontextmanager
async def systemd(path):
    """A socket that hears what is told; yields the messages and a way to wait for one."""
    heard, changed = [], asyncio.Event()

    class Hearing(asyncio.DatagramProtocol):
        def datagram_received(self, data, _address):
            heard.append(data.decode())
            changed.set()

    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(str(path))
    listening.setblocking(False)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Hearing, sock=listening)

    async def until(is_it, within=60):
        async with asyncio.timeout(within):
            while not is_it(heard):
                changed.clear()
                await changed.wait()

    try:
        yield heard, until
    finally:
        transport.close()


async def test_systemd_hears_why_it_waits_then_ready_then_signs_of_life_then_that_it_stops(world):
    async with systemd(world.directory / "notify") as (heard, until):
        changes = {"NOTIFY_SOCKET": str(world.directory / "notify"), "WATCHDOG_USEC": "900000"}
        async with world.process(**changes) as process:
            await until(lambda messages: messages.count("WATCHDOG=1") > 5)
            assert heard.count("READY=1") == 1
            before = heard[: heard.index("READY=1")]
            assert any(message.startswith("STATUS=waiting for database: ") for message in before)
            (serving,) = {message for message in heard if message.startswith("STATUS=serving ")}
            assert "telegram 123456" in serving
            assert "slack T" in serving
            assert await process.terminate(30) == 0
        assert heard.index("STOPPING=1") > heard.index("READY=1")
        assert "STATUS=stopping" in heard


async def test_a_process_that_hangs_gives_no_sign_of_life(world):
    async with systemd(world.directory / "notify") as (heard, until):
        changes = {"NOTIFY_SOCKET": str(world.directory / "notify"), "WATCHDOG_USEC": "900000"}
        async with world.process(**changes) as process:
            await until(lambda messages: "WATCHDOG=1" in messages)
            process.inner.send_signal(signal.SIGSTOP)
            # Nothing more can come once the last datagram is read: then so many intervals pass in silence.
            await asyncio.sleep(1.0)
            silent_since = len(heard)
            await asyncio.sleep(2.0)
            assert len(heard) == silent_since
            process.inner.send_signal(signal.SIGCONT)
            await until(lambda messages: len(messages) > silent_since)


async def test_no_signs_of_life_where_systemd_wants_none(world):
    async with systemd(world.directory / "notify") as (heard, until):
        async with world.process(NOTIFY_SOCKET=str(world.directory / "notify")) as process:
            await until(lambda messages: "READY=1" in messages)
            await process.terminate(30)
        assert "WATCHDOG=1" not in heard


@pytest.fixture
def postgres():
    with postgres_database() as url:
        yield url


async def readiness(url):
    async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as response:
        assert response.content_type == "application/json"
        told = await response.json()
        assert (response.status, told["status"]) in ((200, "ready"), (503, "not ready"))
        assert bool(told["reasons"]) == (response.status == 503)
        return told["reasons"]


async def becomes(url, is_it, within=90):
    async with asyncio.timeout(within):
        while not is_it(reasons := await readiness(url)):
            await asyncio.sleep(0.1)
        return reasons


async def test_a_database_that_goes_away_hangs_and_returns(world, postgres, caplog):
    caplog.set_level(logging.INFO)
    parsed = make_url(postgres)
    line = Line(parsed.host or "", parsed.port or 5432)
    await line.open()
    through = parsed.set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False)
    try:
        async with world.bridge(DATABASE_URL=through) as app:
            assert await readiness(app.url) == []
            for away, back in ((line.bar, line.open), (hold, let_go)):
                await away(line) if away is hold else await away()
                reasons = await becomes(app.url, bool)
                assert all(reason.startswith("database: ") for reason in reasons)
                async with aiohttp.ClientSession() as session:
                    for path in ("/healthz", "/metrics"):
                        async with session.get(app.url + path) as response:
                            assert response.status == 200
                            if path == "/metrics":
                                assert "coze_bridge_oldest_due_turn_seconds NaN" in await response.text()
                await back(line) if back is let_go else await back()
                await becomes(app.url, lambda reasons: not reasons)
            world.telegram.say(ANN, ANN, "echo: and it works again")
            await settled(app, 1)
    finally:
        line.flows.set()
        await line.bar()
    assert world.telegram.texts(ANN) == ["and it works again"]


async def hold(line):
    line.flows.clear()


async def let_go(line):
    line.flows.set()


async def test_a_platform_that_is_lost_and_found(world):
    async with world.bridge() as app:
        await world.slack.socket("fail_open", times=-1)
        await world.slack.socket("drop")
        reasons = await becomes(app.url, bool)
        assert all(reason.startswith("slack: ") for reason in reasons)
        world.slack.faults.clear()
        await becomes(app.url, lambda reasons: not reasons)


async def test_while_it_stops_it_is_not_ready_and_alive(world):
    world.coze.script("long", Answer(text="word " * 400))
    async with world.bridge(DRAIN_SECONDS="30") as app:
        world.telegram.say(ANN, ANN, "long")
        await world.telegram.wait(lambda: world.telegram.texts(ANN) or None, 30)
        app.stop()
        assert "stopping" in await becomes(app.url, bool)
        async with aiohttp.ClientSession() as session, session.get(f"{app.url}/healthz") as response:
            assert response.status == 200
        world.coze.hurry()


async def test_nothing_else_answers_on_the_port(world):
    async with world.bridge() as app, aiohttp.ClientSession() as session:
        for path in ("/healthz", "/readyz", "/metrics"):
            async with session.head(app.url + path) as response:
                assert (response.status, await response.read()) == (200, b"")
            for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
                async with session.request(method, app.url + path) as response:
                    assert response.status == 405
            async with session.get(f"{app.url}{path}/") as response:
                assert response.status == 404
        for path in ("/", "/metrics/x", "/control/state", "/telegram/webhook", "/slack/events", "/favicon.ico"):
            for method in ("GET", "POST", "HEAD"):
                async with session.request(method, app.url + path) as response:
                    assert response.status == 404


async def test_one_answer_can_be_followed_through_the_log_and_no_text_is_in_it(world):
    world.coze.script("zebra", Answer(text="giraffe " * 30))
    async with world.process(LOG_LEVEL="DEBUG") as process:
        world.telegram.say(ANN, ANN, "zebra one")
        world.slack.say(DM, ALICE, "zebra two")
        await world.telegram.wait(lambda: "giraffe" in "".join(world.telegram.texts(ANN)) or None, 60)
        await world.slack.wait(lambda: "giraffe" in "".join(world.slack.texts(DM)) or None, 60)
        world.coze.fault("code", value="4028")
        world.telegram.say(ANN, ANN, "zebra three")
        world.telegram.say(ANN, ANN, "/status")
        async with asyncio.timeout(60):
            while sum('"settled"' in line for line in process.log) < 4:
                await asyncio.sleep(0.05)
        assert await process.terminate(30) == 0
    assert not re.search("zebra|giraffe", "".join(process.log))
    lines = [json.loads(line) for line in process.log]
    turns = {line["turn"] for line in lines if line["event"] == "settled"}
    assert len(turns) == 4
    ends = {}
    for turn in turns:
        mine = [line for line in lines if line.get("turn") == turn]
        assert mine[0]["event"] == "accepted"
        assert {line["platform"] for line in mine} == {mine[0]["platform"]}
        ends[turn] = mine[-1]
        assert mine[-1]["event"] == "settled"
        assert {"outcome", "kind", "seconds", "pages", "rate_limited"} <= mine[-1].keys()
        if mine[-1]["kind"] == "question" and mine[-1]["outcome"] == "delivered":
            assert mine[-1]["coze_chat"] in {chat.id for chat in world.coze.chats}
            assert mine[-1]["coze_log"]
            assert 0 < mine[-1]["first_text_seconds"] <= mine[-1]["seconds"]
            assert mine[-1]["pages"] == 1
    assert sorted((end["kind"], end["outcome"]) for end in ends.values()) == [
        ("command", "delivered"),
        ("question", "delivered"),
        ("question", "delivered"),
        ("question", "failed"),
    ]
    (failed,) = (turn for turn, end in ends.items() if end["outcome"] == "failed")
    assert any(line["level"] == "warning" and "4028" in line["event"] for line in lines if line.get("turn") == failed)


async def scrape(url):
    """Every series with its value."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as response:
        lines = (await response.text()).splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


async def test_the_figures_of_answers_that_grow_fail_and_wait(world):
    world.coze.script("long", Answer(text="word " * 100))
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "long")
        await settled(app, 1)
        world.coze.fault("code", value="4028")
        world.telegram.say(ANN, ANN, "refused")
        await settled(app, 2)
        world.telegram.faults.add(Fault(kind="flood", method="sendMessage", seconds=1))
        world.telegram.say(ANN, ANN, "echo: late")
        world.telegram.say(ANN, ANN, "/status")
        await settled(app, 4)
        found = {name.removeprefix("coze_bridge_"): value for name, value in (await scrape(app.url)).items()}
    telegram = '{platform="telegram"}'
    assert found[f"first_text_seconds_count{telegram}"] == 2
    assert found[f"first_paint_seconds_count{telegram}"] >= 1
    assert found[f"first_text_seconds_sum{telegram}"] >= found[f"first_paint_seconds_sum{telegram}"] > 0
    assert found[f"previews_shown_total{telegram}"] >= 1
    dropped = 'previews_dropped_total{cause="replaced",platform="telegram"}'
    versions = len(world.coze.chats[0].deltas) + len(world.coze.chats[-1].deltas)
    assert found[f"previews_shown_total{telegram}"] + found[dropped] == versions
    assert found['refusals_total{say="quota"}'] == 1
    assert found['refusals_total{say="credentials"}'] == 0
    assert found['coze_errors_total{code="4028"}'] == 1
    assert found[f"rate_limited_total{telegram}"] >= 1
    assert found[f"penalty_seconds_total{telegram}"] >= 1
    assert found['turns_total{kind="question",outcome="delivered",platform="telegram"}'] == 2
    assert found['turns_total{kind="question",outcome="failed",platform="telegram"}'] == 1
    assert found["oldest_due_turn_seconds"] == 0
    assert found["event_loop_lag_seconds_count"] > 0
    assert not [name for name in found if str(ANN) in name]


async def test_the_age_of_the_oldest_turn_survives_a_restart(world):
    world.coze.down(600)
    async with world.process() as process:
        world.telegram.say(ANN, ANN, "echo: patience")
        async with asyncio.timeout(60):
            while not any('"accepted"' in line for line in process.log):
                await asyncio.sleep(0.05)
        await process.kill()
    async with world.process(DRAIN_SECONDS="0") as process:
        (host,) = re.findall(r"listening on ([\d.:]+)", "".join(process.log))
        found = await scrape(f"http://{host}")
        assert sum(value for name, value in found.items() if name.startswith("coze_bridge_unsettled_turns")) == 1
        assert not [name for name in found if name.startswith("coze_bridge_turns_total")], "counters begin at 0"
