"""The states of a document over syncs: what stopped goes on where it stopped, and what failed says why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from documents import write
from stops import stopped_after
from stores import Stores

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.reading.splitter import Splitter
from chatbot.knowledge.sources.sources import Sources
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.syncing.plan import plan
from chatbot.knowledge.syncing.sync import Synchronizer
from chatbot.reports import DocumentReport

FILES = {f"{number}.md": f"# Hall {number}\n\nMachine {number} needs oil every year." for number in range(3)}

Stage = tuple[str, str, str]


class Shelf:
    """A folder with catalogue and indexes; `open` is what the next process does."""

    def __init__(self, root: Path, encoder: BiEncoder) -> None:
        self.root = root
        self.folder = root / "folder"
        self._encoder = encoder
        self.catalogue, self.indexes = self.open()

    def open(self) -> tuple[Catalogue, Indexes]:
        self.catalogue = Catalogue(self.root / "catalogue.sqlite")
        self.indexes = Indexes(self.root / "indexes", self.catalogue, self._encoder)
        return self.catalogue, self.indexes

    def close(self) -> None:
        self.indexes.close()
        self.catalogue.close()

    def run(self, *paths: Path) -> Iterator[DocumentReport]:
        sources = Sources(self.catalogue, {})
        wanted = [sources.register(str(path), "shelf") for path in paths or (self.folder,)]
        return self.synchronizer().run(plan(wanted, self.catalogue, sources.list))

    def synchronizer(self) -> Synchronizer:
        return Synchronizer(
            Stores(self.catalogue, self.indexes, Splitter(self._encoder.tokenizer_file, 8, 16, 48), self._encoder)
        )

    def sync(self, *paths: Path) -> dict[str, str]:
        return {report.source: report.state for report in self.run(*paths)}

    def states(self) -> list[Stage]:
        """Every version by path, with its reason."""
        found = self.catalogue.in_state("pending", "parsed", "embedded", "live", "failed", "refused")
        return [(each.source, each.state, each.reason) for each in found]


@pytest.fixture
def shelf(tmp_path: Path, tiny_encoder: BiEncoder) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path, tiny_encoder)
    yield shelf
    shelf.close()


def live(*paths: str) -> list[Stage]:
    return [(path, "live", "") for path in paths]


def test_a_sync_that_has_begun_leaves_a_trace_of_all_it_planned(shelf: Shelf) -> None:
    write(shelf.folder, FILES)
    (shelf.folder / "0.md").write_bytes(b"")
    running = shelf.run()
    next(running)
    assert shelf.states() == [("0.md", "refused", "the file is empty"), ("1.md", "pending", ""), ("2.md", "pending", "")]
    running.close()  # type: ignore[attr-defined]
    assert shelf.sync() == {"0.md": "refused", "1.md": "added", "2.md": "added"}
    assert shelf.states() == [("0.md", "refused", "the file is empty"), *live("1.md", "2.md")]


def test_a_first_sync_stopped_at_any_statement_is_finished_by_the_next(tmp_path: Path, tiny_encoder: BiEncoder) -> None:
    seen: set[str] = set()
    statements, stopped = 0, True
    while stopped:
        (root := tmp_path / str(statements)).mkdir()
        shelf = Shelf(root, tiny_encoder)
        write(shelf.folder, FILES)
        stopped = stopped_after(statements, shelf.sync)
        shelf.close()
        shelf.open()
        assert shelf.indexes.difference() == ""
        seen |= {state for _, state, _ in shelf.states()}
        shelf.sync()
        assert shelf.states() == live(*FILES)
        assert shelf.indexes.difference() == ""
        before = shelf.states()
        assert set(shelf.sync().values()) == {"unchanged"}
        assert shelf.states() == before
        shelf.close()
        statements += 1
    assert seen == {"pending", "parsed", "embedded", "live"}


def test_what_is_parsed_is_not_read_again(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    write(shelf.folder, FILES)
    assert stopped_after(0, shelf.sync, "UPDATE documents")
    assert {state for _, state, _ in shelf.states()} == {"parsed"}
    read: list[str] = []
    as_it_is = Synchronizer._extract  # noqa: SLF001  what reads a file, wherever it does so

    def counted(synchronizer: Synchronizer, task: Any, content: Any) -> Any:
        read.append(task.path)
        return as_it_is(synchronizer, task, content)

    monkeypatch.setattr(Synchronizer, "_extract", counted)
    write(shelf.folder, {"1.md": "# Hall 1\n\nMachine 1 wants water now."})
    assert shelf.sync() == dict.fromkeys(FILES, "added")
    assert read == ["1.md"]
    assert shelf.states() == live(*FILES)
    assert shelf.indexes.difference() == ""


def test_a_sync_of_another_folder_leaves_what_was_stopped_to_be_finished(shelf: Shelf, tmp_path: Path) -> None:
    write(shelf.folder, FILES)
    assert stopped_after(2, shelf.sync)
    before = shelf.states()
    more = write(tmp_path / "more", {"z.md": "# Dogs\n\nDogs bark."})
    shelf.sync(more)
    assert shelf.states() == [*before, *live("z.md")]
    shelf.sync()
    assert shelf.states() == live(*FILES, "z.md")


def test_a_file_that_fails_says_why_and_its_last_version_stays_live(shelf: Shelf) -> None:
    write(shelf.folder, FILES)
    shelf.sync()
    (shelf.folder / "1.md").unlink()
    (shelf.folder / "1.md").symlink_to("1.md")
    for _ in range(2):
        assert shelf.sync()["1.md"] == "failed"
        (failed,) = shelf.catalogue.in_state("failed")
        assert (failed.source, failed.collection) == ("1.md", "shelf")
        assert failed.reason
        assert shelf.catalogue.collections() == {"shelf": 3}
    (shelf.folder / "1.md").unlink()
    write(shelf.folder, FILES)
    assert shelf.sync()["1.md"] == "unchanged"
    assert shelf.states() == live(*FILES)


def test_a_refused_file_says_why_and_nothing_of_it_is_live(shelf: Shelf) -> None:
    write(shelf.folder, FILES)
    shelf.sync()
    (shelf.folder / "1.md").write_bytes(b"")
    for _ in range(2):
        assert shelf.sync()["1.md"] == "refused"
        assert shelf.states() == [("0.md", "live", ""), ("1.md", "refused", "the file is empty"), ("2.md", "live", "")]
    write(shelf.folder, {"1.md": "# Again"})
    assert shelf.sync()["1.md"] == "added"
    assert shelf.states() == live(*FILES)


def test_what_was_refused_and_is_gone_is_forgotten_without_a_report(shelf: Shelf) -> None:
    write(shelf.folder, {**FILES, "empty.txt": b""})
    shelf.sync()
    (shelf.folder / "empty.txt").unlink()
    assert "empty.txt" not in shelf.sync()
    assert shelf.states() == live(*FILES)


def test_what_was_refused_stays_noted_while_its_folder_cannot_be_reached(shelf: Shelf) -> None:
    write(shelf.folder, {"empty.txt": b""})
    shelf.sync()
    shelf.folder.rename(shelf.root / "away")
    assert shelf.sync() == {str(shelf.folder): "failed"}
    states = {path: state for path, state, _ in shelf.states()}
    assert states == {str(shelf.folder): "failed", "empty.txt": "refused"}
    (shelf.root / "away").rename(shelf.folder)
    shelf.sync()
    assert shelf.states() == [("empty.txt", "refused", "the file is empty")]


def test_a_changed_file_that_changes_back_is_live_as_it_was(shelf: Shelf) -> None:
    write(shelf.folder, FILES)
    shelf.sync()
    write(shelf.folder, {"1.md": "# Hall 1\n\nMachine 1 wants water now."})
    assert stopped_after(0, shelf.sync, "UPDATE documents")
    assert ("1.md", "parsed", "") in shelf.states()
    write(shelf.folder, FILES)
    assert set(shelf.sync().values()) == {"unchanged"}
    assert shelf.states() == live(*FILES)
    assert shelf.indexes.difference() == ""


def test_a_source_that_is_forgotten_takes_what_it_left_undone_with_it(shelf: Shelf) -> None:
    write(shelf.folder, {**FILES, "empty.txt": b""})
    shelf.sync()
    sources = Sources(shelf.catalogue, {}).registered([str(shelf.folder)])
    assert {report.source for report in shelf.synchronizer().forget(sources)} == set(FILES)
    assert (shelf.states(), shelf.catalogue.sources()) == ([], [])
