"""rerank: the reader has a say in the order, and what was not read says so."""

from __future__ import annotations

import threading

from fakes import passage

from chatbot.encoders.cross_encoder import CrossEncoder
from chatbot.flow.rerank import AT_ONCE, DEPTH, Reranker
from chatbot.schema import Message, Passage, Query

QUESTION = Query(text="When was the tower finished?")
GARDEN = "The garden around the tower was laid out with roses, and people like to sit there in summer."
TOWER = "The tower was finished in 1889 by the engineer Gustave Eiffel."


def _found(*texts: str, score: float = 0.5) -> list[Passage]:
    return [passage(text, rank=rank, source=f"{rank}.md", score=score) for rank, text in enumerate(texts, 1)]


def test_the_passage_that_answers_comes_first(reader: CrossEncoder) -> None:
    best, other = Reranker(reader)(QUESTION, _found(GARDEN, TOWER))

    assert (best.source, best.rank) == ("2.md", 1)
    assert best.answerable
    assert other.answerable is not None
    assert best.answerable > other.answerable


def test_a_first_stage_that_is_sure_is_not_overruled(reader: CrossEncoder) -> None:
    sure, doubtful = _found(GARDEN, score=1.0) + _found(TOWER, score=0.0)

    assert Reranker(reader)(QUESTION, [sure, doubtful])[0].chunk.text == GARDEN


def test_a_collection_may_do_without_the_readers_say(reader: CrossEncoder) -> None:
    found = _found(GARDEN, TOWER)

    kept = Reranker(reader, has_a_say=lambda collection: collection != "handbook")(QUESTION, found)

    assert [each.chunk.text for each in kept] == [GARDEN, TOWER]
    assert all(each.answerable is not None for each in kept)


def test_a_follow_up_is_read_behind_the_question_before(reader: CrossEncoder) -> None:
    history = (Message(role="user", content="When was the tower finished?"), Message(role="assistant", content="In 1889."))
    query = Query(text="And who did it?", history=history)

    assert Reranker(reader)(query, _found(GARDEN, TOWER))[0].chunk.text == TOWER


def test_only_the_best_are_read_and_the_rest_stays_behind_them(reader: CrossEncoder) -> None:
    ordered = Reranker(reader)(QUESTION, _found(*[GARDEN] * DEPTH, TOWER))

    assert ordered[-1].chunk.text == TOWER
    assert ordered[-1].answerable is None
    assert [each.rank for each in ordered] == [*range(1, DEPTH + 2)]


def test_without_a_reader_nothing_is_read_and_nothing_was_shed() -> None:
    found = _found(GARDEN, TOWER)
    rerank = Reranker(None)

    assert rerank(QUESTION, found) == found
    assert not rerank.was_shed(found)


def test_under_load_a_question_goes_without_and_says_so(reader: CrossEncoder) -> None:
    entered, go_on = threading.Semaphore(0), threading.Event()

    class Slow:
        def read(self, question: str, passages: list[str]) -> object:
            entered.release()
            go_on.wait(10)
            return reader.read(question, passages)

    rerank = Reranker(Slow())  # pyright: ignore[reportArgumentType]
    done: list[list[Passage]] = []
    busy = [threading.Thread(target=lambda: done.append(rerank(QUESTION, _found(GARDEN, TOWER)))) for _ in range(AT_ONCE)]
    for thread in busy:
        thread.start()
    for _ in busy:
        assert entered.acquire(timeout=10)

    shed = rerank(QUESTION, _found(GARDEN, TOWER))
    go_on.set()
    for thread in busy:
        thread.join(10)

    assert [each.answerable for each in shed] == [None, None]
    assert rerank.was_shed(shed)
    assert all(each.answerable is not None for found in done for each in found)
    assert rerank(QUESTION, _found(GARDEN, TOWER))[0].chunk.text == TOWER  # the slots were given back
