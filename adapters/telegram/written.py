"""What a person wrote as a rich message, as the words in it and the entities that say what some of them are."""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

INSIDE = (
    "label",
    "summary",
    "text",
    "expression",
    "alternative_text",
    "caption",
    "blocks",
    "items",
    "cells",
    "row",
    "credit",
)
"""Fields of blocks and texts that hold what can be read, in the order in which it is read (Bot API 10.3)."""
NAMING = {"mention": (), "bot_command": (), "text_mention": ("user",)}
"""Texts that may name us or call a command, and which of their fields an entity of that kind has too."""


def words(rich: Any) -> tuple[str, list[Json]]:
    """Text and entities, offsets in UTF-16 units; both empty if nothing can be read in it."""
    if not isinstance(rich, Mapping):
        return "", []
    found = _Words()
    if isinstance(rich.get("blocks"), list):
        found.read_lines(rich["blocks"])
    else:
        found.write(str(rich.get("markdown") or rich.get("text") or ""))
    return found.result()


class _Words:
    """Words as they are met; each block begins a line."""

    def __init__(self) -> None:
        self.text = ""
        self.labelled = 0
        """Where the label of a list's item ended, behind which its first block stands."""
        self.entities: list[dict[str, Any]] = []

    def write(self, text: str) -> None:
        self.text += text

    def read_lines(self, found: Any) -> None:
        for one in found if isinstance(found, list) else ():
            if self.text and not self.text.endswith("\n") and len(self.text) != self.labelled:
                self.text += "\n"
            self.read(one)

    def read(self, found: Any) -> None:
        if isinstance(found, str):
            self.write(found)
        elif isinstance(found, list):
            for one in found:
                self.read(one)
        elif isinstance(found, Mapping):
            start, kind = self._length(), str(found.get("type") or "")
            for name in INSIDE:
                self._read_field(name, found.get(name))
            if kind in NAMING:
                more = {name: found[name] for name in NAMING[kind]}
                self.entities.append({"type": kind, "offset": start, "length": self._length() - start, **more})

    def _read_field(self, name: str, value: Any) -> None:
        match name:
            case "blocks" | "items":
                self.read_lines(value)
            case "cells":
                for row in value or ():
                    self.read_lines([{"row": row}])
            case "row":
                for place, cell in enumerate(value or ()):
                    self.write(" | " if place else "")
                    self.read(cell)
            case "label" if value:
                self.write(f"{value} ")
                self.labelled = len(self.text)
            case _ if value is not None:
                self.read(value)

    def _length(self) -> int:
        return len(self.text.encode("utf-16-le", "surrogatepass")) // 2

    def result(self) -> tuple[str, list[Json]]:
        return self.text.rstrip(), list(self.entities)
