"""The catalogue's vectors, by the hash of what was embedded and the encoder's fingerprint. The transaction is the caller's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, or_, select

from chatbot.encoders import Vectors
from chatbot.knowledge.store import tables
from chatbot.knowledge.store.database import batched, upsert
from chatbot.knowledge.store.states import LIVE
from chatbot.knowledge.store.tables import StoredVector

_MANY = 4000
"""Vectors read at once: 6 MiB of them at 384 numbers each."""

_stored = tables.embeddings.c
_AMONG = _stored.embedded_hash.in_(bindparam("hashes", expanding=True)), _stored.fingerprint == bindparam("fingerprint")
_FOUND = select(_stored.embedded_hash, _stored.vector).where(*_AMONG)
_KNOWN = select(_stored.embedded_hash).where(*_AMONG)


def find(connection: Connection, hashes: Iterable[str], fingerprint: str) -> dict[str, Vectors]:
    """Those that are stored."""
    found: dict[str, Vectors] = {}
    for batch in batched(set(hashes)):
        for row in connection.execute(_FOUND, {"hashes": batch, "fingerprint": fingerprint}):
            found[row.embedded_hash] = tables.to_vector(row.vector)
    return found


def known(connection: Connection, hashes: Iterable[str], fingerprint: str) -> set[str]:
    """The hashes of those that are stored."""
    found: set[str] = set()
    for batch in batched(set(hashes)):
        found.update(connection.scalars(_KNOWN, {"hashes": batch, "fingerprint": fingerprint}))
    return found


def put(connection: Connection, vectors: Mapping[str, Vectors], fingerprint: str) -> None:
    """Store vectors; those that are stored stay."""
    rows = [
        {"embedded_hash": key, "fingerprint": fingerprint, "vector": vector.astype(np.float32).tobytes()}
        # in one order always, so that no two writers wait for each other
        for key, vector in sorted(vectors.items())
    ]
    if rows:
        connection.execute(upsert(connection, tables.embeddings).on_conflict_do_nothing(), rows)


def live(connection: Connection, fingerprint: str, after: str) -> list[StoredVector]:
    """Vectors of live documents' chunks in the order of the chunks' ids: a few thousand behind `after`."""
    return _of_chunks(connection, fingerprint, LIVE & (tables.chunks.c.id > after))


def of_chunks(connection: Connection, fingerprint: str, ids: Sequence[str]) -> list[StoredVector]:
    """Vectors of a few chunks, whatever the state of their documents."""
    return _of_chunks(connection, fingerprint, tables.chunks.c.id.in_(ids))


def _of_chunks(connection: Connection, fingerprint: str, wanted: ColumnElement[bool]) -> list[StoredVector]:
    chunks, documents = tables.chunks.c, tables.documents.c
    joined = tables.chunks.join(tables.documents).join(tables.embeddings, _stored.embedded_hash == chunks.embedded_hash)
    columns = select(chunks.id, documents.collection, documents.access, _stored.vector).select_from(joined)
    found = columns.where(wanted, _stored.fingerprint == fingerprint).order_by(chunks.id).limit(_MANY)
    return [StoredVector(*row) for row in connection.execute(found)]


def forget(connection: Connection, chunk_ids: Iterable[str], fingerprint: str) -> None:
    """Delete the vectors of some chunks."""
    for batch in batched(chunk_ids):
        hashes = select(tables.chunks.c.embedded_hash).where(tables.chunks.c.id.in_(batch))
        connection.execute(delete(tables.embeddings).where(_stored.embedded_hash.in_(hashes), _stored.fingerprint == fingerprint))


def sweep(connection: Connection, fingerprints: Collection[str]) -> None:
    """Delete vectors that no chunk needs, and those of any other encoder than some."""
    # not NOT IN: PostgreSQL looks through that list for every row, once it is too long for its memory
    unused = ~exists().where(tables.chunks.c.embedded_hash == _stored.embedded_hash)
    connection.execute(delete(tables.embeddings).where(or_(unused, _stored.fingerprint.not_in(fingerprints))))
