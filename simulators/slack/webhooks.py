"""Events, interactivity and commands over HTTP, signed the way Slack signs them."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from simulators.slack.settings import Settings


@dataclass(frozen=True, slots=True)
class Reply:
    """What the app answered: `failure` is empty after a 2xx, else Slack's retry reason."""

    failure: str
    status: int = 0
    body: str = ""
    no_retry: bool = False

    def payload(self) -> dict[str, Any] | None:
        """The message inside an acknowledgement."""
        if not self.body.strip():
            return None
        try:
            value = json.loads(self.body)
        except ValueError:
            return {"text": self.body}
        return value if isinstance(value, dict) else {"text": self.body}


def encode(kind: str, payload: dict[str, Any]) -> tuple[bytes, str]:
    """Body and content type of a delivery."""
    if kind == "events_api":
        return json.dumps(payload).encode(), "application/json"
    fields = {"payload": json.dumps(payload)} if kind == "interactive" else payload
    return urlencode(fields).encode(), "application/x-www-form-urlencoded"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()


async def post(
    session: aiohttp.ClientSession,
    settings: Settings,
    secret: str,
    content: tuple[bytes, str],
    *,
    now: float,
    retry: tuple[int, str] = (0, ""),
) -> Reply:
    """One attempt."""
    body, content_type = content
    timestamp = str(int(now - settings.signature_age))
    headers = {
        "Content-Type": content_type,
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature(secret, timestamp, body),
    }
    if retry[0]:
        headers |= {"X-Slack-Retry-Num": str(retry[0]), "X-Slack-Retry-Reason": retry[1]}
    if settings.tamper:
        body = body.replace(b"event", b"evemt", 1) + b" "
    timeout = aiohttp.ClientTimeout(total=settings.ack_seconds)
    try:
        async with session.post(
            settings.request_url, data=body, headers=headers, timeout=timeout, max_redirects=2
        ) as answer:
            text = await answer.text()
            no_retry = answer.headers.get("X-Slack-No-Retry") == "1"
            return Reply("" if 200 <= answer.status < 300 else "http_error", answer.status, text, no_retry)
    except TimeoutError:
        return Reply("http_timeout")
    except aiohttp.TooManyRedirects:
        return Reply("too_many_redirects")
    except aiohttp.ClientConnectorCertificateError:
        return Reply("ssl_error")
    except aiohttp.ClientConnectionError:
        return Reply("connection_failed")
    except aiohttp.ClientError:
        return Reply("unknown_error")
