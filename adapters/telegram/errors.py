"""What goes wrong at the Bot API, in our own words: one table, and the context manager that applies it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from json import JSONDecodeError

import aiohttp
import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bridge.errors import BridgeError, Gone, Permanent, RateLimited, Refused, Unreachable, Unrenderable


class ThreadGone(Gone):
    """The topic does not exist any more; its chat may."""


class Unchanged(Permanent):
    """The message shows already what it was asked to show."""


class MethodUnknown(Unrenderable):
    """The server is older than that method: it cannot show it in this way, to anybody."""


TABLE: tuple[tuple[str, type[Permanent]], ...] = (
    ("message is not modified", Unchanged),
    ("message thread not found", ThreadGone),
    ("topic_deleted", ThreadGone),
    ("topic_id_invalid", ThreadGone),
    ("message to edit not found", Gone),
    ("message can't be edited", Gone),
    ("message_id_invalid", Gone),
    ("there is no text in the message to edit", Gone),
    ("message identifier is not specified", Gone),
    ("message to delete not found", Gone),
    ("message can't be deleted", Refused),
    ("chat not found", Refused),
    ("chat_id is empty", Refused),
    ("peer_id_invalid", Refused),
    ("not enough rights", Refused),
    ("have no rights", Refused),
    ("need administrator rights", Refused),
    ("chat_write_forbidden", Refused),
    ("chat_admin_required", Refused),
    ("chat_restricted", Refused),
    ("chat_send_plain_forbidden", Refused),
    ("topic_closed", Refused),
    ("group chat was deactivated", Refused),
    ("user_is_blocked", Refused),
    ("logged out", Refused),
)
"""Words in the description of a 400, in lower case, and what they mean (wordings: tdlib/telegram-bot-api 10.0).

Every other 400 is about the text (`can't parse entities`, `message is too long`, `MESSAGE_TOO_LONG`,
`text must be non-empty`, …) or unknown: Unrenderable, so that the plain form is tried once before giving up.
"""

SHAPES = (LookupError, TypeError, AttributeError, ValueError)
"""What PTB raises, as it does not look first, if an answer is JSON but not that of a Bot API server."""

_TOKEN = re.compile(r"\d+:[\w-]{10,}|\d+%3[Aa][\w-]{10,}")

CREDENTIALS = "platform_credentials"


def ours(error: TelegramError) -> BridgeError:
    """The same in our words, without the token (which PTB's own texts may hold)."""
    match error:
        case RetryAfter():
            wait = error.retry_after
            seconds = wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
            return RateLimited(f"Telegram asks us to wait {seconds:g} s", retry_after=seconds)
        case InvalidToken() if any("method not found" in str(cause).lower() for cause in _roots(error)):
            return MethodUnknown("Telegram's server does not know that method")
        case InvalidToken():
            # The operator's to mend; the answers wait for it.
            return Unreachable("Telegram refuses TELEGRAM_BOT_TOKEN", say=CREDENTIALS)
        case Forbidden():
            return Refused(_safe(error.message))
        case BadRequest():
            text = error.message.lower()
            return next((kind for words, kind in TABLE if words in text), Unrenderable)(_safe(error.message))
        case ChatMigrated():
            return Gone(_safe(error.message))
        case Conflict():
            return Unreachable(_safe(error.message))
        case TimedOut() | NetworkError():
            return Unreachable(_network(error), certain=_unsent(error))
    return Unreachable("Telegram's answer is not JSON", certain=False)


@contextmanager
def translated() -> Iterator[None]:
    """Raises our errors instead of PTB's; only ChatMigrated is left as it is, for who calls can go there."""
    try:
        yield
    except ChatMigrated:
        raise
    except TelegramError as error:
        raise ours(error) from None
    except SHAPES:
        raise Unreachable("Telegram's answer has an unknown shape", certain=False) from None


def _safe(words: str) -> str:
    """Telegram's words without the token that they may quote, at most 250 characters."""
    return _TOKEN.sub("…", words)[:250]


def _network(error: TelegramError) -> str:
    """Names the failure by its types: the texts may hold the URL, and that holds the token."""
    broken = [cause for cause in _roots(error)[1:] if not isinstance(cause, TelegramError)]
    is_page = not broken or isinstance(broken[-1], JSONDecodeError)
    if type(error) is NetworkError and is_page and not error.message.startswith(("Unknown error in", "httpx.")):
        return f"Telegram answers: {_safe(error.message.partition('. ')[0])}"
    return f"Telegram is not reached ({type((broken or [error])[-1]).__name__})"


def _unsent(error: TelegramError) -> bool:
    """True if the request surely did not leave.

    httpx-aiohttp 0.2 turns every broken connection into ConnectTimeout, also one that broke after the request was
    sent (measured), so that only aiohttp's own exception below tells.
    """
    unsent = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, httpx.PoolTimeout, httpx.ConnectError)
    return any(isinstance(cause, unsent) for cause in _roots(error))


def _roots(error: BaseException) -> list[BaseException]:
    """The error and what caused it, outermost first."""
    chain = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
    return chain
