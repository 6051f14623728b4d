"""Asks the product's own flow, as it is configured and, where it refused, what it would have said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from chatbot.engines.extractive import ExtractiveEngine
from chatbot.evaluation.corpus import Store, source_id
from chatbot.flow.compose import compose_quote
from chatbot.flow.condense import SearchForm, search_forms
from chatbot.flow.pipeline import Bounds, Pipeline
from chatbot.flow.retrieve import Retrieval
from chatbot.schema import Answer, Passage, Query

_DEEP = 200
"""Passages among which those of one text are looked for."""


class Reply(NamedTuple):
    """What the product did with a question."""

    answer: Answer
    """As a user gets it."""
    attempt: Answer
    """The same, or where it refused, what it would have said if it never refused."""

    @property
    def refused(self) -> bool:
        return self.answer.status == "abstained"

    @property
    def confidence(self) -> float:
        return self.answer.confidence if self.answer.confidence is not None else 0.0


class OnlyFrom:
    """Retrieval that finds nothing but the passages of one text: reading, apart from finding."""

    def __init__(self, retrieve: Retrieval, id_: str) -> None:
        self._retrieve = retrieve
        self._id = id_
        self.check = retrieve.check
        self.recall = retrieve.recall
        self.near = retrieve.near

    def __call__(self, query: Query, forms: Sequence[SearchForm], k: int) -> list[Passage]:
        """As `Retriever`, ranks anew."""
        found = [passage for passage in self._retrieve(query, forms, _DEEP) if source_id(passage) == self._id][:k]
        return [passage.model_copy(update={"rank": rank}) for rank, passage in enumerate(found, 1)]


async def best_sentence(store: Store, query: Query, only_from: str) -> str:
    """The sentence of one text that an engine which quotes thinks best; empty where it finds none."""
    engine = store.engine.model
    assert isinstance(engine, ExtractiveEngine)
    passages = OnlyFrom(store.pipeline.parts.retrieve, only_from)(query, search_forms(query), _DEEP)
    documents = [document.model_dump() for document in compose_quote(query, passages).documents]
    ranked = await asyncio.to_thread(engine.ranked, query.text, documents)
    return ranked[0].text if ranked else ""


async def reply(store: Store, query: Query, only_from: str = "") -> Reply:
    """Ask as a user; `only_from` is the one text that may be read."""
    parts = store.pipeline.parts._replace(cache=None)  # the same question may be asked of another text
    if only_from:
        parts = parts._replace(retrieve=OnlyFrom(parts.retrieve, only_from))
    answer = await Pipeline(parts).complete(query)
    if answer.status not in {"abstained", "clarify"}:
        return Reply(answer, answer)
    attempt = await Pipeline(parts._replace(bounds=_never_refusing(parts.bounds))).complete(query)
    return Reply(answer, attempt)


def _never_refusing(bounds: Callable[[str], Bounds]) -> Callable[[str], Bounds]:
    def bold(collection: str) -> Bounds:
        return bounds(collection)._replace(max_error=1.0)

    return bold
