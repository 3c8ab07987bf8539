"""The Telegram adapter with the real python-telegram-bot against the simulated Telegram: how it opens and writes."""

import logging
from collections.abc import AsyncIterator, Sequence

import pytest

from adapters.telegram import TelegramAdapter
from adapters.telegram.markup import LONGEST_TEXT, fill
from bridge.errors import (
    ConfigError,
    Gone,
    Permanent,
    RateLimited,
    Refused,
    Transient,
    Unreachable,
    Unrenderable,
    Unsure,
)
from bridge.halt import looking
from bridge.ports import Adapter, Budget, Mounts, Verb
from simulators.telegram import TelegramSimulator
from simulators.telegram.flood import Flood
from simulators.wire import Fault, Served
from tests.contract.telegram_world import ANN, FORUM, GROUP, TOKEN, adapter, address, page

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
async def sim() -> TelegramSimulator:
    sim = TelegramSimulator(limits=False)
    sim.say(ANN, ANN, "hi")
    sim.say(GROUP, ANN, "hi")
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


class TestOpening:
    async def test_learns_who_it_is(self, telegram: TelegramAdapter) -> None:
        port: Adapter = telegram
        assert isinstance(port, Mounts)
        assert telegram.mounts == {}
        assert telegram.trouble
        await telegram.open()
        await telegram.open()
        assert (telegram.platform, telegram.account) == ("telegram", "123456")

    async def test_says_what_privacy_mode_means(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, caplog: pytest.LogCaptureFixture
    ) -> None:
        sim.world.privacy = True
        caplog.set_level(logging.INFO, "adapters")
        await telegram.open()
        assert "/setprivacy" in caplog.text

    @pytest.mark.parametrize("token", ["", "garbage", "0123:abc", "123:", "123:ab c", "123:abc\n", "1:" + "x" * 80])
    async def test_a_malformed_token_never_leaves(self, sim: TelegramSimulator, url: str, token: str) -> None:
        telegram = adapter(url, token=token)
        with pytest.raises(ConfigError, match="TELEGRAM_BOT_TOKEN") as caught:
            await telegram.open()
        assert not sim.calls("getMe")
        assert not token or token not in str(caught.value)
        await telegram.aclose()

    @pytest.mark.parametrize(("token", "path"), [("123456:WRONG", ""), (TOKEN, "/elsewhere")])
    async def test_a_refused_token_is_a_setting_to_mend(self, url: str, token: str, path: str) -> None:
        telegram = adapter(url + path, token=token)
        with pytest.raises(ConfigError, match=r"TELEGRAM_BOT_TOKEN.*@BotFather") as caught:
            await telegram.open()
        assert token not in str(caught.value)
        await telegram.aclose()

    @pytest.mark.parametrize("kind", ["reset", "error_500", "error_502_html", "drop_response_after_commit"])
    async def test_a_sick_server_is_no_setting(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        sim.faults.add(Fault(kind=kind, method="getMe"))
        with pytest.raises(Unreachable) as caught:
            await telegram.open()
        assert TOKEN not in str(caught.value) + caplog.text
        await telegram.open()

    async def test_nobody_there(self) -> None:
        telegram = adapter(NOWHERE)
        with pytest.raises(Unreachable):
            await telegram.open()
        await telegram.aclose()

    async def test_a_webhook_needs_a_secret_that_telegram_takes(self, url: str) -> None:
        for secret in ("", "no blanks", "x" * 257):
            telegram = adapter(url, webhook_url="https://bridge.example/telegram/webhook", webhook_secret=secret)
            with pytest.raises(ConfigError, match="TELEGRAM_WEBHOOK_SECRET"):
                await telegram.open()
            await telegram.aclose()


class TestWriting:
    async def test_what_may_not_leave_any_more_does_not(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        message = await telegram.send(address(sim), page("half"))
        looks = iter([False, True])

        def look() -> None:
            if next(looks):
                raise Unsure

        with pytest.raises(Transient), looking(look):
            await telegram.edit(address(sim), message, page("whole"))
        assert not sim.calls("editMessageText")
        await telegram.edit(address(sim), message, page("whole"))
        assert sim.texts(ANN) == ["whole"]

    async def test_sends_text_with_entities(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        sent = await telegram.send(address(sim), page("**注意：**这是 `code`"))
        shown = sim.messages(ANN)[-1]
        assert str(shown.message_id) == sent
        assert shown.text == "注意：这是 code"
        assert [(e["type"], e["offset"], e["length"]) for e in shown.now.entities] == [("bold", 0, 3), ("code", 6, 4)]
        params = sim.calls("sendMessage")[-1].params
        assert "parse_mode" not in params
        assert "reply_parameters" not in params
        assert params["link_preview_options"] == {"is_disabled": True}

    async def test_plain_pages_have_no_entities(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        await telegram.send(address(sim), page("**a** `b`", plain=True))
        assert sim.texts(ANN) == ["**a** `b`"]
        link = "[x](https://example.com/" + "y" * 90 + ") "
        await telegram.send(address(sim), page(link * 60, plain=True))
        assert sim.texts(ANN)[1] == ("x " * 60).strip()

    async def test_replies(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        asked = sim.say(GROUP, ANN, "question")["message_id"]
        await telegram.send(address(sim, GROUP), page("answer"), reply_to=str(asked))
        assert sim.messages(GROUP)[-1].place.reply_to == asked
        await telegram.send(address(sim, GROUP), page("late"), reply_to="987654")
        assert sim.texts(GROUP) == ["answer", "late"]

    async def test_edits_and_deletes(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        sent = await telegram.send(address(sim), page("one"))
        await telegram.edit(address(sim), sent, page("*two*"))
        await telegram.edit(address(sim), sent, page("*two*"))
        shown = sim.messages(ANN)[-1].now
        assert (shown.text, shown.entities) == ("two", [{"type": "italic", "offset": 0, "length": 3}])
        await telegram.delete(address(sim), sent)
        await telegram.delete(address(sim), sent)
        assert sim.texts(ANN) == []
        with pytest.raises(Gone):
            await telegram.edit(address(sim), sent, page("three"))

    async def test_types(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        await telegram.working(address(sim))
        assert sim.calls("sendChatAction")[-1].params["action"] == "typing"
        sim.block(ANN)
        await telegram.working(address(sim))
        sim.faults.add(Fault(kind="reset", method="sendChatAction"))
        await telegram.working(address(sim))
        sim.flood(ANN, 9)
        with pytest.raises(RateLimited):
            await telegram.working(address(sim))

    @pytest.mark.parametrize("markdown", ["", " \n "])
    async def test_nothing_to_show(self, sim: TelegramSimulator, telegram: TelegramAdapter, markdown: str) -> None:
        with pytest.raises(Unrenderable):
            await telegram.send(address(sim), page(markdown))
        assert not sim.calls("sendMessage")

    async def test_too_long(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        assert fill("x" * LONGEST_TEXT) == 1.0
        sent = await telegram.send(address(sim), page("x" * LONGEST_TEXT))
        for much in (LONGEST_TEXT + 1, 10 * LONGEST_TEXT):
            with pytest.raises(Unrenderable):
                await telegram.send(address(sim), page("x" * much))
            with pytest.raises(Unrenderable):
                await telegram.edit(address(sim), sent, page("y" * much))

    async def test_more_entities_than_telegram_keeps(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        assert fill("**a** b " * 120) > 1.0
        await telegram.send(address(sim), page("**a** b " * 120))
        assert len(sim.messages(ANN)[-1].now.entities) == 100

    async def test_topics(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        topic = sim.add_chat(FORUM, type="supergroup", topics=["News"])["topics"]["News"]
        sent = await telegram.send(address(sim, FORUM, str(topic)), page("in it"))
        assert sim.messages(FORUM)[-1].place.thread == topic
        sim.remove_topic(FORUM, topic)
        await telegram.send(address(sim, FORUM, str(topic)), page("beside it"))
        assert sim.messages(FORUM)[-1].place.thread is None
        await telegram.edit(address(sim, FORUM, str(topic)), sent, page("changed"))

    async def test_a_lost_topic_of_a_private_chat(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        with pytest.raises(Gone):
            await telegram.send(address(sim, ANN, "77"), page("where?"))

    async def test_a_group_that_moved(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        sent = await telegram.send(address(sim, GROUP), page("before"))
        new = sim.migrate(GROUP)
        with pytest.raises(Gone):
            await telegram.edit(address(sim, GROUP), sent, page("changed"))
        await telegram.send(address(sim, GROUP), page("after"), reply_to=sent)
        await telegram.working(address(sim, GROUP))
        await telegram.delete(address(sim, GROUP), sent)
        assert sim.texts(new) == ["after"]
        assert sim.messages(new)[-1].place.reply_to is None
        assert len(sim.calls("", GROUP)) == 2, "the old id is not tried again"


class TestFailing:
    @pytest.mark.parametrize(
        ("kind", "certain"),
        [("reset", False), ("drop_response_after_commit", False), ("error_500", False), ("error_502_html", False)],
    )
    async def test_what_may_have_happened(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, kind: str, certain: bool
    ) -> None:
        sim.faults.add(Fault(kind=kind, method="sendMessage"))
        with pytest.raises(Unreachable) as caught:
            await telegram.send(address(sim), page("x"))
        assert caught.value.certain is certain
        assert TOKEN not in repr(caught.value)
        assert caught.value.__suppress_context__

    async def test_what_surely_did_not(self, sim: TelegramSimulator) -> None:
        telegram = adapter(NOWHERE)
        for call in (telegram.send(address(sim), page("x")), telegram.edit(address(sim), "1", page("x"))):
            with pytest.raises(Unreachable) as caught:
                await call
            assert caught.value.certain
        await telegram.aclose()

    async def test_no_answer_in_time(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("adapters.telegram.writing.CALL_SECONDS", 0.2)
        sim.faults.add(Fault(kind="hang", method="sendMessage", seconds=0.6))
        with pytest.raises(Unreachable) as caught:
            await telegram.send(address(sim), page("x"))
        assert not caught.value.certain

    async def test_flood(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        sim.faults.add(Fault(kind="flood", method="sendMessage", seconds=30))
        with pytest.raises(RateLimited) as caught:
            await telegram.send(address(sim), page("x"))
        assert caught.value.retry_after == 30

    async def test_credentials(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        sim.faults.add(Fault(kind="unauthorized", method="sendMessage"))
        with pytest.raises(Unreachable) as caught:
            await telegram.send(address(sim), page("x"))
        assert caught.value.say == "platform_credentials"

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("403 Forbidden: bot was blocked by the user", Refused),
            ("403 Forbidden: bot was kicked from the supergroup chat", Refused),
            ("403 Forbidden: bot can't initiate conversation with a user", Refused),
            ("400 Bad Request: chat not found", Refused),
            ("400 Bad Request: not enough rights to send text messages to the chat", Refused),
            ("400 Bad Request: TOPIC_CLOSED", Refused),
            ("400 Bad Request: message to edit not found", Gone),
            ("400 Bad Request: message can't be edited", Gone),
            ("400 Bad Request: MESSAGE_ID_INVALID", Gone),
            ("400 Bad Request: can't parse entities: Can't find end of Bold entity at byte offset 0", Unrenderable),
            ("400 Bad Request: MESSAGE_TOO_LONG", Unrenderable),
            ("400 Bad Request: message is too long", Unrenderable),
            ("400 Bad Request: text must be non-empty", Unrenderable),
            ("400 Bad Request: ENTITY_BOUNDS_INVALID", Unrenderable),
        ],
    )
    async def test_refusals(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, text: str, kind: type[Permanent]
    ) -> None:
        sim.faults.add(Fault(kind="error", value=text, times=2))
        for call in (telegram.send(address(sim), page("x")), telegram.edit(address(sim), "1", page("x"))):
            with pytest.raises(kind) as caught:
                await call
            assert type(caught.value) is kind


class TestLimits:
    def test_all_verbs_share_the_budgets(self, telegram: TelegramAdapter, sim: TelegramSimulator) -> None:
        of_verbs = {tuple(telegram.limits.budgets(address(sim), verb)) for verb in Verb}
        assert len(of_verbs) == 1
        in_topic = telegram.limits.budgets(address(sim, ANN, "7"), Verb.SEND)
        assert tuple(in_topic) in of_verbs, "topics have no budget of their own"

    @pytest.mark.parametrize("rate", [0.5, 1.0, 2.0, 6.0, 25.0, 30.0])
    async def test_the_account_never_exceeds_its_rate(self, sim: TelegramSimulator, url: str, rate: float) -> None:
        telegram = adapter(url, account_rate=rate)
        budget = telegram.limits.budgets(address(sim), Verb.SEND)[0]
        times = greedy([budget], 300)
        assert max(sum(start <= time < start + 1 for time in times) for start in times) <= max(rate, 2)
        await telegram.aclose()

    @pytest.mark.parametrize("chat", [ANN, GROUP, FORUM])
    def test_telegram_takes_what_the_budgets_allow(
        self, telegram: TelegramAdapter, sim: TelegramSimulator, chat: int
    ) -> None:
        flood = Flood()
        times = greedy(telegram.limits.budgets(address(sim, chat), Verb.EDIT), 120)
        assert not any(flood.admit("editMessageText", str(chat), time).retry_after for time in times)
        if chat < 0:
            assert max(sum(start <= time < start + 60 for time in times) for start in times) <= 20


def greedy(budgets: Sequence[Budget], number: int) -> list[float]:
    """When so many calls go out, each as early as all the budgets allow."""
    now, times = 0.0, []
    left = [(float(budget.burst), 0.0) for budget in budgets]
    for _ in range(number):
        wait = 0.0
        for index, budget in enumerate(budgets):
            tokens = min(budget.burst, left[index][0] + (now - left[index][1]) / budget.every)
            left[index] = (tokens, now)
            wait = max(wait, (1 - tokens) * budget.every)
        now += wait
        for index, budget in enumerate(budgets):
            left[index] = (left[index][0] + wait / budget.every - 1, now)
        times.append(now)
    return times
