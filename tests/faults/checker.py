"""Looks into the three stores of a data directory with nothing of the product's: sqlite3, Chroma and tantivy as they are.

It looks at copies, so that nothing it does, the roll-back of a journal for one, is done for the product.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
import tantivy
from chromadb.config import Settings

from chatbot.knowledge.indexes.opening import LEXICAL

_SAME = 1e-3
"""Of each number of a vector: the index moves all of them by as much in Euclidean terms, so that copies hide no other chunk."""

Live = dict[str, list[str]]
"""By path: the content hash of every version that is live, which must be one."""


def live(data: Path) -> Live:
    """What the catalogue says can be searched."""
    found: Live = {}
    with catalogue(data) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'documents'").fetchone():
            return {}  # killed before it had tables
        for path, content_hash in connection.execute("SELECT path, content_hash FROM documents WHERE state = 'live'"):
            found.setdefault(path, []).append(content_hash)
    return found


def faults(data: Path) -> list[str]:
    """What is wrong between catalogue and indexes, each with its number; empty if nothing is."""
    with catalogue(data) as connection:
        rows = connection.execute(
            "SELECT chunks.id, vector FROM chunks JOIN documents ON documents.id = document_id"
            " LEFT JOIN meta ON meta.key = 'fingerprint'"
            " LEFT JOIN embeddings ON embeddings.embedded_hash = chunks.embedded_hash AND embeddings.fingerprint = meta.value"
            " WHERE state = 'live'"
        )
        wanted: dict[str, bytes | None] = dict(rows.fetchall())
        generation = connection.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()[0]
    with tempfile.TemporaryDirectory() as scratch:
        copies = [shutil.copytree(data / "indexes" / generation, Path(scratch) / name) for name in ("indexes", "again")]
        found = [*_of_ids("tantivy", wanted, _lexical(copies[0] / LEXICAL))]
        held, dead = _dense(copies[0] / "chroma")
        found += [*_of_ids("Chroma", wanted, list(held)), *_of_vectors(wanted, held)]
        if dead:
            # of few entries Chroma makes its graph anew at each opening, and some in a thousand do not lead to every vector
            still = set(dead) & set(_dense(copies[1] / "chroma")[1])
            print(f"{len(dead)} chunks not found by their own vector; opened again: {len(still)}", file=sys.stderr, flush=True)
            found += [f"{len(still)} chunks in Chroma are not found by their own vector"] * bool(still)
    if unembedded := sum(vector is None for vector in wanted.values()):
        found.append(f"{unembedded} live chunks have no stored vector")
    return found


def _of_ids(name: str, wanted: dict[str, Any], held: list[str]) -> Iterator[str]:
    if twice := sum(count - 1 for count in Counter(held).values()):
        yield f"{twice} chunks are twice in {name}"
    if orphans := set(held) - set(wanted):
        yield f"{len(orphans)} orphans in {name}"
    if lost := set(wanted) - set(held):
        yield f"{len(lost)} chunks are not in {name}"


def _of_vectors(wanted: dict[str, bytes | None], held: dict[str, np.ndarray]) -> Iterator[str]:
    stored = {id_: np.frombuffer(vector, np.float32) for id_, vector in wanted.items() if vector and id_ in held}
    if wrong := sum(not np.allclose(held[id_], vector, atol=_SAME) for id_, vector in stored.items()):
        yield f"{wrong} vectors in Chroma are others than the catalogue's"


def _lexical(folder: Path) -> list[str]:
    searcher = tantivy.Index.open(str(folder)).searcher()
    hits = searcher.search(tantivy.Query.all_query(), limit=max(1, searcher.num_docs), count=False).hits
    return [searcher.doc(address)["id"][0] for _, address in hits]


def _dense(folder: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """Vectors by id, and the ids of those that a search for themselves does not find."""
    client: Any = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
    collection = client.get_collection("chunks")
    got = collection.get(include=["embeddings"])
    vectors = dict(zip(got["ids"], got["embeddings"], strict=True))
    found = (
        collection.query(query_embeddings=list(vectors.values()), n_results=1, include=["distances"])["distances"]
        if vectors
        else []
    )
    client.close()
    # equal texts have equal vectors, so the nearest may be another chunk; it must be as near
    return vectors, [id_ for id_, near in zip(vectors, found, strict=True) if not near or near[0] > 1e-3]


@contextmanager
def catalogue(data: Path) -> Iterator[sqlite3.Connection]:
    with tempfile.TemporaryDirectory() as scratch:
        for file in data.glob("catalogue.sqlite*"):
            shutil.copy2(file, scratch)
        with closing(sqlite3.connect(Path(scratch) / "catalogue.sqlite")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            yield connection
