"""Builds the application from settings: the one place where every part is named and joined."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from chatbot import prompts, registry
from chatbot.encoders import bi_encoder
from chatbot.engines.parts import EngineParts
from chatbot.flow.pipeline import Parts, Pipeline
from chatbot.flow.retrieve import Retriever
from chatbot.knowledge import collections
from chatbot.knowledge.catalogue import Catalogue
from chatbot.knowledge.collections import Collection
from chatbot.knowledge.generations import Indexes
from chatbot.knowledge.ownership import Owner, Ownership
from chatbot.knowledge.splitter import Splitter
from chatbot.knowledge.sync import DocumentReport, Synchronizer
from chatbot.schema import AnswerEvent, Passage, Query
from chatbot.settings import Settings

_HERE = Path(__file__).parent


class Application:
    """Owns the data directory while it is open. Its methods are what a front end may do; `RemoteApplication` has them too."""

    def __init__(self, settings: Settings, command: str) -> None:
        """
        Raises:
            UserError: settings, prompts, weights or the data directory are not usable.
            IndexDamaged: the indexes could not be rebuilt.
        """
        self.settings = settings
        self.collections: dict[str, Collection] = collections.discover(knowledge_folders(settings))
        self.prompts = prompts.load([shipped("prompts"), Path("prompts")])
        with ExitStack() as stack:
            self.ownership = Ownership(settings.data_dir, command, wait_s=1)
            stack.callback(self.ownership.release)
            self.encoder = bi_encoder.load(settings.encoder.model, settings.data_dir / "models", settings.encoder.threads)
            self.catalogue = Catalogue(settings.data_dir / "catalogue.sqlite")
            stack.callback(self.catalogue.close)
            self.indexes = Indexes(settings.data_dir / "indexes", self.catalogue, self.encoder)
            stack.callback(self.indexes.close)
            self.pipeline = Pipeline(self._parts())
            self._synchronizer = self._build_synchronizer()
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
        """True before the first sync."""
        return not self.catalogue.collections()

    def answer(self, query: Query) -> AsyncGenerator[AnswerEvent]:
        """See `Pipeline.answer`."""
        return self.pipeline.answer(query)

    async def search(self, query: Query, k: int) -> list[Passage]:
        """See `Pipeline.search`."""
        return await self.pipeline.search(query, k)

    def sync(self, paths: Sequence[str], collection: str = "", dry_run: bool = False) -> Iterator[DocumentReport]:
        """Register `paths` and sync them, or without any sync every source; yields a report a document.

        Raises:
            SettingsError: a path does not exist.
        """
        for _, report in self.sync_with_total(paths, collection, dry_run):
            yield report

    def sync_with_total(
        self, paths: Sequence[str], collection: str = "", dry_run: bool = False
    ) -> Iterator[tuple[int, DocumentReport]]:
        """As `sync`, each report with the number of documents there are to come in all."""
        with self._syncing:
            registered = [self._synchronizer.register(Path(path), collection or collections.LOOSE) for path in paths]
            if not registered:
                self._synchronizer.register_built_in()
            tasks = self._synchronizer.plan(registered or self.catalogue.sources())
            reports = self._synchronizer.preview(tasks) if dry_run else self._synchronizer.run(tasks)
            for report in reports:
                yield len(tasks), report

    def _parts(self) -> Parts:
        build = registry.load("chatbot.engines", self.settings.engine)
        return Parts(
            settings=self.settings,
            retrieve=Retriever(self.encoder, self.catalogue, self.indexes, self.settings.retrieval),
            engine=build(EngineParts(self.encoder, self.prompts)),
            prompts=self.prompts,
            encoder_fingerprint=self.encoder.card.fingerprint,
            generation=self.indexes.generation,
        )

    def _build_synchronizer(self) -> Synchronizer:
        chunks = self.settings.chunks
        splitter = Splitter(self.encoder.tokenizer_file, chunks.min_tokens, chunks.max_tokens, self.encoder.card.max_tokens)
        return Synchronizer(self.catalogue, self.indexes, splitter, self.collections)


@contextmanager
def open_application(settings: Settings, command: str = "python") -> Generator[Application]:
    """Open the application in this process; on first use the built-in knowledge is read, which takes half a minute.

    Raises:
        ChatbotError: see `Application`.
    """
    with Application(settings, command) as application:
        if application.is_empty():
            for _ in application.sync(()):
                pass
        yield application


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
