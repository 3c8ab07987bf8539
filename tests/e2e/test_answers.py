"""200 different answers on both platforms: what finally stands is what Coze said, formatted, within the limits."""

import re

import pytest

from simulators.coze.answers import Answer
from tests.e2e.answers import many, read
from tests.e2e.worlds import settled

ANSWERS = many()
RAW = re.compile(r"\*\*|~~|`|\]\(|^#{1,6} |^\|.*\|$|^ {0,3}>(?!\S*\w)", re.MULTILINE)
QUICK = "telegram_calls_per_second = 1000\nslack_post_seconds = 0.02\nslack_channel_post_seconds = 0.02\n"
QUICK += "slack_update_seconds = 0.05\n"


def pieces(text, size=250):
    return [text[at : at + size] for at in range(0, len(text), size)]


def script(world):
    for number, said in enumerate(ANSWERS):
        world.coze.script(f"answer {number}!", Answer(text=said.markdown, deltas=pieces(said.markdown)))
    world.coze.pace(0)
    world.coze.world.delta_events = False
    world.tuning += QUICK


def outside_code(message):
    """The text of a Telegram message without its code and pre entities."""
    units = message.text.encode("utf-16-le")
    kept, at = b"", 0
    for entity in sorted(message.now.entities, key=lambda entity: entity["offset"]):
        if entity["type"] in ("code", "pre") and entity["offset"] * 2 >= at:
            kept += units[at : entity["offset"] * 2]
            at = (entity["offset"] + entity["length"]) * 2
    return (kept + units[at:]).decode("utf-16-le")


@pytest.mark.timeout(400)
async def test_in_telegram(world):
    script(world)
    async with world.bridge(SLACK_BOT_TOKEN="", SLACK_APP_TOKEN="") as app:
        for number in range(len(ANSWERS)):
            world.telegram.say(50_000 + number, 50_000 + number, f"answer {number}!")
        await settled(app, len(ANSWERS), 240)
    for number, said in enumerate(ANSWERS):
        messages = [m for m in world.telegram.messages(50_000 + number) if m.sender == world.telegram.me.id]
        if not said.words:
            assert [message.text for message in messages] == ["(The bot gave an empty answer.)"]
            continue
        assert read(said, [message.text for message in messages]) == said.words, number
        found = {entity.get("url") for message in messages for entity in message.now.entities} - {None}
        assert found == said.links, number
        for message in messages:
            assert len(message.text.encode("utf-16-le")) // 2 <= 4096
            assert len(message.now.entities) <= 100
            assert not RAW.search(outside_code(message)), (number, outside_code(message))


@pytest.mark.timeout(400)
async def test_in_slack(world):
    script(world)
    async with world.bridge(TELEGRAM_BOT_TOKEN="") as app:
        stamps = [world.slack.say("DALICE", "UALICE", f"answer {number}!") for number in range(len(ANSWERS))]
        await settled(app, len(ANSWERS), 240)
    for number, (said, ts) in enumerate(zip(ANSWERS, stamps, strict=True)):
        texts = world.slack.texts("DALICE", ts)
        if not said.words:
            assert texts == ["(The bot gave an empty answer.)"]
            continue
        assert read(said, texts) == said.words, number
        assert all(len(text) <= 12_000 for text in texts)
        assert all(text.count("```") % 2 == 0 for text in texts)
        if len(texts) == 1:
            assert "".join(texts[0].replace("\u200b", "").split()) == "".join(said.markdown.split()), number
        assert all(url in "\n".join(texts) for url in said.links), number
    assert not any(message.pings["users"] for message in world.slack.bot_messages("DALICE"))
