"""What people send along: pictures, albums, files and voice messages reach Coze, once, and what cannot is told."""

import json

from simulators.wire import Fault
from tests.e2e.worlds import World, settled

ANN = 1001
MB = 1024 * 1024
TELEGRAM_ALONE = {"SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": ""}
SLACK_ALONE = {"TELEGRAM_BOT_TOKEN": "", "SLACK_STREAMING": "edit"}


def photo(words: str) -> dict[str, str]:
    return {"kind": "photo", "text": words}


def asked(world: World) -> list[tuple[str, list[tuple[str, bytes]]]]:
    """Of each chat at Coze, the words of the question, and what was sent along: its type and its content."""
    return [_asked(world, chat.question) for chat in world.coze.chats]


def _asked(world: World, question: str) -> tuple[str, list[tuple[str, bytes]]]:
    items = json.loads(question) if question.startswith("[") else [{"type": "text", "text": question}]
    words = "".join(item["text"] for item in items if item["type"] == "text")
    return words, [(item["type"], _content(world, item["file_id"])) for item in items if item["type"] != "text"]


def _content(world: World, file: str) -> bytes:
    return world.coze.files[file].data if file in world.coze.files else b"lost"


def answers(world: World) -> list[str]:
    return world.telegram.texts(ANN)


async def test_twenty_photos_in_two_albums_are_two_questions_with_ten_pictures_each(world: World) -> None:
    """Telegram sends each picture as a message of its own."""
    world.tuning += "album_seconds = 3.0\n"  # longer than a busy machine takes from one to the next
    world.coze.pace(0)
    first, second = ([photo(f"{name} {number}") for number in range(10)] for name in ("cat", "dog"))
    async with world.bridge(**TELEGRAM_ALONE) as app:
        world.telegram.album(ANN, ANN, first, "my cats")
        world.telegram.album(ANN, ANN, second)
        await settled(app, 2)
    pictures = [[("image", one["text"].encode()) for one in album] for album in (first, second)]
    (words, cats), (neutral, dogs) = asked(world)
    assert (cats, dogs) == (pictures[0], pictures[1]), "each in its order"
    assert words == "my cats"
    assert neutral
    assert len(answers(world)) == 2


async def test_the_same_photo_is_uploaded_once_also_across_a_restart(world: World) -> None:
    world.coze.pace(0)
    for number in range(2):
        async with world.bridge(**TELEGRAM_ALONE) as app:
            world.telegram.say(ANN, ANN, f"look {number}", media=photo("a cat"))
            await settled(app, 1)
    assert asked(world) == [(f"look {number}", [("image", b"a cat")]) for number in range(2)]
    assert len(world.coze.files) == 1


async def test_what_cannot_be_read_is_told_and_not_fetched(world: World) -> None:
    world.coze.pace(0)
    async with world.bridge(**TELEGRAM_ALONE) as app:
        zip_file = {"kind": "document", "name": "photo.zip", "size": 25 * MB}
        world.telegram.say(ANN, ANN, "what is in there?", media=zip_file)
        await settled(app, 1)
        world.telegram.say(ANN, ANN, media={"kind": "story", "value": {"id": 1}})
        await settled(app, 2)
        world.telegram.say(ANN, ANN, media={"kind": "location"})
        await settled(app, 3)
    big, story, _ = answers(world)
    assert big == "📎 photo.zip is 25 MB; I can read files of up to 20 MB. Please send a smaller one."
    assert "cannot read this kind of message" in story
    assert asked(world) == [("📍 31.23, 121.47", [])]
    assert world.telegram.calls("getFile") == []
    assert world.telegram.world.fetched == []


async def test_people_see_that_a_file_is_read_and_can_stop_it(world: World) -> None:
    world.telegram.faults.add(Fault(kind="hang", method="download", seconds=600))
    async with world.bridge(**TELEGRAM_ALONE) as app:
        world.telegram.say(ANN, ANN, "look", media=photo("a cat"))
        await world.telegram.wait(lambda: answers(world) == ["📎 Reading photo.jpg…"])
        world.telegram.say(ANN, ANN, "/stop")
        await settled(app, 2)
    assert "⏹ Stopped." in answers(world)
    assert not any("Reading" in answer for answer in answers(world))
    assert asked(world) == []


async def test_a_voice_message_is_written_down_shown_and_asked(world: World) -> None:
    world.coze.pace(0)
    world.coze.world.transcripts["voice"] = "echo: what is *2* + 2?"
    async with world.bridge(**TELEGRAM_ALONE) as app:
        world.telegram.say(ANN, ANN, media={"kind": "voice", "mime_type": "audio/ogg"})
        await settled(app, 1)
    assert asked(world) == [("echo: what is *2* + 2?", [])]
    (answer,) = answers(world)
    assert answer.startswith("🎤 echo: what is *2* + 2?\n")
    assert world.coze.files == {}


async def test_files_of_a_slack_message(world: World) -> None:
    world.coze.pace(0)
    files = [
        {"name": "a.png", "content": "a picture", "mimetype": "image/png"},
        {"name": "b.pdf", "content": "a plan", "mimetype": "application/pdf", "foreign": True},
    ]
    async with world.bridge(**SLACK_ALONE) as app:
        root = world.slack.say("CGENERAL", "UALICE", "@coze compare", files=files)
        await settled(app, 1)
        world.slack.settings.scopes.discard("files:read")
        world.slack.say("CGENERAL", "UALICE", "@coze and now?", files=[{"name": "c.png", "mimetype": "image/png"}])
        await settled(app, 2)
    (compared, both), (alone, none) = asked(world)
    assert (compared, alone, none) == ("compare", "and now?", [])
    assert [content for _, content in both] == [b"a picture", b"a plan"]
    *_, last = world.slack.texts("CGENERAL")
    assert "📎 I am not allowed to read c.png" in last
    assert len(world.slack.texts("CGENERAL", root)) == 1


async def test_killed_between_upload_and_question_nothing_is_uploaded_twice(world: World) -> None:
    world.coze.pace(0)
    world.coze.faults.add(Fault(kind="hang", method="/v1/conversation/create", seconds=600))
    async with world.process(**TELEGRAM_ALONE) as process:
        world.telegram.say(ANN, ANN, "look", media=photo("a cat"))
        await world.coze.wait(lambda: any("conversation/create" in call["path"] for call in world.coze.calls), 60)
        assert len(world.coze.files) == 1
        await process.kill()
    async with world.bridge(**TELEGRAM_ALONE) as app:
        await settled(app, 1)
    assert asked(world) == [("look", [("image", b"a cat")])]
    assert len(world.coze.files) == 1
    assert len(world.telegram.world.fetched) == 1


async def test_a_file_that_coze_has_lost_is_uploaded_anew(world: World) -> None:
    world.coze.pace(0)
    async with world.bridge(**TELEGRAM_ALONE) as app:
        world.telegram.say(ANN, ANN, "look", media=photo("a cat"))
        await settled(app, 1)
        world.coze.files.clear()
        world.telegram.say(ANN, ANN, "/retry")
        await settled(app, 2)
    ((_, picture),) = asked(world)[-1:]
    assert picture == [("image", b"a cat")]
    assert len(world.telegram.world.fetched) == 2
