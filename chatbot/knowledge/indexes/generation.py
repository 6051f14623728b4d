"""What answers a search: a dense and a lexical index, and the encoder that the vectors of the dense one are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from chatbot.encoders import Vectors
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.knowledge.store.tables import IndexRow


class Index(Protocol):
    """What both kinds of index do; each raises `IndexDamaged` where it cannot."""

    keeps_deleted: bool
    """True if something was deleted since it was opened, and its files may still hold that."""

    def delete(self, ids: Sequence[str]) -> None: ...

    def ids(self) -> set[str]: ...

    def close(self) -> None: ...


class Dense(Index, Protocol):
    """By cosine: `DenseIndex`, `ExactIndex` or `Absent`."""

    def add(self, rows: Sequence[IndexRow], vectors: Mapping[str, Vectors]) -> None: ...

    def search(self, vector: Vectors, k: int, collections: Sequence[str], scopes: Sequence[str], /) -> dict[str, float]: ...


class Lexical(Index, Protocol):
    """By words: `LexicalIndex` or `Absent`."""

    def add(self, rows: Sequence[IndexRow]) -> None: ...

    def search(self, text: str, k: int, collections: Sequence[str], scopes: Sequence[str], /) -> dict[str, float]: ...


class Absent:
    """In the place of an index that is not there yet: finds nothing, and notes what it would hold."""

    keeps_deleted = False

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def add(self, rows: Sequence[IndexRow], vectors: Mapping[str, Vectors] | None = None) -> None:
        self._ids.update(row.id for row in rows)

    def delete(self, ids: Sequence[str]) -> None:
        self._ids.difference_update(ids)

    def search(self, _query: object, _k: int, _collections: Sequence[str], _scopes: Sequence[str], /) -> dict[str, float]:
        return {}

    def ids(self) -> set[str]:
        return set(self._ids)

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, eq=False)
class Generation:
    """Does not change, but for what its indexes hold: a search that has begun with one goes on with it."""

    number: int
    folder: Path
    """Where the files of its indexes lie."""
    encoder: BiEncoder
    """Encodes the queries, and what is added."""
    dense: Dense
    lexical: Lexical
    is_whole: bool
    """False while one of its indexes is in the place of another that is being built."""

    @property
    def fingerprint(self) -> str:
        return self.encoder.card.fingerprint

    def add(self, rows: Sequence[IndexRow], vectors: Mapping[str, Vectors]) -> None:
        """Add chunks to both; `vectors` are by hash of the embedded text. Adding one again changes nothing.

        Raises:
            IndexDamaged: an index could not be written.
        """
        self.dense.add(rows, vectors)
        self.lexical.add(rows)

    def delete(self, ids: Sequence[str]) -> None:
        """
        Raises:
            IndexDamaged: an index could not be written.
        """
        self.dense.delete(ids)
        self.lexical.delete(ids)
