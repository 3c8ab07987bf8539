"""The Telegram adapter with the real python-telegram-bot against the simulated Telegram: pictures and files."""

from collections.abc import AsyncIterator

import pytest

from adapters.telegram import TelegramAdapter
from adapters.telegram.attaching import MOST_PICTURE
from bridge.errors import RateLimited, Refused, Unreachable, Unrenderable
from bridge.model import Attachment, Kind, Page
from bridge.ports import Attaches
from simulators.telegram import TelegramSimulator
from simulators.telegram.model import Message
from simulators.wire import Fault, Served
from tests.contract.telegram_world import ANN, FORUM, GROUP, adapter, address

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10


@pytest.fixture
async def sim() -> TelegramSimulator:
    sim = TelegramSimulator(limits=False)
    sim.say(ANN, ANN, "hi")
    sim.say(GROUP, ANN, "hi")
    return sim


@pytest.fixture
async def telegram(sim: TelegramSimulator) -> AsyncIterator[TelegramAdapter]:
    async with Served(sim.app) as served:
        telegram = adapter(served.url)
        yield telegram
        await telegram.aclose()


def page(kind: Kind, name: str) -> Page:
    return Page(index=10_001, text="", final=True, attachment=Attachment(kind=kind, name=name, url="https://e.com/a"))


def sent(sim: TelegramSimulator, chat: int = ANN) -> list[Message]:
    return [message for message in sim.messages(chat) if message.is_media]


def file(sim: TelegramSimulator, message: Message, kind: str) -> tuple[str, bytes]:
    shown = message.content[kind]
    found = sim.world.files[(shown[-1] if isinstance(shown, list) else shown)["file_id"]]
    return found.name, found.data


@pytest.mark.parametrize(
    ("kind", "name", "shown"),
    [
        (Kind.PICTURE, "红色 bicycle.png", "photo"),
        (Kind.PICTURE, "moving.gif", "animation"),
        (Kind.AUDIO, "song.mp3", "audio"),
        (Kind.AUDIO, "song.flac", "document"),
        (Kind.VIDEO, "film.mp4", "video"),
        (Kind.VIDEO, "film.webm", "document"),
        (Kind.DOCUMENT, "answer.md", "document"),
    ],
)
async def test_each_kind_is_shown_as_what_it_is(
    sim: TelegramSimulator, telegram: TelegramAdapter, kind: Kind, name: str, shown: str
) -> None:
    port: object = telegram
    assert isinstance(port, Attaches)
    number = await telegram.attach(address(sim), page(kind, name), PNG)
    (message,) = sent(sim)
    assert number == str(message.message_id)
    assert file(sim, message, shown) == (name, PNG)
    assert message.text == ""
    await telegram.delete(address(sim), number)
    assert sent(sim) == []


@pytest.mark.parametrize("description", ["Bad Request: PHOTO_INVALID_DIMENSIONS", "Bad Request: IMAGE_PROCESS_FAILED"])
async def test_a_picture_that_telegram_does_not_take_goes_as_a_document(
    sim: TelegramSimulator, telegram: TelegramAdapter, description: str
) -> None:
    sim.faults.add(Fault(kind="error", method="sendPhoto", value=f"400 {description}"))
    await telegram.attach(address(sim), page(Kind.PICTURE, "wide.png"), PNG)
    (message,) = sent(sim)
    assert file(sim, message, "document") == ("wide.png", PNG)


async def test_a_picture_that_is_too_large_is_not_even_tried_as_one(
    sim: TelegramSimulator, telegram: TelegramAdapter
) -> None:
    large = PNG + bytes(MOST_PICTURE)
    await telegram.attach(address(sim), page(Kind.PICTURE, "large.png"), large)
    assert [call.method for call in sim.calls(chat=ANN)] == ["sendDocument"]
    assert file(sim, sent(sim)[0], "document") == ("large.png", large)


async def test_in_a_group_it_is_a_reply_if_it_is_to_be_one(sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
    question = sim.messages(GROUP)[-1].message_id
    await telegram.attach(address(sim, GROUP), page(Kind.PICTURE, "a.png"), PNG, reply_to=str(question))
    await telegram.attach(address(sim, GROUP), page(Kind.PICTURE, "b.png"), PNG)
    first, second = sent(sim, GROUP)
    assert (first.place.reply_to, second.place.reply_to) == (question, None)


async def test_in_a_topic_and_beside_it_once_it_is_gone(sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
    topic = sim.add_chat(FORUM, type="supergroup", topics=["News"])["topics"]["News"]
    await telegram.attach(address(sim, FORUM, str(topic)), page(Kind.PICTURE, "a.png"), PNG)
    sim.remove_topic(FORUM, topic)
    await telegram.attach(address(sim, FORUM, str(topic)), page(Kind.PICTURE, "b.png"), PNG)
    assert [message.place.thread for message in sent(sim, FORUM)] == [topic, None]


async def test_in_a_group_that_moved(sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
    new = sim.migrate(GROUP)
    await telegram.attach(address(sim, GROUP), page(Kind.PICTURE, "a.png"), PNG, reply_to="1")
    assert len(sent(sim, new)) == 1


@pytest.mark.parametrize(
    ("fault", "error", "certain"),
    [
        (Fault(kind="flood", seconds=7), RateLimited, True),
        (Fault(kind="error_500"), Unreachable, False),
        (Fault(kind="reset"), Unreachable, False),
        (Fault(kind="drop_response_after_commit"), Unreachable, False),
        (Fault(kind="block_user"), Refused, True),
        (Fault(kind="error", value="400 Bad Request: not enough rights to send photos to the chat"), Refused, True),
    ],
    ids=lambda found: getattr(found, "kind", None),
)
async def test_what_goes_wrong(
    sim: TelegramSimulator, telegram: TelegramAdapter, fault: Fault, error: type[Exception], certain: bool
) -> None:
    sim.faults.add(Fault(kind=fault.kind, method="sendPhoto", seconds=fault.seconds, value=fault.value))
    with pytest.raises(error) as caught:
        await telegram.attach(address(sim), page(Kind.PICTURE, "a.png"), PNG)
    assert getattr(caught.value, "certain", True) is certain
    assert [call.method for call in sim.calls(chat=ANN)] == ["sendPhoto"]


async def test_what_telegram_takes_in_no_form(sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
    sim.faults.add(Fault(kind="error", method="*", times=2, value="400 Bad Request: MEDIA_EMPTY"))
    with pytest.raises(Unrenderable):
        await telegram.attach(address(sim), page(Kind.PICTURE, "a.png"), PNG)
    assert [call.method for call in sim.calls(chat=ANN)] == ["sendPhoto", "sendDocument"]
