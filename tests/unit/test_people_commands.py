"""The commands `allow` and `people` in this process: whom they find, and what they say."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from bridge import __main__ as command_line
from bridge.errors import ConfigError
from storage.opening import migrate

ANN = "telegram:1001"
URL = "sqlite+aiosqlite:///bridge.db"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """A directory of its own, and no settings but these."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", URL)
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123456:TEST")
    monkeypatch.delenv("ALLOW", raising=False)
    asyncio.run(migrate(URL))


def run(*arguments):
    return CliRunner().invoke(command_line.cli, arguments)


def access():
    return {f"{one['platform']}:{one['sender']}": one["access"] for one in json.loads(run("people", "--json").stdout)}


@pytest.mark.parametrize(
    "words", ["people", "people allow telegram:1001", "people forget 1", "allow ABCD-EFGH", "turns"]
)
def test_where_there_is_no_database_none_is_made(monkeypatch, tmp_path, words):
    empty = tmp_path / "elsewhere"
    empty.mkdir()
    monkeypatch.chdir(empty)
    result = run(*words.split())
    assert isinstance(result.exception, ConfigError)
    assert f"there is no database {empty}/bridge.db" in str(result.exception)
    assert list(empty.iterdir()) == []


def test_without_people_the_list_is_empty():
    assert run("people").output == ""
    assert access() == {}


@pytest.mark.parametrize("order", ["allow", "block", "unblock", "forget"])
def test_whoever_is_not_there_is_named_in_one_line(order):
    for who in ("7", "slack:U7", "telegram:", "telegram:ann", ":7", "eve", "9" * 30):
        result = run("people", order, who)
        assert (result.exit_code, result.stdout) == (1, "")
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"coze-bridge: {who}: nobody")


def test_a_code_that_nobody_has():
    for reason in ("DATABASE_URL", "used already"):
        result = run("allow", "ABCD-EFGH")
        assert result.exit_code == 1
        (line,) = result.stderr.splitlines()
        assert reason in line
        run("people", "allow", ANN)


def test_somebody_of_telegram_is_let_in_without_a_code():
    assert "telegram:1001 (account 123456) may talk" in run("people", "allow", ANN).stdout
    assert "may talk" in run("people", "allow", ANN).stdout
    assert access() == {ANN: "paired"}


def test_without_a_token_we_cannot_know_which_account_is_meant(monkeypatch):
    monkeypatch.delenv("TELEGRAM_BOT_TOKEN")
    assert run("people", "allow", ANN).exit_code == 1


def test_blocking_unblocking_and_forgetting_by_either_name():
    run("people", "allow", ANN)
    assert run("people", "block", "1").exit_code == 0
    assert access() == {ANN: "blocked"}
    assert run("people", "unblock", ANN).exit_code == 0
    again = run("people", "unblock", ANN)
    assert again.exit_code == 1
    assert "is not blocked" in again.stderr
    assert access() == {ANN: "known"}
    run("people", "block", ANN)
    said = run("people", "forget", "1").stdout
    assert "turns 0, posts 0, conversations 0." in said
    assert "They were blocked" in said
    assert access() == {}
    assert run("people", "forget", "1").exit_code == 1


def test_while_a_list_is_set_letting_somebody_in_says_that_it_decides(monkeypatch):
    monkeypatch.setenv("ALLOW", "telegram:1")
    result = run("people", "allow", ANN)
    assert result.exit_code == 0
    assert "ALLOW is set" in result.stderr


@pytest.mark.parametrize("who", ["0", "00", "٠", "01", "-1", "1.0", "telegram:007", "telegram:٣٤"])
@pytest.mark.parametrize("order", ["allow", "block", "unblock", "forget"])
def test_what_is_no_whole_number_never_comes_to_mean_everybody(order, who):
    run("people", "allow", ANN)
    assert run("people", order, "--", who).exit_code == 1
    assert access() == {ANN: "paired"}
