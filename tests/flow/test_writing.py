"""The flow over an engine that writes: passages in the prompt, citations out of its markers, conversations that only grow."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import FakeRetriever, ScriptedEngine, passage, scripted_pipeline

from chatbot.engines.parts import Engine
from chatbot.errors import BadParameter, EngineBusy
from chatbot.sampling import Sampling
from chatbot.schema import Answer, Failed, Message, Passage, Query

KETTLE = passage("The kettle holds four litres. It is blue.", 1)
LID = passage("The lid is round.", 2)
PAN = passage("Pans are flat.", 3)


def _writer(*pieces: str | Exception, **fields: Any) -> ScriptedEngine:
    return ScriptedEngine(pieces=pieces, needs_documents=False, **fields)


async def _answer(engine: ScriptedEngine, query: Query, found: Any = None, sampling: Sampling | None = None) -> Answer:
    seam = Engine(engine, sampling=sampling or Sampling(temperature=0))
    return await scripted_pipeline(seam, retrieve=FakeRetriever(found or [KETTLE, LID])).complete(query)


def _said(answer: Answer) -> Message:
    cited = tuple(citation.chunk_id for citation in answer.citations)
    return Message(role="assistant", content=answer.text, chunks=answer.manifest.chunks, cited=cited)


async def test_the_passages_stand_in_the_prompt_and_the_markers_become_citations() -> None:
    engine = _writer("The lid is round. [2] ", "It is blue. [1]")

    answer = await _answer(engine, Query(text="What about it?"))

    assert '<document number="2" date="unknown">\nTitle 2\n\nThe lid is round.' in engine.messages[0][-1].text
    assert not engine.documents[0]
    assert answer.text == "The lid is round. [1] It is blue. [2]"
    assert [citation.cited_text for citation in answer.citations] == ["The lid is round.", "It is blue."]


async def test_the_next_turn_begins_with_the_prompt_and_the_answer_of_this_one() -> None:
    engine = _writer("The lid is round. [2] Blue. [1][2]")
    first = await _answer(engine, Query(text="What is it like?"))
    query = Query(text="Tell me of pans.", history=(Message(role="user", content="What is it like?"), _said(first)))

    second = await _answer(engine, query, [KETTLE, LID, PAN])

    before, after = engine.messages
    assert [message.text for message in after[: len(before)]] == [message.text for message in before]
    assert after[len(before)].text.replace(" ", "") == "The lid is round. [2] Blue. [1][2]".replace(" ", "")
    assert after[-1].text.startswith('<document number="3" date="unknown">\nTitle 3')
    assert second.manifest.chunks == ("chunk-1", "chunk-2", "chunk-3")


async def test_a_marker_may_point_to_a_passage_of_an_earlier_turn() -> None:
    first = await _answer(_writer("The lid is round. [2]"), Query(text="What is it like?"))
    query = Query(text="Tell me of pans.", history=(Message(role="user", content="What is it like?"), _said(first)))

    answer = await _answer(_writer("The lid is round. [2] Pans are flat. [3]"), query, [PAN, KETTLE, LID])

    assert [citation.chunk_id for citation in answer.citations] == ["chunk-2", "chunk-3"]


def _section(*texts: str) -> list[Passage]:
    return [
        passage(text, rank, document_id="pots", heading_path=("Pots",), start=100 * rank, source="pots.md")
        for rank, text in enumerate(texts, 1)
    ]


@pytest.mark.parametrize(("tokens", "read"), [(1000, ["chunk-1", "chunk-2", "chunk-3"]), (0, ["chunk-1"])])
async def test_the_section_is_read_around_what_was_found_and_cited_exactly(tokens: int, read: list[str]) -> None:
    pots = _section("Pots are of clay.", "They are fired twice.", "They must dry for a week.")
    engine = Engine(_writer("They are fired twice. [2]"))
    only_one = {"top_k": 1, "section_tokens": tokens}

    answer = await scripted_pipeline(engine, retrieve=FakeRetriever(pots), retrieval=only_one).complete(Query(text="Pots?"))

    assert list(answer.manifest.chunks) == [each.chunk.id for each in answer.passages] == read
    cited = [(each.chunk_id, each.start, each.end, each.cited_text) for each in answer.citations]
    assert cited == ([("chunk-2", 200, 221, "They are fired twice.")] if tokens else [])


async def test_an_engine_that_quotes_reads_what_was_found_and_no_more() -> None:
    pots = _section("Pots are of clay.", "They are fired twice.")
    engine = ScriptedEngine()

    await scripted_pipeline(engine, retrieve=FakeRetriever(pots), retrieval={"top_k": 1}).complete(Query(text="Pots?"))

    assert [document["text"] for document in engine.documents[0]] == ["Pots are of clay."]


async def test_the_next_turn_repeats_the_section_that_this_one_read() -> None:
    pots = _section("They are fired twice.", "Pots are of clay.")
    engine = _writer("Of clay. [2]")
    pipeline = scripted_pipeline(Engine(engine), retrieve=FakeRetriever(pots), retrieval={"top_k": 1})
    first = await pipeline.complete(Query(text="Pots?"))

    await pipeline.complete(Query(text="Tell me of pans.", history=(Message(role="user", content="Pots?"), _said(first))))

    before, after = engine.messages
    assert [message.text for message in after[: len(before)]] == [message.text for message in before]


async def test_the_agreed_word_becomes_the_products_own_refusal() -> None:
    answer = await _answer(_writer("NO ", "ANSWER"), Query(text="What about tea?"))

    assert answer.status == answer.finish_reason == "abstained"
    assert "NO ANSWER" not in answer.text


async def test_an_answer_that_was_cut_is_partial() -> None:
    answer = await _answer(_writer("The lid is", finish_reason="length"), Query(text="What about it?"))

    assert (answer.status, answer.finish_reason) == ("partial", "length")


async def test_a_questions_sampling_is_laid_over_the_engines_and_stands_in_the_manifest() -> None:
    query = Query(text="What about it?", sampling=Sampling(seed=7, temperature=0.4))

    answer = await _answer(_writer("So. [1]"), query, sampling=Sampling(temperature=0, max_tokens=9))

    assert answer.manifest.sampling == Sampling(temperature=0.4, seed=7, max_tokens=9)


async def test_a_busy_engine_says_when_to_come_back() -> None:
    engine = _writer(EngineBusy("too many", 17))
    pipeline = scripted_pipeline(Engine(engine), retrieve=FakeRetriever([KETTLE]))

    *_, last = [event async for event in pipeline.answer(Query(text="What about it?"))]

    assert last == Failed(code="EngineBusy", message="too many", retry_after_s=17)
    with pytest.raises(EngineBusy) as raised:
        await pipeline.complete(Query(text="What about it?"))
    assert raised.value.retry_after_s == 17


@pytest.mark.parametrize("asked", [Sampling(n=2), Sampling(logprobs=1)])
async def test_what_an_answer_with_citations_cannot_give_is_refused(asked: Sampling) -> None:
    with pytest.raises(BadParameter, match="leave it out"):
        await _answer(_writer("So. [1]"), Query(text="What about it?", sampling=asked))
