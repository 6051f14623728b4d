"""The dense index: exact cosines, filters that hold, and nothing lost over a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from chatbot.encoders import Vectors
from chatbot.errors import IndexDamaged
from chatbot.knowledge.indexes import dense
from chatbot.knowledge.indexes.dense import DenseIndex
from chatbot.knowledge.store.tables import IndexRow

PUBLIC = ("public",)


def row(name: str, collection: str = "cats", access: str = "public") -> IndexRow:
    return IndexRow(id=name, collection=collection, access=access, text=name)


def unit(count: int, dimension: int = 32, seed: int = 0) -> Vectors:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def fill(index: DenseIndex, rows: list[IndexRow], vectors: Vectors) -> None:
    index.add(rows, {each.embedded_hash: vector for each, vector in zip(rows, vectors, strict=True)})


@pytest.fixture
def index(tmp_path: Path) -> Iterator[DenseIndex]:
    index = DenseIndex(tmp_path / "chroma")
    yield index
    index.close()


def test_the_nearest_come_first_with_their_cosines(index: DenseIndex) -> None:
    vectors = unit(60)
    fill(index, [row(str(number)) for number in range(60)], vectors)
    found = index.search(vectors[7], 10, (), PUBLIC)
    exact = vectors @ vectors[7]
    assert list(found) == [str(number) for number in np.argsort(-exact)[:10]]
    assert list(found.values()) == pytest.approx(sorted(exact, reverse=True)[:10], abs=1e-3)


def test_only_the_collections_asked_for_are_searched(index: DenseIndex) -> None:
    fill(index, [row("a", "cats"), row("b", "dogs"), row("c", "birds")], unit(3))
    assert set(index.search(unit(1)[0], 10, ("cats", "birds"), PUBLIC)) == {"a", "c"}
    assert set(index.search(unit(1)[0], 10, (), PUBLIC)) == {"a", "b", "c"}
    assert index.search(unit(1)[0], 10, ("fish",), PUBLIC) == {}


def test_what_may_not_be_seen_is_not_found(index: DenseIndex) -> None:
    fill(index, [row("open"), row("secret", access="board")], unit(2))
    assert set(index.search(unit(2)[1], 10, (), PUBLIC)) == {"open"}
    assert set(index.search(unit(2)[1], 10, (), ("public", "board"))) == {"open", "secret"}


def test_an_empty_index_finds_nothing(index: DenseIndex) -> None:
    assert index.search(unit(1)[0], 10, (), PUBLIC) == {}
    assert index.ids() == set()


def test_adding_again_changes_nothing(index: DenseIndex) -> None:
    fill(index, [row("a"), row("b")], unit(2))
    fill(index, [row("a"), row("b")], unit(2))
    assert index.ids() == {"a", "b"}


def test_a_deleted_chunk_is_not_found(index: DenseIndex) -> None:
    fill(index, [row("a"), row("b")], unit(2))
    index.delete(["a", "never there"])
    assert index.ids() == {"b"}
    assert set(index.search(unit(2)[0], 10, (), PUBLIC)) == {"b"}


def test_fifteen_hundred_vectors_survive_a_restart(tmp_path: Path) -> None:
    vectors = unit(1500)
    first = DenseIndex(tmp_path / "large")
    fill(first, [row(str(number)) for number in range(1500)], vectors)
    first.close()
    second = DenseIndex(tmp_path / "large")
    assert second.ids() == {str(number) for number in range(1500)}
    for number in range(0, 1500, 50):
        best = next(iter(second.search(vectors[number], 1, (), PUBLIC).items()))
        assert best == (str(number), pytest.approx(1, abs=1e-5))
    second.close()


def test_a_chunk_that_many_files_repeat_hides_no_other(tmp_path: Path) -> None:
    index = DenseIndex(tmp_path / "copies")
    others, one = unit(500, 384), unit(1, 384, seed=1)[0]
    rows = [*(row(f"other {number}") for number in range(500)), *(row(f"copy {number}") for number in range(1000))]
    vectors = np.concatenate([others, np.tile(one, (1000, 1))])
    order = np.random.default_rng(2).permutation(1500)
    fill(index, [rows[number] for number in order], vectors[order])
    lost = sum(cosine < 0.999 for cosine in index.nearest(others))
    assert lost <= 5, "hundreds, were the copies one and the same vector"
    assert len(index.search(one, 100, (), PUBLIC)) == 100
    assert index.search(one, 1, (), PUBLIC).popitem()[1] == pytest.approx(1, abs=1e-5)
    index.close()


@pytest.mark.parametrize("content", [b"no database" * 100, b"SQLite format 3\x00" + b"\xff" * 4000])
def test_a_garbled_folder_cannot_be_opened(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "chroma.sqlite3").write_bytes(content)
    with pytest.raises(IndexDamaged, match="the dense index could not be opened in .*broken: "):
        DenseIndex(tmp_path / "broken")


def test_a_folder_without_a_graph_on_disk_needs_no_trial(tmp_path: Path, index: DenseIndex) -> None:
    fill(index, [row("a")], unit(1))
    assert dense.withstands(tmp_path / "chroma")
    assert dense.withstands(tmp_path / "nowhere")


def test_what_chroma_cannot_do_is_an_error_of_ours(index: DenseIndex) -> None:
    fill(index, [row("a")], unit(1))
    with pytest.raises(IndexDamaged, match="the dense index could not be written: "):
        fill(index, [row("b")], unit(1, dimension=8))
    assert index.ids() == {"a"}


def test_a_folder_that_vanished_is_an_error_of_ours(tmp_path: Path) -> None:
    index = DenseIndex(tmp_path / "gone")
    fill(index, [row("a")], unit(1))
    (tmp_path / "gone" / "chroma.sqlite3").write_bytes(b"overwritten" * 20_000)
    for act in (index.ids, index.try_out, lambda: index.delete(["a"]), lambda: fill(index, [row("b")], unit(1))):
        with pytest.raises(IndexDamaged, match="the dense index could not be"):
            act()
    index.close()


def test_a_hidden_chunk_that_comes_after_a_search_is_not_found(index: DenseIndex) -> None:
    vectors = unit(2)
    fill(index, [row("open")], vectors[:1])
    assert set(index.search(vectors[1], 10, (), PUBLIC)) == {"open"}
    fill(index, [row("secret", access="board")], vectors[1:])
    assert set(index.search(vectors[1], 10, (), PUBLIC)) == {"open"}
    assert set(index.search(vectors[1], 10, (), ("board", "public"))) == {"open", "secret"}


def test_a_hidden_chunk_is_not_found_after_a_restart(tmp_path: Path) -> None:
    vectors = unit(2)
    for _ in range(2):
        index = DenseIndex(tmp_path / "chroma")
        fill(index, [row("open"), row("secret", access="board")], vectors)
        assert set(index.search(vectors[1], 10, (), PUBLIC)) == {"open"}
        index.close()
