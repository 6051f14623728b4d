"""classification: what are the encoder's vectors worth to tell intents, inferences and likeness apart, beside what is trivial?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.errors import DataMissing
from chatbot.evaluation import classifying
from chatbot.evaluation.bench import Bench, NotRun
from chatbot.evaluation.measurement import Measurement
from chatbot.evaluation.sets.intents import OUT_OF_SCOPE, Intents, intents, training_intents
from chatbot.evaluation.sets.pairs import Pair, sick, sts, training_sick
from chatbot.language.terms import terms

NAME = "classification"
_INTENTS_C, _PAIRS_C = 10.0, 1.0
"""Of 1, 10 and 30, and of 1, 10, 100 and 1,000, the best on the development part and over folds of the training part."""


def run(bench: Bench) -> Iterator[Measurement | NotRun]:
    """BANKING77, CLINC150, SICK and STS; what has to be fitted is fitted on a set's training part."""
    for set_, measured in _SETS.items():
        try:
            yield from measured(bench, set_)
        except DataMissing as missing:
            yield NotRun(NAME, set_, str(missing))


def _intents(bench: Bench, set_: str) -> Iterator[Measurement]:
    known, asked = training_intents(bench.data, set_).without(OUT_OF_SCOPE), _some(bench, intents(bench.data, set_))
    with bench.corpora.none() as store:
        vectors, of_asked = store.encoder.encode(known.texts), store.encoder.encode(asked.texts)
    inside = np.flatnonzero(np.array(asked.labels) != OUT_OF_SCOPE)
    wanted = [asked.labels[int(i)] for i in inside]
    fitted = classifying.fit(vectors, known.labels, _INTENTS_C)
    nearest, cosines = classifying.nearest_centroid(vectors, known.labels, of_asked)
    said: Mapping[str | None, Sequence[str]] = {
        None: fitted.said(of_asked[inside]),
        "majority class": [classifying.majority(known.labels)] * len(inside),
        "nearest centroid": [nearest[int(i)] for i in inside],
    }
    for baseline, labels in said.items():
        yield _right(set_, labels, wanted, baseline)
    few = classifying.few_shot(vectors, known.labels, of_asked[inside], wanted)
    yield Measurement(NAME, set_, "accuracy", {str(i): (float(each),) for i, each in enumerate(few)}, "8 of each class")
    if OUT_OF_SCOPE in asked.labels:
        sure = fitted.probabilities(of_asked)
        rows: Mapping[str | None, classifying.Scores] = {
            None: classifying.familiarity(vectors, of_asked, sure),
            "max probability": sure.max(axis=1),
            "nearest centroid": cosines,
        }
        for baseline, familiar in rows.items():
            yield _out_of_scope(set_, asked, familiar, baseline)


def _sick(bench: Bench, set_: str) -> Iterator[Measurement]:
    known, asked = training_sick(bench.data), _pairs(bench, sick(bench.data))
    with bench.corpora.none() as store:
        fitted = classifying.fit(_features(store.encoder, known), [pair.label for pair in known], _PAIRS_C)
        said = fitted.said(_features(store.encoder, asked))
    wanted = [pair.label for pair in asked]
    yield _right(set_, said, wanted)
    yield _right(set_, [classifying.majority([pair.label for pair in known])] * len(asked), wanted, "majority class")


def _sts(bench: Bench, set_: str) -> Iterator[Measurement]:
    with bench.corpora.none() as store:
        for year, every in sts(bench.data).items():
            pairs = _pairs(bench, every)
            cosines = np.einsum("ij,ij->i", *_encoded(store.encoder, pairs))
            alike = {str(i): (pair.score, round(float(cosines[i]), 5)) for i, pair in enumerate(pairs)}
            shared = {str(i): (pair.score, round(_shared(pair), 5)) for i, pair in enumerate(pairs)}
            yield Measurement(NAME, f"{set_}/{year}", "spearman", alike)
            yield Measurement(NAME, f"{set_}/{year}", "spearman", shared, "shared words")


def _right(set_: str, said: Sequence[str], wanted: Sequence[str], baseline: str | None = None) -> Measurement:
    items = {str(i): (float(label == right),) for i, (label, right) in enumerate(zip(said, wanted, strict=True))}
    return Measurement(NAME, set_, "accuracy", items, baseline)


def _out_of_scope(set_: str, asked: Intents, familiar: classifying.Scores, baseline: str | None) -> Measurement:
    """Out of scope is the positive class."""
    items = {
        str(i): (float(label == OUT_OF_SCOPE), round(-float(each), 5))
        for i, (label, each) in enumerate(zip(asked.labels, familiar, strict=True))
    }
    return Measurement(NAME, set_, "oos_auroc", items, baseline)


def _features(encoder: BiEncoder, pairs: Sequence[Pair]) -> classifying.Vectors:
    return classifying.pair_features(*_encoded(encoder, pairs))


def _encoded(encoder: BiEncoder, pairs: Sequence[Pair]) -> tuple[classifying.Vectors, classifying.Vectors]:
    return encoder.encode([pair.left for pair in pairs]), encoder.encode([pair.right for pair in pairs])


def _shared(pair: Pair) -> float:
    """Of all content words of both, the share that both have."""
    left, right = set(terms(pair.left)), set(terms(pair.right))
    return len(left & right) / len(left | right) if left | right else 0.0


def _some(bench: Bench, every: Intents) -> Intents:
    return Intents(every.texts[: bench.limit], every.labels[: bench.limit])


def _pairs(bench: Bench, every: Sequence[Pair]) -> Sequence[Pair]:
    return every[: bench.limit]


_SETS: Mapping[str, Callable[[Bench, str], Iterator[Measurement]]] = {
    "banking77": _intents,
    "clinc150": _intents,
    "sick": _sick,
    "sts": _sts,
}
