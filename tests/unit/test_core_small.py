"""Identity, access, commands and texts: the small pure parts."""

import re

import pytest

from bridge.access import parse_access
from bridge.answer import Answer
from bridge.commands import COMMANDS, MENU, saying
from bridge.errors import BotFailed, ConfigError, RateLimited
from bridge.identity import conversation_key, language, user
from bridge.model import Address, Inbound, Sender, Standing, TurnId
from bridge.texts import TEXTS, refusal, text


def inbound(*, platform="telegram", chat="7", thread="", sender="7", personal=True, written="hi", tag=""):
    address = Address(platform=platform, account="1", chat=chat, thread=thread)
    return Inbound(
        key="k",
        address=address,
        sender=Sender(id=sender, language=tag),
        text=written,
        sent_at=0.0,
        sort_key="0",
        personal=personal,
    )


def test_a_person_has_one_stable_user_id_without_a_name_and_nobody_else_has_it():
    mine = user(inbound()).coze_user
    assert mine == user(inbound(chat="-100", thread="4")).coze_user
    assert re.fullmatch(r"[0-9a-f]{32}", mine)
    others = {user(inbound(sender="8")).coze_user, user(inbound(platform="slack")).coze_user}
    assert len(others | {mine}) == 3


def test_a_personal_conversation_has_the_person_in_its_key_and_a_shared_one_has_not():
    assert conversation_key(inbound(chat="-5", sender="1")) != conversation_key(inbound(chat="-5", sender="2"))
    shared = [conversation_key(inbound(chat="C", thread="1.2", sender=s, personal=False)) for s in "12"]
    assert shared[0] == shared[1]
    assert conversation_key(inbound(thread="1")) != conversation_key(inbound(thread="2"))
    assert conversation_key(inbound(chat="-5")).startswith("telegram:1:-5:")


@pytest.mark.parametrize(
    ("tag", "written", "expected"),
    [("en", "你好", "en"), ("zh-hans", "hi", "zh"), ("", "你好", "zh"), ("", "hi", "en"), ("de", "hallo", "en")],
)
def test_language_is_the_platforms_word_else_how_the_person_writes(tag, written, expected):
    assert language(tag, written) == expected


@pytest.mark.parametrize(
    ("allow", "platform", "chat", "sender", "admitted"),
    [
        ("*", "telegram", "7", "7", True),
        ("telegram:7", "telegram", "7", "7", True),
        ("telegram:7", "telegram", "8", "8", False),
        ("telegram:chat:-100", "telegram", "-100", "8", True),
        ("slack:T1", "telegram", "7", "7", False),
    ],
)
def test_who_may_talk(allow, platform, chat, sender, admitted):
    assert parse_access(allow).admits(inbound(platform=platform, chat=chat, sender=sender)) is admitted


@pytest.mark.parametrize(
    ("allow", "mend"),
    [("", "names nobody"), (" , ", "names nobody"), ("7", "write telegram:7"), ("-100", "write telegram:chat:-100")],
)
def test_a_list_that_lets_nobody_in_is_a_mistake(allow, mend):
    with pytest.raises(ConfigError, match=mend):
        parse_access(allow)


@pytest.mark.parametrize("entry", ["slack:T1", "slack:T1:U1", "slack:T1:C1"])
def test_who_may_talk_in_slack(entry):
    address = Address(platform="slack", account="T1", chat="C1")
    message = Inbound(key="k", address=address, sender=Sender(id="U1"), text="", sent_at=0.0, sort_key="")
    assert parse_access(f" {entry} ,").admits(message)
    other = Address(platform="slack", account="T2", chat="C2")
    stranger = Inbound(key="k", address=other, sender=Sender(id="U2"), text="", sent_at=0.0, sort_key="")
    assert not parse_access(entry).admits(stranger)


def test_an_entry_that_is_none_is_named():
    with pytest.raises(ConfigError, match="'bob'"):
        parse_access("*, bob")


@pytest.mark.parametrize("language_", ["en", "zh"])
@pytest.mark.parametrize("standing", [Standing(), Standing(running=TurnId(3), waiting=2)])
def test_every_command_has_something_to_say(language_, standing):
    for command in COMMANDS.values():
        assert command.reply(standing, language_).strip()
    assert set(MENU) <= set(COMMANDS)
    assert "2" in COMMANDS["status"].reply(Standing(running=TurnId(1), waiting=2), language_)


def test_what_a_command_says_is_a_complete_answer():
    assert Answer.load(saying("done")).note == "done"


def test_every_text_is_there_in_both_languages_with_the_same_fields():
    for name, sentences in TEXTS.items():
        assert set(sentences) == {"en", "zh"}, name
        fields = [sorted(re.findall(r"{(\w+)}", sentence)) for sentence in sentences.values()]
        assert fields[0] == fields[1], name


def test_a_refusal_carries_the_reference_and_unknown_names_still_say_something():
    assert refusal("quota", "en", "LOG1").endswith("(reference LOG1)")
    assert refusal("quota", "zh") == TEXTS["quota"]["zh"]
    assert text("no such name", "fr") == TEXTS["failed"]["en"]


def test_errors_say_what_to_do_without_being_told():
    assert str(RateLimited(retry_after=3)) == "The other side asks us to wait `retry_after` seconds."
    assert BotFailed("x", code=4028, say="quota").code == 4028
