"""More is asked than can be answered at once: who waits is told, nobody is starved, and ON_BUSY does what it says."""

import pytest

from simulators.coze.answers import Answer
from simulators.wire import Fault
from tests.e2e.worlds import settled

ANN, BEN, CAT, DAN, XIAOMING = 1001, 1002, 1003, 1004, 1005
CHANNEL = "CGENERAL"
ALICE, BOB = "UALICE", "UBOB"
LONG = "word " * 600
"""At ten deltas a second a whole minute: no test waits for its end, each lets it end."""
SOON = "queued_seconds = 0.3\n"


def texts(world, chat=ANN):
    return [text.strip() for text in world.telegram.texts(chat)]


def bot_messages(world, chat=ANN):
    return [message for message in world.telegram.messages(chat) if message.sender == world.telegram.me.id]


def shown(message):
    """All versions of a message."""
    return [version.text for version in message.versions]


async def stands(world, text, chat=ANN):
    """Until a message of the bot shows exactly that."""
    return await world.telegram.wait(
        lambda: next((one for one in bot_messages(world, chat) if one.text == text), None), 60
    )


async def begun(world, chat=ANN):
    await world.telegram.wait(lambda: any(text.startswith("word") for text in texts(world, chat)), 60)


@pytest.fixture
def busy(world):
    """A world in which an answer takes as long as the test wants."""
    world.coze.script("long", Answer(text=LONG))
    world.coze.pace(10)
    world.tuning += SOON
    return world


# ---- who waits is told


async def test_a_question_behind_a_running_answer_shows_its_place_and_becomes_its_answer(busy):
    async with busy.bridge() as app:
        busy.telegram.say(ANN, ANN, "long one")
        await begun(busy)
        busy.telegram.say(ANN, ANN, "echo: second")
        notice = await stands(busy, "⏳ Queued (1 before you).")
        busy.telegram.say(ANN, ANN, "/status")
        await stands(busy, "An answer is running; 1 more waiting.")
        busy.coze.pace(0)
        await settled(app, 3)
    assert texts(busy) == [LONG.strip(), "second", "An answer is running; 1 more waiting."]
    assert bot_messages(busy)[1].message_id == notice.message_id
    assert shown(notice)[0] == "⏳ Queued (1 before you)."
    assert len(busy.coze.asked("second")) == 1


async def test_who_waits_for_a_worker_is_told_in_their_language(busy):
    busy.tuning += "workers = 1\n"
    busy.telegram.add_user(XIAOMING, first_name="小明", language_code="zh-hans")
    async with busy.bridge() as app:
        busy.telegram.say(ANN, ANN, "long one")
        await begun(busy)
        busy.telegram.say(BEN, BEN, "echo: ben")
        await stands(busy, "⏳ Queued (you are next).", BEN)
        busy.telegram.say(XIAOMING, XIAOMING, "echo: 你好，请回答")
        await stands(busy, "⏳ 排队中（前面还有 1 个问题）。", XIAOMING)
        busy.coze.pace(0)
        await settled(app, 3)
    assert (texts(busy, BEN), texts(busy, XIAOMING)) == (["ben"], ["你好，请回答"])


async def test_in_a_slack_thread(busy):
    async with busy.bridge() as app:
        ts = busy.slack.say(CHANNEL, ALICE, "@coze long one")
        await busy.slack.wait(lambda: busy.slack.texts(CHANNEL, ts), 60)
        busy.slack.say(CHANNEL, ALICE, "echo: second", thread_ts=ts)
        await busy.slack.wait(lambda: "⏳ Queued (1 before you)." in busy.slack.texts(CHANNEL, ts), 60)
        busy.coze.pace(0)
        await settled(app, 2)
    assert [text.strip() for text in busy.slack.texts(CHANNEL, ts)] == [LONG.strip(), "second"]


async def test_a_stopped_question_says_so_in_place_of_its_notice(busy):
    busy.tuning += "workers = 1\n"
    async with busy.bridge() as app:
        busy.telegram.say(ANN, ANN, "long one")
        await begun(busy)
        busy.telegram.say(BEN, BEN, "echo: never")
        notice = await stands(busy, "⏳ Queued (you are next).", BEN)
        busy.telegram.say(BEN, BEN, "/stop")
        busy.coze.pace(0)
        await settled(app, 3)
    assert texts(busy, BEN) == ["⏹ Stopped."]
    assert bot_messages(busy, BEN)[0].message_id == notice.message_id
    assert busy.coze.asked("never") == []


async def test_where_answers_do_not_grow_only_who_waits_for_a_worker_is_told(busy):
    """In one chat what is told of the second question would stand above the answer to the first."""
    busy.tuning += "workers = 1\n"
    async with busy.bridge(TELEGRAM_STREAMING="off") as app:
        busy.telegram.say(ANN, ANN, "long one")
        await busy.coze.wait(lambda: busy.coze.asked("long"), 60)
        busy.telegram.say(ANN, ANN, "echo: second")
        busy.telegram.say(BEN, BEN, "echo: ben")
        await stands(busy, "⏳ Queued (you are next).", BEN)
        busy.coze.pace(0)
        await settled(app, 3)
    assert texts(busy) == [LONG.strip(), "second"]
    assert texts(busy, BEN) == ["ben"]


async def test_an_answer_of_which_nothing_is_seen_shows_a_sign_before_anything_is_told_of_the_next(busy):
    busy.coze.fault("slow_first", seconds=600)
    async with busy.bridge() as app:
        busy.telegram.say(ANN, ANN, "long one")
        await busy.coze.wait(lambda: busy.coze.asked("long"), 60)
        busy.telegram.say(ANN, ANN, "echo: second")
        await stands(busy, "⏳ Queued (1 before you).")
        assert texts(busy) == ["💭 Thinking…", "⏳ Queued (1 before you)."]
        busy.coze.pace(0)
        busy.coze.hurry()
        await settled(app, 2)
    assert texts(busy) == [LONG.strip(), "second"]


async def test_where_a_notice_would_be_a_draft_nobody_is_told(busy):
    async with busy.bridge(TELEGRAM_STREAMING="draft") as app:
        busy.telegram.say(ANN, ANN, "long one")
        await busy.telegram.wait(lambda: busy.telegram.draft(ANN), 60)
        busy.telegram.say(ANN, ANN, "echo: second")
        ts = busy.slack.say(CHANNEL, ALICE, "@coze long one")
        await busy.slack.wait(lambda: busy.slack.texts(CHANNEL, ts), 60)
        busy.slack.say(CHANNEL, ALICE, "echo: third", thread_ts=ts)
        await busy.slack.wait(lambda: "⏳ Queued (1 before you)." in busy.slack.texts(CHANNEL, ts), 60)
        drafts = busy.telegram.draft(ANN)
        assert drafts is not None
        assert drafts.text.startswith("word")
        busy.coze.pace(0)
        await settled(app, 4)
    assert texts(busy) == [LONG.strip(), "second"]


async def test_zero_seconds_tell_nobody(busy):
    busy.tuning = busy.tuning.replace(SOON, "queued_seconds = 0\n")
    async with busy.bridge() as app:
        busy.telegram.say(ANN, ANN, "long one")
        await begun(busy)
        busy.telegram.say(ANN, ANN, "echo: second")
        await busy.coze.wait(lambda: len(busy.coze.chats[0].deltas) > 40, 60)
        busy.coze.pace(0)
        await settled(app, 2)
    assert not any("Queued" in text for message in bot_messages(busy) for text in shown(message))


async def test_a_notice_survives_a_kill(busy):
    async with busy.process() as process:
        busy.telegram.say(ANN, ANN, "long one")
        await begun(busy)
        busy.telegram.say(ANN, ANN, "echo: second")
        notice = await stands(busy, "⏳ Queued (1 before you).")
        await process.kill()
    busy.coze.pace(0)
    async with busy.process():
        await busy.telegram.wait(lambda: texts(busy) == [LONG.strip(), "second"] or None, 60)
    assert bot_messages(busy)[1].message_id == notice.message_id
    assert len(busy.coze.asked("second")) == 1


async def test_who_blocked_the_bot_while_they_waited_costs_little(busy):
    busy.tuning += "workers = 1\n"
    async with busy.bridge() as app:
        busy.telegram.say(ANN, ANN, "long one")
        await begun(busy)
        busy.telegram.say(BEN, BEN, "echo: unseen")
        busy.telegram.block(BEN)
        await busy.telegram.wait(lambda: busy.telegram.calls(chat=BEN), 60)
        heard = len(busy.coze.chats[0].deltas)
        await busy.coze.wait(lambda: len(busy.coze.chats[0].deltas) > heard + 30, 60)
        assert len(busy.telegram.calls(chat=BEN)) == 1, "not again and again"
        busy.coze.pace(0)
        await settled(app, 2)
    assert texts(busy) == [LONG.strip()]


# ---- nobody is starved


async def test_a_flood_in_one_chat_does_not_hold_up_another(busy):
    busy.tuning += "workers = 3\n"
    busy.telegram.say(ANN, ANN, "long one")
    for number in range(200):
        busy.telegram.say(ANN, ANN, f"echo: flood {number}")
    busy.telegram.say(BEN, BEN, "echo: single")
    async with busy.bridge(DRAIN_SECONDS="0"):
        await stands(busy, "single", BEN)
        assert [chat.question for chat in busy.coze.chats] == ["long one", "echo: single"], "next, not last"
    assert not any(chat.deltas == [] for chat in busy.coze.chats)


async def test_a_platform_that_hangs_leaves_workers_for_the_other(busy):
    busy.tuning += "workers = 4\n"
    for chat in (ANN, BEN, CAT, DAN, 1006, 1007):
        busy.telegram.faults.add(Fault(kind="hang", method="sendMessage", chat=str(chat), seconds=15))
        busy.telegram.say(chat, chat, f"echo: {chat}")
    busy.coze.pace(0)
    async with busy.bridge() as app:
        await busy.telegram.wait(
            lambda: len([call for call in busy.telegram.calls() if call.method == "sendMessage"]) >= 3, 60
        )
        ts = busy.slack.say(CHANNEL, ALICE, "@coze echo: hello")
        await busy.slack.wait(lambda: busy.slack.texts(CHANNEL, ts) == ["hello"], 15)
        assert not any(texts(busy, chat) for chat in (ANN, BEN, CAT)), "they hang still"
        busy.telegram.faults.clear()
        await settled(app, 7)
    assert [texts(busy, chat) for chat in (ANN, BEN, CAT, DAN)] == [[f"{chat}"] for chat in (ANN, BEN, CAT, DAN)]


@pytest.mark.timeout(300)
async def test_what_waits_at_the_start_is_answered_in_order(world):
    world.tuning = "telegram_private_seconds = 0.01\ntelegram_calls_per_second = 10000\n"
    world.coze.pace(0)
    chats = range(2001, 2011)
    for number in range(15):
        for chat in chats:
            world.telegram.say(chat, chat, f"echo: {chat} asks {number}")
    async with world.bridge() as app:
        await settled(app, 150, within=240)
    for chat in chats:
        assert [one.question for one in world.coze.chats if f"{chat} asks" in one.question] == [
            f"echo: {chat} asks {number}" for number in range(15)
        ]
        assert texts(world, chat) == [f"{chat} asks {number}" for number in range(15)]


# ---- ON_BUSY


async def test_merged_questions_get_one_answer_that_replies_to_the_newest(busy):
    group = busy.telegram.add_chat(type="supergroup", title="G", members=[ANN])["id"]
    async with busy.bridge(ON_BUSY="merge") as app:
        busy.telegram.say(group, ANN, "@coze_demo_bot long one")
        await begun(busy, group)
        busy.telegram.say(group, ANN, "@coze_demo_bot echo: first part")
        newest = busy.telegram.say(group, ANN, "@coze_demo_bot second part")
        await busy.coze.wait(lambda: len(busy.coze.chats[0].deltas) > 30, 60)
        busy.coze.pace(0)
        await settled(app, 2)
    assert [chat.question for chat in busy.coze.chats] == ["long one", "echo: first part\n\nsecond part"]
    assert texts(busy, group) == [LONG.strip(), "first part\n\nsecond part"]
    answer = bot_messages(busy, group)[1]
    assert answer.place.reply_to == newest["message_id"]
    assert not any("Queued" in text for text in shown(answer)), "what will be merged is not told of"


async def test_merging_in_a_slack_thread_leaves_other_people_apart(busy):
    async with busy.bridge(ON_BUSY="merge") as app:
        ts = busy.slack.say(CHANNEL, ALICE, "@coze long one")
        await busy.slack.wait(lambda: busy.slack.texts(CHANNEL, ts), 60)
        for user, text in ((ALICE, "echo: one"), (ALICE, "two"), (BOB, "@coze echo: three"), (ALICE, "echo: four")):
            busy.slack.say(CHANNEL, user, text, thread_ts=ts)
        await busy.coze.wait(lambda: len(busy.coze.chats[0].deltas) > 30, 60)
        busy.coze.pace(0)
        await settled(app, 4)
    assert [text.strip() for text in busy.slack.texts(CHANNEL, ts)] == [LONG.strip(), "one\n\ntwo", "three", "four"]


async def test_a_merged_question_survives_kills(busy):
    busy.coze.script("part", Answer(text="merged " * 300))
    async with busy.process(ON_BUSY="merge") as process:
        busy.telegram.say(ANN, ANN, "long one")
        await begun(busy)
        busy.telegram.say(ANN, ANN, "first part")
        busy.telegram.say(ANN, ANN, "second part")
        await busy.telegram.wait(lambda: not busy.telegram.updates.pending or None, 60)
        await process.kill()
    busy.coze.pace(200)
    async with busy.process(ON_BUSY="merge") as process:
        await busy.coze.wait(lambda: busy.coze.asked("part"), 60)
        await process.kill()
    busy.coze.pace(0)
    async with busy.process(ON_BUSY="merge"):
        await busy.telegram.wait(lambda: texts(busy) == [LONG.strip(), ("merged " * 300).strip()] or None, 60)
    assert [chat.question for chat in busy.coze.asked("part")] == ["first part\n\nsecond part"]


async def test_a_new_question_interrupts_the_one_before(busy):
    async with busy.bridge(ON_BUSY="interrupt") as app:
        busy.telegram.say(ANN, ANN, "long one")
        busy.telegram.say(BEN, BEN, "long two")
        await begun(busy)
        await begun(busy, BEN)
        busy.telegram.say(ANN, ANN, "echo: instead")
        await stands(busy, "instead")
        assert texts(busy)[0].startswith("word")
        assert texts(busy)[0].endswith("⏹ Stopped.")
        assert not texts(busy, BEN)[0].endswith("⏹ Stopped."), "somebody else's goes on"
        busy.coze.pace(0)
        await settled(app, 3)
    assert texts(busy, BEN) == [LONG.strip()]
    assert len(texts(busy)) == 2


async def test_an_interrupted_answer_that_was_complete_but_unseen_says_so(busy):
    async with busy.bridge(ON_BUSY="interrupt", TELEGRAM_STREAMING="off") as app:
        busy.telegram.add_chat(ANN)
        busy.telegram.flood(ANN, 6)
        busy.telegram.say(ANN, ANN, "echo: first")
        await busy.coze.wait(lambda: busy.coze.chats and busy.coze.chats[0].status == "completed", 60)
        await busy.telegram.wait(lambda: busy.telegram.flood_control.refused, 60)
        busy.telegram.say(ANN, ANN, "echo: second")
        await settled(app, 2)
    assert texts(busy) == ["⏹ Stopped.", "second"]


async def test_interrupting_in_a_shared_slack_thread_touches_nobody_else(busy):
    async with busy.bridge(ON_BUSY="interrupt") as app:
        ts = busy.slack.say(CHANNEL, ALICE, "@coze long one")
        await busy.slack.wait(lambda: busy.slack.texts(CHANNEL, ts), 60)
        busy.slack.say(CHANNEL, BOB, "@coze echo: bob", thread_ts=ts)
        busy.slack.say(CHANNEL, ALICE, "echo: alice", thread_ts=ts)
        await busy.slack.wait(lambda: "alice" in busy.slack.texts(CHANNEL, ts), 60)
        await settled(app, 3)
    first, *rest = busy.slack.texts(CHANNEL, ts)
    assert "Stopped" in first
    assert rest == ["bob", "alice"]
