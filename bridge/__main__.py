"""The command line: `coze-bridge run | init | doctor | migrate | backup | turns | people | allow | coze | login`."""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from bridge.cli_coze import coze_cli, login
from bridge.cli_people import allow, people_cli
from bridge.cli_turns import turns_cli
from bridge.clock import SystemClock
from bridge.config import FILES, Settings, load, strays
from bridge.desk import AsJson, Config
from bridge.errors import BridgeError, ConfigError

EX_USAGE = 2
"""What command line libraries end with."""
EX_CONFIG = 78
"""sysexits.h: configuration error."""

cli = typer.Typer(
    name="coze-bridge",
    help="Puts a Coze bot where people already talk: Telegram and Slack.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli.add_typer(turns_cli, name="turns")
cli.add_typer(people_cli, name="people")
cli.add_typer(coze_cli, name="coze")


@cli.command()
def run(config: Config = None) -> None:
    """Runs the service until SIGTERM or SIGINT."""
    from bridge import app

    settings = load(config)
    _configure_log(settings)
    app.run(settings)


@cli.command()
def migrate(config: Config = None) -> None:
    """Brings the database to the current schema."""
    from storage.opening import migrate as bring

    settings = load(config)
    _configure_log(settings)
    revision = asyncio.run(bring(settings.database_url))
    typer.echo(f"the database is at revision {revision}")


@cli.command()
def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where the copy is written; only its owner can read it.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
    config: Config = None,
) -> None:
    """Copies the SQLite database, beside a running service or without one."""
    from storage.backup import back_up

    # A half copy is not left behind, whoever ends us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    size = back_up(load(config).database_url, file, force=force)
    typer.echo(f"{file}: {size / 1e6:.1f} MB, whole and checked")


@cli.command()
def doctor(as_json: AsJson = False, config: Config = None) -> None:
    """Checks settings, database, tokens, bot and clock: what is wrong, and how to mend it."""
    from bridge import doctor

    _silence_log()
    findings = asyncio.run(doctor.examine(config, SystemClock()))
    typer.echo(doctor.show_json(findings) if as_json else doctor.show(findings))
    raise typer.Exit(doctor.status(findings))


@cli.command()
def init(
    output: Annotated[Path, typer.Option("--output", help="Where the settings are written.", metavar="FILE")] = FILES[
        0
    ],
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: take all from the environment.")] = False,
) -> None:
    """Asks for what is needed, checks each answer live, and writes the configuration file.

    What the environment sets already (any variable of the configuration table, or NAME_FILE for a secret) is taken
    from there and not asked for. Answers may be piped in, a line each.
    """
    from bridge import init

    _silence_log()
    init.run(output, force=force, yes=yes)


cli.command()(allow)
cli.command()(login)


def main() -> None:
    """The entry point: every mistake of a user is one line, never a traceback."""
    # What we write holds what people wrote: nobody else on this machine is to read it.
    os.umask(0o077)
    try:
        sys.exit(typer.main.get_command(cli).main(prog_name="coze-bridge", standalone_mode=False))
    except TyperException as error:
        # A mistake in the command line itself; the library would draw a box of five lines around it.
        message = getattr(error, "format_message", lambda: "")()
        if message:
            sys.stderr.write(f"coze-bridge: {message} (see coze-bridge --help)\n")
        sys.exit(EX_USAGE)
    except ConfigError as error:
        _fail(error, EX_CONFIG)
    except BridgeError as error:
        _fail(error, 1)


def _fail(error: BridgeError, status: int) -> None:
    sys.stderr.write(f"coze-bridge: {error}\n")
    sys.exit(status)


def _silence_log() -> None:
    """What matters is told as a finding; without a handler, Python would print the libraries' warnings."""
    logging.getLogger().addHandler(logging.NullHandler())


def _configure_log(settings: Settings) -> None:
    from adapters.log import configure

    form = settings.log_format or ("text" if sys.stderr.isatty() else "json")
    configure(form=form, level=settings.log_level, secrets=settings.secrets())
    for line in strays():
        logging.getLogger(__name__).warning(line)


if __name__ == "__main__":
    main()
