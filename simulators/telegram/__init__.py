"""A local Telegram: the Bot API over HTTP, with its limits, its error texts and faults on demand."""

from simulators.telegram.simulator import TelegramSimulator

__all__ = ["TelegramSimulator"]
