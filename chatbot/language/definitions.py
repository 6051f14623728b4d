"""Recognizes the most common question of all, "what is X?", and the sentence that defines X."""

from __future__ import annotations

import re

from chatbot.language.terms import terms

_ASKS = re.compile(
    r"^\W*(?:please\s+)?(?:what\s+(?:is|are|was|were|does|do)|what['’]?s|define|explain|definition of|(?:the\s+)?meaning of)\s+"
    r"(?P<topic>.+?)(?:\s+(?:mean|stand for))?\W*$",
    re.IGNORECASE,
)
_DEFINES = re.compile(
    r"^(?:an?\s+|the\s+)?(?P<topic>[^.:;!?]{2,80}?)(?:\s*\([^)]*\))?(?:,[^,.;]{3,80},)?\s+"
    r"(?:is|are|means?|refers? to|stands? for|denotes?)\s+",
    re.IGNORECASE,
)
_ALIKE = 0.5
"""Jaccard overlap of the terms; below it the sentence is about something else."""

_MAX_TERMS = 5
_MAX_LENGTH = 200
"""A longer "what is" asks for more than a definition; and the pattern takes the square of the length."""


def topic(question: str) -> frozenset[str]:
    """Terms of what is to be defined; empty if the question asks for something else."""
    question = " ".join(question.split())
    match = _ASKS.match(question) if len(question) <= _MAX_LENGTH else None
    asked = frozenset(terms(match["topic"])) if match else frozenset[str]()
    return asked if len(asked) <= _MAX_TERMS else frozenset()


def defines(sentence: str, asked: frozenset[str]) -> bool:
    """True if the sentence begins by saying what the topic is."""
    match = _DEFINES.match(sentence.strip()) if asked else None
    if match is None:
        return False
    subject = set(terms(match["topic"]))
    return bool(subject) and len(subject & asked) >= _ALIKE * len(subject | asked)
