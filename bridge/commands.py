"""What a person can tell the bridge itself: each command's effect on the conversation and its reply."""

from collections.abc import Callable
from dataclasses import dataclass

from bridge.answer import Answer
from bridge.model import Standing
from bridge.ports import Effect
from bridge.texts import text

Reply = Callable[[Standing, str], str]


@dataclass(frozen=True, slots=True)
class Command:
    """What a command does, and what it says given how the conversation stands and the person's language."""

    effect: Effect
    reply: Reply


def _stopped(standing: Standing, language: str) -> str:
    return text("stop" if standing.running is not None else "stop_nothing", language)


def _status(standing: Standing, language: str) -> str:
    if standing.running is None:
        return text("status_idle", language)
    return text("status_running", language, waiting=standing.waiting)


_NEW = Command(Effect.RENEW, lambda _, language: text("new", language))

COMMANDS: dict[str, Command] = {
    "start": Command(Effect.NONE, lambda _, language: text("start", language)),
    "help": Command(Effect.NONE, lambda _, language: text("help", language)),
    "new": _NEW,
    "reset": _NEW,
    "stop": Command(Effect.CANCEL, _stopped),
    "status": Command(Effect.NONE, _status),
    "retry": Command(Effect.NONE, lambda _, language: text("retry_nothing", language)),
}
"""`retry` stands here for the case that there is nothing to ask again; else it is a question like any other."""

MENU = ("new", "stop", "retry", "status", "help")
"""The commands that platforms list to a person, in this order."""


def saying(sentence: str) -> str:
    """A sentence of ours as a complete answer, as the store keeps it."""
    return Answer(note=sentence).dump()
