"""What a person can tell the bridge itself: each command's effect on the conversation and its reply."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from bridge.answer import Answer
from bridge.model import Choice, Inbound, Standing, User
from bridge.ports import Effect
from bridge.texts import text

Reply = Callable[[Standing, str], str]


@dataclass(frozen=True, slots=True)
class Command:
    """What a command does, and what it says given how the conversation stands and the person's language."""

    effect: Effect
    reply: Reply


@dataclass(frozen=True, slots=True)
class Saying:
    """What we say ourselves, as Markdown, with buttons below it."""

    text: str
    choices: tuple[Choice, ...] = ()


Talk = Callable[[Inbound, User, str], Awaitable[Saying | None]]
"""A command that has to look things up first, given who writes it in which conversation; or a press that means one.
None: it has been made durable with its reply already."""


def _stopped(standing: Standing, language: str) -> str:
    return text("stop" if standing.running is not None else "stop_nothing", language)


def _status(standing: Standing, language: str) -> str:
    if standing.running is None:
        return text("status_idle", language)
    return text("status_running", language, waiting=standing.waiting)


_NEW = Command(Effect.RENEW, lambda _, language: text("new", language))

_LOGIN = Command(Effect.NONE, lambda _, language: text("login_off", language))

COMMANDS: dict[str, Command] = {
    "start": Command(Effect.NONE, lambda _, language: text("start", language)),
    "help": Command(Effect.NONE, lambda _, language: helping(MENU, language)),
    "new": _NEW,
    "reset": _NEW,
    "stop": Command(Effect.CANCEL, _stopped),
    "status": Command(Effect.NONE, _status),
    "retry": Command(Effect.NONE, lambda _, language: text("retry_nothing", language)),
    "clear": Command(Effect.NONE, lambda _, language: text("clear_nothing", language)),
    "history": Command(Effect.NONE, lambda _, language: text("history_nothing", language)),
    "voice": Command(Effect.NONE, lambda _, language: text("voice_none", language)),
    "login": _LOGIN,
    "logout": _LOGIN,
}
"""Those of `retry` and `clear` stand here for the case that there is nothing to ask again or to clear; else the one is
a question like any other, and the other an act. `Talk`s take the place of others."""

MENU: tuple[str, ...] = ("new", "clear", "history", "stop", "retry", "voice", "status", "help")
"""The commands that platforms list to a person, in this order."""


def helping(commands: Collection[str], language: str) -> str:
    """How to use us, with those of the commands that are worth listing."""
    listed = "\n".join(f"/{name} – {text(f'menu_{name}', language)}" for name in MENU if name in commands)
    return text("help", language, commands=listed)


def saying(sentence: str, choices: tuple[Choice, ...] = ()) -> str:
    """A sentence of ours as a complete answer, as the store keeps it."""
    return Answer(note=sentence, choices=choices).dump()
