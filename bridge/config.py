"""The settings: what there is, what each means, and the check of all of them before anything starts."""

import os
import re
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from bridge import sources, values
from bridge.access import parse_access, parse_admins
from bridge.bots import BotSettings, Route
from bridge.errors import ConfigError
from bridge.sections import Answers, Files, Tuning, VoiceMessages
from bridge.tools import NAME, ToolSettings

FILES = sources.FILES
TELEGRAM_API = "https://api.telegram.org"


class Settings(BaseModel):
    """All settings; the variable is the name in capitals. The descriptions are those of the tables in the READMEs."""

    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True, allow_inf_nan=False
    )

    coze_api_base: str = "https://api.coze.cn"
    """Root of the Coze API: `https://api.coze.cn`, `https://api.coze.com`, or your own Coze Studio."""
    coze_api_token: SecretStr | None = None
    """Personal or service access token (`pat_…`, `sat_…`)."""
    coze_jwt_oauth_client_id: str | None = None
    """Client id of an OAuth JWT app: the three `COZE_JWT_OAUTH_…` together stand in for a token."""
    coze_jwt_oauth_public_key_id: str | None = None
    """Fingerprint that Coze shows for the public key of that app."""
    coze_jwt_oauth_private_key: SecretStr | None = None
    """The private key to it, the whole PEM text; line ends may be written as a backslash and an n."""
    coze_jwt_oauth_sessions: bool = True
    """With such an app, each person has a session of their own at Coze: nobody else's conversations and variables can
    be reached from it."""
    coze_token_expires: date | None = None
    """The day on which `COZE_API_TOKEN` ends (`2026-12-31`): from seven days before, the log, `doctor` and a metric
    warn of it."""
    coze_login_path: str | None = None
    """The file of `coze-bridge login`, which stands in for a token on a workstation."""
    coze_login_client_id: str | None = None
    """Client id of the OAuth app with which people log in: for `coze-bridge login`, or for `/login`."""
    coze_login_client_secret: SecretStr | None = None
    """Its secret, if it is a web application; unset: it uses PKCE."""
    coze_login_url: str | None = None
    """`/login` is switched on: the public address, known to that OAuth app, that leads to this service's
    `/coze/login`."""
    coze_login_key: SecretStr | None = None
    """Goes with it: 32 characters or more that you make up, with which people's tokens are encrypted. To replace it,
    put the new one before it, with a comma."""
    coze_bot_id: str | None = None
    """The bot: the number in its URL at Coze (`…/bot/7400…`)."""
    telegram_bot_token: SecretStr | None = None
    """From @BotFather; switches Telegram on."""
    telegram_api_base: str = TELEGRAM_API
    """Root of the Bot API, where you run a server of your own."""
    telegram_webhook_url: str | None = None
    """Telegram calls this public address instead of being polled; it leads to this service's `/telegram/webhook`."""
    telegram_webhook_secret: SecretStr | None = None
    """Goes with it: 1 to 256 of `A-Z a-z 0-9 _ -`, which you make up."""
    telegram_streaming: Literal["edit", "draft", "rich", "off"] = "edit"
    """How the message grows. `edit`: by edits; `draft`: in private chats as a draft, which becomes a message at its
    end; `rich`: by edits, with tables, headings and formulas as Telegram's own (Bot API 10.1, newer clients), up to
    32,768 characters a message; `off`: it comes when it is whole."""
    slack_bot_token: SecretStr | None = None
    """Bot User OAuth Token (`xoxb-…`); switches Slack on, together with one of the next two."""
    slack_app_token: SecretStr | None = None
    """Socket Mode: an app-level token (`xapp-…`) with the scope `connections:write`."""
    slack_signing_secret: SecretStr | None = None
    """HTTP, where there is no app-level token: Slack calls `/slack/events`."""
    slack_api_base: str = "https://slack.com/api/"
    """Root of the Web API."""
    slack_streaming: Literal["auto", "native", "edit", "off"] = "auto"
    """How the message grows. `auto`: by Slack's own streaming in DMs, by edits in channels; `native`: by streaming in
    channels too, where only who asked sees it grow; `edit`: by edits everywhere; `off`: it comes when it is whole."""
    slack_dm: Literal["thread", "person"] = "thread"
    """In a DM, `thread`: each message opens a conversation, in its thread; `person`: one continuous conversation."""
    database_url: str = "sqlite+aiosqlite:///data/coze-bridge.db"
    """`sqlite+aiosqlite:///path` or `postgresql+asyncpg://user:password@host/database`."""
    http_listen: str = "127.0.0.1:8080"
    """`host:port` of health, metrics and webhooks."""
    log_format: Literal["text", "json"] | None = None
    """`text` or `json`; unset: `text` on a terminal, else `json`."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """`DEBUG`, `INFO`, `WARNING` or `ERROR`."""
    drain_seconds: float = Field(default=20.0, ge=0)
    """How long running answers may go on after SIGTERM."""
    allow: str | None = None
    """Who may talk to the bot, separated by commas: `*` (everybody), `telegram:123` (a person), `telegram:chat:-100…`,
    `slack:T…` (a workspace), `slack:T…:U…`, `slack:T…:C…`. Unset: in Telegram those who are paired, in Slack the full
    members of the workspace."""
    admins: str | None = None
    """Who gets a message when something is wrong that only the operator can mend: `telegram:123`, `slack:T…:U…`,
    separated by commas. Unset: nobody."""
    on_busy: Literal["queue", "merge", "interrupt"] = "queue"
    """What becomes of messages that come while an answer runs. `queue`: they are answered one after another; `merge`:
    those of one person become one question; `interrupt`: the newest stops what runs and is answered at once."""
    new_after_hours: float = Field(default=0.0, ge=0)
    """Who says nothing in a conversation for so many hours begins a new one with the next question; 0: never."""
    name_conversations: bool = True
    """Coze is told the beginning of the first question as the name of its conversation."""
    keep_texts_days: float = Field(default=30.0, ge=0)
    """So many days after a turn has ended, question and answer are erased; 0: never."""
    answers: Answers = Answers()
    files: Files = Files()
    voice: VoiceMessages = VoiceMessages()
    tuning: Tuning = Tuning()
    bot: BotSettings = BotSettings()
    bots: dict[str, BotSettings] = {}
    routes: list[Route] = []
    tools: dict[str, ToolSettings] = {}

    @field_validator("*", mode="before")
    @classmethod
    def _is_pasted_whole(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, str) and info.field_name:
            values.pasted(info.field_name.upper(), value, word=info.field_name in WORDS)
        return value

    @field_validator("coze_api_base", "coze_bot_id", "telegram_api_base", "http_listen", "database_url")
    @classmethod
    def _is_of_its_form(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.field_name:
            _FORMS[info.field_name](value)
        return value

    @field_validator(
        "telegram_bot_token", "telegram_webhook_secret", "slack_bot_token", "slack_app_token", "coze_login_key"
    )
    @classmethod
    def _is_a_secret_of_its_form(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None and info.field_name:
            _FORMS[info.field_name](value.get_secret_value())
        return value

    @field_validator("slack_api_base")
    @classmethod
    def _has_a_slash_at_its_end(cls, value: str) -> str:
        return values.slack_base(value)

    @field_validator("coze_login_url")
    @classmethod
    def _leads_to_us(cls, value: str | None) -> str | None:
        return None if value is None else values.login_url(value)

    @field_validator("telegram_webhook_url")
    @classmethod
    def _has_a_path(cls, value: str | None) -> str | None:
        return None if value is None else values.webhook_url(value)

    @field_validator("log_level", mode="before")
    @classmethod
    def _is_level(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("log_format", "telegram_streaming", "slack_streaming", "slack_dm", "on_busy", mode="before")
    @classmethod
    def _is_in_any_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _bots_are_whole(self) -> Self:
        for field in ("bot_id", "api_base", "api_token"):
            if getattr(self.bot, field) is not None:
                raise ValueError(f"bot.{field}: belongs in COZE_{field.upper()}, not in the section [bot]")
        for name, bot in self.bots.items():
            if not name:
                raise ValueError("bots: a bot needs a name: [bots.NAME]")
            if bot.mode == "chat" and not bot.bot_id:
                raise ValueError(f"bots.{name}: bot_id is missing: set the number in the bot's URL at Coze")
        for number, route in enumerate(self.routes):
            if route.bot not in self.bots:
                raise ValueError(
                    f"routes.{number}.bot: there is no section [bots.{route.bot}]; add it, or mend the name"
                )
        return self

    @model_validator(mode="after")
    def _tools_can_be_called(self) -> Self:
        for name in self.tools:
            if not NAME.fullmatch(name):
                raise ValueError(f"tools: {name[:80]!r} is no name for a tool; give it 1 to 64 of A-Z a-z 0-9 _ -")
        return self

    @model_validator(mode="after")
    def _allow_is_readable(self) -> Self:
        if self.allow is not None:
            parse_access(self.allow)
        if self.admins is not None:
            parse_admins(self.admins)
        return self

    def require_run(self) -> None:
        """Everything that `run` needs is there. Raises ConfigError naming the first thing that is not."""
        self.require_platform()
        self.require_coze()

    def require_platform(self) -> None:
        """A platform, and each as a whole. Raises ConfigError."""
        telegram, slack = self.telegram_bot_token, self.slack_bot_token
        if telegram is None and (self.telegram_webhook_url or self.telegram_webhook_secret):
            raise ConfigError("TELEGRAM_BOT_TOKEN is missing: set it, or unset TELEGRAM_WEBHOOK_URL and _SECRET")
        if (self.telegram_webhook_url is None) != (self.telegram_webhook_secret is None):
            missing = "SECRET" if self.telegram_webhook_secret is None else "URL"
            raise ConfigError(f"TELEGRAM_WEBHOOK_{missing} is missing: a webhook needs both its URL and its secret")
        if self.telegram_webhook_url and urlsplit(self.telegram_api_base).netloc == urlsplit(TELEGRAM_API).netloc:
            try:
                values.called_by_telegram(self.telegram_webhook_url)
            except ValueError as error:
                raise ConfigError(f"TELEGRAM_WEBHOOK_URL: {error}") from None
        if slack is None and (self.slack_app_token or self.slack_signing_secret):
            raise ConfigError("SLACK_BOT_TOKEN is missing: set it (xoxb-…), or unset the other SLACK_ variables")
        if slack is not None and not (self.slack_app_token or self.slack_signing_secret):
            raise ConfigError(
                "SLACK_APP_TOKEN is missing: set it (xapp-…) for Socket Mode, or SLACK_SIGNING_SECRET for HTTP"
            )
        if telegram is None and slack is None:
            raise ConfigError(
                "no platform is configured: set TELEGRAM_BOT_TOKEN, or SLACK_BOT_TOKEN with SLACK_APP_TOKEN"
            )

    def require_coze(self) -> None:
        """A bot, and one way to be let in to it. Raises ConfigError."""
        self.require_credentials()
        self._require_login()
        if not self.coze_bot_id and self.bot.mode == "chat":
            raise ConfigError("COZE_BOT_ID is missing: set the number in the bot's URL at Coze (…/bot/7400…)")

    def require_credentials(self) -> None:
        """One way to be let in at Coze. Raises ConfigError."""
        trio = {
            "COZE_JWT_OAUTH_CLIENT_ID": self.coze_jwt_oauth_client_id,
            "COZE_JWT_OAUTH_PUBLIC_KEY_ID": self.coze_jwt_oauth_public_key_id,
            "COZE_JWT_OAUTH_PRIVATE_KEY": self.coze_jwt_oauth_private_key,
        }
        given = [name for name, value in trio.items() if value]
        if self.coze_api_token is None and not given and not self.coze_login_path:
            raise ConfigError("COZE_API_TOKEN is missing: set a personal or service token, or the COZE_JWT_OAUTH_ trio")
        if self.coze_api_token is not None and given:
            raise ConfigError(f"COZE_API_TOKEN and {given[0]} exclude each other: unset one")
        if given and len(given) < len(trio):
            missing = next(name for name in trio if name not in given)
            raise ConfigError(f"{missing} is missing: OAuth JWT needs client id, public key id and private key")

    def _require_login(self) -> None:
        """What /login needs, if it is switched on. Raises ConfigError."""
        needed = {
            "COZE_LOGIN_URL": self.coze_login_url,
            "COZE_LOGIN_CLIENT_ID": self.coze_login_client_id,
            "COZE_LOGIN_KEY": self.coze_login_key,
        }
        wanted = self.coze_login_url or self.coze_login_key or self.coze_login_client_secret
        if wanted and (missing := next((name for name, value in needed.items() if not value), None)):
            raise ConfigError(f"{missing} is missing: /login needs COZE_LOGIN_URL, COZE_LOGIN_CLIENT_ID and _KEY")

    def secrets(self) -> list[str]:
        """All secret values, so that the log can blank them."""
        given = [value for _, value in self] + [bot.api_token for bot in self.bots.values()]
        found = [value.get_secret_value() for value in given if isinstance(value, SecretStr)]
        password = re.search(r"://[^:/@]*:(.*)@", self.database_url)
        keys = self.coze_login_key.get_secret_value().split(",") if self.coze_login_key else []
        found += [key.strip() for key in keys]
        return [*found, password[1], unquote(password[1])] if password else found


_FORMS = {
    "coze_api_base": values.coze_base,
    "coze_bot_id": values.bot_id,
    "coze_login_key": values.login_key,
    "telegram_bot_token": values.telegram_token,
    "telegram_api_base": values.telegram_base,
    "telegram_webhook_secret": values.webhook_secret,
    "slack_bot_token": values.slack_bot_token,
    "slack_app_token": values.slack_app_token,
    "database_url": values.database_url,
    "http_listen": values.listen,
}
SECTIONS = {
    "answers": tuple(Answers.model_fields),
    "files": tuple(Files.model_fields),
    "voice": tuple(VoiceMessages.model_fields),
    "tuning": tuple(Tuning.model_fields),
    "bot": tuple(BotSettings.model_fields),
    "bots": (),
    "routes": (),
    "tools": (),
}
"""The sections of the file and their keys; of those without any, each key is a section of its own."""
NAMES = tuple(name for name in Settings.model_fields if name not in SECTIONS)
SECRETS = tuple(name for name in NAMES if "SecretStr" in str(Settings.model_fields[name].annotation))
IN_FILES = (*SECRETS, "database_url")
"""What may be given as NAME_FILE or as a credential: the database's URL may hold a password."""
WORDS = set(NAMES) - {"coze_jwt_oauth_private_key", "database_url", "allow", "admins"}
"""Settings that have neither spaces nor letters beyond ASCII in them."""


def load(config: Path | None = None, environ: dict[str, str] | None = None) -> Settings:
    """Reads all settings: environment first, then NAME_FILE and credentials, then the file, then defaults.

    Raises ConfigError with one line that names the setting and the mend.
    """
    environ = dict(os.environ) if environ is None else environ
    sources.check_surroundings(environ)
    settings = made_of({**sources.from_file(config, NAMES, SECTIONS), **from_environment(environ)})
    sources.check_watchdog(environ, settings.tuning.lease_seconds)
    return settings


def made_of(found: dict[str, Any]) -> Settings:
    """The settings with these values. Raises ConfigError with one line that names the first fault and its mend."""
    try:
        return Settings(**found)
    except ValidationError as error:
        raise ConfigError(values.faults(error, SECTIONS)[0][1]) from None


def from_environment(environ: dict[str, str]) -> dict[str, Any]:
    """What the environment says: its variables, before NAME_FILE and credentials. Raises ConfigError."""
    return {**sources.from_secret_files(environ, IN_FILES), **sources.from_variables(environ, NAMES)}


def strays(environ: dict[str, str] | None = None) -> list[str]:
    """One line for each variable that was probably meant for us and is not used; for the log."""
    return sources.strays(dict(os.environ) if environ is None else environ, NAMES, IN_FILES)


def file_in_use(config: Path | None = None) -> Path | None:
    """The file that `load` reads; None if there is none."""
    return sources.file_in_use(config)
