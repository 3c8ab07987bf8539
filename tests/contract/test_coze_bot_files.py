"""CozeBot is given files: they are uploaded from the disk, and asked about by Coze's rules."""

from pathlib import Path

import pytest

from adapters.coze import token_auth
from bridge.errors import BotFailed, Unreachable
from bridge.model import File
from bridge.ports import Question, Reads
from simulators.coze import Answer as Say
from tests.contract.coze_place import (  # noqa: F401 - fixtures `place` and `studio`
    Place,
    ask,
    broken,
    folded,
    place_fixture,
    recall,
    started,
    studio_fixture,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(2000)


async def asked(place: Place, text: str, *files: File, mark: str = "turn-1") -> Question:
    conversation = await place.bot.new_conversation()
    return Question(text=text, user="u1", conversation=conversation, mark=mark, files=files)


def sent(place: Place) -> str:
    return str(place.sim.chats[-1].body["additional_messages"][0]["content"])


@pytest.mark.parametrize("where", ["cloud", "studio"])
async def test_a_file_is_uploaded_and_asked_about(place: Place, studio: Place, tmp_path: Path, where: str) -> None:
    there = place if where == "cloud" else studio
    (tmp_path / "x").write_bytes(PNG)
    file_id = await there.bot.upload("照片 1.png", tmp_path / "x")
    (kept,) = there.sim.files.values()
    assert (kept.id, kept.name, kept.content_type, kept.data) == (file_id, "照片 1.png", "image/png", PNG)
    there.sim.script("what", Say(text="A picture."))
    question = await asked(there, "what is it?", File(kind="photo", coze=file_id))
    events = await ask(there.bot, question)
    assert folded(events).text == "A picture."
    assert file_id in sent(there)
    assert await there.bot.find(question) == started(events).chat
    assert folded(await recall(there.bot, started(events))).text == "A picture."


@pytest.mark.parametrize(
    ("name", "content", "called", "mime"),
    [
        ("notes.md", b"# hi", "notes.md", "text/markdown"),
        ("voice.oga", b"OggS1", "voice.oga", "audio/ogg"),
        ("photo", PNG, "photo.png", "image/png"),
        ("", PNG, "file.png", "image/png"),
        ("a/b\\c.pdf", b"%PDF-1", "a_b_c.pdf", "application/pdf"),
        ("thing.unheardof", b"\x00\x01\x02", "thing.unheardof", "application/octet-stream"),
    ],
)
async def test_the_name_tells_coze_what_it_is(
    place: Place, tmp_path: Path, name: str, content: bytes, called: str, mime: str
) -> None:
    (tmp_path / "x").write_bytes(content)
    await place.bot.upload(name, tmp_path / "x")
    (kept,) = place.sim.files.values()
    assert (kept.name, kept.content_type) == (called, mime)


async def test_a_large_file_arrives_whole(place: Place, tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.truncate(30_000_000)
    await place.bot.upload("film.mp4", tmp_path / "x")
    (kept,) = place.sim.files.values()
    assert kept.size == 30_000_000


@pytest.mark.parametrize(
    ("code", "say"),
    [(4300, "file_empty"), (4301, "file_many"), (4302, "file_big"), (4303, "file_type"), (4304, "file")],
)
async def test_what_coze_does_not_take_is_told(place: Place, tmp_path: Path, code: int, say: str) -> None:
    (tmp_path / "x").write_bytes(PNG)
    place.sim.fault("code", method="/v1/files/upload", value=str(code))
    with pytest.raises(BotFailed) as caught:
        await place.bot.upload("x.png", tmp_path / "x")
    assert (caught.value.code, caught.value.say) == (code, say)
    assert ("coze_errors", {"code": str(code)}) in place.counts.seen


async def test_what_is_too_large_or_empty_is_not_sent(place: Place, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with (tmp_path / "big").open("wb") as file:
        file.truncate(512_000_001)
    for name, code in (("empty", 4300), ("big", 4302)):
        with pytest.raises(BotFailed) as caught:
            await place.bot.upload(name, tmp_path / name)
        assert caught.value.code == code
    assert place.sim.calls == []


async def test_an_upload_that_is_cut_off_may_be_tried_again(place: Place, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(PNG)
    place.sim.fault("refuse", method="/v1/files/upload")
    with pytest.raises(Unreachable):
        await place.bot.upload("x.png", tmp_path / "x")
    assert await place.bot.upload("x.png", tmp_path / "x")


async def test_files_without_a_word_and_unknown_files(place: Place, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(PNG)
    photo = File(kind="photo", coze=await place.bot.upload("x.png", tmp_path / "x"))
    place.sim.script("look", Say(text="Seen."))
    assert folded(await ask(place.bot, await asked(place, "", photo, photo))).text == "Seen."
    _, error = await broken(place.bot, await asked(place, "x", File(kind="photo", coze="1")), BotFailed)
    assert error.code == 4304


async def test_a_voice_message_is_asked_alone_and_the_sound_of_the_answer_is_left_out(
    place: Place, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(b"OggS" + bytes(100))
    voice = File(kind="voice", mime="audio/ogg", coze=await place.bot.upload("v.ogg", tmp_path / "x"))
    events = await ask(place.bot, await asked(place, "", voice))
    assert '"text"' not in sent(place).replace('"text": null', "")
    assert folded(events).text
    assert place.sim.chats[-1].voiced
    assert place.counts.seen == []


async def test_bots_of_one_account_share_a_library(place: Place, studio: Place) -> None:
    assert isinstance(place.bot, Reads)
    again, other = place.open(token_auth("pat_test")), place.open(token_auth("pat_other"))
    assert again.library == place.bot.library
    assert len({place.bot.library, other.library, studio.bot.library}) == 3
    assert "pat_test" not in place.bot.library
