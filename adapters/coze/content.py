"""What stands inside the `content` of Coze's messages: rich answers, tool calls and recalled knowledge."""

import json
import re
from collections.abc import Iterator
from typing import Any

from bridge.answer import Source

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_CARD_TEXTS = ("question", "title", "text", "content", "description")
_DEPTH = 8
"""Cards are nested this deep at most; below, nothing is looked for."""


def readable(content: str, content_type: str) -> str:
    """An answer as Markdown; never raw JSON for cards and multimodal answers."""
    if content_type in ("", "text"):
        return content
    value = parsed(content)
    if content_type == "object_string" and isinstance(value, list):
        return "\n\n".join(part for item in value if isinstance(item, dict) and (part := _object(item)))
    if isinstance(value, dict | list):
        return "\n".join(dict.fromkeys(_card(value))) or f"[{content_type}]"
    hidden = content_type == "audio" or content.lstrip().startswith(("{", "["))
    return f"[{content_type}]" if hidden else content


def parsed(text: Any) -> Any:
    """The JSON value, or None if the text is none."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None


def tool(content: str) -> str:
    """The name of a called tool: `weather-get` for api `get` of plugin `weather`."""
    call = parsed(content)
    if not isinstance(call, dict):
        return "tool"
    plugin, api, name = (str(call.get(key) or "") for key in ("plugin_name", "api_name", "name"))
    if plugin and api and plugin not in api:
        return f"{plugin}-{api}"
    return api or plugin or name or "tool"


def verbose(content: str) -> tuple[str, Any]:
    """`msg_type` and the data of a verbose message, whose `data` is JSON inside JSON and may be empty."""
    message = parsed(content)
    if not isinstance(message, dict):
        return "", None
    data = message.get("data")
    return str(message.get("msg_type") or ""), parsed(data) if isinstance(data, str) else data


def sources(data: Any) -> tuple[Source, ...]:
    """Where the chunks of a knowledge recall come from, each source once."""
    if isinstance(data, str):
        data = parsed(data)
    if isinstance(data, dict) and "chunks" not in data and "data" in data:
        return sources(data["data"])
    chunks = data.get("chunks") if isinstance(data, dict) else data
    if not isinstance(chunks, list):
        return ()
    found = (_source(chunk) for chunk in chunks if isinstance(chunk, dict))
    return tuple(dict.fromkeys(source for source in found if source.title))


def _source(chunk: dict[str, Any]) -> Source:
    meta = inner(chunk, "meta") or chunk
    link = inner(meta, "link")
    url = _ESCAPE.sub(lambda code: chr(int(code[1], 16)), str(link.get("url") or ""))
    if not url.startswith(("http://", "https://")):
        url = ""
    return Source(str(link.get("title") or inner(meta, "document").get("name") or url), url)


def inner(value: dict[str, Any], key: str) -> dict[str, Any]:
    """The object under that key; empty if there is none."""
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _object(item: dict[str, Any]) -> str:
    """One item of an `object_string` as Markdown."""
    kind = str(item.get("type") or "file")
    if kind == "text":
        return str(item.get("text") or "")
    name, url = str(item.get("name") or item.get("file_name") or kind), str(item.get("file_url") or "")
    return f"{'!' * (kind == 'image')}[{name}]({url})" if url else f"[{name}]"


def _card(value: Any, depth: int = 0) -> Iterator[str]:
    """The texts of a card: what it asks, then its options; its layout is not documented."""
    if depth > _DEPTH:
        return
    if isinstance(value, list):
        for part in value:
            yield from _card(part, depth + 1)
    if not isinstance(value, dict):
        return
    for key in _CARD_TEXTS:
        text = value.get(key)
        if isinstance(text, str) and isinstance(part := parsed(text), dict | list):
            yield from _card(part, depth + 1)
        elif isinstance(text, str) and text.strip():
            yield text
    for option in value["options"] if isinstance(value.get("options"), list) else ():
        name = option.get("name") or option.get("text") if isinstance(option, dict) else option
        if isinstance(name, str) and name:
            yield f"- {name}"
    for key, part in value.items():
        if isinstance(part, dict | list) and key != "options":
            yield from _card(part, depth + 1)
        elif key == "x_properties" and isinstance(part, str):
            yield from _card(parsed(part), depth + 1)
