"""`coze-bridge doctor`: looks at everything that can be wrong before people notice, and says how to mend it."""

import asyncio
import json
import os
import stat
import tomllib
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing, suppress
from pathlib import Path

from bridge.build import build_checks
from bridge.config import IN_FILES, SECRETS, Settings, file_in_use, strays
from bridge.findings import Check, Finding, Findings, State, ok, skipped, warning, wrong
from bridge.ports import Clock
from bridge.survey import EVERYTHING, survey

SECONDS = 10.0
"""How long each finding may take; then the rest of its check is given up."""


async def diagnose(
    settings: Settings, clock: Clock, *, wrong_settings: Collection[str] = (), seconds: float = SECONDS
) -> list[Finding]:
    """What the checks of the outside find: side by side, but always in the same order."""
    checks = build_checks(settings, clock)
    found: list[list[Finding]] = [[] for _ in checks]
    running = []
    for check, into in zip(checks, found, strict=True):
        # Never with a default in place of what was meant: it would send a token to somebody else's server.
        if any(name == EVERYTHING or name.startswith(check.settings) for name in wrong_settings if check.settings):
            into.append(skipped(check.name, "its settings are wrong", "mend them first"))
        else:
            running.append((check, into))
    # All are begun before any time runs: loading an SDK takes a while. gather: a bug hides nothing that others found.
    looking = [_gather(check, check.look(), into, seconds) for check, into in running]
    bugs = await asyncio.gather(*looking, return_exceptions=True)
    for (check, into), bug in zip(running, bugs, strict=True):
        if bug is not None:
            into.append(wrong(check.name, f"the check itself failed ({type(bug).__name__})", "report it, please"))
    return [finding for findings in found for finding in findings]


async def _gather(check: Check, findings: Findings, into: list[Finding], seconds: float, until: str = "") -> None:
    """Looks to the end, or until the finding of that name."""
    async with aclosing(findings) as looking:
        try:
            while not into or into[-1].name != until:
                async with asyncio.timeout(seconds):
                    into.append(await anext(looking))
        except StopAsyncIteration:
            pass
        except TimeoutError:
            into.append(wrong(check.name, f"no answer within {seconds:g} s", check.mend, unreachable=True))


async def find(settings: Settings, clock: Clock, name: str) -> Finding:
    """One finding by its name, such as "telegram token", or what kept its check from getting so far. For `init`."""
    (check,) = [check for check in build_checks(settings, clock) if check.name == name.split()[0]]
    found: list[Finding] = []
    await _gather(check, check.look(), found, SECONDS, until=name)
    return _without(settings.secrets(), next((finding for finding in found if finding.name == name), found[0]))


def look_at_settings(config: Path | None, environ: Mapping[str, str]) -> tuple[Settings, set[str], list[Finding]]:
    """What can be told without asking anybody: the settings that are right, the names of the others, the findings."""
    settings, faults = survey(config, environ)
    found = [_fault(line) for line in dict.fromkeys(line for _, line in faults)]
    found += [warning("settings", *_halves(line)) for line in strays(dict(environ))]
    found = found or [ok("settings", f"read from {_sources(config)}")]
    return settings, {name for name, _ in faults if name}, [*found, *_readers(config, environ), _allow(settings)]


def _fault(line: str) -> Finding:
    return wrong("settings", *_halves(line))


def _halves(line: str) -> tuple[str, str]:
    """What is wrong, and the mend that stands behind it."""
    what, _, mend = line.partition("; ")
    return what, mend or "README.md has a table of all settings"


def _sources(config: Path | None) -> str:
    path = file_in_use(config)
    return f"the environment and {path}" if path else "the environment"


def _readers(config: Path | None, environ: Mapping[str, str]) -> list[Finding]:
    """Files that hold secrets and that everybody on this machine can read or change."""
    named = [Path(environ[f"{name.upper()}_FILE"]) for name in IN_FILES if environ.get(f"{name.upper()}_FILE")]
    path = file_in_use(config)
    if path is not None and _holds_secrets(path):
        named.append(path)
    open_to_all: list[tuple[Path, int]] = []
    for file in named:
        with suppress(OSError):
            mode = stat.S_IMODE(file.stat().st_mode)
            if mode & (stat.S_IROTH | stat.S_IWOTH):
                open_to_all.append((file, mode))
    if not named:
        return []
    return [
        warning(
            "files", f"{file} holds secrets, and everybody can read or change it (mode {mode:o})", f"chmod 600 {file}"
        )
        for file, mode in open_to_all
    ] or [ok("files", f"not readable for everybody: {', '.join(map(str, named))}")]


def _holds_secrets(path: Path) -> bool:
    with suppress(OSError, ValueError):
        return any(key.lower() in SECRETS for key in tomllib.loads(path.read_text(encoding="utf-8")))
    return False


def _allow(settings: Settings) -> Finding:
    entries = [entry for entry in (settings.allow or "").split(",") if entry.strip()]
    if "*" in (entry.strip() for entry in entries):
        return warning(
            "allow", "ALLOW is *: anybody may talk to the bot, at your expense", "list people, or unset ALLOW"
        )
    if entries:
        return ok("allow", f"{len(entries)} {'entry' if len(entries) == 1 else 'entries'} in ALLOW")
    return ok("allow", "paired people in Telegram, full members of the workspace in Slack")


async def examine(
    config: Path | None, clock: Clock, environ: Mapping[str, str] | None = None, *, seconds: float = SECONDS
) -> list[Finding]:
    """All findings, in a fixed order; no text in them holds a secret."""
    environ = os.environ if environ is None else environ
    settings, wrong_settings, found = look_at_settings(config, environ)
    found += await diagnose(settings, clock, wrong_settings=wrong_settings, seconds=seconds)
    return [_without(settings.secrets(), finding) for finding in found]


def _without(secrets: Collection[str], finding: Finding) -> Finding:
    """On one line, and with the secrets blanked that a server may have quoted back to us."""

    def clean(text: str) -> str:
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, "***") if len(secret) > 3 else text
        return " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())

    return Finding(finding.name, finding.state, clean(finding.what), clean(finding.mend), finding.unreachable)


def show(findings: Sequence[Finding]) -> str:
    """A line for each."""
    return "\n".join(map(line, findings))


def line(finding: Finding) -> str:
    mend = f" → {finding.mend}" if finding.mend else ""
    return f"{finding.state:<8} {finding.name:<18} {finding.what}{mend}"


def show_json(findings: Sequence[Finding]) -> str:
    """The same as an array of objects."""
    shown = [{"name": f.name, "state": f.state, "what": f.what, "mend": f.mend} for f in findings]
    return json.dumps(shown, ensure_ascii=False, indent=2)


def status(findings: Sequence[Finding]) -> int:
    """The exit status."""
    return int(any(finding.state is State.WRONG for finding in findings))
