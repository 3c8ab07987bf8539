"""The simulated Telegram's rich messages, seen by the real python-telegram-bot."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import telegram
from telegram.error import BadRequest, InvalidToken

from simulators.demo.looks import telegram_message
from simulators.telegram import TelegramSimulator
from simulators.telegram.flood import Flood
from tests.contract.test_telegram_simulator import ANN, GROUP, Phone, phone


@pytest.fixture
async def here() -> AsyncIterator[Phone]:
    async with phone() as made:
        yield made


@pytest.fixture
async def bot(here: Phone) -> telegram.Bot:
    return await here.bot()


@pytest.fixture
def sim(here: Phone) -> TelegramSimulator:
    return here.sim


async def send(bot: telegram.Bot, chat: int = ANN, method: str = "sendRichMessage", **more: Any) -> Any:
    content = {name: more.pop(name) for name in ("html", "markdown", "skip_entity_detection") if name in more}
    return await bot.do_api_request(method, {"chat_id": chat, "rich_message": content, **more})


async def refusal(bot: telegram.Bot, **more: Any) -> str:
    with pytest.raises(BadRequest) as caught:
        await send(bot, **more)
    return caught.value.message


async def test_it_is_read_as_lines(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    sent = await send(
        bot,
        html="<h1>A <i>b</i></h1><p>one<br>two &lt;x&gt;</p><ul><li><p>c</p></li><li><input type='checkbox' checked>d"
        "</li></ul><table><tr><th>e</th><th>f</th></tr><tr><td>1</td><td></td></tr></table><pre>x\n  y</pre>"
        "<details><summary>S</summary><p>in</p></details><hr/><tg-math-block>z</tg-math-block>",
    )
    words = "A b\none\ntwo <x>\n• c\n• ☑ d\ne | f\n1 |\nx\n  y\nS\nin\nz"
    assert sim.texts(ANN) == [words]
    assert "text" not in sent
    assert [block["text"] for block in sent["rich_message"]["blocks"]] == words.split("\n")
    item = telegram_message({"message": sent, "chat": ANN, "by": "bot", "kind": "message"})
    assert item["text"] == words


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({}, "Rich_message_content_required"),
        ({"html": ""}, "Rich_message_content_required"),
        ({"html": "<p> </p>"}, "Rich_message_content_required"),
        ({"html": "x", "markdown": "x"}, "Rich_message_content_required"),
        ({"html": "<div>x</div>"}, 'Can\'t parse rich message: unsupported start tag "div"'),
        ({"html": "<tg-thinking>x</tg-thinking>"}, 'Can\'t parse rich message: unsupported start tag "tg-thinking"'),
        ({"html": "<p>x"}, "Can't parse rich message: can't find end tag corresponding to start tag \"p\""),
        ({"html": "<b><i>x</b></i>"}, 'Can\'t parse rich message: unmatched end tag "b"'),
        ({"html": '<img src="https://x.io/a.png">'}, "Rich_message_photo_no_media_found"),
        ({"html": "openai:ann@x.io"}, "Rich_message_email_invalid"),
        ({"html": "<b>" * 17 + "x" + "</b>" * 17}, "Rich_message_depth_invalid"),
        ({"html": "<p>x</p>" * 501}, "Rich_message_blocks_too_much"),
        ({"html": f"<table><tr>{'<td>x</td>' * 21}</tr></table>"}, "Rich_message_table_invalid"),
        ({"html": "x" * 32_769}, "Message_too_long"),
        ({"markdown": "x" * 32_769}, "Message_too_long"),
    ],
)
async def test_what_is_refused(bot: telegram.Bot, content: dict[str, Any], reason: str) -> None:
    assert await refusal(bot, **content) == reason


@pytest.mark.parametrize(
    "content",
    [
        {"html": "<b>" * 16 + "x" + "</b>" * 16},
        {"html": "<p>x</p>" * 500},
        {"html": f"<table><tr>{'<td>x</td>' * 20}</tr></table>"},
        {"html": "汉" * 32_768},
        {"markdown": "# x"},
        {"html": "openai:ann@x.io", "skip_entity_detection": True},
    ],
)
async def test_what_is_taken(sim: TelegramSimulator, bot: telegram.Bot, content: dict[str, Any]) -> None:
    await send(bot, **content)
    assert sim.texts(ANN)


async def test_a_text_becomes_rich_and_text_again(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    message = await bot.send_message(ANN, "plain")
    where = {"chat_id": ANN, "message_id": message.message_id}
    rich = {"api_kwargs": {"rich_message": {"html": "<h1>x</h1>"}}}
    await bot.edit_message_text(None, **where, **rich)  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="not modified"):
        await bot.edit_message_text(None, **where, **rich)  # type: ignore[arg-type]
    button = telegram.InlineKeyboardButton("a", callback_data="b")
    await bot.edit_message_reply_markup(**where, reply_markup=telegram.InlineKeyboardMarkup([[button]]))
    (stands,) = sim.messages(ANN)[-1:]
    assert stands.now.rich
    assert stands.now.reply_markup
    await bot.edit_message_text("x", **where)
    assert (stands.now.rich, stands.text) == (None, "x"), "of the same words, but not the same"


async def test_drafts_of_them(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    draft = {"method": "sendRichMessageDraft", "draft_id": 5}
    await send(bot, html="<p>so far</p><tg-thinking>…</tg-thinking>", **draft)
    assert (shown := sim.draft(ANN)) is not None
    assert (shown.text, bool(shown.rich)) == ("so far\n…", True)
    sim.add_chat(GROUP, type="group")
    assert await refusal(bot, chat=GROUP, html="x", **draft) == "Textdraft_peer_invalid"
    await send(bot, html="<p>whole</p>")
    assert sim.draft(ANN) is None
    sim.world.drafts_allowed = False
    assert await refusal(bot, html="x", **draft) == "Textdraft_peer_invalid"
    flood = Flood()
    late = [flood.admit("sendRichMessageDraft", "7", 0.0).retry_after > 0 for _ in range(4)]
    assert late == [False, False, False, True]
    assert not flood.admit("sendRichMessage", "7", 0.0).retry_after


async def test_a_server_that_is_older(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    sim.world.unknown_methods.add("sendRichMessage")
    with pytest.raises(InvalidToken):
        await send(bot, html="x")
    (call,) = sim.calls("sendRichMessage")
    assert (call.status, call.description) == (404, "Not Found: method not found")
