"""The Telegram adapter looks for a message whose id was lost, and touches no other."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.telegram import TelegramAdapter
from adapters.telegram.finding import MOST_HOLES, MOST_PROBES
from bridge.errors import RateLimited, Unreachable
from bridge.model import Address, Attachment, Kind, Lost, Near, Page
from bridge.ports import Finds, Found
from simulators.telegram import TelegramSimulator
from simulators.telegram.model import Message
from simulators.wire import Fault, Served
from tests.clocks import StillClock
from tests.contract.telegram_world import ANN, BOB, FORUM, GROUP, Core, adapter, address, listening, page

SUPERGROUP = -1_000_000_007_001
LOST = Fault(kind="drop_response_after_commit", method="sendMessage")
FILE = Attachment(kind=Kind.DOCUMENT, name="notes.md", text="x")


@pytest.fixture
async def sim() -> TelegramSimulator:
    sim = TelegramSimulator(limits=False)
    sim.updates.damping = False
    sim.add_chat(SUPERGROUP, type="supergroup", members=[ANN, BOB])
    return sim


@pytest.fixture
async def url(sim: TelegramSimulator) -> AsyncIterator[str]:
    async with Served(sim.app) as served:
        yield served.url


@pytest.fixture
async def telegram(url: str) -> AsyncIterator[TelegramAdapter]:
    telegram = adapter(url)
    await telegram.open()
    yield telegram
    await telegram.aclose()


class Turns:
    """Counts how often a search waited for its turn."""

    def __init__(self) -> None:
        self.waited = 0

    async def __call__(self) -> None:
        self.waited += 1


def asked(sim: TelegramSimulator, chat: int = ANN, text: str = "question", *, by: int = ANN) -> int:
    """Somebody asks; the id of their message."""
    return int(sim.say(chat, by, text)["message_id"])


def lost(question: int, chat: int = ANN, **more: object) -> Lost:
    base: dict[str, object] = {"page": page("answer"), "since": 0.0, "question": f"telegram:123456:{chat}:{question}"}
    if chat < 0:
        base["reply_to"] = str(question)
    return Lost(**base | more)  # type: ignore[arg-type]  # each is of its own type


async def find(adapter: Finds, where: Address, sought: Lost, *, turn: Turns) -> str | None:
    """Which message it is."""
    found = await adapter.find(where, sought, turn=turn)
    return found.message_id if found else None


async def lose(sim: TelegramSimulator, telegram: TelegramAdapter, where: Address, *, reply_to: int = 0) -> Message:
    """Sends a page of which the response never comes."""
    sim.faults.add(Fault(kind=LOST.kind, method=LOST.method))
    with pytest.raises(Unreachable) as caught:
        await telegram.send(where, page("answer"), reply_to=str(reply_to or ""))
    assert not caught.value.certain
    return sim.messages(int(where.chat))[-1]


def probes(sim: TelegramSimulator) -> list[int]:
    return [int(call.params["message_id"]) for call in sim.calls("editMessageReplyMarkup")]


def keyboards(sim: TelegramSimulator, chat: int) -> list[object]:
    return [message.now.reply_markup for message in sim.messages(chat)]


class TestFound:
    @pytest.mark.parametrize("chat", [ANN, GROUP, SUPERGROUP])
    async def test_right_behind_the_question(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, chat: int
    ) -> None:
        port: Finds = telegram
        question = asked(sim, chat)
        reply_to = question if chat < 0 else 0
        message = await lose(sim, telegram, address(sim, chat), reply_to=reply_to)
        turns = Turns()
        assert await find(port, address(sim, chat), lost(question, chat), turn=turns) == str(message.message_id)
        assert probes(sim) == [question + 1]
        assert turns.waited == 0, "the send that it stands for had its turn"
        assert message.text == "answer"
        assert message.now.reply_markup
        await telegram.edit(address(sim, chat), str(message.message_id), page("answer"))
        assert keyboards(sim, chat) == [None, None], "the next edit takes the button away"

    async def test_behind_what_others_wrote_meanwhile(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        question = asked(sim)
        asked(sim, BOB, by=BOB)
        asked(sim, GROUP, "not for the bot", by=BOB)
        message = await lose(sim, telegram, address(sim))
        assert message.message_id == question + 3
        turns = Turns()
        assert await find(telegram, address(sim), lost(question), turn=turns) == str(message.message_id)
        assert probes(sim) == [question + 1, question + 2, question + 3]
        assert turns.waited == 2

    async def test_what_was_heard_or_sent_is_passed_over(self, sim: TelegramSimulator, url: str) -> None:
        telegram, core = adapter(url), Core()
        async with listening(telegram, core):
            question = asked(sim)
            for number in range(20):
                asked(sim, BOB, by=BOB)
                if number % 2:
                    await telegram.send(address(sim, BOB), page("to somebody else"))
            await core.wait(21)
            message = await lose(sim, telegram, address(sim))
            assert telegram.newest(address(sim)) == str(message.message_id - 1)
            assert await find(telegram, address(sim), lost(question), turn=Turns()) == str(message.message_id)
        assert probes(sim) == [message.message_id]
        await telegram.aclose()

    async def test_an_id_that_we_heard_and_could_not_write_down(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        question = asked(sim)
        sent = await telegram.send(address(sim), page("answer"))
        for _ in range(2):
            assert await find(telegram, address(sim), lost(question), turn=Turns()) == sent
        assert probes(sim) == [int(sent)] * 2

    async def test_behind_the_newest_that_was_known_when_it_was_sent(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        question = asked(sim)
        for _ in range(50):
            asked(sim, BOB, by=BOB)
        message = await lose(sim, telegram, address(sim))
        found = await find(telegram, address(sim), lost(question, sent_after=str(question + 50)), turn=Turns())
        assert found == str(message.message_id)
        assert len(probes(sim)) == 1

    async def test_a_later_page_of_a_group_replies_to_nothing(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        question = asked(sim, SUPERGROUP)
        first = await telegram.send(address(sim, SUPERGROUP), page("one"), reply_to=str(question))
        message = await lose(sim, telegram, address(sim, SUPERGROUP))
        near = Near(frozenset({(str(SUPERGROUP), first)}))
        sought = lost(question, SUPERGROUP, reply_to="", near=near)
        assert await find(telegram, address(sim, SUPERGROUP), sought, turn=Turns()) == str(message.message_id)

    async def test_in_its_topic(self, sim: TelegramSimulator, url: str, telegram: TelegramAdapter) -> None:
        topics = sim.add_chat(FORUM, type="supergroup", topics=["a", "b"])["topics"]
        here, there = (address(sim, FORUM, str(topic)) for topic in topics.values())
        question = int(sim.say(FORUM, ANN, "hi", thread=topics["a"])["message_id"])
        other = await telegram.send(there, page("elsewhere"))
        message = await lose(sim, telegram, here, reply_to=question)
        again = adapter(url)
        await again.open()
        assert await find(again, here, lost(question, FORUM), turn=Turns()) == str(message.message_id)
        assert [int(other), message.message_id] == probes(sim)[::2]
        assert sim.world.chats[FORUM].messages[int(other)].now.reply_markup is None
        await again.aclose()

    async def test_a_file_is_left_without_the_button(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        question = asked(sim)
        text = await lose(sim, telegram, address(sim))
        sim.faults.add(Fault(kind=LOST.kind, method="sendDocument"))
        sought = Page(index=1, text="", final=True, attachment=FILE)
        with pytest.raises(Unreachable):
            await telegram.attach(address(sim), sought, b"x")
        file, turns = sim.messages(ANN)[-1], Turns()
        found = await find(telegram, address(sim), lost(question, page=sought), turn=turns)
        assert found == str(file.message_id)
        assert keyboards(sim, ANN) == [None, None, None]
        assert probes(sim) == [text.message_id] * 2 + [file.message_id] * 2
        assert turns.waited == 3

    async def test_what_grows_as_a_draft_is_that_draft(self, sim: TelegramSimulator, url: str) -> None:
        telegram = adapter(url, streaming="draft")
        await telegram.open()
        question, growing = asked(sim), Page(index=0, text="one", final=False, mark="m")
        sim.faults.add(Fault(kind=LOST.kind, method="sendMessageDraft"))
        with pytest.raises(Unreachable):
            await telegram.send(address(sim), growing)
        found = await find(telegram, address(sim), lost(question, page=growing), turn=Turns())
        assert found is not None
        assert await telegram.edit(address(sim), found, growing) == found
        assert len({draft.draft_id for draft in sim.world.drafts}) == 1
        assert not probes(sim)
        await telegram.aclose()


class TestNotFound:
    async def test_it_never_arrived(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        question, turns = asked(sim), Turns()
        assert await find(telegram, address(sim), lost(question), turn=turns) is None
        assert probes(sim) == list(range(question + 1, question + 1 + MOST_PROBES))
        assert turns.waited == MOST_PROBES - 1

    async def test_a_slow_chat_ends_the_search(self, sim: TelegramSimulator, url: str) -> None:
        clock = StillClock()
        telegram = adapter(url, clock=clock)
        await telegram.open()

        async def slowly() -> None:
            await clock.sleep(29)

        assert await find(telegram, address(sim), lost(asked(sim)), turn=slowly) is None
        assert len(probes(sim)) == 4
        await telegram.aclose()

    async def test_behind_the_end_of_a_supergroup_nothing_comes(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        question = asked(sim, SUPERGROUP)
        asked(sim, SUPERGROUP, "somebody else", by=BOB)
        assert await find(telegram, address(sim, SUPERGROUP), lost(question, SUPERGROUP), turn=Turns()) is None
        assert probes(sim) == list(range(question + 1, question + 2 + MOST_HOLES))

    async def test_deleted(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        question = asked(sim)
        message = await lose(sim, telegram, address(sim))
        sim.delete(ANN, message.message_id)
        assert await find(telegram, address(sim), lost(question), turn=Turns()) is None

    async def test_too_old(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        question = asked(sim)
        message = await lose(sim, telegram, address(sim), reply_to=question)
        pressed = replace(lost(question), question="telegram:123456:press:77", reply_to=str(question))
        sought = replace(pressed, since=message.date + 1.0)
        assert await find(telegram, address(sim), sought, turn=Turns()) is None
        assert keyboards(sim, ANN) == [None, None]
        assert await find(telegram, address(sim), pressed, turn=Turns()) == str(message.message_id)

    async def test_a_clock_that_was_ahead_does_not_make_it_too_old(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        """Found by the chaos suite: behind the message that it answers, no time is needed to tell."""
        question = asked(sim)
        message = await lose(sim, telegram, address(sim))
        sought = lost(question, since=message.date + 86_400.0)
        assert await find(telegram, address(sim), sought, turn=Turns()) == str(message.message_id)

    async def test_nobody_knows_where_to_begin(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        assert telegram.newest(address(sim)) == ""
        sought = Lost(page=page("x"), since=0.0, question="telegram:123456:press:77")
        assert await find(telegram, address(sim), sought, turn=Turns()) is None
        assert not probes(sim)

    @pytest.mark.parametrize("value", ["404 Not Found: method not found", "403 Forbidden: bot was blocked by the user"])
    async def test_a_server_that_does_not_tell(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, value: str
    ) -> None:
        question = asked(sim)
        await lose(sim, telegram, address(sim))
        sim.faults.add(Fault(kind="error", method="editMessageReplyMarkup", value=value, times=-1))
        assert await find(telegram, address(sim), lost(question), turn=Turns()) is None
        assert len(probes(sim)) == 1

    @pytest.mark.parametrize("result", [True, None, {"ok": 1}, [5]])
    async def test_a_server_that_answers_something_else(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, result: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        question = asked(sim)
        await lose(sim, telegram, address(sim))
        odd = ("editMessageReplyMarkup", lambda _world, _params: result)
        monkeypatch.setitem(sim.server._methods, "editmessagereplymarkup", odd)
        assert await find(telegram, address(sim), lost(question), turn=Turns()) is None
        assert len(probes(sim)) == 1

    async def test_a_group_that_moved(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        question = asked(sim, GROUP)
        await lose(sim, telegram, address(sim, GROUP), reply_to=question)
        sim.migrate(GROUP)
        assert await find(telegram, address(sim, GROUP), lost(question, GROUP), turn=Turns()) is None


class TestOthersAreNotTouched:
    async def test_another_answer_in_the_group(self, sim: TelegramSimulator, url: str) -> None:
        """Its id is known to nobody: it looks as before, and the one that was sought is found behind it."""
        telegram, again = adapter(url), adapter(url)
        await again.open()
        question, other = asked(sim, SUPERGROUP), asked(sim, SUPERGROUP, by=BOB)
        await telegram.send(address(sim, SUPERGROUP), page("for Bob"), reply_to=str(other))
        message = await lose(sim, telegram, address(sim, SUPERGROUP), reply_to=question)
        found = await find(again, address(sim, SUPERGROUP), lost(question, SUPERGROUP), turn=Turns())
        assert found == str(message.message_id)
        texts = [(one.text, one.now.reply_markup is None) for one in sim.messages(SUPERGROUP)]
        assert texts == [("question", True), ("question", True), ("for Bob", True), ("answer", False)]
        for adapters in (telegram, again):
            await adapters.aclose()

    @pytest.mark.parametrize(
        ("said", "sure"),
        [
            ("The answer begins so, and goes on.", True),
            ("The answer begins", False),
            ("The answer is another one's altogether.", False),
            ("⏳ Interrupted; the rest is on its way.", False),
        ],
        ids=["its beginning", "too little of it", "another's", "a passing word"],
    )
    async def test_it_is_surely_the_one_if_it_says_so(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, said: str, *, sure: bool
    ) -> None:
        question = asked(sim)
        sent = await telegram.send(address(sim), page(said))
        sought = lost(question, page=page("**The answer** begins so, and _goes on_. And this is its end."))
        assert await telegram.find(address(sim), sought, turn=Turns()) == Found(sent, sure=sure)

    async def test_behind_what_stands_in_other_chats(self, sim: TelegramSimulator, url: str) -> None:
        """Private chats share one counter: in a busy hour there are more ids behind the question than are tried."""
        telegram, again = adapter(url), adapter(url)
        await again.open()
        question = asked(sim)
        written = [asked(sim, BOB, by=BOB) for _ in range(10)]
        answered = [await telegram.send(address(sim, BOB), page("for Bob")) for _ in written]
        message = await lose(sim, telegram, address(sim))
        heard = frozenset(f"telegram:123456:{BOB}:{number}" for number in written)
        near = Near(frozenset((str(BOB), number) for number in answered), heard | {"telegram:123456:press:77", "x"})
        assert await find(again, address(sim), lost(question, near=near), turn=Turns()) == str(message.message_id)
        assert probes(sim) == [message.message_id]
        assert await find(again, address(sim), lost(question), turn=Turns()) is None
        for adapters in (telegram, again):
            await adapters.aclose()

    async def test_other_posts_and_their_buttons(self, sim: TelegramSimulator, url: str) -> None:
        telegram, again = adapter(url), adapter(url)
        await again.open()
        question = asked(sim)
        other = await telegram.send(address(sim), page("of another turn"))
        message = await lose(sim, telegram, address(sim))
        near = Near(frozenset({(str(ANN), other)}))
        found = await find(again, address(sim), lost(question, near=near), turn=Turns())
        assert found == str(message.message_id)
        assert probes(sim) == [message.message_id]
        for adapters in (telegram, again):
            await adapters.aclose()

    async def test_what_people_wrote(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        question = asked(sim, GROUP)
        for text in ("one", "two", "three"):
            asked(sim, GROUP, text, by=BOB)
        assert await find(telegram, address(sim, GROUP), lost(question, GROUP), turn=Turns()) is None
        assert all(len(message.versions) == 1 for message in sim.messages(GROUP))

    async def test_a_press_of_the_button_is_nothing(self, sim: TelegramSimulator, url: str) -> None:
        telegram, core = adapter(url), Core()
        async with listening(telegram, core):
            question = asked(sim)
            message = await lose(sim, telegram, address(sim))
            await find(telegram, address(sim), lost(question), turn=Turns())
            assert message.now.reply_markup
            data = message.now.reply_markup["inline_keyboard"][0][0]["callback_data"]
            sim.press(ANN, message.message_id, data, ANN)
            await sim.wait(lambda: sim.calls("answerCallbackQuery"))
            asked(sim, text="after it")
            await core.wait(2)
        assert core.texts == ["question", "after it"]
        await telegram.aclose()


class TestTrouble:
    async def test_a_penalty_in_the_middle_and_a_new_search(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        question = asked(sim)
        asked(sim, BOB, by=BOB)
        message = await lose(sim, telegram, address(sim))
        sim.faults.add(Fault(kind="flood", method="editMessageReplyMarkup", after=1, seconds=9))
        with pytest.raises(RateLimited) as caught:
            await find(telegram, address(sim), lost(question), turn=Turns())
        assert caught.value.retry_after == 9
        sim.skip(10)
        assert await find(telegram, address(sim), lost(question), turn=Turns()) == str(message.message_id)

    async def test_the_response_of_the_probe_is_lost_as_well(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        question = asked(sim)
        message = await lose(sim, telegram, address(sim))
        sim.faults.add(Fault(kind=LOST.kind, method="editMessageReplyMarkup"))
        with pytest.raises(Unreachable):
            await find(telegram, address(sim), lost(question), turn=Turns())
        assert message.now.reply_markup, "the button stands already, and is no reason to find nothing"
        assert await find(telegram, address(sim), lost(question), turn=Turns()) == str(message.message_id)
