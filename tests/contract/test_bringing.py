"""Files on their way from Telegram to Coze, both simulated, with the real SDKs and a database."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from adapters.coze import CozeBot
from adapters.telegram import TelegramAdapter
from bridge.amiss import MB, askable, notes
from bridge.bringing import AT_ONCE, KEPT_SECONDS, Bringing, Listen, Wanted
from bridge.errors import BotFailed, Unreachable
from bridge.identity import conversation_key, user
from bridge.model import File, Inbound, Lease, Turn
from bridge.scratch import PREFIX, Scratch
from simulators.coze import CozeSimulator
from simulators.telegram import TelegramSimulator
from simulators.wire import Fault, Served
from storage import SqlStore, open_store
from tests.clocks import StillClock
from tests.contract.coze_place import Place, place_fixture
from tests.contract.telegram_world import ANN, Core, Tally, adapter, listening

__all__ = ["place_fixture"]  # a fixture
Media = dict[str, Any]
PHOTO: Media = {"kind": "photo", "text": "a cat"}
PDF: Media = {"kind": "document", "name": "plan.pdf", "text": "a plan"}
VOICE: Media = {"kind": "voice", "mime_type": "audio/ogg"}
UPLOAD, TRANSCRIBE = "/v1/files/upload", "/v1/audio/transcriptions"


@dataclass
class Way:
    """Between the two."""

    sim: TelegramSimulator
    coze: CozeSimulator
    telegram: TelegramAdapter
    bot: CozeBot
    store: SqlStore
    clock: StillClock
    directory: Path
    meter: Tally
    core: Core

    def bringing(self, *, most_mb: float = 20, read: bool = True, listen: Listen = "transcribe") -> Bringing:
        """As a process has it that has just begun."""
        wanted = Wanted(most_bytes=int(most_mb * MB), read=read, listen=listen)
        return Bringing(store=self.store, meter=self.meter, scratch=Scratch(self.directory), wanted=wanted)

    async def asked(self, *media: Media, text: str = "what is this?") -> Turn:
        """Ann sends these together, and a worker has claimed it."""
        before = len(self.core.taken)
        self.sim.album(ANN, ANN, media, text)
        await self.core.wait(before + len(media))
        parts = [one for one in self.core.taken[before:] if isinstance(one, Inbound)]
        whole = replace(parts[0], files=tuple(file for part in parts for file in part.files), album="")
        await self.store.receive(whole, user(whole), conversation_key(whole) + whole.key)
        return await self.claimed()

    async def claimed(self) -> Turn:
        turn = await self.store.claim(Lease(owner="me", seconds=60), {("telegram", self.telegram.account)})
        assert turn is not None
        return turn

    async def brought(self, turn: Turn, bringing: Bringing | None = None, *, anew: bool = False) -> Turn:
        """With its files, as the store has it as well."""
        bringing = bringing or self.bringing()
        files = bringing.judged(turn.files, self.bot, self.telegram, anew=anew)
        done = await bringing.brought(turn, files, self.bot, self.telegram, anew=anew)
        assert not [found for found in self.directory.rglob("*") if found.is_file()], "nothing is left on the disk"
        return replace(turn, files=done)

    @property
    def uploads(self) -> list[bytes]:
        return [file.data for file in self.coze.files.values()]

    def outcomes(self, *media_turns: Turn) -> list[str]:
        return [file.amiss for turn in media_turns for file in turn.files]


@pytest.fixture
async def way(migrated_file: Path, tmp_path: Path, place: Place) -> AsyncIterator[Way]:
    sim, clock = TelegramSimulator(limits=False), StillClock()
    store = await open_store(f"sqlite+aiosqlite:///{shutil.copy(migrated_file, tmp_path / 'bridge.db')}", clock)
    directory = tmp_path / "scratch"
    directory.mkdir()
    async with Served(sim.app) as server:
        telegram, core = adapter(server.url), Core()
        async with listening(telegram, core):
            yield Way(sim, place.sim, telegram, place.bot, store, clock, directory, Tally(), core)
        await telegram.aclose()
    await store.aclose()


async def test_a_file_is_uploaded_once_and_known_from_then_on(way: Way) -> None:
    first = await way.brought(await way.asked(PHOTO, PDF, PHOTO))
    assert sorted(way.uploads) == [b"a cat", b"a plan"], "the same picture twice, at the same time"
    cat, plan, again = (file.coze for file in first.files)
    assert cat == again != plan
    assert {way.coze.files[cat].name, way.coze.files[plan].name} == {"photo.jpg", "plan.pdf"}
    second = await way.brought(await way.asked(PHOTO))
    assert [file.coze for file in second.files] == [cat], "another process has uploaded it"
    assert len(way.uploads) == 2
    digest = hashlib.sha256(f"{hashlib.sha256(b'a cat').hexdigest()}/photo.jpg".encode()).hexdigest()
    assert await way.store.uploaded(way.bot.library, digest) == cat
    way.clock.time += KEPT_SECONDS + 1
    third = await way.brought(await way.asked(PHOTO))
    assert [file.coze for file in third.files] != [cat], "Coze has forgotten it by now"


async def test_two_questions_at_once_upload_it_once(way: Way) -> None:
    turns = [await way.asked(PHOTO), await way.asked(PHOTO)]
    bringing = way.bringing()
    way.coze.faults.add(Fault(kind="stall", method=UPLOAD, seconds=0.05))
    files = [bringing.judged(turn.files, way.bot, way.telegram) for turn in turns]
    doing = [bringing.brought(turn, its, way.bot, way.telegram) for turn, its in zip(turns, files, strict=True)]
    ((one,), (other,)) = await asyncio.gather(*doing)
    assert one.coze == other.coze != ""
    assert len(way.uploads) == 1
    assert bringing._alone == {}


async def test_what_was_done_is_not_done_again_after_a_failure(way: Way) -> None:
    turn = await way.asked(PHOTO, PDF)
    way.coze.faults.add(Fault(kind="http", method=UPLOAD, after=1, value="503"))
    with pytest.raises(Unreachable):
        await way.brought(turn)
    await way.store.release("me")
    turn = await way.claimed()
    assert sorted(bool(file.coze) for file in turn.files) == [False, True], "that is durable"
    turn = await way.brought(turn)
    assert all(file.coze for file in turn.files)
    assert sorted(way.uploads) == [b"a cat", b"a plan"]
    assert len(way.sim.world.fetched) == 3


async def test_telegram_that_is_away_is_waited_for(way: Way) -> None:
    turn = await way.asked(PHOTO)
    way.sim.faults.add(Fault(kind="http", method="download", value="502"))
    with pytest.raises(Unreachable) as raised:
        await way.brought(turn)
    assert (raised.value.say, raised.value.certain) == ("file_away", True)
    assert all(file.coze for file in (await way.brought(turn)).files)


async def test_a_file_that_is_known_to_be_too_big_is_not_asked_for(way: Way) -> None:
    turn = await way.brought(await way.asked({"kind": "document", "name": "photo.zip", "size": 25 * MB}))
    assert way.sim.calls("getFile") == []
    assert way.sim.world.fetched == []
    assert way.uploads == []
    assert not askable(turn.question, turn.files), "the words are about the file"
    (note,) = notes(turn.files, "en")
    assert note == "📎 photo.zip is 25 MB; I can read files of up to 20 MB. Please send a smaller one."


async def test_a_file_that_is_larger_than_it_is_said_to_be_is_let_go_of_at_the_limit(way: Way) -> None:
    turn = await way.asked({"kind": "document", "name": "small.txt", "text": "x" * 2 * MB, "size": 5})
    turn = await way.brought(turn, way.bringing(most_mb=1))
    assert way.uploads == []
    assert notes(turn.files, "en") == [
        "📎 small.txt is too big; I can read files of up to 1 MB. Please send a smaller one."
    ]


async def test_of_several_files_one_may_be_too_big(way: Way) -> None:
    turn = await way.brought(await way.asked(PHOTO, {"kind": "document", "name": "a.zip", "size": 25 * MB}))
    assert [bool(file.coze) for file in turn.files] == [True, False]
    assert askable("", turn.files)
    assert len(notes(turn.files, "zh")) == 1


@pytest.mark.parametrize(
    ("media", "fault", "amiss"),
    [
        (PHOTO, Fault(kind="code", method=UPLOAD, value="4303"), "type"),
        (PHOTO, Fault(kind="code", method=UPLOAD, value="4302"), "refused"),
        (PHOTO, Fault(kind="http", method=UPLOAD, value="404"), "unread"),
        (VOICE, Fault(kind="http", method=TRANSCRIBE, value="404"), "deaf"),
        (VOICE, Fault(kind="code", method=TRANSCRIBE, value="4303"), "mumbled"),
        (VOICE, Fault(kind="code", method=TRANSCRIBE, value="4000"), "mumbled"),
    ],
    ids=lambda found: getattr(found, "value", "") or (found if isinstance(found, str) else found["kind"]),
)
async def test_what_coze_does_not_take(way: Way, media: Media, fault: Fault, amiss: str) -> None:
    turn = await way.asked(media)
    way.coze.faults.add(fault)
    turn = await way.brought(turn)
    assert way.outcomes(turn) == [amiss]
    assert len(notes(turn.files, "en")) == 1


@pytest.mark.parametrize("media", [PHOTO, VOICE], ids=["photo", "voice"])
async def test_a_token_that_is_refused_is_no_fault_of_the_file(way: Way, media: Media) -> None:
    turn = await way.asked(media)
    way.coze.revoke()
    with pytest.raises(BotFailed) as raised:
        await way.brought(turn)
    assert raised.value.say == "credentials"


@pytest.mark.parametrize(
    ("media", "amiss"),
    [
        ({**PHOTO, "text": ""}, "empty"),
        ({"kind": "sticker", "fields": {"is_animated": True}}, "unreadable"),
        ({"kind": "story", "value": {"id": 1}}, "unreadable"),
    ],
    ids=["empty", "a sticker that moves", "a story"],
)
async def test_what_cannot_be_read(way: Way, media: Media, amiss: str) -> None:
    assert way.outcomes(await way.brought(await way.asked(media))) == [amiss]


async def test_what_telegram_does_not_have_any_more(way: Way) -> None:
    turn = await way.asked(PDF)
    way.sim.world.files.clear()
    turn = await way.brought(turn)
    assert notes(turn.files, "en") == ["📎 plan.pdf is not to be had any more. Please send it again."]
    assert not askable("what is this?", turn.files)


async def test_files_may_be_switched_off(way: Way) -> None:
    turn = await way.brought(await way.asked(PHOTO, VOICE), way.bringing(read=False))
    assert way.outcomes(turn) == ["unread", ""]
    assert [bool(file.heard) for file in turn.files] == [False, True], "voice has a switch of its own"


@pytest.mark.parametrize("listen", ["transcribe", "audio", "off"])
async def test_voice_messages(way: Way, listen: Listen) -> None:
    way.coze.world.transcripts["voice"] = "what is the time?"
    turn = await way.brought(await way.asked(VOICE, text=""), way.bringing(listen=listen))
    (file,) = turn.files
    match listen:
        case "transcribe":
            assert (file.heard, file.coze) == ("what is the time?", "")
        case "audio":
            assert (file.heard, way.coze.files[file.coze].name) == ("", "voice.ogg")
        case "off":
            assert file.amiss == "deaf"
            assert way.sim.calls("getFile") == []


async def test_a_voice_message_in_which_nothing_is_said(way: Way) -> None:
    way.coze.world.transcripts["voice"] = "  "
    turn = await way.brought(await way.asked(VOICE, text=""))
    assert way.outcomes(turn) == ["silent"]
    assert not askable(turn.question, turn.files)


async def test_a_speech_that_is_too_long_to_transcribe_is_passed_on_as_it_is(way: Way) -> None:
    turn = await way.brought(await way.asked({**VOICE, "text": "x" * 10_000_001}))
    assert [bool(file.coze) for file in turn.files] == [True]


async def test_what_coze_has_lost_is_uploaded_anew(way: Way) -> None:
    turn = await way.brought(await way.asked(PHOTO))
    (old,) = [file.coze for file in turn.files]
    way.coze.files.clear()
    turn = await way.brought(turn, anew=True)
    (new,) = [file.coze for file in turn.files]
    assert new in way.coze.files
    assert new != old
    assert [file.coze for file in (await way.brought(await way.asked(PHOTO))).files] == [new]


def photos(name: str, number: int) -> list[Media]:
    return [{"kind": "photo", "text": f"{name} {one}"} for one in range(number)]


def bring(way: Way, bringing: Bringing, turn: Turn) -> asyncio.Task[tuple[File, ...]]:
    files = bringing.judged(turn.files, way.bot, way.telegram)
    return asyncio.create_task(bringing.brought(turn, files, way.bot, way.telegram))


async def end(*doing: asyncio.Task[tuple[File, ...]]) -> None:
    for task in doing:
        task.cancel()
    await asyncio.gather(*doing, return_exceptions=True)


async def test_ten_slow_files_of_one_question_do_not_keep_another_from_its_own(way: Way) -> None:
    slow, quick = await way.asked(*photos("slow", 10)), await way.asked(PHOTO)
    way.sim.faults.add(Fault(kind="hang", method="download", seconds=600))
    bringing = way.bringing()
    anns = bring(way, bringing, slow)
    await way.sim.wait(lambda: len(way.sim.world.fetched) == 1)
    (file,) = await bring(way, bringing, quick)
    assert way.coze.files[file.coze].data == b"a cat"
    assert len(way.sim.world.fetched) == 2, "one at a time of each question"
    await end(anns)


async def test_few_are_fetched_at_a_time_and_nothing_is_left_of_them(way: Way) -> None:
    turns = [await way.asked(photo) for photo in photos("photo", AT_ONCE + 2)]
    way.sim.faults.add(Fault(kind="hang", method="download", times=-1, seconds=600))
    bringing = way.bringing()
    doing = [bring(way, bringing, turn) for turn in turns]
    await way.sim.wait(lambda: len(way.sim.world.fetched) == AT_ONCE)
    (own,) = way.directory.glob(f"{PREFIX}*")
    assert own.stat().st_mode & 0o777 == 0o700
    assert [found.stat().st_mode & 0o777 for found in own.iterdir()] == [0o600] * AT_ONCE
    assert bringing._fetching.locked()
    await end(*doing)
    assert list(own.iterdir()) == []
    assert len(way.sim.world.fetched) == AT_ONCE


async def test_what_is_passed_on_slowly_keeps_nobody_from_fetching_until_there_is_too_much_on_the_disk(
    way: Way,
) -> None:
    turns = [await way.asked(photo) for photo in photos("photo", 2 * AT_ONCE + 2)]
    way.coze.faults.add(Fault(kind="hang", method=UPLOAD, times=-1, seconds=600))
    bringing = way.bringing()
    doing = [bring(way, bringing, turn) for turn in turns]
    await way.sim.wait(lambda: len(way.sim.world.fetched) == 2 * AT_ONCE)
    (own,) = way.directory.glob(f"{PREFIX}*")
    assert len(list(own.iterdir())) == 2 * AT_ONCE
    assert bringing._fetching.locked()
    await end(*doing)
    assert list(own.iterdir()) == []
    assert len(way.sim.world.fetched) == 2 * AT_ONCE


async def test_nobody_is_given_the_name_of_somebody_elses_file(way: Way) -> None:
    names = ("Anns diagnosis.PDF", "plan.txt", "plan.txt")
    turn = await way.brought(await way.asked(*({**PDF, "name": name} for name in names)))
    first, second, same = (file.coze for file in turn.files)
    assert [way.coze.files[one].name for one in (first, second)] == list(names[:2])
    assert second == same
    image = {"kind": "document", "mime_type": "image/png", "text": "a cat"}
    turn = await way.brought(await way.asked({**image, "name": "me.PNG"}, {**image, "name": "you.png"}))
    one, other = (file.coze for file in turn.files)
    assert one == other
    assert way.coze.files[one].name == "photo.png", "a picture is a picture, whoever sent it"
