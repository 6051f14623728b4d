"""Indexes are derived: whatever happens to them is found out, and they are rebuilt from the catalogue's stored vectors."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chatbot.encoders import Vectors
from chatbot.encoders.bi_encoder import BiEncoder, Card
from chatbot.errors import DataDirectoryError, IndexDamaged
from chatbot.knowledge.indexes.dense import DenseIndex
from chatbot.knowledge.indexes.generation import Generation
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.indexes.opening import LEXICAL, FindEncoder
from chatbot.knowledge.indexes.renewal import Renewal
from chatbot.knowledge.reading.splitter import embedded_hash, embedded_text
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.store.tables import IndexRow
from chatbot.schema import Chunk, Document

PUBLIC = ("public",)
DIMENSION = 16
ENOUGH = 1100
"""So many chunks make Chroma keep its graph on disk."""


class CountingEncoder:
    """Gives every text a vector of its own, and counts the texts."""

    def __init__(self, fingerprint: str = "first", dimension: int = DIMENSION) -> None:
        self.card = Card.model_construct(fingerprint=fingerprint, dimension=dimension)
        self.encoded = 0

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.encoded += len(texts)
        if not texts:
            return np.empty((0, self.card.dimension), np.float32)
        seeds = [int(embedded_hash(f"{self.card.fingerprint} {text}"), 16) % 2**32 for text in texts]
        vectors = np.stack([np.random.default_rng(seed).normal(size=self.card.dimension) for seed in seeds]).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class ForgetfulEncoder(CountingEncoder):
    """Never gives a text the same vector twice, so that nothing is found again."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        return super().encode(texts) * 0


def chunk(number: int) -> Chunk:
    return Chunk(id=f"c{number}", document_id="d", heading_path=(), text=f"cat number{number}", start=number, end=number + 1)


class Workshop:
    """A folder with a catalogue and indexes that can be closed, harmed and opened again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.encoder = CountingEncoder()
        self.catalogue = Catalogue(folder / "catalogue.sqlite")
        self.indexes: Indexes | None = None

    def publish(self, count: int) -> None:
        """Put a document of `count` chunks, with their vectors, into the catalogue and into no index."""
        source = self.catalogue.add_source("cats", "/cats")
        document = Document(id="d", collection="cats", source="a.md", title="Cats", content_hash="h")
        chunks = [chunk(number) for number in range(count)]
        self.catalogue.stage(source, document, "text", "", "recipe", chunks)
        texts = [embedded_text("Cats", chunk.heading_path, chunk.text) for chunk in chunks]
        vectors = dict(zip(map(embedded_hash, texts), self.encoder.encode(texts), strict=True))
        self.catalogue.put_embeddings(vectors, self.encoder.card.fingerprint)
        self.catalogue.publish(["d"])
        self.encoder.encoded = 0

    def publish_more(self, count: int) -> None:
        """Stage another document, whose vectors are still to be made."""
        source = self.catalogue.add_source("cats", "/cats")
        document = Document(id="more", collection="cats", source="b.md", title="Cats", content_hash="h")
        chunks = [
            chunk(number).model_copy(update={"id": f"m{number}", "document_id": "more", "text": f"dog number{number}"})
            for number in range(count)
        ]
        self.catalogue.stage(source, document, "text", "", "recipe", chunks)

    def open(self, encoder: CountingEncoder | None = None, find: FindEncoder = lambda _: None) -> Indexes:
        """Open the indexes, and wait until nothing is being built."""
        indexes = self.open_at_once(encoder, find)
        indexes.wait()
        return indexes

    def open_at_once(self, encoder: CountingEncoder | None = None, find: FindEncoder = lambda _: None) -> Indexes:
        self.close()
        self.indexes = Indexes(self.folder / "indexes", self.catalogue, encoder or self.encoder, find)  # type: ignore[arg-type]
        return self.indexes

    def close(self) -> None:
        if self.indexes:
            self.indexes.close()
        self.indexes = None

    def file(self, pattern: str) -> Path:
        return next((self.folder / "indexes").glob(pattern))

    def is_sound(self) -> bool:
        """Both indexes hold what the catalogue holds, and nothing was encoded for it."""
        assert self.indexes
        held = (self.indexes.dense.ids(), self.indexes.lexical.ids())
        return held == (self.catalogue.chunk_ids(),) * 2 and not self.indexes.difference() and not self.encoder.encoded


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    workshop = Workshop(tmp_path)
    yield workshop
    workshop.close()
    workshop.catalogue.close()


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workshop of many chunks, properly closed."""
    workshop = Workshop(tmp_path_factory.mktemp("closed"))
    workshop.publish(ENOUGH)
    workshop.open()
    workshop.close()
    workshop.catalogue.close()
    return workshop.folder


@pytest.fixture
def large(closed: Path, tmp_path: Path) -> Iterator[Workshop]:
    """A copy of `closed`, for harm to be done to it."""
    shutil.copytree(closed, tmp_path / "large")
    workshop = Workshop(tmp_path / "large")
    yield workshop
    workshop.close()
    workshop.catalogue.close()


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def garble(file: Path) -> None:
    file.write_bytes(random.Random(1).randbytes(file.stat().st_size))


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    for place in random.Random(1).sample(range(len(content)), 20):
        content[place] ^= 0xFF
    file.write_bytes(bytes(content))


def test_empty_indexes_agree_with_an_empty_catalogue(workshop: Workshop) -> None:
    indexes = workshop.open()
    assert (indexes.difference(), indexes.rebuilt, indexes.generation) == ("", "", 0)


def test_a_file_where_the_folder_should_be_is_named(workshop: Workshop) -> None:
    (workshop.folder / "indexes").write_text("not ours")
    with pytest.raises(DataDirectoryError, match="indexes, cannot be made .File exists.; move what lies there"):
        workshop.open()


def test_what_the_indexes_lack_is_found_out_and_rebuilt(workshop: Workshop) -> None:
    workshop.publish(40)
    assert workshop.open().rebuilt == "the lexical index lacks 40 chunks"
    assert workshop.is_sound()


def test_a_clean_restart_rebuilds_nothing(workshop: Workshop) -> None:
    workshop.publish(40)
    generation = workshop.open().generation
    for _ in range(2):
        indexes = workshop.open()
        assert (indexes.rebuilt, indexes.generation) == ("", generation)
        assert workshop.is_sound()


def test_fifteen_hundred_chunks_survive_a_restart(workshop: Workshop) -> None:
    workshop.publish(1500)
    workshop.open()
    assert workshop.open().rebuilt == ""
    assert workshop.is_sound()


@pytest.mark.parametrize(
    ("pattern", "harm"),
    [
        ("*/chroma/chroma.sqlite3", truncate),
        ("*/chroma/chroma.sqlite3", garble),
        ("*/chroma/chroma.sqlite3", Path.unlink),
        ("*/chroma/*/data_level0.bin", flip),
        ("*/chroma/*/link_lists.bin", flip),
        ("*/chroma/*/header.bin", truncate),
        ("*/chroma/*/index_metadata.pickle", garble),
        (f"*/{LEXICAL}/meta.json", truncate),
        (f"*/{LEXICAL}/*.store", flip),
        (f"*/{LEXICAL}/*.fast", flip),
        (f"*/{LEXICAL}/*.idx", Path.unlink),
        (f"*/{LEXICAL}", shutil.rmtree),
        ("*/chroma", shutil.rmtree),
        ("*", shutil.rmtree),
    ],
)
def test_damaged_files_are_found_out_and_nothing_is_encoded_again(
    pattern: str, harm: Callable[[Path], object], large: Workshop
) -> None:
    harm(large.file(pattern))
    assert large.open().rebuilt
    assert large.is_sound()


def test_a_database_torn_by_a_crash_is_found_out(workshop: Workshop) -> None:
    workshop.publish(40)
    workshop.open()
    workshop.close()
    workshop.file("*/seal.json").unlink()  # a killed process leaves none
    truncate(workshop.file("*/chroma/chroma.sqlite3"))
    assert "could not be opened" in workshop.open().rebuilt
    assert workshop.is_sound()


def test_a_graph_cut_short_by_a_crash_is_found_out(large: Workshop) -> None:
    large.file("*/seal.json").unlink()
    truncate(large.file("*/chroma/*/data_level0.bin"))
    assert large.open().rebuilt
    assert large.is_sound()


def test_a_graph_torn_by_a_crash_does_not_end_the_process(large: Workshop) -> None:
    large.file("*/seal.json").unlink()
    garble(large.file("*/chroma/*/data_level0.bin"))
    assert large.open().rebuilt == "the dense index ends the process that opens it"
    assert large.is_sound()


def test_a_crash_that_tore_nothing_rebuilds_nothing(large: Workshop) -> None:
    large.file("*/seal.json").unlink()
    assert large.open().rebuilt == ""
    assert large.is_sound()


DELETE = """
import sys, chromadb
client = chromadb.PersistentClient(sys.argv[1], chromadb.config.Settings(anonymized_telemetry=False))
collection = client.get_collection("chunks", embedding_function=None)
collection.delete(ids=collection.get(include=[], limit=5)["ids"])
"""


def test_vectors_deleted_behind_our_back_are_put_back(workshop: Workshop) -> None:
    workshop.publish(40)
    workshop.open()
    workshop.close()
    subprocess.run([sys.executable, "-c", DELETE, str(workshop.file("*/chroma"))], check=True)
    workshop.file("*/seal.json").unlink()
    assert workshop.open().rebuilt == "the dense index lacks 5 chunks"
    assert workshop.is_sound()


@pytest.mark.parametrize("dimension", [DIMENSION, 24])
def test_another_embedding_model_rebuilds_with_its_own_vectors(dimension: int, workshop: Workshop) -> None:
    workshop.publish(620)
    first = workshop.open().generation
    other = CountingEncoder("second", dimension)
    indexes = workshop.open(other)
    assert indexes.rebuilt.startswith("the embedding model changed")
    assert (indexes.generation, indexes.difference(), other.encoded) == (first + 1, "", 620)


def test_going_back_to_the_model_before_encodes_nothing(workshop: Workshop) -> None:
    workshop.publish(40)
    workshop.open()
    workshop.open(CountingEncoder("second"))
    assert workshop.open().rebuilt.startswith("the embedding model changed")
    assert workshop.is_sound()


def test_another_model_is_noticed_before_the_first_document(workshop: Workshop) -> None:
    workshop.open()
    workshop.encoder = CountingEncoder("second", 24)
    indexes = workshop.open()
    assert indexes.rebuilt.startswith("the embedding model changed")
    workshop.publish(5)
    for rows in workshop.catalogue.all_rows():
        indexes.add(rows)
    assert workshop.is_sound()


def test_only_the_generation_in_use_is_kept(workshop: Workshop) -> None:
    workshop.publish(5)
    (workshop.folder / "indexes" / "77").mkdir(parents=True)  # left by a process that was killed while it rebuilt
    generation = workshop.open().generation
    assert [folder.name for folder in (workshop.folder / "indexes").iterdir()] == [str(generation)]


def test_what_was_encoded_once_is_not_encoded_again(workshop: Workshop) -> None:
    workshop.publish(3)
    indexes = workshop.open()
    rows = next(workshop.catalogue.all_rows())
    copies = [row.model_copy(update={"id": f"copy of {row.id}"}) for row in rows]
    assert indexes.add(copies) == 0
    assert indexes.dense.ids() == indexes.lexical.ids() == {row.id for row in [*rows, *copies]}


def test_a_wrong_vector_is_found_out(workshop: Workshop) -> None:
    workshop.publish(5)
    indexes = workshop.open()
    rows = next(workshop.catalogue.all_rows())
    wrong = CountingEncoder("wrong").encode([row.text for row in rows])
    indexes.dense.delete([row.id for row in rows])
    indexes.dense.add(rows, {row.embedded_hash: vector for row, vector in zip(rows, wrong, strict=True)})
    assert indexes.difference() == "a chunk is not found by its own vector"


def test_indexes_that_cannot_be_rebuilt_say_so_and_words_are_searched(workshop: Workshop) -> None:
    workshop.publish(5)
    indexes = workshop.open(ForgetfulEncoder("broken"))
    assert re.search(r"building the indexes anew failed 2 times \(.*\).*run `chatbot verify --repair`", indexes.trouble)
    assert set(indexes.read(lambda generation: generation.lexical.search("number3", 5, (), PUBLIC))) == {"c3"}


def test_the_real_encoder_finds_what_was_meant(indexes: Indexes, catalogue: Catalogue, encoder: BiEncoder) -> None:
    source = catalogue.add_source("cats", "/cats")
    texts = ["Cats purr when they are content.", "The boiler needs seven bar of pressure.", "Paris is the capital of France."]
    document = Document(id="d", collection="cats", source="a.md", title="Notes", content_hash="h")
    chunks = [Chunk(id=text, document_id="d", heading_path=(), text=text, start=0, end=1) for text in texts]
    catalogue.stage(source, document, "text", "", "recipe", chunks)
    assert sum(indexes.add(rows) for rows in catalogue.rows_of_documents(["d"])) == 3
    catalogue.publish(["d"])
    assert indexes.difference() == ""
    assert next(iter(indexes.dense.search(encoder.encode_query("a happy feline"), 1, (), PUBLIC))) == texts[0]


class Gate:
    """An encoder that makes nothing until it is let: so long a new generation is being built."""

    def __init__(self, fingerprint: str) -> None:
        self._encoder = CountingEncoder(fingerprint)
        self.card = self._encoder.card
        self.opened = threading.Event()

    def encode(self, texts: Sequence[str]) -> Vectors:
        if texts:
            self.opened.wait(30)
        return self._encoder.encode(texts)

    def encode_short(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode(texts)


def found_by_meaning(indexes: Indexes, encoder: CountingEncoder, number: int) -> str:
    """The chunk that a search with its own vector finds first, in the generation that serves and by the encoder of that."""
    text = embedded_text("Cats", (), chunk(number).text)

    def search(generation: Generation) -> str:
        assert generation.fingerprint == encoder.card.fingerprint, "vectors of two models are never mixed"
        return next(iter(generation.dense.search(encoder.encode([text])[0], 1, (), PUBLIC)), "")

    return indexes.read(search)


def found_by_words(indexes: Indexes, number: int) -> set[str]:
    return set(indexes.read(lambda generation: generation.lexical.search(f"number{number}", 5, (), PUBLIC)))


def test_the_old_generation_serves_with_its_own_encoder_while_the_new_one_is_made(workshop: Workshop) -> None:
    workshop.publish(40)
    first = workshop.open().generation
    gate = Gate("second")
    indexes = workshop.open_at_once(gate, find=lambda fingerprint: workshop.encoder if fingerprint == "first" else None)  # type: ignore[arg-type,return-value]
    assert (indexes.generation, indexes.trouble) == (first, "the embedding model changed")
    assert found_by_meaning(indexes, workshop.encoder, 7) == "c7"
    assert found_by_words(indexes, 7) == {"c7"}
    assert indexes.fingerprints == {"first", "second"}, "a sync may not sweep the vectors of either"
    gate.opened.set()
    indexes.wait()
    assert (indexes.generation, indexes.trouble) == (first + 1, "")
    assert found_by_meaning(indexes, CountingEncoder("second"), 7) == "c7"
    assert indexes.fingerprints == {"second"}


def test_where_the_old_encoder_is_gone_words_alone_are_searched_and_this_is_said(workshop: Workshop) -> None:
    workshop.publish(40)
    workshop.open()
    gate = Gate("second")
    indexes = workshop.open_at_once(gate)  # type: ignore[arg-type]
    assert "only words are searched" in indexes.trouble
    assert found_by_words(indexes, 7) == {"c7"}
    assert indexes.read(lambda generation: generation.dense.search(np.ones(DIMENSION, np.float32), 5, (), PUBLIC)) == {}
    gate.opened.set()
    indexes.wait()
    assert found_by_meaning(indexes, CountingEncoder("second"), 7) == "c7"


def test_what_a_sync_writes_during_a_rebuild_is_in_the_next_generation(workshop: Workshop) -> None:
    workshop.publish(40)
    workshop.open()
    gate = Gate("second")
    indexes = workshop.open_at_once(gate, find=lambda _: workshop.encoder)  # type: ignore[arg-type,return-value]
    rows = next(workshop.catalogue.all_rows())
    workshop.publish_more(5)
    for batch in workshop.catalogue.rows_of_documents(["more"]):
        indexes.add(batch)
    indexes.delete(workshop.catalogue.publish(["more"]))
    indexes.delete(workshop.catalogue.remove(["d"]))
    gate.opened.set()
    indexes.wait()
    assert len(rows) == 40
    assert indexes.dense.ids() == indexes.lexical.ids() == workshop.catalogue.chunk_ids() == {f"m{n}" for n in range(5)}
    assert indexes.difference() == ""


def break_down(index: Any, works: str = "") -> None:
    """Let an index stop to work, but for one of its methods, as on a disk that is lost."""

    def fail(*_: object) -> None:
        raise IndexDamaged("it failed")

    for name in {"search", "add", "delete", "ids", "vectors", "nearest"} - {works}:
        if hasattr(index, name):
            setattr(index, name, fail)


@pytest.mark.parametrize("half", ["dense", "lexical"])
@pytest.mark.parametrize("works", ["", "ids"])
def test_an_index_that_breaks_while_it_is_searched_is_left_and_built_anew(half: str, works: str, workshop: Workshop) -> None:
    workshop.publish(40)
    indexes = workshop.open()
    number = indexes.generation
    break_down(getattr(indexes, half), works)
    assert found_by_meaning(indexes, workshop.encoder, 7) == "c7"
    found_by_words(indexes, 7)
    indexes.wait()
    workshop.encoder.encoded = 0
    assert found_by_words(indexes, 7) == {"c7"}
    assert indexes.generation > number
    assert "failed" in indexes.rebuilt
    assert workshop.is_sound()


@pytest.mark.parametrize("half", ["dense", "lexical"])
def test_an_index_that_breaks_while_it_is_written_loses_nothing(half: str, workshop: Workshop) -> None:
    workshop.publish(40)
    indexes = workshop.open()
    workshop.publish_more(5)
    break_down(getattr(indexes, half), "ids")
    for batch in workshop.catalogue.rows_of_documents(["more"]):
        indexes.add(batch)
    indexes.delete(workshop.catalogue.publish(["more"]))
    indexes.wait()
    assert workshop.catalogue.chunk_ids() >= {"m0", "m4"}
    assert workshop.encoder.encoded == 5
    workshop.encoder.encoded = 0
    assert workshop.is_sound()


def test_searches_go_on_through_a_rebuild(large: Workshop) -> None:
    flip(large.file("*/chroma/*/data_level0.bin"))
    indexes = large.open_at_once()
    answers = []
    while not indexes.wait(0):
        answers.append((found_by_meaning(indexes, large.encoder, 7), found_by_words(indexes, 7)))
    assert all(answer == ("c7", {"c7"}) for answer in answers)
    assert indexes.rebuilt
    large.encoder.encoded = 0
    assert large.is_sound()


def test_the_folder_of_a_generation_goes_with_its_last_search(workshop: Workshop) -> None:
    workshop.publish(5)
    indexes = workshop.open()
    serving = indexes._serving
    with serving.reading() as old:
        indexes.rebuild("a test")
        indexes.wait()
        assert serving.now is not old
        assert old.folder.exists()
        assert len(old.dense.ids()) == 5, "a search that has begun goes on"
    assert [path.name for path in (workshop.folder / "indexes").iterdir()] == [str(indexes.generation)]


def test_a_vector_that_the_stores_do_not_agree_about_is_made_again(large: Workshop) -> None:
    text = embedded_text("Cats", (), chunk(3).text)
    true = large.encoder.encode([text])[0]
    large.catalogue.forget_embeddings(["c3"], "first")
    large.catalogue.put_embeddings({embedded_hash(text): np.roll(true, 1)}, "first")
    large.file("*/seal.json").unlink()
    large.encoder.encoded = 0
    indexes = large.open()
    assert "another vector than the catalogue for 1 of" in indexes.rebuilt
    assert large.encoder.encoded == 1
    assert np.array_equal(large.catalogue.embeddings([embedded_hash(text)], "first")[embedded_hash(text)], true)


@pytest.mark.parametrize(
    ("looks", "wanted"),
    [(1, [20, 2]), (4, [20, 2, 2, 2, 2]), pytest.param(5, [20, 2, 2, 2, 2, 20], id="given up, and begun again")],
)
def test_chunks_to_which_the_graph_does_not_lead_are_added_once_more(
    looks: int, wanted: list[int], workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.publish(20)
    indexes = workshop.open()
    nearest, add = DenseIndex.nearest, DenseIndex.add
    looked, added = 0, list[int]()

    def found(self: DenseIndex, vectors: Vectors) -> list[float]:
        """The first two are lost, so many times."""
        nonlocal looked
        looked += 1
        return [0.5, 0.5, *nearest(self, vectors)[2:]] if looked <= looks else nearest(self, vectors)

    def counted(self: DenseIndex, rows: Sequence[IndexRow], vectors: Mapping[str, Vectors]) -> None:
        added.append(len(rows))
        add(self, rows, vectors)

    monkeypatch.setattr(DenseIndex, "nearest", found)
    monkeypatch.setattr(DenseIndex, "add", counted)
    indexes.rebuild("it is tried out")
    indexes.wait()
    assert added == wanted
    assert indexes.difference() == ""
    assert workshop.catalogue.meta("leftovers_since") == "", "nothing was removed"


def test_what_a_sync_replaces_while_a_generation_is_filled_is_not_missed(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    workshop.publish(20)
    indexes = workshop.open()
    fill, fills = Renewal._fill, 0

    def filled(self: Renewal, made: Generation, wanted: set[str]) -> None:
        """A document comes after the first look at what is wanted, and goes between the last look and the filling."""
        nonlocal fills
        fills += 1
        if fills == 2:
            workshop.catalogue.remove(["more"])
        fill(self, made, wanted)
        if fills == 1:
            workshop.publish_more(5)
            indexes.add([row for rows in workshop.catalogue.rows_of_documents(["more"]) for row in rows])
            workshop.catalogue.publish(["more"])

    monkeypatch.setattr(Renewal, "_fill", filled)
    indexes.rebuild("it is tried out")
    indexes.wait()
    assert fills == 2
    assert indexes.generation == 2
    assert not caplog.records
    assert indexes.dense.ids() == indexes.lexical.ids() == workshop.catalogue.chunk_ids()


def test_a_chunk_whose_vector_is_swept_while_it_is_indexed_is_encoded_again(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.publish(20)
    indexes = workshop.open()
    workshop.publish_more(5)
    rows = [row for batch in workshop.catalogue.rows_of_documents(["more"]) for row in batch]
    found = workshop.catalogue.embeddings

    def swept(hashes: Iterable[str], fingerprint: str) -> dict[str, Vectors]:
        workshop.catalogue.drop_unfinished(workshop.catalogue.sources()[0], ["b.md"])
        workshop.catalogue.sweep_embeddings([fingerprint])
        return found(hashes, fingerprint)

    indexes.add(rows)
    monkeypatch.setattr(workshop.catalogue, "embeddings", swept)
    assert indexes.add(rows) == 5
    assert {row.id for row in rows} <= indexes.dense.ids()
