"""Reads the catalogue's chunks with what an answer and both indexes need of their documents. The transaction is the caller's.

The statements are made once: building one takes longer than SQLite takes to answer it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import LABEL_STYLE_TABLENAME_PLUS_COL, Connection, Select, bindparam, select

from chatbot.encoders import Vectors
from chatbot.knowledge.store import tables
from chatbot.knowledge.store.database import batched
from chatbot.knowledge.store.states import LIVE
from chatbot.knowledge.store.tables import IndexRow, to_chunk, to_document, to_index_row, to_vector
from chatbot.schema import Chunk, Document

_chunk = tables.chunks.c
_document = tables.documents.c
_AMONG = _chunk.id.in_(bindparam("ids", expanding=True))
_OF_DOCUMENT = [column for column in tables.documents.c if column.name != "text"]
"""A document's text is as long as all its chunks together, and would be read anew with each."""

_BOTH = select(tables.chunks, *_OF_DOCUMENT).join(tables.documents).set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL).where(_AMONG)
_PUBLISHED = _BOTH.where(LIVE)
_WITHIN = (
    select(tables.chunks)
    .set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
    .where(_chunk.document_id == bindparam("document_id"), _chunk.start < bindparam("before"), _chunk.end > bindparam("behind"))
    .order_by(_chunk.start)
)
_INDEXED = (
    select(_chunk.id, _document.collection, _document.access, _document.title, _chunk.heading_path, _chunk.text)
    .join(tables.documents)
    .where(_AMONG)
)
_VECTORS = (
    select(_chunk.id, tables.embeddings.c.vector)
    .join(tables.embeddings, tables.embeddings.c.embedded_hash == _chunk.embedded_hash)
    .where(_AMONG, tables.embeddings.c.fingerprint == bindparam("fingerprint"))
)
_HASHES = select(_chunk.id, _chunk.embedded_hash).where(_AMONG)


def published(connection: Connection, ids: Iterable[str]) -> dict[str, tuple[Chunk, Document]]:
    """Those of live documents, with their documents."""
    return {row.chunks_id: (to_chunk(row), to_document(row)) for row in _rows(connection, _PUBLISHED, ids)}


def within(connection: Connection, document_id: str, start: int, end: int) -> list[Chunk]:
    """Those of a document that share a character with a span of its text, in the order of the text."""
    rows = connection.execute(_WITHIN, {"document_id": document_id, "before": end, "behind": start})
    return [to_chunk(row) for row in rows]


def index_rows(connection: Connection, ids: Iterable[str]) -> list[IndexRow]:
    """As both indexes need them, whatever the state of their documents; ids that are gone are left out."""
    return [to_index_row(row) for row in _rows(connection, _INDEXED, ids)]


def vectors(connection: Connection, ids: Iterable[str], fingerprint: str) -> dict[str, Vectors]:
    """The vectors of chunks by their ids; those not stored are absent."""
    return {row.id: to_vector(row.vector) for row in _rows(connection, _VECTORS, ids, fingerprint=fingerprint)}


def hashes(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """The hashes that are stored for the embedded texts of chunks, by chunk id."""
    return {row.id: row.embedded_hash for row in _rows(connection, _HASHES, ids)}


def _rows(connection: Connection, statement: Select[*tuple[Any, ...]], ids: Iterable[str], **values: str) -> Iterable[Any]:
    for batch in batched(ids):
        yield from connection.execute(statement, {"ids": batch, **values}).all()
