"""Native streaming: `chat.startStream`, `chat.appendStream` and `chat.stopStream`."""

from typing import Any

from simulators.slack import blocks as block_rules
from simulators.slack import chat, events
from simulators.slack import text as texts
from simulators.slack.calls import Call, SlackError, invalid
from simulators.slack.messages import Message, Stream
from simulators.slack.state import APP, BOT, BOT_USER, TEAM, Channel, Workspace

Answer = dict[str, Any]
SESSION_STATUSES = ("active", "processing", "suspended", "closed")
TASK_STATUSES = ("pending", "in_progress", "complete", "error")


def start(slack: Workspace, call: Call) -> Answer:
    channel = slack.writable(call.text("channel"))
    if channel.kind == "mpim":
        raise SlackError("channel_type_not_supported")
    thread_ts = call.text("thread_ts")
    if not thread_ts or channel.root(thread_ts) is None:
        raise SlackError("invalid_thread_ts")
    recipient = call.text("recipient_user_id")
    if channel.kind != "im":
        if not recipient:
            raise SlackError("missing_recipient_user_id")
        if not call.text("recipient_team_id"):
            raise SlackError("missing_recipient_team_id")
    if recipient and recipient not in slack.users:
        raise SlackError("user_not_found")
    if recipient == BOT_USER:
        slack.complaints.append("a stream for the app itself shows nobody anything until it stops")
    _payload(call)
    stream = Stream(started_at=slack.clock(), recipient=recipient)
    message = Message(
        channel=channel.id,
        ts=slack.stamp(),
        user=BOT_USER,
        team=TEAM,
        bot_id=BOT,
        app_id=APP,
        markdown=True,
        thread_ts=thread_ts,
        stream=stream,
    )
    _apply(slack, message, stream, call)
    root = channel.messages[thread_ts]
    slack.set_session(channel.id, thread_ts, "processing", root.raw[:200])
    chat.publish(slack, channel, message)
    return {"channel": channel.id, "ts": message.ts}


def append(slack: Workspace, call: Call) -> Answer:
    channel, message, stream = _open(slack, call, stopping=False)
    if not call.args.get("markdown_text") and not call.args.get("chunks"):
        raise SlackError("no_text")
    _payload(call)
    _apply(slack, message, stream, call)
    slack.clear_status(channel.id, message.thread_ts)
    slack.record(message, "edit", seen_by="*" if channel.kind == "im" else stream.recipient)
    return {"channel": channel.id, "ts": message.ts}


def stop(slack: Workspace, call: Call) -> Answer:
    channel, message, stream = _open(slack, call, stopping=True)
    status = call.text("session_status") or "active"
    if status not in SESSION_STATUSES:
        raise invalid("must be one of the session statuses [json-pointer:/session_status]")
    _payload(call, empty_chunks=True)
    blocks = block_rules.check(call.items("blocks"))
    metadata = chat.metadata(call)
    before = message.api()
    _apply(slack, message, stream, call)
    message.blocks = [*message.blocks, *blocks]
    message.metadata = metadata or message.metadata
    stream.state = "stopped"
    slack.clear_status(channel.id, message.thread_ts)
    slack.record(message, "edit")
    slack.set_session(channel.id, str(message.thread_ts), status)
    events.changed(slack, channel, message, before, slack.stamp())
    return {"channel": channel.id, "ts": message.ts, "message": message.api()}


def _open(slack: Workspace, call: Call, *, stopping: bool) -> tuple[Channel, Message, Stream]:
    """The stream that a call goes on with, or why it cannot."""
    channel = slack.channel(call.text("channel"))
    message = chat.standing(channel, call.text("ts"))
    if message.bot_id != BOT:
        raise SlackError("message_not_owned_by_app")
    stream = message.stream
    if stream is not None and stream.state == "stopped_by_user" and not stopping:
        raise SlackError("stopped_by_user")
    if stream is None or not chat.streaming(slack, message):
        raise SlackError("message_not_in_streaming_state")
    return channel, message, stream


def _payload(call: Call, *, empty_chunks: bool = False) -> None:
    """Refuses a payload that is wrong by itself."""
    markdown, chunks = call.text("markdown_text"), call.args.get("chunks")
    if markdown and chunks:
        raise SlackError("cannot_provide_both_markdown_text_and_chunks")
    if chunks is None:
        return
    if not isinstance(chunks, list) or (not chunks and not empty_chunks):
        raise invalid("must be a non-empty array [json-pointer:/chunks]", error="invalid_chunks")
    for index, chunk in enumerate(chunks):
        if fault := _chunk_fault(chunk):
            raise invalid(f"{fault} [json-pointer:/chunks/{index}]", error="invalid_chunks")
        if chunk["type"] == "blocks":
            block_rules.check(chunk["blocks"])


def _chunk_fault(chunk: Any) -> str:
    match chunk:
        case {"type": "markdown_text", "text": str()}:
            return ""
        case {"type": "task_update", "id": str(), "title": str(title), "status": status}:
            if len(title) > 256:
                return "title must be less than 257 characters"
            return "" if status in TASK_STATUSES else "unknown status"
        case {"type": "plan_update", "title": str(title)}:
            return "" if len(title) <= 256 else "title must be less than 257 characters"
        case {"type": "blocks", "blocks": list(blocks)}:
            return "" if len(blocks) <= 50 else "no more than 50 blocks allowed"
    return "unsupported chunk"


def _apply(slack: Workspace, message: Message, stream: Stream, call: Call) -> None:
    """Adds a checked payload to the message, or refuses it whole."""
    markdown, chunks = call.text("markdown_text"), call.items("chunks")
    mode = "text" if markdown else "chunks" if chunks else ""
    if mode and stream.mode and mode != stream.mode:
        raise SlackError("streaming_mode_mismatch")
    added = markdown + "".join(chunk["text"] for chunk in chunks if chunk["type"] == "markdown_text")
    size = stream.size + len(added.encode()) + sum(_weight(chunk) for chunk in chunks)
    if len(added) > 12_000 or size > slack.settings.stream_bytes:
        raise SlackError("msg_too_long")
    stream.mode, stream.size = mode or stream.mode, size
    message.raw += added
    message.text = texts.mrkdwn(message.raw)
    for chunk in chunks:
        match chunk["type"]:
            case "task_update":
                _task(slack, stream, chunk)
            case "plan_update":
                stream.plan = chunk["title"]
            case "blocks":
                message.blocks = [*message.blocks, *chunk["blocks"]]


def _weight(chunk: dict[str, Any]) -> int:
    """Bytes of a task card; its details and output count twice."""
    title = len(str(chunk.get("title", "")).encode())
    return title + 2 * sum(len(str(chunk.get(name) or "").encode()) for name in ("details", "output"))


def _task(slack: Workspace, stream: Stream, chunk: dict[str, Any]) -> None:
    """Title and status replace, details append, output is written once."""
    task = stream.tasks.setdefault(chunk["id"], {"details": "", "output": "", "sources": []})
    task |= {"title": chunk["title"], "status": chunk["status"]}
    task["details"] += chunk.get("details") or ""
    if chunk.get("output"):
        if task["output"]:
            slack.complaints.append(f"task {chunk['id']}: output is written once")
        else:
            task["output"] = chunk["output"]
    task["sources"] = chunk.get("sources") or task["sources"]
