"""How a bot is asked: which version of it, with which parameters and variables, filled in for the person who asks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.ports import Question

_PLACE = re.compile(r"(?<!\{)\{(name|username|language|platform|user_id)\}(?!\})")
"""What is filled in; every other brace is left as it is, as are `{{name}}`, which Coze itself fills in."""
_OF_THE_PROFILE = re.compile(r"(?<!\{)\{(name|username)\}(?!\})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What goes along with every question to a bot, as it is configured."""

    draft: bool = False
    """The draft answers, not what is published."""
    version: str = ""
    """That published version answers; empty: the newest."""
    cards: bool = False
    """It may answer with cards."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Of the start node (chatflow mode); the strings in it are templates."""
    custom_variables: Mapping[str, str] = field(default_factory=dict)
    """What stands in the place of `{{name}}` in the prompt: templates."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """User variables that are set for the person: templates."""

    @property
    def wants_profile(self) -> bool:
        """Is something of it filled from the person's profile?"""
        return any(map(_is_of_the_profile, (self.parameters, self.custom_variables, self.variables)))

    @property
    def beside(self) -> dict[str, Any]:
        """What cozepy 0.20.0 has no arguments for."""
        fields = {"publish_status": "unpublished_draft" if self.draft else "", "bot_version": self.version}
        return {name: value for name, value in fields.items() if value}

    def known(self, question: Question) -> dict[str, Any]:
        """What cozepy has arguments for."""
        return {
            "parameters": filled(self.parameters, question) or None,
            "custom_variables": filled(self.custom_variables, question) or None,
            "enable_card": self.cards or None,
        }


def filled(template: Any, question: Question) -> Any:
    """The same, with `{name}`, `{username}`, `{language}`, `{platform}` and `{user_id}` filled in in all its strings.

    What is not known of the person is empty. Takes what JSON can hold, however deep.
    """
    if isinstance(template, Mapping):
        return {key: filled(value, question) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [filled(value, question) for value in template]
    if not isinstance(template, str):
        return template
    profile = question.profile
    values = {
        "name": profile.name if profile else "",
        "username": profile.username if profile else "",
        "language": question.language,
        "platform": question.platform,
        "user_id": question.user,
    }
    return _PLACE.sub(lambda place: values[place[1]], template)


def _is_of_the_profile(template: Any) -> bool:
    if isinstance(template, Mapping):
        return any(map(_is_of_the_profile, template.values()))
    if isinstance(template, list | tuple):
        return any(map(_is_of_the_profile, template))
    return isinstance(template, str) and bool(_OF_THE_PROFILE.search(template))
