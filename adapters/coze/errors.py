"""Coze's error codes by what to do about them, and every failure of a call as one of our errors."""

import json
import re
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

import aiohttp
import httpx
from cozepy import CozeAPIError
from pydantic import ValidationError

from bridge.errors import BotFailed, BridgeError, Busy, Gone, RateLimited, Transient, Unreachable

AUTH_CODES = frozenset({401, 403, 4100, 4101, 700012006})
"""A new token may help, once."""
MAYBE_DONE = frozenset({408, 504})
"""HTTP: somebody on the way gave up waiting, so the chat may have been made all the same."""

Remedy = tuple[type[BridgeError], str]
"""The error, and the sentence that a person sees for it."""


def _table() -> dict[int, Remedy]:
    """By https://www.coze.cn/docs/developer_guides/coze_error_codes; 103… are Coze Studio's.

    Busy, RateLimited and Unreachable: wait and ask again. Gone: ask again in a new conversation. BotFailed: refuse. A
    token of which a new one can be had is renewed once before that (`Api.renewed`).
    """
    remedies: dict[Remedy, tuple[int, ...]] = {
        (Busy, "busy"): (4016,),
        (RateLimited, "rate"): (429, 4009, 4020),
        (Unreachable, "model"): (4013,),
        (Unreachable, "workflow_away"): (720701013,),
        (Unreachable, "unreachable"): (408,),
        (Unreachable, "failed"): (5000, 103100001),
        (Gone, "failed"): (4002, 103000002),
        (BotFailed, "lost"): (4001, 103200003),
        (BotFailed, "credentials"): (401, 4100, 700012006),
        (BotFailed, "permission"): (403, 4101, 103000001),
        (BotFailed, "balance"): (402, 4011, 4019, 4022),
        (BotFailed, "quota"): (4027, 4028, 4033),
        (BotFailed, "daily"): (4008,),
        (BotFailed, "too_long"): (413, 4010),
        (BotFailed, "no_model"): (4012,),
        (BotFailed, "unanswerable"): (4014,),
        (BotFailed, "content"): (4105,),
        (BotFailed, "risk"): (4102,),
        (BotFailed, "rejected"): (4018,),
        (BotFailed, "not_published"): (4015,),
        (BotFailed, "no_bot"): (4006, 4200, 103100002),
        (BotFailed, "no_call"): (404, 405),
        (BotFailed, "malformed"): (4000, 4003, 4004, 4005, 4007, 103000000),
        (BotFailed, "workflow"): (4021, 720702204, 103200004),
        (BotFailed, "workflow_over"): (4314, 4315),
        (BotFailed, "file_empty"): (4300,),
        (BotFailed, "file_many"): (4301,),
        (BotFailed, "file_big"): (4302,),
        (BotFailed, "file_type"): (4303,),
        (BotFailed, "file"): (4304,),
        (BotFailed, "not_spoken"): (3010,),
        # Cancelled too late (`CozeBot.cancel` passes over it), there already, and the code of the documents' samples.
        (BotFailed, "failed"): (4104, 4201, 701231, 103200005),
    }
    return {code: remedy for remedy, codes in remedies.items() for code in codes}


REMEDIES = _table()
ADMINISTRATION = frozenset({702042, 777074})
"""The first six of nine digits of codes by which an organisation's or a workspace's rules forbid something."""
WORDS: dict[str, Remedy] = {
    "invalid_request": (BotFailed, "credentials"),
    "invalid_client": (BotFailed, "credentials"),
    "invalid_grant": (BotFailed, "credentials"),
    "unsupported_grant_type": (BotFailed, "credentials"),
    "access_deny": (BotFailed, "permission"),
    "access_denied": (BotFailed, "permission"),
    "expired_token": (BotFailed, "credentials"),
    "internal_error": (Unreachable, "failed"),
    "authorization_pending": (Busy, "busy"),
    "slow_down": (RateLimited, "rate"),
}
"""What OAuth says in the place of a code; the last two only while somebody confirms a device."""
_OTHERS = {"stalled", "workflow_plugin", "workflow_login"}
SAYS = sorted({say for _, say in (*REMEDIES.values(), *WORDS.values())} | _OTHERS)
"""Every sentence with which a question may be refused for Coze's sake."""


def of_code(code: int, text: str = "", *, reference: str = "", retry_after: float = 0.0) -> BridgeError:
    """The error for a code of Coze or, below 600, an HTTP status. Coze said so itself: it surely did not happen."""
    kind, say = REMEDIES.get(code) or _unlisted(code)
    if code == 4200 and "conversation" in text.lower():
        kind, say = Gone, "failed"
    message = f"Coze {code}: {_safe(text)}" if text else f"Coze {code}"
    if issubclass(kind, Transient):
        certain = code not in MAYBE_DONE
        return kind(message, retry_after=retry_after, certain=certain, say=say, reference=reference, code=code)
    return kind(message, say=say, reference=reference, code=code)


def _unlisted(code: int) -> Remedy:
    if 500 <= code < 600:
        return Unreachable, "unreachable"
    return BotFailed, "permission" if code // 1000 in ADMINISTRATION else "failed"


def of_word(word: str, *, reference: str = "") -> BridgeError:
    """The error for what OAuth says in a word (`error_code`); one that we do not know is about who we are, too."""
    kind, say = WORDS.get(word.strip().lower(), (BotFailed, "credentials"))
    return kind(f"Coze gave no OAuth token: {_safe(word)}", say=say, reference=reference)


def of_response(response: httpx.Response) -> BridgeError | None:
    """What a response refuses with; None if it is no refusal. Coze's code counts before the HTTP status."""
    body = envelope(response)
    code = number(body.get("code"))
    if not code and response.status_code < 300:
        return None
    text = _without_token(str(body.get("msg") or body.get("error_message") or ""), response)
    return of_code(code or response.status_code, text, reference=log_id(response), retry_after=_retry_after(response))


def of_exception(error: Exception, response: httpx.Response | None, *, started: bool) -> BridgeError:
    """Whatever reading a chat may raise, as ours; `response` is as far as the call came, `started` if a chat runs."""
    if isinstance(error, BridgeError):
        return error
    reference = "" if response is None else log_id(response)
    if response is not None and (refused := of_response(response)):
        return refused
    if said := _error_event(error):
        failure = of_code(number(said.get("code")), str(said.get("msg", "")), reference=reference)
        if started and isinstance(failure, Transient):  # The stream broke; only `recall` tells what became of the chat.
            failure.certain = False
        return failure
    if isinstance(error, CozeAPIError) and error.code:
        return of_code(error.code, error.msg, reference=error.logid or reference)
    certain = not started and response is None and _not_sent(error)
    cause = error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError) else error
    return Unreachable(f"{type(cause).__name__} while talking to Coze", certain=certain, reference=reference)


def envelope(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of a response that was read; empty if it holds none."""
    try:
        body = json.loads(response.content)
    except (httpx.ResponseNotRead, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def log_id(response: httpx.Response) -> str:
    """By which Coze's support finds the call: header `X-Tt-Logid`, else `detail.logid`."""
    if found := response.headers.get("x-tt-logid"):
        return str(found)
    detail = envelope(response).get("detail")
    return str(detail.get("logid") or "") if isinstance(detail, dict) else ""


def number(value: Any) -> int:
    """An integer that Coze may have written as a string; 0 if it is none."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def _error_event(error: Exception) -> dict[str, Any]:
    """`event:error`, which cozepy raises as a bare Exception with the frame's data in its text.

    Or the short shape of `conversation.chat.failed`, code and msg and no chat, which does not fit cozepy's model.
    """
    if isinstance(error, ValidationError):
        said = error.errors(include_url=False)[0]["input"]
        return said if isinstance(said, dict) and "id" not in said and number(said.get("code")) else {}
    if type(error) is not Exception:
        return {}
    try:
        said = json.loads(str(error).removeprefix("error event:"))
    except ValueError:
        return {}
    return said if isinstance(said, dict) and number(said.get("code")) else {}


def _not_sent(error: BaseException) -> bool:
    """Whether the request never left.

    httpx-aiohttp turns *every* lost connection into ConnectTimeout, so aiohttp's own error, its cause, decides.
    """
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientError):
        return isinstance(
            cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.ClientHttpProxyError
        )
    return isinstance(
        error, aiohttp.ClientHttpProxyError | httpx.ConnectError | httpx.PoolTimeout | httpx.UnsupportedProtocol
    )


def _retry_after(response: httpx.Response) -> float:
    """Header `Retry-After` in seconds, given so or as a date; 0 if absent."""
    value = response.headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except (TypeError, ValueError):
        return 0.0


_SECRET = re.compile(r"(?i)\b(?:bearer\s+|(?:pat|sat|cz[us])_)[\w\-.~+/=]+")


def _without_token(text: str, response: httpx.Response) -> str:
    """Whatever the token looks like: should Coze quote it, it goes no further."""
    try:
        token = response.request.headers.get("authorization", "").rpartition(" ")[2]
    except RuntimeError:  # a response that answers no request
        return text
    return text.replace(token, "…") if token else text


def _safe(text: str) -> str:
    """Coze's words for the log: without tokens that it may have quoted, on one line of at most 200 characters."""
    return _SECRET.sub("…", " ".join(text.split()))[:200]
