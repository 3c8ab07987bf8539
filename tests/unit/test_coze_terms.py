"""How a bot is asked: what goes into the body, and what is filled in for the person."""

from types import MappingProxyType

import pytest

from adapters.coze.terms import Terms, filled
from bridge.model import Profile
from bridge.ports import Question


def question(profile: Profile | None = None) -> Question:
    return Question(text="q", user="u1", conversation="1", mark="m", language="zh", platform="slack", profile=profile)


def test_places_are_filled_and_other_braces_stay():
    ann = question(Profile(name="Ann {username}", username="ann"))
    template = "{name}|{username}|{language}|{platform}|{user_id}|{other}|{{name}}|{ name }|{|}"
    assert filled(template, ann) == "Ann {username}|ann|zh|slack|u1|{other}|{{name}}|{ name }|{|}"
    assert filled("<{name}>", question()) == "<>"


def test_strings_are_filled_however_deep():
    deep = MappingProxyType({"a": ["{platform}", {"b": "{user_id}", "n": 3, "t": True, "z": None}]})
    assert filled(deep, question()) == {"a": ["slack", {"b": "u1", "n": 3, "t": True, "z": None}]}


def test_a_bot_without_terms_is_asked_plainly():
    plain = Terms()
    assert plain.beside == {}
    assert set(plain.known(question()).values()) == {None}
    assert not plain.wants_profile


def test_what_cozepy_has_no_arguments_for():
    assert Terms(draft=True, version="0.0.7").beside == {"publish_status": "unpublished_draft", "bot_version": "0.0.7"}


@pytest.mark.parametrize(
    ("terms", "wants"),
    [
        (Terms(variables={"a": "{name}"}), True),
        (Terms(custom_variables={"a": "Dear {username}"}), True),
        (Terms(parameters={"a": [{"b": "{name}"}]}), True),
        (Terms(parameters={"a": 7, "name": "x"}, variables={"b": "{user_id} {{name}} {platform}"}), False),
    ],
)
def test_the_profile_is_wanted_only_if_it_is_used(terms, wants):
    assert terms.wants_profile is wants
