"""Where settings come from: the environment, files that hold one secret each, and a TOML file."""

import tomllib
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bridge.errors import ConfigError
from bridge.supervise import watchdog_seconds

FILES = (Path("coze-bridge.toml"), Path("/etc/coze-bridge/config.toml"))
"""Where the file is looked for if --config does not name one."""
OURS = ("COZE_", "TELEGRAM_", "SLACK_", "DATABASE_", "HTTP_LISTEN", "LOG_", "DRAIN_", "ALLOW", "ADMIN")
"""Beginnings of variables that were probably meant for us."""
NEAR = 0.75
"""How alike two names must be to be taken for one another (difflib's ratio)."""


def from_variables(environ: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """The variables; one that is empty counts as not set."""
    found = {name: environ.get(name.upper(), "").strip() for name in names}
    return {name: value for name, value in found.items() if value}


def from_secret_files(environ: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """`NAME_FILE=/path`, and systemd's `$CREDENTIALS_DIRECTORY/NAME`. Raises ConfigError."""
    directory = environ.get("CREDENTIALS_DIRECTORY", "").strip()
    if directory and not _is(Path.is_dir, directory):
        raise ConfigError(f"CREDENTIALS_DIRECTORY: {directory} is no directory; unset it, or mend the unit")
    values: dict[str, str] = {}
    for name in names:
        variable = name.upper()
        named = environ.get(f"{variable}_FILE", "").strip()
        path = Path(named or directory) / ("" if named else variable)
        if not named and not (directory and _exists(path)):
            continue
        setting = f"{variable}_FILE" if named else variable
        values[name] = _read(path, setting).strip()
        if not values[name]:
            raise ConfigError(f"{setting}: {path} is empty; write the secret into it")
    return values


Sections = Mapping[str, Collection[str]]
"""The sections of the file, and the keys of each."""


def from_file(config: Path | None, names: Collection[str], sections: Sections) -> dict[str, Any]:
    """The TOML file, its keys in lower case; empty if there is none. Raises ConfigError."""
    path = file_in_use(config)
    if path is None:
        return {}
    try:
        data = tomllib.loads(_read(path, "--config" if config else str(path)))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}; mend that line") from None
    values: dict[str, Any] = {}
    for key, value in data.items():
        name = key.lower()
        if name in values:
            raise ConfigError(f"{path}: {name} is there twice; remove one")
        if name not in sections and name not in names:
            raise ConfigError(f"{path}: {_unknown(key, value, names, sections)}")
        values[name] = value
    for section in sections:
        inside = values.get(section)
        for key in inside if isinstance(inside, dict) and sections[section] else ():
            if key not in sections[section]:
                raise ConfigError(f"{path}: {_unknown_inside(key, section, names, sections)}")
    return values


def file_in_use(config: Path | None) -> Path | None:
    """The file that is read; None if there is none."""
    return config or next((path for path in FILES if _exists(path)), None)


def strays(environ: Mapping[str, str], names: Collection[str], secrets: Collection[str]) -> list[str]:
    """A line for each variable that looks like a setting written wrongly, or that another source outdoes."""
    known = {name.upper() for name in names}
    files = {f"{name.upper()}_FILE" for name in secrets}
    lines = []
    for variable in sorted(environ):
        if variable in files and environ.get(variable.removesuffix("_FILE"), "").strip():
            lines.append(f"{variable} is not used, as {variable.removesuffix('_FILE')} is set as well; unset one")
        prefix = next((prefix for prefix in OURS if variable.startswith(prefix)), None)
        if prefix is None or variable in known | files:
            continue
        alike = sorted(name for name in known if name.startswith(prefix))
        near = get_close_matches(variable, alike, n=1, cutoff=NEAR)
        if near and not environ.get(near[0]):
            lines.append(f"{variable} is no setting and is ignored; did you mean {near[0]}?")
    return lines


def check_surroundings(environ: Mapping[str, str]) -> None:
    """What libraries read from the environment and would fail over without a word. Raises ConfigError."""
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        value = environ.get(variable, "").strip()
        if value and not value.startswith(("http://", "https://")):
            raise ConfigError(f"{variable}: must be an HTTP proxy, http://host:port; mend or unset it")
    for variable, exists in (("SSL_CERT_FILE", Path.is_file), ("SSL_CERT_DIR", Path.is_dir)):
        value = environ.get(variable, "")
        if value and not _is(exists, value):
            raise ConfigError(f"{variable}: {value} is not there; name the certificates of your system, or unset it")


def check_watchdog(environ: Mapping[str, str], lease_seconds: float) -> None:
    """A process that hangs is to be killed by systemd before another one takes its turns over. Raises ConfigError."""
    watchdog = watchdog_seconds(environ)
    if lease_seconds <= watchdog:
        raise ConfigError(
            f"tuning.lease_seconds: {lease_seconds:g} s is not longer than WatchdogSec ({watchdog:g} s); "
            "raise the one or lower the other"
        )


def _read(path: Path, setting: str) -> str:
    """Text, whose mark of byte order (Windows writes one) is left out. Raises ConfigError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{setting}: cannot read {path} ({error.strerror}); name a readable file") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{setting}: {path} is not UTF-8 text; save it as UTF-8") from None


def _is(kind: Callable[[Path], bool], path: str) -> bool:
    """Is there, as far as we may look, something of that kind?"""
    try:
        return kind(Path(path))
    except OSError:
        return False


def _exists(path: Path) -> bool:
    """True as well where only trying to read it can tell, so that the reading says why it cannot."""
    try:
        return path.is_file()
    except OSError:
        return True


def _unknown(key: str, value: object, names: Collection[str], sections: Sections) -> str:
    for section, keys in sections.items():
        if key.lower() in keys:
            return f"{key} belongs in the section [{section}]"
    if isinstance(value, dict):
        there = " and ".join(f"[{section}]" for section in sorted(sections))
        return f"unknown section [{key}]; there are only {there}, and all other keys stand above them"
    return _near(f"unknown key {key!r}", key, names)


def _unknown_inside(key: str, section: str, names: Collection[str], sections: Sections) -> str:
    if key.lower() in names:
        return f"{key} stands in the section [{section}]; move it above that line"
    for other, keys in sections.items():
        if key.lower() in keys:
            return f"{key} stands in the section [{section}]; it belongs in [{other}]"
    return _near(f"unknown key {key!r} in [{section}]", key, sections[section])


def _near(what: str, key: str, names: Collection[str]) -> str:
    near = get_close_matches(key.lower(), sorted(names), n=1, cutoff=0.6)
    return f"{what}; did you mean {near[0]}?" if near else f"{what}; the known ones are in README.md, Settings"
