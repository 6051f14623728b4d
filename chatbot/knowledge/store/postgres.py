"""The catalogue in a PostgreSQL database: how it is reached and held, and what to do about each of its errors."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, Connection, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from chatbot.errors import DatabaseUnavailable, DataDirectoryError, DataDirectoryInUse, SettingsError
from chatbot.knowledge.store import sign_in

_CONNECT_S = 10
_NETWORK = {
    "connect_timeout": _CONNECT_S,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""A server whose machine is gone, and which therefore refuses nothing, is noticed within a minute (libpq's names and units)."""
_SESSION = "-c statement_timeout=10min -c lock_timeout=1min -c idle_in_transaction_session_timeout=10min"
"""Nothing waits for ever. What stands in the URL as `options` comes after it, and wins."""
_CONNECTIONS = {"pool_size": 8, "max_overflow": 8, "pool_timeout": _CONNECT_S, "pool_pre_ping": True}
"""PostgreSQL allows 100 in all unless it is told otherwise; those beyond the first eight are closed after use."""
_LOCK = 0x63686174
"""Any number that no other program takes for its lock in the same database."""
_TOKEN = "owner"  # noqa: S105  a key of `meta`, no password
_OURS = text("SELECT value = :token FROM meta WHERE key = :key FOR SHARE")
_HELD = text(
    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database "
    "WHERE locktype = 'advisory' AND objid = :lock AND pid = :pid AND datname = current_database()"
)
_LOOK_S = 1
"""How often a writer looks whether the lock is still held: that takes a millisecond."""

_REACH = "see that the server runs and that this machine may reach it, then run the command again"
_SIGN_IN = "mend user and password in CHATBOT_DATABASE"
_WAITED = "see what else works in the database, or allow more time in CHATBOT_DATABASE: ?options=-c%20{}%3D1h"
_ADVICE = {
    "28000": _SIGN_IN,
    "28P01": _SIGN_IN,
    "3D000": "create it with `createdb`, or mend the name in CHATBOT_DATABASE",
    "42501": "let the user create tables in the database, or name another user in CHATBOT_DATABASE",
    "25006": "give CHATBOT_DATABASE the address of the server that can be written",
    "40P01": "run the command again",
    "53100": "make room on the server's disk, then run the command again",
    "53200": "give the server more memory, then run the command again",
    "53300": "close other connections to the server, or raise its max_connections, then run the command again",
    "55P03": _WAITED.format("lock_timeout"),
    "57014": _WAITED.format("statement_timeout"),
    "58030": "check the server's disk, then run the command again",
    "XX001": "restore the database from a backup",
    "XX002": "restore the database from a backup",
}
"""What to do, by SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html)."""
_UNREACHABLE = ("08", "57P", "25P03")
"""SQLSTATEs, or their classes: the connection broke, or the server stops or starts."""


class PostgresDatabase:
    """A `Backend`. One process owns the database; that process may let others write for a while, which then know its token."""

    moving_on = "set CHATBOT_DATABASE to another database"
    version_query = "SHOW server_version"
    check_query = "SELECT 'ok'"

    def __init__(self, url: str, token: str = "") -> None:
        """`token` is the owner's, for a process that writes by its leave.

        Raises:
            SettingsError: `url` cannot be read, or PostgreSQL's driver is not installed.
        """
        try:
            place = make_url(url).set(drivername="postgresql+psycopg")
            self.engine = create_engine(_patient(place), connect_args=_NETWORK, **_CONNECTIONS)
        except (ArgumentError, ValueError):
            # without the value, which may hold a password, and without the cause, which quotes it
            raise SettingsError(
                "CHATBOT_DATABASE cannot be read; write it like postgresql+psycopg://user:password@host/name"
            ) from None
        except ModuleNotFoundError as error:
            raise SettingsError("PostgreSQL needs its driver; install it with `pip install 'chatbot[postgres]'`") from error
        self.name = place.render_as_string(hide_password=True)
        self._token = token
        self._holder: Connection | None = None
        self._holder_pid = 0
        self._looked = 0.0
        self._holding = threading.Lock()

    def close(self) -> None:
        if self._holder:
            # by word too: a server notices a moment later that a connection was closed
            with contextlib.suppress(DBAPIError):
                self._holder.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
            self._holder.close()
        self.engine.dispose()

    def hold(self) -> None:
        # the server's lock, not a row: it goes with the connection, however this process ends
        self._holder = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        asked = text("SELECT pg_try_advisory_lock(:lock), pg_backend_pid()")
        held, self._holder_pid = self._holder.execute(asked, {"lock": _LOCK}).one()
        if not held:
            raise DataDirectoryInUse(f"{self.name} is open in another chatbot; close that one, or {self.moving_on}")

    def renew(self, connection: Connection) -> str:
        # waits for every transaction that an older token let begin
        self._token = secrets.token_hex(16)
        statement = "INSERT INTO meta VALUES (:key, :token) ON CONFLICT (key) DO UPDATE SET value = :token"
        connection.execute(text(statement), {"key": _TOKEN, "token": self._token})
        return self._token

    def begin(self, connection: Connection) -> None:
        """Make sure that the database is still ours: the lock goes with its connection, and then another process may take it.

        That one renews the token first, which waits for this transaction's share of it; so the two never write at once.
        """
        if not self._token:
            return  # its tables are being made
        if not connection.scalar(_OURS, {"key": _TOKEN, "token": self._token}):
            raise DataDirectoryInUse(
                f"{self.name} was taken over by another chatbot while this one had lost its connection, and this one "
                "writes nothing more; close one of the two"
            )
        if self._holder and time.monotonic() > self._looked + _LOOK_S:
            self._looked = time.monotonic()
            if not connection.scalar(_HELD, {"lock": _LOCK, "pid": self._holder_pid}):
                self._hold_again()

    def advice(self, error: DBAPIError) -> str | None:
        state = self._state(error)
        return _ADVICE.get(state) or (_REACH if self._is_away(error, state) else None)

    def kind(self, error: DBAPIError) -> type[DataDirectoryError]:
        return DatabaseUnavailable if self._is_away(error, self._state(error)) else DataDirectoryError

    def marked_schema(self, connection: Connection) -> int:
        return 0

    def mark_schema(self, connection: Connection, schema: int) -> None:
        """No program that knows PostgreSQL is older than migrations."""

    def back_up(self, schema: int) -> None:
        """Whoever runs a server runs its backups: `pg_dump` before an upgrade. A copy of ours would lie on the same disk, and
        double what is there. The one transaction makes it all or nothing."""

    def forget_backups(self) -> None:
        """None was made."""

    def _hold_again(self) -> None:
        with self._holding:
            if self._holder:
                self._holder.invalidate()
                self._holder.close()
                self._holder = None
            self.hold()

    def _state(self, error: DBAPIError) -> str:
        state: str | None = getattr(error.orig, "sqlstate", None)
        if state or not isinstance(error, OperationalError) or error.statement:
            return state or ""
        _, parameters = self.engine.dialect.create_connect_args(self.engine.url)
        return sign_in.sqlstate(parameters, _CONNECT_S)

    def _is_away(self, error: DBAPIError, state: str) -> bool:
        return state.startswith(_UNREACHABLE) or (not state and isinstance(error, OperationalError))


def _patient(place: URL) -> URL:
    query: Mapping[str, Any] = place.query
    given = query.get("options", "")
    return place.update_query_dict({"options": f"{_SESSION} {given if isinstance(given, str) else ' '.join(given)}".strip()})
