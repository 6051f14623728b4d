"""confidence: what was found is weighed, and what is refused follows from how many wrong answers are borne."""

from __future__ import annotations

import itertools

import pytest
from fakes import passage

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.encoders.cross_encoder import CrossEncoder
from chatbot.flow.confidence import Judge
from chatbot.flow.rerank import Reranker
from chatbot.schema import Message, Passage, Query

QUESTION = Query(text="When was the tower finished?")
TOWER = "The tower was finished in 1889 by the engineer Gustave Eiffel."
GARDEN = "The garden around the tower was laid out with roses, and people like to sit there in summer."
NUMBERS = [number / 20 for number in range(21)]


@pytest.fixture(scope="module")
def judge(encoder: BiEncoder) -> Judge:
    return Judge(encoder)


def test_of_unread_passages_the_best_cosine_counts_wherever_it_ranks(judge: Judge) -> None:
    found = [passage("a", 1, dense=0.2), passage("b", 2, dense=0.7), passage("c", 3, dense=0.1)]

    assert judge.evidence(QUESTION, found) == (0.7, 0.0, None)


def test_a_high_fused_score_does_not_help(judge: Judge) -> None:
    sure, doubtful = (judge.confidence(QUESTION, [passage("a", dense=0.2, score=score)]) for score in (1.0, 0.1))

    assert sure == doubtful


def test_nothing_found_is_no_confidence(judge: Judge) -> None:
    assert judge.confidence(QUESTION, []) == 0.0


@pytest.mark.parametrize("answerable", [None, 0.5])
def test_the_closer_the_surer(judge: Judge, answerable: float | None) -> None:
    found = [[passage(TOWER, dense=dense, answerable=answerable)] for dense in NUMBERS]
    sure = [judge.confidence(QUESTION, each) for each in found]

    assert sure == sorted(sure)
    assert all(0 < each < 1 for each in sure)
    assert sure[-1] > sure[0]


def test_the_surer_the_reader_the_surer(judge: Judge) -> None:
    sure = [judge.confidence(QUESTION, [passage(TOWER, answerable=answerable)]) for answerable in NUMBERS]

    assert [before < after for before, after in itertools.pairwise(sure)] == [True] * (len(NUMBERS) - 1)


@pytest.mark.parametrize("answerable", [None, 0.5])
def test_the_more_words_of_the_question_a_passage_holds_the_surer(judge: Judge, answerable: float | None) -> None:
    texts = ["a", "The tower.", "The tower was finished."]
    sure = [judge.confidence(QUESTION, [passage(text, title="b", answerable=answerable)]) for text in texts]

    assert sure[0] < sure[1] < sure[2]


def test_a_misspelt_word_is_shared_too(judge: Judge) -> None:
    misspelt = Query(text="When was the towr finnished?")

    assert judge.evidence(misspelt, [passage("The tower was finished.", title="b")]).shared == 0.5, "the shorter one is not"


def test_words_of_a_title_and_of_headings_count(judge: Judge) -> None:
    found = passage("It was in 1889.", title="The tower")
    found = found.model_copy(update={"chunk": found.chunk.model_copy(update={"heading_path": ("When it was finished",)})})

    assert judge.evidence(QUESTION, [found]).shared == 1


def test_the_passage_that_comes_first_is_the_one_that_the_reader_speaks_of(judge: Judge) -> None:
    found = [passage(TOWER, 1, answerable=0.2), passage(GARDEN, 2, answerable=0.9)]

    assert judge.evidence(QUESTION, found).answerable == pytest.approx(-1.386, abs=1e-3)
    assert judge.evidence(QUESTION, [passage(TOWER, answerable=1.0)]).answerable == 5
    assert judge.evidence(QUESTION, [passage(TOWER, answerable=0.0)]).answerable == -5


def test_a_passage_that_answers_is_trusted_more_than_one_about_the_same_thing(judge: Judge, reader: CrossEncoder) -> None:
    def confidence(text: str) -> float:
        return judge.confidence(QUESTION, Reranker(reader)(QUESTION, [passage(text, title="The tower", dense=0.6)]))

    assert confidence(TOWER) > confidence(GARDEN)


def test_a_follow_up_is_weighed_with_the_question_before(judge: Judge) -> None:
    found = [passage(TOWER, dense=0.4, answerable=0.5)]
    behind = Query(text="And who did it?", history=(Message(role="user", content="Which engineer finished the tower in 1889?"),))

    assert judge.confidence(behind, found) > judge.confidence(Query(text=behind.text), found)


def test_what_holds_no_sentence_is_weighed_by_its_passage_alone(judge: Judge) -> None:
    closeness, *_ = judge.evidence(QUESTION, [passage("1889", dense=0.6, answerable=0.5)])

    assert closeness == pytest.approx(0.6)


@pytest.mark.parametrize("answerable", [None, 0.5])
def test_the_fewer_errors_are_borne_the_more_is_asked_for(judge: Judge, answerable: float | None) -> None:
    found: list[Passage] = [passage(TOWER, answerable=answerable)]
    thresholds = [judge.threshold(found, max_error) for max_error in NUMBERS]

    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[0] == 1.0, "no answer is certain"
    assert thresholds[-1] == 0.0, "nothing is refused"
