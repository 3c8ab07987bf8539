"""The commands `coze-bridge allow` and `coze-bridge people`: who is let in, shut out, and forgotten."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import Annotated

import typer

from bridge.access import code_digest
from bridge.build import build_bots
from bridge.clock import SystemClock
from bridge.config import Settings, load
from bridge.desk import AsJson, Config, Uncounted, moment, unknown, with_store
from bridge.errors import BridgeError
from bridge.housekeeping import delete_doomed, will_pass
from bridge.identity import person
from bridge.model import Access, Doomed, Erased, Person
from bridge.ports import Bots, Store

people_cli = typer.Typer(invoke_without_command=True)

COZE_SECONDS = 30.0
"""For so long `forget` has Coze delete conversations."""
NUMBER = re.compile(r"[1-9][0-9]{0,17}")
"""A row of ours, or a person of Telegram's."""
Who = Annotated[str, typer.Argument(metavar="WHO", help="A number of the list, or platform:sender (telegram:123).")]


def allow(
    code: Annotated[str, typer.Argument(help="What a stranger was told: XXXX-XXXX, in any case.")],
    config: Config = None,
) -> None:
    """Lets in whoever was told that pairing code."""
    settings = load(config)

    async def admit(store: Store) -> Person | None:
        admitted = await store.admit(code_digest(code))
        if admitted is None and not await store.people():
            unknown("nobody has tried to talk to the bot; is this DATABASE_URL that of the service?")
        return admitted

    admitted = with_store(settings, admit)
    if admitted is None:
        unknown("nobody has that code: it is mistyped, used already, or older than an hour")
    typer.echo(f"{_name(admitted)} may talk to the bot now (number {admitted.id} of coze-bridge people)")
    _remind(settings)


@people_cli.callback()
def people(context: typer.Context, as_json: AsJson = False, config: Config = None) -> None:
    """Lists people; allows, blocks, unblocks or forgets one.

    A line has number, access, when they wrote last (UTC), how many questions, and who. Access: paired and blocked were
    decided here; waiting and expired were told a code; refused were told that they are not let in; of the known,
    nothing is decided: ALLOW says whether they may talk, and while it is not set, in Slack the membership of the
    workspace, and in Telegram they have to be paired.
    """
    context.obj = load(config)
    if context.invoked_subcommand is not None:
        return
    found = with_store(context.obj, lambda store: store.people())
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2))
        return
    for one in found:
        questions = f"{one.questions} question{'s' * (one.questions != 1)}"
        typer.echo(f"{one.id:>8}  {one.access:<8}  {moment(one.seen_at)}  {questions:<14}  {_name(one)}")


@people_cli.command("allow")
def pair(context: typer.Context, who: Who) -> None:
    """Lets somebody in without a code; they need not have written before if they are telegram:NUMBER."""
    settings: Settings = context.obj

    async def admit(store: Store) -> list[Person]:
        if not await _found(store, who) and (account := _telegram_account(settings, who)):
            await store.acquaint(person("telegram", account, who.strip().partition(":")[2], "en"))
        return await _decided(store, who, Access.PAIRED)

    for one in _known(settings, who, admit):
        typer.echo(f"{_name(one)} may talk to the bot now")
    _remind(settings)


@people_cli.command()
def block(context: typer.Context, who: Who) -> None:
    """Shuts somebody out: they get no answer any more, whatever ALLOW says, and what they asked is stopped."""
    for one in _known(context.obj, who, lambda store: _decided(store, who, Access.BLOCKED)):
        typer.echo(f"{_name(one)} is blocked")


@people_cli.command()
def unblock(context: typer.Context, who: Who) -> None:
    """Undoes block. Who was paired before has to be let in again."""
    blocked = [one for one in _known(context.obj, who, lambda store: _found(store, who)) if one.access == "blocked"]
    if not blocked:
        unknown(f"{who} is not blocked")
    with_store(context.obj, lambda store: store.decide([one.id for one in blocked], Access.OPEN))
    for one in blocked:
        typer.echo(f"{_name(one)} is not blocked any more")


@people_cli.command()
def forget(context: typer.Context, who: Who) -> None:
    """Erases somebody: who they are, what they asked, what was answered, here and in their conversations at Coze.

    A running answer stops where it stands. What Coze does not delete now, the service tries to delete again.
    """
    settings: Settings = context.obj
    chosen = _known(settings, who, lambda store: _found(store, who))

    async def erase(store: Store) -> tuple[Erased, bool]:
        erased = await store.forget([one.id for one in chosen])
        return erased, await store.scrub()

    erased, scrubbed = with_store(settings, erase)
    typer.echo(
        f"erased {', '.join(map(_name, chosen))}: turns {erased.turns}, posts {erased.posts}, "
        f"conversations {erased.conversations}."
    )
    if any(one.access == "blocked" for one in chosen):
        typer.echo("They were blocked; that is forgotten, too.")
    if not scrubbed:
        typer.echo(
            "The database is large, or much in use: in unused parts of its files, copies of single texts may be left "
            "for a while (docs/operation.md, Forgetting)."
        )
    if erased.doomed:
        typer.echo(with_store(settings, lambda store: _at_coze(settings, store, erased.doomed)))
    typer.echo("What the platform keeps itself is not erased.")


async def _at_coze(settings: Settings, store: Store, doomed: Sequence[Doomed]) -> str:
    """Has Coze delete these conversations, as far as it does so within COZE_SECONDS; how far it came."""
    deleted: list[str] = []
    why = ""
    try:
        settings.require_coze()
        async with AsyncExitStack() as closing:
            bots = build_bots(settings, SystemClock(), Uncounted())
            closing.push_async_callback(bots.aclose)
            async with asyncio.timeout(COZE_SECONDS):
                why = await _delete(store, bots, doomed, deleted)
    except TimeoutError:
        why = f"it took {COZE_SECONDS:g} s"
    except BridgeError as error:
        why = str(error)
    left = len(doomed) - len(deleted)
    later = f", {left} left for the service to try again ({why})" if left else ""
    return f"Conversations at Coze: {len(deleted)} deleted{later}."


async def _delete(store: Store, bots: Bots, doomed: Sequence[Doomed], deleted: list[str]) -> str:
    """Why it did not delete all of them, if so; `deleted` are those that it did."""
    why = ""
    for one in doomed:
        error = await delete_doomed(store, bots, one)
        if error is None:
            deleted.append(one.coze_conversation)
            continue
        why = str(error)
        if will_pass(error):
            break
    return why


def _known(settings: Settings, who: str, use: Callable[[Store], Awaitable[list[Person]]]) -> list[Person]:
    """What `use` found of them. Ends with status 1 if that is nobody."""
    found = with_store(settings, use)
    if not found:
        unknown(f"{who}: nobody of that name or number; see coze-bridge people")
    return found


async def _found(store: Store, who: str) -> list[Person]:
    """Whom the operator means: one, or the same person on several accounts of ours."""
    platform, colon, sender = who.strip().partition(":")
    if colon:
        return await store.people(platform=platform.lower(), sender=sender) if platform and sender else []
    # Anything else than a whole number of the list must never come to mean everybody.
    return await store.people(id=int(platform)) if NUMBER.fullmatch(platform) else []


async def _decided(store: Store, who: str, access: Access) -> list[Person]:
    found = await _found(store, who)
    await store.decide([one.id for one in found], access)
    return found


def _remind(settings: Settings) -> None:
    if settings.allow is not None:
        typer.echo("but ALLOW is set: while it is, it alone decides", err=True)


def _telegram_account(settings: Settings, who: str) -> str:
    """Our account there, which the token begins with; empty if it is not a person of Telegram that is meant."""
    platform, _, sender = who.strip().partition(":")
    token = settings.telegram_bot_token
    if platform.lower() != "telegram" or not NUMBER.fullmatch(sender) or token is None:
        return ""
    return token.get_secret_value().partition(":")[0]


def _name(one: Person) -> str:
    return f"{one.platform}:{one.sender} (account {one.account})"
