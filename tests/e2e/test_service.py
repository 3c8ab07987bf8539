"""The command line and the HTTP side, as an operator meets them."""

import asyncio
import json
import os
import socket

import aiohttp
import pytest

from bridge.app import App
from bridge.config import load
from simulators.wire import Fault
from tests.e2e.worlds import settled
from tests.forks import typed

ANN = 1001


async def command(world, *arguments, **environ):
    """Runs `coze-bridge …`; its exit status, standard output and standard error."""
    base = {"PATH": os.environ["PATH"], "HOME": str(world.directory), "LOG_FORMAT": "json"}
    return await typed(*arguments, environ=base | environ, cwd=world.directory)


def is_one_line(err):
    """The last word is one line of ours, and there is no traceback."""
    return err.strip().splitlines()[-1].startswith("coze-bridge: ") and "Traceback" not in err


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"TELEGRAM_BOT_TOKEN": "", "SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": ""}, "no platform"),
        ({"SLACK_APP_TOKEN": ""}, "SLACK_APP_TOKEN"),
        ({"HTTP_LISTEN": "256.0.0.1:1"}, "HTTP_LISTEN"),
        ({"DATABASE_URL": "sqlite+aiosqlite:////proc/nowhere/x.db"}, "DATABASE_URL"),
        ({"DATABASE_URL": "mysql://root@localhost/x"}, "DATABASE_URL"),
        ({"TELEGRAM_BOT_TOKEN": "999999:WRONG"}, "TELEGRAM_BOT_TOKEN"),
        ({"SLACK_BOT_TOKEN": "xoxb-wrong"}, "SLACK_BOT_TOKEN"),
        ({"SLACK_APP_TOKEN": "xapp-wrong"}, "SLACK_APP_TOKEN"),
        ({"TELEGRAM_WEBHOOK_URL": "https://bot.example/telegram/webhook"}, "TELEGRAM_WEBHOOK_SECRET"),
    ],
)
async def test_bad_settings_end_in_one_line_and_78(world, changes, named):
    status, _out, err = await command(world, "run", **world.settings(**changes))
    assert status == 78, err
    assert named in err.strip().splitlines()[-1]
    assert is_one_line(err)
    assert "WRONG" not in err
    assert "xoxb-wrong" not in err


async def test_a_busy_port_is_a_bad_setting(world):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        status, _out, err = await command(world, "run", **world.settings(HTTP_LISTEN=listen))
    assert status == 78
    assert "HTTP_LISTEN" in err
    assert is_one_line(err)


async def test_migrate_turns_and_help(world):
    database = {"DATABASE_URL": world.settings()["DATABASE_URL"]}
    status, out, _err = await command(world, "migrate", **database)
    assert status == 0
    assert "revision" in out
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "echo: hello")
        await settled(app, 1)
        world.coze.fault("code", value="4028")
        world.telegram.say(ANN, ANN, "echo: refused")
        await settled(app, 2)
        status, out, err = await command(world, "turns", "--json", **database)
        assert status == 0, err
        newest, oldest = json.loads(out)
        assert (newest["state"], oldest["state"]) == ("failed", "delivered")
        status, out, _err = await command(world, "turns", "--state", "failed", **database)
        assert out.count("\n") == 1
        status, out, _err = await command(world, "turns", "show", str(newest["id"]), **database)
        assert json.loads(out)["id"] == newest["id"]
        status, _out, _err = await command(world, "turns", "retry", str(newest["id"]), **database)
        assert status == 0
        await world.telegram.wait(lambda: world.telegram.texts(ANN) == ["hello", "refused"] or None, 20)
        status, _out, err = await command(world, "turns", "cancel", str(newest["id"]), **database)
        assert status == 1
        assert is_one_line(err)
    status, out, _err = await command(world, "--help")
    assert status == 0
    assert "run" in out
    assert "migrate" in out


async def test_unknown_arguments_are_one_clear_message(world):
    status, _out, err = await command(world, "fly")
    assert status == 2
    assert "Traceback" not in err
    status, _out, err = await command(world, "turns", "show", "many")
    assert status == 2


async def test_health_readiness_metrics_and_nothing_else(world):
    async with world.bridge() as app, aiohttp.ClientSession() as session:

        async def get(path, method="GET"):
            async with session.request(method, app.url + path) as response:
                return response.status, await response.text()

        assert (await get("/healthz"))[0] == 200
        assert (await get("/readyz"))[0] == 200
        status, text = await get("/metrics")
        assert status == 200
        assert "coze_bridge_turns_total" in text
        for path in ("/", "/telegram/webhook", "/slack/events", "/control/state"):
            assert (await get(path))[0] in (404, 405)
            assert (await get(path, "POST"))[0] in (401, 403, 404)


async def test_a_platform_that_does_not_answer_is_retried_and_said_in_readyz(world):
    down = Fault(kind="error_500", times=-1)
    world.telegram.faults.add(down)
    settings = world.settings(SLACK_BOT_TOKEN="", SLACK_APP_TOKEN="")
    app = App(load(None, settings))
    running = asyncio.create_task(app.run())
    try:
        async with asyncio.timeout(20):
            await app.listening.wait()
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{app.url}/readyz") as response:
                assert response.status == 503
                assert any(reason.startswith("telegram") for reason in (await response.json())["reasons"])
            async with session.get(f"{app.url}/healthz") as response:
                assert response.status == 200
        world.telegram.faults.waiting.remove(down)
        async with asyncio.timeout(20):
            await app.ready.wait()
    finally:
        app.stop()
        await running


async def test_a_telegram_webhook_is_set_checked_and_answered(world):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    changes = {
        "TELEGRAM_WEBHOOK_URL": f"{url}/telegram/webhook",
        "TELEGRAM_WEBHOOK_SECRET": "s3cret",
        "HTTP_LISTEN": f"127.0.0.1:{port}",
    }
    async with world.bridge(**changes) as app:
        world.telegram.say(ANN, ANN, "echo: by webhook")
        await settled(app, 1)
        async with aiohttp.ClientSession() as session:
            for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": "wrong"}):
                async with session.post(f"{url}/telegram/webhook", json={"update_id": 1}, headers=headers) as response:
                    assert response.status in (401, 403)
    assert world.telegram.texts(ANN) == ["by webhook"]
    # Back to polling: nothing that was sent in between is lost.
    world.telegram.say(ANN, ANN, "echo: in between")
    async with world.bridge():
        await world.telegram.wait(lambda: world.telegram.texts(ANN)[-1] == "in between" or None, 20)


async def test_a_database_that_does_not_answer_is_said_in_readyz_and_does_not_hold_up_the_end(world):
    app = App(load(None, world.settings(DATABASE_URL="postgresql+asyncpg://postgres@127.0.0.1:1/none")))
    running = asyncio.create_task(app.run())
    async with asyncio.timeout(20):
        await app.listening.wait()
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{app.url}/healthz") as response:
                assert response.status == 200
            async with session.get(f"{app.url}/metrics") as response:
                assert response.status == 200
            async with session.get(f"{app.url}/readyz") as response:
                assert response.status == 503
                assert any(reason.startswith("database") for reason in (await response.json())["reasons"])
        app.stop()
        await running
