"""gate: worse is what is worse beyond chance, question by question."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.errors import UserError
from chatbot.evaluation import gate
from chatbot.evaluation.measurement import Measurement, row


def _measured(values: dict[str, float], metric: str = "nDCG@10") -> Measurement:
    return Measurement("retrieval", "made", metric, {id_: (value,) for id_, value in values.items()})


BEFORE = _measured({f"q{i}": 0.5 + 0.4 * (i % 2) for i in range(100)})


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    gate.keep(tmp_path / "baselines", "dev", [BEFORE, BEFORE._replace(baseline="BM25 alone")])
    return tmp_path / "baselines"


def _change(kept: Path, now: Measurement) -> gate.Change:
    (change,) = gate.compare(kept, "dev", [now])
    return change


def test_the_same_figures_pass(kept: Path) -> None:
    assert not _change(kept, BEFORE).is_worse


def test_a_little_worse_everywhere_fails_though_both_intervals_overlap(kept: Path) -> None:
    now = _measured({id_: item[0] - 0.02 for id_, item in BEFORE.items.items()})

    assert row(now, "dev").high > row(BEFORE, "dev").low
    assert _change(kept, now).is_worse


def test_one_question_of_a_hundred_may_be_chance(kept: Path) -> None:
    assert not _change(kept, _measured({**{id_: item[0] for id_, item in BEFORE.items.items()}, "q1": 0.0})).is_worse


def test_better_passes(kept: Path) -> None:
    change = _change(kept, _measured({id_: 1.0 for id_ in BEFORE.items}))

    assert not change.is_worse
    assert change.low > 0


def test_of_a_calibration_error_less_is_better(tmp_path: Path) -> None:
    sure = {str(i): (float(i % 2), 0.5) for i in range(100)}
    gate.keep(tmp_path, "dev", [Measurement("abstention", "abstention", "ece", sure)])
    overconfident = {id_: (right, 0.99) for id_, (right, _) in sure.items()}

    assert _change(tmp_path, Measurement("abstention", "abstention", "ece", overconfident)).is_worse


def test_only_the_questions_that_both_have_are_compared(kept: Path) -> None:
    assert _change(kept, _measured({"q1": 0.9, "new": 0.0})).now == pytest.approx(0.9)


def test_a_figure_that_is_new_has_nothing_to_be_compared_with(kept: Path) -> None:
    assert [*gate.compare(kept, "dev", [_measured({"q1": 0.0}, metric="MAP")])] == []


def test_a_suite_without_a_baseline_is_no_pass(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no baseline .*retrieval.dev.jsonl.* --keep"):
        [*gate.compare(tmp_path, "dev", [BEFORE])]


def test_a_baseline_of_other_questions_is_no_pass(kept: Path) -> None:
    with pytest.raises(UserError, match="none of these questions"):
        [*gate.compare(kept, "dev", [_measured({"other": 1.0})])]


@pytest.mark.parametrize("text", ["not json", "[]", '{"set": "made"}'])
def test_a_file_that_is_none_is_said_to_be_none(kept: Path, text: str) -> None:
    (kept / "retrieval.dev.jsonl").write_text(text)

    with pytest.raises(UserError, match="is no baseline"):
        [*gate.compare(kept, "dev", [BEFORE])]


def test_a_missing_baseline_is_told_before_anything_is_measured(kept: Path) -> None:
    gate.check(kept, "dev", ["retrieval"])
    with pytest.raises(UserError, match="there is no baseline .*golden.dev.jsonl"):
        gate.check(kept, "dev", ["retrieval", "golden"])
