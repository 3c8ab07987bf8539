"""`coze-bridge doctor` finds every fault that was planted, says how to mend it, and disturbs nobody."""

import asyncio
import json
import os
import re
import socket
import sqlite3
import sys
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from alembic.script import ScriptDirectory
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.coze.checks import _token
from adapters.slack.checks import NEEDED
from bridge import doctor
from bridge.app import App
from bridge.build import build_checks
from bridge.clock import SystemClock
from bridge.config import load
from bridge.errors import BotFailed
from bridge.findings import Check, State, ok
from simulators.wire import Fault, Served
from storage.opening import migrate
from storage.schema import alembic_config
from tests.e2e import places
from tests.e2e.test_service import command

ROOT = Path(__file__).parents[2]
NAMES = {"settings", "files", "allow", "database", "http", "clock"}
NAMES |= {"coze", "coze token", "coze token end", "coze bot", "coze permissions", "coze features"}
NAMES |= {"coze workflow"}
NAMES |= {"telegram", "telegram token", "telegram groups", "telegram delivery"}
NAMES |= {"slack", "slack bot token", "slack scopes", "slack app token", "slack app", "slack events"}


@pytest_asyncio.fixture
async def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with places.place(tmp_path) as made:
        yield made


async def examine(place, config=None):
    """What the doctor finds; whatever it is, no secret stands in it, and each finding is one line."""
    found = await doctor.examine(config, SystemClock(), place.environ, seconds=60)
    said = doctor.show(found) + doctor.show_json(found)
    assert not [secret for secret in place.secrets() if secret in said]
    assert "CANARY" not in said
    assert {finding.name for finding in found} <= NAMES
    assert doctor.show(found).count("\n") == len(found) - 1
    return found


async def test_where_nothing_is_wrong_all_is_fine(place):
    found = await examine(place)
    assert {finding.state for finding in found} <= {State.OK, State.SKIPPED}, doctor.show(found)
    assert doctor.status(found) == 0
    skipped = [finding.name for finding in found if finding.state is State.SKIPPED]
    assert skipped == ["slack events"]  # the one thing that Slack tells nobody
    methods = {call.method for call in place.telegram.calls()}
    assert methods == {"getMe", "getWebhookInfo"}
    assert not place.coze.asked()
    assert not place.coze.conversations  # the one that it made is deleted again


# ---- planted faults


def unset(*names):
    def plant(place):
        for name in names:
            place.environ.pop(name)

    return plant


def environ(**values):
    return lambda place: place.environ.update(values)


def in_file(text, mode=0o600):
    """A configuration file with this text; what it sets is not in the environment."""

    def plant(place):
        path = Path("coze-bridge.toml")
        path.write_text(text)
        path.chmod(mode)
        for line in text.splitlines():
            place.environ.pop(line.partition("=")[0].strip().upper(), None)

    return plant


def secret_file(place):
    path = Path("token")
    path.write_text(place.environ.pop("COZE_API_TOKEN"))
    path.chmod(0o644)
    place.environ["COZE_API_TOKEN_FILE"] = str(path)


def no_database(place):
    Path("bridge.db").write_text("This is a letter to my aunt, and no database.\n" * 100)


def at_revision(which):
    """A database of ours that says it has another revision."""

    async def plant(place):
        await migrate(place.environ["DATABASE_URL"])
        known = [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()]
        with closing(sqlite3.connect("bridge.db")) as database:
            database.execute("UPDATE alembic_version SET version_num = ?", [which(known)])
            database.commit()

    return plant


def coze_fault(method, code):
    return lambda place: place.coze.fault("code", value=code, method=method, times=-1)


def jwt(key, client="1"):
    def plant(place):
        unset("COZE_API_TOKEN")(place)
        place.coze.world.jwt_client_id = "1"
        place.environ |= {"COZE_JWT_OAUTH_CLIENT_ID": client, "COZE_JWT_OAUTH_PUBLIC_KEY_ID": "k"}
        place.environ["COZE_JWT_OAUTH_PRIVATE_KEY"] = key

    return plant


def a_key():
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(*form).decode()


def elsewhere(name):
    """An address on which nobody listens."""
    return lambda place: place.environ.update({name: f"http://127.0.0.1:{places.free_port()}/"})


def coze_is_telegram(place):
    place.environ["COZE_API_BASE"] = place.servers["telegram"].url


def telegram_is_flooded(place):
    for number in range(100):
        place.telegram.say(1001, 1001, f"question {number}")


def webhook(set_url="https://bot.example/telegram/webhook", error="", waiting=0):
    """One is configured; Telegram has this one, with this trouble."""

    def plant(place):
        place.environ["TELEGRAM_WEBHOOK_URL"] = "https://bot.example/telegram/webhook"
        place.environ["TELEGRAM_WEBHOOK_SECRET"] = "CANARY-webhook"
        place.telegram.webhook.settings.url = set_url
        if error:
            place.telegram.webhook.last_error = (int(place.telegram.world.now()), error)
        place.telegram.updates.hold()
        for number in range(waiting):
            place.telegram.say(1001, 1001, f"question {number}")
        place.telegram.updates.pending, place.telegram.updates._held = place.telegram.updates._held, []

    return plant


def foreign_webhook(place):
    place.telegram.webhook.settings.url = "https://other.example/hook/CANARY-path"


def no_groups(place):
    place.telegram.world.joins_groups = False


def slack_setting(**values):
    return lambda place: place.slack.settings.change(**values)


def fewer_scopes(place):
    place.slack.settings.scopes -= {"im:history", "commands"}


def socket_mode_off(place):
    place.slack.sockets.link_disabled = True


def other_app(place):
    place.slack.app_token = place.environ["SLACK_APP_TOKEN"] = "xapp-1-AOTHER-3-CANARYapp"


def slack_is_broken(place):
    place.slack.faults.add(Fault(kind="error_500", times=-1))


def ahead(seconds):
    """All servers agree that our clock is wrong."""

    def plant(place):
        for server in place.servers.values():
            server.ahead = seconds

    return plant


TAKEN = []


def port_taken(place):
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    TAKEN.append(taken)
    place.environ["HTTP_LISTEN"] = f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture(autouse=True)
def _given_back():
    yield
    while TAKEN:
        TAKEN.pop().close()


NO_PLATFORM = unset("TELEGRAM_BOT_TOKEN", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN")
TOKEN_LINE = f'coze_api_token = "{places.COZE_TOKEN}"'
WEBHOOK_ERROR = "Wrong response from the webhook: 401 Unauthorized"
OTHER_WEBHOOK = "https://other.example/telegram/webhook"

FAULTS = {
    # what is planted: how, the finding, its state, a word of what is wrong or of the mend
    "no platform": (NO_PLATFORM, "settings", "wrong", "set TELEGRAM_BOT_TOKEN"),
    "half of Slack": (unset("SLACK_APP_TOKEN"), "settings", "wrong", "SLACK_APP_TOKEN is missing"),
    "no bot id": (unset("COZE_BOT_ID"), "settings", "wrong", "COZE_BOT_ID is missing"),
    "a token of another kind": (environ(SLACK_BOT_TOKEN="xoxp-CANARY"), "settings", "wrong", "begins with xoxb-"),
    "an unknown key": (in_file("colour = 1"), "settings", "wrong", "colour"),
    "no TOML": (in_file("allow = [[["), "settings", "wrong", "not valid TOML"),
    "an empty secret file": (environ(COZE_API_TOKEN_FILE="/dev/null"), "settings", "wrong", "is empty"),
    "an entry of ALLOW that is none": (environ(ALLOW="everybody"), "settings", "wrong", "ALLOW: 'everybody'"),
    "a file that all can read": (in_file(TOKEN_LINE, 0o644), "files", "warning", "chmod 600"),
    "a secret file that all can read": (secret_file, "files", "warning", "chmod 600"),
    "a bot for everybody": (environ(ALLOW="*"), "allow", "warning", "at your expense"),
    "a directory that is none": (
        environ(DATABASE_URL="sqlite+aiosqlite:////proc/nowhere/x.db"),
        "database",
        "wrong",
        "cannot write in /proc",
    ),
    "a directory in place of the file": (
        environ(DATABASE_URL="sqlite+aiosqlite:////usr/lib"),
        "database",
        "wrong",
        "DATABASE_URL",
    ),
    "an unknown database": (environ(DATABASE_URL="mysql://root@localhost/x"), "settings", "wrong", "DATABASE_URL"),
    "a database that is not to be written": (
        environ(DATABASE_URL="sqlite+aiosqlite:///x.db?mode=ro"),
        "database",
        "wrong",
        "DATABASE_URL",
    ),
    "a file that is no database": (no_database, "database", "wrong", "not an SQLite database"),
    "a newer schema": (at_revision(lambda _known: "9999"), "database", "wrong", "update this program"),
    "no PostgreSQL": (
        environ(DATABASE_URL="postgresql+asyncpg://ann:CANARYpass@127.0.0.1:1/none"),
        "database",
        "wrong",
        "whether the database runs",
    ),
    "a revoked Coze token": (lambda place: place.coze.revoke(), "coze token", "wrong", "COZE_API_TOKEN"),
    "a foreign Coze token": (environ(COZE_API_TOKEN="pat_CANARY9"), "coze token", "wrong", "refuses it"),
    "no Coze there": (elsewhere("COZE_API_BASE"), "coze token", "wrong", "look at COZE_API_BASE"),
    "Coze is something else": (coze_is_telegram, "coze token", "wrong", "mend COZE_API_BASE"),
    "a key that is none": (jwt("CANARY"), "coze token", "wrong", "PEM"),
    "an OAuth app that Coze does not know": (jwt(a_key(), "2"), "coze token", "wrong", "COZE_JWT_OAUTH_"),
    "an unknown bot": (environ(COZE_BOT_ID="7400000000000000009"), "coze bot", "wrong", "COZE_BOT_ID"),
    "a bot that is not published": (
        lambda place: setattr(place.coze.world, "published", False),
        "coze bot",
        "wrong",
        "publish the bot",
    ),
    "a used up quota": (coze_fault("/v1/bot/get_online_info", "4028"), "coze bot", "wrong", "top up"),
    "a token that may not see bots": (coze_fault("*", "4101"), "coze bot", "wrong", "getMetadata"),
    "a token that may make no conversation": (
        coze_fault("/v1/conversation/create", "4101"),
        "coze permissions",
        "wrong",
        "createConversation",
    ),
    "a token that may not read": (
        coze_fault("/v1/conversation/message/list", "4101"),
        "coze permissions",
        "wrong",
        "listMessage",
    ),
    "a refused Telegram token": (
        environ(TELEGRAM_BOT_TOKEN="123456:CANARY-wrong"),
        "telegram token",
        "wrong",
        "@BotFather",
    ),
    "no Telegram there": (elsewhere("TELEGRAM_API_BASE"), "telegram token", "wrong", "look at the network"),
    "a bot that may not join groups": (no_groups, "telegram groups", "warning", "/setjoingroups"),
    "a webhook in the way": (foreign_webhook, "telegram delivery", "warning", "other.example"),
    "a webhook elsewhere": (webhook(OTHER_WEBHOOK), "telegram delivery", "warning", "other.example"),
    "a webhook that fails": (webhook(error=WEBHOOK_ERROR, waiting=1), "telegram delivery", "wrong", "401"),
    "messages that nobody fetches": (telegram_is_flooded, "telegram delivery", "warning", "100 messages wait"),
    "a revoked Slack token": (slack_setting(token_error="token_revoked"), "slack bot token", "wrong", "OAuth"),
    "a Slack that fails": (slack_is_broken, "slack bot token", "wrong", "look at the network"),
    "missing scopes": (fewer_scopes, "slack scopes", "wrong", "commands, im:history"),
    "a refused app token": (environ(SLACK_APP_TOKEN="xapp-CANARY"), "slack app token", "wrong", "App-Level Token"),
    "an app token without its scope": (
        slack_setting(app_scopes=set()),
        "slack app token",
        "wrong",
        "connections:write",
    ),
    "Socket Mode that is off": (socket_mode_off, "slack app token", "wrong", "switch Socket Mode on"),
    "tokens of two apps": (other_app, "slack app", "wrong", "same app"),
    "a port that is taken": (port_taken, "http", "wrong", "in use by something else"),
    "an address of another machine": (environ(HTTP_LISTEN="192.0.2.1:8080"), "http", "wrong", "of this machine"),
    "a clock that is a minute off": (ahead(60), "clock", "warning", "set-ntp"),
    "a clock that is ten minutes off": (ahead(-600), "clock", "wrong", "ahead of"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_planted_fault_is_found(place, fault):
    plant, name, state, word = FAULTS[fault]
    planting = plant(place)
    if planting is not None and asyncio.iscoroutine(planting):
        await planting
    found = await examine(place)
    hits = [finding for finding in found if finding.name == name and finding.state == state]
    assert any(word in doctor.line(finding) for finding in hits), doctor.show(found)
    assert all(finding.mend for finding in hits)
    assert doctor.status(found) == (state == "wrong")
    # Everything else was looked at nevertheless, and is right but for what follows from the fault.
    parts = {finding.name.split()[0] for finding in found}
    assert parts >= {"database", "coze", "telegram", "slack", "http", "clock"}


async def test_an_older_schema_is_to_be_migrated(place):
    known = [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()]
    if len(known) < 2:
        pytest.skip("there is only one schema yet")
    await at_revision(lambda known: known[1])(place)
    (found,) = [finding for finding in await examine(place) if finding.name == "database"]
    assert found.state is State.WARNING
    assert "coze-bridge migrate" in found.mend


async def test_all_faults_of_the_settings_are_told_at_once(place):
    place.environ |= {"SLACK_APP_TOKEN": "CANARY-wrong", "HTTP_LISTEN": "nowhere", "ALLOW": "everybody"}
    del place.environ["COZE_BOT_ID"]
    Path("coze-bridge.toml").write_text("[tuning]\nworkers = 0\ncolour = 1\n")
    said = [finding.what for finding in await examine(place) if finding.name == "settings"]
    for name in ("SLACK_APP_TOKEN", "HTTP_LISTEN", "ALLOW", "COZE_BOT_ID", "tuning.workers", "colour"):
        assert any(name in line for line in said), said
    assert not any("no platform" in line for line in said)


async def test_a_token_is_not_sent_to_the_default_in_place_of_a_wrong_address(place):
    place.environ["COZE_API_BASE"] = "localhost:8888"
    found = {finding.name: finding for finding in await examine(place)}
    assert found["coze"].state is State.SKIPPED
    assert not place.coze.calls
    assert found["telegram token"].state is State.OK


async def test_a_file_that_cannot_be_read_does_not_hide_the_rest(place):
    found = await examine(place, config=Path("nowhere.toml"))
    assert [finding.name for finding in found if finding.state is State.WRONG] == ["settings"]


async def test_coze_studio_and_oauth_are_fine_too(place):
    jwt(a_key())(place)
    found = {finding.name: finding for finding in await examine(place)}
    assert found["coze permissions"].state is State.OK
    assert "coze features" not in found
    place.environ["COZE_API_TOKEN"] = places.COZE_TOKEN
    for name in list(place.environ):
        if "JWT" in name:
            del place.environ[name]
    place.coze.world.profile = "studio"
    found = {finding.name: finding for finding in await examine(place)}
    assert {found[f"coze {part}"].state for part in ("token", "bot", "permissions", "features")} == {State.OK}
    for feature in ("voice messages", "👍", "tools", "user variables", "the list of bots"):
        assert feature in found["coze features"].what
    # A Studio that lacks the older call.
    place.coze.fault("http", value="404", method="/v1/bot/get_online_info", times=-1)
    found = {finding.name: finding for finding in await examine(place)}
    assert found["coze bot"].state is State.OK


FLOW, LOST = "7420000000000000001", "7420000000000000002"
INFO, RESUME = "/v1/workflows/{workflow_id}", "/v1/workflow/stream_resume"


async def workflows(place, **bots):
    """What is found of these bots that are workflows."""
    place.coze.flows.script(FLOW)
    sections = [f'[bots.{name}]\nmode = "workflow"\n{keys}\n' for name, keys in bots.items()]
    Path("coze-bridge.toml").write_text("".join(sections))
    Path("coze-bridge.toml").chmod(0o600)
    return [finding for finding in await examine(place) if finding.name == "coze workflow"]


async def test_workflows_are_looked_at_and_not_run(place):
    place.environ.pop("COZE_BOT_ID")
    Path("coze-bridge.toml").write_text(f'[bot]\nmode = "chatflow"\nworkflow_id = "{FLOW}"\n')
    place.coze.flows.script(FLOW)
    (found,) = [finding for finding in await examine(place) if finding.name == "coze workflow"]
    assert (found.state, found.what) == (State.OK, "流程 Simulated is there, and the token may run it")
    one, other = f'workflow_id = "{FLOW}"', f'workflow_id = "{LOST}"\napi_token = "{places.COZE_TOKEN}"'
    right, lost = await workflows(place, orders=one, desk=other)
    assert (right.state, right.what) == (State.OK, "orders: 流程 Simulated is there, and the token may run it")
    assert (lost.state, lost.mend) == (State.WRONG, "take workflow_id from the workflow's URL, and publish it")
    assert lost.what.startswith(f"desk: Coze knows no workflow {LOST}")
    assert place.coze.flows.runs == []


@pytest.mark.parametrize(
    ("method", "fault", "state", "word"),
    [
        (RESUME, {"kind": "code", "value": "4101"}, State.WRONG, "permission run"),
        (RESUME, {"kind": "http", "value": "404"}, State.SKIPPED, "whether it may be run cannot be told"),
        (RESUME, {"kind": "http", "value": "503"}, State.SKIPPED, "Coze does not answer"),
        (INFO, {"kind": "code", "value": "4101"}, State.SKIPPED, "the token lacks getMetadata"),
        (INFO, {"kind": "http", "value": "404"}, State.SKIPPED, "this server does not tell"),
        (INFO, {"kind": "http", "value": "503"}, State.SKIPPED, "Coze does not answer"),
        ("*", {"kind": "code", "value": "4101"}, State.WRONG, "permission run"),
    ],
)
async def test_what_keeps_a_workflow_from_being_run_is_told(place, method, fault, state, word):
    place.coze.fault(**fault, method=method, times=-1)
    (found,) = await workflows(place, orders=f'workflow_id = "{FLOW}"')
    assert found.state is state
    assert word in doctor.line(found)


async def test_a_workflow_with_a_token_of_its_own_is_looked_at_with_that(place):
    (found,) = await workflows(place, orders=f'workflow_id = "{FLOW}"\napi_token = "pat_CANARYother"')
    assert (found.state, found.mend) == (State.WRONG, "make a new one at Coze and set it")
    place.coze.revoke()
    assert await workflows(place, orders=f'workflow_id = "{FLOW}"') == [], "nothing can be told without a token"


async def test_workflows_of_a_coze_studio_are_told_of_as_far_as_it_does(place):
    place.coze.world.profile = "studio"
    right, lost = await workflows(place, orders=f'workflow_id = "{FLOW}"', desk=f'workflow_id = "{LOST}"')
    assert (right.state, right.what) == (State.OK, f"orders: the workflow {FLOW} is there, and the token may run it")
    assert lost.state is State.SKIPPED
    assert "cannot be told (Coze 400" in lost.what


def test_a_token_of_the_other_site_is_thought_of():
    for base, other in (
        ("https://api.coze.cn", "https://api.coze.com"),
        ("https://api.coze.com", "https://api.coze.cn"),
    ):
        assert f"COZE_API_BASE={other}" in _token(BotFailed("", code=4100, say="credentials"), base).mend


async def test_slack_over_http_is_reminded_of_its_address(place):
    del place.environ["SLACK_APP_TOKEN"]
    place.environ["SLACK_SIGNING_SECRET"] = places.SLACK_SECRET
    found = {finding.name: finding for finding in await examine(place)}
    assert "/slack/events" in found["slack events"].mend
    assert "slack app token" not in found


async def answers_anything(place):
    """A server that is not Coze, and has a JSON object for everybody."""

    async def answer(_request):
        return web.json_response({"hello": "world"})

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    async with Served(app) as served:
        place.environ["COZE_API_BASE"] = served.url
        return {finding.name: finding for finding in await examine(place)}


async def test_what_answers_anything_is_not_taken_for_coze(place):
    found = await answers_anything(place)
    assert found["coze token"].state is State.WRONG
    assert "mend COZE_API_BASE" in found["coze token"].mend


@pytest.mark.parametrize(
    ("method", "kind", "value", "name", "word"),
    [
        ("/v1/bot/get_online_info", "code", "4020", "coze token", "try again"),
        ("/v1/bot/get_online_info", "code", "4102", "coze bot", "4102"),
        ("/v1/conversation/create", "code", "5000", "coze permissions", "5000"),
        ("/v1/conversation/message/list", "code", "4000", "coze permissions", "4000"),
    ],
)
async def test_what_coze_says_of_itself_is_handed_on(place, method, kind, value, name, word):
    place.coze.fault(kind, value=value, method=method, times=-1)
    found = {finding.name: finding for finding in await examine(place)}
    assert word in doctor.line(found[name])
    assert found[name].state in (State.SKIPPED, State.WRONG)


async def test_slack_that_asks_to_wait_is_not_wrong(place):
    place.slack.faults.add(Fault(kind="ratelimited", method="apps.connections.open", seconds=30, times=-1))
    place.slack.faults.add(Fault(kind="error", value="fatal_error", method="bots.info", times=-1))
    found = {finding.name: finding for finding in await examine(place)}
    assert found["slack app token"].state is State.SKIPPED
    assert found["slack app"].state is State.SKIPPED
    place.slack.app_token = place.environ["SLACK_APP_TOKEN"] = "xapp-CANARY"
    found = {finding.name: finding for finding in await examine(place)}
    assert found["slack app"].state is State.SKIPPED


async def test_any_free_port_will_do(place):
    place.environ["HTTP_LISTEN"] = "127.0.0.1:0"
    (found,) = [finding for finding in await examine(place) if finding.name == "http"]
    assert found.state is State.OK


async def test_a_webhook_that_is_ours_is_fine(place):
    webhook()(place)
    (found,) = [finding for finding in await examine(place) if finding.name == "telegram delivery"]
    assert (found.state, found.what) == (State.OK, "webhook at bot.example")
    place.telegram.webhook.settings.url = ""
    (found,) = [finding for finding in await examine(place) if finding.name == "telegram delivery"]
    assert "not set yet" in found.what


async def test_privacy_mode_is_told_and_is_no_fault(place):
    place.telegram.world.privacy = True
    (found,) = [finding for finding in await examine(place) if finding.name == "telegram groups"]
    assert found.state is State.OK
    assert "/setprivacy" in found.what


async def test_a_name_with_line_ends_stays_on_its_line(place):
    place.telegram.world.me.username = f"bot\n\x1b[31m{places.COZE_TOKEN}"
    (found,) = [finding for finding in await examine(place) if finding.name == "telegram token"]
    assert found.what.endswith("@bot [31m***")


async def test_the_scopes_are_those_of_the_shipped_manifests():
    for manifest in ("socket", "http"):
        shipped = json.loads((ROOT / f"deploy/slack/manifest.{manifest}.json").read_text())
        assert set(shipped["oauth_config"]["scopes"]["bot"]) == NEEDED


async def test_a_check_that_hangs_keeps_nobody_from_the_others(place):
    place.telegram.faults.add(Fault(kind="hang", method="getWebhookInfo", seconds=3600, times=-1))
    settings = load(None, place.environ)
    found = await doctor.diagnose(settings, SystemClock(), seconds=5.0)
    (late,) = [finding for finding in found if finding.name == "telegram"]
    assert "no answer within 5 s" in late.what
    assert late.unreachable
    assert {finding.name.split()[0] for finding in found} == {"database", "coze", "telegram", "slack", "http", "clock"}


# ---- the command


async def test_the_command_tells_it_in_lines_and_as_json(place):
    status, out, err = await command(place, "doctor", **place.environ)
    assert (status, err) == (0, "")
    assert all(re.match(r"(ok|skipped) +\S", line) for line in out.splitlines())
    place.environ["TELEGRAM_BOT_TOKEN"] = "123456:CANARY-wrong"
    status, out, err = await command(place, "doctor", "--json", **place.environ)
    assert (status, err) == (1, "")
    found = json.loads(out)
    assert {tuple(finding) for finding in found} == {("name", "state", "what", "mend")}
    assert {finding["state"] for finding in found} <= {"ok", "warning", "wrong", "skipped"}
    assert "CANARY" not in out


async def test_the_command_survives_settings_that_are_all_wrong_and_a_terminal_without_unicode(place):
    bad = dict.fromkeys(place.environ, "\x01wrong")
    status, out, err = await command(place, "doctor", **bad, PYTHONIOENCODING="ascii")
    assert status == 1
    assert "Traceback" not in out + err
    assert "COZE_API_BASE" in out


@asynccontextmanager
async def service(place):
    """It runs at HTTP_LISTEN, ready or not; stopped at the end."""
    app = App(load(None, place.environ))
    running = asyncio.create_task(app.run())
    try:
        yield app
    finally:
        app.stop()
        async with asyncio.timeout(30):
            await running


async def test_beside_a_running_service_it_disturbs_nothing(place):
    async with service(place) as app:
        async with asyncio.timeout(30):
            await app.ready.wait()
        polls = {call.method for call in place.telegram.calls()}
        found = {finding.name: finding for finding in await examine(place)}
        assert {finding.state for finding in found.values()} == {State.OK, State.SKIPPED}
        assert "is ready" in found["http"].what
        assert {call.method for call in place.telegram.calls()} - polls == {"getWebhookInfo"}
        assert place.slack.sockets.accepted == 1
        place.telegram.say(1001, 1001, "echo: still here")
        await place.telegram.wait(lambda: "still here" in place.telegram.texts(1001))


async def test_a_running_service_that_is_not_ready_says_why(place):
    place.telegram.faults.add(Fault(kind="error_500", method="getMe", times=-1))
    async with service(place) as app:
        async with asyncio.timeout(30):
            await app.listening.wait()
        found = {finding.name: finding for finding in await examine(place)}
        assert found["http"].state is State.WARNING
        assert "telegram" in found["http"].what


async def test_the_sdk_of_an_unused_platform_is_not_loaded(place):
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"):
        del place.environ[name]
    program = """
import asyncio, sys
from bridge import clock, doctor
found = asyncio.run(doctor.examine(None, clock.SystemClock()))
assert doctor.status(found) == 0, doctor.show(found)
assert "telegram" in sys.modules
assert "slack_sdk" not in sys.modules
"""
    path = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, env=place.environ | path)
    async with asyncio.timeout(60):
        assert await process.wait() == 0


async def test_a_bug_in_a_check_is_a_finding(place, monkeypatch):
    async def broken():
        yield ok("http", "so far")
        raise LookupError("a bug")

    def checks(settings, clock):
        return [Check("http", "", (), broken), *build_checks(settings, clock)[:1]]

    monkeypatch.setattr(doctor, "build_checks", checks)
    first, second, third = await doctor.diagnose(load(None, place.environ), SystemClock())
    assert first.what == "so far"
    assert "LookupError" in second.what
    assert third.name == "database"
