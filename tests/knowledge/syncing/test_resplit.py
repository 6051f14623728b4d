"""Splitting anew: without the sources, beside what serves, exchanged at once; stopped or killed anywhere, nothing is mixed."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import SmallApplication
from documents import write
from stores import Stores

from chatbot.bootstrap import Application
from chatbot.encoders import Vectors, bi_encoder
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.errors import DataDirectoryError, SyncStopped
from chatbot.flow.condense import SearchForm
from chatbot.flow.retrieve import Retriever
from chatbot.knowledge.indexes.dense import DenseIndex
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.reading.splitter import Splitter
from chatbot.knowledge.sources.sources import Sources
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.store.resplits import Resplits
from chatbot.knowledge.syncing.pace import Pace
from chatbot.knowledge.syncing.plan import plan
from chatbot.knowledge.syncing.resplit import resplit
from chatbot.knowledge.syncing.sync import Synchronizer
from chatbot.reports import DocumentReport
from chatbot.schema import Principal, Query
from chatbot.sections import ChunkSettings, RetrievalSettings
from chatbot.settings import Settings

LONG, SHORT = 32, 16
"""Tokens of a chunk at most, before and after."""
DOCUMENTS = 12

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["chatbot.knowledge.syncing.resplit", "chatbot.encoders.bi_encoder"])


def page(number: int) -> str:
    """Three chunks of 32 tokens, and more of 16."""
    parts = (
        f"# Part {part}\n\nMachine {number} of hall {part} needs oil every year. The pump beside it needs water once in a week."
        for part in range(3)
    )
    return "\n\n".join(parts)


class Watched:
    """An encoder that counts what it encodes, and does something after so many batches."""

    def __init__(self, encoder: BiEncoder) -> None:
        self._encoder = encoder
        self.card = encoder.card
        self.texts: list[str] = []
        self.batches = 0
        self.after: dict[int, Callable[[], None]] = {}

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = self._encoder.encode(texts)
        self.texts += texts
        self.batches += 1
        self.after.get(self.batches, lambda: None)()
        return vectors

    def encode_query(self, text: str) -> Vectors:
        return self._encoder.encode_query(text)

    def encode_short(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode_short(texts)

    def trust(self, text: str) -> float:
        return self._encoder.trust(text)


class Shelf:
    """A synced folder in a data directory that can be closed and opened again."""

    def __init__(self, root: Path, encoder: BiEncoder) -> None:
        self.root = root
        self.folder = root / "folder"
        self.encoder: Any = Watched(encoder)
        self.open()

    def open(self) -> None:
        self.catalogue = Catalogue(self.root / "catalogue.sqlite")
        self.indexes = Indexes(self.root / "indexes", self.catalogue, self.encoder)
        self.indexes.wait()

    def close(self) -> None:
        self.indexes.close()
        self.catalogue.close()

    def stores(self, most: int) -> Stores:
        splitter = Splitter(self.encoder._encoder.tokenizer_file, 8, most, self.encoder.card.max_tokens)
        return Stores(self.catalogue, self.indexes, splitter, self.encoder)

    def resplit(self, most: int, pace: Pace | None = None) -> None:
        resplit(self.stores(most), pace or Pace())

    def sync(self, most: int) -> dict[str, DocumentReport]:
        self.resplit(most)
        sources = Sources(self.catalogue, {})
        planned = plan([sources.register(str(self.folder), "shelf")], self.catalogue, sources.list)
        return {report.source: report for report in Synchronizer(self.stores(most)).run(planned)}

    def search(self) -> set[str]:
        """Ids of the documents that are found with a chunk of every document to be found."""
        retriever = Retriever(self.catalogue, self.indexes, RetrievalSettings(candidates=1000))
        found = retriever(Query(text="machine", principal=Principal()), [SearchForm(text="machine oil", weight=1.0)], 1000)
        return {passage.chunk.document_id for passage in found}

    def ids(self) -> set[str]:
        return {document.id for document in self.catalogue.documents()}

    def spans(self) -> set[tuple[object, ...]]:
        """Every live chunk, but for the ids."""
        found = self.catalogue.published_chunks(self.catalogue.chunk_ids()).values()
        return {
            (document.source, chunk.heading_path, chunk.start, chunk.end, chunk.text, chunk.page) for chunk, document in found
        }

    def is_sound(self) -> bool:
        held = self.indexes.read(lambda generation: (generation.dense.ids(), generation.lexical.ids()))
        return held == (self.catalogue.chunk_ids(),) * 2 and not self.indexes.difference() and not self.indexes.trouble


def add(folder: Path, documents: int) -> None:
    write(folder, {f"{number:02}.md": page(number) for number in range(documents)})


@pytest.fixture
def shelf(tmp_path: Path, tiny_encoder: BiEncoder) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path, tiny_encoder)
    add(shelf.folder, DOCUMENTS)
    shelf.sync(LONG)
    shelf.encoder.texts.clear()
    shelf.encoder.batches = 0
    yield shelf
    shelf.close()


def test_documents_are_split_anew_without_their_sources(shelf: Shelf, tmp_path: Path, tiny_encoder: BiEncoder) -> None:
    fresh = Shelf(write(tmp_path / "fresh", {"a": ""}), tiny_encoder)
    fresh.folder = shelf.folder
    fresh.sync(SHORT)
    before, generation, pace = shelf.spans(), shelf.indexes.generation, Pace()
    shutil.move(shelf.folder, tmp_path / "elsewhere")
    shelf.resplit(SHORT, pace)
    assert shelf.spans() == fresh.spans() != before, "as a sync that reads them would"
    assert (shelf.indexes.generation, pace.now().resplit) == (generation + 1, DOCUMENTS)
    assert shelf.is_sound()
    assert not (shelf.root / "indexes" / str(generation)).exists()
    fresh.close()


def test_a_folder_that_is_not_there_keeps_its_documents(shelf: Shelf, tmp_path: Path) -> None:
    shutil.move(shelf.folder, tmp_path / "elsewhere")
    assert [report.state for report in shelf.sync(SHORT).values()] == ["failed"]
    assert len(shelf.ids()) == DOCUMENTS
    shutil.move(tmp_path / "elsewhere", shelf.folder)
    shelf.encoder.texts.clear()
    assert {report.state for report in shelf.sync(SHORT).values()} == {"unchanged"}
    assert (shelf.encoder.texts, shelf.is_sound()) == ([], True)


def test_a_change_in_the_same_sync_is_read_after_all_are_split_anew(shelf: Shelf) -> None:
    write(shelf.folder, {"00.md": page(100), "new.md": page(101)})
    states = {path: report.state for path, report in shelf.sync(SHORT).items() if report.state != "unchanged"}
    assert states == {"00.md": "changed", "new.md": "added"}
    assert shelf.catalogue.resplits.count(shelf.stores(SHORT).splitter.recipe) == 0
    assert shelf.is_sound()


def test_the_new_generation_is_there_after_a_restart(shelf: Shelf) -> None:
    shelf.resplit(SHORT)
    generation, ids = shelf.indexes.generation, shelf.ids()
    shelf.close()
    shelf.open()
    assert (shelf.indexes.generation, shelf.indexes.rebuilt, shelf.ids()) == (generation, "", ids)
    assert shelf.search() == ids


def test_a_search_sees_all_of_the_old_chunks_or_all_of_the_new_ones(shelf: Shelf) -> None:
    seen: list[set[str]] = []
    ended = threading.Event()

    def search() -> None:
        while not ended.is_set():
            seen.append(shelf.search())

    old = shelf.ids()
    searches = [threading.Thread(target=search) for _ in range(2)]
    for thread in searches:
        thread.start()
    changes = [old]
    for most in (SHORT, LONG, SHORT):
        shelf.resplit(most)
        changes.append(shelf.ids())
    ended.set()
    for thread in searches:
        thread.join()
    assert len(seen) > 3
    assert [found for found in seen if found not in changes] == []
    assert len(set().union(*changes)) == len(changes) * DOCUMENTS


def test_a_search_that_looks_up_its_chunks_too_late_is_made_again(shelf: Shelf) -> None:
    found, may_go_on, began = [], threading.Event(), threading.Event()

    def search(generation: Any) -> set[str]:
        ids = generation.lexical.ids()
        began.set()
        may_go_on.wait(30)
        return set(shelf.catalogue.published_chunks(ids))

    thread = threading.Thread(target=lambda: found.append(shelf.indexes.read(search)))
    thread.start()
    began.wait(30)
    shelf.resplit(SHORT)
    may_go_on.set()
    thread.join()
    assert found == [shelf.catalogue.chunk_ids()]


def test_a_search_waits_while_the_catalogue_changes(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange, found = Resplits.exchange, []
    thread = threading.Thread(target=lambda: found.append(shelf.search()))

    def exchanged(*arguments: Any) -> None:
        exchange(*arguments)
        thread.start()  # the documents are other ones, and the indexes are not yet
        thread.join(0.3)
        assert found == []

    monkeypatch.setattr(Resplits, "exchange", exchanged)
    shelf.resplit(SHORT)
    thread.join()
    assert found == [shelf.ids()]


def test_an_exchange_that_fails_changes_nothing(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    before, generation = shelf.ids(), shelf.indexes.generation

    def fail(*_: object, **__: str) -> None:
        raise DataDirectoryError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Resplits, "exchange", fail)
        with pytest.raises(DataDirectoryError, match="the disk is full"):
            shelf.resplit(SHORT)
    assert (shelf.search(), shelf.indexes.generation) == (before, generation)
    assert [each.name for each in (shelf.root / "indexes").iterdir()] == [str(generation)]
    assert shelf.is_sound()
    shelf.encoder.texts.clear()
    shelf.resplit(SHORT)
    assert (shelf.encoder.texts, shelf.search() & before, shelf.is_sound()) == ([], set(), True)


def test_what_was_encoded_before_it_was_stopped_is_not_encoded_again(shelf: Shelf) -> None:
    pace, before = Pace(), shelf.spans()
    shelf.encoder.after[1] = pace.stop
    with pytest.raises(SyncStopped):
        shelf.resplit(SHORT, pace)
    assert (shelf.spans(), shelf.is_sound()) == (before, True)
    assert shelf.encoder.texts
    shelf.resplit(SHORT)
    assert len(shelf.encoder.texts) == len(set(shelf.encoder.texts))
    assert shelf.is_sound()


def test_a_change_that_is_taken_back_leaves_nothing(shelf: Shelf) -> None:
    pace, before, generation = Pace(), shelf.ids(), shelf.indexes.generation
    shelf.encoder.after[1] = pace.stop
    with pytest.raises(SyncStopped):
        shelf.resplit(SHORT, pace)
    assert shelf.catalogue.in_state("parsed", "embedded")
    shelf.encoder.texts.clear()
    assert {report.state for report in shelf.sync(LONG).values()} == {"unchanged"}
    assert not shelf.catalogue.in_state("parsed", "embedded")
    assert (shelf.ids(), shelf.indexes.generation, shelf.encoder.texts) == (before, generation, [])


def test_a_change_there_and_back_gives_the_first_chunks(shelf: Shelf) -> None:
    before = shelf.spans()
    shelf.resplit(SHORT)
    shelf.resplit(LONG)
    assert shelf.spans() == before
    assert shelf.is_sound()


def test_a_document_without_an_outline_is_read_anew_by_its_sync(shelf: Shelf) -> None:
    shelf.close()
    with closing(sqlite3.connect(shelf.root / "catalogue.sqlite")) as connection:  # as a catalogue of schema 3 is migrated
        connection.execute("DELETE FROM outlines WHERE document_id IN (SELECT id FROM documents WHERE path = '03.md')")
        connection.execute("UPDATE documents SET reading = '' WHERE path = '03.md'")
        connection.commit()
    shelf.open()
    shelf.resplit(SHORT)
    recipe = shelf.stores(SHORT).splitter.recipe
    assert (shelf.catalogue.resplits.count(recipe), shelf.is_sound()) == (1, True)
    assert {path for path, report in shelf.sync(SHORT).items() if report.state == "changed"} == {"03.md"}
    assert (shelf.catalogue.resplits.count(recipe), shelf.is_sound()) == (0, True)


def test_settings_of_chunks_take_effect_at_the_next_sync_of_anything(small_application: SmallApplication, tmp_path: Path) -> None:
    files = {f"pumps/{number}.md": page(number) for number in range(3)}
    application = small_application(files, data_dir=tmp_path / "data", knowledge=tmp_path / "pumps")
    application.close()
    settings = Settings(
        data_dir=tmp_path / "data", knowledge=tmp_path / "pumps", chunks=ChunkSettings(min_tokens=8, max_tokens=16)
    )
    other = write(tmp_path / "other", {"a.md": page(9)})
    pace = Pace()
    with Application(settings, "pytest") as application:
        assert [found.text for found in application.verify() if found.check == "chunks"] == [
            "3 documents are in chunks of earlier settings or of an earlier chatbot; `chatbot sync` splits them anew"
        ]
        previewed = {report.state for report in application.sync((), dry_run=True, pace=pace)}
        assert (previewed, pace.now().resplit) == ({"unchanged"}, 3)
        assert [report.state for report in application.sync([str(other)], "other", pace=pace)] == ["added"]
        assert pace.now().resplit == 3
        assert not [found for found in application.verify() if found.check == "chunks" or found.state == "problem"]
        assert {report.state for report in application.sync((), pace=pace)} == {"unchanged"}


def resplit_until(root: Path, model: str, compiled: Path, step: str, side: str) -> None:
    """Split anew in a process that ends itself at its first time at a step."""
    owner: Any = {"exchange": Resplits, "add": DenseIndex}.get(step, Catalogue)
    as_it_is = getattr(owner, step)

    def stepped(*arguments: Any, **named: Any) -> Any:
        if side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        as_it_is(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    shelf = Shelf(root, bi_encoder.load(model, compiled))
    setattr(owner, step, stepped)
    shelf.resplit(SHORT)


@pytest.mark.parametrize(
    ("step", "side"), [("note_embedded", "before"), ("add", "after"), ("exchange", "before"), ("exchange", "after")]
)
def test_after_a_kill_all_chunks_are_of_one_recipe(shelf: Shelf, tiny: Path, step: str, side: str) -> None:
    before = shelf.ids()
    shelf.close()
    child = _processes.Process(target=resplit_until, args=(shelf.root, str(tiny / "tiny"), tiny / "compiled", step, side))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    shelf.open()
    found = shelf.search()
    assert len(found) == DOCUMENTS
    assert (found & before) == (set() if (step, side) == ("exchange", "after") else before)
    assert shelf.is_sound()
    shelf.resplit(SHORT)
    assert shelf.encoder.texts == [], "all was encoded before it was killed"
    assert (shelf.search() & before, shelf.is_sound()) == (set(), True)
    assert not shelf.catalogue.in_state("parsed", "embedded")
