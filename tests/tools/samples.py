"""Tools as an operator may write them, good and bad."""

import asyncio
import threading
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

RUNS: list[object] = []
"""What ran, in this process."""
HANGING = threading.Event()
"""Set: functions that hang go on."""


@dataclass
class Rain:
    place: str
    day: date
    millimetres: float


def bare(place):
    return place


def many(place: str, **more: str) -> str:
    return place


def strange(thing: threading.Event) -> None: ...


def unknown(thing: "NoSuchType") -> None: ...  # noqa: F821


def rain(place: str, days: int = 1, unit: Literal["mm", "in"] = "mm", *, factor: float = 1.0) -> Rain:
    RUNS.append((place, days, unit))
    return Rain(place, date(2026, 1, 2), days * factor)


async def slow_rain(location: str) -> str:
    RUNS.append(location)
    await asyncio.sleep(0)
    return f"rain in {location}"


def get_rain(location: str) -> str:
    RUNS.append(location)
    return f"rain in {location}"


def held(location: str) -> str:
    """Waits until the test lets it go."""
    RUNS.append(location)
    HANGING.wait(60)
    return f"rain in {location}"


async def once(location: str, *, path: str) -> str:
    """Hangs the first time that it runs, in whichever process."""
    file = Path(path)
    runs = len(file.read_text(encoding="utf-8")) + 1 if file.exists() else 1
    file.write_text("." * runs, encoding="utf-8")
    if runs == 1:
        await asyncio.Event().wait()
    return f"rain in {location}"


def long(size: int) -> str:
    return "x" * size


def fails() -> None:
    raise LookupError("no such\nplace")


def stops() -> None:
    raise SystemExit(3)


def ends() -> None:
    raise StopIteration


def unwritable() -> object:
    return object()


def nothing() -> None: ...


def empty() -> str:
    return ""


def surrogate() -> str:
    return "a\ud800b"


def hangs() -> None:
    HANGING.wait()


async def waits(location: str = "") -> None:
    await asyncio.Event().wait()


async def stubborn() -> None:
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            RUNS.append("will not")
            if RUNS.count("will not") > 1:
                raise
