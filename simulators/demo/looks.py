"""How a message of either platform looks to the demo page, made from what its simulator reports."""

from typing import Any

Item = dict[str, Any]

MEDIA = ("photo", "document", "voice", "audio", "video", "sticker", "location")


def telegram_message(event: Item) -> Item:
    """A message as the Bot API shows it. Each topic of a forum is a room of its own."""
    message = event["message"]
    topic = message.get("message_thread_id") if message.get("is_topic_message") else None
    replied = message.get("reply_to_message")
    if replied and replied["message_id"] == topic:
        replied = None  # in a topic everything hangs on the message that opened it
    return {
        "message": f"telegram/{event['chat']}/{message['message_id']}",
        "platform": "telegram",
        "chat": str(event["chat"]),
        "room": f"{event['chat']}/{topic}" if topic else str(event["chat"]),
        "id": str(message["message_id"]),
        "thread": "",
        "bot": event["by"] == "bot",
        "author": {"id": str(message["from"]["id"]), "name": message["from"]["first_name"]},
        "at": message["date"],
        "edited": event["kind"] == "edit",
        "text": message.get("text") or message.get("caption") or _lines(message.get("rich_message")),
        "entities": message.get("entities") or message.get("caption_entities") or [],
        "reply": replied
        and {
            "id": str(replied["message_id"]),
            "name": replied["from"]["first_name"],
            "text": (replied.get("text") or replied.get("caption") or "")[:200],
        },
        "buttons": message.get("reply_markup", {}).get("inline_keyboard", []),
        "media": message.get("document", {}).get("file_name") or next((kind for kind in MEDIA if kind in message), ""),
        "picture": f"/telegram/control/files/{message['photo'][-1]['file_id']}" if "photo" in message else "",
        "deleted": False,
    }


def _lines(rich: Item | None) -> str:
    """The words of a rich message."""
    return "\n".join(str(block["text"]) for block in rich["blocks"]) if rich else ""


def slack_message(event: Item) -> Item:
    """A message as the simulated Slack keeps it; a message that opens a thread has none of its own."""
    message = event["message"]
    markdown = message["markdown"] or any(block["type"] == "markdown" for block in message["blocks"])
    return {
        "message": f"slack/{message['channel']}/{message['ts']}",
        "platform": "slack",
        "chat": message["channel"],
        "room": message["channel"],
        "id": message["ts"],
        "thread": message["thread_ts"] or "",
        "bot": bool(message["bot_id"]),
        "author": {"id": message["user"], "name": message["user"]},
        "at": float(message["ts"]),
        "edited": event["kind"] == "edit",
        "text": message["raw"] if markdown else message["text"],
        "markdown": markdown,
        "blocks": [*message["blocks"], *_tasks(message)],
        "only_for": message["ephemeral_to"],
        "reactions": {name: len(users) for name, users in message["reactions"].items()},
        "media": next((file["name"] for file in message["files"]), ""),
        "picture": next((_picture(file) for file in message["files"]), ""),
        "deleted": False,
    }


def _picture(file: Item) -> str:
    return f"/slack/control/files/{file['id']}" if file["mimetype"].startswith("image/") else ""


def _tasks(message: Item) -> list[Item]:
    """What the app does while it streams, as small print below its text."""
    stream = message["stream"] or {"state": "", "tasks": {}}
    titles = [task["title"] for task in stream["tasks"].values() if task["status"] == "in_progress"]
    if stream["state"] != "streaming" or not titles:
        return []
    lines = [{"type": "plain_text", "text": title} for title in titles]
    return [{"type": "markdown", "text": message["raw"]}, {"type": "context", "elements": lines}]


def words(item: Item) -> str:
    """What can be read of a message, its blocks included."""
    blocks = "\n".join(str(block.get("text", "")) for block in item.get("blocks", ()) if block["type"] == "markdown")
    return str(item["text"]) or blocks
