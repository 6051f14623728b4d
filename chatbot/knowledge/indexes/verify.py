"""Compares all that is stored with each other, exhaustively, and mends what can be made anew from the rest."""

from __future__ import annotations

from collections.abc import Iterator

from chatbot.errors import IndexDamaged
from chatbot.knowledge.indexes import compare, leftovers
from chatbot.knowledge.indexes.building import Builder
from chatbot.knowledge.indexes.dense import DenseIndex
from chatbot.knowledge.indexes.generation import Generation
from chatbot.knowledge.indexes.generations import REMOVED, Indexes
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.reports import Verified
from chatbot.schema import Document

_NAMED = 3
"""So many documents are named where more are wrong."""


def verify(catalogue: Catalogue, indexes: Indexes, recipe: str, repair: bool) -> Iterator[Verified]:
    """Look at everything; with `repair`, build the indexes anew where they are wrong, and look again. No sync may run meanwhile.

    `recipe` is by which documents are to be split.

    Raises:
        DataDirectoryError: the catalogue cannot be read.
    """
    indexes.wait()
    if indexes.rebuilt:
        yield Verified(
            check="rebuilt", state="note", text=f"the indexes were built anew since they were opened: {indexes.rebuilt}"
        )
    if number := catalogue.resplits.count(recipe):
        said = f"{number} documents are in chunks of earlier settings or of an earlier chatbot; `chatbot sync` splits them anew"
        yield Verified(check="chunks", state="note", text=said)
    is_wrong = False
    for found in _all(catalogue, indexes):
        yield found
        is_wrong |= found.state == "problem" and found.check in _DERIVED
    if repair and (is_wrong or leftovers.said(catalogue)):
        indexes.rebuild("a verification found them wrong" if is_wrong else REMOVED)
        indexes.wait()
        said = f"the indexes were built anew: generation {indexes.generation}" if not indexes.trouble else indexes.trouble
        yield Verified(check="repair", state="problem" if indexes.trouble else "note", text=said)
        yield from _all(catalogue, indexes)


_DERIVED = ("indexes", "vectors")
"""What is made from the rest."""


def _all(catalogue: Catalogue, indexes: Indexes) -> Iterator[Verified]:
    yield _verified("catalogue", catalogue.damage(), "the database is sound")
    documents = catalogue.documents()
    wrong = [f"{document.collection}/{document.source}" for document in documents if not _is_whole(catalogue, document)]
    named = ", ".join(wrong[:_NAMED]) + (f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else "")
    said = f"the text of {named} is not what was read; remove the source with `chatbot sync --remove`, then sync it again"
    yield _verified("documents", said if wrong else "", f"{len(documents)}, every chunk where its text is")
    unfinished = len(catalogue.in_state("pending", "parsed", "embedded", "failed"))
    if unfinished:
        said = "1 document" if unfinished == 1 else f"{unfinished:,} documents"
        yield Verified(check="unfinished", state="note", text=f"{said}; `chatbot sync` goes on from there")
    if kept := leftovers.said(catalogue):
        yield Verified(check="removed", state="note", text=kept)
    yield from indexes.read(lambda generation: list(_indexes(catalogue, generation, indexes.trouble)))


def _indexes(catalogue: Catalogue, generation: Generation, trouble: str) -> Iterator[Verified]:
    wanted = catalogue.chunk_ids()
    stored = sum(len(batch) for batch in catalogue.stored_vectors(generation.fingerprint))
    missing = f"{len(wanted) - stored} chunks have no vector" if stored != len(wanted) else ""
    yield _verified("vectors", missing, f"{stored} stored")
    try:
        said = trouble or compare.ids(generation, wanted)
        if not said and isinstance(generation.dense, DenseIndex):
            found = compare.vectors(generation.dense, catalogue, generation.fingerprint)
            said = Builder(catalogue).checked(found, generation.fingerprint)
    except IndexDamaged as error:
        said = str(error)
    yield _verified("indexes", said, f"generation {generation.number} holds every chunk, and each finds itself")


def _is_whole(catalogue: Catalogue, document: Document) -> bool:
    """Every chunk lies where it says in the text, and is the text that its vector was made of."""
    text = catalogue.document_text(document.id)
    chunks = catalogue.chunks_of(document.id)
    rows = [row for batch in catalogue.rows_of_documents([document.id]) for row in batch]
    return all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks) and catalogue.are_hashed(rows)


def _verified(check: str, wrong: str, right: str) -> Verified:
    return Verified(check=check, state="problem" if wrong else "ok", text=wrong or right)
