"""The wheel: what is in it, that nobody else owns its names, and that it runs from anywhere."""

import os
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_nobody_else_owns_our_names():
    owners = packages_distributions()
    for name in ("bridge", "adapters", "storage"):
        assert set(owners.get(name, ["coze-bridge"])) == {"coze-bridge"}


def test_the_wheel_holds_the_three_packages_and_runs_from_the_root_directory(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"bridge", "adapters", "storage"}
    assert any(name.startswith("storage/migrations/versions/0001") for name in names)
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "site")
    environ = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "PYTHONSAFEPATH": "1"}
    environ |= {"DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/bridge.db"}
    migrated = subprocess.run(
        [sys.executable, "-m", "bridge", "migrate"], cwd="/", env=environ, capture_output=True, text=True, check=False
    )
    assert migrated.returncode == 0, migrated.stderr
    assert "revision 0006" in migrated.stdout
