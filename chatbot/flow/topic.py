"""Tells how far a question goes on with the conversation before it, or begins something else."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from chatbot.encoders import Vectors
from chatbot.language.follow_ups import leans_on_history
from chatbot.language.terms import terms

# A logistic of three signs, chosen on MTRAG-UN's development part by two figures at once: nDCG@5 of its follow-ups, and of its
# questions that stand alone with the history of another conversation before them. Neighbouring values do as well.
_BIAS = -2.0
_RELATED = 5.0
_FOUND = 5.0
_LEANS = 2.0

_FOUND_HALF = 0.5
"""Cosine of question and passage from which the question alone rather finds what it asks for."""
_SHARED_WORDS = 0.5
"""A question whose words were all said before counts as related as one whose cosine to a turn is this."""


def continuation(question: str, said: Sequence[str], best_cosine: float, encode: Callable[[str], Vectors]) -> float:
    """In [0, 1]: 1 goes on with what was said, 0 changes the subject.

    `best_cosine` is that of the question, as it stands, with the passage nearest to it: a question that finds something near does
    not need the conversation, and one that finds nothing does.
    """
    if not said:
        return 0.0
    asked, known = set(terms(question)), {term for each in said for term in terms(each)}
    shared = len(asked & known) / len(asked) if asked else 0.0
    vector = encode(question)
    related = max(_SHARED_WORDS * shared, *(float(encode(each) @ vector) for each in said))
    leans = _LEANS if leans_on_history(question) else 0.0
    return 1 / (1 + math.exp(-(_BIAS + _RELATED * related + leans - _FOUND * (best_cosine - _FOUND_HALF))))
