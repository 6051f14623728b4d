"""The catalogue's database: transactions on it, and its errors told as ours. Knows nothing of what is stored."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chatbot.errors import DatabaseUnavailable, DataDirectoryError
from chatbot.knowledge.store.postgres import PostgresDatabase
from chatbot.knowledge.store.sqlite import SqliteFile

_BATCH = 500


class Backend(Protocol):
    """What differs from one kind of database to the other."""

    name: str
    """For messages, without a password."""
    moving_on: str
    """How to leave this database alone and use another."""
    version_query: str
    check_query: str
    """Gives "ok", or what is wrong with the files."""
    engine: Engine

    def close(self) -> None: ...

    def hold(self) -> None:
        """Keep other processes away for as long as it is open: they would have other indexes made from it.

        Raises:
            DataDirectoryInUse: another process holds it.
        """
        ...

    def begin(self, connection: Connection) -> None:
        """Make what follows one transaction, changes of tables too.

        Raises:
            DataDirectoryInUse: another process holds it now.
        """
        ...

    def renew(self, connection: Connection) -> str:
        """Let nobody write any more who does not know the token that this returns; "" where others cannot write anyway."""
        ...

    def kind(self, error: DBAPIError) -> type[DataDirectoryError]:
        """What an error is that there is advice about."""
        ...

    def advice(self, error: DBAPIError) -> str | None:
        """What to do about an error; None where it is a mistake of ours."""
        ...

    def marked_schema(self, connection: Connection) -> int:
        """The schema that programs older than migrations find noted; 0 where none is."""
        ...

    def mark_schema(self, connection: Connection, schema: int) -> None: ...

    def back_up(self, schema: int) -> None:
        """Copy what there is before it is brought to `schema`, or leave that to who runs the database.

        Raises:
            DataDirectoryError: it cannot be copied.
        """
        ...

    def forget_backups(self) -> None: ...


class Database:
    """Hands out connections; each is one transaction. May be used from any thread."""

    def __init__(self, place: Path | str, token: str = "") -> None:
        """Open a SQLite file, made if there is none, or the database of a PostgreSQL URL.

        `token` is for a process that does not own the PostgreSQL database: see `renew`.

        Raises:
            SettingsError: the URL cannot be read, or its driver is not installed.
            DataDirectoryError: the file was emptied.
        """
        self.backend: Backend = SqliteFile(place) if isinstance(place, Path) else PostgresDatabase(place, token)
        self._state = object()

    def close(self) -> None:
        self.backend.close()

    def hold(self) -> None:
        """Be the one process that has it open.

        Raises:
            DataDirectoryInUse: another process is.
            DataDirectoryError: the database cannot be reached.
        """
        with self._translated():
            self.backend.hold()

    def renew(self) -> str:
        """Let no other process write any more, and return the token by which some may from now on.

        Raises:
            DataDirectoryError: the database cannot be written.
        """
        with self._translated(), self.backend.engine.begin() as connection:
            return self.backend.renew(connection)

    def version(self) -> str:
        """Of SQLite, or of the PostgreSQL server.

        Raises:
            DataDirectoryError: the database cannot be reached.
        """
        with self.reading() as connection:
            return str(connection.exec_driver_sql(self.backend.version_query).scalar_one())

    def damage(self) -> str:
        """What is wrong with the files; empty if nothing is, or where a server looks after them.

        Raises:
            DataDirectoryError: the database cannot be read.
        """
        with self.reading() as connection:
            said = connection.exec_driver_sql(self.backend.check_query).scalars().all()
        return "" if said == ["ok"] else "; ".join(map(str, said))

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """
        Raises:
            DataDirectoryError: the database cannot be read.
        """
        with self._translated(), self.backend.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """Committed at the end, rolled back by an error.

        Raises:
            DataDirectoryError: the database cannot be written; the message says what to do about it.
            DataDirectoryInUse: another process took a PostgreSQL database over.
        """
        with self._translated(), self.backend.engine.begin() as connection:
            self.backend.begin(connection)
            yield connection
        self._state = object()

    def state(self) -> object:
        """Another object after each write, committed before it is given: equal to an earlier one only if nothing was written."""
        return self._state

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except DBAPIError as error:
            advice = self.backend.advice(error)
            if advice is None:
                raise
            said = " ".join(str(error.orig).split())
            raise self.backend.kind(error)(f"{self.backend.name} cannot be used ({said}); {advice}") from error
        except PoolTimeout as error:
            raise DatabaseUnavailable(
                f"{self.backend.name} has been busy with other requests for too long; try again in a moment"
            ) from error


def upsert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that can be told what to do `on_conflict`, which SQL's standard has no word for."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def batched(items: Iterable[str]) -> Iterator[list[str]]:
    """So many values as one statement may name, at a time."""
    iterator = iter(items)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
