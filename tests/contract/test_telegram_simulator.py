"""The simulated Telegram, seen by the real python-telegram-bot: does it answer, refuse and deliver as Telegram does?"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import aiohttp
import httpx_aiohttp
import pytest
import telegram
from aiohttp import web
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter
from telegram.request import HTTPXRequest

from simulators.telegram import TelegramSimulator
from simulators.telegram.flood import Flood, Limits
from simulators.wire import Fault, Served

ANN, BOB = 42, 43
GROUP, FORUM = -500, -1_000_000_000_777


class Phone:
    """A simulator that listens, and bots that talk to it."""

    def __init__(self, sim: TelegramSimulator, url: str) -> None:
        self.sim = sim
        self.url = url
        self._stack = AsyncExitStack()

    async def bot(self, token: str = "", read_timeout: float = 5.0) -> telegram.Bot:
        def request() -> HTTPXRequest:
            transport = httpx_aiohttp.AiohttpTransport(verify=False)
            return HTTPXRequest(read_timeout=read_timeout, httpx_kwargs={"transport": transport})

        bot = telegram.Bot(
            token or self.sim.token,
            base_url=f"{self.url}/bot",
            base_file_url=f"{self.url}/file/bot",
            request=request(),
            get_updates_request=request(),
        )
        for one in bot._request:
            await one.initialize()
            self._stack.push_async_callback(one.shutdown)
        return bot

    async def close(self) -> None:
        await self._stack.aclose()


@asynccontextmanager
async def phone(**options: Any) -> AsyncIterator[Phone]:
    sim = TelegramSimulator(**({"limits": False} | options))
    sim.updates.damping = False
    sim.webhook.pause_factor = 0.01
    sim.add_user(ANN, first_name="Ann", username="ann_l")
    sim.add_chat(ANN)
    async with Served(sim.app) as served:
        one = Phone(sim, served.url)
        try:
            yield one
        finally:
            await one.close()


@pytest.fixture(autouse=True)
def durations_as_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    """python-telegram-bot warns as long as RetryAfter counts in whole seconds."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
async def here() -> AsyncIterator[Phone]:
    async with phone() as one:
        yield one


@pytest.fixture
async def sim(here: Phone) -> TelegramSimulator:
    return here.sim


@pytest.fixture
async def bot(here: Phone) -> telegram.Bot:
    return await here.bot()


async def refusal(call: Any) -> str:
    """The error text of a call that must fail as a bad request."""
    with pytest.raises(BadRequest) as raised:
        await call
    return str(raised.value.message)


# Who am I


async def test_initialize_reads_every_field_of_get_me(here: Phone, bot: telegram.Bot) -> None:
    await bot.initialize()
    assert bot.username == here.sim.me.username
    assert bot.can_read_all_group_messages
    await bot.shutdown()


async def test_unknown_tokens_methods_and_paths_are_refused(here: Phone) -> None:
    with pytest.raises(InvalidToken):
        await (await here.bot("123456:WRONG")).get_me()
    async with aiohttp.ClientSession(here.url) as http:
        for path, description in (
            ("/bot123456:TEST/noSuchMethod", "Not Found: method not found"),
            ("/bot123456:OTHER/getMe", "Unauthorized"),
            ("/botnonsense/getMe", "Unauthorized: invalid token specified"),
            ("/elsewhere", "Not Found"),
        ):
            async with http.get(path) as response:
                body = await response.json()
                assert (body["description"], body["error_code"]) == (description, response.status)


async def test_methods_are_case_insensitive_and_parameters_come_in_any_form(here: Phone) -> None:
    async with aiohttp.ClientSession(f"{here.url}/bot{here.sim.token}/") as http:
        await http.get("SENDMESSAGE", params={"chat_id": ANN, "text": "query"})
        await http.post("sendmessage", data={"chat_id": ANN, "text": "form"})
        await http.post("sendMessage", json={"chat_id": ANN, "text": "json", "entities": []})
        form = aiohttp.FormData({"chat_id": str(ANN), "text": "multipart"}, default_to_multipart=True)
        await http.post("sendMessage", data=form)
    assert here.sim.texts(ANN) == ["query", "form", "json", "multipart"]


# Writing


async def test_a_message_grows_by_edits_and_its_timeline_is_kept(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    button = telegram.InlineKeyboardMarkup.from_button(telegram.InlineKeyboardButton("Stop", callback_data="stop"))
    sent = await bot.send_message(ANN, "He", reply_markup=button)
    edited = await bot.edit_message_text("Hello", ANN, sent.message_id)
    assert isinstance(edited, telegram.Message)
    assert edited.edit_date is not None
    assert edited.reply_markup is None, "an edit without keyboard takes it away"
    await bot.delete_message(ANN, sent.message_id)
    (message,) = sim.world.chats[ANN].messages.values()
    assert [version.text for version in message.versions] == ["He", "Hello"]
    assert [version.reply_markup is None for version in message.versions] == [False, True]
    assert message.versions[0].at < message.versions[1].at < (message.deleted_at or 0)
    assert sim.texts(ANN) == []


async def test_what_telegram_refuses_to_send_or_edit(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    sent = await bot.send_message(ANN, "same")
    assert "is not modified" in await refusal(bot.edit_message_text("same", ANN, sent.message_id))
    assert await refusal(bot.edit_message_text("x" * 4097, ANN, sent.message_id)) == "Message_too_long"
    assert await refusal(bot.edit_message_text("x", ANN, 999)) == "Message to edit not found"
    assert await refusal(bot.send_message(ANN, "x" * 4097)) == "Message is too long"
    assert await refusal(bot.send_message(ANN, "é" * 16_385)) == "Text is too long"
    assert await refusal(bot.send_message(ANN, "")) == "Message text is empty"
    assert await refusal(bot.send_message(ANN, " \n ")) == "Text must be non-empty"
    assert await refusal(bot.send_message(999, "x")) == "Chat not found"
    assert await refusal(bot.send_message(ANN, "x", message_thread_id=1)) == "Message thread not found"
    theirs = sim.say(ANN, ANN, "mine")["message_id"]
    assert await refusal(bot.edit_message_text("x", ANN, theirs)) == "Message can't be edited"
    forced = await bot.send_message(ANN, "?", reply_markup=telegram.ForceReply())
    assert await refusal(bot.edit_message_text("x", ANN, forced.message_id)) == "Message can't be edited"
    long_data = telegram.InlineKeyboardButton("b", callback_data="é" * 33)
    markup = telegram.InlineKeyboardMarkup.from_button(long_data)
    assert await refusal(bot.send_message(ANN, "x", reply_markup=markup)) == "Button_data_invalid"
    sim.add_user(BOB)
    with pytest.raises(Forbidden, match="can't initiate conversation"):
        await bot.send_message(BOB, "hello?")


async def test_a_text_of_4096_astral_characters_is_not_too_long(bot: telegram.Bot) -> None:
    assert (await bot.send_message(ANN, "😀" * 4096)).text == "😀" * 4096


async def test_entities_are_clipped_dropped_shifted_and_limited(bot: telegram.Bot) -> None:
    def entity(kind: str, offset: int, length: int, **more: Any) -> telegram.MessageEntity:
        return telegram.MessageEntity(kind, offset, length, **more)

    entities = [
        entity("bold", 0, 6),
        entity("italic", 6, 500),
        entity("code", 900, 5),
        entity("underline", 3, 0),
        entity("text_link", 2, 2, url="http://a"),
        entity("text_link", 4, 1, url="not a link"),
        entity("mention", 2, 3),
    ]
    sent = await bot.send_message(ANN, "  😀 ab cd\n ", entities=entities)
    assert sent.text == "😀 ab cd"
    assert [(one.type, one.offset, one.length) for one in sent.entities] == [
        ("bold", 0, 4),
        ("text_link", 0, 2),
        ("italic", 4, 4),
    ]
    assert sent.entities[1].url == "http://a/"
    many = [entity("bold" if n % 2 else "italic", n, 1) for n in range(150)]
    assert len((await bot.send_message(ANN, "x" * 150, entities=many)).entities) == 100
    assert "incorrect offset -1" in await refusal(bot.send_message(ANN, "x", entities=[entity("bold", -1, 1)]))
    assert "incorrect length" in await refusal(bot.send_message(ANN, "x", entities=[entity("bold", 0, 1_000_001)]))
    assert "unsupported type" in await refusal(bot.send_message(ANN, "x", entities=[entity("blink", 0, 1)]))


async def test_links_and_mentions_are_found_but_not_in_code(bot: telegram.Bot) -> None:
    code = telegram.MessageEntity("code", 0, 9)
    sent = await bot.send_message(
        ANN, "/cmd @bob /start@coze_demo_bot @ann_l #tag https://a.b/c. a@b.org", entities=[code]
    )
    found = {sent.parse_entity(one): one.type for one in sent.entities}
    assert found == {
        "/cmd @bob": "code",
        "/start@coze_demo_bot": "bot_command",
        "@ann_l": "mention",
        "#tag": "hashtag",
        "https://a.b/c": "url",
        "a@b.org": "email",
    }


async def test_html_becomes_entities(bot: telegram.Bot) -> None:
    raw = '<b>bo <i>th</i></b> &lt;x&gt; <a href="http://a">l</a> <pre><code class="language-py">x = 1</code></pre>'
    sent = await bot.send_message(ANN, raw, parse_mode="HTML")
    assert sent.text == "bo th <x> l x = 1"
    assert [(one.type, sent.parse_entity(one)) for one in sent.entities] == [
        ("bold", "bo th"),
        ("italic", "th"),
        ("text_link", "l"),
        ("pre", "x = 1"),
    ]
    assert sent.entities[-1].language == "py"


async def test_markdown_v2_becomes_entities(bot: telegram.Bot) -> None:
    raw = "*bo _th_* __u__ ~s~ ||sp|| `c*` [l](http://a/\\)) 1\\.\n```py\nx = 1\n```\n>quoted\n>twice"
    sent = await bot.send_message(ANN, raw, parse_mode="MarkdownV2")
    assert sent.text == "bo th u s sp c* l 1.\nx = 1\n\nquoted\ntwice"
    assert [(one.type, sent.parse_entity(one)) for one in sent.entities] == [
        ("bold", "bo th"),
        ("italic", "th"),
        ("underline", "u"),
        ("strikethrough", "s"),
        ("spoiler", "sp"),
        ("code", "c*"),
        ("text_link", "l"),
        ("pre", "x = 1\n"),
        ("blockquote", "quoted\ntwice"),
    ]


@pytest.mark.parametrize(
    ("mode", "raw", "error"),
    [
        ("MarkdownV2", "1.", "character '.' is reserved and must be escaped with the preceding '\\'"),
        ("MarkdownV2", "*bold", "can't find end of bold entity at byte offset 0"),
        ("MarkdownV2", "[é](http://a", "can't find end of a url at byte offset 4"),
        ("HTML", "<foo>x", 'unsupported start tag "foo" at byte offset 0'),
        ("HTML", "<b>x", 'can\'t find end tag corresponding to start tag "b"'),
        ("HTML", "<b>x</i>", 'unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
    ],
)
async def test_broken_markup_is_refused(bot: telegram.Bot, mode: str, raw: str, error: str) -> None:
    assert await refusal(bot.send_message(ANN, raw, parse_mode=mode)) == f"Can't parse entities: {error}"


async def test_reply_targets(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    asked = sim.say(ANN, ANN, "why?")["message_id"]
    sent = await bot.send_message(ANN, "so", reply_parameters=telegram.ReplyParameters(asked))
    assert sent.reply_to_message is not None
    assert sent.reply_to_message.message_id == asked
    sim.delete(ANN, asked)
    gone = telegram.ReplyParameters(asked)
    assert await refusal(bot.send_message(ANN, "so", reply_parameters=gone)) == "Message to be replied not found"
    lenient = telegram.ReplyParameters(asked, allow_sending_without_reply=True)
    assert (await bot.send_message(ANN, "so", reply_parameters=lenient)).reply_to_message is None


async def test_deleting_has_an_age_limit_and_skips_what_is_gone(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    old = await bot.send_message(ANN, "old")
    assert await refusal(bot.delete_message(ANN, 999)) == "Message to delete not found"
    await bot.delete_messages(ANN, [999])
    sim.skip(48 * 3600 + 1)
    assert await refusal(bot.delete_message(ANN, old.message_id)) == "Message can't be deleted for everyone"
    await bot.edit_message_text("still editable", ANN, old.message_id)
    sim.say(GROUP, ANN, "theirs")
    theirs = sim.messages(GROUP)[0].message_id
    assert await refusal(bot.delete_message(GROUP, theirs)) == "Message can't be deleted"


async def test_drafts_leave_frames_and_end_with_a_message(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    for text in ("", "One", "One two"):
        assert await bot.send_message_draft(ANN, 7, text)
    assert (draft := sim.draft(ANN)) is not None
    assert draft.text == "One two"
    await bot.send_message(ANN, "One two three")
    assert sim.draft(ANN) is None
    assert [frame.text for frame in sim.world.drafts] == ["", "One", "One two"]
    assert await refusal(bot.send_message_draft(ANN, 7, "x" * 4097)) == "Message_too_long"
    sim.add_chat(GROUP, type="group")
    assert await refusal(bot.send_message_draft(GROUP, 7, "x")) == "Textdraft_peer_invalid"
    await bot.send_message_draft(ANN, 8, "fades")
    sim.skip(31)
    assert sim.draft(ANN) is None


async def test_files_go_both_ways(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    sent = await bot.send_document(ANN, b"# Answer", filename="answer.md", caption="All of it")
    assert sent.document is not None
    assert (sent.document.file_name, sent.caption) == ("answer.md", "All of it")
    assert await refusal(bot.edit_message_text("x", ANN, sent.message_id)) == "There is no text in the message to edit"
    sim.say(ANN, ANN, "look", media={"kind": "photo", "text": "pixels"})
    sim.say(ANN, ANN, media={"kind": "document", "name": "huge.bin", "size": 30_000_000})
    photo, huge = (update.message for update in await bot.get_updates())
    assert photo is not None
    assert huge is not None
    assert huge.document is not None
    file = await bot.get_file(photo.photo[-1].file_id)
    assert bytes(await file.download_as_bytearray()) == b"pixels"
    assert photo.caption == "look"
    assert await refusal(bot.get_file(huge.document.file_id)) == "File is too big"
    assert "wrong file_id" in (await refusal(bot.get_file("nonsense"))).lower()


async def test_small_methods(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    commands = [telegram.BotCommand("start", "Begin"), telegram.BotCommand("stop", "End")]
    await bot.set_my_commands(commands, language_code="zh")
    assert list(await bot.get_my_commands(language_code="zh")) == commands
    assert list(await bot.get_my_commands()) == []
    await bot.delete_my_commands(language_code="zh")
    assert list(await bot.get_my_commands(language_code="zh")) == []
    assert (await bot.get_chat(ANN)).first_name == "Ann"
    assert (await bot.get_chat_member(ANN, ANN)).status == "member"
    asked = sim.say(ANN, ANN, "hi")["message_id"]
    await bot.set_message_reaction(ANN, asked, "👀")
    assert sim.messages(ANN)[0].reactions == [{"type": "emoji", "emoji": "👀"}]
    await bot.send_chat_action(ANN, "typing")
    assert sim.feed.events[-2]["kind"] == "typing"
    assert await refusal(bot.send_chat_action(ANN, "dancing")) == "Wrong parameter action in request"


# Reading


async def test_polling_confirms_by_offset(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    first, second, third = (sim.say(ANN, ANN, text)["update_id"] for text in ("a", "b", "c"))
    assert [one.update_id for one in await bot.get_updates()] == [first, second, third]
    assert [one.update_id for one in await bot.get_updates(limit=1)] == [first], "nothing was confirmed"
    assert [one.update_id for one in await bot.get_updates(offset=second)] == [second, third]
    assert [one.update_id for one in await bot.get_updates(offset=-1)] == [third]
    assert [one.update_id for one in await bot.get_updates()] == [third], "the others are forgotten"
    assert await bot.get_updates(offset=third + 1) == ()


async def test_a_long_poll_wakes_when_somebody_speaks(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await sim.wait(lambda: sim.calls("getUpdates"))
    sim.say(ANN, ANN, "one")
    sim.say(ANN, ANN, "two")
    assert [one.message.text for one in await poll if one.message] == ["one", "two"]


async def test_the_older_of_two_pollers_loses(here: Phone, sim: TelegramSimulator, bot: telegram.Bot) -> None:
    older = asyncio.create_task(bot.get_updates(timeout=30))
    await sim.wait(lambda: sim.calls("getUpdates"))
    newer = asyncio.create_task((await here.bot()).get_updates(timeout=30))
    with pytest.raises(Conflict, match="terminated by other"):
        await older
    sim.say(ANN, ANN, "for the newer")
    assert len(await newer) == 1


async def test_a_poller_that_dies_loses_nothing(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await sim.wait(lambda: sim.calls("getUpdates"))
    poll.cancel()
    with suppress(asyncio.CancelledError):
        await poll
    sim.say(ANN, ANN, "anybody there?")
    (update,) = await bot.get_updates(timeout=5)
    assert update.message is not None
    assert update.message.text == "anybody there?"


async def test_hurried_polls_with_the_same_offset_are_slowed_down(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    sim.updates.damping = True
    await bot.get_updates(offset=5)
    poll = asyncio.create_task(bot.get_updates(offset=5))
    await sim.wait(lambda: len(sim.calls("getUpdates")) == 2)
    sim.say(ANN, ANN, "still in time")
    assert len(await poll) == 1


async def test_the_kinds_asked_for_stay_asked_for(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    await bot.get_updates(allowed_updates=["callback_query"])
    assert sim.say(ANN, ANN, "unheard")["update_id"] is None
    await bot.get_updates()
    assert sim.say(ANN, ANN, "still unheard")["update_id"] is None
    await bot.get_updates(allowed_updates=[])
    assert sim.say(ANN, ANN, "heard")["update_id"]


async def test_updates_expire(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    button = telegram.InlineKeyboardMarkup.from_button(telegram.InlineKeyboardButton("Stop", callback_data="stop"))
    sent = await bot.send_message(ANN, "…", reply_markup=button)
    pressed = sim.press(ANN, sent.message_id, "stop", ANN)
    (update,) = await bot.get_updates()
    assert update.callback_query is not None
    assert update.callback_query.data == "stop"
    assert await bot.answer_callback_query(pressed["callback_query_id"])
    sim.skip(151)
    assert await bot.get_updates() == ()
    assert "query is too old" in (await refusal(bot.answer_callback_query(pressed["callback_query_id"]))).lower()
    with pytest.raises(LookupError):
        sim.press(ANN, sent.message_id, "elsewhere", ANN)


async def test_duplicates_swaps_and_holding(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    first = sim.say(ANN, ANN, "a")["update_id"]
    assert await bot.get_updates(offset=first + 1) == ()
    sim.updates.duplicate()
    assert [one.update_id for one in await bot.get_updates(offset=first + 1)] == [first]
    assert await bot.get_updates(offset=first + 1) == ()
    sim.updates.swap_next()
    sim.say(ANN, ANN, "b")
    assert await bot.get_updates(offset=first + 1) == ()
    sim.say(ANN, ANN, "c")
    swapped = [one.update_id for one in await bot.get_updates(offset=first + 1)]
    assert swapped == [first + 2, first + 1]
    sim.updates.hold()
    sim.say(ANN, ANN, "d")
    assert await bot.get_updates(offset=first + 3) == ()
    sim.updates.release()
    assert len(await bot.get_updates(offset=first + 3)) == 1


# Webhooks


@asynccontextmanager
async def receiver(answer: Callable[[dict[str, Any]], web.Response]) -> AsyncIterator[tuple[str, list[Any]]]:
    """A web server that a webhook may call; yields its URL and what it was sent."""
    got: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        update = await request.json()
        got.append((update["update_id"], request.headers.get("X-Telegram-Bot-Api-Secret-Token")))
        return answer(update)

    app = web.Application()
    app.router.add_post("/hook", take)
    async with Served(app) as served:
        yield f"{served.url}/hook", got


async def test_a_webhook_gets_updates_in_order_with_its_secret(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    async with receiver(lambda _update: web.Response()) as (url, got):
        assert await bot.set_webhook(url, secret_token="s3cret")
        ids = [sim.say(ANN, ANN, str(number))["update_id"] for number in range(5)]
        await sim.wait(lambda: not sim.updates.pending)
        assert got == [(number, "s3cret") for number in ids]
        with pytest.raises(Conflict, match="webhook is active"):
            await bot.get_updates()
        sim.updates.duplicate(ids[1])
        await sim.wait(lambda: not sim.updates.pending)
        assert got[-1] == (ids[1], "s3cret")
        assert (await bot.get_webhook_info()).url == url
        await bot.delete_webhook()
        sim.say(ANN, ANN, "polled")
        assert len(await bot.get_updates()) == 1


async def test_a_webhook_is_tried_again_and_only_its_chat_waits(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    failures = 2

    def answer(update: dict[str, Any]) -> web.Response:
        nonlocal failures
        if update["message"]["chat"]["id"] == ANN and failures:
            failures -= 1
            return web.Response(status=502)
        return web.Response()

    async with receiver(answer) as (url, got):
        await bot.set_webhook(url)
        first, second = sim.say(ANN, ANN, "a")["update_id"], sim.say(ANN, ANN, "b")["update_id"]
        other = sim.say(BOB, BOB, "c")["update_id"]
        await sim.wait(lambda: not sim.updates.pending)
        assert [number for number, _ in got if number != other] == [first, first, first, second]
        assert [number for number, _ in got].index(other) <= 2
        error = (await bot.get_webhook_info()).last_error_message
        assert error == "Wrong response from the webhook: 502 Bad Gateway"


async def test_a_webhook_may_answer_with_a_call(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    answer = {"method": "sendMessage", "chat_id": ANN, "text": "inline answer"}
    async with receiver(lambda _update: web.json_response(answer)) as (url, _got):
        await bot.set_webhook(url)
        sim.say(ANN, ANN, "hi")
        assert await sim.wait(lambda: sim.texts(ANN)) == ["inline answer"]


async def test_a_new_webhook_ends_a_poll(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await sim.wait(lambda: sim.calls("getUpdates"))
    await bot.set_webhook("http://127.0.0.1:1/hook")
    with pytest.raises(Conflict, match="terminated by setWebhook"):
        await poll
    assert await refusal(bot.set_webhook("nonsense")) == "Invalid webhook url specified"


# Flood control


async def test_too_many_calls_are_refused_and_defiance_escalates(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr("simulators.telegram.model.Clock.now", lambda clock: now + clock.ahead)
    async with phone(limits=Limits(extra_seconds=(4,))) as here:
        bot = await here.bot()
        sent = await bot.send_message(ANN, "1")
        await bot.edit_message_text("12", ANN, sent.message_id)
        await bot.send_chat_action(ANN, "typing")
        waits = []
        for _ in range(3):
            with pytest.raises(RetryAfter) as raised:
                await bot.send_message(ANN, "4")
            waits.append(raised.value.retry_after)
        assert waits == [timedelta(seconds=seconds) for seconds in (5, 8, 12)]
        sim = here.sim
        assert (sim.flood_control.refused, sim.flood_control.defied) == (3, 2)
        assert [call.in_penalty for call in sim.calls(chat=ANN)] == [False, False, False, False, True, True]
        sim.say(BOB, BOB, "another chat")
        await bot.send_message(BOB, "is not concerned")
        sim.skip(12)
        await bot.send_message(ANN, "patience")


async def test_an_answer_may_come_late_instead_of_being_refused() -> None:
    async with phone(limits=Limits(silent_wait=True, private_refill=10)) as here:
        bot = await here.bot()
        for number in range(5):
            await bot.send_message(ANN, str(number))
        assert here.sim.texts(ANN) == ["0", "1", "2", "3", "4"]
        assert [call.took > 0.05 for call in here.sim.calls("sendMessage")] == [False, False, False, True, True]


async def test_the_penalty_is_told_in_body_and_header(here: Phone) -> None:
    here.sim.flood(ANN, 7)
    url = f"{here.url}/bot{here.sim.token}/sendMessage"
    async with aiohttp.ClientSession() as http, http.post(url, data={"chat_id": ANN, "text": "x"}) as response:
        assert response.status == 429
        assert response.headers["Retry-After"] == "11"
        assert await response.json() == {
            "ok": False,
            "error_code": 429,
            "description": "Too Many Requests: retry after 11",
            "parameters": {"retry_after": 11},
        }


def test_budgets_of_chats_groups_drafts_and_the_bot() -> None:
    flood = Flood(Limits())
    assert [flood.admit("sendMessage", "-5", 0.0).retry_after > 0 for _ in range(21)] == [False] * 20 + [True]
    drafts = [flood.admit("sendMessageDraft", "7", 0.0).retry_after > 0 for _ in range(4)]
    assert drafts == [False, False, False, True]
    assert not flood.admit("sendMessage", "7", 0.0).retry_after, "the draft's penalty is its own"
    crowd = [flood.admit("sendMessage", str(chat), 1.0).retry_after > 0 for chat in range(100, 140)]
    assert crowd.count(False) == 30
    assert not flood.admit("getChat", "7", 1.0).retry_after


def test_waiting_in_silence_delays_before_it_refuses() -> None:
    flood = Flood(Limits(silent_wait=True))
    waits = [flood.admit("sendMessage", "7", 0.0).wait for _ in range(11)]
    assert waits == [0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert flood.admit("sendChatAction", "7", 0.0).retry_after


# Faults


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(kind="flood", seconds=9), RetryAfter),
        (Fault(kind="error_500"), NetworkError),
        (Fault(kind="error_502_html"), NetworkError),
        (Fault(kind="reset"), NetworkError),
        (Fault(kind="block_user"), Forbidden),
        (Fault(kind="unauthorized"), InvalidToken),
        (Fault(kind="not_found_message"), BadRequest),
        (Fault(kind="error", value="400 Bad Request: message thread not found"), BadRequest),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
async def test_a_fault_hits_its_call_and_changes_nothing(
    sim: TelegramSimulator, bot: telegram.Bot, fault: Fault, error: type[Exception]
) -> None:
    fault.method, fault.chat, fault.after = "sendMessage", str(ANN), 1
    sim.faults.add(fault)
    await bot.send_message(ANN, "before")
    with pytest.raises(error):
        await bot.send_message(ANN, "hit")
    sim.skip(10)
    await bot.send_message(ANN, "after")
    assert sim.texts(ANN) == ["before", "after"]


async def test_a_lost_answer_leaves_a_message(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    sim.faults.add(Fault(kind="drop_response_after_commit"))
    with pytest.raises(NetworkError):
        await bot.send_message(ANN, "delivered all the same")
    assert sim.texts(ANN) == ["delivered all the same"]
    assert sim.calls("sendMessage")[0].status == 0


async def test_an_answer_that_comes_too_late_leaves_a_message(here: Phone, sim: TelegramSimulator) -> None:
    impatient = await here.bot(read_timeout=0.05)
    sim.faults.add(Fault(kind="hang_after_commit", seconds=0.2))
    with pytest.raises(telegram.error.TimedOut):
        await impatient.send_message(ANN, "delivered at once")
    assert sim.texts(ANN) == ["delivered at once"]


async def test_whose_message_it_is_shows_in_what_an_edit_of_its_keyboard_answers(
    sim: TelegramSimulator, bot: telegram.Bot
) -> None:
    """On this rests the search for a lost message: nothing happens to what is not the bot's, or not there."""
    theirs = sim.say(GROUP, ANN, "theirs")["message_id"]
    elsewhere = sim.say(ANN, ANN, "in a private chat, with the same counter")["message_id"]
    ours = await bot.send_message(GROUP, "ours", reply_parameters=telegram.ReplyParameters(theirs))
    button = telegram.InlineKeyboardMarkup([[telegram.InlineKeyboardButton("…", callback_data="x")]])
    assert [theirs, elsewhere, ours.message_id] == list(range(theirs, theirs + 3))
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_reply_markup(GROUP, theirs, reply_markup=button)
    for number in (elsewhere, ours.message_id + 1):
        with pytest.raises(BadRequest, match="Message to edit not found"):
            await bot.edit_message_reply_markup(GROUP, number, reply_markup=button)
    shown = await bot.edit_message_reply_markup(GROUP, ours.message_id, reply_markup=button)
    assert isinstance(shown, telegram.Message)
    assert (shown.text, shown.reply_markup) == ("ours", button)
    assert shown.reply_to_message
    assert shown.reply_to_message.message_id == theirs
    with pytest.raises(BadRequest, match="not modified"):
        await bot.edit_message_reply_markup(GROUP, ours.message_id, reply_markup=button)
    assert not (await bot.edit_message_text("ours", GROUP, ours.message_id)).reply_markup
    assert [len(message.versions) for message in sim.messages(GROUP)] == [1, 3]


async def test_a_call_that_hangs_is_done_late(here: Phone, sim: TelegramSimulator) -> None:
    impatient = await here.bot(read_timeout=0.05)
    sim.faults.add(Fault(kind="hang", seconds=0.2))
    with pytest.raises(telegram.error.TimedOut):
        await impatient.send_message(ANN, "late")
    assert sim.texts(ANN) == []
    assert await sim.wait(lambda: sim.texts(ANN)) == ["late"]


async def test_blocking_and_unblocking(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    sim.block(ANN)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(ANN, "x")
    sim.unblock(ANN)
    await bot.send_message(ANN, "x")
    statuses = [one.my_chat_member.new_chat_member.status for one in await bot.get_updates() if one.my_chat_member]
    assert statuses == ["kicked", "member"]


# Groups


async def test_a_group_that_becomes_a_supergroup(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    sim.say(GROUP, ANN, "hi")
    new = sim.migrate(GROUP)
    with pytest.raises(ChatMigrated) as raised:
        await bot.send_message(GROUP, "x")
    assert raised.value.new_chat_id == new
    await bot.send_message(new, "x")
    _, left, came = (update.message for update in await bot.get_updates())
    assert left is not None
    assert came is not None
    assert (left.migrate_to_chat_id, came.migrate_from_chat_id) == (new, GROUP)


async def test_message_ids_count_per_account_and_per_supergroup(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    sim.add_chat(FORUM, type="supergroup", title="Big")
    ids = [sim.say(chat, ANN, "hi")["message_id"] for chat in (ANN, FORUM, GROUP, FORUM)]
    assert ids == [1, 1, 2, 2]
    assert (await bot.send_message(ANN, "x")).message_id == 3


async def test_topics_of_a_forum(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    topic = sim.add_chat(FORUM, type="supergroup", title="Forum", topics=["News"])["topics"]["News"]
    sim.say(FORUM, ANN, "in the topic", thread=topic)
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert (update.message.message_thread_id, update.message.is_topic_message) == (topic, True)
    assert update.message.reply_to_message is not None
    assert update.message.reply_to_message.forum_topic_created is not None
    sent = await bot.send_message(FORUM, "answer", message_thread_id=topic)
    assert sent.is_topic_message
    replied = await bot.send_message(FORUM, "x", reply_parameters=telegram.ReplyParameters(sent.message_id))
    assert replied.message_thread_id == topic
    for thread in (1 if topic != 1 else 2, 99):
        assert await refusal(bot.send_message(FORUM, "x", message_thread_id=thread)) == "Message thread not found"
    sim.remove_topic(FORUM, topic)
    assert await refusal(bot.send_message(FORUM, "x", message_thread_id=topic)) == "Message thread not found"


async def test_a_reply_in_a_plain_supergroup_has_a_thread_that_is_no_topic(
    sim: TelegramSimulator, bot: telegram.Bot
) -> None:
    sim.add_chat(FORUM, type="supergroup", title="Plain")
    root = sim.say(FORUM, ANN, "root")["message_id"]
    sim.say(FORUM, BOB, "reply", reply_to=root)
    message = (await bot.get_updates())[-1].message
    assert message is not None
    assert (message.message_thread_id, message.is_topic_message) == (root, None)


async def test_privacy_mode_hides_what_is_not_meant_for_the_bot() -> None:
    async with phone(privacy=True) as here:
        sim, bot = here.sim, await here.bot()
        sim.add_chat(GROUP, type="group", members=[ANN, BOB])
        assert not (await bot.get_me()).can_read_all_group_messages
        mine = (await bot.send_message(GROUP, "I am the bot")).message_id
        heard = {
            text: sim.say(GROUP, ANN, text, reply_to=reply)["update_id"] is not None
            for text, reply in (
                ("chatter", None),
                ("/stop", None),
                ("/stop@other_bot", None),
                ("/stop@coze_demo_bot", None),
                ("hey @Coze_Demo_Bot you", None),
                ("hey @coze_demo_bot_dev", None),
                ("a reply", mine),
            )
        }
        assert heard == {
            "chatter": False,
            "/stop": True,
            "/stop@other_bot": False,
            "/stop@coze_demo_bot": True,
            "hey @Coze_Demo_Bot you": True,
            "hey @coze_demo_bot_dev": False,
            "a reply": True,
        }


async def test_people_without_a_username_are_mentioned_by_name(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    sim.add_user(BOB, first_name="Bøb")
    sim.say(GROUP, ANN, "😀 ask Bøb please", mentions=[BOB])
    message = (await bot.get_updates())[0].message
    assert message is not None
    (entity,) = message.entities
    assert entity.user is not None
    assert (entity.type, message.parse_entity(entity), entity.user.id) == ("text_mention", "Bøb", BOB)


# The control side over HTTP


async def test_everything_can_be_done_over_http(here: Phone, bot: telegram.Bot) -> None:
    async with aiohttp.ClientSession(here.url) as http:

        async def post(path: str, **body: Any) -> Any:
            async with http.post(f"/control/{path}", json=body) as response:
                return await response.json()

        async def get(path: str) -> Any:
            async with http.get(f"/control/{path}") as response:
                return await response.json()

        user = (await post("users", first_name="Cleo"))["id"]
        group = (await post("chats", type="supergroup", title="Team", members=[user], topics=["A"]))["id"]
        said = await post("say", chat=group, user=user, text="hi @coze_demo_bot")
        (update,) = await bot.get_updates()
        assert update.update_id == said["update_id"]
        sent = await bot.send_message(group, "hello")
        await bot.edit_message_text("hello!", group, sent.message_id)
        shown = (await get(f"messages?chat={group}"))["messages"][-1]
        assert [version["text"] for version in shown["versions"]] == ["hello", "hello!"]
        await post("faults", kind="error_500", method="sendMessage")
        with suppress(NetworkError):
            await bot.send_message(group, "x")
        (failed,) = [call for call in await get(f"calls?method=sendMessage&chat={group}") if call["status"] == 500]
        assert failed["fault"] == "error_500"
        assert (await post("limits", on=True, private_capacity=1))["private_capacity"] == 1
        assert (await post("limits", nonsense=1))["ok"] is False
        assert (await post("update", poll={"id": "1"}))["update_id"] > said["update_id"]
        assert (await post("settings", privacy=True))["privacy"] is True
        assert "user" in (await post("say", chat=group))["error"]
        assert (await get("state"))["counts"]["pending_updates"] == 2
        async with http.get("/control/events?after=0") as stream:
            line = await stream.content.readline()
            assert line == b"id: 1\n"
