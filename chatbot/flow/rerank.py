"""rerank: the passages worth reading, each said once."""

from __future__ import annotations

from collections.abc import Sequence

from chatbot.schema import Passage


def rerank(passages: Sequence[Passage], top_k: int) -> list[Passage]:
    """Keep the best `top_k`, dropping those whose words were already said by a better one, and number them anew."""
    seen: set[str] = set()
    kept: list[Passage] = []
    for passage in passages:
        words = " ".join(passage.chunk.text.lower().split())
        if words not in seen:
            seen.add(words)
            kept.append(passage.model_copy(update={"rank": len(kept) + 1}))
    return kept[:top_k]
