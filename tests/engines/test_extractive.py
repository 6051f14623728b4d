"""The extractive engine: it can only quote."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from chatbot import prompts, sentences
from chatbot.bootstrap import Application, shipped
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.engines.extractive import MAX_SENTENCES, ExtractiveEngine, build
from chatbot.engines.parts import EngineParts
from chatbot.knowledge.collections import golden_questions
from chatbot.schema import Query

NUCLEUS = "Nucleus sampling keeps the smallest set of tokens whose probabilities add up to at least p."
BEAM = "Beam search keeps the most probable partial sentences at every step."
KETTLE = "The blue kettle holds four litres of water."

SENTENCE = re.compile(r"(\S.*?) \[(\d+)\]")


@pytest.fixture(scope="module")
def engine(encoder: BiEncoder) -> ExtractiveEngine:
    return build(EngineParts(encoder, prompts.load([shipped("prompts")])))


def _ask(engine: ExtractiveEngine, question: str, *documents: Any, history: tuple[BaseMessage, ...] = ()) -> AIMessage:
    given = [each if isinstance(each, dict) else {"title": "Notes", "text": each} for each in documents]
    return engine.invoke([SystemMessage("Cite."), *history, HumanMessage(question)], documents=given)


def _quotes(message: AIMessage) -> list[tuple[str, int]]:
    """Quoted sentences with the number of their document."""
    body = re.sub(r"According to “[^”]*”:|“[^”]*” adds:", "", message.text)
    return [(quote.strip(), int(number)) for quote, number in SENTENCE.findall(body)]


def test_it_quotes_the_sentence_that_answers(engine: ExtractiveEngine) -> None:
    message = _ask(engine, "What is nucleus sampling?", f"{KETTLE} {NUCLEUS} Roses want sun in the morning.")

    assert _quotes(message) == [(NUCLEUS, 1)]


def test_quotes_are_verbatim_from_the_document_their_marker_names(application: Application, engine: ExtractiveEngine) -> None:
    questions = [golden.question for each in application.collections.values() for golden in golden_questions(each)[:4]]
    for question in questions:
        found = asyncio.run(application.search(Query(text=question), 5))
        message = _ask(engine, question, *({"title": each.title, "text": each.chunk.text} for each in found))
        for quote, number in _quotes(message):
            assert quote in re.sub(r"\s?\[\d{1,3}\]", "", " ".join(found[number - 1].chunk.text.split()))


def test_it_never_quotes_more_than_its_maximum(engine: ExtractiveEngine) -> None:
    alike = " ".join(f"Nucleus sampling in variant {number} keeps tokens up to p." for number in range(12))

    assert (
        1 < len(_quotes(_ask(engine, "What is nucleus sampling?", alike, alike.replace("variant", "version")))) <= MAX_SENTENCES
    )


def test_quotes_of_one_document_stand_in_its_order(engine: ExtractiveEngine) -> None:
    text = (
        "Sampling takes one token at random. Nucleus sampling limits the choice to likely tokens. "
        "Kettles are blue and tall. The nucleus in nucleus sampling is the smallest likely set."
    )

    quoted = [quote for quote, _ in _quotes(_ask(engine, "What is nucleus sampling?", text))]

    assert len(quoted) > 1
    assert [text.index(quote) for quote in quoted] == sorted(text.index(quote) for quote in quoted)


def test_better_documents_are_quoted_first(engine: ExtractiveEngine) -> None:
    first, second = {"title": "Sampling", "text": NUCLEUS}, {"title": "Choice", "text": NUCLEUS.replace("keeps", "always keeps")}

    assert [number for _, number in _quotes(_ask(engine, "What is nucleus sampling?", first, second))] == [1, 2]


def test_each_further_source_is_introduced_by_its_title(engine: ExtractiveEngine) -> None:
    first = {"title": "Sampling > Top-p", "text": NUCLEUS}
    second = {"title": "Choice", "text": NUCLEUS.replace("keeps", "always keeps")}

    text = _ask(engine, "What is nucleus sampling?", first, second).text

    assert text.startswith("According to “Sampling”:")
    assert "\n\n“Choice” adds:\n\n" in text


def test_the_same_sentence_is_quoted_once(engine: ExtractiveEngine) -> None:
    message = _ask(engine, "What is nucleus sampling?", NUCLEUS, NUCLEUS.upper())

    assert _quotes(message) == [(NUCLEUS, 1)]


@pytest.mark.parametrize("documents", [(), ("",), ("Short one. Two words.",), (KETTLE,)])
def test_it_abstains_where_nothing_answers(engine: ExtractiveEngine, documents: tuple[str, ...]) -> None:
    message = _ask(engine, "What is nucleus sampling?", *documents)

    assert message.text == ""
    assert message.response_metadata["finish_reason"] == "abstained"


def test_it_abstains_when_nothing_is_asked(engine: ExtractiveEngine) -> None:
    message = engine.invoke([SystemMessage("Cite.")], documents=[{"title": "T", "text": NUCLEUS}])

    assert message.response_metadata["finish_reason"] == "abstained"


def test_a_follow_up_is_read_with_the_question_before(engine: ExtractiveEngine) -> None:
    history = (HumanMessage("What is nucleus sampling?"), AIMessage("A way to sample."))

    assert _quotes(_ask(engine, "Why?", NUCLEUS, BEAM, history=history))[0] == (NUCLEUS, 1)
    assert _ask(engine, "Why?", NUCLEUS, BEAM).text == ""


def test_a_sentence_broken_over_lines_is_quoted_on_one(engine: ExtractiveEngine) -> None:
    message = _ask(engine, "What is nucleus sampling?", NUCLEUS.replace(" ", "\n", 5))

    assert _quotes(message) == [(NUCLEUS, 1)]


def test_a_dollar_sign_in_a_document_is_quoted_and_never_evaluated(engine: ExtractiveEngine) -> None:
    text = "Nucleus sampling costs $5 and ${title} per token."

    assert _quotes(_ask(engine, "What does nucleus sampling cost?", text)) == [(text, 1)]


def test_a_bracketed_number_in_a_document_is_no_marker(engine: ExtractiveEngine) -> None:
    text = "Nucleus sampling was described by Holtzman [2] and works well."

    message = _ask(engine, "Who described nucleus sampling?", text, {"title": "Other", "text": KETTLE})

    assert re.findall(r"\[(\d+)\]", message.text) == ["1"]


def test_each_piece_ends_with_a_sentence(engine: ExtractiveEngine) -> None:
    messages = [HumanMessage("What is nucleus sampling?")]
    documents = [{"title": "T", "text": f"{NUCLEUS} Nucleus sampling is also called top-p sampling."}]

    pieces = [piece.text for piece in engine.stream(messages, documents=documents) if piece.text]

    assert len(pieces) > 1
    assert all(len(sentences.split(piece)) == 1 for piece in pieces)


def test_the_same_question_gets_the_same_answer(engine: ExtractiveEngine) -> None:
    documents = [f"{NUCLEUS} {BEAM}", KETTLE]

    assert len({_ask(engine, "What is nucleus sampling?", *documents).text for _ in range(3)}) == 1
