"""What all log lines about one turn have in common: marks that travel along with its tasks."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_marks: ContextVar[dict[str, object] | None] = ContextVar("marks", default=None)


@contextmanager
def trail(**marks: object) -> Iterator[None]:
    """Log lines made inside carry these marks, also those of tasks that are begun inside."""
    token = _marks.set(dict(marks))
    try:
        yield
    finally:
        _marks.reset(token)


def note(**marks: object) -> None:
    """Adds what has become known, for every task on this trail; empty marks are left out. Off any trail: nothing."""
    if (known := _marks.get()) is not None:
        known |= {name: mark for name, mark in marks.items() if mark}


def marks() -> Mapping[str, object]:
    """The marks of the trail that we are on."""
    return _marks.get() or {}
