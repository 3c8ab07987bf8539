"""CozeBot hears and speaks."""

import asyncio
from pathlib import Path

import pytest

from adapters.coze.speech import AT_ONCE
from bridge.errors import BotFailed, RateLimited
from bridge.ports import Hears, Speaks
from simulators.coze.audio import frame, mark_of
from tests.contract.coze_place import GRACE, Place, place_fixture, studio_fixture  # noqa: F401 - fixtures

SENTENCE = "这是一个不太长的句子，念出来要几秒钟。"


def voice(place: Place) -> str:
    return place.sim.world.voices[0]["voice_id"]


async def test_a_recording_is_written_down(place: Place, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"OggS" + bytes(100))
    place.sim.world.transcripts["v"] = " What time is it? "
    assert await place.bot.transcribe("voice.oga", tmp_path / "x") == "What time is it?"
    place.sim.world.transcripts["v"] = ""
    assert await place.bot.transcribe("voice.oga", tmp_path / "x") == ""


async def test_a_recording_that_is_too_large_is_not_sent(place: Place, tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.truncate(10_000_001)
    with pytest.raises(BotFailed) as caught:
        await place.bot.transcribe("voice.oga", tmp_path / "x")
    assert (caught.value.code, place.sim.calls) == (4302, [])


async def test_all_voices_are_listed_once(place: Place) -> None:
    listed = await place.bot.voices()
    assert [(one.name, one.language) for one in listed] == [("温柔女声", "zh"), ("Calm voice", "en")]
    row = {"name": "v", "language_code": "en", "language_name": "English"}
    place.sim.world.voices = [{"voice_id": str(number), **row} for number in range(250)]
    assert [one.id for one in await place.bot.voices()] == [str(number) for number in range(250)]
    place.sim.world.one_page = True
    place.sim.calls.clear()
    assert len(await place.bot.voices()) == 100
    assert len(place.sim.calls) == 2


async def test_a_long_text_becomes_one_mp3_in_its_order(place: Place) -> None:
    spoken = await place.bot.speak(SENTENCE * 100, voice(place))
    texts = place.sim.world.spoken
    assert len(texts) > 4
    assert sorted(texts, key=len)[-1] in SENTENCE * 100
    assert all(len(text.encode()) <= 1024 for text in texts)
    assert sum(map(len, texts)) == len(SENTENCE * 100)
    frames = sum(len(text) // 10 + 1 for text in texts)
    assert len(spoken) == frames * 96
    assert spoken.startswith(frame(mark_of(SENTENCE * (1024 // len(SENTENCE.encode())))))


async def test_only_so_many_pieces_are_spoken_at_once(place: Place) -> None:
    place.sim.world.speech_seconds = 60
    speaking = [asyncio.create_task(place.bot.speak(SENTENCE * 60, voice(place))) for _ in range(3)]
    await place.sim.wait(lambda: place.sim.world.speaking == AT_ONCE, GRACE)
    place.sim.world.speech_seconds = 0
    place.sim.hurry()
    assert len(set(await asyncio.gather(*speaking))) == 1
    assert place.sim.world.spoke_at_once == AT_ONCE


async def test_one_piece_that_fails_ends_all(place: Place) -> None:
    place.sim.fault("code", method="/v1/audio/speech", value="4009", after=0)
    with pytest.raises(RateLimited):
        await place.bot.speak(SENTENCE * 60, voice(place))
    assert await place.bot.speak("Hello.", voice(place))


async def test_what_is_refused_is_told(place: Place) -> None:
    with pytest.raises(BotFailed) as caught:
        await place.bot.speak("Hello.", "no such voice")
    assert caught.value.code == 4000
    place.sim.fault("code", method="/v1/audio/speech", value="3010")
    with pytest.raises(BotFailed) as caught:
        await place.bot.speak("Hello.", voice(place))
    assert caught.value.say == "not_spoken"
    place.sim.calls.clear()
    with pytest.raises(BotFailed) as caught:
        await place.bot.speak(" … 🙂", voice(place))
    assert (caught.value.say, place.sim.calls) == ("not_spoken", [])


async def test_coze_studio_neither_hears_nor_speaks(studio: Place, tmp_path: Path) -> None:
    assert isinstance(studio.bot, Hears)
    assert isinstance(studio.bot, Speaks)
    (tmp_path / "x").write_bytes(b"OggS")
    for call in (studio.bot.voices(), studio.bot.speak("Hi.", "1"), studio.bot.transcribe("v.ogg", tmp_path / "x")):
        with pytest.raises(BotFailed) as caught:
            await call
        assert caught.value.say == "no_call"
