"""The dense index on a Chroma server: as the embedded one, and told in words where the server is away."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import chroma_process
import numpy as np
import pytest
from chroma_process import ChromaProcess

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.errors import IndexUnavailable, SettingsError
from chatbot.flow.condense import SearchForm
from chatbot.flow.retrieve import Retriever
from chatbot.knowledge.indexes.chroma_server import ChromaServer
from chatbot.knowledge.indexes.dense import DenseIndex, ServedDense
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.reading.splitter import embedded_hash
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.store.tables import IndexRow
from chatbot.schema import Chunk, Document, Query
from chatbot.sections import ChromaSettings, RetrievalSettings

MANY = 1500
"""More than Chroma keeps in its log: the graph is written to disk, which a restart must survive (chroma#7090)."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChromaProcess]:
    with chroma_process.started(tmp_path / "server") as server:
        yield server


def home(server: ChromaProcess, catalogue: Catalogue) -> ServedDense:
    return ServedDense(ChromaServer(ChromaSettings(url=server.url), catalogue))


def held(server: ChromaProcess, catalogue: Catalogue, generation: int) -> set[str]:
    with closing(home(server, catalogue).open(Path(str(generation)))) as index:
        return index.ids()


def rows(count: int) -> list[IndexRow]:
    return [IndexRow(id=f"{number:05}", collection="halls", access="public", text=f"text {number}") for number in range(count)]


def vectors(some: list[IndexRow]) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0).normal(size=(len(some), 32)).astype(np.float32)
    random /= np.linalg.norm(random, axis=1, keepdims=True)
    return {embedded_hash(row.text): vector for row, vector in zip(some, random, strict=True)}


def same(index: DenseIndex, wanted: dict[str, np.ndarray], some: list[IndexRow]) -> None:
    """Every id, every vector, and each found by itself."""
    assert index.ids() == {row.id for row in some}
    held = index.vectors([row.id for row in some])
    assert all(np.allclose(held[row.id], wanted[row.embedded_hash], atol=1e-3) for row in some)
    for row in some[::150]:
        assert next(iter(index.search(wanted[row.embedded_hash], 5, ("halls",), ("public",)))) == row.id


def test_it_holds_what_the_embedded_one_would_and_still_does_after_a_kill(server: ChromaProcess, catalogue: Catalogue) -> None:
    some = rows(MANY)
    wanted = vectors(some)
    index = home(server, catalogue).open(Path("7"))
    index.add(some, wanted)
    index.add(some[:10], wanted)
    index.delete([some[-1].id])
    same(index, wanted, some[:-1])
    server.kill()
    server.start()
    same(index, wanted, some[:-1])
    index.close()


def test_catalogues_and_generations_share_a_server_and_nothing_on_it(
    server: ChromaProcess, catalogue: Catalogue, tmp_path: Path
) -> None:
    some = rows(3)
    other = Catalogue(tmp_path / "other.sqlite")
    for each in (catalogue, other):
        for generation in ("1", "2"):
            index = home(server, each).open(Path(generation))
            assert index.ids() == set()
            index.add(some, vectors(some))
            index.close()
    home(server, catalogue).sweep([Path("2")])
    assert [len(held(server, each, number)) for each in (catalogue, other) for number in (1, 2)] == [0, 3, 3, 3]
    other.close()


def fill(catalogue: Catalogue) -> list[str]:
    source = catalogue.add_source("halls", "/halls")
    document = Document(id="d", collection="halls", source="a.md", title="Halls", content_hash="h")
    words = ("The pump needs oil.", "The lamp needs light.", "The clock needs winding.")
    chunks = [
        Chunk(id=f"d-{number}", document_id="d", heading_path=(), text=text, start=0, end=len(text))
        for number, text in enumerate(words)
    ]
    catalogue.stage(source, document, " ".join(words), "", "recipe", chunks)
    catalogue.publish(["d"])
    return [chunk.id for chunk in chunks]


def test_generations_are_verified_and_built_anew_on_it(
    server: ChromaProcess, catalogue: Catalogue, tmp_path: Path, tiny_encoder: BiEncoder
) -> None:
    ids = fill(catalogue)

    def opened() -> Indexes:
        return Indexes(tmp_path / "indexes", catalogue, tiny_encoder, home=home(server, catalogue))

    for _ in range(2):
        indexes = opened()
        assert indexes.wait(60)
        assert indexes.difference() == ""
        indexes.close()
    number = indexes.generation
    stolen = home(server, catalogue).open(Path(str(number)))
    stolen.delete(ids[:1])
    stolen.close()
    indexes = opened()
    assert indexes.wait(60)
    assert indexes.generation == number + 1
    assert indexes.difference() == ""
    indexes.close()
    assert held(server, catalogue, number) == set(), "the old one is gone"


def test_words_are_searched_while_it_is_away(
    server: ChromaProcess, catalogue: Catalogue, tmp_path: Path, tiny_encoder: BiEncoder
) -> None:
    fill(catalogue)
    indexes = Indexes(tmp_path / "indexes", catalogue, tiny_encoder, home=home(server, catalogue))
    assert indexes.wait(60)
    retrieve = Retriever(catalogue, indexes, RetrievalSettings())
    query, forms = Query(text="pump"), [SearchForm(text="pump", weight=1.0)]
    whole = retrieve(query, forms, 3)
    server.kill()
    (alone,) = retrieve(query, forms, 3)
    assert alone.chunk.text == "The pump needs oil."
    assert alone.dense == pytest.approx(next(each.dense for each in whole if each.chunk.id == alone.chunk.id), abs=1e-3)
    with pytest.raises(IndexUnavailable, match=rf"the Chroma server at {server.url} does not answer \(.+\); see that it runs"):
        indexes.add([row for rows in catalogue.all_rows() for row in rows])
    server.start()
    assert retrieve(query, forms, 3) == whole
    assert indexes.difference() == ""
    indexes.close()


def test_a_server_that_is_away_is_told_at_the_start(tmp_path: Path, catalogue: Catalogue, tiny_encoder: BiEncoder) -> None:
    with socket.socket() as taken:  # and never listens
        taken.bind(("127.0.0.1", 0))
        away = ServedDense(ChromaServer(ChromaSettings(url=f"http://127.0.0.1:{taken.getsockname()[1]}"), catalogue))
        with pytest.raises(IndexUnavailable, match="does not answer"):
            Indexes(tmp_path / "indexes", catalogue, tiny_encoder, home=away)


@pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700::1111]", "168.63.129.17"])
def test_a_public_address_is_refused_before_anything_is_sent(host: str, catalogue: Catalogue) -> None:
    with pytest.raises(SettingsError, match="has the public address .*, and whoever reaches such a server owns it"):
        ServedDense(ChromaServer(ChromaSettings(url=f"http://{host}:8000"), catalogue)).open(Path("1"))


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "http://user:password@127.0.0.1", "http://127.0.0.1/x", "ftp://127.0.0.1"])
def test_what_is_no_address_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="it is no address of a server; write it like http://127.0.0.1:8000"):
        ChromaSettings(url=url)
