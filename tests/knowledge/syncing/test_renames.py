"""Renames: a document whose file has another name is the same document, and a copy is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import write
from stops import stopped_after
from stores import Stores

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.reading.splitter import Splitter
from chatbot.knowledge.sources.sources import Sources
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.syncing.plan import Plan, plan
from chatbot.knowledge.syncing.sync import Synchronizer
from chatbot.reports import DocumentReport

CATS = "# Cats\n\nCats purr when they are happy."
DOGS = "# Dogs\n\nDogs bark at the postman."
UNTITLED = "Cats purr when they are happy."


class Shelf:
    def __init__(self, root: Path, encoder: BiEncoder) -> None:
        self.folder = root / "folder"
        self._root, self._encoder = root, encoder
        self.open()

    def open(self) -> None:
        self.catalogue = Catalogue(self._root / "catalogue.sqlite")
        self.indexes = Indexes(self._root / "indexes", self.catalogue, self._encoder)

    def close(self) -> None:
        self.indexes.close()
        self.catalogue.close()

    def synchronizer(self) -> Synchronizer:
        splitter = Splitter(self._encoder.tokenizer_file, 8, 16, 48)
        return Synchronizer(Stores(self.catalogue, self.indexes, splitter, self._encoder))

    def plan(self, *folders: Path) -> Plan:
        sources = Sources(self.catalogue, {})
        wanted = [sources.register(str(folder), "shelf") for folder in folders or (self.folder,)]
        return plan(wanted, self.catalogue, sources.list)

    def run(self) -> list[DocumentReport]:
        return list(self.synchronizer().run(self.plan()))

    def sync(self, *folders: Path) -> dict[str, str]:
        return {report.source: report.state for report in self.synchronizer().run(self.plan(*folders))}

    def ids(self) -> dict[str, str]:
        return {document.source: document.id for document in self.catalogue.documents()}

    def move(self, was: str, now: str) -> None:
        (self.folder / now).parent.mkdir(exist_ok=True, parents=True)
        (self.folder / was).rename(self.folder / now)


@pytest.fixture
def shelf(tmp_path: Path, tiny_encoder: BiEncoder) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path, tiny_encoder)
    yield shelf
    assert shelf.indexes.difference() == ""
    shelf.close()


@pytest.mark.parametrize("now", ["b.md", "deep/er/a.md", "A.md", "a.MD"])
def test_a_renamed_file_keeps_its_document_and_its_chunks(now: str, shelf: Shelf) -> None:
    write(shelf.folder, {"a.md": CATS, "other.md": DOGS})
    shelf.sync()
    before, chunks = shelf.ids(), shelf.catalogue.chunk_ids()
    shelf.move("a.md", now)
    previewed = list(shelf.synchronizer().preview(shelf.plan()))
    reports = shelf.run()
    assert {report.source: report.state for report in reports} == {now: "renamed", "other.md": "unchanged"}
    assert [(each.state, each.reason) for each in previewed] == [(each.state, each.reason) for each in reports]
    (renamed,) = (report for report in reports if report.state == "renamed")
    assert (renamed.reason, renamed.chunks, renamed.embedded_chunks) == ("it was a.md", 1, 0)
    assert shelf.ids() == {now: before["a.md"], "other.md": before["other.md"]}
    assert shelf.catalogue.chunk_ids() == chunks
    assert set(shelf.sync().values()) == {"unchanged"}


def test_a_copy_is_a_document_of_its_own(shelf: Shelf) -> None:
    write(shelf.folder, {"a.md": CATS})
    shelf.sync()
    before = shelf.ids()["a.md"]
    write(shelf.folder, {"b.md": CATS})
    assert shelf.sync() == {"a.md": "unchanged", "b.md": "added"}
    assert shelf.ids()["a.md"] == before != shelf.ids()["b.md"]


def test_of_two_copies_of_what_is_gone_one_is_the_document(shelf: Shelf) -> None:
    write(shelf.folder, {"a.md": CATS})
    shelf.sync()
    shelf.move("a.md", "b.md")
    write(shelf.folder, {"c.md": CATS})
    assert shelf.sync() == {"b.md": "renamed", "c.md": "added"}


def test_of_two_that_are_gone_one_is_renamed_and_one_removed(shelf: Shelf) -> None:
    write(shelf.folder, {"a.md": CATS, "b.md": CATS})
    shelf.sync()
    shelf.move("a.md", "c.md")
    (shelf.folder / "b.md").unlink()
    assert sorted(shelf.sync().values()) == ["removed", "renamed"]


def test_a_new_file_at_the_old_place_is_another_document(shelf: Shelf) -> None:
    write(shelf.folder, {"a.md": CATS})
    shelf.sync()
    first = shelf.ids()["a.md"]
    shelf.move("a.md", "b.md")
    shelf.sync()
    write(shelf.folder, {"a.md": CATS})
    assert shelf.sync() == {"a.md": "added", "b.md": "unchanged"}
    assert shelf.ids()["b.md"] == first != shelf.ids()["a.md"]
    (shelf.folder / "b.md").unlink()
    shelf.move("a.md", "b.md")
    write(shelf.folder, {"a.md": CATS})
    assert shelf.sync() == {"a.md": "unchanged", "b.md": "unchanged"}


def test_there_and_back_is_the_same_document(shelf: Shelf) -> None:
    write(shelf.folder, {"a.md": CATS})
    shelf.sync()
    before = shelf.ids()
    shelf.move("a.md", "b.md")
    shelf.sync()
    shelf.move("b.md", "a.md")
    assert shelf.sync() == {"a.md": "renamed"}
    assert shelf.ids() == before


def test_two_files_that_swap_their_names_swap_their_texts(shelf: Shelf) -> None:
    write(shelf.folder, {"a.md": CATS, "b.md": DOGS})
    shelf.sync()
    shelf.move("a.md", "c.md")
    shelf.move("b.md", "a.md")
    shelf.move("c.md", "b.md")
    reports = shelf.run()
    assert {report.source: report.state for report in reports} == {"a.md": "changed", "b.md": "changed"}
    assert sum(report.embedded_chunks for report in reports) == 0
    texts = {document.source: shelf.catalogue.document_text(document.id) for document in shelf.catalogue.documents()}
    assert ("Dogs" in texts["a.md"], "Cats" in texts["b.md"]) == (True, True)


def test_a_title_that_was_the_name_changes_with_it(shelf: Shelf) -> None:
    write(shelf.folder, {"red-cats.txt": UNTITLED})
    shelf.sync()
    shelf.move("red-cats.txt", "blue-cats.txt")
    (report,) = shelf.run()
    assert (report.state, report.reason, report.embedded_chunks) == ("renamed", "it was red-cats.txt", 1)
    assert [(each.source, each.title) for each in shelf.catalogue.documents()] == [("blue-cats.txt", "blue cats")]
    shelf.move("blue-cats.txt", "red-cats.txt")
    assert shelf.sync() == {"red-cats.txt": "renamed"}
    assert [(each.source, each.title) for each in shelf.catalogue.documents()] == [("red-cats.txt", "red cats")]


def test_a_file_of_another_format_is_another_document(shelf: Shelf) -> None:
    write(shelf.folder, {"a.md": CATS})
    shelf.sync()
    shelf.move("a.md", "a.txt")
    assert shelf.sync() == {"a.txt": "added", "a.md": "removed"}


def test_a_file_that_moves_to_another_source_is_another_document(shelf: Shelf, tmp_path: Path) -> None:
    write(shelf.folder, {"a.md": CATS, "z.md": DOGS})
    more = write(tmp_path / "more", {"y.md": DOGS})
    shelf.sync(shelf.folder, more)
    (shelf.folder / "a.md").rename(more / "a.md")
    reports = shelf.synchronizer().run(shelf.plan(shelf.folder, more))
    assert sorted((each.source, each.state) for each in reports if each.state != "unchanged") == [
        ("a.md", "added"),
        ("a.md", "removed"),
    ]


@pytest.mark.parametrize(("was", "now"), [("a.md", "b.md"), ("red-cats.txt", "blue-cats.txt")])
def test_a_rename_that_is_stopped_anywhere_is_finished_by_the_next_sync(was: str, now: str, shelf: Shelf) -> None:
    stopped, before = 0, -1
    while stopped > before:
        write(shelf.folder, {was: CATS if was == "a.md" else UNTITLED})
        (shelf.folder / now).unlink(missing_ok=True)
        shelf.sync()
        shelf.move(was, now)
        before, stopped = stopped, stopped + stopped_after(stopped, shelf.run)
        shelf.close()
        shelf.open()
        shelf.sync()
        (document,) = shelf.catalogue.documents()
        assert (document.source, document.title) == (now, "Cats" if now == "b.md" else "blue cats")
        assert shelf.indexes.difference() == ""
    assert stopped > 1
