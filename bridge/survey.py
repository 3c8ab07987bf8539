"""Reads as much of the settings as is right, and lists every fault instead of stopping at the first."""

import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bridge import sources, values
from bridge.config import IN_FILES, NAMES, SECTIONS, Settings
from bridge.errors import ConfigError

EVERYTHING = "*"
"""Stands for all settings: they may be in a file that cannot be read."""

Fault = tuple[str, str]
"""The setting (empty if none lacks for it) and a line that says what is wrong and the mend."""


def survey(config: Path | None, environ: Mapping[str, str]) -> tuple[Settings, list[Fault]]:
    """The settings without those that are wrong, and all faults."""
    found, faults = _gathered(config, environ)
    settings = Settings()
    while found:
        try:
            settings = Settings(**found)
            break
        except ValidationError as error:
            wrong = values.faults(error, SECTIONS)
        except ConfigError as error:  # from inside a validator; it names its setting first
            wrong = [(str(error).partition(":")[0].lower(), str(error))]
        faults += wrong
        right = {name: value for name, value in found.items() if name not in dict(wrong)}
        found = right if len(right) < len(found) else {}
    for need, concerned in ((settings.require_platform, ("telegram_", "slack_")), (settings.require_coze, ("coze_",))):
        # What is wrong is not missing.
        if not any(name == EVERYTHING or name.startswith(concerned) for name, _ in faults):
            faults += _fault_of(need)
    for check in (
        lambda: sources.check_surroundings(environ),
        lambda: sources.check_watchdog(environ, settings.tuning.lease_seconds),
    ):
        faults += _fault_of(check)
    return settings, faults


def _gathered(config: Path | None, environ: Mapping[str, str]) -> tuple[dict[str, Any], list[Fault]]:
    """What all sources hold together."""
    found: dict[str, Any] = {}
    faults: list[Fault] = []
    try:
        found = sources.from_file(config, NAMES, SECTIONS)
    except ConfigError as error:
        known = _known_of(config)
        found = known or {}
        faults.append((EVERYTHING if known is None else "", str(error)))
    for name in IN_FILES:
        try:
            found |= sources.from_secret_files(environ, [name])
        except ConfigError as error:
            faults.append((name, str(error)))
    return found | sources.from_variables(environ, NAMES), faults


def _known_of(config: Path | None) -> dict[str, Any] | None:
    """The known keys of a file that has unknown ones; None if it cannot be read."""
    path = sources.file_in_use(config)
    with suppress(OSError, ValueError):
        data = tomllib.loads(path.read_text(encoding="utf-8-sig") if path else "")
        found = {key.lower(): value for key, value in data.items() if key.lower() in NAMES}
        for name, known in SECTIONS.items():
            section = data.get(name)
            if isinstance(section, dict):
                found[name] = {key: value for key, value in section.items() if key in known}
        return found
    return None


def _fault_of(check: Callable[[], None]) -> list[Fault]:
    try:
        check()
    except ConfigError as error:
        return [("", str(error))]
    return []
