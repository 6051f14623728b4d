"""Notes of the catalogue about itself, by key. The transaction is the caller's."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from chatbot.knowledge.store import tables
from chatbot.knowledge.store.database import upsert


def read(connection: Connection, key: str) -> str | None:
    return connection.scalar(select(tables.meta.c.value).where(tables.meta.c.key == key))


def write(connection: Connection, notes: Mapping[str, str]) -> None:
    for key, value in notes.items():
        statement = upsert(connection, tables.meta).values(key=key, value=value)
        connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": value}))
