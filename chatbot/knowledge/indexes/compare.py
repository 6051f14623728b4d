"""Compares indexes with the catalogue: every id, every vector, and that vectors are found by themselves.

Each check gives what is wrong in words, or nothing.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np

from chatbot.encoders import Vectors
from chatbot.knowledge.indexes.copies import DISTANCE
from chatbot.knowledge.indexes.dense import DenseIndex
from chatbot.knowledge.indexes.generation import Generation
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.store.tables import to_vector

_SELF_QUERIES = 10
_MANY_SELF_QUERIES = 1000
_SELF_COSINE = 0.99
"""A stored vector must find itself this close; cosine 1 less the index's own rounding."""
_SAME = 1.5 * DISTANCE
"""Two vectors no farther apart than this are the same: the index moves each, and Chroma brings it to unit length once more. Bits
that are lost unnoticed change no cosine by more than this.
"""


def ids(generation: Generation, wanted: set[str]) -> str:
    """
    Raises:
        IndexDamaged: an index cannot be read.
    """
    for name, held in (("dense", generation.dense.ids()), ("lexical", generation.lexical.ids())):
        if held != wanted:
            return f"the {name} index lacks {len(wanted - held)} chunks and holds {len(held - wanted)} too many"
    return ""


def quickly(generation: Generation, catalogue: Catalogue) -> str:
    """Every id, and ten self-queries.

    Raises:
        IndexDamaged: an index cannot be read.
    """
    wanted = catalogue.chunk_ids()
    if said := ids(generation, wanted):
        return said
    sample = random.sample(sorted(wanted), min(_SELF_QUERIES, len(wanted)))
    rows = [row for batch in catalogue.rows_of_chunks(sample) for row in batch]
    vectors = catalogue.embeddings((row.embedded_hash for row in rows), generation.fingerprint)
    for row in rows:
        if row.embedded_hash not in vectors:
            return "a chunk has no stored vector for this encoder"
        best = generation.dense.search(vectors[row.embedded_hash], 1, (), (row.access,))
        if not best or max(best.values()) < _SELF_COSINE:
            return "a chunk is not found by its own vector"
    return ""


class Batch(NamedTuple):
    """What was found of some chunks."""

    chunks: int
    wrong: list[str]
    """Ids of those for which the index holds another vector than the catalogue."""
    asked: int
    lost: list[str]
    """Ids of those that were asked for and not found by their own vector."""

    @property
    def said(self) -> str:
        if self.wrong:
            return f"the dense index holds another vector than the catalogue for {len(self.wrong)} of {self.chunks} chunks"
        return f"{len(self.lost)} of {self.asked} chunks are not found by their own vector" if self.lost else ""


def vectors(
    dense: DenseIndex, catalogue: Catalogue, fingerprint: str, chunk_ids: Collection[str] | None = None
) -> Iterator[Batch]:
    """Every vector that both hold, and a thousand self-queries. In batches, so that the caller may stop between two.

    They are those of live documents' chunks, or of others where those are about to be live.

    Raises:
        IndexDamaged: the index cannot be read.
    """
    wanted_ids = catalogue.chunk_ids() if chunk_ids is None else chunk_ids
    step = max(1, len(wanted_ids) // _MANY_SELF_QUERIES)
    stored = (
        catalogue.stored_vectors(fingerprint) if chunk_ids is None else catalogue.resplits.stored_vectors(chunk_ids, fingerprint)
    )
    for batch in stored:
        held = dense.vectors([each.id for each in batch])
        wanted = {each.id: to_vector(each.vector) for each in batch}
        wrong = [id_ for id_, vector in held.items() if not _same(vector, wanted[id_])]
        asked = [] if wrong else list(held)[::step]
        cosines = dense.nearest(np.stack([wanted[id_] for id_ in asked])) if asked else []
        lost = [id_ for id_, cosine in zip(asked, cosines, strict=True) if cosine < _SELF_COSINE]
        yield Batch(len(held), wrong, len(asked), lost)


def _same(one: Vectors, other: Vectors) -> bool:
    return one.shape == other.shape and bool(np.linalg.norm(one - other) < _SAME)
