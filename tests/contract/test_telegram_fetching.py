"""The Telegram adapter with the real SDK against the simulated Telegram: files that people send."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.telegram import TelegramAdapter
from adapters.telegram.fetching import MOST_BYTES, MOST_BYTES_LOCAL
from adapters.telegram.reading import ALBUM_SECONDS
from bridge.errors import BridgeError, Gone, RateLimited, Refused, Unreachable
from bridge.model import File, Inbound
from bridge.ports import Brings
from simulators.telegram import TelegramSimulator
from simulators.wire import Fault, Served
from tests.clocks import StillClock
from tests.contract.telegram_world import ANN, GROUP, Core, adapter, listening

TOKEN = "123456:CANARY-telegram-0123456789abcdefgh"
SECRET = TOKEN.partition(":")[2]


@pytest.fixture
async def sim() -> TelegramSimulator:
    return TelegramSimulator(token=TOKEN, limits=False)


@pytest.fixture
async def telegram(sim: TelegramSimulator) -> AsyncIterator[TelegramAdapter]:
    async with Served(sim.app) as served:
        telegram = adapter(served.url, token=TOKEN)
        await telegram.open()
        yield telegram
        await telegram.aclose()


async def sent(sim: TelegramSimulator, telegram: TelegramAdapter, media: dict[str, Any]) -> File:
    """The file, as the core gets to know it when somebody sends it."""
    core = Core()
    async with listening(telegram, core):
        sim.say(ANN, ANN, "look", media=media)
        await core.wait(1)
    (inbound,) = core.taken
    assert isinstance(inbound, Inbound)
    (file,) = inbound.files
    return file


async def fetched(telegram: TelegramAdapter, file: File) -> bytes:
    port: object = telegram
    assert isinstance(port, Brings)
    async with port.fetch(file) as pieces:
        return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize(
    ("kind", "name", "mime"),
    [
        ("photo", "photo.jpg", "image/jpeg"),
        ("voice", "voice.ogg", "audio/ogg"),
        ("video_note", "video_note.mp4", "video/mp4"),
        ("sticker", "sticker.webp", "image/webp"),
        ("document", "报告 1.pdf", "application/pdf"),
        ("audio", "song.mp3", "audio/mpeg"),
        ("video", "film.mp4", "video/mp4"),
        ("animation", "fun.mp4", "video/mp4"),
    ],
)
async def test_what_people_send_is_fetched(
    sim: TelegramSimulator, telegram: TelegramAdapter, kind: str, name: str, mime: str
) -> None:
    words = f"{kind} " * 50_000
    named = {} if name.startswith(kind) else {"name": name}
    voice = {"mime_type": mime} if kind == "voice" else {}
    file = await sent(sim, telegram, {"kind": kind, "text": words, **named, **voice})
    assert (file.kind, file.name, file.mime, file.size) == (kind, name, mime, len(words.encode()))
    assert await fetched(telegram, file) == words.encode()


@pytest.mark.parametrize("moves", ["is_animated", "is_video"])
async def test_a_sticker_that_moves_cannot_be_fetched(
    sim: TelegramSimulator, telegram: TelegramAdapter, moves: str
) -> None:
    assert await sent(sim, telegram, {"kind": "sticker", "fields": {moves: True}}) == File(kind="sticker")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(kind="error_500", method="getFile"), Unreachable),
        (Fault(kind="flood", method="getFile", seconds=7), RateLimited),
        (Fault(kind="http", method="download", value="500"), Unreachable),
        (Fault(kind="reset", method="download", times=2), Unreachable),
        (Fault(kind="http", method="download", value="404"), Gone),
        (Fault(kind="http", method="download", value="429"), RateLimited),
        (Fault(kind="redirect", method="download", value="http://127.0.0.1:9/elsewhere"), Unreachable),
    ],
    ids=lambda found: f"{found.method} {found.value or found.kind}" if isinstance(found, Fault) else "",
)
async def test_what_goes_wrong(
    sim: TelegramSimulator,
    telegram: TelegramAdapter,
    fault: Fault,
    error: type[BridgeError],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    file = await sent(sim, telegram, {"kind": "photo"})
    sim.faults.add(fault)
    with pytest.raises(error) as raised:
        await fetched(telegram, file)
    problem: BaseException | None = raised.value
    while problem is not None:
        assert SECRET not in f"{problem!r} {problem}"
        problem = problem.__cause__
    mine = [record.getMessage() for record in caplog.records if record.name.startswith(("adapters", "bridge"))]
    assert SECRET not in "\n".join(mine)
    assert await fetched(telegram, file), "the next time it works"


async def test_a_server_that_is_gone_tells_no_token(sim: TelegramSimulator) -> None:
    async with Served(sim.app) as served:
        telegram = adapter(served.url, token=TOKEN)
        file = await sent(sim, telegram, {"kind": "photo"})
        address = await telegram._fetching._address(file.ref)
    assert SECRET in address
    with pytest.raises(Unreachable) as raised:
        await fetched(telegram, file)
    assert SECRET not in str(raised.value)
    await telegram.aclose()


async def test_files_of_which_telegram_knows_nothing(telegram: TelegramAdapter) -> None:
    with pytest.raises(Gone):
        await fetched(telegram, File(kind="photo", ref="photo-of-somebody-else"))


async def test_a_file_over_the_limit_of_the_server(sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
    file = await sent(sim, telegram, {"kind": "document", "name": "a.zip", "size": MOST_BYTES + 1})
    assert telegram.most_bytes(file) == MOST_BYTES_LOCAL, "it may run with --local"
    with pytest.raises(Refused) as raised:
        await fetched(telegram, file)
    assert raised.value.say == "file_big"
    assert telegram.most_bytes(file) == MOST_BYTES, "it does not"
    assert sim.world.fetched == []


def test_of_telegrams_own_server_the_limit_is_known() -> None:
    telegram = adapter("https://api.telegram.org/", token=TOKEN)
    assert telegram.most_bytes(File(kind="photo")) == MOST_BYTES


async def test_a_local_server_has_its_files_on_the_disk(
    sim: TelegramSimulator, telegram: TelegramAdapter, tmp_path: Path
) -> None:
    sim.world.local_directory = str(tmp_path)
    file = await sent(sim, telegram, {"kind": "document", "name": "a.zip", "size": MOST_BYTES + 1, "text": "zip"})
    assert await fetched(telegram, file) == b"zip"
    assert sim.world.fetched == []


async def test_a_local_server_whose_disk_is_elsewhere(
    sim: TelegramSimulator, telegram: TelegramAdapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim.world.local_directory = str(tmp_path)
    file = await sent(sim, telegram, {"kind": "document", "name": "a.zip"})
    monkeypatch.setattr(Path, "write_bytes", lambda _path, data: len(data))  # it is written to another machine's disk
    with pytest.raises(Refused, match="No such file"):
        await fetched(telegram, file)


# ---- albums


async def test_each_picture_of_an_album_names_it(sim: TelegramSimulator, telegram: TelegramAdapter) -> None:
    core = Core()
    async with listening(telegram, core):
        sim.album(ANN, ANN, [{"kind": "photo"}] * 3, "all of these")
        sim.say(ANN, ANN, "alone", media={"kind": "photo"})
        await core.wait(4)
    found = [one for one in core.taken if isinstance(one, Inbound)]
    assert [one.text for one in found] == ["all of these", "", "", "alone"]
    assert len({one.album for one in found[:3]}) == 1
    assert [bool(one.album) for one in found] == [True, True, True, False]


async def test_in_a_group_an_album_is_for_us_if_its_words_are(
    sim: TelegramSimulator, telegram: TelegramAdapter
) -> None:
    core = Core()
    mention = f"@{sim.me.username} what are these?"
    sim.add_chat(GROUP, type="group", members=[ANN])
    async with listening(telegram, core):
        sim.album(GROUP, ANN, [{"kind": "photo"}] * 2, "not for you")
        words = {"type": "mention", "offset": 0, "length": len(sim.me.username) + 1}
        sim.say(GROUP, ANN, mention, media={"kind": "photo", "media_group_id": "a"}, entities=[words])
        sim.say(GROUP, ANN, media={"kind": "photo", "media_group_id": "a"})
        sim.say(GROUP, ANN, media={"kind": "photo", "media_group_id": "b"})
        sim.say(ANN, ANN, "the end")
        await core.wait(3)
    assert core.texts == ["what are these?", "", "the end"]
    assert [one.album for one in core.taken if isinstance(one, Inbound)] == ["a", "a", ""]


async def test_in_a_group_the_words_of_an_album_may_stand_below_a_later_picture(
    sim: TelegramSimulator, telegram: TelegramAdapter
) -> None:
    core, clock = Core(), telegram._reading._clock
    assert isinstance(clock, StillClock)
    mention = f"@{sim.me.username} what are these?"
    words = {"type": "mention", "offset": 0, "length": len(sim.me.username) + 1}
    sim.add_chat(GROUP, type="group", members=[ANN])
    async with listening(telegram, core):
        for album in ("late", "a", "b", "a"):
            sim.say(GROUP, ANN, media={"kind": "photo", "media_group_id": album})
            if album == "late":
                sim.say(ANN, ANN, "a while later")
                await core.wait(1)
                clock.time += ALBUM_SECONDS + 1
        for album in ("a", "late"):
            sim.say(GROUP, ANN, mention, media={"kind": "photo", "media_group_id": album}, entities=[words])
        await core.wait(5)
    found = [one for one in core.taken if isinstance(one, Inbound)]
    assert [(one.album, one.text) for one in found[1:]] == [
        ("a", ""),
        ("a", ""),
        ("a", "what are these?"),
        ("late", "what are these?"),
    ]
    assert [one.sort_key for one in found[1:]] == sorted(one.sort_key for one in found[1:])
    assert len({one.key for one in found}) == 5
