"""The one flow, over scripted engines and over the real parts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import pytest
from fakes import FakeRetriever, ScriptedEngine, passage, scripted_pipeline

from chatbot.bootstrap import Application
from chatbot.errors import ChatbotError, InternalError, QuestionError, UnknownCollection, UserError
from chatbot.flow.pipeline import last_answer
from chatbot.schema import (
    Answer,
    AnswerEvent,
    Cited,
    Completed,
    DeltaReleased,
    Failed,
    Judged,
    Message,
    Query,
    Retrieved,
    Sentence,
    Verdict,
    answer_event,
)

NEAR = passage("The kettle holds four litres. It is blue.", 1, start=10)
FAR = passage("Pans are flat.", 2, dense=0.1)
QUESTION = Query(text="How much does the kettle hold?")
TERMINAL = (Completed, Failed)

SCRIPTS: dict[str, tuple[ScriptedEngine, Sequence[Any]]] = {
    "answered": (ScriptedEngine(pieces=["Four litres", ". [1] It is", " blue. [1]"]), [NEAR, FAR]),
    "cut off": (ScriptedEngine(pieces=["Four lit"], finish_reason="length"), [NEAR]),
    "abstained by the flow": (ScriptedEngine(), [FAR]),
    "nothing found": (ScriptedEngine(), []),
    "abstained by the engine": (ScriptedEngine(pieces=[], finish_reason="abstained"), [NEAR]),
    "engine fails at once": (ScriptedEngine(pieces=[InternalError("no GPU")]), [NEAR]),
    "engine fails midway": (ScriptedEngine(pieces=["Four litres. [1] ", InternalError("the engine went away")]), [NEAR]),
}


async def _events(pipeline: Any, query: Query = QUESTION) -> list[AnswerEvent]:
    return [event async for event in pipeline.answer(query)]


async def _answer(pipeline: Any, query: Query = QUESTION) -> Answer:
    return await pipeline.complete(query)


@pytest.mark.parametrize("case", SCRIPTS)
async def test_the_last_event_and_only_the_last_is_terminal(case: str) -> None:
    engine, passages = SCRIPTS[case]

    events = await _events(scripted_pipeline(engine, passages))

    assert [isinstance(event, TERMINAL) for event in events] == [False] * (len(events) - 1) + [True]
    assert isinstance(events[0], Retrieved)


@pytest.mark.parametrize("case", SCRIPTS)
async def test_every_event_survives_the_way_through_json(case: str) -> None:
    engine, passages = SCRIPTS[case]

    for event in await _events(scripted_pipeline(engine, passages)):
        assert answer_event.validate_json(event.model_dump_json()) == event


async def test_the_answer_is_what_was_streamed() -> None:
    events = await _events(scripted_pipeline(ScriptedEngine(pieces=["Four litres", ". [1] It is", " blue. [1] [5]"]), [NEAR]))

    assert isinstance(events[-1], Completed)
    answer = events[-1].answer
    assert answer.status == "answered"
    assert answer.text == "".join(event.text for event in events if isinstance(event, DeltaReleased)).strip()
    assert answer.text == "Four litres. [1] It is blue. [1]"
    assert answer.citations == tuple(event.citation for event in events if isinstance(event, Cited))
    assert [citation.marker for citation in answer.citations] == [1, 1]


async def test_the_engines_count_and_name_stand_on_the_answer() -> None:
    answer = await _answer(scripted_pipeline(ScriptedEngine(finish_reason="length"), [NEAR]))

    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (7, 5)
    assert (answer.model, answer.finish_reason) == ("scripted-1", "length")


async def test_the_manifest_names_what_made_the_answer() -> None:
    answer = await _answer(scripted_pipeline(ScriptedEngine(), [NEAR]))

    assert answer.manifest.engine == "extractive"
    assert answer.manifest.generation == 1
    assert answer.manifest.chunks == ("chunk-1",)
    assert {"answer", "abstention"} <= answer.manifest.prompts.keys()
    assert answer.manifest.timings_ms.keys() == {"condense", "retrieve", "rerank", "judge", "first_delta", "total"}


async def test_two_answers_have_different_ids() -> None:
    pipeline = scripted_pipeline(ScriptedEngine(), [NEAR])

    assert (await _answer(pipeline)).id != (await _answer(pipeline)).id


@pytest.mark.parametrize("case", ["abstained by the flow", "nothing found", "abstained by the engine"])
async def test_an_abstention_says_so_and_cites_nothing(case: str) -> None:
    engine, passages = SCRIPTS[case]

    answer = await _answer(scripted_pipeline(engine, passages))

    assert answer.status == "abstained"
    assert answer.finish_reason == "abstained"
    assert answer.text.startswith("The documents do not say.")
    assert answer.citations == ()


async def test_what_an_engine_raises_of_its_own_ends_the_stream_with_an_event_and_a_log(caplog: pytest.LogCaptureFixture) -> None:
    engine = ScriptedEngine(pieces=["It ", ConnectionError("secret address")])

    *_, last = await _events(scripted_pipeline(engine))

    assert isinstance(last, Failed)
    assert (last.code, "secret" in last.message) == ("InternalError", False)
    assert "secret address" in caplog.text


@pytest.mark.parametrize("pieces", [(), (" ", "\n")])
async def test_an_engine_that_says_nothing_has_not_answered(pieces: tuple[str, ...]) -> None:
    *_, last = await _events(scripted_pipeline(ScriptedEngine(pieces=pieces)))

    assert isinstance(last, Failed)
    assert "said nothing" in last.message


async def test_a_history_without_end_is_refused() -> None:
    history = (Message(role="user", content="x" * 200_001),)

    with pytest.raises(QuestionError, match="200,001 characters and the limit is 200,000"):
        await _answer(scripted_pipeline(ScriptedEngine()), Query(text="And?", history=history))


async def test_a_greeting_does_not_hide_that_the_collection_is_unknown() -> None:
    with pytest.raises(UnknownCollection, match="cellar"):
        await _answer(scripted_pipeline(ScriptedEngine()), Query(text="Hello!", collections=("cellar",)))


async def test_a_greeting_is_answered_with_a_greeting_and_nothing_is_searched() -> None:
    engine, found = ScriptedEngine(), FakeRetriever([NEAR])

    events = await _events(scripted_pipeline(engine, retrieve=found), Query(text="Hello there!"))

    assert [event.type for event in events] == ["delta", "completed"]
    assert isinstance(events[-1], Completed)
    assert (events[-1].answer.status, events[-1].answer.finish_reason) == ("smalltalk", "stop")
    assert (found.calls, engine.messages) == ([], [])


async def test_where_no_passage_is_close_the_engine_is_not_asked() -> None:
    engine = ScriptedEngine()

    await _answer(scripted_pipeline(engine, [FAR]))

    assert engine.messages == []


async def test_the_confidence_comes_with_the_answer() -> None:
    sure, unsure, without = [
        (await _answer(scripted_pipeline(ScriptedEngine(), found))).confidence for found in ([FAR, NEAR], [FAR], [])
    ]

    assert sure is not None
    assert unsure is not None
    assert sure > 0.5 > unsure
    assert without == 0.0


async def test_greetings_have_no_confidence() -> None:
    assert (await _answer(scripted_pipeline(ScriptedEngine(), [NEAR]), Query(text="hello"))).confidence is None


async def test_how_many_errors_are_borne_decides_what_is_refused() -> None:
    bold, careful = [
        await _answer(scripted_pipeline(ScriptedEngine(), [NEAR], abstention={"max_error": share})) for share in (1, 0)
    ]

    assert (bold.status, careful.status) == ("answered", "abstained")


async def test_an_error_midway_keeps_what_was_shown_and_says_what_happened() -> None:
    engine, passages = SCRIPTS["engine fails midway"]

    events = await _events(scripted_pipeline(engine, passages))

    assert "".join(event.text for event in events if isinstance(event, DeltaReleased)).strip() == "Four litres. [1]"
    assert events[-1] == Failed(code="InternalError", message="the engine went away")


async def test_complete_raises_what_the_stream_reported() -> None:
    engine, passages = SCRIPTS["engine fails midway"]

    with pytest.raises(ChatbotError, match="the engine went away"):
        await _answer(scripted_pipeline(engine, passages))


@pytest.mark.parametrize(("text", "says"), [("", "empty"), (" \n\t ", "empty"), ("x" * 4001, "4,001 characters.*4,000")])
async def test_a_bad_question_is_refused_before_the_first_event(text: str, says: str) -> None:
    events = scripted_pipeline(ScriptedEngine()).answer(Query(text=text))

    with pytest.raises(QuestionError, match=says):
        await anext(events)


async def test_an_unknown_collection_is_refused_before_the_first_event() -> None:
    events = scripted_pipeline(ScriptedEngine()).answer(Query(text="kettle?", collections=("cellar",)))

    with pytest.raises(UnknownCollection, match="'cellar'.*handbook"):
        await anext(events)


@pytest.mark.parametrize("query", [Query(text=""), Query(text="kettle?", collections=("cellar",))])
async def test_search_refuses_what_answer_refuses(query: Query) -> None:
    with pytest.raises(UserError):
        await scripted_pipeline(ScriptedEngine()).search(query, 5)


async def test_a_question_at_the_limit_is_answered_and_white_space_around_it_does_not_count() -> None:
    pipeline = scripted_pipeline(ScriptedEngine(), max_question_chars=10)

    assert (await _answer(pipeline, Query(text="  " + "x" * 10 + "\n"))).status == "answered"


async def test_more_is_retrieved_than_shown_so_that_repeats_can_be_dropped() -> None:
    found = FakeRetriever(
        [passage("same words", rank) for rank in range(1, 6)] + [passage(f"t{rank}", rank) for rank in range(6, 16)]
    )

    answer = await _answer(scripted_pipeline(ScriptedEngine(), retrieve=found))

    assert [each.chunk.text for each in answer.passages] == ["same words", "t6", "t7", "t8", "t9"]
    assert found.calls[0][2] > 5


async def test_history_reaches_the_search_and_the_engine() -> None:
    engine, found = ScriptedEngine(), FakeRetriever([NEAR])
    history = (Message(role="user", content="Which kettle is blue?"), Message(role="assistant", content="The old one."))

    await _answer(scripted_pipeline(engine, retrieve=found), Query(text="How much does it hold?", history=history))

    assert [form.text for form in found.calls[0][1]][1:] == [
        "Which kettle is blue? How much does it hold?",
        "The old one. How much does it hold?",
    ]
    assert [message.text for message in engine.messages[0]] == [
        "Which kettle is blue?",
        "The old one.",
        "How much does it hold?",
    ]


async def test_closing_the_answer_closes_the_engines_stream() -> None:
    engine = ScriptedEngine(pieces=["word "], endless=True)
    events = scripted_pipeline(engine).answer(QUESTION)
    async for event in events:
        if isinstance(event, DeltaReleased):
            break

    await events.aclose()
    await asyncio.sleep(0)

    assert engine.closed.is_set()


async def test_cancelling_the_asker_closes_the_engines_stream() -> None:
    engine = ScriptedEngine(pieces=["word "], endless=True)
    asking = asyncio.create_task(_answer(scripted_pipeline(engine)))
    while not engine.said:
        await asyncio.sleep(0.001)

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.sleep(0)

    said = len(engine.said)
    await asyncio.sleep(0.02)
    assert len(engine.said) == said


async def test_a_check_withholds_a_sentence_from_every_part_of_the_answer() -> None:
    async def no_blue(sentence: Sentence) -> Verdict:
        blue = "blue" in sentence.text
        return Verdict(
            filter="no-blue",
            sentence=sentence.index,
            grade="certain" if blue else "fine",
            action="withhold" if blue else "allow",
            category="colour",
            score=float(blue),
            threshold=0.5,
            span=(0, 1),
            evidence="",
            reason="",
        )

    pipeline = scripted_pipeline(ScriptedEngine(pieces=["It is blue. [1] ", "Four litres. [1]"]), [NEAR], checks=[no_blue])

    events = await _events(pipeline)
    answer = await last_answer(_replay(events))

    assert "blue" not in "".join(event.text for event in events if isinstance(event, DeltaReleased))
    assert answer.text == "Four litres. [1]"
    assert len(answer.citations) == 1
    assert [verdict.action for verdict in answer.verdicts] == ["withhold", "allow"]
    assert sum(isinstance(event, Judged) for event in events) == 2


async def test_many_questions_at_once_do_not_mix() -> None:
    pipeline = scripted_pipeline(ScriptedEngine(pieces=["Four ", "litres. [1]"]), [NEAR])

    answers = await asyncio.gather(*(_answer(pipeline) for _ in range(20)))

    assert {answer.text for answer in answers} == {"Four litres. [1]"}


# with nothing scripted


@pytest.mark.parametrize(
    "question",
    [
        "What is nucleus sampling?",
        "How does LoRA save memory?",
        "Where does chatbot keep its data?",
        "What exit code does ask have when the documents do not say?",
    ],
)
async def test_every_citation_is_an_exact_span_of_its_document(application: Application, question: str) -> None:
    answer = await _answer(application.pipeline, Query(text=question))
    passages = {each.chunk.id: each for each in answer.passages}

    assert answer.status == "answered"
    assert answer.citations
    for citation in answer.citations:
        found = passages[citation.chunk_id]
        text = application.catalogue.document_text(found.chunk.document_id)
        assert text[citation.start : citation.end] == citation.cited_text
        assert found.chunk.start <= citation.start < citation.end <= found.chunk.end
        assert (citation.source, citation.title) == (found.source, found.title)


async def test_the_kth_citation_belongs_to_the_kth_marker_of_the_text(application: Application) -> None:
    answer = await _answer(application.pipeline, Query(text="What is the difference between top-k and nucleus sampling?"))

    numbers = [int(number) for number in re.findall(r"\[(\d+)\]", answer.text)]
    assert numbers == [citation.marker for citation in answer.citations]
    assert sorted(set(numbers)) == list(range(1, len(set(numbers)) + 1))


async def test_the_words_before_a_marker_are_the_words_it_cites(application: Application) -> None:
    answer = await _answer(application.pipeline, Query(text="What is nucleus sampling?"))

    said = [" ".join(part.split()) for part in re.split(r"\[\d+\]", answer.text)]
    for words, citation in zip(said, answer.citations, strict=False):
        assert words.endswith(" ".join(citation.cited_text.split()))


async def test_what_the_documents_do_not_say_is_not_answered(application: Application) -> None:
    answer = await _answer(application.pipeline, Query(text="Who won the football world cup in 1974?"))

    assert answer.status == "abstained"
    assert answer.confidence is not None


async def test_a_follow_up_is_understood_from_what_was_said_before(application: Application) -> None:
    first = await _answer(application.pipeline, Query(text="What is nucleus sampling?"))
    history = (Message(role="user", content="What is nucleus sampling?"), Message(role="assistant", content=first.text))
    follow_up = "And which values of it are common?"

    answer = await _answer(application.pipeline, Query(text=follow_up, history=history))

    assert answer.status == "answered"
    assert answer.passages[0].source == "20-sampling-and-decoding.md"
    assert "0.9" in answer.text


async def _replay(events: Sequence[AnswerEvent]) -> Any:
    for event in events:
        yield event
