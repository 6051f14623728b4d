"""The named steps: each is a function that a sync really calls, so that a process can be ended before and after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from documents import write
from named_steps import place
from stores import Stores

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.reading.splitter import Splitter
from chatbot.knowledge.sources import origins
from chatbot.knowledge.sources.sources import Sources
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.syncing.pace import Pace
from chatbot.knowledge.syncing.plan import plan
from chatbot.knowledge.syncing.resplit import resplit
from chatbot.knowledge.syncing.steps import STEPS
from chatbot.knowledge.syncing.sync import Synchronizer


def counted(step: str, called: set[str], as_it_is: Callable[..., Any]) -> Callable[..., Any]:
    def count(*arguments: Any, **named: Any) -> Any:
        called.add(step)
        return as_it_is(*arguments, **named)

    return count


def test_a_sync_takes_every_step(tmp_path: Path, tiny_encoder: BiEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    called: set[str] = set()
    monkeypatch.setattr(origins, "_SETTLED_NS", 0)
    for step in STEPS:
        owner, method = place(step)
        monkeypatch.setattr(owner, method, counted(step, called, getattr(owner, method)))
    catalogue = Catalogue(tmp_path / "catalogue.sqlite")
    indexes = Indexes(tmp_path / "indexes", catalogue, tiny_encoder)
    stores, sources = (
        Stores(catalogue, indexes, Splitter(tiny_encoder.tokenizer_file, 8, 16, 48), tiny_encoder),
        Sources(catalogue, {}),
    )
    folder = tmp_path / "folder"
    for files in ({"a.md": "# Cats", "b.md": "# Dogs", "c.md": ""}, {"a.md": "# Tigers", "d.md": "# Dogs"}):
        write(folder, files)
        (folder / "b.md").unlink() if "d.md" in files else None
        source = sources.register(str(folder), "pets")
        list(Synchronizer(stores).run(plan([source], catalogue, sources.list)))
    resplit(stores._replace(splitter=Splitter(tiny_encoder.tokenizer_file, 8, 12, 48)), Pace())
    (folder / "a.md").touch()
    (folder / "c.md").unlink()
    list(Synchronizer(stores).run(plan([source], catalogue, sources.list)))
    list(Synchronizer(stores).forget([source]))
    indexes.close()
    catalogue.close()
    assert called == set(STEPS)
