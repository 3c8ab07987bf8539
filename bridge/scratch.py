"""Temporary files: each is removed at its end, and what a killed process left behind at the next start."""

import errno
import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bridge.errors import Unreachable

log = logging.getLogger(__name__)

PREFIX = "coze-bridge-files-"
TRIES = 3
"""A process that starts may hold the lock of a new directory for a moment, to see whether it is left over."""


class Scratch:
    """A directory of this process alone, which is made with the first file. Use it from one event loop.

    The directory is locked for as long as the process lives, however it ends: so another one can tell which are left
    over.
    """

    def __init__(self, place: Path | None = None) -> None:
        """`place`: where the directory is made; None: where the system keeps temporary files (`TMPDIR`)."""
        self._place = Path(tempfile.gettempdir()) if place is None else place
        self._directory: Path | None = None
        self._lock = -1
        self._made = 0

    def clear(self) -> None:
        """Removes what processes left behind that were killed."""
        for found in self._place.glob(f"{PREFIX}*"):
            lock = _locked(found)
            if lock >= 0:
                shutil.rmtree(found, ignore_errors=True)
                os.close(lock)
                log.info("removed temporary files that a process before us left behind")

    @contextmanager
    def file(self) -> Iterator[tuple[Path, int]]:
        """A new empty file that nobody else may read, and its descriptor. Raises Unreachable if none can be made."""
        self._made += 1
        try:
            path = self._own() / str(self._made)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise _no_room(error) from None
        try:
            yield path, descriptor
        finally:
            os.close(descriptor)
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Removes the directory."""
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            os.close(self._lock)
            self._directory = None

    def _own(self) -> Path:
        """The directory; made anew if somebody who tidies up has removed it."""
        if self._directory is not None:
            if self._directory.is_dir():
                return self._directory
            os.close(self._lock)
            self._directory = None
        for _ in range(TRIES):
            made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._place))
            lock = _locked(made)
            if lock >= 0:
                self._directory, self._lock = made, lock
                return made
            with suppress(OSError):
                made.rmdir()
        raise OSError(errno.ENOLCK, "directories cannot be locked there (NFS?)")


def write(descriptor: int, piece: bytes) -> None:
    """Appends to the file. Raises Unreachable if the disk takes no more."""
    try:
        while piece:
            piece = piece[os.write(descriptor, piece) :]
    except OSError as error:
        raise _no_room(error) from None


def _no_room(error: OSError) -> Unreachable:
    log.error("no temporary file (%s): let TMPDIR point to where there is room", error.strerror)
    return Unreachable(f"no temporary file: {error.strerror}", say="failed")


def _locked(directory: Path) -> int:
    """A descriptor that holds its lock; -1 if somebody else holds it, or it is not ours, or gone."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return -1
    try:
        if os.fstat(descriptor).st_uid == os.getuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return -1
