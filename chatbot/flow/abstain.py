"""abstain: stop before an answer is invented."""

from __future__ import annotations

from collections.abc import Sequence

from chatbot.schema import Passage


def confidence(passages: Sequence[Passage]) -> float:
    """Best raw cosine, -1 if there is no passage. A fused score is 1 at rank 1 by construction, so it cannot tell."""
    return max((passage.dense for passage in passages), default=-1.0)


def abstain(passages: Sequence[Passage], min_cosine: float) -> bool:
    """True if no passage is close enough to the question to hold its answer."""
    return confidence(passages) < min_cosine
