"""A workstation's login: confirmed in a browser, kept in a file that only its owner reads, renewed by one at a time."""

import asyncio
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from adapters.coze.device import WRITE_SECONDS, FileAuth, LoginFile, log_in
from adapters.coze.oauth import Device, Endpoint
from adapters.coze.wire import Api
from bridge.errors import BotFailed, ConfigError, Unreachable
from simulators.coze import CozeSimulator
from simulators.wire import Served
from tests.clocks import HeldClock, StillClock

TOKEN_PATH = "/api/permission/oauth2/token"


class Desk:
    """A simulated Coze, and the workstation in front of it."""

    def __init__(self, sim: CozeSimulator, url: str, file: LoginFile) -> None:
        self.sim, self.url, self.file, self.clock = sim, url, file, StillClock()
        sim.world.now = self.clock.now
        self.shown: list[Device] = []

    async def log_in(self, client: str = "login", *, then: str = "confirm") -> str:
        """Somebody runs the command, reads the code, and does that with it in the browser."""

        def show(device: Device) -> None:
            self.shown.append(device)
            if then != "wait":
                self.sim.confirm(device.user_code, denied=then == "deny")

        return await log_in(
            self.file,
            Endpoint(self.url, clock=self.clock),
            api_base=self.url,
            client_id=client,
            clock=self.clock,
            show=show,
        )

    def hold(self) -> None:
        """From now on waiting for another process takes no time."""
        self.clock = HeldClock(self.clock.time)
        self.sim.world.now = self.clock.now

    def auth(self) -> FileAuth:
        """As a process of its own has it."""
        return FileAuth(self.file, Endpoint(self.url, clock=self.clock), api_base=self.url, clock=self.clock)

    async def me(self, auth: FileAuth) -> str:
        api = Api(self.url, auth, read_seconds=20.0)
        try:
            answered, _ = await api.call("GET", "/v1/users/me")
        finally:
            await api.aclose()
        return str(answered["data"]["user_name"])


@pytest.fixture(name="desk")
async def desk_fixture(tmp_path: Path) -> AsyncIterator[Desk]:
    sim = CozeSimulator()
    async with Served(sim.app) as server:
        yield Desk(sim, server.url, LoginFile(tmp_path / "config" / "login.json"))


async def test_what_was_confirmed_in_the_browser_is_kept_for_its_owner_alone(desk: Desk) -> None:
    assert await desk.log_in() == "Ada"
    assert stat.S_IMODE(desk.file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(desk.file.path.parent.stat().st_mode) == 0o700
    assert [path.name for path in desk.file.path.parent.iterdir()] == ["login.json"]
    (device,) = desk.shown
    assert device.address == f"{desk.url}/oauth/device?user_code={device.user_code}"
    assert device.code not in repr(device)
    assert await desk.me(desk.auth()) == "Ada"
    kept = desk.file.read()
    assert kept.access not in repr(kept)
    assert kept.until == pytest.approx(desk.clock.time + 30 * 86400)


async def test_it_waits_as_long_and_asks_as_seldom_as_it_is_told(desk: Desk) -> None:
    desk.sim.oauth.slow_downs = 2
    desk.sim.fault("http", method=TOKEN_PATH, value="502")
    await desk.log_in()
    assert desk.clock.slept == [5, 5, 10, 15]  # a gateway that fails changes nothing


@pytest.mark.parametrize(
    ("then", "part"), [("deny", "declined in the browser"), ("wait", "nobody confirmed the login in time")]
)
async def test_what_was_not_confirmed_is_told_and_nothing_is_written(desk: Desk, then: str, part: str) -> None:
    with pytest.raises(BotFailed, match=f"{part}.*run coze-bridge login again"):
        await desk.log_in(then=then)
    assert not desk.file.path.exists()


async def test_a_wrong_client_id_is_a_setting_to_mend(desk: Desk) -> None:
    with pytest.raises(ConfigError, match=r"COZE_LOGIN_CLIENT_ID: .*invalid_client.*of the kind for devices"):
        await desk.log_in("another")


async def test_two_processes_renew_it_once_and_both_use_the_new_one(desk: Desk) -> None:
    await desk.log_in()
    desk.hold()
    first, second = desk.auth(), desk.auth()
    desk.clock.time += 900 - 61
    await asyncio.gather(*(desk.me(auth) for auth in (first, second)))
    assert desk.sim.oauth.refreshed == 0
    desk.clock.time += 1
    await asyncio.gather(*(desk.me(auth) for auth in (first, second) * 5))
    assert desk.sim.oauth.refreshed == 1
    assert not [call for call in desk.sim.calls if call.get("code")]
    assert desk.file.read().refresh in desk.sim.oauth.refresh
    assert stat.S_IMODE(desk.file.path.stat().st_mode) == 0o600


async def test_new_tokens_are_on_the_disk_before_they_are_used(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.log_in()
    auth = desk.auth()
    desk.clock.time += 900
    used: list[int] = []
    write = LoginFile.write

    def watched(file: LoginFile, kept: Any) -> None:
        write(file, kept)
        used.append(sum(call["path"] == "/v1/users/me" for call in desk.sim.calls))

    with monkeypatch.context() as patched:
        patched.setattr(LoginFile, "write", watched)
        assert await desk.me(auth) == "Ada"
    assert used == [1]  # that of the login itself


async def test_tokens_that_cannot_be_written_serve_until_they_can(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.log_in()
    auth = desk.auth()
    tried: list[Any] = []

    def full(_file: LoginFile, kept: Any) -> None:
        tried.append(kept)
        raise ConfigError("COZE_LOGIN_PATH: cannot write it")

    with monkeypatch.context() as patched:
        patched.setattr(LoginFile, "write", full)
        for _ in range(2):  # the second time, the file is two refresh tokens behind
            desk.clock.time += 900
            for _ in range(2):
                assert await desk.me(auth) == "Ada"
        assert len(tried) == 3
    assert desk.sim.oauth.refreshed == 2
    assert "cannot write it; until then" in caplog.text
    assert desk.file.read().refresh in desk.sim.oauth.used
    desk.clock.time += WRITE_SECONDS
    assert await desk.me(auth) == "Ada"
    await auth.aclose()
    assert desk.file.read().refresh in desk.sim.oauth.refresh
    desk.clock.time += 900
    assert await desk.me(desk.auth()) == "Ada"


async def test_a_place_where_nothing_can_be_locked_does_not_use_up_the_refresh_token(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.log_in()
    auth = desk.auth()
    desk.clock.time += 900
    with monkeypatch.context() as patched:
        patched.setattr("adapters.coze.device.os.open", Mock(side_effect=OSError(30, "Read-only file system")))
        with pytest.raises(Unreachable, match="Read-only"):  # and no ConfigError, which would end the process
            await desk.me(auth)
    assert not desk.sim.oauth.used
    assert await desk.me(auth) == "Ada"


async def test_who_stops_waiting_does_not_use_up_the_refresh_token(desk: Desk) -> None:
    await desk.log_in()
    auth = desk.auth()
    desk.clock.time += 900
    desk.sim.fault("stall", method=TOKEN_PATH, seconds=30.0)
    asking = asyncio.create_task(desk.me(auth))
    await desk.sim.wait(lambda: [call for call in desk.sim.calls if call.get("fault") == "stall"])
    asking.cancel()
    desk.sim.hurry()
    await auth.aclose()
    assert await desk.me(desk.auth()) == "Ada"
    assert len(desk.sim.oauth.used) == 1


async def test_a_login_that_coze_has_ended_says_what_to_do(desk: Desk) -> None:
    await desk.log_in()
    auth = desk.auth()
    desk.clock.time += 900
    desk.sim.oauth.refresh.clear()
    with pytest.raises(BotFailed, match=r"login\.json has ended.*run coze-bridge login again") as ended:
        await desk.me(auth)
    assert ended.value.say == "credentials"
    assert not [secret for secret in desk.sim.oauth.given if secret in str(ended.value)]


async def test_a_token_that_was_revoked_is_renewed_and_a_coze_that_is_away_ends_nothing(desk: Desk) -> None:
    await desk.log_in()
    auth = desk.auth()
    desk.sim.revoke(desk.file.read().access)
    assert await desk.me(auth) == "Ada"
    desk.clock.time += 900
    desk.sim.fault("http", method=TOKEN_PATH, value="503")
    with pytest.raises(Unreachable):
        await desk.me(auth)
    assert await desk.me(auth) == "Ada"


async def test_a_file_that_is_none_is_a_setting_to_mend(desk: Desk) -> None:
    with pytest.raises(ConfigError, match="is not there; run coze-bridge login"):
        desk.auth()
    await desk.log_in()
    desk.file.write(replace(desk.file.read(), api_base="https://api.coze.com"))
    with pytest.raises(ConfigError, match=r"is a login at https://api\.coze\.com"):
        desk.auth()
    desk.file.path.write_text("[]")
    with pytest.raises(ConfigError, match="holds no login"):
        desk.auth()
