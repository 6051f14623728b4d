"""The shipped reader: which passage, whether it answers, and which sentence of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chatbot.encoders.cross_encoder import ADAPTER, CrossEncoder

TOWER = "The tower stands in Paris. It was finished in 1889 by the company of Gustave Eiffel. It is repainted every seven years."
GARDEN = "Tomatoes want sun and water. Plant them in May, after the last frost. They ripen in August."
SENTENCES = [(0, 26), (27, 84), (85, len(TOWER))]


def test_the_compiled_reader_is_faithful_to_its_network(reader: CrossEncoder) -> None:
    assert reader.card.cosine >= 0.999


def test_the_passage_that_answers_is_more_relevant(reader: CrossEncoder) -> None:
    garden, tower = reader.read("When was the tower finished?", [GARDEN, TOWER])
    assert tower.relevance > garden.relevance


def test_a_passage_about_something_else_does_not_answer(reader: CrossEncoder) -> None:
    garden, tower = reader.read("When was the tower finished?", [GARDEN, TOWER])
    assert garden.answerable < 0.2 < 0.5 < tower.answerable


def test_the_sentence_that_answers_has_the_best_score(reader: CrossEncoder) -> None:
    for question, right in (
        ("When was the tower finished?", 1),
        ("How often is the tower repainted?", 2),
        ("Where is the tower?", 0),
    ):
        reading = reader.read(question, [TOWER])[0]
        assert int(np.argmax([reading.sentence(*span) for span in SENTENCES])) == right


def test_what_does_not_fit_beside_the_question_has_no_score(reader: CrossEncoder) -> None:
    reading = reader.read("When was the tower finished?", [GARDEN * 20 + TOWER])[0]
    assert reading.sentence(0, len(GARDEN)) > -np.inf
    assert reading.sentence(20 * len(GARDEN), 20 * len(GARDEN) + 26) == -np.inf


def test_a_long_question_leaves_room_for_the_passage(reader: CrossEncoder) -> None:
    reading = reader.read("Where, tell me, " * 200, [TOWER])[0]
    assert reading.sentence(*SENTENCES[2]) > -np.inf


def test_order_and_company_of_passages_do_not_matter(reader: CrossEncoder) -> None:
    question, passages = "When should I plant them?", [TOWER, GARDEN, TOWER * 3, GARDEN * 2, ""] * 4
    together = reader.read(question, passages)
    alone = [reader.read(question, [passage])[0] for passage in passages]
    for one, other in zip(together, alone, strict=True):
        assert one.relevance == pytest.approx(other.relevance, abs=0.2)
        assert one.answerable == pytest.approx(other.answerable, abs=0.05)


def test_nothing_to_read_is_nothing_read(reader: CrossEncoder) -> None:
    assert reader.read("When?", []) == []


def test_a_warm_start_imports_no_torch(models: Path, reader: CrossEncoder) -> None:
    code = (
        "import sys; from pathlib import Path; from chatbot.encoders import cross_encoder; "
        "cross_encoder.load(Path(sys.argv[1])).read('When?', ['In May.']); "
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(models)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_adapter_is_small() -> None:
    assert ADAPTER.stat().st_size <= 3.9e6
