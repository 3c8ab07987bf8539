"""Questions with files, by Coze's rules for `object_string`."""

import json

import pytest

import adapters.coze  # noqa: F401 - first: it silences what cozepy says on import

# isort: split
from adapters.coze.questions import message, sort
from bridge.model import File
from bridge.ports import Question


def asked(text: str, *files: File, language: str = "en") -> dict:
    question = Question(text=text, user="u", conversation="1", mark="turn-9", files=files, language=language)
    return message(question).model_dump(mode="json")


def items(asked: dict) -> list[dict]:
    assert asked["content_type"] == "object_string"
    return [{key: value for key, value in item.items() if value is not None} for item in json.loads(asked["content"])]


PHOTO = File(kind="photo", coze="71")
VOICE = File(kind="voice", mime="audio/ogg", coze="72")


def test_text_alone_is_text_and_keeps_its_mark():
    plain = asked("hello")
    assert (plain["content"], plain["content_type"], plain["meta_data"]) == ("hello", "text", {"turn": "turn-9"})
    assert asked("hello", File(kind="photo"))["content_type"] == "text"  # it was not uploaded


def test_text_and_files():
    made = asked("what is it?", PHOTO, File(kind="document", name="a.pdf", mime="application/pdf", coze="73"))
    assert items(made) == [
        {"type": "text", "text": "what is it?"},
        {"type": "image", "file_id": "71"},
        {"type": "file", "file_id": "73"},
    ]
    assert made["meta_data"] == {"turn": "turn-9"}
    assert (made["role"], made["type"]) == ("user", "question")


@pytest.mark.parametrize(
    ("language", "text"), [("en", "Please look at this."), ("zh", "请看一下。"), ("", "Please look at this.")]
)
@pytest.mark.parametrize("empty", ["", " \n"])
def test_files_without_a_word_are_given_one(language, text, empty):
    assert items(asked(empty, PHOTO, PHOTO, language=language))[0] == {"type": "text", "text": text}
    assert items(asked(empty, PHOTO, VOICE, language=language))[0] == {"type": "text", "text": text}


def test_a_voice_message_speaks_for_itself():
    assert items(asked("", VOICE)) == [{"type": "audio", "file_id": "72"}]


@pytest.mark.parametrize(
    ("kind", "mime", "sorted_as"),
    [
        ("photo", "", "image"),
        ("document", "image/png", "image"),
        ("document", "image/svg+xml", "file"),
        ("sticker", "", "image"),
        ("sticker", "image/webp", "image"),
        ("sticker", "video/webm", "file"),
        ("sticker", "application/x-tgsticker", "file"),
        ("voice", "", "audio"),
        ("voice", "audio/ogg", "audio"),
        ("voice", "video/mp4", "file"),
        ("audio", "audio/mpeg", "audio"),
        ("document", "AUDIO/FLAC", "audio"),
        ("video", "video/mp4", "file"),
        ("video_note", "", "file"),
        ("document", "text/csv", "file"),
        ("", "", "file"),
    ],
)
def test_what_a_file_is_given_as(kind, mime, sorted_as):
    assert sort(File(kind=kind, mime=mime)) == sorted_as
