"""Builds the application from settings: the one place where every part is named and joined."""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from chatbot import prompts, registry
from chatbot.encoders import cross_encoder
from chatbot.encoders.cross_encoder import CrossEncoder
from chatbot.engines.parts import EngineParts, as_engine
from chatbot.errors import WeightsMissing
from chatbot.flow.cache import AnswerCache
from chatbot.flow.confidence import Judge
from chatbot.flow.pipeline import Bounds, Parts, Pipeline
from chatbot.flow.rerank import Reranker
from chatbot.flow.retrieve import Retriever
from chatbot.knowledge.corpus import Corpus
from chatbot.knowledge.sources.collections import Collection
from chatbot.knowledge.sources.roots import shipped
from chatbot.knowledge.sources.uploads import Uploads
from chatbot.knowledge.store.ownership import Owner
from chatbot.knowledge.syncing.pace import Pace
from chatbot.reports import DocumentReport, StoredDocument, StoredState, Verified
from chatbot.sampling import Sampling
from chatbot.schema import AnswerEvent, Passage, Query
from chatbot.settings import Settings
from chatbot.tasks.events import TaskCard, TaskEvent
from chatbot.tasks.tasks import Tasks
from chatbot.tasks.work import TaskParts

_log = logging.getLogger(__name__)


class Application:
    """Owns the data directory while it is open. Its methods are what a front end may do; `RemoteApplication` has them too."""

    def __init__(self, settings: Settings, command: str) -> None:
        """
        Raises:
            UserError: settings, prompts, weights or the data directory are not usable.
        """
        self.settings = settings
        self.prompts = prompts.load([shipped("prompts"), Path("prompts")])
        with ExitStack() as stack:
            self.corpus = stack.enter_context(Corpus(settings, command))
            self.encoder, self.catalogue, self.indexes = self.corpus.encoder, self.corpus.catalogue, self.corpus.indexes
            build = registry.load("chatbot.engines", settings.engine)
            self.reader = self._load_reader()
            self.engine = as_engine(build(EngineParts(self.encoder, self.prompts, settings, self.reader)))
            self.pipeline = Pipeline(self._parts())
            self._tasks = Tasks(TaskParts(self.engine, self.prompts, self.pipeline, self.catalogue, self.encoder))
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every store and give up the data directory."""
        self._stack.close()

    def announce(self, owner: Owner) -> None:
        """Tell other processes how to reach this one."""
        self.corpus.ownership.announce(owner)

    def is_empty(self) -> bool:
        """True while no document can be asked about."""
        return self.corpus.is_empty()

    def has_read_built_in(self) -> bool:
        """True once a sync has read the built-in knowledge to its end."""
        return self.corpus.has_read_built_in()

    def answer(self, query: Query) -> AsyncGenerator[AnswerEvent]:
        """See `Pipeline.answer`."""
        return self.pipeline.answer(query)

    async def search(self, query: Query, k: int) -> list[Passage]:
        """See `Pipeline.search`."""
        return await self.pipeline.search(query, k)

    def tasks(self) -> list[TaskCard]:
        """See `Tasks.cards`."""
        return self._tasks.cards()

    def run_task(self, name: str, inputs: Mapping[str, Any], sampling: Sampling | None = None) -> AsyncGenerator[TaskEvent]:
        """See `Tasks.run`."""
        return self._tasks.run(name, inputs, sampling)

    def documents(self) -> list[str]:
        """See `Tasks.documents`."""
        return self._tasks.documents()

    @property
    def collections(self) -> Mapping[str, Collection]:
        """What the knowledge folders hold, as of the last sync of everything."""
        return self.corpus.collections

    @property
    def uploads(self) -> Uploads:
        """Files that people sent."""
        return self.corpus.uploads

    def stored(self, states: Sequence[StoredState], collection: str = "") -> list[StoredDocument]:
        """See `Corpus.stored`."""
        return self.corpus.stored(states, collection)

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
        """See `Corpus.sync`."""
        return self.corpus.sync(paths, collection, dry_run, pace, pages, ray=ray)

    def remove(self, paths: Sequence[str], pace: Pace | None = None) -> Iterator[DocumentReport]:
        """See `Corpus.remove`."""
        return self.corpus.remove(paths, pace)

    def verify(self, repair: bool = False) -> Iterator[Verified]:
        """See `Corpus.verify`."""
        return self.corpus.verify(repair)

    def _load_reader(self) -> CrossEncoder | None:
        """The reader, where it is wanted and the weights under it are here: it is better answers, and no condition for any."""
        if not self.settings.retrieval.rerank:
            return None
        try:
            return cross_encoder.load(self.settings.data_dir / "models")
        except WeightsMissing as error:
            _log.warning("passages are not read together with the question: %s", error)
            return None

    def _bounds(self, collection: str) -> Bounds:
        """The settings, but for what the collection says itself."""
        bounds = Bounds(self.settings.abstention.max_error, self.settings.quoting.max_sentences)
        if (known := self.collections.get(collection)) is None:
            return bounds
        return Bounds(
            bounds.max_error if known.max_error is None else known.max_error, known.max_sentences or bounds.max_sentences
        )

    def _has_a_say(self, collection: str) -> bool:
        return collection not in self.collections or self.collections[collection].rerank

    def _parts(self) -> Parts:
        return Parts(
            settings=self.settings,
            retrieve=Retriever(self.catalogue, self.indexes, self.settings.retrieval),
            rerank=Reranker(self.reader, has_a_say=self._has_a_say),
            judge=Judge(self.encoder),
            bounds=self._bounds,
            engine=self.engine,
            prompts=self.prompts,
            searched=lambda: (self.indexes.fingerprint, self.indexes.generation),
            cache=AnswerCache(
                self.settings.cache, lambda: (self.catalogue.state(), self.indexes.state), self.encoder.encode_query
            ),
        )


@contextmanager
def open_application(
    settings: Settings,
    command: str = "python",
    read_built_in: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Generator[Application]:
    """Open the application in this process; until it was read once, the built-in knowledge is, which takes half a minute.

    `read_built_in=False` leaves that to the caller's own sync. `say` is told of the wait.

    Raises:
        ChatbotError: see `Application`.
    """
    with Application(settings, command) as application:
        if read_built_in and not application.has_read_built_in():
            say("reading the built-in documents, half a minute")
            for _ in application.sync(()):
                pass
        yield application
        if application.indexes.trouble:
            say(f"{application.indexes.trouble}: building the indexes anew; Ctrl+C leaves it to the next command")
            application.indexes.wait()


def freeze() -> None:
    """Keep the garbage collector from looking through all that was loaded, in a process that serves until its end.

    A full round over the libraries, the page and the indexes takes a tenth of a second, in which no stream goes on.
    """
    gc.collect()
    gc.freeze()
