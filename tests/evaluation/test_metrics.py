"""metrics: figures against values worked out by hand, or known of the literature."""

from __future__ import annotations

import math

import numpy as np
import pytest

from chatbot.evaluation import metrics, wording
from chatbot.evaluation.metrics import STATISTICS


def of(*items: tuple[float, ...]) -> metrics.Items:
    return np.array(items, dtype=np.float64)


def test_auroc_is_the_share_of_pairs_in_the_right_order_and_ties_count_half() -> None:
    assert metrics.auroc(of((1, 0.9), (0, 0.1), (1, 0.5), (0, 0.5))) == (1 + 1 + 1 + 0.5) / 4


def test_auroc_of_one_class_is_undefined() -> None:
    assert math.isnan(metrics.auroc(of((1, 0.9), (1, 0.1))))


def test_always_saying_yes_has_the_f1_of_the_share() -> None:
    assert metrics.f1(of((1, 1), (0, 1), (0, 1), (0, 1))) == pytest.approx(2 * 0.25 / 1.25)
    assert metrics.balanced_accuracy(of((1, 1), (0, 1), (0, 1))) == 0.5


def test_precision_and_recall() -> None:
    items = of((1, 1), (1, 0), (0, 1), (0, 0), (1, 1))
    assert metrics.precision(items) == pytest.approx(2 / 3)
    assert metrics.recall(items) == pytest.approx(2 / 3)


def test_ece_is_none_where_confidence_is_accuracy_and_all_where_it_is_its_opposite() -> None:
    right = [(1.0, 0.5), (0.0, 0.5)] * 50
    assert metrics.ece(of(*right)) == pytest.approx(0)
    assert metrics.ece(of(*[(1.0, 0.0), (0.0, 1.0)] * 50)) == pytest.approx(1)


def test_risks_are_the_wrong_among_the_surest_and_equals_share_theirs() -> None:
    assert metrics.risks(of((1, 0.9), (0, 0.8), (1, 0.7))).tolist() == pytest.approx([0, 1 / 2, 1 / 3])
    assert metrics.risks(of((1, 0.5), (0, 0.5))).tolist() == pytest.approx([0.5, 0.5])


def test_coverage_at_a_tenth_wrong() -> None:
    items = [(1.0, 1 - i / 100) for i in range(50)] + [(0.0, 0.5 - i / 100) for i in range(50)]
    assert metrics.coverage_at_risk(of(*items)) == pytest.approx(0.55)
    assert metrics.coverage_at_risk(of((0, 1), (0, 0.5))) == 0


def test_spearman_looks_at_ranks_alone() -> None:
    assert metrics.spearman(of((1, 1), (2, 8), (3, 27))) == pytest.approx(1)
    assert metrics.spearman(of((1, 3), (2, 2), (3, 1))) == pytest.approx(-1)


def test_perplexity_of_even_odds_is_the_number_of_choices() -> None:
    assert STATISTICS["perplexity"](of((3 * math.log(1 / 8), 3))) == pytest.approx(8)


def test_exact_match_and_f1_pass_over_articles_case_and_punctuation() -> None:
    assert wording.exact_match("The  Eiffel Tower!", ["eiffel tower"]) == (1.0,)
    assert wording.token_f1("in the year 1998", ["1998"]) == (pytest.approx(2 / 4),)
    assert wording.token_f1("nothing shared", ["1998"]) == (0.0,)


def test_where_nothing_is_to_be_said_only_silence_is_right() -> None:
    assert wording.token_f1("", [""]) == wording.exact_match("", [""]) == (1,)
    assert wording.token_f1("In 1931.", [""]) == wording.token_f1("", ["1931"]) == (0,)


def test_rouge_l_is_the_longest_common_subsequence_of_stems() -> None:
    # Lin (2004), section 3.2: of seven words each, "police ... the gunman" are shared in order
    assert wording.rouge_l("police kill the gunman", ["police killed the gunman"]) == (1.0,)
    assert wording.rouge_l("the gunman kill police", ["police killed the gunman"]) == (pytest.approx(2 / 4),)


def test_bleu_of_a_corpus_is_computed_from_its_counts() -> None:
    same = wording.bleu("the cat sat on the mat today", ["the cat sat on the mat today"])
    assert STATISTICS["BLEU"](of(same)) == pytest.approx(1)
    assert STATISTICS["BLEU"](of(wording.bleu("dog", ["the cat sat"]))) == 0


def test_chrf_is_between_nothing_and_all() -> None:
    (alike,), (apart,) = wording.chrf("the cat sat", ["the cat sat"]), wording.chrf("xyz", ["the cat sat"])
    assert alike == pytest.approx(1)
    assert apart < 0.1
