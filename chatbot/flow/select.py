"""select: the passages worth reading, each said once, in the order they are worth it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from chatbot.flow.fold import fold
from chatbot.language import definitions, sentences
from chatbot.schema import Passage

_BEFORE_OTHERS = 2
"""Of the first golden questions, harder than today's, .78 had a right source in the top 5 without this, .80 with it."""

_POINTERS = {"further reading", "references", "bibliography", "literature", "see also", "related links", "external links"}
"""Headings of sections that name other works instead of saying anything."""


def select(question: str, passages: Sequence[Passage], top_k: int) -> list[Passage]:
    """Keep the best `top_k`, each thing said once, and number them anew.

    A passage that defines what the question asks the meaning of comes first. Two passages of a document come before its third:
    five passages of one page are one source. Sections that only point elsewhere come last.
    """
    asked = definitions.topic(question)
    ordered = sorted(fold(passages), key=lambda passage: not _defines(passage, asked))
    of_document: Counter[str] = Counter()
    groups: tuple[list[Passage], ...] = ([], [], [])
    for passage in ordered:
        points_elsewhere = passage.chunk.heading_path[-1:] and passage.chunk.heading_path[-1].lower() in _POINTERS
        of_document[passage.chunk.document_id] += 1
        groups[2 if points_elsewhere else of_document[passage.chunk.document_id] > _BEFORE_OTHERS].append(passage)
    best = [passage for group in groups for passage in group][:top_k]
    return [passage.model_copy(update={"rank": rank}) for rank, passage in enumerate(best, 1)]


def _defines(passage: Passage, asked: frozenset[str]) -> bool:
    text = passage.chunk.text
    return any(definitions.defines(text[start:end], asked) for start, end in (sentences.split(text) if asked else []))
