"""The catalogue: sources, documents, chunks and embeddings in SQL. It is the truth; both indexes are rebuilt from it.

A document is staged while its chunks are embedded and indexed, then published in one transaction together with the removal of
the version it replaces. Searches see published documents only, so a killed sync leaves either the old version or the new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from sqlalchemy import LABEL_STYLE_TABLENAME_PLUS_COL, Connection, delete, func, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from chatbot.encoders import Vectors
from chatbot.errors import DataDirectoryError
from chatbot.knowledge import tables
from chatbot.knowledge.database import Database
from chatbot.knowledge.splitter import embedded_hash, embedded_text
from chatbot.knowledge.tables import IndexRow, Source, Version, to_chunk, to_document, to_index_row, to_source
from chatbot.schema import Chunk, Document

_BATCH = 500


class Catalogue:
    """Opened by the one process that owns the data directory; its methods may be called from any thread.

    Each of them raises `DataDirectoryError` where the file cannot be read or written (a full disk, damage, permissions).
    """

    def __init__(self, file: Path) -> None:
        """
        Raises:
            DataDirectoryError: see `Database`; or the file was emptied.
        """
        if file.exists() and not file.stat().st_size and (file.parent / "indexes").exists():
            # SQLite would take it for a new one, and all that was synced would be gone without a word
            raise DataDirectoryError(
                f"{file} is empty although there are indexes made from it; "
                f"restore it from a backup, or move {file.parent} away, then run `chatbot sync`"
            )
        self._database = Database(file, tables.metadata)

    def close(self) -> None:
        self._database.close()

    # sources

    def add_source(self, collection: str, location: str) -> Source:
        """Register a source; the same one again changes nothing."""
        with self._database.writing() as connection:
            connection.execute(upsert(tables.sources).values(collection=collection, location=location).on_conflict_do_nothing())
            wanted = (tables.sources.c.collection == collection) & (tables.sources.c.location == location)
            return to_source(connection.execute(select(tables.sources).where(wanted)).one())

    def sources(self) -> list[Source]:
        with self._database.reading() as connection:
            return [to_source(row) for row in connection.execute(select(tables.sources).order_by(tables.sources.c.id))]

    def move_source(self, source: Source, collection: str) -> Source:
        """Put a source into another collection; its documents follow when they are next published."""
        with self._database.writing() as connection:
            wanted = tables.sources.c.id == source.id
            connection.execute(update(tables.sources).where(wanted).values(collection=collection))
        return source.model_copy(update={"collection": collection})

    def remove_source(self, source: Source) -> None:
        """Forget a source that holds no documents any more."""
        with self._database.writing() as connection:
            connection.execute(delete(tables.sources).where(tables.sources.c.id == source.id))

    # documents

    def versions(self, source: Source) -> dict[str, Version]:
        """Published documents of a source by path."""
        counted = (
            select(tables.documents, func.count(tables.chunks.c.id).label("chunks"))
            .join(tables.chunks, isouter=True)
            .where(tables.documents.c.source_id == source.id, tables.documents.c.published)
            .group_by(tables.documents.c.id)
        )
        with self._database.reading() as connection:
            return {
                row.path: Version(
                    document_id=row.id,
                    collection=row.collection,
                    content_hash=row.content_hash,
                    recipe=row.recipe,
                    chunks=row.chunks,
                    missing=row.missing,
                )
                for row in connection.execute(counted)
            }

    def stage(self, source: Source, document: Document, text: str, missing: str, recipe: str, chunks: Sequence[Chunk]) -> None:
        """Write a new version of a document, not yet visible."""
        with self._database.writing() as connection:
            connection.execute(delete(tables.documents).where(tables.documents.c.id == document.id))
            connection.execute(
                insert(tables.documents).values(
                    id=document.id,
                    source_id=source.id,
                    collection=document.collection,
                    path=document.source,
                    title=document.title,
                    content_hash=document.content_hash,
                    recipe=recipe,
                    access=document.access,
                    text=text,
                    missing=missing,
                    published=False,
                )
            )
            for chunk in chunks:
                values = {**chunk.model_dump(mode="json"), "embedded_hash": embedded_hash(embedded_text(document.title, chunk))}
                connection.execute(insert(tables.chunks).values(values))

    def publish(self, document_ids: Sequence[str]) -> list[str]:
        """Make staged documents visible and drop the versions they replace, at once; returns the dropped chunks' ids."""
        staged = tables.documents.alias("staged")
        replaced = (
            select(tables.documents.c.id)
            .join(staged, (staged.c.source_id == tables.documents.c.source_id) & (staged.c.path == tables.documents.c.path))
            .where(staged.c.id.in_(document_ids), tables.documents.c.published, tables.documents.c.id.not_in(document_ids))
        )
        with self._database.writing() as connection:
            old = list(connection.scalars(replaced))
            dropped = _drop(connection, old)
            connection.execute(update(tables.documents).where(tables.documents.c.id.in_(document_ids)).values(published=True))
            return dropped

    def remove(self, document_ids: Sequence[str]) -> list[str]:
        """Delete documents; returns the dropped chunks' ids."""
        with self._database.writing() as connection:
            return _drop(connection, document_ids)

    def discard_staged(self) -> None:
        """Forget what a killed sync left unfinished. Its embeddings stay, so finishing costs no second encoding."""
        with self._database.writing() as connection:
            connection.execute(delete(tables.documents).where(tables.documents.c.published.is_(False)))

    def document_text(self, document_id: str) -> str:
        """The extracted text that every span of a document counts in; empty for an unknown id."""
        with self._database.reading() as connection:
            found = connection.scalar(select(tables.documents.c.text).where(tables.documents.c.id == document_id))
        return found or ""

    def documents(self, name: str = "") -> list[Document]:
        """Published documents by collection and path: all, or those that `name` names, as a path or as collection/path."""
        columns = tables.documents.c
        wanted = select(*(column for column in columns if column.name != "text")).where(columns.published)
        if name:
            wanted = wanted.where((columns.path == name) | (columns.collection + "/" + columns.path == name))
        ordered = wanted.order_by(columns.collection, columns.path).set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
        with self._database.reading() as connection:
            return [to_document(row) for row in connection.execute(ordered)]

    def collections(self) -> dict[str, int]:
        """Number of published documents by collection."""
        counted = (
            select(tables.documents.c.collection, func.count())
            .where(tables.documents.c.published)
            .group_by(tables.documents.c.collection)
        )
        with self._database.reading() as connection:
            return {name: number for name, number in connection.execute(counted)}

    # chunks

    def chunk_ids(self) -> set[str]:
        """Ids of all published chunks: what both indexes must hold, no more and no less."""
        with self._database.reading() as connection:
            return set(connection.scalars(select(tables.chunks.c.id).join(tables.documents).where(tables.documents.c.published)))

    def chunks_of(self, document_id: str) -> list[Chunk]:
        """All chunks of a document, in the order of its text."""
        wanted = select(tables.chunks).where(tables.chunks.c.document_id == document_id).order_by(tables.chunks.c.start)
        with self._database.reading() as connection:
            return [to_chunk(row) for row in connection.execute(wanted.set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL))]

    def published_chunks(self, ids: Iterable[str]) -> dict[str, tuple[Chunk, Document]]:
        """The published ones among `ids`, with their documents."""
        found: dict[str, tuple[Chunk, Document]] = {}
        with self._database.reading() as connection:
            for batch in _batched(ids):
                wanted = (
                    select(tables.chunks, tables.documents)
                    .join(tables.documents)
                    .where(tables.chunks.c.id.in_(batch), tables.documents.c.published)
                )
                for row in connection.execute(wanted.set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)):
                    found[row.chunks_id] = (to_chunk(row), to_document(row))
        return found

    def rows_of_chunks(self, ids: Iterable[str]) -> Iterator[list[IndexRow]]:
        """Batches of rows for the indexes, by chunk id; ids that are gone are left out.

        Nothing is being read while the caller holds a batch: an open read would let no write of the caller commit.
        """
        columns = select(tables.chunks, tables.documents).join(tables.documents).set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
        for batch in _batched(ids):
            with self._database.reading() as connection:
                rows = [to_index_row(row) for row in connection.execute(columns.where(tables.chunks.c.id.in_(batch)))]
            yield rows

    def rows_of_documents(self, document_ids: Sequence[str]) -> Iterator[list[IndexRow]]:
        """As `rows_of_chunks`: all rows of some documents, staged ones too."""
        with self._database.reading() as connection:
            ids = list(connection.scalars(select(tables.chunks.c.id).where(tables.chunks.c.document_id.in_(document_ids))))
        yield from self.rows_of_chunks(ids)

    def all_rows(self) -> Iterator[list[IndexRow]]:
        """As `rows_of_chunks`: the rows of all published chunks."""
        yield from self.rows_of_chunks(self.chunk_ids())

    # embeddings

    def embeddings(self, hashes: Iterable[str], fingerprint: str) -> dict[str, Vectors]:
        """Stored vectors (float32, unit length) by hash of the embedded text; those not stored are absent."""
        found: dict[str, Vectors] = {}
        with self._database.reading() as connection:
            for batch in _batched(set(hashes)):
                wanted = select(tables.embeddings).where(
                    tables.embeddings.c.embedded_hash.in_(batch), tables.embeddings.c.fingerprint == fingerprint
                )
                for row in connection.execute(wanted):
                    found[row.embedded_hash] = np.frombuffer(row.vector, np.float32)
        return found

    def put_embeddings(self, vectors: dict[str, Vectors], fingerprint: str) -> None:
        rows = [
            {"embedded_hash": key, "fingerprint": fingerprint, "vector": vector.astype(np.float32).tobytes()}
            for key, vector in vectors.items()
        ]
        with self._database.writing() as connection:
            if rows:
                connection.execute(upsert(tables.embeddings).on_conflict_do_nothing(), rows)

    def sweep_embeddings(self, fingerprint: str) -> None:
        """Delete vectors that no chunk needs any more, and those of any other encoder than `fingerprint`."""
        unused = tables.embeddings.c.embedded_hash.not_in(select(tables.chunks.c.embedded_hash))
        with self._database.writing() as connection:
            connection.execute(delete(tables.embeddings).where(or_(unused, tables.embeddings.c.fingerprint != fingerprint)))

    # meta

    def meta(self, key: str) -> str | None:
        with self._database.reading() as connection:
            return connection.scalar(select(tables.meta.c.value).where(tables.meta.c.key == key))

    def set_meta(self, **values: str) -> None:
        """Write several keys in one transaction."""
        with self._database.writing() as connection:
            for key, value in values.items():
                statement = upsert(tables.meta).values(key=key, value=value)
                connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": value}))


def _drop(connection: Connection, document_ids: Sequence[str]) -> list[str]:
    dropped = list(connection.scalars(select(tables.chunks.c.id).where(tables.chunks.c.document_id.in_(document_ids))))
    connection.execute(delete(tables.documents).where(tables.documents.c.id.in_(document_ids)))
    return dropped


def _batched(items: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(items)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
