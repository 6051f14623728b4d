"""What a suite is handed: data, applications over it, and the user's own; and what it gives back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, TypeVar

from chatbot.evaluation.corpus import Corpora
from chatbot.evaluation.measurement import Measurement
from chatbot.evaluation.sets.folder import DataFolder
from chatbot.knowledge.sources.collections import Collection
from chatbot.sampling import Sampling
from chatbot.schema import AnswerEvent, Query
from chatbot.tasks.events import TaskCard, TaskEvent

T = TypeVar("T")


class Session(Protocol):
    """Answers from the user's own documents, and tasks, whichever process holds them."""

    def answer(self, query: Query) -> AsyncGenerator[AnswerEvent]: ...

    def tasks(self) -> list[TaskCard]: ...

    def run_task(self, name: str, inputs: Mapping[str, Any], sampling: Sampling | None = None) -> AsyncGenerator[TaskEvent]: ...


class Bench(NamedTuple):
    data: DataFolder
    corpora: Corpora
    session: Callable[[], AbstractContextManager[Session]]
    collections: Callable[[], Mapping[str, Collection]]
    """The user's own, by name."""
    limit: int | None = None
    """Questions asked of each set, the first ones; None asks all."""

    def some(self, questions: Mapping[str, T]) -> dict[str, T]:
        """The questions to ask, by id."""
        return dict(list(questions.items())[: self.limit])


class NotRun(NamedTuple):
    """A set that was not measured: no figure may look as if it had been."""

    suite: str
    set: str
    reason: str


Suite = Callable[[Bench], Iterator[Measurement | NotRun]]


def ask_all(ask: Callable[[str], Coroutine[Any, Any, T]], ids: Iterable[str]) -> dict[str, T]:
    """Ask one after the other, as one user does."""

    async def asked() -> dict[str, T]:
        return {id_: await ask(id_) for id_ in ids}

    return asyncio.run(asked())
