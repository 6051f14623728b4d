"""What makes a figure of the items of a set, by metric: mostly their mean, and for refusals what is usual in detection."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

BINS = 10
"""Of a reliability diagram. Source: Guo et al., "On Calibration of Modern Neural Networks" (2017), who use 15 for more data."""

MOST_WRONG = 0.1
"""Share of wrong answers at which `coverage@10` is taken."""

Items = NDArray[np.float64]
"""One row of fields for each question: n × fields."""

Statistic = Callable[[Items], float]
"""Nan where it is undefined for them."""


def mean(items: Items) -> float:
    """Of one field."""
    return float(items[:, 0].mean())


def ratio(items: Items) -> float:
    """Sum of the first field over the sum of the second: a mean over what the questions brought, not over the questions."""
    whole = items[:, 1].sum()
    return float(items[:, 0].sum() / whole) if whole else float("nan")


def auroc(items: Items) -> float:
    """Chance that a positive item scores above a negative one. Fields: label (1 or 0), score.

    Source: Hanley, McNeil, "The meaning and use of the area under a ROC curve" (1982): the Mann-Whitney statistic.
    """
    positive = items[:, 0] == 1
    n = int(positive.sum())
    if n in (0, len(items)):
        return float("nan")
    ranks = rankdata(items[:, 1])
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(items) - n)))


def f1(items: Items) -> float:
    """Harmonic mean of precision and recall of the positive class. Fields: label, prediction."""
    label, said = items[:, 0] == 1, items[:, 1] == 1
    hits = float((label & said).sum())
    return 2 * hits / float(label.sum() + said.sum()) if (label | said).any() else float("nan")


def precision(items: Items) -> float:
    """Share of the predictions that are right. Fields: label, prediction."""
    said = items[:, 1] == 1
    return float((items[said, 0] == 1).mean()) if said.any() else float("nan")


def recall(items: Items) -> float:
    """Share of the positive items that are predicted. Fields: label, prediction."""
    label = items[:, 0] == 1
    return float((items[label, 1] == 1).mean()) if label.any() else float("nan")


def balanced_accuracy(items: Items) -> float:
    """Mean of both classes' recall. Fields: label, prediction."""
    return (recall(items) + recall(1 - items)) / 2


def ece(items: Items) -> float:
    """Expected calibration error: how far confidence is from accuracy, in bins. Fields: right (1 or 0), confidence.

    Source: Naeini et al., "Obtaining Well Calibrated Probabilities Using Bayesian Binning" (2015); bins of equal numbers as in
    Nguyen, O'Connor (2015), since confidences of a bot that refuses crowd in a few places.
    """
    return float(sum(len(each) * abs(each[:, 0].mean() - each[:, 1].mean()) for each in bins(items)) / len(items))


def bins(items: Items) -> list[Items]:
    """Of about equal numbers, the least confident first: what `ece` compares and a reliability diagram shows."""
    return np.array_split(items[np.argsort(items[:, 1], kind="stable")], min(BINS, len(items)))


def risk_coverage_auc(items: Items) -> float:
    """Mean share of wrong answers over all coverages, the surest first; lower is better. Fields: right, confidence.

    Source: Geifman, El-Yaniv, "Selective Classification for Deep Neural Networks" (2017).
    """
    return float(risks(items).mean())


def coverage_at_risk(items: Items) -> float:
    """Largest share of questions that can be answered, the surest first, with at most `MOST_WRONG` of them wrong."""
    held = np.flatnonzero(risks(items) <= MOST_WRONG)
    return float((held[-1] + 1) / len(items)) if len(held) else 0.0


def risks(items: Items) -> Items:
    """Share of wrong answers among the k surest, for each k from 1 to n. Items of equal confidence count as one step's mean."""
    order = np.argsort(-items[:, 1], kind="stable")
    confidence, right = items[order, 1], items[order, 0]
    # among equals the order is chance, so each is as right as all of them are
    _, group = np.unique(confidence, return_inverse=True)
    shared = np.bincount(group, right) / np.bincount(group)
    return 1 - np.cumsum(shared[group]) / np.arange(1, len(items) + 1)


def spearman(items: Items) -> float:
    """Rank correlation of two fields."""
    if (items == items[0]).all(axis=0).any():
        return float("nan")
    return float(np.corrcoef(rankdata(items[:, 0]), rankdata(items[:, 1]))[0, 1])


def negative_log_mean(items: Items) -> float:
    """Perplexity: the exponential of the mean negative log-probability. Fields: sum of log-probabilities, tokens."""
    return float(np.exp(-items[:, 0].sum() / items[:, 1].sum()))


def corpus_bleu(items: Items) -> float:
    """BLEU in [0, 1]. Fields: lengths of text and reference, then matches and n-grams of orders 1 to 4.

    Source: Papineni et al., "BLEU" (2002), as sacrebleu computes it from summed counts.
    """
    sums = items.sum(axis=0)
    text, reference, matches, totals = sums[0], sums[1], sums[2:6], sums[6:10]
    if not text or not matches.all():
        return 0.0
    brevity = min(0.0, 1 - reference / text)
    return float(np.exp(brevity + np.log(matches / totals).mean()))


STATISTICS: MappingProxyType[str, Statistic] = MappingProxyType(
    {
        "abstention_auroc": auroc,
        "answerability_auroc": auroc,
        "oos_auroc": auroc,
        "abstention_f1": f1,
        "abstention_precision": precision,
        "abstention_recall": recall,
        "abstention_balanced_accuracy": balanced_accuracy,
        "ece": ece,
        "risk_coverage_auc": risk_coverage_auc,
        "coverage@10": coverage_at_risk,
        "precision": ratio,
        "recall": ratio,
        "gold_recall": ratio,
        "cache_false_hit": ratio,
        "cache_precision": ratio,
        "spearman": spearman,
        "perplexity": negative_log_mean,
        "BLEU": corpus_bleu,
    }
    | dict.fromkeys(
        (
            "nDCG@10", "nDCG@5", "recall@5", "recall@10", "recall@100", "MRR@10", "MAP", "page_recall@5", "answer_sentence",
            "EM", "F1", "HasAns_F1", "NoAns_F1", "ROUGE-L", "chrF", "accuracy", "cache_hit", "schema_validity", "answered",
            "source_in_top_5", "phrase_in_answer", "off_topic_refused", "near_miss_refused", "not_refused",
        ),
        mean,
    )
)  # fmt: skip

LOWER_IS_BETTER = frozenset({"ece", "risk_coverage_auc", "cache_false_hit", "perplexity"})
