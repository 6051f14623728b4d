"""The web chat over doubles, served for tests that look at it from outside."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from fakes import TOKEN, scripted_pipeline, serving
from langchain_core.language_models import BaseChatModel

from chatbot import prompts
from chatbot.apps import server
from chatbot.apps.page import load_page
from chatbot.apps.state import Progress, ServerState
from chatbot.bootstrap import shipped
from chatbot.engines.parts import Engine
from chatbot.flow.pipeline import Pipeline
from chatbot.knowledge.sources.collections import Collection
from chatbot.schema import AnswerEvent, Query
from chatbot.settings import Settings
from chatbot.tasks.events import TaskCard, TaskEvent
from chatbot.tasks.tasks import Tasks
from chatbot.tasks.work import TaskParts

PATIENCE_S = 60


class PageApplication:
    """What the web chat needs of an `Application`."""

    def __init__(
        self,
        engine: BaseChatModel,
        questions: Path | None = None,
        held: Mapping[str, int] | None = None,
        pipeline: Pipeline | None = None,
        writes: bool = False,
    ) -> None:
        self.settings = Settings()
        self.collections = {"handbook": Collection(name="handbook", title="The <i>handbook</i>", files={}, questions=questions)}
        self.held = {"handbook": 1} if held is None else held
        self.catalogue = SimpleNamespace(collections=lambda: self.held)
        self.queries: list[Query] = []
        self.run_tasks: list[tuple[str, dict[str, Any]]] = []
        self._pipeline = pipeline or scripted_pipeline(engine)
        nothing: Any = None
        self.engine = Engine(engine, writes=writes)
        parts = TaskParts(self.engine, prompts.load([shipped("prompts")]), self._pipeline, nothing, nothing)
        self._tasks = Tasks(parts)

    def is_empty(self) -> bool:
        return not self.held

    def tasks(self) -> list[TaskCard]:
        return self._tasks.cards()

    def run_task(self, name: str, inputs: Mapping[str, Any]) -> AsyncGenerator[TaskEvent]:
        self.run_tasks.append((name, dict(inputs)))
        return self._tasks.run(name, inputs)

    def documents(self) -> list[str]:
        return [f"{name}/page.md" for name in self.held]

    def answer(self, query: Query) -> AsyncGenerator[AnswerEvent]:
        self.queries.append(query)
        return self._pipeline.answer(query)


@contextlib.contextmanager
def serving_page(application: PageApplication) -> Iterator[str]:
    """Serve the web chat over real sockets; gives the URL once the page is there."""
    state = ServerState(token=TOKEN)

    async def start(stack: AsyncExitStack) -> None:
        app.state.page.attach(await load_page(application, stack))
        state.progress = Progress(ready=True, phase="ready", page=True)

    app = server.build(Settings(), state, start)
    with serving(app) as url:
        wait_for_page(url)
        yield url


def wait_for_page(url: str, patience_s: float = PATIENCE_S) -> None:
    """Return once the web chat stands at `url`."""
    deadline = time.monotonic() + patience_s
    while not httpx.get(f"{url}/readyz").json()["page"]:
        assert time.monotonic() < deadline, "the page did not come"
        time.sleep(0.1)
