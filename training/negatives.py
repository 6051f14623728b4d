"""Finds passages that look as if they answered a question: neighbours by BM25 and by the bi-encoder, half and half."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.terms import terms
from training.data import Passage, Question

NEIGHBOURS = 12
_K1, _B = 1.2, 0.75
_BEST = 1000
"""Scores are put into [0, 1] over so many best ones."""


class Hybrid:
    """Scores passages as the product's first stage does: the mean of BM25 and cosine, each put into [0, 1] for the query."""

    def __init__(self, encoder: BiEncoder, texts: Sequence[str], cache: Path | None = None) -> None:
        self._encoder = encoder
        self.vectors = _kept(encoder, texts, cache)
        self._bm25, self._vocabulary = _bm25(texts)

    def scores(self, question: str) -> NDArray[np.float32]:
        """One score in [0, 1] per text."""
        lexical = np.zeros(self._bm25.shape[0], np.float32)
        for term in terms(question):
            if (column := self._vocabulary.get(term)) is not None:
                lexical += self._bm25[:, [column]].toarray().ravel()
        return (_scaled(lexical) + _scaled(self.vectors @ self._encoder.encode_query(question))) / 2


def mine(questions: Sequence[Question], encoder: BiEncoder, cache: Path) -> list[list[Passage]]:
    """For each question up to NEIGHBOURS passages that do not answer it, the most alike first."""
    passages = list(dict.fromkeys(question.passage for question in questions))
    hybrid = Hybrid(encoder, [passage.text for passage in passages], cache)
    found: list[list[Passage]] = []
    for question in questions:
        best = np.argsort(-hybrid.scores(question.text))[: 3 * NEIGHBOURS]
        found.append([passages[i] for i in best if not _may_answer(passages[i], question)][:NEIGHBOURS])
    return found


def _may_answer(passage: Passage, question: Question) -> bool:
    if passage == question.passage:
        return True
    return len(question.answer) > 3 and question.answer.lower() in passage.text.lower()


def _kept(encoder: BiEncoder, texts: Sequence[str], cache: Path | None) -> NDArray[np.float32]:
    if cache is None:
        return encoder.encode(texts)
    if not cache.exists():
        np.save(cache, encoder.encode(texts))
    return np.load(cache)


def _bm25(texts: Sequence[str]) -> tuple[csc_matrix, dict[str, int]]:
    """Weights of texts × terms.

    Source: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework"; IDF as Lucene has it.
    """
    vocabulary: dict[str, int] = {}
    counts = [Counter(terms(text)) for text in texts]
    lengths = np.array([sum(count.values()) for count in counts], np.float32)
    rows = np.repeat(np.arange(len(texts)), [len(count) for count in counts])
    columns = np.array([vocabulary.setdefault(term, len(vocabulary)) for count in counts for term in count])
    often = np.array([n for count in counts for n in count.values()], np.float32)
    holding = np.bincount(columns, minlength=len(vocabulary))
    idf = np.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
    weights = idf[columns] * often / (often + _K1 * (1 - _B + _B * (lengths / lengths.mean())[rows]))
    return csc_matrix((weights.astype(np.float32), (rows, columns)), (len(texts), len(vocabulary))), vocabulary


def _scaled(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    low = np.partition(scores, -_BEST)[-_BEST] if len(scores) > _BEST else scores.min()
    high = scores.max()
    return np.clip((scores - low) / (high - low), 0, 1) if high > low else np.zeros_like(scores)
