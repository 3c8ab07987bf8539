"""What a person reads of a tool that asks before it runs."""

import json

import pytest

from bridge.model import ToolCall
from bridge.tooling import LONGEST_ARGUMENT, MOST_ARGUMENTS, _described


def described(arguments: object, language: str = "en") -> str:
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return _described(ToolCall(id="1", name="pay", arguments=written), language)


def test_no_argument_hides_behind_a_long_one() -> None:
    assert described({"note": "x" * 1_000, "amount": 5, "to": {"name": "Bob"}}) == (
        f'**pay** note: {"x" * LONGEST_ARGUMENT}… (+{1_000 - LONGEST_ARGUMENT}), amount: 5, to: {{"name": "Bob"}}'
    )


@pytest.mark.parametrize(("language", "end"), [("en", ", and 3 more that are not shown"), ("zh", ", 另有 3 项未显示")])
def test_of_many_arguments_it_is_said_how_many_are_not_shown(language: str, end: str) -> None:
    said = described({f"a{number}": number for number in range(MOST_ARGUMENTS + 3)}, language)
    assert said.endswith(f"a{MOST_ARGUMENTS - 1}: {MOST_ARGUMENTS - 1}{end}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "**pay**"),
        ("no JSON", "**pay** no JSON"),
        ([1], "**pay** \\[1\\]"),
        ({"*a*": "*b*"}, "**pay** \\*a\\*: \\*b\\*"),
    ],
)
def test_whatever_the_model_wrote_is_shown_as_it_is(arguments: object, said: str) -> None:
    assert described(arguments) == said
