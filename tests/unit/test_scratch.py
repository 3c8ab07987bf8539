"""Temporary files: nobody else reads them, and nothing of them is left."""

import errno
import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.errors import Unreachable
from bridge.scratch import PREFIX, Scratch, write

KILLED = """
import os, signal, sys
from pathlib import Path
from bridge.scratch import Scratch, write
with Scratch(Path(sys.argv[1])).file() as (path, descriptor):
    write(descriptor, b"half a file")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_file_is_removed_at_its_end(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    with scratch.file() as (one, first), scratch.file() as (other, _):
        write(first, b"words")
        assert (one.read_bytes(), other.read_bytes()) == (b"words", b"")
        assert one.stat().st_mode & 0o777 == 0o600
        assert one.parent.stat().st_mode & 0o777 == 0o700
    assert not one.exists()
    assert not other.exists()
    scratch.close()
    assert list(tmp_path.iterdir()) == []


def test_one_that_somebody_removed_does_not_matter(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    with scratch.file() as (path, _):
        path.unlink()
        path.parent.rmdir()
    with scratch.file() as (path, _):
        assert path.exists()
    scratch.close()


def test_what_a_killed_process_left_is_removed_and_what_others_use_is_not(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, cwd=Path(__file__).parents[2])
    (left,) = tmp_path.glob(f"{PREFIX}*/*")
    assert left.read_bytes() == b"half a file"
    somebody = Scratch(tmp_path)
    with somebody.file() as (path, _):
        Scratch(tmp_path).clear()
        assert path.exists()
        assert not left.parent.exists()
        assert [found for found in tmp_path.iterdir() if found != path.parent] == []


def test_no_room_is_waited_for(tmp_path: Path) -> None:
    with pytest.raises(Unreachable) as raised, Scratch(tmp_path / "missing").file():
        raise AssertionError
    assert raised.value.say == "failed"
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("only Linux has /dev/full")
    with full.open("wb") as device, pytest.raises(Unreachable):
        write(device.fileno(), b"x")


def test_where_nothing_can_be_locked_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on NFS without locks: directories were made for ever, and nothing else got its turn."""

    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    for _ in range(2):
        with pytest.raises(Unreachable, match="cannot be locked") as raised, Scratch(tmp_path).file():
            raise AssertionError
        assert raised.value.say == "failed"
    assert list(tmp_path.iterdir()) == []
