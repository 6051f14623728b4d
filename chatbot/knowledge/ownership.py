"""One process owns a data directory. The lock file says who, and how to reach it, to those who may read it (mode 0600)."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ValidationError

from chatbot.errors import DataDirectoryError

_FILE = "lock"


class Owner(BaseModel, frozen=True):
    pid: int
    command: str
    url: str = ""
    """Loopback address of the owner's API; empty while it has none."""
    token: str = ""
    """Made anew at every start; opens the routes that act on files."""


class Ownership:
    """Holds the operating system's lock, which vanishes with the process however it ends."""

    def __init__(self, data_dir: Path, command: str, wait_s: float = 0) -> None:
        """Take the lock, waiting up to `wait_s` seconds for a short-lived owner.

        Raises:
            DataDirectoryError: another process holds it, or the directory cannot be written.
        """
        try:
            data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(data_dir / _FILE, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise DataDirectoryError(
                f"the data directory {str(data_dir)!r} cannot be written: {error.strerror}; "
                "set CHATBOT_DATA_DIR to one that can, or mend its permissions"
            ) from error
        self._file = os.fdopen(descriptor, "r+", encoding="utf-8")
        deadline = time.monotonic() + wait_s
        while not _try_lock(self._file):
            owner = find(data_dir)
            if time.monotonic() >= deadline or (owner and owner.url):
                self._file.close()
                raise DataDirectoryError(_in_use(data_dir, owner))
            time.sleep(0.1)
        self.announce(Owner(pid=os.getpid(), command=command))

    def announce(self, owner: Owner) -> None:
        """Write down who owns the directory and how to reach it."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(owner.model_dump_json())
        self._file.flush()

    def release(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.close()


def find(data_dir: Path) -> Owner | None:
    """The process that owns the directory now, if one does."""
    path = data_dir / _FILE
    try:
        with path.open("r+", encoding="utf-8") as file:
            if _try_lock(file):
                return None  # nobody holds it: what it says was left by a process that was killed
            return Owner.model_validate_json(file.read())
    except (OSError, ValidationError):
        return None


def _in_use(data_dir: Path, owner: Owner | None) -> str:
    who = (
        f"process {owner.pid} (`chatbot {owner.command}`{f' at {owner.url}' if owner.url else ''})"
        if owner
        else "another process"
    )
    return f"the data directory {str(data_dir)!r} is in use by {who}; stop it first, or set CHATBOT_DATA_DIR to another directory"


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[str]) -> bool:
        file.seek(2**30)  # a byte far behind the text, so that others can still read it
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            file.seek(0)
        return True

else:
    import fcntl

    def _try_lock(file: IO[str]) -> bool:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
