"""Every way we could think of to break the configuration or the environment: one line that names it and the mend.

The table goes through the real `main()`; a few of its rows also through a process of its own.
"""

import faulthandler
import logging
import os
import socket
import sqlite3
import subprocess
import sys
from dataclasses import dataclass

import pytest

from bridge import __main__ as command_line
from bridge.config import NAMES

CANARY = "canary"
"""Stands in every value that may be a secret, and must never be seen."""
GOOD = {
    "COZE_API_BASE": "http://127.0.0.1:9",
    "COZE_API_TOKEN": f"pat_{CANARY}",
    "COZE_BOT_ID": "7400000000000000001",
    "TELEGRAM_BOT_TOKEN": f"123456:{CANARY}",
    "TELEGRAM_API_BASE": "http://127.0.0.1:9",
    "DATABASE_URL": "sqlite+aiosqlite:///bridge.db",
    "HTTP_LISTEN": "127.0.0.1:0",
    "ALLOW": "*",
    "LOG_LEVEL": "ERROR",
}
SLACK = {"SLACK_BOT_TOKEN": f"xoxb-{CANARY}", "SLACK_APP_TOKEN": f"xapp-{CANARY}"}
HOOK = {"TELEGRAM_WEBHOOK_URL": "https://bot.example/telegram/webhook", "TELEGRAM_WEBHOOK_SECRET": CANARY}
JWT = {
    "COZE_API_TOKEN": "",
    "COZE_JWT_OAUTH_CLIENT_ID": "1",
    "COZE_JWT_OAUTH_PUBLIC_KEY_ID": "k",
    "COZE_JWT_OAUTH_PRIVATE_KEY": "",
}
PEM = "-----BEGIN {0}-----\n" + CANARY + "\n-----END {0}-----"
OFFICIAL = {"TELEGRAM_API_BASE": "https://api.telegram.org"}


@dataclass(frozen=True)
class Row:
    """One mistake: what is changed, and what the line must say."""

    changes: dict[str, str]
    says: tuple[str, ...]
    file: str | None = None
    arguments: tuple[str, ...] = ("run",)
    status: int = 78


def env(name, value, *says, arguments=("run",), **more):
    """A value of one variable that is wrong."""
    return Row({**more, name: value}, (name, *says), arguments=arguments)


def toml(content, *says, **more):
    """A file that is wrong."""
    return Row(more, says, file=content, arguments=("run", "--config", "x.toml"))


ROWS = [
    # ---- what is missing, or half there
    Row({"TELEGRAM_BOT_TOKEN": ""}, ("TELEGRAM_BOT_TOKEN", "SLACK_BOT_TOKEN", "set")),
    env("TELEGRAM_BOT_TOKEN", "   ", "no platform"),
    env("COZE_API_TOKEN", "", "is missing", "set"),
    env("COZE_API_TOKEN", " \t ", "is missing"),
    env("COZE_BOT_ID", "", "is missing", "/bot/"),
    Row(SLACK | {"SLACK_APP_TOKEN": ""}, ("SLACK_APP_TOKEN is missing", "SLACK_SIGNING_SECRET")),
    Row(SLACK | {"SLACK_BOT_TOKEN": ""}, ("SLACK_BOT_TOKEN is missing", "unset")),
    Row({"SLACK_SIGNING_SECRET": CANARY}, ("SLACK_BOT_TOKEN is missing",)),
    Row(HOOK | {"TELEGRAM_WEBHOOK_SECRET": ""}, ("TELEGRAM_WEBHOOK_SECRET is missing",)),
    Row(HOOK | {"TELEGRAM_WEBHOOK_URL": ""}, ("TELEGRAM_WEBHOOK_URL is missing",)),
    Row(SLACK | HOOK | {"TELEGRAM_BOT_TOKEN": ""}, ("TELEGRAM_BOT_TOKEN is missing", "unset")),
    Row(JWT, ("COZE_JWT_OAUTH_PRIVATE_KEY is missing",)),
    env("COZE_JWT_OAUTH_CLIENT_ID", "1", "COZE_API_TOKEN", "unset one"),
    # ---- pasted with something around it, or in the wrong place
    env("SLACK_BOT_TOKEN", f'"xoxb-{CANARY}"', "quotation marks"),
    env("TELEGRAM_BOT_TOKEN", f"'123456:{CANARY}'", "quotation marks"),
    env("COZE_API_TOKEN", f"“pat_{CANARY}”", "quotation marks"),
    env("LOG_LEVEL", '"DEBUG"', "quotation marks"),
    env("COZE_API_TOKEN", f"Bearer pat_{CANARY}", "the word Bearer"),
    env("COZE_API_TOKEN", f"pat_{CANARY} {CANARY}", "a space"),
    env("COZE_API_TOKEN", f"pat_{CANARY}\nCOZE_BOT_ID=1", "a line break"),
    env("COZE_API_TOKEN", f"pat_\u200b{CANARY}", "U+200B"),
    env("TELEGRAM_BOT_TOKEN", f"123456：{CANARY}", "U+FF1A"),
    env("COZE_API_TOKEN", "pat_…", "placeholder"),
    env("COZE_API_TOKEN", "<your token>", "placeholder"),
    env("SLACK_BOT_TOKEN", "xoxb-your-token", "placeholder"),
    env("TELEGRAM_BOT_TOKEN", "123456:ABC...", "placeholder"),
    env("SLACK_SIGNING_SECRET", "changeme", "placeholder"),
    env("SLACK_APP_TOKEN", "xapp-***", "placeholder"),
    env("SLACK_BOT_TOKEN", f"xapp-{CANARY}", "belongs in SLACK_APP_TOKEN"),
    env("SLACK_APP_TOKEN", f"xoxb-{CANARY}", "belongs in SLACK_BOT_TOKEN"),
    env("TELEGRAM_BOT_TOKEN", f"xoxb-{CANARY}", "belongs in SLACK_BOT_TOKEN"),
    env("COZE_API_TOKEN", f"12345678:{CANARY * 5}", "belongs in TELEGRAM_BOT_TOKEN"),
    env("COZE_BOT_ID", f"pat_{CANARY * 4}", "belongs in COZE_API_TOKEN"),
    env("COZE_API_TOKEN", PEM.format("PRIVATE KEY"), "belongs in COZE_JWT_OAUTH_PRIVATE_KEY"),
    # ---- Coze
    env("COZE_BOT_ID", "https://www.coze.cn/space/73/bot/7400000000000000002", "7400000000000000002"),
    env("COZE_BOT_ID", "my/bot", "the number"),
    env("COZE_API_BASE", "api.coze.cn", "https://"),
    env("COZE_API_BASE", "https://api.coze.cn/v3/chat", "leave out /v3/"),
    env("COZE_API_BASE", "https://www.coze.cn", "https://api.coze.cn"),
    env("COZE_API_BASE", "https://coze.com/", "https://api.coze.com"),
    env("COZE_API_BASE", "http://api.coze.cn", "https://"),
    env("COZE_API_BASE", "https://api.coze.cn:port", "is no URL"),
    env("COZE_API_BASE", "https://", "host"),
    env("COZE_API_BASE", f"https://me:{CANARY}@api.coze.cn", "no user name or password"),
    env("COZE_API_BASE", "https://api.coze.cn?x=1", "leave out"),
    env("COZE_JWT_OAUTH_PRIVATE_KEY", CANARY, "RSA private key", "_FILE", **JWT),
    env("COZE_JWT_OAUTH_PRIVATE_KEY", PEM.format("RSA PRIVATE KEY"), "RSA private key", **JWT),
    env("COZE_JWT_OAUTH_PRIVATE_KEY", PEM.format("ENCRYPTED PRIVATE KEY"), "without passphrase", **JWT),
    env("COZE_JWT_OAUTH_PRIVATE_KEY_FILE", "{keys}/encrypted", "without passphrase", **JWT),
    env("COZE_JWT_OAUTH_PRIVATE_KEY_FILE", "{keys}/elliptic", "RSA", **JWT),
    # ---- Telegram
    env("TELEGRAM_BOT_TOKEN", CANARY, "BotFather"),
    env("TELEGRAM_BOT_TOKEN", "123456", "whole token"),
    env("TELEGRAM_BOT_TOKEN", f"bot123:{CANARY}", "the word bot"),
    env("TELEGRAM_API_BASE", f"https://tg.example/bot123:{CANARY}", "the root only"),
    env("TELEGRAM_API_BASE", "ftp://tg.example", "https://"),
    env("TELEGRAM_WEBHOOK_URL", "bot.example/telegram/webhook", "https://"),
    Row(OFFICIAL | HOOK | {"TELEGRAM_WEBHOOK_URL": "http://bot.example/telegram/webhook"}, ("WEBHOOK_URL", "https://")),
    Row(OFFICIAL | HOOK | {"TELEGRAM_WEBHOOK_URL": "https://bot.example:8080/telegram/webhook"}, ("8443",)),
    Row(OFFICIAL | HOOK | {"TELEGRAM_WEBHOOK_URL": "https://127.0.0.1/telegram/webhook"}, ("public address",)),
    env("TELEGRAM_WEBHOOK_SECRET", f"{CANARY} {CANARY}", "a space"),
    env("TELEGRAM_WEBHOOK_SECRET", f"{CANARY}!", "A-Z"),
    env("TELEGRAM_WEBHOOK_SECRET", CANARY * 50, "1 to 256"),
    env("TELEGRAM_STREAMING", "fast", "'edit'"),
    # ---- Slack
    env("SLACK_BOT_TOKEN", f"xoxp-{CANARY}", "a user's token"),
    env("SLACK_BOT_TOKEN", f"xoxe.xoxb-{CANARY}", "rotation"),
    env("SLACK_APP_TOKEN", CANARY, "xapp-"),
    env("SLACK_API_BASE", "https://slack.com", "https://slack.com/api/"),
    env("SLACK_DM", "both", "'thread' or 'person'"),
    env("SLACK_STREAMING", "stream", "'native'"),
    # ---- the service
    env("LOG_LEVEL", "DEBGU", "'DEBUG'"),
    env("LOG_FORMAT", "xml", "'text' or 'json'"),
    env("DRAIN_SECONDS", "soon", "number"),
    env("DRAIN_SECONDS", "-1", "at least 0"),
    env("DRAIN_SECONDS", "nan", "number"),
    env("DRAIN_SECONDS", "inf", "number"),
    env("HTTP_LISTEN", "8080", "127.0.0.1:8080"),
    env("HTTP_LISTEN", ":8080", "0.0.0.0"),
    env("HTTP_LISTEN", "127.0.0.1", "host:port"),
    env("HTTP_LISTEN", "127.0.0.1:70000", "65535"),
    env("HTTP_LISTEN", "127.0.0.1:http", "number"),
    env("HTTP_LISTEN", "http://127.0.0.1:8080", "leave out http://"),
    env("HTTP_LISTEN", "203.0.113.7:8080", "choose a free address"),
    env("HTTP_LISTEN", "{busy}", "choose a free address"),
    env("ALLOW", "alice", "telegram:123"),
    env("ALLOW", "telegram:1, 2", "'2' is no entry", "write telegram:2"),
    env("ALLOW", "-100123", "write telegram:chat:-100123"),
    env("ALLOW", "telegram:-100123", "write telegram:chat:-100123"),
    env("ALLOW", "telegram:１２３", "telegram:123"),
    env("ALLOW", ", ,", "names nobody", "unset"),
    env("DATABASE_URL", "sqlite+aiosqlite:////", "add the name of a file"),
    env("ALLOW", "slack:", "slack:T012"),
    # ---- the database
    env("DATABASE_URL", "sqlite:///bridge.db", "sqlite+aiosqlite://"),
    env("DATABASE_URL", f"postgres://u:{CANARY}@h/d", "postgresql+asyncpg://"),
    env("DATABASE_URL", f"postgresql+psycopg2://u:{CANARY}@h/d", "postgresql+asyncpg://"),
    env("DATABASE_URL", f"mysql://u:{CANARY}@h/d", "sqlite+aiosqlite"),
    env("DATABASE_URL", "/var/lib/bridge.db", "sqlite+aiosqlite:///"),
    env("DATABASE_URL", "sqlite+aiosqlite://bridge.db", "names no file"),
    env("DATABASE_URL", "sqlite+aiosqlite:///{dir}/folder/", "add the name of a file"),
    env("DATABASE_URL", "sqlite+aiosqlite:///{dir}/folder", "name one that can"),
    env("DATABASE_URL", "sqlite+aiosqlite:////proc/nowhere/x.db", "/proc/nowhere"),
    env("DATABASE_URL", "sqlite+aiosqlite:///{dir}/text.db/x.db", "text.db"),
    env("DATABASE_URL", "sqlite+aiosqlite:///{dir}/text.db", "not an SQLite database"),
    env("DATABASE_URL", "sqlite+aiosqlite:///{dir}/newer.db", "newer", "update the program"),
    env("DATABASE_URL", "sqlite+aiosqlite:///{dir}/foreign.db", "another program"),
    env("DATABASE_URL", f"postgresql+asyncpg://u:{CANARY}@h:port/d", "cannot be read"),
    env("DATABASE_URL", f"postgresql+asyncpg://u:{CANARY}@h/d?colour=red", "colour"),
    # ---- the file
    toml("coze_api_tokne = 'x'", "x.toml", "did you mean coze_api_token"),
    toml("zebra_crossing = 'red'", "x.toml", "'zebra_crossing'", "README.md"),
    toml("[tuning]\nworkesr = 3", "x.toml", "did you mean workers"),
    toml("[tuning]\nallow = '*'", "x.toml", "allow", "move it above"),
    toml("workers = 3", "x.toml", "workers belongs in the section [tuning]"),
    toml("[telegram]\nbot_token = 'x'", "x.toml", "[telegram]", "[tuning]"),
    toml("tuning = 3", "tuning:", "[tuning]"),
    toml("[tools.t]\ncall = 'rain'", "tools.t.call", "module:function"),
    toml("[tools.t]\ncall = 'no_such_module:rain'", "tools.t.call", "no_such_module", "install it"),
    toml("[tools.t]\ncall = 'adapters.tools.examples:http_get'", "tools.t.options", "allow: is missing"),
    toml("[tuning]\nworkers = 0", "tuning.workers", "at least 1"),
    toml("[tuning]\nworkers = 'many'", "tuning.workers", "number"),
    toml("[tuning]\ncoze_silence_seconds = inf", "tuning.coze_silence_seconds", "number"),
    toml("[tuning]\nslack_post_seconds = 0", "tuning.slack_post_seconds", "more than 0"),
    toml("coze_bot_id = '1'\nCOZE_BOT_ID = '2'", "x.toml", "coze_bot_id", "twice"),
    toml("coze_bot_id = 7400", "COZE_BOT_ID", "quotation marks", COZE_BOT_ID=""),
    toml("allow = ['telegram:1']", "ALLOW", "quotation marks", ALLOW=""),
    toml("coze_bot_id = ''", "COZE_BOT_ID", "is empty", COZE_BOT_ID=""),
    toml("coze_bot_id = '1'\nallow = [", "x.toml", "end of document"),
    toml("coze_api_token = canary", "x.toml", "line 1"),
    Row({}, ("--config", "missing.toml", "cannot read"), arguments=("run", "--config", "missing.toml")),
    Row({}, ("--config", "folder", "cannot read"), arguments=("run", "--config", "folder")),
    Row({}, ("--config", "latin", "UTF-8"), arguments=("run", "--config", "latin.toml")),
    # ---- secrets in files
    env("COZE_API_TOKEN_FILE", "/nonexistent/x", "cannot read", COZE_API_TOKEN=""),
    env("COZE_API_TOKEN_FILE", "{dir}/folder", "cannot read"),
    env("COZE_API_TOKEN_FILE", "{dir}/empty", "is empty"),
    env("COZE_API_TOKEN_FILE", "{dir}/latin.toml", "UTF-8"),
    env("CREDENTIALS_DIRECTORY", "/nonexistent", "unset"),
    env("CREDENTIALS_DIRECTORY", "/" + "x" * 300, "unset"),  # a name too long to look for
    env("DATABASE_URL_FILE", "/nonexistent/x", "cannot read"),
    # ---- what surrounds us
    env("HTTPS_PROXY", f"socks5://u:{CANARY}@127.0.0.1:1080", "http://host:port"),
    env("http_proxy", "proxy.example:3128", "http://host:port"),
    env("SSL_CERT_FILE", "/nonexistent/ca.pem", "/nonexistent/ca.pem", "unset"),
    env("SSL_CERT_DIR", "/nonexistent", "unset"),
    Row({"WATCHDOG_USEC": "20000000"}, ("tuning.lease_seconds", "WatchdogSec (20 s)")),
    # ---- the command line
    Row({}, ("fly", "--help"), arguments=("fly",), status=2),
    Row({}, ("--config", "--help"), arguments=("run", "--config"), status=2),
    Row({}, ("--since", "--help"), arguments=("turns", "--since", "yesterday"), status=2),
    # ---- the same for another command
    env("DATABASE_URL", "sqlite+aiosqlite:///{dir}/text.db", "not an SQLite database", arguments=("migrate",)),
    env("DATABASE_URL", "sqlite+aiosqlite:///{dir}/newer.db", "newer", arguments=("migrate",)),
    env("LOG_FORMAT", "xml", "'text' or 'json'", arguments=("migrate",)),
]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """A directory full of traps, no setting from outside, and afterwards the log as it was."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper() in {setting.upper() for setting in NAMES} or name.lower().endswith(("_proxy", "watchdog_usec")):
            monkeypatch.delenv(name)
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.db").write_text("no database, but long enough to look at" * 50)
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "latin.toml").write_bytes("# Müller".encode("latin-1"))
    for name, statement in (
        ("foreign.db", "create table turns (a)"),
        ("newer.db", "create table alembic_version (version_num)"),
    ):
        with sqlite3.connect(tmp_path / name) as database:
            database.execute(statement)
            if name == "newer.db":
                database.execute("insert into alembic_version values ('9999')")
        database.close()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    faulthandler.enable(sys.__stderr__)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Private keys that Coze's OAuth has no use for."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    directory = tmp_path_factory.mktemp("keys")
    pkcs8 = PrivateFormat.PKCS8
    elliptic = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, pkcs8, NoEncryption())
    whole = rsa.generate_private_key(65537, 2048)
    encrypted = whole.private_bytes(Encoding.PEM, pkcs8, BestAvailableEncryption(b"passphrase"))
    (directory / "elliptic").write_bytes(elliptic)
    (directory / "encrypted").write_bytes(encrypted)
    return directory


@pytest.fixture
def busy():
    """An address that somebody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def environment(row, directory, keys, busy):
    """The variables of the row, its placeholders filled in."""
    known = {"{dir}": str(directory), "{keys}": str(keys), "{busy}": busy}
    values = {}
    for name, value in (GOOD | row.changes).items():
        for mark, meant in known.items():
            value = value.replace(mark, meant)
        if value:
            values[name] = value
    if row.file is not None:
        (directory / "x.toml").write_text(row.file, encoding="utf-8")
    return values


def check(row, status, err):
    assert status == row.status, err
    assert len(err.splitlines()) == 1, err
    assert err.startswith("coze-bridge: ")
    for part in row.says:
        assert part in err
    assert CANARY not in err


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(row.says)[:60])
def test_one_line_that_names_it_and_the_mend(row, tmp_path, keys, busy, monkeypatch, capfd):
    for name, value in environment(row, tmp_path, keys, busy).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["coze-bridge", *row.arguments])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    check(row, ended.value.code, capfd.readouterr().err)


def test_there_are_forty_ways_and_more():
    assert len(ROWS) > 40
    assert len({(row.file, row.arguments, *sorted(row.changes.items())) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS[::16], ids=lambda row: "-".join(row.says)[:60])
def test_the_same_as_a_process(row, tmp_path, keys, busy):
    base = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
    ended = subprocess.run(
        [sys.executable, "-m", "bridge", *row.arguments],
        env=base | environment(row, tmp_path, keys, busy),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    check(row, ended.returncode, ended.stderr)
    assert ended.stdout == ""


def test_a_variable_that_looks_like_one_of_ours_is_named_in_the_log(tmp_path, monkeypatch, capfd):
    for name, value in (GOOD | {"LOG_LEVEL": "WARNING", "LOG_FORMAT": "text", "DATABASE_URL": ""}).items():
        monkeypatch.setenv(name, value)
    strays = {"SLACK_TOKEN": "SLACK_", "DATABASE_URI": "DATABASE_URL", "DRAIN_SECOND": "DRAIN_SECONDS"}
    for name in strays:
        monkeypatch.setenv(name, CANARY)
    monkeypatch.setenv("COZE_API_TOKEN_FILE", str(tmp_path / "empty"))
    (tmp_path / "empty").write_text("not used")
    monkeypatch.setattr("sys.argv", ["coze-bridge", "migrate"])
    (tmp_path / "data").mkdir()
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    err = capfd.readouterr().err
    assert ended.value.code in (0, None)
    for name, meant in strays.items():
        (line,) = [line for line in err.splitlines() if f"{name} is no setting" in line]
        assert f"did you mean {meant}" in line
    assert "COZE_API_TOKEN_FILE is not used" in err
    assert CANARY not in err
