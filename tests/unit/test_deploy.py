"""What is shipped to run it with: systemd's own judgement of the unit, and figures that must fit together."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from bridge.app import CLOSE_SECONDS
from bridge.config import IN_FILES, NAMES, Settings
from bridge.sections import Tuning

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "systemd" / "coze-bridge.service"
SLACK_SECONDS = 15.0
"""For closing connections, when the answers under way are done or let go of."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (apt-get install systemd)"
)


def settings_of(unit):
    """`Key=value` lines of the unit; the last one counts."""
    return dict(line.split("=", 1) for line in unit.read_text().splitlines() if re.match(r"\w+=", line))


def judged(*arguments):
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60)


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    system = tmp_path / "usr/lib/systemd/system"
    system.mkdir(parents=True)
    for target in Path("/usr/lib/systemd/system").glob("*.target"):
        shutil.copy(target, system, follow_symlinks=False)
    for slice_ in Path("/usr/lib/systemd/system").glob("*.slice"):
        shutil.copy(slice_, system)
    program = tmp_path / "opt/coze-bridge/bin/coze-bridge"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    installed = tmp_path / "etc/systemd/system" / UNIT.name
    installed.parent.mkdir(parents=True)
    shutil.copy(UNIT, installed)
    found = judged("verify", f"--root={tmp_path}", UNIT.name)
    # An unknown key is a warning only, and ends in status 0.
    said = [line for line in (found.stdout + found.stderr).splitlines() if "coze-bridge" in line]
    assert (found.returncode, said) == (0, [])


@needs_systemd
def test_systemd_calls_its_exposure_low():
    found = judged("security", "--offline=true", "--no-pager", "--threshold=20", str(UNIT))
    assert found.returncode == 0, found.stdout + found.stderr
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", found.stdout)
    assert exposure
    assert float(exposure[1]) <= 2.0


def test_the_times_of_the_unit_fit_those_of_the_service():
    unit, defaults = settings_of(UNIT), Settings()
    assert float(unit["WatchdogSec"]) < Tuning().lease_seconds
    assert float(unit["TimeoutStopSec"]) > defaults.drain_seconds + CLOSE_SECONDS + SLACK_SECONDS
    assert unit["TimeoutStartSec"] == "infinity"
    assert (unit["Type"], unit["Restart"], unit["RestartPreventExitStatus"]) == ("notify", "always", "78")


def test_every_secret_may_be_a_credential_and_none_has_to():
    loaded = re.findall(r"^LoadCredential=(\w+):(\S+)$", UNIT.read_text(), re.MULTILINE)
    assert sorted(name for name, _ in loaded) == sorted(name.upper() for name in IN_FILES)
    # A name instead of a path is looked for in /etc/credstore, and may be missing.
    assert all(source == f"coze-bridge.{name}" for name, source in loaded)


def test_the_unit_sets_nothing_that_a_file_should():
    """The environment would win over the file and the credentials."""
    names = re.findall(r"(\w+)=", settings_of(UNIT)["Environment"])
    assert {name for name in names if name.lower() in NAMES} == {"LOG_FORMAT"}
    assert "PYTHONSAFEPATH" in names


def test_the_user_of_the_unit_is_the_one_that_is_made():
    user = settings_of(UNIT)["User"]
    made = (DEPLOY / "systemd" / "coze-bridge.sysusers.conf").read_text().splitlines()[-1].split()
    assert made[:2] == ["u", user]
    assert "/etc/credstore/coze-bridge.* 0600 root root" in (DEPLOY / "systemd/coze-bridge.tmpfiles.conf").read_text()


# ---- the container


def test_the_image_runs_as_nobody_special_from_what_the_lock_names():
    text = (DEPLOY / "Containerfile").read_text()
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    assert "--require-hashes --requirement deploy/lock/run.txt" in text
    assert re.search(r'^ENTRYPOINT \["', text, re.MULTILINE)
    assert "STOPSIGNAL SIGTERM" in text
    assert "PYTHONSAFEPATH=1" in text
    assert "/healthz" in text
    assert "DATABASE_URL=" not in text, "it would win over DATABASE_URL_FILE"
    images = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert len(images) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim", image) for image in images), "a plain name, and no registry"
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert all((ROOT / path).exists() for path in copied.split()), copied
    python = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert tuple(map(int, images[0].removeprefix("python:").removesuffix("-slim").split("."))) >= tuple(
        map(int, python.removeprefix(">=").split("."))
    )


def test_the_compose_file_names_settings_that_exist_and_secrets_that_are_given():
    text = (DEPLOY / "compose.yaml").read_text()
    bridge = text[text.index("\n  bridge:") : text.index("\n  postgres:")]
    environment = bridge[bridge.index("    environment:\n") : bridge.index("    secrets:\n")]
    names = re.findall(r"^      (\w+):", environment, re.MULTILINE)
    files = [name.removesuffix("_FILE") for name in names if name.endswith("_FILE")]
    assert {name.lower() for name in files} <= set(IN_FILES)
    assert {name.lower() for name in names if not name.endswith("_FILE")} <= set(NAMES)
    given = re.findall(r"^  (\w+):\n    file: ", text, re.MULTILINE)
    asked = re.findall(r"^      - (\w+)$", bridge[bridge.index("    secrets:\n") :], re.MULTILINE)
    assert set(files) == set(asked) <= set(given)
    for name in files:
        assert f"{name}_FILE: /run/secrets/{name}\n" in environment
    for hardened in ("read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "condition: service_healthy"):
        assert hardened in bridge
    grace = re.search(r"stop_grace_period: (\d+)s", bridge)
    assert grace
    assert float(grace[1]) > Settings().drain_seconds + CLOSE_SECONDS + SLACK_SECONDS
    assert re.findall(r"^    ports:\n(?:      #.*\n)*((?:      - .+\n)+)", bridge, re.MULTILINE) == [
        '      - "127.0.0.1:${BRIDGE_PORTS:-8080}:8080"\n'
    ], "published on loopback only"


def test_several_bridges_of_the_compose_file_do_not_clash():
    text = (DEPLOY / "compose.yaml").read_text()
    bridge = text[text.index("\n  bridge:") : text.index("\n  postgres:")]
    assert "container_name" not in bridge
    assert "volumes:" not in bridge, "what is kept is in PostgreSQL"
    [(first, last, count)] = re.findall(r"BRIDGE_PORTS=(\d+)-(\d+) docker compose .+ --scale bridge=(\d+)", text)
    assert int(last) - int(first) + 1 > int(count), "a new one may come before an old one goes"
