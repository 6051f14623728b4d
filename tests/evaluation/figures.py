"""Evaluations made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chatbot.evaluation.bench import NotRun
from chatbot.evaluation.evaluate import Evaluation
from chatbot.evaluation.measurement import Measurement, row


def evaluation(measured: Sequence[Measurement], not_run: Sequence[NotRun] = ()) -> Evaluation:
    return Evaluation(list(measured), [row(each, "dev") for each in measured], list(not_run))


def pooled(items: Sequence[tuple[float, float]], baseline: str | None = None) -> list[Measurement]:
    """What the abstention suite gives of all its sets; fields: right, confidence."""
    by_id: Mapping[str, tuple[float, ...]] = {str(number): item for number, item in enumerate(items)}
    return [Measurement("abstention", "abstention", metric, by_id, baseline) for metric in ("ece", "risk_coverage_auc")]


def scores(suite: str, set_: str, metric: str, values: Sequence[float], baseline: str | None = None) -> Measurement:
    return Measurement(suite, set_, metric, {str(number): (value,) for number, value in enumerate(values)}, baseline)
