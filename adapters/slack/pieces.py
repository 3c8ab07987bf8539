"""What a stream shows of a page, and the chunks that lead from what it shows to what it is to show."""

from typing import Any

from adapters.slack import markup
from bridge import fold
from bridge.model import Page
from bridge.settled import settled

MARK = "coze_bridge_page"
"""`event_type` of the metadata that our messages carry."""
MOST_TITLE = 250
"""Characters of a task's title; Slack takes 256."""
_DEAD = f"<{markup.ZERO_WIDTH_SPACE}"
"""In place of the sign with which Slack's tokens begin: whether it looks for them in a title is not told, and an escape
might be seen there."""


def metadata(page: Page) -> dict[str, Any]:
    """By which the message is found again after a crash."""
    return {"event_type": MARK, "event_payload": {"mark": page.mark}}


def wanted_text(page: Page) -> str:
    """The Markdown that is to be seen: of a page that grows, what can be shown for ever."""
    text = page.text if page.final else settled(page.said or page.text)
    return markup.render(fold.unmarked(text))


def chunks_between(before: str, after: str, task: str, next_task: str) -> list[dict[str, Any]]:
    """What leads from one to the other. All of a stream is sent as chunks: Slack takes no other kind after the first.

    There is one task at most, the one line that says what the bot is doing.
    """
    chunks: list[dict[str, Any]] = []
    if task != next_task:
        state = "in_progress" if next_task else "complete"
        title = (next_task or task).replace("<", _DEAD)[:MOST_TITLE]
        chunks.append({"type": "task_update", "id": "status", "title": title, "status": state})
    if len(after) > len(before):
        chunks.append({"type": "markdown_text", "text": after[len(before) :]})
    return chunks
