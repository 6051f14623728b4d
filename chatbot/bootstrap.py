"""Builds the application from settings: the one place where every part is named and joined."""

from __future__ import annotations

import gc
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from pydantic import SecretStr

from chatbot import prompts, registry
from chatbot.encoders import bi_encoder
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.engines.parts import EngineParts, as_engine
from chatbot.errors import SettingsError
from chatbot.flow.pipeline import Parts, Pipeline
from chatbot.flow.retrieve import Retriever
from chatbot.knowledge import collections, reader
from chatbot.knowledge.catalogue import Catalogue
from chatbot.knowledge.chroma_server import ChromaServer
from chatbot.knowledge.collections import Collection
from chatbot.knowledge.dense import DenseHome, Embedded, ServedDense
from chatbot.knowledge.generations import Indexes
from chatbot.knowledge.ownership import Owner, Ownership
from chatbot.knowledge.plan import Task, plan
from chatbot.knowledge.sandbox import Sandbox
from chatbot.knowledge.sources import Sources
from chatbot.knowledge.splitter import Splitter
from chatbot.knowledge.sync import Outcome, Read, Synchronizer
from chatbot.knowledge.tables import Source
from chatbot.sampling import Sampling
from chatbot.schema import AnswerEvent, DocumentReport, Passage, Query
from chatbot.settings import Settings
from chatbot.tasks.events import TaskCard, TaskEvent
from chatbot.tasks.tasks import Tasks
from chatbot.tasks.work import TaskParts

_HERE = Path(__file__).parent

_BUILT_IN_READ = "built_in_read"
"""A note in the catalogue. That documents are there says nothing: a first sync may have been killed, or have been of a path."""


class Application:
    """Owns the data directory while it is open. Its methods are what a front end may do; `RemoteApplication` has them too."""

    def __init__(self, settings: Settings, command: str) -> None:
        """
        Raises:
            UserError: settings, prompts, weights or the data directory are not usable.
        """
        self.settings = settings
        self.collections: dict[str, Collection] = collections.discover(knowledge_folders(settings))
        self.prompts = prompts.load([shipped("prompts"), Path("prompts")])
        with ExitStack() as stack:
            self.ownership = Ownership(settings.data_dir, command, wait_s=1)
            stack.callback(self.ownership.release)
            self.encoder = bi_encoder.load(settings.encoder.model, settings.data_dir / "models", settings.encoder.threads)
            self.catalogue = Catalogue(settings.database or settings.data_dir / "catalogue.sqlite")
            stack.callback(self.catalogue.close)
            self.indexes = Indexes(
                settings.data_dir / "indexes", self.catalogue, self.encoder, self._other_encoder, self._dense_home()
            )
            stack.callback(self.indexes.close)
            build = registry.load("chatbot.engines", settings.engine)
            self.engine = as_engine(build(EngineParts(self.encoder, self.prompts, settings)))
            self.pipeline = Pipeline(self._parts())
            self._tasks = Tasks(TaskParts(self.engine, self.prompts, self.pipeline, self.catalogue, self.encoder))
            chunks, encoder = settings.chunks, self.encoder
            self._splitter = Splitter(encoder.tokenizer_file, chunks.min_tokens, chunks.max_tokens, encoder.card.max_tokens)
            self._syncing = threading.Lock()
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
        self.ownership.announce(owner)

    def is_empty(self) -> bool:
        """True while no document can be asked about."""
        return not self.catalogue.collections()

    def has_read_built_in(self) -> bool:
        """True once a sync has read the built-in knowledge to its end."""
        return bool(self.catalogue.meta(_BUILT_IN_READ))

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

    def sync(self, paths: Sequence[str], collection: str = "", dry_run: bool = False, ray: str = "") -> Iterator[DocumentReport]:
        """Register `paths` and sync them alone, or without any sync every source; yields a report a document.

        `collection` is where the paths belong, and a path that belongs elsewhere moves there; by default a path stays where it
        is, and a new one goes to `documents`. A dry run registers and changes nothing. `ray` is the address of a cluster that
        reads and encodes the files, or `local` for one of this machine.

        Raises:
            SettingsError: a path does not exist.
            DataDirectoryError: the catalogue cannot be written.
        """
        for _, report in self.sync_with_total(paths, collection, dry_run, ray):
            yield report

    def sync_with_total(
        self, paths: Sequence[str], collection: str = "", dry_run: bool = False, ray: str = ""
    ) -> Iterator[tuple[int, DocumentReport]]:
        """As `sync`, each report with the number of documents there are to come in all."""
        with self._syncing, Sandbox() as sandbox:
            if not paths:
                self.collections = collections.discover(knowledge_folders(self.settings))
            sources, synchronizer = self._sources(), self._synchronizer(sandbox.read, ray)
            planned = plan(self._wanted(sources, paths, collection, dry_run), self.catalogue, sources.list)
            reports = synchronizer.preview(planned) if dry_run else synchronizer.run(planned)
            for report in reports:
                yield len(planned.tasks), report
            if not paths and not dry_run:
                sources.forget_empty()
                self.catalogue.set_meta(**{_BUILT_IN_READ: "yes"})

    def remove(self, paths: Sequence[str]) -> Iterator[DocumentReport]:
        """Remove registered paths with their documents, whether or not their files are still there.

        Raises:
            SettingsError: a path is not registered.
            DataDirectoryError: the catalogue cannot be written.
        """
        with self._syncing:
            yield from self._synchronizer().forget(self._sources().registered(paths))

    def _sources(self) -> Sources:
        return Sources(self.catalogue, self.collections)

    def _wanted(self, sources: Sources, paths: Sequence[str], collection: str, dry_run: bool) -> list[Source]:
        # all are looked at before one is registered: a misspelt path changes nothing
        found = [sources.find(path, collection) for path in paths]
        if dry_run:
            return found or sources.find_all()
        if not paths:
            sources.register_built_in()
        return [sources.register(path, collection) for path in paths] or self.catalogue.sources()

    def _parts(self) -> Parts:
        return Parts(
            settings=self.settings,
            retrieve=Retriever(self.catalogue, self.indexes, self.settings.retrieval),
            engine=self.engine,
            prompts=self.prompts,
            searched=lambda: (self.indexes.fingerprint, self.indexes.generation),
        )

    def _synchronizer(self, read: Read = reader.read, ray: str = "") -> Synchronizer:
        if not ray:
            return Synchronizer(self.catalogue, self.indexes, self._splitter, read)
        if not self.settings.database:
            raise SettingsError(
                "a sync on a cluster needs a catalogue that all machines can write; set CHATBOT_DATABASE to a PostgreSQL database"
            )
        from chatbot.knowledge import cluster, distributed  # with Ray, which is an extra and takes seconds
        from chatbot.knowledge.worker import Errand

        def process(tasks: Sequence[Task], token: str) -> Iterator[tuple[Task, Outcome]]:
            errand = Errand(
                database=SecretStr(self.settings.database),
                token=SecretStr(token),
                models=(self.settings.data_dir / "models").absolute(),
                encoder=self.settings.encoder,
                fingerprint=self.encoder.card.fingerprint,
                chunks=self.settings.chunks,
                recipe=self._splitter.recipe,
            )
            return cluster.process(ray, tasks, errand)

        return distributed.DistributedSynchronizer(self.catalogue, self.indexes, self._splitter, read, process)

    def _dense_home(self) -> DenseHome:
        if not self.settings.chroma.url:
            return Embedded()
        return ServedDense(ChromaServer(self.settings.chroma, self.catalogue))

    def _other_encoder(self, fingerprint: str) -> BiEncoder | None:
        return bi_encoder.find(fingerprint, self.settings.data_dir / "models", self.settings.encoder.threads)


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


def knowledge_folders(settings: Settings) -> list[Path]:
    """Folders of collections, a later one laid over an earlier one."""
    if settings.knowledge is not None:
        return [settings.knowledge.expanduser().resolve()]
    folders = [shipped("knowledge"), Path("knowledge").resolve()]
    return list(dict.fromkeys(folders))


def shipped(name: str) -> Path:
    """A data folder as the wheel carries it, or as it lies in a source checkout."""
    inside = _HERE / "shipped" / name
    return inside if inside.is_dir() else _HERE.parent / name
