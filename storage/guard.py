"""One process at a time for an SQLite database: a lock on a file beside it, which the system lifts when we die."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from bridge.errors import ConfigError


class Guard:
    """Holds the lock from `take` to `release`; the file stays behind, empty of meaning."""

    __slots__ = ("_descriptor", "database", "path")

    def __init__(self, database: Path) -> None:
        self.database = database
        self.path = database.with_name(database.name + ".lock")
        self._descriptor: int | None = None

    def take(self) -> bool:
        """False if another process (or another store of this one) has it.

        Raises ConfigError if the directory can be neither used nor made.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(
                f"DATABASE_URL: cannot write in {self.path.parent} ({error.strerror}); name a file where this user may"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        with suppress(OSError):  # a full disk: nobody can be told who has the lock, but it is ours all the same
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        return True

    def holder(self) -> str:
        """Process id of who has the lock, as they wrote it down; empty if they did not."""
        return self.path.read_text(errors="replace").strip()

    def release(self) -> None:
        """Lets others in; does nothing if we do not hold it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
