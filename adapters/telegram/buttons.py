"""The buttons below an answer, and what a press of one says."""

from collections.abc import Mapping, Sequence
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bridge import texts
from bridge.identity import language
from bridge.model import Choice, Does

MOST_BYTES = 64
"""Of what a button sends back (Bot API, `callback_data`)."""
JUDGEMENTS = (Does.LIKE, Does.DISLIKE)


def keyboard(choices: Sequence[Choice]) -> InlineKeyboardMarkup | None:
    """A row for each question, as they are long, and one for the judgements; None without any.

    An edit without a keyboard takes one away that stands (Bot API, editMessageText): so each edit must bring it.
    """
    fitting = [choice for choice in choices if len(choice.press.encode()) <= MOST_BYTES and choice.label.strip()]
    rows = [[_button(choice)] for choice in fitting if choice.does not in JUDGEMENTS]
    judgements = [_button(choice) for choice in fitting if choice.does in JUDGEMENTS]
    rows += [judgements] if judgements else []
    return InlineKeyboardMarkup(rows) if rows else None


def notice(query: Mapping[str, Any]) -> str:
    """What flashes up when that callback query is answered: a word of thanks for a judgement, else nothing."""
    if str(query.get("data") or "").partition(":")[0] not in JUDGEMENTS:
        return ""
    author = query.get("from")
    tag = author.get("language_code") if isinstance(author, Mapping) else None
    return texts.text("thanks", language(str(tag or ""), ""))


def _button(choice: Choice) -> InlineKeyboardButton:
    return InlineKeyboardButton(choice.label, callback_data=choice.press)
