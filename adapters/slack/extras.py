"""What of a page is more than Markdown, as Slack shows it: folds, the line that says what the bot does, and buttons."""

import json
import re
from collections.abc import Sequence
from typing import Any

from adapters.slack import markup
from bridge import fold
from bridge.model import Choice, Does, Page

Block = dict[str, Any]

ACTION = "coze_bridge"
"""Every `action_id` of ours begins with it."""
MOST_BUTTON = 75
"""UTF-16 units of a button's text (Block Kit reference)."""
MOST_BUTTONS = 25
"""In one block of actions (Block Kit reference)."""
MOST_SECTIONS = 30
"""Paragraphs of the Home tab, which takes 100 blocks."""
MOST_CONTEXT = 2_900
"""Of one text in a context block, which takes 3,000 characters."""
MOST_PAYLOAD = 12_500
"""Characters of all blocks as JSON; some 13,200 were refused as msg_blocks_too_long (bolt-js issue 2509)."""
MOST_NOTICE = 3_900
"""Characters of `text` beside blocks: what notifications and screen readers go by; `chat.update` takes 4,000."""

_INLINE = re.compile(
    r"\\(?P<escaped>[^\w\s])"
    r"|\[(?P<label>(?:[^\[\]\\\n]|\\.)*)\]\((?P<url>https?://[^\s()<>|]+)\)"
    r"|\*\*(?P<bold>[^*\n]+)\*\*"
    r"|(?P<sign>[&<>])"
    r"|^(?:#{1,6}[ \t]++)++(?P<heading>[^\n]+)",  # all its signs at once: what is left is no heading again
    re.MULTILINE,
)


def looks(page: Page) -> dict[str, Any]:
    """The arguments that show a page without buttons and folds: Markdown, or plain text if Slack refused that.

    Plain text goes into `text` where an edit can still follow, else into blocks of it, with its beginning as `text`
    for notifications.
    """
    if not page.simpler:
        return {"markdown_text": written(page)}
    plain = "\n\n".join(part for part in (fold.unmarked(page.text), page.status) if part)
    text = markup.escape(plain)
    if len(text) <= markup.MOST_PLAIN:
        return {"text": text, "mrkdwn": False}
    blocks = [{"type": "section", "text": {"type": "plain_text", "text": part}} for part in markup.sections(plain)]
    return {"text": markup.escape(plain[:200]), "blocks": blocks}


def written(page: Page) -> str:
    """All of the page as Slack's Markdown: folds as quotes, the status in italics, suggestions as a list."""
    asks = [choice.label for choice in page.choices if choice.does in (Does.ASK, Does.GREET)]
    parts = [
        fold.unmarked(page.text),
        f"_{fold.literal(page.status)}_" if page.status else "",
        "\n".join(f"- {fold.literal(label)}" for label in asks),
    ]
    return markup.render("\n\n".join(part for part in parts if part))


def blocks(page: Page) -> dict[str, Any] | None:
    """The arguments that show the page with its folds and buttons; None if it has none, or is too long for blocks."""
    parts = fold.parts(page.text)
    if page.simpler or not (page.choices or any(part.folded for part in parts)):
        return None
    shown = [
        _context(part.text) if part.folded else {"type": "markdown", "text": markup.render(part.text)} for part in parts
    ]
    if page.status:
        shown.append({"type": "context", "elements": [{"type": "plain_text", "text": page.status}]})
    shown += below(page)
    if len(shown) > 50 or len(json.dumps(shown, ensure_ascii=False)) > MOST_PAYLOAD:
        return None
    spoken = "\n\n".join(part.text for part in parts if not part.folded) or page.status
    return {"text": markup.escape(spoken[: MOST_NOTICE * 3 // 4])[:MOST_NOTICE] or "…", "blocks": shown}


def below(page: Page) -> list[Block]:
    """The blocks that stand below the text of a final page: its buttons, and the two judgements."""
    shown = buttons(page.choices)
    good, bad = (next((c for c in page.choices if c.does is does), None) for does in (Does.LIKE, Does.DISLIKE))
    if good and bad:
        judgement = {
            "type": "feedback_buttons",
            "action_id": f"{ACTION}_judgement",
            "positive_button": {"text": _plain(good.label), "value": good.press},
            "negative_button": {"text": _plain(bad.label), "value": bad.press},
        }
        shown.append({"type": "context_actions", "block_id": f"{ACTION}_judgements", "elements": [judgement]})
    return shown


def buttons(choices: Sequence[Choice]) -> list[Block]:
    """All but the judgements."""
    elements = [choice for choice in choices if choice.does not in (Does.LIKE, Does.DISLIKE) and choice.label.strip()]
    if not elements:
        return []
    shown = [_button(choice, number) for number, choice in enumerate(elements[:MOST_BUTTONS])]
    return [{"type": "actions", "block_id": f"{ACTION}_asks", "elements": shown}]


def home(text: str, choices: Sequence[Choice]) -> Block:
    """The view that shows that Markdown and those buttons as somebody's Home tab."""
    words = _INLINE.sub(_mrkdwn, text)
    shown: list[Block] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": part[at : at + MOST_CONTEXT], "verbatim": True}}
        for part in words.split("\n\n")[:MOST_SECTIONS]
        for at in range(0, min(len(part), 3 * MOST_CONTEXT), MOST_CONTEXT)
    ]
    return {"type": "home", "blocks": shown + buttons(choices)}


def _button(choice: Choice, number: int) -> Block:
    return {
        "type": "button",
        "action_id": f"{ACTION}_ask_{number}",
        "text": _plain(choice.label),
        "value": choice.press,
    }


def _plain(label: str) -> Block:
    short = fold.shortened(label, MOST_BUTTON)
    if short != label:
        short = f"{fold.shortened(label, MOST_BUTTON - 1)}…"
    return {"type": "plain_text", "text": short}


def _context(content: str) -> Block:
    """Small and grey: as near as Slack comes to something collapsed."""
    text = _INLINE.sub(_mrkdwn, content)
    cut = [text[at : at + MOST_CONTEXT] for at in range(0, len(text), MOST_CONTEXT)]
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": part, "verbatim": True} for part in cut[:10]]}


def _mrkdwn(found: re.Match[str]) -> str:
    """The usual Markdown in Slack's own markup, as far as small print needs it; every `<` of others is escaped."""
    if sign := found["sign"] or found["escaped"]:
        return markup.escape(sign)
    if url := found["url"]:
        label = re.sub(r"\\([^\w\s])", r"\1", found["label"])
        return f"<{markup.escape(url)}|{markup.escape(label).replace('|', '¦')}>"
    return f"*{_INLINE.sub(_mrkdwn, found['bold'] or found['heading'])}*"
