"""Turns what Slack sends into an Inbound, or into None where it is not for us."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from adapters.slack import tokens
from adapters.slack.extras import ACTION
from bridge.model import Address, File, Inbound, Opened, Sender

Payload = dict[str, Any]
DM = Literal["thread", "person"]

SUBTYPES = frozenset({"", "file_share", "me_message", "thread_broadcast"})
"""The kinds of `message` that a person writes; all others are Slack's, or tell of something written before."""
SYSTEM_USERS = frozenset({"USLACK", "USLACKBOT"})
_SOMEBODY = re.compile(r"\s*<(?:@|!subteam\^)[^<>]*>")
_TS = re.compile(r"\d+\.\d+")
_COMMAND = re.compile(r"[!！](\w+)(?:\s+|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What must be known to read a payload: who we are, and how we are set up."""

    team: str
    user: str
    """Our bot's user id, which others mention."""
    name: str
    commands: Collection[str]
    dm: DM = "thread"

    def address(self, channel: str, thread: str = "") -> Address:
        return Address(platform="slack", account=self.team, chat=channel, thread=thread)


def inbound(payload: Payload, me: Reading, *, now: float) -> Inbound | None:
    """What a person told us with this payload, None if nobody did. `now` (Unix seconds) dates slash commands."""
    if "command" in payload and "trigger_id" in payload:
        return _slash(payload, me, now)
    if payload.get("type") == "block_actions":
        return _pressed(payload, me, now)
    event = payload.get("event")
    if payload.get("type") != "event_callback" or not isinstance(event, dict) or not _ours(payload, me):
        return None
    if event.get("type") == "agent_session_stopped":
        return _stopped(event, me)
    if event.get("type") in ("app_home_opened", "assistant_thread_started"):
        return _opened(event, me)
    if event.get("type") not in ("message", "app_mention") or not _by_a_person(event, me):
        return None
    return _message(event, me)


def kind(payload: Payload) -> str:
    """Names the sort of payload, for counting: `message/channel_join`, `reaction_added`, `block_actions`."""
    event = payload.get("event")
    if not isinstance(event, dict):
        return str(payload.get("type") or "unknown")
    name, subtype = str(event.get("type") or "unknown"), event.get("subtype")
    return f"{name}/{subtype}" if subtype else name


def _ours(payload: Payload, me: Reading) -> bool:
    """False if the event belongs to another workspace that the same app is installed in.

    In a channel shared between organisations `team_id` may name the other one; `authorizations` names the installation.
    """
    installed = payload.get("authorizations")
    if not isinstance(installed, list) or not installed:
        return payload.get("team_id") in (me.team, None)
    return any(isinstance(i, dict) and (i.get("user_id") == me.user or i.get("team_id") == me.team) for i in installed)


def _by_a_person(event: Payload, me: Reading) -> bool:
    """Other bots are left alone, ours included: two that answer each other never end."""
    user = event.get("user")
    return (
        isinstance(user, str)
        and user not in (me.user, *SYSTEM_USERS)
        and not event.get("bot_id")
        and not event.get("hidden")
        and (event.get("subtype") or "") in SUBTYPES
        and bool(event.get("channel"))
        and _TS.fullmatch(str(event.get("ts"))) is not None
    )


def _message(event: Payload, me: Reading) -> Inbound | None:
    channel, ts, thread = str(event["channel"]), str(event["ts"]), str(event.get("thread_ts") or "")
    raw = str(event.get("text") or "") or tokens.from_blocks(event.get("blocks"))
    private = event.get("channel_type") == "im" or channel.startswith("D")
    # One mention arrives as two events, app_mention and message, in any order: they must come out the same.
    mentioned = event["type"] == "app_mention" or tokens.mention(me.user).search(raw) is not None
    inside_thread = thread not in ("", ts)
    if not private and not mentioned and (not inside_thread or _SOMEBODY.match(raw)):
        return None
    command, text = _command(tokens.plain(tokens.without_mention(raw, me.user, me.name)), me)
    if not inside_thread:
        thread = "" if private and me.dm == "person" else ts
    return Inbound(
        key=f"slack:{me.team}:{channel}:{ts}",
        address=me.address(channel, thread),
        sender=Sender(
            id=str(event["user"]),
            team=str(event.get("user_team") or event.get("source_team") or event.get("team") or ""),
        ),
        text=text,
        sent_at=float(ts),
        sort_key=sort_key(ts),
        command=command,
        addressed=private or mentioned,
        personal=private,
        private=private,
        files=tuple(read_file(file) for file in event.get("files") or () if isinstance(file, dict)),
    )


def _command(text: str, me: Reading) -> tuple[str, str]:
    """`!new rest` as name and rest: inside threads Slack lets nobody use slash commands."""
    found = _COMMAND.match(text)
    if found and found[1].lower() in me.commands:
        return found[1].lower(), text[found.end() :]
    return "", text


def _slash(payload: Payload, me: Reading, now: float) -> Inbound:
    """`/coze NAME rest`. Slack tells neither a time nor a thread with it."""
    name, _, rest = str(payload.get("text") or "").strip().partition(" ")
    known = name.lower() in me.commands
    channel = str(payload.get("channel_id") or "")
    return Inbound(
        key=f"slack:{me.team}:{payload['trigger_id']}:{name.lower() if known else 'help'}",
        address=me.address(channel),
        sender=Sender(id=str(payload.get("user_id") or "")),
        text=tokens.plain(rest.strip()) if known else "",
        sent_at=now,
        sort_key=sort_key(f"{now:.6f}"),
        command=name.lower() if known else "help",
        personal=channel.startswith("D") or payload.get("channel_name") == "directmessage",
        private=channel.startswith("D"),
    )


def _stopped(event: Payload, me: Reading) -> Inbound | None:
    """Slack's own Stop button: it has ended the streams of that thread. Whoever pressed it need not have asked."""
    channel, thread, user, ts = (str(event.get(name) or "") for name in ("channel", "thread_ts", "user", "event_ts"))
    if not (channel and user and _TS.fullmatch(thread) and _TS.fullmatch(ts)):
        return None
    return Inbound(
        key=f"slack:{me.team}:{channel}:{ts}:stop",
        address=me.address(channel, thread),
        sender=Sender(id=user),
        text="",
        sent_at=float(ts),
        sort_key=sort_key(ts),
        command="stop",
        personal=channel.startswith("D"),
        quiet=True,
    )


def _opened(event: Payload, me: Reading) -> Inbound | None:
    """Somebody looks at our Home tab or at their DM with us, or Slack made a thread for them."""
    made = event.get("assistant_thread")
    made = made if isinstance(made, dict) else {}
    user = str(event.get("user") or made.get("user_id") or "")
    channel = str(event.get("channel") or made.get("channel_id") or "")
    thread, at = str(made.get("thread_ts") or ""), str(event.get("event_ts") or "")
    if not (user and channel and _TS.fullmatch(at)) or user in (me.user, *SYSTEM_USERS):
        return None
    place = {"home": Opened.HOME, "messages": Opened.CHAT}.get(str(event.get("tab")))
    if event["type"] == "assistant_thread_started":
        place = Opened.THREAD if _TS.fullmatch(thread) else None
    if place is None:
        return None
    # What is said on account of it is said once: whatever has the same key was seen before.
    number = at if place is Opened.HOME else f"{thread}:greeting"
    return Inbound(
        key=f"slack:{me.team}:{channel}:{number}:{place}",
        address=me.address(channel, thread),
        sender=Sender(id=user),
        text="",
        sent_at=float(at),
        sort_key=sort_key(at),
        opened=place,
    )


def _pressed(payload: Payload, me: Reading, now: float) -> Inbound | None:
    """A press of a button of ours: the person's next words in the thread of the message that it stands below."""
    pressed, user, container = (payload.get(name) for name in ("actions", "user", "container"))
    action = pressed[0] if isinstance(pressed, list) and pressed else None
    if not (isinstance(action, dict) and isinstance(user, dict) and isinstance(container, dict)):
        return None
    channel, ts = str(container.get("channel_id") or ""), str(container.get("message_ts") or "")
    ours, sender = str(action.get("action_id") or "").startswith(ACTION), str(user.get("id") or "")
    on_home = container.get("type") == "view" and (payload.get("view") or {}).get("type") == "home"
    if ours and sender and on_home and action.get("value"):
        return Inbound(
            key=f"slack:{me.team}:press:{payload.get('trigger_id')}",
            address=me.address(sender),
            sender=Sender(id=sender, team=str(user.get("team_id") or "")),
            text="",
            sent_at=now,
            sort_key=sort_key(f"{now:.6f}"),
            press=str(action["value"]),
            opened=Opened.HOME,
        )
    if not (ours and sender and channel and _TS.fullmatch(ts) and action.get("value")):
        return None
    private = channel.startswith("D")
    thread = str(container.get("thread_ts") or (payload.get("message") or {}).get("thread_ts") or "")
    pressed_at = str(action.get("action_ts") or "")
    return Inbound(
        key=f"slack:{me.team}:press:{payload.get('trigger_id')}",
        address=me.address(channel, thread or ("" if private and me.dm == "person" else ts)),
        sender=Sender(id=sender, team=str(user.get("team_id") or "")),
        text="",
        sent_at=now,
        sort_key=sort_key(pressed_at if _TS.fullmatch(pressed_at) else f"{now:.6f}"),
        personal=private,
        reply_to=ts,
        press=str(action["value"]),
    )


def sort_key(ts: str) -> str:
    """A Slack timestamp (`1700000000.000100`) with so many zeros that strings sort as numbers do."""
    seconds, _, fraction = ts.partition(".")
    return f"{seconds:0>12}.{fraction:0<6}"


def read_file(file: Payload) -> File:
    """A file as Slack tells of it; `ref` is its id and, where that is told, the address that gives it to us."""
    size, number = file.get("size"), str(file.get("id") or "")
    address = str(file.get("url_private_download") or "")
    # In a channel shared with others, Slack may tell no more than that there is a file.
    unknown = file.get("file_access") == "check_file_info"
    there = bool(number) and (unknown or (bool(address) and not file.get("is_external")))
    return File(
        kind="voice" if file.get("subtype") == "slack_audio" else "file",
        ref=f"{number} {address}".strip() if there else "",
        name=str(file.get("name") or file.get("title") or ""),
        size=size if isinstance(size, int) else 0,
        mime=str(file.get("mimetype") or ""),
    )
