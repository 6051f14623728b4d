"""The catalogue: what is live is seen, whole and at once; the rest is not there yet. The same in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from postgres_server import Server

from chatbot.knowledge.formats.extracted import Heading
from chatbot.knowledge.reading.outline import Outline
from chatbot.knowledge.reading.splitter import embedded_hash, embedded_text
from chatbot.knowledge.store import tables
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.store.tables import Source
from chatbot.reports import StoredState
from chatbot.schema import Chunk, Document


def document(name: str, source: str = "a.md") -> Document:
    return Document(id=name, collection="cats", source=source, title="Cats", content_hash=f"hash of {name}")


def chunks(name: str, count: int = 2) -> list[Chunk]:
    return [
        Chunk(
            id=f"{name}-{number}", document_id=name, heading_path=("Cats",), text=f"{name} {number}", start=number, end=number + 1
        )
        for number in range(count)
    ]


OUTLINE = Outline(reading="1", headings=(Heading(level=1, text="Cats", start=0),), page_starts=(0, 7))


def stage(
    catalogue: Catalogue,
    source: Source,
    name: str,
    path: str = "a.md",
    count: int = 2,
    *,
    recipe: str = "recipe",
    outline: Outline | None = None,
) -> None:
    catalogue.stage(source, document(name, path), f"text of {name}", "", recipe, chunks(name, count), f"mark of {name}", outline)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a catalogue can be made."""
    if request.param == "sqlite":
        return tmp_path / "catalogue.sqlite"
    server: Server = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def catalogue(place: Path | str) -> Iterator[Catalogue]:
    catalogue = Catalogue(place)
    yield catalogue
    catalogue.close()


def in_state(catalogue: Catalogue, *wanted: StoredState) -> dict[str, tuple[str, str]]:
    return {each.source: (each.state, each.reason) for each in catalogue.in_state(*wanted)}


@pytest.fixture
def source(catalogue: Catalogue) -> Source:
    return catalogue.add_source("cats", "/cats")


def test_a_source_is_registered_once(catalogue: Catalogue, source: Source) -> None:
    assert catalogue.add_source("cats", "/cats") == source
    assert catalogue.add_source("dogs", "/cats") != source
    assert len(catalogue.sources()) == 2


def test_a_staged_document_is_not_seen(catalogue: Catalogue, source: Source) -> None:
    stage(catalogue, source, "one")
    assert catalogue.versions(source) == {}
    assert catalogue.chunk_ids() == set()
    assert catalogue.published_chunks(["one-0"]) == {}
    assert catalogue.collections() == {}


def test_a_published_document_is_seen_whole(catalogue: Catalogue, source: Source) -> None:
    stage(catalogue, source, "one")
    assert catalogue.publish(["one"]) == []
    assert catalogue.published_chunks(["one-0", "one-1", "other"]) == {
        chunk.id: (chunk, document("one")) for chunk in chunks("one")
    }
    assert catalogue.document_text("one") == "text of one"
    assert catalogue.collections() == {"cats": 1}
    version = catalogue.versions(source)["a.md"]
    assert (version.document_id, version.chunks, version.recipe) == ("one", 2, "recipe")


def test_publishing_drops_the_version_before(catalogue: Catalogue, source: Source) -> None:
    stage(catalogue, source, "one")
    catalogue.publish(["one"])
    stage(catalogue, source, "two")
    assert catalogue.chunk_ids() == {"one-0", "one-1"}
    assert sorted(catalogue.publish(["two"])) == ["one-0", "one-1"]
    assert catalogue.chunk_ids() == {"two-0", "two-1"}
    assert catalogue.document_text("one") == ""


def test_publishing_leaves_the_same_path_of_another_source_alone(catalogue: Catalogue, source: Source) -> None:
    stage(catalogue, source, "one")
    catalogue.publish(["one"])
    stage(catalogue, catalogue.add_source("cats", "/more"), "two")
    assert catalogue.publish(["two"]) == []
    assert catalogue.collections() == {"cats": 2}


def test_staging_another_version_replaces_what_was_staged(catalogue: Catalogue, source: Source) -> None:
    stage(catalogue, source, "one", count=3)
    stage(catalogue, source, "two", count=2)
    catalogue.publish(["one", "two"])
    assert catalogue.chunk_ids() == {"two-0", "two-1"}


def test_staging_the_same_version_again_changes_nothing(catalogue: Catalogue, source: Source) -> None:
    for _ in range(2):
        stage(catalogue, source, "one")
    catalogue.publish(["one"])
    stage(catalogue, source, "one")  # by a worker that was taken for dead
    assert in_state(catalogue, "live") == {"a.md": ("live", "")}
    assert catalogue.live(["one", "two"]) == {"one"}
    assert catalogue.chunk_ids() == {"one-0", "one-1"}
    assert in_state(catalogue, "parsed", "pending") == {}


def test_what_is_on_its_way_is_dropped_and_what_is_live_stays(catalogue: Catalogue, source: Source) -> None:
    stage(catalogue, source, "one")
    catalogue.publish(["one"])
    stage(catalogue, source, "two")
    assert sorted(catalogue.drop_unfinished(source, ["a.md"])) == ["two-0", "two-1"]
    assert catalogue.publish(["two"]) == []
    assert catalogue.chunk_ids() == {"one-0", "one-1"}


def test_a_document_goes_from_pending_to_live(catalogue: Catalogue, source: Source) -> None:
    catalogue.record(source, ["a.md"], "pending")
    assert in_state(catalogue, "pending") == {"a.md": ("pending", "")}
    stage(catalogue, source, "one")
    assert in_state(catalogue, "pending", "parsed") == {"a.md": ("parsed", "")}
    catalogue.note_embedded(["one"])
    assert in_state(catalogue, "parsed", "embedded") == {"a.md": ("embedded", "")}
    catalogue.publish(["one"])
    assert in_state(catalogue, "pending", "parsed", "embedded", "live") == {"a.md": ("live", "")}


def test_each_step_repeated_changes_nothing_more(catalogue: Catalogue, source: Source) -> None:
    for _ in range(2):
        catalogue.record(source, ["a.md"], "pending")
    for _ in range(2):
        stage(catalogue, source, "one")
    for _ in range(2):
        catalogue.note_embedded(["one"])
    assert catalogue.publish(["one"]) == catalogue.publish(["one"]) == []
    catalogue.note_embedded(["one"])
    assert [each.state for each in catalogue.in_state("pending", "parsed", "embedded", "live")] == ["live"]
    assert catalogue.chunk_ids() == {"one-0", "one-1"}


def test_a_failed_version_stands_beside_the_live_one(catalogue: Catalogue, source: Source) -> None:
    stage(catalogue, source, "one")
    catalogue.publish(["one"])
    catalogue.record(source, ["a.md"], "failed", "the reader broke")
    assert in_state(catalogue, "failed") == {"a.md": ("failed", "the reader broke")}
    assert in_state(catalogue, "live") == {"a.md": ("live", "")}
    assert catalogue.unfinished(source)["a.md"].reason == "the reader broke"
    assert set(catalogue.published_chunks(["one-0"])) == {"one-0"}


def test_what_failed_cannot_be_made_live(catalogue: Catalogue, source: Source) -> None:
    catalogue.record(source, ["a.md"], "failed", "the reader broke")
    catalogue.publish([catalogue.unfinished(source)["a.md"].document_id])
    assert catalogue.versions(source) == {}


def test_a_path_of_another_source_keeps_its_state(catalogue: Catalogue, source: Source) -> None:
    other = catalogue.add_source("cats", "/more")
    for each in (source, other):
        catalogue.record(each, ["a.md"], "refused", "the file is empty")
    catalogue.drop_unfinished(source, ["a.md"])
    assert (set(catalogue.unfinished(source)), set(catalogue.unfinished(other))) == (set(), {"a.md"})


def test_thousands_are_noted_at_once(catalogue: Catalogue, source: Source) -> None:
    paths = [f"{number}.md" for number in range(1203)]
    catalogue.record(source, paths, "pending")
    assert set(in_state(catalogue, "pending")) == set(paths)


def test_documents_are_sorted_alike_in_every_database(catalogue: Catalogue, source: Source) -> None:
    for name in ("b", "B", "a", "\u00e4", "_"):
        stage(catalogue, source, f"of {name}", name)
        catalogue.publish([f"of {name}"])
    assert [each.source for each in catalogue.documents()] == ["B", "_", "a", "b", "\u00e4"]


def test_the_tables_are_those_the_program_declares(catalogue: Catalogue) -> None:
    with catalogue._database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []


def test_a_removed_document_leaves_nothing(catalogue: Catalogue, source: Source) -> None:
    stage(catalogue, source, "one")
    catalogue.publish(["one"])
    assert sorted(catalogue.remove(["one"])) == ["one-0", "one-1"]
    assert (catalogue.chunk_ids(), catalogue.versions(source), catalogue.document_text("one")) == (set(), {}, "")


def test_a_document_without_chunks_is_counted(catalogue: Catalogue, source: Source) -> None:
    stage(catalogue, source, "one", count=0)
    catalogue.publish(["one"])
    assert catalogue.versions(source)["a.md"].chunks == 0


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1203])
def test_rows_come_in_batches_and_none_is_lost(count: int, catalogue: Catalogue, source: Source) -> None:
    stage(catalogue, source, "one", count=count)
    staged = [row.id for batch in catalogue.rows_of_documents(["one"]) for row in batch]
    catalogue.publish(["one"])
    published = [row.id for batch in catalogue.all_rows() for row in batch]
    named = [row.id for batch in catalogue.rows_of_chunks(staged) for row in batch]
    assert sorted(staged) == sorted(published) == sorted(named) == sorted(chunk.id for chunk in chunks("one", count))


def test_rows_may_be_written_about_while_they_are_read(catalogue: Catalogue, source: Source) -> None:
    stage(catalogue, source, "one", count=1203)
    for rows in catalogue.rows_of_documents(["one"]):
        catalogue.put_embeddings({row.embedded_hash: np.ones(4, np.float32) for row in rows}, "model")
    catalogue.publish(["one"])


def test_a_row_hashes_what_the_chunk_was_stored_with(catalogue: Catalogue, source: Source) -> None:
    stage(catalogue, source, "one", count=1)
    rows = next(catalogue.rows_of_documents(["one"]))
    assert [row.embedded_hash for row in rows] == [
        embedded_hash(embedded_text("Cats", chunk.heading_path, chunk.text)) for chunk in chunks("one", 1)
    ]


def test_vectors_are_kept_for_each_model(catalogue: Catalogue) -> None:
    catalogue.put_embeddings({"h": np.array([1, 0], np.float32)}, "small")
    catalogue.put_embeddings({"h": np.array([0, 1, 0], np.float32)}, "large")
    assert catalogue.embeddings(["h", "other"], "small")["h"].tolist() == [1, 0]
    assert catalogue.embeddings(["h"], "large")["h"].tolist() == [0, 1, 0]
    assert catalogue.embeddings(["h"], "none") == {}


def test_thousands_of_vectors_can_be_asked_for_at_once(catalogue: Catalogue) -> None:
    vectors = {str(number): np.full(2, number, np.float32) for number in range(2100)}
    catalogue.put_embeddings(vectors, "model")
    found = catalogue.embeddings(iter(vectors), "model")
    assert {key: vector[0] for key, vector in found.items()} == {str(number): number for number in range(2100)}


def test_vectors_that_no_chunk_needs_are_swept(catalogue: Catalogue, source: Source) -> None:
    stage(catalogue, source, "one", count=1)
    needed = embedded_hash(embedded_text("Cats", (), chunks("one", 1)[0].text))
    catalogue.put_embeddings({needed: np.ones(2, np.float32), "orphan": np.ones(2, np.float32)}, "model")
    catalogue.sweep_embeddings({"model"})
    assert set(catalogue.embeddings([needed, "orphan"], "model")) == {needed}


def test_vectors_of_an_encoder_that_is_used_no_more_are_swept(catalogue: Catalogue, source: Source) -> None:
    stage(catalogue, source, "one", count=1)
    needed = embedded_hash(embedded_text("Cats", (), chunks("one", 1)[0].text))
    for model in ("old", "new"):
        catalogue.put_embeddings({needed: np.ones(2, np.float32)}, model)
    catalogue.sweep_embeddings({"new"})
    assert (set(catalogue.embeddings([needed], "old")), set(catalogue.embeddings([needed], "new"))) == (set(), {needed})


def test_no_document_has_no_rows(catalogue: Catalogue, source: Source) -> None:
    stage(catalogue, source, "one")
    catalogue.publish(["one"])
    assert list(catalogue.rows_of_documents([])) == []
    assert list(catalogue.rows_of_chunks([])) == []


def test_a_source_moves_with_its_name_and_place(catalogue: Catalogue, source: Source) -> None:
    moved = catalogue.move_source(source, "dogs")
    assert (moved.id, moved.collection) == (source.id, "dogs")
    assert catalogue.sources() == [moved]


def test_notes_are_overwritten_together(catalogue: Catalogue) -> None:
    assert catalogue.meta("generation") is None
    catalogue.set_meta(generation="1", fingerprint="x")
    catalogue.set_meta(generation="2")
    assert (catalogue.meta("generation"), catalogue.meta("fingerprint")) == ("2", "x")


@pytest.fixture
def resplit(catalogue: Catalogue, source: Source) -> Catalogue:
    """Two live documents of another recipe, one of them without an outline; beside the other stands what is to replace it."""
    for name, path, outline in (("one", "a.md", OUTLINE), ("old", "b.md", None)):
        stage(catalogue, source, name, path, recipe="before", outline=outline)
    catalogue.publish(["one", "old"])
    stage(catalogue, source, "new one", count=3, recipe="after", outline=OUTLINE)
    stage(catalogue, source, "not live", "c.md", recipe="before", outline=OUTLINE)
    return catalogue


def test_a_document_of_another_recipe_is_outdated(resplit: Catalogue) -> None:
    kept = resplit.resplits
    assert (kept.outdated("after"), kept.count("after")) == ({"one": len("text of one")}, 2)
    assert (kept.outdated("before"), kept.count("before")) == ({}, 0)


def test_a_document_is_kept_with_all_that_splitting_needs(resplit: Catalogue, source: Source) -> None:
    kept = resplit.resplits.read("one")
    assert (kept.source, kept.document, kept.outline, kept.mark) == (source, document("one"), OUTLINE, "mark of one")
    assert kept.extracted == OUTLINE.extracted("Cats", "text of one", "")


def test_what_is_staged_beside_a_live_document_is_known_and_dropped(resplit: Catalogue) -> None:
    kept = resplit.resplits
    assert (kept.staged("after"), kept.staged("before")) == ({"new one": "parsed"}, {})
    resplit.note_embedded(["new one"])
    assert (kept.staged("after"), kept.drop_staged(but="after")) == ({"new one": "embedded"}, [])
    assert sorted(kept.drop_staged(but="before")) == ["new one-0", "new one-1", "new one-2"]
    assert kept.staged("after") == {}
    assert in_state(resplit, "parsed") == {"c.md": ("parsed", "")}


def test_an_exchange_is_one_step_with_its_notes(resplit: Catalogue) -> None:
    kept = resplit.resplits
    assert kept.chunk_ids(["one", "new one"]) == {"one-0", "one-1", "new one-0", "new one-1", "new one-2"}
    kept.exchange(["new one"], {"generation": "2", "fingerprint": "x"})
    assert resplit.chunk_ids() == {"new one-0", "new one-1", "new one-2", "old-0", "old-1"}
    assert (resplit.meta("generation"), resplit.meta("fingerprint")) == ("2", "x")
    assert kept.outdated("after") == {}
    assert sorted(kept.drop_staged(but="after")) == ["one-0", "one-1"], "what was live before is staged now"


def test_an_exchange_of_more_documents_than_a_statement_may_name(catalogue: Catalogue, source: Source) -> None:
    for recipe in ("before", "after"):
        for number in range(510):
            stage(catalogue, source, f"{recipe} {number}", f"{number}.md", 1, recipe=recipe, outline=OUTLINE)
        catalogue.resplits.exchange([f"{recipe} {number}" for number in range(510)], {})
    assert len(catalogue.resplits.drop_staged(but="after")) == 510
    assert catalogue.chunk_ids() == {f"after {number}-0" for number in range(510)}


def test_vectors_of_chunks_that_are_not_live_yet(resplit: Catalogue) -> None:
    hashes = {row.id: row.embedded_hash for rows in resplit.rows_of_documents(["new one"]) for row in rows}
    resplit.put_embeddings(dict.fromkeys(hashes.values(), np.ones(2, np.float32)), "model")
    found = [each.id for batch in resplit.resplits.stored_vectors(hashes, "model") for each in batch]
    assert sorted(found) == sorted(hashes)
    assert list(resplit.stored_vectors("model")) == []


def test_everything_is_there_after_reopening(place: Path | str) -> None:
    first = Catalogue(place)
    source = first.add_source("cats", "/cats")
    stage(first, source, "one")
    first.publish(["one"])
    first.close()
    second = Catalogue(place)
    assert second.chunk_ids() == {"one-0", "one-1"}
    assert second.sources() == [source]
    second.close()
