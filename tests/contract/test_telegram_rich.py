"""Answers as rich messages, with the real python-telegram-bot against the simulated Telegram."""

from collections.abc import AsyncIterator

import pytest

from adapters.telegram import TelegramAdapter
from adapters.telegram.markup import fill as classic_fill
from bridge.errors import Gone, RateLimited, Refused, Unreachable, Unrenderable
from bridge.model import Choice, Does, Page
from bridge.ports import Verb
from simulators.telegram import TelegramSimulator
from simulators.wire import Fault, Served
from tests.contract.telegram_world import ANN, FORUM, GROUP, adapter, address

MARKDOWN = "# Title\n\n| a | b |\n|---|---|\n| 1 | $x^2$ |"
WORDS = "Title\na | b\n1 | x^2"


def page(text: str = MARKDOWN, *, final: bool = True, simpler: int = 0, status: str = "") -> Page:
    return Page(index=0, text=text, final=final, mark="one/0", simpler=simpler, status=status)


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
    telegram = adapter(url, streaming="rich")
    yield telegram
    await telegram.aclose()


class TestWriting:
    @pytest.mark.parametrize("chat", [ANN, GROUP])
    async def test_sends_and_edits_rich_messages(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, chat: int
    ) -> None:
        message = await telegram.send(address(sim, chat), page("# Title", final=False, status="Thinking…"))
        assert sim.texts(chat) == ["Title\nThinking…"]
        assert not sim.calls("sendMessage", chat)
        assert await telegram.edit(address(sim, chat), message, page()) == message
        (stands,) = [one for one in sim.messages(chat) if one.sender == sim.me.id]
        assert stands.text == WORDS
        assert stands.now.rich
        assert "<tg-math>x^2</tg-math>" in stands.now.rich["html"]
        await telegram.edit(address(sim, chat), message, page())
        assert len(stands.versions) == 2, "the same again is no error"

    async def test_replies_topics_and_buttons(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        topic = sim.add_chat(FORUM, type="supergroup", topics=["Trip"])["topics"]["Trip"]
        asked = sim.say(FORUM, ANN, "question", thread=topic)["message_id"]
        button = Choice(does=Does.LIKE, label="👍", press="like:1")
        shown = Page(index=0, text=MARKDOWN, final=True, choices=(button,))
        message = await telegram.send(address(sim, FORUM, str(topic)), shown, reply_to=str(asked))
        stands = sim.messages(FORUM)[-1]
        assert (stands.message_id, stands.place.thread, stands.place.reply_to) == (int(message), topic, asked)
        assert stands.now.reply_markup
        sim.remove_topic(FORUM, topic)
        await telegram.send(address(sim, FORUM, str(topic)), page())
        assert sim.messages(FORUM)[-1].place.thread is None

    async def test_a_group_that_moves(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        new = sim.migrate(GROUP)
        await telegram.send(address(sim, GROUP), page())
        assert sim.texts(new) == [WORDS]

    async def test_20000_characters_are_one_message(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        rows = "\n".join(f"| row {number} | {'字' * 150} | $x_{{{number}}}$ |" for number in range(105))
        text = f"# Title\n\n| a | b | c |\n|---|---|---|\n{rows}\n\n$$E = mc^2$$"
        assert len(text) > 17_000
        assert telegram.limits.fill(text, 0) <= 1.0 < telegram.limits.fill(text, 1)
        await telegram.send(address(sim), page(text))
        (shown,) = sim.texts(ANN)
        assert shown.count("字") == 105 * 150

    async def test_the_most_that_fits_is_taken(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        text = "汉" * 32_761
        assert telegram.limits.fill(text, 0) == 1.0
        await telegram.send(address(sim), page(text))
        assert sim.texts(ANN) == [text]

    async def test_what_is_the_same_as_text_is_text_until_it_is_not(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        message = await telegram.send(address(sim), page("**Bold** `code`\n\n- item", final=False, status="Thinking…"))
        (stands,) = [one for one in sim.messages(ANN) if one.sender == sim.me.id]
        assert (stands.text, stands.now.rich) == ("Bold code\n\n• item\n\nThinking…", None)
        await telegram.edit(address(sim), message, page("**Bold** `code`\n\n- item\n\n| a |\n|---|", final=False))
        assert stands.now.rich
        await telegram.edit(address(sim), message, page("Sorry, it broke."))
        assert (stands.text, stands.now.rich) == ("Sorry, it broke.", None)

    @pytest.mark.parametrize("size", [4080, 4097])
    async def test_text_that_is_too_long_for_one_is_rich(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, size: int
    ) -> None:
        await telegram.send(address(sim), page("x" * size, final=False, status="Using a tool with a name"))
        assert sim.messages(ANN)[-1].now.rich
        await telegram.send(address(sim), page("x" * 4096))
        assert not sim.messages(ANN)[-1].now.rich


class TestSimplerForms:
    async def test_a_refusal_makes_it_text_then_plain(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        sim.faults.add(Fault(kind="error", method="sendRichMessage", value="400 Bad Request: RICH_MESSAGE_X_INVALID"))
        with pytest.raises(Unrenderable):
            await telegram.send(address(sim), page("# x"))
        await telegram.send(address(sim), page("# x", simpler=1))
        await telegram.send(address(sim), page("# x", simpler=2))
        assert sim.texts(ANN) == ["x", "# x"]
        await telegram.send(address(sim), page("# x"))
        assert sim.messages(ANN)[-1].now.rich, "the next answer is rich again"

    async def test_each_form_has_its_measure(self, telegram: TelegramAdapter) -> None:
        text = "word " * 2000
        assert telegram.limits.fill(text, 0) < 1.0
        assert telegram.limits.fill(text, 1) == telegram.limits.fill(text, 2) == classic_fill(text) > 2.0

    async def test_a_message_that_began_rich_becomes_text(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        message = await telegram.send(address(sim), page(final=False))
        await telegram.edit(address(sim), message, page("**x**", simpler=1))
        (stands,) = [one for one in sim.messages(ANN) if one.sender == sim.me.id]
        assert (stands.text, stands.now.rich) == ("x", None)
        await telegram.edit(address(sim), message, page("# y"))
        assert stands.now.rich

    @pytest.mark.parametrize("reason", ["message can't be edited", "there is no text in the message to edit"])
    async def test_one_that_cannot_become_text_makes_room(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, reason: str
    ) -> None:
        message = await telegram.send(address(sim), page(final=False))
        sim.faults.add(Fault(kind="error", method="editMessageText", value=f"400 Bad Request: {reason}"))
        with pytest.raises(Gone):
            await telegram.edit(address(sim), message, page(simpler=1))
        assert sim.texts(ANN) == []

    async def test_an_old_server_is_asked_once(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, caplog: pytest.LogCaptureFixture
    ) -> None:
        sim.world.unknown_methods.add("sendRichMessage")
        with pytest.raises(Unrenderable):
            await telegram.send(address(sim), page())
        assert telegram.limits.fill("word " * 2000, 0) > 2.0
        message = await telegram.send(address(sim), page("# x"))
        await telegram.edit(address(sim), message, page("# xy"))
        assert sim.texts(ANN) == ["xy"]
        assert len(sim.calls("sendRichMessage")) == 1
        assert caplog.text.count("knows no rich messages") == 1

    async def test_an_old_server_takes_a_rich_edit_for_an_empty_one(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, url: str
    ) -> None:
        other = adapter(url, streaming="edit")
        message = await other.send(address(sim), page("so far", final=False))
        sim.world.unknown_methods.add("editMessageText.rich_message")
        with pytest.raises(Unrenderable):
            await telegram.edit(address(sim), message, page())
        await telegram.edit(address(sim), message, page("**whole**", simpler=1))
        assert sim.texts(ANN) == ["whole"]
        await other.aclose()

    async def test_what_can_be_no_rich_message_makes_no_call(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        wide = "|" + "a|" * 21 + "\n|" + "-|" * 21
        for text in (f"{wide}\n\n" + "x" * 5000, "> " * 15 + "- " + "x" * 5000, " "):
            with pytest.raises(Unrenderable):
                await telegram.send(address(sim), page(text))
        await telegram.send(address(sim), page(f"{wide}\n\nshort"))
        assert sim.texts(ANN)[-1].endswith("short")
        assert not sim.calls("sendRichMessage")


class TestFailing:
    async def test_a_penalty_is_no_refusal(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        sim.faults.add(Fault(kind="flood", method="sendRichMessage", seconds=9))
        with pytest.raises(RateLimited) as caught:
            await telegram.send(address(sim), page())
        assert caught.value.retry_after == 9
        sim.skip(10)
        await telegram.send(address(sim), page())
        assert sim.messages(ANN)[-1].now.rich

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("403 Forbidden: bot was blocked by the user", Refused),
            ("400 Bad Request: chat not found", Refused),
            ("400 Bad Request: message to edit not found", Gone),
            ("400 Bad Request: RICH_MESSAGE_CONTENT_REQUIRED", Unrenderable),
            ("404 Not Found: method not found", Unrenderable),
        ],
    )
    async def test_refusals(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, text: str, kind: type[Exception]
    ) -> None:
        sim.faults.add(Fault(kind="error", value=text))
        with pytest.raises(kind):
            await telegram.send(address(sim), page())

    async def test_a_refused_token_is_not_an_old_server(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        sim.faults.add(Fault(kind="unauthorized", method="sendRichMessage"))
        with pytest.raises(Unreachable) as caught:
            await telegram.send(address(sim), page())
        assert caught.value.say == "platform_credentials"
        await telegram.send(address(sim), page())
        assert sim.messages(ANN)[-1].now.rich

    @pytest.mark.parametrize("kind", ["reset", "error_500", "error_502_html", "drop_response_after_commit"])
    async def test_a_sick_server(self, sim: TelegramSimulator, telegram: TelegramAdapter, kind: str) -> None:
        sim.faults.add(Fault(kind=kind, method="sendRichMessage"))
        with pytest.raises(Unreachable) as caught:
            await telegram.send(address(sim), page())
        assert not caught.value.certain


def test_all_verbs_share_the_budgets(telegram: TelegramAdapter, sim: TelegramSimulator) -> None:
    assert len({tuple(telegram.limits.budgets(address(sim), verb)) for verb in Verb}) == 1
