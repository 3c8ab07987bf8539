"""The name in a greeting, and how long ago something was."""

import pytest

from bridge.history import ago
from bridge.welcome import named


@pytest.mark.parametrize(
    ("prologue", "with_ann", "without"),
    [
        ("Hello, {{user_name}}!", "Hello, Ann!", "Hello!"),
        ("Hello {{ user_name }}. How are you?", "Hello Ann. How are you?", "Hello. How are you?"),
        ("你好，{{user_name}}！", "你好，Ann！", "你好！"),
        ("{{user_name}}，你好！", "Ann，你好！", "你好！"),
        ("{{user_name}}, welcome to us", "Ann, welcome to us", "welcome to us"),
        ("I greet {{user_name}} today", "I greet Ann today", "I greet today"),
        ("Hi {{user_name}}\nHow are you, {{user_name}}?", "Hi Ann\nHow are you, Ann?", "Hi\nHow are you?"),
        ("{{user_name}}", "Ann", ""),
        ("{{other}} and {user_name}", "{{other}} and {user_name}", "{{other}} and {user_name}"),
    ],
)
def test_a_name_stands_where_it_should_and_is_not_missed(prologue: str, with_ann: str, without: str) -> None:
    assert named(prologue, "Ann") == with_ann
    assert named(prologue, " ") == without


def test_a_name_is_no_markup() -> None:
    assert named("Hi {{user_name}}!", "*[x](y)\\1\n# z") == "Hi \\*\\[x\\](y)\\\\1 \\# z!"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (3_599, "59 min ago"),
        (3_600, "1 h ago"),
        (86_399, "23 h ago"),
        (86_400, "a day ago"),
        (172_800, "2 days ago"),
        (86_400 * 400, "400 days ago"),
    ],
)
def test_how_long_ago(seconds: float, words: str) -> None:
    assert ago(seconds, "en") == words
    assert ago(seconds, "zh") != words
