"""How Telegram treats the text of a message: cleaned, trimmed, its entities checked, and links and mentions found."""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from simulators.telegram.errors import bad
from simulators.telegram.params import Json, Params

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
RAW_LIMIT_BYTES = 32_768
ENTITY_LIMIT = 100
LARGEST_OFFSET = 1_000_000

STYLES = frozenset({"bold", "italic", "underline", "strikethrough", "spoiler"})
MONOSPACE = frozenset({"code", "pre"})
QUOTES = frozenset({"blockquote", "expandable_blockquote"})
LINKS = frozenset({"text_link", "text_mention", "custom_emoji", "date_time"})
FOUND_BY_SERVER = frozenset(
    {"mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bank_card_number"}
)

_BIDI_AND_SEPARATORS = frozenset(map(chr, range(0x2028, 0x202F)))
_UNCLEAN = re.compile(r"[\x00-\x09\x0b-\x1f\u2028-\u202e]")
_PATTERNS = (
    (
        "url",
        "://",
        re.compile(
            r"(?<![\w@/.])(?:https?|tg|ton)://[^\s<>\"\u3001\u3002\u300a-\u300d\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f]*[\w/#=&%]",
            re.I,
        ),
    ),
    ("email", "@", re.compile(r"(?<![\w.+-])[\w.+-]+@(?:[a-z0-9-]+\.)+[a-z]{2,}(?!\w)", re.I)),
    ("mention", "@", re.compile(r"(?<![\w/@.])@[a-z][a-z0-9_]{3,31}(?!\w)", re.I)),
    ("bot_command", "/", re.compile(r"(?<![\w/<>])/[a-z0-9_]{1,64}(?:@[a-z][a-z0-9_]{2,31})?(?![\w/<>@])", re.I)),
    ("hashtag", "#", re.compile(r"(?<![\w&/#])#(?=\w*[^\W\d_])\w{1,256}(?![\w#])")),
    (
        "url",
        ".",
        re.compile(
            r"(?<![\w@/.])(?:[a-z0-9-]+\.)+(?:com|org|net|io|dev|ai|cn|de|uk|me|app|info)(?![\w@])(?:/[^\s<>\"]*[\w/])?",
            re.I,
        ),
    ),
)


def utf16(text: str) -> int:
    """Length in UTF-16 units, in which offsets and lengths of entities are counted."""
    return len(text.encode("utf-16-le")) // 2


def part(text: str, entity: Json) -> str:
    """The words that an entity covers."""
    raw = text.encode("utf-16-le")[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])]
    return raw.decode("utf-16-le", "replace")


def given(params: Params, name: str = "entities") -> list[Json]:
    """The entities that came with the call; malformed ones are refused, those the server finds itself are ignored."""
    kept = []
    for entity in params.items(name, "entities"):
        if not isinstance(entity, dict):
            raise bad("can't parse MessageEntity: Expected an Object")
        kind = entity.get("type")
        if kind in FOUND_BY_SERVER:
            continue
        for key in ("offset", "length"):
            _check_number(entity, key)
        if kind not in STYLES | MONOSPACE | QUOTES | LINKS:
            raise bad("can't parse MessageEntity: Unsupported type specified")
        if kind == "text_link" and not (url := link(str(entity.get("url", "")))):
            continue
        kept.append({**entity, "url": url} if kind == "text_link" else dict(entity))
    return kept


def _check_number(entity: Json, key: str) -> None:
    value = entity.get(key)
    if value is None:
        raise bad(f"can't parse MessageEntity: Can't find field \"{key}\"")
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad(f'can\'t parse MessageEntity: Field "{key}" must be of type Number')
    if not 0 <= value <= LARGEST_OFFSET:
        raise bad(f"receive an entity with incorrect {key} {value}")


def link(url: str) -> str:
    """The link as Telegram keeps it, empty if it is none."""
    url = url.strip()
    if not re.match(r"[a-z][a-z0-9+.-]*:", url, re.I):
        url = f"http://{url}"
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme.lower() not in ("http", "https", "tg", "ton", "tonsite") or not parts.netloc or " " in parts.netloc:
        return ""
    if not parts.path and not parts.query and not parts.fragment and parts.scheme.lower() in ("http", "https"):
        url += "/"
    return url


def settled(text: str, entities: Iterable[Json]) -> tuple[str, list[Json]]:
    """Text and entities as they stand in the chat: cleaned, trimmed, clipped, sorted, merged, at most 100."""
    text, moved = _cleaned(text)
    inner = text.strip(" \n")
    start = utf16(text[: len(text) - len(text.lstrip(" \n"))])
    end = start + utf16(inner)
    placed = []
    for entity in entities:
        first = moved[min(entity["offset"], len(moved) - 1)]
        last = moved[min(entity["offset"] + entity["length"], len(moved) - 1)]
        first, last = max(first, start), min(last, end)
        if last > first:
            placed.append({**entity, "offset": first - start, "length": last - first})
    kept = _without_clashes(placed)
    kept += [entity for entity in detected(inner) if not _hidden(entity, kept)]
    return inner, sorted(kept, key=_order)[:ENTITY_LIMIT]


def _cleaned(text: str) -> tuple[str, Sequence[int]]:
    """The text without control characters, and for each old UTF-16 offset the new one."""
    if _UNCLEAN.search(text) is None:
        return text, range(utf16(text) + 1)
    out: list[str] = []
    moved: list[int] = []
    position = 0
    for char in text:
        width = 2 if ord(char) > 0xFFFF else 1
        moved += [position] if width == 1 else [position, position]
        if char == "\r" or char in _BIDI_AND_SEPARATORS:
            continue
        out.append(" " if ord(char) < 32 and char != "\n" else char)
        position += width
    return "".join(out), [*moved, position]


def _order(entity: Json) -> tuple[int, int, str]:
    return entity["offset"], -entity["length"], entity["type"]


def _end(entity: Json) -> int:
    return int(entity["offset"] + entity["length"])


def _without_clashes(entities: list[Json]) -> list[Json]:
    """Nothing inside code, no quote inside a quote, equal styles that touch become one."""
    kept: list[Json] = []
    for entity in sorted(entities, key=_order):
        kind = entity["type"]
        family = next((kinds for kinds in (QUOTES, MONOSPACE | LINKS) if kind in kinds), frozenset())
        twin = next((old for old in kept if old["type"] == kind and _end(old) >= entity["offset"]), None)
        if kind in STYLES and twin is not None:
            twin["length"] = max(_end(twin), _end(entity)) - twin["offset"]
        elif any(old["type"] in family and _end(old) > entity["offset"] for old in kept):
            continue
        else:
            kept.append(entity)
    solid = [entity for entity in kept if entity["type"] in MONOSPACE]
    return [entity for entity in kept if entity in solid or entity["type"] in QUOTES or not _inside(entity, solid)]


def _inside(entity: Json, others: list[Json]) -> bool:
    return any(other["offset"] <= entity["offset"] and _end(entity) <= _end(other) for other in others)


def _hidden(entity: Json, kept: list[Json]) -> bool:
    """Whether a link found by the server lies in code or in another link, where it counts for nothing."""
    return any(
        other["type"] in MONOSPACE | LINKS and other["offset"] < _end(entity) and entity["offset"] < _end(other)
        for other in kept
    )


def detected(text: str) -> list[Json]:
    """Links, mentions, hashtags, commands and addresses that the server finds by itself."""
    found: list[Json] = []
    taken: list[tuple[int, int]] = []
    for kind, sign, pattern in _PATTERNS:
        if sign not in text:
            continue
        for match in pattern.finditer(text):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            taken.append(match.span())
            found.append({"type": kind, "offset": utf16(text[: match.start()]), "length": utf16(match.group())})
    return sorted(found, key=_order)


def blank(text: str) -> bool:
    """Whether nothing visible is in the text."""
    return not text.strip(" \n\t\u200b\u200c\u200d\u2060\ufeff\u00ad")
