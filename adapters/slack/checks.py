"""Looks at a Slack app: its two tokens, whether they belong together, and its scopes."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.adapter import ANSWER_SECONDS, CONNECT_SECONDS, PATH
from adapters.slack.errors import REFUSED_TOKEN, calling
from bridge.errors import BridgeError, RateLimited, Unreachable
from bridge.findings import Finding, Findings, ok, skipped, wrong

# What goes wrong becomes a finding; at DEBUG slack_sdk logs addresses that open sockets.
_sdk_log = logging.getLogger(f"{__name__}.sdk")
_sdk_log.setLevel(logging.CRITICAL)

BOT, SCOPES, APP, SAME, EVENTS = (
    "slack bot token",
    "slack scopes",
    "slack app token",
    "slack app",
    "slack events",
)
NEEDED = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "chat:write",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "im:history",
        "mpim:history",
        "users:read",
    }
)
"""The bot scopes of the manifests in deploy/slack, which are not part of an installation."""
REACH = "look at the network, HTTPS_PROXY, and SLACK_API_BASE if it is set"
INSTALL = "copy the Bot User OAuth Token (xoxb-…) from OAuth & Permissions, after installing the app to the workspace"
APP_MENDS = {
    "missing_scope": "make a new one with the scope connections:write (Basic Information, App-Level Tokens)",
    "not_allowed_token_type": "it is no app-level token: take one that begins with xapp- (Basic Information)",
}
APP_MEND = "make a new App-Level Token with the scope connections:write (Basic Information), and switch Socket Mode on"


async def look(bot_token: str, app_token: str, api_base: str) -> Findings:
    """Opens no socket: Slack would send it messages that are meant for a running service."""
    async with _connected(bot_token, api_base) as web:
        bot = ""
        try:
            async with calling("auth.test"):
                who = await web.auth_test()
        except BridgeError as error:
            yield _failed(BOT, error, INSTALL)
        else:
            bot = str(who.get("bot_id") or "")
            yield _bot(who.data if isinstance(who.data, dict) else {})
            yield _scopes(who.headers)
        if app_token:
            yield await _app_token(web, app_token)
            if bot:
                yield await _same_app(web, bot, app_token)
        yield _events(app_token)


@asynccontextmanager
async def _connected(token: str, api_base: str) -> AsyncIterator[AsyncWebClient]:
    """As the adapter connects, see there."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=CONNECT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=True, cookie_jar=aiohttp.DummyCookieJar()) as session:
        web = AsyncWebClient(token, api_base, session=session, retry_handlers=[], logger=_sdk_log)
        web.proxy = None
        yield web


def _bot(who: dict[str, Any]) -> Finding:
    return ok(BOT, f"it is the token of @{who.get('user')} in {who.get('team')} ({who.get('team_id')})")


def _scopes(headers: Any) -> Finding:
    """By the response header in which Slack names what the token may do."""
    given = headers.get("x-oauth-scopes") or headers.get("X-OAuth-Scopes")
    if given is None:
        return skipped(SCOPES, "Slack does not say which scopes the token has")
    missing = sorted(NEEDED - {scope.strip() for scope in given.split(",")})
    if missing:
        mend = "add them under OAuth & Permissions (or take the App Manifest from deploy/slack), and reinstall the app"
        return wrong(SCOPES, f"missing: {', '.join(missing)}", mend)
    return ok(SCOPES, f"all {len(NEEDED)} that are needed")


async def _app_token(web: AsyncWebClient, app_token: str) -> Finding:
    try:
        async with calling("apps.connections.open"):
            await web.apps_connections_open(app_token=app_token)
    except BridgeError as error:
        mend = next((mend for name, mend in APP_MENDS.items() if name in str(error)), APP_MEND)
        return _failed(APP, error, mend)
    return ok(APP, "Slack gives us a socket (it was not opened)")


async def _same_app(web: AsyncWebClient, bot: str, app_token: str) -> Finding:
    """An app-level token is xapp-1-<app>-…; the bot's app is told by bots.info, which needs users:read."""
    parts = app_token.split("-")
    named = parts[2] if len(parts) > 3 and parts[2].startswith("A") else ""
    if not named:
        return skipped(SAME, "the app token does not tell of which app it is")
    try:
        async with calling("bots.info"):
            answered = await web.bots_info(bot=bot)
    except BridgeError as error:
        return skipped(SAME, f"of which app the bot token is, Slack does not tell ({error})")
    found = str((answered.get("bot") or {}).get("app_id") or "")
    if found != named:
        what = f"SLACK_BOT_TOKEN is of the app {found}, SLACK_APP_TOKEN of {named}"
        return wrong(SAME, what, "take both tokens from the same app at https://api.slack.com/apps")
    return ok(SAME, f"both tokens are of the app {found}")


def _events(app_token: str) -> Finding:
    mend = "if the bot does not hear, compare Event Subscriptions with the manifest in deploy/slack"
    if not app_token:
        mend += f"; the request URL is https://your.host{PATH}, and SLACK_SIGNING_SECRET stands in Basic Information"
    return skipped(EVENTS, "Slack does not tell with our tokens which events the app gets", mend)


def _failed(name: str, error: BridgeError, mend: str) -> Finding:
    if isinstance(error, RateLimited):
        return skipped(name, f"Slack asks us to wait {error.retry_after:.0f} s")
    if isinstance(error, Unreachable) and error.say != REFUSED_TOKEN:
        return wrong(name, f"Slack is not reached ({error})", REACH, unreachable=True)
    return wrong(name, f"Slack refuses it ({error})", mend)
