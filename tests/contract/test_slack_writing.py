"""The Slack adapter with the real SDK against the simulated Slack: what it writes, and what becomes of failures."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import SlackAdapter, errors
from adapters.slack import finding as module
from adapters.slack.limits import Seconds, limits
from bridge.errors import Gone, RateLimited, Refused, Unreachable, Unrenderable, Unsure
from bridge.halt import looking
from bridge.model import Address, Attachment, Page
from bridge.model import Kind as FileKind
from bridge.pace import Kind, Pace
from bridge.ports import Verb
from simulators.slack import SlackSimulator
from simulators.wire import Fault, Served
from tests.contract.slack_world import adapter, find

NASTY = (
    "<!channel> <!here|here> <!everyone> <@UALICE> <@UBOB|bob> <!subteam^S1> [<!here>](https://x.example) "
    "`<!channel>` \\<!here> &#60;!here>\n\n| <@UALICE> |\n|---|\n\n```\n<!everyone>\n```\n> <!here>"
)


@pytest.fixture
async def sim() -> SlackSimulator:
    return SlackSimulator()


@pytest.fixture
async def url(sim: SlackSimulator) -> AsyncIterator[str]:
    async with Served(sim.app) as served:
        yield served.url


@pytest.fixture
async def slack(url: str) -> AsyncIterator[SlackAdapter]:
    slack = adapter(url)
    await slack.open()
    yield slack
    await slack.aclose()


@pytest.fixture
async def thread(sim: SlackSimulator, slack: SlackAdapter) -> Address:
    """A thread in a channel, opened by a person."""
    return Address(platform="slack", account="TCOZE", chat="CGENERAL", thread=sim.say("CGENERAL", "UALICE", "@coze hi"))


@pytest.fixture
async def dm(slack: SlackAdapter) -> Address:
    """A DM that is one conversation."""
    return Address(platform="slack", account="TCOZE", chat="DALICE")


def page(text: str = "**hello**", **more: Any) -> Page:
    return Page(**{"index": 0, "text": text, "final": True, "mark": "turn-1.0", **more})


class TestWriting:
    async def test_a_page_goes_into_its_thread(self, sim: SlackSimulator, slack: SlackAdapter, thread: Address) -> None:
        ts = await slack.send(thread, page("# Title\n\n**bold** & [x](https://x.example/?a=1&b=2)"), reply_to="ignored")
        [message] = sim.bot_messages("CGENERAL", thread.thread)
        assert (message.ts, message.markdown) == (ts, True)
        assert message.raw == "# Title\n\n**bold** & [x](https://x.example/?a=1&b=2)"
        assert message.metadata == {"event_type": "coze_bridge_page", "event_payload": {"mark": "turn-1.0"}}
        args = sim.calls[-1].args
        assert (args["unfurl_links"], args["unfurl_media"]) == (False, False)
        assert "text" not in args

    async def test_a_page_goes_into_a_dm(self, sim: SlackSimulator, slack: SlackAdapter, dm: Address) -> None:
        await slack.send(dm, page())
        assert [message.thread_ts for message in sim.bot_messages("DALICE")] == [None]

    async def test_an_edit_shows_the_new_page(self, sim: SlackSimulator, slack: SlackAdapter, thread: Address) -> None:
        ts = await slack.send(thread, page("one"))
        await slack.edit(thread, ts, page("one two"))
        await slack.edit(thread, ts, page("one two"))
        assert sim.texts("CGENERAL") == ["one two"]
        assert await find(slack, thread, "turn-1.0", since=time.time()) == ts

    async def test_what_may_not_leave_any_more_does_not(
        self, sim: SlackSimulator, slack: SlackAdapter, thread: Address
    ) -> None:
        """Found by the chaos suite: frozen right before it left, an edit stood over what somebody else had shown."""
        ts = await slack.send(thread, page("half"))
        looks = iter([False, True])

        def look() -> None:
            if next(looks):
                raise Unsure

        with pytest.raises(Unsure), looking(look):
            await slack.edit(thread, ts, page("whole"))
        assert sim.texts("CGENERAL") == ["half"]
        await slack.edit(thread, ts, page("whole"))
        assert sim.texts("CGENERAL") == ["whole"]

    async def test_a_clock_that_was_ahead_hides_nothing(self, slack: SlackAdapter, thread: Address) -> None:
        """Found by the chaos suite: behind the message that it answers, no time of ours is needed."""
        ts = await slack.send(thread, page())
        question = f"slack:TCOZE:CGENERAL:{thread.thread}"
        assert await find(slack, thread, "turn-1.0", since=time.time() + 86_400, question=question) == ts
        assert await find(slack, thread, "turn-1.0", since=time.time() + 86_400) is None

    async def test_a_delete_may_be_repeated(self, sim: SlackSimulator, slack: SlackAdapter, thread: Address) -> None:
        ts = await slack.send(thread, page())
        await slack.delete(thread, ts)
        await slack.delete(thread, ts)
        assert sim.texts("CGENERAL") == []

    async def test_the_fullest_page_is_taken(self, url: str, dm: Address) -> None:
        slack = adapter(url, streaming="edit")
        await slack.open()
        text = "😀<" * (11_000 // 6)
        assert 0.99 < slack.limits.fill(text, 0) <= 1.0
        ts = await slack.send(dm, page("x"))
        await slack.edit(dm, ts, page(text))
        await slack.aclose()

    @pytest.mark.parametrize("plain", [False, True])
    async def test_nobody_is_notified(
        self, sim: SlackSimulator, slack: SlackAdapter, thread: Address, plain: bool
    ) -> None:
        for text in (NASTY, NASTY + "\n" + "word " * 1000):
            ts = await slack.send(thread, page(text, simpler=int(plain)))
            await slack.edit(thread, ts, page(text + "<!channel>", simpler=int(plain)))
        for message in sim.bot_messages("CGENERAL"):
            assert message.pings == {"broadcast": [], "users": []}

    async def test_plain_text_is_shown_as_it_is(self, sim: SlackSimulator, slack: SlackAdapter, dm: Address) -> None:
        ts = await slack.send(dm, page("*a* <b> & c", simpler=1))
        await slack.edit(dm, ts, page("*a* <b> & c!", simpler=1))
        [message] = sim.bot_messages("DALICE")
        assert (message.text, message.markdown) == ("*a* &lt;b&gt; &amp; c!", False)

    async def test_long_plain_text_is_whole(self, sim: SlackSimulator, slack: SlackAdapter, dm: Address) -> None:
        text = "<long> & *plain*\n" * 640
        ts = await slack.send(dm, page(text, simpler=1))
        await slack.edit(dm, ts, page(text + "end", simpler=1))
        [message] = sim.bot_messages("DALICE")
        assert "".join(block["text"]["text"] for block in message.blocks) == text + "end"


class TestFailures:
    @pytest.mark.parametrize(
        ("error", "kind"),
        [
            ("message_not_found", Gone),
            ("cant_update_message", Gone),
            ("edit_window_closed", Gone),
            ("thread_not_found", Gone),
            ("invalid_thread_ts", Gone),
            ("channel_not_found", Refused),
            ("not_in_channel", Refused),
            ("is_archived", Refused),
            ("restricted_action_thread_locked", Refused),
            ("messages_tab_disabled", Refused),
            ("a_new_error", Refused),
            ("token_revoked", Unreachable),
            ("missing_scope", Refused),
            ("ekm_access_denied", Refused),
            ("msg_too_long", Unrenderable),
            ("no_text", Unrenderable),
            ("invalid_blocks", Unrenderable),
            ("markdown_text_conflict", Unrenderable),
            ("internal_error", Unreachable),
            ("fatal_error", Unreachable),
            ("service_unavailable", Unreachable),
            ("request_timeout", Unreachable),
            ("rate_limited", RateLimited),
            ("ratelimited", RateLimited),
            ("message_limit_exceeded", RateLimited),
        ],
    )
    async def test_an_error_of_slack_becomes_ours(
        self, sim: SlackSimulator, slack: SlackAdapter, thread: Address, error: str, kind: type[Exception]
    ) -> None:
        sim.faults.add(Fault(kind="error", method="chat.postMessage", value=error))
        with pytest.raises(kind, match=f"chat.postMessage: {error}") as caught:
            await slack.send(thread, page("secret words"))
        assert type(caught.value) is kind
        assert "secret words" not in str(caught.value)
        if error in errors.CREDENTIALS:
            assert caught.value.say == "platform_credentials"  # type: ignore[attr-defined]

    async def test_a_scope_that_is_missing_is_named(
        self, sim: SlackSimulator, slack: SlackAdapter, dm: Address
    ) -> None:
        sim.settings.scopes.discard("chat:write")
        with pytest.raises(Refused, match="needs chat:write"):
            await slack.send(dm, page())

    async def test_a_429_says_how_long(self, sim: SlackSimulator, slack: SlackAdapter, dm: Address) -> None:
        sim.faults.add(Fault(kind="ratelimited", method="chat.postMessage", seconds=17))
        with pytest.raises(RateLimited) as caught:
            await slack.send(dm, page())
        assert (caught.value.retry_after, caught.value.certain) == (17.0, True)
        assert sim.texts("DALICE") == []

    @pytest.mark.parametrize("kind", ["error_500", "html_502", "reset", "hang"])
    async def test_a_send_without_an_answer_may_have_happened(
        self, sim: SlackSimulator, slack: SlackAdapter, dm: Address, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(errors, "CALL_SECONDS", 0.2)
        sim.faults.add(Fault(kind=kind, method="chat.postMessage", seconds=2))
        with pytest.raises(Unreachable) as caught:
            await slack.send(dm, page())
        assert caught.value.certain is False
        assert len([call for call in sim.calls if call.method == "chat.postMessage"]) == 1  # nothing retried by itself

    async def test_a_send_that_never_left_did_not_happen(self, url: str, dm: Address) -> None:
        slack = adapter(url)
        await slack.open()
        slack._web.base_url = "http://127.0.0.1:9/api/"  # type: ignore[union-attr]
        with pytest.raises(Unreachable) as caught:
            await slack.send(dm, page())
        assert caught.value.certain is True
        await slack.aclose()

    async def test_a_lost_answer_is_found_again(
        self, sim: SlackSimulator, slack: SlackAdapter, thread: Address
    ) -> None:
        began = time.time()
        sim.faults.add(Fault(kind="drop_response_after_commit", method="chat.postMessage"))
        with pytest.raises(Unreachable) as caught:
            await slack.send(thread, page())
        assert caught.value.certain is False
        [message] = sim.bot_messages("CGENERAL")
        assert await find(slack, thread, "turn-1.0", since=began) == message.ts
        assert await find(slack, thread, "turn-2.0", since=began) is None

    async def test_a_server_without_markdown_gets_plain_text(
        self, sim: SlackSimulator, slack: SlackAdapter, dm: Address
    ) -> None:
        """An older server sees no text in a call that carries `markdown_text` only."""
        sim.faults.add(Fault(kind="error", method="chat.postMessage", value="no_text"))
        with pytest.raises(Unrenderable):
            await slack.send(dm, page())
        await slack.send(dm, page(simpler=1))


class TestFinding:
    async def test_a_post_of_a_dm_is_found(self, sim: SlackSimulator, slack: SlackAdapter, dm: Address) -> None:
        began = time.time()
        ts = await slack.send(dm, page(mark="m"))
        sim.say("DALICE", "UALICE", "something else")
        assert await find(slack, dm, "m", since=began) == ts
        assert await find(slack, dm, "m", since=began + 60) is None
        file = Attachment(kind=FileKind.DOCUMENT, name="a.txt")
        assert await find(slack, dm, "m", since=began, attachment=file) is None, "files carry no mark"
        assert slack.newest(dm) == ""

    async def test_the_search_goes_on_to_the_next_page(
        self, slack: SlackAdapter, thread: Address, dm: Address, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "FIND_SIZE", 1)
        for address in (thread, dm):
            sent = [await slack.send(address, page(mark=str(number))) for number in range(3)]
            found = [await find(slack, address, str(number), since=time.time() - 60) for number in range(3)]
            assert found == sent

    async def test_a_missing_scope_is_told_once(
        self, sim: SlackSimulator, slack: SlackAdapter, dm: Address, caplog: pytest.LogCaptureFixture
    ) -> None:
        sim.settings.scopes -= {"im:history", "channels:history", "groups:history", "mpim:history"}
        for _ in range(2):
            assert await find(slack, dm, "m", since=0) is None
        assert len([record for record in caplog.records if "missing_scope" in record.message]) == 1

    async def test_trouble_is_no_answer(self, sim: SlackSimulator, slack: SlackAdapter, dm: Address) -> None:
        sim.faults.add(Fault(kind="ratelimited", method="conversations.history", seconds=60))
        with pytest.raises(RateLimited):
            await find(slack, dm, "m", since=0)
        sim.limits.change(reset=True)
        sim.faults.add(Fault(kind="reset", method="conversations.history", times=2))
        with pytest.raises(Unreachable):
            await find(slack, dm, "m", since=0)


class TestWorking:
    def asked(self, sim: SlackSimulator) -> int:
        return [call.method for call in sim.calls].count("assistant.threads.setStatus")

    async def test_a_thread_shows_it(self, sim: SlackSimulator, slack: SlackAdapter, thread: Address) -> None:
        await slack.working(thread)
        status = sim.workspace.status("CGENERAL", thread.thread)
        assert status is not None
        assert status["status"] == "is thinking…"
        await slack.send(thread, page())
        assert sim.workspace.status("CGENERAL", thread.thread) is None
        await slack.working(thread, "zh")
        status = sim.workspace.status("CGENERAL", thread.thread)
        assert status is not None
        assert status["status"] == "正在思考…"

    async def test_without_a_thread_nothing_is_called(
        self, sim: SlackSimulator, slack: SlackAdapter, dm: Address
    ) -> None:
        await slack.working(dm)
        assert self.asked(sim) == 0

    @pytest.mark.parametrize("kind", ["error", "error_500", "reset"])
    async def test_a_failure_ends_it_for_a_while(
        self, sim: SlackSimulator, slack: SlackAdapter, thread: Address, kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        sim.faults.add(Fault(kind=kind, method="assistant.threads.setStatus", value="missing_scope"))
        with caplog.at_level(logging.INFO, "adapters"):
            for _ in range(3):
                await slack.working(thread)
        assert self.asked(sim) == 1
        assert not caplog.records

    async def test_a_429_is_passed_on(self, sim: SlackSimulator, slack: SlackAdapter, thread: Address) -> None:
        sim.faults.add(Fault(kind="ratelimited", method="assistant.threads.setStatus", seconds=3))
        with pytest.raises(RateLimited):
            await slack.working(thread)
        sim.limits.change(reset=True)
        await slack.working(thread)
        assert self.asked(sim) == 2


@given(st.lists(st.floats(0, 5), min_size=1, max_size=200), st.sampled_from([Verb.EDIT, Verb.DELETE]))
def test_tier_three_is_never_exceeded(pauses: list[float], verb: Verb) -> None:
    """At most 50 calls in any minute, however they come."""
    pace, now, calls = Pace(), 0.0, []
    budgets = limits("edit", seconds=Seconds(), grows=lambda _: (False, False)).budgets
    allowed = budgets(Address(platform="slack", account="T", chat="C"), verb)
    for pause in pauses:
        now += pause
        while (delay := pace.delay(allowed, Kind.FINAL, now)) > 0:
            now += delay
        pace.spend(allowed, now)
        calls.append(now)
    assert all(len([at for at in calls if start <= at < start + 60]) <= 50 for start in calls)


async def test_calls_run_side_by_side(sim: SlackSimulator, slack: SlackAdapter) -> None:
    sim.limits.change(enabled=False)
    where = Address(platform="slack", account="TCOZE", chat="CGENERAL")
    await asyncio.gather(*(slack.send(where, page(str(number))) for number in range(50)))
    assert {int(text) for text in sim.texts("CGENERAL")} == set(range(50))
