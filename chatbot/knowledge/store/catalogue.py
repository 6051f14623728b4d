"""The catalogue: sources, documents, chunks and embeddings in SQL. It is the truth; both indexes are rebuilt from it.

A new version of a document goes through the states of `states` and is live in one transaction together with the removal of the
version it replaces. Searches see live documents only, so a killed sync leaves either the old version or the new one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import LABEL_STYLE_TABLENAME_PLUS_COL, delete, func, select, update

from chatbot.encoders import Vectors
from chatbot.knowledge.reading.outline import Outline
from chatbot.knowledge.store import chunks, migrations, notes, states, tables, vectors
from chatbot.knowledge.store.database import Database, batched, upsert
from chatbot.knowledge.store.resplits import Resplits
from chatbot.knowledge.store.states import LIVE
from chatbot.knowledge.store.tables import (
    IndexRow,
    Source,
    StoredVector,
    Version,
    to_document,
    to_source,
    to_stored,
    to_version,
)
from chatbot.reports import StoredDocument, StoredState
from chatbot.schema import Chunk, Document


class Catalogue:
    """Opened by the one process that owns the data directory; its methods may be called from any thread.

    Each of them raises `DataDirectoryError` where the database cannot be read or written (a full disk, damage, permissions).
    """

    def __init__(self, place: Path | str, token: str = "") -> None:
        """Open a SQLite file or the database of a PostgreSQL URL, and bring it to this program's schema.

        `token` is what the owner of a PostgreSQL database gave out by `admit`: then it is opened beside the owner.

        Raises:
            SettingsError: see `Database`.
            DataDirectoryInUse: another process has the PostgreSQL database open.
            DataDirectoryError: see `Database` and `migrations.upgrade`.
        """
        with ExitStack() as stack:
            self._database = Database(place, token)
            stack.callback(self._database.close)
            if not token:
                self._database.hold()
                migrations.upgrade(self._database)
            stack.pop_all()
        self.resplits = Resplits(self._database)
        self.state = self._database.state

    def close(self) -> None:
        self._database.close()

    def damage(self) -> str:
        """What the database finds wrong with its own files; empty if nothing."""
        return self._database.damage()

    def admit(self) -> str:
        """Let other processes write with the token that is returned, and those who know an earlier one no more.

        It waits for what those are writing. In a file, which no other process can write, the token is empty.
        """
        return self._database.renew()

    # sources

    def add_source(self, collection: str, location: str) -> Source:
        """Register a source; the same one again changes nothing."""
        with self._database.writing() as connection:
            added = upsert(connection, tables.sources).values(collection=collection, location=location)
            connection.execute(added.on_conflict_do_nothing())
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
        """Live documents of a source by path."""
        with self._database.reading() as connection:
            return {row.path: to_version(row) for row in connection.execute(states.versions(source, LIVE))}

    def unfinished(self, source: Source) -> dict[str, Version]:
        """By path: the versions that are on their way, or went no further."""
        with self._database.reading() as connection:
            return {row.path: to_version(row) for row in connection.execute(states.versions(source, ~LIVE))}

    def in_state(self, *wanted: StoredState) -> list[StoredDocument]:
        """Every version in one of some states, with the reason where there is one, by collection and path."""
        rows = states.stored(tables.documents.c.state.in_(wanted))
        with self._database.reading() as connection:
            found = [to_stored(row) for row in connection.execute(rows)]
        return sorted(found, key=lambda each: (each.collection, each.source, each.state))

    def record(self, source: Source, paths: Sequence[str], state: StoredState, reason: str = "") -> list[str]:
        """Note documents as pending, failed or refused, beside what is live; returns the ids of the chunks that go."""
        with self._database.writing() as connection:
            return [gone for batch in batched(paths) for gone in states.record(connection, source, batch, state, reason)]

    def drop_unfinished(self, source: Source, paths: Sequence[str]) -> list[str]:
        """Forget what is not live at some paths; returns the ids of the chunks that go."""
        with self._database.writing() as connection:
            return [gone for batch in batched(paths) for gone in states.drop_unfinished(connection, source, batch)]

    def stage(
        self,
        source: Source,
        document: Document,
        text: str,
        missing: str,
        recipe: str,
        chunks: Sequence[Chunk],
        mark: str = "",
        outline: Outline | None = None,
    ) -> list[str]:
        """Write a new version of a document, parsed and not yet searched; returns the ids of the chunks that go.

        A document without its outline cannot be split anew, and is read anew.
        """
        with self._database.writing() as connection:
            return states.parse(connection, source, document, text, missing, recipe, chunks, mark, outline)

    def rename(self, source: Source, document_id: str, was: str, now: str, read_anew: bool = False) -> list[str]:
        """Move a live document to another path; `read_anew` lets the next look at it find it changed. Returns dropped chunks."""
        with self._database.writing() as connection:
            return states.rename(connection, source, document_id, was, now, read_anew)

    def note_marks(self, marks: Mapping[str, str]) -> None:
        """Write down new marks, by document id, of documents whose bytes are as they were."""
        with self._database.writing() as connection:
            for document_id, mark in marks.items():
                connection.execute(update(tables.documents).where(tables.documents.c.id == document_id).values(mark=mark))

    def note_embedded(self, document_ids: Sequence[str]) -> None:
        """Say of parsed versions that their vectors are stored."""
        with self._database.writing() as connection:
            states.embed(connection, document_ids)

    def publish(self, document_ids: Sequence[str]) -> list[str]:
        """Make versions live and drop those they replace, at once; returns the dropped chunks' ids."""
        with self._database.writing() as connection:
            return states.publish(connection, document_ids)

    def remove(self, document_ids: Sequence[str]) -> list[str]:
        """Delete documents; returns the dropped chunks' ids."""
        with self._database.writing() as connection:
            return states.drop(connection, document_ids)

    def live(self, document_ids: Sequence[str]) -> set[str]:
        """Those that are live among some versions."""
        with self._database.reading() as connection:
            return set(connection.scalars(select(tables.documents.c.id).where(tables.documents.c.id.in_(document_ids), LIVE)))

    def document_text(self, document_id: str) -> str:
        """The extracted text that every span of a document counts in; empty for an unknown id."""
        with self._database.reading() as connection:
            found = connection.scalar(select(tables.documents.c.text).where(tables.documents.c.id == document_id))
        return found or ""

    def documents(self, name: str = "") -> list[Document]:
        """Live documents by collection and path: all, or those that `name` names, as a path or as collection/path."""
        columns = tables.documents.c
        wanted = select(*(column for column in columns if column.name != "text")).where(LIVE)
        if name:
            wanted = wanted.where((columns.path == name) | (columns.collection + "/" + columns.path == name))
        with self._database.reading() as connection:
            rows = connection.execute(wanted.set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL))
            # a database sorts by the rules of its own language
            return sorted((to_document(row) for row in rows), key=lambda each: (each.collection, each.source))

    def collections(self) -> dict[str, int]:
        """Number of live documents by collection."""
        counted = select(tables.documents.c.collection, func.count()).where(LIVE).group_by(tables.documents.c.collection)
        with self._database.reading() as connection:
            return {name: number for name, number in connection.execute(counted)}

    # chunks

    def chunk_ids(self) -> set[str]:
        """Ids of all live documents' chunks: what both indexes must hold, no more and no less."""
        with self._database.reading() as connection:
            return set(connection.scalars(select(tables.chunks.c.id).join(tables.documents).where(LIVE)))

    def chunks_of(self, document_id: str, start: int = 0, end: int = tables.LAST_CHARACTER) -> list[Chunk]:
        """The chunks of a document that share a character with a span of its text, in their order; all of them without a span."""
        with self._database.reading() as connection:
            return chunks.within(connection, document_id, start, end)

    def published_chunks(self, ids: Iterable[str]) -> dict[str, tuple[Chunk, Document]]:
        """Those of live documents among `ids`, with their documents."""
        with self._database.reading() as connection:
            return chunks.published(connection, ids)

    def rows_of_chunks(self, ids: Iterable[str]) -> Iterator[list[IndexRow]]:
        """Batches of rows for the indexes, by chunk id; ids that are gone are left out.

        Nothing is being read while the caller holds a batch: an open read would let no write of the caller commit.
        """
        for batch in batched(ids):
            with self._database.reading() as connection:
                rows = chunks.index_rows(connection, batch)
            yield rows

    def rows_of_documents(self, document_ids: Sequence[str]) -> Iterator[list[IndexRow]]:
        """As `rows_of_chunks`: all rows of some documents, whatever their state."""
        with self._database.reading() as connection:
            ids = list(connection.scalars(select(tables.chunks.c.id).where(tables.chunks.c.document_id.in_(document_ids))))
        yield from self.rows_of_chunks(ids)

    def all_rows(self) -> Iterator[list[IndexRow]]:
        """As `rows_of_chunks`: the rows of all live documents."""
        yield from self.rows_of_chunks(self.chunk_ids())

    def are_hashed(self, rows: Sequence[IndexRow]) -> bool:
        """True if the hash that is stored for each of some chunks is that of its text."""
        hashes = {row.id: row.embedded_hash for row in rows}
        with self._database.reading() as connection:
            return chunks.hashes(connection, hashes) == hashes

    # embeddings

    def embeddings(self, hashes: Iterable[str], fingerprint: str) -> dict[str, Vectors]:
        """Stored vectors (float32, unit length) by hash of the embedded text; those not stored are absent."""
        with self._database.reading() as connection:
            return vectors.find(connection, hashes, fingerprint)

    def embedded(self, hashes: Iterable[str], fingerprint: str) -> set[str]:
        """Those among some hashes whose vectors are stored."""
        with self._database.reading() as connection:
            return vectors.known(connection, hashes, fingerprint)

    def vectors_of_chunks(self, ids: Iterable[str], fingerprint: str) -> dict[str, Vectors]:
        """As `embeddings`, by the ids of the chunks."""
        with self._database.reading() as connection:
            return chunks.vectors(connection, ids, fingerprint)

    def put_embeddings(self, made: Mapping[str, Vectors], fingerprint: str) -> None:
        """Store vectors by hash of the embedded text; those that are stored stay."""
        with self._database.writing() as connection:
            vectors.put(connection, made, fingerprint)

    def stored_vectors(self, fingerprint: str) -> Iterator[list[StoredVector]]:
        """As `all_rows`: the vectors of all live documents' chunks, by batches in the order of the ids."""
        last = ""
        while True:
            with self._database.reading() as connection:
                batch = vectors.live(connection, fingerprint, last)
            if not batch:
                return
            last = batch[-1].id
            yield batch

    def forget_embeddings(self, chunk_ids: Iterable[str], fingerprint: str) -> None:
        """Delete the vectors of some chunks, so that they are made again."""
        with self._database.writing() as connection:
            vectors.forget(connection, chunk_ids, fingerprint)

    def sweep_embeddings(self, fingerprints: Collection[str]) -> None:
        """Delete vectors that no chunk needs any more, and those of any other encoder than some."""
        with self._database.writing() as connection:
            vectors.sweep(connection, fingerprints)

    # meta

    def meta(self, key: str) -> str | None:
        with self._database.reading() as connection:
            return notes.read(connection, key)

    def set_meta(self, **values: str) -> None:
        """Write several keys in one transaction."""
        with self._database.writing() as connection:
            notes.write(connection, values)
