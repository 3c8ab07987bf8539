"""Answers that grow as drafts, with the real python-telegram-bot against the simulated Telegram."""

from collections.abc import AsyncIterator

import pytest

from adapters.telegram import TelegramAdapter
from bridge.errors import Gone, RateLimited, Refused, Unreachable, Unrenderable
from bridge.model import Address, Choice, Does, Page
from bridge.pace import Kind, Pace
from bridge.ports import Verb
from simulators.telegram import TelegramSimulator
from simulators.wire import Fault, Served
from tests.clocks import StillClock
from tests.contract.telegram_world import ANN, BOB, GROUP, Tally, adapter, address


def growing(text: str, *, index: int = 0, turn: str = "one", status: str = "") -> Page:
    return Page(index=index, text=text, final=False, mark=f"{turn}/{index}", status=status)


def whole(text: str, *, index: int = 0, turn: str = "one", simpler: int = 0, choices: tuple[Choice, ...] = ()) -> Page:
    return Page(index=index, text=text, final=True, mark=f"{turn}/{index}", simpler=simpler, choices=choices)


@pytest.fixture
async def sim() -> TelegramSimulator:
    sim = TelegramSimulator(limits=False, private_topics=True)
    for person in (ANN, BOB):
        sim.say(person, person, "hi")
    sim.say(GROUP, ANN, "hi")
    return sim


@pytest.fixture
async def url(sim: TelegramSimulator) -> AsyncIterator[str]:
    async with Served(sim.app) as served:
        yield served.url


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
async def telegram(url: str, clock: StillClock, tally: Tally) -> AsyncIterator[TelegramAdapter]:
    telegram = adapter(url, streaming="draft", clock=clock, meter=tally)
    yield telegram
    await telegram.aclose()


async def show(telegram: TelegramAdapter, where: Address, message: str, page: Page, *, reply_to: str = "") -> str:
    """Shows the page there as the core does: what is over as a draft is sent."""
    return await telegram.edit(where, message, page) or await telegram.send(where, page, reply_to=reply_to)


def shown(sim: TelegramSimulator, chat: int = ANN, thread: int = 0) -> str:
    draft = sim.draft(chat, thread)
    return draft.text if draft else ""


class TestGrowing:
    async def test_a_draft_grows_and_becomes_one_message(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        here = address(sim)
        draft = await telegram.send(here, growing("One **two**"))
        assert shown(sim) == "One two"
        assert sim.texts(ANN) == []
        assert await show(telegram, here, draft, growing("One **two** three", status="Using search")) == draft
        assert shown(sim) == "One two three\n\nUsing search"
        button = Choice(does=Does.LIKE, label="👍", press="like:1")
        message = await show(telegram, here, draft, whole("One **two** three four", choices=(button,)))
        assert sim.texts(ANN) == ["One two three four"]
        assert sim.messages(ANN)[-1].message_id == int(message)
        assert sim.messages(ANN)[-1].now.reply_markup
        assert shown(sim) == ""
        frames = sim.world.drafts
        assert {frame.draft_id for frame in frames} == {frames[0].draft_id}
        assert 1 <= frames[0].draft_id < 2**31
        assert [entity["type"] for entity in frames[0].entities] == ["bold"]
        assert await show(telegram, here, message, whole("One two three four five")) == message

    async def test_the_message_replies_to_what_the_draft_was_sent_for(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        asked = sim.messages(ANN)[-1].message_id
        draft = await telegram.send(address(sim), growing("x"), reply_to=str(asked))
        await show(telegram, address(sim), draft, growing("xy"))
        await show(telegram, address(sim), draft, whole("xyz"), reply_to=str(asked))
        assert sim.messages(ANN)[-1].place.reply_to == asked

    async def test_another_process_goes_on_with_what_it_knows_only_the_id_of(
        self, sim: TelegramSimulator, url: str, telegram: TelegramAdapter
    ) -> None:
        draft = await telegram.send(address(sim), growing("x"))
        other = adapter(url, streaming="draft")
        await show(other, address(sim), draft, whole("xyz"))
        assert sim.texts(ANN) == ["xyz"]
        await show(other, address(sim), f"{draft}:77", whole("as an older version wrote it"))
        assert sim.texts(ANN)[-1] == "as an older version wrote it"
        await other.aclose()

    async def test_at_its_end_it_is_sent_as_any_message(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        draft = await telegram.send(address(sim), growing("x"))
        assert await telegram.edit(address(sim), draft, whole("xy")) == "", "so that it is written down before"
        assert not sim.calls("sendMessage")

    async def test_a_draft_has_the_same_number_in_every_process(
        self, sim: TelegramSimulator, url: str, telegram: TelegramAdapter
    ) -> None:
        draft = await telegram.send(address(sim), growing("x"))
        tally = Tally()
        other = adapter(url, streaming="draft", meter=tally)
        await show(other, address(sim), draft, growing("xy"))
        await show(other, address(sim), draft, whole("xyz"))
        assert len({frame.draft_id for frame in sim.world.drafts}) == 1
        assert not tally.counts
        await other.aclose()

    async def test_after_a_change_of_the_setting_drafts_become_messages(
        self, sim: TelegramSimulator, url: str, telegram: TelegramAdapter
    ) -> None:
        draft = await telegram.send(address(sim), growing("x"))
        other = adapter(url, streaming="edit")
        message = await show(other, address(sim), draft, growing("xy"))
        assert await show(other, address(sim), message, whole("xyz")) == message
        assert sim.texts(ANN) == ["xyz"]
        await other.aclose()

    async def test_final_pages_are_never_drafts(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        await telegram.send(address(sim), whole("all of it"))
        assert sim.texts(ANN) == ["all of it"]
        assert not sim.calls("sendMessageDraft")

    async def test_the_message_waits_until_the_draft_is_through(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, clock: StillClock
    ) -> None:
        draft = await telegram.send(address(sim), growing("x"))
        clock.time += 0.1
        await show(telegram, address(sim), draft, whole("xy"))
        assert clock.slept == [pytest.approx(0.2)]

    async def test_the_next_page_takes_the_place_of_the_one_before(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        first = await telegram.send(address(sim), growing("a"))
        await show(telegram, address(sim), first, whole("ab"))
        second = await telegram.send(address(sim), growing("c", index=1))
        assert second != first
        assert shown(sim) == "c"

    async def test_each_topic_has_its_own(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        topic = sim.add_topic(ANN, "Trip")
        draft = await telegram.send(address(sim, ANN, str(topic)), growing("in the topic"))
        await telegram.send(address(sim), growing("outside", turn="two"))
        assert (shown(sim, ANN, topic), shown(sim)) == ("in the topic", "outside")
        await show(telegram, address(sim, ANN, str(topic)), draft, whole("whole"))
        assert sim.messages(ANN)[-1].place.thread == topic
        assert shown(sim) == "outside"

    async def test_of_two_answers_in_one_place_only_the_first_grows(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, clock: StillClock
    ) -> None:
        first = await telegram.send(address(sim), growing("first"))
        with pytest.raises(Unreachable) as caught:
            await telegram.send(address(sim), growing("second", turn="two"))
        assert caught.value.certain
        assert len(sim.calls("sendMessageDraft")) == 1
        await show(telegram, address(sim), first, whole("first, whole"))
        second = await telegram.send(address(sim), growing("second", turn="two"))
        clock.time += 31
        third = await telegram.send(address(sim), growing("third", turn="three"))
        assert shown(sim) == "third", "the second was given up: nobody sees it any more"
        await show(telegram, address(sim), second, whole("second, whole"))
        await show(telegram, address(sim), third, growing("third, more", turn="three"))
        await show(telegram, address(sim), third, whole("third, whole", turn="three"))
        assert sim.texts(ANN) == ["first, whole", "second, whole", "third, whole"]

    async def test_deleting_a_draft_is_nothing(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        draft = await telegram.send(address(sim), growing("x"))
        await telegram.delete(address(sim), draft)
        await telegram.send(address(sim), growing("y", turn="two"))
        assert shown(sim) == "y"
        assert not sim.calls("deleteMessage")


class TestKeepingAlive:
    async def test_what_stands_is_shown_again(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, clock: StillClock
    ) -> None:
        assert 0 < 2 * telegram.limits.keep_alive < 30, "a draft is seen for 30 s, and one look may come too late"
        await telegram.send(address(sim), growing("so far"))
        for _ in range(4):
            sim.skip(20)
            clock.time += 20
            await telegram.working(address(sim))
            assert shown(sim) == "so far"
        assert not sim.calls("sendChatAction")

    async def test_another_message_of_the_bot_takes_it_away_until_then(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        await telegram.send(address(sim), growing("so far"))
        await telegram.send(address(sim), whole("of /status", turn="command"))
        assert shown(sim) == ""
        await telegram.working(address(sim))
        assert shown(sim) == "so far"

    async def test_without_a_draft_the_bot_types(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        await telegram.working(address(sim))
        draft = await telegram.send(address(sim), growing("x"))
        await show(telegram, address(sim), draft, whole("xy"))
        await telegram.working(address(sim))
        assert len(sim.calls("sendChatAction")) == 2
        assert shown(sim) == ""

    async def test_only_a_penalty_is_told(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        await telegram.send(address(sim), growing("x"))
        sim.faults.add(Fault(kind="error_500", method="sendMessageDraft"))
        await telegram.working(address(sim))
        sim.faults.add(Fault(kind="flood", method="sendMessageDraft", seconds=7))
        with pytest.raises(RateLimited) as caught:
            await telegram.working(address(sim))
        assert caught.value.retry_after == 7


class TestWhereThereAreNone:
    async def test_groups_grow_by_edits(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        message = await telegram.send(address(sim, GROUP), growing("x"))
        assert await show(telegram, address(sim, GROUP), message, growing("xy")) == message
        assert await show(telegram, address(sim, GROUP), message, whole("xyz")) == message
        assert sim.texts(GROUP) == ["xyz"]
        assert not sim.calls("sendMessageDraft")

    async def test_an_old_server_is_asked_once(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, caplog: pytest.LogCaptureFixture
    ) -> None:
        sim.world.unknown_methods.add("sendMessageDraft")
        with pytest.raises(Unreachable) as caught:
            await telegram.send(address(sim), growing("x"))
        assert caught.value.certain, "the next try has the budget of a message"
        message = await telegram.send(address(sim), growing("x"))
        await show(telegram, address(sim), message, whole("xy"))
        await telegram.send(address(sim, BOB), growing("z"))
        assert (sim.texts(ANN), sim.texts(BOB)) == (["xy"], ["z"])
        assert len(sim.calls("sendMessageDraft")) == 1
        assert "knows no drafts" in caplog.text

    @pytest.mark.parametrize("reason", ["TEXTDRAFT_PEER_INVALID", "text must be non-empty", "MESSAGE_TOO_LONG"])
    async def test_a_chat_that_refuses_them_is_asked_once(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, reason: str, clock: StillClock
    ) -> None:
        sim.faults.add(Fault(kind="error", method="sendMessageDraft", value=f"400 Bad Request: {reason}"))
        with pytest.raises(Unreachable):
            await telegram.send(address(sim), growing("x"))
        message = await telegram.send(address(sim), growing("x"))
        await show(telegram, address(sim), message, growing("xy"))
        assert sim.texts(ANN) == ["xy"]
        await telegram.send(address(sim, BOB), growing("z"))
        assert shown(sim, BOB) == "z"
        clock.time += 3601
        with pytest.raises(Unreachable):
            await show(telegram, address(sim), message, growing("xyz"))
        await show(telegram, address(sim), message, whole("xyz"))
        assert sim.texts(ANN) == ["xyz"], "what began as a message stays one"

    async def test_refused_in_the_middle_it_goes_on_as_a_message(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        draft = await telegram.send(address(sim), growing("x"))
        sim.world.drafts_allowed = False
        with pytest.raises(Unreachable):
            await show(telegram, address(sim), draft, growing("xy"))
        message = await show(telegram, address(sim), draft, growing("xyz"))
        assert message != draft
        assert await show(telegram, address(sim), message, whole("xyz!")) == message
        assert sim.texts(ANN) == ["xyz!"]


class TestFailing:
    async def test_a_penalty_is_no_reason_to_give_drafts_up(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        sim.faults.add(Fault(kind="flood", method="sendMessageDraft", seconds=9))
        with pytest.raises(RateLimited) as caught:
            await telegram.send(address(sim), growing("x"))
        assert caught.value.retry_after == 9
        sim.skip(10)
        await telegram.send(address(sim), growing("x"))
        assert shown(sim) == "x"

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("403 Forbidden: bot was blocked by the user", Refused),
            ("400 Bad Request: chat not found", Refused),
            ("400 Bad Request: message thread not found", Gone),
        ],
    )
    async def test_refusals_that_are_not_about_drafts(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, text: str, kind: type[Exception]
    ) -> None:
        sim.faults.add(Fault(kind="error", method="sendMessageDraft", value=text))
        with pytest.raises(kind):
            await telegram.send(address(sim), growing("x"))
        await telegram.send(address(sim), growing("x"))
        assert shown(sim) == "x"

    async def test_nothing_to_show(self, sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
        with pytest.raises(Unrenderable):
            await telegram.send(address(sim), growing(" "))
        assert not sim.calls("sendMessageDraft")


class TestBudgets:
    def test_drafts_have_their_own_but_share_every_penalty(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        budgets = telegram.limits.budgets
        (account, draft), (also, chat) = budgets(address(sim), Verb.GROW), budgets(address(sim), Verb.EDIT)
        assert account == also
        assert draft.name != chat.name
        assert (draft.closes, chat.closes) == ((chat.name,), (draft.name,))
        assert draft.serial
        assert draft.every >= 0.5
        assert budgets(address(sim), Verb.START) == (account, draft)
        assert {budgets(address(sim), verb) for verb in (Verb.SEND, Verb.DELETE, Verb.ATTACH)} == {(account, chat)}
        assert budgets(address(sim, ANN, "7"), Verb.GROW) == (account, draft), "topics have no budget of their own"

    @pytest.mark.parametrize(("met", "other"), [(Verb.GROW, Verb.EDIT), (Verb.EDIT, Verb.GROW)])
    def test_no_call_of_any_kind_inside_a_penalty(
        self, sim: TelegramSimulator, telegram: TelegramAdapter, met: Verb, other: Verb
    ) -> None:
        of, pace = telegram.limits.budgets, Pace()
        pace.spend(of(address(sim), met), 100.0)
        pace.penalise(of(address(sim), met), 30.0, 100.0)
        pace.returned(of(address(sim), met), 100.0)
        for verb in (met, other):
            assert pace.delay(of(address(sim), verb), Kind.FINAL, 100.0) >= 30
            assert pace.delay(of(address(sim), verb), Kind.FINAL, 131.0) == 0
        assert pace.delay(of(address(sim, BOB), other), Kind.FINAL, 101.0) == 0

    async def test_the_sign_of_life_counts_as_what_it_is(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        of = telegram.limits.budgets
        assert of(address(sim), Verb.WORKING) == of(address(sim), Verb.SEND)
        await telegram.send(address(sim), growing("x"))
        assert of(address(sim), Verb.WORKING) == of(address(sim), Verb.GROW)

    async def test_where_there_are_none_all_verbs_share(
        self, sim: TelegramSimulator, telegram: TelegramAdapter
    ) -> None:
        assert len({tuple(telegram.limits.budgets(address(sim, GROUP), verb)) for verb in Verb}) == 1
        sim.world.drafts_allowed = False
        with pytest.raises(Unreachable):
            await telegram.send(address(sim), growing("x"))
        assert len({tuple(telegram.limits.budgets(address(sim), verb)) for verb in Verb}) == 1
