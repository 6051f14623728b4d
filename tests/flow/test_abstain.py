"""abstain: decided by the raw cosine, because a fused score is 1 at rank 1 by construction."""

from __future__ import annotations

import pytest
from fakes import passage

from chatbot.flow.abstain import abstain, confidence


def test_confidence_is_the_best_cosine_wherever_it_ranks() -> None:
    assert confidence([passage("a", 1, dense=0.2), passage("b", 2, dense=0.7), passage("c", 3, dense=0.1)]) == 0.7


@pytest.mark.parametrize(("dense", "refused"), [(0.329, True), (0.33, False), (0.9, False), (-0.5, True)])
def test_refuses_below_the_threshold_and_not_at_it(dense: float, refused: bool) -> None:
    assert abstain([passage("a", dense=dense)], 0.33) is refused


def test_refuses_when_nothing_was_found() -> None:
    assert abstain([], -1.0 + 1e-9)


def test_a_high_fused_score_does_not_help() -> None:
    assert abstain([passage("a", dense=0.1, score=1.0)], 0.33)


@pytest.mark.parametrize(("dense", "refused"), [(0.28, True), (0.31, False)])
def test_without_a_single_word_in_common_the_passage_must_be_closer(dense: float, refused: bool) -> None:
    assert abstain([passage("a", dense=dense, lexical=0.0)], 0.25) is refused
    assert not abstain([passage("a", dense=dense, lexical=0.0), passage("b", 2, dense=0.1, lexical=0.5)], 0.25)
