"""Who is measured inside one process: a row answers a question as a stream of text, with the same prompt and no retrieval."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, Literal, cast, get_args

import aiohttp

Row = Literal["raw", "ChatOpenAI", "LangChain", "chatbot"]
ROWS: tuple[Row, ...] = get_args(Row)

Ask = Callable[[str], AsyncGenerator[str]]
"""Streams the pieces of an answer; closing it ends the request."""

SYSTEM = "Answer from the passages below and cite each sentence with the passage's number in brackets."
_PASSAGES = tuple(
    f"The kettle of model {number} holds four litres, and its lid is blue. " + "It is made of steel, and it boils. " * 24
    for number in range(1, 6)
)


def opened(row: Row, url: str) -> Any:
    """An async context manager that gives the row's `Ask`; `url` is the model server's."""
    return {"raw": _raw, "ChatOpenAI": _chat_openai, "LangChain": _langchain, "chatbot": _chatbot}[row](url)


@asynccontextmanager
async def _raw(url: str) -> AsyncGenerator[Ask]:
    """The floor: lines, and `json.loads`."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

        async def ask(question: str) -> AsyncGenerator[str]:
            body = {"model": "fake", "messages": _messages(question), "stream": True, "stream_options": {"include_usage": True}}
            async with http.post(f"{url}/v1/chat/completions", json=body) as response:
                response.raise_for_status()
                async for line in response.content:
                    if line.startswith(b"data: {"):
                        choices = json.loads(line[6:])["choices"]
                        if choices and (text := choices[0]["delta"].get("content")):
                            yield text

        yield ask


@asynccontextmanager
async def _chat_openai(url: str) -> AsyncGenerator[Ask]:
    llm = chat_openai(url)

    async def ask(question: str) -> AsyncGenerator[str]:
        async with aclosing(llm.astream(_messages(question))) as pieces:
            async for piece in pieces:
                if text := piece.text:
                    yield text

    yield ask


@asynccontextmanager
async def _langchain(url: str) -> AsyncGenerator[Ask]:
    """LangChain's canonical chain with the retriever's work done."""
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate

    prompt = ChatPromptTemplate.from_messages([("system", SYSTEM), ("user", "{context}\n\nQuestion: {question}")])
    chain = prompt | chat_openai(url) | StrOutputParser()

    async def ask(question: str) -> AsyncGenerator[str]:
        given = {"context": _context(), "question": question}
        async with aclosing(cast(AsyncGenerator[str], chain.astream(given))) as pieces:
            async for text in pieces:
                if text:
                    yield text

    yield ask


@asynccontextmanager
async def _chatbot(url: str) -> AsyncGenerator[Ask]:
    """The product's whole flow; the environment has its settings, and its data directory is ready."""
    from chatbot import settings
    from chatbot.bootstrap import Application, freeze
    from chatbot.flow.pipeline import Pipeline
    from chatbot.schema import DeltaReleased, Failed, Query

    with Application(settings.load(), "python") as application:
        parts = application.pipeline.parts
        pipeline = Pipeline(parts._replace(retrieve=cast(Any, _FixedPassages())))

        async def ask(question: str) -> AsyncGenerator[str]:
            async with aclosing(pipeline.answer(Query(text=question))) as events:
                async for event in events:
                    if isinstance(event, DeltaReleased):
                        yield event.text
                    elif isinstance(event, Failed):
                        raise RuntimeError(f"{event.code}: {event.message}")

        freeze()  # as the server does, and with its pool of connections open
        async with parts.engine.open():
            yield ask


class _FixedPassages:
    """Stands in for the retriever."""

    def __init__(self) -> None:
        from chatbot.schema import Chunk, Passage

        self._passages = [
            Passage(
                chunk=Chunk(
                    id=f"{number}", document_id=f"d{number}", heading_path=(), text=text, start=0, end=len(text), page=None
                ),
                collection="handbook",
                source=f"{number}.md",
                title=f"Model {number}",
                score=1 / number,
                lexical=1.0,
                dense=0.9,
                rank=number,
            )
            for number, text in enumerate(_PASSAGES, 1)
        ]

    def __call__(self, _query: object, _forms: object, k: int) -> Sequence[object]:
        return self._passages[:k]

    def check(self, _names: object) -> None:
        """Every collection is known."""


def chat_openai(url: str) -> Any:
    """LangChain's client as its documentation says for vLLM."""
    from langchain_openai import ChatOpenAI  # pyright: ignore[reportMissingImports]  not a dependency of the product

    return ChatOpenAI(base_url=f"{url}/v1", api_key="none", model="fake", stream_usage=True, max_retries=0)


def _context() -> str:
    return "\n\n".join(f"[{number}] {text}" for number, text in enumerate(_PASSAGES, 1))


def _messages(question: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": f"{_context()}\n\nQuestion: {question}"}]
