"""The methods `chat.postMessage`, `update`, `delete` and `postEphemeral`."""

import json
from typing import Any

from simulators.slack import blocks as block_rules
from simulators.slack import events
from simulators.slack import text as texts
from simulators.slack.calls import Call, SlackError, invalid
from simulators.slack.messages import Message
from simulators.slack.state import APP, BOT, BOT_USER, TEAM, Channel, Workspace

Answer = dict[str, Any]


def post_message(slack: Workspace, call: Call) -> Answer:
    channel = slack.writable(call.text("channel"))
    message = compose(slack, call, channel)
    warning = {}
    if len(message.text) > 40_000:
        message.text = message.raw = message.text[:40_000]
        warning = {"warning": "message_truncated", "response_metadata": {"warnings": ["message_truncated"]}}
    message.thread_ts = thread(slack, channel, call.text("thread_ts"))
    if message.thread_ts and call.flag("reply_broadcast"):
        message.subtype = "thread_broadcast"
    publish(slack, channel, message)
    return {"channel": channel.id, "ts": message.ts, "message": message.api(), **warning}


def update(slack: Workspace, call: Call) -> Answer:
    channel = slack.channel(call.text("channel"))
    message = standing(channel, call.text("ts"))
    if message.bot_id != BOT:
        raise SlackError("cant_update_message")
    if slack.settings.edit_window_closed:
        raise SlackError("edit_window_closed")
    if streaming(slack, message):
        raise SlackError("streaming_state_conflict")
    wanted = compose(slack, call, channel)
    if len(wanted.text) > 4000 and not wanted.markdown:
        raise SlackError("msg_too_long")
    if slack.settings.block_mismatch and message.markdown and wanted.blocks and not wanted.markdown:
        raise SlackError("block_mismatch")
    before = message.api()
    if "text" in call.args or wanted.markdown or wanted.blocks:
        message.raw, message.text, message.markdown = wanted.raw, wanted.text, wanted.markdown
    message.blocks, message.attachments, message.ringing = wanted.blocks, wanted.attachments, wanted.ringing
    message.metadata = wanted.metadata or message.metadata
    if message.stream:
        message.stream.tasks.clear()
    now = slack.stamp()
    message.edited = {"user": BOT_USER, "ts": now}
    slack.record(message, "edit")
    events.changed(slack, channel, message, before, now)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": message.api()}


def delete(slack: Workspace, call: Call) -> Answer:
    channel = slack.channel(call.text("channel"))
    message = standing(channel, call.text("ts"))
    if message.bot_id != BOT:
        raise SlackError("cant_delete_message")
    remove(slack, channel, message)
    return {"channel": channel.id, "ts": message.ts}


def post_ephemeral(slack: Workspace, call: Call) -> Answer:
    channel = slack.writable(call.text("channel"))
    if call.text("user") not in channel.members:
        raise SlackError("user_not_in_channel")
    message = compose(slack, call, channel)
    message.thread_ts = call.text("thread_ts") or None
    whisper(slack, channel, message, call.text("user"))
    return {"message_ts": message.ts}


def compose(slack: Workspace, call: Call, channel: Channel) -> Message:
    """A message from the arguments of a call, not yet posted."""
    raw, markdown = call.text("text"), call.text("markdown_text")
    blocks, attachments = call.items("blocks"), call.items("attachments")
    if "markdown_text" in call.args and (raw or blocks):
        raise SlackError("markdown_text_conflict")
    if not (raw.strip() or blocks or attachments or markdown.strip()):
        raise SlackError("no_text")
    if len(markdown) > 12_000:
        raise SlackError("msg_too_long")
    checked = block_rules.check(blocks)
    return Message(
        channel=channel.id,
        ts=slack.stamp(),
        user=BOT_USER,
        team=TEAM,
        bot_id=BOT,
        app_id=APP,
        raw=markdown or block_rules.markdown(checked) or raw,
        text=texts.mrkdwn(markdown) if markdown else raw,
        markdown=bool(markdown),
        blocks=checked,
        attachments=attachments,
        metadata=metadata(call),
        ringing={name: call.args[name] for name in ("link_names", "parse") if name in call.args},
    )


def metadata(call: Call) -> dict[str, Any] | None:
    """The metadata argument, checked."""
    value = call.args.get("metadata")
    if not value:
        return None
    if not isinstance(value, dict) or not value.get("event_type") or not isinstance(value.get("event_payload"), dict):
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(value)) > 8_000:
        raise SlackError("metadata_too_large")
    return value


def thread(slack: Workspace, channel: Channel, ts: str) -> str | None:
    """The thread that a new message joins."""
    if not ts or channel.root(ts):
        return ts or None
    if slack.settings.strict_threads:
        raise SlackError("invalid_thread_ts")
    return None


def standing(channel: Channel, ts: str) -> Message:
    message = channel.messages.get(ts)
    if not ts:
        raise invalid("missing required field: ts")
    if message is None or message.deleted_at is not None:
        raise SlackError("message_not_found")
    return message


def streaming(slack: Workspace, message: Message) -> bool:
    """Whether the message is being streamed; a stream that is too old ends here."""
    stream = message.stream
    if stream is None or stream.state != "streaming":
        return False
    if slack.clock() - stream.started_at < slack.settings.stream_ttl:
        return True
    stream.state = "expired"
    if message.thread_ts:
        slack.set_session(message.channel, message.thread_ts, "active")
    return False


def publish(slack: Workspace, channel: Channel, message: Message) -> None:
    """Puts the app's message into the channel; it ends the status line of its thread."""
    channel.messages[message.ts] = message
    slack.clear_status(channel.id, message.thread_ts)
    slack.record(message, "message")
    events.posted(slack, channel, message)


def whisper(slack: Workspace, channel: Channel, message: Message, user: str) -> None:
    """Shows the app's message to one person only; it is in no history."""
    message.ephemeral_to = user
    channel.ephemeral.append(message)
    slack.record(message, "message")


def remove(slack: Workspace, channel: Channel, message: Message) -> None:
    """Deletes a message; one with replies leaves a tombstone."""
    before = message.api()
    message.tombstone = bool(channel.replies(message.ts))
    slack.record(message, "delete")
    events.deleted(slack, channel, message, before)
