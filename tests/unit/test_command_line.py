"""The command line in this process: what it prints, and the status that it ends with."""

import asyncio
import json
import logging

import pytest
from typer.testing import CliRunner

from bridge import __main__ as command_line
from bridge.clock import SystemClock
from bridge.model import Address, Inbound, Lease, Sender, TurnState, User
from storage.opening import open_store

URL = "sqlite+aiosqlite:///bridge.db"
WHO = User(platform="telegram", account="1", sender="7", coze_user="u", language="en")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """A directory of its own, and the log of the test run put back as it was."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", URL)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


async def turns_in_the_store():
    """Two questions of one conversation; the first has failed."""
    store = await open_store(URL, SystemClock())
    address = Address(platform="telegram", account="1", chat="7")
    for number in "12":
        inbound = Inbound(key=number, address=address, sender=Sender(id="7"), text="hi", sent_at=0.0, sort_key=number)
        await store.receive(inbound, WHO, "telegram:1:7:")
    turn = await store.claim(Lease(owner="me", seconds=60), [("telegram", "1")])
    assert turn is not None
    await store.settle(turn, TurnState.FAILED, "4028")
    await store.aclose()


def run(*arguments):
    return CliRunner().invoke(command_line.cli, arguments)


async def in_thread(*arguments):
    return await asyncio.to_thread(run, *arguments)


def test_migrate_says_the_revision():
    result = run("migrate")
    assert result.exit_code == 0
    assert "revision 0006" in result.output


async def test_turns_lists_filters_shows_retries_and_cancels():
    await turns_in_the_store()
    lines = (await in_thread("turns")).output.splitlines()
    assert len(lines) == 2
    assert "4028" in lines[1]
    found = json.loads((await in_thread("turns", "--json", "--state", "failed")).output)
    assert [turn["state"] for turn in found] == ["failed"]
    assert (await in_thread("turns", "--since", "2999-01-01T00:00:00")).output == ""
    assert json.loads((await in_thread("turns", "show", "1")).output)["error"] == "4028"
    assert (await in_thread("turns", "show", "99")).exit_code == 1
    assert (await in_thread("turns", "retry", "1")).exit_code == 0
    assert (await in_thread("turns", "retry", "1")).exit_code == 1
    assert (await in_thread("turns", "cancel", "2")).exit_code == 0
    assert (await in_thread("turns", "cancel", "99")).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "environ", "status", "part"),
    [
        (["run"], {}, 78, "no platform is configured"),
        (["turns"], {"DATABASE_URL": "mysql://x"}, 78, "DATABASE_URL"),
        (["people"], {}, 78, "bridge.db; run this where the service's settings are"),
        (["migrate"], {"DATABASE_URL": "postgresql+asyncpg://postgres@127.0.0.1:1/x"}, 1, "coze-bridge: "),
    ],
)
def test_a_mistake_is_one_line_and_a_status(monkeypatch, capsys, arguments, environ, status, part):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    for name in ("TELEGRAM_BOT_TOKEN", "SLACK_BOT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.argv", ["coze-bridge", *arguments])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == status
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("coze-bridge: ")
    assert part in last


@pytest.mark.parametrize(
    ("arguments", "part"),
    [(["fly"], "fly"), (["turns", "--since", "xx"], "--since"), (["turns", "--state", "zz"], "--state")],
)
def test_a_mistake_in_the_command_line_is_one_line_too(monkeypatch, capsys, arguments, part):
    monkeypatch.setattr("sys.argv", ["coze-bridge", *arguments])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("coze-bridge: ")
    assert part in line


def test_help_without_arguments():
    result = run()
    assert "migrate" in result.output
