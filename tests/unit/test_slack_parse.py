"""What Slack sends, read: golden payloads in `tests/payloads/slack`, each with the Inbound that it must become."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import parse, tokens
from adapters.slack.parse import Reading
from bridge.model import Inbound

PAYLOADS = Path(__file__).parents[1] / "payloads" / "slack"
COMMANDS = frozenset({"help", "new", "stop"})
NOW = 1700000123.25


def reading(dm: Any = "thread") -> Reading:
    return Reading(team="T1", user="UBOT", name="coze", commands=COMMANDS, dm=dm)


def golden(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text())
    return loaded


def read(name: str, dm: Any = "thread") -> Inbound | None:
    return parse.inbound(golden(name)["payload"], reading(dm), now=NOW)


def told(inbound: Inbound) -> dict[str, Any]:
    """The Inbound in the shape of the golden files."""
    assert (inbound.address.platform, inbound.address.account, inbound.reply_to) == ("slack", "T1", "")
    return {
        "key": inbound.key,
        "chat": inbound.address.chat,
        "thread": inbound.address.thread,
        "sender": inbound.sender.id,
        "text": inbound.text,
        "sent_at": inbound.sent_at,
        "sort_key": inbound.sort_key,
        "command": inbound.command,
        "addressed": inbound.addressed,
        "personal": inbound.personal,
        "files": [[file.kind, file.ref, file.name, file.size] for file in inbound.files],
    }


@pytest.mark.parametrize("name", sorted(path.stem for path in PAYLOADS.glob("*.json")))
def test_payload_becomes_what_its_file_says(name: str) -> None:
    case = golden(name)
    inbound = parse.inbound(case["payload"], reading(case["dm"]), now=NOW)
    assert (None if inbound is None else told(inbound)) == case["inbound"]


def test_the_twins_of_one_mention_come_out_the_same() -> None:
    assert read("app_mention") == read("app_mention_twin_message") is not None


def test_a_twin_that_is_ignored_leaves_no_key() -> None:
    assert read("channel_without_mention") is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("reaction_added", "reaction_added"),
        ("channel_join", "message/channel_join"),
        ("app_rate_limited", "app_rate_limited"),
        ("block_actions", "block_actions"),
    ],
)
def test_kinds_are_named_for_counting(name: str, kind: str) -> None:
    assert parse.kind(golden(name)["payload"]) == kind


@pytest.mark.parametrize("payload", [{}, {"type": "event_callback"}, {"type": "event_callback", "event": []}])
def test_a_shape_that_we_do_not_know_is_nobody_s_word(payload: dict[str, Any]) -> None:
    assert parse.inbound(payload, reading(), now=NOW) is None
    assert parse.kind(payload)


def test_timestamps_sort_as_strings() -> None:
    stamps = ["999999999.999999", "1700000000.000100", "1700000000.000101", "1700000000.1", "17000000000.000000"]
    assert sorted(stamps, key=parse.sort_key) == sorted(stamps, key=float)


@given(st.text(alphabet="<>&;amplgt !@#x|", max_size=40))
def test_what_was_written_comes_back_unchanged(written: str) -> None:
    sent = written.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert tokens.plain(sent) == written
