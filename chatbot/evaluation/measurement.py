"""A measurement: what each item of a set came to, and the figure with its interval that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chatbot.evaluation.metrics import STATISTICS, Items
from chatbot.schema import Value

RESAMPLES = 1_000
_SEED = 20_260_101
_TAIL = 2.5
"""Per cent left out at each side of a 95 % interval."""


class Measurement(NamedTuple):
    """Of one metric on one set; what it is worth is computed from `items`, so that it can be resampled."""

    suite: str
    set: str
    metric: str
    items: Mapping[str, tuple[float, ...]]
    """By question: a score, or what `STATISTICS` of the metric makes a figure of, as label and confidence."""
    baseline: str | None = None
    """Names the trivial or peer row that this is; None is the product's own."""

    @property
    def key(self) -> tuple[str, str, str, str | None]:
        """What tells it from all others."""
        return self.suite, self.set, self.metric, self.baseline


class Row(Value):
    """A figure as `chatbot eval --json` writes it."""

    suite: str
    set: str
    metric: str
    value: float
    low: float
    high: float
    """Bounds of the 95 % interval, by bootstrap over questions."""
    n: int
    """Questions."""
    split: str
    date: str
    baseline: str | None = None


def row(measured: Measurement, split: str) -> Row:
    """The figure with its interval: percentile bootstrap over questions.

    Source: Efron, Tibshirani, "An Introduction to the Bootstrap" (1993), 13.3.
    """
    values = as_rows([*measured.items.values()])
    statistic = STATISTICS[measured.metric]
    low, high = np.percentile(resampled(lambda chosen: statistic(values[chosen]), len(values)), [_TAIL, 100 - _TAIL])
    return Row(
        suite=measured.suite,
        set=measured.set,
        metric=measured.metric,
        value=round(statistic(values), 4),
        low=round(float(low), 4),
        high=round(float(high), 4),
        n=len(values),
        split=split,
        date=datetime.now(UTC).date().isoformat(),
        baseline=measured.baseline,
    )


def resampled(figure: Callable[[NDArray[np.intp]], float], n: int) -> Items:
    """A figure over `RESAMPLES` samples with replacement, each of n indices; those it is undefined for are left out."""
    random = np.random.default_rng(_SEED)
    figures = np.array([figure(random.integers(0, n, n)) for _ in range(RESAMPLES)])
    return figures[np.isfinite(figures)] if np.isfinite(figures).any() else np.array([np.nan])


def as_rows(items: Sequence[Sequence[float]]) -> Items:
    """n × fields, float64."""
    return np.array(items, dtype=np.float64)
