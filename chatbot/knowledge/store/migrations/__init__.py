"""Brings a catalogue to the schema of this program: one file a step in `versions`, all steps in one transaction."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from chatbot.errors import DataDirectoryError
from chatbot.knowledge.store.database import Backend, Database

SCHEMA = 5
"""The newest file in `versions`. Raised whenever a table changes its meaning, so that an older program leaves it alone."""


def upgrade(database: Database) -> None:
    """Make the tables, or change those of an older program; a copy is made before, and stays until the next opening.

    A process that is killed here leaves the catalogue as it was.

    Raises:
        DataDirectoryError: the database cannot be read or written, cannot be copied, or is of a newer chatbot
            or none.
    """
    backend = database.backend
    with database.writing() as connection:
        schema = _understood_schema(connection, backend)
        if schema < SCHEMA:
            if schema:
                backend.back_up(SCHEMA)
            _run(connection, from_schema=schema, noted=bool(_migrated_schema(connection, backend.name)))
            backend.mark_schema(connection, SCHEMA)
        backend.renew(connection)
    if schema == SCHEMA:
        backend.forget_backups()


def look(database: Database) -> int:
    """The schema of a database, 0 where there are no tables yet; nothing is changed.

    Raises:
        DataDirectoryError: the database cannot be read, or is of a newer chatbot or none.
    """
    with database.reading() as connection:
        return _understood_schema(connection, database.backend)


def _understood_schema(connection: Connection, backend: Backend) -> int:
    schema = max(_migrated_schema(connection, backend.name), backend.marked_schema(connection), _unmarked_schema(connection))
    if schema > SCHEMA:
        raise DataDirectoryError(
            f"{backend.name} was written by a newer chatbot (its schema is {schema}, this one knows {SCHEMA}); "
            f"install that one again, or {backend.moving_on}"
        )
    return schema


def _migrated_schema(connection: Connection, name: str) -> int:
    if not inspect(connection).has_table("alembic_version"):
        return 0
    noted = str(connection.scalar(text("SELECT version_num FROM alembic_version")) or 0)
    if not noted.isdecimal():
        raise DataDirectoryError(f"{name} says that its schema is {noted!r}, which no chatbot wrote; restore a backup of it")
    return int(noted)


def _unmarked_schema(connection: Connection) -> int:
    """1 for tables made before there were migrations."""
    return int(inspect(connection).has_table("documents"))


def _run(connection: Connection, from_schema: int, noted: bool) -> None:
    from alembic import command  # takes as long as all else of an opening, and is needed once a schema
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    if from_schema and not noted:
        command.stamp(config, str(from_schema))
    command.upgrade(config, "head")
