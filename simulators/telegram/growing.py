"""A text that is written character by character while entities open and close around it."""

from dataclasses import dataclass, field
from typing import Any

from simulators.telegram.errors import ApiError, bad
from simulators.telegram.params import Json


@dataclass(slots=True)
class Opened:
    """An entity that has begun."""

    mark: str
    """What opened it in the source."""
    kind: str
    start: int
    source: int
    """Where in the source, in bytes."""
    more: Json


@dataclass(slots=True)
class Growing:
    """Text and entities so far; offsets in UTF-16 units."""

    parts: list[str] = field(default_factory=list)
    length: int = 0
    entities: list[Json] = field(default_factory=list)
    open: list[Opened] = field(default_factory=list)

    @property
    def top(self) -> Opened | None:
        return self.open[-1] if self.open else None

    def write(self, text: str) -> None:
        self.parts.append(text)
        self.length += sum(2 if ord(char) > 0xFFFF else 1 for char in text)

    def begin(self, mark: str, kind: str, source: int, **more: Any) -> None:
        self.open.append(Opened(mark, kind, self.length, source, more))

    def end(self, **more: Any) -> None:
        """Closes the innermost entity; an empty one leaves nothing."""
        opened = self.open.pop()
        if self.length > opened.start and opened.kind:
            place = {"offset": opened.start, "length": self.length - opened.start}
            self.entities.append({"type": opened.kind, **place, **opened.more, **more})

    def since(self, opened: Opened) -> str:
        """What was written since an entity opened."""
        raw = "".join(self.parts).encode("utf-16-le", "surrogatepass")
        return raw[2 * opened.start :].decode("utf-16-le", "surrogatepass")

    def result(self) -> tuple[str, list[Json]]:
        return "".join(self.parts), self.entities


def unparsable(text: str) -> ApiError:
    return bad(f"can't parse entities: {text}")


def bytes_before(raw: str, index: int) -> int:
    return len(raw[:index].encode("utf-8", "surrogatepass"))
