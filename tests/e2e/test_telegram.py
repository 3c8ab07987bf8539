"""A person talks to a Coze bot in Telegram: the whole service over real HTTP."""

import asyncio

from simulators.coze.answers import Answer
from simulators.wire import Fault
from tests.e2e.worlds import settled

ANN = 1001


def texts(world, chat=ANN):
    return world.telegram.texts(chat)


async def until_shown(world, text, chat=ANN, within=20.0):
    return await world.telegram.wait(lambda: text in texts(world, chat) or None, within)


async def test_the_message_grows_and_its_last_version_is_the_whole_answer(world):
    said = "One two three. " * 12
    world.coze.script("count", Answer(text=said, deltas=[said[i : i + 6] for i in range(0, len(said), 6)]))
    world.coze.pace(20)
    async with world.bridge():
        world.telegram.say(ANN, ANN, "count for me")
        await until_shown(world, said.strip())
    (message,) = [m for m in world.telegram.messages(ANN) if m.sender != ANN]
    versions = [version.text for version in message.versions]
    assert len(versions) >= 3
    assert all(said.startswith(version) for version in versions)
    assert world.telegram.calls("sendChatAction")


async def test_formatting_is_applied_and_no_marker_remains(world):
    world.coze.script(
        "fmt", Answer(text="# Title\n\nSome **bold**, `code` and **重点：**这里\n\n```python\nx = 1\n```")
    )
    async with world.bridge():
        world.telegram.say(ANN, ANN, "fmt please")
        await world.telegram.wait(lambda: "x = 1" in "".join(texts(world)) or None)
    (message,) = [m for m in world.telegram.messages(ANN) if m.sender != ANN]
    assert message.text == "Title\n\nSome bold, code and 重点：这里\n\nx = 1"
    assert {entity["type"] for entity in message.now.entities} >= {"bold", "code", "pre"}


async def test_the_second_question_continues_the_conversation_and_new_starts_another(world):
    async with world.bridge() as app:
        for question in ("my name is Ann", "what is my name?"):
            world.telegram.say(ANN, ANN, question)
        await settled(app, 2)
        first, second = world.coze.chats
        assert first.conversation_id == second.conversation_id
        assert "Ann" in texts(world)[-1]
        world.telegram.say(ANN, ANN, "/new")
        world.telegram.say(ANN, ANN, "and now?")
        await world.coze.wait(lambda: len(world.coze.chats) == 3)
    assert world.coze.chats[2].conversation_id != first.conversation_id


async def test_two_questions_at_once_are_answered_in_order_and_never_collide(world):
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "echo: one")
        world.telegram.say(ANN, ANN, "echo: two")
        await settled(app, 2)
        assert texts(world) == ["one", "two"]
    codes = [call.get("code") for call in world.coze.calls]
    assert 4016 not in codes


async def test_people_share_neither_user_id_nor_conversation(world):
    async with world.bridge() as app:
        for person in (1001, 1002):
            world.telegram.say(person, person, f"echo: hello {person}")
        group = world.telegram.add_chat(type="supergroup", title="G", members=[1001, 1002])["id"]
        for person in (1001, 1002):
            world.telegram.say(group, person, "@coze_demo_bot echo: hi")
        await world.coze.wait(lambda: len(world.coze.chats) == 4)
        await settled(app, 4)
    users = {chat.user_id for chat in world.coze.chats}
    assert len(users) == 2
    assert len({chat.conversation_id for chat in world.coze.chats}) == 4
    assert not any("1001" in user or "Ann" in user for user in users)


async def test_in_a_group_only_what_is_for_the_bot_is_answered_as_a_reply(world):
    async with world.bridge() as app:
        group = world.telegram.add_chat(type="supergroup", title="G", members=[ANN])["id"]
        world.telegram.say(group, ANN, "just chatting")
        asked = world.telegram.say(group, ANN, "@coze_demo_bot echo: for you")["message_id"]
        await settled(app, 1)
        (answer,) = [m for m in world.telegram.messages(group) if m.sender != ANN]
        assert answer.text == "for you"
        assert answer.place.reply_to == asked
        world.telegram.say(group, ANN, "echo: again", reply_to=answer.message_id)
        await settled(app, 2)
    assert [chat.question for chat in world.coze.chats] == ["echo: for you", "echo: again"]


async def test_a_forum_topic_is_a_conversation_of_its_own_and_is_answered_there(world):
    async with world.bridge() as app:
        made = world.telegram.add_chat(type="supergroup", title="F", members=[ANN], topics=["a", "b"])
        for topic in made["topics"].values():
            world.telegram.say(made["id"], ANN, "@coze_demo_bot echo: topical", thread=topic)
        await settled(app, 2)
    assert len({chat.conversation_id for chat in world.coze.chats}) == 2
    answers = [m for m in world.telegram.messages(made["id"]) if m.text == "topical"]
    assert {m.place.thread for m in answers} == set(made["topics"].values())


async def test_a_group_that_becomes_a_supergroup_keeps_its_conversation(world):
    async with world.bridge() as app:
        group = world.telegram.add_chat(type="group", title="G", members=[ANN])["id"]
        world.telegram.say(group, ANN, "@coze_demo_bot echo: before")
        await settled(app, 1)
        moved = world.telegram.migrate(group)
        world.telegram.say(moved, ANN, "@coze_demo_bot echo: after")
        await settled(app, 2)
    assert texts(world, moved) == ["after"]
    assert len({chat.conversation_id for chat in world.coze.chats}) == 1


async def test_the_same_update_twice_is_answered_once(world):
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "echo: once")
        await settled(app, 1)
        world.telegram.updates.duplicate()
        world.telegram.say(ANN, ANN, "echo: next")
        await settled(app, 2)
    assert texts(world) == ["once", "next"]
    assert len(world.coze.chats) == 2


async def test_stop_ends_the_answer_cancels_at_coze_and_says_so(world):
    world.coze.script("long", Answer(text="word " * 400))
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "long one")
        await world.telegram.wait(lambda: texts(world))
        world.telegram.say(ANN, ANN, "/stop")
        await world.telegram.wait(lambda: any(text.endswith("Stopped.") for text in texts(world)) or None, 2.0)
        await world.coze.wait(lambda: world.coze.chats[0].status == "canceled")
        await settled(app, 2)
        (answer,) = texts(world)
        assert answer.startswith("word")
        assert answer.endswith("⏹ Stopped."), "it is said once, where it happened"
        world.telegram.say(ANN, ANN, "echo: still here")
        await until_shown(world, "still here")


async def test_stop_with_nothing_to_stop_says_so(world):
    async with world.bridge():
        world.telegram.say(ANN, ANN, "/stop")
        await until_shown(world, "There is no answer to stop.")


async def test_retry_asks_the_last_question_again(world):
    async with world.bridge() as app:
        world.telegram.say(ANN, ANN, "/retry")
        await until_shown(world, "There is no question to ask again.")
        world.telegram.say(ANN, ANN, "echo: again")
        await until_shown(world, "again")
        world.telegram.say(ANN, ANN, "/retry")
        await settled(app, 3)
    assert texts(world)[1:] == ["again", "again"]


async def test_help_speaks_the_persons_language(world):
    world.telegram.add_user(1005, first_name="小明", language_code="zh-hans")
    async with world.bridge():
        world.telegram.say(1005, 1005, "/help")
        await world.telegram.wait(lambda: "开始新会话" in "".join(texts(world, 1005)) or None)


async def test_messages_sent_while_the_service_was_down_are_answered_in_order(world):
    for number in range(5):
        world.telegram.say(ANN, ANN, f"echo: {number}")
    async with world.bridge() as app:
        await settled(app, 5)
    assert texts(world) == ["0", "1", "2", "3", "4"]


async def test_a_database_that_fails_leaves_the_update_with_telegram(world):
    async with world.bridge():
        world.telegram.faults.add(Fault(kind="error_500", method="sendMessage", times=2))
        world.telegram.say(ANN, ANN, "echo: persistent")
        await until_shown(world, "persistent")


async def test_unknown_updates_harm_nothing(world):
    async with world.bridge():
        world.telegram.updates.inject({"hologram": {"chat": {"id": 1}}})
        world.telegram.updates.inject({"message": {"message_id": "not a number"}})
        world.telegram.updates.inject({"message": None})
        world.telegram.say(ANN, ANN, "echo: fine")
        await until_shown(world, "fine")


async def test_a_sticker_and_a_bare_mention_get_one_clear_sentence(world):
    async with world.bridge():
        world.telegram.say(ANN, ANN, media={"kind": "sticker", "fields": {"is_animated": True}})
        sentence = "I cannot read this kind of message. Please send text, a picture, a file or a voice message."
        await until_shown(world, sentence)
        group = world.telegram.add_chat(type="group", title="G", members=[ANN])["id"]
        world.telegram.say(group, ANN, "@coze_demo_bot")
        await world.telegram.wait(lambda: "no question" in "".join(texts(world, group)) or None)
    assert not world.coze.chats


async def test_odd_texts_reach_coze_whole(world):
    odd = ["x", "😀👨‍👩‍👧", "שלום עולם", "'; drop table turns; --", "<b>&amp;</b>", "y" * 4000]
    async with world.bridge() as app:
        for text in odd:
            world.telegram.say(ANN, ANN, text)
        world.telegram.updates.inject({"message": raw(900, "lone \ud800 surrogate and NUL \0")})
        await world.coze.wait(lambda: len(world.coze.chats) == len(odd) + 1, 30)
        await settled(app, len(odd) + 1, 40)
    assert [chat.question for chat in world.coze.chats] == [*odd, "lone \ufffd surrogate and NUL \ufffd"]


def raw(message_id, text):
    """A private message as it stands on the wire."""
    person = {"id": ANN, "is_bot": False, "first_name": "Ann"}
    chat = {"id": ANN, "type": "private", "first_name": "Ann"}
    return {"message_id": message_id, "date": 2_000_000_000, "chat": chat, "from": person, "text": text}


async def test_a_long_answer_comes_in_pages_and_nothing_is_lost(world):
    said = "\n\n".join(f"Paragraph {number}: " + "lorem ipsum " * 20 for number in range(40))
    world.coze.script("much", Answer(text=said))
    world.coze.pace(0)
    async with world.bridge():
        world.telegram.say(ANN, ANN, "much please")
        await world.telegram.wait(lambda: "Paragraph 39" in "".join(texts(world)) or None, 30)
        await asyncio.wait_for(
            world.telegram.wait(lambda: "".join("".join(texts(world)).split()) == "".join(said.split()) or None), 30
        )
    assert len(texts(world)) >= 3
    assert all(len(text.encode("utf-16-le")) // 2 <= 4096 for text in texts(world))


async def test_a_penalty_in_mid_answer_is_honoured_and_the_end_arrives(world):
    world.coze.script("slow", Answer(text="word " * 60))
    async with world.bridge():
        world.telegram.say(ANN, ANN, "slow one")
        await world.telegram.wait(lambda: texts(world))
        world.telegram.flood(ANN, 3)
        await until_shown(world, ("word " * 60).strip(), within=30)
    assert world.telegram.flood_control.defied <= 1  # the call that learned of it
