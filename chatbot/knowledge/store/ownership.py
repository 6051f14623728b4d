"""One process owns a data directory. The lock file says who, and how to reach it, to those who may read it (mode 0600)."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ValidationError

from chatbot.errors import DataDirectoryError, DataDirectoryInUse

_FILE = "lock"
_ANNOUNCED_S = 1
"""An owner says who it is as soon as it has the lock."""


class Owner(BaseModel, frozen=True):
    pid: int = 0
    """0 for one that has not said who it is."""
    command: str = ""
    url: str = ""
    """Loopback address of the owner's API; empty while it has none."""
    token: str = ""
    """Made anew at every start; opens the routes that act on files."""
    engine: str = ""
    """What it answers with."""

    def __str__(self) -> str:
        at = f" at {self.url}" if self.url else ""
        return f"process {self.pid} (`chatbot {self.command}`{at})" if self.pid else "another process"


class Ownership:
    """Holds the operating system's lock, which vanishes with the process however it ends."""

    def __init__(self, data_dir: Path, command: str, wait_s: float = 0) -> None:
        """Take the lock, waiting up to `wait_s` seconds for a short-lived owner.

        Raises:
            DataDirectoryInUse: another process holds it.
            DataDirectoryError: the directory cannot be written.
        """
        try:
            data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(data_dir / _FILE, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise DataDirectoryError(
                f"the data directory {str(data_dir)!r} cannot be written: {error.strerror}; "
                "set CHATBOT_DATA_DIR to one that can, or mend its permissions"
            ) from error
        self._place = data_dir / _FILE
        self._file = os.fdopen(descriptor, "r+", encoding="utf-8")
        with contextlib.ExitStack() as stack:
            stack.callback(self._file.close)
            self._wait(data_dir, wait_s)
            self.announce(Owner(pid=os.getpid(), command=command))
            stack.pop_all()

    def _wait(self, data_dir: Path, wait_s: float) -> None:
        deadline = time.monotonic() + wait_s
        while not _try_lock(self._file):
            owner = find(data_dir)
            # without an owner it was only somebody looking, who is gone in an instant
            patience_s = 0 if owner else _ANNOUNCED_S
            if (owner and owner.url) or time.monotonic() >= deadline + patience_s:
                raise in_use(data_dir, owner or Owner())
            time.sleep(0.1 if owner else 0.001)

    def announce(self, owner: Owner) -> None:
        """Write down who owns the directory and how to reach it.

        Raises:
            DataDirectoryError: the disk is full.
        """
        written = owner.model_dump_json().encode()
        try:
            # past the file's buffer, which would try again and fail again when it is closed
            os.lseek(self._file.fileno(), 0, os.SEEK_SET)
            os.ftruncate(self._file.fileno(), 0)
            os.write(self._file.fileno(), written)
        except OSError as error:
            raise DataDirectoryError(
                f"{self._place} cannot be written: {error.strerror}; make room on the disk, then run the command again"
            ) from error

    def release(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.close()


def find(data_dir: Path) -> Owner | None:
    """The process that owns the directory now, if one does."""
    deadline = time.monotonic() + _ANNOUNCED_S
    try:
        with (data_dir / _FILE).open(encoding="utf-8") as file:
            while not _is_free(file):
                with contextlib.suppress(ValidationError):
                    return Owner.model_validate_json(file.read())
                if time.monotonic() >= deadline:
                    return Owner()
                time.sleep(0.01)
                file.seek(0)
    except OSError:
        return None
    return None  # nobody holds it: what it says was left by a process that was killed


def in_use(data_dir: Path, owner: Owner) -> DataDirectoryInUse:
    """The error for whoever wanted the directory for itself."""
    return DataDirectoryInUse(
        f"the data directory {str(data_dir)!r} is in use by {owner}; stop it first, or set CHATBOT_DATA_DIR to another directory"
    )


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

    _is_free = _try_lock  # there is no shared lock here: two who look at once see each other

else:
    import fcntl

    def _try_lock(file: IO[str]) -> bool:
        return _flock(file, fcntl.LOCK_EX)

    def _is_free(file: IO[str]) -> bool:
        return _flock(file, fcntl.LOCK_SH)  # shared, so that those who look are not taken for an owner by each other

    def _flock(file: IO[str], kind: int) -> bool:
        try:
            fcntl.flock(file.fileno(), kind | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
