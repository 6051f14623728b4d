"""rerank: the passages worth reading, each said once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from chatbot.schema import Passage

_BEFORE_OTHERS = 2
"""Golden questions with a right source in the top 5: .78 without this, .80 with it."""


def rerank(passages: Sequence[Passage], top_k: int) -> list[Passage]:
    """Keep the best `top_k`, dropping those whose words a better one already said, and number them anew.

    Two passages of a document come before its third: five passages of one page are one source. Where other documents have nothing
    to say, its further passages fill the places.
    """
    seen: set[str] = set()
    of_document: Counter[str] = Counter()
    first: list[Passage] = []
    further: list[Passage] = []
    for passage in passages:
        words = " ".join(passage.chunk.text.lower().split())
        if words not in seen:
            seen.add(words)
            of_document[passage.chunk.document_id] += 1
            (first if of_document[passage.chunk.document_id] <= _BEFORE_OTHERS else further).append(passage)
    return [passage.model_copy(update={"rank": rank}) for rank, passage in enumerate([*first, *further][:top_k], 1)]
