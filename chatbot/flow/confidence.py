"""confidence: how likely the passages hold the answer, as a share of questions like this one, and how much that must be.

The numbers stand in `calibration.json`, which `python -m training.confidence` makes. Cosines alone are no measure that holds
everywhere: those of a short document that says many things are low. The reader is less sure of what it has not learned from, and
takes a word alone for a question that is answered. Together with the words shared they err least where none of them was fitted.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence, Set
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.language import prose
from chatbot.language.follow_ups import in_context
from chatbot.language.terms import terms
from chatbot.schema import Passage, Query, Value

CALIBRATION = Path(__file__).with_name("calibration.json")

_SUREST = 5.0
"""The reader's log-odds count up to here, .993: beyond it they differ between texts that answer equally well."""


_SPELT, _ALIKE = 5, 0.82
"""A term of so many letters may be misspelt, and is still the one that has so much of it (`difflib`'s ratio)."""


class Evidence(NamedTuple):
    """What speaks for an answer in the passages."""

    closeness: float
    """In [-1, 1]: the best cosine of question and passage; the mean of it with a sentence's and a text's where they were read."""
    shared: float
    """In [0, 1]: of the question's own terms, as many as one passage with its title and headings holds, misspelt ones too."""
    answerable: float | None
    """In [-5, 5]: the reader's log-odds that the best passage answers; None where it read none."""


class Calibration(Value):
    """A logistic regression, and what refusing below a confidence leaves in wrong answers."""

    bias: float
    closeness: float
    shared: float
    answerable: float
    thresholds: tuple[tuple[float, float], ...]
    """Share of wrong answers and the confidence to ask for it, the most wrong ones first."""

    def confidence(self, evidence: Evidence) -> float:
        """In [0, 1]. Source: Platt, "Probabilistic outputs for support vector machines" (1999), over three inputs."""
        found = self.closeness * evidence.closeness + self.shared * evidence.shared
        return 1 / (1 + math.exp(-(self.bias + found + self.answerable * (evidence.answerable or 0.0))))

    def threshold(self, max_error: float) -> float:
        """The least confidence at which no more than this share of the answers given are wrong, by the development sets.

        Source: Geifman, El-Yaniv, "Selective classification for deep neural networks" (2017).
        """
        for (more, bold), (less, careful) in itertools.pairwise(self.thresholds):
            if less <= max_error < more:
                return bold + (careful - bold) * (more - max_error) / (more - less)
        return self.thresholds[0][1]


class Judge:
    """Weighs what was found. Two calibrations: with the reader's opinion, and without."""

    def __init__(self, encoder: BiEncoder, file: Path = CALIBRATION) -> None:
        self._encoder = encoder
        self._calibrations = TypeAdapter(dict[str, Calibration]).validate_json(file.read_bytes())

    def confidence(self, query: Query, passages: Sequence[Passage]) -> float:
        """How likely an answer from these passages is right, in [0, 1]; 0 where there are none."""
        return self._calibration(passages).confidence(self.evidence(query, passages)) if passages else 0.0

    def threshold(self, passages: Sequence[Passage], max_error: float) -> float:
        """The confidence to ask for: an answer below it is refused."""
        return self._calibration(passages).threshold(max_error)

    def evidence(self, query: Query, passages: Sequence[Passage]) -> Evidence:
        """What there is to weigh. Passages that were not read, because there are too many questions, are not looked at closely.

        A fused score tells nothing here: it is 1 at rank 1 by construction.
        """
        closeness = max(passage.dense for passage in passages)
        answerable = next((each.answerable for each in passages if each.answerable is not None), None)
        if answerable is not None:
            closeness = (closeness + self._of_sentence_and_text(query, passages, closeness)) / 3
            answerable = _log_odds(answerable)
        return Evidence(closeness, _shared(query.text, passages), answerable)

    def _of_sentence_and_text(self, query: Query, passages: Sequence[Passage], otherwise: float) -> float:
        """The best sentence's cosine, and the best text's without its title: near misses share the title, and not the words."""
        texts = [[said for _, said in prose.quotable(passage.chunk.text)] for passage in passages]
        if not any(texts):
            return 2 * otherwise
        alone = self._encoder.encode_query(query.text)
        asked = in_context([*(turn.content for turn in query.history if turn.role == "user"), query.text])
        vectors = [self._encoder.encode_short(text) for text in texts if text]
        sentence = max(float((each @ vector).max()) for each in vectors for vector in (alone, self._encoder.encode_query(asked)))
        means = [each.mean(axis=0) for each in vectors]
        return sentence + max(float(mean @ alone / math.sqrt(mean @ mean)) for mean in means)

    def _calibration(self, passages: Sequence[Passage]) -> Calibration:
        return self._calibrations["read" if any(each.answerable is not None for each in passages) else "unread"]


def _shared(question: str, passages: Sequence[Passage]) -> float:
    asked = set(terms(question))
    texts = (" ".join([each.title, *each.chunk.heading_path, each.chunk.text]) for each in passages)
    return max((_held(asked, set(terms(text))) for text in texts), default=0) / max(1, len(asked))


def _held(asked: Set[str], said: Set[str]) -> int:
    """Misspelt terms count as well."""
    missing = (term for term in asked - said if len(term) >= _SPELT)
    return len(asked & said) + sum(bool(get_close_matches(term, said, 1, _ALIKE)) for term in missing)


def _log_odds(share: float) -> float:
    if not 0 < share < 1:
        return math.copysign(_SUREST, share - 0.5)
    return max(-_SUREST, min(_SUREST, math.log(share / (1 - share))))
