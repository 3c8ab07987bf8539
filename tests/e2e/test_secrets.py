"""Every secret is a canary: whatever happens to the service, none is seen in anything that it leaves behind."""

import asyncio
import json
import secrets
import socket
import urllib.parse
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy.engine import make_url

from simulators.coze.answers import Answer
from simulators.coze.server import CozeSimulator
from simulators.slack.server import SlackSimulator
from simulators.telegram.simulator import TelegramSimulator
from simulators.wire import Fault, Served
from tests.contract.store_contract import SERVER, postgres_database
from tests.e2e.test_service import command
from tests.e2e.worlds import Process, World

pytestmark = pytest.mark.timeout(300)
ANN, DM, ALICE = 1001, "DALICE", "UALICE"
ASKED, SAID = "zebra-asked-by-a-person", "zebra-said-by-the-bot"

TOKENS = {
    "COZE_API_TOKEN": "canary.coze+token/with=odd&signs",
    "TELEGRAM_BOT_TOKEN": "7000001:canary-telegram_Bot-Token-0123456789",
    "SLACK_BOT_TOKEN": "xoxb-canary-slack-bot",
    "SLACK_APP_TOKEN": "xapp-canary-slack-app",
}
CALLED = {
    "TELEGRAM_BOT_TOKEN": TOKENS["TELEGRAM_BOT_TOKEN"],
    "TELEGRAM_WEBHOOK_SECRET": "canary_webhook-secret",
    "SLACK_BOT_TOKEN": TOKENS["SLACK_BOT_TOKEN"],
    "SLACK_SIGNING_SECRET": "canary0signing0secret",
}
REFUSALS = (
    ("coze", 401, "", 1),
    ("slack", 200, "chat.", 1),
    ("telegram", 400, "/sendMessage", 3),
    ("telegram", 403, "/sendMessage", 1),
    ("telegram", 409, "/getUpdates", 1),
)
"""Who refuses, with which status, which of its calls, and how many: after those, the answer is given up."""
PASSWORD = "canary/pass word%&'\"ü"


@dataclass
class Mirror:
    """In front of a simulator: while `times` is not 0, calls to `path` are refused in words that quote all of them."""

    times: int = 0
    status: int = 401
    path: str = ""
    quoted: list[str] = field(default_factory=list)

    @web.middleware
    async def answer(self, request: web.Request, handler):
        if not self.times or self.path not in request.path or request.path.startswith("/control"):
            return await handler(request)
        self.times -= 1
        call = f"{request.url} {dict(request.headers)} {await request.text()}"
        self.quoted.append(call)
        told = {"code": 4100, "msg": call[:150], "ok": False, "error": call, "error_code": 401, "description": call}
        whole = {"authorization": request.headers.get("Authorization", "")}
        return web.json_response({**told, "detail": whole, "msg": f"invalid {whole} {call}"}, status=self.status)


@dataclass
class Zoo(World):
    """A world whose secrets are canaries, with a mirror before each platform."""

    mirrors: dict[str, Mirror] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    """Everything that the service wrote, answered and left behind, in pieces of text."""
    canaries: set[str] = field(default_factory=set)

    async def look(self, process: Process) -> None:
        """At what it serves, and at the process list."""
        url = next(line for line in process.log if "listening on" in line).partition("listening on ")[2]
        host = url.split()[0].strip('",').split('"')[0]
        async with aiohttp.ClientSession() as session:
            for path in ("/metrics", "/readyz", "/healthz", "/", "/telegram/webhook"):
                async with session.get(f"http://{host}{path}") as response:
                    self.seen.append(f"{response.headers} {await response.text()}")
        for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                self.seen.append(cmdline.read_text(errors="replace"))
            except OSError:
                continue

    def hits(self) -> list[str]:
        """Which canaries are seen, and where."""
        found = []
        for form in {form for canary in self.canaries for form in forms(canary)}:
            for text in self.seen:
                at = text.find(form)
                if at >= 0:
                    found.append(f"{form!r} in …{text[max(0, at - 200) : at + len(form) + 50]}…")
        return found


def forms(canary: str) -> Iterable[str]:
    yield from {
        canary,
        urllib.parse.quote(canary),
        urllib.parse.quote(canary, safe=""),
        urllib.parse.quote_plus(canary),
    }
    yield from {repr(canary)[1:-1], json.dumps(canary)[1:-1], json.dumps(canary, ensure_ascii=False)[1:-1]}


@asynccontextmanager
async def zoo(directory: Path, **environ: str) -> AsyncIterator[Zoo]:
    telegram = TelegramSimulator(token=TOKENS["TELEGRAM_BOT_TOKEN"], limits=False)
    slack = SlackSimulator(
        TOKENS["SLACK_BOT_TOKEN"], TOKENS["SLACK_APP_TOKEN"], CALLED["SLACK_SIGNING_SECRET"],
        request_url=environ.pop("request_url", ""),
    )  # fmt: skip
    slack.limits.change(enabled=False)
    coze = CozeSimulator(TOKENS["COZE_API_TOKEN"])
    coze.script(ASKED, Answer(text=f"{SAID} " * 5))
    mirrors = {"telegram": Mirror(), "slack": Mirror(), "coze": Mirror()}
    async with AsyncExitStack() as served:
        urls = {}
        for name, simulator in (("telegram", telegram), ("slack", slack), ("coze", coze)):
            simulator.app.middlewares.insert(0, mirrors[name].answer)
            urls[name] = (await served.enter_async_context(Served(simulator.app))).url
        made = Zoo(telegram, slack, coze, urls, directory, {"LOG_LEVEL": "DEBUG"} | environ, mirrors=mirrors)
        made.canaries = {value for value in environ.values() if "canary" in value} | {ASKED, SAID}
        yield made


async def faults(world: Zoo, process: Process) -> None:
    """Everything that can go wrong while it runs, one thing after the other."""
    telegram, slack, coze = world.telegram, world.slack, world.coze
    telegram.say(ANN, ANN, f"{ASKED} one")
    await telegram.wait(lambda: any(SAID in text for text in telegram.texts(ANN)) or None, 60)
    slack.say(DM, ALICE, f"{ASKED} two")
    await slack.wait(lambda: any(SAID in text for text in slack.texts(DM)) or None, 60)
    for text in ("/new", "/status", "/stop", "/retry"):
        telegram.say(ANN, ANN, text)
    slack.slash("/coze", "status", DM, ALICE)
    # Coze, Telegram and Slack refuse, and quote the call with its token.
    for number, (name, status, path, times) in enumerate(REFUSALS):
        if path == "/getUpdates" and "TELEGRAM_WEBHOOK_URL" in world.environ:
            continue
        mirror = world.mirrors[name]
        mirror.times, mirror.status, mirror.path = times, status, path
        if name == "slack":
            slack.say(DM, ALICE, f"{ASKED} slack {number}")
        else:
            telegram.say(ANN, ANN, f"{ASKED} telegram {number}")
        async with asyncio.timeout(90):
            while mirror.times:
                await asyncio.sleep(0.05)
    for kind in ("reset", "cut_mid_line", "error_event"):
        coze.fault(kind)
        telegram.say(ANN, ANN, f"{ASKED} {kind}")
    for simulator in (telegram, slack):
        for kind in ("reset", "html_502"):
            simulator.faults.add(Fault(kind=kind, times=2))
    slack.say(DM, ALICE, f"{ASKED} six")
    await world.look(process)


async def through_its_life(world: Zoo) -> None:
    """Faults, kill -9, a restart, more of it, SIGTERM; what is written meanwhile is kept."""
    process = await Process.start(world, {})
    try:
        await faults(world, process)
        await process.kill()
        world.seen += process.log
        process = await Process.start(world, {})
        world.telegram.say(ANN, ANN, "echo: after the fall")
        await world.telegram.wait(lambda: "after the fall" in world.telegram.texts(ANN) or None, 90)
        await world.look(process)
        assert await process.terminate(40) == 0
    finally:
        await process.kill()
        world.seen += process.log


async def by_hand(world: Zoo) -> None:
    """The operator's commands, right and wrong."""
    world.telegram.faults.clear()
    database = world.settings()["DATABASE_URL"]
    for arguments, changes in (
        (("turns", "--json"), {}),
        (("turns", "show", "1"), {}),
        (("doctor",), {}),
        (("migrate",), {"DATABASE_URL": database.replace("?", "/nowhere?") + "x"}),
        (("run",), {"TELEGRAM_BOT_TOKEN": "canary without a colon"}),
        (("run",), {"DATABASE_URL": f"mysql://canary:{urllib.parse.quote(PASSWORD, safe='')}@localhost/x"}),
    ):
        _status, out, err = await command(world, *arguments, **world.settings(**changes))
        # What people asked is shown by `turns`, and is meant to be.
        world.seen.append(f"{out} {err}".replace(ASKED, ""))
    world.canaries |= {"canary without a colon", PASSWORD}


@pytest.mark.parametrize("form", ["json", "text"])
async def test_no_canary_is_seen_with_tokens_and_sockets_on_sqlite(tmp_path, form):
    async with zoo(tmp_path, LOG_FORMAT=form, **TOKENS) as world:
        await through_its_life(world)
        if form == "json":
            await by_hand(world)
        assert all(TOKENS["COZE_API_TOKEN"] in call for call in world.mirrors["coze"].quoted)
        assert world.mirrors["coze"].quoted
        for path in tmp_path.iterdir():
            # The database holds what was asked and said; that is what it is for.
            text = path.read_bytes().decode(errors="replace")
            world.seen.append(text.replace(ASKED, "").replace(SAID, ""))
        assert any("bridge.db" in path.name for path in tmp_path.iterdir())
        assert not world.hits()


@pytest.fixture
def postgres() -> Iterator[str]:
    with postgres_database() as url:
        yield url


async def test_no_canary_is_seen_with_webhooks_and_keys_on_postgresql(tmp_path, postgres):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key = pem.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    async with canary_role(postgres) as database:
        environ = {
            **CALLED,
            "COZE_API_TOKEN": "",
            "SLACK_APP_TOKEN": "",
            "COZE_JWT_OAUTH_CLIENT_ID": "app",
            "COZE_JWT_OAUTH_PUBLIC_KEY_ID": "kid",
            "COZE_JWT_OAUTH_PRIVATE_KEY": key,
            "DATABASE_URL": database,
            "HTTP_LISTEN": listen,
            "TELEGRAM_WEBHOOK_URL": f"http://{listen}/telegram/webhook",
            "request_url": f"http://{listen}/slack/events",
            "LOG_FORMAT": "json",
        }
        async with zoo(tmp_path, **environ) as world:
            world.canaries |= {PASSWORD, *(line for line in key.splitlines() if "KEY" not in line)}
            world.canaries.discard(database)
            process = await Process.start(world, {})
            await called(listen)
            await process.kill()
            world.seen += process.log
            await through_its_life(world)
            await by_hand(world)
            assert world.coze.world.minted
            world.canaries |= set(world.coze.world.minted)
            world.seen.append((await rows(postgres)).replace(ASKED, "").replace(SAID, ""))
            assert not world.hits()


async def called(listen: str) -> None:
    """By somebody who does not know the secrets, or nearly does."""
    wrong = {"X-Telegram-Bot-Api-Secret-Token": CALLED["TELEGRAM_WEBHOOK_SECRET"] + "x"}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"http://{listen}/telegram/webhook", json={"update_id": 1}, headers=wrong) as response:
            assert response.status in (401, 403)
        signed = {"X-Slack-Request-Timestamp": "1", "X-Slack-Signature": "v0=" + CALLED["SLACK_SIGNING_SECRET"]}
        async with session.post(f"http://{listen}/slack/events", data="{}", headers=signed) as response:
            assert response.status in (401, 403)


@asynccontextmanager
async def canary_role(url: str) -> AsyncIterator[str]:
    """A role of its own with the canary as its password; yields the URL with which the service connects."""
    parsed, role = make_url(url), f"test_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(SERVER.replace("+asyncpg", ""), timeout=10)
    quoted = PASSWORD.replace("'", "''")
    try:
        await connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{quoted}'")
        await connection.execute(f"ALTER DATABASE {parsed.database} OWNER TO {role}")
        password = urllib.parse.quote(PASSWORD, safe="")
        yield f"postgresql+asyncpg://{role}:{password}@{parsed.host}:{parsed.port or 5432}/{parsed.database}"
    finally:
        await connection.execute(f"ALTER DATABASE {parsed.database} OWNER TO CURRENT_USER")
        inside = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=10)
        await inside.execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER")
        await inside.close()
        await connection.execute(f"DROP ROLE {role}")
        await connection.close()


async def rows(url: str) -> str:
    """All that the database holds, as text."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=10)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        found = [await connection.fetch(f"SELECT t::text FROM {table['tablename']} t") for table in tables]
        return "\n".join(str(row[0]) for table in found for row in table)
    finally:
        await connection.close()
