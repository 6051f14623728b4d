"""The documents of a data directory: who owns it, its catalogue, and encoder and indexes once somebody needs them.

A sync that finds nothing new, and a list of the documents, need neither; opening them takes seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self, get_args

from pydantic import SecretStr

from chatbot.encoders import card
from chatbot.errors import SettingsError, UnknownCollection
from chatbot.knowledge.fetching import urls
from chatbot.knowledge.fetching.fetcher import Fetcher
from chatbot.knowledge.indexes import leftovers
from chatbot.knowledge.reading.sandbox import Sandbox
from chatbot.knowledge.reading.splitter import Splitter
from chatbot.knowledge.sources import collections
from chatbot.knowledge.sources.collections import Collection
from chatbot.knowledge.sources.roots import knowledge_folders
from chatbot.knowledge.sources.sources import Sources
from chatbot.knowledge.sources.uploads import Uploads
from chatbot.knowledge.sources.web import Web
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.store.ownership import Ownership
from chatbot.knowledge.store.tables import Source
from chatbot.knowledge.syncing import resplit
from chatbot.knowledge.syncing.pace import Pace
from chatbot.knowledge.syncing.plan import Task, plan
from chatbot.knowledge.syncing.sync import Outcome, Read, Synchronizer
from chatbot.reports import DocumentReport, StoredDocument, StoredState, Verified
from chatbot.settings import Settings

if TYPE_CHECKING:
    from chatbot.encoders.bi_encoder import BiEncoder
    from chatbot.knowledge.indexes.dense import DenseHome
    from chatbot.knowledge.indexes.generations import Indexes

_BUILT_IN_READ = "built_in_read"
"""A note in the catalogue. That documents are there says nothing: a first sync may have been killed, or have been of a path."""

_STOPPING_S = 10
"""Stores that are closed under a sync lose nothing, but its last words would be errors."""


class Corpus:
    """Owns the data directory while it is open."""

    def __init__(self, settings: Settings, command: str) -> None:
        """
        Raises:
            UserError: settings or the data directory are not usable.
        """
        self.settings = settings
        self._own = settings.data_dir.resolve()
        self.collections: dict[str, Collection] = self._discovered()
        with ExitStack() as stack:
            self.ownership = Ownership(settings.data_dir, command, wait_s=1)
            stack.callback(self.ownership.release)
            self.catalogue = Catalogue(settings.database or settings.data_dir / "catalogue.sqlite")
            stack.callback(self.catalogue.close)
            self._encoder: BiEncoder | None = None
            self._indexes: Indexes | None = None
            self.uploads = Uploads(settings.data_dir / "uploads")
            self.uploads.sweep()
            self._fetcher = Fetcher(settings.fetch)
            self._syncing = threading.Lock()
            self._opening = threading.RLock()
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every store and give up the data directory; a sync that was stopped may come to its end first."""
        self._syncing.acquire(timeout=_STOPPING_S)
        self._stack.close()

    @property
    def encoder(self) -> BiEncoder:
        """
        Raises:
            WeightsMissing: see `bi_encoder.load`.
        """
        with self._opening:
            if self._encoder is None:
                from chatbot.encoders import bi_encoder  # OpenVINO takes a second

                settings = self.settings
                self._encoder = bi_encoder.load(settings.encoder.model, settings.data_dir / "models", settings.encoder.threads)
            return self._encoder

    @property
    def indexes(self) -> Indexes:
        """
        Raises:
            IndexDamaged: the indexes could not be rebuilt.
        """
        with self._opening:
            if self._indexes is None:
                from chatbot.knowledge.indexes.generations import Indexes  # Chroma takes a second

                folder, home = self.settings.data_dir / "indexes", self._dense_home()
                self._indexes = Indexes(folder, self.catalogue, self.encoder, self._other_encoder, home)
                self._stack.callback(self._indexes.close)
            return self._indexes

    def _other_encoder(self, fingerprint: str) -> BiEncoder | None:
        from chatbot.encoders import bi_encoder

        return bi_encoder.find(fingerprint, self.settings.data_dir / "models", self.settings.encoder.threads)

    @property
    def splitter(self) -> Splitter:
        chunks, place = self.settings.chunks, card.place(self.settings.encoder.model, self.settings.data_dir / "models")
        # what the encoder would say of itself, if it was compiled already
        known = place.described() or self.encoder.card
        return Splitter(place.folder / card.TOKENIZER, chunks.min_tokens, chunks.max_tokens, known.max_tokens)

    def is_empty(self) -> bool:
        """True while no document can be asked about."""
        return not self.catalogue.collections()

    def has_read_built_in(self) -> bool:
        """True once a sync has read the built-in knowledge to its end."""
        return bool(self.catalogue.meta(_BUILT_IN_READ))

    def stored(self, states: Sequence[StoredState], collection: str = "") -> list[StoredDocument]:
        """Every version in one of some states, or of all, with the reason where there is one, by collection and path.

        Raises:
            UnknownCollection: there is no document in it, in whatever state.
        """
        found = self.catalogue.in_state(*get_args(StoredState))
        if collection and collection not in (known := {each.collection for each in found}):
            raise UnknownCollection.among(collection, known)
        return [each for each in found if each.state in (states or get_args(StoredState)) and collection in ("", each.collection)]

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
        """Register `paths` and sync them alone, or without any sync every source; yields a report a document.

        `collection` is where the paths belong, and a path that belongs elsewhere moves there; by default a path stays where it
        is, and a new one goes to `documents`. A dry run registers and changes nothing. Another thread may look at `pace`.
        `ray` is the address of a cluster that reads and encodes the files, or `local` for one of this machine.
        `pages=False` leaves the web alone where all sources are meant: a start must not wait for it, nor a saved file ask for it.

        Raises:
            SettingsError: a path does not exist.
            SyncStopped: by way of `pace`.
            DataDirectoryError: the catalogue cannot be written.
            IndexDamaged: an index cannot be written.
        """
        with self._syncing, Sandbox() as sandbox:
            if not paths:
                self.collections = self._discovered()
            sources, synchronizer = self._sources(), self._synchronizer(sandbox.read, pace, ray)
            (resplit.preview if dry_run else resplit.resplit)(self, pace or Pace())
            planned = plan(self._wanted(sources, paths, collection, dry_run, pages), self.catalogue, sources.list)
            yield from synchronizer.preview(planned) if dry_run else synchronizer.run(planned)
            if not paths and not dry_run:
                sources.forget_empty()
                if not self.has_read_built_in():
                    self.catalogue.set_meta(**{_BUILT_IN_READ: "yes"})
            if not dry_run:
                self._forget()

    def remove(self, paths: Sequence[str], pace: Pace | None = None) -> Iterator[DocumentReport]:
        """Remove registered paths with their documents, whether or not their files are still there.

        Raises:
            SettingsError: a path is not registered.
            DataDirectoryError: the catalogue cannot be written.
            IndexDamaged: an index cannot be written.
        """
        with self._syncing:
            yield from Synchronizer(self, pace=pace).forget(self._sources().registered(paths))
            self._forget()

    def verify(self, repair: bool = False) -> Iterator[Verified]:
        """Compare all that is stored with each other, and with `repair` build the indexes anew where they are wrong.

        Raises:
            DataDirectoryError: the catalogue cannot be read.
        """
        from chatbot.knowledge.indexes import verify  # Chroma takes a second

        with self._syncing:
            yield from verify.verify(self.catalogue, self.indexes, self.splitter.recipe, repair)

    def places(self) -> list[str]:
        """Where the registered folders and files lie, and the knowledge folders: what may change."""
        return [*map(str, knowledge_folders(self.settings)), *self._sources().paths()]

    def _forget(self) -> None:
        """Let the index files be made anew without what was removed, now or when it is time."""
        left_s = leftovers.left_s(self.catalogue)
        if left_s is not None and (left_s <= 0 or self._indexes):
            self.indexes.leftovers.settle()

    def settle(self, say: Callable[[str], None]) -> None:
        """Before a command ends: wait until what was removed is out of the index files, or say when it will be."""
        if not self._indexes:
            return
        if self._indexes.is_forgetting:
            say("taking what was removed out of the index files; Ctrl+C leaves it to the next command")
            self._indexes.wait()
        elif kept := leftovers.said(self.catalogue):
            say(f"note: {kept}")

    def _synchronizer(self, read: Read, pace: Pace | None, ray: str) -> Synchronizer:
        if not ray:
            return Synchronizer(self, read, pace)
        if not self.settings.database:
            raise SettingsError(
                "a sync on a cluster needs a catalogue that all machines can write; set CHATBOT_DATABASE to a PostgreSQL database"
            )
        from chatbot.knowledge.syncing import cluster, distributed  # with Ray, which is an extra and takes seconds
        from chatbot.knowledge.syncing.worker import Errand

        def process(tasks: Sequence[Task], token: str) -> Iterator[tuple[Task, Outcome]]:
            errand = Errand(
                database=SecretStr(self.settings.database),
                token=SecretStr(token),
                models=(self.settings.data_dir / "models").absolute(),
                encoder=self.settings.encoder,
                fingerprint=self.encoder.card.fingerprint,
                chunks=self.settings.chunks,
                recipe=self.splitter.recipe,
            )
            return cluster.process(ray, tasks, errand)

        return distributed.DistributedSynchronizer(self, read, pace, process)

    def _dense_home(self) -> DenseHome:
        from chatbot.knowledge.indexes.chroma_server import ChromaServer
        from chatbot.knowledge.indexes.dense import Embedded, ServedDense

        if not self.settings.chroma.url:
            return Embedded()
        return ServedDense(ChromaServer(self.settings.chroma, self.catalogue))

    def _sources(self) -> Sources:
        return Sources(self.catalogue, self.collections, [Web(self._fetcher)], but_not=self._own)

    def _discovered(self) -> dict[str, Collection]:
        return collections.discover(knowledge_folders(self.settings), but_not=self._own)

    def _wanted(self, sources: Sources, paths: Sequence[str], collection: str, dry_run: bool, pages: bool) -> list[Source]:
        # all are looked at before one is registered: a misspelt path changes nothing
        found = [sources.find(path, collection) for path in paths]
        if not paths and not dry_run:
            sources.register_built_in()
        if not paths:
            every = sources.find_all()
            return [source for source in every if pages or not urls.looks_like_one(source.location)]
        return found if dry_run else [sources.register(path, collection) for path in paths]
