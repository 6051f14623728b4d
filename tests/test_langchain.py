"""The product as LangChain parts."""

from __future__ import annotations

import asyncio
import json

import pytest
from fakes import ScriptedEngine, scripted_pipeline
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableLambda

from chatbot.bootstrap import Application
from chatbot.errors import ChatbotError, InternalError, QuestionError, UnknownCollection
from chatbot.flow.pipeline import Pipeline
from chatbot.langchain import KnowledgeRetriever, as_runnable
from chatbot.schema import Answer, Query

QUESTION = "What is nucleus sampling?"


@pytest.fixture(scope="module")
def pipeline(application: Application) -> Pipeline:
    return application.pipeline


def test_a_question_in_an_answer_out(pipeline: Pipeline) -> None:
    answer = as_runnable(pipeline).invoke(QUESTION)

    assert isinstance(answer, Answer)
    assert answer.status == "answered"
    assert answer.citations


def test_a_query_says_more_than_a_question(pipeline: Pipeline) -> None:
    answer = as_runnable(pipeline).invoke(Query(text="How do I add documents?", collections=("handbook",)))

    assert {passage.collection for passage in answer.passages} == {"handbook"}


async def test_it_can_be_awaited_and_batched(pipeline: Pipeline) -> None:
    runnable = as_runnable(pipeline)

    answers = await runnable.abatch([QUESTION, "Who won the football world cup in 1974?"])

    assert [answer.status for answer in answers] == ["answered", "abstained"]
    assert (await runnable.ainvoke(QUESTION)).text == answers[0].text


async def test_it_can_be_invoked_where_an_event_loop_runs_already(pipeline: Pipeline) -> None:
    """As in a notebook."""
    assert as_runnable(pipeline).invoke(QUESTION).status == "answered"


async def test_it_composes_with_other_runnables(pipeline: Pipeline) -> None:
    chain: Runnable[str, str] = RunnableLambda(str.strip) | as_runnable(pipeline) | RunnableLambda(lambda answer: answer.status)

    assert await chain.ainvoke(f"  {QUESTION} ") == "answered"


def test_errors_are_the_products_own() -> None:
    runnable = as_runnable(scripted_pipeline(ScriptedEngine(pieces=[InternalError("the engine went away")])))

    with pytest.raises(QuestionError):
        runnable.invoke(" ")
    with pytest.raises(UnknownCollection):
        runnable.invoke(Query(text="?", collections=("cellar",)))
    with pytest.raises(ChatbotError, match="the engine went away"):
        runnable.invoke("kettle?")


def test_the_retriever_is_langchains_and_finds_passages(pipeline: Pipeline) -> None:
    retriever = KnowledgeRetriever(pipeline=pipeline, k=3)

    found = retriever.invoke(QUESTION)

    assert isinstance(retriever, BaseRetriever)
    assert len(found) == 3
    assert all(isinstance(document, Document) for document in found)
    assert "Nucleus sampling" in found[0].page_content


def test_a_documents_metadata_leads_to_its_exact_place(application: Application, pipeline: Pipeline) -> None:
    document = KnowledgeRetriever(pipeline=pipeline, k=1).invoke(QUESTION)[0]

    text = application.catalogue.document_text(document.metadata["document_id"])
    assert text[document.metadata["start"] : document.metadata["end"]] == document.page_content
    assert (document.metadata["collection"], document.metadata["rank"]) == ("llm-primer", 1)
    assert document.metadata.keys() >= {"source", "title", "score", "dense", "lexical", "page", "heading_path"}
    assert json.dumps(document.metadata)


async def test_the_retriever_searches_only_its_collections(pipeline: Pipeline) -> None:
    found = await KnowledgeRetriever(pipeline=pipeline, collections=("handbook",), k=4).ainvoke(QUESTION)

    assert {document.metadata["collection"] for document in found} == {"handbook"}


async def test_the_retriever_can_be_invoked_where_an_event_loop_runs_already(pipeline: Pipeline) -> None:
    assert KnowledgeRetriever(pipeline=pipeline, k=1).invoke(QUESTION)


async def test_awaiting_and_invoking_find_the_same(pipeline: Pipeline) -> None:
    retriever = KnowledgeRetriever(pipeline=pipeline, k=2)

    awaited = await retriever.ainvoke(QUESTION)

    assert [document.id for document in awaited] == [
        document.id for document in await asyncio.to_thread(retriever.invoke, QUESTION)
    ]
