"""Finds the questions in a long message, and tells apart those that somebody asks in one breath."""

from __future__ import annotations

import re

from chatbot.language import sentences
from chatbot.language.terms import terms

_LONG = 60
"""Words. What is longer tells a story, and a search for all of it finds the story."""
_MOST = 3
_ENDS = re.compile(r"(?<=[?？])\s+(?=\S)")
_ASKS = r"(?:what|how|when|where|who|whom|whose|why|which|does|do|did|is|are|was|were|can|could|should|will)\b"
_JOINED = re.compile(rf",?\s+and\s+(?={_ASKS})", re.IGNORECASE)
"""When was it built, and who built it?"""
_BEGINS = re.compile(rf"\W*(?:(?:and|also|please|so|then)\W+)*{_ASKS}", re.IGNORECASE)
_COMPARES = re.compile(r"\b(?:between|both|differ\w*|compare\w*|versus|vs)\b", re.IGNORECASE)
"""What "and" joins here is one question."""


def told_and_asked(text: str) -> tuple[str, str]:
    """The end of what a long message tells, and its questions; nothing and the whole text where it is short, or asks nothing."""
    if len(text.split()) <= _LONG:
        return "", text
    said = [text[start:end].strip() for start, end in sentences.split(text)]
    asked = [sentence for sentence in said if sentence.endswith(("?", "？"))]
    told = " ".join(sentence for sentence in said if sentence not in asked).split()
    return (" ".join(told[-_LONG:]), " ".join(asked)) if asked and told else ("", text)


def split(text: str) -> list[str]:
    """The questions in order; the whole text where it is one, or where there are too many to be told apart."""
    parts = [part for sentence in _ENDS.split(text.strip()) for part in _clauses(sentence)]
    are_questions = all(_BEGINS.match(part) and terms(part) for part in parts)
    return parts if 1 < len(parts) <= _MOST and are_questions else [text]


def _clauses(sentence: str) -> list[str]:
    return [sentence] if _COMPARES.search(sentence) else _JOINED.split(sentence)
