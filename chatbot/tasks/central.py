"""Chooses the sentences that stand for a text: close to its centre, and unlike each other. No model writes anything.

Sources: the centroid as what a text is about: Radev, Jing, Styś, Tam, "Centroid-based summarization of multiple documents",
Information Processing & Management 40, 2004; relevance against repetition: Carbonell, Goldstein, "The use of MMR, diversity-based
reranking", SIGIR 1998.
"""

from __future__ import annotations

import numpy as np

from chatbot.encoders import Vectors

RELEVANCE = 0.7
"""Share of closeness to the centre; the rest is unlikeness to what is chosen already. MMR's lambda, not tuned here."""


def central(vectors: Vectors, count: int) -> list[int]:
    """At most `count` rows of n × d unit vectors, in their order."""
    if not len(vectors):
        return []
    centre = vectors.mean(axis=0)
    closeness = vectors @ (centre / (np.linalg.norm(centre) or 1.0))
    likeness = np.full(len(vectors), -1.0, np.float32)
    """To the most alike of the chosen."""
    chosen: list[int] = []
    while len(chosen) < min(count, len(vectors)):
        worth = RELEVANCE * closeness - (1 - RELEVANCE) * (likeness if chosen else 0)
        worth[chosen] = -np.inf
        best = int(worth.argmax())
        chosen.append(best)
        likeness = np.maximum(likeness, vectors @ vectors[best])
    return sorted(chosen)
