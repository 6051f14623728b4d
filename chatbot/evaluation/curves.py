"""Points of the two curves that show what a confidence is worth, from the items of `ece` and `risk_coverage_auc`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from chatbot.evaluation.metrics import Items, bins, risks

_POINTS = 200
"""Of a curve: more than a drawing of a column's width can show."""
_Z = 1.959964
"""Of a 95 % interval."""


class Bin(NamedTuple):
    """Questions of about the same confidence."""

    n: int
    confidence: float
    """Mean."""
    right: float
    """Share of right answers."""
    low: float
    high: float
    """Bounds of the share's 95 % interval."""


def risk_coverage(items: Items) -> list[tuple[float, float]]:
    """Coverage and the share of wrong answers at it, the surest first. Fields: right, confidence."""
    wrong = risks(items)
    chosen = np.unique(np.linspace(1, len(wrong), min(_POINTS, len(wrong))).round().astype(int))
    return [(int(k) / len(wrong), float(wrong[k - 1])) for k in chosen]


def reliability(items: Items) -> list[Bin]:
    """The bins of `ece`, the least confident first. Fields: right, confidence."""
    return [_bin(len(each), float(each[:, 1].mean()), float(each[:, 0].mean())) for each in bins(items)]


def at_coverage(items: Items, coverage: float) -> float:
    """Share of wrong answers among the surest questions, of which `coverage` in (0, 1] are answered."""
    return float(risks(items)[math.ceil(coverage * len(items)) - 1])


def _bin(n: int, confidence: float, right: float) -> Bin:
    """Source: Wilson, "Probable inference, the law of succession, and statistical inference" (1927)."""
    middle = (right + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(right * (1 - right) / n + _Z**2 / (4 * n**2))
    return Bin(n, confidence, right, max(0.0, middle - half), min(1.0, middle + half))
