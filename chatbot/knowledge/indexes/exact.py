"""The dense index that cannot break: it looks at every vector the catalogue has stored. It serves while the other one is built.

A vector of 384 numbers takes 1.5 KiB of memory, and a search reads them all: 18 ms of one core at 50,000 vectors.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chatbot.encoders import Vectors
from chatbot.knowledge.store.tables import IndexRow, StoredVector, to_vector

_BLOCK = 8192
"""Vectors added in one piece: an array that grew as a whole would be there twice while it does."""
_GONE = -1
_UNIT = 1e-3
"""How far the square of a length may be from 1. A lost bit in an exponent makes it 1e30, and then nothing else would be found."""


class _Block(NamedTuple):
    vectors: Vectors
    kinds: NDArray[np.int32]
    """What each vector's chunk is filtered by, as a number; `_GONE` for a deleted or an empty place."""


class ExactIndex:
    """Cosine search over vectors in memory. May be searched from any thread; one at a time may write."""

    keeps_deleted = False
    """It has no files."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._ids: list[str] = []
        self._places: dict[str, int] = {}
        self._kinds: dict[tuple[str, str], int] = {}
        """Number by collection and access."""
        self._lock = threading.Lock()

    def close(self) -> None:
        """There is nothing to close: the memory goes with the last search."""

    def load(self, stored: Sequence[StoredVector]) -> None:
        """Add chunks of the catalogue with their vectors; not those that a damaged disk made longer or shorter."""
        for each in stored:
            self._put(each.id, each.collection, each.access, to_vector(each.vector))

    def add(self, rows: Sequence[IndexRow], vectors: Mapping[str, Vectors]) -> None:
        """Add chunks; `vectors` are by hash of the embedded text. Adding one again replaces it."""
        for row in rows:
            self._put(row.id, row.collection, row.access, vectors[row.embedded_hash])

    def delete(self, ids: Sequence[str]) -> None:
        with self._lock:
            for id_ in ids:
                # the place stays empty: a search that is under way may still be looking at it
                if (place := self._places.pop(id_, None)) is not None:
                    self._blocks[place // _BLOCK].kinds[place % _BLOCK] = _GONE

    def search(self, vector: Vectors, k: int, collections: Sequence[str], scopes: Sequence[str]) -> dict[str, float]:
        """The k nearest chunks: cosine in [-1, 1] by id, best first."""
        with self._lock:
            blocks = list(self._blocks)
            wanted = [
                number
                for (collection, access), number in self._kinds.items()
                if access in scopes and (not collections or collection in collections)
            ]
        best = [(score, place) for number, block in enumerate(blocks) for score, place in _best(block, number, vector, k, wanted)]
        best.sort(key=lambda found: (-found[0], found[1]))
        return {self._ids[place]: score for score, place in best[:k]}

    def ids(self) -> set[str]:
        with self._lock:
            return set(self._places)

    def _put(self, id_: str, collection: str, access: str, vector: Vectors) -> None:
        if not abs(float(np.square(vector, dtype=np.float64).sum()) - 1) <= _UNIT:  # not a number is not near it either
            return
        with self._lock:
            place = self._places.get(id_)
            if place is None:
                place = self._places[id_] = len(self._ids)
                self._ids.append(id_)
            if place // _BLOCK == len(self._blocks):
                self._blocks.append(_Block(np.zeros((_BLOCK, len(vector)), np.float32), np.full(_BLOCK, _GONE, np.int32)))
            block = self._blocks[place // _BLOCK]
            block.vectors[place % _BLOCK] = vector
            block.kinds[place % _BLOCK] = self._kinds.setdefault((collection, access), len(self._kinds))


def _best(block: _Block, number: int, vector: Vectors, k: int, wanted: Sequence[int]) -> Iterator[tuple[float, int]]:
    """Score and place of the k best of one block."""
    places = np.flatnonzero(np.isin(block.kinds, wanted))
    if not len(places):
        return
    scores = (block.vectors @ vector)[places]
    kept = np.argpartition(-scores, k - 1)[:k] if len(scores) > k else range(len(scores))
    for index in kept:
        yield float(scores[index]), number * _BLOCK + int(places[index])
