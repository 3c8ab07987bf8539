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


def test_slacks_own_stop_button_is_obeyed_without_a_word() -> None:
    stop = read("agent_session_stopped")
    assert stop is not None
    assert (stop.command, stop.quiet) == ("stop", True)
    payload = golden("agent_session_stopped")["payload"]
    for name, broken in (("thread_ts", ""), ("user", None), ("event_ts", "soon"), ("channel", "")):
        event = payload["event"] | {name: broken}
        assert parse.inbound(payload | {"event": event}, reading(), now=NOW) is None


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


# ---- presses


def press(**more):
    return {
        "type": "block_actions",
        "user": {"id": "U1", "team_id": "T9"},
        "team": {"id": "T1"},
        "trigger_id": "1.2.3",
        "container": {
            "type": "message",
            "message_ts": "1700000000.000200",
            "channel_id": "C1",
            "thread_ts": "1700000000.000100",
        },
        "actions": [
            {"type": "button", "action_id": "coze_bridge_ask_0", "value": "ask:1:0", "action_ts": "1700000009.5"}
        ],
        **more,
    }


def pressed(dm="thread", **more):
    return parse.inbound(press(**more), reading(dm), now=1_700_000_010.0)


def test_a_press_says_who_where_and_what():
    found = pressed()
    assert (found.press, found.text, found.sender.id, found.sender.team) == ("ask:1:0", "", "U1", "T9")
    assert (found.address.account, found.address.chat, found.address.thread) == ("T1", "C1", "1700000000.000100")
    assert (found.personal, found.addressed, found.key) == (False, True, "slack:T1:press:1.2.3")
    assert found.sort_key == "001700000009.500000"


@pytest.mark.parametrize(("dm", "thread"), [("thread", "1700000000.000200"), ("person", "")])
def test_a_press_below_a_message_without_a_thread(dm, thread):
    found = pressed(dm, container={"message_ts": "1700000000.000200", "channel_id": "D1"})
    assert (found.personal, found.address.thread) == (True, thread)


@pytest.mark.parametrize(
    "more",
    [
        {"actions": []},
        {"actions": None},
        {"actions": [None]},
        {"actions": [{"action_id": "of_another_app", "value": "x"}]},
        {"actions": [{"action_id": "coze_bridge_ask_0"}]},
        {"container": None},
        {"container": {"type": "view"}},
        {"container": {"message_ts": "no", "channel_id": "C1"}},
        {"user": None},
        {"user": {}},
    ],
)
def test_what_is_no_press_of_ours_says_nothing(more):
    assert pressed(**more) is None


OPENED = {"type": "app_home_opened", "user": "U1", "channel": "D1", "event_ts": "1700000000.000100"}
MADE = {"user_id": "U1", "channel_id": "D1", "thread_ts": "1700000000.000200", "context": {}}


def test_who_opens_something_of_ours_wrote_nothing():
    def opened(**event):
        return parse.inbound({"type": "event_callback", "team_id": "T1", "event": event}, reading(), now=0.0)

    home, again = opened(**OPENED, tab="home"), opened(**{**OPENED, "event_ts": "1700000009.000100"}, tab="home")
    assert (home.opened, home.sender.id, home.text, home.command) == ("home", "U1", "", "")
    assert home.key != again.key, "each time"
    chat, once = opened(**OPENED, tab="messages"), opened(**{**OPENED, "event_ts": "1700000009.000100"}, tab="messages")
    assert (chat.opened, chat.address.chat, chat.address.thread, chat.personal) == ("chat", "D1", "", True)
    assert chat.key == once.key, "what is said on account of it is said once"
    thread = opened(type="assistant_thread_started", assistant_thread=MADE, event_ts="1700000000.000300")
    assert (thread.opened, thread.address.thread) == ("thread", "1700000000.000200")
    assert thread.key != chat.key
    for none in (
        {**OPENED, "tab": "about"},
        OPENED,
        {**OPENED, "tab": "home", "user": ""},
        {**OPENED, "tab": "home", "event_ts": "x"},
        {**OPENED, "tab": "home", "user": reading().user},
        {"type": "assistant_thread_started", "assistant_thread": {**MADE, "thread_ts": ""}, "event_ts": "1.1"},
        {"type": "assistant_thread_started", "event_ts": "1.1"},
    ):
        assert opened(**none) is None, none


def test_a_press_on_the_home_tab_names_no_conversation():
    press = {
        "type": "block_actions",
        "user": {"id": "U1", "team_id": "T1"},
        "container": {"type": "view", "view_id": "V1"},
        "view": {"type": "home"},
        "actions": [{"action_id": "coze_bridge_ask_0", "value": "start:00000000"}],
        "trigger_id": "1.2.3",
    }
    found = parse.inbound(press, reading(), now=5.0)
    assert (found.opened, found.press, found.sender.id, found.sent_at) == ("home", "start:00000000", "U1", 5.0)
    assert parse.inbound({**press, "view": {"type": "modal"}}, reading(), now=5.0) is None
    assert parse.inbound({**press, "actions": [{"action_id": "other", "value": "x"}]}, reading(), now=5.0) is None
