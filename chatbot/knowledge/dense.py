"""The dense index: Chroma, embedded, given precomputed vectors only (its open security holes are in the parts left out)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
from chromadb.config import Settings
from chromadb.errors import ChromaError

from chatbot.encoders import Vectors
from chatbot.errors import IndexDamaged
from chatbot.knowledge.tables import IndexRow

_HNSW: Any = {"space": "cosine", "ef_construction": 200, "ef_search": 200, "max_neighbors": 32}
"""Generous, so that the graph answers as an exact scan would at the sizes one machine holds."""
_TRIAL_VECTORS = 1000
_FAULTS = (ChromaError, ValueError, OSError, KeyError, RuntimeError)
"""What Chroma raises where its files cannot be read or written."""


class DenseIndex:
    """Cosine search over chunk vectors. One process at a time may open a folder."""

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            IndexDamaged: Chroma cannot open the folder.
        """
        try:
            self._client: Any = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False, allow_reset=False))
            self._collection: Any = self._client.get_or_create_collection(
                "chunks", embedding_function=None, configuration={"hnsw": _HNSW}
            )
            self._batch: int = self._client.get_max_batch_size()
            self._hides: dict[frozenset[str], bool] = {}
        except _FAULTS as error:
            raise IndexDamaged(f"the dense index in {folder} cannot be opened: {error}") from error

    def close(self) -> None:
        self._client.close()

    def add(self, rows: Sequence[IndexRow], vectors: Mapping[str, Vectors]) -> None:
        """Add chunks; `vectors` are by hash of the embedded text. Adding one again changes nothing.

        Raises:
            IndexDamaged: Chroma failed, on a full disk for one.
        """
        for start in range(0, len(rows), self._batch):
            batch = rows[start : start + self._batch]
            embeddings = np.stack([vectors[row.embedded_hash] for row in batch])
            with _translated("written"):
                self._collection.upsert(
                    ids=[row.id for row in batch],
                    embeddings=embeddings,
                    metadatas=[{"collection": row.collection, "access": row.access} for row in batch],
                )
            for scopes in list(self._hides):
                self._hides[scopes] |= any(row.access not in scopes for row in batch)

    def delete(self, ids: Sequence[str]) -> None:
        """
        Raises:
            IndexDamaged: Chroma failed.
        """
        for start in range(0, len(ids), self._batch):
            with _translated("written"):
                self._collection.delete(ids=list(ids[start : start + self._batch]))

    def search(self, vector: Vectors, k: int, collections: Sequence[str], scopes: Sequence[str]) -> dict[str, float]:
        """The k nearest chunks: cosine in [-1, 1] by id, best first.

        Raises:
            IndexDamaged: Chroma failed.
        """
        if not scopes:  # Chroma refuses an empty list
            return {}
        with _translated("searched"):
            clauses: list[dict[str, Any]] = [{"collection": {"$in": list(collections)}}] if collections else []
            if self._hides_from(scopes):
                clauses.append({"access": {"$in": list(scopes)}})
            where = {"$and": clauses} if len(clauses) > 1 else next(iter(clauses), None)
            found = self._collection.query(query_embeddings=[vector], n_results=k, where=where, include=["distances"])
        return {id_: 1.0 - distance for id_, distance in zip(found["ids"][0], found["distances"][0], strict=True)}

    def _hides_from(self, scopes: Sequence[str]) -> bool:
        """True if these scopes do not open every chunk.

        Filtering makes a search ten times as slow, and mostly there is nothing to filter. Who may see a document is the
        catalogue's to say in any case.
        """
        key = frozenset(scopes)
        if key not in self._hides:
            hidden = self._collection.get(where={"access": {"$nin": list(scopes)}}, limit=1, include=[])
            self._hides[key] = bool(hidden["ids"])
        return self._hides[key]

    def try_out(self) -> None:
        """Read every vector and walk a stretch of the graph on disk.

        Raises:
            IndexDamaged: Chroma failed, or a vector is not of unit length.
        """
        with _translated("read"):
            for start in range(0, self._collection.count(), _TRIAL_VECTORS):
                found = self._collection.get(limit=_TRIAL_VECTORS, offset=start, include=["embeddings"])["embeddings"]
                if not np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3):
                    raise IndexDamaged("a stored vector is not of unit length")
                for vector in found[:: _TRIAL_VECTORS // 4]:
                    self._collection.query(query_embeddings=[vector], n_results=min(100, self._collection.count()), include=[])

    def ids(self) -> set[str]:
        """
        Raises:
            IndexDamaged: Chroma failed.
        """
        with _translated("read"):
            return set(self._collection.get(include=[])["ids"])


def withstands(folder: Path) -> bool:
    """True if a child process lived through reading all of the folder: a torn graph file ends the process that reads it."""
    if not any(folder.glob("*/index_metadata.pickle")):
        return True  # no graph was written to disk yet
    child = [sys.executable, "-m", "chatbot.knowledge.dense", str(folder)]
    return subprocess.run(child, capture_output=True, check=False).returncode == 0


@contextmanager
def _translated(what: str) -> Generator[None]:
    try:
        yield
    except _FAULTS as error:
        raise IndexDamaged(
            f"the dense index could not be {what}: {error}; see that the disk has room, and start again"
        ) from error


if __name__ == "__main__":
    DenseIndex(Path(sys.argv[1])).try_out()
