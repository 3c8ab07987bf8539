"""What a workflow that asked something needs to go on with the answer, or to be begun anew without asking again."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from adapters.coze.content import parsed
from adapters.coze.nodes import INPUT, Interrupt
from bridge.model import File


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A question of the workflow, and what the person answered."""

    asked: str
    said: str
    files: tuple[str, ...] = ()
    """Coze `file_id`s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memo:
    """How far a workflow has come."""

    parameters: dict[str, Any]
    """With which it was begun."""
    rounds: tuple[Round, ...] = ()
    """What it has asked and been told, from the beginning."""
    open: Interrupt | None = None
    """What it waits for."""

    def waiting(self, interrupt: Interrupt) -> "Memo":
        """It has asked this now."""
        return replace(self, open=interrupt)

    def answered(self, said: str, files: Sequence[File]) -> "Memo":
        """It has been told this now."""
        assert self.open is not None
        given = Round(asked=self.open.asked, said=said, files=tuple(file.coze for file in files if file.coze))
        return replace(self, rounds=(*self.rounds, given))

    def upto(self, rounds: int) -> "Memo":
        """As it was when it had been told so much."""
        return replace(self, rounds=self.rounds[:rounds], open=None)

    @property
    def execution(self) -> str:
        """Coze `execute_id` of the run that waits."""
        return self.open.event.partition("/")[0] if self.open else ""

    def dump(self) -> str:
        """As JSON, for `Paused.resume`."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def load(cls, dumped: str) -> "Memo":
        """What `dump` wrote."""
        data = json.loads(dumped)
        rounds = tuple(Round(**{**one, "files": tuple(one["files"])}) for one in data["rounds"])
        asked = data["open"]
        waits: Interrupt | None = None
        if asked is not None:
            waits = Interrupt(**{**asked, "options": tuple(asked["options"]), "names": tuple(asked["names"])})
        return cls(parameters=data["parameters"], rounds=rounds, open=waits)


def resume_data(interrupt: Interrupt, given: Round) -> str:
    """Of a question node the plain words; of an input node a JSON object of its parameters."""
    files = [json.dumps({"file_id": file}, separators=(",", ":")) for file in given.files]
    if interrupt.type != INPUT or not interrupt.names:
        return given.said if given.said.strip() or not files else files[0]
    if isinstance(parsed(given.said), dict):
        return given.said
    names = interrupt.names
    values: dict[str, str] = _named(given.said, names)
    free = [name for name in names if name not in values]
    if not values and given.said.strip() and free:
        lines = [line.strip() for line in given.said.splitlines() if line.strip()]
        by_line = len(lines) == len(names) > 1
        values = dict(zip(names, lines, strict=True)) if by_line else {free[0]: given.said}
        free = [name for name in names if name not in values]
    if files and free:
        values[free[0]] = files[0] if len(files) == 1 else json.dumps(files)
    return json.dumps(values, ensure_ascii=False)


def _named(said: str, names: Sequence[str]) -> dict[str, str]:
    """Lines such as `city: Paris`."""
    found = {}
    for line in said.splitlines():
        name, colon, value = line.replace("：", ":", 1).partition(":")
        if colon and name.strip() in names:
            found[name.strip()] = value.strip()
    return found
