"""Tells whether a question leans on what was said before."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatbot.language.terms import terms

_LEANS = re.compile(
    r"\b(?:it|its|they|them|their|theirs|this|that|these|those|he|him|his|she|her|hers|former|latter|above|instead|else|"
    r"the (?:same|other|others|first|second|last) ?(?:one|ones)?)\b"
    r"|^\W*(?:and|but|or|so|also|then|what about|how about|what if|which one|why not|for example|any other|more)\b",
    re.IGNORECASE,
)


def in_context(questions: Sequence[str]) -> str:
    """The last of some questions; where it leans on the history, behind the one before."""
    if len(questions) > 1 and leans_on_history(questions[-1]):
        return f"{questions[-2]} {questions[-1]}"
    return questions[-1] if questions else ""


def leans_on_history(question: str) -> bool:
    """True for "and on Windows?", "why is it used?" or a bare "why?"; false for a question that stands alone."""
    return bool(_LEANS.search(question)) or not terms(question)
