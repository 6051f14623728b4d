"""The catalogue's SQLite file: opened, its version looked at, and its errors told as ours. Knows nothing of what is stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, create_engine, event
from sqlalchemy.exc import DatabaseError

from chatbot.errors import DataDirectoryError

SCHEMA = 1
"""Raised whenever a table changes its meaning, so that an older program leaves the file alone."""

_BUSY_S = 30

_PERMISSIONS = "mend the permissions of the file and of its folder, or set CHATBOT_DATA_DIR to another directory"
_ADVICE = {
    sqlite3.SQLITE_FULL: "make room on the disk, then run the command again",
    sqlite3.SQLITE_BUSY: "close the other program that has it open, then run the command again",
    sqlite3.SQLITE_LOCKED: "close the other program that has it open, then run the command again",
    sqlite3.SQLITE_IOERR: "check the disk, then run the command again",
    sqlite3.SQLITE_PERM: _PERMISSIONS,
    sqlite3.SQLITE_AUTH: _PERMISSIONS,
    sqlite3.SQLITE_READONLY: _PERMISSIONS,
    sqlite3.SQLITE_CANTOPEN: _PERMISSIONS,
    sqlite3.SQLITE_CORRUPT: "move it away, then run `chatbot sync`",
    sqlite3.SQLITE_NOTADB: "move it away, then run `chatbot sync`",
}
"""What to do, by SQLite's primary result code; any other code is a mistake in our SQL."""


class Database:
    """Hands out connections; each is one transaction. May be used from any thread."""

    def __init__(self, file: Path, tables: MetaData) -> None:
        """
        Raises:
            DataDirectoryError: the file is damaged, no SQLite database, not accessible, or of a newer chatbot.
        """
        self._file = file
        self._engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": _BUSY_S})
        event.listen(self._engine, "connect", _configure)
        with self.writing() as connection:
            version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
            if version > SCHEMA:
                raise DataDirectoryError(
                    f"{file} was written by a newer chatbot (its schema is {version}, this one knows {SCHEMA}); "
                    "install that one again, or set CHATBOT_DATA_DIR to another directory"
                )
            tables.create_all(connection)
            if version < SCHEMA:
                connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """
        Raises:
            DataDirectoryError: the file cannot be read.
        """
        with self._translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """Committed at the end, rolled back by an error.

        Raises:
            DataDirectoryError: the file cannot be written; the message says what to do about it.
        """
        with self._translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except DatabaseError as error:
            code: int = getattr(error.orig, "sqlite_errorcode", 0)
            advice = _ADVICE.get(code & 0xFF)  # the primary code; what is above it says more closely where
            if advice is None:
                raise
            raise DataDirectoryError(f"{self._file} cannot be used ({error.orig}); {advice}") from error


def _configure(connection: Any, _record: Any) -> None:
    # Rollback journal, not WAL: SQLite before 3.51.3 can lose commits in WAL mode with two connections (sqlite.org/wal.html,
    # "WAL-reset bug"), and Python builds carry such versions for years.
    for pragma in ("journal_mode = DELETE", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
