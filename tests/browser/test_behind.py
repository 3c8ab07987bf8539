"""What the page is told of each answer: how it is measured, who is mistaken for whom, and that it stays small."""

import re

import pytest

from simulators.coze.answers import grown
from simulators.coze.state import Chat
from simulators.demo import measure
from simulators.demo.board import MOST_MESSAGES, Board
from simulators.demo.looks import slack_message, telegram_message
from simulators.demo.stage import LIN, MAYA, stage
from simulators.demo.traces import MOST_TRACES, Traces
from simulators.slack.limits import Limits as SlackLimits
from simulators.telegram.flood import Flood
from simulators.telegram.model import Place, Version
from simulators.wire import Feed
from tests.browser.running import ROOT

PAGE = ROOT / "simulators" / "demo" / "page"
SAID = "## Two things\n\n1. **First** see [the manual](https://example.com/a_(b))\n\n```python\nx = 1\n```\nDone."
SHOWN = "Two things\n\n1. First see the manual\n\nx = 1\nDone."


# ---- how far an answer has come


def test_what_is_visible_is_measured_in_characters_of_what_was_said():
    assert measure.reach([SHOWN], SAID) == len(SAID)
    assert SAID[: measure.reach(["Two things\n\n1. First"], SAID)].endswith("First")
    assert measure.reach([], SAID) == 0
    assert measure.reach(["⏳ Coze cannot be reached."], SAID) == 0


def test_whole_means_all_of_it_in_order_and_once():
    long = grown(3000, "# T", "Part {}", ["One sentence here.", "And one more.", "A third."], ["- a\n- b"])
    assert measure.is_whole([long[:1500], long[1500:]], long)
    assert not measure.is_whole([long[:1500]], long)
    assert not measure.is_whole([long, long], long)
    assert not measure.is_whole([long[1500:], long[:1500]], long)
    assert not measure.is_whole([long[:1500], long[1400:]], long)


# ---- which message belongs to which question


class Room:
    """A stage without the bridge: messages and chats are told as the simulators would."""

    def __init__(self, scene) -> None:
        self.scene, self.board = scene, Board()
        self.traces = Traces(self.board, scene)
        self._read = dict.fromkeys(("telegram", "slack", "coze"), 0)

    def read(self) -> None:
        """Takes in what the feeds have got."""
        for event in self._new("telegram", self.scene.telegram.feed):
            if event["kind"] in ("message", "edit") and "forum_topic_created" not in event["message"]:
                self.board.telegram(event)
                self.traces.wrote(telegram_message(event), event["at"])
        for event in self._new("slack", self.scene.slack.feed):
            if event["kind"] in ("message", "edit"):
                self.board.slack(event)
                self.traces.wrote(slack_message(event), event["at"])

    def _new(self, name: str, feed: Feed) -> list[dict]:
        new = feed.events[self._read[name] :]
        self._read[name] = len(feed.events)
        return new

    def bot(self, chat: int, text: str, **more) -> None:
        world = self.scene.telegram.world
        world.post(world.chats[chat], world.me.id, Version(world.now(), text), Place(**more))


@pytest.fixture
async def room():
    async with stage({}) as scene:
        yield Room(scene)


async def test_a_command_opens_no_trace_and_its_reply_is_no_part_of_the_answer(room):
    room.scene.telegram.say(MAYA, MAYA, "tell me something")
    room.scene.telegram.say(MAYA, MAYA, "/status")
    room.bot(MAYA, "I am listening.")
    room.scene.slack.say("DALICE", "UALICE", "and you")
    whisper = {"bot": True, "only_for": "UALICE", "message": "slack/DALICE/1.0", "text": "Nothing is running."}
    room.read()
    room.traces.wrote({"platform": "slack", "room": "DALICE", "thread": "", "reply": None, **whisper}, 0.0)
    first, second = room.traces.newest
    assert (first.question, first.shown) == ("tell me something", {})
    assert (second.question, second.shown) == ("and you", {})


async def test_in_a_group_only_what_is_meant_for_the_bot_is_a_question(room):
    group = room.scene.telegram.add_chat(type="supergroup", members=[LIN, MAYA])["id"]
    name = room.scene.telegram.me.username
    room.scene.telegram.say(group, LIN, "tea?")
    asked = room.scene.telegram.say(group, MAYA, f"@{name} what is tea")["message_id"]
    room.scene.slack.say("CGENERAL", "UALICE", "hello all")
    room.scene.slack.say("CGENERAL", "UBOB", "@coze hello")
    room.bot(group, "Leaves.", reply_to=asked)
    room.read()
    assert [trace.question for trace in room.traces.newest] == ["what is tea", "hello"]
    assert list(room.traces.newest[0].shown.values()) == ["Leaves."]


async def test_two_who_ask_the_same_are_told_apart_when_one_is_ahead_of_its_coze(room):
    world = room.scene.coze.world
    for person in (LIN, MAYA):
        room.scene.telegram.say(person, person, "long 500")
    room.read()
    lin, maya = room.traces.newest
    first, second = _chat("7", "A long answer, quite far along"), _chat("8", "A")
    world.remember(first)
    world.remember(second)
    room.traces.coze({"kind": "chat", "chat": "8", "question": "long 500"})
    room.traces.coze({"kind": "chat", "chat": "7", "question": "long 500"})
    assert (lin.chat, maya.chat) == (second, first)
    room.bot(LIN, "A long answer, quite")
    room.read()
    assert (lin.chat, maya.chat) == (first, second)
    assert (lin.seen, lin.said) == (len("A long answer, quite"), len(first.text))


def _chat(id: str, text: str):
    fields = dict.fromkeys(("section_id", "bot_id", "user_id"), "")
    made = Chat(
        id=id,
        conversation_id=f"c{id}",
        question="long 500",
        stream=True,
        auto_save=True,
        created_at=0,
        at=0.0,
        **fields,
    )
    made.said = [text]
    return made


# ---- it stays small


async def test_old_messages_and_answers_leave_the_board(room):
    for number in range(MOST_MESSAGES + 30):
        room.scene.telegram.say(MAYA, MAYA, f"/status {number}")
    room.scene.telegram.say(MAYA, MAYA, "a question")
    for number in range(3 * MOST_TRACES):
        room.read()
        room.traces.newest[-1].outcome = "whole"
        room.scene.slack.say("DALICE", "UALICE", f"question {number}")
    items = [item async for batch in _once(room.board) for item in batch]
    of_kind = [sum(item["kind"] == kind for item in items) for kind in ("message", "trace", "point")]
    assert of_kind[0] == MOST_MESSAGES + 3 * MOST_TRACES - 1
    assert of_kind[1] == len(room.traces.newest) == MOST_TRACES
    assert of_kind[2] == MOST_TRACES
    room.scene.forget_the_old()
    assert len(room.scene.telegram.messages(MAYA)) == 100


async def _once(board: Board):
    async for items in board.follow():
        board.close()
        yield items


async def test_a_feed_that_keeps_little_still_tells_everything_to_who_listens():
    feed = Feed(keep=10)
    for number in range(95):
        feed.publish("n", number=number)
    assert len(feed.events) < 20
    late = feed.follow(90)
    assert [(await anext(late))["number"] for _ in range(5)] == [90, 91, 92, 93, 94]
    first = await anext(feed.follow(0))
    assert first["seq"] == feed.events[0]["seq"] > 1


# ---- what the buttons do to the limits


def test_a_flood_that_nobody_knew_of_is_told_first_and_escalates_only_if_defied():
    flood = Flood()
    flood.penalise("1001", 30, now=100.0, told=False)
    assert not flood.defies("sendMessage", "1001", 105.0)
    assert flood.admit("sendMessage", "1001", 105.0).retry_after == 25
    assert flood.admit("sendMessage", "1001", 110.0).retry_after > 25
    assert flood.admit("sendMessage", "1002", 110.0).retry_after == 0


def test_a_closed_slack_channel_refuses_what_shows_something_and_nothing_else():
    limits = SlackLimits()
    limits.close("C1", 30, now=100.0)
    assert limits.check("chat.update", "C1", 110.0) == 20.0
    assert limits.check("chat.update", "C2", 110.0) == 0.0
    assert limits.check("conversations.replies", "C1", 110.0) == 0.0
    assert limits.check("chat.update", "C1", 131.0) == 0.0


# ---- the texts


def test_every_sentence_of_the_page_is_there_in_both_languages():
    catalogue = (PAGE / "texts.js").read_text(encoding="utf-8")
    block = catalogue[catalogue.index("export const TEXTS") : catalogue.index("\n};")]
    entries = re.findall(
        r'^  "?([\w ]+)"?: \[\s*"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)",?\s*\]', block, re.MULTILINE
    )
    assert len(entries) == len(re.findall(r'^  "?[\w ]+"?: \[', block, re.MULTILINE))
    for name, english, chinese in entries:
        assert english, name
        assert chinese, name
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese)), name
    known = {name for name, _, _ in entries}
    scripts = "\n".join(path.read_text(encoding="utf-8") for path in PAGE.glob("*.js"))
    asked = set(re.findall(r'\bt\("([\w ]+)"', scripts))
    assert asked - known == set()
    families = set(re.findall(r"\bt\(\s*`([a-z]+_)(?:not_)?\$\{", scripts))
    by_name = {name for name in known if any(name.startswith(prefix) for prefix in families)}
    named = set(re.findall(r'"([\w ]+)"', scripts)) | {f"{one}_why" for one in re.findall(r'"(\w+)"', scripts)}
    states = {"ready", "not ready", "starting", "down"}  # of the bridge, told by the server
    assert known - asked - by_name - named - states == set(), "nobody says this"
