"""Settings of the tools that run here for a bot that calls them."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

STRICT = ConfigDict(extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, frozen=True)
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What models take for the name of a tool."""
_CALL = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


class ToolSettings(BaseModel):
    """A section [tools.NAME] of the file: a tool that runs here; NAME is what the bot calls it."""

    model_config = STRICT

    call: str
    """The Python function, as `module:function`; its arguments are annotated, and those behind a `*` are options."""
    ask: bool = False
    """The person is asked each time before it runs."""
    timeout_seconds: float = Field(default=20.0, gt=0, le=600)
    """After this long the bot is told that it took too long."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What the function is given beside what the bot says: the arguments behind the `*` in its signature."""

    @field_validator("call")
    @classmethod
    def _names_a_function(cls, value: str) -> str:
        if not _CALL.fullmatch(value):
            raise ValueError('must be "module:function", such as "adapters.tools.examples:clock"')
        return value
