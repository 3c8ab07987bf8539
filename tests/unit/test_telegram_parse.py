"""Golden updates of the Bot API, and what parsing makes of them; the expectations are written by hand."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from adapters.telegram.parse import Me, inbound
from bridge.model import File, Inbound, Moved

PAYLOADS = sorted((Path(__file__).parents[1] / "payloads" / "telegram").glob("*.json"))
ME = Me(id=777, username="Coze_Bot", commands=frozenset(("start", "help", "new", "reset", "stop", "retry", "status")))


def plain(found: Inbound | Moved | None) -> Any:
    """As JSON would hold it."""
    match found:
        case None:
            return None
        case Moved():
            return {"moved": asdict(found)}
    whole = {**asdict(found), "files": [known(file) for file in found.files]}
    for name in ("press", "quiet", "album", "act", "opened"):
        if not whole[name]:
            del whole[name]
    assert whole.pop("private") is not found.address.chat.startswith("-")
    assert whole["sender"].pop("team") == "", "Telegram has none"
    return whole


def known(file: File) -> dict[str, Any]:
    """What Telegram tells of it; the rest is ours to find out."""
    whole = asdict(file)
    assert not any(whole.pop(name) for name in ("coze", "heard", "amiss"))
    if not file.mime:
        del whole["mime"]
    return whole


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    golden = json.loads(path.read_text())
    assert plain(inbound(golden["update"], ME)) == golden["expected"]


def test_there_are_payloads() -> None:
    assert len(PAYLOADS) > 50


def test_both_notices_of_a_migration_say_the_same() -> None:
    told = {}
    for name in ("group_migrates_to", "group_migrates_from"):
        path = next(path for path in PAYLOADS if path.stem == name)
        told[name] = inbound(json.loads(path.read_text())["update"], ME)
    assert told["group_migrates_to"] == told["group_migrates_from"]


def test_sort_keys_sort_as_messages_do() -> None:
    def key(date: int, number: int) -> str:
        chat = {"id": 1, "type": "private"}
        message = {"message_id": number, "date": date, "chat": chat, "from": {"id": 1}, "text": "x"}
        found = inbound({"update_id": 1, "message": message}, ME)
        assert isinstance(found, Inbound)
        return found.sort_key

    keys = [key(999_999_999, 1), key(1_790_000_000, 9), key(1_790_000_000, 10), key(1_790_000_001, 2)]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    "message",
    [
        {},
        [],
        {"message_id": 1, "chat": {"id": 1, "type": "private"}, "text": "x", "from": {"id": 1}},
        {"message_id": "x", "date": 1, "chat": {"id": 1, "type": "private"}, "text": "x", "from": {"id": 1}},
        {"message_id": 1, "date": 1, "chat": 5, "text": "x", "from": {"id": 1}},
        {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}, "text": 7, "from": {"id": 1}},
    ],
)
def test_strange_shapes_raise_what_the_reader_expects(message: Any) -> None:
    with pytest.raises((LookupError, TypeError, ValueError, AttributeError)):
        inbound({"update_id": 1, "message": message}, ME)
