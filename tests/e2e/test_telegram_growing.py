"""Answers that grow as drafts or as rich messages: whatever Telegram does, one whole answer stands at the end."""

import re

import pytest

from simulators.coze.answers import Answer
from simulators.wire import Fault
from tests.e2e.answers import Writer, read
from tests.e2e.worlds import settled

ANN = 1001
WHOLE = "word " * 150
LONG = "word " * 600
"""Takes half a minute to be said, unless it is hurried: so a slow machine sees it grow."""
TITLED = f"# Title\n\n{LONG}"
SHOWN = f"Title\n{LONG.strip()}"
"""Of that, as a rich message."""
ONLY_TELEGRAM = {"SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": ""}
DRAFT = ONLY_TELEGRAM | {"TELEGRAM_STREAMING": "draft"}
RICH = ONLY_TELEGRAM | {"TELEGRAM_STREAMING": "rich"}
REAL_LIMITS = "coze_idle_seconds = 0.5\ncoze_silence_seconds = 3.0\n"


def texts(world, chat=ANN):
    return [text.strip() for text in world.telegram.texts(chat)]


def frames(world):
    return [frame.text for frame in world.telegram.world.drafts]


def flooded(world):
    return any(call.status == 429 for call in world.telegram.calls())


def stands_alone(world, text):
    """One message with the whole text, no draft left over, and no call inside a penalty."""
    assert texts(world) == [text.strip()]
    assert world.telegram.draft(ANN) is None
    assert world.telegram.flood_control.defied == 0


async def finished(world, text, within=60.0):
    await world.telegram.wait(lambda: texts(world) == [text.strip()] or None, within)


async def until(world, predicate):
    """Then the rest of the answer comes at once."""
    await world.telegram.wait(predicate, 60)
    world.coze.pace(0)


def growing(world, text, rate=30):
    world.coze.script("my question", Answer(text=text))
    world.coze.pace(rate)


class TestDrafts:
    async def test_an_answer_grows_as_a_draft_and_ends_as_one_message(self, world):
        growing(world, LONG)
        world.tuning, world.telegram.flood_control.limits.on = REAL_LIMITS, True
        async with world.bridge(**DRAFT) as app:
            world.telegram.say(ANN, ANN, "my question")
            await until(world, lambda: len(frames(world)) >= 5)
            await settled(app, 1)
        stands_alone(world, LONG)
        shown = frames(world)
        assert all(LONG.startswith(text) for text in shown)
        assert shown == sorted(shown, key=len)
        assert len({frame.draft_id for frame in world.telegram.world.drafts}) == 1
        assert len(world.telegram.calls("sendMessage")) == 1
        assert not world.telegram.calls("editMessageText")
        assert world.telegram.flood_control.refused == 0

    async def test_a_long_one_becomes_several_messages_in_order(self, world):
        said = Writer(7, chinese=False).write(12_000)
        growing(world, said.markdown, rate=400)
        async with world.bridge(**DRAFT) as app:
            world.telegram.say(ANN, ANN, "my question")
            await settled(app, 1)
        assert read(said, texts(world)) == said.words
        assert world.telegram.draft(ANN) is None
        assert 1 < len({frame.draft_id for frame in world.telegram.world.drafts}) <= len(texts(world))

    async def test_in_a_group_it_grows_by_edits(self, world):
        growing(world, WHOLE)
        group = world.telegram.add_chat(type="supergroup", title="G", members=[ANN])["id"]
        async with world.bridge(**DRAFT) as app:
            world.telegram.say(group, ANN, "@coze_demo_bot my question")
            await settled(app, 1)
        assert texts(world, group) == [WHOLE.strip()]
        assert not world.telegram.calls("sendMessageDraft")

    async def test_what_is_said_meanwhile_takes_the_draft_away_and_it_comes_back(self, world):
        growing(world, LONG)
        async with world.bridge(**DRAFT) as app:
            world.telegram.say(ANN, ANN, "my question")
            await world.telegram.wait(lambda: frames(world), 60)
            world.telegram.say(ANN, ANN, "/status")
            await world.telegram.wait(lambda: texts(world), 60)
            before = len(frames(world))
            await until(world, lambda: len(frames(world)) > before)
            await settled(app, 2)
        assert texts(world)[1] == LONG.strip()
        assert len(texts(world)) == 2
        assert world.telegram.draft(ANN) is None

    async def test_a_draft_that_does_not_grow_is_kept_alive(self, world):
        said = ["first words ", "and the rest"]
        world.coze.script("my question", Answer(text="".join(said), deltas=said, delays=[0.0, 90.0]))
        world.tuning = "coze_idle_seconds = 60.0\ncoze_silence_seconds = 80.0\n"
        async with world.bridge(**DRAFT) as app:
            world.telegram.say(ANN, ANN, "my question")
            await world.telegram.wait(lambda: len(frames(world)) > 1, 70)
            first, second, *_ = world.telegram.world.drafts
            world.coze.hurry()
            await settled(app, 1)
        assert (first.text, first.draft_id) == (second.text, second.draft_id) == ("first words", second.draft_id)
        stands_alone(world, "first words and the rest")

    async def test_stopped_it_ends_as_a_message_that_says_so(self, world):
        growing(world, WHOLE * 20)
        async with world.bridge(**DRAFT) as app:
            world.telegram.say(ANN, ANN, "my question")
            await world.telegram.wait(lambda: frames(world), 60)
            world.telegram.say(ANN, ANN, "/stop")
            await settled(app, 2)
        (answer,) = texts(world)
        assert answer.startswith("word")
        assert "Stopped" in answer
        assert world.telegram.draft(ANN) is None

    async def test_kill_in_mid_draft_then_start_ends_in_one_whole_message(self, world):
        growing(world, LONG)
        async with world.process(**DRAFT) as process:
            world.telegram.say(ANN, ANN, "my question")
            await world.telegram.wait(lambda: len(frames(world)) > 1, 60)
            await process.kill()
        assert texts(world) == []
        world.coze.pace(0)
        async with world.process(**DRAFT):
            await finished(world, LONG)
        stands_alone(world, LONG)
        assert len(world.coze.asked("my question")) == 1

    async def test_a_draft_that_became_a_message_is_known_after_a_kill(self, world):
        """Drafts are refused in the middle, so that the preview becomes a message, and then the process dies."""
        growing(world, LONG)
        async with world.process(**DRAFT) as process:
            world.telegram.say(ANN, ANN, "my question")
            await world.telegram.wait(lambda: frames(world), 60)
            world.telegram.world.drafts_allowed = False
            await world.telegram.wait(lambda: world.telegram.calls("editMessageText"), 60)
            await process.kill()
        (message,) = [one for one in world.telegram.messages(ANN) if one.sender != ANN]
        world.coze.pace(0)
        async with world.process(**DRAFT):
            await finished(world, LONG)
        stands_alone(world, LONG)
        assert message.text == LONG.strip()

    @pytest.mark.parametrize("seconds", [1, 3, 8])
    async def test_a_429_on_drafts_only_pauses_them(self, world, seconds):
        growing(world, LONG)
        world.telegram.faults.add(Fault(kind="flood", method="sendMessageDraft", seconds=seconds, after=1))
        async with world.bridge(**DRAFT) as app:
            world.telegram.say(ANN, ANN, "my question")
            await until(world, lambda: len(frames(world)) > (1 if seconds < 8 else 0) and flooded(world))
            await settled(app, 1)
        stands_alone(world, LONG)
        assert world.telegram.flood_control.refused == 1
        assert world.telegram.calls("sendMessageDraft")
        assert not world.telegram.calls("editMessageText")

    async def test_a_penalty_of_drafts_outlives_the_process(self, world):
        growing(world, LONG)
        world.telegram.faults.add(Fault(kind="flood", method="sendMessageDraft", seconds=8))
        async with world.process(**DRAFT, DRAIN_SECONDS="0") as process:
            world.telegram.say(ANN, ANN, "my question")
            await until(world, lambda: flooded(world))
            assert await process.terminate() == 0
        async with world.process(**DRAFT):
            await finished(world, LONG)
        stands_alone(world, LONG)

    async def test_a_server_that_knows_no_drafts(self, world):
        growing(world, LONG)
        world.telegram.world.unknown_methods.add("sendMessageDraft")
        async with world.bridge(**DRAFT) as app:
            for person in (ANN, 1002):
                world.telegram.say(person, person, "my question")
            await until(world, lambda: world.telegram.calls("editMessageText"))
            await settled(app, 2)
            world.telegram.say(ANN, ANN, "my question")
            await settled(app, 3)
        assert texts(world) == [LONG.strip()] * 2
        assert texts(world, 1002) == [LONG.strip()]
        assert 1 <= len(world.telegram.calls("sendMessageDraft")) <= 2

    async def test_drafts_that_are_refused(self, world):
        growing(world, WHOLE)
        world.telegram.world.drafts_allowed = False
        async with world.bridge(**DRAFT) as app:
            world.telegram.say(ANN, ANN, "my question")
            await settled(app, 1)
        stands_alone(world, WHOLE)
        assert len(world.telegram.calls("sendMessageDraft")) == 1


def rich_answer(size):
    """Tables, headings and formulas, of about so many characters, every word numbered."""
    said = Writer(11, chinese=False)
    blocks = []
    while sum(map(len, blocks)) < size:
        blocks.append(f"## {said.phrase(2, 4)}")
        blocks.append(
            "\n".join(
                [
                    f"| {said.phrase(1, 1)} | {said.phrase(1, 1)} |",
                    "|:-:|---|",
                    *(f"| {said.phrase(3, 6)} | {said.phrase(3, 6)} |" for _ in range(6)),
                ]
            )
        )
        blocks.append(f"$$x^{{{len(blocks)}}} = \\frac{{1}}{{2}}$$")
        blocks.append(f"{said.sentence()} $y_{len(blocks)}$")
    said.said.markdown = "\n\n".join(blocks)
    return said.said


class TestRichMessages:
    async def test_20000_characters_with_tables_and_formulas_are_one_message(self, world):
        said = rich_answer(20_000)
        growing(world, said.markdown, rate=300)
        async with world.bridge(**RICH) as app:
            world.telegram.say(ANN, ANN, "my question")
            await until(world, lambda: len(world.telegram.calls("editMessageText")) > 2)
            await settled(app, 1)
        (message,) = [one for one in world.telegram.messages(ANN) if one.sender != ANN]
        assert read(said, [message.text]) == said.words
        assert all(version.rich for version in message.versions)
        html = message.now.rich["html"]
        assert all(tag in html for tag in ("<h2>", "<table bordered>", "<tg-math-block>", "<tg-math>"))
        assert not re.search(r"\|---|\*\*|\$\$|## ", message.text)

    async def test_all_kinds_of_answers_arrive_whole(self, world):
        answers = [Writer(seed, chinese=seed % 2 == 1).write(3000 if seed % 8 else 40_000) for seed in range(24)]
        for number, said in enumerate(answers):
            world.coze.script(f"answer {number}!", Answer(text=said.markdown))
        world.coze.pace(0)
        async with world.bridge(**RICH) as app:
            for number in range(len(answers)):
                world.telegram.say(5000 + number, 5000 + number, f"answer {number}!")
            await settled(app, len(answers), 120)
        for number, said in enumerate(answers):
            messages = [one for one in world.telegram.messages(5000 + number) if one.sender == world.telegram.me.id]
            assert read(said, [one.text for one in messages]) == said.words, number
            html = "".join(one.now.rich["html"] for one in messages if one.now.rich).replace("&amp;", "&")
            urls = {entity.get("url") for one in messages for entity in one.now.entities}
            assert all(f'<a href="{link}">' in html or link in urls for link in said.links), number
            assert "<table" in html or "|---" not in said.markdown
            assert len(messages) == (1 if number % 8 else 2)

    async def test_in_a_group(self, world):
        growing(world, TITLED, rate=0)
        group = world.telegram.add_chat(type="supergroup", title="G", members=[ANN])["id"]
        async with world.bridge(**RICH) as app:
            world.telegram.say(group, ANN, "@coze_demo_bot my question")
            await settled(app, 1)
        assert texts(world, group) == [SHOWN]
        assert world.telegram.messages(group)[-1].now.rich

    @pytest.mark.parametrize(("method", "after"), [("sendRichMessage", 0), ("editMessageText", 1)])
    async def test_refused_it_becomes_text_and_is_whole(self, world, method, after):
        said = Writer(3, chinese=True).write(9000)
        growing(world, f"# 题\n\n{said.markdown}", rate=100)
        refusal = "400 Bad Request: RICH_MESSAGE_X_INVALID"
        world.telegram.faults.add(Fault(kind="error", method=method, value=refusal, after=after))
        async with world.bridge(**RICH) as app:
            world.telegram.say(ANN, ANN, "my question")
            await until(world, lambda: any(call.status == 400 for call in world.telegram.calls()))
            await settled(app, 1)
            messages = [one for one in world.telegram.messages(ANN) if one.sender != ANN]
            assert read(said, [one.text for one in messages]) == said.words
            assert len(messages) > 2
            assert not any(one.now.rich for one in messages)
            world.telegram.say(ANN, ANN, "echo: # next")
            await settled(app, 2)
        assert world.telegram.messages(ANN)[-1].now.rich, "only that answer was text"

    async def test_a_server_that_knows_no_rich_messages(self, world):
        growing(world, TITLED + "**end**", rate=200)
        world.telegram.world.unknown_methods.add("sendRichMessage")
        async with world.bridge(**RICH) as app:
            for count in (1, 2):
                world.telegram.say(ANN, ANN, "my question")
                await settled(app, count)
        assert texts(world) == [f"Title\n\n{LONG}end"] * 2
        assert len(world.telegram.calls("sendRichMessage")) == 1
        assert world.telegram.messages(ANN)[-1].now.entities

    async def test_kill_in_mid_answer_then_start_completes_the_same_message(self, world):
        growing(world, TITLED)
        async with world.process(**RICH) as process:
            world.telegram.say(ANN, ANN, "my question")
            await until(world, lambda: world.telegram.calls("editMessageText"))
            await process.kill()
        before = [one.message_id for one in world.telegram.messages(ANN)]
        async with world.process(**RICH):
            await finished(world, SHOWN)
        assert [one.message_id for one in world.telegram.messages(ANN)] == before

    @pytest.mark.parametrize("method", ["sendRichMessage", "editMessageText"])
    async def test_a_429_is_waited_for_and_no_reason_to_become_text(self, world, method):
        growing(world, TITLED)
        world.telegram.faults.add(Fault(kind="flood", method=method, seconds=4))
        async with world.bridge(**RICH) as app:
            world.telegram.say(ANN, ANN, "my question")
            await until(world, lambda: flooded(world))
            await settled(app, 1)
        stands_alone(world, SHOWN)
        assert world.telegram.messages(ANN)[-1].now.rich
        assert not world.telegram.calls("sendMessage")
