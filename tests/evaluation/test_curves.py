"""Points of the risk-coverage curve and the reliability diagram."""

from __future__ import annotations

import numpy as np
import pytest

from chatbot.evaluation import curves
from chatbot.evaluation.metrics import ece, risk_coverage_auc

ITEMS = np.array([(1, 0.9), (1, 0.8), (0, 0.6), (1, 0.4), (0, 0.2)])


def test_the_curve_goes_from_the_surest_to_all() -> None:
    points = np.array(curves.risk_coverage(ITEMS))

    assert points == pytest.approx(np.array([(0.2, 0), (0.4, 0), (0.6, 1 / 3), (0.8, 0.25), (1, 0.4)]))


def test_the_area_under_the_curve_is_the_figure() -> None:
    assert np.mean([risk for _, risk in curves.risk_coverage(ITEMS)]) == pytest.approx(risk_coverage_auc(ITEMS))


def test_a_long_curve_is_thinned_and_keeps_both_ends() -> None:
    items = np.array([(float(number % 3 > 0), number / 5000) for number in range(5000)])

    points = curves.risk_coverage(items)

    assert len(points) == 200
    assert (points[0][0], points[-1][0]) == (1 / 5000, 1)


@pytest.mark.parametrize(("coverage", "wrong"), [(0.4, 0), (0.5, 1 / 3), (1, 0.4)])
def test_risk_at_a_coverage(coverage: float, wrong: float) -> None:
    assert curves.at_coverage(ITEMS, coverage) == pytest.approx(wrong)


def test_the_bins_are_those_of_the_calibration_error() -> None:
    random = np.random.default_rng(0)
    confidence = random.random(500)
    items = np.stack([(random.random(500) < confidence).astype(float), confidence], axis=1)

    every = curves.reliability(items)

    assert sum(each.n * abs(each.right - each.confidence) for each in every) / 500 == pytest.approx(ece(items))
    assert all(each.low <= each.right <= each.high for each in every)


def test_an_interval_of_all_right_answers_does_not_vanish() -> None:
    [only] = {(each.low, each.high) for each in curves.reliability(np.array([(1.0, 0.9)] * 40))}

    assert only == pytest.approx((0.5101, 1.0), abs=1e-3)  # Wilson, 4 of 4
