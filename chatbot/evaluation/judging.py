"""Decides whether an answer is right, by what people marked in the documents. It knows no model."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from urllib.parse import unquote

from chatbot import markers
from chatbot.evaluation.wording import normalized
from chatbot.schema import Answer, Citation

_SHARED = 0.7
"""Of a quotation's words in a gold sentence, or the other way round: both were cut into sentences by different rules."""


def says(answer: Answer, accepted: Sequence[tuple[int, str]]) -> bool:
    """One of the accepted wordings stands in the text."""
    return holds(markers.strip(answer.text), accepted)


def holds(text: str, accepted: Sequence[tuple[int, str]]) -> bool:
    """One of the accepted wordings stands in it, as words."""
    padded = f" {normalized(text)} "
    return any(f" {normalized(words)} " in padded for _, words in accepted if normalized(words))


def quotes(answer: Answer, gold: Sequence[str]) -> bool:
    """One of the cited sentences is among the gold ones."""
    return any(is_gold(citation, gold) for citation in answer.citations)


def cites(answer: Answer, texts: Collection[str]) -> bool:
    """One of the citations is from one of the texts, which are named by id."""
    return any(unquote(citation.source.split("/")[0]) in texts for citation in answer.citations)


def is_gold(citation: Citation, gold: Sequence[str]) -> bool:
    """The cited words are one of the gold sentences, or most of one is most of the other."""
    return any(is_same(citation.cited_text, sentence) for sentence in gold)


def is_same(one: str, other: str) -> bool:
    """True where the words of the shorter stand, but for some, in the longer."""
    left, right = set(normalized(one).split()), set(normalized(other).split())
    shorter = min(len(left), len(right))
    return bool(shorter) and len(left & right) >= _SHARED * shorter
