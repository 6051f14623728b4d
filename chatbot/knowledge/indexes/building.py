"""Fills indexes from the catalogue. Each step can be left at any moment, and what was encoded is not encoded again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.knowledge.indexes import compare
from chatbot.knowledge.indexes.compare import Batch
from chatbot.knowledge.indexes.embedding import encoded
from chatbot.knowledge.indexes.exact import ExactIndex
from chatbot.knowledge.indexes.generation import Absent, Dense, Index, Lexical
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.store.tables import IndexRow

if TYPE_CHECKING:
    from chatbot.knowledge.indexes.dense import DenseIndex

_LEXICAL_BATCH = 4000
"""Chunks a commit: tantivy's takes a tenth of a second whatever it holds."""
_DENSE_BATCH = 256
"""Chunks encoded at once, some seconds: so long may a process that is told to end go on."""
_ATTEMPTS = 5
"""Among 3,000 chunks and 5,000 copies of one, 9 to 25 chunks were lost at first, 3 after the next attempt and none after two."""
_MOST_EXACT_BYTES = 2**30
"""Of vectors held for an exact scan: 700,000 of 384 numbers, and a tenth of a second a search."""


class Stopped(Exception):  # noqa: N818  nothing is wrong
    """The process is about to end."""


class Builder:
    """Brings indexes into step with the catalogue until it is told to stop."""

    def __init__(self, catalogue: Catalogue, go_on: Callable[[], None] = lambda: None) -> None:
        """`go_on` is called between any two steps, and raises where there is to be no next one."""
        self._catalogue = catalogue
        self._go_on = go_on

    def lexical(self, index: Lexical, wanted: set[str]) -> None:
        """
        Raises:
            IndexDamaged: it could not be written.
            Stopped: told to, by `go_on`.
        """
        self._into_step(index, wanted, index.add, _LEXICAL_BATCH)

    def dense(self, index: Dense, wanted: set[str], encoder: BiEncoder) -> None:
        """As `lexical`; what was never encoded is."""

        def add(rows: Sequence[IndexRow]) -> None:
            vectors, _ = encoded(rows, self._catalogue, encoder)
            index.add(rows, vectors)

        self._into_step(index, wanted, add, _DENSE_BATCH)

    def connected(self, index: DenseIndex, wanted: set[str], encoder: BiEncoder, chunk_ids: Collection[str] | None = None) -> str:
        """As `checked`, after chunks to which the graph does not lead were added once more: they get other neighbours.

        Raises:
            IndexDamaged: it could not be read or written.
            Stopped: told to, by `go_on`.
        """
        fingerprint = encoder.card.fingerprint
        found: list[Batch] = []
        for left in reversed(range(_ATTEMPTS)):
            found.clear()
            for batch in compare.vectors(index, self._catalogue, fingerprint, chunk_ids):
                self._go_on()
                found.append(batch)
            lost = [id_ for batch in found for id_ in batch.lost]
            if not lost or not left or any(batch.wrong for batch in found):
                break
            index.take_out(lost)
            self.dense(index, wanted, encoder)
        return self.checked(found, fingerprint)

    def checked(self, found: Iterable[Batch], fingerprint: str) -> str:
        """The first thing that is wrong. Vectors that two stores do not agree about are forgotten: they are encoded again.

        Raises:
            Stopped: told to, by `go_on`.
        """
        for batch in found:
            self._go_on()
            if batch.said:
                self._catalogue.forget_embeddings(batch.wrong, fingerprint)
                return batch.said
        return ""

    def _into_step(self, index: Index, wanted: set[str], add: Callable[[Sequence[IndexRow]], object], most: int) -> None:
        held = index.ids()
        index.delete(sorted(held - wanted))
        missing = iter(sorted(wanted - held))
        while batch := list(islice(missing, most)):
            self._go_on()
            # read now, not before: a chunk that a sync has replaced meanwhile must not come back
            add([row for rows in self._catalogue.rows_of_chunks(batch) for row in rows])


def exact(catalogue: Catalogue, encoder: BiEncoder, others: Sequence[str] = ()) -> Dense:
    """The catalogue's own vectors, to be looked at one by one; nothing where they are too many.

    `others` are chunks that no search should miss although they are not live yet.
    """
    chunks = len(catalogue.chunk_ids()) + len(others)
    if chunks * encoder.card.dimension * 4 > _MOST_EXACT_BYTES:
        return Absent()
    index = ExactIndex()
    for batch in catalogue.stored_vectors(encoder.card.fingerprint):
        index.load(batch)
    for rows in catalogue.rows_of_chunks(others):
        vectors = catalogue.embeddings((row.embedded_hash for row in rows), encoder.card.fingerprint)
        index.add([row for row in rows if row.embedded_hash in vectors], vectors)
    return index
