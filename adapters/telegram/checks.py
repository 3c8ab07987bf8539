"""Looks at a Telegram bot: its token, what it may do in groups, and where Telegram sends its messages."""

from urllib.parse import urlsplit

from telegram import Bot, User, WebhookInfo

from adapters.telegram.errors import CREDENTIALS, translated
from adapters.telegram.transport import Line
from adapters.telegram.webhook import PATH
from bridge.errors import BridgeError
from bridge.findings import Finding, Findings, ok, warning, wrong
from bridge.ports import Clock

TOKEN, GROUPS, DELIVERY = "telegram token", "telegram groups", "telegram delivery"
OFFICIAL = "https://api.telegram.org"
REACH = "look at the network, HTTPS_PROXY, and TELEGRAM_API_BASE if it is set"
RECENT_SECONDS = 600.0
MANY = 100
"""So many messages waiting mean that nobody fetches them."""


async def look(token: str, api_base: str, webhook_url: str, clock: Clock) -> Findings:
    """Asks `getMe` and `getWebhookInfo` only, which a running service does not notice."""
    line = Line(token, api_base, poll_seconds=0)
    try:
        with translated():
            me = await line.bot.get_me()
        yield ok(TOKEN, f"it is the token of @{me.username}")
        yield _groups(me)
        yield await _delivery(line.bot, webhook_url, clock.now())
    except BridgeError as error:
        yield _failed(error, api_base)
    finally:
        await line.aclose()


def _failed(error: BridgeError, api_base: str) -> Finding:
    if error.say != CREDENTIALS:
        return wrong(TOKEN, str(error), REACH, unreachable=True)
    mend = "take TELEGRAM_BOT_TOKEN from @BotFather (/mybots, API Token)"
    if api_base.rstrip("/") != OFFICIAL:
        mend += f", or unset TELEGRAM_API_BASE, which leads to {urlsplit(api_base).netloc}"
    return wrong(TOKEN, "Telegram refuses it", mend)


def _groups(me: User) -> Finding:
    if not me.can_join_groups:
        return warning(
            GROUPS, "the bot may not be added to groups", "/setjoingroups at @BotFather, unless that is what you want"
        )
    if me.can_read_all_group_messages:
        return ok(
            GROUPS, "privacy mode is off: Telegram shows the bot all that is said; it answers what is meant for it"
        )
    return ok(
        GROUPS,
        "privacy mode is on: the bot hears commands and replies to it, mentions not always "
        "(/setprivacy at @BotFather turns it off; then add the bot to the group anew)",
    )


async def _delivery(bot: Bot, webhook_url: str, now: float) -> Finding:
    with translated():
        info = await bot.get_webhook_info()
    if not webhook_url:
        return _polled(info)
    if not info.url:
        return ok(DELIVERY, "the webhook is not set yet; `coze-bridge run` sets it")
    if info.url != webhook_url:
        what = f"Telegram sends messages to {_host(info.url)}, which is not TELEGRAM_WEBHOOK_URL"
        return warning(DELIVERY, what, "stop what else uses this bot; `coze-bridge run` then sets our address")
    failed = info.last_error_date
    if failed is not None and now - failed.timestamp() < RECENT_SECONDS:
        what = f"Telegram cannot deliver to {_host(info.url)}: {info.last_error_message}"
        what += f" ({info.pending_update_count} waiting)"
        mend = f"let the proxy in front pass POST {PATH} on to HTTP_LISTEN; 401 means that the secret is another one"
        return wrong(DELIVERY, what, mend) if info.pending_update_count else warning(DELIVERY, what, mend)
    return _waiting(info, f"webhook at {_host(info.url)}")


def _polled(info: WebhookInfo) -> Finding:
    if info.url:
        what = f"a webhook to {_host(info.url)} is set, but we are to poll: `coze-bridge run` will delete it"
        mend = "if something else of yours uses this bot, make a bot for each; or set TELEGRAM_WEBHOOK_URL and _SECRET"
        return warning(DELIVERY, what, mend)
    return _waiting(info, "long polling, and no webhook is in its way")


def _waiting(info: WebhookInfo, way: str) -> Finding:
    if info.pending_update_count >= MANY:
        what = f"{info.pending_update_count} messages wait to be fetched"
        return warning(DELIVERY, what, "is the service running? start it with `coze-bridge run`")
    return ok(DELIVERY, way)


def _host(url: str) -> str:
    """Without the path: some services put their token there."""
    return urlsplit(url).netloc
