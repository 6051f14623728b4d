"""Measures what a reader adds to the first stage: to the order of its best passages, and to the decision to abstain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.encoders.cross_encoder import CrossEncoder, Reading
from training.dev_sets import Searched, Turn
from training.metrics import auroc, in_unit, log_odds, ndcg
from training.negatives import Hybrid

WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 2.0, 1000.0)
TOP, TOP_TURN = 20, 10
_K = 10


def ranking(reader: CrossEncoder, encoder: BiEncoder, searched: Searched, every: int, kept: Path) -> Mapping[str, object]:
    """nDCG@10 of the first stage's best passages, put in a new order by its score plus a weight times each signal.

    One question in `every` is asked; the vectors of the collection are kept in the file `kept`.
    """
    texts = _texts(searched)
    hybrid = Hybrid(encoder, texts, kept)
    found: dict[str, list[list[float]]] = {}
    questions = searched.questions[::every]
    for question, relevant, scores in zip(questions, searched.relevant[::every], hybrid.scores(questions), strict=True):
        best = np.argsort(-scores)[:TOP]
        readings = reader.read(question, [texts[i] for i in best])
        for name, signal in _signals(readings).items():
            orders = [best[np.argsort(-(scores[best] + weight * signal), kind="stable")] for weight in WEIGHTS]
            found.setdefault(name, []).append([ndcg([int(i) for i in order], relevant, _K) for order in orders])
    n = len(next(iter(found.values())))
    means = {
        name: dict(zip(map(str, WEIGHTS), np.mean(each, axis=0).round(4).tolist(), strict=True)) for name, each in found.items()
    }
    return {"n": n, "first stage + w x": means}


def abstention(reader: CrossEncoder, encoder: BiEncoder, searched: Searched, turns: Sequence[Turn]) -> Mapping[str, object]:
    """AUROC of turns that can be answered, from the best passages of each."""
    texts = _texts(searched)
    hybrid = Hybrid(encoder, texts)
    right = np.array([turn.answerable for turn in turns])
    cosines, found = list[float](), dict[str, list[float]]()
    for turn in turns:
        both = f"{turn.before} {turn.question}".strip()
        alone, together = hybrid.scores([turn.question, both])
        scores = alone + 0.5 * together
        best = np.argsort(-scores)[:TOP_TURN]
        cosines.append(max(float((hybrid.vectors @ encoder.encode_query(text)).max()) for text in (turn.question, both)))
        logits = [log_odds(each.answerable) for each in reader.read(both, [texts[i] for i in best])]
        for k in (1, 3, 5, TOP_TURN):
            found.setdefault(f"best of {k}", []).append(max(logits[:k]))
    cosine = in_unit(np.array(cosines))
    report = {name: _blends(cosine, in_unit(np.array(each)), right) for name, each in found.items()}
    return {"n": len(turns), "cosine": auroc(cosine, right), "cosine + w x": report}


def _blends(cosine: NDArray[np.float64], logits: NDArray[np.float64], right: NDArray[np.bool_]) -> dict[str, float]:
    return {str(weight): auroc(cosine + weight * logits, right) for weight in (0.2, 0.3, 0.5, 0.7, 1.0, 1000.0)}


def _signals(readings: Sequence[Reading]) -> dict[str, NDArray[np.float64]]:
    relevance = np.array([each.relevance for each in readings], np.float64)
    evidence = np.array([np.logaddexp.reduce(each.evidence) for each in readings], np.float64)
    return {
        "relevance, scaled": (relevance - relevance.min()) / ((relevance.max() - relevance.min()) or 1),
        "relevance, softmax": np.exp(relevance - np.logaddexp.reduce(relevance)),
        "relevance / 10": relevance / 10,
        "answerable": np.array([each.answerable for each in readings]),
        "answerable logit / 10": np.array([log_odds(each.answerable) / 10 for each in readings]),
        "evidence, softmax": np.exp(evidence - np.logaddexp.reduce(evidence)),
        "evidence / 10": evidence / 10,
    }


def _texts(searched: Searched) -> list[str]:
    return [f"{title}. {text}" if title else text for title, text in zip(searched.titles, searched.texts, strict=True)]
