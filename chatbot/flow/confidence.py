"""confidence: how likely the passages hold the answer, as a share of questions like this one, and how much that must be.

The numbers stand in `calibration.json`, which `python -m training.confidence` makes. They were chosen among more: that a passage
holds the question's words, its numbers and its names, or that the stages agree, added nothing to what is weighed here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.language import prose
from chatbot.language.follow_ups import in_context
from chatbot.schema import Passage, Query, Value

CALIBRATION = Path(__file__).with_name("calibration.json")

_WORDLESS = 0.05
"""Asked of closeness on top where no passage holds any word of the question, not even misspelt. Of 300 strings of random letters
40 % come to a cosine of .25 with some passage of the built-in knowledge, and 5 % to .30."""


class Evidence(NamedTuple):
    """What speaks for an answer in the passages."""

    closeness: float
    """In [-1, 1]: the best cosine of question and passage; the mean of it with a sentence's and a text's where they were read."""
    answerable: float | None
    """In [0, 1]: how sure the reader is of the passage that it is surest of; None where it read none."""


class Calibration(Value):
    """A logistic regression, and what refusing below a confidence leaves in wrong answers."""

    bias: float
    closeness: float
    answerable: float
    thresholds: tuple[tuple[float, float], ...]
    """Share of wrong answers and the confidence to ask for it, the most wrong ones first."""

    def confidence(self, evidence: Evidence) -> float:
        """In [0, 1]. Source: Platt, "Probabilistic outputs for support vector machines" (1999), over two inputs."""
        odds = self.bias + self.closeness * evidence.closeness + self.answerable * (evidence.answerable or 0.0)
        return 1 / (1 + math.exp(-odds))

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
        answerable = [passage.answerable for passage in passages if passage.answerable is not None]
        if answerable:
            closeness = (closeness + self._of_sentence_and_text(query, passages, closeness)) / 3
        shares_words = any(passage.lexical > 0 for passage in passages)
        return Evidence(closeness - (0.0 if shares_words else _WORDLESS), max(answerable, default=None))

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
