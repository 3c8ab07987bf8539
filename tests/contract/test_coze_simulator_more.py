"""The simulated Coze as the official SDK sees it: speech, variables, drafts, sound, and what Coze Studio lacks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from cozepy import (
    AsyncCoze,
    AsyncTokenAuth,
    AudioFormat,
    ChatEventType,
    CozeAPIError,
    Message,
    MessageObjectString,
)
from cozepy.request import AsyncHTTPClient
from cozepy.variables import VariableValue
from httpx_aiohttp import AiohttpTransport

from simulators.coze import Answer, CozeSimulator
from simulators.coze.audio import spoken
from simulators.wire import Served

BOT = "7400000000000000001"


@dataclass(slots=True)
class Rig:
    sim: CozeSimulator
    url: str
    coze: AsyncCoze
    http: aiohttp.ClientSession


@asynccontextmanager
async def serving(**options: str) -> AsyncIterator[Rig]:
    sim = CozeSimulator(deltas_per_second=0, **options)  # type: ignore[arg-type]
    async with Served(sim.app) as served:
        client = AsyncHTTPClient(transport=AiohttpTransport(), timeout=5.0)  # type: ignore[no-untyped-call]
        coze = AsyncCoze(auth=AsyncTokenAuth(sim.world.token), base_url=served.url, http_client=client)
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {sim.world.token}"}) as http:
            yield Rig(sim, served.url, coze, http)
        await client.aclose()


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with serving() as found:
        yield found


async def test_the_sdk_lists_voices_and_hears_them(rig: Rig, tmp_path: Path) -> None:
    listed = [voice async for voice in await rig.coze.audio.voices.list()]
    assert [voice.name for voice in listed] == ["温柔女声", "Calm voice"]
    said = await rig.coze.audio.speech.create(
        input="你好", voice_id=listed[0].voice_id, response_format=AudioFormat.MP3
    )
    said.write_to_file(str(tmp_path / "a.mp3"))
    assert (tmp_path / "a.mp3").read_bytes() == spoken("你好")
    for text, voice, code in (("长" * 342, listed[0].voice_id, 3010), ("x", "none", 4000), (" ", "1", 4000)):
        with pytest.raises(CozeAPIError) as caught:
            await rig.coze.audio.speech.create(input=text, voice_id=voice)
        assert caught.value.code == code
    await rig.coze.audio.speech.create(input="长" * 341, voice_id=listed[0].voice_id)


async def test_the_sdk_has_a_recording_written_down(rig: Rig) -> None:
    rig.sim.world.transcripts["note"] = "hello there"
    heard = await rig.coze.audio.transcriptions.create(file=("note.ogg", b"OggS"))
    assert heard.text == "hello there"
    for content, code in ((b"", 4300), (bytes(10_000_001), 4302)):
        with pytest.raises(CozeAPIError) as caught:
            await rig.coze.audio.transcriptions.create(file=("note.ogg", content))
        assert caught.value.code == code


async def test_the_sdk_sets_and_reads_variables(rig: Rig) -> None:
    pairs = [VariableValue(keyword="a", value="1"), VariableValue(keyword="b", value="2")]
    await rig.coze.variables.update(bot_id=BOT, connector_uid="u1", data=pairs)
    read = await rig.coze.variables.retrieve(bot_id=BOT, connector_uid="u1", keywords=["b"])
    assert [(item.keyword, item.value) for item in read] == [("b", "2")]
    rig.sim.world.variable_names = {"a"}
    with pytest.raises(CozeAPIError) as caught:
        await rig.coze.variables.update(bot_id=BOT, connector_uid="u1", data=pairs)
    assert caught.value.code == 4000


async def test_the_sdk_reads_the_onboarding_of_either_version(rig: Rig) -> None:
    for version in (1, 2):
        bot = await rig.coze.bots.retrieve(bot_id=BOT, use_api_version=version)  # type: ignore[arg-type]
        assert bot.onboarding_info
        assert "{{user_name}}" in bot.onboarding_info.prologue
    rig.sim.world.capitals = True
    bot = await rig.coze.bots.retrieve(bot_id=BOT, use_api_version=2)
    assert bot.onboarding_info
    assert (bot.onboarding_info.prologue, bot.onboarding_info.suggested_questions) == ("", [])


async def test_sound_comes_after_the_end_of_a_chat_that_was_asked_by_voice(rig: Rig) -> None:
    file = await rig.coze.files.upload(file=("v.ogg", b"OggS"))
    asked = Message.build_user_question_objects([MessageObjectString.build_audio(file_id=file.id)])
    events = [event async for event in rig.coze.chat.stream(bot_id=BOT, user_id="u", additional_messages=[asked])]
    names = [event.event for event in events]
    assert names[-3:] == [ChatEventType.CONVERSATION_CHAT_COMPLETED, *[ChatEventType.CONVERSATION_AUDIO_DELTA] * 2]
    assert events[-1].message
    assert events[-1].message.get_audio() == bytes(480)


async def test_a_card_needs_somebody_who_takes_cards(rig: Rig) -> None:
    rig.sim.script("drink", Answer(text="Tea?", card={"content": {"question": "Tea?"}}))
    asked = [Message.build_user_question_text("drink")]
    for cards, kinds in ((None, {"text"}), (True, {"card"})):
        stream = rig.coze.chat.stream(bot_id=BOT, user_id="u", additional_messages=asked, enable_card=cards)
        messages = [event.message async for event in stream if event.message]
        assert {message.content_type.value for message in messages if message.type == "answer"} == kinds


async def test_a_draft_and_a_version_are_asked_by_name(rig: Rig) -> None:
    rig.sim.world.published, rig.sim.world.versions = False, {"1"}
    question = [{"role": "user", "content": "x", "content_type": "text"}]
    for more, code in (
        ({}, 4015),
        ({"publish_status": "unpublished_draft"}, 0),
        ({"publish_status": "unpublished_draft", "bot_version": "1"}, 0),
        ({"publish_status": "unpublished_draft", "bot_version": "2"}, 4200),
    ):
        body = {"bot_id": BOT, "user_id": "u", "additional_messages": question, **more}
        async with rig.http.post(f"{rig.url}/v3/chat", json=body) as response:
            assert (await response.json())["code"] == code


async def test_coze_studio_lacks_all_of_that() -> None:
    async with serving(profile="studio") as rig:
        for method, path in (
            ("GET", "/v1/audio/voices"),
            ("POST", "/v1/audio/speech"),
            ("POST", "/v1/audio/transcriptions"),
            ("GET", "/v1/variables"),
            ("PUT", "/v1/variables"),
            ("GET", "/v1/bots"),
        ):
            async with rig.http.request(method, rig.url + path) as response:
                assert (response.status, await response.json())[0] == 404
