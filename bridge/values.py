"""What the values of settings look like, and what people paste instead.

Each check raises ValueError saying the mend, and never shows a value that may be a secret.
"""

import re
from collections.abc import Collection
from ipaddress import ip_network
from urllib.parse import SplitResult, urlsplit

from pydantic import ValidationError
from pydantic_core import ErrorDetails

WEBHOOK_PATH = "/telegram/webhook"
"""Where Telegram's calls are answered."""
LOGIN_PATH = "/coze/login"
"""Where browsers are answered that come back from Coze."""
SHORTEST_KEY = 32
"""Characters of `COZE_LOGIN_KEY`."""
WEBHOOK_PORTS = (443, 80, 88, 8443)
"""The only ones that Telegram's own Bot API server calls."""
DATABASES = "sqlite+aiosqlite:///path/to/file.db or postgresql+asyncpg://user:password@host/database"

_SHAPES = (
    ("SLACK_BOT_TOKEN", "a Slack bot token", r"xoxb-\S+"),
    ("SLACK_APP_TOKEN", "a Slack app-level token", r"xapp-\S+"),
    ("TELEGRAM_BOT_TOKEN", "a Telegram bot token", r"(bot)?[0-9]{6,}:[A-Za-z0-9_-]{20,}"),
    ("COZE_API_TOKEN", "a Coze token", r"(pat|sat|czs|czu)_[A-Za-z0-9]{16,}"),
    ("COZE_JWT_OAUTH_PRIVATE_KEY", "a private key", r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*"),
)
"""What each token is known by, so that one in the wrong place is called by its name."""
_PLACEHOLDER = re.compile(r"(?i)…|\.\.\.|^<.*>$|\bchange.?me|\b_?your[-_ ]|\*\*\*|placeholder|replace.?me\b")
_QUOTED = re.compile(r"""(?s)["'`“‘].*["'`”’]""")


def pasted(name: str, value: str, *, word: bool) -> None:
    """What no setting may be; `word`: a token, an id or a URL, which has neither spaces nor letters beyond ASCII."""
    if not value.strip():
        raise ValueError("is empty; give it a value or remove its line")
    if _QUOTED.fullmatch(value):
        raise ValueError("stands in quotation marks; leave them out")
    for owner, what, shape in _SHAPES:
        if name != owner and re.fullmatch(shape, value):
            raise ValueError(f"holds {what}, which belongs in {owner}")
    if not word:
        return
    if _PLACEHOLDER.search(value):
        raise ValueError("is still a placeholder; put the real one there")
    if value.lower().startswith("bearer "):
        raise ValueError("leave out the word Bearer; give only the token")
    if odd := re.search(r"[^!-~]", value):
        what = "a space" if odd[0] == " " else "a line break" if odd[0] in "\r\n" else f"U+{ord(odd[0]):04X}"
        raise ValueError(f"has {what} in it; copy it again, in one piece")


def telegram_token(value: str) -> None:
    """What BotFather gives."""
    if value.startswith("bot"):
        raise ValueError("leave out the word bot; give it as BotFather wrote it, digits:letters")
    if not re.fullmatch(r"[1-9][0-9]*:[A-Za-z0-9_-]{1,64}", value):
        raise ValueError("must be the whole token that BotFather gave, digits:letters")


def webhook_secret(value: str) -> None:
    """What Telegram sends along with every call."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", value):
        raise ValueError("must be 1 to 256 of A-Z a-z 0-9 _ -")


def slack_bot_token(value: str) -> None:
    """The token of the app's installation."""
    if value.startswith("xoxe."):
        raise ValueError("is a rotating token; switch token rotation off in the app's settings and install it again")
    if value.startswith("xoxp-"):
        raise ValueError("is a user's token; take the Bot User OAuth Token, which begins with xoxb-")
    if not re.fullmatch(r"xoxb-\S+", value):
        raise ValueError("must be the Bot User OAuth Token, which begins with xoxb- (OAuth & Permissions)")


def slack_app_token(value: str) -> None:
    """The token for Socket Mode."""
    if not re.fullmatch(r"xapp-\S+", value):
        raise ValueError("must be an app-level token, which begins with xapp- (Basic Information)")


def bot_id(value: str) -> None:
    """A Coze bot."""
    if found := re.search(r"/bots?/([0-9]+)", value):
        raise ValueError(f"is a URL; give only the number in it, {found[1]}")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", value):
        raise ValueError("must be the number in the bot's URL at Coze (…/bot/7400…)")


def number(value: str) -> None:
    """A Coze bot, as Coze itself names it."""
    bot_id(value)
    if not value.isdecimal():
        raise ValueError("must be the number in the bot's URL at Coze (…/bot/7400…)")


def url(value: str) -> SplitResult:
    """The address of a server."""
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - it is looked at only here, and raises
    except ValueError:
        raise ValueError("is no URL; write one such as https://host.example") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("must begin with https:// (or http://)")
    if not parts.hostname:
        raise ValueError("names no host; write https:// and the host")
    if "@" in parts.netloc:
        raise ValueError("must hold no user name or password; leave out what stands before the @")
    if parts.query or parts.fragment:
        raise ValueError("must be an address only; leave out what follows the ? or #")
    return parts


def coze_base(value: str) -> None:
    """Root of the Coze API."""
    parts = url(value)
    for end in ("cn", "com"):
        if parts.hostname in (f"coze.{end}", f"www.coze.{end}"):
            raise ValueError(f"is the web site; the API is at https://api.coze.{end}")
        if parts.hostname == f"api.coze.{end}" and parts.scheme != "https":
            raise ValueError("must begin with https://, as the token travels with every call")
    if found := re.search(r"/(v[0-9]+|open_api)(/|$)", parts.path):
        raise ValueError(f"must be the root only; leave out {found[0]} and what follows")


def telegram_base(value: str) -> None:
    """Root of the Bot API; what is wrong with it may hold the token."""
    if re.search(r"/bot($|[/0-9{<])", url(value).path):
        raise ValueError("must be the root only; leave out /bot and what follows")


def slack_base(value: str) -> str:
    """Root of the Web API, which methods are appended to."""
    parts = url(value)
    if parts.hostname == "slack.com" and parts.path.rstrip("/") != "/api":
        raise ValueError("must be https://slack.com/api/")
    return value.rstrip("/") + "/"


def webhook_url(value: str) -> str:
    """Where Telegram calls us: a bare host means the path that we answer at; any other path is a proxy's to map."""
    return value if url(value).path.strip("/") else value.rstrip("/") + WEBHOOK_PATH


def login_url(value: str) -> str:
    """Where Coze sends browsers back to; a bare host means the path that we answer at."""
    parts = url(value)
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ValueError("must begin with https://, as what comes back opens somebody's account")
    return value if parts.path.strip("/") else value.rstrip("/") + LOGIN_PATH


def login_key(value: str) -> None:
    """One key, or several with commas between them."""
    if any(len(key.strip()) < SHORTEST_KEY for key in value.split(",")):
        raise ValueError(
            f"must have {SHORTEST_KEY} characters or more; make one with: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )


def called_by_telegram(value: str) -> None:
    """What Telegram's own server asks of a webhook."""
    parts = url(value)
    if parts.scheme != "https":
        raise ValueError("must begin with https://: Telegram calls nothing else")
    if (parts.port or 443) not in WEBHOOK_PORTS:
        raise ValueError("must have port 443, 80, 88 or 8443: Telegram calls no other")
    if parts.hostname in ("localhost", "::1") or (parts.hostname or "").startswith("127."):
        raise ValueError("must be a public address: Telegram cannot reach this machine's loopback")


def listen(value: str) -> None:
    """An address to listen on."""
    host, colon, port = value.rpartition(":")
    if "://" in value:
        raise ValueError("must be host:port; leave out http:// and give 127.0.0.1:8080 or the like")
    if not host:
        mend = f"127.0.0.1:{port}" if re.fullmatch(r"[0-9]{1,5}", port) else "127.0.0.1:8080"
        every = " (or 0.0.0.0 for every address)" if colon else ""
        raise ValueError(f"must be host:port; write {mend}{every}")
    if not re.fullmatch(r"[0-9]+", port):
        raise ValueError("must be host:port with a number for the port, such as 127.0.0.1:8080")
    if int(port) > 65535:
        raise ValueError("must have a port of 1 to 65535, such as 127.0.0.1:8080")


def database_url(value: str) -> None:
    """The kind of database; the rest is its driver's to read."""
    kind, found, rest = value.partition("://")
    if not found:
        raise ValueError(f"is no URL; write {DATABASES}")
    for right in ("sqlite+aiosqlite", "postgresql+asyncpg"):
        if kind != right and kind.partition("+")[0] in (right.partition("+")[0], right.partition("ql")[0]):
            raise ValueError(f"must begin with {right}://")
    if kind not in ("sqlite+aiosqlite", "postgresql+asyncpg"):
        raise ValueError(f"must be {DATABASES}")
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise ValueError("has a line break or control character in it; copy it again, in one piece")
    if kind == "sqlite+aiosqlite" and rest.endswith("/"):
        raise ValueError("names a directory; add the name of a file")


def network(value: str) -> str:
    """Addresses, as `10.1.2.0/24`. Raises ValueError."""
    try:
        ip_network(value)
    except ValueError:
        raise ValueError(f"{value[:50]} is no network; write its first address and its size, as 10.1.2.0/24") from None
    return value


def faults(error: ValidationError, sections: Collection[str]) -> list[tuple[str, str]]:
    """Each fault: the setting, and `NAME: what is wrong and the mend`. `sections`: those of the file."""
    return [_fault(details, sections) for details in error.errors(include_url=False, include_input=False)]


def _fault(details: ErrorDetails, sections: Collection[str]) -> tuple[str, str]:
    where = ".".join(str(part) for part in details["loc"])
    setting = where.partition(".")[0]
    if not where:  # of several settings: the message names them
        return "", _meaning(details)
    # Sections are in the file only, where names are lower-case.
    return setting, f"{where if setting in sections else where.upper()}: {_meaning(details)}"


def _section(details: ErrorDetails) -> str:
    where = [str(part) for part in details["loc"]]
    if where[0] == "bots" and len(where) < 3:  # [[bots]], or keys right below [bots]
        return "every bot has a section of its own: a line [bots.NAME], and its keys below it"
    return f"must be a section: a line [{'.'.join(where)}], and its keys below it"


def _meaning(details: ErrorDetails) -> str:
    where = ".".join(str(part) for part in details["loc"])
    context = details.get("ctx", {})
    match details["type"]:
        case "value_error":
            return details["msg"].removeprefix("Value error, ")
        case "string_type":
            return "must be text; write it in quotation marks"
        case "literal_error":
            return f"must be {context['expected']}"
        case "greater_than_equal":
            return f"must be at least {context['ge']:g}"
        case "less_than_equal":
            return f"must be at most {context['le']:g}"
        case "greater_than":
            return f"must be more than {context['gt']:g}"
        case "model_type" | "model_attributes_type":
            return _section(details)
        case "extra_forbidden":
            page = "tools" if details["loc"][0] == "tools" else "coze"
            return f"is no key of that section; the known ones are in docs/{page}.md"
        case "missing":
            return "is missing; set it"
        case "dict_type":
            return _section(details)
        case "list_type":
            return (
                "must be lines [[routes]], each with its keys below it"
                if where == "routes"
                else 'must be a list: ["…"]'
            )
        case kind if kind.startswith("date_"):
            return "must be a day, such as 2026-12-31"
        case "bool_parsing" | "bool_type":
            return "must be true or false"
        case _:
            return "must be a plain number"
