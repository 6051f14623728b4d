"""The checker behind the figures on kills and damage: it finds each kind of fault, and none where there is none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import chromadb
import pytest
import tantivy
from chromadb.config import Settings
from faults import shelf

from chatbot.knowledge.indexes.opening import LEXICAL

CHUNK = "d002c03"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shelf, "DOCUMENTS", 8)
    monkeypatch.setattr(shelf, "KEPT", 2)
    shelf.furnish(tmp_path / "data")
    return tmp_path / "data"


@contextmanager
def catalogue(data: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(data / "catalogue.sqlite")
    with connection:
        yield connection
    connection.close()


@contextmanager
def chroma(data: Path) -> Iterator[Any]:
    client: Any = chromadb.PersistentClient(str(data / "indexes" / "1" / "chroma"), Settings(anonymized_telemetry=False))
    yield client.get_collection("chunks", embedding_function=None)
    client.close()


def test_it_finds_nothing_where_nothing_is_wrong(data: Path) -> None:
    assert shelf.differences(data) == []


def test_it_finds_what_chroma_lost_and_what_it_should_not_hold(data: Path) -> None:
    with chroma(data) as collection:
        collection.delete([CHUNK])
        collection.add(["another"], embeddings=[[1.0] * shelf.DIMENSION], metadatas=[{"access": "public"}])
    assert shelf.differences(data) == ["1 orphans in Chroma", "1 chunks are not in Chroma"]


def test_it_finds_a_vector_that_is_not_the_catalogues(data: Path) -> None:
    with chroma(data) as collection:
        collection.update([CHUNK], embeddings=[[1.0] * shelf.DIMENSION])
    assert shelf.differences(data) == ["1 vectors in Chroma are others than the catalogue's"]


def test_it_finds_what_tantivy_lost(data: Path) -> None:
    index = tantivy.Index.open(str(data / "indexes" / "1" / LEXICAL))
    writer = index.writer()
    writer.delete_documents_by_term("id", CHUNK)
    writer.commit()
    writer.wait_merging_threads()
    assert shelf.differences(data) == ["1 chunks are not in tantivy"]


def test_it_finds_a_text_that_was_not_read_and_a_document_that_is_gone(data: Path) -> None:
    with catalogue(data) as connection:
        connection.execute("UPDATE chunks SET text = 'another' WHERE id = ?", [CHUNK])
    assert shelf.differences(data) == [shelf.OF_TEXTS[0]]
    with catalogue(data) as connection:
        connection.execute("UPDATE documents SET state = 'parsed' WHERE path = '2.md'")
    assert shelf.differences(data) == [
        "document 2 is lost",
        f"{shelf.CHUNKS} orphans in tantivy",
        f"{shelf.CHUNKS} orphans in Chroma",
    ]
