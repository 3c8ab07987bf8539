"""A workstation's login: confirmed in a browser once, kept in a file, and renewed in it for as long as it is used."""

import asyncio
import fcntl
import json
import logging
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import cozepy

from adapters.coze.auth import margin
from adapters.coze.oauth import REFRESH_DAYS, Device, Endpoint, LoginOver, Tokens
from bridge.errors import BotFailed, ConfigError, Transient, Unreachable
from bridge.ports import Clock

logger = logging.getLogger(__name__)

AGAIN = "run coze-bridge login again"
LOCK_SECONDS = 30.0
"""Another process that renews the tokens is waited for so long: more than the token endpoint may take."""
LOOK_SECONDS = 0.2
"""Between two looks whether it has."""
WRITE_SECONDS = 10.0
"""Between two attempts to write down tokens that could not be written."""
SLOWER_SECONDS = 5.0
"""What `slow_down` adds to the time between two questions (RFC 8628)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is in the file."""

    api_base: str
    client_id: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    ends: float
    """When the access token ends, Unix time."""
    life: float
    """How long it lived when it was new, in seconds."""
    until: float
    """When the refresh token does."""
    name: str = ""
    """What Coze calls the account."""

    def renewed(self, tokens: Tokens, now: float) -> "Kept":
        """With those tokens, which came at that Unix time. Without a new refresh token, the old one is still good."""
        ends = now + tokens.seconds
        new = replace(self, access=tokens.access, ends=ends, life=tokens.seconds)
        if not tokens.refresh:
            return new
        return replace(new, refresh=tokens.refresh, until=now + REFRESH_DAYS * 86400.0)


class LoginFile:
    """A file that only its owner can read, and that is never half written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Kept:
        """Raises ConfigError."""
        try:
            return Kept(**json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise ConfigError(f"COZE_LOGIN_PATH: {self.path} is not there; run coze-bridge login") from None
        except OSError as error:
            raise ConfigError(f"COZE_LOGIN_PATH: cannot read {self.path} ({error.strerror}); mend its rights") from None
        except (ValueError, TypeError):
            raise ConfigError(f"COZE_LOGIN_PATH: {self.path} holds no login; {AGAIN}") from None

    def write(self, kept: Kept) -> None:
        """Puts it in place as a whole, after it has reached the disk. Raises ConfigError."""
        trial = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(kept), file, ensure_ascii=False, indent=1)
                file.flush()
                os.fsync(descriptor)
            trial.replace(self.path)
        except OSError as error:
            raise ConfigError(
                f"COZE_LOGIN_PATH: cannot write {self.path} ({error.strerror}); name a place that can be written to"
            ) from None
        finally:
            with suppress(OSError):
                trial.unlink()

    @asynccontextmanager
    async def alone(self, clock: Clock) -> AsyncIterator[None]:
        """No other process renews it meanwhile. Raises Unreachable if one does for too long, or ConfigError."""
        try:
            descriptor = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_WRONLY | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(
                f"COZE_LOGIN_PATH: cannot write beside {self.path} ({error.strerror}); the tokens are renewed there"
            ) from None
        try:
            until = clock.monotonic() + LOCK_SECONDS
            while not _locked(descriptor):
                if clock.monotonic() > until:
                    raise Unreachable("another process has been renewing the login for too long")
                await clock.sleep(LOOK_SECONDS)
            yield
        finally:
            os.close(descriptor)  # which unlocks it


class FileAuth(cozepy.AsyncAuth):
    """Speaks as whoever logged in into that file."""

    def __init__(self, file: LoginFile, endpoint: Endpoint, *, api_base: str, clock: Clock) -> None:
        """Raises ConfigError if there is no login of that Coze in it."""
        self._file = file
        self._endpoint = endpoint
        self._clock = clock
        self._kept = file.read()
        if self._kept.api_base != api_base.rstrip("/"):
            raise ConfigError(f"COZE_LOGIN_PATH: {file.path} is a login at {self._kept.api_base}; {AGAIN}")
        self._refused = ""
        self._unwritten = ""
        """The refresh token in the file that is used up: what came for it could not be written yet."""
        self._write_at = 0.0
        """When that is tried again."""
        self._renewing: asyncio.Task[None] | None = None

    @property
    def subject(self) -> str:
        """Whose files, conversations and variables these are."""
        return f"device:{self._kept.client_id}:{self._kept.name}"

    @property
    def until(self) -> float:
        """Unix time at which the login ends unless it is used before."""
        return self._kept.until

    @property
    def token_type(self) -> str:
        return "Bearer"

    @property
    async def atoken(self) -> str:
        if self._stale():
            await asyncio.shield(self._at_work())
        elif self._unwritten and self._clock.monotonic() >= self._write_at:
            self._at_work()  # which nobody needs to wait for
        return self._kept.access

    def forget(self, authorization: str) -> None:
        """As in Renewing."""
        if authorization == f"Bearer {self._kept.access}":
            self._refused = self._kept.access

    async def aclose(self) -> None:
        """Waits for the tokens that are on their way: to give them up would be to log out."""
        if self._unwritten:
            self._at_work()
        if self._renewing is not None:
            await asyncio.wait({self._renewing}, timeout=LOCK_SECONDS)

    def _at_work(self) -> asyncio.Task[None]:
        """By a task of its own: whoever asks may be cancelled, and a refresh token that is sent off is used up."""
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew(), name="coze-login")
            self._renewing.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._renewing

    def _stale(self) -> bool:
        return self._kept.access == self._refused or self._clock.now() >= self._kept.ends - margin(self._kept.life)

    async def _renew(self) -> None:
        """Raises BotFailed if there is no login any more, or Transient."""
        try:
            async with self._file.alone(self._clock):
                await self._catch_up()
                if self._stale():
                    await self._ask()
        except ConfigError as error:  # In the middle of a question, it is no end of the process.
            raise Unreachable(f"{error}") from None

    async def _catch_up(self) -> None:
        """With another process that may have renewed it while we waited; or the file with us."""
        try:
            kept = await asyncio.to_thread(self._file.read)
        except ConfigError:
            if not self._unwritten:
                raise
            kept = replace(self._kept, refresh=self._unwritten)
        if self._unwritten and kept.refresh == self._unwritten:
            await self._write()
        else:
            self._kept, self._unwritten = kept, ""

    async def _ask(self) -> None:
        used = self._kept.refresh
        try:
            tokens = await self._endpoint.refreshed(self._kept.client_id, used)
        except LoginOver as refused:
            raise BotFailed(
                f"the login in {self._file.path} has ended ({refused}); {AGAIN}", say="credentials"
            ) from None
        self._kept = self._kept.renewed(tokens, self._clock.now())
        # In the file is still the one before it, if that one could not be written either.
        self._unwritten = self._unwritten or used
        await self._write()

    async def _write(self) -> None:
        """Before what came is used: the old refresh token is good for nothing any more. If it cannot be written, it is
        tried again later: this process has the only one.
        """
        try:
            await asyncio.to_thread(self._file.write, self._kept)
        except ConfigError as error:
            self._write_at = self._clock.monotonic() + WRITE_SECONDS
            logger.error("%s; until then, the login is in the memory of this process only", error)
        else:
            self._unwritten = ""


async def log_in(
    file: LoginFile,
    endpoint: Endpoint,
    *,
    api_base: str,
    client_id: str,
    clock: Clock,
    show: Callable[[Device], None],
) -> str:
    """Shows where to confirm, waits for that, and keeps the tokens; what Coze calls the account.

    Raises ConfigError, BotFailed or Transient with a line that says what to do.
    """
    try:
        device = await endpoint.device(client_id)
    except BotFailed as refused:
        raise ConfigError(
            f"COZE_LOGIN_CLIENT_ID: {api_base} does not begin a device login ({refused}); "
            "compare it with the OAuth app at Coze, which must be of the kind for devices"
        ) from None
    show(device)
    tokens = await _confirmed(endpoint, client_id, device, clock)
    name = await endpoint.name_of(tokens.access)
    began = Kept(
        api_base=api_base.rstrip("/"),
        client_id=client_id,
        access="",
        refresh="",
        ends=0.0,
        life=0.0,
        until=0.0,
        name=name,
    )
    await asyncio.to_thread(file.write, began.renewed(tokens, clock.now()))
    return name


async def _confirmed(endpoint: Endpoint, client_id: str, device: Device, clock: Clock) -> Tokens:
    until, interval = clock.monotonic() + device.seconds, device.interval
    while clock.monotonic() < until:
        await clock.sleep(interval)
        try:
            came = await endpoint.confirmed(client_id, device)
        except Transient:
            continue
        match came:
            case Tokens():
                return came
            case "authorization_pending":
                continue
            case "slow_down":
                interval += SLOWER_SECONDS
            case "access_denied" | "access_deny":
                raise BotFailed(f"the login was declined in the browser; {AGAIN} if that was a mistake")
            case "expired_token":
                break
            case _:
                raise BotFailed(f"Coze refuses the login ({came}); {AGAIN}")
    raise BotFailed(f"nobody confirmed the login in time; {AGAIN}")


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
