"""Gives texts their vectors: what was never encoded is, a few at a time, and each few are stored before the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from chatbot.encoders import Vectors
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
    texts = {row.embedded_hash: row.text for row in rows}
    stored = catalogue.embedded(texts, encoder.card.fingerprint)
    for made in _made({key: text for key, text in texts.items() if key not in stored}, catalogue, encoder):
        yield len(made)


def encoded(rows: Sequence[IndexRow], catalogue: Catalogue, encoder: BiEncoder) -> tuple[dict[str, Vectors], int]:
    """Vectors of rows by the hash of what is embedded, stored if they were not; and how many were not.

    Each row has one, also where a sync has just replaced it and swept what the catalogue held.

    Raises:
        DataDirectoryError: the vectors cannot be stored.
    """
    texts = {row.embedded_hash: row.text for row in rows}
    vectors = catalogue.embeddings(texts, encoder.card.fingerprint)
    missing = {key: text for key, text in texts.items() if key not in vectors}
    for made in _made(missing, catalogue, encoder):
        vectors |= made
    return vectors, len(missing)


def _made(texts: Mapping[str, str], catalogue: Catalogue, encoder: BiEncoder) -> Iterator[dict[str, Vectors]]:
    # neighbours of like length waste no padding
    missing = sorted(texts, key=lambda key: (len(texts[key]), key))
    for start in range(0, len(missing), _TEXTS):
        keys = missing[start : start + _TEXTS]
        made = dict(zip(keys, encoder.encode([texts[key] for key in keys]), strict=True))
        catalogue.put_embeddings(made, encoder.card.fingerprint)
        yield made
