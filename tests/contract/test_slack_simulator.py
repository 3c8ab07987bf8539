"""The Slack simulator, driven by the real slack_sdk client and by Bolt over Socket Mode and HTTP."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from simulators.slack import SlackSimulator
from simulators.slack import text as texts
from simulators.wire import Fault, Served

pytestmark = pytest.mark.asyncio
logging.getLogger("slack_bolt").setLevel(logging.CRITICAL)


@pytest_asyncio.fixture
async def sim() -> SlackSimulator:
    return SlackSimulator(time_scale=0.001, warn_seconds=50, upload_seconds=0.01)


@pytest_asyncio.fixture
async def url(sim: SlackSimulator) -> AsyncIterator[str]:
    async with Served(sim.app) as served:
        yield served.url


@pytest_asyncio.fixture
async def client(url: str) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient("xoxb-test", base_url=f"{url}/api/", session=session, retry_handlers=[], timeout=5)


def bolt(client: AsyncWebClient, secret: str = "secret") -> tuple[AsyncApp, list[dict[str, Any]]]:
    """A Bolt app that writes down every event, and fails while it is told to."""
    app = AsyncApp(client=client, signing_secret=secret, process_before_response=True)
    seen: list[dict[str, Any]] = []

    async def listen(event: dict[str, Any], body: dict[str, Any]) -> None:
        seen.append({**event, "event_id": body["event_id"]})

    app.event("message")(listen)
    app.event("app_mention")(listen)
    app.event("agent_session_stopped")(listen)
    return app, seen


@asynccontextmanager
async def connected(sim: SlackSimulator, app: AsyncApp, ping: float = 0.1) -> AsyncIterator[AsyncSocketModeHandler]:
    """Bolt connected over Socket Mode; `ping` is also its pause between attempts to connect."""
    handler = AsyncSocketModeHandler(app, "xapp-test", ping_interval=ping)
    handler.client.logger.setLevel(logging.CRITICAL)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await sim.wait(lambda: sim.sockets.open)
    try:
        yield handler
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


async def error(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


class TestWebApi:
    async def test_introduces_itself(self, client: AsyncWebClient) -> None:
        answer = await client.auth_test()
        assert (answer["user_id"], answer["bot_id"], answer["team_id"]) == ("UBOT", "BBOT", "TCOZE")
        assert "chat:write" in answer.headers["x-oauth-scopes"]

    async def test_refuses_tokens_in_slacks_order(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        assert await error(client.api_call("no.such.method")) == "unknown_method"
        assert await error(client.apps_connections_open(app_token="xoxb-test")) == "not_allowed_token_type"
        stranger = AsyncWebClient("xoxb-wrong", base_url=client.base_url)
        assert await error(stranger.auth_test()) == "invalid_auth"
        assert await error(AsyncWebClient(base_url=client.base_url).auth_test()) == "not_authed"
        sim.settings.scopes.discard("chat:write")
        assert await error(client.chat_postMessage(channel="CNONE", text="x")) == "missing_scope"
        sim.settings.token_error = "token_revoked"
        assert await error(client.chat_postMessage(channel="CNONE", text="x")) == "token_revoked"

    async def test_posts_edits_and_deletes_with_a_timeline(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        posted = await client.chat_postMessage(channel="DALICE", text="Thinking…")
        ts = posted["ts"]
        await client.chat_update(channel="DALICE", ts=ts, markdown_text="**Done** [here](https://a.test)")
        (message,) = sim.bot_messages("DALICE")
        assert [version.text for version in message.versions] == ["Thinking…", "**Done** [here](https://a.test)"]
        assert message.versions[-1].mrkdwn == "*Done* <https://a.test|here>"
        assert sim.texts("DALICE") == ["**Done** [here](https://a.test)"]
        await client.chat_delete(channel="DALICE", ts=ts)
        assert sim.texts("DALICE") == []
        assert message.deleted_at is not None
        assert len(message.versions) == 2
        assert await error(client.chat_update(channel="DALICE", ts=ts, text="x")) == "message_not_found"

    @pytest.mark.parametrize(
        ("wrong", "name"),
        [
            ({"channel": "CNONE", "text": "x"}, "channel_not_found"),
            ({"channel": "GSECRET", "text": "x"}, "channel_not_found"),
            ({"channel": "CRANDOM", "text": "x"}, "not_in_channel"),
            ({"channel": "DALICE", "text": " ", "attachments": []}, "no_text"),
            ({"channel": "DALICE", "text": "x", "markdown_text": "x"}, "markdown_text_conflict"),
            ({"channel": "DALICE", "markdown_text": "x" * 12_001}, "msg_too_long"),
            ({"channel": "DALICE", "text": "x", "thread_ts": "1.000001"}, "invalid_thread_ts"),
            ({"channel": "DALICE", "text": "x", "blocks": [{"type": "marquee"}]}, "invalid_blocks"),
            ({"channel": "DALICE", "text": "x", "blocks": [{"type": "divider"}] * 51}, "msg_blocks_too_many"),
            ({"channel": "DALICE", "text": "x", "metadata": {"event_type": "t"}}, "invalid_metadata_format"),
        ],
    )
    async def test_refuses_a_wrong_post(self, client: AsyncWebClient, wrong: dict[str, Any], name: str) -> None:
        assert await error(client.chat_postMessage(**wrong)) == name

    async def test_truncates_text_and_refuses_a_long_edit(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        posted = await client.chat_postMessage(channel="DALICE", text="x" * 40_001)
        assert posted["warning"] == "message_truncated"
        assert len(sim.texts("DALICE")[0]) == 40_000
        assert await error(client.chat_update(channel="DALICE", ts=posted["ts"], text="x" * 4001)) == "msg_too_long"
        said = sim.say("DALICE", "UALICE", "hello")
        assert await error(client.chat_update(channel="DALICE", ts=said, text="x")) == "cant_update_message"
        assert await error(client.chat_delete(channel="DALICE", ts=said)) == "cant_delete_message"

    async def test_reads_a_thread_back(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        root = sim.say("CGENERAL", "UALICE", "@coze a < b & https://a.test/?x=1&y=2")
        metadata = {"event_type": "turn", "event_payload": {"page": 1}}
        await client.chat_postMessage(channel="CGENERAL", text="one", thread_ts=root, metadata=metadata)
        last = await client.chat_postMessage(channel="CGENERAL", text="two", thread_ts=root)
        first = await client.conversations_replies(channel="CGENERAL", ts=last["ts"], limit=2)
        assert first["messages"][0]["text"] == "<@UBOT> a &lt; b &amp; <https://a.test/?x=1&amp;y=2>"
        assert first["messages"][1]["metadata"] == {"event_type": "turn"}
        assert first["has_more"]
        cursor = first["response_metadata"]["next_cursor"]
        rest = await client.conversations_replies(channel="CGENERAL", ts=root, limit=2, cursor=cursor)
        assert [message["text"] for message in rest["messages"]] == ["two"]
        full = await client.conversations_replies(channel="CGENERAL", ts=root, include_all_metadata=True)
        assert full["messages"][1]["metadata"] == metadata
        history = await client.conversations_history(channel="CGENERAL")
        assert [message["ts"] for message in history["messages"]] == [root]
        assert history["messages"][0]["reply_count"] == 2

    async def test_knows_people_channels_and_reactions(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        assert (await client.users_info(user="UBOB", include_locale=True))["user"]["locale"] == "zh-CN"
        assert await error(client.users_info(user="UNONE")) == "user_not_found"
        assert (await client.bots_info(bot="BOTHER"))["bot"]["user_id"] == "UOTHER"
        assert (await client.conversations_open(users="UALICE"))["channel"]["id"] == "DALICE"
        assert (await client.conversations_info(channel="CGENERAL"))["channel"]["is_member"] is True
        said = sim.say("CGENERAL", "UALICE", "hello")
        await client.reactions_add(channel="CGENERAL", name="eyes", timestamp=said)
        again = client.reactions_add(channel="CGENERAL", name="eyes", timestamp=said)
        assert await error(again) == "already_reacted"
        await client.reactions_remove(channel="CGENERAL", name="eyes", timestamp=said)
        again = client.reactions_remove(channel="CGENERAL", name="eyes", timestamp=said)
        assert await error(again) == "no_reaction"

    async def test_ephemeral_messages_are_in_no_history(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        sent = await client.chat_postEphemeral(channel="CGENERAL", user="UALICE", text="only you")
        assert [m.raw for m in sim.workspace.channels["CGENERAL"].ephemeral] == ["only you"]
        assert (await client.conversations_history(channel="CGENERAL"))["messages"] == []
        hidden = client.chat_update(channel="CGENERAL", ts=sent["message_ts"], text="x")
        assert await error(hidden) == "message_not_found"
        stranger = client.chat_postEphemeral(channel="CGENERAL", user="UNONE", text="x")
        assert await error(stranger) == "user_not_in_channel"

    async def test_status_prompts_and_sessions(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        root = sim.say("DALICE", "UALICE", "hello")
        thread = {"channel_id": "DALICE", "thread_ts": root}
        await client.assistant_threads_setStatus(**thread, status="thinking", loading_messages=["one"])
        assert (sim.status("DALICE", root), sim.session("DALICE", root)) == ("thinking", "processing")
        await client.chat_postMessage(channel="DALICE", text="hi", thread_ts=root)
        assert sim.status("DALICE", root) == ""
        prompts = [{"title": "t", "message": "m"}]
        await client.assistant_threads_setSuggestedPrompts(channel_id="DALICE", prompts=prompts)
        assert sim.workspace.prompts["DALICE"] == prompts
        many = client.assistant_threads_setSuggestedPrompts(channel_id="DALICE", prompts=prompts * 5)
        assert await error(many) == "invalid_arguments"
        session = await client.agents_sessions_setStatus(**thread, status="active", title="Hello")
        assert session["status"] == "active"
        await client.agents_sessions_rename(**thread, title="New")
        assert sim.workspace.sessions["DALICE", root]["title"] == "New"
        wrong = client.agents_sessions_setStatus(**thread, status="busy")
        assert await error(wrong) == "invalid_status"

    async def test_files_both_ways(self, sim: SlackSimulator, client: AsyncWebClient, url: str) -> None:
        await client.auth_test()
        sim.say("DALICE", "UALICE", "", files=[{"name": "a.txt", "mimetype": "text/plain", "content": "hello"}])
        file = next(iter(sim.workspace.files.values()))
        assert file["url_private_download"].startswith(url)
        async with aiohttp.ClientSession() as session:
            bearer = {"Authorization": "Bearer xoxb-test"}
            async with session.get(file["url_private_download"], headers=bearer) as answer:
                assert await answer.read() == b"hello"
            async with session.get(file["url_private_download"]) as answer:
                assert answer.status == 200
                assert "<!DOCTYPE" in await answer.text()
        await client.files_upload_v2(channel="DALICE", filename="b.png", content=b"png", initial_comment="look")
        message = await sim.wait(lambda: next(iter(sim.bot_messages("DALICE")), None))
        assert message.subtype == "file_share"
        assert message.files[0]["name"] == "b.png"
        assert message.raw == "look"

    async def test_modal_triggers_are_good_once(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        view = {"type": "modal", "title": {"type": "plain_text", "text": "Hi"}, "blocks": []}
        trigger = sim.workspace.trigger()
        assert (await client.views_open(trigger_id=trigger, view=view))["view"]["id"].startswith("V")
        assert await error(client.views_open(trigger_id=trigger, view=view)) == "exchanged_trigger_id"
        assert await error(client.views_open(trigger_id="1.2.3", view=view)) == "invalid_trigger_id"
        await client.views_publish(user_id="UALICE", view={"type": "home", "blocks": []})
        assert sim.workspace.views["UALICE"]["type"] == "home"


class TestPings:
    async def test_tokens_ring_in_every_markup_sink(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        await client.chat_postMessage(channel="CGENERAL", text="<!channel> &lt;!here&gt; <@UALICE>")
        await client.chat_postMessage(channel="CGENERAL", markdown_text="hey <!here> and `<@UBOB>` @channel")
        section = {"type": "section", "text": {"type": "mrkdwn", "text": "<!everyone>"}}
        plain = {"type": "section", "text": {"type": "plain_text", "text": "<!channel>"}}
        await client.chat_postMessage(channel="CGENERAL", text="x", blocks=[section, plain])
        rung = [message.pings for message in sim.bot_messages("CGENERAL")]
        assert rung == [
            {"broadcast": ["channel"], "users": ["UALICE"]},
            {"broadcast": ["here"], "users": ["UBOB"]},
            {"broadcast": ["everyone"], "users": []},
        ]

    async def test_an_edit_does_not_hide_an_earlier_ping(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        posted = await client.chat_postMessage(channel="CGENERAL", text="<!channel>")
        await client.chat_update(channel="CGENERAL", ts=posted["ts"], text="quiet")
        assert sim.bot_messages("CGENERAL")[0].pings["broadcast"] == ["channel"]

    async def test_what_people_type(self) -> None:
        names = {"coze": "UBOT", "小明": "U1"}
        assert texts.typed("@coze你好 @cozette a@coze.com? @小明, `@coze <b>` @here", names) == (
            "<@UBOT>你好 @cozette a@coze.com? <@U1>, `@coze &lt;b&gt;` <!here>"
        )

    async def test_code_may_be_inert(self) -> None:
        assert texts.pings({"text": "`<@U1>`"}, code=False) == {"broadcast": [], "users": []}
        assert texts.pings({"text": "@here", "link_names": 1})["broadcast"] == ["here"]


class TestLimits:
    async def test_a_channel_takes_one_post_a_second(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        for _ in range(4):
            await client.chat_postMessage(channel="DALICE", text="x")
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel="DALICE", text="x")
        assert caught.value.response.status_code == 429
        assert caught.value.response.headers["Retry-After"] == "1"
        assert caught.value.response["error"] == "ratelimited"
        await client.chat_postMessage(channel="DBOB", text="x")
        assert await error(client.chat_postMessage(channel="DALICE", text="x")) == "ratelimited"
        assert sim.limits.refused["chat.postMessage"] == 2
        assert sim.limits.during_penalty["chat.postMessage"] == 1
        sim.limits.change(enabled=False, reset=True)
        await client.chat_postMessage(channel="DALICE", text="x")
        assert len(sim.texts("DALICE")) == 5

    async def test_tiers_with_a_fifth_of_burst(self) -> None:
        now = 0.0
        sim = SlackSimulator(clock=lambda: now)
        passed = [sim.limits.check("chat.startStream", "D1", now) for _ in range(25)]
        assert passed[:24] == [0.0] * 24
        assert passed[24] == 60.0
        now = 59.0
        assert sim.limits.check("chat.startStream", "D2", now) == 1.0
        now = 60.0
        assert sim.limits.check("chat.startStream", "D2", now) == 0.0
        sim.limits.change(distribution="unlisted", extend=True)
        waits = [sim.limits.check("conversations.replies", "D1", at) for at in (60.0, 61.0, 100.0)]
        assert waits == [0.0, 59.0, 59.0]


class TestFaults:
    async def test_penalty_is_enforced(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        sim.faults.add(Fault(kind="ratelimited", method="chat.update", chat="DALICE", seconds=0.2))
        posted = await client.chat_postMessage(channel="DALICE", text="x")
        for _ in range(2):
            assert await error(client.chat_update(channel="DALICE", ts=posted["ts"], text="y")) == "ratelimited"
        assert sim.calls[-1].during_penalty
        assert not sim.calls[-2].during_penalty
        await asyncio.sleep(0.2)
        await client.chat_update(channel="DALICE", ts=posted["ts"], text="y")

    async def test_errors_and_broken_answers(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        sim.faults.add(Fault(kind="error", method="chat.postMessage", value="fatal_error", after=1))
        await client.chat_postMessage(channel="DALICE", text="fine")
        assert await error(client.chat_postMessage(channel="DALICE", text="x")) == "fatal_error"
        for kind in ("error_500", "html_502"):
            sim.faults.add(Fault(kind=kind))
            with pytest.raises(SlackApiError) as caught:
                await client.chat_postMessage(channel="DALICE", text="x")
            assert caught.value.response.status_code in (500, 502)
        sim.faults.add(Fault(kind="hang", seconds=0.05))
        await client.auth_test()
        assert sim.calls[-1].seconds >= 0.05
        assert sim.texts("DALICE") == ["fine"]

    async def test_lost_request_and_lost_answer(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        sim.faults.add(Fault(kind="reset", method="chat.postMessage"))
        with pytest.raises(aiohttp.ClientError):
            await client.chat_postMessage(channel="DALICE", text="never")
        sim.faults.add(Fault(kind="drop_response_after_commit", method="chat.postMessage"))
        with pytest.raises(aiohttp.ClientError):
            await client.chat_postMessage(channel="DALICE", text="stored")
        assert sim.texts("DALICE") == ["stored"]


class TestStreams:
    async def test_text_grows_and_ends(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        root = sim.say("DALICE", "UALICE", "question")
        started = await client.chat_startStream(channel="DALICE", thread_ts=root, markdown_text="He")
        ts = started["ts"]
        await client.chat_appendStream(channel="DALICE", ts=ts, markdown_text="llo")
        assert await error(client.chat_update(channel="DALICE", ts=ts, text="x")) == "streaming_state_conflict"
        chunks = [{"type": "markdown_text", "text": "x"}]
        wrong = client.chat_appendStream(channel="DALICE", ts=ts, markdown_text="", chunks=chunks)
        assert await error(wrong) == "streaming_mode_mismatch"
        both = client.api_call("chat.appendStream", json={"channel": "DALICE", "ts": ts, "markdown_text": "x"} | {
            "chunks": chunks
        })  # fmt: skip
        assert await error(both) == "cannot_provide_both_markdown_text_and_chunks"
        assert await error(client.chat_appendStream(channel="DALICE", ts=ts, markdown_text="")) == "no_text"
        metadata = {"event_type": "turn", "event_payload": {}}
        await client.chat_stopStream(channel="DALICE", ts=ts, markdown_text="!", metadata=metadata)
        late = client.chat_appendStream(channel="DALICE", ts=ts, markdown_text="x")
        assert await error(late) == "message_not_in_streaming_state"
        (message,) = sim.bot_messages("DALICE", root)
        assert [version.text for version in message.versions] == ["He", "Hello", "Hello!"]
        assert message.metadata == metadata
        assert sim.session("DALICE", root) == "active"

    async def test_channels_need_recipients_and_only_they_watch(
        self, sim: SlackSimulator, client: AsyncWebClient
    ) -> None:
        root = sim.say("CGENERAL", "UALICE", "@coze question")
        place: dict[str, Any] = {"channel": "CGENERAL", "thread_ts": root}
        assert await error(client.chat_startStream(channel="CGENERAL", thread_ts="")) == "invalid_thread_ts"
        assert await error(client.chat_startStream(**place)) == "missing_recipient_user_id"
        partly = client.chat_startStream(**place, recipient_user_id="UALICE")
        assert await error(partly) == "missing_recipient_team_id"
        stream = await client.chat_stream(**place, recipient_user_id="UALICE", recipient_team_id="TCOZE", buffer_size=1)
        for piece in ("a", "b", "c"):
            await stream.append(markdown_text=piece)
        await stream.stop()
        (message,) = sim.bot_messages("CGENERAL", root)
        assert [(version.text, version.seen_by) for version in message.versions] == [
            ("a", "*"), ("ab", "UALICE"), ("abc", "UALICE"), ("abc", "*")
        ]  # fmt: skip

    async def test_not_in_group_dms(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        sim.add_channel("group", id="GGROUP", kind="mpim", members=["UALICE", "UBOB"])
        root = sim.say("GGROUP", "UALICE", "question")
        for_alice = {"recipient_user_id": "UALICE", "recipient_team_id": "TCOZE"}
        refused = client.chat_startStream(channel="GGROUP", thread_ts=root, markdown_text="x", **for_alice)
        assert await error(refused) == "channel_type_not_supported"

    async def test_size_age_and_the_stop_button(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        sim.settings.stream_bytes = 30
        root = sim.say("DALICE", "UALICE", "question")
        started = await client.chat_startStream(channel="DALICE", thread_ts=root, markdown_text="一二三四五六七八九")
        full = client.chat_appendStream(channel="DALICE", ts=started["ts"], markdown_text="十一")
        assert await error(full) == "msg_too_long"
        sim.settings.stream_ttl = 0.0
        late = client.chat_stopStream(channel="DALICE", ts=started["ts"])
        assert await error(late) == "message_not_in_streaming_state"
        await client.chat_update(channel="DALICE", ts=started["ts"], markdown_text="rescued")
        sim.settings.stream_ttl = 300.0
        second = await client.chat_startStream(channel="DALICE", thread_ts=root, markdown_text="x")
        assert sim.stop("DALICE", root, "UALICE") == [second["ts"]]
        stopped = client.chat_appendStream(channel="DALICE", ts=second["ts"], markdown_text="y")
        assert await error(stopped) == "stopped_by_user"
        assert sim.deliveries.log[-1].event["streaming_message_ts"] == [second["ts"]]

    async def test_task_cards(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        root = sim.say("DALICE", "UALICE", "question")
        task = {"type": "task_update", "id": "1", "title": "Search", "status": "in_progress", "details": "a"}
        started = await client.chat_startStream(channel="DALICE", thread_ts=root, chunks=[task])
        done = {**task, "status": "complete", "details": "b", "output": "found"}
        await client.chat_appendStream(channel="DALICE", ts=started["ts"], chunks=[done])
        wrong = {**task, "status": "completed"}
        refused = client.chat_appendStream(channel="DALICE", ts=started["ts"], chunks=[wrong])
        assert await error(refused) == "invalid_chunks"
        stream = sim.bot_messages("DALICE")[0].stream
        assert stream
        assert stream.tasks["1"]["details"] == "ab"
        assert stream.tasks["1"]["status"] == "complete"


class TestSocketMode:
    @staticmethod
    def reached(seen: list[dict[str, Any]], count: int) -> bool:
        return len(seen) >= count

    @staticmethod
    def replaced(sim: SlackSimulator, before: int) -> bool:
        return sim.sockets.accepted > before and len(sim.sockets.open) == 1

    async def test_direct_message_and_its_answer(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        app, seen = bolt(client)

        async with connected(sim, app):
            ts = sim.say("DALICE", "UALICE", "hello")
            await sim.wait(lambda: sim.deliveries.log[0].outcome == "acked")
            await client.chat_postMessage(channel="DALICE", text="hi", thread_ts=ts)
            await sim.wait(lambda: sim.deliveries.log[-1].outcome == "acked")
        asked, own = sim.deliveries.log
        assert asked.event["channel_type"] == "im"
        assert [event["ts"] for event in seen] == [ts]
        assert own.event["bot_id"] == "BBOT", "the app is told of its own posts, and Bolt ignores them"

    async def test_mention_comes_twice_in_any_order(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        app, seen = bolt(client)
        orders = set()
        async with connected(sim, app):
            for number in range(6):
                ts = sim.say("CGENERAL", "UALICE", "@coze hello")
                await sim.wait(partial(self.reached, seen, 2 * number + 2))
                pair = seen[-2:]
                orders.add(pair[0]["type"])
                assert {event["type"] for event in pair} == {"message", "app_mention"}
                assert {event["ts"] for event in pair} == {ts}
                assert pair[0]["event_id"] != pair[1]["event_id"]
                assert pair[0]["client_msg_id"] == pair[1]["client_msg_id"]
        assert orders == {"message", "app_mention"}

    async def test_bots_edits_and_deletes(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        app, seen = bolt(client)
        async with connected(sim, app):
            ts = sim.say("CGENERAL", "UOTHER", "beep")
            sim.edit("CGENERAL", ts, "beep beep")
            sim.delete("CGENERAL", ts)
            sim.say("CRANDOM", "UALICE", "@coze nobody hears me")
            await sim.wait(lambda: len(seen) == 3)
        assert seen[0]["bot_id"] == "BOTHER"
        assert "client_msg_id" not in seen[0]
        assert [event.get("subtype") for event in seen] == [None, "message_changed", "message_deleted"]
        assert len(sim.deliveries.log) == 3

    async def test_redelivers_what_is_not_acknowledged(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        sim.settings.ack_seconds = 0.2
        app = AsyncApp(client=client, signing_secret="secret", process_before_response=True)
        retries: list[str] = []

        @app.event("message")
        async def listen(request: Any) -> None:
            retries.append(request.headers.get("x-slack-retry-num", ["0"])[0])
            if len(retries) < 3:
                raise RuntimeError("the database is down")

        async with connected(sim, app):
            sim.say("DALICE", "UALICE", "hello")
            await sim.wait(lambda: sim.deliveries.log[0].outcome == "acked")
        assert retries == ["0", "1", "2"]
        assert sim.deliveries.log[0].attempts[1]["reason"] == "timeout"

    async def test_gives_up_after_three_retries(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        sim.settings.ack_seconds = 0.02
        app, seen = bolt(client)
        async with connected(sim, app, ping=10):
            await sim.socket("silent")
            sim.say("DALICE", "UALICE", "hello")
            await sim.wait(lambda: sim.deliveries.log[0].outcome == "lost")
        assert len(sim.deliveries.log[0].attempts) == 4
        assert seen == []

    async def test_a_silent_socket_is_found_out(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        sim.settings.ack_seconds = 0.2
        app, seen = bolt(client)
        async with connected(sim, app):
            await sim.socket("silent")
            sim.say("DALICE", "UALICE", "hello")
            await sim.wait(lambda: sim.deliveries.log[0].outcome == "acked")
        assert len(seen) == 1
        assert sim.sockets.accepted > 1

    async def test_queues_while_nobody_is_connected(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        app, seen = bolt(client)
        sim.say("DALICE", "UALICE", "early")
        async with connected(sim, app):
            await sim.wait(lambda: sim.deliveries.log[0].outcome == "acked")
        assert seen[0]["text"] == "early"

    async def test_comes_back_after_a_drop(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        app, seen = bolt(client)
        async with connected(sim, app):
            for action in ("drop", "refresh", "warn"):
                before = sim.sockets.accepted
                await sim.socket(action)
                await sim.wait(partial(self.replaced, sim, before))
            sim.say("DALICE", "UALICE", "still there?")
            await sim.wait(lambda: seen)

    async def test_rejected_ticket_needs_a_new_address(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        app, seen = bolt(client)
        async with connected(sim, app) as handler:
            opened = sum(call.method == "apps.connections.open" for call in sim.calls)
            await sim.socket("reject", times=1)
            await sim.socket("refresh")
            await sim.wait(lambda: sum(event.get("status") == 408 for event in sim.feed.events) >= 3)
            assert sum(call.method == "apps.connections.open" for call in sim.calls) == opened + 1
            handler.client.wss_uri = None
            await sim.wait(lambda: sim.sockets.open)
            sim.say("DALICE", "UALICE", "hello")
            await sim.wait(lambda: seen)

    async def test_openings_fail_and_the_link_is_disabled(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        await sim.socket("fail_open", times=1, error="internal_error")
        assert await error(client.apps_connections_open(app_token="xapp-test")) == "internal_error"
        app, _seen = bolt(client)
        async with connected(sim, app):
            await sim.socket("link_disabled")
            await sim.wait(lambda: not sim.sockets.open)
        assert await error(client.apps_connections_open(app_token="xapp-test")) == "socket_mode_disabled"

    async def test_at_most_ten_sockets_and_pings(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        sim.settings.ping_seconds = 0.01
        sockets = []
        async with aiohttp.ClientSession() as session:
            for number in range(11):
                opened = await client.apps_connections_open(app_token="xapp-test")
                socket = await session.ws_connect(opened["url"], autoping=False)
                sockets.append(socket)
                hello = await socket.receive_json()
                assert hello["type"] == ("hello" if number < 10 else "disconnect")
                if number == 0:
                    assert (await socket.receive()).type is aiohttp.WSMsgType.PING
            assert hello["reason"] == "too_many_websockets"
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await session.ws_connect(opened["url"])
            assert caught.value.status == 408

    async def test_commands_presses_and_response_urls(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        app, _seen = bolt(client)

        @app.command("/coze")
        async def command(ack: Any, respond: Any, command: dict[str, Any]) -> None:
            await ack(f"you said {command['text']}")
            await respond("later")

        @app.action("again")
        async def press(ack: Any, action: dict[str, Any], respond: Any) -> None:
            await ack()
            await respond(f"pressed {action['value']}", replace_original=True)

        async with connected(sim, app):
            sim.slash("/coze", "hello", "DALICE", "UALICE")
            whispers = sim.workspace.channels["DALICE"].ephemeral
            await sim.wait(lambda: len(whispers) == 2)
            assert {message.raw for message in whispers} == {"you said hello", "later"}
            text = {"type": "plain_text", "text": "Again"}
            button = {"type": "button", "action_id": "again", "text": text, "value": "7"}
            blocks = [{"type": "actions", "elements": [button]}]
            posted = await client.chat_postMessage(channel="DALICE", text="?", blocks=blocks)
            sim.press("DALICE", posted["ts"], "again", "UALICE")
            await sim.wait(lambda: sim.texts("DALICE") == ["pressed 7"])

    async def test_command_that_nobody_takes(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        sim.settings.ack_seconds = 0.2
        assert sim.slash("/coze", "x", "DALICE", "UALICE").outcome == "pending"
        await sim.wait(lambda: sim.deliveries.log[0].outcome == "dispatch_failed")
        app, _seen = bolt(client)
        async with connected(sim, app):
            delivery = sim.slash("/nothing", "x", "DALICE", "UALICE")
            await sim.wait(lambda: delivery.outcome == "operation_timeout")

    async def test_duplicates_and_order_on_demand(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        app, seen = bolt(client)
        async with connected(sim, app):
            sim.deliveries.duplicates = 1
            sim.deliveries.hold()
            sim.say("DALICE", "UALICE", "one")
            sim.say("DALICE", "UALICE", "two")
            sim.deliveries.release("reverse")
            await sim.wait(lambda: len(seen) == 3)
        assert [event["text"] for event in seen] == ["two", "one", "one"]
        assert seen[1]["event_id"] == seen[2]["event_id"]


class TestHttpEvents:
    @asynccontextmanager
    async def served(self, sim: SlackSimulator, app: AsyncApp) -> AsyncIterator[list[int]]:
        """The Bolt app behind aiohttp, and the statuses that it answered with."""
        statuses: list[int] = []

        @web.middleware
        async def note(request: web.Request, handler: Any) -> web.StreamResponse:
            response: web.StreamResponse = await handler(request)
            statuses.append(response.status)
            return response

        server = app.server()
        server.web_app.middlewares.append(note)
        async with Served(server.web_app) as bolted:
            sim.settings.request_url = f"{bolted.url}/slack/events"
            yield statuses

    async def test_signed_events_reach_bolt(self, sim: SlackSimulator, client: AsyncWebClient) -> None:
        app, seen = bolt(client)

        @app.command("/coze")
        async def command(ack: Any) -> None:
            await ack("at your service")

        async with self.served(sim, app):
            assert await sim.deliveries.verify()
            sim.say("CGENERAL", "UALICE", "@coze hello")
            await sim.wait(lambda: [d.outcome for d in sim.deliveries.log] == ["acked"] * 2)
            sim.slash("/coze", "x", "DALICE", "UALICE")
            await sim.wait(lambda: sim.workspace.channels["DALICE"].ephemeral)
        assert {event["type"] for event in seen} == {"message", "app_mention"}

    @pytest.mark.parametrize("forgery", [{"signature_age": 301.0}, {"signature_age": -301.0}, {"tamper": True}, {}])
    async def test_forgeries_are_refused(
        self, sim: SlackSimulator, client: AsyncWebClient, forgery: dict[str, Any]
    ) -> None:
        app, seen = bolt(client, "secret" if forgery else "another secret")
        async with self.served(sim, app) as statuses:
            sim.settings.change(**forgery)
            sim.say("DALICE", "UALICE", "hello")
            await sim.wait(lambda: sim.deliveries.log[0].outcome == "lost")
        assert seen == []
        assert statuses == [401] * 4
        assert [attempt["retry"] for attempt in sim.deliveries.log[0].attempts] == [0, 1, 2, 3]

    @pytest.mark.usefixtures("url")
    async def test_retries_until_answered_or_told_not_to(self, sim: SlackSimulator) -> None:
        sim.settings.ack_seconds = 0.2
        retries: list[tuple[str | None, str | None]] = []

        async def receive(request: web.Request) -> web.Response:
            headers = request.headers
            retries.append((headers.get("X-Slack-Retry-Num"), headers.get("X-Slack-Retry-Reason")))
            if len(retries) == 1:
                await asyncio.sleep(0.3)
            return web.Response(status=500, headers={"X-Slack-No-Retry": "1"} if len(retries) == 3 else {})

        app = web.Application()
        app.router.add_post("/", receive)
        async with Served(app) as served:
            sim.settings.request_url = f"{served.url}/"
            sim.say("DALICE", "UALICE", "hello")
            await sim.wait(lambda: sim.deliveries.log[0].outcome == "lost")
        assert retries == [(None, None), ("1", "http_timeout"), ("2", "http_error")]


class TestControl:
    async def test_remote_control(self, sim: SlackSimulator, client: AsyncWebClient, url: str) -> None:
        async with aiohttp.ClientSession(base_url=url) as remote:

            async def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
                async with remote.post(f"/control/{path}", json=body) as answer:
                    return {"status": answer.status, **await answer.json()}

            await post("users", {"id": "UCAROL", "name": "carol"})
            await post("channels", {"id": "DCAROL", "name": "carol", "kind": "im", "members": ["UCAROL"]})
            content = {"name": "a.txt", "content_base64": "aGk="}
            said = await post("say", {"channel": "DCAROL", "user": "UCAROL", "text": "hi @coze", "files": [content]})
            await post("edit", {"channel": "DCAROL", "ts": said["ts"], "text": "hello"})
            await client.chat_postMessage(channel="DCAROL", text="hey", thread_ts=said["ts"])
            async with remote.get("/control/messages", params={"channel": "DCAROL"}) as answer:
                messages = await answer.json()
            assert [[v["text"] for v in m["versions"]] for m in messages] == [["hi @coze", "hello"], ["hey"]]
            async with remote.get("/control/calls", params={"method": "chat.postMessage"}) as answer:
                assert [call["outcome"] for call in await answer.json()] == ["ok"]
            assert (await post("say", {"channel": "DCAROL", "user": "UNONE", "text": "x"}))["status"] == 400
            await post("limits", {"enabled": False})
            await post("settings", {"stream_ttl": 1, "subscriptions": ["message.im"]})
            assert not sim.limits.enabled
            assert sim.settings.subscriptions == {"message.im"}
            await post("event", {"type": "app_uninstalled"})
            assert sim.deliveries.log[-1].event == {"type": "app_uninstalled"}
            await post("faults", {"kind": "error", "value": "fatal_error"})
            assert await error(client.auth_test()) == "fatal_error"
            await post("socket", {"action": "slow_open", "seconds": 0.01})
            await post("delete", {"channel": "DCAROL", "ts": said["ts"]})
            sim.faults.add(Fault(kind="ratelimited"))
            assert await error(client.auth_test()) == "ratelimited"
            async with remote.get("/control/state") as answer:
                state = await answer.json()
            assert "UCAROL" in {user["id"] for user in state["users"]}
            assert state["limits"]["refused"] == {"auth.test": 1}

    async def test_feed_tells_everything(self, sim: SlackSimulator, client: AsyncWebClient, url: str) -> None:
        sim.say("DALICE", "UALICE", "hello")
        await client.chat_postMessage(channel="DALICE", text="hi")
        kinds = []
        async with aiohttp.ClientSession() as session, session.get(f"{url}/control/events?after=0") as feed:
            async with asyncio.timeout(30):
                async for line in feed.content:
                    if line.startswith(b"data: "):
                        event = json.loads(line[6:])
                        kinds.append(event["kind"])
                        if event["kind"] == "call":
                            break
        assert kinds == ["message", "message", "call"]
