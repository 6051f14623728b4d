"""Finds passages that look as if they answered a question: neighbours by BM25 and by the bi-encoder, half and half."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.language.terms import terms
from training.data import Passage, Question

NEIGHBOURS = 10
_K1, _B = 1.2, 0.75
_TOGETHER = 512
_BEST = 1000
"""Scores are put into [0, 1] over so many best ones."""


class Hybrid:
    """Scores passages as the product's first stage does: the mean of BM25 and cosine, each put into [0, 1] for the query."""

    def __init__(self, encoder: BiEncoder, texts: Sequence[str], cache: Path | None = None) -> None:
        self._encoder = encoder
        self.vectors = _kept(encoder, texts, cache)
        self._bm25, self._vocabulary = _bm25(texts)

    def scores(self, questions: Sequence[str]) -> NDArray[np.float32]:
        """questions × texts, in [0, 1]."""
        lexical = (self._asked(questions) @ self._bm25.T).toarray()
        return (_scaled(lexical) + _scaled(self._encoder.encode(questions) @ self.vectors.T)) / 2

    def _asked(self, questions: Sequence[str]) -> csr_matrix:
        """Which terms each question has: questions × terms."""
        known = [[self._vocabulary[term] for term in terms(text) if term in self._vocabulary] for text in questions]
        rows = np.repeat(np.arange(len(questions)), [len(each) for each in known])
        columns = np.array([column for each in known for column in each], np.int64)
        return csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), (len(questions), len(self._vocabulary)))


def mine(questions: Sequence[Question], encoder: BiEncoder, cache: Path) -> list[list[Passage]]:
    """For each question up to NEIGHBOURS of the passages that are most alike and do not answer it, in no order."""
    passages = list(dict.fromkeys(question.passage for question in questions))
    hybrid = Hybrid(encoder, [passage.text for passage in passages], cache)
    found: list[list[Passage]] = []
    for first in range(0, len(questions), _TOGETHER):
        some = questions[first : first + _TOGETHER]
        best = np.argpartition(-hybrid.scores([question.text for question in some]), 2 * NEIGHBOURS)[:, : 2 * NEIGHBOURS]
        for question, near in zip(some, best, strict=True):
            found.append([passages[i] for i in near if not _may_answer(passages[i], question)][:NEIGHBOURS])
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


def _bm25(texts: Sequence[str]) -> tuple[csr_matrix, dict[str, int]]:
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
    return csr_matrix((weights.astype(np.float32), (rows, columns)), (len(texts), len(vocabulary))), vocabulary


def _scaled(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row into [0, 1]: 0 is the worst of its best ones."""
    best = min(_BEST, scores.shape[1])
    low = np.partition(scores, -best, axis=1)[:, [-best]]
    high = scores.max(axis=1, keepdims=True)
    return np.clip((scores - low) / np.maximum(high - low, 1e-6), 0, 1)
