"""Which generation answers now. It is exchanged between two searches; the old one is closed when its last search has ended."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path

from chatbot.errors import IndexDamaged
from chatbot.knowledge.indexes.generation import Generation, Index


class Serving:
    """Holds the generation, and counts who reads it: a microsecond a search."""

    def __init__(self, generation: Generation) -> None:
        self._lock = threading.Condition()
        self._now = generation
        self._readers = {generation: 0}
        self._is_exchanging = False
        self.exchanges = 0
        """How often the chunks themselves were exchanged; see `exchanging`."""

    @property
    def now(self) -> Generation:
        """To write to, or to look at; to search it see `reading`."""
        return self._now

    @property
    def folders(self) -> set[Path]:
        """Of the generations that are searched: of this one, and of those whose last search has not ended."""
        with self._lock:
            return {each.folder for each in self._readers}

    @contextmanager
    def reading(self) -> Generator[Generation]:
        """The generation that answers; it stays open for as long as the context lasts."""
        with self._lock:
            self._lock.wait_for(lambda: not self._is_exchanging)
            generation = self._now
            self._readers[generation] += 1
        try:
            yield generation
        finally:
            with self._lock:
                self._readers[generation] -= 1
                left = self._left() if generation is not self._now else []
            self._end(left)

    @contextmanager
    def exchanging(self) -> Generator[None]:
        """Within it other chunks become live and another generation is put here: no search begins between the two.

        A search that had begun before may look for its chunks in vain. It is made again where `exchanges` has changed meanwhile.
        """
        with self._lock:
            self._is_exchanging = True
            self.exchanges += 1
        try:
            yield
        finally:
            with self._lock:
                self._is_exchanging = False
                self._lock.notify_all()

    def replace(self, generation: Generation) -> None:
        """Let the next search find another generation. Indexes that it shares with the old one stay open."""
        with self._lock:
            self._now = generation
            self._readers.setdefault(generation, 0)
            left = self._left()
        self._end(left)

    def close(self) -> None:
        """Close the indexes; their files stay.

        Raises:
            IndexDamaged: one of them could not finish what it was writing.
        """
        for generation in self._readers:
            if generation is not self._now:  # a search that never ended kept it
                _close([generation.dense, generation.lexical])
        self._now.dense.close()
        self._now.lexical.close()

    def _left(self) -> list[Generation]:
        """Take out the generations that nobody reads and nobody will."""
        left = [each for each, readers in self._readers.items() if not readers and each is not self._now]
        for each in left:
            del self._readers[each]
        return left

    def _end(self, left: Sequence[Generation]) -> None:
        """Close what they alone have open, and delete the folders that they alone lie in."""
        with self._lock:
            kept = list(self._readers)
        open_still = {id(index) for each in kept for index in (each.dense, each.lexical)}
        closing = {id(index): index for each in left for index in (each.dense, each.lexical) if id(index) not in open_still}
        _close(closing.values())
        for folder in {each.folder for each in left} - {each.folder for each in kept}:
            shutil.rmtree(folder, ignore_errors=True)


def _close(indexes: Iterable[Index]) -> None:
    for index in indexes:
        with contextlib.suppress(IndexDamaged):  # its files are about to be deleted, or will be looked at closely
            index.close()
