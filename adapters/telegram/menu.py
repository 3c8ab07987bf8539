"""The menu of commands that Telegram's clients offer, in English and Chinese."""

from collections.abc import Collection

from telegram import BotCommand

from bridge.commands import MENU
from bridge.texts import text

LANGUAGES = ("", "zh")
"""Language codes of the Bot API; the empty one is for everybody else."""


def menu(commands: Collection[str], language: str) -> list[BotCommand]:
    """Those of the commands that are worth listing, with what they do."""
    return [BotCommand(name, text(f"menu_{name}", language)) for name in MENU if name in commands]
