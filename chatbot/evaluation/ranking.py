"""Scores of ranked lists against judgements, by ir-measures under its names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import ir_measures

from chatbot.evaluation.measurement import Measurement

Run = Mapping[str, Mapping[str, float]]
"""Score of each document, by query."""

_NAMES = {
    "nDCG@10": ir_measures.nDCG @ 10,
    "nDCG@5": ir_measures.nDCG @ 5,
    "recall@5": ir_measures.R @ 5,
    "recall@10": ir_measures.R @ 10,
    "recall@100": ir_measures.R @ 100,
    "MRR@10": ir_measures.RR @ 10,
    "MAP": ir_measures.AP,
}


def measured(
    suite: str, set_: str, names: Sequence[str], qrels: Mapping[str, Mapping[str, int]], runs: Mapping[str | None, Run]
) -> Iterator[Measurement]:
    """One measurement for each metric and each run; the run of the product itself is called None.

    A query whose list is empty, as all queries that are judged, counts.
    """
    metrics = [_NAMES[name] for name in names]
    judged = {query: dict(grades) for query, grades in qrels.items()}
    for baseline, run in runs.items():
        found = {query: dict(run.get(query, {})) for query in judged}
        scores: dict[str, dict[str, tuple[float, ...]]] = {name: dict.fromkeys(judged, (0.0,)) for name in names}
        by_metric = dict(zip(map(str, metrics), names, strict=True))
        for each in ir_measures.iter_calc(metrics, judged, found):
            scores[by_metric[str(each.measure)]][each.query_id] = (round(each.value, 4),)
        for name in names:
            yield Measurement(suite, set_, name, scores[name], baseline)
