"""The demo as a process: its port, its end, its child, and who may talk to it."""

import asyncio
import signal
import socket
import sys

import aiohttp
import pytest

from simulators.demo.service import inherited, said
from simulators.demo.stage import real_bot
from tests.browser.running import ROOT, demo, is_alive, until


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends a child with its parent")
async def test_when_the_demo_is_killed_the_bridge_goes_with_it(tmp_path):
    async with demo(TMPDIR=str(tmp_path)) as running:  # nobody is left to remove its directory
        children = running.children()
        assert children

        async def are_gone() -> bool:
            return not any(is_alive(pid) for pid in children)

        running.process.send_signal(signal.SIGKILL)
        await running.process.wait()
        await until(are_gone, 30, "the end of the bridge")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_after_a_kill_from_the_page_the_demo_still_ends_clean(tmp_path, number):
    async with demo(TMPDIR=str(tmp_path)) as running, aiohttp.ClientSession(running.url) as session:
        assert list(tmp_path.iterdir())
        before = running.children()
        async with session.post("/breaks/kill") as response:
            assert (await response.json())["ok"]
        async with session.post("/breaks/kill") as response:
            assert await response.json() == {"ok": False, "error": "active"}

        async def is_another() -> bool:
            return bool(running.children()) and set(running.children()).isdisjoint(before)

        await until(is_another, 30, "another process of the bridge")
        children = running.children()
        running.process.send_signal(number)
        async with asyncio.timeout(30):
            assert await running.process.wait() == 0
        assert not any(is_alive(pid) for pid in children)
        assert list(tmp_path.iterdir()) == []


async def test_with_a_real_bot_what_needs_the_simulated_coze_is_refused():
    async with (
        demo(COZE_API_TOKEN="pat_x", COZE_BOT_ID="7", COZE_API_BASE="http://127.0.0.1:9") as running,
        aiohttp.ClientSession(running.url) as session,
    ):
        for name in ("cut", "down"):
            async with session.post(f"/breaks/{name}") as response:
                assert await response.json() == {"ok": False, "error": "no_simulator"}
        async with session.get("/coze/control/chats") as response:
            assert response.status == 404


async def test_other_sites_cannot_use_the_demo():
    async with demo() as running, aiohttp.ClientSession(running.url) as session:
        for headers in ({"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            async with session.post("/breaks/kill", headers=headers) as response:
                assert response.status == 403
        async with session.get("/telegram/bot123456:TEST/getMe") as response:
            assert response.status == 404
        async with session.get("/") as response:
            assert "script-src 'self'" in response.headers["Content-Security-Policy"]
        for body in ({"seconds": "long"}, {"platform": "telegram", "room": "7"}, [1]):
            async with session.post("/breaks/flood", json=body) as response:
                assert response.status == 400


async def refused(port: str) -> list[str]:
    """What the demo says to a port that it cannot have."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators", "--port", port), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 1
    return errors.decode().splitlines()


async def test_a_busy_or_impossible_port_is_one_line_and_status_1():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert await refused(str(port)) == [
            f"PORT={port} is in use; choose another one, such as: make demo PORT={port + 1}"
        ]
    (line,) = await refused("99999")
    assert line.startswith("PORT=99999 is not a port number")


def test_a_real_bot_is_taken_only_if_it_is_named_whole():
    whole = {"COZE_API_TOKEN": "pat_x", "COZE_BOT_ID": "7"}
    assert real_bot(whole | {"PATH": "/bin"}) == whole
    assert real_bot({"COZE_API_TOKEN": "pat_x", "COZE_API_BASE": "https://api.coze.com"}) == {}


def test_the_bridge_inherits_nothing_that_is_meant_for_another():
    environ = {"PATH": "/bin", "TELEGRAM_BOT_TOKEN": "1:x", "COZE_API_TOKEN": "pat", "ALLOW": "", "no_proxy": "a"}
    kept = inherited(environ)
    assert kept == {"PATH": "/bin", "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "a,127.0.0.1,localhost"}


def test_a_line_of_the_log_is_shown_in_short():
    assert said('{"level": "warning", "event": "slow", "exception": "Traceback\\nOSError: gone"}') == (
        "warning",
        "slow (OSError: gone)",
    )
    assert said("coze-bridge: COZE_BOT_ID is missing") == ("error", "coze-bridge: COZE_BOT_ID is missing")
