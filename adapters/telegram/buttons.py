"""The buttons below an answer."""

from collections.abc import Mapping, Sequence

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

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


def judges(query: object) -> bool:
    """Is that callback query a judgement, to which there is something to be said once it is kept?"""
    data = query.get("data") if isinstance(query, Mapping) else None
    return str(data or "").partition(":")[0] in JUDGEMENTS


def _button(choice: Choice) -> InlineKeyboardButton:
    return InlineKeyboardButton(choice.label, callback_data=choice.press)
