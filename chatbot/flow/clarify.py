"""clarify: a question that fits several things, or names none, is answered by asking which is meant."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatbot import markers
from chatbot.language.follow_ups import leans_on_history
from chatbot.language.terms import terms
from chatbot.schema import Passage, Query

_MOST = 4
"""Choices offered."""

_LEAST = 0.25
"""Cosine of the nearest passage: below it nothing that could be offered has to do with what was typed, such as "???"."""

_NEAR = 0.12
"""A thing whose best passage is this much further from the question than the best is not what was meant."""

_COMMON = 2
"""Terms of the question that the names of all choices share: "the Prime Minister" of two countries. With one, "sampling" fits
half a textbook. Of MTRAG-UN's development part 4 in 46 underspecified questions are told by it, and 1 in 146 answerable ones
wrongly."""

_POINTS = re.compile(
    r"\b(?:this|that|these|those)\s+(?!(?:is|are|was|were|can|will|day|week|month|year)\b)[^\W\d]", re.IGNORECASE
)
"""This language, that burger: said of something that was named before."""


def choices(query: Query, passages: Sequence[Passage], is_confident: bool) -> list[str]:
    """What the question may be about, at least two; empty where it is clear, or where asking back would not help.

    Where an answer is at hand, only a name that several things share is asked about; what is refused anyway may be as vague as it
    likes.
    """
    names = _names(passages)
    if len(names) < 2:
        return []
    if is_confident:
        return names if _share_the_name(query, names[:2]) else []
    return names if _names_nothing(query) else []


def listed(names: Sequence[str]) -> str:
    """As the prompt shows them."""
    return "\n".join(f"- {markers.literal(name)}" for name in names)


def _names(passages: Sequence[Passage]) -> list[str]:
    """Of the documents that the nearest passages are from, or of the sections where they are all from one."""
    best = max((passage.dense for passage in passages), default=0.0)
    if best < _LEAST:
        return []
    near = [passage for passage in passages if passage.dense >= best - _NEAR]
    titles = list(dict.fromkeys(passage.title for passage in near if passage.title))
    sections = list(dict.fromkeys(passage.chunk.heading_path[-1] for passage in near if passage.chunk.heading_path))
    return (titles if len(titles) > 1 else sections)[:_MOST]


def _share_the_name(query: Query, names: Sequence[str]) -> bool:
    """True where all have in common what was asked for, and none of what tells them apart was ever said."""
    asked = set(terms(query.text))
    said = asked.union(*(terms(turn.content) for turn in query.history))
    each = [set(terms(name)) for name in names]
    common = set.intersection(*each)
    return len(common & asked) >= _COMMON and all(name - common and not (name - common) & said for name in each)


def _names_nothing(query: Query) -> bool:
    """True for a single word, and where the question points at something that nobody has named."""
    if any(turn.role == "user" for turn in query.history):
        return False
    asked = set(terms(query.text))
    is_one_word = len(asked) <= 1 and not any(map(str.isdigit, asked))
    return is_one_word or leans_on_history(query.text) or bool(_POINTS.search(query.text))
