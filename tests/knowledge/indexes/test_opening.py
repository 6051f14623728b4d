"""What is looked at before the indexes of a proper start serve."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from faults import shelf

from chatbot.knowledge.indexes.dense import DenseIndex, Embedded
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.store.catalogue import Catalogue


class MissesOneAtFirst(Embedded):
    """Chroma at a bad moment: the graph that the first opening makes does not lead to one of the vectors."""

    def __init__(self) -> None:
        self.opened = 0

    def open(self, folder: Path) -> DenseIndex:
        index = super().open(folder)
        if not self.opened:
            index.nearest = lambda vectors: [0.2, *[1.0] * (len(vectors) - 1)]  # pyright: ignore[reportAttributeAccessIssue]
        self.opened += 1
        return index


def test_a_graph_that_does_not_lead_to_every_vector_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "DOCUMENTS", 8)
    shelf.furnish(tmp_path / "data")
    catalogue, home, encoder = Catalogue(tmp_path / "data" / "catalogue.sqlite"), MissesOneAtFirst(), shelf.ReplayedEncoder()
    indexes = Indexes(tmp_path / "data" / "indexes", catalogue, cast(Any, encoder), home=home)
    indexes.wait()
    assert indexes.rebuilt == f"1 of {4 * shelf.CHUNKS} chunks are not found by their own vector"
    assert indexes.trouble == indexes.difference() == ""
    assert home.opened == 2
    assert encoder.encoded == 0
    indexes.close()
    catalogue.close()
