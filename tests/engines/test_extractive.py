"""The extractive engine: it can only quote."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from chatbot import markers, prompts
from chatbot.bootstrap import Application, shipped
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.encoders.cross_encoder import CrossEncoder
from chatbot.engines.extractive import MAX_SENTENCES, ExtractiveEngine, build
from chatbot.engines.parts import EngineParts
from chatbot.knowledge.sources.collections import golden_questions
from chatbot.language import sentences
from chatbot.schema import Query
from chatbot.settings import Settings

NUCLEUS = "Nucleus sampling keeps the smallest set of tokens whose probabilities add up to at least p."
BEAM = "Beam search keeps the most probable partial sentences at every step."
KETTLE = "The blue kettle holds four litres of water."

SENTENCE = re.compile(r"(\S.*?) \[(\d+)\]")


@pytest.fixture(scope="module")
def engine(encoder: BiEncoder) -> ExtractiveEngine:
    built = build(EngineParts(encoder, prompts.load([shipped("prompts")]), Settings())).model
    assert isinstance(built, ExtractiveEngine)
    return built


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
            assert markers.unescaped(quote).removeprefix("- ") in " ".join(found[number - 1].chunk.text.split())


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
    first = {"title": "Sampling", "section": "Top-p", "text": NUCLEUS}
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


def test_a_follow_up_is_not_answered_with_the_answer_before(engine: ExtractiveEngine, reader: CrossEncoder) -> None:
    holiday = "Every employee has 28 days of paid holiday a year."
    carried = "Up to five unused days may be carried over and must be taken before 31 March."
    asked = [HumanMessage("How many days of holiday do employees get?"), AIMessage(holiday)]
    document = {"title": "Holiday policy", "text": f"{holiday} {KETTLE} {carried}"}

    reading = engine.model_copy(update={"reader": reader})
    message = reading.invoke([*asked, HumanMessage("and how many can be carried over?")], documents=[document], max_sentences=1)
    assert _quotes(message) == [(carried, 1)]


def test_a_sentence_broken_over_lines_is_quoted_on_one(engine: ExtractiveEngine) -> None:
    message = _ask(engine, "What is nucleus sampling?", NUCLEUS.replace(" ", "\n", 5))

    assert _quotes(message) == [(NUCLEUS, 1)]


def test_a_dollar_sign_in_a_document_is_quoted_and_never_evaluated(engine: ExtractiveEngine) -> None:
    text = "Nucleus sampling costs $5 and ${title} per token."

    assert _quotes(_ask(engine, "What does nucleus sampling cost?", text)) == [(text, 1)]


def test_a_reference_of_the_documents_own_is_left_out(engine: ExtractiveEngine) -> None:
    text = "Nucleus sampling was described by Holtzman [2] and works well.[3][4]"

    message = _ask(engine, "Who described nucleus sampling?", text, {"title": "Other", "text": KETTLE})

    assert _quotes(message) == [("Nucleus sampling was described by Holtzman and works well.", 1)]
    assert markers.numbers(message.text) == [1]


@pytest.mark.parametrize("index", ["tokens[0]", "probabilities[17][3]", "p[255]"])
def test_an_index_in_a_document_is_quoted_and_no_marker(engine: ExtractiveEngine, index: str) -> None:
    text = f"Nucleus sampling sorts the tokens, looks at {index} and goes on."

    message = _ask(engine, "What does nucleus sampling look at?", text)

    assert markers.numbers(message.text) == [1]
    assert text in markers.unescaped(message.text)


def test_a_title_that_looks_like_a_marker_is_none(engine: ExtractiveEngine) -> None:
    message = _ask(engine, "What is nucleus sampling?", {"title": "Input > Output [2]", "text": NUCLEUS})

    assert markers.unescaped(message.text).startswith("According to “Input > Output [2]”:")
    assert markers.numbers(message.text) == [1]


def test_two_sources_of_one_title_are_two_paragraphs(engine: ExtractiveEngine) -> None:
    first = {"source": "a", "title": "Notes", "text": NUCLEUS}
    second = {"source": "b", "title": "Notes", "text": NUCLEUS.replace("keeps", "always keeps")}

    assert _ask(engine, "What is nucleus sampling?", first, second).text.count("“Notes”") == 2


def test_items_of_a_list_stay_items(engine: ExtractiveEngine) -> None:
    text = "Ways to sample:\n\n- nucleus sampling cuts the unlikely tail\n- nucleus sampling with p near one cuts little"

    message = _ask(engine, "What does nucleus sampling cut?", text)

    assert "\n- nucleus sampling cuts the unlikely tail [1]\n- nucleus sampling with p near one cuts little [1]" in message.text


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("什么是模型？", "模型是根据前面的词预测下一个词的函数。"),
        ("मॉडल क्या है?", "मॉडल एक ऐसा फलन है जो अगले शब्द का अनुमान लगाता है।"),
        ("Mô hình là gì?", unicodedata.normalize("NFD", "Mô hình là một hàm số dự đoán từ tiếp theo trong câu.")),
    ],
)
def test_other_scripts_are_prose_too(engine: ExtractiveEngine, question: str, text: str) -> None:
    assert text in _ask(engine, question, text).text


def test_each_piece_ends_with_a_sentence(engine: ExtractiveEngine) -> None:
    messages = [HumanMessage("What is nucleus sampling?")]
    documents = [{"title": "T", "text": f"{NUCLEUS} Nucleus sampling is also called top-p sampling."}]

    pieces = [piece.text for piece in engine.stream(messages, documents=documents) if piece.text]

    assert len(pieces) > 1
    assert all(len(sentences.split(piece)) == 1 for piece in pieces)


def test_the_same_question_gets_the_same_answer(engine: ExtractiveEngine) -> None:
    documents = [f"{NUCLEUS} {BEAM}", KETTLE]

    assert len({_ask(engine, "What is nucleus sampling?", *documents).text for _ in range(3)}) == 1
