"""What the catalogue knows of documents that are to be split anew: which they are, as what they were read, and their exchange."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import LABEL_STYLE_TABLENAME_PLUS_COL, ColumnElement, Select, func, select, update

from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.reading.outline import Outline
from chatbot.knowledge.store import notes, states, tables, vectors
from chatbot.knowledge.store.database import Database, batched
from chatbot.knowledge.store.states import LIVE
from chatbot.knowledge.store.tables import Source, StoredVector
from chatbot.reports import StoredState
from chatbot.schema import Document

_documents = tables.documents.c


class Kept(NamedTuple):
    """A live document with all that another version of it takes over."""

    source: Source
    document: Document
    extracted: Extracted
    outline: Outline
    mark: str


class Resplits:
    """A part of the catalogue; its methods may be called from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def outdated(self, recipe: str) -> dict[str, int]:
        """Characters by id of the live documents that were split by another recipe, and can be split anew from here."""
        wanted = select(_documents.id, func.length(_documents.text)).join(tables.outlines).where(_is_outdated(recipe))
        with self._database.reading() as connection:
            return {id_: chars for id_, chars in connection.execute(wanted.order_by(_documents.id))}

    def count(self, recipe: str) -> int:
        """How many live documents were split by another recipe."""
        with self._database.reading() as connection:
            return connection.scalar(select(func.count()).select_from(tables.documents).where(_is_outdated(recipe))) or 0

    def staged(self, recipe: str) -> dict[str, StoredState]:
        """State by id of the versions that stand, split by this recipe, beside a live one."""
        with self._database.reading() as connection:
            return {row.id: row.state for row in connection.execute(_staged(_documents.recipe == recipe))}

    def drop_staged(self, but: str) -> list[str]:
        """Delete the versions that stand, split by any other recipe, beside a live one; returns their chunks' ids."""
        # mostly there are none, and a transaction that writes costs a wait for the disk
        with self._database.reading() as connection:
            ids = [row.id for row in connection.execute(_staged(_documents.recipe != but))]
        gone: list[str] = []
        for batch in batched(ids):
            with self._database.writing() as connection:  # one for each batch: searches come in between
                gone += states.drop(connection, batch)
        return gone

    def read(self, document_id: str) -> Kept:
        """A document that is `outdated`."""
        columns = select(tables.documents, tables.outlines, tables.sources).set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
        wanted = columns.join(tables.outlines, tables.outlines.c.document_id == _documents.id).join(tables.sources)
        with self._database.reading() as connection:
            row = connection.execute(wanted.where(_documents.id == document_id)).one()
        document = tables.to_document(row)
        outline = Outline(reading=row.documents_reading, **row.outlines_outline)
        source = Source(id=row.sources_id, collection=row.sources_collection, location=row.sources_location)
        extracted = outline.extracted(document.title, row.documents_text, row.documents_missing)
        return Kept(source, document, extracted, outline, row.documents_mark)

    def chunk_ids(self, document_ids: Iterable[str]) -> set[str]:
        """Of some versions, whatever their state."""
        found: set[str] = set()
        with self._database.reading() as connection:
            for batch in batched(document_ids):
                found.update(connection.scalars(select(tables.chunks.c.id).where(tables.chunks.c.document_id.in_(batch))))
        return found

    def stored_vectors(self, chunk_ids: Iterable[str], fingerprint: str) -> Iterator[list[StoredVector]]:
        """Vectors of some chunks, whatever the state of their documents."""
        for batch in batched(chunk_ids):
            with self._database.reading() as connection:
                found = vectors.of_chunks(connection, fingerprint, batch)
            yield found

    def exchange(self, document_ids: Sequence[str], noted: Mapping[str, str]) -> None:
        """Make versions live and stage those that were in their place, all at once, and note the indexes that hold them.

        To delete the latter takes longer than a search should wait, and is left to `drop_staged`.
        """
        newer = tables.documents.alias("newer")
        at_its_place = (newer.c.source_id == _documents.source_id) & (newer.c.path == _documents.path)
        columns = select(_documents.id).join(newer, at_its_place)
        change = update(tables.documents)
        with self._database.writing() as connection:
            for batch in batched(document_ids):
                replaced = list(connection.scalars(columns.where(newer.c.id.in_(batch), LIVE)))
                connection.execute(change.where(_documents.id.in_(replaced)).values(state="embedded"))
                connection.execute(change.where(_documents.id.in_(batch)).values(state="live"))
            notes.write(connection, noted)


def _is_outdated(recipe: str) -> ColumnElement[bool]:
    return (_documents.recipe != recipe) & LIVE  # in this order: a state lies behind the text, which SQLite would have to read


def _staged(wanted: ColumnElement[bool]) -> Select[*tuple[object, ...]]:
    live = tables.documents.alias("live")
    beside = (live.c.source_id == _documents.source_id) & (live.c.path == _documents.path) & (live.c.state == "live")
    is_staged = _documents.state.in_(("parsed", "embedded"))
    return select(_documents.id, _documents.state).join(live, beside).where(wanted, is_staged)
