"""The indexes as numbered generations: checked against the catalogue, built anew beside the one that serves, and exchanged.

Why so suspicious: Chroma 1.5.9 can lose vectors without an error (chroma#6975, #7090, #7678), and both vendors' native code can
end the process on a damaged file. So files are opened only if sealed as they are, or if a child process lived through it.
Whatever is wrong, a search is answered: until there is a whole generation again, by looking at every stored vector.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.errors import ChatbotError, DataDirectoryError, IndexDamaged
from chatbot.knowledge.indexes import building, compare, opening
from chatbot.knowledge.indexes.building import Stopped
from chatbot.knowledge.indexes.dense import DenseHome, Embedded
from chatbot.knowledge.indexes.embedding import encoded
from chatbot.knowledge.indexes.generation import Absent, Dense, Generation, Lexical
from chatbot.knowledge.indexes.leftovers import Leftovers
from chatbot.knowledge.indexes.opening import CHANGED, FindEncoder
from chatbot.knowledge.indexes.renewal import Publish, Renewal, held, sweep
from chatbot.knowledge.indexes.serving import Serving
from chatbot.knowledge.store import seal
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.store.tables import IndexRow

_ATTEMPTS = 2
_PATIENCE_S = 2
"""How long an opening waits for words to be searched again: tantivy takes a second for 20,000 chunks."""

REMOVED = "documents were removed, and their traces go with the old files"

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Indexes:
    """The generation in use. `add` and `delete` keep both of its indexes in step; one thread at a time may call them."""

    def __init__(
        self,
        folder: Path,
        catalogue: Catalogue,
        encoder: BiEncoder,
        find: FindEncoder = lambda _: None,
        home: DenseHome | None = None,
    ) -> None:
        """Open the current generation, or serve without it and build the next one; `folder` holds one sub-folder a generation.

        `find` gives the encoder of a fingerprint where it still can be used; `home` keeps the dense index elsewhere.

        Raises:
            IndexUnavailable: the server of the dense index does not answer.
            DataDirectoryError: the catalogue cannot be read, or the folder cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataDirectoryError(
                f"the folder of the indexes, {folder}, cannot be made ({error.strerror}); move what lies there, or let us write"
            ) from error
        self._catalogue = catalogue
        self._encoder = encoder
        self._writing = threading.RLock()
        home = home or Embedded()
        found = opening.opened(folder, catalogue, encoder, find, home)
        self._serving = Serving(found.generation)
        self._renewal = Renewal(folder, catalogue, encoder, self._serving, self._writing, home)
        self._worker: threading.Thread | None = None
        self._is_renewing = False
        self.rebuilt = ""
        """Why the indexes were built anew since they were opened; empty if they were not."""
        self.trouble = ""
        """Why another generation is being built, or should have been; empty if what serves is as it should be."""
        self.state = object()
        """Another object after each write, so that what was found before can be told from what is found now."""
        self.leftovers = Leftovers(catalogue, self._forget)
        sweep(folder, self._serving.folders, home)
        if found.trouble:
            self._repair(found.trouble, found.may_be_sound)
            self._renewal.has_words.wait(_PATIENCE_S)
        self.leftovers.settle()

    # what serves

    @property
    def generation(self) -> int:
        """Number of the generation that serves."""
        return self._serving.now.number

    @property
    def dense(self) -> Dense:
        return self._serving.now.dense

    @property
    def lexical(self) -> Lexical:
        return self._serving.now.lexical

    @property
    def fingerprint(self) -> str:
        """Of the encoder whose vectors are searched."""
        return self._serving.now.fingerprint

    @property
    def fingerprints(self) -> set[str]:
        """Of every encoder whose vectors are needed: of the one that serves, and of the one that will."""
        return {self.fingerprint, self._encoder.card.fingerprint}

    def read(self, search: Callable[[Generation], T]) -> T:
        """What `search` gives for the generation that serves. Where an index breaks, another generation is searched.

        Raises:
            DataDirectoryError: the catalogue cannot be read.
        """
        while True:
            before = self._serving.exchanges
            with self._serving.reading() as generation:
                try:
                    found = search(generation)
                except IndexDamaged as error:
                    said = str(error)
                else:
                    if self._serving.exchanges == before:
                        return found
                    continue  # its chunks were exchanged under it
            self._fall_over(generation, said)

    def difference(self) -> str:
        """Say how the indexes differ from the catalogue, by every id and by ten self-queries; empty if they do not."""
        return self.read(lambda generation: compare.quickly(generation, self._catalogue))

    # writing

    def add(self, rows: Sequence[IndexRow]) -> int:
        """Encode what was never encoded, and index all; returns how many texts were encoded.

        Raises:
            DataDirectoryError: the vectors could not be stored.
        """
        fresh = 0
        while True:
            encoder = self._serving.now.encoder
            vectors, number = encoded(rows, self._catalogue, encoder)  # takes seconds, and keeps nobody waiting
            fresh += number
            with self._writing:
                if self._serving.now.encoder is encoder:
                    self._write(lambda generation, vectors=vectors: generation.add(rows, vectors))
                    return fresh

    def delete(self, ids: Sequence[str]) -> None:
        if ids:
            with self._writing:
                self.leftovers.note()
                self._write(lambda generation: generation.delete(ids))

    def exchange(self, wanted: Collection[str], publish: Publish, check: Callable[[], None]) -> None:
        """Serve a generation of other chunks from the moment that they are live; see `Renewal.exchange`.

        Raises:
            IndexDamaged: it could not be built; what serves goes on.
            DataDirectoryError: the catalogue cannot be read or written.
        """
        while not self.wait(_PATIENCE_S):
            check()
        self._renewal.exchange(wanted, publish, check)
        if not self._is_renewing:
            self.trouble = ""

    def _write(self, act: Callable[[Generation], None]) -> None:
        while True:
            generation = self._serving.now
            try:
                act(generation)
                self.state = object()
                return
            except IndexDamaged as error:
                self._fall_over(generation, str(error))

    # damage

    def rebuild(self, reason: str) -> None:
        """Build the next generation; what serves goes on until then."""
        with self._writing:
            self._repair(reason, may_be_sound=False)

    def _forget(self) -> None:
        """Be rid of all that was removed: also of vectors that a killed sync did not come to sweep."""
        self._catalogue.sweep_embeddings(self.fingerprints)
        self.rebuild(REMOVED)

    @property
    def is_forgetting(self) -> bool:
        """True while the files are made anew without what was removed."""
        return self._is_renewing and self.trouble == REMOVED

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until nothing is being built; false if that takes longer."""
        if self._worker:
            self._worker.join(timeout_s)
        return not self._worker or not self._worker.is_alive()

    def close(self) -> None:
        """Close what serves; what is being built is given up, but for the vectors that were stored."""
        self.leftovers.close()
        self._renewal.stopping.set()
        self.wait()
        generation = self._serving.now
        try:
            self._serving.close()
        except IndexDamaged as error:
            _log.warning("the indexes could not be closed properly, and are checked at the next start: %s", error)
        else:
            if generation.is_whole:
                seal.put(generation.folder)

    def _fall_over(self, generation: Generation, said: str) -> None:
        """Serve without the index that broke, and build both anew."""
        with self._writing:
            if self._serving.now is not generation:
                return  # another thread was here first
            live, known = self._catalogue.chunk_ids(), held(generation)
            # where the exact scan was in use already it was the other one that broke
            keeps_words = generation.is_whole and held(replace(generation, dense=Absent())) >= live
            lexical = generation.lexical if keeps_words else Absent()
            scan = building.exact(self._catalogue, generation.encoder, sorted(known - live))
            self._serving.replace(replace(generation, dense=scan, lexical=lexical, is_whole=False))
            self._repair(said, may_be_sound=False)

    def _repair(self, reason: str, may_be_sound: bool) -> None:
        if self._is_renewing:
            return  # it looks at what serves once more before it ends
        self._is_renewing = True
        self.trouble = reason
        if not isinstance(self.lexical, Absent):
            self._renewal.has_words.set()
        self._worker = threading.Thread(target=self._renew, args=(reason, may_be_sound), name="indexes", daemon=True)
        self._worker.start()

    def _renew(self, reason: str, may_be_sound: bool) -> None:
        try:
            if may_be_sound:
                reason = self._renewal.adopt()
            if reason:
                self._build(reason)
            while not self._is_settled():
                self._build(CHANGED if self._serving.now.is_whole else "an index broke while it was built")
        except Stopped:
            self.trouble += "; the next start builds the indexes anew"
        except (ChatbotError, OSError, RuntimeError) as error:
            self.trouble += (
                f"; building the indexes anew failed {_ATTEMPTS} times ({error}), and search goes on with what there is: "
                "see that the disk is sound and has room, then run `chatbot verify --repair`"
            )
            _log.warning(self.trouble)
        finally:
            self._is_renewing = False
            self._renewal.has_words.set()

    def _build(self, reason: str) -> None:
        self.trouble = reason
        for left in reversed(range(_ATTEMPTS)):
            try:
                self._renewal.build()
                break
            except (ChatbotError, OSError, RuntimeError) as error:
                if not left:
                    raise
                _log.warning("the indexes could not be built anew, and this is tried again: %s", error)
        if reason != REMOVED:  # nothing was wrong
            self.rebuilt = reason

    def _is_settled(self) -> bool:
        with self._writing:
            now = self._serving.now
            if not now.is_whole or now.encoder is not self._encoder:
                return False
            self.trouble = ""
            self._is_renewing = False
            return True
