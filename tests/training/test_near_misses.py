"""Near misses are made of the words of the same article, and say that they are not answered."""

from __future__ import annotations

import random

import pytest

from training import groups, near_misses
from training.data import Passage, Question

PASSAGE = Passage(
    ("The tower was finished in 1889 by Gustave Eiffel.", "In 1925 it was sold by Victor Lustig.", "It is north of the river."),
    "The tower",
    "tower",
)
QUESTION = Question("Was the tower north of the river finished in 1889 by Gustave Eiffel?", PASSAGE, (0,), "finished")


@pytest.fixture
def rng() -> random.Random:
    return random.Random(3)


def test_another_year_or_name_of_the_article_comes_into_the_question(rng: random.Random) -> None:
    made = near_misses.other_in_question(QUESTION, near_misses.pool([PASSAGE]), rng)
    assert made is not None
    assert ("1925" in made.text) or ("Victor Lustig" in made.text)
    assert (made.passage, made.gold, made.answer) == (PASSAGE, (), "")


def test_a_change_on_both_sides_is_still_answered(rng: random.Random) -> None:
    made = near_misses.other_in_both(QUESTION, near_misses.pool([PASSAGE]), rng)
    assert made is not None
    assert made.gold == (0,)
    assert ("1925" in made.text) == ("1925" in made.passage.sentences[0])


def test_a_passage_without_its_evidence_answers_no_more() -> None:
    made = near_misses.without_evidence(QUESTION)
    assert made is not None
    assert made.passage.sentences == PASSAGE.sentences[1:]
    assert made.gold == ()


def test_an_opposite_turns_the_question(rng: random.Random) -> None:
    made = near_misses.turned(QUESTION, rng)
    assert made is not None
    assert "south of the river" in made.text


def test_text_without_names_gives_nothing(rng: random.Random) -> None:
    assert near_misses.other_in_question(Question("why?", PASSAGE, (0,)), near_misses.pool([PASSAGE]), rng) is None


def test_what_is_marked_in_a_row_are_the_answering_words(rng: random.Random) -> None:
    for group in groups.epoch([QUESTION] * 40, [[Passage(("Tomatoes want sun.",))]] * 40, rng):
        for row in group:
            assert all("finished" in row.passage[start:end] for start, end in row.gold)
            assert row.answer is None or row.passage[slice(*row.answer)] == "finished"
            assert row.answerable == bool(row.gold)
