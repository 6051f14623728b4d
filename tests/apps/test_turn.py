"""turn: events fold into a turn, which can be stopped."""

from __future__ import annotations

import asyncio

from fakes import ScriptedEngine, passage, scripted_pipeline

from chatbot.apps.turn import Turn, advance, fail, stop
from chatbot.engines.parts import Engine
from chatbot.flow.pipeline import Pipeline
from chatbot.schema import (
    Answer,
    AnswerEvent,
    Citation,
    Cited,
    Completed,
    DeltaReleased,
    Failed,
    FinishReason,
    Judged,
    Manifest,
    Query,
    Replaced,
    Retrieved,
    Status,
    Verdict,
)

POT = passage("A pot is made of clay.")
MANIFEST = Manifest(engine="e", encoder="n", generation=1, prompts={}, chunks=(), timings_ms={})


def _answer(text: str, status: Status = "answered", finish_reason: FinishReason = "stop") -> Answer:
    return Answer(id="1", text=text, status=status, passages=(POT,), finish_reason=finish_reason, manifest=MANIFEST)


def _citation() -> Citation:
    place = {"chunk_id": "chunk-1", "collection": "handbook", "source": "1.md", "title": "T", "page": None}
    return Citation(marker=1, start=0, end=5, cited_text="A pot", **place)


def _folded(*events: AnswerEvent) -> Turn:
    turn = Turn()
    for event in events:
        turn = advance(turn, event)
    return turn


def test_a_turn_goes_through_its_phases() -> None:
    turn, phases = Turn(), ["searching"]
    for event in (Retrieved(passages=(POT,)), DeltaReleased(text="So"), Completed(answer=_answer("So."))):
        turn = advance(turn, event)
        phases.append(turn.phase)

    assert phases == ["searching", "reading", "answering", "answered"]
    assert not turn.busy


def test_the_finished_answer_counts_whatever_was_streamed() -> None:
    turn = _folded(DeltaReleased(text="Clay [1]"), Cited(citation=_citation()), Completed(answer=_answer("Glass.", "abstained")))

    assert (turn.phase, turn.plain, turn.citations) == ("abstained", "Glass.", ())


def test_an_answer_cut_at_its_limit_says_so() -> None:
    assert "cut" in _folded(Completed(answer=_answer("So", finish_reason="length"))).note


def test_the_history_gets_the_words_without_markers() -> None:
    assert _folded(DeltaReleased(text="Pots are clay. [1] Pans are flat. [2]")).plain == "Pots are clay. Pans are flat."


def test_a_sentence_taken_back_is_replaced() -> None:
    turn = _folded(DeltaReleased(text="Pots are glass. [1] Pans are flat. [2]"), Replaced(sentence=0, text="(withheld)"))

    assert turn.plain == "(withheld) Pans are flat."


def test_what_a_model_writes_is_markdown_and_a_quote_is_not() -> None:
    quoting, writing = (_folded(Retrieved(passages=(POT,), engine=engine)) for engine in ("extractive", "vllm"))

    assert (quoting.is_markdown, writing.is_markdown) == (False, True)
    assert advance(quoting, Completed(answer=_answer("So."))).is_markdown  # by the engine in its manifest
    assert not advance(writing, Completed(answer=_answer("No.", "abstained"))).is_markdown


def test_a_verdict_marks_its_sentence() -> None:
    verdict = Verdict(
        filter="citation",
        sentence=1,
        grade="uncertain",
        action="mark",
        category="uncited",
        score=0.2,
        threshold=0.8,
        span=(0, 5),
        evidence="",
        reason="Not found.",
    )
    turn = _folded(DeltaReleased(text="Clay. [1]\n\n- Pans are flat.\n- Pots."), Judged(verdict=verdict))

    assert [(turn.raw[start:end], reason) for start, end, reason in turn.marked()] == [("Pans are flat.", "Not found.")]


def test_a_sentence_taken_back_leaves_the_other_markers_their_citations() -> None:
    turn = _folded(DeltaReleased(text="Pots `x[1]`. [1] Pans. [2]"), Cited(citation=_citation()), Cited(citation=_citation()))

    assert turn.shown() == ("Pots `x[1]`. [1] Pans. [2]", [0, 1])
    assert advance(turn, Replaced(sentence=0, text="(withheld)")).shown() == ("(withheld) Pans. [2]", [1])


def test_an_error_keeps_what_was_said() -> None:
    turn = _folded(DeltaReleased(text="Pots"), Failed(code="X", message="the engine is gone"))

    assert (turn.phase, turn.raw, turn.note) == ("failed", "Pots", "the engine is gone")


def test_stopping_leaves_a_finished_turn_alone() -> None:
    finished = fail(Turn(), "no")

    assert stop(finished) is finished
    assert stop(Turn(raw="Po")).phase == "stopped"


def test_an_answer_goes_into_the_history_with_its_markers_and_what_they_point_to() -> None:
    turn = Turn()
    pipeline = scripted_pipeline(
        Engine(ScriptedEngine(pieces=["Blue. [2] Four litres. [1] Blue. [2]"], needs_documents=False)),
        [passage("Four litres.", 1), passage("Blue.", 2)],
    )
    for event in asyncio.run(_events(pipeline)):
        turn = advance(turn, event)

    said = turn.said()

    assert said.content == "Blue. [1] Four litres. [2] Blue. [1]"
    assert said.cited == ("chunk-2", "chunk-1", "chunk-2")
    assert said.chunks == ("chunk-1", "chunk-2")


async def _events(pipeline: Pipeline) -> list[AnswerEvent]:
    return [event async for event in pipeline.answer(Query(text="What is it like?"))]


def test_an_answer_that_was_stopped_has_no_passages_in_the_history() -> None:
    turn = stop(advance(Turn(), DeltaReleased(text="It is")))

    assert (turn.said().content, turn.said().chunks) == ("It is", ())
