"""The webhook, over real HTTP: what is set, what is watched, what is refused, and how it ends."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from adapters import web
from adapters.telegram import TelegramAdapter
from adapters.telegram.watch import CONFIRM_SECONDS, LONGEST_SECONDS, LOOK_SECONDS, MANY
from adapters.telegram.webhook import LARGEST_BODY, PATH
from bridge.errors import Unreachable
from bridge.model import Inbound, Moved
from simulators.telegram import TelegramSimulator
from simulators.wire import Fault, Served
from tests.contract.slack_world import no_metrics, no_reasons
from tests.contract.telegram_world import ANN, TOKEN, Core, PatientClock, adapter, listening

SECRET = "s3cret"
SIGNED = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
THEIRS = "http://127.0.0.1:9/theirs/123456:stolen"


@pytest.fixture
async def sim() -> TelegramSimulator:
    sim = TelegramSimulator(limits=False)
    sim.updates.damping = False
    sim.webhook.pause_factor = 0.01
    return sim


@pytest.fixture
async def url(sim: TelegramSimulator) -> AsyncIterator[str]:
    async with Served(sim.app) as served:
        yield served.url


class Service:
    """An adapter behind our own HTTP server."""

    def __init__(self, sim: TelegramSimulator, telegram: TelegramAdapter, clock: PatientClock, url: str) -> None:
        self.sim = sim
        self.telegram = telegram
        self.clock = clock
        self.url = url

    async def is_set(self, times: int = 1) -> None:
        """Until the webhook was set so often, and the adapter knows."""
        await self.sim.wait(lambda: len([c for c in self.sim.calls("setWebhook") if c.status == 200]) >= times)

    async def look(self, times: int = 1) -> None:
        """Lets the time until the next look pass, and waits until that is over."""
        for _ in range(times):
            await self.clock.let_pass()

    async def post(self, body: bytes | dict[str, Any], headers: dict[str, str] | None = None) -> int:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        told = SIGNED if headers is None else headers
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.url, data=io.BytesIO(data), headers=told) as answer,
        ):
            return answer.status


@asynccontextmanager
async def service(sim: TelegramSimulator, api: str, core: Core) -> AsyncIterator[Service]:
    """It listens, and Telegram may call it; another one may follow."""
    clock = PatientClock(time.time())
    holder: dict[str, Any] = {}

    async def mount(headers: Any, body: bytes) -> Any:
        return await holder["mount"](headers, body)

    app = web.application({PATH: mount}, ready=no_reasons, metrics=no_metrics)
    async with Served(app) as ours:
        hook = f"{ours.url}{PATH}"
        telegram = adapter(api, clock=clock, webhook_url=hook, webhook_secret=SECRET)
        holder["mount"] = telegram.mounts[PATH]
        async with listening(telegram, core):
            one = Service(sim, telegram, clock, hook)
            await clock.waits.wait()
            yield one
        await telegram.aclose()


def message(text: str, number: int = 1) -> dict[str, Any]:
    author = {"id": ANN, "is_bot": False, "first_name": "Ann"}
    chat = {"id": ANN, "type": "private"}
    return {
        "update_id": number,
        "message": {"message_id": number, "date": 1, "chat": chat, "from": author, "text": text},
    }


class TestWatching:
    async def test_it_is_set_with_room_for_many_chats(self, sim: TelegramSimulator, url: str) -> None:
        async with service(sim, url, Core()):
            assert sim.webhook.settings.max_connections == 100

    async def test_all_is_well_and_nothing_is_done(self, sim: TelegramSimulator, url: str) -> None:
        async with service(sim, url, Core()) as ours:
            await ours.look(3)
            assert ours.clock.slept == [LOOK_SECONDS] * 3
            assert len(sim.calls("setWebhook")) == 1
            assert ours.telegram.trouble == ""

    @pytest.mark.parametrize("taken", ["", THEIRS])
    async def test_taken_from_us_it_is_set_again(
        self, sim: TelegramSimulator, url: str, taken: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        core = Core()
        async with service(sim, url, core) as ours:
            sim.webhook.settings.url = taken
            sim.say(ANN, ANN, "said meanwhile")
            await ours.look()
            assert sim.webhook.settings.url == ours.url
            assert ours.telegram.trouble == ""
            await core.wait(1)
            await ours.look()
            assert ours.clock.slept == [LOOK_SECONDS, CONFIRM_SECONDS]
        assert core.texts == ["said meanwhile"]
        assert "uses this TELEGRAM_BOT_TOKEN" in caplog.text
        assert "stolen" not in caplog.text

    async def test_there_is_no_endless_fight(self, sim: TelegramSimulator, url: str) -> None:
        async with service(sim, url, Core()) as ours:
            for _ in range(7):
                sim.webhook.settings.url = THEIRS
                await ours.look()
                sim.webhook.settings.url = THEIRS
                await ours.look()
                assert "it set another webhook" in ours.telegram.trouble
            looks = [seconds for seconds in ours.clock.slept if seconds != CONFIRM_SECONDS]
            assert looks == [LOOK_SECONDS * 2**n for n in range(5)] + [LONGEST_SECONDS] * 2
            await ours.look(2)
            assert ours.telegram.trouble == ""
            await ours.look(8)
            assert ours.clock.slept[-1] == LOOK_SECONDS, "peace again"

    async def test_a_look_that_gets_no_answer_changes_nothing(
        self, sim: TelegramSimulator, url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with service(sim, url, Core()) as ours:
            for kind in ("reset", "error_500", "error_502_html", "flood", "unauthorized"):
                sim.faults.add(Fault(kind=kind, method="getWebhookInfo", seconds=1))
                await ours.look()
            assert len(sim.calls("setWebhook")) == 1
            assert ours.telegram.trouble == ""
        assert TOKEN not in caplog.text

    async def test_what_telegram_complains_of_is_told_once(
        self, sim: TelegramSimulator, url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        def complain(text: str, *, ago: float = 0.0) -> None:
            sim.webhook.last_error = (int(ours.clock.now() - ago), text)

        def told() -> list[str]:
            return [r.getMessage() for r in caplog.records if "does not take what is delivered" in r.getMessage()]

        async with service(sim, url, Core()) as ours:
            complain("of long ago", ago=3600)
            await ours.look()
            assert told() == []
            for _ in range(3):
                complain("Wrong response from the webhook: 502, see https://x.example/?key=abc")
                await ours.look()
            assert len(told()) == 1
            assert "502" in told()[0]
            assert "abc" not in caplog.text
            complain("Read timeout expired")
            await ours.look()
            assert len(told()) == 2
            await ours.look(2)
            complain("Read timeout expired")
            await ours.look()
            assert len(told()) == 3, "it was over, and began anew"

    async def test_many_that_wait_are_told(
        self, sim: TelegramSimulator, url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        gate = asyncio.Event()

        async def hold(_found: Inbound | Moved) -> None:
            await gate.wait()

        core = Core(before=hold)
        async with service(sim, url, core) as ours:
            for number in range(MANY + 1):
                sim.say(ANN, ANN, str(number))
            await ours.look(2)
            assert [r.getMessage() for r in caplog.records if "wait to be delivered" in r.getMessage()] == [
                f"Telegram: {MANY + 1} updates wait to be delivered"
            ]
            gate.set()
            await core.wait(MANY + 1)
        assert core.texts == [str(number) for number in range(MANY + 1)], "in order"

    async def test_several_processes_set_the_same(self, sim: TelegramSimulator, url: str) -> None:
        core = Core()
        async with service(sim, url, core) as first:
            others = [
                adapter(url, clock=PatientClock(), webhook_url=first.url, webhook_secret=SECRET) for _ in range(3)
            ]
            stop = asyncio.Event()

            async def run(one: TelegramAdapter) -> None:
                async with listening(one, core):
                    await stop.wait()

            running = [asyncio.create_task(run(one)) for one in others]
            await first.is_set(4)
            sim.say(ANN, ANN, "hello")
            await core.wait(1)
            await first.look()
            assert first.telegram.trouble == ""
            stop.set()
            await asyncio.gather(*running)
            for one in others:
                await one.aclose()
        assert core.texts == ["hello"]
        assert not sim.calls("deleteWebhook")


class TestRefusing:
    async def test_each_thing_that_is_wrong_has_its_status(self, sim: TelegramSimulator, url: str) -> None:
        core = Core()
        async with service(sim, url, core) as ours, aiohttp.ClientSession() as session:
            for method in ("GET", "PUT", "DELETE"):
                async with session.request(method, ours.url, headers=SIGNED) as answer:
                    assert answer.status == 405
            assert await ours.post(message("x"), {}) == 401
            assert await ours.post(message("x"), {"X-Telegram-Bot-Api-Secret-Token": SECRET + "x"}) == 401
            assert await ours.post(b"x" * (LARGEST_BODY + 1)) == 413
            assert await ours.post(b"x" * (LARGEST_BODY + 1), {}) in (401, 413)
            for body in (b"", b"no json", b"[1]", b"null"):
                assert await ours.post(body) == 400
            assert core.tried == []
            # Whoever knows the secret may call it what they like.
            assert await ours.post(message("typed"), SIGNED | {"Content-Type": "text/plain"}) == 200
        assert core.texts == ["typed"]

    async def test_a_body_that_does_not_come(
        self, sim: TelegramSimulator, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(web, "BODY_SECONDS", 0.2)
        core = Core()
        async with service(sim, url, core) as ours:
            host, _, port = ours.url.removeprefix("http://").removesuffix(PATH).rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n"
            writer.write((head + f"X-Telegram-Bot-Api-Secret-Token: {SECRET}\r\n\r\n" + '{"update_id"').encode())
            async with asyncio.timeout(30):
                assert b" 408 " in await reader.readline()
            writer.close()
        assert core.tried == []


class TestEnding:
    async def test_what_is_under_way_is_taken_in_and_only_then_acknowledged(
        self, sim: TelegramSimulator, url: str
    ) -> None:
        begun, gate = asyncio.Event(), asyncio.Event()

        async def slow(_found: Inbound | Moved) -> None:
            begun.set()
            await gate.wait()

        core = Core(before=slow)
        clock = PatientClock()
        telegram = adapter(url, clock=clock, webhook_url=f"http://127.0.0.1:9{PATH}", webhook_secret=SECRET)
        await telegram.open()
        listening = asyncio.create_task(telegram.listen(core.accept))
        await clock.waits.wait()
        headers = {name.lower(): value for name, value in SIGNED.items()}
        call = asyncio.create_task(telegram.mounts[PATH](headers, json.dumps(message("last")).encode()))
        await begun.wait()
        listening.cancel()
        for _ in range(20):  # down through the tasks that listen
            await asyncio.sleep(0)
        late = await telegram.mounts[PATH](headers, json.dumps(message("too late", 2)).encode())
        assert late.status == 503
        assert not listening.done()
        assert not call.done()
        gate.set()
        assert (await call).status == 200
        with pytest.raises(asyncio.CancelledError):
            await listening
        assert core.texts == ["last"]
        assert not sim.calls("deleteWebhook")
        assert sim.webhook.settings.url
        await telegram.aclose()

    async def test_what_cannot_be_taken_in_is_not_acknowledged(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("adapters.telegram.webhook.LAST_SECONDS", 0.05)
        begun, gate = asyncio.Event(), asyncio.Event()

        async def stuck(_found: Inbound | Moved) -> None:
            begun.set()
            await gate.wait()
            raise Unreachable("the database is closed")

        clock = PatientClock()
        telegram = adapter(url, clock=clock, webhook_url=f"http://127.0.0.1:9{PATH}", webhook_secret=SECRET)
        headers = {name.lower(): value for name, value in SIGNED.items()}
        async with listening(telegram, Core(before=stuck)):
            await clock.waits.wait()
            call = asyncio.create_task(telegram.mounts[PATH](headers, json.dumps(message("last")).encode()))
            await begun.wait()
        gate.set()
        assert (await call).status == 500
        await telegram.aclose()
