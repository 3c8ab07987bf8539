"""`coze-bridge init`: asks for what is needed, checks each answer live, and writes the configuration file."""

import asyncio
import getpass
import json
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.cli_coze import list_bots, publish_bot, shown
from bridge.clock import SystemClock
from bridge.config import FILES, from_environment, load, made_of
from bridge.doctor import find
from bridge.errors import BridgeError, ConfigError
from bridge.findings import Finding, State

if TYPE_CHECKING:
    from adapters.coze.listing import Listed

TRIES = 3
SITES = {"": "https://api.coze.cn", "cn": "https://api.coze.cn", "com": "https://api.coze.com"}
HEAD = "# Written by coze-bridge init. All settings: the configuration table in README.md.\n"
YES = ("y", "yes")
MOST_OFFERED = 30
"""Bots in the list to choose from."""
MISSING = "is missing: answer the question, or set it in the environment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One setting that is asked for, unless the environment answers."""

    name: str
    text: str
    check: str = ""
    """The finding of `doctor` by which the answer is judged."""
    hidden: bool = False
    optional: bool = False
    needs: str = ""
    """Asked only if this setting is there."""
    instead: str = ""
    """Not asked if this setting is there."""


QUESTIONS = (
    Question(name="coze_api_base", text="Where is the bot: cn, com, or the address of your own Coze Studio? [cn]"),
    Question(
        name="coze_api_token",
        text="Coze access token (pat_… or sat_…):",
        check="coze token",
        hidden=True,
        instead="coze_jwt_oauth_private_key",
    ),
    Question(name="coze_bot_id", text="Bot id (the number in the bot's URL, …/bot/7400…):", check="coze bot"),
    Question(
        name="telegram_bot_token",
        text="Telegram bot token from @BotFather (empty: no Telegram):",
        check="telegram token",
        hidden=True,
        optional=True,
    ),
    Question(
        name="slack_bot_token",
        text="Slack bot token, xoxb-… (empty: no Slack):",
        check="slack bot token",
        hidden=True,
        optional=True,
    ),
    Question(
        name="slack_app_token",
        text="Slack app-level token, xapp-…:",
        check="slack app token",
        hidden=True,
        needs="slack_bot_token",
        instead="slack_signing_secret",
    ),
    Question(
        name="allow",
        text="Who may talk to the bot? (empty: in Telegram whom you admit, in Slack members; else a list for ALLOW)",
        optional=True,
    ),
)


def run(output: Path, *, force: bool, yes: bool) -> None:
    """Asks, checks, and writes `output`. Raises ConfigError if something is missing or wrong; then nothing is written.

    With `yes` nothing is asked, and an answer that cannot be checked is kept.
    """
    _check_free(output, force=force)
    answers = from_environment(dict(os.environ))
    try:
        if yes:
            made_of(answers).require_run()
        for question in QUESTIONS:
            if question.instead not in answers and (not question.needs or question.needs in answers):
                _settle(question, answers, yes=yes)
    except KeyboardInterrupt:
        raise ConfigError("init was interrupted; nothing is written") from None
    write(output, answers, force=force)
    _say(f"\nWritten to {output}, which only you can read. Next:")
    _say(_next_steps(output, answers))


def _check_free(output: Path, *, force: bool) -> None:
    if not force and os.path.lexists(output):
        raise ConfigError(f"--output: {output} is there already; name another file, or overwrite it with --force")


def _settle(question: Question, answers: dict[str, str], *, yes: bool) -> None:
    """Puts an answer that is right into `answers`, or none if it is optional. Raises ConfigError after three tries."""
    name = question.name.upper()
    optional = question.optional and (question.name != "slack_bot_token" or "telegram_bot_token" in answers)
    fault = MISSING
    offered = [] if yes or question.name != "coze_bot_id" or question.name in answers else _offered(answers)
    for _ in range(TRIES):
        value = answers.pop(question.name, "") or ("" if yes else _answer(question))
        if offered:
            value = _picked(value, offered, answers)
        if question.name == "coze_api_base":
            value = SITES.get(value, value)
        if not value:
            if optional:
                return
            fault = MISSING
            _say(f"  {name} is needed")
            continue
        answers[question.name] = value
        fault = _fault(question, answers, yes=yes)
        if not fault:
            return
        del answers[question.name]
        if yes:
            break
    raise ConfigError(f"{name} {fault}" if fault is MISSING else f"{name}: {fault.removeprefix(f'{name}: ')}")


def _offered(answers: Mapping[str, str]) -> "list[Listed]":
    """Shows the bots that the token sees, with numbers; none if Coze does not tell."""
    try:
        found = list_bots(made_of(dict(answers)))
    except BridgeError:
        return []
    for number, bot in enumerate(found[:MOST_OFFERED], start=1):
        _say(f"{number:>4}. {shown(bot)}")
    if len(found) > MOST_OFFERED:
        _say(f"      and {len(found) - MOST_OFFERED} more: coze-bridge coze bots")
    if found:
        _say("      api: published to the API channel. Answer with a number of this list, or with an id.")
    return found


def _picked(value: str, offered: "Sequence[Listed]", answers: Mapping[str, str]) -> str:
    """The id that a number of the list stands for; anything else is one. Offers to publish what is not."""
    ids = [bot.id for bot in offered]
    if value not in ids and value.isdecimal() and 1 <= int(value) <= min(len(ids), MOST_OFFERED):
        value = ids[int(value) - 1]
    unpublished = next((bot.name for bot in offered if bot.id == value and not bot.published), "")
    wanted = f"  {unpublished} is not published to the API channel. Publish its draft now? [y/N]"
    if unpublished and _line(wanted).lower() in YES:
        try:
            publish_bot(made_of(dict(answers)), value)
        except BridgeError as error:
            _say(f"  {error}")
    return value


def _fault(question: Question, answers: Mapping[str, str], *, yes: bool) -> str:
    """What is wrong with the newest answer, after saying so; empty if it is right or to be kept anyway."""
    try:
        settings = made_of(dict(answers))
    except ConfigError as error:
        _say(f"  {error}")
        return str(error)
    if not question.check:
        return ""
    found = asyncio.run(find(settings, SystemClock(), question.check))
    if found.state is not State.WRONG:
        _say(f"  {found.what}")
        return ""
    said = f"{found.what} → {found.mend}"
    _say(f"  {said}")
    return "" if _kept(found, yes=yes) else said


def _kept(found: Finding, *, yes: bool) -> bool:
    """Nobody could tell whether the answer is right: that is for the operator to say."""
    return found.unreachable and (yes or _line("  Keep it anyway? [y/N]").lower() in YES)


def _answer(question: Question) -> str:
    try:
        if question.hidden and sys.stdin.isatty():
            return getpass.getpass(f"{question.text} ").strip()
        return _line(question.text)
    except EOFError:
        raise ConfigError(f"{question.name.upper()} {MISSING}") from None


def _line(text: str) -> str:
    """An answer that may be seen: typed, or a line of what is piped in. Raises EOFError."""
    if sys.stdin.isatty():
        return input(f"{text} ").strip()
    _say(text)
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.strip()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _next_steps(output: Path, answers: Mapping[str, str]) -> str:
    named = "" if output.absolute() in [file.absolute() for file in FILES] else f" --config {output}"
    steps = {"doctor": "looks at everything else", "run": "starts the service"}
    if "telegram_bot_token" in answers and "allow" not in answers:
        steps["allow CODE"] = "lets you in: the bot shows you the code in Telegram"
    lines = [f"  coze-bridge {f'{command}{named}':<{len(named) + 12}}{why}" for command, why in steps.items()]
    if "slack_bot_token" in answers:
        lines.append("In Slack, write to the app, or invite it to a channel and mention it.")
    return "\n".join(lines)


def write(output: Path, answers: Mapping[str, str], *, force: bool) -> None:
    """Puts the file in place as a whole, readable for nobody else at any moment, after reading it back."""
    trial = output.with_name(f".{output.name}.{secrets.token_hex(4)}")
    try:
        text = HEAD + "".join(f"{name} = {quoted(value)}\n" for name, value in answers.items())
        descriptor = os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(descriptor)
        load(trial, {}).require_run()
        _check_free(output, force=force)  # answering takes its time
        trial.replace(output)
    except UnicodeEncodeError:
        raise ConfigError("a value in the environment is not text; mend it") from None
    except OSError as error:
        raise ConfigError(f"--output: cannot write {output} ({error.strerror}); name another file") from None
    finally:
        with suppress(OSError):
            trial.unlink()


def quoted(value: str) -> str:
    """As a TOML string: JSON's escapes are TOML's too, but JSON lets DEL stand."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
