"""The catalogue in a SQLite file: how it is opened, locked and copied, and what to do about each of its errors."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DBAPIError

from chatbot.errors import DataDirectoryError
from chatbot.knowledge.store import soundness

_BUSY_S = 30

_PERMISSIONS = "mend the permissions of the file and of its folder, or set CHATBOT_DATA_DIR to another directory"
_LOST = "check the disk, then restore the file from a backup, or move its folder away, then run `chatbot sync`"
_ADVICE = {
    sqlite3.SQLITE_FULL: "make room on the disk, then run the command again",
    sqlite3.SQLITE_BUSY: "close the other program that has it open, then run the command again",
    sqlite3.SQLITE_LOCKED: "close the other program that has it open, then run the command again",
    sqlite3.SQLITE_IOERR: "check the disk, then run the command again",
    sqlite3.SQLITE_PERM: _PERMISSIONS,
    sqlite3.SQLITE_AUTH: _PERMISSIONS,
    sqlite3.SQLITE_READONLY: _PERMISSIONS,
    sqlite3.SQLITE_CANTOPEN: _PERMISSIONS,
    sqlite3.SQLITE_CORRUPT: _LOST,
    sqlite3.SQLITE_NOTADB: _LOST,
}
"""What to do, by SQLite's primary result code; any other code is a mistake in our SQL."""


class SqliteFile:
    """A `Backend`."""

    moving_on = "set CHATBOT_DATA_DIR to another directory"
    version_query = "SELECT sqlite_version()"
    check_query = "PRAGMA integrity_check(5)"

    def __init__(self, file: Path) -> None:
        """
        Raises:
            DataDirectoryError: see `soundness.look`.
        """
        soundness.look(file)
        self.name = str(file)
        self._file = file
        self.engine = create_engine(URL.create("sqlite", database=str(file)), connect_args={"timeout": _BUSY_S})
        event.listen(self.engine, "connect", _configure)

    def close(self) -> None:
        self.engine.dispose()
        soundness.note(self._file)

    def hold(self) -> None:
        """Whoever opens the file owns the data directory that it lies in."""

    def begin(self, connection: Connection) -> None:
        # Python's driver begins by itself only before a row is changed, so a changed table would be outside of the transaction
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def renew(self, connection: Connection) -> str:
        return ""

    def kind(self, error: DBAPIError) -> type[DataDirectoryError]:
        return DataDirectoryError

    def advice(self, error: DBAPIError) -> str | None:
        code: int = getattr(error.orig, "sqlite_errorcode", 0)
        return _ADVICE.get(code & 0xFF)  # the primary code; what is above it says more closely where

    def marked_schema(self, connection: Connection) -> int:
        return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())

    def mark_schema(self, connection: Connection, schema: int) -> None:
        # the program of schema 1 looks here, and nowhere else, whether a newer one wrote the file
        connection.exec_driver_sql(f"PRAGMA user_version = {schema}")

    def back_up(self, schema: int) -> None:
        part = self._file.with_name(f"{self._file.name}.part")
        try:
            part.unlink(missing_ok=True)
            # never by reading the file as a file: closing it again would drop the locks that SQLite holds in this process
            with contextlib.closing(sqlite3.connect(self._file)) as source, contextlib.closing(sqlite3.connect(part)) as copy:
                source.backup(copy)
            part.replace(self._backup(schema))
        except (sqlite3.Error, OSError) as error:
            raise DataDirectoryError(
                f"{self._file} could not be copied before its schema is changed ({error}); nothing was changed: "
                "make room on the disk and mend the permissions of its folder, then run the command again"
            ) from error

    def forget_backups(self) -> None:
        # by number, not by pattern: what somebody else put beside the file is theirs
        for schema in range(2, 100):
            self._backup(schema).unlink(missing_ok=True)

    def _backup(self, schema: int) -> Path:
        return self._file.with_name(f"{self._file.name}.before-{schema}")


def _configure(connection: Any, _record: Any) -> None:
    # Rollback journal, not WAL: SQLite before 3.51.3 can lose commits in WAL mode with two connections (sqlite.org/wal.html,
    # "WAL-reset bug"), and Python builds carry such versions for years.
    # What is deleted is overwritten: a document that was removed shall not be found in the file's free pages.
    for pragma in ("journal_mode = DELETE", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")
