"""The two indexes as one numbered generation: checked against the catalogue at start, rebuilt when they differ from it.

Why so suspicious: Chroma 1.5.9 can lose vectors without an error (chroma#6975, #7090, #7678), and both vendors' native code can
end the process on a damaged file. So files are opened only if sealed as they are, or if a child process lived through it.
"""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.errors import IndexDamaged
from chatbot.knowledge import dense, seal
from chatbot.knowledge.catalogue import Catalogue
from chatbot.knowledge.dense import DenseIndex
from chatbot.knowledge.lexical import LexicalIndex
from chatbot.knowledge.tables import IndexRow

_DENSE, _LEXICAL = "chroma", "tantivy"
_SELF_QUERIES = 10
_SELF_COSINE = 0.99
"""A stored vector must find itself this close; cosine 1 less the index's own rounding."""


class Indexes:
    """The generation in use. `add` and `delete` keep both indexes in step."""

    def __init__(self, folder: Path, catalogue: Catalogue, encoder: BiEncoder) -> None:
        """Open the current generation, or rebuild it; `folder` holds one sub-folder a generation.

        Raises:
            IndexDamaged: a rebuilt generation differs from the catalogue too.
        """
        self._folder = folder
        self._catalogue = catalogue
        self._encoder = encoder
        self.generation = int(catalogue.meta("generation") or 0)
        self.rebuilt = ""
        """Why the last opening rebuilt the indexes; empty if it did not."""
        self._open_or_rebuild()

    @property
    def fingerprint(self) -> str:
        """Of the encoder whose vectors are indexed."""
        return self._encoder.card.fingerprint

    def close(self) -> None:
        self._close()
        seal.put(self._folder / str(self.generation))

    def add(self, rows: Sequence[IndexRow]) -> int:
        """Encode what was never encoded, and index all; returns how many texts were encoded.

        Raises:
            IndexDamaged: an index could not be written.
            DataDirectoryError: the vectors could not be stored.
        """
        fingerprint = self.fingerprint
        texts = {row.embedded_hash: row.text for row in rows}
        vectors = self._catalogue.embeddings(texts, fingerprint)
        missing = [key for key in texts if key not in vectors]
        encoded = self._encoder.encode([texts[key] for key in missing])
        fresh = dict(zip(missing, encoded, strict=True))
        self._catalogue.put_embeddings(fresh, fingerprint)
        self.dense.add(rows, {**vectors, **fresh})
        self.lexical.add(rows)
        return len(missing)

    def delete(self, ids: Sequence[str]) -> None:
        """
        Raises:
            IndexDamaged: an index could not be written.
        """
        if ids:
            self.dense.delete(ids)
            self.lexical.delete(ids)

    def difference(self) -> str:
        """Say how the indexes differ from the catalogue, exhaustively by id and by ten self-queries; empty if they do not."""
        wanted = self._catalogue.chunk_ids()
        for name, held in (("dense", self.dense.ids()), ("lexical", self.lexical.ids())):
            if held != wanted:
                return f"the {name} index lacks {len(wanted - held)} chunks and holds {len(held - wanted)} too many"
        sample = random.sample(sorted(wanted), min(_SELF_QUERIES, len(wanted)))
        rows = [row for batch in self._catalogue.rows_of_chunks(sample) for row in batch]
        vectors = self._catalogue.embeddings((row.embedded_hash for row in rows), self.fingerprint)
        for row in rows:
            if row.embedded_hash not in vectors:
                return "a chunk has no stored vector for this encoder"
            best = self.dense.search(vectors[row.embedded_hash], 1, (), (row.access,))
            if not best or max(best.values()) < _SELF_COSINE:
                return "a chunk is not found by its own vector"
        return ""

    def _open_or_rebuild(self) -> None:
        trouble = self._trouble_before_opening()
        if not trouble:
            try:
                self._open()
                trouble = self.difference()
            except IndexDamaged as error:
                trouble = str(error)
        if trouble:
            self._rebuild(trouble)
        self._sweep()

    def _trouble_before_opening(self) -> str:
        fingerprint = self.fingerprint
        known = self._catalogue.meta("fingerprint")
        if known is None:
            self._catalogue.set_meta(generation=str(self.generation), fingerprint=fingerprint)
        elif known != fingerprint:
            return "the embedding model changed"
        folder = self._folder / str(self.generation)
        state = seal.check(folder)
        if state == "broken":
            return "the files of the indexes were changed while they were closed"
        if state == "absent" and not dense.withstands(folder / _DENSE):
            return "the dense index ends the process that opens it"
        return ""

    def _open(self) -> None:
        folder = self._folder / str(self.generation)
        folder.mkdir(parents=True, exist_ok=True)
        seal.remove(folder)
        self.dense = DenseIndex(folder / _DENSE)
        self.lexical = LexicalIndex(folder / _LEXICAL)

    def _close(self) -> None:
        self.dense.close()
        self.lexical.close()

    def _rebuild(self, reason: str) -> None:
        """Build the next generation beside the old one, check it, then switch the catalogue's pointer."""
        with contextlib.suppress(AttributeError):  # the damaged ones may never have opened
            self._close()
        self.generation, self.rebuilt = self.generation + 1, reason
        shutil.rmtree(self._folder / str(self.generation), ignore_errors=True)
        self._open()
        for rows in self._catalogue.all_rows():
            self.add(rows)
        if difference := self.difference():
            raise IndexDamaged(f"rebuilding the indexes did not help: {difference}; move {self._folder} away and start again")
        self._catalogue.set_meta(generation=str(self.generation), fingerprint=self.fingerprint)

    def _sweep(self) -> None:
        """Delete every other generation; a process killed while it rebuilt may have left one."""
        for folder in self._folder.iterdir():
            if folder.name != str(self.generation):
                shutil.rmtree(folder, ignore_errors=True)
