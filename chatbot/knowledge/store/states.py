"""How a document comes to be live: pending, parsed, embedded, live; or failed or refused, with the reason.

A path of a source has at most one live version, and beside it at most one that is on its way or went no further. Each step
replaces the latter as a whole, so a step that is repeated after a kill changes nothing more. The transaction is the caller's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, insert, select, update

from chatbot.knowledge.reading.outline import Outline
from chatbot.knowledge.reading.splitter import embedded_hash, embedded_text
from chatbot.knowledge.store import tables
from chatbot.knowledge.store.database import upsert
from chatbot.knowledge.store.tables import Source
from chatbot.reports import StoredState
from chatbot.schema import Chunk, Document

_documents = tables.documents.c

LIVE: ColumnElement[bool] = _documents.state == "live"


def versions(source: Source, wanted: ColumnElement[bool]) -> Select[*tuple[object, ...]]:
    """Rows of a source for `to_version`, with their paths."""
    return stored(wanted).where(_documents.source_id == source.id)


def stored(wanted: ColumnElement[bool]) -> Select[*tuple[object, ...]]:
    """Rows for `to_stored`, the texts left where they are."""
    columns = [column for column in tables.documents.c if column.name != "text"]
    count = func.count(tables.chunks.c.id).label("chunks")
    return select(*columns, count).join(tables.chunks, isouter=True).where(wanted).group_by(_documents.id)


def record(connection: Connection, source: Source, paths: Sequence[str], state: StoredState, reason: str = "") -> list[str]:
    """Put documents into a state in which nothing is known of their text; returns the ids of the chunks that go."""
    dropped = drop_unfinished(connection, source, paths)
    unknown = {"title": "", "content_hash": "", "recipe": "", "access": "public", "text": "", "missing": ""}
    place = {"source_id": source.id, "collection": source.collection, "state": state, "reason": reason}
    rows = [{"id": _unread_id(source, path), "path": path, **place, **unknown} for path in paths]
    if rows:
        connection.execute(insert(tables.documents), rows)
    return dropped


def parse(
    connection: Connection,
    source: Source,
    document: Document,
    text: str,
    missing: str,
    recipe: str,
    chunks: Sequence[Chunk],
    mark: str = "",
    outline: Outline | None = None,
) -> list[str]:
    """Store a version's text and chunks, in the place of whatever was on its way; returns the ids of the chunks that go."""
    row = {
        "id": document.id,
        "source_id": source.id,
        "collection": document.collection,
        "path": document.source,
        "title": document.title,
        "content_hash": document.content_hash,
        "recipe": recipe,
        "access": document.access,
        "date": document.date,
        "text": text,
        "missing": missing,
        "state": "parsed",
        "reason": "",
        "mark": mark,
        "reading": outline.reading if outline else "",
    }
    staging = upsert(connection, tables.documents).values(row).on_conflict_do_nothing().returning(_documents.id)
    if connection.scalar(staging) is None:
        return []  # somebody did it before, with the same text: the id says so
    dropped = drop_unfinished(connection, source, [document.source], but=document.id)
    texts = (embedded_text(document.title, chunk.heading_path, chunk.text) for chunk in chunks)
    rows = [{**dict(chunk), "embedded_hash": embedded_hash(text)} for chunk, text in zip(chunks, texts, strict=True)]
    if rows:
        connection.execute(insert(tables.chunks), rows)
    if outline:
        kept = outline.model_dump(mode="json", exclude={"reading"})
        connection.execute(insert(tables.outlines).values(document_id=document.id, outline=kept))
    return dropped


def rename(connection: Connection, source: Source, document_id: str, was: str, now: str, read_anew: bool) -> list[str]:
    """Give a live version another path, where nothing is live; returns the ids of the chunks that go with what was on its way."""
    dropped = drop_unfinished(connection, source, [was, now])
    reading = {"reading": ""} if read_anew else {}  # noted, so that a sync that is killed reads it anew as well
    # its mark is of another place
    connection.execute(update(tables.documents).where(_documents.id == document_id).values(path=now, mark="", **reading))
    return dropped


def embed(connection: Connection, document_ids: Sequence[str]) -> None:
    """Note that all vectors are stored."""
    wanted = _documents.id.in_(document_ids) & (_documents.state == "parsed")
    connection.execute(update(tables.documents).where(wanted).values(state="embedded"))


def publish(connection: Connection, document_ids: Sequence[str]) -> list[str]:
    """Make versions live in the place of those before; returns the ids of the chunks that go."""
    newer = tables.documents.alias("newer")
    replaced = (
        select(_documents.id)
        .join(newer, (newer.c.source_id == _documents.source_id) & (newer.c.path == _documents.path))
        .where(newer.c.id.in_(document_ids), _documents.id.not_in(document_ids))
    )
    dropped = drop(connection, list(connection.scalars(replaced)))
    wanted = _documents.id.in_(document_ids) & _documents.state.in_(("parsed", "embedded"))
    connection.execute(update(tables.documents).where(wanted).values(state="live"))
    return dropped


def drop(connection: Connection, document_ids: Sequence[str]) -> list[str]:
    """Delete versions; returns the ids of the chunks that go."""
    if not document_ids:
        return []
    dropped = list(connection.scalars(select(tables.chunks.c.id).where(tables.chunks.c.document_id.in_(document_ids))))
    connection.execute(delete(tables.documents).where(_documents.id.in_(document_ids)))
    return dropped


def drop_unfinished(connection: Connection, source: Source, paths: Sequence[str], but: str = "") -> list[str]:
    """Delete what is not live at some paths, `but` for one version; returns the ids of the chunks that go."""
    there = and_(_documents.source_id == source.id, _documents.path.in_(paths), ~LIVE, _documents.id != but)
    return drop(connection, list(connection.scalars(select(_documents.id).where(there))))


def _unread_id(source: Source, path: str) -> str:
    """Of a version of which only the place is known; no version that was read has one of this form."""
    return "unread-" + hashlib.blake2b(f"{source.id}\0{path}".encode(), digest_size=16).hexdigest()
