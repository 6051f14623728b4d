"""Gives texts their vectors: what was never encoded is, a few at a time, and each few are stored before the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.store.tables import IndexRow

if TYPE_CHECKING:
    from chatbot.encoders.bi_encoder import BiEncoder

_TEXTS = 32
"""Half a second on two busy cores: nobody who stops a sync waits longer, and no more than these are encoded again."""


def embed(rows: Sequence[IndexRow], catalogue: Catalogue, encoder: BiEncoder) -> Iterator[int]:
    """Store the vectors that are missing; says after each few how many texts they were.

    Raises:
        DataDirectoryError: the vectors cannot be stored.
    """
    fingerprint = encoder.card.fingerprint
    texts = {row.embedded_hash: row.text for row in rows}
    stored = catalogue.embedded(texts, fingerprint)
    # neighbours of like length waste no padding
    missing = sorted(texts.keys() - stored, key=lambda key: (len(texts[key]), key))
    for start in range(0, len(missing), _TEXTS):
        keys = missing[start : start + _TEXTS]
        vectors = encoder.encode([texts[key] for key in keys])
        catalogue.put_embeddings(dict(zip(keys, vectors, strict=True)), fingerprint)
        yield len(keys)
