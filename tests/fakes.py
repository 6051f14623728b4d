"""Doubles: an engine that says what it is told, a retriever that finds what it is given, and an application made of both."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

import uvicorn
from fastapi import FastAPI
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field

from chatbot import prompts
from chatbot.apps import server
from chatbot.apps.state import Progress, ServerState
from chatbot.engines.parts import Engine
from chatbot.errors import UnknownCollection
from chatbot.flow.condense import SearchForm
from chatbot.flow.confidence import Judge
from chatbot.flow.pipeline import Bounds, Parts, Pipeline
from chatbot.flow.rerank import Reranker
from chatbot.flow.screen import Check
from chatbot.knowledge.sources.roots import shipped
from chatbot.knowledge.syncing.pace import Pace
from chatbot.reports import DocumentReport
from chatbot.sampling import Sampling
from chatbot.schema import AnswerEvent, Chunk, Passage, Query
from chatbot.settings import Settings
from chatbot.tasks.events import TaskCard, TaskEvent
from chatbot.tasks.tasks import Tasks
from chatbot.tasks.work import TaskParts

TOKEN = "the-token-in-the-lock-file"


class ScriptedEngine(BaseChatModel):
    """Streams `pieces`; an exception among them is raised in its place. Without documents it abstains, as every engine does."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    pieces: Sequence[str | Exception] = ("It is so. [1]",)
    finish_reason: str = "stop"
    usage: tuple[int, int] = (7, 5)
    needs_documents: bool = True
    """False: it writes, with the passages in its prompt, and says its pieces without documents."""
    endless: bool = False
    """Say the last piece again and again until closed."""
    messages: list[list[BaseMessage]] = Field(default_factory=list)
    """What each call was given."""
    documents: list[list[Mapping[str, str]]] = Field(default_factory=list)
    said: list[str] = Field(default_factory=list)
    """Pieces handed out, of all calls."""
    closed: threading.Event = Field(default_factory=threading.Event)
    """Set when a stream was closed before its end."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        try:
            for piece in self._script(messages, kwargs):
                yield piece
                if self.endless:
                    await asyncio.sleep(0.001)
        except (GeneratorExit, asyncio.CancelledError):
            self.closed.set()
            raise

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        pieces = [piece.message for piece in self._script(messages, kwargs)]
        message = AIMessage(content="".join(piece.text for piece in pieces), response_metadata=pieces[-1].response_metadata)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _script(self, messages: list[BaseMessage], kwargs: Mapping[str, Any]) -> Iterator[ChatGenerationChunk]:
        self.messages.append(messages)
        self.documents.append(kwargs.get("documents") or [])
        has_documents = bool(self.documents[-1]) or not self.needs_documents
        for piece in self._pieces() if has_documents else ():
            if isinstance(piece, Exception):
                raise piece
            self.said.append(piece)
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
        reason = self.finish_reason if has_documents else "abstained"
        prompt, completion = self.usage
        yield ChatGenerationChunk(
            message=AIMessageChunk(
                content="",
                response_metadata={"finish_reason": reason, "model_name": "scripted-1"},
                usage_metadata={"input_tokens": prompt, "output_tokens": completion, "total_tokens": prompt + completion},
            )
        )

    def _pieces(self) -> Iterator[str | Exception]:
        yield from self.pieces
        while self.endless:
            yield self.pieces[-1]


class FakeRetriever:
    """Finds the passages it was given, whatever is asked, and remembers the questions."""

    def __init__(self, passages: Sequence[Passage], known: Sequence[str] = ("handbook",)) -> None:
        self.passages = list(passages)
        self.known = known
        self.calls: list[tuple[Query, Sequence[SearchForm], int]] = []

    def __call__(self, query: Query, forms: Sequence[SearchForm], k: int) -> list[Passage]:
        self.calls.append((query, forms, k))
        self.check(query.collections)
        return self.passages[:k]

    def recall(self, ids: Sequence[str], query: Query) -> dict[str, Passage]:
        return {found.chunk.id: found for found in self.passages if found.chunk.id in ids}

    def near(self, query: Query, passage: Passage, characters: int) -> list[Passage]:
        return [found for found in self.passages if found.chunk.document_id == passage.chunk.document_id]

    def check(self, names: Sequence[str]) -> None:
        for name in names:
            if name not in self.known:
                raise UnknownCollection(f"there is no collection {name!r}; there are: {', '.join(self.known)}")


class ScriptedApplication:
    """What the HTTP API needs of an `Application`, over a pipeline of doubles."""

    def __init__(self, engine: BaseChatModel | Engine, passages: Sequence[Passage] | None = None, writes: bool = False) -> None:
        self.engine: Any = engine
        self.writes = writes
        self.catalogue = self
        self.retrieve = FakeRetriever([KETTLE] if passages is None else passages)
        self.pipeline = scripted_pipeline(engine, retrieve=self.retrieve)
        self.reports: list[DocumentReport | Exception] = []
        self.sync_closed = threading.Event()

    def collections(self) -> dict[str, int]:
        return {"handbook": 1, "papers": 2}

    def answer(self, query: Query) -> AsyncGenerator[AnswerEvent]:
        return self.pipeline.answer(query)

    def tasks(self) -> list[TaskCard]:
        return self._tasks().cards()

    def run_task(self, name: str, inputs: Mapping[str, Any], sampling: Sampling | None = None) -> AsyncGenerator[TaskEvent]:
        return self._tasks().run(name, inputs, sampling)

    def _tasks(self) -> Tasks:
        """Those that need neither catalogue nor encoder."""
        prompts_ = prompts.load([shipped("prompts")])
        nothing: Any = None
        return Tasks(TaskParts(Engine(self.engine, writes=self.writes), prompts_, self.pipeline, nothing, nothing))

    async def search(self, query: Query, k: int) -> list[Passage]:
        return await self.pipeline.search(query, k)

    def sync(
        self,
        paths: Sequence[str],
        collection: str = "",
        dry_run: bool = False,
        pace: Pace | None = None,
        pages: bool = True,
        *,
        ray: str = "",
    ) -> Iterator[DocumentReport]:
        try:
            for report in self.reports:
                if isinstance(report, Exception):
                    raise report
                yield report
        finally:
            self.sync_closed.set()


def passage(text: str, rank: int = 1, *, dense: float = 1.0, start: int = 0, **changes: Any) -> Passage:
    """A passage of a document of its own unless `document_id` says otherwise."""
    document_id = changes.pop("document_id", f"document-{rank}")
    headings = changes.pop("heading_path", ())
    page = changes.pop("page", None)
    chunk = Chunk(
        id=f"chunk-{rank}",
        document_id=document_id,
        heading_path=headings,
        text=text,
        start=start,
        end=start + len(text),
        page=page,
    )
    fields: dict[str, Any] = {
        "collection": "handbook",
        "source": f"{rank}.md",
        "title": f"Title {rank}",
        "score": 1 / rank,
        "lexical": 1.0,
    }
    return Passage(chunk=chunk, dense=dense, rank=rank, **{**fields, **changes})


KETTLE = passage("The kettle holds four litres. It is blue.")


def scripted_pipeline(
    engine: BaseChatModel | Engine,
    passages: Sequence[Passage] | None = None,
    checks: Sequence[Check] = (),
    retrieve: Any = None,
    **settings: Any,
) -> Pipeline:
    """The real pipeline with a scripted engine over given passages."""
    configured = Settings(**settings)
    return Pipeline(
        Parts(
            settings=configured,
            retrieve=retrieve or FakeRetriever([KETTLE] if passages is None else passages),
            rerank=Reranker(None),
            judge=Judge(None),  # pyright: ignore[reportArgumentType]  passages that no reader has read need no encoder
            bounds=lambda _: Bounds(configured.abstention.max_error, configured.quoting.max_sentences),
            engine=engine if isinstance(engine, Engine) else Engine(engine, writes=False),
            prompts=prompts.load([shipped("prompts")]),
            searched=lambda: ("none", 1),
            checks=checks,
        )
    )


async def stream_of(items: Sequence[Any], on_close: Callable[[], None] = lambda: None) -> AsyncGenerator[Any]:
    """An async generator over `items` that says when it was closed or came to its end."""
    try:
        for item in items:
            yield item
    finally:
        on_close()


def scripted_server(application: Any, settings: Settings | None = None, progress: Progress | None = None) -> FastAPI:
    """The real ASGI application over a given application (None: still starting)."""
    state = ServerState(token=TOKEN)
    state.application = application
    state.progress = progress or Progress(ready=application is not None, phase="ready" if application else "starting")

    async def start(_stack: contextlib.AsyncExitStack) -> None:
        """Nothing to open."""

    return server.build(settings or Settings(), state, start)


@contextlib.contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve over real sockets from a thread; gives the URL."""
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", access_log=False))
    thread = threading.Thread(target=running.run)
    thread.start()
    deadline = time.monotonic() + 10
    while not running.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join(10)
