"""The dense index: Chroma, embedded, given precomputed vectors only (its open security holes are in the parts left out)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import chromadb
import numpy as np
from chromadb.config import Settings
from chromadb.errors import ChromaError

from chatbot.encoders import Vectors
from chatbot.errors import IndexDamaged
from chatbot.knowledge.indexes.chroma_server import ChromaServer, Place
from chatbot.knowledge.indexes.copies import apart
from chatbot.knowledge.indexes.native import Translated
from chatbot.knowledge.store.tables import IndexRow

_HNSW: Any = {"space": "cosine", "ef_construction": 100, "ef_search": 200, "max_neighbors": 32}
"""So that the graph answers nearly as an exact scan would: 99.4 of the nearest hundred among 20,000 chunks of real text, and each
chunk by its own vector. With Chroma's own 16 neighbours one was not found; ef_construction 200 makes adding half as dear again.
"""
DENSE = "chroma"
"""The folder's name."""
_PAGE = 50_000
_TRIAL_VECTORS = 1000
_TRIAL_S = 600
_TRIAL_FILE_BYTES = 64 * 2**30
"""One torn length has made Chroma write a file of hundreds of gigabytes (chroma#7510)."""
_FAULTS = (ChromaError, ValueError, OSError, KeyError, RuntimeError)
"""What Chroma raises where its files cannot be read or written."""


class DenseIndex:
    """Cosine search over chunk vectors. One process at a time may open a folder, or one generation of a catalogue's on a server.

    Every method raises `IndexUnavailable` where a server does not answer.
    """

    def __init__(self, place: Path | Place) -> None:
        """
        Raises:
            IndexDamaged: Chroma cannot open the folder, or the collection of its server.
        """
        with _translated(f"opened in {place if isinstance(place, Path) else place.collection}"):
            self._client: Any = _embedded(place) if isinstance(place, Path) else place.client
            name = "chunks" if isinstance(place, Path) else place.collection
            self._collection: Any = self._client.get_or_create_collection(
                name, embedding_function=None, configuration={"hnsw": _HNSW}
            )
            self._batch: int = self._client.get_max_batch_size()
            self._hides: dict[frozenset[str], bool] = {}
        self.keeps_deleted = False
        self._new = place if isinstance(place, Path) and not any(_graph_files(place)) else None

    def close(self) -> None:
        self._client.close()

    def add(self, rows: Sequence[IndexRow], vectors: Mapping[str, Vectors]) -> None:
        """Add chunks; `vectors` are by hash of the embedded text. Adding one again changes nothing.

        Raises:
            IndexDamaged: Chroma failed, on a full disk for one.
        """
        for start in range(0, len(rows), self._batch):
            batch = rows[start : start + self._batch]
            embeddings = apart([row.id for row in batch], np.stack([vectors[row.embedded_hash] for row in batch]))
            with _translated("written"):
                self._collection.upsert(
                    ids=[row.id for row in batch],
                    embeddings=embeddings,
                    metadatas=[{"collection": row.collection, "access": row.access} for row in batch],
                )
            with _translated("written"):
                if self._new and _blank(self._new):
                    self._new = None
            for scopes in list(self._hides):
                self._hides[scopes] |= any(row.access not in scopes for row in batch)

    def delete(self, ids: Sequence[str]) -> None:
        """
        Raises:
            IndexDamaged: Chroma failed.
        """
        self.keeps_deleted |= bool(ids)
        self.take_out(ids)

    def take_out(self, ids: Sequence[str]) -> None:
        """Delete chunks that are to be added once more: what is left of them in the files is not of anything removed.

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

    def nearest(self, vectors: Vectors) -> list[float]:
        """For each of n vectors the cosine of the chunk nearest to it, whoever may see that.

        Raises:
            IndexDamaged: Chroma failed, or found nothing.
        """
        with _translated("searched"):
            found = self._collection.query(query_embeddings=list(vectors), n_results=1, include=["distances"])["distances"]
        if not all(found):
            raise IndexDamaged("the dense index finds nothing")
        return [1.0 - distances[0] for distances in found]

    def vectors(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors the index holds of some chunks, by id; those it does not hold are absent.

        Raises:
            IndexDamaged: Chroma failed.
        """
        with _translated("read"):
            found = self._collection.get(ids=list(ids), include=["embeddings"])
        return dict(zip(found["ids"], found["embeddings"], strict=True))

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
        found: set[str] = set()
        with _translated("read"):
            # by pages, or a server would send some hundred megabytes at once
            for start in range(0, self._collection.count(), _PAGE):
                found.update(self._collection.get(limit=_PAGE, offset=start, include=[])["ids"])
        return found


class DenseHome(Protocol):
    """Where the dense index of each generation is kept: in the folder of its other files, or on a server."""

    def open(self, folder: Path) -> DenseIndex:
        """
        Raises:
            IndexDamaged: it cannot be opened.
            IndexUnavailable: the server does not answer.
        """
        ...

    def sweep(self, kept: Collection[Path]) -> None:
        """Delete what lies elsewhere than in folders, of all generations but some."""
        ...


class Embedded:
    """A `DenseHome` in the folders."""

    def open(self, folder: Path) -> DenseIndex:
        return DenseIndex(folder / DENSE)

    def sweep(self, kept: Collection[Path]) -> None:
        """The folders are deleted with all that is in them."""


class ServedDense:
    """A `DenseHome` on a server."""

    def __init__(self, server: ChromaServer) -> None:
        self._server = server

    def open(self, folder: Path) -> DenseIndex:
        return DenseIndex(self._server.place(folder))

    def sweep(self, kept: Collection[Path]) -> None:
        self._server.sweep(kept)


def has_graph(folder: Path) -> bool:
    """True if Chroma has written a graph to disk, which it does after a thousand vectors."""
    return any(folder.glob("*/index_metadata.pickle"))


def _graph_files(folder: Path) -> list[Path]:
    return [*folder.glob("*/data_level0.bin"), *folder.glob("*/length.bin")]


def _blank(folder: Path) -> bool:
    """Overwrite with zeros the files that Chroma makes with the first vector; false if there are none yet.

    It writes places for a hundred vectors as they came from the heap, and there may lie what was removed. Until there is a
    graph nothing in them is read.
    """
    files = _graph_files(folder)
    for file in files if not has_graph(folder) else ():
        with file.open("r+b") as opened:
            opened.write(bytes(file.stat().st_size))
    return bool(files)


def withstands(folder: Path) -> bool:
    """True if a child process lived through reading all of the folder: a torn graph file ends the process that reads it."""
    if not has_graph(folder):
        return True
    child = [sys.executable, "-m", "chatbot.knowledge.indexes.dense", str(folder)]
    try:
        return subprocess.run(child, capture_output=True, check=False, timeout=_TRIAL_S).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _embedded(folder: Path) -> Any:
    return chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False, allow_reset=False))


def _translated(what: str) -> Translated:
    return Translated(f"the dense index could not be {what}", _FAULTS)


if __name__ == "__main__":
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (_TRIAL_FILE_BYTES, _TRIAL_FILE_BYTES))
    DenseIndex(Path(sys.argv[1])).try_out()
