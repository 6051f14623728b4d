"""Tells apart the questions that somebody asks in one breath."""

from __future__ import annotations

import re

from chatbot.terms import terms

_MOST = 3
_ENDS = re.compile(r"(?<=[?？])\s+(?=\S)")
_ASKS = r"(?:what|how|when|where|who|whom|whose|why|which|does|do|did|is|are|was|were|can|could|should|will)\b"
_JOINED = re.compile(rf",?\s+and\s+(?={_ASKS})", re.IGNORECASE)
"""When was it built, and who built it?"""
_BEGINS = re.compile(rf"\W*(?:(?:and|also|please|so|then)\W+)*{_ASKS}", re.IGNORECASE)
_COMPARES = re.compile(r"\b(?:between|both|differ\w*|compare\w*|versus|vs)\b", re.IGNORECASE)
"""What "and" joins here is one question."""


def split(text: str) -> list[str]:
    """The questions in order; the whole text where it is one, or where there are too many to be told apart."""
    parts = [part for sentence in _ENDS.split(text.strip()) for part in _clauses(sentence)]
    are_questions = all(_BEGINS.match(part) and terms(part) for part in parts)
    return parts if 1 < len(parts) <= _MOST and are_questions else [text]


def _clauses(sentence: str) -> list[str]:
    return [sentence] if _COMPARES.search(sentence) else _JOINED.split(sentence)
