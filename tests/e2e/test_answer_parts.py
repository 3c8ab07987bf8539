"""What of an answer stands beside its text: reasoning, the tool at work, several answers, and sources."""

import pytest

from simulators.coze.answers import Answer, called, recalled
from tests.e2e.worlds import settled

ANN, ALICE, CHANNEL = 1001, "UALICE", "CGENERAL"
THOUGHT = "The person asks for rain. I look at the sky, and at the calendar, and then once more at the sky."


def answers(world, **settings):
    """The section [answers] of the file."""
    lines = (
        f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}\n"
        for name, value in settings.items()
    )
    world.tuning += "\n[answers]\n" + "".join(lines)


def bot_messages(world):
    return [message for message in world.telegram.messages(ANN) if message.sender == world.telegram.me.id]


def folds(look):
    """The texts of the collapsed quotes."""
    units = look.text.encode("utf-16-le")
    return [
        units[2 * one["offset"] : 2 * (one["offset"] + one["length"])].decode("utf-16-le")
        for one in look.entities
        if one["type"] == "expandable_blockquote"
    ]


async def in_telegram(world, question="rain?", turns=1):
    world.tuning = world.tuning.replace("telegram_private_seconds = 0.25", "telegram_private_seconds = 0.05")
    async with world.bridge(SLACK_BOT_TOKEN="", SLACK_APP_TOKEN="") as app:
        world.telegram.say(ANN, ANN, question)
        await settled(app, turns)
    return bot_messages(world)


async def in_slack(world, question="rain?", **settings):
    world.tuning = "slack_update_seconds = 0.05\n" + world.tuning
    async with world.bridge(TELEGRAM_BOT_TOKEN="", SLACK_STREAMING="edit", **settings) as app:
        world.slack.say(CHANNEL, ALICE, f"@coze {question}")
        await settled(app, 1)
    return world.slack.bot_messages(CHANNEL)


def contexts(blocks):
    return ["".join(one["text"] for one in block["elements"]) for block in blocks if block["type"] == "context"]


REASONED = Answer(text="It will **rain**.", reasoning=THOUGHT)
IN_TAGS = Answer(text=f"<think>\n{THOUGHT}\n</think>\n\nIt will **rain**.")


@pytest.mark.parametrize("said", [REASONED, IN_TAGS], ids=["marked", "in tags"])
async def test_reasoning_stands_collapsed_above_the_answer_in_telegram(world, said):
    world.coze.script("rain", said)
    (message,) = await in_telegram(world)
    assert message.text == f"💭 Reasoning\n{THOUGHT}\n\nIt will rain."
    assert folds(message.now) == [f"💭 Reasoning\n{THOUGHT}"]
    assert any(folds(look) and "rain." not in look.text.partition("\n\n")[2] for look in message.versions)
    assert not any("think>" in look.text or "\u2063" in look.text for look in message.versions)


@pytest.mark.parametrize("said", [REASONED, IN_TAGS], ids=["marked", "in tags"])
async def test_reasoning_is_gone_once_the_text_begins(world, said):
    world.coze.script("rain", said)
    answers(world, reasoning="thinking")
    (message,) = await in_telegram(world)
    assert message.text == "It will rain."
    assert any(folds(look) for look in message.versions), "it was seen while it lasted"
    assert all(not folds(look) or "It will" not in look.text for look in message.versions)


@pytest.mark.parametrize("said", [REASONED, IN_TAGS], ids=["marked", "in tags"])
async def test_hidden_reasoning_shows_no_more_than_that_there_is_some(world, said):
    world.coze.script("rain", said)
    answers(world, reasoning="hide")
    (message,) = await in_telegram(world)
    assert message.text == "It will rain."
    assert message.versions[0].text == "💭 Thinking…"
    assert not any("person" in look.text or "think>" in look.text for look in message.versions)


@pytest.mark.parametrize("said", [REASONED, IN_TAGS], ids=["marked", "in tags"])
async def test_in_slack_reasoning_is_small_print(world, said):
    world.coze.script("rain", said)
    (message,) = await in_slack(world)
    assert contexts(message.blocks) == [f"*💭 Reasoning*\n{THOUGHT}"]
    assert [block["text"] for block in message.blocks if block["type"] == "markdown"] == ["It will **rain**."]
    assert any(contexts(look.blocks) and not look.text.strip().startswith("It") for look in message.versions)
    assert not any("think>" in look.text or "\u2063" in str(look) for look in message.versions)


@pytest.mark.parametrize(("reasoning", "seen"), [("thinking", True), ("hide", False)])
async def test_in_slack_it_can_be_passing_or_hidden(world, reasoning, seen):
    world.coze.script("rain", REASONED)
    answers(world, reasoning=reasoning)
    (message,) = await in_slack(world)
    assert message.raw == "It will **rain**."
    assert contexts(message.blocks) == []
    assert any(contexts(look.blocks) for look in message.versions) is seen
    assert seen or "_💭 Thinking…_" in [look.text for look in message.versions]


async def test_reasoning_without_an_answer_is_an_empty_answer(world):
    world.coze.script("rain", Answer(reasoning=THOUGHT))
    (message,) = await in_telegram(world)
    assert message.text.endswith("(The bot gave an empty answer.)")
    assert message.now.reply_markup is None


async def test_the_tool_at_work_is_one_line_that_comes_and_goes(world):
    tool = called("weather", "get_rain", {"city": "X"}, "{}")[:1]  # it returns when the bot speaks
    world.coze.script("rain", Answer(text="It will rain.", messages=tool, pause_after=0, pause_seconds=1.0))
    (message,) = await in_telegram(world)
    first = message.versions[0]
    assert first.text == "🔧 Using weather-get_rain…"
    assert [entity["type"] for entity in first.entities] == ["italic"]
    assert message.text == "It will rain."
    assert not any("🔧" in look.text for look in message.versions[1:] if "It" in look.text)


async def test_in_slack_too(world):
    tool = called("weather", "get_rain", {"city": "X"}, "{}")[:1]
    world.coze.script("rain", Answer(text="It will rain.", messages=tool, pause_after=0, pause_seconds=1.0))
    (message,) = await in_slack(world)
    assert message.versions[0].text == "_🔧 Using weather-get\\_rain…_"
    assert message.raw == "It will rain."


async def test_two_answers_of_one_chat_are_kept_apart(world):
    world.coze.script("rain", Answer(text="It will rain.", more=["Take an umbrella."]))
    (message,) = await in_telegram(world)
    assert message.text == "It will rain.\n\n———\n\nTake an umbrella."


async def test_code_that_the_first_left_open_does_not_swallow_the_second(world):
    world.coze.script("rain", Answer(text="```\nx = 1", more=["Take **an** umbrella."]))
    (message,) = await in_telegram(world)
    assert message.text == "x = 1\n\n———\n\nTake an umbrella."


SOURCES = [("a", "Sky [1] *log*", "https://example.com/sky_(1)"), ("b", "No link", "ftp://example.com/x")]


async def test_sources_stand_collapsed_below_the_answer(world):
    world.coze.script("rain", Answer(text="It will rain.", messages=[recalled(SOURCES)]))
    (message,) = await in_telegram(world)
    assert message.text == "It will rain.\n\n📚 Sources\n1. Sky [1] *log*\n2. No link"
    assert folds(message.now) == ["📚 Sources\n1. Sky [1] *log*\n2. No link"]
    (link,) = [entity for entity in message.now.entities if entity["type"] == "text_link"]
    assert link["url"] == "https://example.com/sky_%281%29"


async def test_of_many_sources_the_first_ten_are_named(world):
    many = [("x", f"Page {number}", f"https://example.com/{number}") for number in range(13)]
    world.coze.script("rain", Answer(text="It will rain.", messages=[recalled(many)]))
    (message,) = await in_telegram(world)
    assert "10. Page 9" in message.text
    assert "Page 10" not in message.text
    assert message.text.endswith("… and 3 more")


async def test_in_slack_sources_are_links_in_small_print(world):
    world.coze.script("rain", Answer(text="It will rain.", messages=[recalled(SOURCES)]))
    (message,) = await in_slack(world)
    (shown,) = contexts(message.blocks)
    assert shown.splitlines()[0] == "*📚 Sources*"
    assert "<https://example.com/sky_%281%29|Sky [1] *log*>" in shown
    assert "No link" in shown


async def test_sources_can_be_left_out(world):
    world.coze.script("rain", Answer(text="It will rain.", messages=[recalled(SOURCES)]))
    answers(world, sources=False)
    (message,) = await in_telegram(world)
    assert message.text == "It will rain."


async def test_a_long_reasoned_answer_keeps_its_fold_on_the_first_message_and_loses_nothing(world):
    said = "\n\n".join(f"Paragraph {number}: " + "lorem ipsum " * 20 for number in range(40))
    world.coze.script("rain", Answer(text=said, reasoning="😀文字 " * 3000))
    world.coze.pace(0)
    messages = await in_telegram(world)
    assert [bool(folds(message.now)) for message in messages] == [True, *[False] * (len(messages) - 1)]
    text = "".join(message.text for message in messages)
    assert "".join(text.partition("…")[2].split()) == "".join(said.split())
    assert all(len(message.text.encode("utf-16-le")) // 2 <= 4096 for message in messages)
