"""Everything that Coze can say, through the real SDK to both platforms: none ends in silence or in a traceback.

All rows of a platform are asked at the same time, each by a person of their own: a few seconds for all.
"""

import re

import pytest

from bridge.texts import TEXTS, text
from tests.e2e.everything import ROWS
from tests.e2e.worlds import settled

QUICK = """
telegram_calls_per_second = 100000
telegram_private_seconds = 0.01
slack_post_seconds = 0.0001
slack_channel_post_seconds = 0.0001
slack_update_seconds = 0.0001
coze_idle_seconds = 1.0
coze_silence_seconds = 60
"""
HELLO = {"en": "hello", "zh": "你好"}
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
LOG_ID = re.compile(r"20\d{12}[0-9A-F]{18}")
MARKS = re.compile(r"[\s*_\\`>\u200b•—-]|👍|👎")


MAY_LACK_ONE = ("empty", "no_tool", "unreachable", "cancelled_at_coze")
"""Sentences without a log id, where Coze has refused nothing or cannot be heard."""


def language(number, platform):
    """So that each code is told in both languages on both platforms."""
    return "zh" if (number + (platform == "slack")) % 2 else "en"


def expected(row, lang):
    """What stands at the end, as a pattern over what is left without marks."""
    shown = [TEXTS["reasoning"][lang] if part == "💭 Reasoning" else part for part in row.shows]
    shown = [TEXTS["sources"][lang] if part == "📚 Sources" else part for part in shown]
    reference = ""
    if row.say:
        shown.append(text(row.say, lang, tools=row.answer.tool))
        reference = re.escape(MARKS.sub("", TEXTS["reference"][lang])).replace(r"\{reference\}", "[0-9A-F]{20,}")
        reference = f"({reference})?" if row.say in MAY_LACK_ONE else reference
    then = MARKS.sub("", row.then.removeprefix("echo: "))
    return re.escape(MARKS.sub("", "".join(shown))) + reference + re.escape(then)


def texts_of(blocks):
    """Every text of Slack's blocks, in order."""
    if isinstance(blocks, list):
        return [text for block in blocks for text in texts_of(block)]
    if not isinstance(blocks, dict):
        return []
    own = [blocks["text"]] if isinstance(blocks.get("text"), str) else texts_of(blocks.get("text"))
    return own + texts_of(blocks.get("elements"))


class Telegram:
    """Each asks in a private chat of their own."""

    def __init__(self, world):
        self.sim, self.alone = world.telegram, {"SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": ""}

    def ask(self, number, text):
        self.sim.add_user(10_000 + number, language_code=language(number, "telegram"))
        self.sim.say(10_000 + number, 10_000 + number, text)

    answer = ask

    def seen(self, number):
        found = []
        for message in self.sim.messages(10_000 + number):
            if message.sender == self.sim.me.id:
                rows = (message.now.reply_markup or {}).get("inline_keyboard", [])
                found += [message.text, *(button["text"] for row in rows for button in row)]
        return "\n".join(found)


class Slack:
    """Each asks in a DM of their own."""

    def __init__(self, world):
        self.sim, self.alone, self.threads = world.slack, {"TELEGRAM_BOT_TOKEN": ""}, {}

    def ask(self, number, text):
        self.sim.add_user(f"p{number}", id=f"UP{number}")
        self.sim.add_channel(f"p{number}", id=f"DP{number}", kind="im", members=[f"UP{number}"])
        self.threads[number] = self.sim.say(f"DP{number}", f"UP{number}", text)

    def answer(self, number, text):
        self.sim.say(f"DP{number}", f"UP{number}", text, thread_ts=self.threads[number])

    def seen(self, number):
        messages = self.sim.bot_messages(f"DP{number}")
        return LINK.sub(r"\1", "\n".join(part for message in messages for part in self._parts(message)))

    @staticmethod
    def _parts(message):
        """What is written, and the buttons, which are blocks beside it."""
        written = texts_of([block for block in message.blocks if block["type"] != "actions"])
        buttons = texts_of([block for block in message.blocks if block["type"] == "actions"])
        return [*(written or [message.raw]), *buttons]


def script(world, platform):
    for number, row in enumerate(ROWS):
        fault = row.fault and type(row.fault)(**{name: getattr(row.fault, name) for name in row.fault.__slots__})
        world.coze.script(f"row {number}.", row.answer, fault=fault)
    world.coze.pace(0)
    world.coze.world.delta_events = world.coze.world.suggestions = False
    world.tuning = QUICK


@pytest.mark.timeout(300)
@pytest.mark.parametrize("platform", [Telegram, Slack], ids=["telegram", "slack"])
async def test_what_people_see_of_everything_that_coze_can_say(world, platform, monkeypatch, caplog):
    monkeypatch.setattr("bridge.patience.ASK_DELAYS", (0.02,) * 5)
    monkeypatch.setattr("bridge.patience.RECALL_DELAYS", (0.02,) * 40)
    name, place = platform.__name__.lower(), platform(world)
    script(world, name)
    async with world.bridge(**place.alone) as app:
        for number in range(len(ROWS)):
            place.ask(number, f"row {number}. {HELLO[language(number, name)]}")
        await settled(app, len(ROWS), 240, every=0.2)
        more = [(number, row.then) for number, row in enumerate(ROWS) if row.then]
        for number, text in more:
            place.answer(number, text)
        await settled(app, len(ROWS) + len(more), 60)
    wrong, log_ids = {}, {call["logid"] for call in world.coze.calls}
    for number, row in enumerate(ROWS):
        seen, pattern = MARKS.sub("", place.seen(number)), expected(row, language(number, name))
        asked = sum(call.get("question", "").startswith(f"row {number}.") for call in world.coze.calls)
        if not re.fullmatch(pattern, seen) or asked != row.asked or not set(LOG_ID.findall(seen)) <= log_ids:
            wrong[row.name] = {"seen": seen, "expected": pattern, "asked": asked, "to be asked": row.asked}
    assert not wrong, "\n".join(f"{row}: {found}" for row, found in wrong.items())
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
