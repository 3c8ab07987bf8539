"""Slack's own streaming with the real SDK against the simulated Slack: what is appended, and how streams end."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack import SlackAdapter, errors
from bridge.errors import Gone, RateLimited, Unreachable
from bridge.model import Address, Choice, Does, Inbound, Page, Sender
from bridge.ports import Verb
from simulators.slack import SlackSimulator
from simulators.slack.messages import Message
from simulators.wire import Fault, Served
from tests.clocks import StillClock
from tests.contract.slack_world import adapter, find, hearing

SAID = "One **two** three `four` five [six](https://example.com/six) seven."
CHOICES = (Choice(does=Does.ASK, label="And then?", press="ask:1:0"),)


@pytest.fixture
async def sim(clock: StillClock) -> SlackSimulator:
    return SlackSimulator(clock=clock.now)


@pytest.fixture
def clock() -> StillClock:
    """Slack's and ours."""
    return StillClock(time.time())


@pytest.fixture
async def url(sim: SlackSimulator) -> AsyncIterator[str]:
    async with Served(sim.app) as served:
        yield served.url


@pytest.fixture
async def slack(url: str, clock: StillClock) -> AsyncIterator[SlackAdapter]:
    slack = adapter(url, clock=clock)
    await slack.open()
    yield slack
    await slack.aclose()


@pytest.fixture
async def dm(sim: SlackSimulator) -> Address:
    return thread(sim, "DALICE")


@pytest.fixture
async def channel(sim: SlackSimulator) -> Address:
    return thread(sim, "CGENERAL")


def thread(sim: SlackSimulator, chat: str) -> Address:
    user = "UBOB" if chat == "DBOB" else "UALICE"
    return Address(platform="slack", account="TCOZE", chat=chat, thread=sim.say(chat, user, "@coze hi"))


def growing(said: str, **more: Any) -> Page:
    """As the core hands over what grows; its text may look otherwise than what was said."""
    return Page(**{"index": 0, "text": f"{said}…", "said": said, "final": False, "mark": "turn-1.0", **more})


def final(text: str, **more: Any) -> Page:
    return Page(**{"index": 0, "text": text, "final": True, "mark": "turn-1.0", **more})


def calls(sim: SlackSimulator) -> list[str]:
    """What was written, by the names of the methods."""
    return [call.method.removeprefix("chat.") for call in sim.calls if call.method.startswith("chat.")]


def only(sim: SlackSimulator, address: Address) -> Message:
    [message] = sim.bot_messages(address.chat, address.thread)
    return message


async def write(slack: SlackAdapter, address: Address, said: str, step: int = 7, **more: Any) -> str:
    """All of an answer as it grows, and its end."""
    ts = await slack.send(address, growing(said[:step]))
    for size in range(2 * step, len(said), step):
        assert await slack.edit(address, ts, growing(said[:size])) == ts
    await slack.edit(address, ts, final(said, **more))
    return ts


class TestGrowing:
    async def test_an_answer_in_a_dm_is_appended_to(
        self, sim: SlackSimulator, slack: SlackAdapter, dm: Address
    ) -> None:
        ts = await write(slack, dm, SAID, choices=CHOICES)
        message = only(sim, dm)
        assert (message.ts, message.raw, message.edited) == (ts, SAID, None)
        assert message.stream is not None
        assert (message.stream.state, message.stream.mode) == ("stopped", "chunks")
        shown = [version.text for version in message.versions]
        assert len(set(shown)) > 3
        assert all(SAID.startswith(text) for text in shown)
        # No half marker was ever seen: every version has whole ones.
        assert not [text for text in shown if text.count("**") % 2 or text.count("`") % 2]
        assert message.metadata == {"event_type": "coze_bridge_page", "event_payload": {"mark": "turn-1.0"}}
        assert [block["type"] for block in message.blocks] == ["actions"]
        assert set(calls(sim)) == {"startStream", "appendStream", "stopStream"}
        assert sim.workspace.complaints == []

    async def test_what_is_whole_at_once_is_posted(self, sim: SlackSimulator, slack: SlackAdapter, dm: Address) -> None:
        await slack.send(dm, final("short"))
        assert calls(sim) == ["postMessage"]

    async def test_a_passing_word_is_posted_and_then_replaced(
        self, sim: SlackSimulator, slack: SlackAdapter, dm: Address
    ) -> None:
        ts = await slack.send(dm, Page(index=0, text="Trying again…", final=False, mark="m"))
        await slack.edit(dm, ts, growing("The answer"))
        await slack.edit(dm, ts, final("The answer is 42."))
        assert only(sim, dm).raw == "The answer is 42."
        assert calls(sim) == ["postMessage", "update", "update"]

    async def test_nobody_is_notified(self, sim: SlackSimulator, slack: SlackAdapter, dm: Address) -> None:
        said = (
            "Hey <!channel> and <@UBOB> and `<!here>` and <https://example.com> &#60;!here> there\n\n```\n<@UBOB>\n```"
        )
        await write(slack, dm, said, 1)
        message = only(sim, dm)
        assert message.pings == {"broadcast": [], "users": []}
        assert "[https://example.com](https://example.com)" in message.raw
        assert "update" not in calls(sim)

    async def test_what_the_bot_does_is_a_task(self, sim: SlackSimulator, slack: SlackAdapter, dm: Address) -> None:
        ts = await slack.send(dm, Page(index=0, text="", final=False, mark="m", status="Using search…"))
        message = only(sim, dm)
        assert message.stream is not None
        assert message.stream.tasks["status"]["status"] == "in_progress"
        await slack.edit(dm, ts, growing("Found ", status="Using maps…"))
        assert message.stream.tasks["status"]["title"] == "Using maps…"
        await slack.edit(dm, ts, growing("Found ", status="Using <!channel>…"))
        assert message.stream.tasks["status"]["title"] == "Using <\u200b!channel>…"
        await slack.edit(dm, ts, growing("Found it"))
        assert message.stream.tasks["status"]["status"] == "complete"
        await slack.edit(dm, ts, final("Found it."))
        assert message.raw == "Found it."
        assert "update" not in calls(sim)

    async def test_a_fold_is_a_plain_quote(self, sim: SlackSimulator, slack: SlackAdapter, dm: Address) -> None:
        said = "> \u2063**Reasoning**\n> First *this*,\n>\n> then that.\n\nThe answer."
        await write(slack, dm, said, 3)
        message = only(sim, dm)
        assert message.raw == said.replace("\u2063", "")
        assert not [version for version in message.versions if "\u2063" in version.text]
        assert "update" not in calls(sim)

    async def test_what_has_not_changed_is_not_sent(
        self, sim: SlackSimulator, slack: SlackAdapter, dm: Address
    ) -> None:
        ts = await slack.send(dm, growing("one two"))
        for said in ("one two **th", "one two **three", "one two"):
            await slack.edit(dm, ts, growing(said))
        assert calls(sim) == ["startStream"]
        await slack.edit(dm, ts, final("one two **three**"))
        assert only(sim, dm).raw == "one two **three**"
        assert calls(sim) == ["startStream", "stopStream"]

    async def test_another_text_than_was_begun_replaces_it(
        self, sim: SlackSimulator, slack: SlackAdapter, dm: Address
    ) -> None:
        ts = await slack.send(dm, growing("One thing"))
        await slack.edit(dm, ts, growing("Quite another"))
        await slack.edit(dm, ts, growing("Quite another thing"))
        await slack.edit(dm, ts, final("Quite another thing."))
        assert only(sim, dm).raw == "Quite another thing."
        assert calls(sim) == ["startStream", "stopStream", "update", "update", "update"]

    async def test_a_page_that_ends_before_what_was_shown_is_cut_back(
        self, sim: SlackSimulator, slack: SlackAdapter, dm: Address
    ) -> None:
        """As a page does that is full: the last paragraph goes on to the next one."""
        ts = await slack.send(dm, growing("First.\n\nSecond"))
        await slack.edit(dm, ts, final("First."))
        message = only(sim, dm)
        assert message.raw == "First."
        assert message.metadata is not None

    async def test_plain_text_is_never_streamed(self, sim: SlackSimulator, slack: SlackAdapter, dm: Address) -> None:
        ts = await slack.send(dm, growing("*a* <b>", simpler=1))
        assert calls(sim) == ["postMessage"]
        streamed = await slack.send(dm, growing("one"))
        await slack.edit(dm, streamed, growing("one *two*", simpler=1))
        await slack.edit(dm, ts, final("*a* <b>", simpler=1))
        assert [message.markdown for message in sim.bot_messages("DALICE")] == [False, False]

    async def test_a_deleted_stream_is_gone(self, sim: SlackSimulator, slack: SlackAdapter, dm: Address) -> None:
        ts = await slack.send(dm, growing("one"))
        await slack.delete(dm, ts)
        assert sim.bot_messages("DALICE") == []
        other = await slack.send(dm, growing("two"))
        sim.delete("DALICE", other)
        with pytest.raises(Gone):
            await slack.edit(dm, other, growing("two three"))
        assert slack._writing.streams.at(dm) == []


class TestWhere:
    @pytest.mark.parametrize(
        ("mode", "method"), [("auto", "startStream"), ("native", "startStream"), ("edit", "postMessage")]
    )
    async def test_in_a_dm(self, sim: SlackSimulator, url: str, dm: Address, mode: str, method: str) -> None:
        slack = adapter(url, streaming=mode)
        await slack.open()
        await write(slack, dm, SAID)
        assert calls(sim)[0] == method
        assert only(sim, dm).raw == SAID
        await slack.aclose()

    async def test_not_in_a_dm_without_threads(self, sim: SlackSimulator, slack: SlackAdapter) -> None:
        where = Address(platform="slack", account="TCOZE", chat="DALICE")
        ts = await slack.send(where, growing("one"))
        await slack.edit(where, ts, final("one two"))
        assert calls(sim) == ["postMessage", "update"]

    async def test_in_a_channel_only_if_asked_for(
        self, sim: SlackSimulator, slack: SlackAdapter, channel: Address
    ) -> None:
        await write(slack, channel, SAID)
        assert only(sim, channel).raw == SAID
        assert calls(sim)[0] == "postMessage"

    async def test_in_a_channel_for_who_asked(self, sim: SlackSimulator, url: str) -> None:
        async with hearing(sim, url, streaming="native") as (slack, inbox):
            ts = sim.say("CGENERAL", "UALICE", "@coze hi")
            sim.say("CGENERAL", "UBOB", "not for you", thread_ts=ts)
            await inbox.get(3)
            where = Address(platform="slack", account="TCOZE", chat="CGENERAL", thread=ts)
            await write(slack, where, SAID)
            message = only(sim, where)
            assert message.raw == SAID
            assert message.stream is not None
            assert message.stream.recipient == "UALICE"
            [began] = [call for call in sim.calls if call.method == "chat.startStream"]
            assert began.args["recipient_team_id"] == "TCOZE"

    async def test_in_a_channel_nobody_is_known_after_a_start(
        self, sim: SlackSimulator, url: str, channel: Address
    ) -> None:
        slack = adapter(url, streaming="native")
        await slack.open()
        await write(slack, channel, SAID)
        assert "startStream" not in calls(sim)
        assert only(sim, channel).raw == SAID
        await slack.aclose()

    async def test_the_budgets_are_those_of_what_will_be_called(
        self, slack: SlackAdapter, dm: Address, channel: Address
    ) -> None:
        def names(address: Address, verb: Verb) -> list[str]:
            return [budget.name.rpartition(":")[2] for budget in slack.limits.budgets(address, verb)]

        assert (names(dm, Verb.GROW), names(dm, Verb.EDIT)) == (["update"], ["update"])
        ts = await slack.send(dm, growing("one"))
        await slack.send(channel, growing("one"))
        assert (names(dm, Verb.GROW), names(dm, Verb.EDIT)) == (["append"], ["stop"])
        assert (names(channel, Verb.GROW), names(channel, Verb.EDIT)) == (["update"], ["update"])
        await slack.edit(dm, ts, final("one"))
        assert names(dm, Verb.GROW) == ["update"]


class TestRefusals:
    @pytest.mark.parametrize("error", ["unknown_method", "method_deprecated", "feature_not_enabled"])
    async def test_where_nothing_can_be_streamed_it_is_not_tried_for_a_while(
        self, sim: SlackSimulator, slack: SlackAdapter, clock: StillClock, error: str
    ) -> None:
        sim.faults.add(Fault(kind="error", method="chat.startStream", value=error))
        one, other = thread(sim, "DALICE"), thread(sim, "DBOB")
        await write(slack, one, SAID)
        await write(slack, other, SAID)
        assert calls(sim).count("startStream") == 1
        assert only(sim, one).raw == only(sim, other).raw == SAID
        clock.time += 301
        await write(slack, thread(sim, "DBOB"), SAID)
        assert calls(sim).count("startStream") == 2

    @pytest.mark.parametrize(
        "error",
        ["channel_type_not_supported", "invalid_thread_ts", "missing_recipient_team_id", "invalid_chunks", "new"],
    )
    async def test_where_one_thread_cannot_be_streamed_another_may(
        self, sim: SlackSimulator, slack: SlackAdapter, error: str
    ) -> None:
        sim.faults.add(Fault(kind="error", method="chat.startStream", value=error))
        one, other = thread(sim, "DALICE"), thread(sim, "DBOB")
        await write(slack, one, SAID)
        assert only(sim, one).raw == SAID
        assert calls(sim).count("startStream") == 1
        await slack.send(one, growing("the next page"))
        assert calls(sim).count("startStream") == 1
        await write(slack, other, SAID)
        assert calls(sim).count("startStream") == 2

    async def test_a_429_at_the_start_is_no_delay(
        self, sim: SlackSimulator, slack: SlackAdapter, clock: StillClock, dm: Address
    ) -> None:
        sim.faults.add(Fault(kind="ratelimited", method="chat.startStream", seconds=30))
        await write(slack, dm, SAID)
        await write(slack, thread(sim, "DALICE"), SAID)
        assert only(sim, dm).raw == SAID
        assert calls(sim).count("startStream") == 1
        clock.time += 31
        await write(slack, thread(sim, "DALICE"), SAID)
        assert calls(sim).count("startStream") == 2

    async def test_a_429_in_the_middle_repeats_nothing(
        self, sim: SlackSimulator, slack: SlackAdapter, clock: StillClock, dm: Address
    ) -> None:
        ts = await slack.send(dm, growing("one"))
        sim.faults.add(Fault(kind="ratelimited", method="chat.appendStream", seconds=3))
        with pytest.raises(RateLimited):
            await slack.edit(dm, ts, growing("one two"))
        clock.time += 4
        await slack.edit(dm, ts, growing("one two three"))
        await slack.edit(dm, ts, final("one two three four"))
        assert only(sim, dm).raw == "one two three four"
        assert "update" not in calls(sim)

    @pytest.mark.parametrize("method", ["chat.appendStream", "chat.stopStream"])
    @pytest.mark.parametrize("kind", ["reset", "drop_response_after_commit", "error_500"])
    async def test_a_call_without_an_answer_is_not_repeated_blindly(
        self, sim: SlackSimulator, slack: SlackAdapter, dm: Address, method: str, kind: str
    ) -> None:
        """Whether it arrived or not: in the end the whole text stands there once."""
        ts = await slack.send(dm, growing("one"))
        sim.faults.add(Fault(kind=kind, method=method))
        pages = [growing("one two"), growing("one two three"), final("one two three four", choices=CHOICES)]
        failures: list[bool] = []
        for page in pages:
            while True:
                try:
                    await slack.edit(dm, ts, page)
                    break
                except Unreachable as error:
                    failures.append(error.certain)
        assert failures == [False]
        message = only(sim, dm)
        assert text_of(message) == "one two three four"
        assert message.metadata is not None
        assert message.stream is not None
        assert message.stream.state == "stopped"

    @pytest.mark.parametrize(
        "error",
        [
            "message_not_in_streaming_state",
            "msg_too_long",
            "streaming_mode_mismatch",
            "invalid_chunks",
            "something_new",
        ],
    )
    @pytest.mark.parametrize("method", ["chat.appendStream", "chat.stopStream"])
    async def test_whatever_slack_says_the_whole_text_stands_there_once(
        self, sim: SlackSimulator, slack: SlackAdapter, dm: Address, method: str, error: str
    ) -> None:
        ts = await slack.send(dm, growing("one"))
        sim.faults.add(Fault(kind="error", method=method, value=error))
        await slack.edit(dm, ts, growing("one two"))
        await slack.edit(dm, ts, growing("one two three"))
        if error == "message_not_in_streaming_state":
            only(sim, dm).stream.state = "expired"  # type: ignore[union-attr]
        await slack.edit(dm, ts, final("one two three four"))
        message = only(sim, dm)
        assert message.raw == "one two three four"
        assert message.metadata is not None
        assert calls(sim).count("startStream") == 1


def text_of(message: Message) -> str:
    """What people read: the text, or the Markdown blocks that stand in its place."""
    blocks = [block["text"] for block in message.blocks if block["type"] == "markdown"]
    return blocks[0] if blocks else message.raw


class TestEnds:
    async def test_the_platform_ends_a_stream_at_five_minutes(
        self, sim: SlackSimulator, slack: SlackAdapter, clock: StillClock, dm: Address
    ) -> None:
        ts = await slack.send(dm, growing("one"))
        await slack.edit(dm, ts, growing("one two"))
        sim.settings.stream_ttl = 200.0  # as if the clocks went differently: we would end it ourselves before
        clock.time += 201
        await slack.edit(dm, ts, growing("one two three"))
        assert only(sim, dm).raw == "one two three…"
        await slack.edit(dm, ts, final("one two three four"))
        assert only(sim, dm).raw == "one two three four"
        assert calls(sim) == ["startStream", "appendStream", "appendStream", "update", "update"]

    async def test_we_end_it_before_that_and_go_on_with_edits(
        self, sim: SlackSimulator, slack: SlackAdapter, clock: StillClock, dm: Address
    ) -> None:
        ts = await slack.send(dm, growing("one"))
        clock.time += 270
        await slack.edit(dm, ts, growing("one two"))
        assert only(sim, dm).raw == "one two"
        clock.time += 60
        await slack.edit(dm, ts, growing("one two three"))
        assert sim.workspace.sessions["DALICE", dm.thread]["status"] == "processing"
        await slack.edit(dm, ts, final("one two three four"))
        assert only(sim, dm).raw == "one two three four"
        assert calls(sim) == ["startStream", "stopStream", "update", "update"]
        assert sim.workspace.sessions["DALICE", dm.thread]["status"] == "active"

    async def test_the_stream_is_too_long_for_the_platform(
        self, sim: SlackSimulator, slack: SlackAdapter, dm: Address
    ) -> None:
        sim.settings.stream_bytes = 100
        await write(slack, dm, "word " * 60 + "end", 20)
        message = only(sim, dm)
        assert message.raw == "word " * 60 + "end"
        assert message.stream is not None
        assert message.stream.state == "stopped"

    async def test_a_full_page_fits_a_stream(self, sim: SlackSimulator, slack: SlackAdapter, dm: Address) -> None:
        for text in ("你好，世界。" * 500, "<b> & " * 1_100):
            whole = text[:3_000] if "你" in text else text[: 9_000 // 3]
            assert slack.limits.fill(whole, 0) <= 1.0
            await write(slack, dm, whole, 400)
        assert "update" not in calls(sim)

    async def test_the_person_presses_stop(self, sim: SlackSimulator, url: str) -> None:
        async with hearing(sim, url) as (slack, inbox):
            where = thread(sim, "DALICE")
            ts = await slack.send(where, growing("one"))
            await slack.edit(where, ts, growing("one two"))
            sim.stop("DALICE", where.thread, "UALICE")
            stop = (await inbox.get(2))[1]
            assert (stop.command, stop.quiet, stop.address) == ("stop", True, where)
            await slack.edit(where, ts, growing("one two three"))
            assert only(sim, where).raw == "one two"
            assert calls(sim) == ["startStream", "appendStream"]
            await slack.edit(where, ts, final("one two\n\n⏹ Stopped."))
            assert only(sim, where).raw == "one two\n\n⏹ Stopped."
            assert calls(sim) == ["startStream", "appendStream", "update"]
            await sim.wait(lambda: sim.workspace.sessions["DALICE", where.thread]["status"] == "active")

    async def test_a_stop_that_is_told_again_does_not_concern_what_began_after_it(
        self, sim: SlackSimulator, url: str
    ) -> None:
        async with hearing(sim, url) as (slack, inbox):
            where = thread(sim, "DALICE")
            await slack.send(where, growing("one"))
            sim.stop("DALICE", where.thread, "UALICE")
            stop = (await inbox.get(2))[1]
            ts = await slack.send(where, growing("two"))
            slack._writing.heard(stop)  # Slack delivers again what was not acknowledged in time
            await slack.edit(where, ts, growing("two three"))
            assert sim.texts("DALICE", where.thread)[-1] == "two three"

    async def test_stop_may_be_heard_of_from_the_stream_first(
        self, sim: SlackSimulator, slack: SlackAdapter, dm: Address
    ) -> None:
        ts = await slack.send(dm, growing("one"))
        sim.stop("DALICE", dm.thread, "UALICE")
        for said in ("one two", "one two three"):
            await slack.edit(dm, ts, growing(said))
        assert only(sim, dm).raw == "one"
        assert calls(sim) == ["startStream", "appendStream"]
        await slack.edit(dm, ts, final("one two three\n\n⏹ Stopped."))
        assert only(sim, dm).raw == "one two three\n\n⏹ Stopped."

    async def test_a_stream_of_a_process_that_died(
        self, sim: SlackSimulator, slack: SlackAdapter, url: str, dm: Address
    ) -> None:
        ts = await slack.send(dm, growing("one"))
        await slack.edit(dm, ts, growing("one two"))
        other = adapter(url)
        await other.open()
        await other.edit(dm, ts, growing("one two three"))
        await other.edit(dm, ts, final("one two three four"))
        assert only(sim, dm).raw == "one two three four"
        assert calls(sim) == ["startStream", "appendStream", "update", "stopStream", "update", "update"]
        await other.aclose()

    @pytest.mark.parametrize("mismatch", [False, True])
    async def test_buttons_come_along_where_the_platform_takes_them(
        self, sim: SlackSimulator, slack: SlackAdapter, dm: Address, mismatch: bool
    ) -> None:
        sim.settings.change(stream_bytes=5)
        if mismatch:
            sim.faults.add(Fault(kind="error", method="chat.update", value="block_mismatch"))
        ts = await slack.send(dm, growing("one"))
        await slack.edit(dm, ts, final("one two three", choices=CHOICES))
        message = only(sim, dm)
        assert "one two three" in (message.raw if mismatch else str(message.blocks))
        assert "And then?" in message.raw + str(message.blocks)


class TestFindingAgain:
    async def test_a_stream_whose_beginning_was_lost(
        self, sim: SlackSimulator, slack: SlackAdapter, dm: Address
    ) -> None:
        sim.faults.add(Fault(kind="drop_response_after_commit", method="chat.startStream"))
        with pytest.raises(Unreachable) as caught:
            await slack.send(dm, growing("one"))
        assert caught.value.certain is False
        ts = await find(slack, dm, "turn-1.0", since=float(dm.thread))
        assert ts == only(sim, dm).ts
        await slack.edit(dm, ts, final("one two"))
        assert only(sim, dm).raw == "one two"
        assert await find(slack, dm, "turn-1.0", since=float(dm.thread)) == ts
        assert await find(slack, dm, "turn-2.0", since=float(dm.thread)) is None

    async def test_it_is_not_one_that_is_known(self, slack: SlackAdapter, dm: Address) -> None:
        await slack.send(dm, growing("one"))
        assert await find(slack, dm, "turn-2.0", since=float(dm.thread)) is None

    async def test_marks_go_first(self, slack: SlackAdapter, dm: Address, url: str) -> None:
        marked = await slack.send(dm, final("one", mark="turn-2.0"))
        begun = await slack.send(dm, growing("two"))
        other = adapter(url)
        await other.open()
        assert await find(other, dm, "turn-2.0", since=float(dm.thread)) == marked
        assert await find(other, dm, "turn-3.0", since=float(dm.thread)) == begun
        known = frozenset({(dm.chat, begun)})
        assert await find(other, dm, "turn-3.0", since=float(dm.thread), known=known) is None, "it is another's"
        await other.aclose()


class TestTierTwo:
    async def test_where_there_is_no_room_answers_grow_by_edits(
        self, sim: SlackSimulator, slack: SlackAdapter, clock: StillClock
    ) -> None:
        places = [thread(sim, "DALICE") for _ in range(30)]
        sim.limits.change(enabled=False)
        posts = [(where, await slack.send(where, growing("one"))) for where in places]
        assert calls(sim).count("startStream") == 20
        assert calls(sim).count("postMessage") == 10
        for where, ts in posts:
            await slack.edit(where, ts, final("one two"))
        assert sim.texts("DALICE") == ["one two"] * 30
        await slack.send(thread(sim, "DALICE"), growing("one"))
        assert calls(sim).count("startStream") == 20
        clock.time += 62
        await slack.send(thread(sim, "DALICE"), growing("one"))
        assert calls(sim).count("startStream") == 21

    async def test_many_at_once_count_as_one_by_one(self, sim: SlackSimulator, slack: SlackAdapter) -> None:
        sim.limits.change(enabled=False)
        places = [thread(sim, "DALICE") for _ in range(30)]
        await asyncio.gather(*(slack.send(where, growing("one")) for where in places))
        assert calls(sim).count("startStream") == 20

    async def test_streams_that_died_keep_no_room(
        self, sim: SlackSimulator, slack: SlackAdapter, clock: StillClock
    ) -> None:
        sim.limits.change(enabled=False)
        for _ in range(20):
            await slack.send(thread(sim, "DALICE"), growing("one"))
        clock.time += 400
        await slack.send(thread(sim, "DALICE"), growing("one"))
        assert calls(sim).count("startStream") == 21

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(st.floats(0, 8), st.integers(0, 3)), min_size=1, max_size=80))
    def test_never_more_than_tier_two(self, beats: list[tuple[float, int]]) -> None:
        """However answers begin and end: never more than 20 begin, and never more than 20 end, in a minute."""

        async def run() -> None:
            clock = StillClock()
            sim = SlackSimulator(clock=clock.now)
            sim.limits.change(enabled=False)
            async with Served(sim.app) as served:
                slack = adapter(served.url, clock=clock)
                await slack.open()
                running: list[tuple[Address, str]] = []
                for pause, ends in beats:
                    clock.time += pause
                    where = thread(sim, "DALICE")
                    running.append((where, await slack.send(where, growing("one"))))
                    for where, ts in running[:ends]:
                        await slack.edit(where, ts, final("one two"))
                    del running[:ends]
                await slack.aclose()
            for method in ("chat.startStream", "chat.stopStream"):
                ats = [call.at for call in sim.calls if call.method == method]
                assert all(len([at for at in ats if first <= at < first + 60]) <= 20 for first in ats)

        asyncio.run(run())


async def test_a_slow_answer_of_slack_is_given_up(
    sim: SlackSimulator, slack: SlackAdapter, dm: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    ts = await slack.send(dm, growing("one"))
    monkeypatch.setattr(errors, "CALL_SECONDS", 0.2)
    sim.faults.add(Fault(kind="hang", method="chat.appendStream", seconds=1))
    with pytest.raises(Unreachable):
        await slack.edit(dm, ts, growing("one two"))
    monkeypatch.setattr(errors, "CALL_SECONDS", 40.0)
    await slack.edit(dm, ts, final("one two three"))
    assert only(sim, dm).raw == "one two three"


async def test_people_are_remembered_by_thread() -> None:
    from adapters.slack.askers import MOST_PEOPLE, MOST_PLACES, Askers

    def inbound(user: str, thread: str, *, addressed: bool = True, command: str = "") -> Inbound:
        where = Address(platform="slack", account="T", chat="C", thread=thread)
        return Inbound(
            key=f"{user}{thread}",
            address=where,
            sender=Sender(id=user, team="" if user == "U1" else "T2"),
            text="",
            sent_at=0,
            sort_key="",
            command=command,
            addressed=addressed,
        )

    def last(thread: str) -> tuple[str, str] | None:
        found = askers.last(Address(platform="slack", account="T", chat="C", thread=thread))
        return (found.user, found.team) if found else None

    askers = Askers()
    askers.heard(inbound("U1", "1"))
    assert last("1") == ("U1", "T")
    askers.heard(inbound("U2", "1", addressed=False))
    askers.heard(inbound("U2", "1", command="new"))
    assert last("1") == ("U1", "T")
    askers.heard(inbound("U2", "1"))
    assert last("1") == ("U2", "T2")
    askers.heard(inbound("U1", "1", addressed=False))
    assert last("1") == ("U1", "T")
    for number in range(MOST_PEOPLE + 5):
        askers.heard(inbound(f"U{number}", "1"))
    for number in range(MOST_PLACES):
        askers.heard(inbound("U1", f"t{number}"))
    assert last("1") is None
    assert len(askers._places) == MOST_PLACES
