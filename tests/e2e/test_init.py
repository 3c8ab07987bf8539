"""`coze-bridge init`: a newcomer answers some questions, and what is written runs."""

import asyncio
import io
import os
import signal
import stat
import sys
import tomllib
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from bridge import init
from bridge.config import NAMES, load
from bridge.errors import ConfigError
from bridge.init import quoted
from simulators.coze.shelf import ShelvedBot
from tests.e2e import places
from tests.e2e.test_doctor import a_key
from tests.e2e.test_service import command
from tests.e2e.transcript import PAGE, transcript
from tests.e2e.typing import terminal

FILE = Path("coze-bridge.toml")
SIMULATED = ("TELEGRAM_API_BASE", "SLACK_API_BASE", "DATABASE_URL", "HTTP_LISTEN")
"""What stands in the environment, as nobody would be asked for it."""


@pytest_asyncio.fixture
async def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(name.upper(), raising=False)
    async with places.place(tmp_path) as made:
        for name in SIMULATED:
            monkeypatch.setenv(name, made.environ[name])
        yield made


@pytest.fixture
def answer(monkeypatch, capsys):
    """Runs init with these lines piped in; what it says."""

    async def run(*lines, output=FILE, force=False, yes=False):
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        try:
            await asyncio.to_thread(init.run, output, force=force, yes=yes)
        finally:
            said = capsys.readouterr().out
        assert "CANARY" not in said
        return said

    return run


def answers(place, **changes):
    """One for each question, in order."""
    given = {
        "base": place.environ["COZE_API_BASE"],
        "token": places.COZE_TOKEN,
        "bot": places.BOT_ID,
        "telegram": places.TELEGRAM_TOKEN,
        "slack_bot": places.SLACK_BOT_TOKEN,
        "slack_app": places.SLACK_APP_TOKEN,
        "allow": "",
    }
    return list((given | changes).values())


async def fails(running):
    """Ends with one clear line and writes nothing."""
    with pytest.raises(ConfigError) as raised:
        await running
    line = str(raised.value)
    assert "\n" not in line
    assert "CANARY" not in line
    assert not FILE.exists()
    assert not [path for path in Path().iterdir() if path.name.startswith(f".{FILE}")]
    return line


async def test_a_whole_run_writes_a_file_with_which_the_service_answers(place):
    environ = {name: place.environ[name] for name in SIMULATED}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "init"),
        env={"PATH": os.environ["PATH"], "HOME": str(place.directory)} | environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        lines = answers(place, allow="telegram:1001")
        out, err = await process.communicate("\n".join(lines).encode() + b"\n")
    assert (process.returncode, err) == (0, b"")
    said = out.decode()
    assert "@coze_demo_bot" in said
    assert "助手 Simulated is published" in said
    assert "@coze in Coze" in said
    assert "coze-bridge doctor" in said
    assert "CANARY" not in said
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o600

    status, out, _err = await command(place, "doctor")
    assert status == 0, out
    service = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "run"),
        env={"PATH": os.environ["PATH"], "HOME": str(place.directory)},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        place.telegram.say(1001, 1001, "echo: it works")
        await place.telegram.wait(lambda: "it works" in place.telegram.texts(1001), 60)
        service.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            assert await service.wait() == 0
    finally:
        if service.returncode is None:
            service.kill()
            await service.wait()


async def test_who_may_talk_is_pairing_unless_somebody_is_named(place, answer):
    said = await answer(*answers(place))
    assert "coze-bridge allow CODE" in said
    assert load(FILE, {}).allow is None
    said = await answer(*answers(place, allow="telegram:1001"), force=True)
    assert "allow CODE" not in said
    assert load(FILE, {}).allow == "telegram:1001"


async def test_a_file_that_is_there_is_left_alone(place, answer):
    FILE.write_text("# mine\n")
    with pytest.raises(ConfigError, match="--force"):
        await answer(*answers(place))
    assert FILE.read_text() == "# mine\n"
    await answer(*answers(place), force=True)
    assert load(FILE, {}).coze_bot_id == places.BOT_ID
    status, _out, err = await command(place, "init", "--yes")
    assert status == 78
    assert err.startswith("coze-bridge: --output: coze-bridge.toml is there already")
    assert err.count("\n") == 1


async def test_nobody_else_can_read_it_whatever_the_umask(place, answer):
    before = os.umask(0)
    try:
        await answer(*answers(place))
    finally:
        os.umask(before)
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o600


async def test_a_wrong_answer_is_asked_for_again(place, answer):
    lines = answers(place)
    lines[1:2] = ["pat_CANARYwrong", "", places.COZE_TOKEN]
    lines[5:6] = ["not-a-token", "123456:CANARY-no", places.TELEGRAM_TOKEN]
    said = await answer(*lines)
    assert said.count("Coze access token") == 3
    assert "COZE_API_TOKEN is needed" in said
    assert said.count("Telegram bot token") == 3
    assert "@BotFather" in said
    assert not [call for call in place.coze.calls if "/v1/conversation" in call["path"]]  # no more is tried than asked
    assert load(FILE, {}).telegram_bot_token is not None


@pytest.mark.parametrize(
    ("pasted", "mend"),
    [
        ("Bearer pat_CANARY", "leave out the word Bearer"),
        ("'pat_CANARY'", "stands in quotation marks"),
        ("pat_CANARY CANARY", "has a space in it"),
        ("pat_…", "is still a placeholder"),
        ("xoxb-CANARY", "holds a Slack bot token"),
    ],
)
async def test_what_was_pasted_wrongly_is_told_without_asking_coze(place, answer, pasted, mend):
    line = await fails(answer(place.environ["COZE_API_BASE"], *[pasted] * 3))
    assert line.startswith(f"COZE_API_TOKEN: {mend}")
    assert place.coze.calls == []


async def test_three_wrong_answers_are_enough(place, answer):
    base = place.environ["COZE_API_BASE"]
    line = await fails(answer(base, *["pat_CANARYwrong"] * 3))
    assert line.startswith("COZE_API_TOKEN: ")
    line = await fails(answer(base, places.COZE_TOKEN, "7", "8", "9"))
    assert line.startswith("COZE_BOT_ID: ")
    assert "publish" in line


async def test_bots_are_chosen_by_their_number_and_published_if_they_are_not(place, answer):
    place.coze.world.published = False
    place.coze.shelf.more = [
        ShelvedBot(id=f"740000000000000010{n}", name=f"Bot {n}", workspace="7300000000000000001") for n in "12"
    ]
    said = await answer(*answers(place)[:2], "1", "no", "1", "y", *answers(place)[3:])
    assert said.index("   1. 7400000000000000001   -    助手 Simulated (Personal)") < said.index("   3. ")
    assert said.count("is not published to the API channel. Publish its draft now?") == 2
    assert "助手 Simulated is published" in said
    assert place.coze.world.published
    assert load(FILE, {}).coze_bot_id == places.BOT_ID


async def test_where_no_bots_are_listed_the_id_is_asked_for_as_ever(place, answer):
    place.coze.shelf.workspaces.clear()
    said = await answer(*answers(place))
    assert "number of this list" not in said
    assert load(FILE, {}).coze_bot_id == places.BOT_ID


async def test_without_any_platform_there_is_nothing_to_write(place, answer):
    line = await fails(answer(*answers(place)[:3], "", "", "", ""))
    assert "SLACK_BOT_TOKEN" in line


async def test_one_platform_is_enough(place, answer):
    await answer(*answers(place)[:4], "", "")
    assert load(FILE, {}).slack_bot_token is None
    await answer(*answers(place)[:3], "", *answers(place)[4:], force=True)
    assert load(FILE, {}).telegram_bot_token is None


async def test_a_server_that_does_not_answer_may_be_kept_anyway(place, answer):
    nowhere = f"http://127.0.0.1:{places.free_port()}"
    lines = answers(place, base=nowhere)
    said = await answer(*lines[:2], "y", lines[2], "yes", *lines[3:])
    assert said.count("Keep it anyway? [y/N]") == 2
    assert load(FILE, {}).coze_api_base == nowhere
    FILE.unlink()
    line = await fails(answer(*lines[:2], "n", lines[1], "", lines[1], "n"))
    assert line.startswith("COZE_API_TOKEN: ")


async def test_what_the_environment_says_is_not_asked_for(place, answer, monkeypatch):
    token = Path("token")
    token.write_text(f"{places.COZE_TOKEN}\n")
    monkeypatch.setenv("COZE_API_TOKEN_FILE", str(token))
    monkeypatch.setenv("COZE_API_BASE", place.environ["COZE_API_BASE"])
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", places.TELEGRAM_TOKEN)
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    said = await answer(places.BOT_ID, "", "")
    assert "Coze access token" not in said
    settings = load(FILE, {})
    assert settings.coze_api_token is not None
    assert settings.coze_api_token.get_secret_value() == places.COZE_TOKEN
    assert settings.log_level == "DEBUG"


async def test_what_the_environment_says_wrongly_is_asked_for(place, answer, monkeypatch):
    monkeypatch.setenv("COZE_API_TOKEN", "pat_CANARYwrong")
    said = await answer(*answers(place))
    assert said.count("Coze access token") == 1
    assert load(FILE, {}).coze_bot_id == places.BOT_ID


async def test_a_script_is_asked_nothing_and_told_what_is_missing(place, answer, monkeypatch):
    for name in ("COZE_API_BASE", "COZE_API_TOKEN", "TELEGRAM_BOT_TOKEN"):
        monkeypatch.setenv(name, place.environ[name])
    assert "COZE_BOT_ID is missing" in await fails(answer(yes=True))
    monkeypatch.setenv("COZE_BOT_ID", places.BOT_ID)
    said = await answer(yes=True)
    assert "Who may talk" not in said
    assert load(FILE, {}).slack_bot_token is None
    FILE.unlink()
    monkeypatch.setenv("COZE_BOT_ID", "5")
    assert "COZE_BOT_ID" in await fails(answer(yes=True))
    # What cannot be checked is kept.
    monkeypatch.setenv("COZE_API_BASE", f"http://127.0.0.1:{places.free_port()}")
    await answer(yes=True)
    assert load(FILE, {}).coze_bot_id == "5"


async def test_answers_that_end_too_early_name_what_is_missing(place, answer):
    base, token, *_ = answers(place)
    assert "COZE_API_BASE is missing" in await fails(answer())
    assert "COZE_BOT_ID is missing" in await fails(answer(base, token))
    status, _out, err = await command(place, "init")
    assert status == 78
    assert err.startswith("coze-bridge: COZE_API_BASE is missing")


async def test_values_of_any_form_are_read_back_as_they_were(place, answer, monkeypatch):
    key = a_key() + "\\ \"quoted\" 'too' \t end"
    url = "postgresql+asyncpg://ann:p\"a\\ss'w@127.0.0.1/x"
    place.coze.down(3600)
    monkeypatch.setenv("COZE_JWT_OAUTH_CLIENT_ID", "1")
    monkeypatch.setenv("COZE_JWT_OAUTH_PUBLIC_KEY_ID", "2")
    monkeypatch.setenv("COZE_JWT_OAUTH_PRIVATE_KEY", a_key())
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("COZE_BOT_ID", places.BOT_ID)
    await answer(place.environ["COZE_API_BASE"], "y", *answers(place)[3:])
    settings = load(FILE, {})
    assert settings.database_url == url
    assert settings.coze_jwt_oauth_private_key is not None
    assert settings.coze_jwt_oauth_private_key.get_secret_value() == os.environ["COZE_JWT_OAUTH_PRIVATE_KEY"].strip()
    assert tomllib.loads(f"x = {quoted(key)}")["x"] == key


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_can_be_quoted(text):
    assert tomllib.loads(f"x = {quoted(text)}\n")["x"] == text


async def test_where_nothing_can_be_written_it_says_so(place, answer):
    with pytest.raises(ConfigError, match=r"--output: cannot write nowhere/x\.toml"):
        await answer(*answers(place), output=Path("nowhere/x.toml"))


async def test_the_page_of_the_first_run_is_true(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert await transcript(tmp_path) == PAGE.read_text(encoding="utf-8"), "python -m tests.e2e.transcript"


async def test_on_a_terminal_no_secret_is_echoed(place):
    """A real terminal: what is typed comes back, unless the program forbids it."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(place.directory)}
    async with terminal("init", **environ, **{name: place.environ[name] for name in SIMULATED}) as typing:
        prompts = ("[cn]", "Coze access token", "Bot id", "Telegram bot", "Slack bot", "Slack app", "Who may")
        for prompt, line in zip(prompts, answers(place, allow="telegram:1001"), strict=True):
            await typing.until(prompt)
            typing.write(line)
        assert await typing.end() == 0
    assert places.BOT_ID in typing.shown  # what is no secret is echoed: the terminal does echo
    assert "CANARY" not in typing.shown
    assert load(FILE, {}).allow == "telegram:1001"


async def test_ctrl_c_is_one_line_and_writes_nothing(place):
    async with terminal("init", PATH=os.environ["PATH"], HOME=str(place.directory)) as typing:
        await typing.until("[cn]")
        assert await typing.interrupted() == 78
    assert "init was interrupted; nothing is written" in typing.shown
    assert "Traceback" not in typing.shown
    assert not FILE.exists()
