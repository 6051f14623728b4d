"""The figures of merit, and the signals a reader has to beat."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.language.terms import terms
from training.dev_sets import Asked

Scores = NDArray[np.float64]


def auroc(scores: Scores, right: NDArray[np.bool_]) -> float:
    """The chance that a right one scores above a wrong one."""
    ranks, positives = rankdata(scores), int(right.sum())
    above = ranks[right].sum() - positives * (positives + 1) / 2
    return round(float(above / (positives * (len(right) - positives))), 3)


def ndcg(order: Sequence[int], relevant: frozenset[int], k: int) -> float:
    """nDCG@k with relevance 0 or 1. Source: Järvelin and Kekäläinen 2002."""
    gain = sum(1 / math.log2(rank + 2) for rank, i in enumerate(order[:k]) if i in relevant)
    return gain / sum(1 / math.log2(rank + 2) for rank in range(min(k, len(relevant))))


def standing(logits: Scores, right: NDArray[np.bool_]) -> dict[str, object]:
    """The threshold with the best balanced accuracy, that accuracy, and the same at 0, which stands for a chance of a half."""

    def balanced(threshold: float) -> float:
        return float(((logits[right] >= threshold).mean() + (logits[~right] < threshold).mean()) / 2)

    best = max(np.unique(logits), key=balanced)
    chance = 1 / (1 + math.exp(-best))
    return {"threshold": round(chance, 3), "balanced": round(balanced(best), 3), "balanced at .5": round(balanced(0), 3)}


def in_unit(scores: Scores) -> Scores:
    """Moved and stretched to mean 0 and deviation 1, so that weights of a sum mean the same for every signal."""
    return (scores - scores.mean()) / (scores.std() or 1)


def log_odds(chance: float) -> float:
    chance = min(max(chance, 1e-7), 1 - 1e-7)
    return math.log(chance / (1 - chance))


def cosine_and_overlap(encoder: BiEncoder, asked: Asked) -> tuple[Scores, Scores]:
    """Per sentence its cosine with the question, and which share of the question's terms, weighted by IDF, it holds."""
    texts = [asked.passage[start:end] for start, end in asked.spans]
    cosine = (encoder.encode_short(texts) @ encoder.encode_query(asked.question)).astype(np.float64)
    held = [set(terms(text)) for text in texts]
    holding = Counter(term for each in held for term in each)
    weight = {term: math.log(1 + len(held) / (1 + holding[term])) for term in set(terms(asked.question))}
    whole = sum(weight.values()) or 1.0
    return cosine, np.array([sum(weight[term] for term in weight.keys() & each) / whole for each in held])
