"""Builds the outside from the settings: each builder imports its own vendor, so that an unused one is never loaded."""

from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from bridge.amiss import MB
from bridge.bots import BotSettings
from bridge.bringing import Wanted
from bridge.commands import COMMANDS
from bridge.config import Settings
from bridge.credentials import Access, build_access, build_auth, known_end, renewing
from bridge.expiry import WARN_DAYS, ending
from bridge.findings import Check, Finding, Findings, ok, skipped, warning, wrong
from bridge.pages import Look
from bridge.ports import Adapter, Bots, Clock, Downloads, Meter, Tools

if TYPE_CHECKING:
    from adapters.coze.bots import Acting
    from adapters.tools.toolbox import Tool


def build_bots(settings: Settings, clock: Clock, meter: Meter, access: Access | None = None) -> Bots:
    """All bots that the settings name; the one without a name first. Raises ConfigError."""
    from adapters.coze.bots import CozeBots, Credentials, Rule

    access = access or build_access(settings, clock)
    # A copy: the section [bot] tells how to ask it, COZE_BOT_ID which it is.
    first = settings.bot.model_copy(update={"bot_id": settings.coze_bot_id})
    bots = {name: _bot(settings, one, clock, meter, access) for name, one in {"": first, **settings.bots}.items()}
    # Who has a token of their own, maybe of another Coze, is nobody else's.
    ours = [name for name in bots if not name or not settings.bots[name].api_token]
    credentials = dict.fromkeys(ours, Credentials(jwt=access.jwt, own=access.own))
    return CozeBots(bots, [Rule(**route.model_dump()) for route in settings.routes], credentials)


def _bot(settings: Settings, bot: BotSettings, clock: Clock, meter: Meter, access: Access) -> "Acting":
    from adapters.coze.auth import token_auth
    from adapters.coze.bot import CozeBot
    from adapters.coze.chatflow import ChatflowBot
    from adapters.coze.runs import Workflow
    from adapters.coze.terms import Terms
    from adapters.coze.workflow import WorkflowBot

    api_base, tuning = bot.api_base or settings.coze_api_base, settings.tuning
    auth = token_auth(bot.api_token.get_secret_value()) if bot.api_token else access.auth
    workflow = Workflow(id=bot.workflow_id or "", app=bot.app_id or "", bot=bot.bot_id or "")
    if bot.mode == "workflow":
        return WorkflowBot(
            api_base,
            workflow,
            auth,
            meter=meter,
            given=bot.input,
            brought=bot.files or "",
            parameters=bot.parameters,
            silence_seconds=tuning.coze_workflow_silence_seconds,
        )
    if bot.mode == "chatflow":
        return ChatflowBot(
            api_base,
            workflow,
            auth,
            clock=clock,
            meter=meter,
            brought=bot.files or "",
            parameters=bot.parameters,
            idle_seconds=tuning.coze_idle_seconds,
            silence_seconds=tuning.coze_workflow_silence_seconds,
        )
    return CozeBot(
        api_base,
        bot.bot_id or "",
        auth,
        clock=clock,
        meter=meter,
        terms=Terms(
            draft=bot.draft,
            version=bot.version or "",
            cards=bot.cards,
            parameters=bot.parameters,
            custom_variables=bot.custom_variables,
            variables=bot.variables,
        ),
        idle_seconds=tuning.coze_idle_seconds,
        silence_seconds=tuning.coze_silence_seconds,
    )


def build_commands(settings: Settings) -> tuple[str, ...]:
    """The commands that there are, as the settings have it."""
    hidden = set() if settings.voice.speak else {"voice"}
    return tuple(name for name in COMMANDS if name not in hidden)


def build_telegram(settings: Settings, clock: Clock, meter: Meter) -> Adapter:
    """Telegram, as the settings have it."""
    from adapters.telegram.adapter import TelegramAdapter

    token, secret = settings.telegram_bot_token, settings.telegram_webhook_secret
    return TelegramAdapter(
        token.get_secret_value() if token else "",
        api_base=settings.telegram_api_base,
        clock=clock,
        meter=meter,
        webhook_url=settings.telegram_webhook_url or "",
        webhook_secret=secret.get_secret_value() if secret else "",
        streaming=settings.telegram_streaming,
        commands=build_commands(settings),
        account_rate=settings.tuning.telegram_calls_per_second,
        private_every=settings.tuning.telegram_private_seconds,
        group_every=settings.tuning.telegram_group_seconds,
    )


def build_slack(settings: Settings, clock: Clock, meter: Meter) -> Adapter:
    """Slack, as the settings have it."""
    from adapters.slack.adapter import SlackAdapter
    from adapters.slack.limits import Seconds

    tuning = settings.tuning
    bot, app, secret = settings.slack_bot_token, settings.slack_app_token, settings.slack_signing_secret
    return SlackAdapter(
        bot.get_secret_value() if bot else "",
        app_token=app.get_secret_value() if app else "",
        signing_secret=secret.get_secret_value() if secret else "",
        api_base=settings.slack_api_base,
        clock=clock,
        meter=meter,
        dm=settings.slack_dm,
        streaming=settings.slack_streaming,
        commands=build_commands(settings),
        seconds=Seconds(
            post=tuning.slack_post_seconds,
            channel_post=tuning.slack_channel_post_seconds,
            update=tuning.slack_update_seconds,
        ),
    )


def build_downloads(settings: Settings) -> Downloads:
    """What fetches the pictures and files of answers."""
    from adapters.addresses import parsed
    from adapters.downloads import Downloading

    return Downloading(parsed(settings.tuning.media_networks))


def build_tools(settings: Settings, meter: Meter) -> Tools:
    """The tools that run here. Raises ConfigError."""
    from adapters.tools import Toolbox

    return Toolbox({name: load() for name, load in _tools(settings).items()}, meter)


def _tools(settings: Settings) -> "dict[str, Callable[[], Tool]]":
    """How each tool is loaded."""
    from adapters.tools import loaded

    return {
        name: partial(loaded, name, tool.call, ask=tool.ask, seconds=tool.timeout_seconds, options=tool.options)
        for name, tool in settings.tools.items()
    }


def build_wanted(settings: Settings) -> Wanted:
    """What of the files and voice messages that people send is read."""
    files, voice = settings.files, settings.voice
    return Wanted(most_bytes=files.most_mb * MB, read=files.read, listen=voice.listen)


def build_look(settings: Settings) -> Look:
    """What of an answer is shown."""
    return Look(**settings.answers.model_dump(), voice=settings.voice.speak)


def build_adapters(settings: Settings, clock: Clock, meter: Meter) -> list[Adapter]:
    """The platforms that are switched on."""
    adapters: list[Adapter] = []
    if settings.telegram_bot_token is not None:
        adapters.append(build_telegram(settings, clock, meter))
    if settings.slack_bot_token is not None:
        adapters.append(build_slack(settings, clock, meter))
    return adapters


def build_checks(settings: Settings, clock: Clock) -> list[Check]:
    """What `doctor` looks at outside of this program, in the order in which it tells."""
    reach = "look at the network and HTTPS_PROXY"
    tools = Check("tools", "look at the sections [tools.NAME]", ("tools",), lambda: _look_at_tools(settings))
    return [
        Check("database", "look at DATABASE_URL", ("database_",), lambda: _look_at_database(settings)),
        Check("coze", f"look at COZE_API_BASE; {reach}", ("coze_",), lambda: _look_at_coze(settings, clock)),
        Check("telegram", reach, ("telegram_",), lambda: _look_at_telegram(settings, clock)),
        Check("slack", reach, ("slack_",), lambda: _look_at_slack(settings)),
        Check("http", "look at HTTP_LISTEN", ("http_",), lambda: _look_at_http(settings)),
        Check("clock", reach, (), lambda: _look_at_clock(settings, clock)),
        *([tools] if settings.tools else []),
    ]


def _look_at_database(settings: Settings) -> Findings:
    from storage.checks import look

    return look(settings.database_url)


async def _look_at_coze(settings: Settings, clock: Clock) -> Findings:
    trio = (
        settings.coze_jwt_oauth_client_id,
        settings.coze_jwt_oauth_public_key_id,
        settings.coze_jwt_oauth_private_key,
    )
    if settings.coze_api_token is None and not all(trio) and not settings.coze_login_path:
        yield skipped("coze", "not configured")
        return
    from adapters.coze.auth import token_auth
    from adapters.coze.checks import TOKEN, look, look_at_workflow

    accepted = True
    async with aclosing(
        look(settings.coze_api_base, settings.coze_bot_id or "", lambda: build_auth(settings, clock))
    ) as found:
        async for finding in found:
            accepted = accepted and not (finding.name == TOKEN and finding.mend)
            yield finding
    for name, bot in {"": settings.bot, **settings.bots}.items():
        if bot.workflow_id and (bot.api_token or accepted):
            auth = token_auth(bot.api_token.get_secret_value()) if bot.api_token else build_auth(settings, clock)
            yield await look_at_workflow(bot.api_base or settings.coze_api_base, bot.workflow_id, auth, bot=name)
    if (until := known_end(settings)) is not None:
        yield _ending(until - clock.now(), renewing(settings))


def _ending(seconds: float, mend: str) -> Finding:
    name, what = "coze token end", ending(seconds)
    if seconds <= 0:
        return wrong(name, what, mend)
    return warning(name, what, mend) if seconds < WARN_DAYS * 86400 else ok(name, what)


def _look_at_tools(settings: Settings) -> Findings:
    from adapters.tools.checks import look

    return look(_tools(settings))


def _look_at_telegram(settings: Settings, clock: Clock) -> Findings:
    if settings.telegram_bot_token is None:
        return _not_configured("telegram")
    from adapters.telegram.checks import look

    token = settings.telegram_bot_token.get_secret_value()
    return look(token, settings.telegram_api_base, settings.telegram_webhook_url or "", clock)


def _look_at_slack(settings: Settings) -> Findings:
    if settings.slack_bot_token is None:
        return _not_configured("slack")
    from adapters.slack.checks import look

    app = settings.slack_app_token
    bot = settings.slack_bot_token.get_secret_value()
    return look(bot, app.get_secret_value() if app else "", settings.slack_api_base)


def _look_at_http(settings: Settings) -> Findings:
    from adapters.checks import listening

    return listening(settings.http_listen)


def _look_at_clock(settings: Settings, clock: Clock) -> Findings:
    from adapters.checks import clock as compared

    servers = {
        "Slack": settings.slack_api_base if settings.slack_bot_token else "",
        "Telegram": settings.telegram_api_base if settings.telegram_bot_token else "",
        "Coze": settings.coze_api_base,
    }
    return compared({name: url for name, url in servers.items() if url}, clock)


async def _not_configured(name: str) -> Findings:
    yield skipped(name, "not configured")
