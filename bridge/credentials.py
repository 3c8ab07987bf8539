"""As whom the bots at Coze are spoken to: built from the settings."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.config import Settings
from bridge.errors import ConfigError
from bridge.expiry import day_begins
from bridge.ports import Clock

if TYPE_CHECKING:
    from cozepy import Auth

    from adapters.coze.accounts import OwnAccounts
    from adapters.coze.auth import JwtApp
    from adapters.coze.device import FileAuth
    from adapters.coze.oauth import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The ways into Coze that one process has; all of them share one client for the token endpoint."""

    auth: "Auth"
    """The service itself, in nobody's session."""
    jwt: "JwtApp | None" = None
    """Where each conversation is held in the session of who opened it."""
    file: "FileAuth | None" = None
    """The same as `auth`, if that is a workstation's login."""
    app: "JwtApp | None" = None
    """The OAuth app behind `auth`, if it is one."""
    own: "OwnAccounts | None" = None
    """For people with accounts of their own."""

    async def aclose(self) -> None:
        """While the database is still open: tokens that are on their way are kept there."""
        if self.own is not None:
            await self.own.aclose()
        if self.file is not None:
            await self.file.aclose()
        if self.app is not None:
            await self.app.aclose()


def build_access(settings: Settings, clock: Clock) -> Access:
    """Raises ConfigError."""
    from adapters.coze.auth import jwt_app, token_auth
    from adapters.coze.oauth import Endpoint

    endpoint = Endpoint(settings.coze_api_base, clock=clock)
    own = _own(settings, endpoint, clock)
    if settings.coze_api_token is not None:
        return Access(auth=token_auth(settings.coze_api_token.get_secret_value()), own=own)
    key = settings.coze_jwt_oauth_private_key
    if _by_file(settings):
        file = _file(settings, endpoint, clock)
        return Access(auth=file, file=file, own=own)
    jwt = jwt_app(
        settings.coze_jwt_oauth_client_id or "",
        settings.coze_jwt_oauth_public_key_id or "",
        key.get_secret_value() if key else "",
        endpoint,
        clock,
    )
    return Access(auth=jwt.auth(), app=jwt, jwt=jwt if settings.coze_jwt_oauth_sessions else None, own=own)


def build_auth(settings: Settings, clock: Clock) -> "Auth":
    """The service itself. Raises ConfigError."""
    return build_access(settings, clock).auth


def known_end(settings: Settings) -> float | None:
    """When the service's own credentials end (a Unix time), as far as it is known."""
    if _by_file(settings):
        from adapters.coze.device import LoginFile

        with suppress(ConfigError):
            return LoginFile(login_path(settings)).read().until
        return None
    day = settings.coze_token_expires
    return None if day is None else day_begins(day)


def renewing(settings: Settings) -> str:
    """What is to be done then."""
    if _by_file(settings):
        return "run coze-bridge login"
    return "make a new token at Coze, and set COZE_API_TOKEN and COZE_TOKEN_EXPIRES"


def _by_file(settings: Settings) -> bool:
    """A workstation's login stands in for what is not configured."""
    return bool(
        settings.coze_login_path and settings.coze_api_token is None and settings.coze_jwt_oauth_private_key is None
    )


def login_path(settings: Settings) -> Path:
    """Where `coze-bridge login` puts what it got."""
    return Path(settings.coze_login_path or "~/.config/coze-bridge/login.json").expanduser()


def _file(settings: Settings, endpoint: "Endpoint", clock: Clock) -> "FileAuth":
    from adapters.coze.device import FileAuth, LoginFile

    return FileAuth(LoginFile(login_path(settings)), endpoint, api_base=settings.coze_api_base, clock=clock)


def _own(settings: Settings, endpoint: "Endpoint", clock: Clock) -> "OwnAccounts | None":
    if settings.coze_login_url is None:
        return None
    from adapters.coze.accounts import OwnAccounts
    from adapters.coze.seal import Seal

    key, secret = settings.coze_login_key, settings.coze_login_client_secret
    if key is None:
        raise ConfigError("COZE_LOGIN_KEY is missing: /login needs it, as tokens are encrypted with it")
    return OwnAccounts(
        endpoint,
        api_base=settings.coze_api_base,
        client_id=settings.coze_login_client_id or "",
        secret=secret.get_secret_value() if secret else "",
        redirect=settings.coze_login_url,
        seal=Seal([part.strip() for part in key.get_secret_value().split(",")]),
        clock=clock,
    )
