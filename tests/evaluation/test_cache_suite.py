"""The suite `cache`, on sets of a few questions."""

from __future__ import annotations

from pathlib import Path

import pytest
from benches import bench, write_lines, write_sick

from chatbot.evaluation.bench import NotRun
from chatbot.evaluation.measurement import Measurement, row
from chatbot.evaluation.suites import cache

ASKED = [
    ("how long is the queue", "wait"),
    ("How long is the queue?", "wait"),
    ("Please tell me how long is the queue", "wait"),
    ("is the queue long", "size"),
    ("where is the door", "door"),
    ("why was my card declined", "card"),
    ("Why was my card declined?", "card"),
]
CONTRADICTIONS = [("A dog is running", "A dog is not running", 4, "CONTRADICTION"), ("A dog runs", "A cat runs", 3, "NEUTRAL")]


@pytest.fixture
def figures(tmp_path: Path) -> dict[tuple[str, str, str | None], float]:
    sets = tmp_path / "retrieval"
    write_lines(sets / "banking77" / "dev" / "dev.jsonl.gz", [{"text": text, "category": label} for text, label in ASKED])
    write_sick(sets / "sick" / "dev" / "SICK_trial.txt.gz", CONTRADICTIONS)
    (sets / "covid-qa" / "faq").mkdir(parents=True)
    pairs = "question_1,question_2,similar\nWhat is a virus?,what's the virus,1\nWhat is a mask?,What is a ventilator?,0\n"
    (sets / "covid-qa" / "faq" / "eval_question_similarity_en.csv").write_text(pairs, encoding="utf-8")
    found = [each for each in cache.run(bench(tmp_path)) if isinstance(each, Measurement)]
    return {(each.set, each.metric, each.baseline): row(each, "dev").value for each in found}


def test_the_products_own_cache_is_asked(figures: dict[tuple[str, str, str | None], float]) -> None:
    # of the seven: two of three about the wait; nothing that may be personal
    assert figures[("banking77", "cache_hit", None)] == pytest.approx(2 / 7, abs=1e-4)
    assert figures[("banking77", "cache_hit", "exact text")] == pytest.approx(1 / 7, abs=1e-4)
    assert figures[("banking77", "cache_false_hit", None)] == 0
    assert figures[("banking77", "cache_precision", None)] == 1


def test_equal_terms_give_the_wrong_answer_where_a_small_word_decides(
    figures: dict[tuple[str, str, str | None], float],
) -> None:
    assert figures[("banking77", "cache_false_hit", "equal terms")] > 0
    assert figures[("sick", "cache_false_hit", "equal terms")] == 1
    assert figures[("sick", "cache_false_hit", None)] == 0


def test_only_contradictions_of_sick_and_all_pairs_of_covid_qa_are_asked(
    figures: dict[tuple[str, str, str | None], float],
) -> None:
    assert ("sick", "cache_hit", None) not in figures
    assert figures[("covid-qa", "cache_hit", None)] == 1
    assert figures[("covid-qa", "cache_false_hit", None)] == 0
    assert figures[("covid-qa", "cache_false_hit", "cosine .80")] in {0, 1}


def test_without_data_every_set_says_so() -> None:
    assert [(each.suite, each.set) for each in cache.run(bench(None)) if isinstance(each, NotRun)] == [
        ("cache", "banking77"),
        ("cache", "sick"),
        ("cache", "covid-qa"),
    ]
