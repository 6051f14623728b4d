"""cache: how many questions get an answer that was given before, and how many of those wanted another one?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Protocol

import numpy as np

from chatbot.encoders import Vectors
from chatbot.errors import DataMissing
from chatbot.evaluation.bench import Bench, NotRun
from chatbot.evaluation.corpus import Store
from chatbot.evaluation.measurement import Measurement
from chatbot.evaluation.sets.intents import intents
from chatbot.evaluation.sets.pairs import CONTRADICTION, Pair, sick, similar_questions
from chatbot.flow.cache import AnswerCache
from chatbot.language.terms import terms
from chatbot.schema import Answer, Completed, Manifest, Query
from chatbot.sections import CacheSettings

NAME = "cache"
_SEED = 20_260_101
_SIMILAR = "SIMILAR"


class Cache(Protocol):
    """Gives answers again, which here are numbers."""

    def find(self, text: str) -> int | None: ...

    def keep(self, text: str, number: int) -> None: ...


class _Product:
    """The product's own cache, over documents that never change."""

    def __init__(self, store: Store, settings: CacheSettings, encode: Callable[[str], Vectors]) -> None:
        self._parts = store.pipeline.parts
        roomy = settings.model_copy(update={"size": 10_000, "max_age_s": 1e9})
        self._cache = AnswerCache(roomy, lambda: 0, encode)

    def find(self, text: str) -> int | None:
        asked = self._cache.ask(Query(text=text), self._parts.made_by, self._parts.prompts, self._parts.engine)
        last = self._cache.find(asked)[-1:] if asked else []
        reused = last[0].answer.manifest.reused if last and isinstance(last[0], Completed) else None
        return int(reused.answer) if reused else None

    def keep(self, text: str, number: int) -> None:
        asked = self._cache.ask(Query(text=text), self._parts.made_by, self._parts.prompts, self._parts.engine)
        if asked:
            manifest = Manifest(**self._parts.made_by._asdict(), prompts={}, chunks=(), timings_ms={})
            self._cache.keep(asked, (), Answer(id=str(number), text="", status="answered", manifest=manifest))


class _Cosine:
    """What is usual: the nearest question's answer, if it is near enough."""

    def __init__(self, threshold: float, encode: Callable[[str], Vectors]) -> None:
        self._threshold = threshold
        self._encode = encode
        self._kept: list[tuple[int, Vectors]] = []

    def find(self, text: str) -> int | None:
        if not self._kept:
            return None
        cosines = np.stack([vector for _, vector in self._kept]) @ self._encode(text)
        best = int(cosines.argmax())
        return self._kept[best][0] if cosines[best] >= self._threshold else None

    def keep(self, text: str, number: int) -> None:
        self._kept.append((number, self._encode(text)))


class _Terms:
    """The same content words in any order, whatever stands between them."""

    def __init__(self) -> None:
        self._kept: dict[frozenset[str], int] = {}

    def find(self, text: str) -> int | None:
        return self._kept.get(frozenset(terms(text)))

    def keep(self, text: str, number: int) -> None:
        self._kept[frozenset(terms(text))] = number


def run(bench: Bench) -> Iterator[Measurement | NotRun]:
    """BANKING77 asked by one user after the other; pairs that contradict each other in SICK; similar questions of COVID-QA."""
    for set_, measured in _SETS.items():
        try:
            yield from measured(bench, set_)
        except DataMissing as missing:
            yield NotRun(NAME, set_, str(missing))


def _banking(bench: Bench, set_: str) -> Iterator[Measurement]:
    every = intents(bench.data, set_)
    order = [int(number) for number in np.random.default_rng(_SEED).permutation(len(every.texts))][: bench.limit]
    with bench.corpora.none() as store:
        for baseline, make in _caches(store, every.texts).items():
            cache = make()
            given: dict[int, int | None] = {}
            for number in order:
                given[number] = cache.find(every.texts[number])
                if given[number] is None:
                    cache.keep(every.texts[number], number)
            right = {number: every.labels[number] == every.labels[known] for number, known in given.items() if known is not None}
            hits = {str(number): (float(number in right),) for number in order}
            yield Measurement(NAME, set_, "cache_hit", hits, baseline)
            false = {str(number): (float(not right.get(number, True)), 1.0) for number in order}
            yield Measurement(NAME, set_, "cache_false_hit", false, baseline)
            if right:
                shares = {str(number): (float(is_right), 1.0) for number, is_right in right.items()}
                yield Measurement(NAME, set_, "cache_precision", shares, baseline)


def _contradictions(bench: Bench, set_: str) -> Iterator[Measurement]:
    yield from _pairs(bench, set_, [pair for pair in sick(bench.data) if pair.label == CONTRADICTION])


def _questions(bench: Bench, set_: str) -> Iterator[Measurement]:
    alike = {"1": _SIMILAR}
    yield from _pairs(bench, set_, [pair._replace(label=alike.get(pair.label, "")) for pair in similar_questions(bench.data)])


def _pairs(bench: Bench, set_: str, pairs: list[Pair]) -> Iterator[Measurement]:
    """Each asked both ways round; pairs that are not similar want different answers."""
    asked = [each for pair in pairs[: bench.limit] for each in (pair, pair._replace(left=pair.right, right=pair.left))]
    with bench.corpora.none() as store:
        for baseline, make in _caches(store, [pair.left for pair in asked]).items():
            hit = [_is_hit(make(), pair) for pair in asked]
            like = {str(i): (float(hit[i]),) for i, pair in enumerate(asked) if pair.label == _SIMILAR}
            unlike = {str(i): (float(hit[i]), 1.0) for i, pair in enumerate(asked) if pair.label != _SIMILAR}
            if like:
                yield Measurement(NAME, set_, "cache_hit", like, baseline)
            if unlike:
                yield Measurement(NAME, set_, "cache_false_hit", unlike, baseline)


def _is_hit(cache: Cache, pair: Pair) -> bool:
    cache.keep(pair.left, 0)
    return cache.find(pair.right) is not None


def _caches(store: Store, texts: Iterable[str]) -> Mapping[str | None, Callable[[], Cache]]:
    """The product's as it is configured, and what it is compared with."""
    every = list(dict.fromkeys(texts))
    encode = dict(zip(every, store.encoder.encode(every), strict=True)).__getitem__
    settings = store.pipeline.parts.settings.cache
    exact, similar = (CacheSettings.model_validate({"match": match}) for match in ("exact", "similar"))
    return {
        None: partial(_Product, store, settings, encode),
        "exact text": partial(_Product, store, exact, encode),
        "content and cosine .95": partial(_Product, store, similar, encode),
        "equal terms": _Terms,
        **{f"cosine {threshold}": partial(_Cosine, float(threshold), encode) for threshold in (".80", ".85", ".90", ".95")},
    }


_SETS: Mapping[str, Callable[[Bench, str], Iterator[Measurement]]] = {
    "banking77": _banking,
    "sick": _contradictions,
    "covid-qa": _questions,
}
