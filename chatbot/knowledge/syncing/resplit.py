"""Splits documents anew from the catalogue where only the recipe for that has changed: no source is asked for anything.

New versions are staged beside the live ones, which go on being searched, and indexed in a generation of their own. Then all are
exchanged at once, so that no search sees chunks of two recipes. A process may end anywhere in it: what is staged and encoded is
kept, and the next sync goes on from there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from chatbot.knowledge.syncing.pace import Pace
from chatbot.knowledge.syncing.sync import BATCH_CHUNKS, Parts, encode


def preview(parts: Parts, pace: Pace) -> None:
    """Say how many documents `resplit` would split anew, changing nothing."""
    pace.resplit(len(parts.catalogue.resplits.outdated(parts.splitter.recipe)))


def resplit(parts: Parts, pace: Pace) -> None:
    """Bring every live document whose outline is known to the splitter's recipe. One at a time: the caller holds the lock.

    Raises:
        SyncStopped: by way of the pace; the documents are as they were.
        DataDirectoryError: the catalogue cannot be written.
        IndexDamaged: the new indexes could not be built; the documents are as they were.
    """
    kept, recipe = parts.catalogue.resplits, parts.splitter.recipe
    if gone := kept.drop_staged(but=recipe):
        parts.indexes.delete(gone)
    if outdated := kept.outdated(recipe):
        staged = _Stage(parts, pace).stage(outdated)
        _exchange(parts, pace, list(outdated), staged)
        kept.drop_staged(but=recipe)  # those that were live; no index holds them any more
        pace.resplit(len(outdated))
    if gone or outdated:
        parts.catalogue.sweep_embeddings(parts.indexes.fingerprints)


def _exchange(parts: Parts, pace: Pace, old: Sequence[str], new: Sequence[str]) -> None:
    kept = parts.catalogue.resplits
    # the others were split by this recipe already, or are read anew by the sync that follows
    wanted = (parts.catalogue.chunk_ids() - kept.chunk_ids(old)) | kept.chunk_ids(new)
    parts.indexes.exchange(wanted, lambda noted: kept.exchange(new, noted), pace.check)


class _Stage:
    """Stores new versions of documents with their vectors; no search sees them, and no index holds them."""

    def __init__(self, parts: Parts, pace: Pace) -> None:
        self._parts = parts
        self._catalogue = parts.catalogue
        self._splitter = parts.splitter
        self._pace = pace

    def stage(self, outdated: dict[str, int]) -> list[str]:
        """Returns the ids of the new versions."""
        recipe = self._splitter.recipe
        staged = self._catalogue.resplits.staged(recipe)
        new = {_new_id(old, recipe): old for old in outdated}
        self._pace.begin(list(outdated.values()), splits_anew=True)
        waiting: dict[str, int] = {}
        for id_, old in new.items():
            self._pace.check()
            if staged.get(id_) == "embedded":
                self._pace.done(outdated[old])
                continue
            waiting[id_] = 0 if id_ in staged else self._split(id_, old)
            self._pace.parsed(outdated[old])
            if sum(waiting.values()) >= BATCH_CHUNKS:
                self._embed(waiting, [outdated[new[each]] for each in waiting])
                waiting.clear()
        self._embed(waiting, [outdated[new[each]] for each in waiting])
        return list(new)

    def _split(self, id_: str, old: str) -> int:
        """Returns how many chunks there are."""
        source, document, extracted, outline, mark = self._catalogue.resplits.read(old)
        document = document.model_copy(update={"id": id_})
        chunks = self._splitter.split(id_, extracted, self._pace.check)
        recipe, missing = self._splitter.recipe, extracted.missing
        gone = self._catalogue.stage(source, document, extracted.text, missing, recipe, chunks, mark, outline)
        if gone:  # a sync that was killed or stopped had left them
            self._parts.indexes.delete(gone)
        return len(chunks)

    def _embed(self, waiting: dict[str, int], sizes: Sequence[int]) -> None:
        self._pace.batch(sum(waiting.values()))
        for rows in self._catalogue.rows_of_documents(list(waiting)):
            encode(rows, self._parts, self._pace)
        self._catalogue.note_embedded(list(waiting))
        for size in sizes:
            self._pace.done(size, waited=True)


def _new_id(old: str, recipe: str) -> str:
    """The same for the same document, so that what was staged before a kill is found again."""
    return hashlib.blake2b(f"{old}\0{recipe}".encode(), digest_size=16).hexdigest()
