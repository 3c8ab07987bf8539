"""The commands `coze-bridge coze` and `coze-bridge login`: what a token sees at Coze, and getting one in a browser."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bridge import values
from bridge.clock import SystemClock
from bridge.config import Settings, load
from bridge.credentials import build_auth, login_path
from bridge.desk import AsJson, Config, unknown
from bridge.errors import BotFailed, BridgeError, ConfigError

if TYPE_CHECKING:
    from adapters.coze.listing import Listed
    from adapters.coze.oauth import Device
    from adapters.coze.wire import Api

coze_cli = typer.Typer(no_args_is_help=True, help="Looks at what the token sees at Coze; publishes a bot.")
Result = TypeVar("Result")
MENDS = {
    "credentials": "make a new token at Coze and set COZE_API_TOKEN; each site knows only its own",
    "permission": "give the token that permission at Coze",
    "no_call": "this Coze has no such list; take the id from the bot's URL (…/bot/7400…)",
    "no_bot": "take the id from the bot's URL (…/bot/7400…), or from coze-bridge coze bots",
}
"""What to do, by `BridgeError.say`."""


@coze_cli.command()
def workspaces(as_json: AsJson = False, config: Config = None) -> None:
    """Lists the workspaces that the token sees."""
    from adapters.coze import listing

    found = _asked(load(config), listing.workspaces)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2))
        return
    for one in found:
        typer.echo(f"{one.id:<20}  {one.role:<8}  {one.name}")


@coze_cli.command()
def bots(
    workspace: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this workspace.")] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Lists the bots that the token sees; `api` marks those that are published to the API channel."""
    found = list_bots(load(config), workspace or "")
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2))
        return
    for one in found:
        typer.echo(shown(one))


@coze_cli.command()
def publish(
    bot_id: Annotated[str, typer.Argument(metavar="BOT_ID", help="The number in the bot's URL.")],
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    config: Config = None,
) -> None:
    """Publishes a bot, as its draft is now, to the API channel: from then on it can be talked to."""
    try:
        values.number(bot_id)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="BOT_ID") from None
    settings = load(config)
    if not yes and not typer.confirm(f"Publish the draft of the bot {bot_id} to the API channel?"):
        unknown("nothing is published")
    publish_bot(settings, bot_id)
    typer.echo(f"the bot {bot_id} is published to the API channel")


def login(config: Config = None) -> None:
    """Logs this workstation in at Coze: shows an address to open in a browser, on any device.

    Needs COZE_LOGIN_CLIENT_ID. The tokens are kept in COZE_LOGIN_PATH; set it, and they stand in for a token.
    """
    from adapters.coze.device import LoginFile, log_in
    from adapters.coze.oauth import Endpoint

    settings, clock = load(config), SystemClock()
    if not settings.coze_login_client_id:
        raise ConfigError("COZE_LOGIN_CLIENT_ID is missing: set the client id of an OAuth app for devices at Coze")
    path = login_path(settings)
    name = asyncio.run(
        log_in(
            LoginFile(path),
            Endpoint(settings.coze_api_base, clock=clock),
            api_base=settings.coze_api_base,
            client_id=settings.coze_login_client_id,
            clock=clock,
            show=_show,
        )
    )
    typer.echo(f"logged in{f' as {name}' if name else ''}; the tokens are in {path}")
    if not settings.coze_login_path:
        typer.echo(f"to use them, set COZE_LOGIN_PATH={path}")


def list_bots(settings: Settings, workspace: str = "") -> "list[Listed]":
    """Of all workspaces that the token sees, or that one. Raises BridgeError with the mend."""
    from adapters.coze import listing

    async def every(api: "Api") -> "list[Listed]":
        if workspace:
            return await listing.bots(api, listing.Workspace(id=workspace, name=workspace))
        found = await listing.workspaces(api)
        return [bot for one in found for bot in await listing.bots(api, one)]

    return _asked(settings, every)


def publish_bot(settings: Settings, bot_id: str) -> None:
    """Raises BridgeError with the mend."""
    from adapters.coze import listing

    _asked(settings, lambda api: listing.publish(api, bot_id))


def shown(bot: "Listed") -> str:
    """A line."""
    return f"{bot.id:<20}  {'api' if bot.published else '-':<3}  {bot.name} ({bot.workspace})"


def _asked(settings: Settings, ask: "Callable[[Api], Awaitable[Result]]") -> Result:
    """Asks Coze as the service does, in nobody's session."""
    from adapters.coze import listing

    settings.require_credentials()

    async def reached() -> Result:
        async with listing.reached(settings.coze_api_base, build_auth(settings, SystemClock())) as api:
            return await ask(api)

    try:
        return asyncio.run(reached())
    except BotFailed as failed:
        mend = MENDS.get(failed.say)
        raise BridgeError(f"{failed}; {mend}" if mend else str(failed)) from None


def _show(device: "Device") -> None:
    typer.echo(f"Open this address in a browser, and confirm the code {device.user_code}:\n\n  {device.address}\n")
    typer.echo(f"Waiting for that, up to {device.seconds / 60:.0f} minutes …")
