"""The catalogue's tables, and the values its rows are read into. A change here needs a migration: see `migrations`."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, Text, UniqueConstraint

from chatbot.encoders import Vectors
from chatbot.knowledge.reading.splitter import embedded_hash, embedded_text
from chatbot.reports import StoredDocument, StoredState
from chatbot.schema import Chunk, Document, Value

metadata = MetaData()

LAST_CHARACTER = 2**31 - 1
"""No text is longer: the largest number that PostgreSQL keeps in a column of integers."""

meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", String, nullable=False))

sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("collection", String, nullable=False),
    Column("location", String, nullable=False),
    UniqueConstraint("collection", "location"),
)

documents = Table(
    "documents",
    metadata,
    Column("id", String, primary_key=True),
    Column("source_id", ForeignKey("sources.id", ondelete="CASCADE"), nullable=False),
    Column("collection", String, nullable=False),
    Column("path", String, nullable=False),
    Column("title", String, nullable=False),
    Column("content_hash", String, nullable=False),
    Column("recipe", String, nullable=False),
    Column("access", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("missing", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("mark", String, nullable=False, server_default=""),
    Column("reading", String, nullable=False, server_default=""),
    Column("date", String, nullable=False, server_default=""),
    Index("ix_documents_source_id_path", "source_id", "path"),
)

# in a table of its own: what is searched and listed reads whole rows of documents, and needs no outline
outlines = Table(
    "outlines",
    metadata,
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("outline", JSON, nullable=False),
)

chunks = Table(
    "chunks",
    metadata,
    Column("id", String, primary_key=True),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("heading_path", JSON, nullable=False),
    Column("text", Text, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("page", Integer),
    Column("embedded_hash", String, nullable=False, index=True),
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("embedded_hash", String, primary_key=True),
    Column("fingerprint", String, primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)


class Source(Value):
    """A folder, file or built-in collection that is kept in step with the catalogue."""

    id: int
    collection: str
    location: str


class Version(Value):
    """What tells whether a version of a document is up to date."""

    document_id: str
    state: StoredState
    reason: str
    """Of a failed or refused one."""
    collection: str
    content_hash: str
    reading: str
    """By which `READING` it was read; empty for one that is to be read anew."""
    recipe: str
    """By which it was split."""
    title: str
    chunks: int
    missing: str
    mark: str
    """As its origin gave it; see `origins`."""


class IndexRow(Value):
    """A chunk as both indexes need it."""

    id: str
    collection: str
    access: str
    text: str
    """What is embedded and indexed: title, headings, text."""

    @cached_property
    def embedded_hash(self) -> str:
        return embedded_hash(self.text)


class StoredVector(NamedTuple):
    """A chunk's vector with what it is filtered by: of these there are hundreds of thousands, so no more than that."""

    id: str
    collection: str
    access: str
    vector: bytes
    """float32."""


def to_source(row: Any) -> Source:
    return Source(id=row.id, collection=row.collection, location=row.location)


def to_version(row: Any) -> Version:
    return Version(
        document_id=row.id,
        state=row.state,
        reason=row.reason,
        collection=row.collection,
        content_hash=row.content_hash,
        reading=row.reading,
        recipe=row.recipe,
        title=row.title,
        chunks=row.chunks,
        missing=row.missing,
        mark=row.mark,
    )


def to_stored(row: Any) -> StoredDocument:
    return StoredDocument(
        collection=row.collection, source=row.path, state=row.state, reason=row.reason or row.missing, chunks=row.chunks
    )


def to_chunk(row: Any) -> Chunk:
    return Chunk(
        id=row.chunks_id,
        document_id=row.chunks_document_id,
        heading_path=tuple(row.chunks_heading_path),
        text=row.chunks_text,
        start=row.chunks_start,
        end=row.chunks_end,
        page=row.chunks_page,
    )


def to_document(row: Any) -> Document:
    return Document(
        id=row.documents_id,
        collection=row.documents_collection,
        source=row.documents_path,
        title=row.documents_title,
        content_hash=row.documents_content_hash,
        access=row.documents_access,
        date=row.documents_date,
    )


def to_index_row(row: Any) -> IndexRow:
    """From the columns id, collection, access, title, heading_path, text."""
    text = embedded_text(row.title, row.heading_path, row.text)
    return IndexRow(id=row.id, collection=row.collection, access=row.access, text=text)


def to_vector(stored: bytes) -> Vectors:
    return np.frombuffer(stored, np.float32)
