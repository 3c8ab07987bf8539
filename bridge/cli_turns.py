"""The commands `coze-bridge turns`: what was asked, and how far its answer has come."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from bridge.config import load
from bridge.desk import AsJson, Config, moment, unknown, with_store
from bridge.model import TurnState, TurnSummary

turns_cli = typer.Typer(help="Lists turns; shows, retries or cancels one.", invoke_without_command=True)


@turns_cli.callback()
def turns(
    context: typer.Context,
    state: Annotated[list[TurnState] | None, typer.Option(help="Only turns in this state; may be repeated.")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only turns received since then (UTC), such as 2026-11-21T08:00:00.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Lists turns, newest first."""
    context.obj = load(config)
    if context.invoked_subcommand is not None:
        return
    after = since.replace(tzinfo=UTC).timestamp() if since else 0.0
    found = with_store(context.obj, lambda store: store.turns(states=state or (), since=after, limit=limit))
    if as_json:
        typer.echo(json.dumps([asdict(turn) for turn in found], ensure_ascii=False, indent=2))
        return
    for turn in found:
        typer.echo(_line(turn))


@turns_cli.command()
def show(context: typer.Context, turn_id: int) -> None:
    """Shows one turn, as JSON."""
    turn = with_store(context.obj, lambda store: store.turn(turn_id))
    if turn is None:
        unknown(f"turn {turn_id}: there is none with that number")
    typer.echo(json.dumps(asdict(turn), ensure_ascii=False, indent=2))


@turns_cli.command()
def retry(context: typer.Context, turn_id: int) -> None:
    """Asks a question that failed or was cancelled again."""
    if not with_store(context.obj, lambda store: store.ask_again(turn_id)):
        unknown(f"turn {turn_id}: only a failed or cancelled question whose text is not erased can be retried")


@turns_cli.command()
def cancel(context: typer.Context, turn_id: int) -> None:
    """Cancels a turn that is not settled yet."""
    if not with_store(context.obj, lambda store: store.cancel(turn_id)):
        unknown(f"turn {turn_id}: only one that is not settled can be cancelled")


def _line(turn: TurnSummary) -> str:
    place = ":".join(part for part in (turn.platform, turn.chat, turn.thread) if part)
    error = f"  {turn.error}" if turn.error else "  (erased)" if turn.erased else ""
    return f"{turn.id:>8}  {moment(turn.received_at)}  {turn.state:<10}  {turn.kind:<8}  {place}{error}"
