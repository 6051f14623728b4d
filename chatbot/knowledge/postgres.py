"""The catalogue in a PostgreSQL database: how it is reached and held, and what to do about each of its errors."""

from __future__ import annotations

import re

from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from chatbot.errors import DataDirectoryInUse, SettingsError

_CONNECT_S = 10
_LOCK = 0x63686174
"""Any number that no other program takes for its lock in the same database."""

_REACH = "see that the server runs and that this machine may reach it, then run the command again"
_SIGN_IN = "mend user and password in CHATBOT_DATABASE"
_ADVICE = {
    "28000": _SIGN_IN,
    "28P01": _SIGN_IN,
    "3D000": "create it with `createdb`, or mend the name in CHATBOT_DATABASE",
    "42501": "let the user create tables in the database, or name another user in CHATBOT_DATABASE",
    "25006": "give CHATBOT_DATABASE the address of the server that can be written",
    "53100": "make room on the server's disk, then run the command again",
    "53200": "give the server more memory, then run the command again",
    "53300": "close other connections to the server, then run the command again",
    "58030": "check the server's disk, then run the command again",
    "XX001": "restore the database from a backup",
    "XX002": "restore the database from a backup",
}
"""What to do, by SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html)."""
_UNREACHABLE = ("08", "57P")
"""Classes of SQLSTATE: the connection broke, or the server stops or starts."""
_SIGN_IN_STATES = {
    "password": "28P01",
    "authentication": "28000",
    "pg_hba.conf": "28000",
    "role": "28000",
    "database": "3D000",
    "too many": "53300",
}
"""SQLSTATE by what the server's last words hold: while a connection is made, the driver passes on no other."""


class PostgresDatabase:
    """A `Backend`."""

    moving_on = "set CHATBOT_DATABASE to another database"
    version_query = "SHOW server_version"
    check_query = "SELECT 'ok'"

    def __init__(self, url: str) -> None:
        """
        Raises:
            SettingsError: `url` cannot be read, or PostgreSQL's driver is not installed.
        """
        try:
            place = make_url(url).set(drivername="postgresql+psycopg")
            self.engine = create_engine(place, connect_args={"connect_timeout": _CONNECT_S}, pool_pre_ping=True)
        except (ArgumentError, ValueError):
            # without the value, which may hold a password, and without the cause, which quotes it
            raise SettingsError(
                "CHATBOT_DATABASE cannot be read; write it like postgresql+psycopg://user:password@host/name"
            ) from None
        except ModuleNotFoundError as error:
            raise SettingsError("PostgreSQL needs its driver; install it with `pip install 'chatbot[postgres]'`") from error
        self.name = place.render_as_string(hide_password=True)
        self._holder: Connection | None = None

    def close(self) -> None:
        if self._holder:
            self._holder.close()
        self.engine.dispose()

    def hold(self) -> None:
        # the server's lock, not a row: it goes with the connection, however this process ends
        self._holder = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if not self._holder.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}):
            raise DataDirectoryInUse(f"{self.name} is open in another chatbot; close that one, or {self.moving_on}")

    def begin(self, connection: Connection) -> None:
        """PostgreSQL changes tables inside of transactions as it does rows."""

    def advice(self, error: DBAPIError) -> str | None:
        state: str = getattr(error.orig, "sqlstate", None) or _sign_in_state(error)
        unreachable = state.startswith(_UNREACHABLE) or (not state and isinstance(error, OperationalError))
        return _ADVICE.get(state) or (_REACH if unreachable else None)

    def marked_schema(self, connection: Connection) -> int:
        return 0

    def mark_schema(self, connection: Connection, schema: int) -> None:
        """No program that knows PostgreSQL is older than migrations."""

    def back_up(self, schema: int) -> None:
        """Whoever runs a server runs its backups; the transaction alone makes it all or nothing."""

    def forget_backups(self) -> None:
        """None was made."""


def _sign_in_state(error: DBAPIError) -> str:
    # names stand in quotes, and may be any word
    _, fatal, refusal = re.sub('"[^"]*"', "", str(error.orig)).rpartition("FATAL:")
    return next((state for words, state in _SIGN_IN_STATES.items() if fatal and words in refusal), "")
