"""What is found of the current generation at the start: whole, to be looked at closely, or lost; and what serves meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.errors import IndexDamaged
from chatbot.knowledge.indexes import building, compare, dense, leftovers
from chatbot.knowledge.indexes.building import Builder
from chatbot.knowledge.indexes.dense import DENSE, DenseHome
from chatbot.knowledge.indexes.generation import Absent, Generation, Index, Lexical
from chatbot.knowledge.indexes.lexical import LexicalIndex
from chatbot.knowledge.store import seal
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.language import terms

LEXICAL = f"tantivy-{terms.VERSION}"
CHANGED = "the embedding model changed"
_FEW = 1000
"""Of fewer entries Chroma keeps no graph and makes one at each opening; 3 in 490 did not lead to every vector. To ask for so many
takes a quarter of a second."""

FindEncoder = Callable[[str], BiEncoder | None]
"""The encoder of a fingerprint, if it still is there."""


class Found(NamedTuple):
    generation: Generation
    """To serve now."""
    trouble: str
    """Why it cannot stay; empty if it can."""
    may_be_sound: bool = False
    """True if the process that had the dense index open was killed: its files are to be looked at before they are given up."""


def opened(folder: Path, catalogue: Catalogue, encoder: BiEncoder, find: FindEncoder, home: DenseHome) -> Found:
    """Open the generation that the catalogue points at, or what can stand in for it; nothing is built here.

    Raises:
        DataDirectoryError: the catalogue cannot be read or written.
    """
    number, known = int(catalogue.meta("generation") or 0), catalogue.meta("fingerprint")
    if known is None:
        known = encoder.card.fingerprint
        catalogue.set_meta(generation=str(number), fingerprint=known)
    place, state = folder / str(number), seal.check(folder / str(number))
    changed = "" if known == encoder.card.fingerprint else CHANGED
    searched = find(known) if changed else encoder
    if state == "broken":
        stand_in = Generation(number, place, searched or encoder, Absent(), Absent(), is_whole=False)
        return Found(_scanned(stand_in, catalogue, searched), "the files of the indexes were changed while they were closed")
    seal.remove(place)
    place.mkdir(parents=True, exist_ok=True)
    lexical, trouble = _lexical(place, catalogue)
    found = Generation(number, place, searched or encoder, Absent(), lexical, is_whole=False)
    if not searched:
        return Found(found, f"{changed}, and the one before cannot be loaded: only words are searched")
    if state == "absent" and dense.has_graph(place / DENSE):
        trouble = trouble or "the process that had the indexes open was killed"
        return Found(_scanned(found, catalogue, searched), trouble, may_be_sound=not isinstance(lexical, Absent))
    if not trouble:
        found, trouble = _completed(found, catalogue, home, closely=state == "absent")
    return Found(_scanned(found, catalogue, searched) if trouble else found, trouble or changed)


def prune(index: Index, wanted: set[str], catalogue: Catalogue) -> str:
    """Delete what a killed sync left; says what is missing beyond that.

    Raises:
        IndexDamaged: the index cannot be read or written.
        DataDirectoryError: the catalogue cannot be read or written.
    """
    held = index.ids()
    if held - wanted:
        leftovers.note(catalogue)
        index.delete(sorted(held - wanted))
    return f"lacks {len(wanted - held)} chunks" if wanted - held else ""


def _lexical(place: Path, catalogue: Catalogue) -> tuple[Lexical, str]:
    """The lexical index, or nothing and why."""
    if not (place / LEXICAL).exists() and any(place.glob("tantivy*")):
        return Absent(), "words are cut otherwise than they were"
    try:
        index = LexicalIndex(place / LEXICAL)
    except IndexDamaged as error:
        return Absent(), str(error)
    with contextlib.ExitStack() as stack:
        stack.callback(_close, index)
        try:
            if missing := prune(index, catalogue.chunk_ids(), catalogue):
                return Absent(), f"the lexical index {missing}"
        except IndexDamaged as error:
            return Absent(), str(error)
        stack.pop_all()
    return index, ""


def _completed(found: Generation, catalogue: Catalogue, home: DenseHome, closely: bool) -> tuple[Generation, str]:
    """The generation with its dense index, or without it and why."""
    try:
        index = home.open(found.folder)
    except IndexDamaged as error:
        return found, str(error)
    whole = Generation(found.number, found.folder, found.encoder, index, found.lexical, is_whole=True)
    try:
        wanted = catalogue.chunk_ids()
        missing = prune(index, wanted, catalogue)
        said = f"the dense index {missing}" if missing else compare.quickly(whole, catalogue)
        if closely or len(wanted) <= _FEW:
            said = said or Builder(catalogue).checked(compare.vectors(index, catalogue, found.fingerprint), found.fingerprint)
    except IndexDamaged as error:
        said = str(error)
    if said:
        _close(index)
    return (found, said) if said else (whole, "")


def _scanned(found: Generation, catalogue: Catalogue, encoder: BiEncoder | None) -> Generation:
    """With an exact scan for a dense index, if there is an encoder for it."""
    if not encoder:
        return found
    scan = building.exact(catalogue, encoder)
    return Generation(found.number, found.folder, encoder, scan, found.lexical, is_whole=False)


def _close(index: Index) -> None:
    with contextlib.suppress(IndexDamaged):  # it is given up
        index.close()
