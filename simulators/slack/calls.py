"""One call of the Web API: how its arguments are read, how it is refused, and the record that stays of it."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

STRUCTURED = (
    "attachments",
    "blocks",
    "chunks",
    "files",
    "loading_messages",
    "metadata",
    "prompts",
    "view",
)
"""Arguments that arrive as JSON inside a form."""


class SlackError(Exception):
    """The call ends with `ok: false` and this error name."""

    def __init__(self, error: str, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.extra = extra


def invalid(*messages: str, error: str = "invalid_arguments") -> SlackError:
    """An argument error with the explanations that Slack puts into `response_metadata`."""
    return SlackError(error, response_metadata={"messages": [f"[ERROR] {message}" for message in messages]})


@dataclass(slots=True, kw_only=True)
class Call:
    """What an app asked for, and what became of it."""

    method: str
    args: dict[str, Any] = field(default_factory=dict)
    token: str = ""
    at: float = 0.0
    seconds: float = 0.0
    """How long the answer took."""
    outcome: str = ""
    """`ok`, the name of the error, `ratelimited`, or the kind of the fault that hit it."""
    during_penalty: bool = False
    origin: str = ""
    """The address under which the caller reached this server."""

    @property
    def channel(self) -> str:
        return str(self.args.get("channel") or self.args.get("channel_id") or "*")

    def text(self, name: str) -> str:
        """An argument as text, empty if it is missing."""
        value = self.args.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        return str(self.args.get(name, "")).lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.args.get(name) or default)
        except ValueError:
            raise invalid(f"must be an integer [json-pointer:/{name}]") from None

    def items(self, name: str) -> list[Any]:
        """A list argument, empty if it is missing."""
        value = self.args.get(name)
        if value is None or value == "":
            return []
        if not isinstance(value, list):
            raise invalid(f"must be an array [json-pointer:/{name}]", error=f"invalid_{name}")
        return value

    def show(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "channel": self.channel,
            "args": self.args,
            "at": self.at,
            "seconds": self.seconds,
            "outcome": self.outcome,
            "during_penalty": self.during_penalty,
        }


async def read(request: web.Request, now: float) -> Call:
    """The call behind a request: query, form and JSON merged, structured form fields decoded."""
    call = Call(method=request.match_info["method"], at=now, origin=str(request.url.origin()))
    call.args.update(request.query)
    body = await request.read()
    if request.content_type == "application/json":
        call.args.update(_json_body(call, body))
    elif body:
        call.args.update({name: value for name, value in (await request.post()).items() if isinstance(value, str)})
    for name in STRUCTURED:
        if isinstance(call.args.get(name), str) and call.args[name]:
            try:
                call.args[name] = json.loads(call.args[name])
            except ValueError:
                call.args[name] = {"unreadable": call.args[name]}
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    call.token = token.strip() if scheme.lower() == "bearer" else str(call.args.get("token", ""))
    call.args.pop("token", None)
    return call


def _json_body(call: Call, body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        call.outcome = "invalid_json"
        return {}
    if not isinstance(value, dict):
        call.outcome = "json_not_object"
        return {}
    return value
