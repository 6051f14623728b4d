"""Removal: of a document that is gone no word, no id and no vector is left in any file."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tantivy
from documents import write
from stores import Stores

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.knowledge.indexes import leftovers, verify
from chatbot.knowledge.indexes.building import Builder
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.indexes.opening import LEXICAL
from chatbot.knowledge.reading.splitter import Splitter
from chatbot.knowledge.sources.sources import Sources
from chatbot.knowledge.sources.uploads import Uploads
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.store.tables import Source
from chatbot.knowledge.syncing.plan import plan
from chatbot.knowledge.syncing.sync import Synchronizer
from chatbot.language.terms import terms

SECRET = "# Quetzalcoatlus\n\nThe pterodactyl eats marzipan at noon."
WORDS = ("Quetzalcoatlus", "quetzalcoatlus", "pterodactyl", "marzipan")
PUBLIC = ("public",)


class Traces(NamedTuple):
    """What would show that a document was here."""

    ids: list[str]
    vectors: list[bytes]

    def left(self, data: Path) -> set[str]:
        """Names of the files below a folder that hold one of them in plain bytes, and the words that tantivy has packed."""
        wanted = [each.encode() for each in (*WORDS, *self.ids)] + self.vectors
        files = [path for path in data.rglob("*") if path.is_file()]
        found = {path.name for path in files if any(each in path.read_bytes() for each in wanted)}
        return found | {word for word in WORDS for folder in data.glob(f"indexes/*/{LEXICAL}") if counted(folder, word)}


def counted(folder: Path, word: str) -> int:
    """In how many chunks of the lexical index a word stands, deleted ones among them."""
    (term,) = terms(word)
    return tantivy.Index.open(str(folder)).searcher().doc_freq("terms", term)


class Shelf:
    """A data directory with up to three sources, one of them of uploads."""

    def __init__(self, data: Path, folder: Path, encoder: BiEncoder) -> None:
        data.mkdir(exist_ok=True)
        self.data, self.folder, self._encoder = data, folder, encoder
        self.other = folder.with_name("other")
        self.uploads = Uploads(data / "uploads")
        self.catalogue = Catalogue(data / "catalogue.sqlite")
        self.indexes = Indexes(data / "indexes", self.catalogue, encoder)
        self.sources = Sources(self.catalogue, {})

    def synchronizer(self) -> Synchronizer:
        splitter = Splitter(self._encoder.tokenizer_file, 8, 16, 48)
        self.recipe = splitter.recipe
        return Synchronizer(Stores(self.catalogue, self.indexes, splitter, self._encoder))

    def registered(self) -> list[Source]:
        places = [place for place in (self.folder, self.other, self.uploads.folder("shelf")) if place.exists()]
        return [self.sources.register(str(place), "shelf") for place in places]

    def sync(self) -> None:
        list(self.synchronizer().run(plan(self.registered(), self.catalogue, self.sources.list)))

    def settle(self) -> None:
        self.indexes.leftovers.settle()
        self.indexes.wait()

    def traces(self, name: str) -> Traces:
        (document,) = self.catalogue.documents(name)
        rows = [row for batch in self.catalogue.rows_of_documents([document.id]) for row in batch]
        vectors = self.catalogue.embeddings((row.embedded_hash for row in rows), self.indexes.fingerprint).values()
        return Traces([document.id, *(row.id for row in rows)], [vector.tobytes() for vector in vectors])

    def close(self) -> None:
        self.indexes.close()
        self.catalogue.close()


def halls(number: int) -> dict[str, str]:
    return {f"{each}.md": f"# Hall {each}\n\nOil and iron number {each}." for each in range(number)}


@pytest.fixture
def shelf(tmp_path: Path, tiny_encoder: BiEncoder) -> Iterator[Shelf]:
    """The secret document in one segment with a hundred others: tantivy drops a segment in which everything is deleted."""
    shelf = Shelf(tmp_path / "data", write(tmp_path / "folder", halls(100)), tiny_encoder)
    yield shelf
    shelf.close()


def a_file_that_is_deleted(shelf: Shelf) -> None:
    (shelf.folder / "secret.md").unlink()
    shelf.sync()


def a_file_without_the_words(shelf: Shelf) -> None:
    write(shelf.folder, {"secret.md": "# Nothing\n\nIt says nothing now."})
    shelf.sync()


def a_source_that_is_removed(shelf: Shelf) -> None:
    list(shelf.synchronizer().forget([source for source in shelf.registered() if source.location == str(shelf.other)]))


def an_upload_that_is_deleted(shelf: Shelf) -> None:
    assert shelf.uploads.remove("shelf", "secret.md")
    shelf.sync()


@pytest.mark.parametrize(
    "go", [a_file_that_is_deleted, a_file_without_the_words, a_source_that_is_removed, an_upload_that_is_deleted]
)
def test_a_removed_document_leaves_nothing_behind(go: Callable[[Shelf], None], shelf: Shelf) -> None:
    if go is an_upload_that_is_deleted:
        shelf.uploads.receive("shelf", "secret.md", io.BytesIO(SECRET.encode()))
    else:
        write(shelf.other if go is a_source_that_is_removed else shelf.folder, {"secret.md": SECRET})
    shelf.sync()
    traces = shelf.traces("secret.md")
    assert {"catalogue.sqlite", "chroma.sqlite3", "marzipan"} <= traces.left(shelf.data)
    before = shelf.indexes.generation
    go(shelf)
    assert shelf.indexes.generation == before
    kept = traces.left(shelf.data)
    assert "marzipan" in kept, "a library that forgets by itself needs no new generation"
    assert "chroma.sqlite3" in kept
    assert "catalogue.sqlite" not in kept
    shelf.settle()
    assert traces.left(shelf.data) == set()
    assert shelf.indexes.difference() == ""
    shelf.close()
    assert traces.left(shelf.data) == set()


KILLED = """
import signal, sys
from pathlib import Path
from chatbot.encoders import bi_encoder
from chatbot.knowledge.indexes.lexical import LexicalIndex
from chatbot.knowledge.indexes.renewal import Renewal
from knowledge.syncing.test_removal import Shelf
from conftest import TINY

def die(*_):
    signal.raise_signal(signal.SIGKILL)

data, folder, tiny, step = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
shelf = Shelf(data, folder, bi_encoder.load(str(tiny / TINY), tiny / "compiled"))
if step == "between the indexes":
    LexicalIndex.delete = die
elif step == "before any index":
    shelf.indexes.delete = die
elif step == "while the next generation is built":
    Renewal._exchange = die
shelf.sync()
shelf.settle()
"""


def kill(shelf: Shelf, tiny: Path, step: str) -> None:
    """Sync in a process that is killed at a step."""
    arguments = [str(shelf.data), str(shelf.folder), str(tiny), step]
    child = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False
    )
    assert child.returncode == -signal.SIGKILL


@pytest.mark.parametrize("step", ["before any index", "between the indexes", "while the next generation is built"])
def test_what_a_killed_process_removed_is_gone_after_the_next_start(
    step: str, shelf: Shelf, tiny_encoder: BiEncoder, tiny: Path
) -> None:
    write(shelf.folder, {"secret.md": SECRET})
    shelf.sync()
    traces = shelf.traces("secret.md")
    shelf.close()
    (shelf.folder / "secret.md").unlink()
    kill(shelf, tiny, step)
    assert "marzipan" in traces.left(shelf.data)
    again = Shelf(shelf.data, shelf.folder, tiny_encoder)
    again.sync()
    again.settle()
    assert traces.left(shelf.data) == set()
    assert leftovers.left_s(again.catalogue) is None
    again.close()


def test_a_large_index_waits_as_long_as_it_is_large_and_says_so(shelf: Shelf) -> None:
    write(shelf.folder, {"secret.md": SECRET, **halls(leftovers.AT_ONCE_CHUNKS + 10)})
    shelf.sync()
    traces, before = shelf.traces("secret.md"), shelf.indexes.generation
    (shelf.folder / "secret.md").unlink()
    shelf.sync()
    shelf.settle()
    chunks = len(shelf.catalogue.chunk_ids())
    left_s = leftovers.left_s(shelf.catalogue)
    assert left_s is not None
    assert 0.1 * chunks - 60 < left_s <= 0.1 * chunks
    assert shelf.indexes.generation == before
    assert {"marzipan", "chroma.sqlite3"} & traces.left(shelf.data)
    (note,) = [
        each for each in verify.verify(shelf.catalogue, shelf.indexes, shelf.recipe, repair=False) if each.check == "removed"
    ]
    assert note.state == "note"
    assert "UTC" in note.text

    shelf.catalogue.set_meta(leftovers_since=str(time.time() - 0.1 * chunks))  # the time has passed
    shelf.indexes.leftovers.settle()
    while not shelf.indexes.wait(0):
        found = shelf.indexes.read(lambda generation: generation.lexical.search("iron", 5, (), PUBLIC))
        assert len(found) == 5, "search goes on meanwhile"
    assert shelf.indexes.generation == before + 1
    assert traces.left(shelf.data) == set()


def test_a_verification_that_repairs_takes_out_at_once_what_was_removed(shelf: Shelf) -> None:
    write(shelf.folder, {"secret.md": SECRET})
    shelf.sync()
    traces = shelf.traces("secret.md")
    (shelf.folder / "secret.md").unlink()
    shelf.sync()
    found = list(verify.verify(shelf.catalogue, shelf.indexes, shelf.recipe, repair=True))
    assert [each.check for each in found if each.state == "note"] == ["removed", "repair"]
    assert not [each for each in found if each.state == "problem"]
    assert traces.left(shelf.data) == set()


def test_what_is_removed_while_a_generation_is_built_is_not_forgotten(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    write(shelf.folder, {"secret.md": SECRET})
    shelf.sync()
    traces, removed = shelf.traces("secret.md"), list[bool]()
    (shelf.folder / "secret.md").unlink()
    fill = Builder.dense

    def fill_and_remove(*arguments: Any) -> None:
        fill(*arguments)
        if not removed:  # the next generation holds its words by now
            removed.append(True)
            shelf.sync()

    monkeypatch.setattr(Builder, "dense", fill_and_remove)
    shelf.indexes.rebuild("a test")
    shelf.indexes.wait()
    assert removed
    assert "marzipan" in traces.left(shelf.data)
    shelf.settle()
    assert traces.left(shelf.data) == set()


def test_a_clock_that_was_put_back_lets_nothing_wait_longer(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.sync()
    monkeypatch.setattr(leftovers, "AT_ONCE_CHUNKS", 10)
    shelf.catalogue.set_meta(leftovers_since=str(time.time() + 10**6))
    left_s = leftovers.left_s(shelf.catalogue)
    assert left_s is not None
    assert left_s <= 0.1 * len(shelf.catalogue.chunk_ids())
