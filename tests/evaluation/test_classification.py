"""The suite `classification`, on sets of a few texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from benches import bench, write_lines, write_sick

from chatbot.errors import DataMissing
from chatbot.evaluation.bench import NotRun
from chatbot.evaluation.measurement import Measurement, row
from chatbot.evaluation.sets.folder import DataFolder
from chatbot.evaluation.sets.pairs import sick, similar_questions, sts
from chatbot.evaluation.suites import classification

WANTS = {"card": "lost my card again", "rate": "exchange rate today", "top": "topped up yesterday"}
ADDED = ("please", "sir", "urgently", "kindly")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """BANKING77, CLINC150, SICK and STS, with parts train and sealed."""
    known = [(f"{words} {added}", label) for label, words in WANTS.items() for added in ADDED]
    known += [(f"{WANTS['card']} {number}", "card") for number in range(3)]
    asked = [(f"well {words}", label) for label, words in WANTS.items()]
    sets = tmp_path / "retrieval"
    for part, rows in (("train", known), ("sealed", asked)):
        write_lines(sets / "banking77" / part / f"{part}.jsonl.gz", [{"text": text, "category": label} for text, label in rows])
        outside = [("sing about penguins", "oos"), ("who won chess", "oos")]
        write_lines(
            sets / "clinc150" / part / "intents.jsonl.gz", [{"text": text, "intent": label} for text, label in rows + outside]
        )
    inferred = [("a dog", "a dog", 5, "ENTAILMENT"), ("a dog", "no cat", 1, "NEUTRAL")]
    write_sick(sets / "sick" / "train" / "SICK_train.txt.gz", inferred * 4)
    write_sick(sets / "sick" / "sealed" / "SICK_test_annotated.txt.gz", [("a cow", "a cow", 5, "ENTAILMENT")])
    alike = [("one two three", "one two three", 5.0), ("one two three", "one two four", 3.0), ("one two three", "six", 0.2)]
    rows = [{"set": "made", "s1": left, "s2": right, "score": score} for left, right, score in alike]
    write_lines(sets / "sts" / "sealed" / "sts2099.jsonl.gz", rows)
    return tmp_path


def _figures(root: Path, split: str = "sealed") -> dict[tuple[str, str, str | None], float]:
    found = [*classification.run(bench(root, split))]
    assert not [each for each in found if isinstance(each, NotRun)]
    rows = [row(each, split) for each in found if isinstance(each, Measurement)]
    return {(each.set, each.metric, each.baseline): each.value for each in rows}


def test_every_set_is_measured_beside_its_trivial_rows(root: Path) -> None:
    figures = _figures(root)

    assert figures[("banking77", "accuracy", None)] == 1
    assert figures[("banking77", "accuracy", "majority class")] == pytest.approx(1 / 3, abs=1e-4)
    assert figures[("banking77", "accuracy", "nearest centroid")] == 1
    assert figures[("banking77", "accuracy", "8 of each class")] == 1
    assert figures[("clinc150", "oos_auroc", None)] == 1
    assert {row for set_, metric, row in figures if (set_, metric) == ("clinc150", "oos_auroc")} == {
        None,
        "max probability",
        "nearest centroid",
    }
    assert figures[("sick", "accuracy", None)] == 1
    assert figures[("sts/sts2099", "spearman", None)] == pytest.approx(1)
    assert figures[("sts/sts2099", "spearman", "shared words")] == pytest.approx(1)


def test_out_of_scope_texts_count_for_no_accuracy(root: Path) -> None:
    [own] = [
        each
        for each in classification.run(bench(root, "sealed"))
        if isinstance(each, Measurement) and each.key == ("classification", "clinc150", "accuracy", None)
    ]

    assert len(own.items) == len(WANTS)


def test_without_a_training_part_nothing_is_measured_that_needs_one(root: Path) -> None:
    (root / "retrieval" / "banking77" / "train").rename(root / "away")

    missing = [each for each in classification.run(bench(root, "sealed")) if isinstance(each, NotRun)]

    assert missing == [NotRun("classification", "banking77", "retrieval/banking77/train is not there")]


def test_what_is_fitted_on_is_not_measured_on(root: Path) -> None:
    missing = {each.set: each.reason for each in classification.run(bench(root, "train")) if isinstance(each, NotRun)}

    assert missing["banking77"] == missing["sick"] == "what is fitted on train is not measured on it"


def test_without_data_every_set_says_so() -> None:
    found = [*classification.run(bench(None))]

    assert [each.set for each in found] == ["banking77", "clinc150", "sick", "sts"]
    assert all(isinstance(each, NotRun) and each.reason == "no --data folder was given" for each in found)


def test_names_of_files_may_differ_by_part(root: Path) -> None:
    folder = DataFolder(root, "sealed")

    assert [pair.label for pair in sick(folder)] == ["ENTAILMENT"]
    assert list(sts(folder)) == ["sts2099"]


def test_a_part_without_the_sets_files_is_missing_data(tmp_path: Path) -> None:
    (tmp_path / "retrieval" / "sick" / "dev").mkdir(parents=True)

    with pytest.raises(DataMissing, match="retrieval/sick/dev has no SICK_"):
        sick(DataFolder(tmp_path, "dev"))


def test_similar_questions_keep_their_commas(tmp_path: Path) -> None:
    path = tmp_path / "retrieval" / "covid-qa" / "faq" / "eval_question_similarity_en.csv"
    path.parent.mkdir(parents=True)
    path.write_text('question_1,question_2,similar\n"Why, then?",Why so?,1\n', encoding="utf-8")

    [pair] = similar_questions(DataFolder(tmp_path, "dev"))

    assert (pair.left, pair.right, pair.label) == ("Why, then?", "Why so?", "1")
