"""Makes the next generation while another serves, and exchanges the two. A search notices nothing but the time it takes."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.errors import IndexDamaged, IndexUnavailable
from chatbot.knowledge.indexes import compare, dense, leftovers, opening
from chatbot.knowledge.indexes.building import Builder, Stopped
from chatbot.knowledge.indexes.dense import DENSE, DenseHome, DenseIndex
from chatbot.knowledge.indexes.generation import Absent, Generation, Index
from chatbot.knowledge.indexes.lexical import LexicalIndex
from chatbot.knowledge.indexes.opening import LEXICAL
from chatbot.knowledge.indexes.serving import Serving
from chatbot.knowledge.store.catalogue import Catalogue

Lock = AbstractContextManager[Any]

Publish = Callable[[Mapping[str, str]], None]
"""Makes chunks live, and writes down what the catalogue notes of the generation that holds them, both or neither."""

_FEW = 1000
"""So many chunks are indexed in a second: for as long a sync may be kept waiting."""
_PUBLISHED_MEANWHILE = 10
"""A sync needs no index to publish a batch, which takes chunks out of the catalogue; so often in a row it does not."""


class Renewal:
    """One at a time. What a sync writes meanwhile goes to the generation that serves, and is carried over before the exchange."""

    def __init__(
        self, folder: Path, catalogue: Catalogue, encoder: BiEncoder, serving: Serving, lock: Lock, home: DenseHome
    ) -> None:
        """`lock` is held by whoever writes to the generation that serves."""
        self._folder = folder
        self._catalogue = catalogue
        self._encoder = encoder
        self._serving = serving
        self._home = home
        self._writing = lock
        self._number = serving.now.number
        self.stopping = threading.Event()
        self.has_words = threading.Event()
        """Set once words are searched, or cannot be."""
        self._builder = Builder(catalogue, self._go_on)
        self._building = threading.Lock()

    def adopt(self) -> str:
        """Serve the dense index that a killed process left behind, if it is sound; says why it is not.

        Raises:
            Stopped: the process is about to end.
        """
        known = self._catalogue.chunk_ids()
        place = self._serving.now.folder / DENSE
        if not dense.withstands(place):
            return "the dense index ends the process that opens it"
        try:
            with ExitStack() as stack:
                index = self._home.open(self._serving.now.folder)
                stack.callback(close, index)
                if missing := known & self._catalogue.chunk_ids() - index.ids():
                    return f"the dense index lacks {len(missing)} chunks"
                opening.prune(index, self._wanted(), self._catalogue)
                if said := self._builder.connected(index, self._wanted(), self._serving.now.encoder):
                    return said
                with self._writing:
                    now = self._serving.now
                    if isinstance(now.lexical, Absent):
                        return "the lexical index broke"
                    self._builder.dense(index, self._wanted(), now.encoder)
                    self._serving.replace(replace(now, dense=index, is_whole=True))
                    stack.pop_all()
        except IndexDamaged as error:
            return str(error)
        return ""

    def build(self) -> None:
        """Build the next generation and serve it; its lexical index serves first where there is none.

        Raises:
            IndexDamaged: an index could not be written, or what was built differs from the catalogue.
            DataDirectoryError: the catalogue cannot be read or written.
            Stopped: the process is about to end.
        """
        with self._next() as folder, ExitStack() as words, ExitStack() as meaning:
            lexical = LexicalIndex(folder / LEXICAL)
            words.callback(close, lexical)
            self._builder.lexical(lexical, self._wanted())
            if self._lend(lexical, folder):
                words.pop_all()
            self.has_words.set()
            index = self._home.open(folder)
            meaning.callback(close, index)
            self._exchange(Generation(self._number, folder, self._encoder, index, lexical, is_whole=True))
            meaning.pop_all()
            words.pop_all()

    def exchange(self, wanted: Collection[str], publish: Publish, check: Callable[[], None]) -> None:
        """Build the next generation of chunks that are not live yet, and serve it from the moment that `publish` makes them so.

        Nobody may write to the generation that serves. `check` is called between the steps, and stops by raising.

        Raises:
            IndexDamaged: an index could not be written, or what was built differs from the catalogue.
            DataDirectoryError: the catalogue cannot be read or written.
        """
        builder, wanted = Builder(self._catalogue, check), set(wanted)
        with self._next() as folder, ExitStack() as opened:
            lexical = LexicalIndex(folder / LEXICAL)
            opened.callback(close, lexical)
            builder.lexical(lexical, wanted)
            index = self._home.open(folder)
            opened.callback(close, index)
            builder.dense(index, wanted, self._encoder)
            made = Generation(self._number, folder, self._encoder, index, lexical, is_whole=True)
            if said := builder.connected(index, wanted, self._encoder, wanted) or compare.ids(made, wanted):
                raise IndexDamaged(said)
            with self._writing, self._serving.exchanging():
                publish(_noted(made, keeps_deleted=False))
                opened.pop_all()
                self._serving.replace(made)

    @contextlib.contextmanager
    def _next(self) -> Generator[Path]:
        """An empty folder for the next generation. When it is done, whatever does not serve is deleted."""
        with self._building:
            self._number += 1
            folder = self._folder / str(self._number)
            try:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                yield folder
            finally:
                sweep(self._folder, self._serving.folders, self._home)

    def _go_on(self) -> None:
        """
        Raises:
            Stopped: the process is about to end.
        """
        if self.stopping.is_set():
            raise Stopped

    def _lend(self, lexical: LexicalIndex, folder: Path) -> bool:
        """Let words be searched in it already, if they are in no other."""
        with self._writing:
            now = self._serving.now
            if not isinstance(now.lexical, Absent):
                return False
            self._builder.lexical(lexical, self._wanted())
            self._serving.replace(replace(now, folder=folder, lexical=lexical))
            return True

    def _exchange(self, made: Generation) -> None:
        """Fill it, check it, carry over what came meanwhile, and serve it."""
        while True:
            wanted = self._wanted()
            if len(wanted ^ made.dense.ids()) <= _FEW:
                break
            self._fill(made, wanted)
        self._fill(made, wanted)
        assert isinstance(made.dense, DenseIndex)
        if said := self._builder.connected(made.dense, wanted, made.encoder):
            raise IndexDamaged(said)
        with self._writing:
            for _ in range(_PUBLISHED_MEANWHILE):
                self._fill(made, self._wanted())
                said = compare.ids(made, self._wanted())
                if not said:
                    break
            else:
                raise IndexDamaged(said)
            self._catalogue.set_meta(**_noted(made, made.dense.keeps_deleted or made.lexical.keeps_deleted))
            self._serving.replace(made)

    def _fill(self, made: Generation, wanted: set[str]) -> None:
        self._builder.lexical(made.lexical, wanted)
        self._builder.dense(made.dense, wanted, made.encoder)

    def _wanted(self) -> set[str]:
        """Chunks that are live, and those that a sync has indexed and is about to make live."""
        live = self._catalogue.chunk_ids()
        with self._serving.reading() as now:
            others = held(now) - live
        return live | {row.id for rows in self._catalogue.rows_of_chunks(others) for row in rows}


def _noted(made: Generation, keeps_deleted: bool) -> dict[str, str]:
    return {"generation": str(made.number), "fingerprint": made.fingerprint, **leftovers.noted(keeps_deleted)}


def held(generation: Generation) -> set[str]:
    """What either index says that it holds; a damaged one may not say."""
    found: set[str] = set()
    for index in (generation.dense, generation.lexical):
        with contextlib.suppress(IndexDamaged):
            found |= index.ids()
    return found


def sweep(folder: Path, kept: Collection[Path], home: DenseHome) -> None:
    """Delete the files of every generation but some; a process killed while it built one has left them."""
    for each in folder.iterdir():
        if each not in kept:
            shutil.rmtree(each, ignore_errors=True)
    with contextlib.suppress(IndexUnavailable):  # the next one will
        home.sweep(kept)


def close(index: Index) -> None:
    """Close an index that will not serve."""
    with contextlib.suppress(IndexDamaged):
        index.close()
