"""Pictures, files and long texts: what an answer brings along is sent after it, once and in order, or stays a link."""

import json
import logging

import pytest

from simulators.coze.answers import Answer, Extra
from simulators.coze.pictures import bicycle
from simulators.wire import Fault
from tests.e2e.worlds import World, settled

ANN, CHANNEL = 1001, "CGENERAL"
PDF = b"%PDF-1.7 words"
NAMES = ["terms.pdf", "Red.png", "Blue.png"]
TELEGRAM_ALONE = {"SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": ""}
SLACK_ALONE = {"TELEGRAM_BOT_TOKEN": "", "SLACK_STREAMING": "edit"}


@pytest.fixture
def drawn(world: World) -> World:
    """Coze answers "draw" with a file, as an object_string, and two pictures, as Markdown."""
    world.tuning = world.tuning.replace("private_seconds = 0.25", "private_seconds = 0.05")
    world.tuning += 'media_networks = ["127.0.0.0/8"]\n'
    world.coze.serve("terms.pdf", PDF, "application/pdf")
    world.coze.serve("red.png", bicycle(), "image/png")
    world.coze.serve("blue.png", bicycle() + b"blue", "image/png")
    place = f"{world.urls['coze']}/pictures"
    items = [
        {"type": "text", "text": "The terms:"},
        {"type": "file", "name": "terms.pdf", "file_url": f"{place}/terms.pdf?sign=a%2Bb"},
    ]
    text = f"First ![Red]({place}/red.png?sign=1), then ![Blue]({place}/blue.png); and `![no]({place}/no.png)`."
    extra = Extra(type="answer", content=json.dumps(items), content_type="object_string")
    world.coze.script("draw", Answer(text=text, messages=[extra]))
    world.coze.pace(0)
    return world


def asked_for(world: World) -> list[str]:
    """The files that somebody fetched."""
    paths = [call["path"].partition("?")[0] for call in world.coze.calls]
    return [path.removeprefix("/pictures/") for path in paths if path.startswith("/pictures/")]


def in_telegram(world: World) -> list[str]:
    """What the bot has sent, in order: `text`, or the name of the file."""
    shown = []
    for message in world.telegram.messages(ANN):
        if message.sender == world.telegram.me.id:
            (media,) = [found for kind, found in message.content.items() if kind in ("photo", "document")] or [None]
            number = (media[-1] if isinstance(media, list) else media)["file_id"] if media else ""
            shown.append(world.telegram.world.files[number].name if number else "text")
    return shown


def in_slack(world: World) -> list[str]:
    return [message.files[0]["name"] if message.files else "text" for message in world.slack.bot_messages(CHANNEL)]


async def all_in_slack(world: World, shown: list[str]) -> None:
    """Slack shows files some time after it took them."""
    await world.slack.wait(lambda: in_slack(world) == shown or None, 60)


async def test_in_telegram_they_come_after_the_text_in_order_and_once(drawn: World) -> None:
    async with drawn.bridge(**TELEGRAM_ALONE) as app:
        drawn.telegram.say(ANN, ANN, "draw")
        await settled(app, 1)
    assert in_telegram(drawn) == ["text", *NAMES]
    assert asked_for(drawn) == ["terms.pdf", "red.png", "blue.png"]
    files = {file.name: file.data for file in drawn.telegram.world.files.values()}
    assert files == {"terms.pdf": PDF, "Red.png": bicycle(), "Blue.png": bicycle() + b"blue"}
    text = [message for message in drawn.telegram.messages(ANN) if not message.is_media][-1]
    links = [entity["url"].rpartition("/")[2] for entity in text.now.entities if entity["type"] == "text_link"]
    assert links == ["terms.pdf?sign=a%2Bb", "red.png?sign=1", "blue.png"]


async def test_in_slack_too(drawn: World) -> None:
    async with drawn.bridge(**SLACK_ALONE) as app:
        root = drawn.slack.say(CHANNEL, "UALICE", "@coze draw")
        await settled(app, 1)
        await all_in_slack(drawn, ["text", *NAMES])
    assert {message.thread_ts for message in drawn.slack.bot_messages(CHANNEL)} == {root}
    assert sorted(drawn.slack.workspace.contents.values()) == sorted([PDF, bicycle(), bicycle() + b"blue"])
    assert asked_for(drawn) == ["terms.pdf", "red.png", "blue.png"]


@pytest.mark.parametrize("fault", ["http", "reset"])
async def test_what_cannot_be_fetched_stays_a_link(drawn: World, fault: str) -> None:
    # A GET whose connection is cut is made a second time by aiohttp.
    kind = {"http": {"kind": "http", "value": "403"}, "reset": {"kind": "refuse", "times": 2}}[fault]
    drawn.coze.faults.add(Fault(method="/pictures/{name}", after=1, **kind))
    async with drawn.bridge(**TELEGRAM_ALONE) as app:
        drawn.telegram.say(ANN, ANN, "draw")
        await settled(app, 1)
        drawn.telegram.say(ANN, ANN, "echo: and on")
        await settled(app, 2)
    assert in_telegram(drawn) == ["text", "terms.pdf", "Blue.png", "text"]
    first = next(m for m in drawn.telegram.messages(ANN) if m.sender == drawn.telegram.me.id)
    assert any(entity.get("url", "").endswith("/red.png?sign=1") for entity in first.now.entities)


async def test_private_addresses_are_not_called(drawn: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.INFO, "bridge.contents")  # another test may have made it quieter
    drawn.tuning = drawn.tuning.replace('media_networks = ["127.0.0.0/8"]', "")
    async with drawn.bridge(**TELEGRAM_ALONE) as app:
        drawn.telegram.say(ANN, ANN, "draw")
        await settled(app, 1)
    assert in_telegram(drawn) == ["text"]
    assert asked_for(drawn) == []
    assert caplog.text.count(" linked: ") == caplog.text.count("not a public address") == 3
    assert "sign=" not in caplog.text


async def test_they_can_be_left_out(drawn: World) -> None:
    drawn.tuning += "\n[answers]\nmedia = false\n"
    async with drawn.bridge(**TELEGRAM_ALONE) as app:
        drawn.telegram.say(ANN, ANN, "draw")
        await settled(app, 1)
    assert in_telegram(drawn) == ["text"]
    assert asked_for(drawn) == []


async def test_a_platform_that_takes_none_keeps_nobody_waiting_for_ever(drawn: World) -> None:
    """It may be that the upload itself is what fails: the text stands, so the turn ends without it."""
    drawn.telegram.faults.add(Fault(kind="error_500", method="sendPhoto", times=-1))
    async with drawn.bridge(**TELEGRAM_ALONE) as app:
        drawn.telegram.say(ANN, ANN, "draw")
        await settled(app, 1)
    assert in_telegram(drawn) == ["text", "terms.pdf"]


async def test_without_the_scope_slack_shows_links(drawn: World) -> None:
    drawn.slack.settings.scopes.discard("files:write")
    async with drawn.bridge(**SLACK_ALONE) as app:
        drawn.slack.say(CHANNEL, "UALICE", "@coze draw")
        await settled(app, 1)
    assert in_slack(drawn) == ["text"]


async def test_a_download_does_not_keep_stop_waiting(drawn: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    drawn.coze.faults.add(Fault(kind="hang", method="/pictures/{name}", seconds=600))
    async with drawn.bridge(**TELEGRAM_ALONE) as app:
        drawn.telegram.say(ANN, ANN, "draw")
        await drawn.coze.wait(lambda: asked_for(drawn))
        drawn.telegram.say(ANN, ANN, "/stop")
        await settled(app, 2)
    assert "terms.pdf" not in in_telegram(drawn)
    assert " linked: " not in caplog.text, "it was not waited for"


async def test_a_long_answer_also_comes_as_a_document_before_its_media(drawn: World) -> None:
    picture = f"![Red]({drawn.urls['coze']}/pictures/red.png)"
    words = "\n\n".join(f"Paragraph {number}: " + f"word{number} " * 60 for number in range(80)) + f"\n\n{picture}"
    drawn.coze.script("long", Answer(text=words))
    async with drawn.bridge(**TELEGRAM_ALONE) as app:
        drawn.telegram.say(ANN, ANN, "long")
        await settled(app, 1)
    shown = in_telegram(drawn)
    assert shown == ["text"] * (len(shown) - 2) + ["answer.md", "Red.png"]
    assert len(shown) - 2 > 8
    (document,) = [file.data for file in drawn.telegram.world.files.values() if file.name == "answer.md"]
    assert document.decode() == words
    assert all(f"Paragraph {number}:" in "\n".join(drawn.telegram.texts(ANN)) for number in range(80))


# ---- kill -9


async def test_killed_while_it_fetches_all_come_once(drawn: World) -> None:
    drawn.coze.faults.add(Fault(kind="hang", method="/pictures/{name}", after=1, seconds=600))
    async with drawn.process(**TELEGRAM_ALONE) as process:
        drawn.telegram.say(ANN, ANN, "draw")
        await drawn.coze.wait(lambda: "red.png" in asked_for(drawn), 60)
        await process.kill()
    assert in_telegram(drawn) == ["text", "terms.pdf"]
    async with drawn.process(**TELEGRAM_ALONE):
        await drawn.telegram.wait(lambda: len(in_telegram(drawn)) >= 4, 60)
    assert in_telegram(drawn) == ["text", *NAMES]
    assert len(drawn.coze.asked("draw")) == 1


async def test_killed_while_it_sends_all_come(drawn: World) -> None:
    """The call under way may have arrived: it is made again, which is the documented gap."""
    drawn.telegram.faults.add(Fault(kind="hang", method="sendPhoto", seconds=600))
    async with drawn.process(**TELEGRAM_ALONE) as process:
        drawn.telegram.say(ANN, ANN, "draw")
        await drawn.telegram.wait(lambda: drawn.telegram.calls("sendPhoto"), 60)
        await process.kill()
    async with drawn.bridge(**TELEGRAM_ALONE) as app:
        await settled(app, 1)
    assert in_telegram(drawn) == ["text", *NAMES]
    assert [call.method for call in drawn.telegram.calls(chat=ANN)].count("sendPhoto") == 3


async def test_killed_while_it_sends_to_slack_all_come(drawn: World) -> None:
    drawn.slack.faults.add(Fault(kind="hang", method="files.completeUploadExternal", after=1, seconds=600))
    async with drawn.process(**SLACK_ALONE) as process:
        drawn.slack.say(CHANNEL, "UALICE", "@coze draw")
        await drawn.slack.wait(
            lambda: [call.method for call in drawn.slack.calls].count("files.completeUploadExternal") >= 2, 60
        )
        await process.kill()
    async with drawn.bridge(**SLACK_ALONE) as app:
        await settled(app, 1)
        await all_in_slack(drawn, ["text", *NAMES])
