"""Reply markup: inline keyboards are checked and kept, other keyboards only make a message uneditable."""

from typing import Any

from simulators.telegram.errors import bad
from simulators.telegram.params import Json, Params

ACTIONS = (
    "callback_data",
    "url",
    "copy_text",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "web_app",
    "login_url",
    "callback_game",
    "pay",
)
CALLBACK_BYTES = 64
OTHER_KEYBOARDS = ("keyboard", "remove_keyboard", "force_reply")


def inline(params: Params) -> Json | None:
    """The inline keyboard of a call; None if there is none or it is empty."""
    markup = params.mapping("reply_markup", "reply markup")
    if markup is None or "inline_keyboard" not in markup:
        return None
    rows = markup["inline_keyboard"]
    if not isinstance(rows, list):
        raise bad('field "inline_keyboard" must be of type Array')
    kept = [[_button(button) for button in row] for row in rows if row]
    return {"inline_keyboard": kept} if kept else None


def is_other(params: Params) -> bool:
    """Whether the call carries a keyboard that is not inline."""
    markup = params.mapping("reply_markup", "reply markup") or {}
    return any(name in markup for name in OTHER_KEYBOARDS)


def _button(button: Any) -> Json:
    if not isinstance(button, dict) or not button.get("text"):
        raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if not any(action in button for action in ACTIONS):
        raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if "callback_data" in button and not 1 <= len(str(button["callback_data"]).encode()) <= CALLBACK_BYTES:
        raise bad("BUTTON_DATA_INVALID")
    if "copy_text" in button and not 1 <= len(str(button["copy_text"].get("text", ""))) <= 256:
        raise bad("BUTTON_COPY_TEXT_INVALID")
    return dict(button)


def holds(markup: Json | None, data: str) -> bool:
    """Whether a button with this callback data is on the keyboard."""
    rows = (markup or {}).get("inline_keyboard", [])
    return any(button.get("callback_data") == data for row in rows for button in row)
