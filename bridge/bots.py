"""Settings of the bots that can be talked to, and of which one answers where."""

import json
import re
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bridge import values

STRICT = ConfigDict(
    extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, hide_input_in_errors=True, frozen=True
)


_OF_BOTS = ("draft", "version", "cards", "custom_variables", "variables")
USELESS = {"chat": ("app_id", "files", "input"), "chatflow": ("input", *_OF_BOTS), "workflow": _OF_BOTS}
"""Settings that Coze has no place for, by the mode."""


class BotSettings(BaseModel):
    """A section [bots.NAME] of the file, or [bot], of the bot without a name: a bot, and how to ask it."""

    model_config = STRICT

    mode: Literal["chat", "chatflow", "workflow"] = "chat"
    """`chat`: a bot; `chatflow`: a chatflow, with `workflow_id`; `workflow`: a workflow, with `workflow_id`, which is
    given the message as the parameter `input`."""
    bot_id: str | None = None
    """In [bots.NAME]: the number in the bot's URL at Coze. For the bot without a name this is `COZE_BOT_ID`."""
    workflow_id: str | None = None
    """The number in the URL of a chatflow or workflow."""
    app_id: str | None = None
    """The Coze app that a chatflow or workflow belongs to, if it belongs to none of your bots."""
    api_base: str | None = None
    """In [bots.NAME]: another Coze than `COZE_API_BASE`; then `api_token` is needed too."""
    api_token: SecretStr | None = None
    """In [bots.NAME]: another token than that of the service."""
    draft: bool = False
    """The draft of the bot answers, not what is published."""
    version: str | None = None
    """That published version of the bot answers, not the newest."""
    cards: bool = False
    """The bot may answer with cards."""
    input: str = "input"
    """The parameter in which a workflow is given the message."""
    files: str | None = None
    """The parameter in which a chatflow or workflow is given what came with the message; unset: it gets none."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Parameters of the start node (chatflow mode, chatflows and workflows)."""
    custom_variables: dict[str, str] = Field(default_factory=dict)
    """What stands in the place of `{{name}}` in the prompt. As in the two next to it, `{name}`, `{username}`,
    `{language}`, `{platform}` and `{user_id}` are filled in for the person who asks."""
    variables: dict[str, str] = Field(default_factory=dict)
    """User variables that the bot has, set for each person before their first question and when they change."""

    @field_validator("bot_id", "workflow_id", "app_id")
    @classmethod
    def _is_an_id(cls, value: str | None) -> str | None:
        if value is not None:
            values.bot_id(value)
        return value

    @field_validator("input", "files")
    @classmethod
    def _names_a_parameter(cls, value: str | None) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("is empty; name a parameter of the start node, or leave it out")
        return value

    @field_validator("api_token", mode="before")
    @classmethod
    def _is_pasted_whole(cls, value: object) -> object:
        if isinstance(value, str):
            values.pasted("COZE_API_TOKEN", value, word=True)
        return value

    @field_validator("parameters")
    @classmethod
    def _can_be_sent(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            raise ValueError("holds a date, inf or nan, which cannot be sent; write it in quotation marks") from None
        return value

    @field_validator("api_base")
    @classmethod
    def _is_a_root(cls, value: str | None) -> str | None:
        if value is not None:
            values.coze_base(value)
        return value

    @model_validator(mode="after")
    def _fits_its_mode(self) -> Self:
        if self.mode != "chat" and not self.workflow_id:
            raise ValueError(f"a {self.mode} needs workflow_id, the number in its URL at Coze")
        if self.mode == "chat" and self.workflow_id:
            raise ValueError('workflow_id is of no use to a bot; write mode = "chatflow" or "workflow"')
        for name in USELESS[self.mode]:
            if name in self.model_fields_set and getattr(self, name):
                raise ValueError(f"{name} is of no use to a {self.mode if self.workflow_id else 'bot'}; leave it out")
        self._check_names()
        if self.draft and self.version:
            raise ValueError("draft and version exclude each other; leave out one")
        if self.api_base and not self.api_token:
            raise ValueError("api_base needs an api_token of that Coze beside it")
        return self

    def _check_names(self) -> None:
        """Each parameter is given one thing. Raises ValueError."""
        if self.mode == "workflow" and self.files == self.input:
            raise ValueError(f"files and input name the same parameter, {self.input}; name two")
        for key in ("input", "files") if self.mode == "workflow" else ("files",):
            if getattr(self, key) in self.parameters:
                raise ValueError(f"{key} names a parameter that stands in parameters as well; leave it out there")


class Route(BaseModel):
    """One [[routes]] of the file: messages from there are answered by that bot. The first one that fits counts."""

    model_config = STRICT

    bot: str
    """The NAME of a [bots.NAME]."""
    platform: Literal["telegram", "slack"] | None = None
    """`telegram` or `slack`; unset, as with the others: any."""
    account: str | None = None
    """Telegram bot id, Slack team id."""
    chat: str | None = None
    """Telegram chat id, Slack channel id."""
    thread: str | None = None
    """Telegram topic."""

    @model_validator(mode="after")
    def _is_an_account(self) -> Self:
        if self.account is not None and self.platform == "telegram" and not re.fullmatch("[0-9]+", self.account):
            raise ValueError("account must be the bot's id, the number before the colon of its token")
        if self.account is not None and self.platform == "slack" and not re.fullmatch("T[A-Z0-9]+", self.account):
            raise ValueError("account must be the team's id, which begins with T")
        return self
