"""Fits what `chatbot/flow/confidence.py` knows: `python -m training.confidence --data DIR --work DIR [--out FILE]`.

Every question of the development parts that `chatbot eval abstention` asks is asked of the product with refusing turned off, and
so are questions that have nothing to do with what is searched, and those of the built-in collections; a logistic regression then
learns from the evidence whether what was said is right. Every set counts the same. What is printed and the thresholds are of
five-fold cross-validation; the numbers that ship are fitted on all. WORK keeps what was encoded.
"""

from __future__ import annotations

import argparse
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from chatbot.bootstrap import Application
from chatbot.evaluation.bench import Bench
from chatbot.evaluation.corpus import Corpora
from chatbot.evaluation.metrics import STATISTICS
from chatbot.evaluation.sets.folder import DataFolder
from chatbot.evaluation.suites.abstention import SETS, Judged
from chatbot.flow.confidence import CALIBRATION, Calibration, Judge
from training import other_sets
from training.other_sets import opened

_FOLDS, _REPEATS = 5, 5
_WEAK = 1_000.0
"""Inverse of the regularization: three inputs and some thousand questions need next to none."""
_STEPS = 20
_FEW = 50
"""Of fewer answers a share of wrong ones is chance."""

Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=CALIBRATION)
    parser.add_argument("--limit", type=int, help="questions of each set")
    asked = parser.parse_args()

    bench = _bench(asked.data, asked.work, asked.limit)
    judged = {**{name: list(ask(bench).values()) for name, ask in SETS.items()}, **other_sets.asked(bench, asked.work)}
    with opened(asked.work / "none") as application:
        judge = Judge(application.encoder)
        calibrations = {name: _fitted(name, judged, judge) for name in ("read", "unread")}
    asked.out.write_bytes(TypeAdapter(dict[str, Calibration]).dump_json(calibrations, indent=1) + b"\n")


def _fitted(name: str, judged: Mapping[str, Sequence[Judged]], judge: Judge) -> Calibration:
    every = [(set_, each) for set_, some in judged.items() for each in some if each.reply.attempt.passages]
    inputs = np.array([_inputs(name, each, judge) for _, each in every])
    right = np.array([each.right for _, each in every])
    sets = np.array([set_ for set_, _ in every])
    weights = np.array([len(every) / np.sum(sets == set_) for set_ in sets])
    confidence = _cross_validated(inputs, right, weights, sets)
    answerable = np.array([each.answerable for _, each in every])
    for set_ in judged:
        of = sets == set_
        aurocs = "".join(
            f", AUROC of {what} {roc_auc_score(is_so[of], confidence[of]):.3f}"
            for what, is_so in {"answerable": answerable, "right": right}.items()
            if 0 < is_so[of].sum() < of.sum()
        )
        print(f"{name} {set_}: n {of.sum()}, right {right[of].mean():.3f}{aurocs}")
    print(f"{name}: ECE {STATISTICS['ece'](np.stack([right, confidence], axis=1)):.3f}")
    fit = LogisticRegression(C=_WEAK, max_iter=1000).fit(inputs, right, sample_weight=weights)
    return Calibration(
        bias=round(float(fit.intercept_[0]), 4),
        closeness=round(float(fit.coef_[0, 0]), 4),
        shared=round(float(fit.coef_[0, 1]), 4),
        answerable=round(float(fit.coef_[0, 2]), 4),
        thresholds=_thresholds(confidence, right, weights),
    )


def _inputs(name: str, judged: Judged, judge: Judge) -> tuple[float, float, float]:
    passages = judged.reply.attempt.passages
    if name == "unread":
        passages = tuple(passage.model_copy(update={"answerable": None}) for passage in passages)
    evidence = judge.evidence(judged.query, passages)
    return evidence.closeness, evidence.shared, evidence.answerable or 0.0


def _cross_validated(inputs: Floats, right: NDArray[np.bool_], weights: Floats, sets: NDArray[np.str_]) -> Floats:
    """The confidence in each question, by fits that did not see it."""
    groups = [f"{set_} {is_right}" for set_, is_right in zip(sets, right, strict=True)]
    total = np.zeros(len(right))
    for seed in range(_REPEATS):
        for seen, unseen in StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(inputs, groups):
            fit = LogisticRegression(C=_WEAK, max_iter=1000).fit(inputs[seen], right[seen], sample_weight=weights[seen])
            total[unseen] += fit.predict_proba(inputs[unseen])[:, 1]
    return total / _REPEATS


def _thresholds(confidence: Floats, right: NDArray[np.bool_], weights: Floats) -> tuple[tuple[float, float], ...]:
    """From answering everything to answering nothing. Never fewer errors than at a stricter threshold: those are chance."""
    found: list[tuple[float, float]] = [(0.0, 1.0)]
    for step in reversed(range(_STEPS)):
        given = confidence >= step / _STEPS
        if given.sum() >= _FEW:
            error = float(np.average(~right[given], weights=weights[given]))
            found.append((round(max(error, found[-1][0]), 4), step / _STEPS))
    return tuple(reversed(found))


def _bench(data: Path, work: Path, limit: int | None) -> Bench:
    def no_session() -> Generator[Application]:
        raise AssertionError("the sets bring their own documents")

    return Bench(DataFolder(data, "dev"), Corpora(work, opened, print), contextmanager(no_session), dict, limit)


if __name__ == "__main__":
    main()
