"""Parameters of a Bot API call, however they were sent: query, form, JSON or multipart."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from simulators.telegram.errors import bad

Json = dict[str, Any]

STRUCTURED = frozenset(
    {
        "allowed_updates",
        "caption_entities",
        "commands",
        "entities",
        "link_preview_options",
        "message_ids",
        "reaction",
        "reply_markup",
        "reply_parameters",
        "rich_message",
        "scope",
    }
)
"""Parameters that are JSON; forms carry them as strings."""


@dataclass(slots=True, frozen=True)
class Upload:
    """A file that came with a multipart request."""

    name: str
    mime_type: str
    data: bytes


@dataclass(slots=True)
class Params:
    """What one call was given."""

    values: Json = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    @property
    def chat(self) -> str:
        return self.text("chat_id")

    def text(self, name: str) -> str:
        """The value as text; empty if it is missing."""
        value = self.values.get(name)
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str, default: int = 0) -> int:
        return whole(self.text(name), default)

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in ("true", "yes", "1")

    def items(self, name: str, what: str) -> list[Any]:
        """A JSON array; empty if it is missing."""
        value = self.values.get(name)
        if value is None or value == "":
            return []
        if not isinstance(value, list):
            raise bad(f"can't parse {what} JSON array" if isinstance(value, str) else f"expected an Array of {what}")
        return value

    def objects(self, name: str) -> list[Json]:
        """A JSON array of objects."""
        items = self.items(name, name)
        if not all(isinstance(item, dict) for item in items):
            raise bad("expected an Object")
        return items

    def mapping(self, name: str, what: str) -> Json | None:
        """A JSON object; None if it is missing."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            raise bad(f"can't parse {what} JSON object")
        if not isinstance(value, dict):
            raise bad(f"object expected as {what}")
        return value


def whole(value: Any, default: int = 0) -> int:
    """The value as a whole number; `default` if it is none."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return default


async def read(request: web.Request) -> Params:
    """The parameters of a request; the body wins over the query."""
    params = Params(dict(request.query))
    if request.content_type == "application/json":
        body = await _json_body(request)
        params.values.update({name: value for name, value in body.items() if value is not None})
    else:
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                with value.file:
                    params.uploads[name] = Upload(value.filename, value.content_type, value.file.read())
            else:
                params.values[name] = value if isinstance(value, str) else bytes(value).decode()
    for name in STRUCTURED & params.values.keys():
        params.values[name] = _decoded(params.values[name])
    return params


async def _json_body(request: web.Request) -> Json:
    raw = await request.read()
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise bad("Can't parse request body as JSON object") from None
    if not isinstance(body, dict):
        raise bad("Can't parse request body as JSON object")
    return body


def _decoded(value: Any) -> Any:
    """JSON out of a form field; what is no JSON stays as it is, for the method to complain about."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
