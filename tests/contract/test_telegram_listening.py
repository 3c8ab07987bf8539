"""The Telegram adapter against the simulated Telegram: nothing is acknowledged that the core did not take."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from adapters.telegram import TelegramAdapter
from adapters.telegram.webhook import LARGEST_BODY, PATH
from bridge.errors import Unreachable
from bridge.model import Inbound, Moved
from simulators.telegram import TelegramSimulator
from simulators.wire import Fault, Served
from tests.clocks import StillClock
from tests.contract.telegram_world import ANN, BOB, GROUP, TOKEN, Core, PatientClock, Tally, adapter, listening

OTHER_POLLER = "409 Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
SECRET = "s3cret"


@pytest.fixture
async def sim() -> TelegramSimulator:
    sim = TelegramSimulator(limits=False)
    sim.updates.damping = False
    return sim


@pytest.fixture
async def url(sim: TelegramSimulator) -> AsyncIterator[str]:
    async with Served(sim.app) as served:
        yield served.url


@pytest.fixture
async def telegram(url: str) -> AsyncIterator[TelegramAdapter]:
    telegram = adapter(url)
    yield telegram
    await telegram.aclose()


def offsets(sim: TelegramSimulator) -> list[int]:
    return [int(call.params["offset"]) for call in sim.calls("getUpdates")]


def traces(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Messages that were logged with a traceback."""
    return [record.getMessage() for record in caplog.records if record.exc_info]


class TestPolling:
    async def test_hears(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        core = Core()
        async with listening(telegram, core):
            said = sim.say(ANN, ANN, "hello")
            await core.wait(1)
            found = core.taken[0]
            assert isinstance(found, Inbound)
            assert (found.text, found.key) == ("hello", f"telegram:123456:{ANN}:{said['message_id']}")
            assert telegram.trouble == ""
        assert sim.calls("getUpdates")[0].params["allowed_updates"] == ["message", "callback_query", "my_chat_member"]

    async def test_acknowledges_only_what_was_taken(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        ids = [sim.say(ANN, ANN, text)["update_id"] for text in ("one", "two", "three")]
        core = Core(failures=[Unreachable("no database"), RuntimeError("a bug"), OSError("disk full")])
        async with listening(telegram, core):
            await core.wait(3)
            await sim.wait(lambda: not sim.updates.pending)
        assert core.texts == ["one", "two", "three"]
        assert [found.text for found in core.tried if isinstance(found, Inbound)][:3] == ["one"] * 3
        asked = offsets(sim)
        assert asked[:4] == [0, 0, 0, 0], "nothing is confirmed while nothing is taken"
        assert ids[-1] + 1 in asked

    async def test_what_is_delivered_in_another_order_is_not_passed_over(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        """Found by the chaos suite: the offset of the later one confirmed the earlier one, which was refused."""
        sim.updates.swap_next()
        ids = [sim.say(ANN, ANN, text)["update_id"] for text in ("one", "two")]
        core = Core(failures=[Unreachable("no database")])
        async with listening(telegram, core):
            await core.wait(2)
            await sim.wait(lambda: not sim.updates.pending)
        assert sorted(core.texts) == ["one", "two"]
        assert ids[0] < ids[1]

    async def test_a_message_given_up_halfway_comes_again(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, url: str
    ) -> None:
        reached = asyncio.Event()

        async def hang(_found: Inbound | Moved) -> None:
            reached.set()
            await asyncio.Event().wait()

        sim.say(ANN, ANN, "do not lose me")
        async with listening(telegram, Core(before=hang)):
            await reached.wait()
        core = Core()
        again = adapter(url)
        async with listening(again, core):
            await core.wait(1)
        assert core.texts == ["do not lose me"]
        await again.aclose()

    async def test_what_it_cannot_read_harms_nothing(
        self, sim: TelegramSimulator, url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        tally, core = Tally(), Core()
        telegram = adapter(url, meter=tally)
        shapes: list[dict[str, Any]] = [{"text": 5}, {}, {"date": "x", "chat": 1}]
        strange: list[dict[str, Any]] = [*({"message": shape} for shape in shapes), {"telepathy": {}}, {}]
        for update in strange:
            sim.updates.inject(update)
        sim.say(ANN, ANN, "I am fine")
        async with listening(telegram, core):
            await core.wait(1)
            await sim.wait(lambda: not sim.updates.pending)
        assert core.texts == ["I am fine"]
        assert tally.counts == {
            ("updates_ignored", "message"): 3,
            ("updates_ignored", "telepathy"): 1,
            ("updates_ignored", "empty"): 1,
        }
        assert len([record for record in caplog.records if "(message)" in record.getMessage()]) == 1
        assert not traces(caplog)
        await telegram.aclose()

    async def test_buttons_are_answered(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        core = Core()
        async with listening(telegram, core):
            sim.updates.inject({"callback_query": {"id": "77", "from": {"id": ANN}, "data": "x", "chat_instance": "1"}})
            await sim.wait(lambda: sim.calls("answerCallbackQuery"))
        assert sim.calls("answerCallbackQuery")[0].params["callback_query_id"] == "77"
        assert core.taken == []

    async def test_moves(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        core = Core()
        async with listening(telegram, core):
            sim.say(GROUP, ANN, "hi")
            new = sim.migrate(GROUP)
            await core.wait(2)
        assert (
            core.taken
            == [
                Moved(platform="telegram", account="123456", old_chat=str(GROUP), new_chat=str(new)),
            ]
            * 2
        )

    async def test_update_ids_may_start_anew(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        core = Core()
        async with listening(telegram, core):
            sim.say(ANN, ANN, "the last for a week")
            await core.wait(1)
            await sim.wait(lambda: (offsets(sim)[-1] == 0 and len(offsets(sim)) > 2) or None)
            message = {"message_id": 900, "date": 1, "chat": {"id": ANN, "type": "private"}, "from": {"id": ANN}}
            sim.updates.inject({"update_id": 5, "message": {**message, "text": "under a low number"}})
            await core.wait(2)
        assert core.texts[-1] == "under a low number"

    async def test_the_menu(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        async with listening(telegram, Core()):
            await sim.wait(lambda: len(sim.calls("setMyCommands")) == 2 or None)
        english, chinese = sim.world.commands.values()
        assert [command["command"] for command in english] == ["new", "stop", "help"]
        assert english[0]["description"] == "Start a new conversation"
        assert chinese[0]["description"] == "开始新会话"

    async def test_a_failing_menu_harms_nothing(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, caplog: pytest.LogCaptureFixture
    ) -> None:
        sim.faults.add(Fault(kind="error_500", method="setMyCommands"))
        core = Core()
        async with listening(telegram, core):
            sim.say(ANN, ANN, "hello")
            await core.wait(1)
            await sim.wait(lambda: sim.calls("setMyCommands") and sim.calls("setMyCommands")[0].status)
        assert len([record for record in caplog.records if "menu" in record.getMessage()]) <= 1
        assert not traces(caplog)


class TestTrouble:
    @pytest.mark.parametrize("kind", ["reset", "error_500", "error_502_html", "flood", "unauthorized"])
    async def test_goes_on_after(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, caplog: pytest.LogCaptureFixture, kind: str
    ) -> None:
        caplog.set_level(logging.INFO, "adapters")
        sim.faults.add(Fault(kind=kind, method="getUpdates", times=3, seconds=1))
        core = Core()
        async with listening(telegram, core):
            sim.say(ANN, ANN, "hello")
            await core.wait(1)
            assert telegram.trouble == ""
        assert not traces(caplog)
        assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1
        assert TOKEN not in caplog.text

    async def test_waits_longer_each_time(self, sim: TelegramSimulator, url: str) -> None:
        clock, core = StillClock(), Core()
        telegram = adapter(url, clock=clock)
        sim.faults.add(Fault(kind="error_500", method="getUpdates", times=7))
        async with listening(telegram, core):
            sim.say(ANN, ANN, "hello")
            await core.wait(1)
        assert clock.slept == [1, 2, 4, 8, 16, 30, 30]
        await telegram.aclose()

    async def test_two_pollers(self, sim: TelegramSimulator, url: str) -> None:
        seen: list[str] = []

        class Watch(StillClock):
            async def sleep(self, seconds: float) -> None:
                seen.append(polling.trouble)
                await super().sleep(seconds)

        polling, core = adapter(url, clock=Watch()), Core()
        sim.faults.add(Fault(kind="error", method="getUpdates", times=2, value=OTHER_POLLER))
        async with listening(polling, core):
            sim.say(ANN, ANN, "hello")
            await core.wait(1)
        assert seen == ["another process polls with this TELEGRAM_BOT_TOKEN"] * 2
        await polling.aclose()

    async def test_a_webhook_of_before_is_deleted(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        sim.webhook.settings.url = "http://127.0.0.1:9/old"
        core = Core()
        sim.updates.hold()
        sim.say(ANN, ANN, "said before")
        async with listening(telegram, core):
            await sim.wait(lambda: sim.calls("deleteWebhook"))
            sim.updates.release()
            await core.wait(1)
        assert sim.calls("deleteWebhook")[0].params.get("drop_pending_updates") in (False, "false", None)
        assert core.texts == ["said before"]

    async def test_a_webhook_that_an_older_process_sets_again_is_taken_back_and_not_fought_over(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        async with listening(telegram, Core()):
            await sim.wait(lambda: len(sim.calls("getUpdates")) > 1 or None)
            sim.webhook.settings.url = "http://127.0.0.1:9/ours-of-before"
            await sim.wait(lambda: sim.calls("deleteWebhook") and len(sim.calls("getUpdates")) > 3)
            assert not telegram.trouble
            sim.webhook.settings.url = "http://127.0.0.1:9/theirs"
            await sim.wait(lambda: "webhook" in telegram.trouble)
        assert len(sim.calls("deleteWebhook")) == 1


class TestWebhook:
    @pytest.fixture
    async def hook(self, url: str) -> AsyncIterator[TelegramAdapter]:
        telegram = adapter(url, clock=PatientClock(), webhook_url=f"http://127.0.0.1:9{PATH}", webhook_secret=SECRET)
        yield telegram
        await telegram.aclose()

    @staticmethod
    async def post(telegram: TelegramAdapter, update: Any, *, secret: str | None = SECRET, raw: bytes = b"") -> int:
        headers = {} if secret is None else {"x-telegram-bot-api-secret-token": secret}
        body = raw or json.dumps(update).encode()
        return (await telegram.mounts[PATH](headers, body)).status

    @staticmethod
    def message(text: str, chat: int = ANN, number: int = 1) -> dict[str, Any]:
        author = {"id": ANN, "is_bot": False, "first_name": "Ann"}
        place = {"id": chat, "type": "private"}
        return {
            "update_id": number,
            "message": {"message_id": number, "date": 1, "chat": place, "from": author, "text": text},
        }

    @staticmethod
    async def ready(sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        await sim.wait(lambda: any(call.status == 200 for call in sim.calls("setWebhook")))
        async with asyncio.timeout(30):
            while telegram.trouble:
                await asyncio.sleep(0)

    async def test_takes_only_what_carries_the_secret(self, sim: TelegramSimulator, hook: TelegramAdapter) -> None:
        core = Core()
        async with listening(hook, core):
            await self.ready(sim, hook)
            assert await self.post(hook, self.message("x"), secret=None) == 401
            assert await self.post(hook, self.message("x"), secret="wrong") == 401
            assert await self.post(hook, self.message("x"), secret="\udcff秘密") == 401
            assert core.tried == []
            assert await self.post(hook, None, raw=b"x" * (LARGEST_BODY + 1)) == 413
            for raw in (b"no json", b"[1]", b"5", b"\xff\xfe", b"[" * 100_000):
                assert await self.post(hook, None, raw=raw) == 400
            assert await self.post(hook, self.message("hello")) == 200
            assert core.texts == ["hello"]
        assert sim.calls("setWebhook")[0].params["secret_token"] == SECRET

    async def test_refuses_while_nobody_listens(self, hook: TelegramAdapter) -> None:
        assert await self.post(hook, self.message("x")) == 503

    async def test_what_was_not_taken_is_sent_again(self, sim: TelegramSimulator, hook: TelegramAdapter) -> None:
        core = Core(failures=[Unreachable("no database"), RuntimeError("a bug")])
        async with listening(hook, core):
            await self.ready(sim, hook)
            codes = [await self.post(hook, self.message("x")) for _ in range(3)]
        assert codes == [500, 500, 200]

    async def test_what_it_cannot_read_is_over(self, sim: TelegramSimulator, hook: TelegramAdapter) -> None:
        core = Core()
        async with listening(hook, core):
            await self.ready(sim, hook)
            for strange in ({"update_id": 1, "message": {"text": 5}}, {"update_id": 2, "telepathy": {}}, {}):
                assert await self.post(hook, strange) == 200
        assert core.tried == []

    async def test_one_chat_in_order_others_beside_it(self, sim: TelegramSimulator, hook: TelegramAdapter) -> None:
        gate = asyncio.Event()

        async def slow(found: Inbound | Moved) -> None:
            if isinstance(found, Inbound) and found.text == "first":
                await gate.wait()

        core = Core(before=slow)
        async with listening(hook, core):
            await self.ready(sim, hook)
            first = asyncio.create_task(self.post(hook, self.message("first", ANN, 1)))
            await asyncio.sleep(0)
            second = asyncio.create_task(self.post(hook, self.message("second", ANN, 2)))
            await self.post(hook, self.message("elsewhere", BOB, 3))
            assert core.texts == ["elsewhere"]
            gate.set()
            await asyncio.gather(first, second)
        assert core.texts == ["elsewhere", "first", "second"]

    async def test_setting_it_is_tried_again(self, sim: TelegramSimulator, url: str) -> None:
        clock = PatientClock()
        hook = adapter(url, clock=clock, webhook_url=f"http://127.0.0.1:9{PATH}", webhook_secret=SECRET)
        sim.faults.add(Fault(kind="error_500", method="setWebhook", times=3))
        async with listening(hook, Core()):
            assert hook.trouble
            await self.ready(sim, hook)
        assert clock.slept == [1, 2, 4]
        await hook.aclose()

    async def test_the_whole_way(self, sim: TelegramSimulator, url: str) -> None:
        core = Core(failures=[Unreachable("no database")])
        sim.webhook.pause_factor = 0.01
        holder: list[TelegramAdapter] = []

        async def pass_on(request: web.Request) -> web.Response:
            headers = {name.lower(): value for name, value in request.headers.items()}
            return web.Response(status=(await holder[0].mounts[PATH](headers, await request.read())).status)

        app = web.Application()
        app.add_routes([web.post(PATH, pass_on)])
        async with Served(app) as ours:
            hook = adapter(url, clock=PatientClock(), webhook_url=f"{ours.url}{PATH}", webhook_secret=SECRET)
            holder.append(hook)
            async with listening(hook, core):
                sim.say(ANN, ANN, "over HTTP")
                sim.say(ANN, ANN, "and once more")
                await core.wait(2)
                async with aiohttp.ClientSession() as stranger, stranger.post(f"{ours.url}{PATH}", json={}) as answer:
                    assert answer.status == 401
            await hook.aclose()
        assert core.texts == ["over HTTP", "and once more"]
