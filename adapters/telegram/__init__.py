"""Telegram: one bot account over the Bot API."""

from adapters.telegram.adapter import TelegramAdapter

__all__ = ["TelegramAdapter"]
