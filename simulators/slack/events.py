"""The events of Slack's Events API that a change in the workspace causes."""

from typing import Any

from simulators.slack.messages import Message
from simulators.slack.state import APP, BOT, BOT_USER, KINDS, TEAM, Channel, Workspace

CHANNEL_TYPES = {"im": "im", "channel": "channel", "private": "group", "mpim": "mpim"}


def subscription(event: dict[str, Any]) -> str:
    """The name under which an app subscribes to this event."""
    if event["type"] != "message":
        return str(event["type"])
    kind = next((kind for kind, word in CHANNEL_TYPES.items() if word == event.get("channel_type")), "channel")
    return f"message.{KINDS[kind]}"


def envelope(slack: Workspace, event: dict[str, Any]) -> dict[str, Any]:
    """The outer shape of every event."""
    return {
        "token": "verification-token",
        "team_id": TEAM,
        "context_team_id": TEAM,
        "context_enterprise_id": None,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": slack.serial("Ev"),
        "event_time": int(slack.clock()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": slack.serial("EC"),
    }


def posted(slack: Workspace, channel: Channel, message: Message) -> None:
    """A new message: `message`, and for a mention in a channel `app_mention` too, in any order."""
    if not _heard(slack, channel, message):
        return
    plain = {**message.api(), "channel": channel.id, "channel_type": CHANNEL_TYPES[channel.kind]}
    plain["event_ts"] = message.ts
    plain.pop("reactions", None)
    root = channel.messages.get(message.thread_ts or "")
    if root and root is not message:
        plain["parent_user_id"] = root.user
    pair = [plain]
    if mentions(message) and channel.kind != "im" and message.bot_id != BOT:
        pair.append(_mention(plain))
        slack.dice.shuffle(pair)
    for event in pair:
        slack.emit(event)


def mentions(message: Message) -> bool:
    return f"<@{BOT_USER}>" in message.text


def _mention(plain: dict[str, Any]) -> dict[str, Any]:
    unused = ("channel_type", "subtype", "parent_user_id", "bot_profile")
    return {**{name: value for name, value in plain.items() if name not in unused}, "type": "app_mention"}


def changed(slack: Workspace, channel: Channel, message: Message, before: dict[str, Any], ts: str) -> None:
    """An edit; one that adds the mention of the app is told as `app_mention` too."""
    if not _heard(slack, channel, message):
        return
    slack.emit(
        {
            "type": "message",
            "subtype": "message_changed",
            "hidden": True,
            "channel": channel.id,
            "channel_type": CHANNEL_TYPES[channel.kind],
            "message": message.api(),
            "previous_message": before,
            "ts": ts,
            "event_ts": ts,
        }
    )
    newly = mentions(message) and f"<@{BOT_USER}>" not in before["text"]
    if newly and channel.kind != "im" and message.bot_id != BOT:
        slack.emit(_mention({**message.api(), "channel": channel.id, "event_ts": ts}))


def deleted(slack: Workspace, channel: Channel, message: Message, before: dict[str, Any]) -> None:
    if not _heard(slack, channel, message):
        return
    ts = slack.stamp()
    slack.emit(
        {
            "type": "message",
            "subtype": "message_deleted",
            "hidden": True,
            "channel": channel.id,
            "channel_type": CHANNEL_TYPES[channel.kind],
            "deleted_ts": message.ts,
            "previous_message": before,
            "ts": ts,
            "event_ts": ts,
        }
    )


def _heard(slack: Workspace, channel: Channel, message: Message) -> bool:
    own = message.bot_id == BOT
    return BOT_USER in channel.members and (slack.settings.own_events or not own)
