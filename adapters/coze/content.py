"""What stands inside the `content` of Coze's messages: rich answers, tool calls and recalled knowledge."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from bridge.answer import Source
from bridge.media import named
from bridge.model import Attachment, Kind

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_KINDS = {"image": Kind.PICTURE, "audio": Kind.AUDIO, "video": Kind.VIDEO, "file": Kind.DOCUMENT}
_LINKS = re.compile(r"(image|img|picture|pic|photo|cover|audio|video|file)_?(?:url|uri|src)", re.IGNORECASE)
"""Keys of a card under which addresses of pictures and files stand."""
_SORTS = {"audio": Kind.AUDIO, "video": Kind.VIDEO, "file": Kind.DOCUMENT}
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
        links = [_linked(attachment) for attachment in _of_card(value)]
        return "\n".join(dict.fromkeys([*_card(value), *links])) or f"[{content_type}]"
    hidden = content_type == "audio" or content.lstrip().startswith(("{", "["))
    return f"[{content_type}]" if hidden else content


def attachments(content: str, content_type: str) -> tuple[Attachment, ...]:
    """The pictures and files of a rich answer, each address once; those in the Markdown of a plain one are not told."""
    if content_type in ("", "text"):
        return ()
    value = parsed(content)
    if content_type == "object_string" and isinstance(value, list):
        found = [one for item in value if isinstance(item, dict) and (one := _of_object(item))]
    else:
        found = _of_card(value)
    return tuple({one.url: one for one in found}.values())


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


def agent(data: Any) -> str:
    """The name of the agent that a bot of several agents goes on with; its id if that is all that is known."""
    found = data if isinstance(data, dict) else {}
    return next((str(found[key]) for key in ("agent_name", "name", "agent_id") if found.get(key)), "agent")


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
    attachment = _of_object(item)
    return _linked(attachment) if attachment else f"[{_name(item) or kind}]"


def _of_object(item: dict[str, Any]) -> Attachment | None:
    """What such an item brings along."""
    kind, url = str(item.get("type") or "file"), _address(str(item.get("file_url") or ""))
    if kind == "text" or not url:
        return None
    name = _name(item) or ("" if kind == "image" else named(url)) or kind
    return Attachment(kind=_KINDS.get(kind, Kind.DOCUMENT), name=name, url=url)


def _name(item: dict[str, Any]) -> str:
    return str(item.get("name") or item.get("file_name") or "")


def _linked(attachment: Attachment) -> str:
    """As Markdown."""
    name = re.sub(r"[\\\[\]]", r"\\\g<0>", " ".join(attachment.name.split()))
    return f"{'!' * (attachment.kind is Kind.PICTURE)}[{name}]({attachment.url})"


def _address(url: str) -> str:
    """Without what would end a link in Markdown."""
    return re.sub(r"[\s()<>\\]", lambda sign: quote(sign[0], safe=""), url)


def _of_card(value: Any, depth: int = 0) -> list[Attachment]:
    """What a card shows, by the names of its fields; cards are not documented."""
    if depth > _DEPTH:
        return []
    if isinstance(value, str):
        return _of_card(parsed(value), depth + 1) if value.lstrip().startswith(("{", "[")) else []
    if isinstance(value, list):
        return [found for part in value for found in _of_card(part, depth + 1)]
    if not isinstance(value, dict):
        return []
    found = []
    for key, part in value.items():
        if isinstance(part, str) and part.startswith(("http://", "https://")):
            if sort := _LINKS.fullmatch(key):
                kind = _SORTS.get(sort[1].lower(), Kind.PICTURE)
            elif key in ("url", "src") and value.get("type") in _KINDS:
                kind = _KINDS[value["type"]]
            else:
                continue
            found.append(Attachment(kind=kind, name=_name(value) or named(part) or str(kind), url=_address(part)))
        else:
            found += _of_card(part, depth + 1)
    return found


def options(content: str, content_type: str) -> tuple[str, ...]:
    """What a card lets the person choose from, each once."""
    if content_type in ("", "text", "object_string"):
        return ()
    return tuple(dict.fromkeys(_options(parsed(content))))


def _options(value: Any, depth: int = 0) -> Iterator[str]:
    if depth > _DEPTH:
        return
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        value = parsed(value)
    if isinstance(value, list):
        for part in value:
            yield from _options(part, depth + 1)
    if not isinstance(value, dict):
        return
    for key, part in value.items():
        if key == "options" and isinstance(part, list):
            yield from filter(None, map(_option, part))
        elif isinstance(part, dict | list | str):
            yield from _options(part, depth + 1)


def _option(option: Any) -> str:
    name = option.get("name") or option.get("text") if isinstance(option, dict) else option
    return name if isinstance(name, str) and name.strip() else ""


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
        if name := _option(option):
            yield f"- {name}"
    for key, part in value.items():
        if isinstance(part, dict | list) and key != "options":
            yield from _card(part, depth + 1)
        elif key == "x_properties" and isinstance(part, str):
            yield from _card(parsed(part), depth + 1)
