"""A verification finds what is wrong between the stores, says it, and mends what can be made anew."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
from conftest import SmallApplication

from chatbot.bootstrap import Application
from chatbot.knowledge.indexes.dense import DenseIndex
from chatbot.reports import Verified

CATS = {
    "cats/purr.md": "# Purring\n\nA content cat purrs.",
    "cats/fur.md": "# Fur\n\nFur keeps a cat warm.\n\n## Colour\n\nIt is grey.",
}


def verified(application: Application, repair: bool = False) -> dict[str, Verified]:
    """The last finding of each check."""
    return {found.check: found for found in application.verify(repair)}


def problems(found: dict[str, Verified]) -> set[str]:
    return {check for check, each in found.items() if each.state == "problem"}


def test_a_sound_store_has_no_problem(small_application: SmallApplication) -> None:
    found = verified(small_application(CATS))
    assert {check: each.state for check, each in found.items()} == dict.fromkeys(
        ("catalogue", "documents", "vectors", "indexes"), "ok"
    )


def test_lost_vectors_of_the_index_are_found_and_put_back(small_application: SmallApplication) -> None:
    application = small_application(CATS)
    application.indexes.dense.delete(sorted(application.catalogue.chunk_ids())[:1])
    assert verified(application)["indexes"].text == "the dense index lacks 1 chunks and holds 0 too many"
    found = verified(application, repair=True)
    assert not problems(found)
    assert "rebuilt" not in found
    assert verified(application)["rebuilt"].text.endswith("a verification found them wrong")
    assert found["repair"].text == f"the indexes were built anew: generation {application.indexes.generation}"


def test_another_vector_than_the_catalogue_holds_is_found_and_made_again(small_application: SmallApplication) -> None:
    application = small_application(CATS)
    index = application.indexes.dense
    assert isinstance(index, DenseIndex)
    rows = [row for batch in application.catalogue.all_rows() for row in batch]
    vectors = application.catalogue.embeddings([row.embedded_hash for row in rows], application.indexes.fingerprint)
    index.add(rows[:1], {rows[0].embedded_hash: np.roll(vectors[rows[0].embedded_hash], 1)})
    assert "another vector than the catalogue for 1 of" in verified(application)["indexes"].text
    assert not problems(verified(application, repair=True))
    assert application.indexes.difference() == ""


def test_a_text_that_was_changed_is_found_and_named(small_application: SmallApplication, tmp_path: Path) -> None:
    application = small_application(CATS)
    database = sqlite3.connect(tmp_path / "data-0" / "catalogue.sqlite")
    with database:
        database.execute("UPDATE chunks SET text = replace(text, 'purrs', 'barks')")
    database.close()
    found = verified(application)
    assert problems(found) == {"documents"}
    assert "the text of cats/purr.md is not what was read" in found["documents"].text


def test_a_missing_vector_is_found_and_made_again(small_application: SmallApplication) -> None:
    application = small_application(CATS)
    application.catalogue.forget_embeddings(application.catalogue.chunk_ids(), application.indexes.fingerprint)
    assert "vectors" in problems(verified(application))
    assert not problems(verified(application, repair=True))
