"""What a look at the installation finds, and a check as the list of things that it finds one after the other."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """`wrong` keeps the service from working; `warning` does not; `skipped` could not be looked at."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `coze-bridge doctor`."""

    name: str
    state: State
    what: str
    mend: str = ""
    unreachable: bool = False
    """Wrong only because nobody answered: the setting itself may be right."""


Findings = AsyncGenerator[Finding, None]


@dataclass(frozen=True, slots=True)
class Check:
    """A look at one part of the outside."""

    name: str
    mend: str
    """What to do if it does not answer in time."""
    settings: tuple[str, ...]
    """Beginnings of the settings that it uses: while one is wrong, its default may not be tried in its place."""
    look: Callable[[], Findings]


def ok(name: str, what: str) -> Finding:
    return Finding(name, State.OK, what)


def warning(name: str, what: str, mend: str) -> Finding:
    return Finding(name, State.WARNING, what, mend)


def wrong(name: str, what: str, mend: str, *, unreachable: bool = False) -> Finding:
    return Finding(name, State.WRONG, what, mend, unreachable)


def skipped(name: str, what: str, mend: str = "") -> Finding:
    return Finding(name, State.SKIPPED, what, mend)
