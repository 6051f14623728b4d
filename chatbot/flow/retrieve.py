"""retrieve: the best passages of both indexes, fused."""

from __future__ import annotations

import heapq
import logging
import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.errors import IndexUnavailable, UnknownCollection
from chatbot.flow.condense import SearchForm
from chatbot.flow.topic import continuation
from chatbot.knowledge.indexes.generation import Generation
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.reading.splitter import embedded_text
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.schema import Chunk, Document, Passage, Query
from chatbot.sections import RetrievalSettings

Found = tuple[Chunk, Document]


class Retrieval(Protocol):
    """What a pipeline finds passages by: `Retriever`, or one that an evaluation puts in its place."""

    def __call__(self, query: Query, forms: Sequence[SearchForm], k: int) -> list[Passage]: ...

    def recall(self, ids: Sequence[str], query: Query) -> dict[str, Passage]: ...

    def near(self, query: Query, passage: Passage, characters: int) -> list[Passage]: ...

    def check(self, names: Sequence[str]) -> None: ...


_GOES_ON = 0.2
"""A question that goes on with the conversation less than this is searched alone. Source: `chatbot eval followups`, nDCG@5 with
it and without: where the subject changes .982 and .980, where it does not .925 and .926."""

_log = logging.getLogger(__name__)


class Retriever:
    """Dense and lexical search, fused by a convex combination of min-max scaled scores.

    Source: Bruch, Gai, Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval" (ACM TOIS 2023): a convex combination beats
    reciprocal rank fusion in and out of domain. Five development sets are flat from .5 to .6. Where the encoder does not know the
    question's language, its share is smaller.
    """

    def __init__(self, catalogue: Catalogue, indexes: Indexes, settings: RetrievalSettings) -> None:
        self._catalogue = catalogue
        self._indexes = indexes
        self._settings = settings

    def __call__(self, query: Query, forms: Sequence[SearchForm], k: int) -> list[Passage]:
        """Return at most k passages the principal may see, best first.

        Raises:
            UnknownCollection: the query names a collection that does not exist.
        """
        self.check(query.collections)
        return self._indexes.read(lambda generation: self._found(generation, query, forms, k))

    def _found(self, generation: Generation, query: Query, forms: Sequence[SearchForm], k: int) -> list[Passage]:
        """One search from its first word to its last score in one generation, with the encoder that is that one's."""
        scopes = sorted(query.principal.scopes)  # the access filter: bound here, for every search
        fused: dict[str, float] = {}
        dense: dict[str, float] = {}
        lexical: dict[str, float] = {}
        total = 0.0
        goes_on: float | None = None
        trust = generation.encoder.trust(query.text)
        for form in forms:
            weight = form.weight
            if form.is_behind:
                if goes_on is None:  # asked once the question alone was searched for
                    best_cosine = max(dense.values(), default=0.0)
                    goes_on = continuation(query.text, form.is_behind, best_cosine, generation.encoder.encode_query)
                if goes_on < _GOES_ON:
                    continue
                weight *= goes_on
            total += weight
            vector = generation.encoder.encode_query(form.text)
            near: dict[str, float] = {}
            with _by_words_alone():
                near = generation.dense.search(vector, self._settings.candidates, query.collections, scopes)
            alike = generation.lexical.search(form.text, self._settings.candidates, query.collections, scopes)
            for id_, score in fuse(near, alike, self._settings.dense_weight * trust).items():
                fused[id_] = fused.get(id_, 0.0) + weight * score
            _keep_best(dense, near)
            _keep_best(lexical, alike)
        best = heapq.nsmallest(2 * k, fused, key=lambda id_: (-fused[id_], id_))
        found = self._catalogue.published_chunks(best[:k])
        if len(found) < min(k, len(best)):  # some were replaced since they were indexed
            found |= self._catalogue.published_chunks(best[k:])
        visible = [id_ for id_ in best if id_ in found and found[id_][1].access in scopes][:k]
        self._add_missing_cosines(generation.encoder, dense, {id_: found[id_] for id_ in visible}, forms)
        return [
            _passage(
                *found[id_],
                score=min(1.0, fused[id_] / total),
                dense=max(-1.0, min(1.0, dense[id_])),
                lexical=max(0.0, lexical.get(id_, 0.0)),
                rank=rank,
            )
            for rank, id_ in enumerate(visible, 1)
        ]

    def recall(self, ids: Sequence[str], query: Query) -> dict[str, Passage]:
        """Chunks of earlier answers by id, those that still exist and that the query may find; they have no score here."""
        found = self._catalogue.published_chunks(list(dict.fromkeys(ids)))
        return {id_: _unscored(*each) for id_, each in found.items() if _may_find(query, each[1])}

    def near(self, query: Query, passage: Passage, characters: int) -> list[Passage]:
        """The chunks of a passage's document that lie within some characters of it, itself among them, in reading order.

        As for `recall`: without a score, and none where the passage is gone or the query may not find it.
        """
        chunk = passage.chunk
        found = self._catalogue.published_chunks([chunk.id])
        if chunk.id not in found or not _may_find(query, found[chunk.id][1]):
            return []
        around = self._catalogue.chunks_of(chunk.document_id, chunk.start - characters, chunk.end + characters)
        return [_unscored(each, found[chunk.id][1]) for each in around]

    def check(self, names: Sequence[str]) -> None:
        """
        Raises:
            UnknownCollection: one of them does not exist.
        """
        known = self._catalogue.collections() if names else {}
        for name in names:
            if name not in known:
                raise UnknownCollection.among(name, known)

    def _add_missing_cosines(
        self, encoder: BiEncoder, dense: dict[str, float], found: Mapping[str, Found], forms: Sequence[SearchForm]
    ) -> None:
        """A passage that only the lexical index found still gets its true cosine."""
        missing = [id_ for id_ in found if id_ not in dense]
        if not missing:
            return
        stored = self._catalogue.vectors_of_chunks(missing, encoder.card.fingerprint)
        # while another model's vectors are being made, some are not there yet
        unknown = {id_: _embedded(*found[id_]) for id_ in missing if id_ not in stored}
        stored |= dict(zip(unknown, encoder.encode_short(list(unknown.values())), strict=True))
        for id_ in missing:
            dense[id_] = max(float(stored[id_] @ encoder.encode_query(form.text)) for form in forms)


@contextmanager
def _by_words_alone() -> Generator[None]:
    """Where the server of the dense index is away, words still find most of what is there, and their cosines are known."""
    try:
        yield
    except IndexUnavailable as error:
        _log.warning("searching by words alone: %s", error)


def fuse(dense: Mapping[str, float], lexical: Mapping[str, float], dense_weight: float) -> dict[str, float]:
    """Score in [0, 1] by id: each list min-max scaled over its own candidates; absent from a list means 0 there."""
    fused = {id_: dense_weight * score for id_, score in _min_max(dense).items()}
    for id_, score in _min_max(lexical).items():
        fused[id_] = fused.get(id_, 0.0) + (1 - dense_weight) * score
    return fused


def _passage(chunk: Chunk, document: Document, *, score: float, dense: float, lexical: float, rank: int) -> Passage:
    return Passage(
        chunk=chunk,
        collection=document.collection,
        source=document.source,
        title=document.title,
        date=document.date,
        score=score,
        dense=dense,
        lexical=lexical,
        rank=rank,
    )


def _unscored(chunk: Chunk, document: Document) -> Passage:
    return _passage(chunk, document, dense=0.0, lexical=0.0, score=0.0, rank=1)


def _may_find(query: Query, document: Document) -> bool:
    return document.access in query.principal.scopes and document.collection in (query.collections or {document.collection})


def _embedded(chunk: Chunk, document: Document) -> str:
    return embedded_text(document.title, chunk.heading_path, chunk.text)


def _min_max(scores: Mapping[str, float]) -> dict[str, float]:
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    if low == high:
        return dict.fromkeys(scores, 1.0)
    return {id_: (score - low) / (high - low) for id_, score in scores.items()}


def _keep_best(best: dict[str, float], scores: Mapping[str, float]) -> None:
    if not best:  # the first of two forms, and mostly the only one
        best.update(scores)
        return
    for id_, score in scores.items():
        if score > best.get(id_, -math.inf):
            best[id_] = score
