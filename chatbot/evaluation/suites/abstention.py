"""abstention: is what the documents do not answer refused and the rest not, and is confidence how often answers are right?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from chatbot.errors import DataMissing
from chatbot.evaluation.asking import Reply, reply
from chatbot.evaluation.bench import Bench, NotRun, ask_all
from chatbot.evaluation.corpus import Store
from chatbot.evaluation.judging import cites, quotes, says
from chatbot.evaluation.measurement import Measurement
from chatbot.evaluation.sets.clapnq import clapnq
from chatbot.evaluation.sets.mtrag import mtrag
from chatbot.evaluation.sets.squad import squad
from chatbot.schema import Answer, Query

NAME = "abstention"
_POOLED = "abstention"
_AGAIN = "clapnq-store"
"""CLAPnq's questions a second time: in the pool they would count twice."""


class Judged(NamedTuple):
    """A question with what came of it."""

    query: Query
    answerable: bool
    reply: Reply
    right: bool
    """What was said, or would have been, answers the question."""


def run(bench: Bench) -> Iterator[Measurement | NotRun]:
    """CLAPnq, each question with its passage and over the passages of all; MTRAG-UN; SQuAD 2.0; and the three sets pooled."""
    pooled: dict[str, Judged] = {}
    for set_, judged_of in SETS.items():
        try:
            judged = judged_of(bench)
        except DataMissing as missing:
            yield NotRun(NAME, set_, str(missing))
            continue
        if set_ != _AGAIN:
            pooled |= {f"{set_} {id_}": each for id_, each in judged.items()}
        yield from _refusals(set_, judged)
    if pooled:
        yield from _calibration(pooled)


def _refusals(set_: str, judged: Mapping[str, Judged]) -> Iterator[Measurement]:
    """Unanswerable is the positive class."""
    ranked = {id_: (float(not each.answerable), round(-each.reply.confidence, 5)) for id_, each in judged.items()}
    auroc = "answerability_auroc" if set_ == "squad" else "abstention_auroc"
    yield Measurement(NAME, set_, auroc, ranked)
    decided = {id_: (float(not each.answerable), float(each.reply.refused)) for id_, each in judged.items()}
    always = {id_: (float(not each.answerable), 1.0) for id_, each in judged.items()}
    for metric in ("f1", "precision", "recall", "balanced_accuracy"):
        yield Measurement(NAME, set_, f"abstention_{metric}", decided)
        yield Measurement(NAME, set_, f"abstention_{metric}", always, "always abstain")


def _calibration(pooled: Mapping[str, Judged]) -> Iterator[Measurement]:
    items = {id_: (float(each.right), round(each.reply.confidence, 5)) for id_, each in pooled.items()}
    for metric in ("ece", "risk_coverage_auc", "coverage@10"):
        yield Measurement(NAME, _POOLED, metric, items)
    # knows no more than how often an answer is right
    share = sum(right for right, _ in items.values()) / len(items)
    constant = {id_: (right, share) for id_, (right, _) in items.items()}
    for metric in ("risk_coverage_auc", "coverage@10"):
        yield Measurement(NAME, _POOLED, metric, constant, "constant confidence")


def _clapnq(bench: Bench, alone: bool) -> Mapping[str, Judged]:
    every = clapnq(bench.data)
    asked = bench.some({each.id: each for each in every})
    with bench.corpora.texts("clapnq", [each.passage for each in every]) as store:
        return ask_all(
            lambda id_: _judged(
                store,
                Query(text=asked[id_].question),
                bool(asked[id_].gold),
                partial(quotes, gold=asked[id_].gold),
                asked[id_].passage.id if alone else "",
            ),
            asked,
        )


def _mtrag(bench: Bench) -> Mapping[str, Judged]:
    set_ = mtrag(bench.data)
    asked = bench.some({task.id: task for task in set_.tasks})
    with bench.corpora.texts("mtrag-un", set_.passages) as store:
        return ask_all(
            lambda id_: _judged(
                store,
                Query(text=asked[id_].question, history=asked[id_].history),
                asked[id_].answerability != "unanswerable",
                partial(cites, texts=set_.qrels.get(id_, {})),
            ),
            asked,
        )


def _squad(bench: Bench) -> Mapping[str, Judged]:
    set_ = squad(bench.data, "2.0")
    asked = bench.some({each.id: each for each in set_.asked})
    with bench.corpora.texts("squad-2", set_.paragraphs.values()) as store:
        return ask_all(
            lambda id_: _judged(
                store,
                Query(text=asked[id_].question),
                bool(asked[id_].answers),
                partial(says, accepted=asked[id_].answers),
                asked[id_].paragraph,
            ),
            asked,
        )


async def _judged(
    store: Store, query: Query, answerable: bool, is_right: Callable[[Answer], bool], only_from: str = ""
) -> Judged:
    asked = await reply(store, query, only_from)
    return Judged(query, answerable, asked, answerable and is_right(asked.attempt))


SETS: Mapping[str, Callable[[Bench], Mapping[str, Judged]]] = {
    "clapnq": partial(_clapnq, alone=True),
    _AGAIN: partial(_clapnq, alone=False),
    "mtrag-un": _mtrag,
    "squad": _squad,
}
"""CLAPnq asks whether a given passage answers; a user asks it of a store, which is the harder question."""
