"""The product as LangChain parts: the whole pipeline as a `Runnable`, retrieval as a `BaseRetriever`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import ConfigDict

from chatbot.flow.pipeline import Pipeline
from chatbot.schema import Answer, Passage, Query

T = TypeVar("T")


def as_runnable(pipeline: Pipeline) -> Runnable[str | Query, Answer]:
    """A question or a `Query` in, an `Answer` out; `invoke` and `ainvoke` work, `abatch` answers several at once."""

    async def answer(question: str | Query) -> Answer:
        return await pipeline.complete(_query(question))

    def answer_now(question: str | Query) -> Answer:
        return _now(pipeline.complete(_query(question)))

    return RunnableLambda(answer_now, afunc=answer, name="chatbot")


class KnowledgeRetriever(BaseRetriever):
    """Hybrid retrieval; each document's metadata holds its source, place and scores."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    pipeline: Pipeline
    collections: tuple[str, ...] = ()
    """Search only these; empty means all."""
    k: int = 5

    async def _aget_relevant_documents(self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun) -> list[Document]:
        found = await self.pipeline.search(Query(text=query, collections=self.collections), self.k)
        return [_document(passage) for passage in found]

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        found = _now(self.pipeline.search(Query(text=query, collections=self.collections), self.k))
        return [_document(passage) for passage in found]


def _now(work: Coroutine[Any, Any, T]) -> T:
    """Wait for it on a thread of its own: the caller's may have a running event loop, as in a notebook."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _query(question: str | Query) -> Query:
    return question if isinstance(question, Query) else Query(text=question)


def _document(passage: Passage) -> Document:
    chunk = passage.chunk
    metadata: dict[str, Any] = {
        **passage.model_dump(exclude={"chunk"}),
        **chunk.model_dump(include={"document_id", "heading_path", "start", "end", "page"}),
    }
    return Document(page_content=chunk.text, metadata=metadata, id=chunk.id)
