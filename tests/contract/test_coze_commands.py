"""`coze-bridge coze` and `coze-bridge login`: what they print, and the one line with the mend for a mistake."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.coze import token_auth
from adapters.coze.listing import Workspace, bots, reached
from bridge import __main__ as command_line
from bridge.doctor import examine
from bridge.findings import State
from simulators.coze import CozeSimulator
from simulators.coze.shelf import ShelvedBot
from simulators.wire import Served
from tests.clocks import StillClock

HOME = "7300000000000000001"
BOT, DRAFT = "7400000000000000001", "7400000000000000100"


@pytest.fixture(name="coze")
async def coze_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[CozeSimulator]:
    sim = CozeSimulator()
    sim.shelf.more = [ShelvedBot(id=DRAFT, name="Draft", workspace=HOME)]
    monkeypatch.chdir(tmp_path)
    async with Served(sim.app) as server:
        for name, value in {"COZE_API_BASE": server.url, "COZE_API_TOKEN": "pat_test", "HOME": str(tmp_path)}.items():
            monkeypatch.setenv(name, value)
        yield sim


async def run(*arguments: str, typed: str = "") -> Any:
    return await asyncio.to_thread(CliRunner().invoke, command_line.cli, arguments, input=typed)


async def test_workspaces_and_bots_are_listed_with_what_can_be_talked_to_first(coze: CozeSimulator) -> None:
    listed = await run("coze", "workspaces")
    assert listed.output == f"{HOME:<20}  owner     Personal\n"
    coze.shelf.workspaces["7300000000000000002"] = "Team"
    coze.shelf.more.append(
        ShelvedBot(id="7400000000000000200", name="Other", workspace="7300000000000000002", connectors={"999"})
    )
    listed = await run("coze", "bots")
    assert listed.output.splitlines() == [
        f"{BOT}   api  助手 Simulated (Personal)",
        f"{DRAFT}   -    Draft (Personal)",
        "7400000000000000200   -    Other (Team)",
    ]
    found = json.loads((await run("coze", "bots", "--workspace", HOME, "--json")).output)
    assert [(bot["id"], bot["published"]) for bot in found] == [(BOT, True), (DRAFT, False)]
    assert json.loads((await run("coze", "workspaces", "--json")).output)[1]["name"] == "Team"


@pytest.mark.parametrize("repeats", [False, True])
async def test_all_pages_are_read_and_a_page_that_comes_again_ends_it(coze: CozeSimulator, repeats: bool) -> None:
    coze.shelf.repeats = repeats
    coze.shelf.more = [
        ShelvedBot(id=f"75{n:017d}", name=f"B{n}", workspace=HOME, connectors={"1024"}) for n in range(50)
    ]
    lines = (await run("coze", "bots")).output.splitlines()
    assert len(lines) == 51
    assert all("  api  " in line for line in lines)
    asked = [call["path"] for call in coze.calls if call["path"].startswith("/v1/bots?")]
    assert len(asked) == (2 if repeats else 4)


@pytest.mark.parametrize("lacking", ["/v1/bots", "/v1/space/published_bots_list"])
async def test_one_of_the_two_lists_is_enough(coze: CozeSimulator, lacking: str) -> None:
    coze.fault("code", method=lacking, value="4101", times=-1)
    lines = (await run("coze", "bots", "--workspace", HOME)).output.splitlines()
    assert lines[0].startswith(f"{BOT}   api")
    assert len(lines) == (1 if lacking == "/v1/bots" else 2)


async def test_a_bot_is_published_once_it_is_confirmed(coze: CozeSimulator) -> None:
    refused = await run("coze", "publish", DRAFT, typed="n\n")
    assert refused.exit_code == 1
    assert not coze.shelf.more[0].connectors
    published = await run("coze", "publish", DRAFT, typed="y\n")
    assert published.exit_code == 0
    assert coze.shelf.more[0].connectors == {"1024"}
    assert f"{DRAFT}   api" in (await run("coze", "bots")).output
    assert (await run("coze", "publish", DRAFT, "--yes")).exit_code == 0


@pytest.mark.parametrize(
    ("environ", "arguments", "status", "line"),
    [
        (
            {"COZE_API_TOKEN": "pat_wrong"},
            ["bots"],
            1,
            r"Coze 4100: .*; make a new token at Coze and set COZE_API_TOKEN",
        ),
        ({"COZE_API_TOKEN": ""}, ["workspaces"], 78, r"COZE_API_TOKEN is missing"),
        ({"COZE_API_BASE": "http://127.0.0.1:1"}, ["bots"], 1, r"\w+ while talking to Coze"),
        ({}, ["publish", "abc", "--yes"], 2, r"Invalid value for BOT_ID: must be the number in the bot's URL"),
        ({}, ["publish", "https://www.coze.cn/bot/74", "--yes"], 2, r"Invalid value for BOT_ID: is a URL; .* 74"),
        ({}, ["publish", "5", "--yes"], 1, r"Coze 4200: .*; take the id from the bot's URL"),
        ({}, ["bots", "--workspace", "9"], 1, r"Coze 4101: .*; give the token that permission"),
    ],
)
async def test_a_mistake_is_one_line_with_its_mend(
    coze: CozeSimulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    environ: Any,
    arguments: Any,
    status: int,
    line: str,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["coze-bridge", "coze", *arguments])
    with pytest.raises(SystemExit) as ended:
        await asyncio.to_thread(command_line.main)
    assert ended.value.code == status
    (said,) = capsys.readouterr().err.splitlines()
    assert re.match(f"coze-bridge: {line}", said), said
    assert bool(coze.calls) is line.startswith("Coze"), "what can be told without Coze is"
    assert "pat_wrong" not in said


async def test_coze_studio_has_no_lists_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        Served(CozeSimulator(profile="studio").app) as server,
        reached(server.url, token_auth("pat_test")) as api,
    ):
        with pytest.raises(Exception, match="404"):
            await bots(api, Workspace(id=HOME, name="x"))


async def test_login_shows_the_address_and_keeps_the_tokens(
    coze: CozeSimulator, monkeypatch: Any, tmp_path: Any
) -> None:
    coze.oauth.interval = 1
    assert "COZE_LOGIN_CLIENT_ID is missing" in str((await run("login")).exception)
    monkeypatch.setenv("COZE_LOGIN_CLIENT_ID", "login")
    running = asyncio.create_task(run("login"))
    await coze.wait(lambda: coze.oauth.devices)
    (device,) = coze.oauth.devices.values()
    coze.confirm(device.user_code, "Grace")
    done = await running
    path = tmp_path / ".config" / "coze-bridge" / "login.json"
    assert done.exit_code == 0, done.output
    assert device.user_code in done.output
    assert f"logged in as Grace; the tokens are in {path}" in done.output
    assert not [secret for secret in coze.oauth.given if secret in done.output]
    # From now on it stands in for a token.
    monkeypatch.delenv("COZE_API_TOKEN")
    monkeypatch.setenv("COZE_LOGIN_PATH", str(path))
    assert (await run("coze", "workspaces")).exit_code == 0


async def found(clock: StillClock, name: str, **environ: str) -> Any:
    findings = await examine(None, clock, environ, seconds=60)
    return next((finding for finding in findings if finding.name == name), None)


@pytest.mark.parametrize(
    ("day", "state", "what"),
    [
        ("2027-02-15", State.OK, "end in 30 days"),
        ("2027-01-21", State.WARNING, "end in 5 days"),
        ("2027-01-16", State.WARNING, "end in 16 hours"),
        ("2027-01-15", State.WRONG, "have ended"),
    ],
)
async def test_doctor_knows_when_the_token_ends(coze: CozeSimulator, day: str, state: State, what: str) -> None:
    clock = StillClock(1_800_000_000.0)  # 2027-01-15 08:00 UTC
    environ = {name: os.environ[name] for name in ("COZE_API_BASE", "COZE_API_TOKEN")}
    end = await found(clock, "coze token end", COZE_TOKEN_EXPIRES=day, COZE_BOT_ID=BOT, **environ)
    assert end.state is state
    assert what in end.what
    assert await found(clock, "coze token end", COZE_BOT_ID=BOT, **environ) is None
