"""A sync on a Ray cluster of this machine: what one process would do, and once, though workers are killed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import write
from postgres_server import Server
from pydantic import SecretStr
from stores import Stores
from worker_killer import Killer

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.errors import SettingsError
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.reading.reader import read
from chatbot.knowledge.reading.splitter import Splitter
from chatbot.knowledge.sources.sources import Sources
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.syncing import cluster
from chatbot.knowledge.syncing.distributed import DistributedSynchronizer
from chatbot.knowledge.syncing.plan import Task, plan
from chatbot.knowledge.syncing.sync import Outcome, Synchronizer
from chatbot.knowledge.syncing.worker import Errand
from chatbot.reports import DocumentReport
from chatbot.sections import ChunkSettings, EncoderSettings

pytest.importorskip("ray", reason="Ray is not installed: pip install 'chatbot[ray]'")

pytestmark = [
    pytest.mark.filterwarnings("ignore:::ray.*"),  # of itself
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # it leaves its files and processes to the interpreter
]

CHUNKS = ChunkSettings(min_tokens=8, max_tokens=16)


class Hall:
    """A folder, and a catalogue in PostgreSQL with indexes."""

    def __init__(self, url: str, tmp_path: Path, tiny: Path, encoder: BiEncoder) -> None:
        self.url = url
        self.folder = tmp_path / "folder"
        self.catalogue = Catalogue(url)
        self.indexes = Indexes(tmp_path / "indexes", self.catalogue, encoder)
        self.splitter = Splitter(encoder.tokenizer_file, CHUNKS.min_tokens, CHUNKS.max_tokens, encoder.card.max_tokens)
        self.parts = Stores(self.catalogue, self.indexes, self.splitter, encoder)
        self.sources = Sources(self.catalogue, {})
        self.errand = Errand(
            database=SecretStr(url),
            token=SecretStr(""),
            models=tiny / "compiled",
            encoder=EncoderSettings(model=str(tiny / "tiny")),
            fingerprint=encoder.card.fingerprint,
            chunks=CHUNKS,
            recipe=self.splitter.recipe,
        )

    def process(self, tasks: list[Task], token: str) -> Iterator[tuple[Task, Outcome]]:
        return cluster.process(cluster.LOCAL, tasks, self.errand.model_copy(update={"token": SecretStr(token)}))

    def sync(self) -> Iterator[DocumentReport]:
        synchronizer = DistributedSynchronizer(self.parts, read, None, self.process)
        source = self.sources.register(str(self.folder), "halls")
        yield from synchronizer.run(plan([source], self.catalogue, self.sources.list))

    def close(self) -> None:
        self.indexes.close()
        self.catalogue.close()


@pytest.fixture
def hall(postgres: Server, tmp_path: Path, tiny: Path, tiny_encoder: BiEncoder) -> Iterator[Hall]:
    hall = Hall(postgres.new_database(), tmp_path, tiny, tiny_encoder)
    yield hall
    hall.close()


def page(number: int, word: str = "oil") -> str:
    return "\n\n".join(f"# Part {part}\n\nMachine {number} of hall {part} needs {word} every year." for part in range(6))


def states(reports: Iterator[DocumentReport]) -> dict[str, str]:
    said = [(report.source, report.state) for report in reports]
    assert len(said) == len(dict(said)), "each document is reported once"
    return dict(said)


def test_it_does_what_a_sync_in_one_process_does(hall: Hall, tmp_path: Path, tiny_encoder: BiEncoder) -> None:
    write(hall.folder, {f"{number:02}.md": page(number) for number in range(12)} | {"empty.txt": b"", "a.exe": b"MZ"})
    expected = {f"{number:02}.md": "added" for number in range(12)} | {"empty.txt": "refused", "a.exe": "refused"}
    assert states(hall.sync()) == expected
    (hall.folder / "00.md").unlink()
    write(hall.folder, {"01.md": page(1, "water")})
    assert states(hall.sync()) == expected | {"00.md": "removed", "01.md": "changed"} | {
        f"{number:02}.md": "unchanged" for number in range(2, 12)
    }
    assert hall.indexes.difference() == ""

    (tmp_path / "alone").mkdir()
    alone = Catalogue(tmp_path / "alone" / "catalogue.sqlite")
    indexes = Indexes(tmp_path / "alone" / "indexes", alone, tiny_encoder)
    sources = Sources(alone, {})
    source = sources.register(str(hall.folder), "halls")
    list(Synchronizer(Stores(alone, indexes, hall.splitter, tiny_encoder)).run(plan([source], alone, sources.list)))
    assert alone.chunk_ids() == hall.catalogue.chunk_ids()
    indexes.close()
    alone.close()


def test_workers_that_are_killed_cost_nothing_but_time(hall: Hall) -> None:
    pages = {f"{number:02}.md": page(number) for number in range(64)}
    write(hall.folder, pages)
    killer = Killer(random.Random(0), most=2, longest_s=1)
    killer.start()
    assert states(hall.sync()) == dict.fromkeys(pages, "added")
    assert killer.stop(), "at least one worker was killed"
    assert hall.catalogue.in_state("pending", "parsed", "embedded", "failed") == []
    assert hall.indexes.difference() == ""


def test_a_worker_that_would_encode_otherwise_ends_the_sync(hall: Hall) -> None:
    write(hall.folder, {"a.md": page(1)})
    hall.errand = hall.errand.model_copy(update={"fingerprint": "another"})
    with pytest.raises(
        SettingsError, match="would encode otherwise: its encoder is .*, the owner's is another; give every machine"
    ):
        list(hall.sync())
    assert hall.catalogue.documents() == []
