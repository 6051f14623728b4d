"""kill -9 at random moments of a sync: what is published is whole, the next sync finishes, and nothing is encoded twice."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from documents import write
from stores import Stores

from chatbot.bootstrap import Application, open_application
from chatbot.encoders import bi_encoder
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.reading.splitter import Splitter
from chatbot.knowledge.sources.sources import Sources
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.syncing.plan import plan
from chatbot.knowledge.syncing.sync import Synchronizer
from chatbot.reports import DocumentReport
from chatbot.sections import EncoderSettings
from chatbot.settings import Settings

KILLS_IN_A_ROW = 4

_processes = multiprocessing.get_context("forkserver")
# imported once, not every time
_processes.set_forkserver_preload(["chatbot.knowledge.syncing.sync", "chatbot.encoders.bi_encoder"])

Whole = dict[str, frozenset[str]]
"""Ids of a document's chunks, by its path."""


class Store:
    """Catalogue and indexes of one data directory, and the folder that is synced into it."""

    def __init__(self, data: Path, encoder: BiEncoder) -> None:
        self.encoder = encoder
        self.catalogue = Catalogue(data / "catalogue.sqlite")
        self.indexes = Indexes(data / "indexes", self.catalogue, encoder)
        self.indexes.wait()

    def sync(self, folder: Path) -> list[DocumentReport]:
        splitter = Splitter(self.encoder.tokenizer_file, 8, 16, self.encoder.card.max_tokens)
        sources = Sources(self.catalogue, {})
        planned = plan([sources.register(str(folder), "shelf")], self.catalogue, sources.list)
        return list(Synchronizer(Stores(self.catalogue, self.indexes, splitter, self.encoder)).run(planned))

    def close(self) -> None:
        self.indexes.close()
        self.catalogue.close()


@contextmanager
def opened(data: Path, encoder: BiEncoder) -> Iterator[Store]:
    store = Store(data, encoder)
    yield store
    store.close()


def sync_in_a_process(data: Path, folder: Path, models: Path) -> None:
    with opened(data, bi_encoder.load(EncoderSettings().model, models)) as store:
        store.sync(folder)


def published(data: Path) -> Whole:
    """What the catalogue says is published, looked at without touching the indexes."""
    catalogue = Catalogue(data / "catalogue.sqlite")
    chunks: dict[str, set[str]] = {}
    for chunk, document in catalogue.published_chunks(catalogue.chunk_ids()).values():
        chunks.setdefault(document.source, set()).add(chunk.id)
    catalogue.close()
    return {path: frozenset(ids) for path, ids in chunks.items()}


def page(number: int, word: str) -> str:
    return "\n\n".join(f"# Part {part}\n\nMachine {number} of hall {part} needs {word} every year." for part in range(11))


class Before:
    """A synced folder whose files have changed since, with the states that may be seen on the way."""

    def __init__(self, root: Path, encoder: BiEncoder, models: Path) -> None:
        self.folder = write(root / "folder", {f"{number:02}.md": page(number, "oil") for number in range(25)})
        self.data = root / "before"
        self.data.mkdir()
        with opened(self.data, encoder) as store:
            store.sync(self.folder)
        self.old = published(self.data)
        for number in range(3):
            (self.folder / f"{number:02}.md").unlink()
        write(self.folder, {f"{number:02}.md": page(number, "water") for number in range(6, 30)})
        # once without being killed: how long it takes, and what must come out
        self.after = shutil.copytree(self.data, root / "after")
        started = time.monotonic()
        child = _processes.Process(target=sync_in_a_process, args=(self.after, self.folder, models))
        child.start()
        child.join()
        self.seconds = time.monotonic() - started
        self.new = published(self.after)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory, encoder: BiEncoder, models: Path) -> Before:
    warm = _processes.Process(target=int)  # starts the server that all others are forked from
    warm.start()
    warm.join()
    return Before(tmp_path_factory.mktemp("kill"), encoder, models)


def vectors_missing(data: Path, before: Before, fingerprint: str) -> int:
    """How many vectors of the finished state are still to be made."""
    finished, unfinished = Catalogue(before.after / "catalogue.sqlite"), Catalogue(data / "catalogue.sqlite")
    wanted = {row.embedded_hash for rows in finished.all_rows() for row in rows}
    stored = unfinished.embeddings(wanted, fingerprint)
    finished.close()
    unfinished.close()
    return len(wanted) - len(stored)


@pytest.mark.parametrize("seed", range(2))
def test_a_sync_may_be_killed_at_any_moment(seed: int, before: Before, encoder: BiEncoder, models: Path, tmp_path: Path) -> None:
    moments = random.Random(seed)
    data = shutil.copytree(before.data, tmp_path / "data")
    for _ in range(KILLS_IN_A_ROW):
        child = _processes.Process(target=sync_in_a_process, args=(data, before.folder, models))
        child.start()
        child.join(moments.uniform(0.2, 1) * before.seconds)
        child.kill()
        child.join()
        for path, chunks in published(data).items():
            assert chunks in (before.old.get(path), before.new.get(path)), f"{path} is half published"

    missing = vectors_missing(data, before, encoder.card.fingerprint)
    with opened(data, encoder) as store:
        assert store.indexes.difference() == "", "both indexes hold what is published, no more and no less"
        reports = store.sync(before.folder)
        assert sum(report.embedded_chunks for report in reports) == missing, (
            "what was encoded before the kill is not encoded again"
        )
        assert {report.state for report in reports} <= {"added", "changed", "unchanged", "removed"}
        assert store.indexes.difference() == ""
        assert store.indexes.dense.ids() == store.indexes.lexical.ids() == store.catalogue.chunk_ids()
    assert published(data) == before.new


def test_the_states_before_and_after_differ(before: Before) -> None:
    assert len(before.old) == 25
    assert len(before.new) == 27
    assert sum(before.old.get(path) == chunks for path, chunks in before.new.items()) == 3


def test_a_rebuild_may_be_killed_at_any_moment(before: Before, encoder: BiEncoder, models: Path, tmp_path: Path) -> None:
    moments = random.Random(99)
    data = shutil.copytree(before.after, tmp_path / "data")
    for _ in range(KILLS_IN_A_ROW):
        for folder in (data / "indexes").glob("*/chroma"):
            shutil.rmtree(folder)
        child = _processes.Process(target=sync_in_a_process, args=(data, before.folder, models))
        child.start()
        child.join(moments.uniform(0, before.seconds / 2))
        child.kill()
        child.join()
    with opened(data, encoder) as store:
        assert store.indexes.difference() == ""
        assert sum(report.embedded_chunks for report in store.sync(before.folder)) == 0
    assert published(data) == before.new


def first_sync_until_a_document_is_there(settings: Settings) -> None:
    with Application(settings, "sync") as application:
        for report in application.sync(()):
            if report.state == "added":
                os.kill(os.getpid(), signal.SIGKILL)


def test_a_first_sync_that_was_killed_is_finished_by_whoever_opens_next(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny)  # where the encoder is
    pages = {f"hall/{number:02}.md": page(number, "oil") for number in range(30)}
    folder = write(tmp_path / "knowledge", pages)
    shutil.copytree(tiny / "compiled", tmp_path / "data" / "models")
    settings = Settings(data_dir=tmp_path / "data", knowledge=folder, encoder=EncoderSettings(model="tiny"))
    child = _processes.Process(target=first_sync_until_a_document_is_there, args=(settings,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert 0 < len(published(settings.data_dir)) < len(pages), "it was killed halfway"
    with open_application(settings) as application:
        assert application.catalogue.collections() == {"hall": len(pages)}
        assert application.indexes.difference() == ""
