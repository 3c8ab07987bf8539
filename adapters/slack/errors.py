"""What a failed call to Slack means for us: one table, and the one place where calls are made."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from slack_sdk.errors import SlackApiError

from bridge.errors import BridgeError, Gone, RateLimited, Refused, Unreachable, Unrenderable

CALL_SECONDS = 40.0
"""After this a call is given up. The port allows 60 s; Slack's own SDK gives up after 30."""
UNTOLD_WAIT = 30.0
"""Seconds to wait if Slack names none (slack_sdk takes 30 then as well)."""

_TOKEN = re.compile(r"\bx(?:ox|app)\S+")
_NAMED = re.compile(r"[\w.]+: ([a-z_]+)(?: \(|$)")

LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
"""Told with HTTP 200; the usual way is status 429."""
REFUSED_TOKEN = "platform_credentials"
"""The `say` of an error that only the operator can mend, by another token."""
TOKENS = frozenset({"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"})
"""Our token is no good any more."""
CREDENTIALS = TOKENS | frozenset(
    {
        "access_denied",
        "ekm_access_denied",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "org_login_required",
        "team_access_not_granted",
    }
)
"""Or it is not good for this."""
GONE = frozenset(
    {
        "cannot_reply_to_message",
        "cant_update_message",
        "edit_window_closed",
        "invalid_thread_ts",
        "message_not_found",
        "thread_not_found",
    }
)
UNRENDERABLE = frozenset(
    {
        "block_mismatch",
        "invalid_arguments",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_metadata_format",
        "markdown_text_conflict",
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_blocks_too_many",
        "msg_too_long",
        "no_text",
        "only_one_table_allowed",
    }
)
"""`no_text` too: a server that does not know `markdown_text` sees a message without any."""
BROKEN = frozenset(
    {
        "fatal_error",
        "internal_error",
        "messaging_processing_failed",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    }
)
"""Slack itself failed (or, for `team_added_to_org`, moves the workspace for a while)."""


@asynccontextmanager
async def calling(method: str, seconds: float | None = None) -> AsyncIterator[None]:
    """Around one call of the Web API: raises our errors in place of Slack's, and gives the call up in time.

    The messages name the method and Slack's error, never an argument, so that no token and no text gets into a log.
    """
    try:
        async with asyncio.timeout(CALL_SECONDS if seconds is None else seconds):
            yield
    except SlackApiError as error:
        raise answered(method, error) from None
    except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError) as error:
        # Name resolution, TCP, TLS or a proxy that will not: the request has not left.
        raise Unreachable(f"{method}: cannot connect ({type(error).__name__})") from None
    except aiohttp.ConnectionTimeoutError:
        raise Unreachable(f"{method}: cannot connect in time") from None
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise Unreachable(f"{method}: no response ({type(error).__name__})", certain=False) from None
    except AttributeError as error:
        # slack_sdk takes any text/plain or non-object body with status 200 for a dict and trips over it.
        if error.name != "get":
            raise
        raise Unreachable(f"{method}: the response is no JSON object", certain=False) from None


def answered(method: str, error: SlackApiError) -> BridgeError:
    """Our error for an answer of Slack that is not `ok`."""
    # On a body that is not JSON the SDK hands out aiohttp's response instead of its own.
    response = error.response
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    data = getattr(response, "data", None)
    body = data if isinstance(data, dict) else {}
    name = str(body.get("error") or "")
    if status == 429 or name in LIMITED:
        return RateLimited(f"{method}: {_safe(name) or status}", retry_after=_wait(getattr(response, "headers", {})))
    if status >= 500 or name in BROKEN:
        return Unreachable(f"{method}: {_safe(name) or status}", certain=False)
    if not name:
        return Unreachable(f"{method}: status {status} and no word of Slack's", certain=status >= 400)
    return refusal(method, name, body)


def refusal(method: str, name: str, body: dict[str, object]) -> BridgeError:
    """Our error for one of Slack's error names: in all these cases nothing was done."""
    message = f"{method}: {_safe(name + _details(body))}"
    if name in CREDENTIALS:
        # A token is the operator's to mend, and the answers wait for it; the rest is how the app was set up.
        return (Unreachable if name in TOKENS else Refused)(message, say=REFUSED_TOKEN)
    if name in GONE:
        return Gone(message)
    if name in UNRENDERABLE:
        return Unrenderable(message)
    # channel_not_found, not_in_channel, is_archived, restricted_action*, messages_tab_disabled, … and what is new.
    return Refused(message)


def named(error: BridgeError) -> str:
    """Slack's name for what went wrong, by an error that was raised by `calling`; empty if Slack named nothing."""
    found = _NAMED.match(str(error))
    return found[1] if found else ""


def _wait(headers: object) -> float:
    value = headers.get("Retry-After", "") if hasattr(headers, "get") else ""
    try:
        return max(1.0, float(value))
    except ValueError:
        return UNTOLD_WAIT


def _safe(words: str) -> str:
    """Slack's words without tokens that they may quote, at most 250 characters."""
    return _TOKEN.sub("…", words)[:250]


def _details(body: dict[str, object]) -> str:
    """What else Slack says: the scope that is needed, or why the arguments are wrong."""
    if needed := body.get("needed"):
        return f" (needs {needed})"
    metadata = body.get("response_metadata")
    messages = metadata.get("messages") if isinstance(metadata, dict) else None
    return f" ({'; '.join(map(str, messages))[:200]})" if isinstance(messages, list) and messages else ""
