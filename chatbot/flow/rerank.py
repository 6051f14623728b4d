"""rerank: the reader looks at the question and the best passages together, and has a say in their order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from chatbot.encoders.cross_encoder import CrossEncoder, titled
from chatbot.language.follow_ups import in_context
from chatbot.schema import Passage, Query

DEPTH = 20
"""Passages that are read: a quarter of a second on two cores, and of SQuAD's questions .98 have theirs among ten."""

WEIGHT = 0.4
"""Of the reader's say beside the fused score. Chosen on development parts: SQuAD's paragraphs gain most at .5 to .8, SciFact's
claims, which it was not trained on, up to .5."""

AT_ONCE = 2
"""Questions that are read for at the same time; more wait for nothing, and go without."""


class Reranker:
    """Sorts the best passages anew. Under load, or without a reader, passages stay as they are and their `answerable` is None."""

    def __init__(
        self, reader: CrossEncoder | None, at_once: int = AT_ONCE, has_a_say: Callable[[str], bool] = lambda _: True
    ) -> None:
        """`has_a_say` tells of a collection's name whether the reader may change the order of its passages."""
        self._reader = reader
        self._has_a_say = has_a_say
        self._slots = threading.BoundedSemaphore(at_once)

    def __call__(self, query: Query, passages: Sequence[Passage]) -> list[Passage]:
        """All passages, the first `DEPTH` of them in a new order and numbered anew."""
        if not self._reader or not passages or not self._slots.acquire(blocking=False):
            return list(passages)
        try:
            read = self._read(self._reader, query, passages[:DEPTH])
        finally:
            self._slots.release()
        read.sort(key=lambda passage: -(passage.score + self._say(passage)))
        return [passage.model_copy(update={"rank": rank}) for rank, passage in enumerate([*read, *passages[DEPTH:]], 1)]

    def _say(self, passage: Passage) -> float:
        return WEIGHT * (passage.answerable or 0.0) if self._has_a_say(passage.collection) else 0.0

    def was_shed(self, passages: Sequence[Passage]) -> bool:
        """True for passages that would have been read, had there not been so many questions."""
        return self._reader is not None and any(passage.answerable is None for passage in passages[:1])

    def _read(self, reader: CrossEncoder, query: Query, passages: Sequence[Passage]) -> list[Passage]:
        question = in_context([*(turn.content for turn in query.history if turn.role == "user"), query.text])
        readings = reader.read(question, [titled(each.title, each.chunk.text)[0] for each in passages])
        return [
            passage.model_copy(update={"answerable": round(each.answerable, 6)})
            for passage, each in zip(passages, readings, strict=True)
        ]
